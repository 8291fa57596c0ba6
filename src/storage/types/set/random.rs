//! Random members: fair (each member has the same chance, whatever the table looks like), with and
//! without repetition, and taken out.
//!
//! Invariant: a call ends after work bounded by the number of members and of draws, except for
//! rejected draws, of which there are few by the choice of the method.

use std::collections::HashSet;

use super::{Either3, LpValue, Set, SetLimits, SetView};
use crate::storage::encoding::intset::Intset;

/// Distinct members are drawn one by one if the set has at least so many times more.
const SPARSE_RATIO: usize = 3;
/// Members are popped one by one from a table if so many times what is left exceeds their number;
/// else the few that stay are moved to a new set.
const POP_RATIO: usize = 5;

/// Chooses `count` of `len` places in ascending order, each choice with the same chance (Knuth,
/// algorithm S); `take` is called with each place that is chosen.
struct Chooser {
    left: usize,
    wanted: usize,
}

impl Chooser {
    fn new(len: usize, count: usize) -> Chooser {
        Chooser { left: len, wanted: count.min(len) }
    }

    /// Whether the next place is chosen.
    fn next(&mut self) -> bool {
        if self.wanted == 0 || self.left == 0 {
            return false;
        }
        let chosen = fastrand::usize(..self.left) < self.wanted;
        self.left -= 1;
        self.wanted -= usize::from(chosen);
        chosen
    }
}

/// What makes two members of one set the same: the integer, or where the text stands.
fn identity(member: LpValue<'_>) -> (bool, usize) {
    match member {
        LpValue::Int(int) => (true, int as usize),
        LpValue::Str(text) => (false, text.as_ptr().addr()),
    }
}

impl Set {
    /// One member; `None` only if the set is empty.
    pub fn random(&self) -> Option<LpValue<'_>> {
        match self.view() {
            SetView::Intset(ints) => {
                let at = (!ints.is_empty()).then(|| fastrand::usize(..ints.len()))?;
                ints.get(at).map(LpValue::Int)
            }
            SetView::Listpack(lp) => {
                let at = (!lp.is_empty()).then(|| fastrand::usize(..lp.len()))?;
                lp.nth(at).map(|(_, value)| value)
            }
            SetView::Table(table) => table.random(),
        }
    }

    /// Calls `f` with `count` members, drawn one after the other with repetition.
    pub fn random_repeated(&self, count: usize, mut f: impl FnMut(LpValue<'_>)) {
        if let SetView::Listpack(lp) = self.view()
            && count > 1
        {
            let all: Vec<LpValue<'_>> = lp.iter().map(|(_, value)| value).collect();
            if !all.is_empty() {
                (0..count).for_each(|_| f(all[fastrand::usize(..all.len())]));
            }
            return;
        }
        for _ in 0..count {
            let Some(member) = self.random() else { return };
            f(member);
        }
    }

    /// `count` different members (all, if there are less), in no particular order.
    pub fn random_distinct(&self, count: usize) -> Vec<LpValue<'_>> {
        let len = self.len();
        if count >= len {
            return self.iter().collect();
        }
        let sparse = count.saturating_mul(SPARSE_RATIO) <= len;
        match self.view() {
            SetView::Table(table) if sparse => {
                let mut seen = HashSet::with_capacity(count);
                let mut chosen = Vec::with_capacity(count);
                while chosen.len() < count {
                    let Some(member) = table.random() else { break };
                    if seen.insert(identity(member)) {
                        chosen.push(member);
                    }
                }
                chosen
            }
            SetView::Table(table) => {
                let mut all: Vec<LpValue<'_>> = table.iter().collect();
                for at in 0..count {
                    all.swap(at, fastrand::usize(at..len));
                }
                all.truncate(count);
                all
            }
            SetView::Intset(_) | SetView::Listpack(_) => {
                let mut chooser = Chooser::new(len, count);
                self.iter().filter(|_| chooser.next()).collect()
            }
        }
    }

    /// Takes one member out and shows it to `f`.
    pub fn pop_random<R>(&mut self, f: impl FnOnce(LpValue<'_>) -> R) -> Option<R> {
        match self.0.get_mut() {
            Either3::A(mut ints) => {
                let at = (!ints.is_empty()).then(|| fastrand::usize(..ints.len()))?;
                ints.remove_at(at).map(|int| f(LpValue::Int(int)))
            }
            Either3::B(mut lp) => {
                let at = (!lp.is_empty()).then(|| fastrand::usize(..lp.len()))?;
                let (pos, value) = lp.nth(at)?;
                let result = f(value);
                lp.delete(pos);
                Some(result)
            }
            Either3::C(mut table) => table.pop_random().map(|member| f(member.value())),
        }
    }

    /// Takes `count` members out (less than there are) and shows them to `f`. A table of which
    /// little is left becomes the set that SADD would make of the rest.
    pub fn pop_many(&mut self, count: usize, limits: &SetLimits, mut f: impl FnMut(LpValue<'_>)) {
        let len = self.len();
        let mut chooser = Chooser::new(len, count);
        match self.0.get_mut() {
            Either3::A(mut ints) => {
                let mut kept = Vec::with_capacity(len.saturating_sub(count));
                for int in ints.iter() {
                    if chooser.next() {
                        f(LpValue::Int(int));
                    } else {
                        kept.push(int);
                    }
                }
                *ints = Intset::from_sorted(&kept);
                return;
            }
            Either3::B(mut lp) => {
                let mut gone = Vec::with_capacity(count);
                for (pos, value) in lp.iter().filter(|_| chooser.next()) {
                    f(value);
                    gone.push(pos);
                }
                lp.delete_positions(&gone);
                return;
            }
            Either3::C(mut table) => {
                let remaining = len.saturating_sub(count);
                if remaining.saturating_mul(POP_RATIO) > count {
                    for _ in 0..count {
                        let Some(member) = table.pop_random() else { return };
                        f(member.value());
                    }
                    return;
                }
            }
        }
        self.pop_all_but(len.saturating_sub(count), limits, f);
    }

    /// Takes all but `remaining` members out of a table and shows them to `f`.
    fn pop_all_but(&mut self, remaining: usize, limits: &SetLimits, f: impl FnMut(LpValue<'_>)) {
        let Either3::C(mut table) = self.0.get_mut() else { return };
        let mut rest = Set::new_listpack();
        for _ in 0..remaining {
            let Some(member) = table.pop_random() else { break };
            rest.add_member(member.value(), limits);
        }
        table.iter().for_each(f);
        drop(table);
        *self = rest;
    }
}
