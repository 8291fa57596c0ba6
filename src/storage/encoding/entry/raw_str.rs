//! A string with a block of its own that grows in place.
//!
//! ```text
//! RawStr ──► │ len 8 │ cap 8 │ bytes … │
//! ```
//!
//! Growth is that of Redis' strings: to twice the needed length below 1 MB, to 1 MB more above.
//! Invariant: `len <= cap`, and the block is `HEADER + cap` bytes, a whole size class.
//!
//! JUSTIFICATION: the payload word has room for one pointer, so length and capacity stand before
//! the bytes; a `Box<Vec<u8>>` would cost one more cache miss a read of a long value.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::sys::malloc;
use crate::sys::relocate::Mover;

const HEADER: usize = size_of::<Header>();
/// Above this length a string grows by this much instead of doubling.
const MAX_PREALLOC: usize = 1 << 20;

#[repr(C)]
struct Header {
    len: usize,
    cap: usize,
}

/// See the file's documentation.
#[repr(transparent)]
pub struct RawStr(NonNull<Header>);

// SAFETY: the block has one owner.
unsafe impl Send for RawStr {}

fn layout(cap: usize) -> Layout {
    Layout::from_size_align(HEADER + cap, 8).expect("strings are below the address space")
}

/// Capacity of the block that jemalloc would give for `len` bytes.
fn class_cap(len: usize) -> usize {
    malloc::usable_size(len + HEADER) - HEADER
}

impl RawStr {
    /// An empty string that takes `len` bytes without moving.
    pub fn with_capacity(len: usize) -> RawStr {
        let cap = class_cap(len);
        // SAFETY: never an empty layout.
        let block = NonNull::new(unsafe { alloc(layout(cap)) })
            .unwrap_or_else(|| handle_alloc_error(layout(cap)))
            .cast::<Header>();
        // SAFETY: a fresh block with room for the header.
        unsafe { block.write(Header { len: 0, cap }) };
        RawStr(block)
    }

