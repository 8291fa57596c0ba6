//! Intersection, union and difference of sets. Each comes in two kinds: one calls a function with
//! the members of the result, each once, without building it; the other builds the set that a STORE
//! command stores, in the form in which Redis' commands leave it.
//!
//! Invariant: none of them changes its operands.

use super::{LpValue, Set, SetLimits, SetView, int_of, key_of};
use crate::storage::encoding::set_table::SetTable;

/// Up to so many sets, a union asks the sets before whether they have a member; beyond, it keeps a
/// table of what it has given.
const UNION_PROBES: usize = 4;

/// Calls `f` with the members that are in all `sets` (at least one), until it returns false. Sorts
/// the sets by size: the members of the smallest are looked up in the others.
pub fn inter<'a>(sets: &mut [&'a Set], mut f: impl FnMut(LpValue<'a>) -> bool) {
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        let in_all =
            others.iter().all(|set| std::ptr::eq(*set, *smallest) || set.contains_member(member));
        if in_all && !f(member) {
            return;
        }
    }
}

/// The intersection of `sets` as a set; an intset if its members are all integers.
pub fn inter_into(sets: &mut [&Set], limits: &SetLimits) -> Set {
    sets.sort_by_key(|set| set.len());
    let from_ints = sets.first().is_some_and(|set| set.is_intset());
    let mut result = if from_ints { Set::new_intset() } else { Set::new_listpack() };
    let mut only_ints = true;
    inter(sets, |member| {
        only_ints = only_ints && int_of(member).is_some();
        result.add_member(member, limits);
        true
    });
    if only_ints {
        result.maybe_convert_to_intset(limits);
    }
    result
}

/// Calls `f` with each member of any of `sets`.
pub fn union<'a>(sets: &[&'a Set], mut f: impl FnMut(LpValue<'a>)) {
    if sets.len() <= UNION_PROBES {
        for (at, set) in sets.iter().enumerate() {
            let before = &sets[..at];
            let known = |member| before.iter().any(|set| set.contains_member(member));
            set.iter().filter(|member| !known(*member)).for_each(&mut f);
        }
        return;
    }
    let mut given = SetTable::new();
    for set in sets {
        for member in set.iter() {
            if given.insert(key_of(member, &mut itoa::Buffer::new())) {
                f(member);
            }
        }
    }
}

/// The union of `sets` as a set.
pub fn union_into(sets: &[&Set], limits: &SetLimits) -> Set {
    let mut result = Set::new_intset();
    for set in sets {
        for member in set.iter() {
            result.add_member(member, limits);
        }
    }
    result
}

/// How a difference is computed.
#[derive(Debug, PartialEq, Eq)]
enum DiffPlan {
    /// Something is subtracted from itself.
    Empty,
    /// Look the members of the first set up in the others: len(first) * number of sets.
    Probe,
    /// Remove the members of the others from a copy of the first: sum of all lengths.
    Remove,
}

fn plan(first: &Set, others: &[&Set]) -> DiffPlan {
    if others.iter().any(|set| std::ptr::eq(*set, first)) {
        return DiffPlan::Empty;
    }
    let probes = first.len().saturating_mul(others.len() + 1);
    let visits = others.iter().map(|set| set.len()).fold(first.len(), usize::saturating_add);
    // A probe that hits ends early, and nothing is copied.
    if probes / 2 <= visits { DiffPlan::Probe } else { DiffPlan::Remove }
}

/// Calls `f` with the members of `first` that none of `others` has, without a copy.
fn diff_by_probing<'a>(first: &'a Set, others: &mut [&Set], mut f: impl FnMut(LpValue<'a>)) {
    // Large sets know more members, so they end more searches.
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    // In a listpack that nobody checked (`sanitize-dump-payload no`) a member may stand twice.
    let mut given = matches!(first.view(), SetView::Listpack(_)).then(SetTable::new);
    let mut is_new = |member| match &mut given {
        Some(given) => given.insert(key_of(member, &mut itoa::Buffer::new())),
        None => true,
    };
    for member in first.iter() {
        if !others.iter().any(|set| set.contains_member(member)) && is_new(member) {
            f(member);
        }
    }
}

fn diff_by_removing(mut result: Set, others: &[&Set]) -> Set {
    for set in others {
        for member in set.iter() {
            result.remove_member(member);
            if result.is_empty() {
                return result;
            }
        }
    }
    result
}

/// Calls `f` with the members of `first` that none of `others` has.
pub fn diff(first: &Set, others: &mut [&Set], mut f: impl FnMut(LpValue<'_>)) {
    match plan(first, others) {
        DiffPlan::Empty => {}
        DiffPlan::Probe => diff_by_probing(first, others, f),
        DiffPlan::Remove => {
            let mut copy = first.clone();
            if let SetView::Listpack(_) = copy.view() {
                copy.convert_to_table(first.len());
            }
            diff_by_removing(copy, others).iter().for_each(&mut f);
        }
    }
}

/// The members of `first` that none of `others` has, as a set.
pub fn diff_into(first: &Set, others: &mut [&Set], limits: &SetLimits) -> Set {
    let mut result = Set::new_intset();
    match plan(first, others) {
        DiffPlan::Empty => {}
        DiffPlan::Probe => {
            diff_by_probing(first, others, |member| {
                result.add_member(member, limits);
            });
        }
        DiffPlan::Remove => {
            for member in first.iter() {
                result.add_member(member, limits);
            }
            result = diff_by_removing(result, others);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_follows_the_work() {
        let set = |n: usize| {
            let mut set = Set::new_intset();
            for i in 0..n {
                set.add(format!("{i}").as_bytes(), &SetLimits::default());
            }
            set
        };
        let (small, large) = (set(3), set(400));
        assert_eq!(plan(&small, &[&large, &small]), DiffPlan::Empty);
        assert_eq!(plan(&small, &[&large]), DiffPlan::Probe);
        let small2 = set(2);
        assert_eq!(plan(&large, &[&small, &small2, &small2]), DiffPlan::Remove);
    }
}
