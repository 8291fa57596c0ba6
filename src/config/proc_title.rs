//! The template of the process title (`proc-title-template`).
//!
//! Expands only; setting the title is for `sys`. Invariant: `None` for a template with an unknown
//! variable or an open brace, whatever the configuration.

use super::Config;
use crate::util::split_args::is_space;

/// Replaces `{variable}` and `{{`. `title` is what the program was called as. Blanks around the
/// result are cut.
pub fn expand(
    config: &Config,
    template: &[u8],
    title: &[u8],
    sentinel_mode: bool,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(open) = memchr::memchr(b'{', rest) {
        out.extend_from_slice(&rest[..open]);
        rest = &rest[open + 1..];
        if let Some(after) = rest.strip_prefix(b"{") {
            out.push(b'{');
            rest = after;
            continue;
        }
        let close = memchr::memchr(b'}', rest)?;
        out.extend_from_slice(&variable(config, &rest[..close], title, sentinel_mode)?);
        rest = &rest[close + 1..];
    }
    out.extend_from_slice(rest);
    let start = out.iter().position(|byte| !is_space(*byte)).unwrap_or(out.len());
    let end = out.iter().rposition(|byte| !is_space(*byte)).map_or(start, |last| last + 1);
    Some(out[start..end].to_vec())
}

fn variable(config: &Config, name: &[u8], title: &[u8], sentinel_mode: bool) -> Option<Vec<u8>> {
    let unix_socket = config.unixsocket.clone().unwrap_or_default();
    Some(match name {
        b"title" => title.to_vec(),
        b"listen-addr" if config.port == 0 && config.tls_port == 0 => {
            [b"unixsocket:".as_slice(), &unix_socket].concat()
        }
        b"listen-addr" => {
            let port = if config.port != 0 { config.port } else { config.tls_port };
            let address = config.bind.first().map_or(b"*".as_slice(), Vec::as_slice);
            [address, format!(":{port}").as_bytes()].concat()
        }
        b"server-mode" if config.cluster_enabled => b"[cluster]".to_vec(),
        b"server-mode" if sentinel_mode => b"[sentinel]".to_vec(),
        b"server-mode" => Vec::new(),
        b"config-file" => match &config.configfile {
            Some(path) => path.as_os_str().as_encoded_bytes().to_vec(),
            None => b"-".to_vec(),
        },
        b"port" => config.port.to_string().into_bytes(),
        b"tls-port" => config.tls_port.to_string().into_bytes(),
        b"unixsocket" => unix_socket,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_variables_and_refuses_unknown_ones() {
        let config = Config { port: 7000, ..Config::default() };
        let title = |template: &str| {
            let out = expand(&config, template.as_bytes(), b"redis-server", false)?;
            Some(String::from_utf8(out).unwrap())
        };
        assert_eq!(title("{title} {listen-addr} {server-mode}").unwrap(), "redis-server *:7000");
        assert_eq!(title("a{{b {port} {config-file}").unwrap(), "a{b 7000 -");
        for template in ["{nope}", "x{", "{title"] {
            assert_eq!(title(template), None, "{template}");
        }
    }
}
