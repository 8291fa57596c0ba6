//! The ordered set against a sorted vector, under random and hostile sequences of operations.

use super::*;
use proptest::prelude::*;

/// A set with its oracle; frees its members at the end.
#[derive(Default)]
struct Pair {
    set: OrderedSet<Member>,
    oracle: Vec<(f64, Vec<u8>)>,
}

fn order(a: &(f64, Vec<u8>), b: &(f64, Vec<u8>)) -> Ordering {
    a.0.partial_cmp(&b.0).unwrap().then_with(|| a.1.cmp(&b.1))
}

impl Pair {
    fn place(&self, score: f64, member: &[u8]) -> Result<usize, usize> {
        let item = (score, member.to_vec());
        self.oracle.binary_search_by(|other| order(other, &item))
    }

    fn insert(&mut self, score: f64, member: &[u8]) {
        if let Err(at) = self.place(score, member) {
            self.oracle.insert(at, (score, member.to_vec()));
            self.set.insert(Member::new(score, member));
        }
    }

    fn remove(&mut self, score: f64, member: &[u8]) {
        let removed = self.set.remove(score, member);
        let at = self.place(score, member).ok();
        assert_eq!(removed.is_some(), at.is_some());
        if let (Some(handle), Some(at)) = (removed, at) {
            assert_eq!(handle.bytes(), &self.oracle.remove(at).1[..]);
            // SAFETY: out of the tree, the only container here.
            unsafe { handle.free() };
        }
    }

    fn update(&mut self, at: usize, score: f64) {
        let handle = self.set.by_rank(at).unwrap();
        let (old, member) = self.oracle[at].clone();
        assert_eq!((handle.score(), handle.bytes()), (old, &member[..]));
        if old != score && self.place(score, &member).is_ok() {
            return;
        }
        assert!(self.set.update_score(handle, score));
        self.oracle.remove(at);
        let at = self.place(score, &member).unwrap_err();
        self.oracle.insert(at, (score, member));
    }

    fn delete_range(&mut self, start: usize, end: usize) {
        let mut gone = Vec::new();
        self.set.delete_range_by_rank(start, end, |handle| {
            gone.push((handle.score(), handle.bytes().to_vec()));
            // SAFETY: out of the tree, the only container here.
            unsafe { handle.free() };
        });
        let end = end.min(self.oracle.len());
        let want: Vec<_> = self.oracle.drain(start.min(end)..end).collect();
        assert_eq!(gone, want);
    }

    /// Structure, content, ranks and bounds.
    fn check(&self) {
        check_structure(&self.set);
        let all: Vec<_> = self.set.iter().map(|h| (h.score(), h.bytes().to_vec())).collect();
        assert_eq!(all, self.oracle);
        let step = (self.oracle.len() / 50).max(1);
        for (at, (score, member)) in self.oracle.iter().enumerate().step_by(step) {
            assert_eq!(self.set.rank(*score, member), Some(at));
            assert_eq!(self.set.by_rank(at).unwrap().bytes(), &member[..]);
            let ge = self.oracle.partition_point(|item| item.0 < *score);
            let gt = self.oracle.partition_point(|item| item.0 <= *score);
            assert_eq!((self.set.first_ge(*score), self.set.first_gt(*score)), (ge, gt));
        }
        assert_eq!(self.set.by_rank(self.oracle.len()), None);
        let ends = (self.oracle.first(), self.oracle.last());
        let bytes = |h: Option<Member>| h.map(|h| h.bytes().to_vec());
        assert_eq!(bytes(self.set.first()), ends.0.map(|item| item.1.clone()));
        assert_eq!(bytes(self.set.last()), ends.1.map(|item| item.1.clone()));
    }

    fn check_range(&self, start: usize, end: usize) {
        let end_cut = end.min(self.oracle.len());
        let want: Vec<_> =
            self.oracle[start.min(end_cut)..end_cut].iter().map(|i| &i.1[..]).collect();
        let got: Vec<_> = self.set.range(start..end).map(|h| h.bytes().to_vec()).collect();
        assert_eq!(got, want);
        let mut got: Vec<_> = self.set.range_rev(start..end).map(|h| h.bytes().to_vec()).collect();
        got.reverse();
        assert_eq!(got, want);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // SAFETY: the tree is the only container here.
        unsafe { self.set.free_members() };
        assert!(self.set.is_empty() && self.set.first().is_none());
    }
}

