//! The process' allocator: jemalloc behind a counting `GlobalAlloc`, and questions about memory.
//!
//! jemalloc is built with `lg_quantum = 3` and eight size classes per doubling (see
//! `.cargo/config.toml`), so that 24, 40, 56 and 176 byte classes exist. Such a block is only
//! 8-aligned: every alignment above 8 must be passed on, which this wrapper does and the stock
//! wrapper does not.
//!
//! Invariant: `used_memory()` is the sum of the size classes of all live blocks. The calling
//! thread's share is exact; another thread's share lags by less than `PUBLISH_BYTES` until it calls
//! [`publish`]. Not counted: memory that C code takes from libc's own malloc.
//!
//! With `--cfg sanitized` (runs under a sanitizer) libc's allocator serves, which it puts
//! its own in the place of, and the questions that only jemalloc can answer report zero.
//!
//! JUSTIFICATION: an allocator is unsafe by its trait. What it buys is measured by
//! `benches`: 40-byte blocks for a 16/16 byte key instead of 48, and 1-2 ns a counted operation.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

/// Size classes follow one formula up to here; above, jemalloc is asked.
const FORMULA_MAX: usize = 32 * 1024;
/// Natural alignment of every block: the quantum.
const NATURAL_ALIGN: usize = 8;
/// A thread adds its delta to the shared sum when it exceeds this many bytes.
const PUBLISH_BYTES: isize = 64 * 1024;

static PUBLISHED: AtomicIsize = AtomicIsize::new(0);

struct Local {
    /// Bytes allocated minus bytes freed by this thread since the last publication.
    delta: Cell<isize>,
    /// What this thread has published in all.
    published: Cell<isize>,
    /// Allocations (also reallocations that had to move) made by this thread so far.
    allocations: Cell<u64>,
}

thread_local! {
    static LOCAL: Local = const {
        Local { delta: Cell::new(0), published: Cell::new(0), allocations: Cell::new(0) }
    };
}

/// The allocator that `src/lib.rs` installs.
pub struct CountingAlloc;

/// Counts what the calling thread allocated (or, below zero, freed), bytes by size class.
#[inline(always)]
pub(super) fn count(bytes: isize, allocations: u64) {
    LOCAL.with(|l| {
        let delta = l.delta.get() + bytes;
        l.delta.set(delta);
        l.allocations.set(l.allocations.get() + allocations);
        if delta.unsigned_abs() > PUBLISH_BYTES as usize {
            publish();
        }
    });
}

/// Adds the calling thread's share to what other threads see; call it before a thread ends.
#[cold]
pub fn publish() {
    LOCAL.with(|l| {
        let delta = l.delta.replace(0);
        l.published.set(l.published.get() + delta);
        PUBLISHED.fetch_add(delta, Ordering::Relaxed);
    });
}

/// Bytes in live blocks, counted by size class.
pub fn used_memory() -> usize {
    let local = LOCAL.with(|l| l.delta.get());
    (PUBLISHED.load(Ordering::Relaxed) + local).max(0) as usize
}

/// Bytes that the calling thread allocated minus those it freed, exactly. Tests subtract two
/// readings; other threads do not disturb them.
pub fn thread_used_memory() -> isize {
    LOCAL.with(|l| l.published.get() + l.delta.get())
}

/// How many blocks the calling thread has allocated so far. Tests subtract two readings.
pub fn allocation_count() -> u64 {
    LOCAL.with(|l| l.allocations.get())
}

/// The bytes that a block of `size` bytes really occupies: its size class.
#[inline(always)]
pub fn usable_size(size: usize) -> usize {
    if size <= FORMULA_MAX { small_class(size) } else { backend::large_class(size, NATURAL_ALIGN) }
}

/// Steps of 8 up to 128, then eight classes per doubling.
#[inline(always)]
pub const fn small_class(size: usize) -> usize {
    let size = if size == 0 { 1 } else { size };
    let lg = (usize::BITS - 1) - ((size - 1) | 127).leading_zeros();
    let mask = (1usize << (lg - 3)) - 1;
    (size + mask) & !mask
}

