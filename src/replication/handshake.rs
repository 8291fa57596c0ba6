//! A replica's side of the handshake with its master, as a machine without I/O: it takes what
//! happens on the link and answers what to do, up to the point where the bulk of a full
//! synchronization begins, or the stream of a partial one.
//!
//! ```text
//!  connected ─PING→ pong ─AUTH, REPLCONF port/ip/capa→ auth → port → ip → capa ─PSYNC→ reply
//!     reply: +CONTINUE            → done, the rest of the input is the stream
//!            +FULLRESYNC id off   → header
//!            an error             → ─SYNC→ header      (a master that knows no PSYNC)
//!            -NOMASTERLINK -LOADING  → try again later
//!     header: $<len> or $EOF:<mark>  → done, the rest of the input is the RDB
//! ```
//!
//! Empty lines are signs of life of the master at any point. Invariant: how the input is cut into
//! pieces changes nothing. (Wire form: Redis' replication.c.)

use super::ID_BYTES;

/// Longest line a master may send here; longer ones are no Redis.
const MAX_LINE_BYTES: usize = 1024;

/// What the replica says about itself, and what it asks for.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `masteruser` (if any) and `masterauth`.
    pub auth: Option<(Option<Vec<u8>>, Vec<u8>)>,
    /// The port that others reach this replica at.
    pub port: u16,
    /// `replica-announce-ip`
    pub announce_ip: Option<Vec<u8>>,
    /// The history this replica has: id, and offset of the first byte it lacks.
    pub have: Option<(String, i64)>,
    /// This was the master, and tells its replica to take over.
    pub failover: bool,
    /// Offers to take the RDB on a connection of its own.
    pub rdb_channel: bool,
    /// This is that second connection: the id that the master gave to the first.
    pub main_channel: Option<u64>,
    /// ms without input after which the master is given up.
    pub timeout_ms: i64,
}

/// What happens on the link.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The connection is made.
    Connected,
    Input(&'a [u8]),
    /// The master closed the connection.
    Closed,
    /// Time went by.
    Tick,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Notice,
    Warning,
}

/// The form of the bulk that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// So many bytes.
    Length(u64),
    /// Until this mark.
    Mark([u8; ID_BYTES]),
}

/// Why there will be no synchronization on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The master is not ready, or is none.
    TryLater,
    /// It answered PSYNC, and cannot at present.
    Refused,
    /// It promised an RDB and sent something else.
    NoPayload,
    /// No answer in time.
    Timeout,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Send(Vec<u8>),
    Log(Level, String),
    /// A partial synchronization begins; the id under which the master goes on, if it said one.
    Continue(Option<String>),
    /// A full synchronization begins, of that history (`None`: the master knows no PSYNC).
    FullResync(Option<(String, i64)>),
    /// The RDB comes on a second connection, which names this id; the stream begins here at once.
    RdbChannel(u64),
    /// The bulk begins.
    Payload(Payload),
    /// Close the connection.
    Fail(Failure),
}

/// How far the handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Connecting,
    ReceivePingReply,
    ReceiveAuthReply,
    ReceivePortReply,
    ReceiveIpReply,
    ReceiveCapaReply,
    ReceivePsyncReply,
    ReceiveHeader,
    Done,
}

/// The machine.
#[derive(Debug)]
pub struct Handshake {
    settings: Settings,
    state: State,
    /// Input that is no whole line yet; after the end what belongs to stream or RDB.
    input: Vec<u8>,
    /// When something last came, ms.
    last_io_ms: i64,
}

