//! MEMORY: what keys and the server occupy.

use crate::commands::args::{int, is_option};
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::Reply;
use crate::server::info::ALLOCATOR;
use crate::server::memory::MemoryOverview;
use crate::storage::entry_view::EntryRef;
use crate::storage::object::ValueRef;
use crate::sys::malloc;

/// Elements looked at to guess the size of a collection.
const DEFAULT_SAMPLES: usize = 5;
/// A key's share of its hash table: a pointer, a tag, and room to grow.
const TABLE_SHARE_BYTES: usize = 16;

/// Bytes of a key and its value; `samples` 0 = look at all elements.
fn usage_of(entry: EntryRef<'_>, samples: usize) -> usize {
    let own = match entry.value() {
        ValueRef::Str(_) => return entry.string_bytes() + TABLE_SHARE_BYTES,
        ValueRef::List(list) => list.memory_usage(samples),
        other => other.memory_usage(samples),
    };
    entry.entry_bytes() + own + TABLE_SHARE_BYTES
}

/// MEMORY USAGE key [SAMPLES count]
pub fn memory_usage(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mut samples = DEFAULT_SAMPLES;
    let mut rest = args[3..].iter();
    while let Some(option) = rest.next() {
        let value = rest.next().filter(|_| is_option(option, "samples"));
        let count = int(value.ok_or(ReplyError::SYNTAX)?)?;
        samples = usize::try_from(count).map_err(|_| ReplyError::SYNTAX)?;
    }
    // No look-up of commands: expired keys occupy memory too, and nothing is touched.
    let Ctx { server, client } = ctx;
    match server.keyspace.dbs[client.db].find(args[2]) {
        Some(entry) => client.reply.count(usage_of(entry, samples)),
        None => client.reply.null(),
    }
    Ok(())
}

fn pair(reply: &mut Reply, name: &str, bytes: usize) {
    reply.bulk_str(name);
    reply.count(bytes);
}

fn ratio(reply: &mut Reply, name: &str, value: f64) {
    reply.bulk_str(name);
    reply.double(value);
}

/// MEMORY STATS
pub fn memory_stats(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    const FIELDS: usize = 31;
    let overview = ctx.server.memory_overview();
    let figures = ctx.server.cron.memory;
    let (replicas, backlog) = ctx.server.replication_memory();
    let scripts = ctx.server.scripts.eval.overhead_bytes();
    let functions = ctx.server.scripts.functions.overhead_bytes();
    let aof_buffer = ctx.server.aof.buffer_memory();
    let reply = &mut ctx.client.reply;
    reply.map(FIELDS + overview.dbs.len());
    pair(reply, "peak.allocated", overview.peak);
    pair(reply, "total.allocated", overview.used);
    pair(reply, "startup.allocated", overview.startup);
    pair(reply, "replication.backlog", backlog);
    pair(reply, "clients.slaves", replicas);
    pair(reply, "clients.normal", overview.clients_normal);
    pair(reply, "cluster.links", 0);
    pair(reply, "aof.buffer", aof_buffer);
    pair(reply, "lua.caches", scripts);
    pair(reply, "functions.caches", functions);
    for db in &overview.dbs {
        reply.bulk_str(&format!("db.{}", db.id));
        reply.map(2);
        pair(reply, "overhead.hashtable.main", db.main);
        pair(reply, "overhead.hashtable.expires", db.expires);
    }
    pair(reply, "overhead.db.hashtable.lut", overview.lut);
    pair(reply, "overhead.db.hashtable.rehashing", overview.lut_rehashing);
    pair(reply, "overhead.total", overview.overhead);
    pair(reply, "db.dict.rehashing.count", overview.rehashing_tables);
    pair(reply, "keys.count", overview.keys);
    pair(reply, "keys.bytes-per-key", overview.bytes_per_key);
    pair(reply, "dataset.bytes", overview.dataset);
    ratio(reply, "dataset.percentage", overview.dataset_percent);
    ratio(reply, "peak.percentage", overview.peak_percent);
    pair(reply, "allocator.allocated", figures.all.allocated);
    pair(reply, "allocator.active", figures.all.active);
    pair(reply, "allocator.resident", figures.all.resident);
    pair(reply, "allocator.muzzy", figures.all.muzzy);
    let excesses = [
        ("allocator-fragmentation.ratio", "allocator-fragmentation.bytes", overview.allocator_frag),
        ("allocator-rss.ratio", "allocator-rss.bytes", overview.allocator_rss),
        ("rss-overhead.ratio", "rss-overhead.bytes", overview.rss_overhead),
        ("fragmentation", "fragmentation.bytes", overview.fragmentation),
    ];
    for (ratio_name, bytes_name, excess) in excesses {
        ratio(reply, ratio_name, excess.ratio);
        reply.bulk_str(bytes_name);
        reply.int(excess.bytes);
    }
    Ok(())
}