/// Counts, first items, links and fingerprints of the whole tree.
fn check_structure(set: &OrderedSet<Member>) {
    fn walk(set: &OrderedSet<Member>, node: u32, level: usize, chain: &mut Vec<u32>) -> usize {
        if level == set.height {
            chain.push(node);
            return set.leaves.get(node).len();
        }
        let inner = set.inners.get(node);
        assert!(inner.len() > 0);
        for i in 0..inner.len() {
            let leaf_from = chain.len();
            assert_eq!(walk(set, inner.child(i), level + 1, chain), inner.count(i));
            let item = set.leaves.get(chain[leaf_from]).get(0);
            assert_eq!(inner.first(i), (score_key(item.score()), item));
        }
        inner.total()
    }
    let mut chain = Vec::new();
    assert_eq!(walk(set, set.root, 0, &mut chain), set.len());
    assert_eq!((set.first, set.last), (chain[0], *chain.last().unwrap()));
    assert_eq!(set.leaves.len(), chain.len());
    for (i, &id) in chain.iter().enumerate() {
        let leaf = set.leaves.get(id);
        assert!(set.height == 0 || leaf.len() > 0);
        let prev = if i == 0 { node::NONE } else { chain[i - 1] };
        assert_eq!((leaf.prev, leaf.next), (prev, chain.get(i + 1).copied().unwrap_or(node::NONE)));
    }
}

/// Few and clustered scores, so that equal ones, neighbours and outliers all occur.
fn scores() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-20i32..20).prop_map(f64::from),
        2 => any::<u16>().prop_map(|v| f64::from(v) / 7.0),
        1 => prop::num::f64::ANY.prop_filter("NaN", |v| !v.is_nan()),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(5e-324)],
    ]
}

fn members() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..4)
}

#[derive(Debug, Clone)]
enum Op {
    Insert(f64, Vec<u8>),
    Remove(f64, Vec<u8>),
    RemoveAt(prop::sample::Index),
    Update(prop::sample::Index, f64),
    Nudge(prop::sample::Index),
    DeleteRange(prop::sample::Index, usize),
    Range(prop::sample::Index, usize),
    Run(f64, i8, u8),
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (scores(), members()).prop_map(|(s, m)| Op::Insert(s, m)),
        1 => (scores(), members()).prop_map(|(s, m)| Op::Remove(s, m)),
        3 => any::<prop::sample::Index>().prop_map(Op::RemoveAt),
        3 => (any::<prop::sample::Index>(), scores()).prop_map(|(i, s)| Op::Update(i, s)),
        3 => any::<prop::sample::Index>().prop_map(Op::Nudge),
        1 => (any::<prop::sample::Index>(), 0usize..200).prop_map(|(i, n)| Op::DeleteRange(i, n)),
        1 => (any::<prop::sample::Index>(), 0usize..200).prop_map(|(i, n)| Op::Range(i, n)),
        2 => (scores(), -3i8..4, any::<u8>()).prop_map(|(s, d, n)| Op::Run(s, d, n)),
    ]
}

