//! What every integration test uses: a server to start, a client to talk with, values to compare.
//!
//! Not a client library: it blocks, it panics with the server's log when something is wrong, and
//! it never hides what was on the wire.

// Modules of the test binary use different parts of the harness.
#![allow(dead_code)]

pub mod client;
pub mod differ;
pub mod faults;
pub mod server;
pub mod value;
pub mod words;

pub use client::ToArg;
pub use server::{Server, reference};
pub use value::Value;

/// Sends one command and returns its reply: `call!(client, ["SET", "k", 1])`.
#[macro_export]
macro_rules! call {
    ($client:expr, [$($arg:expr),+ $(,)?]) => {
        $client.command(&[$($crate::common::ToArg::to_arg(&$arg)),+])
    };
}

/// Sends one command and compares its reply: with a `&str` the notation of [`Value`]'s `Display`,
/// with an integer the integer reply, with `Some("x")`/`None` a bulk string or null, with a
/// [`Value`] itself.
#[macro_export]
macro_rules! assert_reply {
    ($client:expr, [$($arg:expr),+ $(,)?], $want:expr $(,)?) => {{
        let reply = $crate::call!($client, [$($arg),+]);
        let want = $want;
        assert!(
            $crate::common::value::Expect::matches(&want, &reply),
            "{}\n  got  {reply}\n  want {}",
            stringify!($($arg),+),
            $crate::common::value::Expect::show(&want),
        );
    }};
}
