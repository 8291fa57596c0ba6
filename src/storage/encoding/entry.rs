//! A key with its value: one allocation.
//!
//! ```text
//! OFFSET  SIZE  FIELD
//!      0     8  header, a u64: type 4 | encoding 4 | flags 8 | LRU or LFU 24 | klen 8 | vlen 8 | 0
//!      8     8  payload word, unless the value's bytes are inline (flag PAYLOAD):
//!               an i64, or a thin value (`RawStr`, `List`, `Set`, …)
//!      +     8  expiry in ms since the epoch (flag TTL)
//!      +     4  klen, if above 255 (flag WIDE_KEY)
//!      +     4  vlen, if above 255 (flag WIDE_VALUE)
//!      +     k  key bytes
//!      +     v  inline value bytes
//! ```
//!
//! So a 16-byte key with a 16-byte value takes 40 bytes, with an integer 32, and a look-up touches
//! one or two cache lines. Strings are inline up to `EMBED_MAX_BYTES` in all; longer ones, and
//! those that were modified in place, are `RawStr`.
//!
//! Not here: which keys have a TTL (`Db` keeps a second table of the same pointers), and time.
//!
//! Invariants: the block's size is the size class of what the header describes, so that a change of
//! shape within one class happens in place; the payload word, where there is one, is a live value
//! of the header's type.
//!
//! JUSTIFICATION: a variable layout behind a thin pointer needs raw memory. PERFORMANCE.md 2.4:
//! 50 bytes a 16/16 key with its table share, Redis takes 96.

mod element;
mod raw_str;
mod relocate;
mod shape;
mod string;
#[cfg(test)]
mod tests;
mod thin;

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::storage::object::{ObjType, Value, ValueMut, ValueRef};
use crate::storage::types::{hash::Hash, list::List, set::Set, stream::Stream, zset::ZSet};
use crate::sys::malloc;

pub(super) use element::same_bytes;
pub use element::{EntryPtr, hash_key};
pub use raw_str::RawStr;
use shape::{Inline, Shape, Spec};
pub use string::{EmbedStr, StrMut, StrRef, StrValue, parse_canonical_int};
pub use thin::ThinValue;
use thin::Word;

/// Strings are stored inline while the whole entry is at most this big.
pub const EMBED_MAX_BYTES: usize = 1024;
/// Strings up to this length are inline however long the key is: Redis calls them `embstr`.
pub const EMBSTR_MAX_LEN: usize = 44;

/// How a string is stored; the encoding bits of the header. Other types leave them 0.
const ENC_EMBED: u8 = 0;
const ENC_INT: u8 = 1;
const ENC_RAW: u8 = 2;

const FLAG_PAYLOAD: u64 = 1;
const FLAG_TTL: u64 = 2;
const FLAG_WIDE_KEY: u64 = 4;
const FLAG_WIDE_VALUE: u64 = 8;

const FLAGS_SHIFT: u32 = 8;
const LRU_SHIFT: u32 = 16;
const KLEN_SHIFT: u32 = 40;
const VLEN_SHIFT: u32 = 48;
/// The LRU clock or LFU counter has 24 bits.
pub const LRU_MASK: u32 = (1 << 24) - 1;

/// What becomes of a key's TTL when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expire {
    Keep,
    Clear,
}

/// An owned entry.
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns its block and its value; `thin.rs` asserts that all value types are Send.
unsafe impl Send for Entry {}

/// An entry, to read.
#[derive(Clone, Copy)]
pub struct EntryRef<'a>(NonNull<u8>, PhantomData<&'a Entry>);

/// An entry, to change in place. What may move the entry goes through `Db`.
pub struct EntryMut<'a>(NonNull<u8>, PhantomData<&'a mut Entry>);

/// What to store as a value.
enum Content<'v> {
    Inline(&'v [u8]),
    Word { kind: u8, word: Word },
}

fn kind_of(obj_type: ObjType, encoding: u8) -> u8 {
    obj_type as u8 | encoding << 4
}

impl<'v> Content<'v> {
    fn int(value: i64) -> Self {
        Content::Word { kind: kind_of(ObjType::String, ENC_INT), word: Word::int(value) }
    }

    fn raw(value: RawStr) -> Self {
        Content::Word { kind: kind_of(ObjType::String, ENC_RAW), word: Word::new(value) }
    }

    fn thin<T: ThinValue>(value: T) -> Self {
        Content::Word { kind: kind_of(T::TYPE, 0), word: Word::new(value) }
    }

