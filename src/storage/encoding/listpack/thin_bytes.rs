//! One thin heap block for a self-describing byte format: the 8-byte pointer under `Listpack` and
//! `Intset`. It knows nothing of entries or integers; it only knows where the format keeps its
//! size.
//!
//! ```text
//!  ptr ──► | header (F::HEADER bytes, tells `used`) | body ...... | spare |
//!          |<──────────────── used ──────────────────────────────>|
//!          |<──────────────── size_class(used), 8-aligned ────────────────>|
//! ```
//!
//! Invariant: the block holds `size_class(F::used(header))` bytes, of which the first `used` are
//! initialised. Only `splice` and `set_header` write the header, and both check that it keeps
//! telling the truth before they touch memory; the body can be written freely, it cannot change the
//! size.
//!
//! JUSTIFICATION: a small hash, set or list is one of these. A `Vec<u8>` costs 24 bytes instead of
//! 8 in the value slot and cannot live behind a tagged pointer (memory per small key, PERFORMANCE
//! §2.4). All `unsafe` of the two encodings is in this file; `listpack.rs` and `intset.rs` have
//! none.

use super::super::intset::{Intset, IntsetIter};
use super::super::relocate::{Mover, Relocate};
use super::super::tagged::{Thin, ThinView};
use super::roomy::listpack_of;
use super::{Listpack, LpRef, RoomyListpack};
use crate::sys::malloc;
use std::alloc::{self, Layout};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

/// A byte format whose header tells the size of the whole.
///
/// # Safety
/// `used` must be a pure function of `header[..HEADER]` and must return at least `HEADER`
/// for every header that it accepts (return 0 for a header that is not one of the format).
pub unsafe trait ThinFormat {
    /// Bytes of the header; `splice` never moves them.
    const HEADER: usize;
    /// Bytes of header and body together, as the header tells; 0 if it is no valid header.
    fn used(header: &[u8]) -> usize;
}

/// Listpack: total bytes u32 LE, count u16 LE.
pub struct ListpackFormat;

// SAFETY: reads bytes 0..4 only; sizes below HEADER are mapped to 0.
unsafe impl ThinFormat for ListpackFormat {
    const HEADER: usize = 6;

    #[inline(always)]
    fn used(header: &[u8]) -> usize {
        let Some(total) = header.first_chunk() else { return 0 };
        let total = u32::from_le_bytes(*total) as usize;
        if total > Self::HEADER { total } else { 0 }
    }
}

/// Bytes before what `roomy.rs` keeps.
pub const ROOMY_HEADER: usize = 4;

/// Listpack with rooms: bytes of the whole block u32 LE.
pub struct RoomyFormat;

// SAFETY: reads bytes 0..4 only; sizes not above HEADER are mapped to 0.
unsafe impl ThinFormat for RoomyFormat {
    const HEADER: usize = ROOMY_HEADER;

    #[inline(always)]
    fn used(header: &[u8]) -> usize {
        let Some(capacity) = header.first_chunk() else { return 0 };
        let capacity = u32::from_le_bytes(*capacity) as usize;
        if capacity > Self::HEADER { capacity } else { 0 }
    }
}

/// Intset: bytes of an integer (2, 4 or 8) u32 LE, number of integers u32 LE.
pub struct IntsetFormat;

// SAFETY: reads bytes 0..8 only; widths other than 2, 4, 8 are mapped to 0, all others give >= 8.
unsafe impl ThinFormat for IntsetFormat {
    const HEADER: usize = 8;

    #[inline(always)]
    fn used(header: &[u8]) -> usize {
        let width = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if matches!(width, 2 | 4 | 8) { Self::HEADER + width * len } else { 0 }
    }
}

/// The bytes really reserved for `len` bytes. These are jemalloc's classes, so asking for a whole
/// class costs nothing and makes most pushes free of a reallocation.
pub const fn size_class(len: usize) -> usize {
    malloc::small_class(len)
}

