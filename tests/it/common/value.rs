//! A decoded reply of RESP2 or RESP3, and the notation in which tests write what they expect.
//!
//! Decoding never panics on what the server sent: a malformed frame is an error with its bytes.
//! The notation is unambiguous: simple strings, errors, integers and the RESP3 scalars keep their
//! wire form (`+OK`, `-ERR text`, `:1`, `,1.5`, `#t`, `(12`), bulk strings are quoted (`"x"`), the
//! nulls are `(nil)`, `(nil array)` and `(null)`, aggregates nest: `[a, b]`, `{k: v}`, `~[a]`,
//! `>[a]`.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    Int(i64),
    Bulk(Vec<u8>),
    /// RESP2 `$-1`.
    Nil,
    /// RESP2 `*-1`.
    NilArray,
    /// RESP3 `_`.
    Null,
    Array(Vec<Value>),
    /// RESP3 `%`, in the order of the wire.
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    /// RESP3 `,`, as its text: tests compare digits, not floats.
    Double(Vec<u8>),
    Bool(bool),
    BigNumber(Vec<u8>),
    /// RESP3 `=`: format and text, as `txt:…`.
    Verbatim(Vec<u8>),
    /// RESP3 `|`: attributes and the reply they belong to.
    Attributed(Vec<(Value, Value)>, Box<Value>),
}

/// `Ok(None)`: the frame is not complete yet. Otherwise the value and its length in bytes.
pub type Decoded = Result<Option<(Value, usize)>, String>;

/// Names of values that `Value::without_times` takes away.
fn is_time(key: &Value) -> bool {
    const TIMES: &[&[u8]] =
        &[b"idle", b"inactive", b"seen-time", b"active-time", b"radix-tree-nodes"];
    matches!(key, Value::Bulk(name) if TIMES.contains(&name.as_slice()))
}

/// A time as 0, "never" as it is.
fn unset(value: Value) -> Value {
    match value {
        Value::Int(0..) => Value::Int(0),
        other => other,
    }
}

