//! The slow log: the last commands that took longer than `slowlog-log-slower-than`, with their
//! arguments cut to a reasonable size. Time spent waiting does not count, only execution.
//!
//! Invariant: at most `slowlog-max-len` entries as of the last command that was considered.

use std::collections::VecDeque;

use super::Server;
use super::client::Client;
use crate::commands::Args;

/// Arguments kept of one command; the last one then tells how many more there were.
const MAX_ARGS: usize = 32;
/// Bytes kept of one argument.
const MAX_ARG_BYTES: usize = 128;

/// A slow command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: i64,
    /// When it ended, s since the epoch.
    pub time_s: i64,
    pub duration_us: u64,
    pub argv: Vec<Box<[u8]>>,
    /// Address of the client.
    pub peer: Box<[u8]>,
    /// Name of the client, or empty.
    pub name: Box<[u8]>,
}

/// Entries, newest first.
#[derive(Default)]
pub struct SlowLog {
    entries: VecDeque<Entry>,
    next_id: i64,
}

impl SlowLog {
    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets the entries; ids go on.
    pub fn reset(&mut self) {
        self.entries = VecDeque::new();
    }

    fn push(&mut self, mut entry: Entry, max_len: usize) {
        entry.id = self.next_id;
        self.next_id += 1;
        self.entries.push_front(entry);
        self.entries.truncate(max_len);
    }
}

/// The arguments as the log keeps them.
fn shorten(argv: &[&[u8]]) -> Vec<Box<[u8]>> {
    let kept = if argv.len() > MAX_ARGS { MAX_ARGS - 1 } else { argv.len() };
    let mut short: Vec<Box<[u8]>> = argv[..kept].iter().map(|arg| shorten_arg(arg)).collect();
    if kept < argv.len() {
        let more = format!("... ({} more arguments)", argv.len() - kept);
        short.push(more.into_bytes().into());
    }
    short
}

fn shorten_arg(arg: &[u8]) -> Box<[u8]> {
    if arg.len() <= MAX_ARG_BYTES {
        return arg.into();
    }
    let more = format!("... ({} more bytes)", arg.len() - MAX_ARG_BYTES);
    [&arg[..MAX_ARG_BYTES], more.as_bytes()].concat().into()
}

impl Server {
    /// Logs a command that was slow. `call` has compared its duration with the limit. What a
    /// command marked as secret (`Exec::redacted`) is not kept.
    #[cold]
    pub fn slowlog_push(&mut self, client: &Client, args: Args<'_>, us: u64) {
        let redacted: Vec<&[u8]>;
        let mut argv = args.0;
        if !self.exec.redacted.is_empty() {
            let mut shown = args.to_vec();
            for idx in &self.exec.redacted {
                if let Some(arg) = shown.get_mut(*idx) {
                    *arg = REDACTED;
                }
            }
            redacted = shown;
            argv = &redacted;
        }
        let entry = Entry {
            id: 0,
            time_s: self.clock.now_s(),
            duration_us: us,
            argv: shorten(argv),
            peer: client.peer_id().into_bytes().into(),
            name: client.name.clone().unwrap_or_default(),
        };
        self.slowlog.push(entry, self.config.slowlog_max_len as usize);
    }
}

/// What stands for a secret argument in slow log and MONITOR.
pub const REDACTED: &[u8] = b"(redacted)";

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            id: 0,
            time_s: 0,
            duration_us: 0,
            argv: Vec::new(),
            peer: Box::default(),
            name: Box::default(),
        }
    }

    #[test]
    fn many_arguments_are_counted() {
        let argv: Vec<&[u8]> = vec![b"a"; 33];
        let short = shorten(&argv);
        assert_eq!(short.len(), 32);
        assert_eq!(&*short[31], b"... (2 more arguments)");
        assert_eq!(shorten(&argv[..32]).len(), 32);
    }

    #[test]
    fn long_arguments_are_cut() {
        let long = vec![b'A'; 129];
        let short = shorten(&[&long]);
        assert_eq!(short[0][..128], long[..128]);
        assert_eq!(&short[0][128..], b"... (1 more bytes)");
    }

    #[test]
    fn ids_go_on_and_old_entries_leave() {
        let mut log = SlowLog::default();
        for _ in 0..5 {
            log.push(entry(), 3);
        }
        assert_eq!(log.iter().map(|e| e.id).collect::<Vec<_>>(), [4, 3, 2]);
        log.reset();
        log.push(entry(), 3);
        assert_eq!(log.iter().next().unwrap().id, 5);
    }
}
