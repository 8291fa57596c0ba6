//! Stream IDs: neighbours, bytes and texts. Parsing what clients send is the commands' business.

pub use crate::storage::encoding::id_map::StreamId;

use std::ops::Deref;

impl StreamId {
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// Whether it is 0-0, which no entry has.
    pub fn is_zero(self) -> bool {
        self == Self::MIN
    }

    /// The ID after this one; `None` after the last.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The ID before this one; `None` before the first.
    pub fn prev(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// 16 bytes, big endian, as RDB files have them.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The ID of these 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let whole = u128::from_be_bytes(bytes);
        Self { ms: (whole >> 64) as u64, seq: whole as u64 }
    }

    /// `ms-seq`.
    #[inline]
    pub fn to_text(self) -> IdText {
        self.joined(b'-')
    }

    /// Both numbers with `separator` between them.
    pub fn joined(self, separator: u8) -> IdText {
        let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (ms, seq) = (ms.format(self.ms).as_bytes(), seq.format(self.seq).as_bytes());
        let mut bytes = [0; IdText::CAPACITY];
        bytes[..ms.len()].copy_from_slice(ms);
        bytes[ms.len()] = separator;
        let len = ms.len() + 1 + seq.len();
        bytes[ms.len() + 1..len].copy_from_slice(seq);
        IdText { bytes, len: len as u8 }
    }
}

/// The text of an ID, on the stack.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; IdText::CAPACITY],
    len: u8,
}

impl IdText {
    /// Two numbers of 20 digits and the sign between them.
    const CAPACITY: usize = 41;
}

impl Deref for IdText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_carry_and_end() {
        assert_eq!(StreamId::new(1, u64::MAX).next(), Some(StreamId::new(2, 0)));
        assert_eq!(StreamId::new(2, 0).prev(), Some(StreamId::new(1, u64::MAX)));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
    }

    #[test]
    fn bytes_and_texts() {
        let id = StreamId::new(0x0102, 3);
        assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.to_bytes()[..8], [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(&*StreamId::MAX.to_text(), b"18446744073709551615-18446744073709551615");
        assert_eq!(&*StreamId::new(7, 0).joined(b'.'), b"7.0");
        assert!(id.to_bytes() < StreamId::new(0x0102, 4).to_bytes());
    }
}