impl Value {
    pub fn bulk(text: impl AsRef<[u8]>) -> Value {
        Value::Bulk(text.as_ref().to_vec())
    }

    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Nil | Value::NilArray | Value::Null)
    }

    /// The text of any string-like reply, lossily; panics on others.
    pub fn text(&self) -> String {
        match self {
            Value::Simple(b) | Value::Error(b) | Value::Bulk(b) | Value::Double(b) => lossy(b),
            Value::BigNumber(b) | Value::Verbatim(b) => lossy(b),
            other => panic!("not a string reply: {other}"),
        }
    }

    /// The bytes of a bulk string; panics on others.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Value::Bulk(bytes) => bytes,
            other => panic!("not a bulk reply: {other}"),
        }
    }

    pub fn int(&self) -> i64 {
        match self {
            Value::Int(n) => *n,
            other => panic!("not an integer reply: {other}"),
        }
    }

    /// The elements of an array, set or push.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => items,
            other => panic!("not an aggregate reply: {other}"),
        }
    }

    /// The value of `key` in a map, or in an array of alternating keys and values.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let named = |value: &Value| !value.is_null() && value.text() == key;
        match self {
            Value::Map(pairs) => pairs.iter().find(|(k, _)| named(k)).map(|(_, v)| v),
            Value::Array(items) => items.chunks_exact(2).find(|p| named(&p[0])).map(|p| &p[1]),
            other => panic!("not a map reply: {other}"),
        }
    }

    /// The same value with the order of its elements removed: for replies in hash order.
    pub fn sorted(mut self) -> Value {
        match &mut self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => items.sort(),
            Value::Map(pairs) => pairs.sort(),
            _ => {}
        }
        self
    }

    /// As `sorted`, for an array of alternating fields and values.
    pub fn sorted_pairs(self) -> Value {
        match self {
            Value::Array(items) if items.len() % 2 == 0 => {
                let mut pairs: Vec<_> = items.chunks_exact(2).map(|pair| pair.to_vec()).collect();
                pairs.sort();
                Value::Array(pairs.concat())
            }
            other => other.sorted(),
        }
    }

    /// XINFO and XPENDING without what differs between servers: times, and the inner nodes of the
    /// tree that a stream is.
    pub fn without_times(self) -> Value {
        match self {
            Value::Map(pairs) => Value::Map(
                pairs
                    .into_iter()
                    .map(|(key, value)| {
                        let value = if is_time(&key) { unset(value) } else { value };
                        (key, value.without_times())
                    })
                    .collect(),
            ),
            Value::Array(mut items) => {
                for at in 1..items.len() {
                    if is_time(&items[at - 1]) {
                        items[at] = unset(items[at].clone());
                    }
                }
                // [ID, consumer, time, count] and [ID, time, count].
                match &mut items[..] {
                    [Value::Bulk(_), Value::Bulk(_), time @ Value::Int(_), Value::Int(_)]
                    | [Value::Bulk(_), time @ Value::Int(_), Value::Int(_)] => {
                        *time = Value::Int(0);
                    }
                    _ => {}
                }
                Value::Array(items.into_iter().map(Value::without_times).collect())
            }
            other => other,
        }
    }

    /// Decodes the frame at the start of `bytes`.
    pub fn decode(bytes: &[u8]) -> Decoded {
        let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
            return Ok(None);
        };
        let (line, next) = (&bytes[1.min(end)..end], end + 2);
        let scalar = |value| Ok(Some((value, next)));
        match bytes[0] {
            b'+' => scalar(Value::Simple(line.to_vec())),
            b'-' => scalar(Value::Error(line.to_vec())),
            b':' => scalar(Value::Int(number(line)?)),
            b'_' => scalar(Value::Null),
            b',' => scalar(Value::Double(line.to_vec())),
            b'(' => scalar(Value::BigNumber(line.to_vec())),
            b'#' => scalar(Value::Bool(line == b"t")),
            b'$' | b'=' | b'!' => decode_blob(bytes, number(line)?, next),
            b'*' if number(line)? < 0 => scalar(Value::NilArray),
            kind @ (b'*' | b'~' | b'>' | b'%' | b'|') => {
                decode_aggregate(kind, bytes, number(line)?, next)
            }
            _ => Err(format!("not RESP: {:?}", lossy(&bytes[..bytes.len().min(80)]))),
        }
    }
}

fn number(line: &[u8]) -> Result<i64, String> {
    lossy(line).parse().map_err(|_| format!("not a number on the wire: {:?}", lossy(line)))
}

fn decode_blob(bytes: &[u8], len: i64, start: usize) -> Decoded {
    if len < 0 {
        return Ok(Some((Value::Nil, start)));
    }
    let end = start + len as usize;
    if bytes.len() < end + 2 {
        return Ok(None);
    }
    if &bytes[end..end + 2] != b"\r\n" {
        return Err(format!("a string of {len} bytes does not end in CRLF"));
    }
    let text = bytes[start..end].to_vec();
    let value = match bytes[0] {
        b'$' => Value::Bulk(text),
        b'=' => Value::Verbatim(text),
        _ => Value::Error(text),
    };
    Ok(Some((value, end + 2)))
}

fn decode_aggregate(kind: u8, bytes: &[u8], len: i64, start: usize) -> Decoded {
    let is_map = matches!(kind, b'%' | b'|');
    let count = len.max(0) * if is_map { 2 } else { 1 } + i64::from(kind == b'|');
    let (mut items, mut at) = (Vec::new(), start);
    for _ in 0..count {
        match bytes.get(at..).filter(|rest| !rest.is_empty()).map(Value::decode) {
            Some(Ok(Some((value, used)))) => {
                items.push(value);
                at += used;
            }
            Some(Err(error)) => return Err(error),
            _ => return Ok(None),
        }
    }
    let value = match kind {
        b'*' => Value::Array(items),
        b'~' => Value::Set(items),
        b'>' => Value::Push(items),
        b'%' => Value::Map(pairs(items)),
        _ => {
            let reply = items.pop().expect("an attribute counts the reply after it");
            Value::Attributed(pairs(items), Box::new(reply))
        }
    };
    Ok(Some((value, at)))
}

