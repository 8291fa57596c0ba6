//! From the command line to the running loop: roles by argv[0], special options, the order of
//! start-up that logs and supervisors expect.

use std::io::Write;

use super::Server;
use super::acl::file::check_declarations;
use super::check_rdb;
use super::event_loop::EventLoop;
use super::process::{self, Process};
use super::{crash, log};
use crate::config::file::{self, REDIS_VERSION};
use crate::config::{Config, strerror};
use crate::persistence::aof::{check, preamble};
use crate::sys;
use crate::sys::signal::WakePipe;
use crate::util::siphash;

/// What the program was called as decides what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Server,
    Sentinel,
    CheckRdb,
    CheckAof,
}

impl Role {
    /// The role that argv[0] and the arguments ask for.
    pub fn of(program: &[u8], args: &[Vec<u8>]) -> Role {
        let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
        let called = |part: &[u8]| memchr::memmem::find(name, part).is_some();
        if called(b"redis-check-rdb") {
            Role::CheckRdb
        } else if called(b"redis-check-aof") || args.first().is_some_and(is_check_aof) {
            Role::CheckAof
        } else if file::is_sentinel(program, args) {
            Role::Sentinel
        } else {
            Role::Server
        }
    }

    fn program(self) -> &'static str {
        match self {
            Role::Server => "redis-server",
            Role::Sentinel => "redis-sentinel",
            Role::CheckRdb => "redis-check-rdb",
            Role::CheckAof => "redis-check-aof",
        }
    }
}

const USAGE: &str = "\
Usage: ./redis-server [/path/to/redis.conf] [options] [-]
       ./redis-server - (read config from stdin)
       ./redis-server -v or --version
       ./redis-server -h or --help

Examples:
       ./redis-server (run the server with default conf)
       echo 'maxmemory 128mb' | ./redis-server -
       ./redis-server /etc/redis/6379.conf
       ./redis-server --port 7777
       ./redis-server --port 7777 --replicaof 127.0.0.1 8888
       ./redis-server /etc/myredis.conf --loglevel verbose -
       ./redis-server /etc/myredis.conf --loglevel verbose

Sentinel mode:
       ./redis-server /etc/sentinel.conf --sentinel
";

/// Git commit of the build, shown where Redis shows its own.
pub const GIT_SHA1: &str = "00000000";
/// Identifies the build.
pub const BUILD_ID: &str = concat!("redis-rust-", env!("CARGO_PKG_VERSION"));

/// Runs the program; returns its exit status.
pub fn run(program: &[u8], args: &[Vec<u8>]) -> i32 {
    let role = Role::of(program, args);
    if role == Role::CheckRdb {
        return check_rdb::run(program, args);
    }
    if role == Role::CheckAof {
        return check_aof(program, args);
    }
    if role != Role::Server {
        println!("{} is not supported yet.", role.program());
        return 1;
    }
    if let Some(status) = special_option(args) {
        return status;
    }
    // Before the first table is filled: nobody may know where keys will stand.
    if let Err(error) = siphash::set_random_key() {
        eprintln!("No randomness for the hash tables: {error}");
        return 1;
    }
    let config = match file::load(Config::default(), args, false, &mut std::io::stdin()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprint!("{error}");
            return 1;
        }
    };
    if let Err(error) = check_declarations(&config) {
        eprint!("{error}");
        return 1;
    }
    match start(config, program, args) {
        Ok((mut event_loop, mut server)) => event_loop.run(&mut server),
        Err(reason) => {
            log::warning(&reason);
            1
        }
    }
}

fn is_check_aof(arg: &Vec<u8>) -> bool {
    arg == b"--check-aof"
}

/// `redis-check-aof`, or `redis-server --check-aof`.
fn check_aof(program: &[u8], args: &[Vec<u8>]) -> i32 {
    let args = if args.first().is_some_and(is_check_aof) { &args[1..] } else { args };
    let program = String::from_utf8_lossy(program);
    let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    check::run(&program, args, &version_text(), preamble::check, &mut input, &mut out)
}

