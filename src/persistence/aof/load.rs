//! Reading commands from an append only file: a machine that finds one command after the other in
//! what it has read, and tells a file that ends too early from one that is no append only file.
//!
//! Not the running of commands, nor what becomes of a damaged file. Invariant: nothing panics
//! whatever the bytes are, and no allocation is larger than a constant factor of the bytes that are
//! there. As lenient as Redis: numbers end where their digits end, what follows a string is not
//! looked at.

use std::io::{self, Read};

use super::manifest::leading_number;

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Longest header line or annotation.
const LINE_MAX_BYTES: usize = 1023;

/// Why reading ended.
#[derive(Debug)]
pub enum LoadFault {
    Io(io::Error),
    /// The file ends within a command.
    Truncated,
    /// These are no commands.
    Format,
}

/// A place in the buffer.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

/// Reads commands from a stream.
pub struct AofReader<R> {
    source: R,
    buf: Vec<u8>,
    /// First byte that is not handed out; `pos <= end <= buf.len()`.
    pos: usize,
    end: usize,
    /// Offset of `buf[0]` in the file.
    base: u64,
    at_eof: bool,
    /// The arguments of the command that was read last.
    spans: Vec<Span>,
}

/// Outcome of a look at the buffer.
enum Step {
    /// A command, up to this place.
    Command(usize),
    /// Something to skip, up to this place.
    Skip(usize),
    /// There must be at least so many bytes.
    More(usize),
}

impl<R: Read> AofReader<R> {
    pub fn new(source: R) -> AofReader<R> {
        AofReader {
            source,
            buf: Vec::new(),
            pos: 0,
            end: 0,
            base: 0,
            at_eof: false,
            spans: Vec::new(),
        }
    }

    /// Goes on where another reader stopped: at `offset`, having read `unread` ahead.
    pub fn resume(source: R, offset: u64, unread: Vec<u8>) -> AofReader<R> {
        let end = unread.len();
        AofReader { buf: unread, end, base: offset, ..AofReader::new(source) }
    }

    /// Offset of the first byte that was not handed out.
    pub fn offset(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// Finds the next command; false at the end of the file. Its arguments are `args`.
    pub fn next_command(&mut self) -> Result<bool, LoadFault> {
        loop {
            if self.pos == self.end {
                if self.at_eof {
                    return Ok(false);
                }
                self.fill(1).map_err(LoadFault::Io)?;
                continue;
            }
            match self.scan()? {
                Step::Command(end) => {
                    self.pos = end;
                    return Ok(true);
                }
                Step::Skip(end) => self.pos = end,
                Step::More(_) if self.at_eof => return Err(LoadFault::Truncated),
                Step::More(bytes) => self.fill(bytes).map_err(LoadFault::Io)?,
            }
        }
    }

    /// Number of arguments.
    pub fn argc(&self) -> usize {
        self.spans.len()
    }

    /// The arguments of the command that was found last.
    pub fn args(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|span| &self.buf[span.start..span.end])
    }

