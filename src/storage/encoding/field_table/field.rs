//! One field of a big hash: name, value and perhaps an expire time in one allocation.
//!
//! ```text
//! OFFSET   SIZE   FIELD
//!      0      1   shape: bits 0-1 width of the name's length, bits 2-3 width of the value's length
//!                 (0, 1, 2, 3 = 1, 2, 4, 8 bytes), bit 4 = has an expire time
//!      1     fw   length of the name (LE)
//!     +fw    vw   length of the value (LE)
//!     +vw   0|8   expire time, ms since the epoch (LE)
//!      +    ...   name, then value
//! ```
//!
//! A field of 16 bytes with a value of 16 bytes takes 35 bytes, a block of 40. Not here: which
//! fields expire next (`field_expires.rs`).
//!
//! Invariant: the block has exactly the size that its first bytes describe.
//!
//! JUSTIFICATION: a variable layout behind a thin pointer needs raw memory. With two `Box<[u8]>` a
//! field would cost 32 bytes more and a cache miss more (PERFORMANCE.md 2.4).

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::storage::encoding::hashtable::{Element, pointer_to_word, word_to_pointer};
use crate::sys::malloc;
use crate::sys::relocate::Mover;
use crate::util::siphash::siphash;

const HAS_EXPIRE: u8 = 1 << 4;
const EXPIRE_BYTES: usize = 8;

/// An owned field.
pub struct Field(NonNull<u8>);

// SAFETY: a field owns its block alone.
unsafe impl Send for Field {}

/// A field in the table, to read.
#[derive(Clone, Copy)]
pub struct FieldRef<'a>(NonNull<u8>, PhantomData<&'a Field>);

/// What the first bytes of a block say.
#[derive(Clone, Copy)]
struct Shape {
    name_len: usize,
    value_len: usize,
    expires: bool,
}

fn width_code(len: usize) -> u8 {
    match len {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        0x1_0000..=0xffff_ffff => 2,
        _ => 3,
    }
}

/// Reads a length of `1 << code` bytes.
///
/// # Safety
/// So many bytes can be read at `at`.
#[inline(always)]
unsafe fn read_len(at: *const u8, code: u8) -> usize {
    // SAFETY: by the contract; all reads are unaligned ones.
    unsafe {
        match code {
            0 => usize::from(at.read()),
            1 => usize::from(u16::from_le(at.cast::<u16>().read_unaligned())),
            2 => u32::from_le(at.cast::<u32>().read_unaligned()) as usize,
            _ => u64::from_le(at.cast::<u64>().read_unaligned()) as usize,
        }
    }
}

/// Writes a length of `1 << code` bytes.
///
/// # Safety
/// So many bytes can be written at `at`.
unsafe fn write_len(at: *mut u8, code: u8, len: usize) {
    let bytes = (len as u64).to_le_bytes();
    // SAFETY: by the contract; the code is at most 3, so at most 8 bytes are copied.
    unsafe { at.copy_from_nonoverlapping(bytes.as_ptr(), 1 << code) };
}

impl Shape {
    fn codes(&self) -> (u8, u8) {
        (width_code(self.name_len), width_code(self.value_len))
    }

    fn expire_at(&self) -> usize {
        let (name, value) = self.codes();
        1 + (1 << name) + (1 << value)
    }

    fn name_at(&self) -> usize {
        self.expire_at() + if self.expires { EXPIRE_BYTES } else { 0 }
    }

    fn value_at(&self) -> usize {
        self.name_at() + self.name_len
    }

    fn total(&self) -> usize {
        self.value_at() + self.value_len
    }

    fn layout(&self) -> Layout {
        Layout::from_size_align(self.total(), 1).expect("two strings that exist fit into memory")
    }
}

impl Field {
    /// A field with an expire time in ms since the epoch, or without.
    pub fn new(name: &[u8], value: &[u8], expire: Option<i64>) -> Field {
        let shape =
            Shape { name_len: name.len(), value_len: value.len(), expires: expire.is_some() };
        let layout = shape.layout();
        // SAFETY: the layout has at least the three bytes of shape and lengths.
        let block = unsafe { alloc(layout) };
        let Some(ptr) = NonNull::new(block) else { handle_alloc_error(layout) };
        // SAFETY: all parts lie inside the block by the arithmetic of `Shape`; it is fresh, so it
        // overlaps neither slice.
        unsafe {
            Self::write_head(ptr, &shape);
            if let Some(at) = expire {
                Self::write_expire(ptr, &shape, at);
            }
            ptr.add(shape.name_at()).as_ptr().copy_from_nonoverlapping(name.as_ptr(), name.len());
            ptr.add(shape.value_at())
                .as_ptr()
                .copy_from_nonoverlapping(value.as_ptr(), value.len());
        }
        Field(ptr)
    }

