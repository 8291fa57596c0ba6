//! `IdMap`: an ordered map from stream IDs to values, made for IDs that mostly arrive in ascending
//! order and leave from the front: the nodes of a stream, the pending entries of a group and of a
//! consumer; and, a time being the IDs' first half, what expires next. Not for other keys, and not
//! for values that are large. All of its blocks can be moved, unlike those of the standard maps.
//!
//! ```text
//! chunks ─► │first,items│first,items│ ... │first,items│      a ring of 40 bytes each
//!                └─► │id,value│id,value│ ... 64           one block each, ascending
//! ```
//!
//! Two binary searches find an ID; an append and a removal of the first touch one chunk. Chunks
//! that are appended to are filled to the last place; one that overflows in its middle is cut into
//! halves, and one that is nearly empty is joined with its neighbour.
//!
//! Invariant: no chunk is empty, `first` is the ID of its first item, all IDs ascend strictly, and
//! `len` is their number.

use std::collections::VecDeque;

use super::relocate::Mover;

/// 128 bits: a time in ms and a sequence number, ordered as one number. See also
/// `types::stream::id` for texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    pub ms: u64,
    pub seq: u64,
}

/// IDs that are no stream's: of things with a time, which may be negative, and a number.
impl StreamId {
    const SIGN: u64 = 1 << 63;

    /// IDs ascend with the time, then with the number.
    pub fn of_time(time: i64, number: u64) -> StreamId {
        StreamId { ms: time as u64 ^ Self::SIGN, seq: number }
    }

    /// The time that was given to `of_time`; the number is `seq`.
    pub fn time(self) -> i64 {
        (self.ms ^ Self::SIGN) as i64
    }
}

/// Items of a full chunk: 2.5 KB of pending entries.
const CHUNK: usize = 64;
/// A chunk with fewer items is joined with its neighbour if both are small.
const SPARSE: usize = CHUNK / 4;

#[derive(Clone, Debug)]
struct Chunk<V> {
    first: StreamId,
    items: Vec<(StreamId, V)>,
}

/// The place of an item; valid until the next change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    chunk: usize,
    item: usize,
}

/// See the module's text.
#[derive(Clone, Debug)]
pub struct IdMap<V> {
    chunks: VecDeque<Chunk<V>>,
    len: usize,
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        Self { chunks: VecDeque::new(), len: 0 }
    }
}

/// Reading.
impl<V> IdMap<V> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of blocks that hold items.
    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of memory beside the map's own and what the values own.
    pub fn heap_bytes(&self) -> usize {
        let items: usize = self.chunks.iter().map(|chunk| chunk.items.capacity()).sum();
        items * size_of::<(StreamId, V)>() + self.chunks.capacity() * size_of::<Chunk<V>>()
    }

    /// The chunk in which `id` is or would be; the first one for an ID before all.
    #[inline]
    fn chunk_of(&self, id: StreamId) -> usize {
        // Most look-ups are for the newest IDs.
        match self.chunks.back() {
            Some(last) if last.first <= id => self.chunks.len() - 1,
            _ => self.chunks.partition_point(|chunk| chunk.first <= id).saturating_sub(1),
        }
    }

    /// Where `id` is, or else where it would be inserted.
    #[inline]
    fn search(&self, id: StreamId) -> Result<At, At> {
        let chunk = self.chunk_of(id);
        let Some(found) = self.chunks.get(chunk) else { return Err(At { chunk: 0, item: 0 }) };
        match found.items.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(item) => Ok(At { chunk, item }),
            Err(item) => Err(At { chunk, item }),
        }
    }

    pub fn get(&self, id: StreamId) -> Option<&V> {
        let at = self.search(id).ok()?;
        Some(&self.chunks[at.chunk].items[at.item].1)
    }

    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut V> {
        let at = self.search(id).ok()?;
        Some(&mut self.chunks[at.chunk].items[at.item].1)
    }

    pub fn contains(&self, id: StreamId) -> bool {
        self.search(id).is_ok()
    }

    /// The item at a place.
    #[inline]
    pub fn at(&self, at: At) -> Option<(StreamId, &V)> {
        let (id, value) = self.chunks.get(at.chunk)?.items.get(at.item)?;
        Some((*id, value))
    }

    /// The value at a place, to change.
    pub fn at_mut(&mut self, at: At) -> Option<(StreamId, &mut V)> {
        let (id, value) = self.chunks.get_mut(at.chunk)?.items.get_mut(at.item)?;
        Some((*id, value))
    }

    /// The first place.
    pub fn first_at(&self) -> Option<At> {
        (self.len > 0).then_some(At { chunk: 0, item: 0 })
    }

    /// The last place.
    pub fn last_at(&self) -> Option<At> {
        let last = self.chunks.back()?;
        Some(At { chunk: self.chunks.len() - 1, item: last.items.len() - 1 })
    }

    /// The place after this one.
    pub fn next_at(&self, at: At) -> Option<At> {
        let item = at.item + 1;
        if item < self.chunks.get(at.chunk)?.items.len() {
            return Some(At { chunk: at.chunk, item });
        }
        (at.chunk + 1 < self.chunks.len()).then_some(At { chunk: at.chunk + 1, item: 0 })
    }

    /// The place before this one.
    pub fn prev_at(&self, at: At) -> Option<At> {
        if at.item > 0 {
            return Some(At { chunk: at.chunk, item: at.item - 1 });
        }
        let chunk = at.chunk.checked_sub(1)?;
        Some(At { chunk, item: self.chunks.get(chunk)?.items.len() - 1 })
    }

    /// The place of the greatest ID that is not above `id`.
    pub fn floor_at(&self, id: StreamId) -> Option<At> {
        match self.search(id) {
            Ok(at) => Some(at),
            Err(At { chunk, item }) => Some(At { chunk, item: item.checked_sub(1)? }),
        }
    }

    /// The place of the smallest ID that is not below `id`.
    pub fn ceiling_at(&self, id: StreamId) -> Option<At> {
        match self.search(id) {
            Ok(at) => Some(at),
            Err(at) if self.at(at).is_some() => Some(at),
            Err(at) => {
                (at.chunk + 1 < self.chunks.len()).then_some(At { chunk: at.chunk + 1, item: 0 })
            }
        }
    }

    pub fn first(&self) -> Option<(StreamId, &V)> {
        self.at(self.first_at()?)
    }

    pub fn last(&self) -> Option<(StreamId, &V)> {
        self.at(self.last_at()?)
    }

    pub fn last_mut(&mut self) -> Option<(StreamId, &mut V)> {
        self.at_mut(self.last_at()?)
    }

    /// All items, ascending.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter { map: self, next: self.first_at() }
    }

    /// The items from `id` on, ascending.
    pub fn iter_from(&self, id: StreamId) -> Iter<'_, V> {
        Iter { map: self, next: self.ceiling_at(id) }
    }
}

