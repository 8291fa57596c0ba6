//! The connection to the master until its stream begins: connecting, the handshake (the machine in
//! `crate::replication::handshake` says what to do), receiving the RDB into a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Token};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::rdb_channel::MainChannel;
use crate::config::{ReplDisklessLoad, strerror};
use crate::replication::ID_BYTES;
use crate::replication::handshake::{
    Action, Event, Failure, Handshake, Level, Payload, Settings, State,
};
use crate::server::Server;
use crate::server::event_loop::LINK_TOKEN;
use crate::sys::process;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Bytes received in one turn of the loop.
const MAX_PER_TURN: usize = 4 * 1024 * 1024;
/// What was received is put on disk from time to time: not all at the end.
const BYTES_PER_SYNC: u64 = 8 * 1024 * 1024;

/// How the link is, as ROLE tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// This server is a master.
    None,
    /// To be connected by cron.
    Connect,
    Connecting,
    Handshake,
    Transfer,
    Connected,
}

/// An RDB that is being received.
pub struct Transfer {
    pub stream: TcpStream,
    pub payload: Payload,
    /// The history it belongs to; `None`: the master knows no PSYNC.
    pub history: Option<(String, i64)>,
    /// Received, not yet looked at.
    pub rest: Vec<u8>,
    file: Option<File>,
    path: String,
    read: u64,
    synced: u64,
    /// The last bytes received, as many as the mark has.
    tail: Vec<u8>,
}

enum Phase {
    None,
    Connect,
    Handshake {
        stream: TcpStream,
        machine: Box<Handshake>,
        /// To be sent when the socket takes it.
        out: Vec<u8>,
        history: Option<(String, i64)>,
    },
    Transfer(Box<Transfer>),
    /// What was received is being loaded.
    Loading,
    Connected,
}

/// What a handshake leaves: the connection, what came after it, and the history that the master
/// named.
struct Shaken {
    stream: TcpStream,
    rest: Vec<u8>,
    history: Option<(String, i64)>,
}

/// The link.
pub struct Link {
    phase: Phase,
    /// When something last came, ms since the epoch.
    last_io_ms: i64,
    /// The turn's share was used up: there may be more.
    pub has_more: bool,
    /// When the last sign of life was sent to the master, s since the epoch.
    newline_s: i64,
    /// The stream flows there while the RDB comes on the link.
    pub(super) main: Option<Box<MainChannel>>,
    /// Most bytes that it held at a time, of the last synchronization over two connections.
    pub full_sync_buffer_peak: usize,
    /// The socket that the stream comes on, while data is loaded.
    pub(super) pulse: Option<Socket>,
}

impl Default for Link {
    fn default() -> Link {
        Link {
            phase: Phase::None,
            last_io_ms: 0,
            has_more: false,
            newline_s: 0,
            main: None,
            full_sync_buffer_peak: 0,
            pulse: None,
        }
    }
}

impl Link {
    pub fn state(&self) -> LinkState {
        match &self.phase {
            Phase::None => LinkState::None,
            Phase::Connect => LinkState::Connect,
            Phase::Handshake { machine, .. } => match machine.state() {
                State::Connecting => LinkState::Connecting,
                State::ReceiveHeader => LinkState::Transfer,
                _ => LinkState::Handshake,
            },
            Phase::Transfer(_) | Phase::Loading => LinkState::Transfer,
            Phase::Connected => LinkState::Connected,
        }
    }

    /// Bytes of the RDB (-1 = not known yet, 0 = streamed) and how many have been received.
    pub fn transfer_progress(&self) -> Option<(i64, i64)> {
        match &self.phase {
            Phase::Transfer(transfer) => {
                let total = match transfer.payload {
                    Payload::Length(bytes) => bytes as i64,
                    Payload::Mark(_) => 0,
                };
                Some((total, transfer.read as i64))
            }
            Phase::Loading => Some((0, 0)),
            _ => (self.state() == LinkState::Transfer).then_some((-1, 0)),
        }
    }

    pub fn last_io_ms(&self) -> i64 {
        self.last_io_ms
    }
}

impl Server {
    /// The stream of the master flows.
    pub fn link_is_up(&self) -> bool {
        matches!(self.replication.link.phase, Phase::Connected)
    }

    pub(super) fn link_connected(&mut self) {
        self.replication.link.phase = Phase::Connected;
        self.replication.master.down_since_s = 0;
    }

    /// What was received is being loaded.
    pub(super) fn link_is_loading(&self) -> bool {
        matches!(self.replication.link.phase, Phase::Loading)
    }

