//! A redis-server process of a test: private directory, private port, killed by its own pid when
//! the test ends. Works for our binary and for the reference server alike.
//!
//! Invariant: a `Server` that was handed out answered PING; one that is dropped has no process.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client::Client;
use super::value::Value;

const START_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// Another process may take the port between our look and the server's bind.
const PORT_ATTEMPTS: usize = 5;

pub struct Server {
    binary: PathBuf,
    pub port: u16,
    pub dir: TempDir,
    config: Vec<(String, String)>,
    child: Option<Child>,
}

impl Server {
    /// Starts our server with the defaults of the tests and the given directives after them.
    pub fn start(config: &[(&str, &str)]) -> Server {
        Server::start_binary(&binary_under_test(), config)
    }

    pub fn start_binary(binary: &Path, config: &[(&str, &str)]) -> Server {
        let own = |(k, v): &(&str, &str)| (k.to_string(), v.to_string());
        let mut server = Server {
            binary: binary.to_path_buf(),
            port: 0,
            dir: tempfile::tempdir().expect("the temp directory is writable"),
            config: config.iter().map(own).collect(),
            child: None,
        };
        for attempt in 1.. {
            server.port = free_port();
            match server.launch() {
                Ok(()) => break,
                Err(_) if attempt < PORT_ATTEMPTS && server.lost_its_port() => {}
                Err(reason) => panic!("{} {reason}; log:\n{}", binary.display(), server.log()),
            }
        }
        server
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        match Client::connect(self.port) {
            Ok(client) => client,
            Err(error) => panic!("connect: {error}; log:\n{}", self.log()),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the server printed, over all of its restarts.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.path("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the log contains `text`.
    pub fn wait_for_log(&self, text: &str) {
        wait_until(START_LIMIT, || self.log().contains(text));
        assert!(self.log().contains(text), "no {text:?} in the log:\n{}", self.log());
    }

    /// One field of INFO.
    pub fn info(&self, field: &str) -> String {
        let text = self.client().command(&["INFO", "everything"]).text();
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("INFO has no {field}:\n{text}")).to_string()
    }

    /// Sends a signal by name ("TERM", "USR1") to the server.
    pub fn signal(&self, name: &str) {
        let status = Command::new("sh")
            .args(["-c", "kill -$0 $1", name, &self.pid().to_string()])
            .status()
            .expect("sh runs");
        assert!(status.success(), "kill -{name}");
    }

    /// Asks the server to end and waits for it. One that writes its first append only file refuses:
    /// it is asked again.
    pub fn stop(&mut self) -> ExitStatus {
        let start = Instant::now();
        while start.elapsed() < STOP_LIMIT {
            self.signal("TERM");
            if let Some(status) = self.exited_within(STOP_LIMIT / 4) {
                return status;
            }
        }
        self.did_not_end()
    }

    pub fn wait_for_exit(&mut self) -> ExitStatus {
        match self.exited_within(STOP_LIMIT) {
            Some(status) => status,
            None => self.did_not_end(),
        }
    }

    fn exited_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let child = self.child.as_mut().expect("the server runs");
        let mut status = None;
        wait_until(limit, || {
            status = child.try_wait().expect("the child is ours");
            status.is_some()
        });
        if status.is_some() {
            self.child = None;
        }
        status
    }

    fn did_not_end(&mut self) -> ! {
        self.crash();
        panic!("the server did not end within {STOP_LIMIT:?}; log:\n{}", self.log())
    }

    /// Kills the server as a crash would, without any last word.
    pub fn crash(&mut self) {
        kill(&mut self.child.take().expect("the server runs"));
    }

    /// Starts the server again in the same directory, on the same port, from the same file. Stops
    /// it first (SIGTERM) when it still runs.
    pub fn restart(&mut self) {
        if self.child.is_some() {
            self.stop();
        }
        if let Err(reason) = self.launch() {
            panic!("restart: {} {reason}; log:\n{}", self.binary.display(), self.log());
        }
    }

    /// Replaces one directive for the next start.
    pub fn set_config(&mut self, name: &str, value: &str) {
        self.config.retain(|(known, _)| known != name);
        self.config.push((name.into(), value.into()));
    }

    /// Without that directive at the next start.
    pub fn unset_config(&mut self, name: &str) {
        self.config.retain(|(known, _)| known != name);
    }

    fn launch(&mut self) -> Result<(), String> {
        self.write_config();
        let log = OpenOptions::new().create(true).append(true).open(self.path("log"));
        let log: File = log.expect("the log is writable");
        let child = Command::new(&self.binary)
            .arg("redis.conf")
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor is free"))
            .stderr(log)
            .spawn();
        self.child = Some(child.map_err(|error| format!("does not start: {error}"))?);
        self.wait_for_ping()
    }

    fn write_config(&self) {
        let mut text = format!("bind 127.0.0.1\nport {}\ndir \"{}\"\n", self.port, self.dir());
        let defaults = [("save", "\"\""), ("appendonly", "no"), ("enable-debug-command", "yes")];
        let threads = cfg!(tsan).then_some(("io-threads", "4"));
        let defaults = defaults.into_iter().chain(threads);
        let own = self.config.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        for (name, value) in defaults.chain(own) {
            text.push_str(&format!("{name} {value}\n"));
        }
        fs::write(self.path("redis.conf"), text).expect("redis.conf is writable");
    }

    fn dir(&self) -> String {
        self.dir.path().display().to_string()
    }

    /// Up means: answers PING with anything but "still loading".
    fn wait_for_ping(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            let child = self.child.as_mut().expect("launch has set the child");
            if let Some(status) = child.try_wait().expect("the child is ours") {
                self.child = None;
                return Err(format!("ended at once: {status}"));
            }
            if let Ok(mut client) = Client::connect(self.port) {
                let pinged = client.try_send_raw(b"PING\r\n").is_ok();
                match client.try_read(Duration::from_secs(1)).filter(|_| pinged) {
                    Some(Value::Error(text)) if text.starts_with(b"LOADING") => {}
                    Some(_) => return Ok(()),
                    None => {}
                }
            }
            sleep(Duration::from_millis(10));
        }
        self.crash();
        Err(format!("does not answer PING within {START_LIMIT:?}"))
    }

