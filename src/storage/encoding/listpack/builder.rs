//! Building a listpack entry by entry without a reallocation of the whole at each: what loaders do.
//!
//! Invariant: what is built is a valid listpack; the caller keeps it below
//! `LISTPACK_MAX_SAFETY_SIZE` with [`ListpackBuilder::safe_to_add`].

use super::reader::HEADER;
use super::{EMPTY_BYTES, Encoded, LISTPACK_MAX_SAFETY_SIZE, Listpack, LpValue};

/// A listpack in the making.
pub struct ListpackBuilder {
    /// Room for the header, then entries.
    bytes: Vec<u8>,
    count: usize,
}

impl Default for ListpackBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ListpackBuilder {
    pub fn new() -> Self {
        ListpackBuilder { bytes: vec![0; HEADER], count: 0 }
    }

    /// Room for `bytes` bytes of listpack.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut builder = ListpackBuilder { bytes: Vec::with_capacity(bytes + 1), count: 0 };
        builder.bytes.resize(HEADER, 0);
        builder
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the listpack, its end included.
    pub fn bytes_len(&self) -> usize {
        self.bytes.len() + 1
    }

    /// Whether `add` bytes more keep the listpack within its limit.
    pub fn safe_to_add(&self, add: usize) -> bool {
        self.bytes.len().saturating_add(add) <= LISTPACK_MAX_SAFETY_SIZE - EMPTY_BYTES
    }

    /// Appends `value`; the text of an integer is stored as the integer.
    #[inline]
    pub fn push<'v>(&mut self, value: impl Into<LpValue<'v>>) {
        for part in Encoded::new(value.into()).parts() {
            self.bytes.extend_from_slice(part);
        }
        self.count += 1;
    }

    pub fn finish(self) -> Listpack {
        Listpack::from_parts(self.bytes, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_what_pushing_builds() {
        let (mut builder, mut pushed) = (ListpackBuilder::new(), Listpack::new());
        assert!(builder.is_empty());
        let long = vec![b'x'; 5000];
        for value in [&b"a"[..], b"12", b"-70000", &long, b""] {
            builder.push(value);
            pushed.push_back(value);
        }
        assert_eq!((builder.len(), builder.safe_to_add(1)), (5, true));
        assert!(!builder.safe_to_add(LISTPACK_MAX_SAFETY_SIZE));
        assert_eq!(builder.bytes_len(), pushed.bytes_len());
        assert_eq!(builder.finish().as_bytes(), pushed.as_bytes());
        assert_eq!(ListpackBuilder::with_capacity(9).finish().as_bytes().len(), EMPTY_BYTES);
    }
}
