//! String values outside of entries: views and owned forms, and which texts are integers.

use super::raw_str::RawStr;
use super::{EMBED_MAX_BYTES, Entry};

/// A string value, to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrRef<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

impl<'a> StrRef<'a> {
    /// Length of the text.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        match self {
            StrRef::Int(int) => decimal_len(*int),
            StrRef::Bytes(bytes) => bytes.len(),
        }
    }

    /// The text; `digits` is used for integers.
    #[inline]
    pub fn as_bytes<'b>(&self, digits: &'b mut [u8; 20]) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            StrRef::Int(int) => {
                let mut buffer = itoa::Buffer::new();
                let text = buffer.format(*int).as_bytes();
                digits[..text.len()].copy_from_slice(text);
                &digits[..text.len()]
            }
            StrRef::Bytes(bytes) => bytes,
        }
    }

    /// Calls `f` with the text.
    #[inline]
    pub fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        f(self.as_bytes(&mut [0; 20]))
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// The number that the text is, if it is one in its canonical form.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            StrRef::Int(int) => Some(*int),
            StrRef::Bytes(bytes) => parse_canonical_int(bytes),
        }
    }
}

/// A string value, to change without changing its form. `Db::raw_str_mut` gives the form that can
/// grow.
pub enum StrMut<'a> {
    Int(&'a mut i64),
    Embed(&'a mut [u8]),
    Raw(&'a mut RawStr),
}

/// An owned string.
#[derive(Clone)]
pub enum StrValue {
    Int(i64),
    /// Short: will be inline in an entry.
    Embed(EmbedStr),
    /// Long, or modified in place.
    Raw(RawStr),
}

impl StrValue {
    /// Bytes as SET stores them: an integer if they are one, otherwise short or long.
    pub fn encode(bytes: &[u8]) -> StrValue {
        match parse_canonical_int(bytes) {
            Some(int) => StrValue::Int(int),
            None => Self::from_bytes(bytes),
        }
    }

    /// Bytes that stay bytes, whatever they say.
    pub fn from_bytes(bytes: &[u8]) -> StrValue {
        if bytes.len() <= EMBED_MAX_BYTES {
            StrValue::Embed(EmbedStr::from_bytes(bytes))
        } else {
            StrValue::Raw(RawStr::from_slice(bytes))
        }
    }

    pub fn as_ref(&self) -> StrRef<'_> {
        match self {
            StrValue::Int(int) => StrRef::Int(*int),
            StrValue::Embed(s) => StrRef::Bytes(s.as_bytes()),
            StrValue::Raw(s) => StrRef::Bytes(s.as_slice()),
        }
    }
}

/// A short owned string: the entry it was in, or an entry without a key. Taking a small string out
/// of the keyspace so allocates nothing.
pub struct EmbedStr(Entry);

impl EmbedStr {
    pub fn from_bytes(bytes: &[u8]) -> EmbedStr {
        let shape = super::Shape { klen: 0, vlen: bytes.len(), payload: false, ttl: false };
        let kind = super::kind_of(crate::storage::object::ObjType::String, super::ENC_EMBED);
        let inline = super::Inline::Bytes(bytes);
        let spec = super::Spec { shape, kind, word: None, ttl: None, inline };
        EmbedStr(Entry::build(b"", &spec, 0))
    }

    pub(super) fn from_entry(entry: Entry) -> EmbedStr {
        EmbedStr(entry)
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref().inline_value()
    }
}

impl Clone for EmbedStr {
    fn clone(&self) -> Self {
        Self::from_bytes(self.as_bytes())
    }
}

/// Digits and sign of a number.
fn decimal_len(int: i64) -> usize {
    let digits = int.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(int < 0)
}

/// The i64 of which `text` is the one canonical decimal text: no sign but `-`, no leading zeros,
/// no `-0`, in range.
#[inline(always)]
pub fn parse_canonical_int(text: &[u8]) -> Option<i64> {
    let &first = text.first()?;
    // Most strings end here.
    if (!first.is_ascii_digit() && first != b'-') || text.len() > 20 {
        return None;
    }
    parse_digits(text, first == b'-')
}

fn parse_digits(text: &[u8], negative: bool) -> Option<i64> {
    let digits = &text[usize::from(negative)..];
    match digits {
        [] => return None,
        [b'0'] => return (!negative).then_some(0),
        [b'0', ..] => return None,
        _ => {}
    }
    if digits.len() > 19 {
        return None;
    }
    let mut magnitude: u64 = 0;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 digits are below 10^19, which a u64 holds.
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative {
        (magnitude <= i64::MIN.unsigned_abs()).then(|| (magnitude as i64).wrapping_neg())
    } else {
        i64::try_from(magnitude).ok()
    }
}
