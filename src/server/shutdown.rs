//! The orderly end of the server: by SIGTERM, SIGINT or SHUTDOWN. A shutdown may take several
//! rounds of cron (waiting for replicas) and may fail or be aborted, after which the server goes
//! on.

use super::Server;
use super::blocking::{BlockKind, BlockRequest};
use super::client::Client;
use super::pause::{PausePurpose, action};
use crate::config::Config;
use crate::config::values::shutdown::{FORCE, NOSAVE, NOW, SAVE};
use crate::protocol::error::ReplyError;
use crate::sys::signal;

/// Why a shutdown did not end the server; the reply to whoever asked for it.
pub const FAILED: ReplyError = ReplyError::fixed("ERR Errors trying to SHUTDOWN. Check logs.");

/// A shutdown in progress.
#[derive(Debug, Default)]
pub struct Shutdown {
    /// Until when to wait for replicas, ms since the epoch; 0 = no shutdown was begun.
    pub deadline_ms: i64,
    flags: u32,
    /// Clients whose SHUTDOWN waits.
    waiting: Vec<u64>,
}

impl Shutdown {
    /// Begun, and waiting for replicas.
    pub fn is_initiated(&self) -> bool {
        self.deadline_ms != 0
    }
}

impl Server {
    /// Begins a shutdown with flags of `config::values::shutdown`. True if the server is to exit
    /// now; false if it waits for replicas, or failed (logged).
    pub fn prepare_for_shutdown(&mut self, flags: u32) -> bool {
        if self.shutdown.is_initiated() {
            return false;
        }
        self.shutdown.flags = flags;
        self.log_notice("User requested shutdown...");
        self.process.notify_supervisor("STOPPING=1\n");
        let may_wait = flags & NOW == 0 && self.config.shutdown_timeout != 0;
        if may_wait && !self.replicas_are_in_sync() {
            self.shutdown.deadline_ms = self.clock.now_ms + self.config.shutdown_timeout * 1000;
            if self.replicas_may_be_sent() {
                self.send_getack();
            }
            self.pause_actions(PausePurpose::Shutdown, i64::MAX, action::WRITE_SET);
            self.log_notice("Waiting for replicas before shutting down.");
            return false;
        }
        self.finish_shutdown()
    }

    fn finish_shutdown(&mut self) -> bool {
        self.log_lagging_replicas();
        self.kill_debuggers();
        if !self.save_before_exit() {
            self.log_warning(
                "Errors trying to shut down the server. Check the logs for more information.",
            );
            self.cancel_shutdown(&FAILED);
            return false;
        }
        if let Some(path) = self.process.pid_file.take() {
            self.log_notice("Removing the pid file.");
            // Best effort: it may be gone.
            let _ = std::fs::remove_file(path);
        }
        self.flush_replicas();
        self.listeners.unlink_unix();
        self.log_warning("Redis is now ready to exit, bye bye...");
        self.exit_status = Some(0);
        true
    }

    /// The last snapshot. False if it failed, which only a forced shutdown passes over.
    fn save_before_exit(&mut self) -> bool {
        self.end_saving_child();
        let flags = self.shutdown.flags;
        if !self.aof_before_exit(flags & FORCE != 0) {
            return false;
        }
        let wanted = !self.config.save.is_empty() && flags & NOSAVE == 0 || flags & SAVE != 0;
        if !wanted {
            return true;
        }
        self.log_notice("Saving the final RDB snapshot before exiting.");
        self.process.notify_supervisor("STATUS=Saving the final RDB snapshot\n");
        // Probably it is loaded again soon: it stays in the page cache.
        if self.save_now(true).is_ok() {
            return true;
        }
        if flags & FORCE != 0 {
            self.log_warning("Error trying to save the DB. Exit anyway.");
            return true;
        }
        self.log_warning("Error trying to save the DB, can't exit.");
        self.process.notify_supervisor("STATUS=Error trying to save the DB, can't exit.\n");
        false
    }

    /// It might replace the last snapshot by an older one.
    fn end_saving_child(&mut self) {
        let Some(pid) = self.child.active.as_ref().map(|child| child.pid) else { return };
        if self.child.is_saving() {
            self.log_warning("There is a child saving an .rdb. Killing it!");
            self.kill_rdb_child();
            self.remove_temp_file(pid);
        }
    }

    fn cancel_shutdown(&mut self, answer: &ReplyError) {
        signal::clear_shutdown();
        self.shutdown.deadline_ms = 0;
        self.shutdown.flags = 0;
        self.unpause_actions(PausePurpose::Shutdown);
        for id in std::mem::take(&mut self.shutdown.waiting) {
            let Some(mut client) = self.clients.check_out(id) else { continue };
            if self.unblock_client(&mut client).is_some() {
                client.reply.error(answer);
                self.queue_write(&mut client);
            }
            self.clients.check_in(client);
        }
    }

    /// SHUTDOWN ABORT. False if there is nothing to abort.
    pub fn abort_shutdown(&mut self) -> bool {
        if !self.shutdown.is_initiated() && !signal::shutdown_asap() {
            return false;
        }
        self.cancel_shutdown(&FAILED);
        self.log_notice("Shutdown manually aborted.");
        true
    }

    /// SHUTDOWN of a client: it is answered only if the server does not exit.
    pub fn client_shutdown(&mut self, client: &mut Client, flags: u32) -> Result<(), ReplyError> {
        if self.prepare_for_shutdown(flags) {
            return Ok(());
        }
        if !self.shutdown.is_initiated() {
            return Err(FAILED);
        }
        let request = BlockRequest {
            kind: BlockKind::Shutdown,
            keys: Vec::new(),
            deadline_ms: 0,
            unblock_on_deleted: false,
        };
        self.block_client(client, request);
        self.shutdown.waiting.push(client.id);
        Ok(())
    }

    /// As [`Server::shutdown_cron`] while data is loaded: what is there is no data set to save.
    pub fn shutdown_while_loading(&mut self) {
        if self.shutdown_refused(|_, _| NOSAVE) {
            self.log_warning(
                "SIGTERM received but errors trying to shut down the server, check the logs for \
                 more information",
            );
        }
    }

    /// Acts on signals, and goes on with a shutdown that waits.
    pub fn shutdown_cron(&mut self) {
        self.shutdown_refused(|config, signal| match signal {
            signal::SIGINT => config.shutdown_on_sigint,
            _ => config.shutdown_on_sigterm,
        });
    }

    /// Goes on with a shutdown that waits, or begins the one that a signal asks for, with the flags
    /// that `flags` gives for it. Whether the latter failed; the signal is forgotten then.
    fn shutdown_refused(&mut self, flags: impl FnOnce(&Config, i32) -> u32) -> bool {
        if self.shutdown.is_initiated() {
            if self.clock.now_ms >= self.shutdown.deadline_ms || self.replicas_are_in_sync() {
                self.finish_shutdown();
            }
            return false;
        }
        let signal = signal::shutdown_signal();
        if signal == 0 || self.exit_status.is_some() {
            return false;
        }
        let flags = flags(&self.config, signal);
        let refused = !self.prepare_for_shutdown(flags) && !self.shutdown.is_initiated();
        if refused {
            signal::clear_shutdown();
        }
        refused
    }
}
