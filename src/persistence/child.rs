//! What a forked child tells its parent while it works: how many keys it has written and how much
//! memory was copied because of it. Fixed-size messages through a pipe; both ends do not block.
//!
//! Not here: forking and reaping (`server::child`).

use std::io::{self, Read, Write};

use mio::unix::pipe::{Receiver, Sender};

use crate::sys::{fork, monotonic, process};

/// Why a child runs. One child at a time, but for debuggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildKind {
    /// Writes an RDB file.
    Rdb,
    /// Sends an RDB file to replicas.
    RdbSocket,
    AofRewrite,
    /// Debugs a script. There may be several of these beside one of the others.
    Debugger,
}

impl ChildKind {
    /// Either kind of RDB child.
    pub fn is_rdb(self) -> bool {
        matches!(self, ChildKind::Rdb | ChildKind::RdbSocket)
    }

    /// As messages about processes name it.
    pub fn short_name(self) -> &'static str {
        match self {
            ChildKind::Rdb | ChildKind::RdbSocket => "RDB",
            ChildKind::AofRewrite => "AOF",
            ChildKind::Debugger => "LDB",
        }
    }

    /// As the log names its work.
    pub fn name(self) -> &'static str {
        match self {
            ChildKind::AofRewrite => "AOF rewrite",
            _ => self.short_name(),
        }
    }
}

/// Exit status of a child whose parent did not want its work any more: neither success nor failure.
pub const UNWANTED: i32 = 255;

/// Measuring copied memory is slow: it may take one part in so many of the child's time.
const COW_DUTY_CYCLE: u64 = 100;
/// How often the parent is told, us.
const REPORT_PERIOD_US: u64 = 1_000_000;
/// The clock is looked at once in so many keys.
const KEYS_PER_CLOCK: u64 = 1024;

/// One message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChildInfo {
    /// The work is done: `cow_bytes` is final.
    pub is_last: bool,
    pub keys: u64,
    /// Memory copied on write, as of `cow_updated_us` of the monotonic clock.
    pub cow_bytes: u64,
    pub cow_updated_us: u64,
}

const MESSAGE_BYTES: usize = 32;

impl ChildInfo {
    fn encode(&self) -> [u8; MESSAGE_BYTES] {
        let words = [u64::from(self.is_last), self.keys, self.cow_bytes, self.cow_updated_us];
        let mut bytes = [0; MESSAGE_BYTES];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8; MESSAGE_BYTES]) -> ChildInfo {
        let word = |idx: usize| {
            let bytes = bytes[idx * 8..][..8].try_into().expect("a slice of 8 bytes");
            u64::from_le_bytes(bytes)
        };
        ChildInfo {
            is_last: word(0) != 0,
            keys: word(1),
            cow_bytes: word(2),
            cow_updated_us: word(3),
        }
    }
}

/// The child's end.
pub struct ChildReport {
    kind: ChildKind,
    pipe: Option<Sender>,
    keys: u64,
    told_us: u64,
    cow: u64,
    cow_updated_us: u64,
    cow_cost_us: u64,
    cow_peak: u64,
    cow_sum: u64,
    cow_count: u64,
}

impl ChildReport {
    pub fn new(kind: ChildKind, pipe: Sender) -> ChildReport {
        ChildReport { pipe: Some(pipe), ..ChildReport::silent(kind) }
    }

    /// Reports to nobody: the process itself saves.
    pub fn silent(kind: ChildKind) -> ChildReport {
        ChildReport {
            kind,
            pipe: None,
            keys: 0,
            told_us: 0,
            cow: 0,
            cow_updated_us: 0,
            cow_cost_us: 0,
            cow_peak: 0,
            cow_sum: 0,
            cow_count: 0,
        }
    }

    /// A key was written; tells the parent about once a second.
    #[inline]
    pub fn key_done(&mut self) {
        if self.keys.is_multiple_of(KEYS_PER_CLOCK) {
            self.tell_if_due();
        }
        self.keys += 1;
    }

    #[cold]
    fn tell_if_due(&mut self) {
        if self.pipe.is_none() {
            return;
        }
        let now_us = monotonic::now_us();
        if self.told_us == 0 || now_us - self.told_us >= REPORT_PERIOD_US {
            self.told_us = now_us;
            self.send(false);
        }
    }

    /// The work is done and was a success.
    pub fn finish(&mut self) {
        if self.pipe.is_some() {
            self.send(true);
        }
    }

    fn measure(&mut self, is_last: bool) {
        let start_us = monotonic::now_us();
        self.cow = fork::private_dirty() as u64;
        self.cow_updated_us = monotonic::now_us();
        self.cow_cost_us = self.cow_updated_us - start_us;
        self.cow_peak = self.cow_peak.max(self.cow);
        self.cow_sum += self.cow;
        self.cow_count += 1;
        let text = format!(
            "Fork CoW for {}: current {} MB, peak {} MB, average {} MB",
            self.kind.name(),
            self.cow >> 20,
            self.cow_peak >> 20,
            (self.cow_sum / self.cow_count) >> 20
        );
        if is_last {
            log::info!("{text}");
        } else if self.cow > 0 {
            log::debug!("{text}");
        }
    }

    /// Ends the process if the parent is gone.
    fn send(&mut self, is_last: bool) {
        let since_us = monotonic::now_us() - self.cow_updated_us;
        if is_last || self.cow_count == 0 || since_us > self.cow_cost_us * COW_DUTY_CYCLE {
            self.measure(is_last);
        }
        let info = ChildInfo {
            is_last,
            keys: self.keys,
            cow_bytes: self.cow,
            cow_updated_us: self.cow_updated_us,
        };
        let Some(pipe) = self.pipe.as_mut() else { return };
        // Messages are smaller than PIPE_BUF: written whole or not at all.
        match pipe.write(&info.encode()) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => {
                log::warn!("Child failed reporting info to parent, exiting. {e}");
                process::exit_now(1);
            }
        }
    }
}

/// The parent's end.
pub struct InfoReader(Receiver);

impl InfoReader {
    pub fn new(pipe: Receiver) -> InfoReader {
        InfoReader(pipe)
    }

    /// The next message, if one has arrived.
    pub fn next_info(&mut self) -> Option<ChildInfo> {
        let mut bytes = [0; MESSAGE_BYTES];
        // Written whole, so read whole.
        match self.0.read(&mut bytes) {
            Ok(MESSAGE_BYTES) => Some(ChildInfo::decode(&bytes)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_in_order() {
        let (sender, receiver) = mio::unix::pipe::new().unwrap();
        let mut reader = InfoReader::new(receiver);
        assert_eq!(reader.next_info(), None);
        let mut report = ChildReport::new(ChildKind::Rdb, sender);
        (0..3000).for_each(|_| report.key_done());
        report.finish();
        let first = reader.next_info().unwrap();
        assert!(!first.is_last && first.keys == 0 && first.cow_bytes > 0, "{first:?}");
        let last = reader.next_info().unwrap();
        assert!(last.is_last && last.keys == 3000, "{last:?}");
        assert_eq!(reader.next_info(), None);
    }

    #[test]
    fn messages_keep_their_values() {
        let info = ChildInfo { is_last: true, keys: 5, cow_bytes: 1 << 40, cow_updated_us: 9 };
        assert_eq!(ChildInfo::decode(&info.encode()), info);
    }
}
