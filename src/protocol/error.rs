//! `ReplyError`: the client's fault, returned by handlers with `?` and written once, by `call`.
//! The text carries its code ("ERR syntax error") and no line break; it is what follows the `-` on
//! the wire.

use std::borrow::Cow;

/// An error reply. Displays as the line sent to the client, without `-` and CRLF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyError(Cow<'static, [u8]>);

/// What a command handler returns.
pub type CmdResult = Result<(), ReplyError>;

macro_rules! texts {
    ($($name:ident = $text:literal;)*) => {
        impl ReplyError {
            $(pub const $name: ReplyError = ReplyError(Cow::Borrowed($text.as_bytes()));)*
        }
    };
}

texts! {
    WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    SYNTAX = "ERR syntax error";
    NOT_INT = "ERR value is not an integer or out of range";
    NOT_FLOAT = "ERR value is not a valid float";
    NO_SUCH_KEY = "ERR no such key";
    OUT_OF_RANGE = "ERR index out of range";
    VALUE_OUT_OF_RANGE = "ERR value is out of range";
    MUST_BE_POSITIVE = "ERR value is out of range, must be positive";
    SAME_OBJECT = "ERR source and destination objects are the same";
    INVALID_EXPIRE_SET = "ERR invalid expire time in 'set' command";
    OOM = "OOM command not allowed when used memory > 'maxmemory'.";
    NOAUTH = "NOAUTH Authentication required.";
    LOADING = "LOADING Redis is loading the dataset in memory";
    EXECABORT = "EXECABORT Transaction discarded because of previous errors.";
    MASTERDOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    NOREPLICAS = "NOREPLICAS Not enough good replicas to write.";
    READONLY = "READONLY You can't write against a read only replica.";
    TIMEOUT_NOT_FLOAT = "ERR timeout is not a float or out of range";
    TIMEOUT_NEGATIVE = "ERR timeout is negative";
    TIMEOUT_RANGE = "ERR timeout is out of range";
    STRING_TOO_BIG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    OFFSET_RANGE = "ERR offset is out of range";
    DB_INDEX_RANGE = "ERR DB index is out of range";
}

impl ReplyError {
    /// An error whose text starts with its own code, or gets `ERR ` if `text` starts with `-`-less
    /// lower-case prose is the caller's choice: the text is taken as it is. Line breaks become
    /// blanks, as Redis does.
    pub fn new(text: impl Into<Vec<u8>>) -> ReplyError {
        let mut text = text.into();
        while matches!(text.last(), Some(b'\r' | b'\n')) {
            text.pop();
        }
        for byte in &mut text {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        ReplyError(Cow::Owned(text))
    }

    /// A constant error text, code included.
    pub const fn fixed(text: &'static str) -> ReplyError {
        ReplyError(Cow::Borrowed(text.as_bytes()))
    }

    /// `ERR ` followed by the text.
    pub fn err(text: impl AsRef<[u8]>) -> ReplyError {
        let mut full = b"ERR ".to_vec();
        full.extend_from_slice(text.as_ref());
        ReplyError::new(full)
    }

    /// "ERR wrong number of arguments for 'name' command"; `name` in full (`config|get`).
    pub fn wrong_arity(name: &str) -> ReplyError {
        ReplyError::new(format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// "ERR invalid expire time in 'name' command".
    pub fn invalid_expire(name: &str) -> ReplyError {
        ReplyError::new(format!("ERR invalid expire time in '{name}' command"))
    }

    /// The whole text, code first.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// The first word ("WRONGTYPE"), under which errorstats counts it.
    pub fn code(&self) -> &[u8] {
        let end = self.0.iter().position(|&b| b == b' ').unwrap_or(self.0.len());
        &self.0[..end]
    }
}
