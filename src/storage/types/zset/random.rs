//! Random members. The order statistics of both forms make every choice exactly fair: a random
//! member is the one at a random rank.
//!
//! Invariant: `random_distinct` gives each set of members of that size with the same probability.

use std::collections::HashSet;

use super::{LpValue, Score, ZSet, ZSetView, small};

/// From a third of the members on, distinct ones are chosen in a walk over all.
const WALK_SHARE: usize = 3;

/// Calls `f` with `count` distinct numbers below `len`, in random order. `count` is at most a part
/// of `len`, so that few draws repeat.
fn distinct_below(count: usize, len: usize, mut f: impl FnMut(usize)) {
    let mut seen = HashSet::with_capacity(count);
    while seen.len() < count {
        let n = fastrand::usize(..len);
        if seen.insert(n) {
            f(n);
        }
    }
}

impl ZSet {
    /// Calls `f` with `count` random members, the same one possibly more than once. The set is not
    /// empty.
    pub fn random_members<'a>(&'a self, count: usize, mut f: impl FnMut(LpValue<'a>, Score<'a>)) {
        match self.view() {
            ZSetView::Skiplist(table) => {
                for _ in 0..count {
                    if let Some(m) = table.by_rank(fastrand::usize(..table.len())) {
                        f(LpValue::Str(m.bytes()), Score::Known(m.score()));
                    }
                }
            }
            ZSetView::Listpack(_) if count == 1 => {
                let rank = fastrand::usize(..self.len());
                self.for_each(rank..rank + 1, false, f);
            }
            ZSetView::Listpack(lp) => {
                let pairs: Vec<_> = small::pairs(lp).map(|(_, m, score)| (m, score)).collect();
                for _ in 0..count {
                    let (member, score) = pairs[fastrand::usize(..pairs.len())];
                    f(member, Score::Entry(score));
                }
            }
        }
    }

    /// Calls `f` with `count` random members, all different; all members if there are not more.
    pub fn random_distinct<'a>(&'a self, count: usize, mut f: impl FnMut(LpValue<'a>, Score<'a>)) {
        let len = self.len();
        if let ZSetView::Skiplist(table) = self.view()
            && count <= len / WALK_SHARE
        {
            distinct_below(count, len, |rank| {
                if let Some(m) = table.by_rank(rank) {
                    f(LpValue::Str(m.bytes()), Score::Known(m.score()));
                }
            });
            return;
        }
        // Each member is taken with the probability that leaves the rest what it still needs.
        let (mut wanted, mut left) = (count.min(len), len);
        self.all(|member, score| {
            if fastrand::usize(..left) < wanted {
                f(member, score);
                wanted -= 1;
            }
            left -= 1;
            wanted > 0
        });
    }
}
