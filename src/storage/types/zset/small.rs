//! The small form of a sorted set: a listpack of member, score pairs, ascending by score, then by
//! member bytes, exactly as Redis stores it (RDB and DUMP copy the bytes).
//!
//! Every function is a walk: the form is for a hundred pairs. Bytes from a file that are no such
//! pairs give wrong answers, never a panic.
//!
//! Invariant: a change leaves the pairs in order, each score in the one text Redis has for it.

use std::cmp::Ordering;
use std::ops::Range;

use super::range::{LexRange, ScoreRange};
use crate::protocol::number::{NumText, f64_as_i64, parse_f64_prefix};
use crate::storage::encoding::listpack::{Listpack, LpRef, LpValue, Needle, Pos};

/// The score that an entry stands for.
#[inline]
pub fn score_of(value: LpValue<'_>) -> f64 {
    match value {
        LpValue::Int(int) => int as f64,
        LpValue::Str(text) => parse_f64_prefix(text).0,
    }
}

/// Calls `f` with a score as the entry that stores it: an integer if it is one, else its text.
fn with_score_entry<R>(score: f64, f: impl FnOnce(LpValue<'_>) -> R) -> R {
    match f64_as_i64(score) {
        Some(int) => f(LpValue::Int(int)),
        None => f(LpValue::Str(&NumText::from_f64(score))),
    }
}

/// How the text of `value` compares to `bytes`.
fn compare(value: LpValue<'_>, bytes: &[u8]) -> Ordering {
    match value {
        LpValue::Str(text) => text.cmp(bytes),
        LpValue::Int(int) => itoa::Buffer::new().format(int).as_bytes().cmp(bytes),
    }
}

/// Pairs of a listpack: where the member is, the member, the score's entry.
pub fn pairs(lp: LpRef<'_>) -> impl Iterator<Item = (Pos, LpValue<'_>, LpValue<'_>)> {
    let mut entries = lp.iter();
    std::iter::from_fn(move || {
        let (pos, member) = entries.next()?;
        Some((pos, member, entries.next()?.1))
    })
}

/// Calls `f` with the pairs of a range of ranks, ascending or descending.
pub fn walk<'a>(
    lp: LpRef<'a>,
    ranks: Range<usize>,
    reverse: bool,
    mut f: impl FnMut(LpValue<'a>, LpValue<'a>),
) {
    if ranks.is_empty() {
        return;
    }
    if reverse {
        let Some((last, _)) = lp.nth(2 * ranks.end - 1) else { return };
        let mut entries = lp.iter_to(last).rev();
        for _ in ranks {
            let (Some((_, score)), Some((_, member))) = (entries.next(), entries.next()) else {
                return;
            };
            f(member, score);
        }
    } else {
        let Some((first, _)) = lp.nth(2 * ranks.start) else { return };
        let mut entries = lp.iter_from(first);
        for _ in ranks {
            let (Some((_, member)), Some((_, score))) = (entries.next(), entries.next()) else {
                return;
            };
            f(member, score);
        }
    }
}

/// A member that is there.
#[derive(Clone, Copy)]
pub struct Found {
    pub pos: Pos,
    /// Where the entry of its score is.
    score_pos: Pos,
    pub score: f64,
}

/// Looks for a member.
pub fn find(lp: LpRef<'_>, member: &[u8]) -> Option<Found> {
    let needle = Needle::new(member);
    let mut entries = lp.iter();
    loop {
        let (pos, value) = entries.next()?;
        if needle.matches(value) {
            let (score_pos, entry) = entries.next()?;
            return Some(Found { pos, score_pos, score: score_of(entry) });
        }
        entries.skip_entries(1)?;
    }
}

/// Rank and score of a member.
pub fn rank(lp: LpRef<'_>, member: &[u8]) -> Option<(usize, f64)> {
    let needle = Needle::new(member);
    let (rank, (_, _, score)) =
        pairs(lp).enumerate().find(|(_, (_, value, _))| needle.matches(*value))?;
    Some((rank, score_of(score)))
}

/// Appends a pair that is behind all others.
pub fn push(lp: &mut Listpack, score: f64, member: &[u8]) {
    lp.push_back(member);
    with_score_entry(score, |entry| lp.push_back(entry));
}

