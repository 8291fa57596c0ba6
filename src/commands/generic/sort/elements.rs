//! The elements of a SORT, copied out of the collection into one arena, with their weights.

use super::options::Options;
use super::order::{Collation, score};
use super::radix;
use crate::storage::entry_view::EntryRef;
use crate::storage::object::ValueRef;
use crate::storage::types::list::List;
use crate::storage::types::set::Set;
use crate::storage::types::zset::ZSet;
use std::cmp::Ordering;
use std::ops::Range;

/// A part of the arena.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    len: usize,
}

/// What elements are ordered by, one for each.
enum Weights {
    /// Themselves, as texts.
    Texts,
    Numbers(Vec<f64>),
    /// What BY … ALPHA found.
    Found(Vec<Option<Span>>),
}

/// An element's place in the order: of two, the one with the smaller key comes first; where keys
/// are equal, what they were made of decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ranked {
    pub key: u64,
    pub at: usize,
}

impl Ranked {
    /// One number to compare, without a branch.
    pub fn packed(&self) -> u128 {
        u128::from(self.key) << 64 | self.at as u128
    }
}

/// The elements, in the collection's order until `sort`.
pub(super) struct Elements {
    arena: Vec<u8>,
    texts: Vec<Span>,
    weights: Weights,
    /// Empty until sorted.
    order: Vec<Ranked>,
}

impl Default for Elements {
    fn default() -> Self {
        Elements {
            arena: Vec::new(),
            texts: Vec::new(),
            weights: Weights::Texts,
            order: Vec::new(),
        }
    }
}

/// Number of elements of a sortable value.
pub(super) fn len(entry: &EntryRef<'_>) -> usize {
    match entry.value() {
        ValueRef::List(list) => list.len(),
        ValueRef::Set(set) => set.len(),
        ValueRef::ZSet(zset) => zset.len(),
        _ => 0,
    }
}

impl Elements {
    /// Copies the elements; only those of `range` if their order is already that of the reply.
    /// Also returns where the range lies in what was copied.
    pub fn load(
        entry: &EntryRef<'_>,
        options: &Options<'_>,
        range: Range<usize>,
    ) -> (Elements, Range<usize>) {
        let mut found = Elements::default();
        let whole = 0..len(entry);
        let part = if options.unsorted { range.clone() } else { whole };
        let reverse = options.unsorted && options.desc;
        match entry.value() {
            ValueRef::List(list) => found.load_list(list, part, reverse),
            ValueRef::Set(set) => found.load_set(set, part),
            ValueRef::ZSet(zset) => found.load_zset(zset, part, reverse),
            _ => {}
        }
        let range = if options.unsorted { 0..range.len() } else { range };
        (found, range)
    }

    /// `part` counts from the tail if `reverse`.
    fn load_list(&mut self, list: &List, part: Range<usize>, reverse: bool) {
        if part.is_empty() {
            return;
        }
        let first = if reverse { list.len() - 1 - part.start } else { part.start };
        let mut left = part.len();
        list.for_each_from(first, reverse, |value| {
            self.push(value.as_bytes(&mut itoa::Buffer::new()));
            left -= 1;
            left > 0
        });
    }

    /// The order is the set's own.
    fn load_set(&mut self, set: &Set, part: Range<usize>) {
        for member in set.iter().skip(part.start).take(part.len()) {
            self.push(member.as_bytes(&mut itoa::Buffer::new()));
        }
    }

    /// `part` counts from the highest score if `reverse`.
    fn load_zset(&mut self, zset: &ZSet, part: Range<usize>, reverse: bool) {
        let len = zset.len();
        let ranks = if reverse { len - part.end..len - part.start } else { part };
        zset.for_each(ranks, reverse, |member, _| {
            self.push(member.as_bytes(&mut itoa::Buffer::new()));
        });
    }

    pub fn push(&mut self, text: &[u8]) {
        let text = self.keep(text);
        self.texts.push(text);
    }

    fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        Span { start, len: bytes.len() }
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }

    fn text(&self, span: Span) -> &[u8] {
        &self.arena[span.start..span.start + span.len]
    }

    /// The `i`-th element.
    pub fn bytes(&self, i: usize) -> &[u8] {
        let at = self.order.get(i).map_or(i, |ranked| ranked.at);
        self.text(self.texts[at])
    }

    /// Takes each element as its own number; false if one is none.
    pub fn weigh_by_themselves(&mut self) -> bool {
        let mut valid = true;
        let number = |span: &Span| {
            let number = score(self.text(*span));
            valid &= number.is_some();
            number.unwrap_or(0.0)
        };
        self.weights = Weights::Numbers(self.texts.iter().map(number).collect());
        valid
    }

    /// Sets what BY found for the `i`-th element; false if it is to be a number and is none.
    /// Elements for which it found nothing weigh 0, or less than any text.
    pub fn set_weight(&mut self, i: usize, weight: &[u8], alpha: bool) -> bool {
        let len = self.texts.len();
        if alpha {
            let weight = self.keep(weight);
            if !matches!(self.weights, Weights::Found(_)) {
                self.weights = Weights::Found(vec![None; len]);
            }
            if let Weights::Found(weights) = &mut self.weights {
                weights[i] = Some(weight);
            }
            return true;
        }
        let number = score(weight);
        if !matches!(self.weights, Weights::Numbers(_)) {
            self.weights = Weights::Numbers(vec![0.0; len]);
        }
        if let Weights::Numbers(weights) = &mut self.weights {
            weights[i] = number.unwrap_or(0.0);
        }
        number.is_some()
    }

    /// Orders the elements; outside of `range` only as far as needed to know which are in it.
    pub fn sort(&mut self, options: &Options<'_>, collation: Collation, range: Range<usize>) {
        let len = self.texts.len();
        let Range { start, end } = range;
        if start >= end {
            return;
        }
        let by_text = |span: Span| match collation {
            Collation::Bytes => text_key(self.text(span)),
            // Only the locale knows: all keys are equal.
            Collation::Locale => 0,
        };
        let key = |at: usize| match self.weights(options) {
            Weights::Numbers(numbers) => number_key(numbers[at]),
            Weights::Found(found) => found[at].map_or(0, by_text),
            Weights::Texts if options.by.is_some() || !options.alpha => 0,
            Weights::Texts => by_text(self.texts[at]),
        };
        let key = |at: usize| if options.desc { !key(at) } else { key(at) };
        let mut order: Vec<Ranked> = (0..len).map(|at| Ranked { key: key(at), at }).collect();
        let compare = |a: &Ranked, b: &Ranked| {
            let equal = || {
                let order = self.compare(options, collation, a.at, b.at);
                if options.desc { order.reverse() } else { order }
            };
            // What weighs the same stays in the collection's order.
            a.key.cmp(&b.key).then_with(equal).then_with(|| a.at.cmp(&b.at))
        };
        if start == 0 && end == len {
            order = radix::sort(order);
            for equal in order.chunk_by_mut(|a, b| a.key == b.key).filter(|run| run.len() > 1) {
                equal.sort_unstable_by(compare);
            }
            self.order = order;
            return;
        }
        if end < len {
            order.select_nth_unstable_by(end - 1, compare);
        }
        if start > 0 {
            order[..end].select_nth_unstable_by(start, compare);
        }
        order[start..end].sort_unstable_by(compare);
        self.order = order;
    }

    fn weights(&self, options: &Options<'_>) -> &Weights {
        match &self.weights {
            Weights::Numbers(_) if options.alpha => &Weights::Texts,
            weights => weights,
        }
    }

    /// The order of two elements whose keys are equal.
    fn compare(&self, options: &Options<'_>, by: Collation, a: usize, b: usize) -> Ordering {
        let text = |at: usize| self.text(self.texts[at]);
        match self.weights(options) {
            // Equal scores in a defined order, so that replies do not depend on the encoding.
            Weights::Numbers(_) => text(a).cmp(text(b)),
            Weights::Found(found) => match (found[a], found[b]) {
                (Some(x), Some(y)) => by.compare(self.text(x), self.text(y)),
                (x, y) => x.is_some().cmp(&y.is_some()),
            },
            // BY found nothing at all.
            Weights::Texts if !options.alpha => text(a).cmp(text(b)),
            Weights::Texts if options.by.is_some() => Ordering::Equal,
            Weights::Texts => by.compare(text(a), text(b)),
        }
    }
}

/// Orders as the first eight bytes of texts do.
fn text_key(text: &[u8]) -> u64 {
    let mut head = [0; 8];
    let len = text.len().min(head.len());
    head[..len].copy_from_slice(&text[..len]);
    u64::from_be_bytes(head)
}

/// Orders as numbers do; none is NaN.
fn number_key(number: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    // -0.0 + 0.0 is 0.0, its equal.
    let bits = (number + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}