fn pairs(items: Vec<Value>) -> Vec<(Value, Value)> {
    items.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Printable ASCII as it is, the rest as `\n`, `\\` or `\x00`; the quote only inside quotes.
fn escaped(bytes: &[u8], quoted: bool) -> String {
    let one = |&byte: &u8| match byte {
        b'\'' => "'".to_string(),
        b'"' if !quoted => "\"".to_string(),
        other => other.escape_ascii().to_string(),
    };
    bytes.iter().map(one).collect()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, open: &str, items: &[Value]| {
            let items: Vec<_> = items.iter().map(Value::to_string).collect();
            write!(f, "{open}{}]", items.join(", "))
        };
        let map = |f: &mut fmt::Formatter<'_>, open: &str, pairs: &[(Value, Value)]| {
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}: {v}")).collect();
            write!(f, "{open}{}}}", pairs.join(", "))
        };
        match self {
            Value::Simple(text) => write!(f, "+{}", escaped(text, false)),
            Value::Error(text) => write!(f, "-{}", escaped(text, false)),
            Value::Int(n) => write!(f, ":{n}"),
            Value::Bulk(text) => write!(f, "\"{}\"", escaped(text, true)),
            Value::Nil => f.write_str("(nil)"),
            Value::NilArray => f.write_str("(nil array)"),
            Value::Null => f.write_str("(null)"),
            Value::Array(items) => list(f, "[", items),
            Value::Set(items) => list(f, "~[", items),
            Value::Push(items) => list(f, ">[", items),
            Value::Map(pairs) => map(f, "{", pairs),
            Value::Double(text) => write!(f, ",{}", escaped(text, false)),
            Value::Bool(yes) => f.write_str(if *yes { "#t" } else { "#f" }),
            Value::BigNumber(text) => write!(f, "({}", escaped(text, false)),
            Value::Verbatim(text) => write!(f, "=\"{}\"", escaped(text, true)),
            Value::Attributed(attributes, reply) => {
                map(f, "|{", attributes)?;
                write!(f, " {reply}")
            }
        }
    }
}

/// What `assert_reply!` accepts as the expected reply.
pub trait Expect {
    fn matches(&self, reply: &Value) -> bool;
    fn show(&self) -> String;
}

impl Expect for &str {
    fn matches(&self, reply: &Value) -> bool {
        reply.to_string() == *self
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Expect for String {
    fn matches(&self, reply: &Value) -> bool {
        reply.to_string() == *self
    }
    fn show(&self) -> String {
        self.clone()
    }
}

impl Expect for i64 {
    fn matches(&self, reply: &Value) -> bool {
        *reply == Value::Int(*self)
    }
    fn show(&self) -> String {
        format!(":{self}")
    }
}

impl Expect for Option<&str> {
    fn matches(&self, reply: &Value) -> bool {
        match self {
            Some(text) => *reply == Value::bulk(text),
            None => matches!(reply, Value::Nil | Value::Null),
        }
    }
    fn show(&self) -> String {
        self.map_or("(nil)".into(), |text| Value::bulk(text).to_string())
    }
}

impl Expect for Value {
    fn matches(&self, reply: &Value) -> bool {
        reply == self
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

#[test]
fn replies_decode_to_their_notation() {
    let wire = b"*4\r\n:1\r\n$3\r\na\r\x00\r\n%1\r\n+k\r\n,1.5\r\n~2\r\n#t\r\n_\r\n";
    let (value, used) = Value::decode(wire).unwrap().unwrap();
    assert_eq!(value.to_string(), r#"[:1, "a\r\x00", {+k: ,1.5}, ~[#t, (null)]]"#);
    assert_eq!(used, wire.len());
    for len in 0..wire.len() {
        assert_eq!(Value::decode(&wire[..len]), Ok(None), "prefix of {len} bytes");
    }
    assert!(Value::decode(b"?\r\n").is_err());
    assert!(Value::decode(b"$1\r\nabc\r\n").is_err());
}
