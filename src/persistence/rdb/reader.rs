//! Reading the parts of an RDB: bytes, lengths, strings, numbers; from a file, a socket or a
//! payload in memory.
//!
//! Not here: values, keys and opcodes (`object_load`, `load`). The reader computes the checksum of
//! what it hands out and tells the target how far it is.
//!
//! Invariants: nothing panics whatever the input is; no allocation is larger than a constant factor
//! of the input that is there, whatever lengths the input claims.

use std::borrow::Cow;
use std::fmt;
use std::io::{ErrorKind, Read};

use super::format::{length, score_text, string_encoding};
use super::load::LoadTarget;
use crate::storage::encoding::lzf;
use crate::util::crc64;

/// Bytes read at once; longer strings are gathered apart.
const BUFFER_BYTES: usize = 128 * 1024;
/// First allocation for a string whose claimed length the source does not vouch for.
const UNTRUSTED_BYTES: u64 = 1024 * 1024;
/// Room that is made for things whose claimed number the source does not vouch for. Each may cost
/// some ten bytes of a table.
const UNTRUSTED_COUNT: u64 = 16 * 1024;
/// Scratch memory that is kept from one long string to the next.
const SCRATCH_KEPT_BYTES: usize = 1024 * 1024;

/// Why reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The input ends too early, or could not be read.
    ShortRead,
    /// As `ShortRead`, where more is known about what was missing.
    Missing(Cow<'static, str>),
    /// The bytes are no RDB: what is wrong.
    Corrupt(Cow<'static, str>),
    /// The target did not want more.
    Stopped,
}

impl Fault {
    pub fn corrupt(text: &'static str) -> Fault {
        Fault::Corrupt(Cow::Borrowed(text))
    }

    /// A short read is told as damage, in these words; other faults stay what they are.
    pub fn short_read_as(self, text: &'static str) -> Fault {
        if self == Fault::ShortRead { Fault::corrupt(text) } else { self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::ShortRead => f.write_str("Unexpected EOF reading RDB file"),
            Fault::Stopped => f.write_str("Loading was stopped"),
            Fault::Missing(text) | Fault::Corrupt(text) => f.write_str(text),
        }
    }
}

/// A string, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdbStr<'r> {
    Int(i64),
    Bytes(&'r [u8]),
}

/// Where a string lies that was just read.
#[derive(Clone, Copy)]
enum Place {
    Buffer { start: usize, end: usize },
    Scratch,
    Int(i64),
}

/// What stands where a length is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Plain(u64),
    /// No length, but how a string is encoded (`string_encoding`).
    Encoded(u8),
}