    /// Reads on, until there are `bytes` bytes from `pos` on or the file ends.
    fn fill(&mut self, bytes: usize) -> io::Result<()> {
        if self.pos > 0 {
            self.buf.copy_within(self.pos..self.end, 0);
            self.base += self.pos as u64;
            self.end -= self.pos;
            self.pos = 0;
        }
        while self.end < bytes && !self.at_eof {
            // Grown by what is there, not by what is claimed.
            let room = self.end + CHUNK_BYTES.max(self.end.min(bytes));
            if self.buf.len() < room {
                self.buf.resize(room, 0);
            }
            match self.source.read(&mut self.buf[self.end..]) {
                Ok(0) => self.at_eof = true,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Looks at what is at `pos`; there is at least one byte.
    fn scan(&mut self) -> Result<Step, LoadFault> {
        let have = self.end - self.pos;
        let buf = &self.buf[..self.end];
        match buf[self.pos] {
            b'#' => {
                let limit = &buf[self.pos..self.pos + have.min(LINE_MAX_BYTES)];
                let line = memchr::memchr(b'\n', limit).map(|at| at + 1);
                // Longer lines are skipped piece by piece.
                let whole = limit.len() == LINE_MAX_BYTES || self.at_eof;
                let len = line.or(whole.then_some(limit.len()));
                Ok(len.map_or(Step::More(have + 1), |len| Step::Skip(self.pos + len)))
            }
            b'*' => self.scan_command(),
            _ => Err(LoadFault::Format),
        }
    }

    fn scan_command(&mut self) -> Result<Step, LoadFault> {
        let buf = &self.buf[..self.end];
        let more = |bytes: usize| Ok(Step::More(bytes.saturating_sub(self.pos)));
        let (argc, mut at) = match header(buf, self.pos) {
            Header::Is(argc, end) => (argc, end),
            Header::Incomplete => return more(self.end + 1),
            Header::Bad => return Err(LoadFault::Format),
        };
        if !(1..=i64::from(i32::MAX)).contains(&argc) {
            return Err(LoadFault::Format);
        }
        self.spans.clear();
        for _ in 0..argc {
            if at < buf.len() && buf[at] != b'$' {
                return Err(LoadFault::Format);
            }
            let (len, start) = match header(buf, at) {
                Header::Is(len, end) => (len, end),
                Header::Incomplete => return more(self.end + 1),
                Header::Bad => return Err(LoadFault::Format),
            };
            let Ok(len) = usize::try_from(len) else { return Err(LoadFault::Format) };
            let end = start.checked_add(len).ok_or(LoadFault::Format)?;
            // With its line break.
            let next = end.checked_add(2).ok_or(LoadFault::Format)?;
            if next > buf.len() {
                return more(next);
            }
            self.spans.push(Span { start, end });
            at = next;
        }
        Ok(Step::Command(at))
    }
}

enum Header {
    /// The number, and where the line ends.
    Is(i64, usize),
    Incomplete,
    Bad,
}

/// The number after the first byte of the line at `at`.
fn header(buf: &[u8], at: usize) -> Header {
    let line = &buf[at.min(buf.len())..];
    let limit = &line[..line.len().min(LINE_MAX_BYTES)];
    match memchr::memchr(b'\n', limit) {
        Some(end) => Header::Is(leading_number(&limit[1..end]), at + end + 1),
        None if limit.len() < LINE_MAX_BYTES => Header::Incomplete,
        None => Header::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives one byte at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(1);
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn read_all(source: impl Read) -> (Vec<String>, u64, Option<LoadFault>) {
        let mut reader = AofReader::new(source);
        let mut commands = Vec::new();
        loop {
            match reader.next_command() {
                Ok(true) => {
                    let args: Vec<_> = reader.args().map(String::from_utf8_lossy).collect();
                    commands.push(args.join(" "));
                }
                Ok(false) => return (commands, reader.offset(), None),
                Err(fault) => return (commands, reader.offset(), Some(fault)),
            }
        }
    }

    const TEXT: &[u8] =
        b"#TS:1\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n#x\r\n*1\r\n$5\r\nMULTI\r\n";

    #[test]
    fn commands_and_annotations() {
        for (commands, offset, fault) in [read_all(TEXT), read_all(Drops(TEXT))] {
            assert_eq!(commands, ["SET k ", "MULTI"]);
            assert_eq!(offset, TEXT.len() as u64);
            assert!(fault.is_none());
        }
    }

    #[test]
    fn every_cut_within_a_command_is_a_truncation() {
        let first = 7 + b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n".len();
        for cut in 8..first {
            let (commands, offset, fault) = read_all(&TEXT[..cut]);
            assert!(commands.is_empty(), "{cut}");
            assert_eq!(offset, 7, "{cut}");
            assert!(matches!(fault, Some(LoadFault::Truncated)), "{cut}");
        }
    }

    #[test]
    fn what_is_no_command_is_a_format_error() {
        for text in
            ["!!!", "*0\r\n", "*-1\r\n", "*x\r\n", "*1\r\n:1\r\n", "*1\r\n$-1\r\n", "PING\r\n"]
        {
            let fault = read_all(text.as_bytes()).2;
            assert!(matches!(fault, Some(LoadFault::Format)), "{text:?} {fault:?}");
        }
        let fault = read_all(&b"*1\r\n$999999999999\r\nx"[..]).2;
        assert!(matches!(fault, Some(LoadFault::Truncated)), "{fault:?}");
    }

    #[test]
    fn goes_on_after_another_reader() {
        let mut reader = AofReader::resume(&TEXT[20..], 13, TEXT[..20].to_vec());
        assert!(reader.next_command().unwrap());
        assert_eq!((reader.argc(), reader.args().next()), (3, Some(&b"SET"[..])));
        assert!(reader.next_command().unwrap());
        assert_eq!(reader.offset(), 13 + TEXT.len() as u64);
    }

    proptest! {
        #[test]
        fn never_panics_and_chunks_do_not_matter(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("*1\r\n"), Just("*2\r\n"), Just("$1\r\n"), Just("$0\r\n\r\n"),
                    Just("a\r\n"),
                    Just("#"), Just("\n"), Just("*"), Just("$"), Just("-1"), Just("99999999999"),
                ],
                0..12,
            ),
        ) {
            let text = parts.concat();
            let (whole, drops) = (read_all(text.as_bytes()), read_all(Drops(text.as_bytes())));
            prop_assert_eq!(whole.0, drops.0);
            prop_assert_eq!(whole.1, drops.1);
            let kind = |fault: Option<LoadFault>| fault.map(|fault| std::mem::discriminant(&fault));
            prop_assert_eq!(kind(whole.2), kind(drops.2));
        }
    }
}
