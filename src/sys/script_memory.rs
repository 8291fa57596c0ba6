//! Memory of Lua interpreters: an arena of jemalloc apart from that of the data.
//!
//! Blocks of an interpreter cannot be moved, as nobody but Lua knows who refers to them. In one
//! arena with the data they would pin slabs that active defragmentation empties, and count as
//! fragmentation that it can do nothing about. Each interpreter has a cache of free blocks of its
//! own, since it may be freed by another thread than the one that used it; and in front of it lists
//! of small free blocks, since jemalloc takes ten times as long when it is told arena and cache.
//!
//! Not the limit of a script's memory: see `scripting/lua/memory.rs`.
//!
//! Invariant: blocks count as used memory by their size class, as all others do.
//!
//! With `--cfg sanitized` the global allocator serves.
//!
//! JUSTIFICATION: jemalloc is a C library, and Lua's allocator has C's contract.

use crate::sys::malloc::AllocatorStats;

pub use backend::{Pool, arena, stats};

#[cfg(not(sanitized))]
mod backend {
    use super::AllocatorStats;
    use crate::sys::malloc::{count, usable_size};
    use std::cell::Cell;
    use std::ffi::{CStr, CString, c_int, c_void};
    use std::ptr::null_mut;
    use std::sync::OnceLock;
    use tikv_jemalloc_sys as jemalloc;

    const PAGE: usize = 4096;
    /// Size classes, 8 bytes apart, of the blocks that a pool keeps when they are freed.
    const KEPT_CLASSES: usize = 16;
    /// Blocks of a class that it keeps at most, since the collector frees many at a time: of all
    /// classes, less than 280 KB.
    const KEPT_BLOCKS: u32 = 256;

    /// The number that a `create` gives.
    fn create(name: &CStr) -> Option<u32> {
        let (mut number, mut len) = (0u32, size_of::<u32>());
        // SAFETY: jemalloc writes four bytes, and compares the length.
        let code = unsafe {
            let old = (&raw mut number).cast::<c_void>();
            jemalloc::mallctl(name.as_ptr(), old, &mut len, null_mut(), 0)
        };
        (code == 0).then_some(number)
    }

    static ARENA: OnceLock<Option<u32>> = OnceLock::new();

    /// The arena's number; `None` before the first interpreter, or if there is none.
    pub fn arena() -> Option<u32> {
        ARENA.get().copied().flatten()
    }

    /// Free blocks of a size class; each begins with the address of the next one.
    #[derive(Debug)]
    struct Kept {
        first: Cell<*mut u8>,
        blocks: Cell<u32>,
    }

    /// Memory of one interpreter. The blocks outlive it.
    #[derive(Debug)]
    pub struct Pool {
        /// Of jemalloc's calls: the arena and the cache.
        flags: c_int,
        cache: Option<u32>,
        /// By size class: of 8 bytes, of 16 ...
        kept: [Kept; KEPT_CLASSES],
    }

    // SAFETY: the addresses are of blocks that the pool owns; nothing in it is bound to a thread.
    unsafe impl Send for Pool {}

    impl Pool {
        /// With a new cache, and the arena that all share. What jemalloc refuses is done without.
        pub fn new() -> Pool {
            let arena = *ARENA.get_or_init(|| create(c"arenas.create"));
            let cache = arena.and_then(|_| create(c"tcache.create"));
            let arena = arena.map_or(0, |arena| jemalloc::MALLOCX_ARENA(arena as usize));
            let of_cache = cache.map_or(0, |cache| jemalloc::MALLOCX_TCACHE(cache as usize));
            let kept = [const { Kept { first: Cell::new(null_mut()), blocks: Cell::new(0) } }; _];
            Pool { flags: arena | of_cache, cache, kept }
        }

        /// The list of free blocks for a size, which is not 0.
        #[inline(always)]
        fn kept(&self, size: usize) -> Option<&Kept> {
            self.kept.get((size - 1) / 8)
        }

        /// A block of `size` bytes, not 0; null if there is no memory.
        #[inline(always)]
        fn take(&self, size: usize) -> *mut u8 {
            if let Some(kept) = self.kept(size)
                && !kept.first.get().is_null()
            {
                let block = kept.first.get();
                // SAFETY: `give_back` wrote the address there, and nobody has used the block since.
                kept.first.set(unsafe { block.cast::<*mut u8>().read() });
                kept.blocks.set(kept.blocks.get() - 1);
                return block;
            }
            // SAFETY: the size is not 0. The flags name an arena and a cache that live, and nobody
            // else uses the cache.
            unsafe { jemalloc::mallocx(size, self.flags).cast() }
        }

