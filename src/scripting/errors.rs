//! Errors as scripts see them: a table with `err`, and after the error handler `source` and `line`.
//! From Lua to the text of an error reply and back.

use super::lua::{CallResult, Kind, Raise, Stack};

/// Set in the table of an error that the statistics have counted already.
const COUNTED: &str = "ignore_error_stats_update";

/// What an error value says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ErrorInfo {
    /// Code and text.
    pub message: Vec<u8>,
    pub source: Option<Vec<u8>>,
    pub line: Option<Vec<u8>>,
    /// See [`COUNTED`].
    pub counted: bool,
}

/// Pushes the table of an error. A text that starts with `-` starts with its code; others get ERR.
pub fn push_error(stack: &mut Stack, text: &[u8]) {
    if let Some(session) = stack.session() {
        session.borrow_mut().log_error(text);
    }
    let (code, message) = match text.strip_prefix(b"-") {
        None => (&b"ERR"[..], text),
        Some(rest) => match memchr::memchr(b' ', rest) {
            Some(blank) => (&rest[..blank], &rest[blank + 1..]),
            None => (&b"ERR"[..], rest),
        },
    };
    let mut full = Vec::with_capacity(code.len() + 1 + message.len());
    full.extend_from_slice(code);
    full.push(b' ');
    full.extend_from_slice(trim_line_ends(message));
    // Up to the first NUL, as the reference's strings end.
    let end = memchr::memchr(0, &full).unwrap_or(full.len());
    stack.push_table(0, 1);
    stack.push_bytes(&full[..end]);
    stack.raw_set_field(-2, "err");
}

fn trim_line_ends(text: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let start = text.iter().position(|byte| !is_end(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_end(byte)).map_or(start, |at| at + 1);
    &text[start..end]
}

/// Pushes the error to raise it.
pub fn raise(stack: &mut Stack, text: &[u8]) -> Raise {
    push_error(stack, text);
    Raise
}

/// The error table on top of the stack has been counted.
pub fn mark_counted(stack: &mut Stack) {
    stack.push_boolean(true);
    stack.raw_set_field(-2, COUNTED);
}

/// Reads the error value on top of the stack.
pub fn info(stack: &mut Stack) -> ErrorInfo {
    if let Some(text) = stack.text(-1) {
        let message = [b"ERR ", until_nul(text)].concat();
        return ErrorInfo { message, ..ErrorInfo::default() };
    }
    if stack.kind(-1) != Kind::Table || !stack.reserve(4) {
        return ErrorInfo { message: b"ERR unknown error".to_vec(), ..ErrorInfo::default() };
    }
    let message = field(stack, "err").unwrap_or_else(|| b"ERR unknown error".to_vec());
    let (source, line) = (field(stack, "source"), field(stack, "line"));
    stack.raw_get_field(-1, COUNTED);
    let counted = stack.kind(-1) == Kind::Boolean && stack.boolean(-1);
    stack.pop(1);
    ErrorInfo { message, source, line, counted }
}

fn field(stack: &mut Stack, name: &str) -> Option<Vec<u8>> {
    stack.raw_get_field(-1, name);
    let text = stack.text(-1).map(|text| until_nul(text).to_vec());
    stack.pop(1);
    text
}

fn until_nul(text: &[u8]) -> &[u8] {
    &text[..memchr::memchr(0, text).unwrap_or(text.len())]
}

/// The error handler of `pcall`: makes a table of the error and adds where it happened; for an
/// error of a C function (`redis.call`), where that was called.
pub fn handler(stack: &mut Stack) -> CallResult {
    let mut place = stack.place(1);
    if place.as_ref().is_some_and(|place| place.is_c) {
        place = stack.place(2);
    }
    if !stack.reserve(6) {
        return Ok(1);
    }
    if stack.kind(1) != Kind::Table {
        let mut message = b"ERR ".to_vec();
        match stack.text(1) {
            Some(text) => message.extend_from_slice(text),
            None => message.extend_from_slice(&describe(stack, 1)),
        }
        stack.push_table(0, 3);
        stack.push_bytes(&message);
        stack.raw_set_field(-2, "err");
        stack.replace(1);
    }
    stack.set_top(1);
    if let Some(place) = place
        && !stack.is_readonly(1)
    {
        stack.push_bytes(&place.source);
        stack.raw_set_field(1, "source");
        stack.push_number(f64::from(place.line));
        stack.raw_set_field(1, "line");
    }
    Ok(1)
}

/// Lua's `tostring` of a value without a text.
fn describe(stack: &Stack, idx: i32) -> Vec<u8> {
    match stack.kind(idx) {
        Kind::Boolean if stack.boolean(idx) => b"true".to_vec(),
        Kind::Boolean => b"false".to_vec(),
        Kind::Nil | Kind::None => b"nil".to_vec(),
        kind => format!("{}: {:#x}", kind.name(), stack.pointer(idx)).into_bytes(),
    }
}

/// The text of the error value on top of the stack, up to the first NUL; empty if it has none.
pub fn text_of(stack: &mut Stack) -> Vec<u8> {
    stack.text(-1).map(|text| until_nul(text).to_vec()).unwrap_or_default()
}
