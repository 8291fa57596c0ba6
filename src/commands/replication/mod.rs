//! The commands of replication: SYNC, PSYNC, REPLCONF (spoken by servers), REPLICAOF, ROLE and
//! FAILOVER. What they do stands in `server::replication`; WAIT is a command of `generic`.

mod replconf;

pub use replconf::replconf;

use crate::commands::args::{int_or, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::replication::info;

/// SYNC
pub fn sync(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.server.sync(ctx.client, None)
}

/// PSYNC id offset [FAILOVER]
pub fn psync(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.sync(ctx.client, Some(args))
}

/// ROLE
pub fn role(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    info::role(ctx.server, &mut ctx.client.reply);
    Ok(())
}

/// REPLICAOF host port | NO ONE
pub fn replicaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if ctx.server.config.cluster_enabled {
        return Err(ReplyError::fixed("ERR REPLICAOF not allowed in cluster mode."));
    }
    if ctx.server.failover_is_running() {
        return Err(ReplyError::fixed("ERR REPLICAOF not allowed while failing over."));
    }
    if is_option(args[1], "no") && is_option(args[2], "one") {
        if ctx.server.is_replica() {
            ctx.server.unset_master();
            let info = ctx.server.client_info(ctx.client);
            ctx.server.log_notice(&format!("MASTER MODE enabled (user request from '{info}')"));
        }
        ctx.client.reply.ok();
        return Ok(());
    }
    if ctx.server.replica(ctx.client.id).is_some() {
        // It would close all replicas, this client among them.
        return Err(ReplyError::fixed("ERR Command is not valid when client is a replica."));
    }
    let port = int_or(args[2], "ERR Invalid master port")?;
    let Ok(port) = u16::try_from(port) else {
        return Err(ReplyError::fixed("ERR Invalid master port"));
    };
    let same = ctx
        .server
        .config
        .replicaof
        .as_ref()
        .is_some_and(|master| master.port == port && master.host.eq_ignore_ascii_case(args[1]));
    if same {
        ctx.server.log_notice(
            "REPLICAOF would result into synchronization with the master we are already connected \
             with. No operation performed.",
        );
        ctx.client.reply.status(b"OK Already connected to specified master");
        return Ok(());
    }
    ctx.server.set_master(args[1].to_vec(), port);
    let info = ctx.server.client_info(ctx.client);
    let host = String::from_utf8_lossy(args[1]);
    ctx.server.log_notice(&format!("REPLICAOF {host}:{port} enabled (user request from '{info}')"));
    ctx.client.reply.ok();
    Ok(())
}

/// SLAVEOF: the old name of REPLICAOF.
pub fn slaveof(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    replicaof(ctx, args)
}

/// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]
pub fn failover(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if ctx.server.config.cluster_enabled {
        return Err(ReplyError::fixed("ERR FAILOVER not allowed in cluster mode."));
    }
    ctx.server.start_failover(args)?;
    ctx.client.reply.ok();
    Ok(())
}
