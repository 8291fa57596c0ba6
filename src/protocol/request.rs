//! The request parser: a machine without I/O that finds one command (RESP array or inline line) at
//! the start of a byte slice. It copies nothing: arguments are ranges of the slice.
//!
//! Invariant: ranges are relative to the first byte of the command. Until a command is complete the
//! caller keeps its bytes at the same offset, so an argument is never looked at twice.
//! Source: the Redis protocol specification; the limits are those of networking.c.

use crate::util::split_args::split_args;

/// Longest inline request and longest `*`/`$` header line.
const INLINE_MAX_BYTES: usize = 64 * 1024;
const MULTIBULK_MAX: i64 = i32::MAX as i64;
/// What an unauthenticated client may send at most.
const UNAUTHENTICATED_MAX_ARGS: i64 = 10;
const UNAUTHENTICATED_MAX_BULK: i64 = 16 * 1024;

/// What the connection's state allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `proto-max-bulk-len`; `i64::MAX` for the replication link.
    pub max_bulk_bytes: i64,
    /// False until AUTH, if a password is required.
    pub authenticated: bool,
}

/// Outcome of one look at the bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// More bytes are needed.
    Incomplete,
    /// An empty request was skipped: `bytes` to drop.
    Nothing { bytes: usize },
    /// A command in `parser.args()`, of `bytes` bytes.
    Command { bytes: usize },
}

/// A request that breaks the protocol: the client gets the text and is closed.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct ProtocolError(pub String);

impl ProtocolError {
    fn new(text: &str) -> ProtocolError {
        ProtocolError(format!("Protocol error: {text}"))
    }
}

/// Range of an argument in the command's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// Progress within one command.
#[derive(Debug, Default)]
pub struct RequestParser {
    /// First byte not looked at yet.
    pos: usize,
    /// Arguments still to come; 0 between commands.
    args_left: i64,
    /// Length of the argument whose header has been read.
    bulk_len: Option<usize>,
    spans: Vec<Span>,
    /// Arguments of an inline command that needed unquoting.
    unquoted: Vec<Vec<u8>>,
    inline: bool,
}

impl RequestParser {
    pub fn new() -> RequestParser {
        RequestParser::default()
    }

    /// True between two commands.
    pub fn is_idle(&self) -> bool {
        self.args_left == 0 && self.pos == 0
    }

    /// Bytes that the argument in progress still needs beyond `have` (the length of the slice so
    /// far), or 0.
    pub fn missing_bytes(&self, have: usize) -> usize {
        self.bulk_len.map_or(0, |len| (self.pos + len + 2).saturating_sub(have))
    }

    /// Bytes of the command that were looked at: those before the argument in progress.
    pub fn consumed(&self) -> usize {
        self.pos
    }

    /// Number of arguments of the command, complete or so far.
    pub fn argc(&self) -> usize {
        if self.inline { self.unquoted.len() } else { self.spans.len() }
    }

    /// Bytes of the arguments found so far.
    pub fn args_bytes(&self) -> usize {
        self.spans.iter().map(|span| span.end - span.start).sum()
    }

    /// The ranges of a RESP command; empty if the command was inline.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Argument `i` of the command that starts `bytes`.
    pub fn arg<'a>(&'a self, bytes: &'a [u8], i: usize) -> &'a [u8] {
        if self.inline {
            &self.unquoted[i]
        } else {
            let span = self.spans[i];
            &bytes[span.start..span.end]
        }
    }

    /// Forgets the command, keeping allocations that are worth keeping.
    pub fn reset(&mut self) {
        self.pos = 0;
        self.args_left = 0;
        self.bulk_len = None;
        self.spans.clear();
        self.spans.shrink_to(64);
        if self.inline {
            self.unquoted.clear();
            self.inline = false;
        }
    }

    /// Looks for a command at the start of `bytes`, continuing where the last call stopped.
    #[inline]
    pub fn parse(&mut self, bytes: &[u8], limits: Limits) -> Result<Parsed, ProtocolError> {
        if self.args_left == 0 {
            match bytes.first() {
                None => return Ok(Parsed::Incomplete),
                Some(b'*') => {
                    let Some((count, next)) = header_line(bytes, 0, "mbulk count")? else {
                        return Ok(Parsed::Incomplete);
                    };
                    let count = count
                        .filter(|count| *count <= MULTIBULK_MAX)
                        .ok_or_else(|| ProtocolError::new("invalid multibulk length"))?;
                    if count > UNAUTHENTICATED_MAX_ARGS && !limits.authenticated {
                        return Err(ProtocolError::new("unauthenticated multibulk length"));
                    }
                    if count <= 0 {
                        return Ok(Parsed::Nothing { bytes: next });
                    }
                    self.args_left = count;
                    self.pos = next;
                }
                Some(_) => return self.parse_inline(bytes),
            }
        }
        self.parse_bulks(bytes, limits)
    }

