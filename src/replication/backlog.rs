//! The replication stream in memory: one list of blocks that holds what the backlog keeps and what
//! replicas have not been sent yet. A replica is an offset into it, nothing is copied for it.
//!
//! ```text
//!  blocks   [ ......... ][ ......... ][ ......... ][ ....      ]   appended at the right
//!            ^ backlog begins          ^ replica A        ^ end: the last byte has offset `end`
//! ```
//!
//! Bytes are numbered from 1; `end` is the number of the last one (INFO master_repl_offset). Blocks
//! go at the left, when the backlog has more than its size without them and no replica needs them:
//! a slow replica makes the backlog longer than its size, and others may use that.
//!
//! Invariant: without a backlog there are no blocks; with one, the blocks follow each other without
//! a gap, the last one ends at `end`, and every reader stands within them or right behind.
//! (Behaviour: Redis' replication.c; there the blocks are counted references.)

use std::collections::{BTreeMap, VecDeque};
use std::io::IoSlice;

/// Smallest block; a larger one is made for larger writes.
const BLOCK_BYTES: usize = 16 * 1024;
/// The smallest backlog that `repl-backlog-size` may ask for.
pub const MIN_BACKLOG_BYTES: u64 = 16 * 1024;
/// Blocks freed after each new block, and in one round of housekeeping: bounds the pause.
const TRIM_PER_BLOCK: usize = 64;
const TRIM_PER_ROUND: usize = 10 * TRIM_PER_BLOCK;

struct Block {
    /// Offset of the first byte.
    start: i64,
    /// Never grows beyond the capacity it was made with.
    bytes: Vec<u8>,
}

impl Block {
    /// Offset behind the last byte.
    fn next(&self) -> i64 {
        self.start + self.bytes.len() as i64
    }

    fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + size_of::<Block>()
    }
}

/// The stream.
#[derive(Default)]
pub struct ReplBuffer {
    blocks: VecDeque<Block>,
    /// Offset of the last byte, those included that no backlog kept.
    end: i64,
    active: bool,
    memory_bytes: usize,
    /// Offset of the next byte to send, by replica.
    readers: BTreeMap<u64, i64>,
    announced: bool,
}

impl ReplBuffer {
    /// Offset of the last byte of the stream.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// The stream continues from another offset (that of a master). Only without a backlog.
    pub fn set_end(&mut self, end: i64) {
        debug_assert!(!self.active);
        self.end = end;
    }

    /// Counts bytes that nobody gets.
    pub fn skip(&mut self, bytes: i64) {
        self.end += bytes;
    }

    /// A backlog exists.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Begins to keep what is appended.
    pub fn create_backlog(&mut self) {
        self.active = true;
    }

    /// Forgets everything but the offset. There must be no readers.
    pub fn free_backlog(&mut self) {
        debug_assert!(self.readers.is_empty());
        self.active = false;
        self.blocks = VecDeque::new();
        self.memory_bytes = 0;
    }

    /// Offset of the first byte kept (of the next one, if none is).
    pub fn first(&self) -> i64 {
        self.blocks.front().map_or(self.end + 1, |block| block.start)
    }

    /// Bytes kept.
    pub fn histlen(&self) -> i64 {
        self.end + 1 - self.first()
    }

    /// Allocated bytes of all blocks.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Room for further blocks' descriptions that is allocated already, bytes.
    pub fn spare_bytes(&self) -> usize {
        (self.blocks.capacity() - self.blocks.len()) * size_of::<Block>()
    }

    /// Adds `by` to all offsets: what was collected before the offset became known.
    pub fn rebase(&mut self, by: i64) {
        self.end += by;
        self.blocks.iter_mut().for_each(|block| block.start += by);
        self.readers.values_mut().for_each(|next| *next += by);
    }

    /// Appends bytes of the stream. Without a backlog they are not kept and not counted. True if
    /// all readers are to be seen to: they were not told that there is something new, or what
    /// they hold has grown by a block.
    #[inline]
    pub fn append(&mut self, bytes: &[u8], backlog_size: u64) -> bool {
        if let Some(block) = self.blocks.back_mut()
            && block.bytes.capacity() - block.bytes.len() >= bytes.len()
        {
            block.bytes.extend_from_slice(bytes);
            self.end += bytes.len() as i64;
            return !self.announced;
        }
        self.append_in_pieces(bytes, backlog_size);
        self.active
    }

