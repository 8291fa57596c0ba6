//! The monotonic clock, with less ceremony than `std::time::Instant`: it is read for every command.
//!
//! JUSTIFICATION: `Instant::elapsed` costs about 60 instructions more than the system call it
//! wraps, of about 1,300 for a whole pipelined GET (benches/insn.sh).

/// us since some fixed point in the past; never goes back.
#[inline]
pub fn now_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec, and every Linux has CLOCK_MONOTONIC.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_goes_on_as_instant_does() {
        let (start, instant) = (super::now_us(), std::time::Instant::now());
        std::thread::sleep(std::time::Duration::from_millis(5));
        let (us, expected) = (super::now_us() - start, instant.elapsed().as_micros() as u64);
        assert!(us >= 5000 && us.abs_diff(expected) < 5000, "{us} {expected}");
    }
}
