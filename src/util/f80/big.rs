//! Natural numbers of any size, for the decimal texts of [`super::F80`] that do not fit in words.
//!
//! Not for speed: a few thousand bits at most, schoolbook everything. Invariant: the last limb is
//! not zero (zero has none).

/// Little-endian base 2^32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Big(Vec<u32>);

const BILLION: u32 = 1_000_000_000;

impl Big {
    pub fn from_u64(value: u64) -> Big {
        let mut out = Big(vec![value as u32, (value >> 32) as u32]);
        out.trim();
        out
    }

    /// From ASCII digits.
    pub fn from_decimal(digits: &[u8]) -> Big {
        let mut out = Big(Vec::with_capacity(digits.len() / 9 + 1));
        for chunk in digits.chunks(9) {
            let value = chunk.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
            out.times_plus(10u32.pow(chunk.len() as u32), value);
        }
        out
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn times_plus(&mut self, factor: u32, term: u32) {
        let mut carry = u64::from(term);
        for limb in &mut self.0 {
            let v = u64::from(*limb) * u64::from(factor) + carry;
            *limb = v as u32;
            carry = v >> 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    pub fn times_pow5(&mut self, mut exponent: u32) {
        const STEP: u32 = 13;
        while exponent > 0 {
            let n = exponent.min(STEP);
            self.times_plus(5u32.pow(n), 0);
            exponent -= n;
        }
    }

    fn bits(&self) -> u32 {
        let top = self.0.last().map_or(0, |limb| 32 - limb.leading_zeros());
        (self.0.len() as u32).saturating_sub(1) * 32 + top
    }

    pub fn shift_left(&mut self, bits: u32) {
        if self.0.is_empty() {
            return;
        }
        let (limbs, bits) = ((bits / 32) as usize, bits % 32);
        if bits > 0 {
            self.times_plus(1 << bits, 0);
        }
        self.0.splice(0..0, std::iter::repeat_n(0, limbs));
    }

    /// The value as `top * 2^shift`, cut to 128 bits: (top, shift, whether something was cut off).
    pub fn top_bits(&self) -> (u128, i32, bool) {
        let skip = self.0.len().saturating_sub(4);
        let (low, high) = self.0.split_at(skip);
        let top = high.iter().rev().fold(0, |v: u128, limb| (v << 32) | u128::from(*limb));
        let mut more = low.iter().any(|limb| *limb != 0);
        let mut shift = 32 * skip as i32;
        // Fewer than 66 bits would not carry "more"; take them from the next limb.
        if let (Some(next), true) = (low.last(), top.leading_zeros() >= 32) {
            let top = (top << 32) | u128::from(*next);
            more = low[..low.len() - 1].iter().any(|limb| *limb != 0);
            shift -= 32;
            return (top, shift, more);
        }
        (top, shift, more)
    }

    /// `self / divisor` as `quotient * 2^shift` with 67 or 68 bits: (quotient, shift, whether a
    /// remainder was left). Both must not be zero.
    pub fn divide(mut self, mut divisor: Big) -> (u128, i32, bool) {
        const QUOTIENT_BITS: u32 = 68;
        // Bring both to the same length: then the first quotient bit is 0 or 1.
        let mut shift = self.bits() as i32 - divisor.bits() as i32;
        if shift > 0 {
            divisor.shift_left(shift as u32);
        } else {
            self.shift_left(-shift as u32);
        }
        let mut quotient = 0u128;
        for step in 0..QUOTIENT_BITS {
            if step > 0 {
                self.shift_left(1);
                shift -= 1;
            }
            quotient <<= 1;
            if self.at_least(&divisor) {
                self.subtract(&divisor);
                quotient |= 1;
            }
        }
        (quotient, shift, !self.0.is_empty())
    }

    fn at_least(&self, other: &Big) -> bool {
        self.0.len() > other.0.len()
            || (self.0.len() == other.0.len() && self.0.iter().rev().ge(other.0.iter().rev()))
    }

    /// Requires `self >= other`.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = false;
        for (i, limb) in self.0.iter_mut().enumerate() {
            let (v, under) = limb.overflowing_sub(other.0.get(i).copied().unwrap_or(0));
            let (v, under_borrow) = v.overflowing_sub(u32::from(borrow));
            *limb = v;
            borrow = under || under_borrow;
        }
        debug_assert!(!borrow);
        self.trim();
    }

    /// Appends the decimal digits.
    pub fn append_decimal(mut self, out: &mut Vec<u8>) {
        let mut groups = Vec::new();
        while !self.0.is_empty() {
            let mut rest = 0u64;
            for limb in self.0.iter_mut().rev() {
                let v = (rest << 32) | u64::from(*limb);
                *limb = (v / u64::from(BILLION)) as u32;
                rest = v % u64::from(BILLION);
            }
            self.trim();
            groups.push(rest as u32);
        }
        let mut buf = itoa::Buffer::new();
        out.extend_from_slice(buf.format(groups.pop().unwrap_or(0)).as_bytes());
        for group in groups.iter().rev() {
            let digits = buf.format(*group).as_bytes();
            out.resize(out.len() + 9 - digits.len(), b'0');
            out.extend_from_slice(digits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(big: Big) -> String {
        let mut out = Vec::new();
        big.append_decimal(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimal_round_trip_keeps_inner_zeros() {
        for text in ["0", "7", "1000000000", "1000000000000000000000000000001"] {
            assert_eq!(decimal(Big::from_decimal(text.as_bytes())), text);
        }
    }

    #[test]
    fn shift_and_powers() {
        let mut n = Big::from_u64(1);
        n.times_pow5(30);
        n.shift_left(30);
        assert_eq!(decimal(n), format!("1{}", "0".repeat(30)));
    }

    #[test]
    fn division_equals_machine_division() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..2000 {
            let (a, b) = (rng.u64(1..), rng.u64(1..) >> rng.u32(0..60));
            let b = b.max(1);
            let (q, shift, more) = Big::from_u64(a).divide(Big::from_u64(b));
            // Compare q * 2^shift <= a/b < (q + 1) * 2^shift by the integral part.
            if shift <= 0 {
                assert_eq!(q >> shift.unsigned_abs().min(127), u128::from(a / b));
            }
            if !more && shift <= 0 && shift > -60 {
                assert_eq!(q.checked_mul(u128::from(b)), Some(u128::from(a) << -shift));
            }
        }
    }
}