/// What MEMORY DOCTOR may find; each with the text it prints.
fn diagnosis(overview: &MemoryOverview, clients: usize) -> Vec<String> {
    const MUCH: i64 = 10 << 20;
    const CLIENT_MUCH: usize = 200 * 1024;
    let mut found = Vec::new();
    if overview.peak as f64 / overview.used as f64 > 1.5 {
        found.push(
            "Peak memory: this instance once used more than 150% of the memory that it uses now. \
             The allocator rarely gives memory back after a peak, so a large fragmentation ratio \
             is to be expected and harmless: the memory is reused for new data. MEMORY PURGE may \
             release some of it; a restart releases all."
                .to_string(),
        );
    }
    let too_high = |excess: crate::server::memory::Excess, limit: f64| {
        excess.ratio > limit && excess.bytes > MUCH
    };
    if too_high(overview.fragmentation, 1.4) {
        found.push(format!(
            "High total RSS: the process occupies more than 1.4 times what the data needs, because \
             of a past peak (see above, if so) or of fragmentation. The allocator in use is \
             \"{ALLOCATOR}\"."
        ));
    }
    if too_high(overview.allocator_frag, 1.1) {
        found.push(
            "High allocator fragmentation: more than 1.1, after a peak or because of the workload."
                .into(),
        );
    }
    if too_high(overview.allocator_rss, 1.1) {
        found.push(
            "High allocator RSS overhead: the allocator holds more than 1.1 times the memory that \
             it has in use, usually after a peak. Try MEMORY PURGE."
                .into(),
        );
    }
    if too_high(overview.rss_overhead, 1.1) {
        found.push(
            "High process RSS overhead: the process occupies more than 1.1 times what its \
             allocator holds."
                .into(),
        );
    }
    if overview.clients_normal / clients.max(1) > CLIENT_MUCH {
        found.push(
            "Big client buffers: the clients use more than 200K each on average: slow subscribers, \
             large replies or long pipelines. CLIENT LIST shows which."
                .into(),
        );
    }
    found
}

/// MEMORY DOCTOR
pub fn memory_doctor(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    const TOO_SMALL: usize = 5 << 20;
    let overview = ctx.server.memory_overview();
    let found = diagnosis(&overview, ctx.server.clients.len());
    let report = if overview.used < TOO_SMALL {
        "Hi Sam, this instance is empty or is using very little memory, my issues detector can't \
         be used in these conditions. Please, leave for your mission on Earth and fill it with \
         some data. The new Sam and I will be back to our programming as soon as I finished \
         rebooting.\n"
            .to_string()
    } else if found.is_empty() {
        "Hi Sam, I can't find any memory issue in your instance. I can only account for what \
         occurs on this base.\n"
            .to_string()
    } else {
        let list: String = found.iter().map(|text| format!(" * {text}\n\n")).collect();
        format!(
            "Sam, I detected a few issues in this Redis instance memory implants:\n\n{list}I'm \
             here to keep you safe, Sam. I want to help you.\n"
        )
    };
    ctx.client.reply.verbatim(report.as_bytes(), "txt");
    Ok(())
}

/// MEMORY MALLOC-STATS
pub fn memory_malloc_stats(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let report = malloc::malloc_stats_print();
    ctx.client.reply.verbatim(report.as_bytes(), "txt");
    Ok(())
}

/// MEMORY PURGE
pub fn memory_purge(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if !malloc::purge() {
        return Err(ReplyError::fixed("ERR Error purging dirty pages"));
    }
    ctx.client.reply.ok();
    Ok(())
}

/// MEMORY HELP
pub fn memory_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lines = [
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
    ];
    reply_help(&mut ctx.client.reply, args[0], &lines);
    Ok(())
}
