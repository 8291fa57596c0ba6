//! The elements of a SORT, copied out of the collection into one arena, with their weights.

use super::options::Options;
use super::order::{Collation, score};
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

#[derive(Debug, Clone, Copy)]
struct Element {
    text: Span,
    score: f64,
    /// What BY … ALPHA found.
    weight: Option<Span>,
}

/// The elements, in the collection's order until `sort`.
#[derive(Default)]
pub(super) struct Elements {
    arena: Vec<u8>,
    elements: Vec<Element>,
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
        self.elements.push(Element { text, score: 0.0, weight: None });
    }

    fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        Span { start, len: bytes.len() }
    }

    pub fn len(&self) -> usize {
        self.elements.len()
    }

    fn text(&self, span: Span) -> &[u8] {
        &self.arena[span.start..span.start + span.len]
    }

    /// The `i`-th element.
    pub fn bytes(&self, i: usize) -> &[u8] {
        self.text(self.elements[i].text)
    }

    /// Takes each element as its own number; false if one is none.
    pub fn weigh_by_themselves(&mut self) -> bool {
        let mut valid = true;
        for i in 0..self.elements.len() {
            let number = score(self.bytes(i));
            valid &= number.is_some();
            self.elements[i].score = number.unwrap_or(0.0);
        }
        valid
    }

    /// Sets what BY found for the `i`-th element; false if it is to be a number and is none.
    pub fn set_weight(&mut self, i: usize, weight: &[u8], alpha: bool) -> bool {
        if alpha {
            self.elements[i].weight = Some(self.keep(weight));
            return true;
        }
        let number = score(weight);
        self.elements[i].score = number.unwrap_or(0.0);
        number.is_some()
    }

    fn compare(&self, options: &Options<'_>, by: Collation, a: &Element, b: &Element) -> Ordering {
        let bytes = |e: &Element| self.text(e.text);
        let order = if !options.alpha {
            let scores = a.score.partial_cmp(&b.score).expect("score() gives no NaN");
            // Equal scores in a defined order, so that replies do not depend on the encoding.
            scores.then_with(|| bytes(a).cmp(bytes(b)))
        } else if options.by.is_some() {
            match (a.weight, b.weight) {
                (Some(x), Some(y)) => by.compare(self.text(x), self.text(y)),
                (x, y) => x.is_some().cmp(&y.is_some()),
            }
        } else {
            by.compare(bytes(a), bytes(b))
        };
        if options.desc { order.reverse() } else { order }
    }

    /// Orders the elements; outside of `range` only as far as needed to know which are in it.
    pub fn sort(&mut self, options: &Options<'_>, collation: Collation, range: Range<usize>) {
        let mut elements = std::mem::take(&mut self.elements);
        let compare = |a: &Element, b: &Element| self.compare(options, collation, a, b);
        let Range { start, end } = range;
        if start >= end {
            self.elements = elements;
            return;
        }
        if range_is_part(start, end, elements.len()) {
            if end < elements.len() {
                elements.select_nth_unstable_by(end - 1, compare);
            }
            if start > 0 {
                elements[..end].select_nth_unstable_by(start, compare);
            }
        }
        elements[start..end].sort_by(compare);
        self.elements = elements;
    }
}

fn range_is_part(start: usize, end: usize, len: usize) -> bool {
    start > 0 || end < len
}
