//! The manifest: which files make up the append only file, in which order.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b      the base: at most one
//! file appendonly.aof.4.incr.aof seq 4 type h      history: replaced, about to be deleted
//! file appendonly.aof.5.incr.aof seq 5 type i      incremental files, in order of their numbers
//! ```
//!
//! Lines that start with `#` are comments; a line may have further pairs of words, for later
//! versions. Invariant: the file is replaced as a whole (written beside, synced, renamed, the
//! directory synced), so a crash leaves the old one or the new one.
//! Source: Redis' aof.c, whose file names and error texts these are.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::config::strerror;
use crate::util::split_args::{push_repr, split_args};

/// Longest line, with its line break, bytes.
const MAX_LINE_BYTES: usize = 1024;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Base,
    History,
    Incr,
}

impl FileKind {
    fn letter(self) -> char {
        match self {
            FileKind::Base => 'b',
            FileKind::History => 'h',
            FileKind::Incr => 'i',
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Without a directory.
    pub name: Vec<u8>,
    pub seq: i64,
    pub kind: FileKind,
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// The line that is wrong: its number and its text.
    pub line: Option<(usize, Vec<u8>)>,
    pub text: &'static str,
}

impl ManifestError {
    const fn new(text: &'static str) -> ManifestError {
        ManifestError { line: None, text }
    }

    /// What is logged, one entry a message.
    pub fn messages(&self) -> Vec<String> {
        let mut out = vec!["\n*** FATAL AOF MANIFEST FILE ERROR ***\n".to_owned()];
        if let Some((number, line)) = &self.line {
            out.push(format!("Reading the manifest file, at line {number}\n"));
            out.push(format!(">>> '{}'\n", String::from_utf8_lossy(line)));
        }
        out.push(format!("{}\n", self.text));
        out
    }
}

const INVALID: &str = "Invalid AOF manifest file format";

/// The files, and the numbers given out so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<FileInfo>,
    pub history: Vec<FileInfo>,
    pub incr: Vec<FileInfo>,
    base_seq: i64,
    incr_seq: i64,
    /// Differs from what is on disk.
    pub dirty: bool,
}

impl Manifest {
    /// Parses the content of a manifest file.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::default();
        let mut number = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let limit = &rest[..rest.len().min(MAX_LINE_BYTES)];
            let (chunk, complete) = match memchr::memchr(b'\n', limit) {
                Some(end) => (&rest[..=end], true),
                None => (limit, false),
            };
            rest = &rest[chunk.len()..];
            number += 1;
            if chunk.starts_with(b"#") {
                continue;
            }
            if !complete || memchr::memchr(0, chunk).is_some() {
                return Err(ManifestError::new("The AOF manifest file contains too long line"));
            }
            let line = trim(chunk);
            manifest
                .add_line(line)
                .map_err(|text| ManifestError { line: Some((number, line.to_vec())), text })?;
        }
        if number == 0 {
            return Err(ManifestError::new("Found an empty AOF manifest"));
        }
        Ok(manifest)
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let (name, seq, letter) = parse_line(line)?;
        match letter {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.base_seq = seq;
                self.base = Some(FileInfo { name, seq, kind: FileKind::Base });
            }
            b'h' => self.history.push(FileInfo { name, seq, kind: FileKind::History }),
            b'i' if seq <= self.incr_seq => return Err("Found a non-monotonic sequence number"),
            b'i' => {
                self.incr_seq = seq;
                self.incr.push(FileInfo { name, seq, kind: FileKind::Incr });
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The text of the file.
    pub fn format(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for file in self.base.iter().chain(&self.history).chain(&self.incr) {
            out.extend_from_slice(b"file ");
            if needs_quotes(&file.name) {
                push_repr(&mut out, &file.name);
            } else {
                out.extend_from_slice(&file.name);
            }
            out.extend_from_slice(format!(" seq {} type ", file.seq).as_bytes());
            out.push(file.kind.letter() as u8);
            out.push(b'\n');
        }
        out
    }

    /// Nothing is named that could be loaded.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incr.is_empty()
    }

    /// The files to load, in order.
    pub fn live_files(&self) -> impl Iterator<Item = &FileInfo> {
        self.base.iter().chain(&self.incr)
    }

    /// Names a new base file; the previous one becomes history.
    pub fn new_base(&mut self, appendfilename: &[u8], rdb: bool) -> Vec<u8> {
        if let Some(old) = self.base.take() {
            self.history.insert(0, FileInfo { kind: FileKind::History, ..old });
        }
        self.base_seq += 1;
        let format = if rdb { "rdb" } else { "aof" };
        let mut name = appendfilename.to_vec();
        name.extend_from_slice(format!(".{}.base.{format}", self.base_seq).as_bytes());
        let info = FileInfo { name: name.clone(), seq: self.base_seq, kind: FileKind::Base };
        self.base = Some(info);
        self.dirty = true;
        name
    }

