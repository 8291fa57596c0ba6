//! Instantaneous metrics: the mean rate of a counter over its last sixteen samples, as INFO shows
//! it.

const SAMPLES: usize = 16;

/// One rate.
#[derive(Debug, Default, Clone)]
pub struct Metric {
    samples: [u64; SAMPLES],
    next: usize,
    last_value: u64,
    last_base: u64,
}

impl Metric {
    /// Takes a sample: the growth of `value` per growth of `base`, times `factor`.
    pub fn track(&mut self, value: u64, base: u64, factor: u64) {
        if self.last_base > 0 {
            let grown = value.saturating_sub(self.last_value);
            let rate = (grown * factor).checked_div(base.saturating_sub(self.last_base));
            self.samples[self.next] = rate.unwrap_or(0);
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last_base = base;
        self.last_value = value;
    }

    /// The mean of the samples.
    pub fn get(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// The rates that INFO shows.
#[derive(Debug, Default, Clone)]
pub struct Metrics {
    /// Commands per second.
    pub commands: Metric,
    /// Bytes per second.
    pub net_input: Metric,
    /// Bytes per second.
    pub net_output: Metric,
    /// Bytes per second of replication links.
    pub repl_input: Metric,
    pub repl_output: Metric,
    /// Turns of the event loop per second.
    pub eventloop_cycles: Metric,
    /// Mean duration of a turn, us.
    pub eventloop_duration: Metric,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_counter_gives_its_rate() {
        let mut metric = Metric::default();
        for i in 1..=17 {
            metric.track(i * 50, i * 100_000, 1_000_000);
        }
        assert_eq!(metric.get(), 500);
        metric.track(17 * 50, 17 * 100_000, 1_000_000);
        assert_eq!(metric.get(), 500 - 500 / 16 - 1);
    }
}
