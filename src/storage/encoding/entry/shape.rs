//! Where the parts of an entry stand, and moving them when the shape changes.
//!
//! JUSTIFICATION: see `entry.rs`: a variable layout behind a thin pointer.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::thin::Word;
use super::{
    Entry, EntryRef, FLAG_PAYLOAD, FLAG_TTL, FLAG_WIDE_KEY, FLAG_WIDE_VALUE, FLAGS_SHIFT,
    KLEN_SHIFT, LRU_MASK, LRU_SHIFT, VLEN_SHIFT,
};
use crate::sys::malloc;

/// The parts of an entry.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub klen: usize,
    /// Length of the inline value; 0 with a payload word.
    pub vlen: usize,
    pub payload: bool,
    pub ttl: bool,
}

/// Where an inline value comes from.
pub(super) enum Inline<'v> {
    /// It is in the entry already.
    Keep,
    Bytes(&'v [u8]),
}

/// An entry to be built. `word` and `ttl` are present where the shape says so.
pub(super) struct Spec<'v> {
    pub shape: Shape,
    pub kind: u8,
    pub word: Option<Word>,
    pub ttl: Option<i64>,
    pub inline: Inline<'v>,
}

impl Shape {
    #[inline(always)]
    fn flags(&self) -> u64 {
        (self.payload as u64 * FLAG_PAYLOAD)
            | (self.ttl as u64 * FLAG_TTL)
            | ((self.klen > 255) as u64 * FLAG_WIDE_KEY)
            | ((self.vlen > 255) as u64 * FLAG_WIDE_VALUE)
    }

    /// Offset of the key.
    #[inline(always)]
    pub fn data_offset(&self) -> usize {
        data_offset(self.flags())
    }

    /// Bytes of the whole entry.
    #[inline(always)]
    pub fn total(&self) -> usize {
        self.data_offset() + self.klen + self.vlen
    }
}

#[inline(always)]
fn data_offset(flags: u64) -> usize {
    let words = 1 + (flags & FLAG_PAYLOAD) + ((flags & FLAG_TTL) >> 1);
    (8 * words + (flags & FLAG_WIDE_KEY) + ((flags & FLAG_WIDE_VALUE) >> 1)) as usize
}

const _: () = assert!(FLAG_WIDE_KEY == 4 && FLAG_WIDE_VALUE == 8 && FLAG_TTL == 2);

/// The block of an entry of `total` bytes: a whole size class.
#[inline(always)]
pub(super) fn layout(total: usize) -> Layout {
    Layout::from_size_align(malloc::usable_size(total), 8).expect("below the address space")
}

fn allocate(total: usize) -> NonNull<u8> {
    let layout = layout(total);
    // SAFETY: never empty: the header has 8 bytes.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

impl EntryRef<'_> {
    #[inline(always)]
    pub(super) fn header(&self) -> u64 {
        // SAFETY: every entry begins with its header.
        unsafe { self.0.cast::<u64>().read() }
    }

    #[inline(always)]
    pub(super) fn kind(&self) -> u8 {
        self.header() as u8
    }

    #[inline(always)]
    pub(super) fn flags(&self) -> u64 {
        self.header() >> FLAGS_SHIFT & 0xff
    }

    /// A place inside the block.
    #[inline(always)]
    pub(super) fn at(&self, offset: usize) -> *const u8 {
        // SAFETY: callers stay inside the shape.
        unsafe { self.0.as_ptr().add(offset) }
    }

    /// Offset of the key, its length, and the length of the inline value.
    #[inline(always)]
    pub(super) fn data(&self) -> (usize, usize, usize) {
        let header = self.header();
        let flags = header >> FLAGS_SHIFT & 0xff;
        let (klen, vlen) = (header >> KLEN_SHIFT & 0xff, header >> VLEN_SHIFT & 0xff);
        let mut data = (data_offset(flags), klen as usize, vlen as usize);
        if flags & (FLAG_WIDE_KEY | FLAG_WIDE_VALUE) != 0 {
            self.read_wide(flags, &mut data);
        }
        data
    }

    fn read_wide(&self, flags: u64, data: &mut (usize, usize, usize)) {
        let mut offset = data_offset(flags & (FLAG_PAYLOAD | FLAG_TTL));
        // SAFETY: the flags say that the lengths stand there, 4-aligned.
        unsafe {
            if flags & FLAG_WIDE_KEY != 0 {
                data.1 = self.at(offset).cast::<u32>().read() as usize;
                offset += 4;
            }
            if flags & FLAG_WIDE_VALUE != 0 {
                data.2 = self.at(offset).cast::<u32>().read() as usize;
            }
        }
    }

    #[inline(always)]
    pub(super) fn shape(&self) -> Shape {
        let (flags, (_, klen, vlen)) = (self.flags(), self.data());
        Shape { klen, vlen, payload: flags & FLAG_PAYLOAD != 0, ttl: flags & FLAG_TTL != 0 }
    }

    #[inline(always)]
    pub(super) fn key_len(&self) -> usize {
        self.data().1
    }

    /// A copy of the payload word; the owner of the value stays who it was.
    #[inline(always)]
    pub(super) fn word(&self) -> Word {
        debug_assert!(self.flags() & FLAG_PAYLOAD != 0);
        // SAFETY: the flag says that the word stands there.
        unsafe { self.at(8).cast::<Word>().read() }
    }
}