    /// The link is to be made by cron; or, on a master, not at all.
    pub(super) fn link_disconnected(&mut self) {
        let replica = self.is_replica();
        self.replication.link.main = None;
        self.replication.link.phase = if replica { Phase::Connect } else { Phase::None };
    }

    /// `host:port` of the master.
    fn master_name(&self) -> String {
        match &self.config.replicaof {
            Some(at) => format!("{}:{}", String::from_utf8_lossy(&at.host), at.port),
            None => String::new(),
        }
    }

    /// Begins to connect, with a line in the log that says why.
    pub(super) fn connect_again(&mut self, what: &str, why: &str) {
        let name = self.master_name();
        self.log_notice(&format!("{what} to MASTER {name}{why}"));
        self.connect_with_master();
    }

    /// Begins to connect. A failure is logged; cron tries again.
    fn connect_with_master(&mut self) {
        self.link_disconnected();
        if self.begin_handshake(self.handshake_settings()) {
            self.log_notice("MASTER <-> REPLICA sync started");
        }
    }

    /// The second connection, for the RDB; the first one is that client of the master.
    pub(super) fn open_rdb_channel(&mut self, main_channel: u64) {
        let settings = Settings {
            main_channel: Some(main_channel),
            have: None,
            failover: false,
            rdb_channel: false,
            ..self.handshake_settings()
        };
        if !self.begin_handshake(settings) {
            self.link_disconnected();
        }
    }

    fn begin_handshake(&mut self, settings: Settings) -> bool {
        match self.open_link() {
            Ok(stream) => {
                let now_ms = self.clock.now_ms;
                let machine = Box::new(Handshake::new(settings, now_ms));
                self.replication.link.last_io_ms = now_ms;
                self.replication.link.phase =
                    Phase::Handshake { stream, machine, out: Vec::new(), history: None };
                true
            }
            Err(e) => {
                let e = strerror(&e);
                self.log_warning(&format!("Unable to connect to MASTER: {e}"));
                false
            }
        }
    }

    fn open_link(&self) -> io::Result<TcpStream> {
        let (Some(at), Some(registry)) = (&self.config.replicaof, &self.registry) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let host = String::from_utf8_lossy(&at.host).into_owned();
        let bind = self.config.bind_source_addr.as_deref().filter(|bind| !bind.is_empty());
        let mut error = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in (host.as_str(), at.port).to_socket_addrs()? {
            match connect(address, bind) {
                Ok(mut stream) => {
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    registry.register(&mut stream, Token(LINK_TOKEN), interest)?;
                    return Ok(stream);
                }
                Err(e) => error = e,
            }
        }
        Err(error)
    }

    fn handshake_settings(&self) -> Settings {
        let config = &self.config;
        let not_empty = |text: &Option<Vec<u8>>| text.clone().filter(|text| !text.is_empty());
        let port = if config.replica_announce_port != 0 {
            config.replica_announce_port
        } else if config.tls_replication && config.tls_port != 0 {
            config.tls_port
        } else {
            config.port
        };
        let cached = self.replication.master.cached.as_ref();
        Settings {
            auth: not_empty(&config.masterauth)
                .map(|password| (not_empty(&config.masteruser), password)),
            port: port as u16,
            announce_ip: not_empty(&config.replica_announce_ip),
            have: cached.map(|cached| (cached.id.clone(), cached.offset + 1)),
            failover: self.replication.failover.state == super::failover::FailoverState::InProgress,
            rdb_channel: config.repl_rdb_channel,
            main_channel: None,
            timeout_ms: config.repl_timeout * 1000,
        }
    }

    /// Ends a handshake or transfer. True if there was one.
    pub(super) fn cancel_handshake(&mut self, reconnect: bool) -> bool {
        let phase = std::mem::replace(&mut self.replication.link.phase, Phase::Connect);
        match phase {
            Phase::Handshake { stream, .. } => drop(stream),
            Phase::Transfer(transfer) => self.discard_transfer(*transfer),
            Phase::Loading => {}
            phase @ (Phase::None | Phase::Connect | Phase::Connected) => {
                self.replication.link.phase = phase;
                return false;
            }
        }
        self.link_disconnected();
        if reconnect && self.is_replica() {
            self.connect_again("Reconnecting", " after failure");
        }
        true
    }

    fn discard_transfer(&mut self, transfer: Transfer) {
        if transfer.file.is_some() {
            self.unlink_in_background(std::path::Path::new(&transfer.path));
        }
    }

