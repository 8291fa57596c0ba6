//! Keys with their values as the layers above see them: views, never the bytes behind.

pub use super::encoding::entry::{EMBSTR_MAX_LEN, EntryMut, EntryRef, hash_key};
