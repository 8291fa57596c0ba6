//! The server: the composition of its subsystems, each a struct of its own in a file of its own.
//! Only the main thread sees it.

pub mod acl;
pub mod aof;
pub mod before_sleep;
pub mod blocking;
pub mod call;
pub mod check_rdb;
pub mod child;
pub mod client;
pub mod client_info;
pub mod client_memory;
pub mod clients;
pub mod clock;
pub mod cluster;
pub mod config_effects;
pub mod connection;
pub mod crash;
pub mod cron;
pub mod debug;
pub mod defrag;
pub mod dispatch;
pub mod event_loop;
pub mod eviction;
pub mod execute;
pub mod expire;
pub mod flush;
pub mod gate;
pub mod hash_expire;
pub mod histogram;
pub mod info;
pub mod io_threads;
pub mod latency;
pub mod latency_report;
pub mod lazyfree;
pub mod limits;
pub mod listener;
pub mod loading;
pub mod log;
pub mod look_ahead;
mod lookout;
pub mod lookup;
pub mod memory;
pub mod metrics;
pub mod migrate;
pub mod monitor;
pub mod networking;
pub mod notify;
pub mod pause;
pub mod pipeline;
pub mod process;
pub mod propagate;
pub mod pubsub;
pub mod rdb;
pub mod replication;
pub mod script;
mod script_debug;
mod script_host;
pub mod shutdown;
pub mod slowlog;
pub mod special;
pub mod start;
pub mod stats;
pub mod strings;
pub mod tracking;
pub mod transaction;
pub mod while_blocked;

use std::io;
use std::sync::Arc;

use crate::commands::table::CommandTable;
use crate::config::Config;
use crate::storage::keyspace::Keyspace;

/// Everything the main thread owns.
pub struct Server {
    pub config: Config,
    pub keyspace: Keyspace,
    pub commands: CommandTable,
    pub acl: acl::Acl,
    pub clients: clients::Clients,
    pub client_memory: client_memory::ClientMemory,
    pub listeners: listener::Listeners,
    pub clock: clock::Clock,
    pub stats: stats::Stats,
    pub exec: call::Exec,
    pub propagate: propagate::Propagate,
    pub aof: aof::Aof,
    pub scripts: script::Scripts,
    /// With `cluster-enabled`.
    pub cluster: Option<Box<crate::cluster::Cluster>>,
    pub blocking: blocking::Blocking,
    pub watches: transaction::Watches,
    pub pubsub: pubsub::PubSub,
    pub tracking: tracking::Tracking,
    pub monitors: monitor::Monitors,
    pub pause: pause::Pause,
    pub slowlog: slowlog::SlowLog,
    pub latency: latency::Latency,
    pub eviction: eviction::Eviction,
    pub expire: expire::ActiveExpire,
    pub lazyfree: lazyfree::LazyFree,
    pub cron: cron::Cron,
    pub debug: debug::DebugSwitches,
    pub defrag: defrag::Defrag,
    pub loading: loading::Loading,
    pub while_blocked: while_blocked::WhileBlocked,
    pub process: process::Process,
    pub io: io_threads::IoThreads,
    pub shutdown: shutdown::Shutdown,
    pub child: child::ChildState,
    pub migrate_sockets: migrate::MigrateSockets,
    pub rdb: rdb::RdbState,
    pub log: log::Log,
    /// A feature that looks at ordinary commands is on, see `special`.
    pub special: bool,
    /// Changes since the last save.
    pub dirty: u64,
    /// DEBUG QUICKLIST-PACKED-THRESHOLD in bytes; 0 = by `list-max-listpack-size`.
    pub list_packed_threshold: usize,
    /// Reply buffers of clients that have nothing to send.
    reply_pool: Vec<Vec<u8>>,
    /// What a subscriber was sent lately in one write, a power of two: the room to begin with for
    /// those for whom the pool has no buffer. A channel's subscribers all get the same.
    subscriber_bytes: usize,
    /// ms since the epoch of the next `server_cron`.
    pub next_cron_ms: i64,
    /// Monotonic us at which the loop woke.
    turn_start_us: u64,
    /// Set when the loop is to end.
    pub exit_status: Option<i32>,
    /// 40 hex digits, new at every start.
    pub run_id: String,
    /// What the loop waits on; `None` without an event loop (tests).
    pub poll: Option<mio::Poll>,
    pub replication: replication::Replication,
    /// To open sockets later; `None` without an event loop (tests).
    pub registry: Option<mio::Registry>,
    /// Signals arrive here; `None` without handlers (tests).
    pub wake_pipe: Option<crate::sys::signal::WakePipe>,
    pub start_ms: i64,
}

impl Server {
    /// A server with that configuration, not listening yet.
    pub fn new(config: Config, waker: mio::Waker) -> io::Result<Server> {
        let waker = Arc::new(waker);
        let commands = CommandTable::new(crate::commands::GROUPS);
        let clock = clock::Clock::new();
        let databases = config.databases as usize;
        let mut server = Server {
            keyspace: Keyspace::new(databases, config.cluster_enabled),
            stats: stats::Stats::new(commands.len()),
            acl: acl::Acl::new(&commands, &config),
            commands,
            clients: clients::Clients::default(),
            client_memory: client_memory::ClientMemory::default(),
            listeners: listener::Listeners::default(),
            exec: call::Exec::default(),
            propagate: propagate::Propagate::default(),
            aof: aof::Aof::new(clock.now_ms, Arc::clone(&waker)),
            scripts: script::Scripts::new(clock.now_ms),
            cluster: None,
            blocking: blocking::Blocking::default(),
            watches: transaction::Watches::default(),
            pubsub: pubsub::PubSub::default(),
            tracking: tracking::Tracking::default(),
            monitors: monitor::Monitors::default(),
            pause: pause::Pause::default(),
            slowlog: slowlog::SlowLog::default(),
            latency: latency::Latency::default(),
            eviction: eviction::Eviction::default(),
            expire: expire::ActiveExpire::default(),
            lazyfree: lazyfree::LazyFree::start(waker),
            cron: cron::Cron::default(),
            debug: debug::DebugSwitches::default(),
            defrag: defrag::Defrag::default(),
            loading: loading::Loading::default(),
            while_blocked: while_blocked::WhileBlocked::default(),
            process: process::Process::default(),
            io: io_threads::IoThreads::default(),
            shutdown: shutdown::Shutdown::default(),
            child: child::ChildState::default(),
            migrate_sockets: migrate::MigrateSockets::default(),
            rdb: rdb::RdbState::new(clock.now_s()),
            log: log::Log::new(&config),
            special: true,
            dirty: 0,
            list_packed_threshold: 0,
            reply_pool: Vec::new(),
            subscriber_bytes: 0,
            next_cron_ms: clock.now_ms,
            turn_start_us: 0,
            exit_status: None,
            run_id: random_hex(40),
            poll: None,
            replication: replication::Replication::new(clock.now_s()),
            registry: None,
            wake_pipe: None,
            start_ms: clock.now_ms,
            clock,
            config,
        };
        server.eviction.configure(&server.config);
        Ok(server)
    }
}

/// `len` random hexadecimal digits.
pub fn random_hex(len: usize) -> String {
    (0..len).map(|_| char::from(b"0123456789abcdef"[fastrand::usize(..16)])).collect()
}
