//! The string commands.

mod expire_options;
mod get;
mod lcs;
mod number;
mod range;
mod set;
pub mod table;

pub use get::{get, getdel, getex, getset, mget, strlen};
pub use lcs::lcs;
pub use number::{decr, decrby, incr, incrby, incrbyfloat};
pub use range::{append, getrange, setrange, substr};
pub use set::{mset, msetnx, psetex, set, setex, setnx};
pub use table::COMMANDS;
