//! The one forked child that the server may have: it saves, sends or rewrites the data set as it
//! was at the fork. Starting it, hearing from it, ending it; what its end means depends on its
//! kind, and stands where that kind is at home.
//!
//! Invariant: while a child lives no table of the parent moves buckets idly (the pages are shared);
//! the child itself never returns into the event loop: it ends by `exit_now`.

use std::io;

use super::Server;
use super::log;
use crate::persistence::child::{ChildInfo, ChildKind, ChildReport, InfoReader, UNWANTED};
use crate::storage::encoding::hashtable::{ResizePolicy, set_resize_policy};
use crate::sys::fork::{self, ChildEnd, Forked};
use crate::sys::{self, monotonic, signal};

/// Class of a child for `oom-score-adj-values`.
const OOM_CLASS_CHILD: usize = 2;

/// A child that lives.
pub struct ActiveChild {
    pub pid: i32,
    pub kind: ChildKind,
    /// s since the epoch.
    pub start_s: i64,
    reader: InfoReader,
}

/// How a child's work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// It exited with an error.
    Failure,
    /// A signal ended it. SIGUSR1: this server did, and it means no failure.
    Signal(i32),
}

impl Outcome {
    fn of(end: &ChildEnd) -> Outcome {
        match end {
            // The signal met its handler.
            ChildEnd { status: UNWANTED, .. } => Outcome::Signal(signal::SIGUSR1),
            ChildEnd { signal, .. } if *signal != 0 => Outcome::Signal(*signal),
            ChildEnd { status: 0, .. } => Outcome::Success,
            _ => Outcome::Failure,
        }
    }
}

/// The child and what it last said.
#[derive(Default)]
pub struct ChildState {
    pub active: Option<ActiveChild>,
    /// Process ids of the children that debug scripts.
    pub debuggers: Vec<i32>,
    /// This process is a child of that kind.
    pub inside: Option<ChildKind>,
    /// What it said last.
    pub info: ChildInfo,
    pub cow_peak: u64,
    /// Keys that there were at the fork.
    pub keys_total: u64,
    /// Memory copied during the last complete child of a kind.
    pub rdb_cow: u64,
    pub aof_cow: u64,
    /// How long the last fork took, us.
    pub fork_us: u64,
    /// GB of used memory per second of that fork.
    pub fork_rate: f64,
}

impl ChildState {
    /// The kind of the child that lives.
    pub fn kind(&self) -> Option<ChildKind> {
        self.active.as_ref().map(|child| child.kind)
    }

    /// A child writes or sends an RDB file.
    pub fn is_saving(&self) -> bool {
        self.kind().is_some_and(ChildKind::is_rdb)
    }

    /// Keys written, percent of those that there were.
    pub fn percent(&self) -> f64 {
        match self.keys_total {
            0 => 0.0,
            total => self.info.keys as f64 * 100.0 / total as f64,
        }
    }

    fn take_in(&mut self, info: ChildInfo, kind: ChildKind) {
        self.cow_peak = self.cow_peak.max(info.cow_bytes);
        if !info.is_last {
            self.info = info;
        } else if kind.is_rdb() {
            self.rdb_cow = self.cow_peak;
        } else {
            self.aof_cow = self.cow_peak;
        }
    }

    /// All that has arrived from the child.
    fn receive(&mut self) {
        while let Some(child) = self.active.as_mut() {
            let kind = child.kind;
            let Some(info) = child.reader.next_info() else { return };
            self.take_in(info, kind);
        }
    }

    fn reset_progress(&mut self) {
        self.info = ChildInfo::default();
        self.cow_peak = 0;
        self.keys_total = 0;
    }
}

/// Ends the process whatever happens: a child never returns to its caller.
struct NeverReturns;

impl Drop for NeverReturns {
    fn drop(&mut self) {
        sys::process::exit_now(1);
    }
}

extern "C" fn on_usr1(_: i32) {
    log::from_handler(log::WARNING, format_args!("Received SIGUSR1 in child, exiting now."));
    sys::process::exit_now(UNWANTED);
}

