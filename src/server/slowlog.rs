//! The slow log.

use super::Server;
use super::client::Client;
use crate::commands::Args;

/// Entries, newest first.
#[derive(Default)]
pub struct SlowLog {}

impl Server {
    pub fn slowlog_push(&mut self, _client: &Client, _args: Args<'_>, _us: u64) {}
}