    fn lost_its_port(&self) -> bool {
        self.log().contains("Address already in use")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill(&mut child);
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("--- the end of the log of the server on port {}:", self.port);
            tail.iter().rev().for_each(|line| eprintln!("    {line}"));
        }
    }
}

fn kill(child: &mut Child) {
    // Both fail only when the process has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// Polls until `done` or until the time is over.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !done() {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(Duration::from_millis(5));
    }
    true
}

/// A loopback port that nobody listens on, below the ephemeral range so that no outgoing connection
/// takes it, and low enough that the cluster bus (port + 10000) has a place too.
fn free_port() -> u16 {
    const FIRST: u16 = 10_100;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run at the same time start at different places.
    let spread = (std::process::id() % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (spread + step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port in {FIRST}..{}", FIRST + COUNT)
}

/// `REDIS_BINARY`, else the binary that cargo built for this test.
pub fn binary_under_test() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_redis-server").into();
    env::var_os("REDIS_BINARY").map_or_else(built, PathBuf::from)
}

/// A real redis-server to compare with: `REDIS_REFERENCE`, else `redis-server` in PATH. When there
/// is none, says so and returns `None`: the test then has nothing to compare and ends.
pub fn reference() -> Option<PathBuf> {
    let named = env::var_os("REDIS_REFERENCE").filter(|path| !path.is_empty());
    if let Some(path) = named {
        return Some(PathBuf::from(path));
    }
    let dirs = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&dirs).map(|dir| dir.join("redis-server")).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("skipped: no reference server (set REDIS_REFERENCE)");
    }
    found
}

/// Our server in a shell that allows files of so many half kilobytes.
pub fn limited(dir: &tempfile::TempDir, blocks: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let script = dir.path().join("limited");
    let binary = binary_under_test();
    let text = format!("#!/bin/sh\nulimit -f {blocks}\nexec {} \"$@\"\n", binary.display());
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}
