//! The log, in Redis' line format, one `write` per line to a file opened anew (so that it can be
//! rotated), or to standard output.

use std::fs::OpenOptions;
use std::io::Write;

use super::Server;
use crate::config::Config;

/// Where and what to log.
pub struct Log {
    pub file: std::path::PathBuf,
    /// 0 debug, 1 verbose, 2 notice, 3 warning, 4 nothing.
    pub level: i64,
}

impl Log {
    pub fn new(config: &Config) -> Log {
        use std::os::unix::ffi::OsStringExt;
        let file = std::ffi::OsString::from_vec(config.logfile.clone()).into();
        Log { file, level: config.loglevel as i64 }
    }

    /// Writes a line if its level is enabled.
    pub fn line(&self, level: i64, text: &str) {
        if level < self.level {
            return;
        }
        let mark = ['.', '-', '*', '#'][level.clamp(0, 3) as usize];
        let line =
            format!("{}:M {} {mark} {text}\n", std::process::id(), "01 Jan 1970 00:00:00.000");
        // A log that cannot be written must not stop the server.
        if self.file.as_os_str().is_empty() {
            let _ = std::io::stdout().write_all(line.as_bytes());
        } else if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(&self.file) {
            let _ = file.write_all(line.as_bytes());
        }
    }
}

impl Server {
    pub fn log_debug(&self, text: &str) {
        self.log.line(0, text);
    }

    pub fn log_verbose(&self, text: &str) {
        self.log.line(1, text);
    }

    pub fn log_notice(&self, text: &str) {
        self.log.line(2, text);
    }

    pub fn log_warning(&self, text: &str) {
        self.log.line(3, text);
    }

    /// Said once, when too many different error codes came.
    pub fn log_errorstats_overflow(&self) {
        self.log_warning("Errorstats stopped adding new errors because the number of errors reached the limit (suspected clients' misuse)");
    }
}
