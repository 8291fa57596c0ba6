//! The sparse registers: runs of equal ones, in order.
//!
//! ```text
//! 00llllll            l + 1 registers (1 to 64) are 0
//! 01llllll llllllll   l + 1 registers (1 to 16384) are 0
//! 1vvvvvll            l + 1 registers (1 to 4) are v + 1 (1 to 32)
//! ```
//!
//! Not the header, see the parent. Invariant: a text is changed only where it covers the register
//! in question; whether all runs together cover 16384 is asked by those who read all.

use super::Corrupted;
use super::registers::{REGISTERS, Registers};
use crate::storage::object::RawStr;

const ZERO_MAX_LEN: usize = 64;
const VALUE_MAX_LEN: usize = 4;
/// A higher register needs the dense form.
const MAX_VALUE: u8 = 32;
/// The longest replacement of one run: zeros, value, zeros.
const MAX_SPLIT: usize = 5;
/// Growing, a text takes at most this much more than it needs.
const MAX_SPARE: usize = 300;

/// `len` registers with the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub value: u8,
    pub len: usize,
    /// Zeros in the two-byte form.
    pub long: bool,
}

impl Run {
    fn bytes(self) -> usize {
        1 + usize::from(self.long)
    }
}

/// What [`raise`] did.
#[derive(Debug, PartialEq, Eq)]
pub enum Raised {
    /// The register is as high already.
    Not,
    Yes,
    /// The text must become dense first; nothing was changed.
    TooBig,
}

/// The run at `at`, unless the text ends there or in the middle of it.
#[inline]
fn run_at(runs: &[u8], at: usize) -> Option<Run> {
    let byte = *runs.get(at)?;
    let low = usize::from(byte & 0x3f);
    Some(match byte >> 6 {
        0 => Run { value: 0, len: low + 1, long: false },
        1 => Run { value: 0, len: (low << 8 | usize::from(*runs.get(at + 1)?)) + 1, long: true },
        _ => Run { value: value_of(byte), len: value_len(byte), long: false },
    })
}

fn is_value(byte: u8) -> bool {
    byte & 0x80 != 0
}

fn value_of(byte: u8) -> u8 {
    (byte >> 2 & 0x1f) + 1
}

fn value_len(byte: u8) -> usize {
    usize::from(byte & 3) + 1
}

/// The byte of `len` registers of a value that is not 0.
fn value_byte(value: u8, len: usize) -> u8 {
    debug_assert!((1..=MAX_VALUE).contains(&value) && (1..=VALUE_MAX_LEN).contains(&len));
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// The runs with their offsets, as far as they are whole.
pub fn runs(text: &[u8]) -> impl Iterator<Item = (usize, Run)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let run = run_at(text, at)?;
        let here = at;
        at += run.bytes();
        Some((here, run))
    })
}

/// Calls `f` with the first register of each run and the run; [`Corrupted`] if they do not end
/// with the last register and the text, in which case `f` may have seen some.
pub fn for_each_run(text: &[u8], mut f: impl FnMut(usize, Run)) -> Result<(), Corrupted> {
    let (mut first, mut at) = (0, 0);
    while let Some(run) = run_at(text, at) {
        if first + run.len > REGISTERS {
            return Err(Corrupted);
        }
        f(first, run);
        first += run.len;
        at += run.bytes();
    }
    if first == REGISTERS && at == text.len() { Ok(()) } else { Err(Corrupted) }
}

/// How many registers have each value.
pub fn histogram(text: &[u8]) -> Result<[u32; 64], Corrupted> {
    let mut histogram = [0; 64];
    for_each_run(text, |_, run| histogram[usize::from(run.value)] += run.len as u32)?;
    Ok(histogram)
}

/// A short text, on the stack.
struct Split {
    bytes: [u8; MAX_SPLIT],
    len: usize,
}

impl Split {
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// A part of the run that is being split; nothing if it has no registers.
    fn push_part(&mut self, run: Run, len: usize) {
        if len == 0 {
            return;
        }
        if run.value > 0 {
            self.push(value_byte(run.value, len));
        } else if len > ZERO_MAX_LEN {
            let [high, low] = long_zeros(len);
            self.push(high);
            self.push(low);
        } else {
            self.push(len as u8 - 1);
        }
    }
}

fn long_zeros(len: usize) -> [u8; 2] {
    let len = (len - 1) as u16;
    [0x40 | (len >> 8) as u8, len as u8]
}