impl Server {
    /// A child process (save, rewrite) lives: memory pages are shared, do not touch them idly.
    #[inline]
    pub fn has_child(&self) -> bool {
        self.child.active.is_some()
    }

    /// Runs `work` in a forked child, which exits with the status it returns (0 = success).
    /// Returns the child's process id. Fails if there is a child, or with what the system says.
    pub fn spawn_child(
        &mut self,
        kind: ChildKind,
        work: impl FnOnce(&mut Server, &mut ChildReport) -> i32,
    ) -> io::Result<i32> {
        if self.has_child() || self.child.inside.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let (sender, receiver) = mio::unix::pipe::new()?;
        let parent = sys::process::pid();
        let start_us = monotonic::now_us();
        match fork::fork()? {
            Forked::Child => {
                let _guard = NeverReturns;
                self.become_child(kind, parent);
                // If the parent crashes, writing to the pipe fails.
                drop(receiver);
                let status = work(self, &mut ChildReport::new(kind, sender));
                sys::process::exit_now(status)
            }
            Forked::Parent(pid) => {
                self.child_born(pid, kind, InfoReader::new(receiver), start_us);
                Ok(pid)
            }
        }
    }

    /// Runs `work` in a forked child that debugs a script; it ends by itself, and there may be
    /// others. Returns in the parent only.
    pub fn spawn_debugger(&mut self, work: impl FnOnce(&mut Server)) -> io::Result<()> {
        if self.child.inside.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let parent = sys::process::pid();
        let start_us = monotonic::now_us();
        match fork::fork()? {
            Forked::Child => {
                let _guard = NeverReturns;
                self.become_child(ChildKind::Debugger, parent);
                signal::ignore_shutdown_signals();
                // The parent's clients are told by the parent's end, and what the script does here
                // concerns nobody.
                self.clients.drop_connections();
                self.propagate.enabled = false;
                work(self);
                sys::process::exit_now(0)
            }
            Forked::Parent(pid) => {
                self.count_fork(start_us);
                self.child.debuggers.push(pid);
                Ok(())
            }
        }
    }

    /// Ends the children that debug scripts.
    pub fn kill_debuggers(&mut self) {
        for pid in std::mem::take(&mut self.child.debuggers) {
            self.log_notice(&format!("Killing debugging session {pid}"));
            fork::send_signal(pid, signal::SIGKILL);
        }
    }

    fn count_fork(&mut self, start_us: u64) {
        self.child.fork_us = monotonic::now_us() - start_us;
        let used_gb = sys::malloc::used_memory() as f64 / f64::from(1 << 30);
        self.child.fork_rate = used_gb * 1e6 / self.child.fork_us.max(1) as f64;
        self.stats.total_forks += 1;
        self.latency_add_if_needed("fork", (self.child.fork_us / 1000) as i64);
    }

    fn child_born(&mut self, pid: i32, kind: ChildKind, reader: InfoReader, start_us: u64) {
        self.count_fork(start_us);
        self.child.reset_progress();
        self.child.keys_total = self.keyspace.len() as u64;
        let start_s = super::clock::unix_us() / 1_000_000;
        self.child.active = Some(ActiveChild { pid, kind, start_s, reader });
        self.update_resize_policy();
    }

    /// Conventions of a child. The signals first: they may come at any time.
    fn become_child(&mut self, kind: ChildKind, parent: i32) {
        signal::reset_in_child(on_usr1);
        // Their descriptors close; the parent's stay open and watched. Early: whoever starts the
        // server again after a crash needs the ports.
        self.listeners = Default::default();
        sys::process::die_with_parent();
        if fork::parent_pid() != parent {
            sys::process::exit_now(1);
        }
        self.child.inside = Some(kind);
        // A failure is logged.
        self.process.set_oom_score(&self.config, OOM_CLASS_CHILD);
        set_resize_policy(ResizePolicy::Forbid);
        self.process.pid_file = None;
    }

    /// What ps shows for this child.
    pub fn name_child(&mut self, title: &str) {
        self.process.title = title.as_bytes().to_vec();
        // Without a place for the title it stays the parent's.
        self.process.set_title(&self.config);
    }

