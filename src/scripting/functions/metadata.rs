//! The first line of a library: `#!lua name=mylib`.

use crate::util::split_args::split_args;

/// What the first line says.
#[derive(Debug, PartialEq, Eq)]
pub struct Metadata {
    pub engine: Vec<u8>,
    pub name: Vec<u8>,
    /// Length of the line, without its end.
    pub line_len: usize,
}

impl Metadata {
    /// Reads the first line. `Err`: the text of the error, without code.
    pub fn read(code: &[u8]) -> Result<Metadata, Vec<u8>> {
        const INVALID: &[u8] = b"Invalid library metadata";
        if !code.starts_with(b"#!") {
            return Err(b"Missing library metadata".to_vec());
        }
        let line_len = memchr::memchr(b'\n', code).ok_or(INVALID)?;
        let parts = split_args(&code[..line_len]).filter(|parts| !parts.is_empty());
        let parts = parts.ok_or(INVALID)?;
        let engine = parts[0].get(2..).unwrap_or_default().to_vec();
        let mut name = None;
        for part in &parts[1..] {
            let value = part.split_at_checked(5);
            let value = value.filter(|(key, _)| key.eq_ignore_ascii_case(b"name="));
            match value {
                Some(_) if name.is_some() => {
                    let text = "Invalid metadata value, name argument was given multiple times";
                    return Err(text.into());
                }
                Some((_, value)) => name = Some(value.to_vec()),
                None => return Err([b"Invalid metadata value given: ", &part[..]].concat()),
            }
        }
        let name = name.ok_or(&b"Library name was not given"[..])?;
        Ok(Metadata { engine, name, line_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let read = |code: &str| Metadata::read(code.as_bytes());
        let error = |code: &str| String::from_utf8(read(code).unwrap_err()).unwrap();
        let (engine, name) = (b"LUA".to_vec(), b"x y".to_vec());
        assert_eq!(read("#!LUA NAME=\"x y\"\ncode"), Ok(Metadata { engine, name, line_len: 16 }));
        assert_eq!(error("return 1"), "Missing library metadata");
        assert_eq!(error("#!lua name=x"), "Invalid library metadata");
        assert_eq!(error("#!lua name=\"x\n"), "Invalid library metadata");
        assert_eq!(error("#!lua\n"), "Library name was not given");
        assert_eq!(error("#!lua foo=bar\n"), "Invalid metadata value given: foo=bar");
        let twice = "Invalid metadata value, name argument was given multiple times";
        assert_eq!(error("#!lua name=a name=b\n"), twice);
    }
}
