//! The registers of a HyperLogLog: as bytes while several are merged and counted, packed to six
//! bits in the dense form, and the estimate from their histogram.
//!
//! ```text
//! dense   │11000000│22221111│33333322│55444444│…   the lowest bits of a byte come first
//! ```
//!
//! Not the sparse form. Invariant: the portable loops and those for AVX2 give the same registers.
//!
//! JUSTIFICATION: the `unsafe` blocks call functions compiled for AVX2 after asking the processor
//! for it, and load and store whole arrays. PFCOUNT of several keys and PFMERGE unpack 16384
//! registers a key; with byte shuffles that takes a tenth of the time (benches/record, hll).

use super::{Corrupted, HEADER, sparse};

/// Registers of a HyperLogLog.
pub const REGISTERS: usize = 16384;
/// The highest value that six bits hold.
pub const MAX_REGISTER: u8 = 63;
/// Bytes of the packed registers.
pub const DENSE_BYTES: usize = REGISTERS / 4 * 3;
/// The longest run of zeros a hash has, with the one after it.
const HIGHEST_PATTERN: usize = 51;

/// A register of the dense form.
#[inline]
pub fn get_dense(dense: &[u8], idx: usize) -> u8 {
    let (at, shift) = (idx * 6 / 8, idx * 6 % 8);
    let next = dense.get(at + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([dense[at], next]) >> shift) as u8 & MAX_REGISTER
}

/// Sets a register of the dense form; `value` is at most [`MAX_REGISTER`].
#[inline]
pub fn set_dense(dense: &mut [u8], idx: usize, value: u8) {
    let (at, shift) = (idx * 6 / 8, idx * 6 % 8);
    let mask = (u16::from(MAX_REGISTER) << shift).to_le_bytes();
    let bits = (u16::from(value) << shift).to_le_bytes();
    dense[at] = dense[at] & !mask[0] | bits[0];
    if mask[1] != 0 {
        dense[at + 1] = dense[at + 1] & !mask[1] | bits[1];
    }
}

/// One byte a register.
pub struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Registers {
        Registers::new()
    }
}

impl Registers {
    /// All 0.
    pub fn new() -> Registers {
        Registers(Box::new([0; REGISTERS]))
    }

    pub fn as_slice(&self) -> &[u8; REGISTERS] {
        &self.0
    }

    /// Raises each register to that of a whole HyperLogLog, which has a right header. If that is
    /// corrupted some registers may have been raised.
    pub fn merge(&mut self, text: &[u8]) -> Result<(), Corrupted> {
        if super::is_dense(text) {
            merge_dense(&mut self.0, text);
            return Ok(());
        }
        let registers = &mut self.0;
        sparse::for_each_run(&text[HEADER..], |first, run| {
            if run.value > 0 {
                for register in &mut registers[first..first + run.len] {
                    *register = run.value.max(*register);
                }
            }
        })
    }

    /// Writes the dense form.
    pub fn pack(&self, dense: &mut [u8]) {
        let (groups, _) = dense.as_chunks_mut::<3>();
        let (quads, _) = self.0.as_chunks::<4>();
        for (group, quad) in groups.iter_mut().zip(quads) {
            let x = u32::from_le_bytes(*quad);
            let packed = x & 0x3f | x >> 2 & 0xfc0 | x >> 4 & 0x3_f000 | x >> 6 & 0xfc_0000;
            group.copy_from_slice(&packed.to_le_bytes()[..3]);
        }
    }

    /// The estimate of the number of elements.
    pub fn count(&self) -> u64 {
        estimate(&histogram(&self.0))
    }
}

/// Raises registers to those of a dense HyperLogLog, header included.
fn merge_dense(registers: &mut [u8; REGISTERS], text: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been asked for AVX2.
        return unsafe { avx2::merge_dense(registers, text) };
    }
    merge_dense_portable(registers, text);
}

