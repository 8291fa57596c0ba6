//! The loops over many bytes: counting ones, finding a bit, combining bitmaps. Pure functions;
//! bit 0 is the most significant bit of the first byte.
//!
//! They work on arrays of words so that the compiler makes vector code of them on any machine.
//! Where the processor cannot count the ones of vectors, counting is Harley and Seal's (Warren,
//! Hacker's Delight, 5-1): carry-save adders turn sixteen vectors into one, of which alone the ones
//! are counted.

use crate::storage::object::RawStr;
use crate::sys::simd::{self, Kernel, widest};

const WORD: usize = size_of::<u64>();
/// Words in a vector.
const LANES: usize = 4;
/// Vectors that one round of the adder tree takes.
const ROUND: usize = 16;
const ROUND_BYTES: usize = ROUND * LANES * WORD;
/// BITOP treats this much of all operands before it goes on, so that the result stays in the
/// first-level cache.
const BLOCK: usize = 8 * 1024;

type Vector = [u64; LANES];

/// Adds three bits of each position; `c` becomes the sum's low bits, the high ones are returned.
#[inline(always)]
fn add3(a: &Vector, b: &Vector, c: &mut Vector) -> Vector {
    let mut carry = [0; LANES];
    for i in 0..LANES {
        let half = a[i] ^ b[i];
        carry[i] = (a[i] & b[i]) | (half & c[i]);
        c[i] ^= half;
    }
    carry
}

#[inline(always)]
fn vector_ones(v: &Vector) -> u64 {
    v.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Vector number `n`.
#[inline(always)]
fn load(bytes: &[u8; ROUND_BYTES], n: usize) -> Vector {
    let mut v = [0; LANES];
    for (i, word) in v.iter_mut().enumerate() {
        let at = (n * LANES + i) * WORD;
        *word = word_at(bytes, at);
    }
    v
}

/// The word at byte `at`, in the machine's order.
#[inline(always)]
fn word_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + WORD].try_into().expect("a word"))
}

/// Ones of all bytes.
struct Popcount<'a>(&'a [u8]);

impl Kernel for Popcount<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        popcount(self.0)
    }
}

#[inline(always)]
fn popcount(bytes: &[u8]) -> u64 {
    let (rounds, rest) = bytes.as_chunks::<ROUND_BYTES>();
    let zero = [0; LANES];
    let (mut ones, mut twos, mut fours, mut eights) = (zero, zero, zero, zero);
    let mut sixteens = 0;
    for round in rounds {
        // Carries out of each level of the tree, waiting for their sibling.
        let (mut two, mut four, mut eight) = (zero, zero, zero);
        for pair in 0..ROUND / 2 {
            let carry = add3(&load(round, 2 * pair), &load(round, 2 * pair + 1), &mut ones);
            if pair % 2 == 0 {
                two = carry;
                continue;
            }
            let carry = add3(&two, &carry, &mut twos);
            if pair % 4 == 1 {
                four = carry;
                continue;
            }
            let carry = add3(&four, &carry, &mut fours);
            if pair % 8 == 3 {
                eight = carry;
                continue;
            }
            sixteens += vector_ones(&add3(&eight, &carry, &mut eights));
        }
    }
    let (words, tail) = rest.as_chunks::<WORD>();
    let in_words: u64 = words.iter().map(|w| u64::from(u64::from_ne_bytes(*w).count_ones())).sum();
    let in_tail: u64 = tail.iter().map(|byte| u64::from(byte.count_ones())).sum();
    let levels = [&ones, &twos, &fours, &eights];
    let in_levels: u64 = levels.iter().enumerate().map(|(i, v)| vector_ones(v) << i).sum();
    16 * sixteens + in_levels + in_words + in_tail
}

/// Ones of all bytes, for processors that count in whole vectors.
struct PlainPopcount<'a>(&'a [u8]);

impl Kernel for PlainPopcount<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let (words, tail) = self.0.as_chunks::<WORD>();
        let ones = |word: &[u8; WORD]| u64::from(u64::from_ne_bytes(*word).count_ones());
        let in_words: u64 = words.iter().map(ones).sum();
        in_words + tail.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
    }
}

/// Ones of all bytes, by the quickest way that this machine has.
fn all_ones(bytes: &[u8]) -> u64 {
    simd::with_vector_popcount(PlainPopcount(bytes)).unwrap_or_else(|| widest(Popcount(bytes)))
}

/// Ones from bit `first` to bit `last`, both within `bytes`.
pub fn count_ones(bytes: &[u8], first: usize, last: usize) -> u64 {
    let bytes = &bytes[first / 8..=last / 8];
    let before = bytes[0] & !(0xff >> (first % 8));
    let after = bytes[bytes.len() - 1] & (0x7f >> (last % 8));
    all_ones(bytes) - u64::from(before.count_ones() + after.count_ones())
}