    pub fn from_slice(bytes: &[u8]) -> RawStr {
        let mut string = Self::with_capacity(bytes.len());
        string.append(bytes);
        string
    }

    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: the block begins with its header.
        unsafe { self.0.as_ref() }
    }

    #[inline(always)]
    fn data(&self) -> *mut u8 {
        // SAFETY: the bytes follow the header inside the block.
        unsafe { self.0.cast::<u8>().as_ptr().add(HEADER) }
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.header().len
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn capacity(&self) -> usize {
        self.header().cap
    }

    /// Bytes of the block.
    pub fn alloc_bytes(&self) -> usize {
        HEADER + self.capacity()
    }

    #[inline(always)]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the first `len` bytes are written.
        unsafe { std::slice::from_raw_parts(self.data(), self.len()) }
    }

    #[inline(always)]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`; exclusively borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.data(), self.len()) }
    }

    fn set_cap(&mut self, len: usize) {
        let (old, cap) = (layout(self.capacity()), class_cap(len));
        let new = layout(cap);
        // SAFETY: the block was allocated with `old`; the new size is not zero.
        let block = unsafe { realloc(self.0.cast().as_ptr(), old, new.size()) };
        self.0 = NonNull::new(block).unwrap_or_else(|| handle_alloc_error(new)).cast();
        // SAFETY: the header moved along.
        unsafe { self.0.as_mut() }.cap = cap;
    }

    /// Makes room for `additional` more bytes, and for as many again later.
    pub fn reserve(&mut self, additional: usize) {
        let needed = self.len() + additional;
        if needed > self.capacity() {
            let spare = if needed < MAX_PREALLOC { needed } else { MAX_PREALLOC };
            self.set_cap(needed + spare);
        }
    }

    /// Makes room for `additional` more bytes and no more.
    pub fn reserve_exact(&mut self, additional: usize) {
        let needed = self.len() + additional;
        if needed > self.capacity() {
            self.set_cap(needed);
        }
    }

    /// Gives unused room back.
    pub fn shrink_to_fit(&mut self) {
        if class_cap(self.len()) < self.capacity() {
            self.set_cap(self.len());
        }
    }

    /// Holds `bytes` from now on; false, with nothing changed, if a block of another size would
    /// suit them.
    pub fn replace(&mut self, bytes: &[u8]) -> bool {
        if class_cap(bytes.len()) != self.capacity() {
            return false;
        }
        // SAFETY: the capacity is at least the length; `bytes` is not part of this string, which
        // is borrowed exclusively.
        unsafe {
            self.data().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            self.0.as_mut().len = bytes.len();
        }
        true
    }

    pub fn append(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        let len = self.len();
        // SAFETY: there is room after `len`, and `bytes` is not part of a string borrowed mutably.
        unsafe {
            self.data().add(len).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            self.0.as_mut().len = len + bytes.len();
        }
    }

    /// Appends what `f` makes of each byte. Inlined, as all of it is one loop of the caller's.
    #[inline(always)]
    pub fn append_mapped(&mut self, bytes: &[u8], f: impl Fn(u8) -> u8) {
        self.append_combined(bytes, bytes, |byte, _| f(byte));
    }

    /// Appends what `f` makes of the bytes of both, as many as the shorter one has. Inlined, too.
    #[inline(always)]
    pub fn append_combined(&mut self, a: &[u8], b: &[u8], f: impl Fn(u8, u8) -> u8) {
        let len = a.len().min(b.len());
        self.reserve(len);
        let pairs = a[..len].iter().zip(&b[..len]);
        for (slot, (a, b)) in self.spare_mut()[..len].iter_mut().zip(pairs) {
            slot.write(f(*a, *b));
        }
        // SAFETY: the loop has written so many.
        unsafe { self.assume_appended(len) };
    }

    /// Extends with zero bytes up to `len`; does nothing if the string is that long.
    pub fn grow_zeroed(&mut self, len: usize) {
        let old = self.len();
        if len > old {
            self.reserve(len - old);
            // SAFETY: there is room up to `len`.
            unsafe {
                self.data().add(old).write_bytes(0, len - old);
                self.0.as_mut().len = len;
            }
        }
    }

    /// Overwrites from `offset` on, extending the string (with zero bytes before) as needed.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        self.grow_zeroed(offset + bytes.len());
        self.as_mut_slice()[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            // SAFETY: fewer of the bytes that are written.
            unsafe { self.0.as_mut() }.len = len;
        }
    }

    /// The room after the last byte, for reading from a socket or file.
    pub fn spare_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        let (len, cap) = (self.len(), self.capacity());
        // SAFETY: inside the block; uninitialised bytes are what MaybeUninit is for.
        unsafe { std::slice::from_raw_parts_mut(self.data().add(len).cast(), cap - len) }
    }

    /// Moves the block, if that is worth it.
    pub fn relocate(&mut self, mover: &mut Mover) {
        let old = self.0.cast();
        // SAFETY: the block has this layout, and only `self` refers to it.
        let moved = unsafe { mover.block(old, layout(self.capacity())) };
        self.0 = moved.unwrap_or(old).cast();
    }

    /// Counts `n` bytes of `spare_mut` in.
    ///
    /// # Safety
    /// The first `n` bytes of `spare_mut()` were written, and `n` is at most its length.
    pub unsafe fn assume_appended(&mut self, n: usize) {
        debug_assert!(self.len() + n <= self.capacity());
        // SAFETY: by the contract.
        unsafe { self.0.as_mut().len += n };
    }
}

impl Drop for RawStr {
    fn drop(&mut self) {
        // SAFETY: the block was allocated with this layout.
        unsafe { dealloc(self.0.cast().as_ptr(), layout(self.capacity())) }
    }
}

impl std::fmt::Debug for RawStr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.as_slice().escape_ascii())
    }
}

impl Clone for RawStr {
    fn clone(&self) -> Self {
        Self::from_slice(self.as_slice())
    }
}

impl From<Vec<u8>> for RawStr {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_slice(&bytes)
    }
}

impl From<Box<[u8]>> for RawStr {
    fn from(bytes: Box<[u8]>) -> Self {
        Self::from_slice(&bytes)
    }
}
