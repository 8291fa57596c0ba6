//! LZF compression, the format of LibLZF that Redis uses in RDB files and list nodes. All indexes
//! are checked: no input can make it panic or read outside its slices. The compressed bytes need
//! not equal those of the C library (its own output depends on stale memory); every LZF decoder
//! reads them.
//!
//! ```text
//! 000LLLLL  L+1 bytes                  literal run of 1..32 bytes
//! LLLOOOOO OOOOOOOO                    copy L+2 (3..8) bytes from O+1 (1..8192) bytes back
//! 111OOOOO LLLLLLLL OOOOOOOO           copy L+9 (9..264) bytes from O+1 bytes back
//! ```

use std::cell::RefCell;

const HASH_BITS: u32 = 16;
const MAX_LITERAL: usize = 32;
const MAX_OFFSET: usize = 1 << 13;
const MAX_MATCH: usize = 264;

/// The most bytes that one compressed byte can stand for: 3 bytes give 264.
const MAX_EXPANSION: usize = 88;

/// The hash table of the compressor, reusable. Positions are stored relative to a base that grows
/// with every call, so old entries are recognised without clearing the 256 KB.
pub struct Compressor {
    table: Box<[u32]>,
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// An empty table.
    pub fn new() -> Self {
        Self { table: vec![0; 1 << HASH_BITS].into_boxed_slice(), base: 1 }
    }

    /// Appends the compressed `input` to `out` if it takes at most `max_len` bytes and returns its
    /// length; else leaves `out` as it was.
    pub fn compress(&mut self, input: &[u8], max_len: usize, out: &mut Vec<u8>) -> Option<usize> {
        let len = u32::try_from(input.len()).ok().filter(|&len| len < u32::MAX / 2)?;
        if len == 0 {
            return None;
        }
        if self.base > u32::MAX - len {
            self.table.fill(0);
            self.base = 1;
        }
        let start = out.len();
        let done = self.run(input, max_len, out, start);
        self.base += len;
        if done.is_none() {
            out.truncate(start);
        }
        done
    }

    fn run(
        &mut self,
        input: &[u8],
        max_len: usize,
        out: &mut Vec<u8>,
        start: usize,
    ) -> Option<usize> {
        let (mut at, mut literals) = (0, 0);
        while let Some(here) = input.get(at..).and_then(|rest| rest.first_chunk::<3>()) {
            let slot = &mut self.table[hash(*here)];
            let seen = slot.checked_sub(self.base).map(|pos| pos as usize);
            *slot = self.base + at as u32;
            let matched = seen.filter(|&seen| at - seen <= MAX_OFFSET);
            let len = matched.map_or(0, |seen| match_len(input, seen, at));
            if len < 3 {
                at += 1;
                continue;
            }
            push_literals(&input[literals..at], out);
            push_match(at - matched.unwrap_or_default() - 1, len - 2, out);
            if out.len() - start > max_len {
                return None;
            }
            let end = at + len;
            for pos in at + 1..end {
                match input.get(pos..).and_then(|rest| rest.first_chunk::<3>()) {
                    Some(next) => self.table[hash(*next)] = self.base + pos as u32,
                    None => break,
                }
            }
            (at, literals) = (end, end);
        }
        push_literals(&input[literals..], out);
        let len = out.len() - start;
        (len <= max_len).then_some(len)
    }
}

