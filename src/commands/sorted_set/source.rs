//! The inputs of ZUNION, ZINTER and ZDIFF: sorted sets, and sets, whose members all score 1.
//!
//! Invariant: a source borrows the keyspace; nothing is copied out of it.

use crate::commands::{Ctx, ReplyError};
use crate::storage::db::Db;
use crate::storage::object::{ObjType, ValueRef};
use crate::storage::types::set::Set;
use crate::storage::types::zset::{LpValue, ZSet};

/// The score of a set's member.
const SET_SCORE: f64 = 1.0;

#[derive(Clone, Copy)]
pub enum Input<'a> {
    Missing,
    Set(&'a Set),
    ZSet(&'a ZSet),
}

/// An input and the factor of its scores.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub input: Input<'a>,
    pub weight: f64,
}

/// Looks the keys up as reads do (expiry, statistics); `WRONGTYPE` at the first that is neither
/// set nor sorted set.
pub fn check_keys(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> Result<(), ReplyError> {
    for key in keys {
        let found = ctx.lookup_read(key).map(|entry| entry.obj_type());
        if !matches!(found, None | Some(ObjType::Set | ObjType::ZSet)) {
            return Err(ReplyError::WRONGTYPE);
        }
    }
    Ok(())
}

impl<'a> Source<'a> {
    /// What `key`, checked before, holds.
    pub fn new(db: &'a Db, key: &[u8], weight: f64) -> Source<'a> {
        let input = match db.find(key).map(|entry| entry.value()) {
            Some(ValueRef::Set(set)) => Input::Set(set),
            Some(ValueRef::ZSet(zset)) => Input::ZSet(zset),
            _ => Input::Missing,
        };
        Source { input, weight }
    }

    pub fn len(&self) -> usize {
        match self.input {
            Input::Missing => 0,
            Input::Set(set) => set.len(),
            Input::ZSet(zset) => zset.len(),
        }
    }

    /// Whether both are the same value of the keyspace.
    pub fn is_same(&self, other: &Source<'_>) -> bool {
        match (self.input, other.input) {
            (Input::Set(a), Input::Set(b)) => std::ptr::eq(a, b),
            (Input::ZSet(a), Input::ZSet(b)) => std::ptr::eq(a, b),
            _ => false,
        }
    }

    /// The score of a member, without the weight.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.input {
            Input::Missing => None,
            Input::Set(set) => set.contains(member).then_some(SET_SCORE),
            Input::ZSet(zset) => zset.score(member),
        }
    }

    /// Calls `f` with members and scores, without the weight, until it returns false.
    #[inline]
    pub fn all(&self, mut f: impl FnMut(&[u8], f64) -> bool) {
        let mut digits = itoa::Buffer::new();
        let mut give = |member: LpValue<'_>, score| f(member.as_bytes(&mut digits), score);
        match self.input {
            Input::Missing => {}
            Input::Set(set) => {
                let _ = set.iter().all(|member| give(member, SET_SCORE));
            }
            Input::ZSet(zset) => zset.all(|member, score| give(member, score.get())),
        }
    }
}
