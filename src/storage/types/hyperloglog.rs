//! HyperLogLog: an estimate of how many different elements were added, in at most 12 kB. A value
//! of this type is a string, of which clients see the bytes; the bytes are Redis'.
//!
//! ```text
//! OFFSET  SIZE   DESCRIPTION
//!      0     4   "HYLL"
//!      4     1   encoding: 0 dense, 1 sparse
//!      5     3   zero
//!      8     8   cached cardinality, little-endian; its top bit set = not valid
//!     16     …   dense: 16384 registers of 6 bits (12288 bytes); sparse: runs, see `sparse`
//! ```
//!
//! Not the look-up of keys, nor what is said about wrong ones. Invariant: nothing here trusts the
//! bytes after the header, as SETRANGE may have written any: a sparse text that does not describe
//! 16384 registers is [`Corrupted`].
//!
//! The estimator is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog
//! sketches", arXiv:1702.01284); the hash is 64-bit MurmurHash2 with Redis' seed.

mod registers;
mod sparse;
#[cfg(test)]
mod tests;

pub use registers::{MAX_REGISTER, REGISTERS, Registers};
pub use sparse::Run;

use registers::{DENSE_BYTES, get_dense, set_dense};

use crate::storage::object::RawStr;

const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const CARD_AT: usize = 8;
/// Bytes before the registers.
pub const HEADER: usize = 16;
const DENSE_LEN: usize = HEADER + DENSE_BYTES;
/// The top bit of the cached cardinality's last byte.
const STALE: u8 = 0x80;
/// Bits of the hash that choose the register; the others make the pattern.
const INDEX_BITS: u32 = 14;
const PATTERN_BITS: u32 = 64 - INDEX_BITS;
const SEED: u64 = 0xadc8_3b19;

/// How the registers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Dense,
    Sparse,
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        }
    }
}

/// The runs of a sparse text do not describe the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupted;

/// The encoding, if the text begins as a HyperLogLog does and its length may be right.
pub fn encoding(text: &[u8]) -> Option<Encoding> {
    if text.len() < HEADER || !text.starts_with(MAGIC) {
        return None;
    }
    match text[ENCODING_AT] {
        DENSE => (text.len() == DENSE_LEN).then_some(Encoding::Dense),
        SPARSE => Some(Encoding::Sparse),
        _ => None,
    }
}

fn is_dense(text: &[u8]) -> bool {
    encoding(text) == Some(Encoding::Dense)
}

/// A sparse text without elements, its cached cardinality 0.
pub fn new() -> RawStr {
    let mut text = RawStr::with_capacity(HEADER + 2);
    text.append(MAGIC);
    text.append(&[SPARSE, 0, 0, 0]);
    text.append(&[0; 8]);
    sparse::push_zeros(&mut text, REGISTERS);
    text
}

/// The cardinality counted before, unless a register changed since.
pub fn cached(text: &[u8]) -> Option<u64> {
    let card: [u8; 8] = text[CARD_AT..HEADER].try_into().expect("eight bytes");
    (card[7] & STALE == 0).then(|| u64::from_le_bytes(card))
}

/// Keeps the cardinality for [`cached`].
pub fn set_cached(text: &mut [u8], card: u64) {
    text[CARD_AT..HEADER].copy_from_slice(&card.to_le_bytes());
}

/// A register has changed.
pub fn invalidate(text: &mut [u8]) {
    text[HEADER - 1] |= STALE;
}

/// The estimate of the number of elements.
pub fn count(text: &[u8]) -> Result<u64, Corrupted> {
    if is_dense(text) {
        let mut registers = Registers::new();
        registers.merge(text)?;
        return Ok(registers.count());
    }
    Ok(registers::estimate(&sparse::histogram(&text[HEADER..])?))
}

