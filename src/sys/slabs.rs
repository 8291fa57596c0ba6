//! jemalloc's slabs: how well they are used, in which one a block lies, and allocation past the
//! thread's cache. What active defragmentation asks of the allocator; the moving itself is in
//! `relocate`.
//!
//! A small block lies in a slab together with others of its size class (its bin). A slab goes back
//! to the system when its last block is freed, so what costs memory are bins with many slabs that
//! are half empty. The stock jemalloc tells all that a decision needs: of a block, by the name
//! `experimental.utilization.query`, the slab's free places and the slab that its bin fills at
//! present; of a bin, by its statistics, the number of slabs, of those with free places, and of
//! blocks.
//!
//! Invariant: none of these questions changes anything but the snapshot of the statistics.
//!
//! With `--cfg sanitized` libc's allocator serves: there are no slabs. What is told of them makes
//! every block worth moving, so that AddressSanitizer sees each address that was not followed.
//!
//! JUSTIFICATION: jemalloc is a C library; results are checked by their size, which jemalloc
//! compares. Active defragmentation (`activedefrag`) is impossible without.

/// Blocks above this size are no part of a slab, bytes.
pub const SMALL_MAX: usize = 30 << 10;
/// There are fewer bins than this.
pub const MAX_BINS: usize = 96;

/// The slab that a block is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slab {
    /// Which size class it is for.
    pub bin: usize,
    /// Blocks it has room for.
    pub places: usize,
    /// Blocks in it.
    pub used: usize,
    /// New blocks of this class come from it at present.
    pub is_current: bool,
}

/// A bin by the last snapshot, over all arenas but that of scripts, whose blocks cannot be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BinUse {
    pub slabs: usize,
    /// Slabs with free places, without those that are current.
    pub nonfull_slabs: usize,
    /// Blocks in all of its slabs.
    pub used: usize,
}

/// The number of a block size's bin: steps of 8 bytes up to 128, then eight to a doubling.
#[cfg_attr(sanitized, expect(dead_code))]
fn bin_of(size: usize) -> usize {
    if size <= 128 {
        return size.div_ceil(8).max(1) - 1;
    }
    let log = (size - 1).ilog2();
    16 + (log as usize - 7) * 8 + ((size - 1) >> (log - 3) & 7)
}

pub use backend::{alloc_uncached, bin_use, dealloc_uncached, set_thread_cache};
pub use backend::{flush_thread_cache, freed, refresh, slab_of, supported, wasted};

/// Bytes of free places in slabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wasted {
    /// In the slabs of all arenas but that of scripts.
    pub data: usize,
    /// In that of scripts.
    pub scripts: usize,
}

#[cfg(not(sanitized))]
mod backend {
    use super::{BinUse, MAX_BINS, SMALL_MAX, Slab, Wasted, bin_of};
    use crate::sys::script_memory;
    use std::alloc::Layout;
    use std::ffi::{CStr, c_int, c_void};
    use std::ptr::{NonNull, null_mut};
    use std::sync::OnceLock;
    use tikv_jemalloc_sys as jemalloc;

    /// Stands for all arenas in names of statistics.
    const ALL_ARENAS: usize = 4096;

    /// What `experimental.utilization.query` answers.
    #[repr(C)]
    #[derive(Default)]
    struct Utilization {
        current_slab: usize,
        free: usize,
        places: usize,
        slab_bytes: usize,
        bin_free: usize,
        bin_places: usize,
    }

    /// Names as numbers, which are quicker to look up; what never changes of each bin.
    struct Names {
        query: [usize; 3],
        bin_regs: [usize; 6],
        bin_slabs: [usize; 6],
        bin_nonfull: [usize; 6],
        bin_freed: [usize; 6],
        /// Bytes of a block and blocks of a slab, by bin.
        bins: Vec<(usize, usize)>,
    }

    fn numbers<const N: usize>(name: &CStr) -> Option<[usize; N]> {
        let (mut mib, mut len) = ([0; N], N);
        // SAFETY: room for `len` numbers, and a C string.
        let code = unsafe { jemalloc::mallctlnametomib(name.as_ptr(), mib.as_mut_ptr(), &mut len) };
        (code == 0 && len == N).then_some(mib)
    }