#[inline]
fn hash(bytes: [u8; 3]) -> usize {
    let word = u32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]);
    (word.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

/// Common bytes of `input[seen..]` and `input[at..]`, at most `MAX_MATCH`; `seen < at`.
#[inline]
fn match_len(input: &[u8], seen: usize, at: usize) -> usize {
    let max = (input.len() - at).min(MAX_MATCH);
    let (old, new) = (&input[seen..seen + max], &input[at..at + max]);
    let mut len = 0;
    for (a, b) in old.as_chunks::<8>().0.iter().zip(new.as_chunks::<8>().0) {
        let different = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if different != 0 {
            return len + different.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    len + old[len..].iter().zip(&new[len..]).take_while(|(a, b)| a == b).count()
}

fn push_literals(literals: &[u8], out: &mut Vec<u8>) {
    for run in literals.chunks(MAX_LITERAL) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

/// `offset` = distance - 1, `len` = matched bytes - 2.
fn push_match(offset: usize, len: usize, out: &mut Vec<u8>) {
    let high = (offset >> 8) as u8;
    if len < 7 {
        out.push(high | (len as u8) << 5);
    } else {
        out.extend_from_slice(&[high | 7 << 5, (len - 7) as u8]);
    }
    out.push(offset as u8);
}

/// `Compressor::compress` with the thread's own table.
pub fn compress_limited(input: &[u8], max_len: usize, out: &mut Vec<u8>) -> Option<usize> {
    thread_local! {
        static TABLE: RefCell<Compressor> = RefCell::new(Compressor::new());
    }
    TABLE.with_borrow_mut(|table| table.compress(input, max_len, out))
}

/// Appends the compressed `input` to `out` and returns its length; `None` if it is not smaller.
pub fn compress(input: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    compress_limited(input, input.len().checked_sub(1)?, out)
}

/// The decompressed bytes; `None` if `input` is broken or does not give exactly `expected_len`
/// bytes. Allocates no more than `input` can give.
pub fn decompress(input: &[u8], expected_len: usize) -> Option<Vec<u8>> {
    if expected_len > input.len().saturating_mul(MAX_EXPANSION) {
        return None;
    }
    let mut out = Vec::with_capacity(expected_len);
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        let room = expected_len - out.len();
        if control < 32 {
            let (literals, after) = after.split_at_checked(usize::from(control) + 1)?;
            if literals.len() > room {
                return None;
            }
            out.extend_from_slice(literals);
            rest = after;
            continue;
        }
        let (more, after) = match control >> 5 {
            7 => after.split_first().map(|(&more, after)| (usize::from(more), after))?,
            _ => (0, after),
        };
        let (&low, after) = after.split_first()?;
        let len = usize::from(control >> 5) + more + 2;
        let distance = (usize::from(control & 31) << 8 | usize::from(low)) + 1;
        let from = out.len().checked_sub(distance)?;
        if len > room {
            return None;
        }
        copy_match(&mut out, from, len);
        rest = after;
    }
    (out.len() == expected_len).then_some(out)
}

/// Appends `len` bytes of `out` from `from` on; the source may run into the bytes just written.
fn copy_match(out: &mut Vec<u8>, from: usize, len: usize) {
    let end = out.len() + len;
    while out.len() < end {
        // Each round doubles what can be copied at once if source and target overlap.
        let step = (out.len() - from).min(end - out.len());
        out.extend_from_within(from..from + step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn compressible() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            vec(any::<u8>(), 0..70),
            vec(0u8..3, 0..300),
            (any::<u8>(), 1usize..700).prop_map(|(byte, len)| vec![byte; len]),
        ];
        vec(piece, 0..20).prop_flat_map(|pieces| {
            let len = pieces.len().max(1);
            vec(0..len, 0..20).prop_map(move |order| {
                order.iter().filter_map(|&i| pieces.get(i)).flatten().copied().collect()
            })
        })
    }

    proptest! {
        #[test]
        fn round_trip(inputs in vec(compressible(), 1..4)) {
            let mut table = Compressor::new();
            for input in inputs {
                let mut out = vec![1, 2, 3];
                if let Some(len) = table.compress(&input, usize::MAX, &mut out) {
                    prop_assert_eq!(len + 3, out.len());
                    prop_assert_eq!(decompress(&out[3..], input.len()), Some(input.clone()));
                    prop_assert_eq!(decompress(&out[3..], input.len() + 1), None);
                    prop_assert_eq!(decompress(&out[3..], input.len().saturating_sub(1)), None);
                } else {
                    prop_assert!(input.is_empty());
                }
                let mut smaller = Vec::new();
                match compress(&input, &mut smaller) {
                    Some(len) => prop_assert!(len < input.len() && len == smaller.len()),
                    None => prop_assert!(smaller.is_empty()),
                }
            }
        }

        #[test]
        fn hostile_input_never_panics(input in vec(any::<u8>(), 0..200), len in 0usize..5000) {
            if let Some(out) = decompress(&input, len) {
                prop_assert_eq!(out.len(), len);
            }
        }

        #[test]
        fn damaged_streams_never_panic(
            input in compressible(), at in any::<proptest::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut out = Vec::new();
            if compress(&input, &mut out).is_some() {
                let at = at.index(out.len());
                out[at] = byte;
                let _ = decompress(&out, input.len());
                let _ = decompress(&out[..at], input.len());
            }
        }
    }

    #[test]
    fn base_overflow_clears_the_table() {
        let mut table = Compressor::new();
        table.base = u32::MAX - 1500;
        let input = b"abcabcabcabc".repeat(100);
        for _ in 0..4 {
            let mut out = Vec::new();
            assert!(table.compress(&input, input.len() / 4, &mut out).is_some());
            assert_eq!(decompress(&out, input.len()), Some(input.clone()));
        }
    }

    #[test]
    fn decodes_known_streams() {
        assert_eq!(decompress(&[0, b'a', 0xE0, 0, 0], 10), Some(vec![b'a'; 10]));
        assert_eq!(decompress(&[1, b'a', b'b', 0x20, 1], 5), Some(b"ababa".to_vec()));
        assert_eq!(decompress(&[0x20, 0], 3), None);
        assert_eq!(decompress(&[], 0), Some(Vec::new()));
        assert_eq!(decompress(&[0, b'a'], usize::MAX), None);
    }
}
