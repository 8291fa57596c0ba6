//! Broadcasting mode: clients are told of every change of keys with their prefixes, whether they
//! read them or not. Changes are collected and told once a turn of the loop.
//!
//! Invariant: a prefix without clients is not kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::reply::Reply;

/// One prefix.
#[derive(Default)]
struct Prefix {
    clients: BTreeSet<u64>,
    /// Keys changed since the last message, and who changed them last; 0 = nobody's command.
    changed: BTreeMap<Box<[u8]>, u64>,
}

/// All prefixes that clients want to hear of.
#[derive(Default)]
pub struct Prefixes(BTreeMap<Box<[u8]>, Prefix>);

/// Keys that changed under one prefix, to be told to its clients.
pub struct Changes {
    pub clients: Vec<u64>,
    keys: BTreeMap<Box<[u8]>, u64>,
}

impl Changes {
    /// The array of keys, in RESP; without those that `except` changed. `None` if none is left.
    pub fn frame(&self, except: Option<u64>) -> Option<Vec<u8>> {
        let shown = || self.keys.iter().filter(|(_, by)| Some(**by) != except);
        let count = shown().count();
        if count == 0 {
            return None;
        }
        let mut reply = Reply::new();
        reply.array(count);
        shown().for_each(|(key, _)| reply.bulk(key));
        Some(std::mem::take(reply.buffer_mut()))
    }
}

/// One is the beginning of the other: a change of some key would be told twice.
pub fn overlap(a: &[u8], b: &[u8]) -> bool {
    let len = a.len().min(b.len());
    a[..len] == b[..len]
}

impl Prefixes {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, prefix: &[u8], client: u64) {
        self.0.entry(prefix.into()).or_default().clients.insert(client);
    }

    pub fn remove(&mut self, prefix: &[u8], client: u64) {
        if let Some(entry) = self.0.get_mut(prefix) {
            entry.clients.remove(&client);
            if entry.clients.is_empty() {
                self.0.remove(prefix);
            }
        }
    }

    /// A key changed. `by`: the client whose command did it, or 0.
    pub fn note_change(&mut self, key: &[u8], by: u64) {
        for (prefix, entry) in &mut self.0 {
            if key.starts_with(prefix) {
                entry.changed.insert(key.into(), by);
            }
        }
    }

    /// What is to be told, in order of the prefixes.
    pub fn take_changes(&mut self) -> Vec<Changes> {
        let changed = self.0.values_mut().filter(|entry| !entry.changed.is_empty());
        let take = |entry: &mut Prefix| Changes {
            clients: entry.clients.iter().copied().collect(),
            keys: std::mem::take(&mut entry.changed),
        };
        changed.map(take).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_collected_by_prefix() {
        let mut prefixes = Prefixes::default();
        prefixes.add(b"a", 1);
        prefixes.add(b"a", 2);
        prefixes.add(b"", 3);
        prefixes.note_change(b"ab", 1);
        prefixes.note_change(b"b", 2);
        let changes = prefixes.take_changes();
        let clients: Vec<&[u64]> = changes.iter().map(|c| &c.clients[..]).collect();
        assert_eq!(clients, [&[3][..], &[1, 2]]);
        assert_eq!(changes[0].frame(None).unwrap(), b"*2\r\n$2\r\nab\r\n$1\r\nb\r\n");
        assert_eq!(changes[0].frame(Some(1)).unwrap(), b"*1\r\n$1\r\nb\r\n");
        assert_eq!(changes[1].frame(Some(1)), None);
        assert!(prefixes.take_changes().is_empty());
        prefixes.remove(b"a", 1);
        prefixes.remove(b"a", 2);
        prefixes.remove(b"", 3);
        assert!(prefixes.is_empty());
    }

    #[test]
    fn overlapping_prefixes() {
        assert!(overlap(b"", b"x"));
        assert!(overlap(b"foo", b"foobar"));
        assert!(!overlap(b"foo", b"fob"));
    }
}