    /// Something happened on the link.
    pub fn pump_link(&mut self) {
        self.replication.link.has_more = false;
        if self.replication.link.main.as_ref().is_some_and(|main| main.has_more) {
            self.pump_main_channel();
        }
        match &self.replication.link.phase {
            Phase::Handshake { .. } => self.pump_handshake(),
            Phase::Transfer(_) => self.pump_transfer(),
            _ => {}
        }
    }

    fn pump_handshake(&mut self) {
        if !self.link_connects() {
            return;
        }
        self.flush_link();
        let mut buffer = vec![0; READ_BYTES];
        while let Phase::Handshake { stream, .. } = &mut self.replication.link.phase {
            match stream.read(&mut buffer) {
                Ok(0) => return self.handshake_event(Event::Closed),
                Ok(bytes) => {
                    self.replication.stats.net_input_bytes += bytes as u64;
                    self.handshake_event(Event::Input(&buffer[..bytes]));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.handshake_event(Event::Closed),
            }
        }
        // The next phase has begun; what it needs may have arrived already.
        self.replication.link.has_more = true;
    }

    /// False if the connection is not made yet, or failed.
    fn link_connects(&mut self) -> bool {
        let Phase::Handshake { stream, machine, .. } = &self.replication.link.phase else {
            return false;
        };
        if machine.state() != State::Connecting {
            return true;
        }
        let error = match stream.take_error() {
            Ok(None) => match stream.peer_addr() {
                Ok(_) => {
                    self.handshake_event(Event::Connected);
                    return true;
                }
                Err(e) if e.kind() == io::ErrorKind::NotConnected => return false,
                Err(e) => e,
            },
            Ok(Some(e)) | Err(e) => e,
        };
        let error = strerror(&error);
        self.log_warning(&format!("Error condition on socket for SYNC: {error}"));
        self.link_disconnected();
        false
    }

    /// Sends what the handshake wants to say, as far as the socket takes it.
    fn flush_link(&mut self) {
        let Phase::Handshake { stream, out, .. } = &mut self.replication.link.phase else {
            return;
        };
        while !out.is_empty() {
            match stream.write(out) {
                Ok(bytes) => {
                    out.drain(..bytes);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    let e = strerror(&e);
                    self.log_warning(&format!(
                        "Sending command to master in replication handshake: {e}"
                    ));
                    self.link_disconnected();
                    return;
                }
            }
        }
    }

    /// Tells the machine, and does what it says.
    fn handshake_event(&mut self, event: Event<'_>) {
        let now_ms = self.clock.now_ms;
        let link = &mut self.replication.link;
        let Phase::Handshake { machine, .. } = &mut link.phase else { return };
        let actions = machine.step(event, now_ms);
        link.last_io_ms = machine.last_io_ms();
        for action in actions {
            match action {
                Action::Send(bytes) => {
                    if let Phase::Handshake { out, .. } = &mut self.replication.link.phase {
                        out.extend_from_slice(&bytes);
                    }
                    self.flush_link();
                }
                Action::Log(Level::Notice, text) => self.log_notice(&text),
                Action::Log(Level::Warning, text) => self.log_warning(&text),
                Action::FullResync(of) => {
                    self.clear_failover_in_progress();
                    if let Phase::Handshake { history, .. } = &mut self.replication.link.phase {
                        *history = of;
                    }
                }
                Action::Continue(id) => {
                    self.clear_failover_in_progress();
                    return self.handshake_continues(id);
                }
                Action::Payload(payload) => return self.begin_transfer(payload),
                Action::RdbChannel(id) => {
                    self.clear_failover_in_progress();
                    if let Some(Shaken { stream, rest, .. }) = self.take_handshake() {
                        self.begin_rdb_channel(stream, rest, id);
                    }
                    return;
                }
                Action::Fail(failure) => return self.handshake_failed(failure),
            }
        }
    }

    fn clear_failover_in_progress(&mut self) {
        if self.failover_is_running() {
            self.clear_failover();
        }
    }

    fn handshake_failed(&mut self, failure: Failure) {
        let failing_over =
            self.replication.failover.state == super::failover::FailoverState::InProgress;
        match failure {
            Failure::Refused if failing_over => {
                self.abort_failover("Failover target rejected psync request");
            }
            Failure::TryLater | Failure::Refused => self.link_disconnected(),
            Failure::NoPayload | Failure::Timeout => {
                self.cancel_handshake(true);
            }
        }
    }

    /// Takes the connection and what has been read of the next phase.
    fn take_handshake(&mut self) -> Option<Shaken> {
        match std::mem::replace(&mut self.replication.link.phase, Phase::Connect) {
            Phase::Handshake { stream, mut machine, history, .. } => {
                Some(Shaken { stream, rest: machine.take_rest(), history })
            }
            phase => {
                self.replication.link.phase = phase;
                None
            }
        }
    }

    fn handshake_continues(&mut self, id: Option<String>) {
        if let Some(Shaken { stream, rest, .. }) = self.take_handshake() {
            self.continue_with_master(id, stream, rest);
        }
    }

    /// The RDB goes straight into memory, not through a file.
    fn loads_diskless(&self) -> bool {
        match self.config.repl_diskless_load {
            ReplDisklessLoad::Disabled => false,
            ReplDisklessLoad::OnEmptyDb => self.keyspace.is_empty(),
            ReplDisklessLoad::Swapdb => true,
        }
    }

    fn begin_transfer(&mut self, payload: Payload) {
        let Some(Shaken { stream, rest, history }) = self.take_handshake() else { return };
        let diskless = self.loads_diskless();
        let target = if diskless { "to parser" } else { "to disk" };
        self.log_notice(&match payload {
            Payload::Mark(_) => format!(
                "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF {target}"
            ),
            Payload::Length(bytes) => {
                format!("MASTER <-> REPLICA sync: receiving {bytes} bytes from master {target}")
            }
        });
        let path = format!("temp-{}.{}.rdb", self.clock.now_s(), process::pid());
        let mut transfer = Transfer {
            stream,
            payload,
            history,
            rest,
            file: None,
            path,
            read: 0,
            synced: 0,
            tail: Vec::new(),
        };
        if diskless {
            self.replication.link.phase = Phase::Loading;
            return self.load_from_link(transfer);
        }
        match File::create_new(&transfer.path) {
            Ok(file) => {
                transfer.file = Some(file);
                self.replication.link.phase = Phase::Transfer(Box::new(transfer));
                self.replication.link.has_more = true;
            }
            Err(e) => {
                let e = strerror(&e);
                self.log_warning(&format!(
                    "Opening the temp file needed for MASTER <-> REPLICA synchronization: {e}"
                ));
                self.link_disconnected();
            }
        }
    }

    /// Receives into the file, for one turn of the loop.
    fn pump_transfer(&mut self) {
        let Phase::Transfer(mut transfer) =
            std::mem::replace(&mut self.replication.link.phase, Phase::Connect)
        else {
            return;
        };
        let received = transfer.receive();
        self.replication.stats.net_input_bytes += received.bytes as u64;
        if received.bytes > 0 {
            self.replication.link.last_io_ms = self.clock.now_ms;
        }
        match received.outcome {
            Ok(Progress::Waits) => self.replication.link.phase = Phase::Transfer(transfer),
            Ok(Progress::HasMore) => {
                self.replication.link.phase = Phase::Transfer(transfer);
                self.replication.link.has_more = true;
            }
            Ok(Progress::Complete) => {
                self.replication.link.phase = Phase::Loading;
                self.load_transferred_file(*transfer);
            }
            Err(text) => {
                self.log_warning(&text);
                self.replication.link.phase = Phase::Transfer(transfer);
                self.cancel_handshake(true);
            }
        }
    }

    /// The times of the link; once a second.
    pub(super) fn link_cron(&mut self) {
        if !self.is_replica() {
            return;
        }
        let timeout_ms = self.config.repl_timeout * 1000;
        let silent_ms = self.clock.now_ms - self.replication.link.last_io_ms;
        match &mut self.replication.link.phase {
            Phase::Handshake { machine, .. } => {
                machine.set_timeout(timeout_ms);
                self.handshake_event(Event::Tick);
            }
            Phase::Transfer(_) if silent_ms > timeout_ms => {
                self.log_warning(
                    "Timeout receiving bulk data from MASTER... If the problem persists try to \
                     set the 'repl-timeout' parameter in redis.conf to a larger value.",
                );
                self.cancel_handshake(true);
            }
            Phase::Connected => {
                let now_s = self.clock.now_s();
                let silent = self.master_client().is_some_and(|master| {
                    now_s - master.last_interaction_s > self.config.repl_timeout
                });
                if silent {
                    self.log_warning("MASTER timeout: no data nor PING received...");
                    self.kill_master_client();
                }
            }
            _ => {}
        }
        self.main_channel_alive();
        if matches!(self.replication.link.phase, Phase::Connect | Phase::None) {
            self.connect_again("Connecting", "");
        }
        self.send_ack();
    }

    /// An empty line for the master while data is loaded, once a second, best effort.
    pub(in crate::server) fn newline_to_master(&mut self) {
        if self.replication.link.main.as_ref().is_some_and(|main| main.has_more) {
            self.pump_main_channel();
        }
        let now_s = crate::server::clock::unix_us() / 1_000_000;
        let link = &mut self.replication.link;
        if let Some(socket) = &link.pulse
            && now_s != link.newline_s
        {
            link.newline_s = now_s;
            let _ = socket.send(b"\n");
        }
    }
}

/// A socket that connects, from the address that `bind-source-addr` gives.
fn connect(address: SocketAddr, bind: Option<&[u8]>) -> io::Result<TcpStream> {
    let Some(bind) = bind else { return TcpStream::connect(address) };
    let bind = String::from_utf8_lossy(bind).into_owned();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    let local = (bind.as_str(), 0).to_socket_addrs()?.next();
    socket.bind(&local.ok_or(io::ErrorKind::AddrNotAvailable)?.into())?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(e) => return Err(e),
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// How far a transfer is.
enum Progress {
    /// The socket has no more now.
    Waits,
    /// The turn is over.
    HasMore,
    Complete,
}

struct Received {
    bytes: usize,
    outcome: Result<Progress, String>,
}

impl Transfer {
    /// Where the file is.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The file, complete.
    pub fn take_file(&mut self) -> Option<File> {
        self.file.take()
    }

    /// A socket that may block, for `most` at a time.
    pub fn set_blocking(&self, most: Duration) -> io::Result<()> {
        let socket = SockRef::from(&self.stream);
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(most))
    }

    pub fn set_nonblocking(&self) -> io::Result<()> {
        let socket = SockRef::from(&self.stream);
        socket.set_read_timeout(None)?;
        socket.set_nonblocking(true)
    }

    fn receive(&mut self) -> Received {
        let mut bytes = 0;
        let outcome = self.receive_counted(&mut bytes);
        Received { bytes, outcome }
    }

    fn receive_counted(&mut self, total: &mut usize) -> Result<Progress, String> {
        let early = std::mem::take(&mut self.rest);
        if !early.is_empty() || matches!(self.payload, Payload::Length(0)) {
            let taken = early.len().min(self.left());
            self.rest = early[taken..].to_vec();
            if self.store(&early[..taken])? {
                return Ok(Progress::Complete);
            }
        }
        let mut buffer = vec![0; READ_BYTES];
        while *total < MAX_PER_TURN {
            let most = self.left().min(READ_BYTES);
            match self.stream.read(&mut buffer[..most]) {
                Ok(0) => {
                    return Err("I/O error trying to sync with MASTER: connection lost".into());
                }
                Ok(bytes) => {
                    *total += bytes;
                    if self.store(&buffer[..bytes])? {
                        return Ok(Progress::Complete);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(Progress::Waits),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    let e = strerror(&e);
                    return Err(format!("I/O error trying to sync with MASTER: {e}"));
                }
            }
        }
        Ok(Progress::HasMore)
    }

    /// Bytes that may still come.
    fn left(&self) -> usize {
        match self.payload {
            Payload::Length(bytes) => usize::try_from(bytes - self.read).unwrap_or(usize::MAX),
            Payload::Mark(_) => usize::MAX,
        }
    }

    /// Writes to the file. True if the RDB is complete.
    fn store(&mut self, bytes: &[u8]) -> Result<bool, String> {
        let Some(file) = self.file.as_mut() else { return Ok(false) };
        file.write_all(bytes).map_err(|e| {
            format!(
                "Write error or short write writing to the DB dump file needed for MASTER <-> \
                 REPLICA synchronization: {}",
                strerror(&e)
            )
        })?;
        self.read += bytes.len() as u64;
        if self.read >= self.synced + BYTES_PER_SYNC {
            self.synced = self.read;
            // What fails here fails at the end too.
            let _ = file.sync_data();
        }
        match self.payload {
            Payload::Length(total) => Ok(self.read == total),
            Payload::Mark(mark) => {
                self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(ID_BYTES)..]);
                let excess = self.tail.len().saturating_sub(ID_BYTES);
                self.tail.drain(..excess);
                if self.tail != mark {
                    return Ok(false);
                }
                file.set_len(self.read - ID_BYTES as u64).map_err(|e| {
                    format!(
                        "Error truncating the RDB file received from the master for SYNC: {}",
                        strerror(&e)
                    )
                })?;
                Ok(true)
            }
        }
    }
}