    /// Reads one value; jemalloc refuses it if its size is another.
    fn read<T: Default>(mib: &[usize]) -> Option<T> {
        let (mut value, mut len) = (T::default(), size_of::<T>());
        // SAFETY: room for `len` bytes of a plain number; nothing is written.
        let code = unsafe {
            let old = (&raw mut value).cast::<c_void>();
            jemalloc::mallctlbymib(mib.as_ptr(), mib.len(), old, &mut len, null_mut(), 0)
        };
        (code == 0).then_some(value)
    }

    fn find_names() -> Option<Names> {
        let count = read::<u32>(&numbers::<2>(c"arenas.nbins")?)? as usize;
        let mut bins = Vec::new();
        let (mut size, mut places) =
            (numbers::<4>(c"arenas.bin.0.size")?, numbers::<4>(c"arenas.bin.0.nregs")?);
        for bin in 0..count {
            (size[2], places[2]) = (bin, bin);
            bins.push((read::<usize>(&size)?, read::<u32>(&places)? as usize));
        }
        let known = bins.iter().enumerate().all(|(bin, (size, _))| bin_of(*size) == bin);
        (known && count <= MAX_BINS).then_some(Names {
            query: numbers(c"experimental.utilization.query")?,
            bin_regs: numbers(c"stats.arenas.4096.bins.0.curregs")?,
            bin_slabs: numbers(c"stats.arenas.4096.bins.0.curslabs")?,
            bin_nonfull: numbers(c"stats.arenas.4096.bins.0.nonfull_slabs")?,
            bin_freed: numbers(c"stats.arenas.4096.bins.0.ndalloc")?,
            bins,
        })
    }

