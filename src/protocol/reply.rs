//! `Reply`: writes RESP2 or RESP3 into one contiguous buffer. Not the socket's queue: the
//! connection takes the bytes from here when the command is over.
//!
//! Invariant: the buffer holds whole frames, except between `deferred` and `close_deferred`.

use super::error::ReplyError;
use super::number;
use crate::sys::append::append_framed;

/// The replies a command writes.
#[derive(Debug, Default)]
pub struct Reply {
    buf: Vec<u8>,
    resp3: bool,
}

/// A place where an aggregate's header will stand once its length is known.
#[must_use = "close it with close_deferred"]
#[derive(Debug, Clone, Copy)]
pub struct Deferred(usize);

/// The aggregate that a deferred header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Array,
    Set,
    Map,
    Push,
    Attribute,
}

const SMALL_HEADERS: usize = 32;

/// Headers `$0\r\n` .. `$31\r\n` have four or five bytes: made once by the compiler.
const fn small_header(kind: u8, n: usize) -> ([u8; 5], u8) {
    if n < 10 {
        ([kind, b'0' + n as u8, b'\r', b'\n', 0], 4)
    } else {
        ([kind, b'0' + (n / 10) as u8, b'0' + (n % 10) as u8, b'\r', b'\n'], 5)
    }
}

const fn small_headers(kind: u8) -> [([u8; 5], u8); SMALL_HEADERS] {
    let mut table = [([0; 5], 0); SMALL_HEADERS];
    let mut n = 0;
    while n < SMALL_HEADERS {
        table[n] = small_header(kind, n);
        n += 1;
    }
    table
}

/// Bulk strings of less than this many bytes have ready-made headers.
const BULK_HEADERS: usize = 256;

/// The bytes of `$n\r\n` and their number.
const fn bulk_header(n: usize) -> ([u8; 8], u8) {
    let (hundreds, tens) = (b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8);
    let ones = b'0' + (n % 10) as u8;
    match n {
        0..10 => ([b'$', ones, b'\r', b'\n', 0, 0, 0, 0], 4),
        10..100 => ([b'$', tens, ones, b'\r', b'\n', 0, 0, 0], 5),
        _ => ([b'$', hundreds, tens, ones, b'\r', b'\n', 0, 0], 6),
    }
}

const BULK: [([u8; 8], u8); BULK_HEADERS] = {
    let mut table = [([0; 8], 0); BULK_HEADERS];
    let mut n = 0;
    while n < BULK_HEADERS {
        table[n] = bulk_header(n);
        n += 1;
    }
    table
};
const INT: [([u8; 5], u8); SMALL_HEADERS] = small_headers(b':');
const ARRAY: [([u8; 5], u8); SMALL_HEADERS] = small_headers(b'*');

impl Reply {
    pub fn new() -> Reply {
        Reply::default()
    }

    pub fn is_resp3(&self) -> bool {
        self.resp3
    }

    /// 2 or 3.
    pub fn resp(&self) -> u8 {
        if self.resp3 { 3 } else { 2 }
    }

    pub fn set_resp3(&mut self, on: bool) {
        self.resp3 = on;
    }

    /// Bytes waiting in the buffer.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Bytes that the buffer takes without growing.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Forgets what was written after `len`.
    pub fn truncate(&mut self, len: usize) {
        self.buf.truncate(len);
    }

    /// The buffer itself, for the connection that sends it.
    pub fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Appends bytes that are RESP already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// `+text`.
    pub fn simple(&mut self, text: &str) {
        self.buf.push(b'+');
        self.buf.extend_from_slice(text.as_bytes());
        self.crlf();
    }

