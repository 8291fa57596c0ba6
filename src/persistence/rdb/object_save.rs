//! Values in the RDB format, each in the layout that its encoding has there. The same bytes stand
//! in files and in DUMP payloads.
//!
//! Invariant: `save_type` and `save_value` of one value agree; nothing may change it in between.

use super::format::{PAYLOAD_FOOTER_LEN, RDB_VERSION, RdbType, quicklist_node};
use super::stream::save_stream;
use super::writer::Writer;
use crate::storage::encoding::field_table::FieldTable;
use crate::storage::encoding::member_table::MemberTable;
use crate::storage::encoding::quicklist::{NodeView, Quicklist};
use crate::storage::object::{StrRef, ValueRef};
use crate::storage::types::hash::{Hash, HashView};
use crate::storage::types::list::{List, ListView};
use crate::storage::types::set::{Set, SetView};
use crate::storage::types::zset::{ZSet, ZSetView};
use crate::util::crc64;

/// The type under which a value is saved.
pub fn type_of(value: &ValueRef<'_>) -> RdbType {
    match value {
        ValueRef::Str(_) => RdbType::String,
        ValueRef::List(_) => RdbType::ListQuicklist2,
        ValueRef::Set(set) => match set.view() {
            SetView::Intset(_) => RdbType::SetIntset,
            SetView::Listpack(_) => RdbType::SetListpack,
            SetView::Table(_) => RdbType::Set,
        },
        ValueRef::ZSet(zset) => match zset.view() {
            ZSetView::Listpack(_) => RdbType::ZSetListpack,
            ZSetView::Skiplist(_) => RdbType::ZSet2,
        },
        ValueRef::Hash(hash) => match hash.view() {
            HashView::Listpack(_) => RdbType::HashListpack,
            HashView::ListpackEx(_) => RdbType::HashListpackEx,
            HashView::Table(table) if table.has_expires() => RdbType::HashMetadata,
            HashView::Table(_) => RdbType::Hash,
        },
        ValueRef::Stream(_) => RdbType::StreamListpacks3,
    }
}

/// The value without its type.
pub fn save_value(w: &mut Writer<'_>, value: &ValueRef<'_>) {
    match value {
        ValueRef::Str(StrRef::Bytes(bytes)) => w.string(bytes),
        ValueRef::Str(StrRef::Int(int)) => w.int_string(*int),
        ValueRef::List(list) => save_list(w, list),
        ValueRef::Set(set) => save_set(w, set),
        ValueRef::ZSet(zset) => save_zset(w, zset),
        ValueRef::Hash(hash) => save_hash(w, hash),
        ValueRef::Stream(stream) => save_stream(w, stream),
    }
}

fn save_list(w: &mut Writer<'_>, list: &List) {
    match list.view() {
        // As a quicklist of one node.
        ListView::Listpack(lp) => {
            w.len(1);
            w.len(quicklist_node::PACKED);
            w.string(lp.as_bytes());
        }
        ListView::Quicklist(quicklist) => save_quicklist(w, quicklist),
    }
}

fn save_quicklist(w: &mut Writer<'_>, quicklist: &Quicklist) {
    w.len(quicklist.node_count() as u64);
    for NodeView { plain, size, compressed, bytes, .. } in quicklist.nodes() {
        w.len(if plain { quicklist_node::PLAIN } else { quicklist_node::PACKED });
        if compressed {
            w.lzf_string(bytes, size);
        } else {
            w.string(bytes);
        }
    }
}

fn save_set(w: &mut Writer<'_>, set: &Set) {
    match set.view() {
        SetView::Intset(ints) => w.string(ints.as_bytes()),
        SetView::Listpack(lp) => w.string(lp.as_bytes()),
        SetView::Table(table) => {
            w.len(table.len() as u64);
            table.iter().for_each(|member| w.value_string(member));
        }
    }
}

fn save_zset(w: &mut Writer<'_>, zset: &ZSet) {
    match zset.view() {
        ZSetView::Listpack(lp) => w.string(lp.as_bytes()),
        ZSetView::Skiplist(table) => save_members(w, table),
    }
}

/// From the greatest to the least, as Redis writes them: its loader is fastest that way.
fn save_members(w: &mut Writer<'_>, table: &MemberTable) {
    w.len(table.len() as u64);
    for member in table.iter_rev(0..table.len()) {
        w.string(member.bytes());
        w.double(member.score());
    }
}

fn save_hash(w: &mut Writer<'_>, hash: &Hash) {
    match hash.view() {
        HashView::Listpack(lp) => w.string(lp.as_bytes()),
        HashView::ListpackEx(lp) => {
            w.millis(hash.min_expire().unwrap_or(0));
            w.string(lp.as_bytes());
        }
        HashView::Table(table) => save_fields(w, table),
    }
}

fn save_fields(w: &mut Writer<'_>, table: &FieldTable) {
    let min = table.min_expire();
    if let Some(min) = min {
        w.millis(min);
    }
    w.len(table.len() as u64);
    for field in table.iter() {
        if let Some(min) = min {
            // 0 means none, so the earliest is 1.
            let ttl = field.expire().map_or(0, |at| at - min + 1);
            w.len(ttl as u64);
        }
        w.string(field.name());
        w.string(field.value());
    }
}

/// What DUMP answers: type and value, the version, the checksum of all before it. `compress` is
/// `rdbcompression`.
pub fn dump_payload(value: &ValueRef<'_>, compress: bool) -> Vec<u8> {
    let mut w = Writer::in_memory(compress);
    w.rdb_type(type_of(value));
    save_value(&mut w, value);
    let mut payload = w.into_bytes();
    payload.reserve_exact(PAYLOAD_FOOTER_LEN);
    payload.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let crc = crc64::update(0, &payload);
    payload.extend_from_slice(&crc.to_le_bytes());
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::object::Value;

    #[test]
    fn a_payload_ends_with_version_and_checksum() {
        let payload = dump_payload(&Value::string(b"hello").as_ref(), true);
        assert_eq!(payload[..7], *b"\x00\x05hello");
        assert_eq!(payload[7..9], [12, 0]);
        let crc = crc64::update(0, &payload[..9]);
        assert_eq!(payload[9..], crc.to_le_bytes());
    }

    #[test]
    fn types_follow_encodings() {
        assert_eq!(type_of(&Value::from(7).as_ref()), RdbType::String);
        assert_eq!(type_of(&Value::Set(Set::new_intset()).as_ref()), RdbType::SetIntset);
        assert_eq!(type_of(&Value::Set(Set::new_table(1)).as_ref()), RdbType::Set);
        let mut hash = Hash::from_table(FieldTable::new());
        hash.set_with_expire(b"f", b"v", None, &Default::default());
        assert_eq!(type_of(&Value::Hash(hash.clone()).as_ref()), RdbType::Hash);
        assert!(hash.set_expire(b"f", Some(5000)));
        assert_eq!(type_of(&Value::Hash(hash).as_ref()), RdbType::HashMetadata);
    }
}
