//! The payload word: an integer or a value of one pointer.
//!
//! JUSTIFICATION: see `entry.rs`: one word that is a value of the type that the header names.

use std::mem::ManuallyDrop;

use super::raw_str::RawStr;
use super::string::StrValue;
use super::{ENC_INT, ENC_RAW, kind_of};
use crate::storage::object::{ObjType, Value};
use crate::storage::types::{hash::Hash, list::List, set::Set, stream::Stream, zset::ZSet};

/// A collection type that is one non-null word, so that an entry can hold it and lend `&mut` to it.
///
/// # Safety
/// The type has the size and alignment of a word, and no other type has the same `TYPE`.
pub unsafe trait ThinValue: Sized + Send {
    const TYPE: ObjType;

    fn into_value(self) -> Value;
}

macro_rules! thin_values {
    ($($name:ident),*) => {$(
        // SAFETY: the sizes are asserted below; the type's number is its own.
        unsafe impl ThinValue for $name {
            const TYPE: ObjType = ObjType::$name;

            fn into_value(self) -> Value {
                Value::$name(self)
            }
        }

        const _: () = assert!(size_of::<$name>() == 8 && align_of::<$name>() == 8);
    )*};
}

thin_values!(List, Set, ZSet, Hash, Stream);

const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Value>();
};
const _: () = assert!(size_of::<RawStr>() == 8 && size_of::<Word>() == 8);

/// The bits of a payload, kept as a pointer so that the compiler knows where it leads.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Word(*mut u8);

impl Word {
    #[inline(always)]
    pub(super) fn int(value: i64) -> Word {
        Word(std::ptr::without_provenance_mut(value as usize))
    }

    /// Takes a value of one word; whoever reads the word back owns it.
    #[inline(always)]
    pub(super) fn new<T>(value: T) -> Word {
        const { assert!(size_of::<T>() == 8 && align_of::<T>() == 8) };
        let value = ManuallyDrop::new(value);
        // SAFETY: same size and alignment, and all value types are a pointer inside.
        unsafe { (&raw const value).cast::<Word>().read() }
    }

    /// # Safety
    /// The word holds a `T` that nobody uses or drops any more.
    unsafe fn take<T>(self) -> T {
        const { assert!(size_of::<T>() == 8 && align_of::<T>() == 8) };
        // SAFETY: by the contract.
        unsafe { (&raw const self).cast::<T>().read() }
    }

    pub(super) fn address(self) -> *const u8 {
        self.0
    }

    /// The owned value that the word is.
    ///
    /// # Safety
    /// The word is the live payload of an entry of this kind, and its entry forgets it.
    pub(super) unsafe fn into_value(self, kind: u8) -> Value {
        // SAFETY: the kind says of which type the word is.
        unsafe {
            if kind == kind_of(ObjType::String, ENC_INT) {
                return Value::Str(StrValue::Int(self.0.addr() as i64));
            }
            if kind == kind_of(ObjType::String, ENC_RAW) {
                return Value::Str(StrValue::Raw(self.take()));
            }
            match ObjType::from_bits(kind & 15) {
                ObjType::List => Value::List(self.take()),
                ObjType::Set => Value::Set(self.take()),
                ObjType::ZSet => Value::ZSet(self.take()),
                ObjType::Hash => Value::Hash(self.take()),
                ObjType::Stream => Value::Stream(self.take()),
                ObjType::String | ObjType::Module => unreachable!("has no payload word"),
            }
        }
    }
}