/// Adds an element; true if a register changed, which makes the cached cardinality stale. A sparse
/// text that would become longer than `sparse_max` bytes becomes dense.
pub fn add(text: &mut RawStr, element: &[u8], sparse_max: usize) -> Result<bool, Corrupted> {
    let (idx, pattern) = place(element);
    raise(text, idx, pattern, sparse_max)
}

/// Raises register `idx` to `value` if it is lower.
fn raise(text: &mut RawStr, idx: usize, value: u8, sparse_max: usize) -> Result<bool, Corrupted> {
    if !is_dense(text.as_slice()) {
        match sparse::raise(text, idx, value, sparse_max)? {
            sparse::Raised::Not => return Ok(false),
            sparse::Raised::Yes => {
                invalidate(text.as_mut_slice());
                return Ok(true);
            }
            sparse::Raised::TooBig => drop(to_dense(text)?),
        }
    }
    let registers = &mut text.as_mut_slice()[HEADER..];
    let raised = value > get_dense(registers, idx);
    if raised {
        set_dense(registers, idx, value);
        invalidate(text.as_mut_slice());
    }
    Ok(raised)
}

/// Makes a sparse text dense; false if it is so. The cached cardinality stays.
pub fn to_dense(text: &mut RawStr) -> Result<bool, Corrupted> {
    if is_dense(text.as_slice()) {
        return Ok(false);
    }
    let mut registers = Registers::new();
    registers.merge(text.as_slice())?;
    write_dense(text, &registers);
    Ok(true)
}

fn write_dense(text: &mut RawStr, registers: &Registers) {
    let mut dense = RawStr::with_capacity(DENSE_LEN);
    dense.append(&text.as_slice()[..HEADER]);
    dense.grow_zeroed(DENSE_LEN);
    dense.as_mut_slice()[ENCODING_AT] = DENSE;
    registers.pack(&mut dense.as_mut_slice()[HEADER..]);
    *text = dense;
}

/// The text gets these registers, which are at least as high as its own; dense if it is, if it is
/// told to be, or if the sparse form would be longer than `sparse_max` bytes.
pub fn store(text: &mut RawStr, registers: &Registers, dense: bool, sparse_max: usize) {
    if dense || is_dense(text.as_slice()) {
        write_dense(text, registers);
    } else if let Some(sparse) = sparse::encode(registers, sparse_max) {
        text.truncate(HEADER);
        text.append(&sparse);
    } else {
        write_dense(text, registers);
    }
    invalidate(text.as_mut_slice());
}

/// The runs of a sparse text; an incomplete last one is left out.
pub fn runs(text: &[u8]) -> impl Iterator<Item = Run> {
    sparse::runs(&text[HEADER..]).map(|(_, run)| run)
}

/// The register of an element, and the length of the run of zeros in its hash with the one after.
fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    let idx = hash as usize & (REGISTERS - 1);
    let pattern = (hash >> INDEX_BITS) | 1 << PATTERN_BITS;
    (idx, pattern.trailing_zeros() as u8 + 1)
}

/// MurmurHash2 for 64-bit machines, by Austin Appleby, of little-endian words.
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = (hash ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(M);
    }
    hash ^= hash >> R;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> R)
}

/// Writes random registers one by one and reads them back, `cycles` times: the first that differs,
/// what it should be and what it is.
pub fn test_registers(cycles: usize) -> Result<(), (usize, u8, u8)> {
    let mut dense = vec![0; DENSE_BYTES];
    let mut values = vec![0; REGISTERS];
    for _ in 0..cycles {
        for (idx, value) in values.iter_mut().enumerate() {
            *value = fastrand::u8(..=MAX_REGISTER);
            set_dense(&mut dense, idx, *value);
        }
        let wrong = |(idx, value): &(usize, &u8)| get_dense(&dense, *idx) != **value;
        if let Some((idx, value)) = values.iter().enumerate().find(wrong) {
            return Err((idx, *value, get_dense(&dense, idx)));
        }
    }
    Ok(())
}
