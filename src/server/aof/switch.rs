//! Turning the append only file on and off: at the start, by CONFIG SET, at the end.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::rewrite::open_incr;
use super::{AofState, fatal};
use crate::config::strerror;
use crate::persistence::aof::manifest::{self, Manifest};
use crate::persistence::aof::rewrite::rewrite_file;
use crate::persistence::child::{ChildKind, ChildReport};
use crate::server::Server;

/// How often turning it on is tried, once a second.
const MAX_TRIES: u32 = 10;

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

impl Server {
    /// Reads the manifest; ends the process if it is damaged. There may be none yet.
    pub fn load_aof_manifest(&mut self) {
        self.aof.manifest = Manifest::default();
        let dir = self.aof_dir();
        if !dir.is_dir() {
            self.log_debug(&format!("The AOF directory {} doesn't exist", dir.display()));
            return;
        }
        let name = manifest::file_name(&self.config.appendfilename);
        let path = self.aof_path(&name);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                self.log_debug(&format!("The AOF manifest file {} doesn't exist", shown(&name)));
                return;
            }
            Err(e) => fatal(&format!(
                "Fatal error: can't open the AOF manifest file {} for reading: {}",
                path.display(),
                strerror(&e)
            )),
        };
        match Manifest::parse(&text) {
            Ok(manifest) => self.aof.manifest = manifest,
            Err(error) => {
                let mut messages = error.messages();
                let last = messages.pop().unwrap_or_default();
                for message in messages {
                    self.log_warning(&message);
                }
                fatal(&last)
            }
        }
    }

    /// Opens the file to write to, once the data is loaded. Ends the process if it cannot.
    pub fn open_aof_at_start(&mut self) {
        if self.aof.state != AofState::On {
            return;
        }
        self.update_propagation();
        if !self.make_aof_dir() {
            std::process::exit(1);
        }
        let mut manifest = std::mem::take(&mut self.aof.manifest);
        let has_incr = !manifest.incr.is_empty();
        if manifest.is_empty() {
            self.create_base(&mut manifest);
        }
        let name = manifest.last_incr(&self.config.appendfilename);
        match open_incr(&self.aof_path(&name), false) {
            Ok(file) => self.aof.file = Some(Arc::new(file)),
            Err(e) => fatal(&format!(
                "Can't open the append-only file {}: {}",
                shown(&name),
                strerror(&e)
            )),
        }
        if !self.persist_manifest(&mut manifest) {
            std::process::exit(1);
        }
        self.aof.manifest = manifest;
        self.aof.incr_size = self.aof_file_size(&name).unwrap_or(0);
        self.aof.incr_synced = self.aof.incr_size;
        let verb = if has_incr { "Opening" } else { "Creating" };
        self.log_notice(&format!("{verb} AOF incr file {} on server start", shown(&name)));
    }

    /// The data set is empty, or comes from elsewhere: it becomes the base.
    fn create_base(&mut self, manifest: &mut Manifest) {
        let rdb = self.config.aof_use_rdb_preamble;
        let name = manifest.new_base(&self.config.appendfilename, rdb);
        let options = self.aof_rewrite_options();
        let mut report = ChildReport::silent(ChildKind::AofRewrite);
        if rewrite_file(&self.aof_path(&name), &self.keyspace, &options, &mut report).is_err() {
            std::process::exit(1);
        }
        self.log_notice(&format!("Creating AOF base file {} on server start", shown(&name)));
    }

    /// `appendonly` may have changed. False: it cannot be turned on; why is logged.
    pub fn apply_appendonly(&mut self) -> bool {
        match (self.config.appendonly, self.aof.state) {
            (false, AofState::On | AofState::WaitRewrite) => {
                self.stop_append_only();
                true
            }
            (true, AofState::Off) => self.start_append_only(),
            _ => true,
        }
    }

    /// As `apply_appendonly` where there is nobody to tell of a failure: tries for some time, then
    /// ends the process.
    pub fn apply_appendonly_with_retry(&mut self) {
        for _ in 0..MAX_TRIES {
            if self.apply_appendonly() {
                return;
            }
            self.log_warning("Failed to enable AOF! Trying it again in one second.");
            std::thread::sleep(Duration::from_secs(1));
        }
        fatal("FATAL: AOF can't be turned on. Exiting now.");
    }

    /// On: a rewrite makes the base.
    fn start_append_only(&mut self) -> bool {
        self.aof.state = AofState::WaitRewrite;
        if self.has_child() && !self.is_rewriting_aof() {
            self.aof.rewrite.scheduled = true;
            self.log_notice(
                "AOF was enabled but there is already another background operation. An AOF \
                 background was scheduled to start when possible.",
            );
        } else if self.exec.in_exec {
            self.aof.rewrite.scheduled = true;
            self.log_notice(
                "AOF was enabled during a transaction. An AOF background was scheduled to start \
                 when possible.",
            );
        } else {
            if self.is_rewriting_aof() {
                // It gathers nothing of what happened since its fork.
                self.log_notice(
                    "AOF was enabled but there is already an AOF rewriting in background. \
                     Stopping background AOF and starting a rewrite now.",
                );
                self.kill_aof_child();
            }
            if !self.start_aof_rewrite() {
                self.aof.state = AofState::Off;
                self.log_warning(
                    "Redis needs to enable the AOF but can't trigger a background AOF rewrite \
                     operation. Check the above logs for more info about the error.",
                );
                return false;
            }
        }
        self.aof.last_sync_ms = self.clock.now_ms;
        if self.aof.background.clear_error() {
            self.log_warning("AOF reopen, just ignore the AOF fsync error in bio job");
        }
        if self.aof.write_error.take().is_some() {
            self.log_warning("AOF reopen, just ignore the last error.");
        }
        self.update_writes_denied();
        self.update_propagation();
        true
    }

    /// Off: what was fed is on disk.
    pub fn stop_append_only(&mut self) {
        if let Err(e) = self.flush_and_sync_aof() {
            self.log_warning(&format!("Fail to fsync the AOF file: {}", strerror(&e)));
        } else {
            self.aof.last_sync_ms = self.clock.now_ms;
        }
        self.aof.file = None;
        self.aof.feed.forget_db();
        self.aof.feed.clear();
        self.aof.state = AofState::Off;
        self.aof.rewrite.scheduled = false;
        (self.aof.incr_size, self.aof.incr_synced) = (0, 0);
        // A thread may still sync the last file.
        self.aof.background.drain();
        self.aof.background.set_synced_offset(0);
        self.kill_aof_child();
        self.update_writes_denied();
        self.update_propagation();
    }

    /// Before the server exits. False: it must not, the data would be lost.
    pub fn aof_before_exit(&mut self, force: bool) -> bool {
        if self.is_rewriting_aof() {
            if self.aof.state == AofState::WaitRewrite {
                if !force {
                    self.log_warning("Writing initial AOF, can't exit.");
                    self.process.notify_supervisor("STATUS=Writing initial AOF, can't exit.\n");
                    return false;
                }
                self.log_warning("Writing initial AOF. Exit anyway.");
            }
            self.log_warning("There is a child rewriting the AOF. Killing it!");
            self.kill_aof_child();
        }
        if self.aof.is_on() {
            self.log_notice("Calling fsync() on the AOF file.");
            if let Err(e) = self.flush_and_sync_aof() {
                self.log_warning(&format!("Fail to fsync the AOF file: {}.", strerror(&e)));
            }
            self.finish_commit();
        }
        true
    }

    /// Size of a file in the folder, bytes; `None` (logged) if it cannot be told.
    pub(super) fn aof_file_size(&mut self, name: &[u8]) -> Result<u64, std::io::Error> {
        let start_us = self.latency_start();
        let result = fs::metadata(self.aof_path(name)).map(|meta| meta.len());
        self.latency_end("aof-fstat", start_us);
        result.inspect_err(|e| {
            let (name, reason) = (shown(name), strerror(e));
            self.log_warning(&format!(
                "Unable to obtain the AOF file {name} length. stat: {reason}"
            ));
        })
    }

    /// The single append only file of an older version, in the current directory.
    pub(super) fn single_aof_exists(&self) -> bool {
        manifest::path_in(Path::new(""), &self.config.appendfilename).exists()
    }

    /// Moves the single file of an older version into the folder, as its base. Ends the process if
    /// it cannot; it is tried again at the next start.
    pub(super) fn adopt_single_aof(&mut self) {
        if !self.make_aof_dir() {
            std::process::exit(1);
        }
        let mut manifest = std::mem::take(&mut self.aof.manifest);
        manifest.adopt_single_file(&self.config.appendfilename);
        if !self.persist_manifest(&mut manifest) {
            std::process::exit(1);
        }
        self.aof.manifest = manifest;
        let name = self.config.appendfilename.clone();
        let (dir, file) = (shown(&self.config.appenddirname), shown(&name));
        let from = manifest::path_in(Path::new(""), &name);
        if let Err(e) = fs::rename(from, self.aof_path(&name)) {
            fatal(&format!(
                "Error trying to move the old AOF file {file} into dir {dir}: {}",
                strerror(&e)
            ));
        }
        self.log_notice(&format!(
            "Successfully migrated an old-style AOF file ({file}) into the AOF directory ({dir})."
        ));
    }
}