    /// # Safety
    /// The block has the size of this shape.
    unsafe fn write_head(ptr: NonNull<u8>, shape: &Shape) {
        let (name, value) = shape.codes();
        let expires = if shape.expires { HAS_EXPIRE } else { 0 };
        // SAFETY: by the contract.
        unsafe {
            ptr.write(name | value << 2 | expires);
            write_len(ptr.add(1).as_ptr(), name, shape.name_len);
            write_len(ptr.add(1 + (1 << name)).as_ptr(), value, shape.value_len);
        }
    }

    /// # Safety
    /// The block has the size of this shape, which has an expire time.
    unsafe fn write_expire(ptr: NonNull<u8>, shape: &Shape, at: i64) {
        // SAFETY: by the contract.
        unsafe { ptr.add(shape.expire_at()).cast::<i64>().write_unaligned(at.to_le()) };
    }

    pub fn as_ref(&self) -> FieldRef<'_> {
        FieldRef(self.0, PhantomData)
    }

    /// The same field with another value; moves only if it must.
    pub fn with_value(self, value: &[u8]) -> Field {
        let old = self.as_ref().shape();
        let new = Shape { value_len: value.len(), ..old };
        if new.codes() != old.codes() {
            let this = self.as_ref();
            return Field::new(this.name(), value, this.expire());
        }
        let field = if new.total() == old.total() { self } else { self.resized(&old, &new) };
        // SAFETY: the block has the size of `new`, in which name and expire time stand where they
        // stood; the block is exclusively owned, so `value` is not in it.
        unsafe {
            Self::write_head(field.0, &new);
            let at = field.0.add(new.value_at()).as_ptr();
            at.copy_from_nonoverlapping(value.as_ptr(), value.len());
        }
        field
    }

    fn resized(self, old: &Shape, new: &Shape) -> Field {
        let (old_layout, new_layout) = (old.layout(), new.layout());
        let ptr = self.0;
        std::mem::forget(self);
        // SAFETY: the block was allocated with `old_layout`; the new size is valid for a layout.
        let block = unsafe { realloc(ptr.as_ptr(), old_layout, new_layout.size()) };
        match NonNull::new(block) {
            Some(ptr) => Field(ptr),
            None => handle_alloc_error(new_layout),
        }
    }

    /// The word by which a table holds it.
    pub fn word(&self) -> u64 {
        pointer_to_word(self.0)
    }

    /// The same field, moved if that is worth it.
    pub fn relocated(mut self, mover: &mut Mover) -> Field {
        let layout = self.as_ref().shape().layout();
        // SAFETY: the block has this layout; whoever else knows the address is told by the caller.
        self.0 = unsafe { mover.block(self.0, layout) }.unwrap_or(self.0);
        self
    }

    /// The same field with another expire time or none; moves if it had none and gets one, or loses
    /// the one it had.
    pub fn with_expire(self, expire: Option<i64>) -> Field {
        let this = self.as_ref();
        let shape = this.shape();
        match expire {
            Some(at) if shape.expires => {
                // SAFETY: the shape says that there is an expire time; exclusively owned.
                unsafe { Self::write_expire(self.0, &shape, at) };
                self
            }
            None if !shape.expires => self,
            _ => Field::new(this.name(), this.value(), expire),
        }
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        let layout = self.as_ref().shape().layout();
        // SAFETY: the block was allocated with this layout (the invariant) and is not used again.
        unsafe { dealloc(self.0.as_ptr(), layout) };
    }
}

impl<'a> FieldRef<'a> {
    #[inline(always)]
    fn shape(&self) -> Shape {
        let at = self.0.as_ptr().cast_const();
        // SAFETY: a live block begins with shape and lengths.
        unsafe {
            let bits = at.read();
            let (name, value) = (bits & 3, bits >> 2 & 3);
            Shape {
                name_len: read_len(at.add(1), name),
                value_len: read_len(at.add(1 + (1 << name)), value),
                expires: bits & HAS_EXPIRE != 0,
            }
        }
    }

