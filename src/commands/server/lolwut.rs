//! LOLWUT: a picture made of text, and the version. Our own pictures: disorder that grows (after
//! Georg Nees, as version 5 shows) and a skyline (version 6).

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::file::REDIS_VERSION;

const MAX_COLUMNS: i64 = 1000;
const MAX_ROWS: i64 = 1000;

/// LOLWUT [VERSION version] [columns [rows]]
pub fn lolwut(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mut version = 0;
    let mut rest = &args[1..];
    if let [option, number, tail @ ..] = rest
        && is_option(option, "version")
    {
        version = int(number)?;
        rest = tail;
    }
    let mut numbers = rest.iter().map(|arg| int(arg));
    let columns = numbers.next().transpose()?;
    let rows = numbers.next().transpose()?;
    let clamp = |value: Option<i64>, default: i64, max: i64| {
        value.unwrap_or(default).clamp(1, max) as usize
    };
    let mut text = match version {
        5 => disorder(clamp(columns, 66, MAX_COLUMNS), clamp(rows, 12, MAX_ROWS)),
        6 => skyline(clamp(columns, 80, MAX_COLUMNS), clamp(rows, 20, MAX_ROWS)),
        v if v < 0 => return Err(ReplyError::VALUE_OUT_OF_RANGE),
        _ => String::new(),
    };
    text.push_str(&format!("Redis ver. {REDIS_VERSION}\n"));
    ctx.client.reply.verbatim(text.as_bytes(), "txt");
    Ok(())
}

/// Rows of strokes that tilt more and more.
fn disorder(columns: usize, rows: usize) -> String {
    const STROKES: [char; 6] = ['|', '/', '\\', '-', '.', ' '];
    let mut text = String::new();
    for row in 0..rows {
        for _ in 0..columns {
            let chaos = (row * STROKES.len()).div_ceil(rows);
            text.push(STROKES[fastrand::usize(..=chaos.min(STROKES.len() - 1))]);
        }
        text.push('\n');
    }
    text.push_str("\nFrom order to disorder, after Georg Nees, plotter on paper, 1968. ");
    text
}

/// Houses with lit windows under a sky with stars.
fn skyline(columns: usize, rows: usize) -> String {
    const HOUSE_COLUMNS: usize = 6;
    let houses = columns.div_ceil(HOUSE_COLUMNS);
    let heights: Vec<usize> = (0..houses).map(|_| fastrand::usize(..=rows * 3 / 4)).collect();
    let mut text = String::new();
    for row in 0..rows {
        for column in 0..columns {
            let inside = rows - row <= heights[column / HOUSE_COLUMNS];
            let window = column % HOUSE_COLUMNS % 2 == 1;
            text.push(match (inside, window) {
                (false, _) => {
                    if fastrand::u8(..100) == 0 {
                        '*'
                    } else {
                        ' '
                    }
                }
                (true, true) => {
                    if fastrand::bool() {
                        'o'
                    } else {
                        '#'
                    }
                }
                (true, false) => '#',
            });
        }
        text.push('\n');
    }
    text.push_str("\nA city at night. ");
    text
}