/// See the file's documentation.
pub struct Reader<'a> {
    buf: Cow<'a, [u8]>,
    /// Next byte to hand out; `pos <= end <= buf.len()`.
    pos: usize,
    end: usize,
    source: Option<&'a mut dyn Read>,
    target: Option<&'a mut dyn LoadTarget>,
    /// Offset of `buf[0]` in the whole input.
    base: u64,
    /// Bytes of the whole input, if known.
    total: Option<u64>,
    /// CRC of the input before `buf[crc_pos]`.
    crc: u64,
    crc_pos: usize,
    /// Strings that are not plain bytes of the buffer.
    scratch: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Of a payload in memory.
    pub fn of_slice(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            buf: Cow::Borrowed(bytes),
            pos: 0,
            end: bytes.len(),
            source: None,
            target: None,
            base: 0,
            total: Some(bytes.len() as u64),
            crc: 0,
            crc_pos: 0,
            scratch: Vec::new(),
        }
    }

    /// Of a stream of `total` bytes (`None`: nobody knows), which is read ahead. `target` gets the
    /// data and hears of the progress.
    pub fn of_source(
        source: &'a mut dyn Read,
        total: Option<u64>,
        target: &'a mut dyn LoadTarget,
    ) -> Reader<'a> {
        Reader { target: Some(target), ..Reader::of_file(source, total) }
    }

    /// Of a stream that is only looked at.
    pub fn of_file(source: &'a mut dyn Read, total: Option<u64>) -> Reader<'a> {
        Reader {
            buf: Cow::Owned(vec![0; BUFFER_BYTES]),
            end: 0,
            source: Some(source),
            total,
            ..Reader::of_slice(&[])
        }
    }

    /// The target; only readers made with `of_source` have one.
    pub fn target(&mut self) -> Option<&mut (dyn LoadTarget + 'a)> {
        self.target.as_deref_mut()
    }

    /// Bytes handed out so far.
    #[inline]
    pub fn processed(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// Bytes that are still to come, if known.
    pub fn remaining(&self) -> Option<u64> {
        Some(self.total?.saturating_sub(self.processed()))
    }

    /// Whether everything was handed out (of a payload).
    pub fn is_at_end(&self) -> bool {
        self.pos == self.end && self.source.is_none()
    }

    /// Bytes that were read ahead and not handed out.
    pub fn unread(&self) -> &[u8] {
        &self.buf[self.pos..self.end]
    }

    /// `count` things of at least `each` bytes are announced: how many to make room for.
    pub fn justified(&self, count: u64, each: u64) -> usize {
        let most = self.remaining().map_or(UNTRUSTED_COUNT, |bytes| bytes / each.max(1));
        count.min(most) as usize
    }

    /// The CRC-64 of everything handed out so far.
    pub fn checksum(&mut self) -> u64 {
        self.crc = crc64::update(self.crc, &self.buf[self.crc_pos..self.pos]);
        self.crc_pos = self.pos;
        self.crc
    }

    /// Makes at least `need` (at most `BUFFER_BYTES`) bytes available.
    #[cold]
    fn fill(&mut self, need: usize) -> Result<(), Fault> {
        self.checksum();
        let Some(source) = self.source.as_deref_mut() else { return Err(Fault::ShortRead) };
        let buf = self.buf.to_mut();
        buf.copy_within(self.pos..self.end, 0);
        self.base += self.pos as u64;
        (self.end, self.pos, self.crc_pos) = (self.end - self.pos, 0, 0);
        while self.end < need {
            self.end += read_some(source, &mut buf[self.end..])?;
        }
        let processed = self.processed();
        if let Some(target) = self.target.as_deref_mut()
            && !target.progress(processed)
        {
            return Err(Fault::Stopped);
        }
        Ok(())
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        if self.end - self.pos < N {
            self.fill(N)?;
        }
        let bytes = self.buf[self.pos..].first_chunk::<N>().expect("filled");
        self.pos += N;
        Ok(*bytes)
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    /// The next `len` bytes, valid until the next call.
    #[inline]
    pub fn raw(&mut self, len: u64) -> Result<&[u8], Fault> {
        let place = self.locate_raw(len)?;
        Ok(self.bytes_at(place))
    }

    #[inline]
    fn locate_raw(&mut self, len: u64) -> Result<Place, Fault> {
        if len > (self.end - self.pos) as u64 {
            if len > BUFFER_BYTES as u64 && self.source.is_some() {
                return self.locate_long(len);
            }
            self.fill(usize::try_from(len).map_err(|_| Fault::ShortRead)?)?;
        }
        let start = self.pos;
        self.pos += len as usize;
        Ok(Place::Buffer { start, end: self.pos })
    }

    #[cold]
    fn locate_long(&mut self, len: u64) -> Result<Place, Fault> {
        let mut long = std::mem::take(&mut self.scratch);
        let result = self.gather(len, &mut long);
        self.scratch = long;
        result.map(|()| Place::Scratch)
    }

    /// The bytes of a place; an integer has none.
    #[inline]
    fn bytes_at(&self, place: Place) -> &[u8] {
        match place {
            Place::Buffer { start, end } => &self.buf[start..end],
            Place::Scratch => &self.scratch,
            Place::Int(_) => &[],
        }
    }

    /// Reads `len` bytes, more than the buffer holds, into `out`.
    fn gather(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.remaining().is_some_and(|rest| rest < len) {
            return Err(Fault::ShortRead);
        }
        let trusted = if self.total.is_some() { len } else { len.min(UNTRUSTED_BYTES) };
        out.clear();
        out.reserve(trusted as usize);
        while (out.len() as u64) < len {
            if self.pos == self.end {
                self.fill(1)?;
            }
            let missing = len - out.len() as u64;
            let step = missing.min((self.end - self.pos) as u64) as usize;
            out.extend_from_slice(&self.buf[self.pos..self.pos + step]);
            self.pos += step;
        }
        Ok(())
    }

    /// A length, or how the string that follows is encoded.
    #[inline]
    pub fn length_or_encoding(&mut self) -> Result<Length, Fault> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            length::BITS_6 => Length::Plain(u64::from(first)),
            length::BITS_14 => {
                let low = self.byte()?;
                Length::Plain(u64::from(first & 0x3F) << 8 | u64::from(low))
            }
            length::ENCODED => Length::Encoded(first & 0x3F),
            kind => match first {
                length::U32 => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
                length::U64 => Length::Plain(u64::from_be_bytes(self.array()?)),
                _ => {
                    let text = format!("Unknown length encoding {kind} in rdbLoadLen()");
                    return Err(Fault::Corrupt(text.into()));
                }
            },
        })
    }

    /// A length. Where only a string's encoding can stand, its number is taken for the length, as
    /// Redis does.
    #[inline]
    pub fn length(&mut self) -> Result<u64, Fault> {
        match self.length_or_encoding()? {
            Length::Plain(len) => Ok(len),
            Length::Encoded(code) => Ok(u64::from(code)),
        }
    }

    /// A string, valid until the next call.
    #[inline]
    pub fn string(&mut self) -> Result<RdbStr<'_>, Fault> {
        Ok(match self.locate_string()? {
            Place::Int(int) => RdbStr::Int(int),
            place => RdbStr::Bytes(self.bytes_at(place)),
        })
    }

    /// Hands a string to the target. `Ok(Err(text))`: `store` returned false.
    ///
    /// # Errors
    /// If there is no string.
    pub fn string_to_target(
        &mut self,
        store: impl FnOnce(RdbStr<'_>, &mut dyn LoadTarget) -> bool,
    ) -> Result<Result<(), Vec<u8>>, Fault> {
        let place = self.locate_string()?;
        let mut digits = itoa::Buffer::new();
        let (value, text) = match place {
            Place::Int(int) => (RdbStr::Int(int), digits.format(int).as_bytes()),
            Place::Buffer { start, end } => (RdbStr::Bytes(&[]), &self.buf[start..end]),
            Place::Scratch => (RdbStr::Bytes(&[]), self.scratch.as_slice()),
        };
        let value = if let RdbStr::Int(_) = value { value } else { RdbStr::Bytes(text) };
        let target = self.target.as_deref_mut().expect("callers have a target");
        Ok(if store(value, target) { Ok(()) } else { Err(text.to_vec()) })
    }

    #[inline]
    fn locate_string(&mut self) -> Result<Place, Fault> {
        match self.length_or_encoding()? {
            Length::Plain(len) => self.locate_raw(len),
            Length::Encoded(encoding) => self.locate_encoded(encoding),
        }
    }

    fn locate_encoded(&mut self, encoding: u8) -> Result<Place, Fault> {
        Ok(Place::Int(match encoding {
            string_encoding::INT8 => i64::from(i8::from_le_bytes(self.array()?)),
            string_encoding::INT16 => i64::from(i16::from_le_bytes(self.array()?)),
            string_encoding::INT32 => i64::from(i32::from_le_bytes(self.array()?)),
            string_encoding::LZF => {
                self.decompress()?;
                return Ok(Place::Scratch);
            }
            _ => {
                let text = format!("Unknown RDB string encoding type {encoding}");
                return Err(Fault::Corrupt(text.into()));
            }
        }))
    }

    /// The rest of a compressed string, into `scratch`.
    fn decompress(&mut self) -> Result<(), Fault> {
        let (compressed_len, len) = (self.length()?, self.length()?);
        let len = usize::try_from(len).map_err(|_| Fault::ShortRead)?;
        let plain = lzf::decompress(self.raw(compressed_len)?, len)
            .ok_or(Fault::corrupt("Invalid LZF compressed string"))?;
        self.scratch = plain;
        Ok(())
    }

    /// A string's text, valid until the next call.
    #[inline]
    pub fn text(&mut self) -> Result<&[u8], Fault> {
        let mut place = self.locate_string()?;
        if let Place::Int(int) = place {
            self.scratch.clear();
            self.scratch.extend_from_slice(itoa::Buffer::new().format(int).as_bytes());
            place = Place::Scratch;
        }
        Ok(self.bytes_at(place))
    }

    /// A string's text into `out`, whose contents go.
    #[inline]
    pub fn text_into(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.clear();
        out.extend_from_slice(self.text()?);
        Ok(())
    }

    /// A string's text of its own.
    pub fn text_vec(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(self.text()?.to_vec())
    }

    /// A time, ms since the epoch.
    pub fn millisecond_time(&mut self) -> Result<i64, Fault> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A binary double.
    #[inline]
    pub fn double(&mut self) -> Result<f64, Fault> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A double as text (`RdbType::ZSet`).
    pub fn double_text(&mut self) -> Result<f64, Fault> {
        let len = match self.byte()? {
            score_text::NEGATIVE_INFINITY => return Ok(f64::NEG_INFINITY),
            score_text::POSITIVE_INFINITY => return Ok(f64::INFINITY),
            score_text::NAN => return Ok(f64::NAN),
            len => len,
        };
        let text = std::str::from_utf8(self.raw(u64::from(len))?).map_err(|_| Fault::ShortRead)?;
        text.trim().parse().map_err(|_| Fault::ShortRead)
    }

    /// Gives back what a very long string took.
    pub fn trim_scratch(&mut self) {
        if self.scratch.capacity() > SCRATCH_KEPT_BYTES {
            self.scratch = Vec::new();
        }
    }
}

/// Reads at least one byte.
fn read_some(source: &mut dyn Read, buf: &mut [u8]) -> Result<usize, Fault> {
    loop {
        match source.read(buf) {
            Ok(0) => return Err(Fault::ShortRead),
            Ok(bytes) => return Ok(bytes),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(Fault::ShortRead),
        }
    }
}