impl Spec<'_> {
    /// Writes everything before the key.
    ///
    /// # Safety
    /// `dst` is a block of at least the shape's total, and nothing before the shape's data offset
    /// is needed any more.
    #[inline(always)]
    unsafe fn write_head(&self, dst: NonNull<u8>, lru: u32) {
        let Shape { klen, vlen, .. } = self.shape;
        let flags = self.shape.flags();
        let header = u64::from(self.kind)
            | flags << FLAGS_SHIFT
            | u64::from(lru & LRU_MASK) << LRU_SHIFT
            | (klen as u64 & 0xff) << KLEN_SHIFT
            | (vlen as u64 & 0xff) << VLEN_SHIFT;
        let mut offset = 8;
        // SAFETY: all offsets are below the data offset, and aligned: words first.
        unsafe {
            dst.cast::<u64>().write(header);
            if let Some(word) = self.word {
                dst.add(offset).cast::<Word>().write(word);
                offset += 8;
            }
            if let Some(ttl) = self.ttl {
                dst.add(offset).cast::<i64>().write(ttl);
                offset += 8;
            }
            if klen > 255 {
                let wide = u32::try_from(klen).expect("keys are shorter than 4 GB");
                dst.add(offset).cast::<u32>().write(wide);
                offset += 4;
            }
            if vlen > 255 {
                let wide = u32::try_from(vlen).expect("longer strings are not inline");
                dst.add(offset).cast::<u32>().write(wide);
            }
        }
    }
}

impl Entry {
    /// A new entry.
    #[inline(always)]
    pub(super) fn build(key: &[u8], spec: &Spec<'_>, lru: u32) -> Entry {
        let dst = allocate(spec.shape.total());
        // SAFETY: a fresh block of the shape's size; key and value have the shape's lengths.
        unsafe {
            spec.write_head(dst, lru);
            let data = dst.add(spec.shape.data_offset()).as_ptr();
            data.copy_from_nonoverlapping(key.as_ptr(), key.len());
            if let Inline::Bytes(bytes) = spec.inline {
                data.add(key.len()).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
        }
        Entry(dst)
    }

    /// The same key in another shape; in place if the size class stays. The old payload word is
    /// forgotten, not dropped.
    #[inline(always)]
    pub(super) fn reshape(self, spec: &Spec<'_>, lru: u32) -> Entry {
        let this = ManuallyDrop::new(self);
        let (src, old) = (this.0, this.as_ref().shape());
        let (old_layout, new_layout) = (layout(old.total()), layout(spec.shape.total()));
        let in_place = old_layout.size() == new_layout.size();
        let dst = if in_place { src } else { allocate(spec.shape.total()) };
        let (from, to) = (old.data_offset(), spec.shape.data_offset());
        let kept = if matches!(spec.inline, Inline::Keep) { old.vlen } else { 0 };
        // SAFETY: both blocks hold their shapes. The key is moved (the ranges may overlap) before
        // anything is written over its old place; `bytes` is not part of this entry, which is
        // owned here. The old block is freed when nothing of it is needed.
        unsafe {
            if !in_place || from != to {
                dst.add(to).copy_from(src.add(from), old.klen + kept);
            }
            if let Inline::Bytes(bytes) = spec.inline {
                let value = dst.add(to + old.klen).as_ptr();
                value.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
            spec.write_head(dst, lru);
            if !in_place {
                dealloc(src.as_ptr(), old_layout);
            }
        }
        Entry(dst)
    }

    /// Frees the block, not the value.
    pub(super) fn free_block(self) {
        ManuallyDrop::new(self).dealloc();
    }

    /// Frees the block; only for `drop` and `free_block`.
    #[inline(always)]
    pub(super) fn dealloc(&mut self) {
        let layout = layout(self.as_ref().shape().total());
        // SAFETY: the block was allocated with the layout that its shape gives.
        unsafe { dealloc(self.0.as_ptr(), layout) };
    }
}
