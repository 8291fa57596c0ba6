//! The log, in Redis' line format, one `write` per line to a file that is opened anew for each line
//! (so that it can be rotated), or to standard output; and to syslog.
//!
//! The one part of the server with global state: threads, forked children, signal handlers and the
//! panic hook log too. Invariant: logging takes no lock and asks the C library nothing, so that it
//! works in a forked child; `from_handler` does not even allocate.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU8, Ordering};

use super::Server;
use crate::config::{Config, LogLevel};
use crate::sys::process;
use crate::sys::syslog;
use crate::sys::time::{Civil, local_offset_s, unix_us};

pub const DEBUG: u8 = 0;
pub const VERBOSE: u8 = 1;
pub const NOTICE: u8 = 2;
pub const WARNING: u8 = 3;

/// Empty: standard output.
static FILE: OnceLock<PathBuf> = OnceLock::new();
static LEVEL: AtomicU8 = AtomicU8::new(NOTICE);
/// The role letter of the main process.
static ROLE: AtomicU8 = AtomicU8::new(b'M');
/// 0 until the server is made: lines before that carry the letter of a child.
static MAIN_PID: AtomicI32 = AtomicI32::new(0);
static OFFSET_S: AtomicI64 = AtomicI64::new(0);
static SYSLOG: AtomicBool = AtomicBool::new(false);

/// Takes file, level and syslog from the configuration. The file cannot change later.
pub fn init(config: &Config) {
    FILE.get_or_init(|| PathBuf::from(std::ffi::OsStr::from_bytes(&config.logfile)));
    set_level(config.loglevel);
    refresh_time_zone();
    if config.syslog_enabled && !SYSLOG.swap(true, Ordering::Relaxed) {
        syslog::open(&config.syslog_ident, config.syslog_facility as i32);
    }
    // Somebody else's logger (tests) is fine too.
    let _ = log::set_logger(&FACADE);
    log::set_max_level(log::LevelFilter::Trace);
}

/// The running process is the server, not one of its children; `role` is M, S or X.
pub fn set_main_process(role: u8) {
    MAIN_PID.store(process::pid(), Ordering::Relaxed);
    ROLE.store(role, Ordering::Relaxed);
}

/// The role that lines show: M or S.
pub fn set_role(role: u8) {
    ROLE.store(role, Ordering::Relaxed);
}

pub fn set_level(level: LogLevel) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Asks the system for the time zone again. Not for forked children.
pub fn refresh_time_zone() {
    OFFSET_S.store(local_offset_s(unix_us() / 1_000_000), Ordering::Relaxed);
}

/// True if lines of this level are written.
#[inline]
pub fn is_enabled(level: u8) -> bool {
    level >= LEVEL.load(Ordering::Relaxed)
}

fn role(pid: i32) -> char {
    let role = ROLE.load(Ordering::Relaxed);
    let is_main = pid == MAIN_PID.load(Ordering::Relaxed);
    if is_main || role == b'X' { char::from(role) } else { 'C' }
}

fn timestamp() -> String {
    let us = unix_us();
    let t = Civil::from_unix(us / 1_000_000 + OFFSET_S.load(Ordering::Relaxed));
    format!(
        "{:02} {} {} {:02}:{:02}:{:02}.{:03}",
        t.day,
        t.month_name(),
        t.year,
        t.hour,
        t.minute,
        t.second,
        us / 1000 % 1000
    )
}

/// A log that cannot be written must not stop the server: errors are dropped.
fn write(bytes: &[u8]) {
    match open_file() {
        Some(mut file) => drop(file.write_all(bytes)),
        None => process::write_stdout(bytes),
    }
}

/// `None`: log to standard output. A file that cannot be opened swallows the line.
fn open_file() -> Option<File> {
    let path = FILE.get().filter(|path| !path.as_os_str().is_empty())?;
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.or_else(|_| OpenOptions::new().write(true).open("/dev/null")).ok()
}