    /// Where up to `bytes` bytes can be appended in place, if there is such a place; they count
    /// when `appended` is called.
    #[inline]
    pub fn room_for(&mut self, bytes: usize) -> Option<&mut Vec<u8>> {
        let block = &mut self.blocks.back_mut()?.bytes;
        (block.capacity() - block.len() >= bytes).then_some(block)
    }

    /// Bytes were written to the place that `room_for` gave. Returns the same as `append`.
    #[inline]
    pub fn appended(&mut self) -> bool {
        if let Some(block) = self.blocks.back() {
            self.end = block.next() - 1;
        }
        !self.announced
    }

    fn append_in_pieces(&mut self, mut bytes: &[u8], backlog_size: u64) {
        if !self.active {
            return;
        }
        while !bytes.is_empty() {
            let full = |block: &Block| block.bytes.len() == block.bytes.capacity();
            if self.blocks.back().is_none_or(full) {
                self.push_block(bytes.len(), backlog_size);
                self.trim(backlog_size, TRIM_PER_BLOCK);
            }
            let block = self.blocks.back_mut().expect("one was pushed if there was none");
            let room = block.bytes.capacity() - block.bytes.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            block.bytes.extend_from_slice(now);
            self.end += now.len() as i64;
            bytes = later;
        }
    }

    /// All readers were told that there is something new.
    pub fn set_announced(&mut self) {
        self.announced = true;
    }

    /// What comes from now on is to be announced anew: readers are about to be written to.
    #[inline]
    pub fn forget_announcement(&mut self) {
        self.announced = false;
    }

    fn push_block(&mut self, wanted: usize, backlog_size: u64) {
        // Large blocks would keep too much for a replica that needs their last byte.
        let most = (backlog_size as usize / 16).max(BLOCK_BYTES);
        let size = wanted.clamp(BLOCK_BYTES, most);
        let block = Block { start: self.end + 1, bytes: Vec::with_capacity(size) };
        self.memory_bytes += block.memory_bytes();
        self.blocks.push_back(block);
    }

    fn trim(&mut self, backlog_size: u64, most: usize) {
        let needed = self.readers.values().min().copied().unwrap_or(i64::MAX);
        for _ in 0..most {
            let histlen = self.histlen();
            if self.blocks.len() <= 1 || histlen <= backlog_size as i64 {
                return;
            }
            let first = &self.blocks[0];
            if needed < first.next() || histlen - first.bytes.len() as i64 <= backlog_size as i64 {
                return;
            }
            self.memory_bytes -= first.memory_bytes();
            self.blocks.pop_front();
        }
    }

    /// Frees a bounded number of blocks that nobody needs; once a turn of the loop.
    #[inline]
    pub fn trim_round(&mut self, backlog_size: u64) {
        if self.blocks.len() > 1 {
            self.trim(backlog_size, TRIM_PER_ROUND);
        }
    }

    /// A replica gets what comes from now on.
    pub fn add_reader(&mut self, replica: u64) {
        self.insert_reader(replica, self.end + 1);
    }

    fn insert_reader(&mut self, replica: u64, next: i64) {
        self.readers.insert(replica, next);
        self.announced = false;
    }

    /// A replica gets the stream from `offset` on, which the backlog must hold.
    pub fn add_reader_at(&mut self, replica: u64, offset: i64) {
        debug_assert!((self.first()..=self.end + 1).contains(&offset));
        self.insert_reader(replica, offset);
    }

    /// A replica gets the same as another one that is not ahead of what it may get.
    pub fn copy_reader(&mut self, replica: u64, of: u64) {
        let next = self.readers.get(&of).copied().unwrap_or(self.end + 1);
        self.insert_reader(replica, next);
    }

    pub fn remove_reader(&mut self, replica: u64) {
        self.readers.remove(&replica);
    }

    pub fn is_reader(&self, replica: u64) -> bool {
        self.readers.contains_key(&replica)
    }

    /// Bytes that a replica has not been sent.
    #[inline]
    pub fn pending(&self, replica: u64) -> usize {
        self.readers.get(&replica).map_or(0, |next| (self.end + 1 - next) as usize)
    }

    /// Number of blocks with bytes that a replica has not been sent.
    pub fn pending_blocks(&self, replica: u64) -> usize {
        match self.readers.get(&replica) {
            Some(next) if *next <= self.end => self.blocks.len() - self.block_of(*next),
            _ => 0,
        }
    }

