//! CLUSTER commands that change the node itself: epochs, reset, its file; and those that need other
//! nodes, which wait for the cluster bus.

use super::{cluster, cluster_mut, error_about, known_node};
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::strerror;
use crate::protocol::number::parse_i64;

/// Said by what needs the bus.
fn no_bus(what: &str) -> ReplyError {
    ReplyError::err(format!(
        "CLUSTER {what} is not supported yet by this server: it has no cluster bus"
    ))
}

/// `CLUSTER BUMPEPOCH`
pub fn cluster_bumpepoch(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let cluster = cluster_mut(ctx.server)?;
    let word = if cluster.bump_config_epoch() { "BUMPED" } else { "STILL" };
    let epoch = cluster.myself().config_epoch;
    if word == "BUMPED" {
        ctx.server.log_notice(&format!("New configEpoch set to {epoch}"));
    }
    ctx.client.reply.simple(&format!("{word} {epoch}"));
    Ok(())
}

/// `CLUSTER SAVECONFIG`
pub fn cluster_saveconfig(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    cluster(ctx.server)?;
    ctx.server.cluster_try_save(true).map_err(|e| {
        ReplyError::err(format!("error saving the cluster node config: {}", strerror(&e)))
    })?;
    ctx.client.reply.ok();
    Ok(())
}

/// `CLUSTER SET-CONFIG-EPOCH epoch`: of a fresh node.
pub fn cluster_set_config_epoch(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let cluster = cluster_mut(ctx.server)?;
    let epoch = int(args[2])?;
    let Ok(new) = u64::try_from(epoch) else {
        return Err(ReplyError::err(format!("Invalid config epoch specified: {epoch}")));
    };
    if cluster.len() > 1 {
        return Err(ReplyError::fixed(
            "ERR The user can assign a config epoch only when the node does not know any other \
             node.",
        ));
    }
    if cluster.myself().config_epoch != 0 {
        return Err(ReplyError::fixed("ERR Node config epoch is already non-zero"));
    }
    cluster.myself_mut().config_epoch = new;
    cluster.current_epoch = cluster.current_epoch.max(new);
    cluster.changed();
    ctx.server.log_notice(&format!("configEpoch set to {new} via CLUSTER SET-CONFIG-EPOCH"));
    ctx.client.reply.ok();
    Ok(())
}

/// `CLUSTER RESET [HARD|SOFT]`
pub fn cluster_reset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let hard = match args.get(2) {
        Some(arg) if is_option(arg, "hard") => true,
        Some(arg) if is_option(arg, "soft") => false,
        None => false,
        Some(_) => return Err(ReplyError::SYNTAX),
    };
    let is_master = cluster(ctx.server)?.myself().is_master();
    if args.len() > 3 {
        return Err(ReplyError::wrong_arity("cluster|reset"));
    }
    if is_master && !ctx.db().is_empty() {
        return Err(ReplyError::fixed(
            "ERR CLUSTER RESET can't be called with master nodes containing keys",
        ));
    }
    let slots = ctx.server.my_slots();
    let cluster = cluster_mut(ctx.server)?;
    cluster.reset(hard);
    if hard {
        let id = cluster.myself().id;
        ctx.server.log_notice("configEpoch set to 0 via CLUSTER RESET HARD");
        ctx.server.log_notice(&format!("Node hard reset, now I'm {id}"));
    }
    ctx.client.reply.ok();
    ctx.server.remove_channels_in_slots(&slots, ctx.client);
    Ok(())
}

/// `CLUSTER FORGET node-id`
pub fn cluster_forget(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let cluster = cluster_mut(ctx.server)?;
    let node = known_node(cluster, args[2])?;
    if node == cluster.my_key() {
        return Err(ReplyError::fixed("ERR I tried hard but I can't forget myself..."));
    }
    if cluster.myself().master == Some(node) {
        return Err(ReplyError::fixed("ERR Can't forget my master!"));
    }
    cluster.remove(node);
    cluster.changed();
    ctx.client.reply.ok();
    Ok(())
}

/// `CLUSTER MEET ip port [bus-port]`
pub fn cluster_meet(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    cluster(ctx.server)?;
    parse_i64(args[3]).ok_or_else(|| error_about("Invalid base port specified: ", args[3]))?;
    if let Some(port) = args.get(4) {
        parse_i64(port).ok_or_else(|| error_about("Invalid bus port specified: ", port))?;
    }
    Err(no_bus("MEET"))
}

/// `CLUSTER REPLICATE node-id`
pub fn cluster_replicate(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let cluster = cluster(ctx.server)?;
    let node = known_node(cluster, args[2])?;
    if node == cluster.my_key() {
        return Err(ReplyError::fixed("ERR Can't replicate myself"));
    }
    Err(no_bus("REPLICATE"))
}

/// `CLUSTER FAILOVER [FORCE|TAKEOVER]`
pub fn cluster_failover(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let known = |arg: &&[u8]| is_option(arg, "force") || is_option(arg, "takeover");
    if args.len() > 3 || args.get(2).is_some_and(|arg| !known(arg)) {
        return Err(ReplyError::SYNTAX);
    }
    if cluster(ctx.server)?.myself().is_master() {
        return Err(ReplyError::fixed("ERR You should send CLUSTER FAILOVER to a replica"));
    }
    Err(no_bus("FAILOVER"))
}
