//! The commands: a folder per Redis group, each with its handlers and its rows of the table.
//!
//! Adding a command = one `fn` in its family folder + one row in that folder's `COMMANDS` + one
//! test. A handler parses all its arguments, looks up, acts, replies, then marks what it changed
//! (`Ctx::signal_modified`, `Ctx::notify`, `Ctx::dirty`). It returns an error before it has
//! replied anything; `server::call` writes that error.

pub mod args;
pub mod bitmap;
pub mod cluster;
pub mod connection;
pub mod ctx;
pub mod docs;
#[cfg(test)]
mod facts_tests;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod help;
pub mod hyperloglog;
pub mod key_specs;
pub mod keys;
pub mod list;
pub mod pubsub;
pub mod replication;
pub mod scan_options;
pub mod scripting;
pub mod server;
pub mod set;
pub mod sorted_set;
pub mod spec;
pub mod stream;
pub mod string;
pub mod table;
pub mod transactions;
pub mod value_reply;

pub use crate::protocol::error::{CmdResult, ReplyError};
pub use args::Args;
pub use ctx::Ctx;
pub use spec::{CommandSpec, Group, acl, flag, key_flag};

use table::Groups;

/// The rows of all families.
pub const GROUPS: Groups = &[
    bitmap::COMMANDS,
    cluster::COMMANDS,
    connection::COMMANDS,
    generic::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hyperloglog::COMMANDS,
    list::COMMANDS,
    pubsub::COMMANDS,
    scripting::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    transactions::COMMANDS,
];

/// Handler of a container (`CONFIG`, `CLIENT`): never runs, dispatch asks for a sub-command first.
pub fn container(_ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let name = String::from_utf8_lossy(args[0]).to_lowercase();
    Err(ReplyError::wrong_arity(&name))
}
