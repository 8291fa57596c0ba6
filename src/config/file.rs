//! Reading the configuration at start: the command line, configuration files, the standard input.
//!
//! Directives of the table are set at once; what belongs to other subsystems (users, renamed
//! commands, sentinel lines) is kept with its place, so that a later error can name the line.
//! Nothing is printed and nothing exits here. Invariant: later lines win, in the order file,
//! standard input, command line.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::directives;
use super::kind::{MULTI_ARG, Origin};
use super::{Config, strerror};
use crate::util::glob;
use crate::util::split_args::{push_repr, split_args};

/// The version of Redis that is spoken, as shown in messages.
pub const REDIS_VERSION: &str = "8.0.0";

/// Files that include each other in a circle end here.
const INCLUDE_DEPTH_MAX: usize = 32;

/// Directives that are accepted, with one argument, and mean nothing any more.
const IGNORED: [&[u8]; 3] =
    [b"list-max-ziplist-entries", b"list-max-ziplist-value", b"lua-replicate-commands"];

/// A line that belongs to another subsystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartupLine {
    /// The arguments; the first is the directive in lower case.
    pub argv: Vec<Vec<u8>>,
    /// Line number, from 1.
    pub number: usize,
    /// The line as it was written, trimmed.
    pub text: Vec<u8>,
}

impl StartupLine {
    /// The fatal error to report when this line turns out to be wrong.
    pub fn error(&self, reason: impl Into<String>) -> FatalError {
        FatalError::Line { place: Some((self.number, self.text.clone())), reason: reason.into() }
    }
}

/// Everything read at start.
#[derive(Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// `user <name> <rule>...`, for the ACL. Wrong ones: "Error in user declaration '%s': %s".
    pub users: Vec<StartupLine>,
    /// `rename-command <old> <new>`, for the command table. Wrong ones: "No such command in
    /// rename-command", "Target command name already exists".
    pub rename_commands: Vec<StartupLine>,
    /// `sentinel <directive> ...`, only in sentinel mode.
    pub sentinel: Vec<StartupLine>,
    /// To be logged as warnings once the log is open.
    pub warnings: Vec<String>,
}

/// Why the server cannot start; `Display` is the text for the standard error.
#[derive(Debug, PartialEq, Eq)]
pub enum FatalError {
    /// A line, or the configuration as a whole, is wrong.
    Line {
        /// Line number and text.
        place: Option<(usize, Vec<u8>)>,
        /// What is wrong.
        reason: String,
    },
    /// A file could not be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        reason: String,
    },
}

impl fmt::Display for FatalError {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Line { place, reason } => {
                writeln!(out, "\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***")?;
                if let Some((number, text)) = place {
                    writeln!(out, "Reading the configuration file, at line {number}")?;
                    writeln!(out, ">>> '{}'", String::from_utf8_lossy(text))?;
                }
                writeln!(out, "{reason}")
            }
            Self::Unreadable { path, reason } => {
                writeln!(out, "Fatal error, can't open config file '{}': {reason}", path.display())
            }
        }
    }
}

impl std::error::Error for FatalError {}

/// The role asks for sentinel mode: by the program's name or by `--sentinel`.
pub fn is_sentinel(program: &[u8], args: &[Vec<u8>]) -> bool {
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
    memchr::memmem::find(name, b"redis-sentinel").is_some()
        || args.iter().any(|arg| arg == b"--sentinel")
}

/// Reads the configuration that the command line asks for.
///
/// `config` holds the defaults of the role, `args` the command line without the program's name and
/// without modes such as `--version`. `stdin` is read when the first or last argument is `-`.
pub fn load(
    config: Config,
    args: &[Vec<u8>],
    sentinel_mode: bool,
    stdin: &mut dyn Read,
) -> Result<Loaded, FatalError> {
    let mut loader = Loader::new(config, sentinel_mode);
    if let Some(first) = args.first() {
        let mut text = Vec::new();
        let mut options = args;
        if first.first() != Some(&b'-') {
            let path = Path::new(OsStr::from_bytes(first));
            let absolute = std::path::absolute(path).map_err(|error| unreadable(path, &error))?;
            text = read_file(&absolute)?;
            loader.loaded.config.configfile = Some(absolute);
            options = &args[1..];
        }
        if wants_stdin(args) {
            stdin.read_to_end(&mut text).map_err(|error| unreadable(Path::new("-"), &error))?;
        }
        text.push(b'\n');
        text.extend_from_slice(&options_text(options, wants_stdin(args)));
        loader.read_text(&text, 0)?;
    }
    loader.finish()
}

fn wants_stdin(args: &[Vec<u8>]) -> bool {
    args.first().is_some_and(|arg| arg == b"-") || args.last().is_some_and(|arg| arg == b"-")
}

