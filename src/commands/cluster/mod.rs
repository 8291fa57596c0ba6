//! The cluster commands. What a node knows stands in `crate::cluster`; here are the arguments and
//! the replies.
//!
//! There is no cluster bus yet: what needs other nodes refuses with a clear error.

mod help;
mod manage;
mod show;
mod slots;
mod table;

pub use help::cluster_help;
pub use manage::{
    cluster_bumpepoch, cluster_failover, cluster_forget, cluster_meet, cluster_replicate,
    cluster_reset, cluster_saveconfig, cluster_set_config_epoch,
};
pub use show::{
    cluster_count_failure_reports, cluster_info, cluster_links, cluster_myid, cluster_myshardid,
    cluster_nodes, cluster_replicas, cluster_shards, cluster_slaves, cluster_slots,
};
pub use slots::{
    cluster_addslots, cluster_addslotsrange, cluster_countkeysinslot, cluster_delslots,
    cluster_delslotsrange, cluster_flushslots, cluster_getkeysinslot, cluster_keyslot,
    cluster_setslot,
};
pub use table::COMMANDS;

use super::{Args, CmdResult, Ctx, ReplyError};
use crate::cluster::{Cluster, NodeKey};
use crate::server::Server;
use crate::server::client::ClientFlags;

const DISABLED: ReplyError = ReplyError::fixed("ERR This instance has cluster support disabled");

/// The cluster; an error if there is none.
fn cluster(server: &Server) -> Result<&Cluster, ReplyError> {
    server.cluster.as_deref().ok_or(DISABLED)
}

fn cluster_mut(server: &mut Server) -> Result<&mut Cluster, ReplyError> {
    server.cluster.as_deref_mut().ok_or(DISABLED)
}

/// An error of a text and what the client wrote.
fn error_about(text: &str, name: &[u8]) -> ReplyError {
    ReplyError::err([text.as_bytes(), name].concat())
}

/// The node of that name.
fn known_node(cluster: &Cluster, name: &[u8]) -> Result<NodeKey, ReplyError> {
    cluster.lookup(name).ok_or_else(|| error_about("Unknown node ", name))
}

/// `ASKING`: the next command may be about a slot that is on its way here.
pub fn asking(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    set_flag(ctx, ClientFlags::ASKING, true)
}

/// `READONLY`: a replica may answer reads.
pub fn readonly(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    set_flag(ctx, ClientFlags::READONLY, true)
}

/// `READWRITE`: undoes READONLY.
pub fn readwrite(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    set_flag(ctx, ClientFlags::READONLY, false)
}

fn set_flag(ctx: &mut Ctx<'_>, flag: ClientFlags, on: bool) -> CmdResult {
    cluster(ctx.server)?;
    if on {
        ctx.client.flags.set(flag);
    } else {
        ctx.client.flags.clear(flag);
    }
    ctx.client.reply.ok();
    Ok(())
}
