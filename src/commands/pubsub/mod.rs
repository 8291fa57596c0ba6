//! Subscribing, publishing, and PUBSUB. Who is subscribed to what, and the delivery, stand in
//! `server::pubsub`.

pub mod table;

pub use table::COMMANDS;

use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::Aggregate;
use crate::server::client::ClientFlags;
use crate::server::pubsub::{Registry, SubKind};
use crate::util::glob::string_match;

/// Subscribing answers with a message per name and turns the connection into a stream of more;
/// where one reply per command is due (scripts), it is refused. MULTI is let through as it always
/// was, but not for shard channels.
fn subscribe_to(ctx: &mut Ctx<'_>, args: Args<'_>, kind: SubKind) -> CmdResult {
    let denied = ctx.client.flags.has(ClientFlags::DENY_BLOCKING);
    let in_multi = ctx.client.flags.has(ClientFlags::MULTI) && kind != SubKind::Shard;
    if denied && !in_multi {
        let name = kind.verb(true).to_uppercase();
        return Err(ReplyError::err(format!("{name} isn't allowed for a DENY BLOCKING client")));
    }
    for name in &args[1..] {
        ctx.server.subscribe(ctx.client, kind, name);
    }
    Ok(())
}

fn unsubscribe_from(ctx: &mut Ctx<'_>, args: Args<'_>, kind: SubKind) -> CmdResult {
    if args.len() == 1 {
        ctx.server.unsubscribe_all(ctx.client, kind, false);
    }
    for name in &args[1..] {
        ctx.server.unsubscribe(ctx.client, kind, name, false);
    }
    Ok(())
}

pub fn subscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    subscribe_to(ctx, args, SubKind::Channel)
}

pub fn psubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    subscribe_to(ctx, args, SubKind::Pattern)
}

pub fn ssubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    subscribe_to(ctx, args, SubKind::Shard)
}

pub fn unsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    unsubscribe_from(ctx, args, SubKind::Channel)
}

pub fn punsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    unsubscribe_from(ctx, args, SubKind::Pattern)
}

pub fn sunsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    unsubscribe_from(ctx, args, SubKind::Shard)
}

fn publish_to(ctx: &mut Ctx<'_>, args: Args<'_>, sharded: bool) -> CmdResult {
    let receivers = ctx.server.publish(args[1], args[2], sharded);
    if !ctx.server.config.cluster_enabled {
        // In a cluster the bus carries the message to the replicas too.
        ctx.server.propagate.force_replicas();
    }
    ctx.client.reply.count(receivers);
    Ok(())
}

pub fn publish(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    publish_to(ctx, args, false)
}

pub fn spublish(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    publish_to(ctx, args, true)
}

/// The active channels that match the optional pattern.
fn list_channels(ctx: &mut Ctx<'_>, args: Args<'_>, kind: SubKind) -> CmdResult {
    if args.len() > 3 {
        let name = String::from_utf8_lossy(args[1]).into_owned();
        return Err(wrong_usage(&name));
    }
    let Ctx { server, client } = ctx;
    let registry = server.pubsub.registry(kind);
    let matches = |name: &&[u8]| args.get(2).is_none_or(|p| string_match(p, name, false));
    let at = client.reply.deferred();
    let mut count = 0;
    for name in registry.all_names().filter(matches) {
        client.reply.bulk(name);
        count += 1;
    }
    client.reply.close_deferred(at, Aggregate::Array, count);
    Ok(())
}

fn wrong_usage(name: &str) -> ReplyError {
    ReplyError::err(format!(
        "unknown subcommand or wrong number of arguments for '{name}'. Try PUBSUB HELP."
    ))
}

fn count_subscribers(ctx: &mut Ctx<'_>, args: Args<'_>, kind: SubKind) -> CmdResult {
    let Ctx { server, client } = ctx;
    let registry: &Registry = server.pubsub.registry(kind);
    let names = &args[2..];
    client.reply.array(names.len() * 2);
    for name in names {
        client.reply.bulk(name);
        client.reply.count(registry.subscribers_of(name));
    }
    Ok(())
}

pub fn pubsub_channels(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    list_channels(ctx, args, SubKind::Channel)
}

pub fn pubsub_shardchannels(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    list_channels(ctx, args, SubKind::Shard)
}

pub fn pubsub_numsub(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    count_subscribers(ctx, args, SubKind::Channel)
}

pub fn pubsub_shardnumsub(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    count_subscribers(ctx, args, SubKind::Shard)
}

pub fn pubsub_numpat(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let count = ctx.server.pubsub.patterns.len();
    ctx.client.reply.count(count);
    Ok(())
}

pub fn pubsub_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    const LINES: &[&str] = &[
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> \
         (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
    ];
    reply_help(&mut ctx.client.reply, args[0], LINES);
    Ok(())
}
