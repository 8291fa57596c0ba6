//! Flags of scripts and functions, and the first line (`#!lua flags=...`) that declares them.

use crate::util::split_args::split_args;

pub const NO_WRITES: u64 = 1 << 0;
pub const ALLOW_OOM: u64 = 1 << 1;
pub const ALLOW_STALE: u64 = 1 << 2;
pub const NO_CLUSTER: u64 = 1 << 3;
/// A script without a first line: rules of before there were flags.
pub const EVAL_COMPAT_MODE: u64 = 1 << 4;
pub const ALLOW_CROSS_SLOT: u64 = 1 << 5;

/// Names, in the order FUNCTION LIST shows them.
pub const NAMES: &[(u64, &str)] = &[
    (NO_WRITES, "no-writes"),
    (ALLOW_OOM, "allow-oom"),
    (ALLOW_STALE, "allow-stale"),
    (NO_CLUSTER, "no-cluster"),
    (ALLOW_CROSS_SLOT, "allow-cross-slot-keys"),
];

/// What the first line of a script says.
#[derive(Debug, PartialEq, Eq)]
pub struct Shebang {
    pub flags: u64,
    /// Length of the line, without its end.
    pub len: usize,
}

/// Reads the first line of an EVAL script. `Err`: the text of the error, without code.
pub fn script_shebang(body: &[u8]) -> Result<Shebang, Vec<u8>> {
    if !body.starts_with(b"#!") {
        return Ok(Shebang { flags: EVAL_COMPAT_MODE, len: 0 });
    }
    let len = memchr::memchr(b'\n', body).ok_or(&b"Invalid script shebang"[..])?;
    let parts = split_args(&body[..len]).filter(|parts| !parts.is_empty());
    let parts = parts.ok_or(&b"Invalid engine in script shebang"[..])?;
    if parts[0] != b"#!lua" {
        return Err([b"Unexpected engine in script shebang: ", &parts[0][..]].concat());
    }
    let mut flags = 0;
    for part in &parts[1..] {
        let Some(list) = part.strip_prefix(b"flags=") else {
            return Err([b"Unknown lua shebang option: ", &part[..]].concat());
        };
        if list.is_empty() {
            continue;
        }
        for name in list.split(|byte| *byte == b',') {
            let found = NAMES.iter().find(|(_, text)| text.as_bytes() == name);
            let unknown = || [b"Unexpected flag in script shebang: ", name].concat();
            flags |= found.ok_or_else(unknown)?.0;
        }
    }
    Ok(Shebang { flags, len })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let flags = |body: &str| script_shebang(body.as_bytes()).map(|s| (s.flags, s.len));
        let error = |body: &str| String::from_utf8(script_shebang(body.as_bytes()).unwrap_err());
        assert_eq!(flags("return 1"), Ok((EVAL_COMPAT_MODE, 0)));
        assert_eq!(flags("#!lua\nreturn 1"), Ok((0, 5)));
        assert_eq!(flags("#!lua flags=\n"), Ok((0, 12)));
        assert_eq!(flags("#!lua flags=no-writes,allow-oom\n"), Ok((NO_WRITES | ALLOW_OOM, 31)));
        assert_eq!(error("#!lua").unwrap(), "Invalid script shebang");
        assert_eq!(error("#!not\n").unwrap(), "Unexpected engine in script shebang: #!not");
        assert_eq!(error("#!lua a=b\n").unwrap(), "Unknown lua shebang option: a=b");
        assert_eq!(error("#!lua flags=x\n").unwrap(), "Unexpected flag in script shebang: x");
    }
}
