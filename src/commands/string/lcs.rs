//! LCS: the longest common subsequence of two strings.
//!
//! The table of dynamic programming in bits: a row differs from one cell to the next by nought or
//! one, so a bit a cell says it all, and a row follows from the one above it 64 cells at a time
//! (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::{Aggregate, Reply};

#[derive(Default)]
struct Options {
    idx: bool,
    len: bool,
    with_match_len: bool,
    min_match_len: i64,
}

fn parse(args: Args<'_>) -> Result<Options, ReplyError> {
    let mut options = Options::default();
    let mut i = 3;
    while i < args.len() {
        if is_option(args[i], "idx") {
            options.idx = true;
        } else if is_option(args[i], "len") {
            options.len = true;
        } else if is_option(args[i], "withmatchlen") {
            options.with_match_len = true;
        } else if is_option(args[i], "minmatchlen") && i + 1 < args.len() {
            i += 1;
            options.min_match_len = int(args[i])?.max(0);
        } else {
            return Err(ReplyError::SYNTAX);
        }
        i += 1;
    }
    if options.idx && options.len {
        return Err(ReplyError::fixed(
            "ERR If you want both the length and indexes, please just use IDX.",
        ));
    }
    Ok(options)
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]`
pub fn lcs(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let a = operand(ctx, args[1])?;
    let b = operand(ctx, args[2])?;
    let options = parse(args)?;
    if a.len().max(b.len()) >= u32::MAX as usize - 1 {
        return Err(ReplyError::fixed("ERR String too long for LCS"));
    }
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(4) > ctx.server.config.proto_max_bulk_len {
        return Err(ReplyError::fixed(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let text_needed = options.idx || !options.len;
    let keep = if text_needed { Keep::All } else { Keep::Last };
    let Some(table) = Table::new(&a, &b, keep) else {
        return Err(ReplyError::fixed(
            "ERR Insufficient memory, failed allocating transient memory for LCS",
        ));
    };
    let reply = &mut ctx.client.reply;
    if options.idx {
        reply.map(2);
        reply.bulk_str("matches");
        let at = reply.deferred();
        let (_, ranges) = table.walk(&a, &b);
        let shown: Vec<&Range> =
            ranges.iter().filter(|range| range.len as i64 >= options.min_match_len).collect();
        for range in &shown {
            range.reply(reply, options.with_match_len);
        }
        reply.close_deferred(at, Aggregate::Array, shown.len());
        reply.bulk_str("len");
        reply.count(table.len());
    } else if options.len {
        reply.count(table.len());
    } else {
        let (text, _) = table.walk(&a, &b);
        reply.bulk(&text);
    }
    Ok(())
}

fn operand(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<Vec<u8>, ReplyError> {
    match ctx.server.read_string(ctx.client.db, key) {
        Ok(value) => Ok(value.map_or_else(Vec::new, |value| value.to_vec())),
        Err(_) => Err(ReplyError::fixed("ERR The specified keys must contain string values")),
    }
}

/// Which row of the table is needed when all are computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    All,
    Last,
}

/// Lengths of the LCS of pairs of prefixes: L(i, j) is the number of clear bits among the first j
/// of row i.
struct Table {
    rows: Vec<u64>,
    /// Words in a row.
    width: usize,
    /// Bytes of the second string.
    columns: usize,
}

/// A run of matching bytes: where it starts in both strings.
struct Range {
    a: usize,
    b: usize,
    len: usize,
}

impl Range {
    fn reply(&self, reply: &mut Reply, with_len: bool) {
        reply.array(2 + usize::from(with_len));
        for start in [self.a, self.b] {
            reply.array(2);
            reply.count(start);
            reply.count(start + self.len - 1);
        }
        if with_len {
            reply.count(self.len);
        }
    }
}

/// For each byte that occurs in `a`, the bits of the places in `b` that hold it.
struct Places {
    /// Where the words of a byte begin.
    of: [Option<usize>; 256],
    words: Vec<u64>,
}

impl Places {
    fn new(a: &[u8], b: &[u8], width: usize) -> Places {
        let mut places = Places { of: [None; 256], words: Vec::new() };
        for byte in a {
            let start = &mut places.of[usize::from(*byte)];
            if start.is_none() {
                *start = Some(places.words.len());
                places.words.resize(places.words.len() + width, 0);
            }
        }
        for (j, byte) in b.iter().enumerate() {
            if let Some(start) = places.of[usize::from(*byte)] {
                places.words[start + j / 64] |= 1 << (j % 64);
            }
        }
        places
    }
}

impl Table {
    /// `None`: there is not so much memory.
    fn new(a: &[u8], b: &[u8], keep: Keep) -> Option<Table> {
        let width = b.len().div_ceil(64);
        let places = Places::new(a, b, width);
        let kept = if keep == Keep::All { a.len() + 1 } else { 1 };
        let mut rows = Vec::new();
        rows.try_reserve_exact(kept.checked_mul(width)?).ok()?;
        let mut row = vec![u64::MAX; width];
        for byte in a {
            if keep == Keep::All {
                rows.extend_from_slice(&row);
            }
            let start = places.of[usize::from(*byte)].expect("all bytes of `a` have places");
            let mut carry = false;
            for (v, m) in row.iter_mut().zip(&places.words[start..start + width]) {
                let (sum, over) = v.overflowing_add(*v & m);
                let (sum, over_carry) = sum.overflowing_add(u64::from(carry));
                carry = over | over_carry;
                *v = sum | (*v & !m);
            }
        }
        rows.extend_from_slice(&row);
        Some(Table { rows, width, columns: b.len() })
    }

    /// L(i, j), where `i` counts the rows that were kept.
    fn at(&self, i: usize, j: usize) -> usize {
        let row = &self.rows[i * self.width..(i + 1) * self.width];
        let whole: u32 = row[..j / 64].iter().map(|word| word.count_zeros()).sum();
        let rest =
            if j.is_multiple_of(64) { 0 } else { (!row[j / 64] << (64 - j % 64)).count_ones() };
        (whole + rest) as usize
    }

    /// 1 if L(i, j) is one more than L(i, j - 1), else 0.
    fn step(&self, i: usize, j: usize) -> usize {
        (!self.rows[i * self.width + (j - 1) / 64] >> ((j - 1) % 64) & 1) as usize
    }

    /// Length of the subsequence.
    fn len(&self) -> usize {
        match self.rows.len().checked_div(self.width) {
            Some(rows) => self.at(rows - 1, self.columns),
            None => 0,
        }
    }

    /// The subsequence and its runs, last run first.
    fn walk(&self, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Range>) {
        let mut text = Vec::with_capacity(self.len());
        let mut ranges: Vec<Range> = Vec::new();
        let mut open = false;
        let (mut i, mut j) = (a.len(), b.len());
        if i == 0 || j == 0 {
            return (text, ranges);
        }
        // L(i, j) and L(i - 1, j).
        let (mut here, mut above) = (self.len(), self.at(i - 1, j));
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                here = above - self.step(i - 1, j);
                i -= 1;
                j -= 1;
                above = if i > 0 { self.at(i - 1, j) } else { 0 };
                text.push(a[i]);
                match ranges.last_mut() {
                    Some(range) if open && range.a == i + 1 && range.b == j + 1 => {
                        range.a = i;
                        range.b = j;
                        range.len += 1;
                    }
                    _ => ranges.push(Range { a: i, b: j, len: 1 }),
                }
                open = true;
            } else {
                open = false;
                let left = here - self.step(i, j);
                if above > left {
                    here = above;
                    i -= 1;
                    above = if i > 0 { self.at(i - 1, j) } else { 0 };
                } else {
                    here = left;
                    above -= self.step(i - 1, j);
                    j -= 1;
                }
            }
        }
        text.reverse();
        (text, ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Found = (usize, Vec<u8>, Vec<(usize, usize, usize)>);

    fn find(a: &[u8], b: &[u8]) -> Found {
        let table = Table::new(a, b, Keep::All).unwrap();
        let (text, ranges) = table.walk(a, b);
        (table.len(), text, ranges.iter().map(|r| (r.a, r.b, r.len)).collect())
    }

    /// The same by a table of numbers.
    fn naive(a: &[u8], b: &[u8]) -> Found {
        let mut cells = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                cells[i][j] = match a[i - 1] == b[j - 1] {
                    true => cells[i - 1][j - 1] + 1,
                    false => cells[i - 1][j].max(cells[i][j - 1]),
                };
            }
        }
        let (mut text, mut ranges, mut open) = (Vec::new(), Vec::new(), false);
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                text.insert(0, a[i]);
                match ranges.last_mut() {
                    Some((x, y, len)) if open => (*x, *y, *len) = (i, j, *len + 1),
                    _ => ranges.push((i, j, 1)),
                }
                open = true;
            } else {
                open = false;
                if cells[i - 1][j] > cells[i][j - 1] { i -= 1 } else { j -= 1 }
            }
        }
        (cells[a.len()][b.len()], text, ranges)
    }

    #[test]
    fn the_documented_example() {
        let (len, text, ranges) = find(b"ohmytext", b"mynewtext");
        assert_eq!((len, &text[..]), (6, &b"mytext"[..]));
        assert_eq!(ranges, [(4, 5, 4), (2, 0, 2)]);
    }

    proptest! {
        #[test]
        fn bits_find_what_numbers_find(
            a in prop::collection::vec(0u8..4, 0..150),
            b in prop::collection::vec(0u8..5, 0..150),
        ) {
            prop_assert_eq!(find(&a, &b), naive(&a, &b));
            prop_assert_eq!(Table::new(&a, &b, Keep::Last).unwrap().len(), naive(&a, &b).0);
        }
    }
}