    fn parse_bulks(&mut self, bytes: &[u8], limits: Limits) -> Result<Parsed, ProtocolError> {
        while self.args_left > 0 {
            let len = match self.bulk_len {
                Some(len) => len,
                None => match self.bulk_header(bytes, limits)? {
                    Some(len) => len,
                    None => return Ok(Parsed::Incomplete),
                },
            };
            let end = self.pos + len;
            if bytes.len() < end + 2 {
                self.bulk_len = Some(len);
                return Ok(Parsed::Incomplete);
            }
            self.spans.push(Span { start: self.pos, end });
            self.pos = end + 2;
            self.bulk_len = None;
            self.args_left -= 1;
        }
        Ok(Parsed::Command { bytes: self.pos })
    }

    #[inline]
    fn bulk_header(&mut self, bytes: &[u8], l: Limits) -> Result<Option<usize>, ProtocolError> {
        match bytes.get(self.pos) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&other) => {
                let text = format!("expected '$', got '{}'", char::from(other));
                return Err(ProtocolError::new(&text));
            }
        }
        let Some((len, next)) = header_line(bytes, self.pos, "bulk count")? else {
            return Ok(None);
        };
        let len = len
            .filter(|len| (0..=l.max_bulk_bytes).contains(len))
            .ok_or_else(|| ProtocolError::new("invalid bulk length"))?;
        if len > UNAUTHENTICATED_MAX_BULK && !l.authenticated {
            return Err(ProtocolError::new("unauthenticated bulk length"));
        }
        self.pos = next;
        Ok(Some(len as usize))
    }

    fn parse_inline(&mut self, bytes: &[u8]) -> Result<Parsed, ProtocolError> {
        let Some(newline) = memchr::memchr(b'\n', bytes) else {
            if bytes.len() > INLINE_MAX_BYTES {
                return Err(ProtocolError::new("too big inline request"));
            }
            return Ok(Parsed::Incomplete);
        };
        let mut line = &bytes[..newline];
        if line.last() == Some(&b'\r') {
            line = &line[..newline - 1];
        }
        let args =
            split_args(line).ok_or_else(|| ProtocolError::new("unbalanced quotes in request"))?;
        if args.is_empty() {
            return Ok(Parsed::Nothing { bytes: newline + 1 });
        }
        self.unquoted = args;
        self.inline = true;
        self.pos = newline + 1;
        Ok(Parsed::Command { bytes: newline + 1 })
    }
}

/// A command found by [`parse_whole`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    pub argc: usize,
    /// Bytes of the command.
    pub bytes: usize,
    /// Bytes of its arguments.
    pub args_bytes: usize,
}

/// The common case without any state: a RESP command that is there as a whole and whose arguments
/// have room in `argv`. `None` for everything else, errors included: then [`RequestParser`] looks
/// from the start. Only for authenticated clients.
#[inline(always)]
pub fn parse_whole<'a>(
    bytes: &'a [u8],
    max_bulk_bytes: usize,
    argv: &mut [&'a [u8]],
) -> Option<Whole> {
    let (argc, mut rest) = short_header(bytes, b'*')?;
    let argv = argv.get_mut(..argc)?;
    if argv.is_empty() {
        return None;
    }
    let mut args_bytes = 0;
    for slot in argv {
        let (len, arg) = short_header(rest, b'$')?;
        if len > max_bulk_bytes || arg.len() < len + 2 {
            return None;
        }
        (*slot, rest) = arg.split_at(len);
        rest = &rest[2..];
        args_bytes += len;
    }
    Some(Whole { argc, bytes: bytes.len() - rest.len(), args_bytes })
}

/// The number of a header line of up to seven digits at the start of `bytes`, and what follows it.
#[inline(always)]
fn short_header(bytes: &[u8], kind: u8) -> Option<(usize, &[u8])> {
    let [first, tens, ones, end, ..] = *bytes else { return None };
    let tens = usize::from(tens.wrapping_sub(b'0'));
    if first != kind || tens > 9 {
        return None;
    }
    if ones == b'\r' {
        return Some((tens, &bytes[4..]));
    }
    let ones = usize::from(ones.wrapping_sub(b'0'));
    if ones > 9 || tens == 0 {
        return None;
    }
    if end == b'\r' {
        return Some((tens * 10 + ones, bytes.get(5..)?));
    }
    long_header(bytes, tens * 10 + ones)
}

/// Three digits or more, of which two are known.
fn long_header(bytes: &[u8], mut value: usize) -> Option<(usize, &[u8])> {
    for (i, byte) in bytes.iter().enumerate().skip(3).take(6) {
        if *byte == b'\r' {
            return Some((value, bytes.get(i + 2..)?));
        }
        let digit = usize::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit;
    }
    None
}

/// A `*123\r\n` or `$5\r\n` line at `at`: its number (`None` if it is not one) and where the next
/// line starts, or `Ok(None)` if the line is not whole yet.
type Header = Option<(Option<i64>, usize)>;

