//! Ordering many elements whose order is a number: a radix sort. Not for the ties, which need the
//! elements themselves.
//!
//! Numbers and texts that resemble each other differ in few of their eight bytes, so that few
//! passes are made: three for ten thousand integers, where comparing takes thirteen levels.
//!
//! Invariant: elements with equal keys keep their order.

use super::elements::Ranked;

/// With fewer elements, counting costs more than comparing.
const FEW: usize = 256;
const DIGITS: usize = size_of::<u64>();

fn digit(key: u64, number: usize) -> usize {
    usize::from(key.to_le_bytes()[number])
}

/// How often each digit has each value.
fn histograms(elements: &[Ranked]) -> [[usize; 256]; DIGITS] {
    let mut counts = [[0; 256]; DIGITS];
    for element in elements {
        for (number, counts) in counts.iter_mut().enumerate() {
            counts[digit(element.key, number)] += 1;
        }
    }
    counts
}

/// Orders by key, then by place.
pub(super) fn sort(mut elements: Vec<Ranked>) -> Vec<Ranked> {
    if elements.len() < FEW {
        elements.sort_unstable_by_key(Ranked::packed);
        return elements;
    }
    let mut target = elements.clone();
    for (number, mut places) in histograms(&elements).into_iter().enumerate() {
        if places[digit(elements[0].key, number)] == elements.len() {
            continue; // all have the same
        }
        let mut next = 0;
        for place in &mut places {
            next += std::mem::replace(place, next);
        }
        for element in &elements {
            let place = &mut places[digit(element.key, number)];
            target[*place] = *element;
            *place += 1;
        }
        std::mem::swap(&mut elements, &mut target);
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn orders_as_comparing_does(keys in prop::collection::vec(any::<u64>(), 0..2 * FEW),
                                    shift in 0u32..64, copies in 1usize..4) {
            let elements = keys.iter().map(|key| key >> shift).cycle();
            let elements = elements.take(keys.len() * copies).enumerate();
            let elements: Vec<Ranked> = elements.map(|(at, key)| Ranked { key, at }).collect();
            let mut expected = elements.clone();
            expected.sort_by_key(Ranked::packed);
            prop_assert_eq!(sort(elements), expected);
        }
    }
}
