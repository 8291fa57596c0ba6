//! The stream commands. Unlike other collections a stream stays when its last entry goes: its IDs
//! and groups live on.
//!
//! * `ids` – stream IDs in arguments and replies.
//! * `add`, `trim` – XADD, XTRIM, XDEL, XSETID, XLEN and their options.
//! * `range` – XRANGE, XREVRANGE, and entries as replies.
//! * `read` – XREAD, XREADGROUP. Reading for a group changes it, and is propagated as what changed:
//!   see `propagate`.
//! * `group`, `pending`, `claim`, `info` – XGROUP, XACK and XPENDING, XCLAIM and XAUTOCLAIM, XINFO.

mod add;
mod claim;
mod group;
mod ids;
mod info;
mod pending;
mod propagate;
mod range;
mod read;
mod read_args;
pub mod table;
mod trim;

pub use add::{xadd, xdel, xlen, xsetid};
pub use claim::{xautoclaim, xclaim};
pub use group::{
    xgroup_create, xgroup_createconsumer, xgroup_delconsumer, xgroup_destroy, xgroup_help,
    xgroup_setid,
};
pub use info::{xinfo_consumers, xinfo_groups, xinfo_help, xinfo_stream};
pub use pending::{xack, xpending};
pub use range::{xrange, xrevrange};
pub use read::{xread, xreadgroup};
pub use table::COMMANDS;
pub use trim::xtrim;

use super::{Args, Ctx, ReplyError};
use crate::config::Config;
use crate::storage::types::stream::NodeLimits;

fn node_limits(config: &Config) -> NodeLimits {
    NodeLimits {
        max_bytes: usize::try_from(config.stream_node_max_bytes).unwrap_or(usize::MAX),
        max_entries: config.stream_node_max_entries,
    }
}

/// "NOGROUP No such key 'k' or consumer group 'g'", and what follows.
fn no_key_or_group(key: &[u8], group: &[u8], tail: &str) -> ReplyError {
    let parts =
        [b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'", tail.as_bytes()];
    ReplyError::new(parts.concat())
}

/// "NOGROUP No such consumer group 'g' for key name 'k'".
fn no_group(key: &[u8], group: &[u8]) -> ReplyError {
    let parts = [b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"];
    ReplyError::new(parts.concat())
}

/// The error for options that a sub-command does not have.
fn subcommand_syntax(container: &str, args: Args<'_>) -> ReplyError {
    let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
    text.extend_from_slice(&args[1][..args[1].len().min(128)]);
    text.extend_from_slice(format!("'. Try {container} HELP.").as_bytes());
    ReplyError::new(text)
}

/// The time of the command as stream IDs have it.
fn now_id_ms(ctx: &Ctx<'_>) -> u64 {
    u64::try_from(ctx.now_ms()).unwrap_or(0)
}