        /// # Safety
        /// `block` is a live block of this pool with `size` bytes, not 0, and not used again.
        #[inline(always)]
        unsafe fn give_back(&self, block: *mut u8, size: usize) {
            if let Some(kept) = self.kept(size)
                && kept.blocks.get() < KEPT_BLOCKS
            {
                // SAFETY: each block has room for an address, and is aligned to 8.
                unsafe { block.cast::<*mut u8>().write(kept.first.get()) };
                kept.first.set(block);
                kept.blocks.set(kept.blocks.get() + 1);
                return;
            }
            // SAFETY: by the contract; of the flags, see `take`.
            unsafe { jemalloc::sdallocx(block.cast(), size, self.flags) };
        }

        /// A block of `size` bytes with the content of `old`, which has `old_size` bytes and is
        /// gone then; it stays if there is no memory, and the result is null. `old_size` 0: there
        /// is no old one. `size` 0: there is no new one, and the result is null. Aligned to 8.
        ///
        /// # Safety
        /// `old` is a live block of this pool, that `resize` gave for `old_size` bytes.
        pub unsafe fn resize(&self, old: *mut u8, old_size: usize, size: usize) -> *mut u8 {
            let class = |size| if size == 0 { 0 } else { usable_size(size) };
            let (old_class, new_class) = (class(old_size), class(size));
            if old_class == new_class {
                return if size == 0 { null_mut() } else { old };
            }
            // SAFETY: by the contract; no size that is passed is 0. Of the flags, see `take`.
            let new = unsafe {
                match (old_size, size) {
                    (0, _) => self.take(size),
                    (_, 0) => {
                        self.give_back(old, old_size);
                        null_mut()
                    }
                    _ => jemalloc::rallocx(old.cast(), size, self.flags).cast(),
                }
            };
            if size == 0 || !new.is_null() {
                count(new_class as isize - old_class as isize, u64::from(size > 0));
            }
            new
        }
    }

    impl Drop for Pool {
        fn drop(&mut self) {
            for (class, kept) in self.kept.iter().enumerate() {
                while !kept.first.get().is_null() {
                    let (block, size) = (self.take(8 * (class + 1)), 8 * (class + 1));
                    // SAFETY: a free block of this size, taken out of the list.
                    unsafe { jemalloc::sdallocx(block.cast(), size, self.flags) };
                }
            }
            let Some(mut cache) = self.cache else { return };
            // SAFETY: jemalloc reads four bytes: a cache that this pool made and that nobody uses.
            unsafe {
                let (name, new) = (c"tcache.destroy".as_ptr(), (&raw mut cache).cast());
                jemalloc::mallctl(name, null_mut(), null_mut(), new, size_of::<u32>());
            }
        }
    }

    /// One figure of the arena, by the last snapshot.
    fn figure(arena: u32, name: &str) -> usize {
        let (mut value, mut len) = (0usize, size_of::<usize>());
        let Ok(name) = CString::new(format!("stats.arenas.{arena}.{name}")) else { return 0 };
        // SAFETY: jemalloc writes eight bytes, and compares the length.
        unsafe {
            let old = (&raw mut value).cast::<c_void>();
            jemalloc::mallctl(name.as_ptr(), old, &mut len, null_mut(), 0);
        }
        value
    }

    /// The arena's figures by the last snapshot (`malloc::stats` takes one); not `retained`.
    pub fn stats() -> AllocatorStats {
        let Some(arena) = arena() else { return AllocatorStats::default() };
        AllocatorStats {
            allocated: figure(arena, "small.allocated") + figure(arena, "large.allocated"),
            active: figure(arena, "pactive") * PAGE,
            resident: figure(arena, "resident"),
            retained: 0,
            muzzy: figure(arena, "pmuzzy") * PAGE,
        }
    }
}

#[cfg(sanitized)]
mod backend {
    use super::AllocatorStats;
    use std::alloc::Layout;
    use std::ptr::null_mut;

    pub fn arena() -> Option<u32> {
        None
    }