    fn names() -> Option<&'static Names> {
        static NAMES: OnceLock<Option<Names>> = OnceLock::new();
        NAMES.get_or_init(find_names).as_ref()
    }

    /// Whether the allocator can say which blocks are worth moving.
    pub fn supported() -> bool {
        names().is_some()
    }

    /// Takes a new snapshot of the statistics (some 20 us).
    pub fn refresh() {
        let mut epoch = 1u64;
        // SAFETY: jemalloc reads eight bytes.
        unsafe {
            let new = (&raw mut epoch).cast();
            jemalloc::mallctl(c"epoch".as_ptr(), null_mut(), null_mut(), new, size_of::<u64>());
        }
    }

    /// How a bin of an arena was used at the last snapshot.
    fn use_in(names: &Names, arena: usize, bin: usize) -> BinUse {
        let of_bin = |mib: &[usize; 6]| {
            let mut mib = *mib;
            (mib[2], mib[4]) = (arena, bin);
            read::<usize>(&mib).unwrap_or(0)
        };
        match of_bin(&names.bin_slabs) {
            0 => BinUse::default(),
            slabs => BinUse {
                slabs,
                nonfull_slabs: of_bin(&names.bin_nonfull),
                used: of_bin(&names.bin_regs),
            },
        }
    }

    /// How a bin was used at the last snapshot: for data, and for scripts.
    fn uses(names: &Names, bin: usize) -> (BinUse, BinUse) {
        let all = use_in(names, ALL_ARENAS, bin);
        let scripts = match script_memory::arena() {
            Some(arena) if all.slabs > 0 => use_in(names, arena as usize, bin),
            _ => BinUse::default(),
        };
        let data = BinUse {
            slabs: all.slabs.saturating_sub(scripts.slabs),
            nonfull_slabs: all.nonfull_slabs.saturating_sub(scripts.nonfull_slabs),
            used: all.used.saturating_sub(scripts.used),
        };
        (data, scripts)
    }

    /// How a bin was used at the last snapshot.
    pub fn bin_use(bin: usize) -> BinUse {
        names().map_or_else(BinUse::default, |names| uses(names, bin).0)
    }

    /// Free places in the slabs of all bins, by the last snapshot.
    pub fn wasted() -> Wasted {
        let mut wasted = Wasted::default();
        let Some(names) = names() else { return wasted };
        for (bin, (size, places)) in names.bins.iter().enumerate() {
            let free = |bin: BinUse| (bin.slabs * places).saturating_sub(bin.used) * size;
            let (data, scripts) = uses(names, bin);
            wasted.data += free(data);
            wasted.scripts += free(scripts);
        }
        wasted
    }

    /// Bytes of all blocks of slabs that were ever freed, but for those of scripts, by the last
    /// snapshot. What stays in a thread's cache was not freed.
    pub fn freed() -> u64 {
        let Some(names) = names() else { return 0 };
        let of_arena = |arena: usize| {
            let bins = names.bins.iter().enumerate().map(|(bin, (size, _))| {
                let mut mib = names.bin_freed;
                (mib[2], mib[4]) = (arena, bin);
                read::<u64>(&mib).unwrap_or(0).saturating_mul(*size as u64)
            });
            bins.fold(0, u64::saturating_add)
        };
        let scripts = script_memory::arena().map_or(0, |arena| of_arena(arena as usize));
        of_arena(ALL_ARENAS).saturating_sub(scripts)
    }

    /// The slab in which an address lies; `None` if it is in none.
    ///
    /// # Safety
    /// `address` is that of any byte of a live block of the global allocator.
    pub unsafe fn slab_of(address: *const u8) -> Option<Slab> {
        let names = names()?;
        let mut asked = address;
        let (mut answer, mut len) = (Utilization::default(), size_of::<Utilization>());
        // SAFETY: both sides have room for what jemalloc expects, which it compares; by the
        // contract it knows the address, where it does not read.
        let code = unsafe {
            jemalloc::mallctlbymib(
                names.query.as_ptr(),
                names.query.len(),
                (&raw mut answer).cast(),
                &mut len,
                (&raw mut asked).cast(),
                size_of::<*const u8>(),
            )
        };
        if code != 0 || answer.places < 2 || answer.slab_bytes == 0 {
            return None;
        }
        let bin = bin_of(answer.slab_bytes / answer.places);
        let offset = address.addr().wrapping_sub(answer.current_slab);
        Some(Slab {
            bin,
            places: answer.places,
            used: answer.places.saturating_sub(answer.free),
            is_current: offset < answer.slab_bytes,
        })
    }

    fn flags(align: usize) -> c_int {
        let align = if align <= 8 { 0 } else { jemalloc::MALLOCX_ALIGN(align) };
        align | jemalloc::MALLOCX_TCACHE_NONE
    }

    /// A block that does not come from the thread's cache; not counted as used memory.
    pub fn alloc_uncached(layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: zero is made a size that is allowed.
        let block = unsafe { jemalloc::mallocx(layout.size().max(1), flags(layout.align())) };
        NonNull::new(block.cast())
    }

    /// Frees a block past the thread's cache; not counted.
    ///
    /// # Safety
    /// `block` is a live block of this process' allocator with this layout, used by nobody.
    pub unsafe fn dealloc_uncached(block: NonNull<u8>, layout: Layout) {
        // SAFETY: by the contract.
        unsafe {
            jemalloc::sdallocx(block.as_ptr().cast(), layout.size().max(1), flags(layout.align()));
        }
    }

    /// Frees what the calling thread's cache holds: places that look used, and keep slabs alive.
    pub fn flush_thread_cache() {
        let name = c"thread.tcache.flush".as_ptr();
        // SAFETY: a command without arguments.
        unsafe {
            jemalloc::mallctl(name, null_mut(), null_mut(), null_mut(), 0);
        }
    }

    /// Switches the calling thread's cache off (giving back what is in it) or on.
    pub fn set_thread_cache(on: bool) {
        let mut on = on;
        // SAFETY: jemalloc reads one byte, a bool.
        unsafe {
            let (name, new) = (c"thread.tcache.enabled".as_ptr(), (&raw mut on).cast());
            jemalloc::mallctl(name, null_mut(), null_mut(), new, size_of::<bool>());
        }
    }

    const _: () = assert!(SMALL_MAX == 30720 && size_of::<Utilization>() == 48);
}