    /// Bytes that are not an integer: inline if the entry stays small.
    #[inline(always)]
    fn string(klen: usize, ttl: bool, bytes: &'v [u8]) -> Self {
        let shape = Shape { klen, vlen: bytes.len(), payload: false, ttl };
        if bytes.len() <= EMBSTR_MAX_LEN || shape.total() <= EMBED_MAX_BYTES {
            Content::Inline(bytes)
        } else {
            Content::raw(RawStr::from_slice(bytes))
        }
    }

    /// Bytes, stored as an integer if they are one.
    #[inline(always)]
    fn encode(klen: usize, ttl: bool, bytes: &'v [u8]) -> Self {
        match parse_canonical_int(bytes) {
            Some(value) => Content::int(value),
            None => Content::string(klen, ttl, bytes),
        }
    }
}

impl Entry {
    #[inline(always)]
    fn spec<'v>(klen: usize, content: Content<'v>, ttl: Option<i64>) -> Spec<'v> {
        match content {
            Content::Inline(bytes) => Spec {
                shape: Shape { klen, vlen: bytes.len(), payload: false, ttl: ttl.is_some() },
                kind: kind_of(ObjType::String, ENC_EMBED),
                word: None,
                ttl,
                inline: Inline::Bytes(bytes),
            },
            Content::Word { kind, word } => Spec {
                shape: Shape { klen, vlen: 0, payload: true, ttl: ttl.is_some() },
                kind,
                word: Some(word),
                ttl,
                inline: Inline::Bytes(&[]),
            },
        }
    }

    /// A string; texts of integers are stored as integers.
    #[inline]
    pub fn from_bytes(key: &[u8], value: &[u8], ttl: Option<i64>, lru: u32) -> Entry {
        let content = Content::encode(key.len(), ttl.is_some(), value);
        Entry::build(key, &Self::spec(key.len(), content, ttl), lru)
    }

    /// Any value. Strings keep the encoding they have.
    pub fn new(key: &[u8], value: Value, ttl: Option<i64>, lru: u32) -> Entry {
        Self::with_content(value, key.len(), ttl.is_some(), |content| {
            Entry::build(key, &Self::spec(key.len(), content, ttl), lru)
        })
    }

    /// Calls `store` with the value in the form in which an entry takes it.
    fn with_content<R>(
        value: Value,
        klen: usize,
        ttl: bool,
        store: impl FnOnce(Content<'_>) -> R,
    ) -> R {
        match value {
            Value::Str(StrValue::Int(int)) => store(Content::int(int)),
            Value::Str(StrValue::Embed(s)) => store(Content::string(klen, ttl, s.as_bytes())),
            Value::Str(StrValue::Raw(s)) => store(Content::raw(s)),
            Value::List(v) => store(Content::thin(v)),
            Value::Set(v) => store(Content::thin(v)),
            Value::ZSet(v) => store(Content::thin(v)),
            Value::Hash(v) => store(Content::thin(v)),
            Value::Stream(v) => store(Content::thin(v)),
        }
    }

    #[inline(always)]
    pub fn as_ref(&self) -> EntryRef<'_> {
        EntryRef(self.0, PhantomData)
    }

    #[inline(always)]
    pub fn as_mut(&mut self) -> EntryMut<'_> {
        EntryMut(self.0, PhantomData)
    }

    /// The same key and value with another TTL; may move.
    pub fn with_expire(self, ttl: Option<i64>) -> Entry {
        let old = self.as_ref();
        let shape = Shape { ttl: ttl.is_some(), ..old.shape() };
        let word = shape.payload.then(|| old.word());
        let (kind, lru) = (old.kind(), old.lru());
        self.reshape(&Spec { shape, kind, word, ttl, inline: Inline::Keep }, lru)
    }

    /// The same key with a string value; may move. Also gives the old value back, unless it was a
    /// string without memory of its own.
    #[inline]
    pub fn with_bytes(self, value: &[u8], expire: Expire, lru: u32) -> (Entry, Option<Value>) {
        let ttl = if expire == Expire::Keep { self.as_ref().expire() } else { None };
        let content = Content::encode(self.as_ref().key_len(), ttl.is_some(), value);
        self.with_new_content(content, ttl, lru)
    }

    /// The same key with another value; may move. Gives the old value back as `with_bytes` does.
    pub fn with_value(self, value: Value, expire: Expire, lru: u32) -> (Entry, Option<Value>) {
        let ttl = if expire == Expire::Keep { self.as_ref().expire() } else { None };
        let klen = self.as_ref().key_len();
        Self::with_content(value, klen, ttl.is_some(), |content| {
            self.with_new_content(content, ttl, lru)
        })
    }

    #[inline(always)]
    fn with_new_content(
        mut self,
        content: Content<'_>,
        ttl: Option<i64>,
        lru: u32,
    ) -> (Entry, Option<Value>) {
        let old = self.take_payload();
        let klen = self.as_ref().key_len();
        (self.reshape(&Self::spec(klen, content, ttl), lru), old)
    }

    /// Moves a heap value out; the payload word is dead afterwards.
    #[inline(always)]
    fn take_payload(&mut self) -> Option<Value> {
        let this = self.as_ref();
        if this.flags() & FLAG_PAYLOAD == 0 || this.kind() == kind_of(ObjType::String, ENC_INT) {
            return None;
        }
        // SAFETY: a live payload of this kind, which the caller overwrites or frees unread.
        Some(unsafe { this.word().into_value(this.kind()) })
    }

    /// The value alone, and the TTL. An inline string keeps the block it is in.
    pub fn into_value(mut self) -> (Value, Option<i64>) {
        let ttl = self.as_ref().expire();
        if let Some(value) = self.take_payload() {
            self.free_block();
            return (value, ttl);
        }
        let value = match self.as_ref().str_value() {
            Some(StrRef::Int(int)) => StrValue::Int(int),
            _ => StrValue::Embed(EmbedStr::from_entry(self)),
        };
        (Value::Str(value), ttl)
    }

    /// Turns a string into the form that grows in place; may move. Other types stay as they are.
    pub fn into_raw_str(self) -> Entry {
        let old = self.as_ref();
        if old.obj_type() != ObjType::String || old.kind() == kind_of(ObjType::String, ENC_RAW) {
            return self;
        }
        let mut digits = [0; 20];
        let raw = RawStr::from_slice(old.str_value().expect("a string").as_bytes(&mut digits));
        let (ttl, lru) = (old.expire(), old.lru());
        self.with_new_content(Content::raw(raw), ttl, lru).0
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        drop(self.take_payload());
        self.dealloc();
    }
}

