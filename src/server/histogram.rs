//! (placeholder: latency histogram)

#[derive(Debug, Clone, Default)]
pub struct Histogram {}

impl Histogram {
    pub fn record(&mut self, _usec: u64) {}
}
