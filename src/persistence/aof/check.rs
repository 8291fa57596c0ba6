//! `redis-check-aof`: whether an append only file is complete, and cutting it back to where it is,
//! or to what it was at some time. Output and exit status are those of Redis' tool.
//!
//! Stricter than loading: every line break is looked at. Not a check of what the commands mean.
//! Invariant: only the last file is ever cut, and (for `--fix`) only after a "y".

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::manifest::{Manifest, leading_number, path_in};
use crate::config::strerror;

/// Buffer of the original for a header line, with its NUL.
const LINE_BYTES: usize = 128;
/// The same for an annotation, and for a line of a manifest.
const ANNOTATION_BYTES: usize = 1024;
/// Strings are compared with names of commands only up to here.
const NAME_BYTES: usize = 16;

/// Checks the RDB that `file` begins with, writing what it finds; where it ends, or `None` if it is
/// not sane.
pub type CheckPreamble = fn(&mut File, &Path, &mut dyn Write) -> Option<u64>;

/// Ends the program with this status; the reason is written.
pub struct Exit(i32);

type Checked<T> = Result<T, Exit>;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Valid,
    Empty,
    Truncated,
    TruncatedToTimestamp,
}

/// A run of the tool.
struct Checker<'a> {
    out: &'a mut dyn Write,
    input: &'a mut dyn BufRead,
    preamble: CheckPreamble,
    fix: bool,
    /// s since the epoch; 0 = not asked for.
    to_timestamp: i64,
    error: String,
    /// Where the element begins that is looked at.
    element_offset: u64,
    /// Line breaks of commands so far, plus one.
    line: i64,
}