/// Whether a pair comes behind `score` and `member`.
fn is_behind(value: LpValue<'_>, entry: LpValue<'_>, score: f64, member: &[u8]) -> bool {
    let at = score_of(entry);
    at > score || (at == score && compare(value, member).is_gt())
}

/// Inserts a member that is not there yet at its place.
pub fn insert(lp: &mut Listpack, score: f64, member: &[u8]) {
    let place =
        pairs(lp.as_lp()).find(|(_, value, entry)| is_behind(*value, *entry, score, member));
    let Some((pos, ..)) = place else { return push(lp, score, member) };
    with_score_entry(score, |entry| lp.insert_before(pos, entry));
    lp.insert_before(pos, member);
}

/// Gives a member a new score and the place that goes with it: from where it is, the pairs that it
/// passes change places with it.
pub fn update(lp: &mut Listpack, found: Found, score: f64, member: &[u8]) {
    let moved = if score > found.score {
        move_up(lp, found, score, member)
    } else {
        move_down(lp, found, score, member)
    };
    let score_pos = match moved {
        Some(pos) => lp.next(pos),
        None => Some(found.score_pos),
    };
    if let Some(pos) = score_pos {
        with_score_entry(score, |entry| lp.replace(pos, entry));
    }
}

/// Moves a pair towards the end, as far as a greater score takes it; where it is, if not where it
/// was.
fn move_up(lp: &mut Listpack, found: Found, score: f64, member: &[u8]) -> Option<Pos> {
    let mut entries = lp.as_lp().iter_from(found.score_pos).skip(1);
    let mut passed = false;
    let place = loop {
        let (Some((pos, value)), Some((_, entry))) = (entries.next(), entries.next()) else {
            break None;
        };
        if is_behind(value, entry, score, member) {
            break Some(pos);
        }
        passed = true;
    };
    if passed { lp.move_entries(found.pos, 2, place) } else { None }
}

/// Moves a pair towards the head, as far as a lesser score takes it; as [`move_up`].
fn move_down(lp: &mut Listpack, found: Found, score: f64, member: &[u8]) -> Option<Pos> {
    let mut entries = lp.as_lp().iter_to(found.pos).rev().skip(1);
    let mut place = None;
    while let (Some((_, entry)), Some((pos, value))) = (entries.next(), entries.next())
        && is_behind(value, entry, score, member)
    {
        place = Some(pos);
    }
    lp.move_entries(found.pos, 2, Some(place?))
}

/// The ranks from the first pair for which `from` holds to before the next one for which `upto`
/// does not.
fn ranks_where(
    lp: LpRef<'_>,
    mut from: impl FnMut(LpValue<'_>, LpValue<'_>) -> bool,
    mut upto: impl FnMut(LpValue<'_>, LpValue<'_>) -> bool,
) -> Range<usize> {
    let (mut start, mut count) = (0, 0);
    for (_, member, score) in pairs(lp) {
        if count == 0 && !from(member, score) {
            start += 1;
        } else if upto(member, score) {
            count += 1;
        } else {
            break;
        }
    }
    start..start + count
}

/// Ranks of the members within a range of scores.
pub fn score_ranks(lp: LpRef<'_>, range: &ScoreRange) -> Range<usize> {
    ranks_where(
        lp,
        |_, score| range.from_min(score_of(score)),
        |_, score| range.upto_max(score_of(score)),
    )
}

/// Ranks of the members within a range of byte strings. If the scores are not all equal, what Redis
/// finds depends on the end it starts from.
pub fn lex_ranks(lp: LpRef<'_>, range: &LexRange<'_>, reverse: bool) -> Range<usize> {
    let from = |member: LpValue<'_>| range.min.is_before(|bound| compare(member, bound));
    let upto = |member: LpValue<'_>| range.max.is_after(|bound| compare(member, bound));
    let (Some(first), Some((last, _))) = (lp.nth(0), lp.nth(lp.len().saturating_sub(2))) else {
        return 0..0;
    };
    if !upto(first.1) || !lp.get(last).is_some_and(from) {
        return 0..0;
    }
    if !reverse {
        return ranks_where(lp, |member, _| from(member), |member, _| upto(member));
    }
    let mut start = lp.len() / 2;
    let mut end = start;
    // From the back, every second entry is a member.
    for (_, member) in lp.iter().rev().skip(1).step_by(2) {
        if start == end && !upto(member) {
            end -= 1;
        } else if !from(member) {
            break;
        }
        start -= 1;
    }
    start..end
}