/// See the module's text.
pub struct ThinBytes<F: ThinFormat> {
    ptr: NonNull<u8>,
    format: PhantomData<F>,
}

const _: () = assert!(size_of::<Option<ThinBytes<ListpackFormat>>>() == 8);

// SAFETY: the block is owned by this value alone and is plain bytes.
unsafe impl<F: ThinFormat> Send for ThinBytes<F> {}
// SAFETY: `&ThinBytes` only gives reads of the bytes.
unsafe impl<F: ThinFormat> Sync for ThinBytes<F> {}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(size_class(len), 8).expect("sizes are below 64 GB, the alignment is 8")
}

impl<F: ThinFormat> ThinBytes<F> {
    /// Copies `bytes`. Panics if the header in them does not tell their length.
    pub fn from_slice(bytes: &[u8]) -> Self {
        assert!(
            bytes.len() >= F::HEADER && F::used(bytes) == bytes.len(),
            "header must tell the size"
        );
        let layout = layout(bytes.len());
        // SAFETY: the layout is at least 8 bytes. The new block holds `size_class(len) >= len`
        // bytes and cannot overlap `bytes`.
        let ptr = unsafe {
            let raw = alloc::alloc(layout);
            let Some(ptr) = NonNull::new(raw) else { alloc::handle_alloc_error(layout) };
            ptr::copy_nonoverlapping(bytes.as_ptr(), ptr.as_ptr(), bytes.len());
            ptr
        };
        Self { ptr, format: PhantomData }
    }

    /// A block of the size that `header` tells: it, then zeros, but `bytes` at offset `at`. Panics
    /// if that is not within the body.
    pub fn with_bytes_at(header: &[u8], at: usize, bytes: &[u8]) -> Self {
        let len = F::used(header);
        let end = at.saturating_add(bytes.len());
        assert!(header.len() == F::HEADER && at >= F::HEADER && end <= len, "within the body");
        let layout = layout(len);
        // SAFETY: the layout is at least 8 bytes. The new block holds `size_class(len) >= len`
        // bytes; `HEADER <= at <= end <= len`, so the four pieces fill its first `len` bytes one
        // behind the other. `header` and `bytes` are other memory.
        let ptr = unsafe {
            let raw = alloc::alloc(layout);
            let Some(ptr) = NonNull::new(raw) else { alloc::handle_alloc_error(layout) };
            ptr::copy_nonoverlapping(header.as_ptr(), raw, F::HEADER);
            ptr::write_bytes(raw.add(F::HEADER), 0, at - F::HEADER);
            ptr::copy_nonoverlapping(bytes.as_ptr(), raw.add(at), bytes.len());
            ptr::write_bytes(raw.add(end), 0, len - end);
            ptr
        };
        Self { ptr, format: PhantomData }
    }