fn apply(pair: &mut Pair, op: Op) {
    let len = pair.oracle.len();
    match op {
        Op::Insert(score, member) => pair.insert(score, &member),
        Op::Remove(score, member) => pair.remove(score, &member),
        Op::Run(start, step, n) => {
            for i in 0..n {
                let score = start + f64::from(i) * f64::from(step);
                pair.insert(score, format!("run{i:03}").as_bytes());
            }
        }
        _ if len == 0 => {}
        Op::RemoveAt(at) => {
            let (score, member) = pair.oracle[at.index(len)].clone();
            pair.remove(score, &member);
        }
        Op::Update(at, score) => pair.update(at.index(len), score),
        Op::Nudge(at) => {
            let at = at.index(len);
            let next = pair.oracle[at].0.next_up();
            pair.update(at, next);
        }
        Op::DeleteRange(at, n) => pair.delete_range(at.index(len), at.index(len) + n),
        Op::Range(at, n) => pair.check_range(at.index(len), at.index(len) + n),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn equals_a_sorted_vector(ops in prop::collection::vec(ops(), 1..400)) {
        let mut pair = Pair::default();
        for (i, op) in ops.into_iter().enumerate() {
            apply(&mut pair, op);
            if i % 40 == 0 {
                pair.check();
            }
        }
        pair.check();
    }
}

#[test]
fn deep_trees_grow_and_shrink_in_every_order() {
    for mode in 0..4 {
        let mut rng = fastrand::Rng::with_seed(mode);
        let mut pair = Pair::default();
        const N: i32 = 9000;
        for i in 0..N {
            let score = match mode {
                0 => f64::from(i),
                1 => f64::from(-i),
                2 => 1.0,
                _ => rng.f64() * 1e6,
            };
            pair.insert(score, format!("m{}", rng.u32(..)).as_bytes());
        }
        pair.check();
        for i in 0..3000 {
            let len = pair.oracle.len();
            let at = if i % 3 == 0 { 0 } else { rng.usize(..len) };
            let (score, member) = pair.oracle[at].clone();
            pair.remove(score, &member);
        }
        pair.check();
        while pair.oracle.len() > 10 {
            let len = pair.oracle.len();
            let start = rng.usize(..len);
            pair.delete_range(start, start + rng.usize(1..700));
            check_structure(&pair.set);
        }
        pair.check();
        pair.delete_range(0, usize::MAX);
        pair.check();
        pair.insert(1.0, b"again");
        pair.check();
    }
}

#[test]
fn ascending_and_descending_inserts_leave_full_leaves() {
    for sign in [1.0, -1.0] {
        let mut pair = Pair::default();
        for i in 0..6000 {
            pair.insert(f64::from(i) * sign, format!("{i:05}").as_bytes());
        }
        let leaves = pair.set.leaves.len();
        assert!(leaves <= 6000 / (node::LEAF_CAP - 1) + 1, "{leaves} leaves");
    }
}

#[test]
fn random_inserts_fill_three_quarters() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut pair = Pair::default();
    for _ in 0..20_000 {
        pair.set.insert(Member::new(rng.f64(), &rng.u64(..).to_le_bytes()));
    }
    let fill = pair.set.len() as f64 / (pair.set.leaves.len() * node::LEAF_CAP) as f64;
    assert!(fill > 0.75, "fill {fill}");
    assert!(pair.set.memory_bytes() < 13 * pair.set.len());
}

#[test]
fn lex_bounds_among_equal_scores() {
    let mut pair = Pair::default();
    for i in (0..2000).step_by(2) {
        pair.insert(0.0, format!("{i:04}").as_bytes());
    }
    for i in 0..2000usize {
        let bound = format!("{i:04}");
        assert_eq!(pair.set.first_lex_ge(bound.as_bytes()), i.div_ceil(2));
        assert_eq!(pair.set.first_lex_gt(bound.as_bytes()), i / 2 + 1);
    }
    assert_eq!(pair.set.first_lex_ge(b""), 0);
    assert_eq!(pair.set.first_lex_gt(b"\xff"), 1000);
}

#[test]
fn bounds_at_the_infinities_and_zeros() {
    let mut pair = Pair::default();
    for (i, s) in [f64::NEG_INFINITY, -1.0, -0.0, 0.0, 1.0, f64::INFINITY].into_iter().enumerate() {
        pair.insert(s, &[i as u8]);
    }
    let set = &pair.set;
    assert_eq!((set.first_ge(f64::NEG_INFINITY), set.first_gt(f64::NEG_INFINITY)), (0, 1));
    assert_eq!((set.first_ge(0.0), set.first_gt(-0.0)), (2, 4));
    assert_eq!((set.first_ge(f64::INFINITY), set.first_gt(f64::INFINITY)), (5, 6));
}

#[test]
fn replace_swaps_the_handle_everywhere() {
    let mut pair = Pair::default();
    for i in 0..3000 {
        pair.insert(f64::from(i / 3), format!("{i:04}").as_bytes());
    }
    for i in 0..3000 {
        let old = pair.set.by_rank(i).unwrap();
        let new = Member::new(old.score(), old.bytes());
        assert!(pair.set.replace(old, new));
        // SAFETY: the tree holds the new handle only.
        unsafe { old.free() };
    }
    pair.check();
}

#[test]
fn the_set_may_be_dropped_on_another_thread() {
    let mut set = OrderedSet::new();
    for i in 0..1000 {
        set.insert(Member::new(f64::from(i), b"x"));
    }
    // SAFETY: the tree is the only container here.
    std::thread::spawn(move || unsafe { set.free_members() }).join().unwrap();
}
