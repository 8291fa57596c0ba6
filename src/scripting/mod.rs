//! Lua scripts and functions: the interpreter, its sandbox, what scripts can call, the caches of
//! scripts and of function libraries.
//!
//! Not the commands (`commands::scripting`) and not the server: whoever runs a script hands in a
//! [`Host`], through which the script reaches commands, log and clock. Only `lua/` touches the C
//! API; everything else works with its safe [`lua::Stack`].

pub mod cache;
pub mod convert;
pub mod debugger;
pub mod errors;
pub mod flags;
pub mod functions;
pub mod host;
pub mod libs;
pub mod lua;
pub mod redis_api;
pub mod run;
pub mod sandbox;

pub use host::Host;

/// The server's version, as scripts see it.
#[derive(Debug, Clone, Copy)]
pub struct Version {
    pub text: &'static str,
    /// 0x00MMmmpp.
    pub number: u32,
}
