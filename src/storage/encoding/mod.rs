//! In-memory forms of values. An encoding knows no `Db`, config or clock: limits and time are
//! arguments.

pub mod entry;
pub mod field_expires;
pub mod field_table;
pub mod hashtable;
pub mod id_map;
pub mod intset;
pub mod listpack;
pub mod lzf;
pub mod member_table;
pub mod ordered_set;
pub mod quicklist;
pub mod relocate;
pub mod set_table;
pub mod tagged;