/// Turns command line options into lines of a configuration file.
///
/// `--name` starts a line and what follows are its arguments, quoted; a second `--name` right after
/// it is an argument. `--name value` in one argument is a whole line. `--save` and `--sentinel` may
/// stand without a value, as lists that programs build may be empty.
fn options_text(args: &[Vec<u8>], skip_dash: bool) -> Vec<u8> {
    let mut text: Vec<u8> = Vec::new();
    let mut line_is_complete = true;
    let last = args.len().saturating_sub(1);
    for (idx, arg) in args.iter().enumerate() {
        if skip_dash && arg == b"-" && (idx == 0 || idx == last) {
            continue;
        }
        let Some(option) = arg.strip_prefix(b"--").filter(|_| line_is_complete) else {
            push_repr(&mut text, arg);
            text.push(b' ');
            line_is_complete = true;
            continue;
        };
        if !text.is_empty() {
            text.push(b'\n');
        }
        text.extend_from_slice(option);
        text.push(b' ');
        if split_args(arg).is_none_or(|words| words.len() != 1) {
            continue;
        }
        let no_value = args.get(idx + 1).is_none_or(|next| next.starts_with(b"--"));
        let is_save = arg.eq_ignore_ascii_case(b"--save");
        if no_value && is_save {
            text.extend_from_slice(b"\"\"");
        }
        line_is_complete = no_value && (is_save || arg.eq_ignore_ascii_case(b"--sentinel"));
    }
    text
}

/// Reads the text of one configuration file into `config`, as a file named on the command line.
pub fn load_text(config: Config, text: &[u8], sentinel_mode: bool) -> Result<Loaded, FatalError> {
    let mut loader = Loader::new(config, sentinel_mode);
    loader.read_text(text, 0)?;
    loader.finish()
}

fn unreadable(path: &Path, error: &io::Error) -> FatalError {
    FatalError::Unreadable { path: path.to_owned(), reason: strerror(error) }
}