fn merge_dense_portable(registers: &mut [u8; REGISTERS], text: &[u8]) {
    let (groups, _) = text[HEADER..].as_chunks::<3>();
    let (quads, _) = registers.as_chunks_mut::<4>();
    for (quad, group) in quads.iter_mut().zip(groups) {
        let x = u32::from_le_bytes([group[0], group[1], group[2], 0]);
        let spread = x & 0x3f | x << 2 & 0x3f00 | x << 4 & 0x3f_0000 | x << 6 & 0x3f00_0000;
        for (register, other) in quad.iter_mut().zip(spread.to_le_bytes()) {
            *register = other.max(*register);
        }
    }
}

/// How many registers have each value.
fn histogram(registers: &[u8; REGISTERS]) -> [u32; 64] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been asked for AVX2.
        return unsafe { avx2::histogram(registers) };
    }
    histogram_by_value(registers)
}

/// Counts one value after the other, from the lowest to the highest there is: of a filled
/// HyperLogLog these are some twenty, and comparing vectors is cheaper than 16384 increments that
/// wait for each other.
#[inline(always)]
fn histogram_by_value(registers: &[u8; REGISTERS]) -> [u32; 64] {
    let mut histogram = [0; 64];
    let lowest = registers.iter().fold(MAX_REGISTER, |lowest, r| lowest.min(*r));
    let highest = registers.iter().fold(0, |highest, r| highest.max(*r));
    for value in lowest..=highest.min(MAX_REGISTER) {
        histogram[usize::from(value)] = count_of(registers, value);
    }
    histogram
}

#[inline(always)]
fn count_of(registers: &[u8; REGISTERS], value: u8) -> u32 {
    const LANES: usize = 32;
    /// Each lane counts at most 128, which a byte holds.
    const PART: usize = LANES * 128;
    let mut total = 0;
    let (parts, _) = registers.as_chunks::<PART>();
    for part in parts {
        let mut lanes = [0_u8; LANES];
        for block in part.as_chunks::<LANES>().0 {
            for (lane, register) in lanes.iter_mut().zip(block) {
                *lane += u8::from(*register == value);
            }
        }
        total += lanes.iter().map(|lane| u32::from(*lane)).sum::<u32>();
    }
    total
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{DENSE_BYTES, HEADER, REGISTERS};

    /// Registers of one round, and the bytes they are packed in.
    const ROUND: usize = 32;
    const PACKED: usize = ROUND / 4 * 3;

    /// Spreads eight groups of three bytes to four registers each. Each half of the vector takes
    /// its twelve bytes from the end of a load of sixteen: the first load begins four bytes before
    /// the registers, in the header, and none reads beyond the last.
    #[target_feature(enable = "avx2")]
    pub fn merge_dense(registers: &mut [u8; REGISTERS], text: &[u8]) {
        assert_eq!(text.len(), HEADER + DENSE_BYTES, "a dense text has one length");
        let spread = _mm256_setr_epi8(
            4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1, //
            4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1,
        );
        for (i, out) in registers.as_chunks_mut::<ROUND>().0.iter_mut().enumerate() {
            let at = HEADER - 4 + i * PACKED;
            let window: &[u8; PACKED + 4] =
                text[at..at + PACKED + 4].try_into().expect("a window of this size");
            // SAFETY: both loads are of 16 of the window's 28 bytes; no alignment is needed.
            let (low, high) = unsafe {
                let start = window.as_ptr();
                (_mm_loadu_si128(start.cast()), _mm_loadu_si128(start.add(PACKED / 2).cast()))
            };
            let x = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
            let registers = _mm256_or_si256(
                _mm256_or_si256(
                    _mm256_and_si256(x, _mm256_set1_epi32(0x3f)),
                    _mm256_and_si256(_mm256_slli_epi32(x, 2), _mm256_set1_epi32(0x3f00)),
                ),
                _mm256_or_si256(
                    _mm256_and_si256(_mm256_slli_epi32(x, 4), _mm256_set1_epi32(0x3f_0000)),
                    _mm256_and_si256(_mm256_slli_epi32(x, 6), _mm256_set1_epi32(0x3f00_0000)),
                ),
            );
            // SAFETY: `out` is an array of 32 bytes; no alignment is needed.
            unsafe {
                let out = out.as_mut_ptr().cast::<__m256i>();
                _mm256_storeu_si256(out, _mm256_max_epu8(_mm256_loadu_si256(out), registers));
            }
        }
    }

    #[target_feature(enable = "avx2")]
    pub fn histogram(registers: &[u8; REGISTERS]) -> [u32; 64] {
        super::histogram_by_value(registers)
    }
}