const _: () = assert!(small_class(1) == 8 && small_class(40) == 40 && small_class(128) == 128);
const _: () = assert!(small_class(129) == 144 && small_class(257) == 288);

#[inline(always)]
fn class_of(layout: Layout) -> usize {
    if layout.align() <= NATURAL_ALIGN {
        return usable_size(layout.size());
    }
    aligned_class(layout)
}

fn aligned_class(layout: Layout) -> usize {
    let rounded = (layout.size() + layout.align() - 1) & !(layout.align() - 1);
    if rounded <= FORMULA_MAX / 4 && layout.align() <= 4096 {
        return small_class(rounded);
    }
    backend::large_class(layout.size(), layout.align())
}

// SAFETY: every block comes from the backend with the size and alignment of its layout and goes
// back to it with the same; counting touches only thread-local cells without destructors.
unsafe impl GlobalAlloc for CountingAlloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's layout has a non-zero size.
        let ptr = unsafe { backend::alloc(layout) };
        if !ptr.is_null() {
            count(class_of(layout) as isize, 1);
        }
        ptr
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let ptr = unsafe { backend::alloc_zeroed(layout) };
        if !ptr.is_null() {
            count(class_of(layout) as isize, 1);
        }
        ptr
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(class_of(layout) as isize), 0);
        // SAFETY: the caller passes the block's own layout.
        unsafe { backend::dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let old_class = class_of(layout);
        // SAFETY: the caller guarantees that `new_size` fits a layout of this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        let new_class = class_of(new_layout);
        // jemalloc's block is the whole class; the block of libc is not.
        if old_class == new_class && cfg!(not(sanitized)) {
            return ptr;
        }
        // SAFETY: `ptr` is a live block of `layout`.
        let new = unsafe { backend::realloc(ptr, layout, new_size) };
        if !new.is_null() {
            count(new_class as isize - old_class as isize, 1);
        }
        new
    }
}

/// What jemalloc says of itself, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocatorStats {
    pub allocated: usize,
    pub active: usize,
    pub resident: usize,
    pub retained: usize,
    pub muzzy: usize,
}

pub use backend::{malloc_stats_print, purge, set_background_thread, stats};

/// Gives the pages that lie wholly in `ptr..ptr + bytes` back to the system; they read as zero
/// afterwards. Used to free a large array piece by piece instead of in one pause.
///
/// # Safety
/// The range must be inside one live block of this allocator and its contents no longer needed.
pub unsafe fn discard(ptr: *mut u8, bytes: usize) {
    const PAGE: usize = 4096;
    let start = ptr.addr().next_multiple_of(PAGE);
    let end = (ptr.addr() + bytes) & !(PAGE - 1);
    if start < end {
        // SAFETY: whole pages of a live anonymous mapping, whose contents the caller gives up.
        // A failure leaves them as they were, which is merely slower.
        unsafe {
            libc::madvise(ptr.with_addr(start).cast(), end - start, libc::MADV_DONTNEED);
        }
    }
}

#[cfg(not(sanitized))]
mod backend {
    use super::{AllocatorStats, NATURAL_ALIGN};
    use std::alloc::Layout;
    use std::ffi::{CStr, c_char, c_int, c_void};
    use std::mem::size_of;
    use tikv_jemalloc_sys as jemalloc;

    const PAGE: usize = 4096;

    #[inline(always)]
    fn flags(align: usize) -> c_int {
        if align <= NATURAL_ALIGN { 0 } else { jemalloc::MALLOCX_ALIGN(align) }
    }

    pub(super) fn large_class(size: usize, align: usize) -> usize {
        // SAFETY: nallocx only computes; the size is not zero here.
        unsafe { jemalloc::nallocx(size, flags(align)) }
    }

    /// # Safety
    /// `layout.size()` is not zero.
    #[inline(always)]
    pub(super) unsafe fn alloc(layout: Layout) -> *mut u8 {
        // SAFETY: plain allocation; the alignment is passed when it is not natural.
        unsafe {
            if layout.align() <= NATURAL_ALIGN {
                jemalloc::malloc(layout.size()).cast()
            } else {
                jemalloc::mallocx(layout.size(), flags(layout.align())).cast()
            }
        }
    }

