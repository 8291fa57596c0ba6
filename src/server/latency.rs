//! The latency monitor: for each kind of event the worst latency of each of the last 160 seconds in
//! which one reached `latency-monitor-threshold`. The texts made from it stand in `latency_report`.
//!
//! Invariant: the samples of a series are in order of time, one a second.

use std::collections::{BTreeMap, VecDeque};

use super::Server;

/// Samples kept for an event.
pub const SERIES_LEN: usize = 160;

/// Worst latency of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// s since the epoch.
    pub time_s: i64,
    pub latency_ms: u64,
}

/// Samples of one event, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Series {
    pub samples: VecDeque<Sample>,
    /// Worst latency ever.
    pub max_ms: u64,
}

/// What DOCTOR says of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    pub samples: usize,
    pub average_ms: u64,
    /// Mean absolute deviation from the average.
    pub deviation_ms: u64,
    /// Seconds since the oldest sample, at least 1.
    pub period_s: i64,
}

impl Series {
    fn add(&mut self, sample: Sample) {
        self.max_ms = self.max_ms.max(sample.latency_ms);
        match self.samples.back_mut() {
            Some(last) if last.time_s == sample.time_s => {
                last.latency_ms = last.latency_ms.max(sample.latency_ms);
            }
            _ => {
                if self.samples.len() == SERIES_LEN {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
            }
        }
    }

    /// Figures of the samples that are there.
    pub fn summary(&self, now_s: i64) -> Summary {
        let Some(oldest) = self.samples.front() else { return Summary::default() };
        let n = self.samples.len() as u64;
        let values = || self.samples.iter().map(|sample| sample.latency_ms);
        let average_ms = values().sum::<u64>() / n;
        Summary {
            samples: self.samples.len(),
            average_ms,
            deviation_ms: values().map(|ms| ms.abs_diff(average_ms)).sum::<u64>() / n,
            period_s: (now_s - oldest.time_s).max(1),
        }
    }
}

/// Series by event.
#[derive(Default)]
pub struct Latency {
    pub events: BTreeMap<&'static str, Series>,
}

impl Latency {
    /// The series of an event; its name in exact letters.
    pub fn get(&self, event: &[u8]) -> Option<(&'static str, &Series)> {
        let found = self.events.iter().find(|(name, _)| name.as_bytes() == event);
        found.map(|(name, series)| (*name, series))
    }

    /// Forgets an event (its name in any case), or all. Returns how many were forgotten.
    pub fn reset(&mut self, event: Option<&[u8]>) -> usize {
        let before = self.events.len();
        self.events.retain(|name, _| {
            event.is_some_and(|event| !name.as_bytes().eq_ignore_ascii_case(event))
        });
        before - self.events.len()
    }

    pub fn add(&mut self, event: &'static str, time_s: i64, latency_ms: u64) {
        self.events.entry(event).or_default().add(Sample { time_s, latency_ms });
    }
}

impl Server {
    /// Notes a latency if it reaches `latency-monitor-threshold`; ms.
    #[inline]
    pub fn latency_add_if_needed(&mut self, event: &'static str, ms: i64) {
        let threshold = self.config.latency_monitor_threshold;
        if threshold > 0 && ms >= 0 && ms as u64 >= threshold {
            // The clock of the loop's turn is older than the event itself.
            let now_s = super::clock::unix_us() / 1_000_000;
            self.latency.add(event, now_s, ms as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_a_second_keeps_the_worst() {
        let mut latency = Latency::default();
        for (time, ms) in [(1, 10), (1, 30), (1, 20), (2, 5)] {
            latency.add("command", time, ms);
        }
        let (_, series) = latency.get(b"command").unwrap();
        assert_eq!(series.samples.len(), 2);
        assert_eq!(series.samples[0].latency_ms, 30);
        assert_eq!(series.max_ms, 30);
    }

    #[test]
    fn a_series_is_limited() {
        let mut series = Series::default();
        for time_s in 0..500 {
            series.add(Sample { time_s, latency_ms: 1 });
        }
        assert_eq!(series.samples.len(), SERIES_LEN);
        assert_eq!(series.samples[0].time_s, 500 - SERIES_LEN as i64);
    }

    #[test]
    fn summary_has_average_and_deviation() {
        let mut series = Series::default();
        for (time_s, latency_ms) in [(10, 100), (12, 300)] {
            series.add(Sample { time_s, latency_ms });
        }
        let expected = Summary { samples: 2, average_ms: 200, deviation_ms: 100, period_s: 20 };
        assert_eq!(series.summary(30), expected);
    }

    #[test]
    fn reset_ignores_case_and_counts() {
        let mut latency = Latency::default();
        latency.add("command", 1, 1);
        latency.add("fork", 1, 1);
        assert_eq!(latency.reset(Some(b"COMMAND")), 1);
        assert_eq!(latency.reset(Some(b"nope")), 0);
        assert_eq!(latency.reset(None), 1);
    }
}