/// The first bit of all bytes that is `bit`.
fn first_bit(bytes: &[u8], bit: bool) -> Option<usize> {
    let dull = if bit { 0 } else { u64::MAX };
    let (blocks, _) = bytes.as_chunks::<{ LANES * 2 * WORD }>();
    let is_dull = |block: &&[u8; LANES * 2 * WORD]| {
        let (words, _) = block.as_chunks::<WORD>();
        words.iter().fold(0, |seen, w| seen | (u64::from_ne_bytes(*w) ^ dull)) == 0
    };
    let skipped = blocks.iter().take_while(is_dull).count() * LANES * 2 * WORD;
    let (words, tail) = bytes[skipped..].as_chunks::<WORD>();
    for (i, word) in words.iter().enumerate() {
        let differing = u64::from_be_bytes(*word) ^ dull;
        if differing != 0 {
            return Some((skipped + i * WORD) * 8 + differing.leading_zeros() as usize);
        }
    }
    let at = bytes.len() - tail.len();
    let i = tail.iter().position(|byte| *byte != dull as u8)?;
    Some((at + i) * 8 + (tail[i] ^ dull as u8).leading_zeros() as usize)
}

/// The first bit that is `bit` from bit `first` to bit `last`, both within `bytes`.
pub fn find_bit(bytes: &[u8], bit: bool, first: usize, last: usize) -> Option<usize> {
    let (start, end) = (first / 8, last / 8);
    let outside = !(0xff >> (first % 8));
    let head = if bit { bytes[start] & !outside } else { bytes[start] | outside };
    let found = match first_bit(&[head], bit) {
        Some(pos) => start * 8 + pos,
        None => (start + 1) * 8 + first_bit(&bytes[start + 1..=end], bit)?,
    };
    (found <= last).then_some(found)
}

/// What BITOP does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    And,
    Or,
    Xor,
    /// Of one operand.
    Not,
}

/// Combines bitmaps into one of `len` bytes, the length of the longest; shorter ones are followed
/// by zeros.
pub fn combine(op: Op, operands: &[impl AsRef<[u8]>], len: usize) -> RawStr {
    let mut result = RawStr::with_capacity(len);
    let (first, others) = operands.split_first().expect("BITOP has an operand");
    let first = first.as_ref();
    for start in (0..len).step_by(BLOCK) {
        let end = len.min(start + BLOCK);
        let part = |operand: &'_ [u8]| start.min(operand.len())..end.min(operand.len());
        // What the first two have in common is combined on its way into the result.
        let second = if op == Op::Not { None } else { others.first().map(AsRef::as_ref) };
        let (a, b) = (&first[part(first)], second.map(|second| &second[part(second)]));
        widest(Begin { op, result: &mut result, a, b });
        result.grow_zeroed(end);
        let block = &mut result.as_mut_slice()[start..end];
        for other in others.iter().skip(1) {
            let other = other.as_ref();
            widest(Combine { op, block: &mut *block, other: &other[part(other)] });
        }
    }
    result
}

/// Appends what one or two operands give, but for zeros at its end.
struct Begin<'a> {
    op: Op,
    result: &'a mut RawStr,
    a: &'a [u8],
    b: Option<&'a [u8]>,
}

impl Kernel for Begin<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Begin { op, result, a, b } = self;
        let Some(b) = b else {
            return match op {
                Op::Not => result.append_mapped(a, |byte| !byte),
                _ => result.append(a),
            };
        };
        match op {
            Op::And => result.append_combined(a, b, |a, b| a & b),
            Op::Or => result.append_combined(a, b, |a, b| a | b),
            Op::Xor => result.append_combined(a, b, |a, b| a ^ b),
            Op::Not => {}
        }
        if op != Op::And {
            let longer = if a.len() > b.len() { a } else { b };
            result.append(&longer[a.len().min(b.len())..]);
        }
    }
}

/// `block op= other`, of which the end may be missing.
struct Combine<'a> {
    op: Op,
    block: &'a mut [u8],
    other: &'a [u8],
}

impl Kernel for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        combine_block(self.op, self.block, self.other);
    }
}

#[inline(always)]
fn combine_block(op: Op, block: &mut [u8], other: &[u8]) {
    let (shared, rest) = block.split_at_mut(other.len());
    let pairs = shared.iter_mut().zip(other);
    match op {
        Op::And => {
            pairs.for_each(|(byte, other)| *byte &= other);
            rest.fill(0);
        }
        Op::Or => pairs.for_each(|(byte, other)| *byte |= other),
        Op::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
        Op::Not => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_counting() {
        let bytes: Vec<u8> = (0..5000u32).map(|i| ((i * i) >> 3) as u8).collect();
        for len in [0, 1, 8, 511, 512, 513, 5000] {
            let bytes = &bytes[..len];
            let naive: u64 = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
            assert_eq!(widest(Popcount(bytes)), naive);
            assert_eq!(all_ones(bytes), naive);
        }
    }
}
