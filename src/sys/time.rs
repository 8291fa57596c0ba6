//! Time as a person reads it: the offset of local time, and broken-down dates computed without the
//! C library, whose `localtime_r` takes a lock that a forked child may find held for ever.
//!
//! JUSTIFICATION: only the C library knows the system's time zone rules.

use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds east of Greenwich, daylight saving included, as of `unix_s`. Not for forked children.
pub fn local_offset_s(unix_s: i64) -> i64 {
    let mut tm = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call; a zeroed `tm` is a valid one.
    unsafe {
        libc::localtime_r(&unix_s, tm.as_mut_ptr());
        tm.assume_init().tm_gmtoff
    }
}

/// us since the epoch, from the system.
pub fn unix_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}

/// Stops the calling thread.
pub fn sleep_us(us: u64) {
    std::thread::sleep(Duration::from_micros(us));
}

/// A date and time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

const DAY_S: i64 = 86_400;
/// Days of a cycle of 400 years in the Gregorian calendar.
const CYCLE_DAYS: i64 = 146_097;
/// Days from 1 March of year 0 to 1 January 1970.
const EPOCH_FROM_MARCH_0: i64 = 719_468;

impl Civil {
    /// Breaks down seconds since the epoch. The year is counted from March, so that the leap day is
    /// its last day.
    pub fn from_unix(unix_s: i64) -> Civil {
        let days = unix_s.div_euclid(DAY_S) + EPOCH_FROM_MARCH_0;
        let seconds = unix_s.rem_euclid(DAY_S) as u32;
        let cycle = days.div_euclid(CYCLE_DAYS);
        let day_of_cycle = days.rem_euclid(CYCLE_DAYS);
        let leap_days = day_of_cycle / 1460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
        let year_of_cycle = (day_of_cycle - leap_days) / 365;
        let first_day = 365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100;
        let day_of_year = day_of_cycle - first_day;
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        Civil {
            year: cycle * 400 + year_of_cycle + i64::from(month <= 2),
            month: month as u32,
            day: (day_of_year - (153 * march_month + 2) / 5 + 1) as u32,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    /// Three letters in English.
    pub fn month_name(&self) -> &'static str {
        const NAMES: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        NAMES[self.month as usize - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(unix_s: i64) -> (i64, u32, u32) {
        let civil = Civil::from_unix(unix_s);
        (civil.year, civil.month, civil.day)
    }

    #[test]
    fn dates_around_leap_days_and_the_epoch() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(-1), (1969, 12, 31));
        assert_eq!(date(951_782_400), (2000, 2, 29));
        assert_eq!(date(951_868_800), (2000, 3, 1));
        assert_eq!(date(4_107_456_000), (2100, 2, 28));
        assert_eq!(date(4_107_542_400), (2100, 3, 1));
    }

    #[test]
    fn time_of_day() {
        let civil = Civil::from_unix(1_795_392_207);
        assert_eq!((civil.hour, civil.minute, civil.second), (0, 3, 27));
        assert_eq!((civil.day, civil.month_name(), civil.year), (23, "Nov", 2026));
    }
}