#[cfg(sanitized)]
mod backend {
    use super::{BinUse, Slab, Wasted};
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::ptr::NonNull;
    use std::sync::atomic::{AtomicU64, Ordering};

    pub fn supported() -> bool {
        true
    }
    pub fn refresh() {}
    pub fn bin_use(_bin: usize) -> BinUse {
        BinUse { slabs: 2, nonfull_slabs: 1, used: 1 }
    }
    /// Much, and another figure each time: no scan is in vain for long.
    pub fn wasted() -> Wasted {
        let used = crate::sys::malloc::used_memory();
        Wasted { data: fastrand::usize(used..=2 * used), scripts: 0 }
    }
    /// Much more each time, for the same reason.
    pub fn freed() -> u64 {
        static FREED: AtomicU64 = AtomicU64::new(0);
        FREED.fetch_add(1 << 40, Ordering::Relaxed)
    }
    /// # Safety
    /// None is needed here.
    pub unsafe fn slab_of(_address: *const u8) -> Option<Slab> {
        Some(Slab { bin: 0, places: 2, used: 1, is_current: false })
    }
    pub fn alloc_uncached(layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: callers have blocks of this layout, so it is not empty.
        NonNull::new(unsafe { System.alloc(layout) })
    }
    /// # Safety
    /// As of `GlobalAlloc::dealloc`.
    pub unsafe fn dealloc_uncached(block: NonNull<u8>, layout: Layout) {
        // SAFETY: forwarded contract.
        unsafe { System.dealloc(block.as_ptr(), layout) }
    }
    pub fn flush_thread_cache() {}
    pub fn set_thread_cache(_on: bool) {}
}

#[cfg(all(test, not(sanitized)))]
mod tests {
    use super::*;
    use std::alloc::Layout;
    use std::ptr::NonNull;

    #[test]
    fn sizes_have_the_bins_that_jemalloc_says() {
        // `supported` compares all of them.
        assert!(supported());
        assert_eq!((bin_of(1), bin_of(64), bin_of(65), bin_of(80)), (0, 7, 8, 9));
        assert_eq!((bin_of(128), bin_of(129), bin_of(160)), (15, 16, 17));
    }

    /// What jemalloc says of slabs is what was allocated and freed: the oracle is the test itself.
    #[test]
    fn a_slab_tells_how_many_of_its_blocks_live() {
        // A class of four blocks to a slab that other tests hardly use, so that the slabs are ours.
        const BYTES: usize = 7000;
        let layout = Layout::from_size_align(BYTES, 8).expect("valid");
        let blocks: Vec<NonNull<u8>> =
            (0..200).map(|_| alloc_uncached(layout).expect("memory")).collect();
        // SAFETY: only of blocks that live.
        let slab = |block: &NonNull<u8>| unsafe { slab_of(block.as_ptr()) }.expect("in a slab");
        assert!(blocks.iter().all(|block| slab(block).bin == bin_of(BYTES)));
        let full = blocks.iter().filter(|block| slab(block).used == slab(block).places).count();
        assert!(full > 150, "{full}");
        let (kept, freed): (Vec<_>, Vec<_>) =
            blocks.iter().enumerate().partition(|(i, _)| i % 4 == 0);
        refresh();
        let freed_before = super::freed();
        for (_, block) in &freed {
            // SAFETY: allocated above, with this layout, and not used again.
            unsafe { dealloc_uncached(**block, layout) };
        }
        refresh();
        assert!(super::freed() - freed_before >= 150 * 7168);
        let bin = bin_use(bin_of(BYTES));
        assert!(bin.nonfull_slabs > 20 && bin.used >= 50, "{bin:?}");
        assert!(wasted().data > 20 * 7168);
        let sparse = kept.iter().filter(|(_, block)| slab(block).used < slab(block).places).count();
        assert!(sparse > 30, "{sparse}");
        for (_, block) in &kept {
            // SAFETY: as above.
            unsafe { dealloc_uncached(**block, layout) };
        }
        let big = vec![0u8; 100_000];
        // SAFETY: it lives.
        assert_eq!(unsafe { slab_of(big.as_ptr()) }, None);
    }
}