    /// Bytes used: header and body.
    #[inline]
    pub fn used(&self) -> usize {
        // SAFETY: the block always starts with HEADER initialised bytes.
        F::used(unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), F::HEADER) })
    }

    /// Header and body.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the first `used` bytes of the block are initialised (the type's invariant), and
        // the borrow of `self` keeps them unchanged.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.used()) }
    }

    /// The bytes after the header.
    #[inline]
    pub fn body(&self) -> &[u8] {
        &self.bytes()[F::HEADER..]
    }

    /// The bytes after the header. Their contents cannot change the block's size.
    #[inline]
    pub fn body_mut(&mut self) -> &mut [u8] {
        let len = self.used();
        // SAFETY: as in `bytes`; `len >= HEADER`, and `&mut self` makes the access exclusive.
        unsafe {
            let body = self.ptr.as_ptr().add(F::HEADER);
            std::slice::from_raw_parts_mut(body, len - F::HEADER)
        }
    }

    /// Bytes reserved from the allocator.
    pub fn heap_bytes(&self) -> usize {
        size_class(self.used())
    }

    /// Writes another header of the same size. Panics if it tells another size.
    pub fn set_header(&mut self, header: &[u8]) {
        assert!(header.len() == F::HEADER && F::used(header) == self.used(), "size must stay");
        // SAFETY: HEADER bytes at the start of the block are ours, and `header` is another memory.
        unsafe { ptr::copy_nonoverlapping(header.as_ptr(), self.ptr.as_ptr(), F::HEADER) };
    }

    /// Replaces `remove` bytes at offset `at` by the `parts`, one after the other, and the header
    /// by `header`, which must tell the new size (else it panics before any change). At most one
    /// realloc.
    pub fn splice(&mut self, at: usize, remove: usize, header: &[u8], parts: &[&[u8]]) {
        let old_len = self.used();
        let insert = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()));
        assert!(
            at >= F::HEADER && at <= old_len && remove <= old_len - at,
            "splice inside the body"
        );
        let new_len = (old_len - remove).saturating_add(insert);
        assert!(
            header.len() == F::HEADER && F::used(header) == new_len,
            "header must tell the size"
        );
        let (old_class, new_class) = (size_class(old_len), size_class(new_len));
        if new_class > old_class {
            self.realloc(old_len, new_len);
        }
        // SAFETY: the block holds at least max(old_len, new_len) bytes here. The tail `at + remove
        // .. old_len` is initialised and lands at `at + insert .. new_len`; the parts fill exactly
        // the gap before it, the header its own place. `parts` and `header` are borrowed elsewhere,
        // so they cannot overlap the block that `&mut self` owns.
        unsafe {
            let base = self.ptr.as_ptr();
            ptr::copy(base.add(at + remove), base.add(at + insert), old_len - at - remove);
            let mut to = base.add(at);
            for part in parts {
                ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
                to = to.add(part.len());
            }
            ptr::copy_nonoverlapping(header.as_ptr(), base, F::HEADER);
        }
        if new_class < old_class {
            self.realloc(old_len, new_len);
        }
    }

    fn realloc(&mut self, old_len: usize, new_len: usize) {
        let new_layout = layout(new_len);
        // SAFETY: the block was allocated with `layout(old_len)`; the new size is not 0.
        let raw = unsafe { alloc::realloc(self.ptr.as_ptr(), layout(old_len), new_layout.size()) };
        let Some(ptr) = NonNull::new(raw) else { alloc::handle_alloc_error(new_layout) };
        self.ptr = ptr;
    }

    /// Moves the block, if that is worth it.
    pub fn relocate(&mut self, mover: &mut Mover) {
        let layout = layout(self.used());
        // SAFETY: the block has this layout, and only `self` refers to it.
        self.ptr = unsafe { mover.block(self.ptr, layout) }.unwrap_or(self.ptr);
    }

    /// Gives the block away; only `from_raw` of the same format may take it back.
    pub fn into_raw(self) -> NonNull<u8> {
        let ptr = self.ptr;
        std::mem::forget(self);
        ptr
    }

    /// # Safety
    /// `ptr` came from `into_raw` of the same format and is used by nobody else.
    pub unsafe fn from_raw(ptr: NonNull<u8>) -> Self {
        Self { ptr, format: PhantomData }
    }
}

/// The bytes of a block for as long as it stays unchanged.
///
/// # Safety
/// `raw` came from `into_raw` of this format; nobody changes or frees the block during `'a`.
unsafe fn bytes_of<'a, F: ThinFormat>(raw: NonNull<u8>) -> &'a [u8] {
    // SAFETY: by the contract; the copy of the handle is never dropped.
    let block = ManuallyDrop::new(unsafe { ThinBytes::<F>::from_raw(raw) });
    // SAFETY: the first `used` bytes are initialised and, by the contract, stay for 'a.
    unsafe { std::slice::from_raw_parts(raw.as_ptr(), block.used()) }
}

