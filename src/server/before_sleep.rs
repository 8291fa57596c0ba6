//! What happens before the loop sleeps and after it wakes, in an order that matters: what commands
//! changed is made durable before their replies leave.

use super::Server;

impl Server {
    /// Before the wait.
    pub fn before_sleep(&mut self) {
        self.do_before_sleep();
        self.account_turn();
    }

    fn do_before_sleep(&mut self) {
        self.note_special();
        self.handle_blocked_timeouts();
        self.handle_clients_blocked_on_keys();
        self.resume_if_pause_over();
        self.fast_expire_cycle();
        self.process_clients_waiting_acks();
        self.process_unblocked_clients();
        self.broadcast_invalidations();
        self.replication_before_sleep();
        self.cluster_before_sleep();
        // With `appendfsync always` no reply leaves before its command is durable.
        if self.aof_before_sleep() {
            self.write_pending();
        }
        self.close_clients();
        self.replication_after_writes();
        if self.config.maxmemory_clients != 0 {
            self.evict_clients(None);
        }
    }

    /// After the wait: the time is new.
    pub fn after_sleep(&mut self) {
        self.clock.update();
        self.turn_start_us = self.clock.monotonic_us();
    }

    /// The time from waking to sleeping again is a turn of the loop.
    fn account_turn(&mut self) {
        let now_us = self.clock.monotonic_us();
        let us = now_us - self.turn_start_us;
        if self.io.exist() {
            self.io.account(us, now_us);
        }
        let stats = &mut self.stats;
        stats.eventloop_cycles += 1;
        stats.eventloop_duration_us += us;
        stats.eventloop_duration_max_us = stats.eventloop_duration_max_us.max(us);
    }

    /// Between the commands of one client's pipeline and those of the next.
    pub fn after_commands(&mut self, commands: usize) {
        let most = &mut self.stats.eventloop_cmd_per_cycle_max;
        *most = (*most).max(commands as u64);
    }

    /// Runs `server_cron` when it is due.
    pub fn run_timers(&mut self) {
        self.continue_eviction();
        if self.clock.now_ms >= self.next_cron_ms {
            self.clock.update();
            let wait = self.server_cron();
            self.next_cron_ms = self.clock.now_ms + wait;
        }
    }

    /// The end of a turn.
    pub fn after_turn(&mut self) {
        // Events come once: what a turn left over is gone on with in the next one.
        if self.pipe_has_more() {
            self.pump_pipe();
        }
        if self.replication.link.has_more {
            self.pump_link();
        }
    }
}
