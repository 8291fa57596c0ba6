//! LCS: the longest common subsequence of two strings, by the table of dynamic programming.

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
    let table = Table::new(&a, &b);
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

/// Lengths of the LCS of every pair of prefixes.
struct Table {
    cells: Vec<u32>,
    width: usize,
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

impl Table {
    fn new(a: &[u8], b: &[u8]) -> Table {
        let width = b.len() + 1;
        let mut cells = vec![0u32; width * (a.len() + 1)];
        for (i, x) in a.iter().enumerate() {
            let (above, row) = cells[i * width..(i + 2) * width].split_at_mut(width);
            for (j, y) in b.iter().enumerate() {
                row[j + 1] = if x == y { above[j] + 1 } else { above[j + 1].max(row[j]) };
            }
        }
        Table { cells, width }
    }

    fn len(&self) -> usize {
        self.cells.last().map_or(0, |len| *len as usize)
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// The subsequence and its runs, last run first.
    fn walk(&self, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Range>) {
        let mut text = Vec::with_capacity(self.len());
        let mut ranges: Vec<Range> = Vec::new();
        let mut open = false;
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                i -= 1;
                j -= 1;
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
                if self.at(i - 1, j) > self.at(i, j - 1) { i -= 1 } else { j -= 1 }
            }
        }
        text.reverse();
        (text, ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example() {
        let (a, b) = (b"ohmytext", b"mynewtext");
        let table = Table::new(a, b);
        let (text, ranges) = table.walk(a, b);
        assert_eq!(text, b"mytext");
        let ranges: Vec<_> = ranges.iter().map(|r| (r.a, r.b, r.len)).collect();
        assert_eq!(ranges, [(4, 5, 4), (2, 0, 2)]);
    }

    #[test]
    fn nothing_in_common() {
        let table = Table::new(b"", b"abc");
        assert_eq!(table.len(), 0);
        assert!(table.walk(b"", b"abc").1.is_empty());
    }
}