fn version_text() -> String {
    format!(
        "v={REDIS_VERSION} sha={GIT_SHA1}:0 malloc={} bits=64 build={BUILD_ID}",
        super::info::ALLOCATOR
    )
}

fn special_option(args: &[Vec<u8>]) -> Option<i32> {
    match args.first()?.as_slice() {
        b"-v" | b"--version" => {
            println!("Redis server {}", version_text());
            Some(0)
        }
        b"-h" | b"--help" => {
            // Nobody reads it: nothing to do about it.
            let _ = std::io::stderr().write_all(USAGE.as_bytes());
            Some(1)
        }
        b"--test-memory" | b"--check-system" => {
            eprintln!("{} is not supported.", String::from_utf8_lossy(&args[0]));
            Some(1)
        }
        _ => None,
    }
}

/// Everything before the loop. The text of an error is logged as the last line.
fn start(
    loaded: file::Loaded,
    program: &[u8],
    args: &[Vec<u8>],
) -> Result<(EventLoop, Server), String> {
    let mut config = loaded.config;
    log::init(&config);
    for warning in &loaded.warnings {
        log::warning(warning);
    }
    process::memory_warnings(&config);
    let mut this = Process {
        executable: absolute_path(program),
        title: program.to_vec(),
        total_memory: sys::process::total_memory(),
        system: sys::process::system_name(),
        ..Process::default()
    };
    this.set_up_supervision(&config);
    let background = config.daemonize && this.supervised.is_none();
    if background {
        sys::process::daemonize().map_err(|e| format!("Can't daemonize: {}", strerror(&e)))?;
    }
    greet(program, args);
    crash::install(&config);
    if !sys::locale::set_collation(&config.locale_collate) {
        return Err("Failed to configure LOCALE for invalid locale name.".into());
    }
    process::adjust_open_files_limit(&mut config).map_err(|_| String::new())?;
    sys::process::prepare_title();
    log::set_main_process(b'M');

    let (event_loop, poll) = EventLoop::new().map_err(|e| loop_error(&e))?;
    let mut wake_pipe = WakePipe::new().map_err(|e| loop_error(&e))?;
    event_loop.watch_signals(wake_pipe.source()).map_err(|e| loop_error(&e))?;
    let waker = event_loop.waker().map_err(|e| loop_error(&e))?;
    let mut server = Server::new(config, waker).map_err(|e| loop_error(&e))?;
    server.registry = event_loop.registry.try_clone().ok();
    server.poll = Some(poll);
    server.wake_pipe = Some(wake_pipe);
    server.process = this;
    for line in &loaded.rename_commands {
        let new = line.argv.get(2).map_or(&b""[..], Vec::as_slice);
        server.commands.rename(&line.argv[1], new).map_err(|e| line.error(e).to_string())?;
    }
    server.prepare(background, &loaded.users)?;
    Ok((event_loop, server))
}

fn loop_error(e: &std::io::Error) -> String {
    format!("Failed creating the event loop. Error message: '{}'", strerror(e))
}

fn absolute_path(program: &[u8]) -> String {
    let text = String::from_utf8_lossy(program).into_owned();
    match std::path::absolute(&text) {
        Ok(path) => path.to_string_lossy().into_owned(),
        Err(_) => text,
    }
}