/// Changes.
impl<V> IdMap<V> {
    /// Adds an ID that is not there, and tells whether that was so; else changes nothing.
    pub fn insert(&mut self, id: StreamId, value: V) -> bool {
        match self.chunks.back_mut() {
            None => {
                self.chunks.reserve_exact(1);
                self.chunks.push_back(Chunk { first: id, items: vec![(id, value)] });
            }
            Some(last) if last.items.last().is_some_and(|(end, _)| *end < id) => {
                if last.items.len() < CHUNK {
                    last.items.push((id, value));
                } else {
                    let mut items = Vec::with_capacity(CHUNK);
                    items.push((id, value));
                    self.chunks.push_back(Chunk { first: id, items });
                }
            }
            Some(_) => match self.search(id) {
                Ok(_) => return false,
                Err(at) => self.insert_at(at, id, value),
            },
        }
        self.len += 1;
        true
    }

    fn insert_at(&mut self, mut at: At, id: StreamId, value: V) {
        if self.chunks[at.chunk].items.len() >= CHUNK {
            let items = self.chunks[at.chunk].items.split_off(CHUNK / 2);
            let first = items[0].0;
            self.chunks.insert(at.chunk + 1, Chunk { first, items });
            if at.item > CHUNK / 2 {
                at = At { chunk: at.chunk + 1, item: at.item - CHUNK / 2 };
            }
        }
        let chunk = &mut self.chunks[at.chunk];
        chunk.items.insert(at.item, (id, value));
        chunk.first = chunk.items[0].0;
    }

    /// Removes an ID.
    pub fn remove(&mut self, id: StreamId) -> Option<V> {
        let at = self.search(id).ok()?;
        Some(self.remove_at(at))
    }

    /// Removes the item with the smallest ID.
    pub fn pop_first(&mut self) -> Option<(StreamId, V)> {
        let at = self.first_at()?;
        let id = self.chunks[0].first;
        Some((id, self.remove_at(at)))
    }

    fn remove_at(&mut self, at: At) -> V {
        let chunk = &mut self.chunks[at.chunk];
        let (_, value) = chunk.items.remove(at.item);
        self.len -= 1;
        match chunk.items.first() {
            None => {
                self.chunks.remove(at.chunk);
            }
            Some((first, _)) => {
                chunk.first = *first;
                if chunk.items.len() < SPARSE {
                    self.join_sparse(at.chunk);
                }
            }
        }
        value
    }

