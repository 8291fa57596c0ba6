//! Serving clients from within something that takes long: loading data, a script that does not
//! end. Sockets are read and written and their commands go through the gate (which refuses most of
//! them then); timers do not run, but for what `while_blocked_cron` does in their place.
//!
//! Invariant: what was under way (the client checked out, what is to be propagated) is set aside
//! and found again as it was; events for clients that are checked out are not lost.

use std::time::Duration;

use super::Server;
use super::event_loop::EventLoop;

/// Rounds of polling at most: enough for a request to be read and its reply to be written.
const ROUNDS: usize = 4;

/// Rounds of cron that are made up for at once.
const MAX_MISSED: i64 = 2;

/// State of serving events within something else.
#[derive(Default)]
pub struct WhileBlocked {
    /// Kept for the next time.
    event_loop: Option<EventLoop>,
    /// ms since the epoch of the next `while_blocked_cron`.
    next_cron_ms: i64,
}

impl Server {
    /// Serves what has come in, without waiting. See the file's documentation. Whoever calls this
    /// looks at `exit_status` afterwards: SHUTDOWN is one of the commands that run.
    pub fn process_events_while_blocked(&mut self) {
        self.clock.update();
        let own = self.while_blocked.event_loop.take();
        let registry = self.registry.as_ref().and_then(|registry| registry.try_clone().ok());
        let Some(mut event_loop) = own.or_else(|| registry.map(EventLoop::within)) else { return };
        self.scatter_gathered();
        let exec = std::mem::take(&mut self.exec);
        let propagate = self.propagate.set_aside();
        for _ in 0..ROUNDS {
            if self.exit_status.is_some() {
                // The end closes all connections at once.
                break;
            }
            // As before every write of replies.
            if self.aof_before_sleep() {
                self.write_pending();
            }
            self.close_clients();
            match event_loop.poll(self, Duration::ZERO) {
                Ok(events) if events > 0 => event_loop.serve(self),
                _ => break,
            }
        }
        self.propagate.restore(propagate);
        self.exec = exec;
        self.while_blocked.event_loop = Some(event_loop);
        self.while_blocked_cron();
    }

    /// What `server_cron` cannot leave undone for long.
    fn while_blocked_cron(&mut self) {
        let now_ms = self.clock.now_ms;
        if now_ms < self.while_blocked.next_cron_ms {
            return;
        }
        let start_us = self.clock.monotonic_us();
        let round_ms = 1000 / self.config.hz.max(1);
        // Missed rounds are made up for; but not the time before all this began.
        let late_ms = now_ms - self.while_blocked.next_cron_ms;
        let missed = if late_ms < 1000 { (late_ms / round_ms.max(1)).min(MAX_MISSED) } else { 0 };
        for _ in 0..=missed {
            self.active_defrag_cycle();
            self.cron.loops += 1;
        }
        self.while_blocked.next_cron_ms = now_ms + round_ms;
        if self.loading.active {
            self.update_memory_figures();
        }
        let ms = (self.clock.monotonic_us() - start_us) as i64 / 1000;
        self.latency_add_if_needed("while-blocked-cron", ms);
        if self.loading.active {
            self.shutdown_while_loading();
        }
    }
}