fn read_file(path: &Path) -> Result<Vec<u8>, FatalError> {
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

/// A line that is being read fails with a reason, or because of a file that it includes.
enum LineError {
    Reason(String),
    Fatal(FatalError),
}

impl<T: Into<String>> From<T> for LineError {
    fn from(reason: T) -> Self {
        Self::Reason(reason.into())
    }
}

struct Loader {
    loaded: Loaded,
    sentinel_mode: bool,
    /// The default save points are gone: `save` lines add to each other.
    save_seen: bool,
}

impl Loader {
    fn new(config: Config, sentinel_mode: bool) -> Self {
        let loaded = Loaded {
            config,
            users: Vec::new(),
            rename_commands: Vec::new(),
            sentinel: Vec::new(),
            warnings: Vec::new(),
        };
        Self { loaded, sentinel_mode, save_seen: false }
    }

    fn read_text(&mut self, text: &[u8], depth: usize) -> Result<(), FatalError> {
        for (idx, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let number = idx + 1;
            self.read_line(line, number, depth).map_err(|error| match error {
                LineError::Fatal(error) => error,
                LineError::Reason(reason) => {
                    FatalError::Line { place: Some((number, line.to_vec())), reason }
                }
            })?;
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8], number: usize, depth: usize) -> Result<(), LineError> {
        let mut argv = split_args(line).ok_or("Unbalanced quotes in configuration line")?;
        let Some(name) = argv.first_mut() else {
            return Ok(());
        };
        name.make_ascii_lowercase();
        if let Some((directive, _)) = directives::lookup(&argv[0]) {
            let config = &mut self.loaded.config;
            // One argument for a list may be the whole list in quotes.
            let args = match &argv[1..] {
                [list] if directive.has(MULTI_ARG) && !list.is_empty() => {
                    &split_args(list).unwrap_or_default()
                }
                [_] => &argv[1..],
                _ if directive.has(MULTI_ARG) => &argv[1..],
                _ => return Err("wrong number of arguments".into()),
            };
            if directive.name == "save" && !self.save_seen {
                config.save.clear();
                self.save_seen = true;
            }
            directive.set(config, args, Origin::File)?;
            return Ok(());
        }
        if argv.len() == 2 && IGNORED.contains(&argv[0].as_slice()) {
            return Ok(());
        }
        self.read_file_directive(StartupLine { argv, number, text: line.to_vec() }, depth)
    }

    /// Directives that exist only in files.
    fn read_file_directive(&mut self, line: StartupLine, depth: usize) -> Result<(), LineError> {
        match (line.argv[0].as_slice(), line.argv.len()) {
            (b"include", 2) => self.include(&line.argv[1], depth),
            (b"rename-command", 3) => {
                self.loaded.rename_commands.push(line);
                Ok(())
            }
            (b"user", 2..) => {
                self.loaded.users.push(line);
                Ok(())
            }
            (b"loadmodule", 2..) => {
                let path = String::from_utf8_lossy(&line.argv[1]);
                Err(format!("Can't load module from {path}: modules are not supported").into())
            }
            (name, len) if name.contains(&b'.') => Err(match len {
                1 => "Module config specified without value".into(),
                _ => "Module Configuration detected without loadmodule directive or no \
                      ApplyConfig call: aborting"
                    .into(),
            }),
            (b"sentinel", 1) => Ok(()),
            (b"sentinel", _) if !self.sentinel_mode => {
                Err("sentinel directive while not in sentinel mode".into())
            }
            (b"sentinel", _) => {
                self.loaded.sentinel.push(line);
                Ok(())
            }
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn include(&mut self, path: &[u8], depth: usize) -> Result<(), LineError> {
        if depth >= INCLUDE_DEPTH_MAX {
            return Err("Too many levels of include".into());
        }
        let paths = if has_wildcard(path) {
            expand(path)
        } else {
            vec![PathBuf::from(OsStr::from_bytes(path))]
        };
        let mut text = Vec::new();
        for path in paths {
            text.append(&mut read_file(&path).map_err(LineError::Fatal)?);
        }
        self.read_text(&text, depth + 1).map_err(LineError::Fatal)
    }

    fn finish(mut self) -> Result<Loaded, FatalError> {
        let config = &mut self.loaded.config;
        let whole = |reason: String| FatalError::Line { place: None, reason };
        if !config.logfile.is_empty() {
            let path = OsStr::from_bytes(&config.logfile);
            std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map_err(|error| whole(format!("Can't open the log file: {}", strerror(&error))))?;
        }
        if config.cluster_enabled && config.replicaof.is_some() {
            return Err(whole("replicaof directive not allowed in cluster mode".into()));
        }
        if config.cluster_enabled && config.databases > 1 {
            self.loaded.warnings.push(format!(
                "WARNING: Changing databases number from {} to 1 since we are in cluster mode",
                config.databases
            ));
            config.databases = 1;
        }
        config.settle();
        Ok(self.loaded)
    }
}

fn has_wildcard(path: &[u8]) -> bool {
    path.iter().any(|byte| b"*?[".contains(byte))
}

/// The existing paths that match a pattern, sorted; a leading dot must be written out.
fn expand(pattern: &[u8]) -> Vec<PathBuf> {
    let (mut found, pattern) = match pattern.strip_prefix(b"/") {
        Some(rest) => (vec![PathBuf::from("/")], rest),
        None => (vec![PathBuf::new()], pattern),
    };
    for part in pattern.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        found = found.iter().flat_map(|dir| expand_in(dir, part)).collect();
    }
    found
}

fn expand_in(dir: &Path, part: &[u8]) -> Vec<PathBuf> {
    if !has_wildcard(part) {
        let path = dir.join(OsStr::from_bytes(part));
        return if path.exists() { vec![path] } else { Vec::new() };
    }
    let listed = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let Ok(entries) = std::fs::read_dir(listed) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().into_vec()));
    let mut names: Vec<Vec<u8>> = names
        .filter(|name| name[0] != b'.' || part[0] == b'.')
        .filter(|name| glob::string_match(part, name, false))
        .collect();
    names.sort();
    names.iter().map(|name| dir.join(OsStr::from_bytes(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> String {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        String::from_utf8(options_text(&args, wants_stdin(&args))).unwrap()
    }

    #[test]
    fn options_become_lines() {
        assert_eq!(options(&["--port", "6380"]), "port \"6380\" ");
        assert_eq!(options(&["--port 6380", "--hz", "10"]), "port 6380 \nhz \"10\" ");
        assert_eq!(options(&["loglevel", "verbose"]), "\"loglevel\" \"verbose\" ");
        assert_eq!(options(&["--port", "--bla", "--hz", "1"]), "port \"--bla\" \nhz \"1\" ");
        assert_eq!(options(&["--save", "--hz", "1"]), "save \"\"\nhz \"1\" ");
        assert_eq!(options(&["--hz", "1", "--save"]), "hz \"1\" \nsave \"\"");
        assert_eq!(options(&["--save", "", "--hz", "1"]), "save \"\" \nhz \"1\" ");
        assert_eq!(options(&["--sentinel", "--hz", "1"]), "sentinel \nhz \"1\" ");
        assert_eq!(
            options(&["--proc-title-template", "--save", "--save", ""]),
            "proc-title-template \"--save\" \nsave \"\" "
        );
        assert_eq!(options(&["-", "--hz", "1"]), "hz \"1\" ");
        assert_eq!(options(&["--hz", "1", "-"]), "hz \"1\" ");
    }

    #[test]
    fn sentinel_mode_by_name_or_option() {
        assert!(is_sentinel(b"/usr/bin/redis-sentinel", &[]));
        assert!(!is_sentinel(b"/redis-sentinel/redis-server", &[]));
        assert!(is_sentinel(b"redis-server", &[b"--sentinel".to_vec()]));
    }
}