    /// Names a new incremental file.
    pub fn new_incr(&mut self, appendfilename: &[u8]) -> Vec<u8> {
        self.incr_seq += 1;
        let mut name = appendfilename.to_vec();
        name.extend_from_slice(format!(".{}.incr.aof", self.incr_seq).as_bytes());
        let info = FileInfo { name: name.clone(), seq: self.incr_seq, kind: FileKind::Incr };
        self.incr.push(info);
        self.dirty = true;
        name
    }

    /// The incremental file to write to: the last one, or a new one.
    pub fn last_incr(&mut self, appendfilename: &[u8]) -> Vec<u8> {
        match self.incr.last() {
            Some(last) => last.name.clone(),
            None => self.new_incr(appendfilename),
        }
    }

    /// A rewrite covers the incremental files: all, or (`keep_last`) all but the one that is being
    /// written to.
    pub fn incr_to_history(&mut self, keep_last: bool) {
        let end = self.incr.len() - usize::from(keep_last && !self.incr.is_empty());
        for file in self.incr.drain(..end).rev() {
            self.history.insert(0, FileInfo { kind: FileKind::History, ..file });
        }
        self.dirty = true;
    }

    /// The single file of an older version becomes the base.
    pub fn adopt_single_file(&mut self, appendfilename: &[u8]) {
        let name = appendfilename.to_vec();
        self.base = Some(FileInfo { name, seq: 1, kind: FileKind::Base });
        self.base_seq = 1;
        self.dirty = true;
    }

    /// Replaces the file on disk if this differs from it. The error is the text to log.
    pub fn persist(&mut self, dir: &Path, appendfilename: &[u8]) -> Result<(), String> {
        if self.dirty {
            write_file(dir, appendfilename, &self.format())?;
            self.dirty = false;
        }
        Ok(())
    }
}

/// The file name, number and type letter of a line.
fn parse_line(line: &[u8]) -> Result<(Vec<u8>, i64, u8), &'static str> {
    if line.is_empty() {
        return Err(INVALID);
    }
    let words = split_args(line).ok_or(INVALID)?;
    // Fewer are too few, more are from a later version.
    if words.len() < 6 || !words.len().is_multiple_of(2) {
        return Err(INVALID);
    }
    let (mut name, mut seq, mut letter) = (None, 0, 0);
    for pair in words.chunks_exact(2) {
        let (key, value) = (&pair[0], &pair[1]);
        if key.eq_ignore_ascii_case(b"file") {
            if value.contains(&b'/') || value.contains(&b'\\') {
                return Err("File can't be a path, just a filename");
            }
            name = Some(value.clone());
        } else if key.eq_ignore_ascii_case(b"seq") {
            seq = leading_number(value);
        } else if key.eq_ignore_ascii_case(b"type") {
            letter = value.first().copied().unwrap_or(0);
        }
    }
    match name {
        // Without a name nothing can be found, nor written so that it is read again.
        Some(name) if !name.is_empty() && seq != 0 && letter != 0 => Ok((name, seq, letter)),
        _ => Err(INVALID),
    }
}

/// What C's `atoll` makes of the text.
pub fn leading_number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0i64, |n, digit| {
        let digit = i64::from(digit - b'0');
        n.saturating_mul(10).saturating_add(if negative { -digit } else { digit })
    })
}

fn trim(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

fn needs_quotes(name: &[u8]) -> bool {
    name.iter().any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'"' | b'\''))
}

/// `appendonly.aof.manifest`.
pub fn file_name(appendfilename: &[u8]) -> Vec<u8> {
    [appendfilename, b".manifest"].concat()
}

/// The incremental file of a rewrite that is to turn the append only file on.
pub fn temp_incr_name(appendfilename: &[u8]) -> Vec<u8> {
    [b"temp-", appendfilename, b".incr"].concat()
}

/// A path from bytes.
pub fn path_in(dir: &Path, name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    dir.join(std::ffi::OsStr::from_bytes(name))
}

/// Syncs the names in a directory.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    match File::open(dir)?.sync_all() {
        // Some file systems have nothing to sync in a directory.
        Err(e) if matches!(e.raw_os_error(), Some(libc::EBADF | libc::EINVAL)) => Ok(()),
        result => result,
    }
}