#[inline]
fn header_line(bytes: &[u8], at: usize, what: &str) -> Result<Header, ProtocolError> {
    let mut value: i64 = 0;
    let mut i = at + 1;
    while let Some(&byte) = bytes.get(i) {
        if byte.is_ascii_digit() && i - at < 12 {
            value = value * 10 + i64::from(byte - b'0');
            i += 1;
        } else if byte == b'\r' && i > at + 1 && (bytes[at + 1] != b'0' || i == at + 2) {
            return Ok(if i + 1 < bytes.len() { Some((Some(value), i + 2)) } else { None });
        } else {
            return odd_header_line(bytes, at, what);
        }
    }
    odd_header_line(bytes, at, what)
}

/// The general case: signs, many digits, garbage, no line end yet.
#[cold]
fn odd_header_line(bytes: &[u8], at: usize, what: &str) -> Result<Header, ProtocolError> {
    let Some(len) = memchr::memchr(b'\r', &bytes[at..]) else {
        if bytes.len() - at > INLINE_MAX_BYTES {
            return Err(ProtocolError::new(&format!("too big {what} string")));
        }
        return Ok(None);
    };
    if at + len + 1 >= bytes.len() {
        return Ok(None);
    }
    let value = crate::protocol::number::parse_i64(&bytes[at + 1..at + len]);
    Ok(Some((value, at + len + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPEN: Limits = Limits { max_bulk_bytes: 512 << 20, authenticated: true };

    fn encode(args: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            bytes.extend_from_slice(arg);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }

    fn error(bytes: &[u8]) -> String {
        RequestParser::new().parse(bytes, OPEN).unwrap_err().0
    }

    #[test]
    fn errors_have_the_texts_of_redis() {
        assert_eq!(error(b"*x\r\n"), "Protocol error: invalid multibulk length");
        assert_eq!(error(b"*3000000000\r\n"), "Protocol error: invalid multibulk length");
        assert_eq!(error(b"*1\r\nfoo\r\n"), "Protocol error: expected '$', got 'f'");
        assert_eq!(error(b"*1\r\n$-1\r\n"), "Protocol error: invalid bulk length");
        assert_eq!(error(b"SET \"a\r\n"), "Protocol error: unbalanced quotes in request");
        let long = vec![b'a'; INLINE_MAX_BYTES + 1];
        assert_eq!(error(&long), "Protocol error: too big inline request");
        let long = [b"*".to_vec(), vec![b'1'; INLINE_MAX_BYTES + 1]].concat();
        assert_eq!(error(&long), "Protocol error: too big mbulk count string");
    }

    #[test]
    fn unauthenticated_clients_have_small_limits() {
        let shut = Limits { authenticated: false, ..OPEN };
        let mut parser = RequestParser::new();
        assert!(parser.parse(b"*11\r\n", shut).is_err());
        let mut parser = RequestParser::new();
        let text = parser.parse(b"*1\r\n$16385\r\n", shut).unwrap_err().0;
        assert_eq!(text, "Protocol error: unauthenticated bulk length");
    }

    #[test]
    fn empty_requests_are_skipped() {
        let mut parser = RequestParser::new();
        assert_eq!(parser.parse(b"\r\nPING", OPEN), Ok(Parsed::Nothing { bytes: 2 }));
        assert_eq!(parser.parse(b"*0\r\nPING", OPEN), Ok(Parsed::Nothing { bytes: 4 }));
        assert_eq!(parser.parse(b"*-1\r\n", OPEN), Ok(Parsed::Nothing { bytes: 5 }));
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_arguments(
            args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
            cuts in prop::collection::vec(0usize..400, 0..6),
        ) {
            let bytes = encode(&args);
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|c| *c < bytes.len()).collect();
            cuts.sort_unstable();
            let mut parser = RequestParser::new();
            for cut in cuts {
                prop_assert_eq!(parser.parse(&bytes[..cut], OPEN), Ok(Parsed::Incomplete));
            }
            prop_assert_eq!(
                parser.parse(&bytes, OPEN),
                Ok(Parsed::Command { bytes: bytes.len() })
            );
            for (i, arg) in args.iter().enumerate() {
                prop_assert_eq!(parser.arg(&bytes, i), &arg[..]);
            }
        }

        #[test]
        fn the_short_way_agrees(
            args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 1..20),
            cut in 0usize..3000,
            noise in any::<Option<(usize, u8)>>(),
        ) {
            let mut bytes = encode(&args);
            if let Some((at, byte)) = noise {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let bytes = &bytes[..cut.min(bytes.len())];
            let mut argv: [&[u8]; 16] = [&[]; 16];
            if let Some(whole) = parse_whole(bytes, 512 << 20, &mut argv) {
                let mut parser = RequestParser::new();
                let long = parser.parse(bytes, OPEN);
                prop_assert_eq!(long, Ok(Parsed::Command { bytes: whole.bytes }));
                prop_assert_eq!(parser.argc(), whole.argc);
                for (i, arg) in argv[..whole.argc].iter().enumerate() {
                    prop_assert_eq!(*arg, parser.arg(bytes, i));
                }
            }
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut parser = RequestParser::new();
            let _ = parser.parse(&bytes, OPEN);
            let mut parser = RequestParser::new();
            let starred = [b"*2\r\n$".to_vec(), bytes].concat();
            let _ = parser.parse(&starred, OPEN);
        }
    }
}
