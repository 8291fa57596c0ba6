//! (placeholder until the number module lands)
pub struct DoubleBuf(String);
impl DoubleBuf {
    pub fn new() -> Self { DoubleBuf(String::new()) }
    pub fn format(&mut self, v: f64) -> &[u8] { self.0 = format!("{v}"); self.0.as_bytes() }
}