impl<'a> EntryRef<'a> {
    #[inline(always)]
    pub fn key(&self) -> &'a [u8] {
        let (offset, klen, _) = self.data();
        // SAFETY: the key stands there, unchanged for 'a.
        unsafe { std::slice::from_raw_parts(self.at(offset), klen) }
    }

    #[inline(always)]
    fn inline_value(&self) -> &'a [u8] {
        let (offset, klen, vlen) = self.data();
        // SAFETY: the inline value follows the key, unchanged for 'a.
        unsafe { std::slice::from_raw_parts(self.at(offset + klen), vlen) }
    }

    #[inline(always)]
    pub fn obj_type(&self) -> ObjType {
        ObjType::from_bits(self.kind() & 15)
    }

    /// The LRU clock or LFU bits (24).
    #[inline(always)]
    pub fn lru(&self) -> u32 {
        (self.header() >> LRU_SHIFT) as u32 & LRU_MASK
    }

    /// When the key expires, in ms since the epoch.
    #[inline(always)]
    pub fn expire(&self) -> Option<i64> {
        let flags = self.flags();
        if flags & FLAG_TTL == 0 {
            return None;
        }
        let offset = 8 + 8 * (flags & FLAG_PAYLOAD) as usize;
        // SAFETY: the flag says that an i64 stands there, 8-aligned.
        Some(unsafe { self.at(offset).cast::<i64>().read() })
    }

    /// The value, if it is a string.
    #[inline(always)]
    pub fn str_value(&self) -> Option<StrRef<'a>> {
        if self.obj_type() != ObjType::String {
            return None;
        }
        Some(match self.kind() >> 4 {
            ENC_EMBED => StrRef::Bytes(self.inline_value()),
            // SAFETY: the encoding says that the payload is an i64.
            ENC_INT => StrRef::Int(unsafe { self.at(8).cast::<i64>().read() }),
            // SAFETY: the encoding says that the payload is a RawStr, unchanged for 'a.
            _ => StrRef::Bytes(unsafe { &*self.at(8).cast::<RawStr>() }.as_slice()),
        })
    }

    /// The value, if it is of this type.
    #[inline(always)]
    pub fn get<T: ThinValue>(&self) -> Option<&'a T> {
        // SAFETY: the header's type says what the payload is; unchanged for 'a.
        (self.obj_type() == T::TYPE).then(|| unsafe { &*self.at(8).cast::<T>() })
    }

    pub fn value(&self) -> ValueRef<'a> {
        fn typed<'a, T: ThinValue>(entry: &EntryRef<'a>) -> &'a T {
            entry.get().expect("the type was just read")
        }
        match self.obj_type() {
            ObjType::String => ValueRef::Str(self.str_value().expect("a string")),
            ObjType::List => ValueRef::List(typed::<List>(self)),
            ObjType::Set => ValueRef::Set(typed::<Set>(self)),
            ObjType::ZSet => ValueRef::ZSet(typed::<ZSet>(self)),
            ObjType::Hash => ValueRef::Hash(typed::<Hash>(self)),
            ObjType::Stream => ValueRef::Stream(typed::<Stream>(self)),
            ObjType::Module => unreachable!("no value of type module is ever stored"),
        }
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match (self.value(), self.kind() >> 4) {
            (ValueRef::Str(_), ENC_INT) => "int",
            (ValueRef::Str(StrRef::Bytes(b)), ENC_EMBED) if b.len() <= EMBSTR_MAX_LEN => "embstr",
            (ValueRef::Str(_), _) => "raw",
            (value, _) => value.encoding(),
        }
    }

    /// Bytes of this allocation; a `RawStr` or collection has more of its own.
    pub fn entry_bytes(&self) -> usize {
        malloc::usable_size(self.shape().total())
    }

    /// Bytes of this allocation and, if the value is a string, of the string.
    pub fn string_bytes(&self) -> usize {
        let raw = self.kind() == kind_of(ObjType::String, ENC_RAW);
        // SAFETY: the encoding says that the payload is a RawStr.
        let own = raw.then(|| unsafe { &*self.at(8).cast::<RawStr>() }.alloc_bytes());
        self.entry_bytes() + own.unwrap_or(0)
    }

    /// Asks for the value's memory behind the payload word, if there is one.
    pub fn prefetch_value(&self) {
        if self.flags() & FLAG_PAYLOAD != 0 {
            // The low bits may be a tag; the line is the same.
            super::hashtable::prefetch_read(self.word().address());
        }
    }
}

