//! Latency histogram of a command: counts by value with a relative error below 1 %, as an HDR
//! histogram with lowest value 1 ns, highest 1 s and two significant digits has. Not thread safe.
//!
//! ```text
//! value (ns)   group  slots            A group holds 128 slots; group g > 0 covers
//! 0..128         0    1 ns each        2^(g+6) .. 2^(g+7) ns in steps of 2^(g-1) ns.
//! 128..256       1    1 ns each        Groups are allocated at their first value:
//! 256..512       2    2 ns each        a command usually needs three to six of the 24.
//! 2^29..2^30    23    2^22 ns each
//! ```
//!
//! Invariant: `total` is the sum of all slots. Algorithm: Gil Tene's HdrHistogram.

const GROUP_SLOTS_LOG2: u32 = 7;
const GROUP_SLOTS: usize = 1 << GROUP_SLOTS_LOG2;
const GROUPS: usize = 24;
/// Longer latencies count as this, ns.
const MAX_NS: u64 = 1_000_000_000;
/// First step of the cumulative distribution: 2^10 ns, about 1 us.
const FIRST_STEP_LOG2: usize = 10;
const LAST_STEP_LOG2: usize = 29;

type Group = [u64; GROUP_SLOTS];

/// Counts of latencies.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    groups: [Option<Box<Group>>; GROUPS],
    total: u64,
}

/// Group and slot of a value.
#[inline]
fn place(ns: u64) -> (usize, usize) {
    let bits = 64 - (ns | (GROUP_SLOTS as u64 - 1)).leading_zeros();
    let group = bits - GROUP_SLOTS_LOG2;
    let shift = group.saturating_sub(1);
    (group as usize, (ns >> shift) as usize & (GROUP_SLOTS - 1))
}

/// Smallest and largest value that count in this slot.
fn range(group: usize, slot: usize) -> (u64, u64) {
    let shift = group.saturating_sub(1);
    let base = if group == 0 { slot } else { slot + GROUP_SLOTS };
    let lowest = (base as u64) << shift;
    (lowest, lowest + (1 << shift) - 1)
}

impl Histogram {
    /// Counts one call that took `usec`.
    #[inline]
    pub fn record(&mut self, usec: u64) {
        let ns = usec.saturating_mul(1000).clamp(1, MAX_NS);
        let (group, slot) = place(ns);
        let group = self.groups[group].get_or_insert_with(|| Box::new([0; GROUP_SLOTS]));
        group[slot] += 1;
        self.total += 1;
    }

    /// Number of recorded calls.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The value in us below which `percentile` (0 to 100) percent of the calls are.
    pub fn percentile_usec(&self, percentile: f64) -> f64 {
        let share = percentile.min(100.0) / 100.0;
        let wanted = ((share * self.total as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        for (group, slots) in self.groups.iter().enumerate() {
            for (slot, count) in slots.iter().flat_map(|slots| slots.iter()).enumerate() {
                seen += count;
                if seen >= wanted {
                    let (lowest, highest) = range(group, slot);
                    let ns = if percentile == 0.0 { lowest } else { highest };
                    return ns as f64 / 1000.0;
                }
            }
        }
        0.0
    }

    /// Cumulative distribution in steps that double: (upper bound in us, calls up to it). Steps
    /// that add nothing are left out.
    pub fn cumulative_usec(&self) -> Vec<(u64, u64)> {
        let mut steps = Vec::new();
        let mut below = 0;
        let mut last = 0;
        let mut add = |highest_ns: u64, count: u64| {
            if count > last {
                steps.push((highest_ns / 1000, count));
                last = count;
            }
        };
        for (group, slots) in self.groups.iter().enumerate() {
            // The power of two at which this group starts is the upper end of a step; its whole
            // first slot still belongs to that step.
            let log2 = group + GROUP_SLOTS_LOG2 as usize - 1;
            if (FIRST_STEP_LOG2..=LAST_STEP_LOG2).contains(&log2) {
                let first = slots.as_ref().map_or(0, |slots| slots[0]);
                add(range(group, 0).1, below + first);
            }
            below += slots.as_ref().map_or(0, |slots| slots.iter().sum::<u64>());
        }
        add(range(GROUPS - 1, GROUP_SLOTS - 1).1, below);
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_the_range_of_its_slot() {
        let mut values: Vec<u64> = (0..2000).collect();
        values.extend((0..30).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        values.push(MAX_NS);
        for ns in values {
            let (group, slot) = place(ns);
            let (lowest, highest) = range(group, slot);
            assert!((lowest..=highest).contains(&ns), "{ns}");
            assert!((highest - lowest) as f64 <= ns as f64 / 100.0, "{ns}");
        }
    }

    #[test]
    fn percentiles_are_the_upper_ends_of_slots() {
        let mut one = Histogram::default();
        one.record(14);
        assert_eq!(one.percentile_usec(50.0), 14.015);
        assert_eq!(one.percentile_usec(99.9), 14.015);
        assert_eq!(one.percentile_usec(0.0), 13.952);
        let mut zero = Histogram::default();
        zero.record(0);
        assert_eq!(zero.percentile_usec(100.0), 0.001);
    }

    #[test]
    fn percentiles_count_calls() {
        let mut histogram = Histogram::default();
        for usec in 1..=100 {
            histogram.record(usec);
        }
        assert_eq!(histogram.percentile_usec(50.0), 50.175);
        assert_eq!(histogram.percentile_usec(100.0), 100.351);
        assert_eq!(histogram.total(), 100);
    }

    #[test]
    fn cumulative_steps_double_and_leave_out_repetitions() {
        let mut histogram = Histogram::default();
        for usec in [1, 1, 3, 30, 500_000, 5_000_000] {
            histogram.record(usec);
        }
        let steps = histogram.cumulative_usec();
        assert_eq!(steps, [(1, 2), (4, 3), (33, 4), (541_065, 5), (1_073_741, 6)]);
        assert!(Histogram::default().cumulative_usec().is_empty());
    }
}
