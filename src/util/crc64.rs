//! CRC-64 "Jones" as RDB files and DUMP payloads end with: polynomial 0xad93d23594c935a9, reflected
//! in and out, initial value 0, no final xor. Resumable: the CRC of a text is also the state after it.
//!
//! Not a general CRC. Two implementations of one function: slice-by-8 tables, and folding of 64-byte
//! blocks with carry-less multiplication where the processor has it. Invariant: both give the same
//! value for every input and every split of it.
//!
//! Folding, in short (all polynomials bit-reflected): a 128-bit state `lo:hi` stands for
//! `lo*x^64 + hi`. Moving it D bits further is `lo * x^(D+64) + hi * x^D` modulo P. A carry-less
//! product of two reflected words is one power of x too high, hence the constants x^(D+63) and x^(D-1).
//!
//! JUSTIFICATION: the one `unsafe` block calls a function compiled for PCLMULQDQ after asking the
//! processor for it. RDB save and load checksum every byte; the tables give about 1.5 GB/s, folding
//! more than 15.

/// The generator polynomial, highest power first, without the leading x^64.
const POLY: u64 = 0xad93_d235_94c9_35a9;

static TABLES: [[u64; 256]; 8] = build_tables();

const fn build_tables() -> [[u64; 256]; 8] {
    let reflected = POLY.reverse_bits();
    let mut t = [[0u64; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { (crc >> 1) ^ reflected } else { crc >> 1 };
            bit += 1;
        }
        t[0][i] = crc;
        i += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut i = 0;
        while i < 256 {
            let prev = t[k - 1][i];
            t[k][i] = t[0][(prev & 0xff) as usize] ^ (prev >> 8);
            i += 1;
        }
        k += 1;
    }
    t
}

/// The CRC of the text so far (`crc`, 0 at the start) followed by `bytes`.
pub fn update(crc: u64, bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= fold::MIN_LEN && std::arch::is_x86_feature_detected!("pclmulqdq") {
        // SAFETY: the processor has just been asked for the one feature `fold::update` needs
        // beyond the x86-64 baseline.
        return unsafe { fold::update(crc, bytes) };
    }
    update_tables(crc, bytes)
}

/// [`update`] by tables, 8 bytes a step: for short texts, ends of long ones and other processors.
fn update_tables(mut crc: u64, bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let b = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
        crc = TABLES[7][usize::from(b[0])]
            ^ TABLES[6][usize::from(b[1])]
            ^ TABLES[5][usize::from(b[2])]
            ^ TABLES[4][usize::from(b[3])]
            ^ TABLES[3][usize::from(b[4])]
            ^ TABLES[2][usize::from(b[5])]
            ^ TABLES[1][usize::from(b[6])]
            ^ TABLES[0][usize::from(b[7])];
    }
    for &b in tail {
        crc = TABLES[0][usize::from(crc as u8 ^ b)] ^ (crc >> 8);
    }
    crc
}

#[cfg(target_arch = "x86_64")]
mod fold {
    use super::{POLY, update_tables};
    use std::arch::x86_64::*;

    /// Shortest text worth folding: one round of four 16-byte lanes.
    pub const MIN_LEN: usize = 64;

    /// x^n modulo P, reflected.
    const fn x_pow(n: u32) -> u64 {
        let mut r = 1u64;
        let mut i = 0;
        while i < n {
            r = if r >> 63 != 0 { (r << 1) ^ POLY } else { r << 1 };
            i += 1;
        }
        r.reverse_bits()
    }

    const FOLD_128: [u64; 2] = [x_pow(128 + 63), x_pow(128 - 1)];
    const FOLD_512: [u64; 2] = [x_pow(512 + 63), x_pow(512 - 1)];

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(block: &[u8; 16]) -> __m128i {
        let both = u128::from_le_bytes(*block);
        _mm_set_epi64x((both >> 64) as i64, both as i64)
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn pair(k: [u64; 2]) -> __m128i {
        _mm_set_epi64x(k[1] as i64, k[0] as i64)
    }

    /// The state `x` moved on by the distance of `k`, plus `next`.
    #[inline]
    #[target_feature(enable = "sse2,pclmulqdq")]
    fn step(x: __m128i, k: __m128i, next: __m128i) -> __m128i {
        let lo = _mm_clmulepi64_si128(x, k, 0x00);
        let hi = _mm_clmulepi64_si128(x, k, 0x11);
        _mm_xor_si128(_mm_xor_si128(lo, hi), next)
    }

    #[target_feature(enable = "sse2,pclmulqdq")]
    pub fn update(crc: u64, bytes: &[u8]) -> u64 {
        debug_assert!(bytes.len() >= MIN_LEN);
        let (blocks, tail) = bytes.as_chunks::<16>();
        let (rounds, rest) = blocks.as_chunks::<4>();
        let (first, rounds) = rounds.split_first().expect("callers pass at least 64 bytes");
        let mut lanes = [load(&first[0]), load(&first[1]), load(&first[2]), load(&first[3])];
        lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, crc as i64));
        let far = pair(FOLD_512);
        for round in rounds {
            for (lane, block) in lanes.iter_mut().zip(round) {
                *lane = step(*lane, far, load(block));
            }
        }
        let near = pair(FOLD_128);
        let mut x = lanes[0];
        for lane in &lanes[1..] {
            x = step(x, near, *lane);
        }
        for block in rest {
            x = step(x, near, load(block));
        }
        // The state is a 16-byte text with the same remainder as all the folded blocks.
        let lo = _mm_cvtsi128_si64(x) as u64;
        let hi = _mm_cvtsi128_si64(_mm_unpackhi_epi64(x, x)) as u64;
        let crc = update_tables(update_tables(0, &lo.to_le_bytes()), &hi.to_le_bytes());
        update_tables(crc, tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, one bit a step.
    fn naive(mut crc: u64, bytes: &[u8]) -> u64 {
        for &b in bytes {
            crc ^= u64::from(b);
            for _ in 0..8 {
                crc = if crc & 1 != 0 { (crc >> 1) ^ POLY.reverse_bits() } else { crc >> 1 };
            }
        }
        crc
    }

    #[test]
    fn check_value_of_redis() {
        assert_eq!(update(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(update(0, b""), 0);
    }

    #[test]
    fn tables_and_folding_equal_the_definition_at_every_length_and_split() {
        let mut rng = fastrand::Rng::with_seed(7);
        let text: Vec<u8> = (0..1100).map(|_| rng.u8(..)).collect();
        for len in (0..400).chain([512, 640, 1000, 1024, 1087, 1099, 1100]) {
            let start = rng.u64(..);
            let want = naive(start, &text[..len]);
            assert_eq!(update(start, &text[..len]), want, "len {len}");
            assert_eq!(update_tables(start, &text[..len]), want, "len {len}");
            let cut = rng.usize(..=len);
            assert_eq!(update(update(start, &text[..cut]), &text[cut..len]), want);
        }
    }
}
