//! `server_cron`: what is done a few times a second.

use super::Server;

/// State of the periodic work.
#[derive(Default)]
pub struct Cron {
    pub loops: u64,
}

impl Server {
    /// One round; returns ms until the next.
    pub fn server_cron(&mut self) -> i64 {
        self.cron.loops += 1;
        self.slow_expire_cycle();
        self.clients_cron();
        let hz = self.config.hz.max(1);
        1000 / hz
    }

    /// A background thread has news.
    pub fn background_done(&mut self) {}

    /// Signals arrived.
    pub fn handle_signals(&mut self) {}

    /// Hands the collected commands to AOF and replicas.
    #[inline]
    pub fn propagate_now(&mut self) {
        if !self.propagate.pending.is_empty() {
            self.propagate.pending.clear();
        }
    }
}
