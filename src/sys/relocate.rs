//! Moving blocks to better places: `Mover` decides which blocks are worth it and moves them, by
//! hand or inside of boxes and vectors. Whoever owns a block calls it and keeps the new address;
//! where the blocks are, it does not know.
//!
//! A block is worth moving if its slab has free places, is not the one that new blocks come from,
//! and is filled at most a little (an eighth) above the mean of the slabs with free places: the
//! blocks of the emptier half of the slabs so move together, into the fuller ones, and empty slabs
//! go back to the system. (Redis' modified jemalloc decides alike.) The eighth keeps it going when
//! all slabs are filled alike.
//!
//! Allocating and freeing go past the thread's cache, which would give back the places just freed.
//!
//! Invariant: a moved block keeps size, alignment and content; so used memory stays as counted.
//!
//! JUSTIFICATION: the compiler does not let a block move below its owner; see `slabs` for what it
//! buys.

use std::alloc::Layout;
use std::collections::{BTreeMap, VecDeque};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use slab::Slab;

use super::slabs::{self, MAX_BINS};

/// Ordered maps with more elements are not built anew: it would take too long.
const MAX_TREE: usize = 512;

/// Which blocks to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    /// Those in slabs that are emptier than others.
    Sparse,
    /// All: for tests, with any allocator.
    All,
}

/// Moves blocks for as long as it lives: some milliseconds, because it decides by figures that it
/// reads only once. See the module's documentation.
pub struct Mover {
    policy: Policy,
    /// Blocks moved.
    pub hits: u64,
    /// Blocks left where they are.
    pub misses: u64,
    /// Elements, fields and entries looked at; for whoever must look at the clock.
    pub scanned: u64,
    /// By bin: blocks move out of slabs with no more blocks than this; not known yet if `None`.
    limits: [Option<usize>; MAX_BINS],
    cache_is_off: bool,
}

impl Mover {
    /// Moves what lies in sparse slabs.
    pub fn sparse() -> Mover {
        slabs::refresh();
        Mover::new(Policy::Sparse)
    }

    /// Moves every block that it is asked for.
    pub fn all() -> Mover {
        Mover::new(Policy::All)
    }

    fn new(policy: Policy) -> Mover {
        let limits = [None; MAX_BINS];
        Mover { policy, hits: 0, misses: 0, scanned: 0, limits, cache_is_off: false }
    }

    /// Blocks of a bin move out of slabs that have no more than so many.
    fn limit_of(&mut self, slab: &slabs::Slab) -> usize {
        let Some(limit) = self.limits.get_mut(slab.bin) else { return 0 };
        *limit.get_or_insert_with(|| {
            let bin = slabs::bin_use(slab.bin);
            // One slab is current, and neither full nor a place to move from. What is in it is not
            // known; with few slabs it matters little.
            let full = bin.slabs.saturating_sub(bin.nonfull_slabs + 1);
            let used = bin.used.saturating_sub(full * slab.places);
            let used = used.min(bin.nonfull_slabs * slab.places);
            (used + used / 8).checked_div(bin.nonfull_slabs).unwrap_or(0)
        })
    }

    /// Whether the block that holds `place` is worth moving; counts the decision.
    ///
    /// # Safety
    /// `place` is in a live block of the global allocator.
    unsafe fn is_worth_it(&mut self, place: *const u8, bytes: usize) -> bool {
        let worth = match self.policy {
            Policy::All => true,
            Policy::Sparse if bytes > slabs::SMALL_MAX => false,
            // SAFETY: by the contract.
            Policy::Sparse => match unsafe { slabs::slab_of(place) } {
                Some(slab) if slab.is_current || slab.used == slab.places => false,
                Some(slab) => slab.used <= self.limit_of(&slab),
                None => false,
            },
        };
        if worth {
            self.hits += 1;
        } else {
            self.misses += 1;
        }
        worth
    }

