//! Elements of collections as bulk strings: written from wherever they are stored, without a copy.

use crate::protocol::reply::Reply;
use crate::storage::types::list::LpValue;

/// An element as a bulk string.
#[inline]
pub fn bulk_value(reply: &mut Reply, value: LpValue<'_>) {
    match value {
        LpValue::Str(bytes) => reply.bulk(bytes),
        LpValue::Int(int) => reply.bulk_int(int),
    }
}
