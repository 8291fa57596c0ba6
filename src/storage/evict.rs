//! The arithmetic of the LRU and LFU clocks in an entry's 24 bits. Which keys to evict is the
//! server's business.
//!
//! LRU: seconds modulo 2^24. LFU: minutes of the last decrement (16 bits) above a logarithmic
//! counter (8 bits), as Morris counts: the larger it is, the less likely the next access adds one.

/// Counter of a new key, so that it is not evicted before it had a chance.
pub const LFU_INIT: u8 = 5;

/// `lfu-log-factor` and `lfu-decay-time`, and the time.
#[derive(Debug, Clone, Default)]
pub struct LfuParams {
    pub log_factor: u32,
    /// Minutes without access that cost one; 0 = no decay.
    pub decay_time_min: u32,
    /// Minutes modulo 2^16.
    pub now_min: u16,
}

/// Minutes since the epoch modulo 2^16.
pub fn lfu_minutes(now_ms: i64) -> u16 {
    (now_ms / 60_000) as u16
}

/// Bits of a new key.
pub fn lfu_initial(now_ms: i64) -> u32 {
    u32::from(lfu_minutes(now_ms)) << 8 | u32::from(LFU_INIT)
}

/// The counter after the decay that is due; the bits themselves are not changed.
pub fn lfu_decayed(bits: u32, params: &LfuParams) -> u8 {
    let last = (bits >> 8) as u16;
    let counter = (bits & 0xff) as u8;
    if params.decay_time_min == 0 {
        return counter;
    }
    let elapsed = u32::from(params.now_min.wrapping_sub(last));
    let periods = elapsed / params.decay_time_min;
    counter.saturating_sub(u8::try_from(periods).unwrap_or(u8::MAX))
}

/// Bits after an access: decayed, then perhaps one more.
pub fn lfu_log_incr(bits: u32, params: &LfuParams) -> u32 {
    let mut counter = lfu_decayed(bits, params);
    if counter < u8::MAX {
        let base = f64::from(counter.saturating_sub(LFU_INIT));
        let chance = 1.0 / (base * f64::from(params.log_factor) + 1.0);
        if fastrand::f64() < chance {
            counter += 1;
        }
    }
    u32::from(params.now_min) << 8 | u32::from(counter)
}

/// Seconds since the last access by LRU bits, given the LRU clock now; the clock may have wrapped.
pub fn lru_idle_s(bits: u32, clock: u32) -> u32 {
    clock.wrapping_sub(bits) & 0x00ff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decay_takes_one_per_period() {
        let params = LfuParams { log_factor: 10, decay_time_min: 2, now_min: 105 };
        let bits = (100 << 8) | 10;
        assert_eq!(lfu_decayed(bits, &params), 8);
        let still = LfuParams { decay_time_min: 0, ..params };
        assert_eq!(lfu_decayed(bits, &still), 10);
    }

    #[test]
    fn minutes_wrap() {
        let params = LfuParams { log_factor: 10, decay_time_min: 1, now_min: 1 };
        assert_eq!(lfu_decayed((0xffff << 8) | 10, &params), 8);
    }

    #[test]
    fn counter_grows_and_saturates() {
        let params = LfuParams { log_factor: 0, decay_time_min: 1, now_min: 7 };
        let mut bits = lfu_initial(7 * 60_000);
        for _ in 0..1000 {
            bits = lfu_log_incr(bits, &params);
        }
        assert_eq!(bits, (7 << 8) | 255);
    }

    #[test]
    fn idle_time_over_the_wrap() {
        assert_eq!(lru_idle_s(0x00ff_fffe, 1), 3);
    }
}