fn greet(program: &[u8], args: &[Vec<u8>]) {
    log::notice("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    let pid = sys::process::pid();
    log::notice(&format!(
        "Redis version={REDIS_VERSION}, bits=64, commit={GIT_SHA1}, modified=0, pid={pid}, just \
         started"
    ));
    if args.is_empty() {
        log::warning(&format!(
            "Warning: no config file specified, using the default config. In order to specify a \
             config file use {} /path/to/redis.conf",
            String::from_utf8_lossy(program)
        ));
    } else {
        log::notice("Configuration loaded");
    }
}

impl Server {
    /// Pid file, title, logo, sockets, and what follows once they are open.
    fn prepare(&mut self, background: bool, users: &[file::StartupLine]) -> Result<(), String> {
        self.log_notice("monotonic clock: POSIX clock_gettime");
        self.process.create_pid_file(&self.config, background);
        self.process.set_title(&self.config);
        self.show_logo();
        process::backlog_warning(&self.config);
        self.load_users(users)?;
        self.cluster_init()?;
        self.listen()?;
        self.process.startup_memory = sys::malloc::used_memory();
        self.log_notice("Server initialized");
        self.load_data_from_disk()?;
        self.end_load_at_start();
        if self.exit_status.is_some() {
            return Ok(());
        }
        self.open_aof_at_start();
        self.delete_history_files();
        // CONFIG SET may have come while data was loaded.
        self.apply_appendonly_with_retry();
        self.cluster_verify_data()?;
        for transport in self.listeners.transports() {
            self.log_notice(&format!("Ready to accept connections {transport}"));
        }
        self.process.notify_supervisor("STATUS=Ready to accept connections\n");
        self.process.notify_supervisor("READY=1\n");
        self.maxmemory_warning();
        process::set_cpu_affinity(self.config.server_cpulist.as_deref());
        self.start_io_threads()?;
        // A failure is logged; the server runs without it.
        self.process.set_oom_score(&self.config, 0);
        self.update_memory_figures();
        Ok(())
    }

    /// Opens the sockets; the error is the last line of the log.
    fn listen(&mut self) -> Result<(), String> {
        let Some(registry) = self.registry.as_ref() else {
            return Err("The event loop has no registry".into());
        };
        if let Err(text) = self.listeners.open(&self.config, registry) {
            self.log_warning(&text);
            let (port, kind) =
                if text.contains("Unix socket") { (0, "unix") } else { (self.config.port, "tcp") };
            return Err(format!("Failed listening on port {port} ({kind}), aborting."));
        }
        if self.listeners.is_empty() {
            return Err("Configured to not listen anywhere, exiting.".into());
        }
        Ok(())
    }

    fn show_logo(&self) {
        let mode = self.mode();
        let port = self.config.port;
        let on_terminal = !self.config.syslog_enabled
            && self.config.logfile.is_empty()
            && sys::process::stdout_is_terminal();
        if !on_terminal && !self.config.always_show_logo {
            self.log_notice(&format!("Running mode={mode}, port={port}."));
            return;
        }
        let pid = sys::process::pid();
        log::raw(
            log::NOTICE,
            &format!(
                r"
       .-------.
     .'  .---.  '.        Redis {REDIS_VERSION} ({GIT_SHA1}/0) 64 bit
    |  .'     '.  |
    | |  =====  | |       Running in {mode} mode
    | |  =====  | |       Port: {port}
    |  '.     .'  |       PID: {pid}
     '.  '---'  .'
       '-------'          redis-rust

"
            ),
        );
    }

    /// `standalone` or `cluster`.
    pub fn mode(&self) -> &'static str {
        if self.config.cluster_enabled { "cluster" } else { "standalone" }
    }

    fn maxmemory_warning(&self) {
        const SUSPICIOUS: u64 = 1024 * 1024;
        let limit = self.config.maxmemory;
        if limit > 0 && limit < SUSPICIOUS {
            self.log_warning(&format!(
                "WARNING: You specified a maxmemory value that is less than 1MB (current value is \
                 {limit} bytes). Are you sure this is what you really want?"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_by_name_and_option() {
        let role = |program: &str, args: &[&str]| {
            let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
            Role::of(program.as_bytes(), &args)
        };
        assert_eq!(role("src/redis-server", &["--port", "1"]), Role::Server);
        assert_eq!(role("./redis-sentinel", &[]), Role::Sentinel);
        assert_eq!(role("redis-server", &["x.conf", "--sentinel"]), Role::Sentinel);
        assert_eq!(role("/a/redis-check-rdb", &[]), Role::CheckRdb);
        assert_eq!(role("redis-check-aof", &["--fix"]), Role::CheckAof);
    }
}
