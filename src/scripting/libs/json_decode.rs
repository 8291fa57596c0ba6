//! `cjson.decode`: JSON text as Lua values. A text ends at its first NUL, as a C string.

use super::super::lua::{Effort, Raise, Stack};
use super::cjson::Options;
use super::json_number;

enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Colon,
    Comma,
    End,
    /// In `Decoder::text`.
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Error(&'static str),
}

impl Token {
    /// What error messages call it.
    fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::String => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Error(text) => text,
        }
    }
}

struct Decoder<'a> {
    json: &'a [u8],
    at: usize,
    /// Where the last token began, or what is wrong with it stands.
    token_at: usize,
    /// The last string.
    text: Vec<u8>,
    options: Options,
    depth: i64,
    effort: Effort,
}

/// Pushes the value of a JSON text.
pub fn decode(stack: &mut Stack, json: &[u8], options: Options) -> Result<(), Raise> {
    if json.len() >= 2 && (json[0] == 0 || json[1] == 0) {
        return Err(stack.error("JSON parser does not support UTF-16 or UTF-32"));
    }
    let effort = Effort::default();
    let text = Vec::new();
    let mut decoder = Decoder { json, at: 0, token_at: 0, text, options, depth: 0, effort };
    let token = decoder.next();
    decoder.value(stack, &token)?;
    match decoder.next() {
        Token::End => Ok(()),
        token => Err(decoder.expected(stack, "the end", &token)),
    }
}

impl Decoder<'_> {
    /// The byte at a distance; 0 after the end.
    fn peek(&self, ahead: usize) -> u8 {
        self.json.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn expected(&self, stack: &mut Stack, what: &str, found: &Token) -> Raise {
        let at = self.token_at + 1;
        stack.error(format!("Expected {what} but found {} at character {at}", found.name()))
    }

    fn error(&mut self, text: &'static str) -> Token {
        self.token_at = self.at;
        Token::Error(text)
    }

    fn next(&mut self) -> Token {
        while matches!(self.peek(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token_at = self.at;
        let single = match self.peek(0) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                if !self.options.decode_invalid_numbers && self.is_odd_number() {
                    return self.error("invalid number");
                }
                return self.number();
            }
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.word(),
            _ => return self.error("invalid token"),
        };
        self.at += 1;
        single
    }

    fn word(&mut self) -> Token {
        let rest = &self.json[self.at..];
        for (text, token) in [
            ("true", Token::Boolean(true)),
            ("false", Token::Boolean(false)),
            ("null", Token::Null),
        ] {
            if rest.starts_with(text.as_bytes()) {
                self.at += text.len();
                return token;
            }
        }
        if self.options.decode_invalid_numbers && self.is_odd_number() {
            return self.number();
        }
        self.error("invalid token")
    }

    /// A number that JSON has not, but C reads: `+`, hexadecimal, leading zeros, inf, nan.
    fn is_odd_number(&self) -> bool {
        if self.peek(0) == b'+' {
            return true;
        }
        let sign = usize::from(self.peek(0) == b'-');
        match self.peek(sign) {
            b'0' => matches!(self.peek(sign + 1), b'x' | b'X' | b'0'..=b'9'),
            0..=b'9' => false,
            _ => {
                let word = self.json.get(self.at + sign..self.at + sign + 3).unwrap_or_default();
                word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
            }
        }
    }

    fn number(&mut self) -> Token {
        let (value, len) = json_number::parse(&self.json[self.at..]);
        if len == 0 {
            return self.error("invalid number");
        }
        self.at += len;
        Token::Number(value)
    }

    fn string(&mut self) -> Token {
        self.at += 1;
        self.text.clear();
        loop {
            let mut byte = match self.peek(0) {
                b'"' => break,
                0 => return self.error("unexpected end of string"),
                byte => byte,
            };
            if byte == b'\\' {
                byte = match self.peek(1) {
                    b'u' => match self.unicode() {
                        Some(()) => continue,
                        None => return self.error("invalid unicode escape code"),
                    },
                    byte @ (b'"' | b'\\' | b'/') => byte,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'f' => 12,
                    b'r' => b'\r',
                    _ => return self.error("invalid escape code"),
                };
                self.at += 1;
            }
            self.text.push(byte);
            self.at += 1;
        }
        self.at += 1;
        Token::String
    }

    /// Four hexadecimal digits at a distance.
    fn hex4(&self, ahead: usize) -> Option<u32> {
        (0..4)
            .try_fold(0, |code, i| Some(code << 4 | char::from(self.peek(ahead + i)).to_digit(16)?))
    }

    /// `\uXXXX`, or two of them that are a surrogate pair.
    fn unicode(&mut self) -> Option<()> {
        let mut code = self.hex4(2)?;
        let mut len = 6;
        if code & 0xf800 == 0xd800 {
            if code & 0x400 != 0 || self.peek(6) != b'\\' || self.peek(7) != b'u' {
                return None;
            }
            let low = self.hex4(8).filter(|low| low & 0xfc00 == 0xdc00)?;
            code = ((code & 0x3ff) << 10 | low & 0x3ff) + 0x1_0000;
            len = 12;
        }
        let mut utf8 = [0; 4];
        let char = char::from_u32(code).expect("no surrogate, and at most 0x10ffff");
        self.text.extend_from_slice(char.encode_utf8(&mut utf8).as_bytes());
        self.at += len;
        Some(())
    }

    fn value(&mut self, stack: &mut Stack, token: &Token) -> Result<(), Raise> {
        stack.spend(&mut self.effort, 1 + self.text.len() / 16)?;
        match token {
            Token::String => stack.push_bytes(&self.text),
            Token::Number(n) => stack.push_number(*n),
            Token::Boolean(on) => stack.push_boolean(*on),
            Token::Null => stack.push_null_pointer(),
            Token::ObjectBegin => self.object(stack)?,
            Token::ArrayBegin => self.array(stack)?,
            token => return Err(self.expected(stack, "value", token)),
        }
        Ok(())
    }

    fn descend(&mut self, stack: &mut Stack) -> Result<(), Raise> {
        self.depth += 1;
        if self.depth > self.options.decode_max_depth || !stack.reserve(6) {
            return Err(stack.error(format!(
                "Found too many nested data structures ({}) at character {}",
                self.depth, self.at
            )));
        }
        Ok(())
    }

    fn object(&mut self, stack: &mut Stack) -> Result<(), Raise> {
        self.descend(stack)?;
        stack.push_table(0, 0);
        let mut token = self.next();
        if !matches!(token, Token::ObjectEnd) {
            loop {
                if !matches!(token, Token::String) {
                    return Err(self.expected(stack, "object key string", &token));
                }
                stack.push_bytes(&self.text);
                match self.next() {
                    Token::Colon => {}
                    token => return Err(self.expected(stack, "colon", &token)),
                }
                token = self.next();
                self.value(stack, &token)?;
                stack.raw_set(-3);
                match self.next() {
                    Token::ObjectEnd => break,
                    Token::Comma => token = self.next(),
                    token => return Err(self.expected(stack, "comma or object end", &token)),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, stack: &mut Stack) -> Result<(), Raise> {
        self.descend(stack)?;
        stack.push_table(0, 0);
        let mut token = self.next();
        if !matches!(token, Token::ArrayEnd) {
            for idx in 1.. {
                self.value(stack, &token)?;
                stack.raw_set_index(-2, idx);
                match self.next() {
                    Token::ArrayEnd => break,
                    Token::Comma => token = self.next(),
                    token => return Err(self.expected(stack, "comma or array end", &token)),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }
}
