//! Values as DEBUG shows them: what stands inside, as text. Nothing is touched.

use crate::storage::encoding::listpack::{LpRef, LpValue};
use crate::storage::object::{StrRef, ValueRef};
use crate::storage::types::hash::HashView;
use crate::storage::types::list::ListView;
use crate::storage::types::set::SetView;
use crate::storage::types::zset::ZSetView;

/// About how many bytes the value takes in an RDB file.
pub fn serialized_len(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Str(StrRef::Int(int)) => match int {
            -128..=127 => 2,
            -32768..=32767 => 3,
            _ if i32::try_from(int).is_ok() => 5,
            _ => itoa::Buffer::new().format(int).len() + 1,
        },
        ValueRef::Str(StrRef::Bytes(bytes)) => bytes.len() + if bytes.len() < 64 { 1 } else { 2 },
        ValueRef::List(list) => match list.view() {
            ListView::Listpack(lp) => lp.as_bytes().len(),
            ListView::Quicklist(ql) => ql.nodes().map(|node| node.bytes.len()).sum(),
        },
        other => other.memory_usage(0),
    }
}

/// The figures of a quicklist, with its settings; `None` if the value is something else.
pub fn quicklist_text(value: ValueRef<'_>, fill: i64, compresses: bool) -> Option<String> {
    let ValueRef::List(list) = value else { return None };
    let ListView::Quicklist(ql) = list.view() else { return None };
    let nodes = ql.node_count();
    let size: usize = ql.nodes().map(|node| node.size).sum();
    Some(format!(
        "ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{fill} ql_compressed:{} \
         ql_uncompressed_size:{size}",
        ql.len() as f64 / nodes.max(1) as f64,
        u8::from(compresses),
    ))
}

/// The figures of the hash table of a value; `None` if it has none.
pub fn table_text(value: ValueRef<'_>, full: bool) -> Option<String> {
    value.table().map(|table| table.stats_text(full))
}

fn listpack_of(value: ValueRef<'_>) -> Option<LpRef<'_>> {
    match value {
        ValueRef::List(list) => match list.view() {
            ListView::Listpack(lp) => Some(lp),
            ListView::Quicklist(_) => None,
        },
        ValueRef::Set(set) => match set.view() {
            SetView::Listpack(lp) => Some(lp),
            SetView::Intset(_) | SetView::Table(_) => None,
        },
        ValueRef::ZSet(zset) => match zset.view() {
            ZSetView::Listpack(lp) => Some(lp),
            ZSetView::Skiplist(_) => None,
        },
        ValueRef::Hash(hash) => match hash.view() {
            HashView::Listpack(lp) | HashView::ListpackEx(lp) => Some(lp),
            HashView::Table(_) => None,
        },
        _ => None,
    }
}

/// The entries of the listpack that a value is; `None` if it is none.
pub fn listpack_text(value: ValueRef<'_>) -> Option<String> {
    let lp = listpack_of(value)?;
    let (bytes, entries) = (lp.as_bytes().len(), lp.len());
    let mut text = format!("{{total bytes {bytes}}} {{num entries {entries}}}\n");
    for (idx, (_, value)) in lp.iter().enumerate() {
        let shown = match value {
            LpValue::Int(int) => format!("[int]{int}"),
            LpValue::Str(bytes) => format!("[str]{}", bytes.escape_ascii()),
        };
        text.push_str(&format!("{{\n\tindex: {idx}, {shown}\n}}\n"));
    }
    Some(text)
}
