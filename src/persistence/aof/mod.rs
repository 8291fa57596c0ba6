//! The append only file: every change as the command that makes it, in files named by a manifest.
//!
//! ```text
//! appendonlydir/
//!   appendonly.aof.manifest      which files, in which order          [`manifest`]
//!   appendonly.aof.2.base.rdb    the dataset when it was rewritten     (or .base.aof: commands)
//!   appendonly.aof.5.incr.aof    the commands since then               [`feed`], [`flush`]
//! file     [#TS:seconds CRLF] command …
//! command  *argc CRLF ($len CRLF bytes CRLF) …
//! ```
//!
//! Not here: when to flush and to rewrite, and the running of commands that are loaded; that is
//! `server::aof`. Invariant: what the manifest on disk names is complete up to the tail of its last
//! file.

pub mod check;
pub mod feed;
pub mod flush;
pub mod load;
pub mod manifest;
pub mod preamble;
pub mod rewrite;