fn command(args: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn notice(text: impl Into<String>) -> Action {
    Action::Log(Level::Notice, text.into())
}

fn warning(text: impl Into<String>) -> Action {
    Action::Log(Level::Warning, text.into())
}

impl Handshake {
    /// A connection to the master is being made.
    pub fn new(settings: Settings, now_ms: i64) -> Handshake {
        Handshake { settings, state: State::Connecting, input: Vec::new(), last_io_ms: now_ms }
    }

    /// `repl-timeout` was set.
    pub fn set_timeout(&mut self, timeout_ms: i64) {
        self.settings.timeout_ms = timeout_ms;
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// What came after the end of the handshake.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// When something last came, ms.
    pub fn last_io_ms(&self) -> i64 {
        self.last_io_ms
    }

    /// One thing happened. Nothing is to be told after `Done`.
    pub fn step(&mut self, event: Event<'_>, now_ms: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Connected => {
                self.last_io_ms = now_ms;
                actions.push(notice("Non blocking connect for SYNC fired the event."));
                actions.push(Action::Send(command(&[b"PING"])));
                self.state = State::ReceivePingReply;
            }
            Event::Input(bytes) => {
                self.last_io_ms = now_ms;
                self.input.extend_from_slice(bytes);
                self.lines(&mut actions);
            }
            Event::Closed => self.closed(&mut actions),
            Event::Tick => {
                if now_ms - self.last_io_ms > self.settings.timeout_ms {
                    let text = if self.state == State::ReceiveHeader {
                        "Timeout receiving bulk data from MASTER... If the problem persists try \
                         to set the 'repl-timeout' parameter in redis.conf to a larger value."
                    } else {
                        "Timeout connecting to the MASTER..."
                    };
                    actions.push(warning(text));
                    self.fail(Failure::Timeout, &mut actions);
                }
            }
        }
        actions
    }

    fn closed(&mut self, actions: &mut Vec<Action>) {
        actions.push(match self.state {
            State::ReceivePsyncReply => warning("Master did not reply to PSYNC, will try later"),
            State::ReceiveHeader => {
                warning("I/O error reading bulk count from MASTER: Connection reset by peer")
            }
            _ => warning("Master did not respond to command during SYNC handshake"),
        });
        let failure = match self.state {
            State::ReceivePsyncReply => Failure::Refused,
            State::ReceiveHeader => Failure::NoPayload,
            _ => Failure::TryLater,
        };
        self.fail(failure, actions);
    }

    fn fail(&mut self, failure: Failure, actions: &mut Vec<Action>) {
        self.state = State::Done;
        actions.push(Action::Fail(failure));
    }

    /// Handles the whole lines that are there, until the handshake is over.
    fn lines(&mut self, actions: &mut Vec<Action>) {
        while self.state != State::Done {
            let Some(end) = memchr::memchr(b'\n', &self.input) else {
                if self.input.len() > MAX_LINE_BYTES {
                    actions.push(warning("The master sent a line that is too long"));
                    self.fail(Failure::TryLater, actions);
                }
                return;
            };
            let mut line: Vec<u8> = self.input.drain(..=end).collect();
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if line.len() > MAX_LINE_BYTES {
                actions.push(warning("The master sent a line that is too long"));
                return self.fail(Failure::TryLater, actions);
            }
            if !line.is_empty() {
                self.line(&line, actions);
            }
        }
    }

    fn line(&mut self, line: &[u8], actions: &mut Vec<Action>) {
        let text = String::from_utf8_lossy(line).into_owned();
        match self.state {
            State::ReceivePingReply => self.ping_reply(&text, actions),
            State::ReceiveAuthReply if text.starts_with('-') => {
                actions.push(warning(format!("Unable to AUTH to MASTER: {text}")));
                self.fail(Failure::TryLater, actions);
            }
            State::ReceiveAuthReply => self.state = State::ReceivePortReply,
            State::ReceivePortReply => {
                if self.settings.main_channel.is_some() && text.starts_with('-') {
                    actions.push(warning(format!("Master refuses the RDB channel: {text}")));
                    return self.fail(Failure::TryLater, actions);
                }
                self.uncritical("listening-port", &text, actions);
                let ip = self.settings.announce_ip.is_some();
                self.state = if ip { State::ReceiveIpReply } else { State::ReceiveCapaReply };
            }
            State::ReceiveIpReply => {
                self.uncritical("ip-address", &text, actions);
                self.state = State::ReceiveCapaReply;
            }
            State::ReceiveCapaReply => {
                self.uncritical("capa", &text, actions);
                self.send_psync(actions);
            }
            State::ReceivePsyncReply => self.psync_reply(&text, actions),
            State::ReceiveHeader => self.header(&text, actions),
            State::Connecting | State::Done => {}
        }
    }

    /// An old master may not know an option; replication works without.
    fn uncritical(&self, option: &str, text: &str, actions: &mut Vec<Action>) {
        if text.starts_with('-') {
            actions.push(notice(format!(
                "(Non critical) Master does not understand REPLCONF {option}: {text}"
            )));
        }
    }

    /// A master that wants a password first is alive too.
    fn ping_reply(&mut self, text: &str, actions: &mut Vec<Action>) {
        let accepted = ["+", "-NOAUTH", "-NOPERM", "-ERR operation not permitted"];
        if !accepted.iter().any(|start| text.starts_with(start)) {
            actions.push(warning(format!("Error reply to PING from master: '{text}'")));
            return self.fail(Failure::TryLater, actions);
        }
        actions.push(notice("Master replied to PING, replication can continue..."));
        let settings = &self.settings;
        let mut out = Vec::new();
        match &settings.auth {
            Some((Some(user), password)) => out.extend(command(&[b"AUTH", user, password])),
            Some((None, password)) => out.extend(command(&[b"AUTH", password])),
            None => {}
        }
        if let Some(id) = settings.main_channel {
            let id = id.to_string();
            let args: &[&[u8]] =
                &[b"REPLCONF", b"rdb-channel", b"1", b"main-ch-client-id", id.as_bytes()];
            out.extend(command(args));
        } else {
            let port = settings.port.to_string();
            out.extend(command(&[b"REPLCONF", b"listening-port", port.as_bytes()]));
        }
        if let Some(ip) = &settings.announce_ip {
            out.extend(command(&[b"REPLCONF", b"ip-address", ip]));
        }
        let mut capa: Vec<&[u8]> = vec![b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"];
        if settings.rdb_channel {
            capa.extend([&b"capa"[..], b"rdb-channel-repl"]);
        }
        out.extend(command(&capa));
        actions.push(Action::Send(out));
        let auth = settings.auth.is_some();
        self.state = if auth { State::ReceiveAuthReply } else { State::ReceivePortReply };
    }

    fn send_psync(&mut self, actions: &mut Vec<Action>) {
        let (id, offset) = match &self.settings.have {
            Some((id, offset)) => {
                actions.push(notice(format!(
                    "Trying a partial resynchronization (request {id}:{offset})."
                )));
                (id.clone(), *offset)
            }
            None => {
                if self.settings.main_channel.is_none() {
                    let text = "Partial resynchronization not possible (no cached master)";
                    actions.push(notice(text));
                }
                ("?".to_string(), -1)
            }
        };
        let offset = offset.to_string();
        let mut args: Vec<&[u8]> = vec![b"PSYNC", id.as_bytes(), offset.as_bytes()];
        if self.settings.failover {
            args.push(b"FAILOVER");
        }
        actions.push(Action::Send(command(&args)));
        self.state = State::ReceivePsyncReply;
    }

    fn psync_reply(&mut self, text: &str, actions: &mut Vec<Action>) {
        if text.starts_with("+FULLRESYNC") {
            let history = full_resync_of(text);
            match &history {
                Some((id, offset)) => {
                    actions.push(notice(format!("Full resync from master: {id}:{offset}")));
                }
                None => {
                    actions.push(warning("Master replied with wrong +FULLRESYNC syntax."));
                }
            }
            self.state = State::ReceiveHeader;
            return actions.push(Action::FullResync(history));
        }
        let is_second = self.settings.main_channel.is_some();
        if let Some(rest) = text.strip_prefix("+CONTINUE").filter(|_| !is_second) {
            let id = rest.trim_start_matches(' ');
            let id = (id.len() == ID_BYTES).then(|| id.to_string());
            actions.push(notice("Successful partial resynchronization with master."));
            self.state = State::Done;
            return actions.push(Action::Continue(id));
        }
        if let Some(id) = text.strip_prefix("+RDBCHANNELSYNC ")
            && self.settings.rdb_channel
            && let Ok(id) = id.parse()
        {
            self.state = State::Done;
            return actions.push(Action::RdbChannel(id));
        }
        if text.starts_with("-NOMASTERLINK") || text.starts_with("-LOADING") {
            actions.push(notice(format!(
                "Master is currently unable to PSYNC but should be in the future: {text}"
            )));
            return self.fail(Failure::Refused, actions);
        }
        if text.starts_with("-ERR") {
            actions.push(notice(format!(
                "Master does not support PSYNC or is in error state (reply: {text})"
            )));
        } else {
            actions.push(warning(format!("Unexpected reply to PSYNC from master: {text}")));
        }
        if self.settings.failover || is_second {
            // The replica does not take over: whoever asked must know, SYNC would not help.
            return self.fail(Failure::Refused, actions);
        }
        actions.push(notice("Retrying with SYNC..."));
        actions.push(Action::Send(b"SYNC\r\n".to_vec()));
        self.state = State::ReceiveHeader;
        actions.push(Action::FullResync(None));
    }

    fn header(&mut self, text: &str, actions: &mut Vec<Action>) {
        if let Some(error) = text.strip_prefix('-') {
            actions.push(warning(format!("MASTER aborted replication with an error: {error}")));
            return self.fail(Failure::NoPayload, actions);
        }
        let Some(payload) = payload_of(text.as_bytes()) else {
            actions.push(warning(format!(
                "Bad protocol from MASTER, the first byte is not '$' (we received '{text}'), are \
                 you sure the host and port are right?"
            )));
            return self.fail(Failure::NoPayload, actions);
        };
        self.state = State::Done;
        actions.push(Action::Payload(payload));
    }
}

/// Id and offset in `+FULLRESYNC <id> <offset>`.
fn full_resync_of(text: &str) -> Option<(String, i64)> {
    let mut words = text.split(' ').skip(1);
    let (id, offset) = (words.next()?, words.next()?);
    let offset = offset.parse().ok()?;
    (id.len() == ID_BYTES).then(|| (id.to_string(), offset))
}

/// `$<len>` or `$EOF:<mark>`.
fn payload_of(line: &[u8]) -> Option<Payload> {
    let rest = line.strip_prefix(b"$")?;
    if let Some(mark) = rest.strip_prefix(b"EOF:")
        && let Some(mark) = mark.first_chunk::<ID_BYTES>()
    {
        return Some(Payload::Mark(*mark));
    }
    let len = std::str::from_utf8(rest).ok()?.parse().ok()?;
    Some(Payload::Length(len))
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
