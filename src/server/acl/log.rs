//! The ACL log: what was refused to whom of late. Like refusals share an entry.
//!
//! Invariant: after each addition at most `acllog-max-len` entries, newest first.

use std::collections::VecDeque;

use super::check::Reason;

/// Refusals further apart are told apart, ms.
const GROUPING_MS: i64 = 60_000;
/// Newest entries that are compared with a new refusal.
const COMPARED_ENTRIES: usize = 10;

/// Where the refused command came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    TopLevel,
    Multi,
    Lua,
}

impl Context {
    /// The word that ACL LOG shows.
    pub fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Multi => "multi",
            Context::Lua => "lua",
        }
    }
}

/// What was refused, without what every entry has of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    pub context: Context,
    /// The command, key or channel.
    pub object: Box<[u8]>,
    pub username: Box<[u8]>,
}

/// One or more refusals.
#[derive(Debug, Clone)]
pub struct Entry {
    pub refusal: Refusal,
    pub count: u64,
    pub id: u64,
    /// ms since the epoch.
    pub created_ms: i64,
    pub updated_ms: i64,
    /// CLIENT LIST's line of the last client.
    pub client_info: String,
}

/// See the module.
#[derive(Debug, Default)]
pub struct AclLog {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl AclLog {
    /// Newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets the entries; ids go on.
    pub fn reset(&mut self) {
        self.entries = VecDeque::new();
    }

    /// Makes room as a shorter log needs it.
    pub fn trim(&mut self, max_len: usize) {
        self.entries.truncate(max_len);
    }

    pub fn add(&mut self, refusal: Refusal, client_info: String, now_ms: i64, max_len: usize) {
        let same = |entry: &Entry| {
            entry.refusal == refusal && (now_ms - entry.updated_ms).abs() <= GROUPING_MS
        };
        let known = self.entries.iter().take(COMPARED_ENTRIES).position(same);
        if let Some(mut entry) = known.and_then(|at| self.entries.remove(at)) {
            entry.count += 1;
            entry.updated_ms = now_ms;
            entry.client_info = client_info;
            self.entries.push_front(entry);
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.entries.push_front(Entry {
            refusal,
            count: 1,
            id,
            created_ms: now_ms,
            updated_ms: now_ms,
            client_info,
        });
        self.trim(max_len);
    }
}