    #[inline(always)]
    pub fn name(&self) -> &'a [u8] {
        let shape = self.shape();
        // SAFETY: the name stands there, unchanged for 'a.
        unsafe { std::slice::from_raw_parts(self.0.add(shape.name_at()).as_ptr(), shape.name_len) }
    }

    #[inline(always)]
    pub fn value(&self) -> &'a [u8] {
        let shape = self.shape();
        // SAFETY: the value stands there, unchanged for 'a.
        unsafe {
            std::slice::from_raw_parts(self.0.add(shape.value_at()).as_ptr(), shape.value_len)
        }
    }

    /// When the field expires, ms since the epoch.
    #[inline(always)]
    pub fn expire(&self) -> Option<i64> {
        let shape = self.shape();
        if !shape.expires {
            return None;
        }
        // SAFETY: the shape says that an expire time stands there.
        let raw = unsafe { self.0.add(shape.expire_at()).cast::<i64>().read_unaligned() };
        Some(i64::from_le(raw))
    }

    /// Bytes that the field takes from the allocator.
    pub fn heap_bytes(&self) -> usize {
        malloc::usable_size(self.shape().total())
    }
}

// SAFETY: the word is the block's address, below 2^48 on the systems that jemalloc and the kernel
// serve; reading never changes a block; the hash depends on the name alone, which never changes.
unsafe impl Element for Field {
    type Key<'k> = &'k [u8];
    type Ref<'a> = FieldRef<'a>;
    /// Changes go through `SlotMut::update`, because they may move the field.
    type Mut<'a> = FieldRef<'a>;

    fn into_word(self) -> u64 {
        let ptr = self.0;
        std::mem::forget(self);
        pointer_to_word(ptr)
    }

    unsafe fn from_word(word: u64) -> Field {
        // SAFETY: the word came from `into_word`.
        Field(unsafe { word_to_pointer(word) })
    }

    #[inline(always)]
    fn hash_key(key: &[u8]) -> u64 {
        siphash(key)
    }

    unsafe fn hash_word(word: u64) -> u64 {
        // SAFETY: by the contract.
        siphash(unsafe { Self::view(word) }.name())
    }

    #[inline(always)]
    unsafe fn matches(word: u64, key: &[u8]) -> bool {
        // SAFETY: by the contract.
        unsafe { Self::view(word) }.name() == key
    }

    #[inline(always)]
    unsafe fn view<'a>(word: u64) -> FieldRef<'a> {
        // SAFETY: the word came from `into_word`; the caller keeps the element for 'a.
        FieldRef(unsafe { word_to_pointer(word) }, PhantomData)
    }

    unsafe fn view_mut<'a>(word: u64) -> FieldRef<'a> {
        // SAFETY: as for `view`.
        unsafe { Self::view(word) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(field: &Field) -> (Vec<u8>, Vec<u8>, Option<i64>) {
        let this = field.as_ref();
        (this.name().to_vec(), this.value().to_vec(), this.expire())
    }

    #[test]
    fn parts_come_back_for_every_width_of_length() {
        for name_len in [0usize, 1, 255, 256, 70_000] {
            for value_len in [0usize, 16, 255, 256, 65_535, 65_536] {
                for expire in [None, Some(0), Some(i64::MAX)] {
                    let (name, value) = (vec![b'n'; name_len], vec![b'v'; value_len]);
                    let field = Field::new(&name, &value, expire);
                    assert_eq!(parts(&field), (name, value, expire));
                }
            }
        }
    }

    #[test]
    fn value_and_expire_change_without_touching_the_rest() {
        let mut field = Field::new(b"name", b"value", None);
        for len in [5usize, 0, 300, 299, 70_000, 3] {
            let value = vec![b'x'; len];
            field = field.with_value(&value);
            assert_eq!(parts(&field), (b"name".to_vec(), value.clone(), None));
            field = field.with_expire(Some(7)).with_expire(Some(8));
            assert_eq!(parts(&field), (b"name".to_vec(), value.clone(), Some(8)));
            field = field.with_value(&value).with_expire(None);
            assert_eq!(parts(&field), (b"name".to_vec(), value, None));
        }
    }

    #[test]
    fn a_small_field_takes_a_block_of_forty() {
        let field = Field::new(&[b'f'; 16], &[b'v'; 16], None);
        assert_eq!(field.as_ref().shape().total(), 35);
    }
}