    pub fn ok(&mut self) {
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    pub fn error(&mut self, error: &ReplyError) {
        self.buf.push(b'-');
        self.buf.extend_from_slice(error.text());
        self.crlf();
    }

    /// Copies all five bytes, a move of fixed size, and takes back those that do not count.
    #[inline]
    fn small_header(&mut self, (bytes, len): &([u8; 5], u8)) {
        self.buf.extend_from_slice(bytes);
        self.buf.truncate(self.buf.len() - (bytes.len() - usize::from(*len)));
    }

    #[inline]
    fn crlf(&mut self) {
        self.buf.extend_from_slice(b"\r\n");
    }

    fn header(&mut self, kind: u8, n: i64) {
        let mut digits = itoa::Buffer::new();
        self.buf.push(kind);
        self.buf.extend_from_slice(digits.format(n).as_bytes());
        self.crlf();
    }

    #[inline]
    pub fn int(&mut self, n: i64) {
        if (0..SMALL_HEADERS as i64).contains(&n) {
            self.small_header(&INT[n as usize]);
        } else {
            self.header(b':', n);
        }
    }

    /// An integer reply from a count.
    pub fn count(&mut self, n: usize) {
        self.int(n as i64);
    }

    /// `:1` or `:0`; not RESP3's boolean, see [`Reply::bool`].
    pub fn flag(&mut self, on: bool) {
        self.int(i64::from(on));
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        match BULK.get(bytes.len()) {
            Some((header, len)) => append_framed(&mut self.buf, *header, usize::from(*len), bytes),
            None => {
                self.buf.reserve(bytes.len() + 24);
                self.header(b'$', bytes.len() as i64);
                self.buf.extend_from_slice(bytes);
                self.crlf();
            }
        }
    }

    /// The header of a bulk string whose bytes and line end follow.
    pub fn bulk_header(&mut self, len: usize) {
        self.header(b'$', len as i64);
    }

    pub fn bulk_str(&mut self, text: &str) {
        self.bulk(text.as_bytes());
    }

    /// The decimal text of `n` as a bulk string.
    pub fn bulk_int(&mut self, n: i64) {
        let mut digits = itoa::Buffer::new();
        self.bulk(digits.format(n).as_bytes());
    }

    /// A bulk string, or null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// RESP3 `_`, RESP2 `$-1`.
    pub fn null(&mut self) {
        self.buf.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// RESP3 `_`, RESP2 `*-1`.
    pub fn null_array(&mut self) {
        self.buf.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    #[inline]
    pub fn array(&mut self, len: usize) {
        if len < SMALL_HEADERS {
            self.small_header(&ARRAY[len]);
        } else {
            self.header(b'*', len as i64);
        }
    }

    /// `pairs` key-value pairs: a map in RESP3, a flat array in RESP2.
    pub fn map(&mut self, pairs: usize) {
        if self.resp3 {
            self.header(b'%', pairs as i64);
        } else {
            self.array(pairs * 2);
        }
    }

    /// A set in RESP3, an array in RESP2.
    pub fn set(&mut self, len: usize) {
        if self.resp3 {
            self.header(b'~', len as i64);
        } else {
            self.array(len);
        }
    }

    /// An out-of-band push in RESP3, an array in RESP2.
    pub fn push(&mut self, len: usize) {
        if self.resp3 {
            self.header(b'>', len as i64);
        } else {
            self.array(len);
        }
    }

    /// RESP3 only: attributes that precede the next reply.
    pub fn attribute(&mut self, pairs: usize) {
        debug_assert!(self.resp3);
        self.header(b'|', pairs as i64);
    }

    /// RESP3 `,`, RESP2 a bulk string; Redis' digits.
    pub fn double(&mut self, value: f64) {
        // Most scores are integers; 0 is left to the number module for its sign.
        if !self.resp3
            && value != 0.0
            && let Some(int) = number::f64_as_i64(value)
        {
            return self.bulk_int(int);
        }
        let text = &*number::NumText::from_f64(value);
        if self.resp3 {
            self.buf.push(b',');
            self.buf.extend_from_slice(text);
            self.crlf();
        } else {
            self.bulk(text);
        }
    }

    /// RESP3 `#t`/`#f`, RESP2 `:1`/`:0`.
    pub fn bool(&mut self, on: bool) {
        if self.resp3 {
            self.buf.extend_from_slice(if on { b"#t\r\n" } else { b"#f\r\n" });
        } else {
            self.flag(on);
        }
    }

    /// RESP3 `(`, RESP2 a bulk string.
    pub fn big_number(&mut self, digits: &[u8]) {
        if self.resp3 {
            self.buf.push(b'(');
            self.buf.extend_from_slice(digits);
            self.crlf();
        } else {
            self.bulk(digits);
        }
    }

    /// RESP3 `=` with a three-letter format ("txt", "mkd"), RESP2 a bulk string.
    pub fn verbatim(&mut self, text: &[u8], format: &str) {
        if self.resp3 {
            // As in `bulk`: the line end must not double the buffer.
            self.buf.reserve(text.len() + 32);
            self.header(b'=', text.len() as i64 + 4);
            self.buf.extend_from_slice(&format.as_bytes()[..3]);
            self.buf.push(b':');
            self.buf.extend_from_slice(text);
            self.crlf();
        } else {
            self.bulk(text);
        }
    }

    /// A line of a HELP reply or similar: `+text`.
    pub fn status(&mut self, text: &[u8]) {
        self.buf.push(b'+');
        self.buf.extend_from_slice(text);
        self.crlf();
    }

    /// Marks the place of an aggregate whose length is not known yet.
    pub fn deferred(&mut self) -> Deferred {
        Deferred(self.buf.len())
    }

    /// Writes the header of a deferred aggregate; `len` counts pairs for maps and attributes. Moves
    /// what was written since: once per reply, at memmove's speed.
    pub fn close_deferred(&mut self, at: Deferred, kind: Aggregate, len: usize) {
        let end = self.buf.len();
        match kind {
            Aggregate::Array => self.array(len),
            Aggregate::Set => self.set(len),
            Aggregate::Map => self.map(len),
            Aggregate::Push => self.push(len),
            Aggregate::Attribute => self.attribute(len),
        }
        let header = self.buf.len() - end;
        self.buf[at.0..].rotate_right(header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(resp3: bool, f: impl FnOnce(&mut Reply)) -> String {
        let mut reply = Reply::new();
        reply.set_resp3(resp3);
        f(&mut reply);
        String::from_utf8(reply.buf).unwrap()
    }

    #[test]
    fn lengths_on_both_sides_of_the_header_table() {
        for n in [0, 9, 10, 31, 32, 99, 100, 255, 256, 1000] {
            let body = "x".repeat(n);
            assert_eq!(written(false, |r| r.bulk(body.as_bytes())), format!("${n}\r\n{body}\r\n"));
            assert_eq!(written(false, |r| r.int(n as i64)), format!(":{n}\r\n"));
            assert_eq!(written(false, |r| r.array(n)), format!("*{n}\r\n"));
        }
        assert_eq!(written(false, |r| r.int(-1)), ":-1\r\n");
    }

    #[test]
    fn aggregates_and_nulls_by_protocol() {
        assert_eq!(written(false, |r| r.map(2)), "*4\r\n");
        assert_eq!(written(true, |r| r.map(2)), "%2\r\n");
        assert_eq!(written(true, |r| r.null()), "_\r\n");
        assert_eq!(written(false, |r| r.null_array()), "*-1\r\n");
        assert_eq!(written(true, |r| r.verbatim(b"hi", "txt")), "=6\r\ntxt:hi\r\n");
    }

    #[test]
    fn long_texts_take_no_more_room_than_they_need() {
        for resp3 in [false, true] {
            let mut reply = Reply::new();
            reply.set_resp3(resp3);
            reply.verbatim(&[b'x'; 6000], "txt");
            assert!(reply.buf.capacity() < 6000 + 64, "{}", reply.buf.capacity());
        }
    }

    #[test]
    fn deferred_header_goes_in_front() {
        let text = written(true, |r| {
            let at = r.deferred();
            r.int(1);
            r.int(2);
            r.close_deferred(at, Aggregate::Set, 2);
        });
        assert_eq!(text, "~2\r\n:1\r\n:2\r\n");
    }

    #[test]
    fn error_text_loses_its_line_breaks() {
        assert_eq!(ReplyError::new("ERR a\r\nb\r\n").text(), b"ERR a  b");
    }
}
