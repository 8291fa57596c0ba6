//! Time as the server sees it: read once a loop turn and once a command, cached for everyone else.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Resolution of the LRU clock, ms.
pub const LRU_CLOCK_RESOLUTION_MS: i64 = 1000;
/// The LRU clock has 24 bits.
pub const LRU_CLOCK_MAX: u32 = (1 << 24) - 1;

/// Cached times.
pub struct Clock {
    start: Instant,
    /// us since the epoch, as of the loop's turn or the last command.
    pub now_us: i64,
    /// ms since the epoch, as of the loop's turn or the last command.
    pub now_ms: i64,
    /// `now_ms` frozen for the command (and everything it calls) that runs.
    pub cmd_time_ms: i64,
    /// Seconds modulo 2^24.
    pub lru_clock: u32,
}

/// us since the epoch, from the system.
pub fn unix_us() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |d| d.as_micros() as i64)
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}

impl Clock {
    pub fn new() -> Clock {
        let mut clock =
            Clock { start: Instant::now(), now_us: 0, now_ms: 0, cmd_time_ms: 0, lru_clock: 0 };
        clock.update();
        clock
    }

    /// Reads the system's clock.
    pub fn update(&mut self) {
        self.now_us = unix_us();
        self.now_ms = self.now_us / 1000;
        self.cmd_time_ms = self.now_ms;
        self.lru_clock = (self.now_ms / LRU_CLOCK_RESOLUTION_MS) as u32 & LRU_CLOCK_MAX;
    }

    /// us since the server started; never goes back.
    #[inline]
    pub fn monotonic_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Seconds since the epoch.
    pub fn now_s(&self) -> i64 {
        self.now_ms / 1000
    }
}
