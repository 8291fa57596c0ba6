//! Time as the server sees it: read once a loop turn and once a command, cached for everyone else.

use std::time::{SystemTime, UNIX_EPOCH};

/// Resolution of the LRU clock, ms.
pub const LRU_CLOCK_RESOLUTION_MS: i64 = 1000;
/// The LRU clock has 24 bits.
pub const LRU_CLOCK_MAX: u32 = (1 << 24) - 1;

/// Cached times.
pub struct Clock {
    start_us: u64,
    /// us since the epoch, as of the loop's turn or the last command.
    pub now_us: i64,
    /// ms since the epoch, as of the loop's turn or the last command.
    pub now_ms: i64,
    /// `now_ms` frozen for the command (and everything it calls) that runs.
    pub cmd_time_ms: i64,
    /// Seconds modulo 2^24.
    pub lru_clock: u32,
    /// When the last command of a pipeline ended, us since the start; 0 = ask the system.
    last_end_us: u64,
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
        let mut clock = Clock {
            start_us: crate::sys::monotonic::now_us(),
            now_us: 0,
            now_ms: 0,
            cmd_time_ms: 0,
            lru_clock: 0,
            last_end_us: 0,
        };
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
        crate::sys::monotonic::now_us() - self.start_us
    }

    /// A pipeline begins: time has passed since the last command.
    #[inline]
    pub fn start_batch(&mut self) {
        self.last_end_us = 0;
    }

    /// When a command begins: in a pipeline, when the one before it ended. Saves every second look
    /// at the system's clock.
    #[inline]
    pub fn command_start_us(&mut self) -> u64 {
        match std::mem::take(&mut self.last_end_us) {
            0 => self.monotonic_us(),
            end => end,
        }
    }

    /// A command is over.
    #[inline]
    pub fn command_end_us(&mut self) -> u64 {
        self.last_end_us = self.monotonic_us();
        self.last_end_us
    }

    /// Seconds since the epoch.
    pub fn now_s(&self) -> i64 {
        self.now_ms / 1000
    }
}