fn write_file(dir: &Path, appendfilename: &[u8], text: &[u8]) -> Result<(), String> {
    let name = file_name(appendfilename);
    let temp_name = [b"temp-", &name[..]].concat();
    let (path, temp) = (path_in(dir, &name), path_in(dir, &temp_name));
    let shown = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let mut file = fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).open(&temp);
    let mut file = file.map_err(|e| {
        format!("Can't open the AOF manifest file {}: {}", shown(&temp_name), strerror(&e))
    })?;
    file.write_all(text).map_err(|e| {
        format!(
            "Error trying to write the temporary AOF manifest file {}: {}",
            shown(&temp_name),
            strerror(&e)
        )
    })?;
    file.sync_data().map_err(|e| {
        format!("Fail to fsync the temp AOF file {}: {}.", shown(&temp_name), strerror(&e))
    })?;
    fs::rename(&temp, &path).map_err(|e| {
        format!(
            "Error trying to rename the temporary AOF manifest file {} into {}: {}",
            shown(&temp_name),
            shown(&name),
            strerror(&e)
        )
    })?;
    // New files may have been made in the directory, too.
    sync_dir(dir)
        .map_err(|e| format!("Fail to fsync AOF directory {}: {}.", path.display(), strerror(&e)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                        file appendonly.aof.1.incr.aof seq 1 type h\n\
                        file appendonly.aof.4.incr.aof seq 4 type i\n\
                        file appendonly.aof.5.incr.aof seq 5 type i\n";

    fn error(text: &str) -> &'static str {
        Manifest::parse(text.as_bytes()).unwrap_err().text
    }

    #[test]
    fn text_round_trips() {
        let mut manifest = Manifest::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(manifest.format(), TEXT.as_bytes());
        assert_eq!(manifest.live_files().count(), 3);
        assert_eq!(manifest.last_incr(b"x"), b"appendonly.aof.5.incr.aof");
        assert_eq!(manifest.new_incr(b"x"), b"x.6.incr.aof");
        let quoted = "file \"\\\" \\n.aof \" seq 1 type i\n";
        assert_eq!(Manifest::parse(quoted.as_bytes()).unwrap().format(), quoted.as_bytes());
        let later = "# note\nSEQ 3 more x TYPE incr FILE a.aof\n";
        let manifest = Manifest::parse(later.as_bytes()).unwrap();
        assert_eq!(manifest.format(), b"file a.aof seq 3 type i\n");
    }

    #[test]
    fn a_rewrite_turns_what_it_covers_into_history() {
        let mut manifest = Manifest::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(manifest.new_base(b"appendonly.aof", false), b"appendonly.aof.3.base.aof");
        manifest.incr_to_history(true);
        assert_eq!(
            String::from_utf8(manifest.format()).unwrap(),
            "file appendonly.aof.3.base.aof seq 3 type b\n\
             file appendonly.aof.4.incr.aof seq 4 type h\n\
             file appendonly.aof.2.base.rdb seq 2 type h\n\
             file appendonly.aof.1.incr.aof seq 1 type h\n\
             file appendonly.aof.5.incr.aof seq 5 type i\n"
        );
        manifest.incr_to_history(false);
        assert!(manifest.incr.is_empty());
    }

    #[test]
    fn refusals() {
        let long = format!("file {} seq 1 type b\n", "a".repeat(1024));
        for (text, expected) in [
            ("", "Found an empty AOF manifest"),
            ("\n", INVALID),
            ("file a seq 1\n", INVALID),
            ("file a seq 1 type b x\n", INVALID),
            ("file a seq x type b\n", INVALID),
            ("file \"a seq 1 type b\n", INVALID),
            ("file \"\" seq 1 type b\n", INVALID),
            ("file a seq 1 type b", "The AOF manifest file contains too long line"),
            (&long, "The AOF manifest file contains too long line"),
            ("file d/a seq 1 type b\n", "File can't be a path, just a filename"),
            ("file a seq 1 type b\nfile c seq 2 type b\n", "Found duplicate base file information"),
            ("file a seq 2 type i\nfile c seq 2 type i\n", "Found a non-monotonic sequence number"),
            ("file a seq 1 type x\n", "Unknown AOF file type"),
        ] {
            assert_eq!(error(text), expected, "{text:?}");
        }
        let messages = Manifest::parse(b"# c\n bad \n").unwrap_err().messages();
        assert_eq!(messages[1], "Reading the manifest file, at line 2\n");
        assert_eq!(messages[2], ">>> 'bad'\n");
    }

    #[test]
    fn numbers_as_atoll_reads_them() {
        for (text, n) in [("12x", 12), (" -3", -3), ("+4", 4), ("x", 0), ("", 0)] {
            assert_eq!(leading_number(text.as_bytes()), n, "{text}");
        }
        assert_eq!(leading_number(&[b'9'; 40]), i64::MAX);
    }

    #[test]
    fn persisted_only_when_changed() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::default();
        manifest.persist(dir.path(), b"a.aof").unwrap();
        assert!(!dir.path().join("a.aof.manifest").exists());
        manifest.new_incr(b"a.aof");
        manifest.persist(dir.path(), b"a.aof").unwrap();
        let text = fs::read(dir.path().join("a.aof.manifest")).unwrap();
        assert_eq!(text, b"file a.aof.1.incr.aof seq 1 type i\n");
        manifest.new_incr(b"a.aof");
        let error = manifest.persist(&dir.path().join("none"), b"a.aof").unwrap_err();
        assert!(error.starts_with("Can't open the AOF manifest file temp-a.aof.manifest: No such"));
        assert!(manifest.dirty);
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_what_it_accepts_round_trips(
            text in prop::collection::vec(
                prop_oneof!["file ", "seq ", "type ", "b ", "i ", "h ", "[0-9]", "\n", "a", "\\PC"],
                0..40,
            ),
        ) {
            if let Ok(manifest) = Manifest::parse(text.concat().as_bytes()) {
                let format = manifest.format();
                if !format.is_empty() {
                    let again = Manifest::parse(&format).unwrap();
                    prop_assert_eq!(again.format(), format);
                }
            }
        }
    }
}
