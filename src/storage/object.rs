//! Values: their types, and the owned, shared and mutable forms in which commands meet them.
//!
//! Where a value lives (inline in an entry, or behind its payload word) is `encoding::entry`'s
//! business.

pub use super::encoding::entry::{EmbedStr, RawStr, StrMut, StrRef, StrValue, ThinValue};
use super::encoding::hashtable::AnyTable;
use super::types::hash::{Hash, HashView};
use super::types::zset::{ZSet, ZSetView};
use super::types::{list::List, set::Set, stream::Stream};

/// The type of a value; the numbers are those of Redis' module API and of entry headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ObjType {
    String = 0,
    List = 1,
    Set = 2,
    ZSet = 3,
    Hash = 4,
    Module = 5,
    Stream = 6,
}

impl ObjType {
    pub const ALL: [ObjType; 7] = [
        ObjType::String,
        ObjType::List,
        ObjType::Set,
        ObjType::ZSet,
        ObjType::Hash,
        ObjType::Module,
        ObjType::Stream,
    ];

    /// What TYPE says.
    pub fn name(self) -> &'static str {
        match self {
            ObjType::String => "string",
            ObjType::List => "list",
            ObjType::Set => "set",
            ObjType::ZSet => "zset",
            ObjType::Hash => "hash",
            ObjType::Module => "module",
            ObjType::Stream => "stream",
        }
    }

    /// The type with this number, which must be one.
    #[inline(always)]
    pub(in crate::storage) fn from_bits(bits: u8) -> ObjType {
        Self::ALL[bits as usize]
    }
}

/// An owned value.
pub enum Value {
    Str(StrValue),
    List(List),
    Set(Set),
    ZSet(ZSet),
    Hash(Hash),
    Stream(Stream),
}

/// A value in the keyspace, to read.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    Str(StrRef<'a>),
    List(&'a List),
    Set(&'a Set),
    ZSet(&'a ZSet),
    Hash(&'a Hash),
    Stream(&'a Stream),
}

impl<'a> ValueRef<'a> {
    /// The hash table of a collection, if it has that form.
    pub fn table(self) -> Option<&'a dyn AnyTable> {
        match self {
            ValueRef::Set(set) => set.any_table(),
            ValueRef::ZSet(zset) => zset.any_table(),
            ValueRef::Hash(hash) => hash.any_table(),
            ValueRef::Str(_) | ValueRef::List(_) | ValueRef::Stream(_) => None,
        }
    }
}

/// A value whose members stand in a hash table when they are many.
pub trait Collection {
    fn any_table(&self) -> Option<&dyn AnyTable>;

    /// Asks for the memory of members that are about to be looked for, at most
    /// `PREFETCH_BATCH`.
    #[inline]
    fn prefetch<'k>(&self, names: impl ExactSizeIterator<Item = &'k &'k [u8]>) {
        if names.len() > 1
            && let Some(table) = self.any_table()
        {
            table.prefetch_all(&mut names.copied());
        }
    }
}

impl Collection for Set {
    fn any_table(&self) -> Option<&dyn AnyTable> {
        self.table().map(|table| table.table() as _)
    }
}

impl Collection for ZSet {
    fn any_table(&self) -> Option<&dyn AnyTable> {
        match self.view() {
            ZSetView::Skiplist(table) => Some(table.table()),
            ZSetView::Listpack(_) => None,
        }
    }
}

impl Collection for Hash {
    fn any_table(&self) -> Option<&dyn AnyTable> {
        match self.view() {
            HashView::Table(table) => Some(table.table()),
            HashView::Listpack(_) | HashView::ListpackEx(_) => None,
        }
    }
}

/// A value in the keyspace, to change in place.
pub enum ValueMut<'a> {
    Str(StrMut<'a>),
    List(&'a mut List),
    Set(&'a mut Set),
    ZSet(&'a mut ZSet),
    Hash(&'a mut Hash),
    Stream(&'a mut Stream),
}

impl Value {
    /// A string as SET stores it.
    pub fn string(bytes: &[u8]) -> Value {
        Value::Str(StrValue::encode(bytes))
    }

    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Str(v) => ValueRef::Str(v.as_ref()),
            Value::List(v) => ValueRef::List(v),
            Value::Set(v) => ValueRef::Set(v),
            Value::ZSet(v) => ValueRef::ZSet(v),
            Value::Hash(v) => ValueRef::Hash(v),
            Value::Stream(v) => ValueRef::Stream(v),
        }
    }

    pub fn obj_type(&self) -> ObjType {
        self.as_ref().obj_type()
    }

    /// About how many allocations freeing it takes: what decides about lazy freeing.
    pub fn free_effort(&self) -> usize {
        self.as_ref().free_effort()
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Value {
        Value::Str(StrValue::Int(int))
    }
}

impl From<RawStr> for Value {
    fn from(string: RawStr) -> Value {
        Value::Str(StrValue::Raw(string))
    }
}

impl ValueRef<'_> {
    pub fn obj_type(&self) -> ObjType {
        match self {
            ValueRef::Str(_) => ObjType::String,
            ValueRef::List(_) => ObjType::List,
            ValueRef::Set(_) => ObjType::Set,
            ValueRef::ZSet(_) => ObjType::ZSet,
            ValueRef::Hash(_) => ObjType::Hash,
            ValueRef::Stream(_) => ObjType::Stream,
        }
    }

    /// What OBJECT ENCODING says of a collection; of a string only its entry knows exactly.
    pub fn encoding(&self) -> &'static str {
        match self {
            ValueRef::Str(StrRef::Int(_)) => "int",
            ValueRef::Str(StrRef::Bytes(_)) => "raw",
            ValueRef::List(v) => v.encoding(),
            ValueRef::Set(v) => v.encoding(),
            ValueRef::ZSet(v) => v.encoding(),
            ValueRef::Hash(v) => v.encoding(),
            ValueRef::Stream(v) => v.encoding(),
        }
    }

    /// A value of its own with the same contents in the same encoding: what COPY makes.
    pub fn duplicate(&self) -> Value {
        match *self {
            ValueRef::Str(StrRef::Int(int)) => Value::from(int),
            ValueRef::Str(StrRef::Bytes(bytes)) => Value::Str(StrValue::from_bytes(bytes)),
            ValueRef::List(v) => Value::List(v.clone()),
            ValueRef::Set(v) => Value::Set(v.clone()),
            ValueRef::ZSet(v) => Value::ZSet(v.clone()),
            ValueRef::Hash(v) => Value::Hash(v.clone()),
            ValueRef::Stream(v) => Value::Stream(v.clone()),
        }
    }

    /// See [`Value::free_effort`].
    pub fn free_effort(&self) -> usize {
        match self {
            ValueRef::Str(_) => 1,
            ValueRef::List(v) => v.free_effort(),
            ValueRef::Set(v) => v.free_effort(),
            ValueRef::ZSet(v) => v.free_effort(),
            ValueRef::Hash(v) => v.free_effort(),
            ValueRef::Stream(v) => v.free_effort(),
        }
    }

    /// Bytes of memory beside the entry's own, guessed from `samples` elements (0: all).
    pub fn memory_usage(&self, samples: usize) -> usize {
        match self {
            ValueRef::Str(_) => 0,
            ValueRef::List(v) => v.memory_usage(samples),
            ValueRef::ZSet(v) => v.memory_bytes(samples),
            ValueRef::Hash(v) => v.memory_bytes(samples),
            ValueRef::Set(v) => v.memory_usage(samples),
            ValueRef::Stream(v) => v.memory_usage(samples),
        }
    }
}