    /// Each round of cron while there is a child.
    pub fn child_cron(&mut self) {
        if self.cron.run_with_period(1000) {
            self.child.receive();
        }
        self.reap_children();
    }

    /// Deals with a child that has ended.
    pub fn reap_children(&mut self) {
        let end = match fork::ended_child() {
            Ok(Some(end)) => end,
            Ok(None) => return,
            Err(e) => {
                let active = self.child.active.as_ref();
                let name = active.map_or("Unknown", |child| child.kind.short_name());
                let pid = active.map_or(-1, |child| child.pid);
                let text = crate::config::strerror(&e);
                self.log_warning(&format!(
                    "waitpid() returned an error: {text}. child_type: {name}, child_pid = {pid}"
                ));
                return;
            }
        };
        if self.child.active.as_ref().is_some_and(|child| child.pid == end.pid) {
            self.child_ended(&end);
        } else if let Some(index) = self.child.debuggers.iter().position(|pid| *pid == end.pid) {
            self.child.debuggers.swap_remove(index);
        } else {
            let pid = end.pid;
            self.log_warning(&format!("Warning, detected child with unmatched pid: {pid}"));
        }
    }

    fn child_ended(&mut self, end: &ChildEnd) {
        let Some(child) = &self.child.active else { return };
        let (pid, kind) = (child.pid, child.kind);
        let outcome = Outcome::of(end);
        match kind {
            ChildKind::Rdb | ChildKind::RdbSocket => self.background_save_done(kind, pid, outcome),
            ChildKind::AofRewrite => self.aof_rewrite_done(pid, outcome),
            // Those are no active child.
            ChildKind::Debugger => {}
        }
        if outcome == Outcome::Success {
            self.child.receive();
        }
        self.forget_child();
        if kind.is_rdb() {
            self.child_done_for_replicas(kind, outcome);
        }
        self.start_pending_sync();
    }

    fn forget_child(&mut self) {
        self.child.active = None;
        self.child.reset_progress();
        self.update_resize_policy();
    }

    /// Tables grow and shrink freely, unless a child shares their memory or DEBUG forbids it.
    pub fn update_resize_policy(&self) {
        set_resize_policy(match (self.debug.dict_resizing, self.has_child()) {
            (false, _) => ResizePolicy::Forbid,
            (true, true) => ResizePolicy::Avoid,
            (true, false) => ResizePolicy::Enable,
        });
    }

    /// Ends the child; cron finds it ended and does the rest.
    pub fn kill_child(&self) {
        if let Some(child) = &self.child.active {
            fork::send_signal(child.pid, signal::SIGUSR1);
        }
    }

    /// Ends the child and waits for its end, which has no further consequences here.
    pub fn kill_child_and_wait(&mut self) {
        let Some(pid) = self.child.active.as_ref().map(|child| child.pid) else { return };
        self.kill_child();
        // Fails only if somebody else has reaped it.
        let _ = fork::wait_for(pid);
        self.forget_child();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes() {
        let of = |status, signal| Outcome::of(&ChildEnd { pid: 1, status, signal });
        assert_eq!(of(0, 0), Outcome::Success);
        assert_eq!(of(1, 0), Outcome::Failure);
        assert_eq!(of(-1, 9), Outcome::Signal(9));
        assert_eq!(of(UNWANTED, 0), Outcome::Signal(signal::SIGUSR1));
    }

    #[test]
    fn the_last_word_counts_as_the_kind_of_child_that_spoke() {
        let mut state = ChildState { keys_total: 200, ..ChildState::default() };
        let info = ChildInfo { keys: 50, cow_bytes: 7, ..ChildInfo::default() };
        state.take_in(info, ChildKind::Rdb);
        assert_eq!((state.percent(), state.rdb_cow), (25.0, 0));
        state.take_in(ChildInfo { is_last: true, cow_bytes: 5, ..info }, ChildKind::Rdb);
        assert_eq!((state.rdb_cow, state.aof_cow), (7, 0), "the peak is what is remembered");
    }
}