    #[derive(Debug)]
    pub struct Pool;

    impl Pool {
        pub fn new() -> Pool {
            Pool
        }

        /// # Safety
        /// As with jemalloc.
        pub unsafe fn resize(&self, old: *mut u8, old_size: usize, size: usize) -> *mut u8 {
            let layout = |size| Layout::from_size_align(size, 8);
            let (Ok(old_layout), Ok(new_layout)) = (layout(old_size), layout(size)) else {
                return null_mut();
            };
            // SAFETY: by the contract; no block of 0 bytes is asked for.
            unsafe {
                match (old_size, size) {
                    (0, 0) => null_mut(),
                    (0, _) => std::alloc::alloc(new_layout),
                    (_, 0) => {
                        std::alloc::dealloc(old, old_layout);
                        null_mut()
                    }
                    _ => std::alloc::realloc(old, old_layout, size),
                }
            }
        }
    }

    pub fn stats() -> AllocatorStats {
        AllocatorStats::default()
    }
}

impl Default for Pool {
    fn default() -> Pool {
        Pool::new()
    }
}

#[cfg(all(test, not(sanitized)))]
mod tests {
    use super::*;
    use crate::sys::malloc::{self, thread_used_memory};
    use std::ptr::null_mut;

    #[test]
    fn blocks_are_counted_keep_their_content_and_go_back() {
        let before = thread_used_memory();
        let pool = Pool::new();
        // SAFETY: blocks are passed back with the size that they were asked for with, once, and
        // read and written within their size.
        unsafe {
            assert!(pool.resize(null_mut(), 0, 0).is_null());
            let mut block = pool.resize(null_mut(), 0, 100);
            block.write_bytes(7, 100);
            assert_eq!(thread_used_memory() - before, malloc::usable_size(100) as isize);
            for (old, new) in [(100, 104), (104, 5000), (5000, 200_000), (200_000, 100)] {
                block = pool.resize(block, old, new);
                assert_eq!(thread_used_memory() - before, malloc::usable_size(new) as isize);
                assert!((0..100).all(|at| block.add(at).read() == 7));
            }
            assert!(pool.resize(block, 100, usize::MAX / 2).is_null());
            assert_eq!(block.read(), 7, "what could not grow stays");
            assert!(pool.resize(block, 100, 0).is_null());
        }
        assert_eq!(thread_used_memory(), before);
    }

    #[test]
    fn small_free_blocks_are_used_again_up_to_a_number() {
        let (pool, mut blocks) = (Pool::new(), Vec::with_capacity(400));
        let before = thread_used_memory();
        // SAFETY: as above.
        unsafe {
            for round in 0..3 {
                for size in [1, 8, 9, 40, 127, 128, 129, 300] {
                    blocks.clear();
                    for i in 0..400 {
                        let block = pool.resize(null_mut(), 0, size);
                        block.write_bytes(i as u8, size);
                        blocks.push(block);
                    }
                    let used = thread_used_memory() - before;
                    assert_eq!(used, 400 * malloc::usable_size(size) as isize, "round {round}");
                    for (i, block) in blocks.iter().enumerate() {
                        assert!((0..size).all(|at| block.add(at).read() == i as u8));
                        pool.resize(*block, size, 0);
                    }
                    let again = pool.resize(null_mut(), 0, size);
                    assert!(size > 128 || again == blocks[255], "the last one that was kept");
                    pool.resize(again, size, 0);
                }
            }
        }
        assert_eq!(thread_used_memory(), before);
    }

    #[test]
    fn the_arena_holds_what_pools_hold() {
        const BYTES: usize = 64 << 20;
        let pool = Pool::new();
        // SAFETY: as above.
        let block = unsafe { pool.resize(null_mut(), 0, BYTES) };
        malloc::stats();
        let all = stats();
        assert!(all.allocated >= BYTES && all.active >= all.allocated, "{all:?}");
        // Another thread may free it.
        let address = block.expose_provenance();
        let freed = move || {
            // SAFETY: the block is passed back once, with its size.
            unsafe { pool.resize(std::ptr::with_exposed_provenance_mut(address), BYTES, 0) };
            malloc::publish();
        };
        std::thread::spawn(freed).join().expect("it frees");
        malloc::stats();
        assert!(stats().allocated <= all.allocated - BYTES / 2);
    }
}
