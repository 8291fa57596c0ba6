//! The geo commands: positions kept as the scores of a sorted set. What a score means and which
//! scores a search must look at, `storage::types::geohash` knows.

mod args;
mod position;
mod query;
mod search;
mod table;

pub use position::{geoadd, geodist, geohash, geopos};
pub use search::{
    georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore,
};
pub use table::COMMANDS;
