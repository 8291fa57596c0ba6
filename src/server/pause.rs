//! CLIENT PAUSE: commands held back until a time.

use super::Server;
use super::client::Client;
use crate::commands::Args;
use crate::commands::table::CommandId;

/// Until when what is held back.
#[derive(Default)]
pub struct Pause {
    /// ms since the epoch; 0 = no pause.
    pub until_ms: i64,
    /// All commands, not only those that may write.
    pub all: bool,
}

impl Pause {
    #[inline]
    pub fn is_active(&self) -> bool {
        self.until_ms != 0
    }
}

impl Server {
    /// Blocks the client if the pause holds its command back.
    pub fn postpone_if_paused(&mut self, _c: &mut Client, _id: CommandId, _args: Args<'_>) -> bool {
        false
    }

    /// Ends a pause whose time is over.
    pub fn resume_if_pause_over(&mut self) {}
}