/// Runs the tool with its arguments; returns the exit status.
pub fn run(
    program: &str,
    args: &[Vec<u8>],
    version: &str,
    preamble: CheckPreamble,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> i32 {
    let mut checker = Checker {
        out,
        input,
        preamble,
        fix: false,
        to_timestamp: 0,
        error: String::new(),
        element_offset: 0,
        line: 1,
    };
    match checker.main(program, args, version) {
        Ok(()) => 0,
        Err(Exit(status)) => status,
    }
}

impl Checker<'_> {
    fn main(&mut self, program: &str, args: &[Vec<u8>], version: &str) -> Checked<()> {
        let file = match args {
            [option] if option == b"-v" || option == b"--version" => {
                self.say(format_args!("redis-check-aof {version}"));
                return Ok(());
            }
            [file] => file,
            [option, file] if option == b"--fix" => {
                self.fix = true;
                file
            }
            [option, time, file] if option == b"--truncate-to-timestamp" => {
                let time = std::str::from_utf8(time).ok().and_then(|time| time.trim().parse().ok());
                let Some(time) = time else {
                    return self.exit("Invalid timestamp, aborting...");
                };
                self.to_timestamp = time;
                file
            }
            _ => {
                return self.exit(format_args!(
                    "Usage: {program} [--fix|--truncate-to-timestamp $timestamp] \
                     <file.manifest|file.aof>"
                ));
            }
        };
        let path = path_in(Path::new(""), file);
        if self.is_manifest(&path)? {
            self.check_multi_part(&path)
        } else {
            let preamble = self.is_rdb(&path)?;
            self.say("Start checking Old-Style AOF");
            let name = path.display().to_string();
            let verdict = self.check_file(&name, &path, true, preamble)?;
            self.tell(verdict, "AOF", &name);
            Ok(())
        }
    }

    /// One line of output. Whoever reads it may have gone: the file is looked at all the same.
    fn say(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}");
    }

    fn exit<T>(&mut self, text: impl Display) -> Checked<T> {
        self.say(text);
        Err(Exit(1))
    }

    fn open(&mut self, path: &Path) -> Checked<File> {
        File::open(path).or_else(|e| {
            self.exit(format_args!("Cannot open file {}: {}", path.display(), strerror(&e)))
        })
    }

    /// Its first line that is no comment begins with `file`.
    fn is_manifest(&mut self, path: &Path) -> Checked<bool> {
        let mut reader = BufReader::new(self.open(path)?);
        let mut is_manifest = false;
        loop {
            match read_line(&mut reader, ANNOTATION_BYTES + 1) {
                Ok(line) if line.is_empty() => return Ok(is_manifest),
                Ok(line) if line.starts_with(b"#") => {}
                Ok(line) if line.starts_with(b"file") => is_manifest = true,
                Ok(_) => return Ok(is_manifest),
                Err(_) => return self.exit(format_args!("Cannot read file: {}", path.display())),
            }
        }
    }

    fn is_rdb(&mut self, path: &Path) -> Checked<bool> {
        // The version belongs to it.
        let mut header = [0; 8];
        let mut file = self.open(path)?;
        Ok(file.read_exact(&mut header).is_ok() && header.starts_with(b"REDIS"))
    }

    fn check_multi_part(&mut self, path: &Path) -> Checked<()> {
        self.say("Start checking Multi Part AOF");
        let dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let text = fs::read(path).or_else(|e| {
            self.exit(format_args!(
                "Fatal error: can't open the AOF manifest file {} for reading: {}",
                path.display(),
                strerror(&e)
            ))
        })?;
        let manifest = match Manifest::parse(&text) {
            Ok(manifest) => manifest,
            Err(error) => {
                error.messages().into_iter().for_each(|message| self.say(message));
                return Err(Exit(1));
            }
        };
        let total = manifest.live_files().count();
        let mut checked = 0;
        if let Some(base) = &manifest.base {
            checked += 1;
            let (name, path) = place(&dir, &base.name);
            let preamble = self.is_rdb(&path)?;
            let format = if preamble { "RDB" } else { "RESP" };
            self.say(format_args!("Start to check BASE AOF ({format} format)."));
            let verdict = self.check_file(&name, &path, checked == total, preamble)?;
            self.tell(verdict, "BASE AOF", &name);
        }
        if !manifest.incr.is_empty() {
            self.say("Start to check INCR files.");
        }
        for incr in &manifest.incr {
            checked += 1;
            let (name, path) = place(&dir, &incr.name);
            let verdict = self.check_file(&name, &path, checked == total, false)?;
            self.tell(verdict, "INCR AOF", &name);
        }
        self.say("All AOF files and manifest are valid");
        Ok(())
    }

    fn tell(&mut self, verdict: Verdict, what: &str, name: &str) {
        let to = self.to_timestamp;
        match verdict {
            Verdict::Valid => self.say(format_args!("{what} {name} is valid")),
            Verdict::Empty => self.say(format_args!("{what} {name} is empty")),
            Verdict::Truncated => self.say(format_args!("Successfully truncated AOF {name}")),
            Verdict::TruncatedToTimestamp => {
                self.say(format_args!("Successfully truncated AOF {name} to timestamp {to}"));
            }
        }
    }

    fn check_file(
        &mut self,
        name: &str,
        path: &Path,
        is_last: bool,
        preamble: bool,
    ) -> Checked<Verdict> {
        let file = OpenOptions::new().read(true).write(true).open(path).or_else(|e| {
            self.exit(format_args!(
                "Cannot open file {}: {}, aborting...",
                path.display(),
                strerror(&e)
            ))
        });
        let mut file = file?;
        let Ok(size) = file.metadata().map(|meta| meta.len()) else {
            return self.exit(format_args!("Cannot stat file: {name}, aborting..."));
        };
        if size == 0 {
            return Ok(Verdict::Empty);
        }
        let mut start = 0;
        if preamble {
            match (self.preamble)(&mut file, path, self.out) {
                Some(end) => start = end,
                None => return self.exit("RDB preamble of AOF file is not sane, aborting."),
            }
            self.say("RDB preamble is OK, proceeding with AOF tail...");
        }
        let Ok(_) = file.seek(SeekFrom::Start(start)) else {
            return self.exit(format_args!("Failed to fseek in AOF {name}"));
        };
        let mut tail = Tail { reader: BufReader::new(&file), offset: start, at_eof: false };
        let shown = path.display().to_string();
        let Some(good) = self.walk(&mut tail, name, &shown, is_last)? else {
            return Ok(Verdict::TruncatedToTimestamp);
        };
        self.conclude(&file, name, size, good, is_last)
    }

    /// Looks at one element after the other; where the good part ends. `None`: it was cut at the
    /// time asked for.
    fn walk(
        &mut self,
        tail: &mut Tail<'_>,
        name: &str,
        path: &str,
        is_last: bool,
    ) -> Checked<Option<u64>> {
        let mut good = tail.offset;
        let mut open_multi = 0;
        loop {
            if open_multi == 0 {
                good = tail.offset;
            }
            match tail.peek() {
                Err(_) => {
                    return self.exit(format_args!("Failed to read from AOF {name}, aborting..."));
                }
                Ok(None) => break,
                Ok(Some(b'#')) => {
                    if !self.annotation(tail, path, is_last)? {
                        return Ok(None);
                    }
                }
                Ok(Some(b'*')) => {
                    if !self.command(tail, path, &mut open_multi) {
                        break;
                    }
                }
                Ok(Some(_)) => {
                    self.say(format_args!("AOF {name} format error"));
                    break;
                }
            }
        }
        if tail.at_eof && open_multi != 0 && self.error.is_empty() {
            self.fault("Reached EOF before reading EXEC for MULTI");
        }
        if !self.error.is_empty() {
            let error = self.error.clone();
            self.say(error);
        }
        Ok(Some(good))
    }

    fn conclude(
        &mut self,
        file: &File,
        name: &str,
        size: u64,
        good: u64,
        is_last: bool,
    ) -> Checked<Verdict> {
        let (diff, line, to) = (size as i64 - good as i64, self.line, self.to_timestamp);
        if diff == 0 && to != 0 {
            self.say(format_args!("Truncate nothing in AOF {name} to timestamp {to}"));
            return Ok(Verdict::Valid);
        }
        self.say(format_args!(
            "AOF analyzed: filename={name}, size={size}, ok_up_to={good}, ok_up_to_line={line}, \
             diff={diff}"
        ));
        if diff <= 0 {
            return Ok(Verdict::Valid);
        }
        if !self.fix {
            return self.exit(format_args!(
                "AOF {name} is not valid. Use the --fix option to try fixing it."
            ));
        }
        if !is_last {
            return self.exit(format_args!(
                "Failed to truncate AOF {name} because it is not the last file"
            ));
        }
        self.say(format_args!(
            "This will shrink the AOF {name} from {size} bytes, with {diff} bytes, to {good} bytes"
        ));
        // As in `say`.
        let _ = write!(self.out, "Continue? [y/N]: ").and_then(|()| self.out.flush());
        let mut answer = [0];
        let answered = self.input.read_exact(&mut answer).is_ok();
        if !answered || !answer[0].eq_ignore_ascii_case(&b'y') {
            return self.exit("Aborting...");
        }
        if file.set_len(good).is_err() {
            return self.exit(format_args!("Failed to truncate AOF {name}"));
        }
        Ok(Verdict::Truncated)
    }

    /// False: the file was cut here.
    fn annotation(&mut self, tail: &mut Tail<'_>, path: &str, is_last: bool) -> Checked<bool> {
        self.element_offset = tail.offset;
        let Some(line) = tail.line(ANNOTATION_BYTES) else {
            let text = format!("Failed to read annotations from AOF {path}, aborting...");
            return self.exit(text);
        };
        let to = self.to_timestamp;
        if to == 0 || !line.starts_with(b"#TS:") {
            return Ok(true);
        }
        let number = &line[4..];
        let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || number.get(digits) != Some(&b'\r') {
            return self.exit("Invalid timestamp annotation");
        }
        if leading_number(number) <= to {
            return Ok(true);
        }
        let at = self.element_offset;
        if at == 0 {
            return self
                .exit(format_args!("AOF {path} has nothing before timestamp {to}, aborting..."));
        }
        if !is_last {
            self.say(format_args!(
                "Failed to truncate AOF {path} to timestamp {to} to offset {at} because it is not \
                 the last file."
            ));
            return self.exit(
                "If you insist, please delete all files after this file according to the manifest \
                 file and delete the corresponding records in manifest file manually. Then re-run \
                 redis-check-aof.",
            );
        }
        if tail.reader.get_ref().set_len(at).is_err() {
            return self.exit(format_args!("Failed to truncate AOF {path} to timestamp {to}"));
        }
        Ok(false)
    }

    fn fault(&mut self, text: impl Display) {
        self.error = format!("0x{:>16x}: {text}", self.element_offset);
    }

    /// One command. False: it is damaged, or the file ends within it.
    fn command(&mut self, tail: &mut Tail<'_>, path: &str, open_multi: &mut i64) -> bool {
        let Some(argc) = self.number(tail, b'*') else { return false };
        for idx in 0..argc {
            let Some(text) = self.string(tail) else { return false };
            if idx > 0 {
                continue;
            }
            if text.eq_ignore_ascii_case(b"multi") {
                *open_multi += 1;
                if *open_multi != 1 {
                    self.fault(format_args!("Unexpected MULTI in AOF {path}"));
                    return false;
                }
            } else if text.eq_ignore_ascii_case(b"exec") {
                *open_multi -= 1;
                if *open_multi != 0 {
                    self.fault(format_args!("Unexpected EXEC in AOF {path}"));
                    return false;
                }
            }
        }
        true
    }

    fn number(&mut self, tail: &mut Tail<'_>, prefix: u8) -> Option<i64> {
        self.element_offset = tail.offset;
        let line = tail.line(LINE_BYTES)?;
        if line[0] != prefix {
            let (prefix, got) = (char::from(prefix), char::from(line[0]));
            self.fault(format_args!("Expected prefix '{prefix}', got: '{got}'"));
            return None;
        }
        let text = &line[1..];
        let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
        let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = if digits == 0 { 0 } else { sign + digits };
        self.line_break(&text[end..])?;
        Some(leading_number(text))
    }

    fn line_break(&mut self, at: &[u8]) -> Option<()> {
        if at.starts_with(b"\r\n") {
            self.line += 1;
            return Some(());
        }
        // Signed characters, as the original prints them; NUL where the text ends.
        let hex = |idx: usize| {
            let byte = at.get(idx).copied().unwrap_or(0);
            format!("{:02x}", i32::from(byte as i8))
        };
        self.fault(format_args!("Expected \\r\\n, got: {}{}", hex(0), hex(1)));
        None
    }

    /// The first bytes of a string.
    fn string(&mut self, tail: &mut Tail<'_>) -> Option<Vec<u8>> {
        let len = self.number(tail, b'$')?;
        let wanted = match u64::try_from(len) {
            Ok(len) if len <= i64::MAX as u64 - 2 => len + 2,
            _ => {
                self.fault(format_args!(
                    "Expected to read string of {len} bytes, which is not in the suitable range"
                ));
                return None;
            }
        };
        self.element_offset = tail.offset;
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let mut got = 0;
        while got < wanted {
            let chunk = tail.some(wanted - got);
            if chunk.is_empty() {
                self.fault(format_args!("Expected to read {wanted} bytes, got {got} bytes"));
                return None;
            }
            got += chunk.len() as u64;
            first.extend(chunk.iter().take(NAME_BYTES - first.len()));
            last.extend_from_slice(&chunk[chunk.len().saturating_sub(2)..]);
            last.drain(..last.len().saturating_sub(2));
            let used = chunk.len();
            tail.consume(used);
        }
        self.line_break(&last)?;
        first.truncate(wanted as usize - 2);
        Some(first)
    }
}