// SAFETY: one pointer to a block that was allocated with alignment 8; reading through a copy of the
// handle only reads the block.
unsafe impl Thin for Listpack {
    #[inline(always)]
    fn into_raw(self) -> NonNull<u8> {
        self.0.into_raw()
    }

    #[inline(always)]
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        // SAFETY: passed on to the caller.
        Self(unsafe { ThinBytes::from_raw(raw) })
    }
}

// SAFETY: the view borrows only the block, which stays while the handle is unchanged.
unsafe impl ThinView for Listpack {
    type View<'a> = LpRef<'a>;

    #[inline(always)]
    unsafe fn view<'a>(raw: NonNull<u8>) -> LpRef<'a> {
        // SAFETY: passed on to the caller.
        LpRef::new(unsafe { bytes_of::<ListpackFormat>(raw) })
    }
}

// SAFETY: as for Listpack.
unsafe impl Thin for RoomyListpack {
    #[inline(always)]
    fn into_raw(self) -> NonNull<u8> {
        self.0.into_raw()
    }

    #[inline(always)]
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        // SAFETY: passed on to the caller.
        Self(unsafe { ThinBytes::from_raw(raw) })
    }
}

// SAFETY: as for Listpack.
unsafe impl ThinView for RoomyListpack {
    type View<'a> = LpRef<'a>;

    #[inline(always)]
    unsafe fn view<'a>(raw: NonNull<u8>) -> LpRef<'a> {
        // SAFETY: passed on to the caller.
        let block: &'a [u8] = unsafe { bytes_of::<RoomyFormat>(raw) };
        LpRef::new(listpack_of(&block[ROOMY_HEADER..]))
    }
}

// SAFETY: as for Listpack.
unsafe impl Thin for Intset {
    #[inline(always)]
    fn into_raw(self) -> NonNull<u8> {
        self.into_thin().into_raw()
    }

    #[inline(always)]
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        // SAFETY: passed on to the caller.
        Self::from_thin(unsafe { ThinBytes::from_raw(raw) })
    }
}

// SAFETY: as for Listpack.
unsafe impl ThinView for Intset {
    type View<'a> = IntsetIter<'a>;

    #[inline(always)]
    unsafe fn view<'a>(raw: NonNull<u8>) -> IntsetIter<'a> {
        // SAFETY: passed on to the caller.
        IntsetIter::new(unsafe { bytes_of::<IntsetFormat>(raw) })
    }
}

impl Relocate for Listpack {
    fn relocate(&mut self, _: u64, mover: &mut Mover) -> u64 {
        self.0.relocate(mover);
        0
    }
}

impl Relocate for Intset {
    fn relocate(&mut self, _: u64, mover: &mut Mover) -> u64 {
        self.thin_mut().relocate(mover);
        0
    }
}

impl<F: ThinFormat> Clone for ThinBytes<F> {
    fn clone(&self) -> Self {
        Self::from_slice(self.bytes())
    }
}

impl<F: ThinFormat> Drop for ThinBytes<F> {
    fn drop(&mut self) {
        // SAFETY: the block was allocated with this layout, and nobody uses it after the drop.
        unsafe { alloc::dealloc(self.ptr.as_ptr(), layout(self.used())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_pointers_are_aligned_and_own_the_block() {
        let (mut lp, mut set) = (Listpack::new(), Intset::new());
        lp.push_back(&b"text"[..]);
        set.add(7);
        let (lp, set) = (lp.into_raw(), set.into_raw());
        assert_eq!((lp.as_ptr() as usize % 8, set.as_ptr() as usize % 8), (0, 0));
        // SAFETY: both pointers were made just above.
        let (lp, set) = unsafe { (Listpack::from_raw(lp), Intset::from_raw(set)) };
        assert_eq!((lp.len(), set.get(0)), (1, Some(7)));
    }
}
