//! Pauses: CLIENT PAUSE, a shutdown that waits for replicas, and a failover hold back commands, and
//! with them expiry and eviction, which would change the data set behind their back.
//!
//! A command held back keeps its arguments in a `Blocked` of kind `Postponed`; when the pause ends
//! it goes through `process_command` from the start. Each purpose has a pause of its own; what is
//! paused is the union.

use super::Server;
use super::blocking::{BlockKind, BlockRequest, Blocked};
use super::client::{Client, ClientFlags};
use super::dispatch::process_command;
use crate::commands::Args;
use crate::commands::args::with_owned;
use crate::commands::spec::flag;
use crate::commands::table::CommandId;

/// What is held back, as bits.
pub mod action {
    /// Commands that may write or be replicated.
    pub const CLIENT_WRITE: u8 = 1 << 0;
    /// All commands.
    pub const CLIENT_ALL: u8 = 1 << 1;
    pub const EXPIRE: u8 = 1 << 2;
    pub const EVICT: u8 = 1 << 3;
    /// Nothing is sent to replicas.
    pub const REPLICA: u8 = 1 << 4;
    /// CLIENT PAUSE WRITE, failover.
    pub const WRITE_SET: u8 = CLIENT_WRITE | EXPIRE | EVICT | REPLICA;
    /// CLIENT PAUSE ALL.
    pub const ALL_SET: u8 = CLIENT_ALL | EXPIRE | EVICT | REPLICA;
    /// How much clients are restricted; a larger value restricts more.
    pub const CLIENTS: u8 = CLIENT_WRITE | CLIENT_ALL;
}

/// Who pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausePurpose {
    ClientCommand,
    Shutdown,
    Failover,
}

const PURPOSES: usize = 3;

/// The pauses.
#[derive(Default)]
pub struct Pause {
    /// Union of the actions that are paused now.
    actions: u8,
    /// (end in ms since the epoch, actions) by purpose.
    by_purpose: [(i64, u8); PURPOSES],
}

impl Pause {
    /// Anything is paused: the one test on the path of every command.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.actions != 0
    }

    /// Any of these actions is paused.
    #[inline]
    pub fn is_paused(&self, actions: u8) -> bool {
        self.actions & actions != 0
    }

    /// When the next pause ends, ms since the epoch.
    pub fn end_ms(&self) -> Option<i64> {
        if !self.is_active() {
            return None;
        }
        self.by_purpose.iter().filter(|(_, actions)| *actions != 0).map(|(end, _)| *end).min()
    }

    /// Drops the pauses that are over. True if clients are less restricted than before.
    fn update(&mut self, now_ms: i64) -> bool {
        let before = self.actions & action::CLIENTS;
        self.actions = 0;
        for pause in &mut self.by_purpose {
            if pause.0 > now_ms {
                self.actions |= pause.1;
            } else {
                *pause = (0, 0);
            }
        }
        self.actions & action::CLIENTS < before
    }
}

impl Server {
    /// Pauses `actions` until `end_ms`. A longer pause of the same purpose keeps its end.
    pub fn pause_actions(&mut self, purpose: PausePurpose, end_ms: i64, actions: u8) {
        let pause = &mut self.pause.by_purpose[purpose as usize];
        pause.0 = pause.0.max(end_ms);
        pause.1 = actions;
        self.update_paused_actions();
    }

    /// CLIENT PAUSE: a pause of all commands is not weakened by one of writes.
    pub fn pause_clients(&mut self, end_ms: i64, all: bool) {
        let current = self.pause.by_purpose[PausePurpose::ClientCommand as usize].1;
        let all = all || current & action::CLIENT_ALL != 0;
        let actions = if all { action::ALL_SET } else { action::WRITE_SET };
        self.pause_actions(PausePurpose::ClientCommand, end_ms, actions);
    }

    /// Ends the pause of a purpose.
    pub fn unpause_actions(&mut self, purpose: PausePurpose) {
        self.pause.by_purpose[purpose as usize] = (0, 0);
        self.update_paused_actions();
    }

    fn update_paused_actions(&mut self) {
        if self.pause.update(self.clock.now_ms) {
            // They run again before the loop sleeps, and may be held back again.
            let postponed = std::mem::take(&mut self.blocking.postponed);
            self.blocking.unblocked.extend(postponed);
        }
    }

    /// Ends the pauses whose time is over.
    #[inline]
    pub fn resume_if_pause_over(&mut self) {
        if self.pause.end_ms().is_some_and(|end| end <= self.clock.now_ms) {
            self.update_paused_actions();
        }
    }

    /// Blocks the client if a pause holds its command back.
    #[cold]
    pub fn postpone_if_paused(&mut self, c: &mut Client, id: CommandId, args: Args<'_>) -> bool {
        const REPLICATES: u64 = flag::WRITE | flag::MAY_REPLICATE;
        let spec = self.commands.get(id).spec;
        let mut flags = self.effective_flags(spec, args);
        if spec.name == "exec" {
            flags |= c.multi.as_ref().map_or(0, |multi| multi.flags);
        }
        let held = self.pause.is_paused(action::CLIENT_ALL)
            || (self.pause.is_paused(action::CLIENT_WRITE) && flags & REPLICATES != 0);
        if !held || c.flags.has(ClientFlags::REPLICA) {
            return false;
        }
        let kind = BlockKind::Postponed;
        let keys = Vec::new();
        self.block_client(
            c,
            BlockRequest { kind, keys, deadline_ms: 0, unblock_on_deleted: false },
        );
        if let Some(blocked) = c.blocked.as_mut() {
            blocked.command = Some(id);
            blocked.argv = args.iter().map(|arg| Box::from(*arg)).collect();
        }
        true
    }

    /// Runs the commands that pauses held back and hold back no longer.
    pub fn process_unblocked_clients(&mut self) {
        for id in std::mem::take(&mut self.blocking.unblocked) {
            let Some(mut client) = self.clients.check_out(id) else { continue };
            if client.blocked.as_ref().is_some_and(|b| b.kind == BlockKind::Postponed)
                && let Some(blocked) = self.unblock_client(&mut client)
            {
                self.process_postponed(&mut client, *blocked);
            }
            self.clients.check_in(client);
        }
    }

    fn process_postponed(&mut self, client: &mut Client, blocked: Blocked) {
        client.argv_bytes = blocked.argv.iter().map(|arg| arg.len()).sum();
        with_owned(&blocked.argv, |args| process_command(self, client, args, None));
        client.argv_bytes = 0;
        if client.flags.has(ClientFlags::MASTER) {
            client.reply.truncate(0);
            self.master_command_done(client, &[]);
        }
        self.after_command(client);
        self.queue_write(client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_end_by_themselves_and_the_union_counts() {
        let mut pause = Pause::default();
        assert_eq!((pause.is_active(), pause.end_ms()), (false, None));
        pause.by_purpose = [(100, action::WRITE_SET), (200, action::ALL_SET), (0, 0)];
        assert!(!pause.update(50), "more restricted than before");
        assert!(pause.is_paused(action::CLIENT_ALL) && pause.is_paused(action::CLIENT_WRITE));
        assert_eq!(pause.end_ms(), Some(100));
        assert!(pause.update(100), "writes are free, but all is still paused");
        assert_eq!(pause.end_ms(), Some(200));
        assert!(pause.update(200));
        assert!(!pause.is_active());
    }
}
