//! MONITOR: clients that see every command after it ran.

use super::Server;
use super::client::{Client, ClientFlags};
use super::slowlog::REDACTED;
use crate::commands::Args;
use crate::util::split_args::push_repr;

/// Ids of the monitoring clients.
#[derive(Default)]
pub struct Monitors {
    ids: Vec<u64>,
}

impl Monitors {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn add(&mut self, id: u64) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }

    pub fn remove(&mut self, id: u64) {
        self.ids.retain(|other| *other != id);
    }
}

impl Client {
    /// `ip:port`, `path:0` of a unix socket, or `?:0` of a client without a socket.
    pub fn peer_id(&self) -> String {
        let Some(conn) = &self.conn else { return "?:0".into() };
        match (&conn.unix_path, conn.peer) {
            (Some(path), _) => format!("{path}:0"),
            (None, Some(peer)) => {
                let ip = peer.ip().to_canonical();
                let brackets = if ip.is_ipv6() { ["[", "]"] } else { ["", ""] };
                format!("{}{ip}{}:{}", brackets[0], brackets[1], peer.port())
            }
            (None, None) => "?:0".into(),
        }
    }
}

/// `seconds.micros [db source] "command" "argument" …`
fn describe(now_us: i64, db: usize, source: &str, args: Args<'_>, redacted: &[usize]) -> Vec<u8> {
    let (seconds, us) = (now_us / 1_000_000, now_us % 1_000_000);
    let mut line = format!("{seconds}.{us:06} [{db} {source}]").into_bytes();
    for (i, arg) in args.iter().enumerate() {
        line.push(b' ');
        push_repr(&mut line, if redacted.contains(&i) { REDACTED } else { arg });
    }
    line
}

impl Server {
    /// Shows a command to the monitors; `db` is the one it began in.
    #[cold]
    pub fn feed_monitors(&mut self, client: &Client, db: usize, args: Args<'_>) {
        let source = if client.flags.has(ClientFlags::SCRIPT) {
            "lua".into()
        } else if client.flags.has(ClientFlags::UNIX_SOCKET) {
            let path = self.config.unixsocket.as_deref().unwrap_or_default();
            format!("unix:{}", String::from_utf8_lossy(path))
        } else {
            client.peer_id()
        };
        let now_us = super::clock::unix_us();
        let line = describe(now_us, db, &source, args, &self.exec.redacted);
        for id in self.monitors.ids.clone() {
            self.send_to(id, |reply| reply.status(&line));
        }
    }

    /// The argument is a secret: slow log and MONITOR do not show it.
    pub fn redact_argument(&mut self, idx: usize) {
        self.exec.redacted.push(idx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_and_secrets_hidden() {
        let argv: &[&[u8]] = &[b"set", b"a\r\n\x01", b"secret"];
        let line = describe(1_500_000, 9, "127.0.0.1:5", Args(argv), &[2]);
        let expected = r#"1.500000 [9 127.0.0.1:5] "set" "a\r\n\x01" "(redacted)""#;
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }
}