/// Appends `len` registers of 0, in the two-byte form.
pub fn push_zeros(text: &mut RawStr, len: usize) {
    text.append(&long_zeros(len));
}

/// Raises register `idx` of a whole HyperLogLog (header included) to `value`.
pub fn raise(
    text: &mut RawStr,
    idx: usize,
    value: u8,
    max_bytes: usize,
) -> Result<Raised, Corrupted> {
    if value > MAX_VALUE {
        return Ok(Raised::TooBig);
    }
    let (mut first, mut at, mut before) = (0, super::HEADER, None);
    let run = loop {
        let run = run_at(text.as_slice(), at).ok_or(Corrupted)?;
        if idx < first + run.len {
            break run;
        }
        before = Some(at);
        first += run.len;
        at += run.bytes();
    };
    if run.value >= value {
        return Ok(Raised::Not);
    }
    let mut split = Split { bytes: [0; MAX_SPLIT], len: 0 };
    split.push_part(run, idx - first);
    split.push(value_byte(value, 1));
    split.push_part(run, first + run.len - 1 - idx);
    if split.len > run.bytes() && text.len() + split.len - run.bytes() > max_bytes {
        return Ok(Raised::TooBig);
    }
    replace(text, at, run.bytes(), &split.bytes[..split.len], max_bytes);
    merge_values(text, before.unwrap_or(super::HEADER));
    Ok(Raised::Yes)
}

/// Puts `new` in the place of `old` bytes at `at`.
fn replace(text: &mut RawStr, at: usize, old: usize, new: &[u8], max_bytes: usize) {
    let len = text.len();
    let grown = len + new.len() - old.min(new.len());
    if grown > text.capacity() {
        let spare = grown.min(MAX_SPARE).min(max_bytes.saturating_sub(grown));
        text.reserve_exact(grown - len + spare);
    }
    if grown > len {
        text.grow_zeroed(grown);
    }
    let bytes = text.as_mut_slice();
    bytes.copy_within(at + old..len, at + new.len());
    bytes[at..at + new.len()].copy_from_slice(new);
    if new.len() < old {
        text.truncate(len - (old - new.len()));
    }
}

/// Joins neighbours of the same value, within five runs from `at`.
fn merge_values(text: &mut RawStr, mut at: usize) {
    for _ in 0..5 {
        let bytes = text.as_slice();
        let Some(run) = run_at(bytes, at) else { return };
        let next = bytes.get(at + 1).copied().filter(|next| is_value(*next));
        match next {
            Some(next) if run.value > 0 && value_of(next) == run.value => {
                let len = run.len + value_len(next);
                if len <= VALUE_MAX_LEN {
                    let merged = [value_byte(run.value, len)];
                    replace(text, at, 2, &merged, 0);
                    continue;
                }
            }
            _ => {}
        }
        at += run.bytes();
    }
}

/// The runs of these registers, as adding them in order to an empty text would make them; `None`
/// if on the way the whole text would be longer than `max_bytes`.
pub fn encode(registers: &Registers, max_bytes: usize) -> Option<Vec<u8>> {
    let mut runs = Vec::with_capacity(256);
    let registers = registers.as_slice();
    let mut at = 0;
    while at < REGISTERS {
        let value = registers[at];
        let max_len = if value == 0 { REGISTERS } else { VALUE_MAX_LEN };
        let len = registers[at..].iter().take(max_len).take_while(|r| **r == value).count();
        match value {
            0 if len > ZERO_MAX_LEN => runs.extend(long_zeros(len)),
            0 => runs.push(len as u8 - 1),
            1..=MAX_VALUE => runs.push(value_byte(value, len)),
            _ => return None,
        }
        at += len;
    }
    let bytes = super::HEADER + runs.len();
    if bytes + MAX_SPLIT <= max_bytes {
        return Some(runs);
    }
    // Near the limit the order of splits and joins decides.
    (bytes <= max_bytes).then(|| encode_one_by_one(registers, max_bytes)).flatten()
}

#[cold]
fn encode_one_by_one(registers: &[u8; REGISTERS], max_bytes: usize) -> Option<Vec<u8>> {
    let mut text = super::new();
    for (idx, value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
        match raise(&mut text, idx, *value, max_bytes) {
            Ok(Raised::Yes) => {}
            _ => return None,
        }
    }
    Some(text.as_slice()[super::HEADER..].to_vec())
}
