//! Sizes and the report of DEBUG HTSTATS, in Redis' words, true of this table: a "chain" is what
//! one bucket holds (eight is the nominal fill), and "different slots" are non-empty buckets.

use std::fmt::Write;

use super::bucket::Bucket;
use super::resize::array_bytes;
use super::{ELEMENTS_PER_BUCKET, Element, HashTable};

/// Chains of this length and more share the last row of the distribution.
const DISTRIBUTION_ROWS: usize = 50;

/// Figures of one bucket array, or the sum over many tables.
#[derive(Clone, Debug, Default)]
pub struct TableStats {
    pub size: usize,
    pub used: usize,
    buckets: usize,
    non_empty: usize,
    longest: usize,
    distribution: Vec<usize>,
}

impl TableStats {
    /// Adds the figures of another table.
    pub fn combine(&mut self, other: &TableStats) {
        self.size += other.size;
        self.used += other.used;
        self.buckets += other.buckets;
        self.non_empty += other.non_empty;
        self.longest = self.longest.max(other.longest);
        self.distribution.resize(self.distribution.len().max(other.distribution.len()), 0);
        for (sum, n) in self.distribution.iter_mut().zip(&other.distribution) {
            *sum += n;
        }
    }

    /// Appends the report of the main table or of the rehashing target.
    pub fn write(&self, out: &mut String, is_target: bool, full: bool) {
        let idx = usize::from(is_target);
        let name = if is_target { "rehashing target" } else { "main hash table" };
        let _ = writeln!(out, "Hash table {idx} stats ({name}):");
        if self.used == 0 {
            out.push_str("No stats available for empty dictionaries\n");
            return;
        }
        let _ = writeln!(out, " table size: {}\n number of elements: {}", self.size, self.used);
        if !full {
            return;
        }
        let average = self.used as f64 / self.non_empty as f64;
        let _ = writeln!(out, " different slots: {}", self.non_empty);
        let _ = writeln!(out, " max chain length: {}", self.longest);
        let _ = writeln!(out, " avg chain length (counted): {average:.2}");
        let _ = writeln!(out, " avg chain length (computed): {average:.2}");
        out.push_str(" Chain length distribution:\n");
        for (len, &n) in self.distribution.iter().enumerate().filter(|(_, n)| **n > 0) {
            let percent = n as f64 / self.buckets as f64 * 100.0;
            let _ = writeln!(out, "   {len}: {n} ({percent:.2}%)");
        }
    }
}

impl<E: Element> HashTable<E> {
    /// Nominal size: elements that the current arrays are meant for, as Redis counts table slots.
    pub fn table_size(&self) -> usize {
        (self.buckets(0) + self.buckets(1)) * ELEMENTS_PER_BUCKET
    }

    /// Nominal sizes of the main array and of the rehashing target (0 when there is none).
    pub fn array_sizes(&self) -> (usize, usize) {
        (self.buckets(0) * ELEMENTS_PER_BUCKET, self.buckets(1) * ELEMENTS_PER_BUCKET)
    }

    /// Bytes of all buckets, without the elements.
    pub fn memory_bytes(&self) -> usize {
        array_bytes(self.buckets(0))
            + array_bytes(self.buckets(1))
            + self.children * size_of::<Bucket>()
    }

    /// Bytes of the bucket arrays alone, of the main one and of the rehashing target.
    pub fn lut_bytes(&self) -> (usize, usize) {
        (array_bytes(self.buckets(0)), array_bytes(self.buckets(1)))
    }

    /// Figures of the main array; with `full` the chains are walked.
    pub fn stats(&self, full: bool) -> TableStats {
        self.array_stats(0, full)
    }

    /// Figures of the rehashing target, if there is one.
    pub fn rehashing_stats(&self, full: bool) -> Option<TableStats> {
        self.is_rehashing().then(|| self.array_stats(1, full))
    }

    fn array_stats(&self, table: usize, full: bool) -> TableStats {
        let buckets = self.buckets(table);
        let mut stats = TableStats {
            size: buckets * ELEMENTS_PER_BUCKET,
            used: self.t[table].used,
            buckets,
            ..TableStats::default()
        };
        if full {
            for idx in 0..buckets {
                let mut len = 0;
                self.visit_chain(self.bucket(table, idx), &mut |_| len += 1);
                let row = len.min(DISTRIBUTION_ROWS - 1);
                if stats.distribution.len() <= row {
                    stats.distribution.resize(row + 1, 0);
                }
                stats.distribution[row] += 1;
                stats.longest = stats.longest.max(len);
                stats.non_empty += usize::from(len > 0);
            }
        }
        stats
    }

    /// The report of one table (DEBUG HTSTATS-KEY).
    pub fn stats_text(&self, full: bool) -> String {
        let mut out = String::new();
        self.stats(full).write(&mut out, false, full);
        if let Some(target) = self.rehashing_stats(full) {
            target.write(&mut out, true, full);
        }
        out
    }
}