    /// Moves a block, if that is worth it. The old address is dead then.
    ///
    /// # Safety
    /// `block` is live, was allocated by the global allocator with `layout`, which is not empty,
    /// and nothing else refers to it, or what does is told the new address before it is used.
    pub unsafe fn block(&mut self, block: NonNull<u8>, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the same contract; the old block is not used after the copy.
        unsafe {
            let new = self.copy_of(block, layout)?;
            self.free(block, layout);
            Some(new)
        }
    }

    /// The first half of [`Mover::block`]: the copy, if it is worth it. Both blocks live then, and
    /// the caller frees the old one with [`Mover::free`].
    ///
    /// # Safety
    /// As of `block`, but for references to the old block: it stays as it is.
    pub unsafe fn copy_of(&mut self, block: NonNull<u8>, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: a live block by the contract.
        if !unsafe { self.is_worth_it(block.as_ptr(), layout.size()) } {
            return None;
        }
        let new = slabs::alloc_uncached(layout)?;
        // SAFETY: both blocks have the layout's size, and one of them is new.
        unsafe { new.copy_from_nonoverlapping(block, layout.size()) };
        Some(new)
    }

    /// The second half of [`Mover::block`].
    ///
    /// # Safety
    /// `block` was given to `copy_of` with the same layout, and gave a copy; it is not used again.
    pub unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: by the contract a live block, owned by the caller. Not counting it is right,
        // because the copy, of the same size, was not counted either.
        unsafe { slabs::dealloc_uncached(block, layout) };
    }

    /// Moves the block of a box.
    pub fn boxed<T>(&mut self, slot: &mut Box<T>) {
        let layout = Layout::new::<T>();
        if layout.size() == 0 {
            return;
        }
        let slot: *mut Box<T> = slot;
        // SAFETY: a box owns its block, which has its type's layout. The box is read out and a box
        // is written back before anything can panic.
        unsafe {
            let old = NonNull::from(Box::leak(slot.read())).cast::<u8>();
            let new = self.block(old, layout).unwrap_or(old);
            slot.write(Box::from_raw(new.cast().as_ptr()));
        }
    }

    /// Moves the block of a boxed slice.
    pub fn boxed_slice<T>(&mut self, slot: &mut Box<[T]>) {
        let mut items = std::mem::take(slot).into_vec();
        self.vec(&mut items);
        // Length and capacity are the same: nothing is allocated.
        *slot = items.into_boxed_slice();
    }

    /// Moves the block of a vector, spare room included.
    pub fn vec<T>(&mut self, vec: &mut Vec<T>) {
        if size_of::<T>() == 0 || vec.capacity() == 0 {
            return;
        }
        let mut old = ManuallyDrop::new(std::mem::take(vec));
        let (block, len, capacity) = (old.as_mut_ptr(), old.len(), old.capacity());
        let layout = Layout::array::<T>(capacity).expect("the layout of a vector that exists");
        // SAFETY: a vector owns its block, which has the layout of its capacity and is not null;
        // the old vector is forgotten.
        unsafe {
            let block = NonNull::new_unchecked(block).cast::<u8>();
            let block = self.block(block, layout).unwrap_or(block);
            *vec = Vec::from_raw_parts(block.cast().as_ptr(), len, capacity);
        }
    }

    /// Moves the block of a ring. Large ones stay: they lie in no slab.
    pub fn deque<T>(&mut self, deque: &mut VecDeque<T>) {
        let bytes = deque.capacity() * size_of::<T>();
        if bytes == 0 || (bytes > slabs::SMALL_MAX && self.policy == Policy::Sparse) {
            return;
        }
        // Both conversions keep the block; the first may turn the ring.
        let mut items = Vec::from(std::mem::take(deque));
        self.vec(&mut items);
        *deque = VecDeque::from(items);
    }

    /// Another copy of boxed bytes, if those at hand are worth moving: the caller drops the old
    /// ones.
    #[expect(clippy::borrowed_box, reason = "only a box says that they are on the heap")]
    pub fn boxed_bytes(&mut self, bytes: &Box<[u8]>) -> Option<Box<[u8]>> {
        // SAFETY: the bytes of a box are on the heap.
        unsafe { self.wants(bytes.first()?) }.then(|| bytes.clone())
    }

    /// Another copy of shared bytes, if those at hand are worth moving: the caller replaces every
    /// reference to the old one.
    pub fn shared_bytes(&mut self, bytes: &Rc<[u8]>) -> Option<Rc<[u8]>> {
        // SAFETY: bytes of a counted slice are on the heap.
        unsafe { self.wants(bytes.first()?) }.then(|| Rc::from(&bytes[..]))
    }

    /// [`Mover::shared_bytes`] of atomically counted ones.
    pub fn shared_bytes_sync(&mut self, bytes: &Arc<[u8]>) -> Option<Arc<[u8]>> {
        // SAFETY: as there.
        unsafe { self.wants(bytes.first()?) }.then(|| Arc::from(&bytes[..]))
    }

    /// Moves what a counted pointer points to, unless others point to it, too.
    pub fn unshared<T>(&mut self, slot: &mut Rc<T>) {
        // SAFETY: a counted value is on the heap.
        if Rc::get_mut(slot).is_none() || !unsafe { self.wants(&**slot) } {
            return;
        }
        let slot: *mut Rc<T> = slot;
        // SAFETY: the pointer is read out and one is written back; it is the only one, so that
        // the value comes out. Running out of memory in between aborts.
        unsafe {
            let value = Rc::into_inner(slot.read()).expect("the only reference");
            slot.write(Rc::new(value));
        }
    }

    /// Builds a small ordered map anew if its first node is worth moving. A large one stays: where
    /// there may be large ones, it takes another structure.
    pub fn tree_map<K: Ord, V>(&mut self, map: &mut BTreeMap<K, V>) {
        // SAFETY: elements stand in nodes on the heap.
        if map.len() <= MAX_TREE
            && map.first_key_value().is_some_and(|(key, _)| unsafe { self.wants(key) })
        {
            *map = std::mem::take(map).into_iter().collect();
        }
    }

    /// Builds a small slab anew, with the same keys, if its block is worth moving. A large one
    /// stays.
    pub fn slab<T>(&mut self, slab: &mut Slab<T>) {
        // SAFETY: what is in a slab is on the heap.
        if slab.len() <= MAX_TREE
            && slab.iter().next().is_some_and(|(_, item)| unsafe { self.wants(item) })
        {
            *slab = std::mem::take(slab).into_iter().collect();
            slab.shrink_to_fit();
        }
    }

    /// For structures that hide their blocks: whether the one that holds `place` is worth moving.
    /// If so the structure is to be built anew; until this `Mover` is gone the thread's cache is
    /// off, so that new blocks come from the right slabs.
    ///
    /// # Safety
    /// `place` is in a live block of the global allocator.
    unsafe fn wants<T>(&mut self, place: &T) -> bool {
        const { assert!(size_of::<T>() > 0, "else it may stand behind its block") };
        // SAFETY: by the contract.
        let wants = unsafe { self.is_worth_it(std::ptr::from_ref(place).cast(), 0) };
        if wants && !self.cache_is_off {
            self.cache_is_off = true;
            slabs::set_thread_cache(false);
        }
        wants
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        if self.cache_is_off {
            slabs::set_thread_cache(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::malloc::thread_used_memory;

    #[test]
    fn owners_keep_their_content_and_count() {
        let before = thread_used_memory();
        let mut mover = Mover::all();
        let mut number = Box::new(7u64);
        let mut empty: Box<()> = Box::new(());
        let mut slice: Box<[u32]> = (0..100).collect();
        let mut vec: Vec<String> = (0..10).map(|i| format!("text {i}")).collect();
        vec.reserve(50);
        let mut ring: VecDeque<u64> = (0..10).collect();
        ring.rotate_left(3);
        ring.push_back(99);
        let mut shared = Rc::new(String::from("shared"));
        let mut tree: BTreeMap<u32, String> = (0..300).map(|i| (i, format!("{i}"))).collect();
        let mut large: BTreeMap<u64, u64> = (0..2000).map(|i| (i, i)).collect();
        let mut slab: Slab<u64> = (0..8).map(|key| (key, key as u64)).collect();
        slab.remove(3);
        let all = thread_used_memory();
        for _ in 0..3 {
            mover.boxed(&mut number);
            mover.boxed(&mut empty);
            mover.boxed_slice(&mut slice);
            mover.vec(&mut vec);
            vec.iter().for_each(|text| assert!(text.starts_with("text")));
            mover.deque(&mut ring);
            mover.unshared(&mut shared);
            mover.tree_map(&mut tree);
            mover.tree_map(&mut large);
            mover.slab(&mut slab);
        }
        assert_eq!(thread_used_memory(), all);
        assert!(mover.hits == 21 && mover.misses == 0, "{} {}", mover.hits, mover.misses);
        assert!((*number, slice[99], vec.len(), vec.capacity() >= 60) == (7, 99, 10, true));
        assert_eq!(ring, [3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 99]);
        assert_eq!(*shared, "shared");
        assert!(slab.iter().all(|(key, value)| key as u64 == *value) && !slab.contains(3));
        let other = Rc::clone(&shared);
        mover.unshared(&mut shared);
        assert!(Rc::ptr_eq(&shared, &other));
        let bytes: Rc<[u8]> = Rc::from(&b"name"[..]);
        assert!(mover.shared_bytes(&bytes).is_some_and(|new| new == bytes));
        assert!(mover.shared_bytes(&Rc::from(&b""[..])).is_none());
        let boxed: Box<[u8]> = Box::from(&b"name"[..]);
        assert!(mover.boxed_bytes(&boxed).is_some_and(|new| new == boxed));
        assert!(mover.boxed_bytes(&Box::default()).is_none());
        assert!(tree.iter().all(|(i, text)| *text == format!("{i}")) && large.len() == 2000);
        drop((number, slice, vec, ring, shared, other, bytes, boxed, tree, large, slab, mover));
        assert_eq!(thread_used_memory(), before);
    }

    /// Three of four blocks are freed; afterwards the rest takes a fraction of the slabs. Measured
    /// by the slabs themselves.
    #[cfg(not(sanitized))]
    #[test]
    fn blocks_of_sparse_slabs_move_together() {
        const BYTES: usize = 3 << 10;
        let mut boxes: Vec<Box<[u8; BYTES]>> = (0..4000).map(|_| Box::new([5; BYTES])).collect();
        let mut nth = 0;
        boxes.retain(|_| {
            nth += 1;
            nth % 4 == 0
        });
        slabs::set_thread_cache(false);
        slabs::set_thread_cache(true);
        let slabs_used = |boxes: &[Box<[u8; BYTES]>]| {
            let addresses = boxes.iter().map(|b| std::ptr::from_ref(&**b).cast::<u8>());
            // Each slab counted once: every block of it counts for its share.
            // SAFETY: of live boxes.
            let slabs = addresses.filter_map(|address| unsafe { slabs::slab_of(address) });
            slabs.map(|slab| 1.0 / slab.used as f64).sum::<f64>()
        };
        let before = slabs_used(&boxes);
        for _ in 0..20 {
            let mut mover = Mover::sparse();
            boxes.iter_mut().for_each(|b| mover.boxed(b));
            if mover.hits < 20 {
                break;
            }
        }
        let after = slabs_used(&boxes);
        assert!(after < before * 0.5, "{before} slabs, then {after}");
        assert!(boxes.iter().all(|b| b.iter().all(|byte| *byte == 5)));
    }
}