/// Ertl's improved raw estimator of a histogram of register values.
pub fn estimate(histogram: &[u32; 64]) -> u64 {
    /// 0.5 / ln 2, with the digits the contract has.
    const ALPHA_INF: f64 = 0.721_347_520_444_481_7;
    let m = REGISTERS as f64;
    let mut z = m * tau((m - f64::from(histogram[HIGHEST_PATTERN])) / m);
    for value in (1..HIGHEST_PATTERN).rev() {
        z += f64::from(histogram[value]);
        z *= 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    let estimate = ALPHA_INF * m * m / z;
    // Only made-up registers give an infinite one; the conversion is then that of x86.
    if estimate < i64::MAX as f64 { estimate.round() as u64 } else { 1 << 63 }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(rng: &mut fastrand::Rng, most: u8) -> Registers {
        let mut registers = Registers::new();
        registers.0.iter_mut().for_each(|r| *r = rng.u8(0..=most));
        registers
    }

    fn dense_of(registers: &Registers) -> Vec<u8> {
        let mut text = b"HYLL".to_vec();
        text.resize(HEADER + DENSE_BYTES, 0);
        registers.pack(&mut text[HEADER..]);
        text
    }

    #[test]
    fn packing_is_the_same_as_setting_one_by_one() {
        let mut rng = fastrand::Rng::with_seed(1);
        let registers = random(&mut rng, MAX_REGISTER);
        let mut dense = vec![0xa5; DENSE_BYTES];
        for (idx, value) in registers.0.iter().enumerate() {
            set_dense(&mut dense, idx, *value);
        }
        for (idx, value) in registers.0.iter().enumerate() {
            assert_eq!(get_dense(&dense, idx), *value);
        }
        assert_eq!(dense, dense_of(&registers)[HEADER..]);
    }

    #[test]
    fn merging_with_and_without_vectors_is_the_maximum() {
        let mut rng = fastrand::Rng::with_seed(2);
        for most in [0, 1, 31, 63] {
            let (a, b) = (random(&mut rng, 20), random(&mut rng, most));
            let text = dense_of(&b);
            let want: Vec<u8> = a.0.iter().zip(b.0.iter()).map(|(a, b)| *a.max(b)).collect();
            let (mut fast, mut portable) = (a.0.clone(), a.0.clone());
            merge_dense(&mut fast, &text);
            merge_dense_portable(&mut portable, &text);
            assert!(fast[..] == want && portable[..] == want);
        }
    }

    #[test]
    fn histograms_with_and_without_vectors_agree_with_a_plain_count() {
        let mut rng = fastrand::Rng::with_seed(3);
        for most in [0, 3, 63] {
            let registers = random(&mut rng, most);
            let mut want = [0; 64];
            registers.0.iter().for_each(|r| want[usize::from(*r)] += 1);
            assert_eq!(histogram(&registers.0), want);
            assert_eq!(histogram_by_value(&registers.0), want);
        }
    }

    #[test]
    fn the_estimate_of_extremes_is_a_number() {
        let mut histogram = [0; 64];
        histogram[0] = REGISTERS as u32;
        assert_eq!(estimate(&histogram), 0);
        let mut histogram = [0; 64];
        histogram[HIGHEST_PATTERN] = REGISTERS as u32;
        assert_eq!(estimate(&histogram), 1 << 63);
    }
}
