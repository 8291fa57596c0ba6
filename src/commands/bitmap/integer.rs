//! Integers of 1 to 64 bits at any bit of a string: what BITFIELD reads and writes. Most
//! significant bit first; two's complement. Pure functions.

/// `i1` … `i64`, `u1` … `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntType {
    pub signed: bool,
    pub bits: u32,
}

/// What becomes of a result that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

/// The bytes an integer may touch: at most 64 bits and 7 before.
const WINDOW: usize = 9;

/// The bytes from `at` on, as the most significant ones; zeros where the string has ended.
fn window(bytes: &[u8], at: usize) -> u128 {
    let tail = bytes.get(at..).unwrap_or_default();
    let len = tail.len().min(WINDOW);
    let mut padded = [0; 16];
    padded[..len].copy_from_slice(&tail[..len]);
    u128::from_be_bytes(padded)
}

impl IntType {
    /// `i16`, `u8`; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<IntType> {
        // A NUL ends the text, as it does in Redis.
        let text = memchr::memchr(0, text).map_or(text, |nul| &text[..nul]);
        let (sign, digits) = text.split_first()?;
        let (signed, most) = match sign {
            b'i' => (true, 64),
            b'u' => (false, 63),
            _ => return None,
        };
        let bits = crate::protocol::number::parse_i64(digits)?;
        let bits = u32::try_from(bits).ok().filter(|bits| (1..=most).contains(bits))?;
        Some(IntType { signed, bits })
    }

    fn max(self) -> i64 {
        ((1u128 << (self.bits - u32::from(self.signed))) - 1) as i64
    }

    fn min(self) -> i64 {
        if self.signed { -self.max() - 1 } else { 0 }
    }

    /// The low bits of `value` as an integer of this type.
    fn wrap(self, value: i64) -> i64 {
        let spare = 64 - self.bits;
        let high = (value as u64) << spare;
        if self.signed { high as i64 >> spare } else { (high >> spare) as i64 }
    }

    /// The integer at bit `offset`.
    pub fn get(self, bytes: &[u8], offset: usize) -> i64 {
        let high = (window(bytes, offset / 8) << (offset % 8) >> 64) as u64;
        self.wrap((high >> (64 - self.bits)) as i64)
    }

    /// Writes the low bits of `value`; the bits must be within `bytes`.
    pub fn set(self, bytes: &mut [u8], offset: usize, value: i64) {
        let at = offset / 8;
        let spare = 64 - self.bits;
        let place = |bits: u64| (u128::from(bits << spare) << 64) >> (offset % 8);
        let mask = place(u64::MAX);
        let new = window(bytes, at) & !mask | place(value as u64) & mask;
        let end = (offset + self.bits as usize).div_ceil(8);
        bytes[at..end].copy_from_slice(&new.to_be_bytes()[..end - at]);
    }

    /// `old + increment`; `None` if it fails.
    pub fn add(self, old: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let exact = i128::from(old) + i128::from(increment);
        let (min, max) = (i128::from(self.min()), i128::from(self.max()));
        match overflow {
            _ if (min..=max).contains(&exact) => Some(exact as i64),
            Overflow::Wrap => Some(self.wrap(exact as i64)),
            Overflow::Saturate => Some(exact.clamp(min, max) as i64),
            Overflow::Fail => None,
        }
    }

    /// What SET stores for `value`; `None` if it fails.
    pub fn fit(self, value: i64, overflow: Overflow) -> Option<i64> {
        match overflow {
            _ if (self.min()..=self.max()).contains(&value) => Some(value),
            Overflow::Wrap => Some(self.wrap(value)),
            Overflow::Saturate if self.saturates_up(value) => Some(self.max()),
            Overflow::Saturate => Some(self.min()),
            Overflow::Fail => None,
        }
    }

    /// Where a value out of range goes. As in Redis a negative one is a great unsigned one, and a
    /// signed one so small that its distance to the maximum is no i64 goes up, too.
    fn saturates_up(self, value: i64) -> bool {
        !self.signed || value > self.max() || self.max().wrapping_sub(value) < 0
    }
}