    /// Joins a chunk with few items with the next one, if that is small too.
    fn join_sparse(&mut self, chunk: usize) {
        let Some(next) = self.chunks.get(chunk + 1) else { return };
        if self.chunks[chunk].items.len() + next.items.len() > CHUNK / 2 {
            return;
        }
        if let Some(next) = self.chunks.remove(chunk + 1) {
            self.chunks[chunk].items.extend(next.items);
        }
    }
}

/// Moving.
impl<V> IdMap<V> {
    /// Moves one chunk and, by `value`, what its values own. Gives the next cursor, see `Relocate`.
    pub fn relocate_with(
        &mut self,
        cursor: u64,
        mover: &mut Mover,
        mut value: impl FnMut(&mut V, &mut Mover),
    ) -> u64 {
        if cursor == 0 {
            mover.deque(&mut self.chunks);
        }
        let at = usize::try_from(cursor).unwrap_or(usize::MAX);
        let Some(chunk) = self.chunks.get_mut(at) else { return 0 };
        mover.vec(&mut chunk.items);
        mover.scanned += chunk.items.len() as u64;
        for (_, item) in &mut chunk.items {
            value(item, mover);
        }
        if at + 1 < self.chunks.len() { cursor + 1 } else { 0 }
    }
}

/// Items in ascending order.
pub struct Iter<'a, V> {
    map: &'a IdMap<V>,
    next: Option<At>,
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (StreamId, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next?;
        self.next = self.map.next_at(at);
        self.map.at(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn id(n: u64) -> StreamId {
        StreamId { ms: n / 7, seq: n % 7 }
    }

    fn check(map: &IdMap<u64>, model: &BTreeMap<StreamId, u64>) {
        assert_eq!(map.len(), model.len());
        assert!(map.iter().map(|(id, v)| (id, *v)).eq(model.iter().map(|(id, v)| (*id, *v))));
        for chunk in &map.chunks {
            assert!(chunk.items[0].0 == chunk.first && chunk.items.len() <= CHUNK);
        }
        assert_eq!(map.first().map(|(id, _)| id), model.keys().next().copied());
        assert_eq!(map.last().map(|(id, _)| id), model.keys().next_back().copied());
    }

    #[test]
    fn behaves_as_a_btree_map() {
        let mut r = fastrand::Rng::with_seed(5);
        for round in 0..20 {
            let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
            let span = r.u64(1..3000);
            for step in 0..2000 {
                let key = id(if round % 2 == 0 { step } else { r.u64(..span) });
                match r.u8(..10) {
                    0..6 => {
                        let fresh = !model.contains_key(&key);
                        assert_eq!(map.insert(key, step), fresh);
                        model.entry(key).or_insert(step);
                    }
                    6 | 7 => assert_eq!(map.remove(key), model.remove(&key)),
                    8 => assert_eq!(map.pop_first(), model.pop_first()),
                    _ => {
                        let probe = id(r.u64(..span));
                        let floor = map.floor_at(probe).and_then(|at| map.at(at)).map(|x| x.0);
                        assert_eq!(floor, model.range(..=probe).next_back().map(|x| *x.0));
                        let ceiling = map.iter_from(probe).next().map(|x| x.0);
                        assert_eq!(ceiling, model.range(probe..).next().map(|x| *x.0));
                        assert_eq!(map.get(probe), model.get(&probe));
                    }
                }
            }
            check(&map, &model);
            let mut at = map.last_at();
            let mut back = Vec::new();
            while let Some(place) = at {
                back.push(map.at(place).unwrap().0);
                at = map.prev_at(place);
            }
            assert!(back.iter().rev().eq(model.keys()));
            while map.pop_first().is_some() {}
            assert!(map.is_empty() && map.chunks.is_empty());
        }
    }

    #[test]
    fn times_order_before_numbers() {
        let all = [(i64::MIN, 5), (-1, 9), (0, 0), (0, 7), (3, 1), (i64::MAX, 0)];
        let ids = all.map(|(time, number)| StreamId::of_time(time, number));
        assert!(ids.is_sorted());
        assert_eq!(ids.map(|id| (id.time(), id.seq)), all);
    }

    #[test]
    fn ascending_ids_fill_their_chunks() {
        let mut map = IdMap::default();
        (0..640).for_each(|n| assert!(map.insert(id(n), n)));
        assert_eq!(map.chunk_count(), 10);
        assert!(!map.insert(id(3), 0));
        (0..600).for_each(|n| assert_eq!(map.remove(id(n)), Some(n)));
        assert_eq!((map.chunk_count(), map.len()), (1, 40));
    }
}
