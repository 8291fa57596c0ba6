//! The primitives of the RDB format, written into a buffer: lengths, strings (as integers, LZF or
//! plain), numbers. Knows no values.
//!
//! The buffer goes to the sink when it is full, and only then the checksum is brought up to date:
//! over a long piece, while it is still in the cache. The first error of the sink is kept, and
//! nothing is written after it; whoever writes much looks at [`Writer::check`] now and then.

use std::io::{self, Write};

use super::format::{RdbType, length, string_encoding};
use crate::storage::encoding::listpack::{LpValue, parse_int};
use crate::storage::encoding::lzf;
use crate::util::crc64;

/// What is collected before it goes to the sink: within a processor's own cache.
pub const BUFFER_BYTES: usize = 128 * 1024;
/// Texts of integers that are stored in five bytes are no longer than this.
const MAX_INT_TEXT: usize = 11;
/// LZF cannot make shorter strings any shorter.
const MIN_COMPRESS_BYTES: usize = 21;
/// What compression must save.
const MIN_COMPRESS_GAIN: usize = 4;

/// See the file's documentation.
pub struct Writer<'a> {
    /// `None`: everything stays in the buffer.
    sink: Option<&'a mut dyn Write>,
    buffer: Vec<u8>,
    compress: bool,
    checksum: bool,
    crc: u64,
    flushed: u64,
    error: Option<io::Error>,
    lzf: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer into a sink. `compress`: long strings are tried with LZF.
    pub fn new(sink: &'a mut dyn Write, compress: bool, checksum: bool) -> Writer<'a> {
        let buffer = Vec::with_capacity(BUFFER_BYTES + 64);
        Writer { sink: Some(sink), buffer, compress, checksum, ..Writer::in_memory(false) }
    }

    /// A writer whose bytes are asked for with `into_bytes`.
    pub fn in_memory(compress: bool) -> Writer<'a> {
        Writer {
            sink: None,
            buffer: Vec::new(),
            compress,
            checksum: false,
            crc: 0,
            flushed: 0,
            error: None,
            lzf: Vec::new(),
        }
    }

    /// What a writer without a sink was given.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// Bytes written so far.
    pub fn bytes_written(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// The sink's first error.
    #[inline]
    pub fn check(&mut self) -> io::Result<()> {
        match self.error.take() {
            None => Ok(()),
            Some(e) => Err(e),
        }
    }

    /// Hands the buffer to the sink.
    pub fn flush(&mut self) -> io::Result<()> {
        self.give_buffer();
        self.check()
    }

    #[cold]
    fn give_buffer(&mut self) {
        let Some(sink) = self.sink.as_mut() else { return };
        if self.checksum {
            self.crc = crc64::update(self.crc, &self.buffer);
        }
        if self.error.is_none() {
            self.error = sink.write_all(&self.buffer).err();
        }
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
    }

    /// The checksum of all that was written, 0 without `checksum`; the buffer is given away.
    pub fn crc(&mut self) -> u64 {
        self.give_buffer();
        self.crc
    }

    /// Bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES && self.sink.is_some() {
            self.raw_beyond_buffer(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }

    #[cold]
    fn raw_beyond_buffer(&mut self, bytes: &[u8]) {
        self.give_buffer();
        for piece in bytes.chunks(BUFFER_BYTES) {
            self.buffer.extend_from_slice(piece);
            if self.buffer.len() >= BUFFER_BYTES {
                self.give_buffer();
            }
        }
    }

    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.raw(&[byte]);
    }

    #[inline]
    pub fn rdb_type(&mut self, rdb_type: RdbType) {
        self.byte(rdb_type.code());
    }

    /// A length, or another number that is not negative.
    #[inline]
    pub fn len(&mut self, len: u64) {
        match len {
            0..=0x3f => self.byte(length::BITS_6 << 6 | len as u8),
            0x40..=0x3fff => self.raw(&[length::BITS_14 << 6 | (len >> 8) as u8, len as u8]),
            _ => self.long_len(len),
        }
    }

    fn long_len(&mut self, len: u64) {
        match u32::try_from(len) {
            Ok(len) => {
                self.byte(length::U32);
                self.raw(&len.to_be_bytes());
            }
            Err(_) => {
                self.byte(length::U64);
                self.raw(&len.to_be_bytes());
            }
        }
    }

    /// ms since the epoch.
    pub fn millis(&mut self, ms: i64) {
        self.raw(&ms.to_le_bytes());
    }

    pub fn double(&mut self, value: f64) {
        self.raw(&value.to_le_bytes());
    }

    /// A string, in the shortest form that it has.
    #[inline]
    pub fn string(&mut self, bytes: &[u8]) {
        if bytes.len() <= MAX_INT_TEXT
            && let Some(int) = parse_int(bytes)
            && self.short_int(int)
        {
            return;
        }
        if self.compress && bytes.len() >= MIN_COMPRESS_BYTES && self.compressed(bytes) {
            return;
        }
        self.len(bytes.len() as u64);
        self.raw(bytes);
    }

    /// A string that is the text of an integer.
    pub fn int_string(&mut self, int: i64) {
        if !self.short_int(int) {
            let mut digits = itoa::Buffer::new();
            let text = digits.format(int).as_bytes();
            self.len(text.len() as u64);
            self.raw(text);
        }
    }

    /// A string as collections give it.
    #[inline]
    pub fn value_string(&mut self, value: LpValue<'_>) {
        match value {
            LpValue::Str(bytes) => self.string(bytes),
            LpValue::Int(int) => self.int_string(int),
        }
    }

    /// An integer as an encoded string; false if it needs more than 32 bits.
    #[inline]
    fn short_int(&mut self, int: i64) -> bool {
        const ENCODED: u8 = length::ENCODED << 6;
        if let Ok(int) = i8::try_from(int) {
            self.raw(&[ENCODED | string_encoding::INT8, int as u8]);
        } else if let Ok(int) = i16::try_from(int) {
            let [low, high] = int.to_le_bytes();
            self.raw(&[ENCODED | string_encoding::INT16, low, high]);
        } else if let Ok(int) = i32::try_from(int) {
            let [a, b, c, d] = int.to_le_bytes();
            self.raw(&[ENCODED | string_encoding::INT32, a, b, c, d]);
        } else {
            return false;
        }
        true
    }

    /// The string as LZF, if that saves enough.
    fn compressed(&mut self, bytes: &[u8]) -> bool {
        let mut out = std::mem::take(&mut self.lzf);
        out.clear();
        let max = bytes.len() - MIN_COMPRESS_GAIN;
        let done = lzf::compress_limited(bytes, max, &mut out).is_some();
        if done {
            self.lzf_string(&out, bytes.len());
        }
        self.lzf = out;
        done
    }

    /// A string that is compressed already; `raw_len` bytes when it is not.
    pub fn lzf_string(&mut self, data: &[u8], raw_len: usize) {
        self.byte(length::ENCODED << 6 | string_encoding::LZF);
        self.len(data.len() as u64);
        self.len(raw_len as u64);
        self.raw(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut writer = Writer::in_memory(true);
        write(&mut writer);
        writer.into_bytes()
    }

    #[test]
    fn lengths() {
        let of = |len| written(|w| w.len(len));
        assert_eq!(of(63), [63]);
        assert_eq!(of(64), [0x40, 64]);
        assert_eq!(of(16383), [0x7f, 0xff]);
        assert_eq!(of(16384), [0x80, 0, 0, 0x40, 0]);
        assert_eq!(of(1 << 32), [0x81, 0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn strings_take_the_shortest_form() {
        let of = |text: &str| written(|w| w.string(text.as_bytes()));
        assert_eq!(of("-5"), [0xc0, 0xfb]);
        assert_eq!(of("300"), [0xc1, 44, 1]);
        assert_eq!(of("70000"), [0xc2, 0x70, 0x11, 1, 0]);
        assert_eq!(of("007"), [3, b'0', b'0', b'7']);
        assert_eq!(of("4294967296"), [&[10], &b"4294967296"[..]].concat());
        assert_eq!(of(""), [0]);
        let long = "a".repeat(100);
        let bytes = of(&long);
        assert_eq!(bytes[0], 0xc3);
        assert!(bytes.len() < 20, "{bytes:?}");
        assert_eq!(written(|w| w.int_string(i64::MAX)), of("9223372036854775807"));
    }

    #[test]
    fn a_failing_sink_is_noticed_once_and_given_no_more() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = Full(BUFFER_BYTES);
        let mut writer = Writer::new(&mut sink, false, true);
        writer.raw(&[1; BUFFER_BYTES]);
        assert!(writer.check().is_ok());
        writer.raw(&[1; 10]);
        assert!(writer.flush().is_err());
    }

    proptest! {
        #[test]
        fn pieces_arrive_whole_with_their_checksum(
            pieces in proptest::collection::vec(0usize..200_000, 1..6)
        ) {
            let mut sink = Vec::new();
            let mut writer = Writer::new(&mut sink, false, true);
            let mut all = Vec::new();
            for (idx, len) in pieces.into_iter().enumerate() {
                let piece = vec![idx as u8; len];
                writer.raw(&piece);
                all.extend_from_slice(&piece);
                prop_assert_eq!(writer.bytes_written(), all.len() as u64);
            }
            let crc = writer.crc();
            prop_assert_eq!(crc, crc64::update(0, &all));
            prop_assert_eq!(sink, all);
        }
    }
}
