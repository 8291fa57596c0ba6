//! The stream type. No command makes streams yet: the type keeps its place among the values, and no
//! value of it can exist.

use std::convert::Infallible;

#[derive(Clone)]
#[repr(transparent)]
pub struct Stream(Box<Infallible>);

impl Stream {
    pub fn encoding(&self) -> &'static str {
        match *self.0 {}
    }

    pub fn free_effort(&self) -> usize {
        match *self.0 {}
    }
}
