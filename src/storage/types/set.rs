//! PLACEHOLDER of the set type, so that the storage core compiles; its author replaces it.

#[derive(Clone)]
#[repr(transparent)]
pub struct Set(Box<Vec<u8>>);

impl Set {
    pub fn encoding(&self) -> &'static str {
        "placeholder"
    }

    pub fn free_effort(&self) -> usize {
        self.0.len()
    }
}