    /// What the limits for replicas are compared with: the blocks from the one that a replica
    /// stands in, as if they were its own. 0 before anything was appended.
    pub fn memory_of(&self, replica: u64) -> usize {
        let Some(next) = self.readers.get(&replica) else { return 0 };
        let Some(last) = self.blocks.len().checked_sub(1) else { return 0 };
        let at = self.block_of(*next).min(last);
        let last = &self.blocks[last];
        let span = last.start + last.bytes.capacity() as i64 - self.blocks[at].start;
        span as usize + (self.blocks.len() - at) * size_of::<Block>()
    }

    /// Index of the block with that offset; the number of blocks if it is behind the last.
    fn block_of(&self, offset: i64) -> usize {
        self.blocks.partition_point(|block| block.next() <= offset)
    }

    /// What to send next to a replica: up to about `most` bytes, as slices of the blocks.
    pub fn slices<'a>(&'a self, replica: u64, most: usize, out: &mut Vec<IoSlice<'a>>) {
        let Some(next) = self.readers.get(&replica).copied() else { return };
        let mut bytes = 0;
        for block in self.blocks.iter().skip(self.block_of(next)) {
            let from = (next - block.start).max(0) as usize;
            if bytes >= most || from >= block.bytes.len() {
                return;
            }
            out.push(IoSlice::new(&block.bytes[from..]));
            bytes += block.bytes.len() - from;
        }
    }

    /// A replica was sent so many bytes.
    pub fn advance(&mut self, replica: u64, bytes: usize) {
        if let Some(next) = self.readers.get_mut(&replica) {
            *next += bytes as i64;
            debug_assert!(*next <= self.end + 1);
        }
    }

    /// The last bytes of the stream, for the log.
    pub fn tail(&self, bytes: usize) -> Vec<u8> {
        let mut tail = Vec::new();
        for block in self.blocks.iter().rev() {
            let take = (bytes - tail.len()).min(block.bytes.len());
            tail.splice(0..0, block.bytes[block.bytes.len() - take..].iter().copied());
            if tail.len() == bytes {
                break;
            }
        }
        tail
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(buffer: &ReplBuffer, replica: u64) -> Vec<u8> {
        let mut slices = Vec::new();
        buffer.slices(replica, usize::MAX, &mut slices);
        slices.iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn without_a_backlog_nothing_is_kept() {
        let mut buffer = ReplBuffer::default();
        buffer.append(b"abc", 100);
        assert_eq!((buffer.end(), buffer.histlen(), buffer.first()), (0, 0, 1));
        buffer.skip(1);
        buffer.create_backlog();
        buffer.append(b"abc", 100);
        assert_eq!((buffer.end(), buffer.histlen(), buffer.first()), (4, 3, 2));
        buffer.free_backlog();
        assert_eq!((buffer.end(), buffer.histlen(), buffer.memory_bytes()), (4, 0, 0));
    }

    #[test]
    fn a_slow_replica_keeps_the_backlog_long() {
        let mut buffer = ReplBuffer::default();
        buffer.create_backlog();
        buffer.add_reader(7);
        for _ in 0..10 {
            buffer.append(&[1; BLOCK_BYTES], 1);
        }
        assert_eq!(buffer.histlen(), 10 * BLOCK_BYTES as i64);
        assert_eq!(buffer.pending(7), 10 * BLOCK_BYTES);
        assert_eq!(buffer.pending_blocks(7), 10);
        let held = buffer.memory_of(7);
        assert_eq!(held, buffer.memory_bytes());
        buffer.advance(7, 9 * BLOCK_BYTES);
        buffer.trim_round(1);
        // The last block is never given up, and one more byte than the backlog's size stays.
        assert_eq!(buffer.histlen(), BLOCK_BYTES as i64);
        buffer.remove_reader(7);
        assert_eq!((buffer.pending(7), buffer.memory_of(7)), (0, 0));
    }

    #[test]
    fn readers_are_seen_to_once_a_turn_and_for_each_block() {
        let mut buffer = ReplBuffer::default();
        assert!(!buffer.append(b"x", 1), "there is no backlog");
        buffer.create_backlog();
        buffer.add_reader(7);
        assert!(buffer.append(b"x", 1));
        buffer.set_announced();
        assert!(!buffer.append(b"x", 1));
        assert!(buffer.append(&[0; BLOCK_BYTES], 1), "another block");
        buffer.forget_announcement();
        assert!(buffer.append(b"x", 1), "another turn");
        buffer.set_announced();
        buffer.add_reader(8);
        assert!(buffer.append(b"x", 1), "another reader");
    }

    #[test]
    fn the_backlog_is_at_least_as_long_as_its_size() {
        let mut buffer = ReplBuffer::default();
        buffer.create_backlog();
        let size = 3 * BLOCK_BYTES as u64;
        for _ in 0..1000 {
            buffer.append(&[0; 1000], size);
        }
        let most = size as i64 + 2 * BLOCK_BYTES as i64;
        assert!((size as i64..=most).contains(&buffer.histlen()), "{}", buffer.histlen());
    }

    #[test]
    fn tail_and_rebase() {
        let mut buffer = ReplBuffer::default();
        buffer.create_backlog();
        buffer.append(&[b'x'; BLOCK_BYTES], 1 << 20);
        buffer.append(b"abc", 1 << 20);
        assert_eq!(buffer.tail(5), b"xxabc");
        buffer.rebase(1000);
        assert_eq!(buffer.first(), 1001);
        assert_eq!(buffer.end(), 1003 + BLOCK_BYTES as i64);
        assert_eq!(buffer.histlen(), 3 + BLOCK_BYTES as i64);
    }

    #[derive(Debug, Clone)]
    enum Op {
        Append(usize),
        AppendInPlace(usize),
        Join(u64),
        JoinAt(u64, prop::sample::Index),
        Leave(u64),
        Send(u64, usize),
        Trim,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (1usize..60_000).prop_map(Op::Append),
            (1usize..9_000).prop_map(Op::AppendInPlace),
            (0u64..4).prop_map(Op::Join),
            (0u64..4, any::<prop::sample::Index>()).prop_map(|(id, at)| Op::JoinAt(id, at)),
            (0u64..4).prop_map(Op::Leave),
            (0u64..4, 1usize..80_000).prop_map(|(id, bytes)| Op::Send(id, bytes)),
            Just(Op::Trim),
        ]
    }

    proptest! {
        /// Against the whole stream in one piece and a number per replica.
        #[test]
        fn replicas_get_the_stream(ops in proptest::collection::vec(op(), 1..60)) {
            const SIZE: u64 = 40_000;
            let mut buffer = ReplBuffer::default();
            buffer.create_backlog();
            let mut stream: Vec<u8> = Vec::new();
            let mut at: BTreeMap<u64, usize> = BTreeMap::new();
            for op in ops {
                match op {
                    Op::Append(len) => {
                        let start = stream.len();
                        let bytes: Vec<u8> =
                            (0..len).map(|i| (i * 7 + start) as u8).collect();
                        stream.extend_from_slice(&bytes);
                        buffer.append(&bytes, SIZE);
                    }
                    Op::AppendInPlace(len) => {
                        if let Some(block) = buffer.room_for(len) {
                            block.extend_from_slice(&vec![len as u8; len / 2]);
                            buffer.appended();
                            stream.extend_from_slice(&vec![len as u8; len / 2]);
                        }
                    }
                    Op::Join(id) => {
                        buffer.add_reader(id);
                        at.insert(id, stream.len());
                    }
                    Op::JoinAt(id, index) => {
                        let held = buffer.histlen() as usize;
                        let offset = stream.len() - held + index.index(held + 1);
                        buffer.add_reader_at(id, offset as i64 + 1);
                        at.insert(id, offset);
                    }
                    Op::Leave(id) => {
                        buffer.remove_reader(id);
                        at.remove(&id);
                    }
                    Op::Send(id, bytes) => {
                        if let Some(at) = at.get_mut(&id) {
                            let bytes = bytes.min(buffer.pending(id));
                            buffer.advance(id, bytes);
                            *at += bytes;
                        }
                    }
                    Op::Trim => buffer.trim_round(SIZE),
                }
                prop_assert_eq!(buffer.end(), stream.len() as i64);
                let kept = buffer.histlen() as usize;
                prop_assert!(kept >= stream.len().min(SIZE as usize));
                prop_assert_eq!(buffer.first(), (stream.len() - kept) as i64 + 1);
                let memory: usize = buffer.blocks.iter().map(Block::memory_bytes).sum();
                prop_assert_eq!(buffer.memory_bytes(), memory);
                for (id, at) in &at {
                    prop_assert_eq!(buffer.pending(*id), stream.len() - at);
                    prop_assert_eq!(&read(&buffer, *id)[..], &stream[*at..]);
                }
            }
        }
    }
}
