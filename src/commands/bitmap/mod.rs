//! The bitmap commands: strings seen as arrays of bits, the most significant bit of a byte first.
//!
//! Here arguments, look-ups and replies; what goes over many bytes is in `kernels`, integers of
//! any width in `integer`. A bit beyond the end of a string is 0.

mod bit;
mod bitfield;
mod integer;
mod kernels;
mod op;
mod range;
pub mod table;
#[cfg(test)]
mod tests;

pub use bit::{getbit, setbit};
pub use bitfield::{bitfield, bitfield_ro};
pub use op::bitop;
pub use range::{bitcount, bitpos};
pub use table::COMMANDS;
