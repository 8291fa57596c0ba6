//! LATENCY: the latency monitor's events, and the latency histograms of commands.

use crate::commands::help::reply_help;
use crate::commands::table::Command;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::Aggregate;
use crate::server::Server;
use crate::server::histogram::Histogram;
use crate::server::latency_report::{self, Circumstances};
use crate::sys::process;

/// LATENCY DOCTOR
pub fn latency_doctor(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let server = &ctx.server;
    let config = &server.config;
    let circumstances = Circumstances {
        now_s: server.clock.now_s(),
        threshold_ms: config.latency_monitor_threshold,
        slowlog_log_slower_than: config.slowlog_log_slower_than,
        slowlog_max_len: config.slowlog_max_len,
        hz: config.hz,
        appendfsync: config.appendfsync,
        huge_pages: process::anonymous_huge_pages() > 0,
        fork_rate: ctx.server.child.fork_rate,
    };
    let report = latency_report::doctor(&server.latency, &circumstances);
    ctx.client.reply.verbatim(report.as_bytes(), "txt");
    Ok(())
}

/// LATENCY GRAPH event
pub fn latency_graph(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let Some((event, series)) = ctx.server.latency.get(args[2]) else {
        let text = [b"No samples available for event '", args[2], b"'"].concat();
        return Err(ReplyError::err(text));
    };
    let graph = latency_report::graph(event, series, ctx.server.clock.now_s());
    ctx.client.reply.verbatim(graph.as_bytes(), "txt");
    Ok(())
}

/// LATENCY HISTORY event
pub fn latency_history(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let series = ctx.server.latency.get(args[2]).map(|(_, series)| series);
    let reply = &mut ctx.client.reply;
    reply.array(series.map_or(0, |series| series.samples.len()));
    for sample in series.into_iter().flat_map(|series| &series.samples) {
        reply.array(2);
        reply.int(sample.time_s);
        reply.int(sample.latency_ms as i64);
    }
    Ok(())
}

/// LATENCY LATEST
pub fn latency_latest(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let events = &ctx.server.latency.events;
    let reply = &mut ctx.client.reply;
    reply.array(events.len());
    for (name, series) in events {
        let last = series.samples.back().expect("a series begins with a sample");
        reply.array(4);
        reply.bulk_str(name);
        reply.int(last.time_s);
        reply.int(last.latency_ms as i64);
        reply.int(series.max_ms as i64);
    }
    Ok(())
}

/// LATENCY RESET [event ...]
pub fn latency_reset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let latency = &mut ctx.server.latency;
    let forgotten = match &args[2..] {
        [] => latency.reset(None),
        events => events.iter().map(|event| latency.reset(Some(event))).sum(),
    };
    ctx.client.reply.count(forgotten);
    Ok(())
}

fn histogram_of<'a>(server: &'a Server, command: &Command) -> Option<&'a Histogram> {
    server.stats.commands[usize::from(command.id.0)].latency.as_deref()
}

/// LATENCY HISTOGRAM [command ...]
pub fn latency_histogram(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let server = &ctx.server;
    let table = &server.commands;
    let mut commands: Vec<&Command> = Vec::new();
    for name in &args[2..] {
        let Some(command) = table.lookup_full(name) else { continue };
        commands.push(command);
        commands.extend(command.subcommands.iter().map(|id| table.get(*id)));
    }
    if args.len() == 2 {
        commands = table.iter().collect();
    }
    let reply = &mut ctx.client.reply;
    let at = reply.deferred();
    let mut shown = 0;
    for command in commands {
        let Some(histogram) = histogram_of(server, command) else { continue };
        shown += 1;
        reply.bulk_str(&command.full_name);
        reply.map(2);
        reply.bulk_str("calls");
        reply.int(histogram.total() as i64);
        reply.bulk_str("histogram_usec");
        let steps = histogram.cumulative_usec();
        reply.map(steps.len());
        for (usec, count) in steps {
            reply.int(usec as i64);
            reply.int(count as i64);
        }
    }
    reply.close_deferred(at, Aggregate::Map, shown);
    Ok(())
}

/// LATENCY HELP
pub fn latency_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lines = [
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        "    Return a cumulative distribution of latencies in the format of a histogram for the \
         specified command names.",
        "    If no commands are specified then all histograms are replied.",
    ];
    reply_help(&mut ctx.client.reply, args[0], &lines);
    Ok(())
}
