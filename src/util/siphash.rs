//! SipHash-1-2 of byte strings, keyed once per process: the hash of every hash table.
//!
//! Not a general hasher: one shot over a slice, no streaming, no other key than the process' own.
//! The key is random (set at start), so that clients cannot choose keys that collide.
//!
//! Algorithm: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), with one round a
//! block and two at the end.
//!
//! Invariant: the key does not change once a table holds elements.

use std::sync::atomic::{AtomicU64, Ordering};

static KEY: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Sets the process' key. Call it once, before the first table is filled.
pub fn set_key(key: [u8; 16]) {
    let (k0, k1) = key.split_at(8);
    KEY[0].store(u64::from_le_bytes(k0.try_into().expect("half of 16")), Ordering::Relaxed);
    KEY[1].store(u64::from_le_bytes(k1.try_into().expect("half of 16")), Ordering::Relaxed);
}

/// Sets a random key from the system.
///
/// # Errors
/// When the system has no randomness to give.
pub fn set_random_key() -> Result<(), getrandom::Error> {
    let mut key = [0u8; 16];
    getrandom::fill(&mut key)?;
    set_key(key);
    Ok(())
}

/// The keyed hash of `data`.
#[inline]
pub fn siphash(data: &[u8]) -> u64 {
    sip12(KEY[0].load(Ordering::Relaxed), KEY[1].load(Ordering::Relaxed), data, |word| word)
}

/// The keyed hash of `data` with ASCII letters taken as lower case.
pub fn siphash_nocase(data: &[u8]) -> u64 {
    sip12(KEY[0].load(Ordering::Relaxed), KEY[1].load(Ordering::Relaxed), data, lower)
}

/// Lower-cases the ASCII letters in eight bytes at once.
#[inline]
fn lower(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low7 = word & (0x7f * EACH);
    let above_z = low7 + (0x7f - b'Z') as u64 * EACH;
    let from_a = low7 + (0x80 - b'A') as u64 * EACH;
    let upper = (from_a & !above_z & !word) & (0x80 * EACH);
    word | (upper >> 2)
}

struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    #[inline(always)]
    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }

    #[inline(always)]
    fn block(&mut self, m: u64) {
        self.v3 ^= m;
        self.round();
        self.v0 ^= m;
    }
}

#[inline(always)]
fn sip12(k0: u64, k1: u64, data: &[u8], map: impl Fn(u64) -> u64) -> u64 {
    let mut s = State {
        v0: k0 ^ 0x736f_6d65_7073_6575,
        v1: k1 ^ 0x646f_7261_6e64_6f6d,
        v2: k0 ^ 0x6c79_6765_6e65_7261,
        v3: k1 ^ 0x7465_6462_7974_6573,
    };
    let (blocks, tail) = data.as_chunks::<8>();
    for block in blocks {
        s.block(map(u64::from_le_bytes(*block)));
    }
    s.block(map(tail_word(data, tail)) | ((data.len() as u64) << 56));
    s.v2 ^= 0xff;
    s.round();
    s.round();
    s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

/// The last 0 to 7 bytes as a little-endian number.
#[inline(always)]
fn tail_word(data: &[u8], tail: &[u8]) -> u64 {
    if tail.is_empty() {
        return 0;
    }
    // One overlapping load, shifted, wherever eight bytes exist.
    if let Some(last) = data.last_chunk::<8>() {
        return u64::from_le_bytes(*last) >> (8 * (8 - tail.len()));
    }
    tail.iter().rev().fold(0, |word, &byte| (word << 8) | byte as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(data: &[u8]) -> u64 {
        sip12(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908, data, |w| w)
    }

    /// Byte-wise reference written from the paper.
    fn naive(data: &[u8]) -> u64 {
        let (k0, k1) = (0x0706_0504_0302_0100u64, 0x0f0e_0d0c_0b0a_0908u64);
        let mut s = State {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            v1: k1 ^ 0x646f_7261_6e64_6f6d,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        };
        let mut padded = data.to_vec();
        while padded.len() % 8 != 7 {
            padded.push(0);
        }
        padded.push(data.len() as u8);
        for b in padded.chunks(8) {
            s.block(b.iter().rev().fold(0, |w, &x| (w << 8) | x as u64));
        }
        s.v2 ^= 0xff;
        s.round();
        s.round();
        s.v0 ^ s.v1 ^ s.v2 ^ s.v3
    }

    #[test]
    fn every_length_agrees_with_the_byte_wise_form() {
        let data: Vec<u8> = (0..200u8).map(|i| i.wrapping_mul(37)).collect();
        for len in 0..data.len() {
            assert_eq!(plain(&data[..len]), naive(&data[..len]), "length {len}");
        }
    }

    #[test]
    fn letters_of_both_cases_hash_alike_and_nothing_else_does() {
        for byte in 0..=255u8 {
            let word = u64::from_le_bytes([byte; 8]);
            assert_eq!(lower(word), u64::from_le_bytes([byte.to_ascii_lowercase(); 8]));
        }
        assert_eq!(siphash_nocase(b"MaxMemory-Policy"), siphash_nocase(b"maxmemory-policy"));
        assert_eq!(siphash_nocase(b"GeT"), siphash(b"get"));
        assert_ne!(siphash_nocase(b"get"), siphash_nocase(b"got"));
    }
}