/// What follows the preamble.
struct Tail<'f> {
    reader: BufReader<&'f File>,
    offset: u64,
    at_eof: bool,
}

impl Tail<'_> {
    fn peek(&mut self) -> io::Result<Option<u8>> {
        let next = self.reader.fill_buf()?.first().copied();
        self.at_eof |= next.is_none();
        Ok(next)
    }

    /// Up to `most` bytes that are there; none at the end.
    fn some(&mut self, most: u64) -> &[u8] {
        match self.reader.fill_buf() {
            Ok([]) | Err(_) => {
                self.at_eof = true;
                &[]
            }
            Ok(chunk) => &chunk[..chunk.len().min(usize::try_from(most).unwrap_or(usize::MAX))],
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
        self.offset += bytes as u64;
    }

    /// A line, or its beginning; `None` at the end of the file.
    fn line(&mut self, size: usize) -> Option<Vec<u8>> {
        let line = read_line(&mut self.reader, size).unwrap_or_default();
        self.offset += line.len() as u64;
        self.at_eof |= !line.ends_with(b"\n") && line.len() < size - 1;
        (!line.is_empty()).then_some(line)
    }
}

/// As C's `fgets` with a buffer of `size` bytes.
fn read_line(reader: &mut dyn BufRead, size: usize) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.take(size as u64 - 1).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn place(dir: &Path, name: &[u8]) -> (String, PathBuf) {
    (String::from_utf8_lossy(name).into_owned(), path_in(dir, name))
}