/// Writes a line if its level is enabled.
pub fn line(level: u8, text: &str) {
    if !is_enabled(level) {
        return;
    }
    let mark = [".", "-", "*", "#"][usize::from(level.min(WARNING))];
    let pid = process::pid();
    write(format!("{pid}:{} {} {mark} {text}\n", role(pid), timestamp()).as_bytes());
    if SYSLOG.load(Ordering::Relaxed) {
        syslog::send(level, text);
    }
}

/// Writes text as it is, if its level is enabled (the logo, crash reports).
pub fn raw(level: u8, text: &str) {
    if is_enabled(level) {
        write(text.as_bytes());
    }
}

pub fn debug(text: &str) {
    line(DEBUG, text);
}

pub fn verbose(text: &str) {
    line(VERBOSE, text);
}

pub fn notice(text: &str) {
    line(NOTICE, text);
}

pub fn warning(text: &str) {
    line(WARNING, text);
}

/// A line from within a signal handler: no allocation, no local time.
pub fn from_handler(level: u8, text: std::fmt::Arguments<'_>) {
    if !is_enabled(level) {
        return;
    }
    let mut buffer = [0u8; 1024];
    let mut rest = &mut buffer[..];
    let seconds = unix_us() / 1_000_000;
    // What does not fit is cut.
    let _ = write!(rest, "{}:signal-handler ({seconds}) ", process::pid());
    let _ = rest.write_fmt(text);
    let left = rest.len().max(1);
    let end = buffer.len() - left;
    buffer[end] = b'\n';
    write(&buffer[..=end]);
}

/// Text as it is from within a signal handler, cut at 1 KiB.
pub fn raw_from_handler(text: std::fmt::Arguments<'_>) {
    let mut buffer = [0u8; 1024];
    let mut rest = &mut buffer[..];
    let _ = rest.write_fmt(text);
    let left = rest.len();
    write(&buffer[..buffer.len() - left]);
}

/// Hands `f` the descriptor of the log (for what the C library writes itself).
pub fn with_descriptor(f: impl FnOnce(i32)) {
    match open_file() {
        Some(file) => f(std::os::fd::AsRawFd::as_raw_fd(&file)),
        None => f(1),
    }
}

/// The `log` crate's macros in the lower layers end here.
struct Facade;

static FACADE: Facade = Facade;

impl log::Log for Facade {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Error | log::Level::Warn => WARNING,
            log::Level::Info => NOTICE,
            log::Level::Debug => VERBOSE,
            log::Level::Trace => DEBUG,
        };
        if record.target().starts_with("redis") {
            line(level, &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// The server's handle of the log.
pub struct Log(());

impl Log {
    pub fn new(config: &Config) -> Log {
        init(config);
        Log(())
    }
}

impl Server {
    pub fn log_debug(&self, text: &str) {
        debug(text);
    }

    pub fn log_verbose(&self, text: &str) {
        verbose(text);
    }

    pub fn log_notice(&self, text: &str) {
        notice(text);
    }

    pub fn log_warning(&self, text: &str) {
        warning(text);
    }

    /// Said once, when too many different error codes came; from then on none is added.
    pub fn log_errorstats_overflow(&mut self) {
        warning(
            "Errorstats stopped adding new errors because the number of errors reached the limit, \
             may be misuse of lua error_reply, please check INFO ERRORSTATS, this can be \
             re-enabled via CONFIG RESETSTAT.",
        );
        let old = self.stats.disable_errors();
        let codes: Vec<_> = old.keys().map(|code| String::from_utf8_lossy(code)).collect();
        warning(&format!("Current errors code list: {}", codes.join(", ")));
        let count = old.len() as u64;
        self.lazyfree.send(Box::new(old), count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_redis_shape() {
        let text = timestamp();
        assert_eq!(text.len(), "01 Jan 1970 00:00:00.000".len(), "{text}");
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        assert_eq!(digits, 2 + 4 + 6 + 3);
    }

    #[test]
    fn lines_of_children_carry_their_letter() {
        MAIN_PID.store(process::pid(), Ordering::Relaxed);
        assert_eq!(role(process::pid()), 'M');
        assert_eq!(role(process::pid() + 1), 'C');
    }
}