impl<'a> EntryMut<'a> {
    #[inline(always)]
    pub fn as_ref(&self) -> EntryRef<'_> {
        EntryRef(self.0, PhantomData)
    }

    #[inline(always)]
    pub fn into_ref(self) -> EntryRef<'a> {
        EntryRef(self.0, PhantomData)
    }

    pub fn key(&self) -> &[u8] {
        self.as_ref().key()
    }

    pub fn obj_type(&self) -> ObjType {
        self.as_ref().obj_type()
    }

    pub fn expire(&self) -> Option<i64> {
        self.as_ref().expire()
    }

    #[inline(always)]
    pub fn lru(&self) -> u32 {
        self.as_ref().lru()
    }

    #[inline(always)]
    pub fn set_lru(&mut self, lru: u32) {
        let mask = u64::from(LRU_MASK) << LRU_SHIFT;
        let bits = u64::from(lru & LRU_MASK) << LRU_SHIFT;
        let header = self.as_ref().header() & !mask | bits;
        // SAFETY: the header of an entry that is exclusively borrowed.
        unsafe { self.0.cast::<u64>().write(header) };
    }

    /// Changes the TTL of an entry that has one; false if it has none.
    pub(in crate::storage) fn set_expire_in_place(&mut self, at: i64) -> bool {
        let flags = self.as_ref().flags();
        if flags & FLAG_TTL == 0 {
            return false;
        }
        let offset = 8 + 8 * (flags & FLAG_PAYLOAD) as usize;
        // SAFETY: the flag says that an i64 stands there; exclusively borrowed.
        unsafe { self.as_ref().at(offset).cast_mut().cast::<i64>().write(at) };
        true
    }

    /// Stores an integer if the value is one already; false otherwise.
    #[inline]
    pub fn set_int(&mut self, value: i64) -> bool {
        let is_int = self.as_ref().kind() == kind_of(ObjType::String, ENC_INT);
        if is_int {
            // SAFETY: the encoding says that the payload is an i64; exclusively borrowed.
            unsafe { self.payload::<i64>().write(value) };
        }
        is_int
    }

    /// Stores a string whose shape is that of the string already here (the common SET of a key
    /// that exists); false, with nothing changed, if the shape is another.
    #[inline(always)]
    pub(in crate::storage) fn overwrite(&mut self, value: &[u8], expire: Expire, lru: u32) -> bool {
        let this = self.as_ref();
        if this.flags() & FLAG_TTL != 0 && expire == Expire::Clear {
            return false;
        }
        if this.kind() == kind_of(ObjType::String, ENC_EMBED) {
            let (offset, klen, vlen) = this.data();
            if vlen != value.len() || parse_canonical_int(value).is_some() {
                return false;
            }
            // SAFETY: the inline value has this length; `value` is not part of an entry that is
            // exclusively borrowed.
            unsafe {
                let dst = self.0.add(offset + klen).as_ptr();
                dst.copy_from_nonoverlapping(value.as_ptr(), value.len());
            }
        } else if this.kind() == kind_of(ObjType::String, ENC_INT) {
            match parse_canonical_int(value) {
                Some(int) => self.set_int(int),
                None => return false,
            };
        } else if this.kind() == kind_of(ObjType::String, ENC_RAW) {
            // A value of this length is never inline.
            if value.len() <= EMBED_MAX_BYTES {
                return false;
            }
            // SAFETY: the header says that the payload is a `RawStr`; exclusively borrowed.
            if !unsafe { &mut *self.payload::<RawStr>() }.replace(value) {
                return false;
            }
        } else {
            return false;
        }
        self.set_lru(lru);
        true
    }

    #[inline(always)]
    fn payload<T>(&self) -> *mut T {
        debug_assert!(self.as_ref().flags() & FLAG_PAYLOAD != 0);
        // SAFETY: inside the block.
        unsafe { self.0.add(8).cast::<T>().as_ptr() }
    }

    /// The value for changing, if it is of this type.
    #[inline(always)]
    pub fn get_mut<T: ThinValue>(&mut self) -> Option<&mut T> {
        // SAFETY: the header's type says what the payload is; exclusively borrowed.
        (self.obj_type() == T::TYPE).then(|| unsafe { &mut *self.payload::<T>() })
    }

    /// The value for changing, if it is of this type.
    #[inline(always)]
    pub fn into_mut<T: ThinValue>(self) -> Option<&'a mut T> {
        // SAFETY: as in `get_mut`; the exclusive borrow lasts for 'a.
        (self.obj_type() == T::TYPE).then(|| unsafe { &mut *self.payload::<T>() })
    }

    /// The string for changing in place, if it is in the form that grows (`Db::raw_str_mut`).
    pub fn into_raw_str(self) -> Option<&'a mut RawStr> {
        let raw = self.as_ref().kind() == kind_of(ObjType::String, ENC_RAW);
        // SAFETY: the encoding says that the payload is a RawStr; exclusively borrowed for 'a.
        raw.then(|| unsafe { &mut *self.payload::<RawStr>() })
    }

    /// The value for changing in place.
    pub fn value_mut(&mut self) -> ValueMut<'_> {
        EntryMut(self.0, PhantomData).into_value_mut()
    }

    pub fn into_value_mut(self) -> ValueMut<'a> {
        // SAFETY (each arm): type and encoding say what the payload is, or that the value is
        // inline; exclusively borrowed for 'a.
        match self.obj_type() {
            ObjType::String => ValueMut::Str(match self.as_ref().kind() >> 4 {
                // SAFETY: as above.
                ENC_INT => StrMut::Int(unsafe { &mut *self.payload::<i64>() }),
                // SAFETY: as above.
                ENC_RAW => StrMut::Raw(unsafe { &mut *self.payload::<RawStr>() }),
                _ => StrMut::Embed(self.into_inline()),
            }),
            // SAFETY: as above.
            ObjType::List => ValueMut::List(unsafe { &mut *self.payload::<List>() }),
            // SAFETY: as above.
            ObjType::Set => ValueMut::Set(unsafe { &mut *self.payload::<Set>() }),
            // SAFETY: as above.
            ObjType::ZSet => ValueMut::ZSet(unsafe { &mut *self.payload::<ZSet>() }),
            // SAFETY: as above.
            ObjType::Hash => ValueMut::Hash(unsafe { &mut *self.payload::<Hash>() }),
            // SAFETY: as above.
            ObjType::Stream => ValueMut::Stream(unsafe { &mut *self.payload::<Stream>() }),
            ObjType::Module => unreachable!("no value of type module is ever stored"),
        }
    }

    fn into_inline(self) -> &'a mut [u8] {
        let (offset, klen, vlen) = self.as_ref().data();
        // SAFETY: the inline value follows the key; exclusively borrowed for 'a.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(offset + klen).as_ptr(), vlen) }
    }
}