    /// # Safety
    /// `layout.size()` is not zero.
    #[inline(always)]
    pub(super) unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
        let flags = flags(layout.align()) | jemalloc::MALLOCX_ZERO;
        // SAFETY: as in `alloc`.
        unsafe { jemalloc::mallocx(layout.size(), flags).cast() }
    }

    /// # Safety
    /// `ptr` is a live block allocated here with `layout`.
    #[inline(always)]
    pub(super) unsafe fn dealloc(ptr: *mut u8, layout: Layout) {
        // SAFETY: size and alignment are those of the allocation.
        unsafe { jemalloc::sdallocx(ptr.cast(), layout.size(), flags(layout.align())) }
    }

    /// # Safety
    /// `ptr` is a live block allocated here with `layout`; `new_size` is not zero.
    pub(super) unsafe fn realloc(ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: by the contract above.
        unsafe { jemalloc::rallocx(ptr.cast(), new_size, flags(layout.align())).cast() }
    }

    fn read<T: Copy + Default>(name: &CStr) -> T {
        let mut value = T::default();
        let mut len = size_of::<T>();
        // SAFETY: jemalloc writes at most `len` bytes and refuses a wrong length.
        unsafe {
            jemalloc::mallctl(
                name.as_ptr(),
                (&raw mut value).cast(),
                &raw mut len,
                std::ptr::null_mut(),
                0,
            );
        }
        value
    }

    /// Returns whether jemalloc took the value.
    fn write<T: Copy>(name: &CStr, mut value: T) -> bool {
        // SAFETY: jemalloc reads `size_of::<T>()` bytes and refuses a wrong length.
        let rc = unsafe {
            jemalloc::mallctl(
                name.as_ptr(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                (&raw mut value).cast(),
                size_of::<T>(),
            )
        };
        rc == 0
    }

    /// The allocator's own figures, refreshed first (about 20 us).
    pub fn stats() -> AllocatorStats {
        write(c"epoch", 1u64);
        AllocatorStats {
            allocated: read(c"stats.allocated"),
            active: read(c"stats.active"),
            resident: read(c"stats.resident"),
            retained: read(c"stats.retained"),
            muzzy: read::<usize>(c"stats.arenas.4096.pmuzzy") * PAGE,
        }
    }

    /// Returns all unused pages of all arenas to the system (`MEMORY PURGE`).
    pub fn purge() -> bool {
        // SAFETY: a command without arguments; 4096 means all arenas.
        let rc = unsafe {
            jemalloc::mallctl(
                c"arena.4096.purge".as_ptr(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                0,
            )
        };
        rc == 0
    }

    /// Lets jemalloc purge from a thread of its own (`jemalloc-bg-thread`).
    pub fn set_background_thread(on: bool) -> bool {
        write(c"background_thread", on)
    }

    unsafe extern "C" fn append(opaque: *mut c_void, text: *const c_char) {
        // SAFETY: `opaque` is the String of `malloc_stats_print`; jemalloc passes a C string.
        let (out, text) = unsafe { (&mut *opaque.cast::<String>(), CStr::from_ptr(text)) };
        out.push_str(&text.to_string_lossy());
    }

    /// jemalloc's own report (`MEMORY MALLOC-STATS`).
    pub fn malloc_stats_print() -> String {
        let mut out = String::new();
        // SAFETY: the callback gets the String and is done when the call returns.
        unsafe {
            jemalloc::malloc_stats_print(Some(append), (&raw mut out).cast(), std::ptr::null());
        }
        out
    }
}

#[cfg(sanitized)]
mod backend {
    use super::{AllocatorStats, small_class};
    use std::alloc::{GlobalAlloc, Layout, System};

    pub(super) fn large_class(size: usize, _align: usize) -> usize {
        small_class(size)
    }
    pub(super) unsafe fn alloc(layout: Layout) -> *mut u8 {
        // SAFETY: forwarded contract.
        unsafe { System.alloc(layout) }
    }
    pub(super) unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
        // SAFETY: forwarded contract.
        unsafe { System.alloc_zeroed(layout) }
    }
    pub(super) unsafe fn dealloc(ptr: *mut u8, layout: Layout) {
        // SAFETY: forwarded contract.
        unsafe { System.dealloc(ptr, layout) }
    }
    pub(super) unsafe fn realloc(ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: forwarded contract.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
    pub fn stats() -> AllocatorStats {
        AllocatorStats { allocated: super::used_memory(), ..AllocatorStats::default() }
    }
    pub fn purge() -> bool {
        true
    }
    pub fn set_background_thread(_on: bool) -> bool {
        false
    }
    pub fn malloc_stats_print() -> String {
        String::from("Stats not supported for the current allocator")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(sanitized))]
    #[test]
    fn size_classes_are_jemallocs() {
        for size in 1..=40_000usize {
            // SAFETY: nallocx only computes.
            let truth = unsafe { tikv_jemalloc_sys::nallocx(size, 0) };
            assert_eq!(usable_size(size), truth, "size {size}");
        }
        for align in [16, 32, 64, 128, 4096] {
            for size in (1..=40_000usize).step_by(7) {
                let flags = tikv_jemalloc_sys::MALLOCX_ALIGN(align);
                // SAFETY: nallocx only computes.
                let truth = unsafe { tikv_jemalloc_sys::nallocx(size, flags) };
                let layout = Layout::from_size_align(size, align).expect("valid");
                assert_eq!(class_of(layout), truth, "size {size} align {align}");
            }
        }
    }

    #[test]
    fn a_block_is_counted_by_its_class_and_uncounted() {
        // Other tests' threads publish at will: look at this thread's own share.
        let delta = || LOCAL.with(|l| l.delta.get());
        publish();
        let count = allocation_count();
        let block = vec![0u8; 65].into_boxed_slice();
        assert_eq!((delta(), allocation_count()), (72, count + 1));
        drop(block);
        assert_eq!((delta(), allocation_count()), (0, count + 1));
    }

    #[test]
    fn alignments_above_the_quantum_are_honoured() {
        for (size, align) in [(24, 16), (40, 16), (56, 32), (64, 64), (192, 64), (100_000, 64)] {
            let layout = Layout::from_size_align(size, align).expect("valid");
            let blocks: Vec<*mut u8> = (0..64)
                .map(|_| {
                    // SAFETY: the layout is not empty.
                    let p = unsafe { std::alloc::alloc_zeroed(layout) };
                    assert_eq!(p.addr() % align, 0);
                    p
                })
                .collect();
            for p in blocks {
                // SAFETY: allocated above with the same layout.
                unsafe { std::alloc::dealloc(p, layout) };
            }
        }
    }

    /// Not a test but what the next one looks at: it reads a block that was freed.
    #[cfg(all(sanitized, not(tsan)))]
    #[test]
    #[ignore = "fails, as it should"]
    fn reads_a_freed_block() {
        let block = Box::into_raw(Box::new(7u64));
        // SAFETY: none: a fault on purpose.
        let value = unsafe {
            drop(Box::from_raw(block));
            block.read_volatile()
        };
        println!("{value}");
    }

    /// Else the runs under it prove nothing.
    #[cfg(all(sanitized, not(tsan)))]
    #[test]
    fn address_sanitizer_sees_a_use_after_free() {
        let mut me = std::process::Command::new(std::env::current_exe().expect("a program"));
        me.args(["--ignored", "--exact", "sys::malloc::tests::reads_a_freed_block", "--nocapture"]);
        let output = me.env("ASAN_OPTIONS", "detect_leaks=0").output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("heap-use-after-free"), "{said}");
    }

    #[cfg(not(sanitized))]
    #[test]
    fn jemalloc_answers() {
        let s = stats();
        // Other threads allocate in between, so the figures need not be ordered.
        assert!(s.allocated > 0 && s.active > 0 && s.resident > 0, "{s:?}");
        assert!(purge());
        assert!(malloc_stats_print().contains("jemalloc"));
    }
}
