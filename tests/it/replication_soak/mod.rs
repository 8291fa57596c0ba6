//! The soak of replication: a master and two replicas, each behind a proxy of the test, under
//! random commands, while links are cut, hang, crawl, and servers are killed, restarted, promoted.
//! At each quiet point the data sets, offsets and functions of all three are equal, and no write
//! that WAIT confirmed is missing.
//!
//! `REPLICATION_SOAK_SECONDS` lengthens it (default: 4 s), `REPLICATION_SOAK_SEED` repeats the
//! faults of a run, `REPLICATION_SOAK_KEEP` names a directory for the servers' files of a failure:
//! `REPLICATION_SOAK_SECONDS=1200 cargo test --test it replication_soak -- --nocapture`

pub mod proxy;
mod workers;
pub mod workload;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::common::server::{Server, wait_until};
use crate::common::value::Value;
use crate::replication::differences;
use proxy::Proxy;
use workers::Workers;

const LIMIT: Duration = Duration::from_secs(90);
const SERVERS: usize = 3;
/// Entries of a ledger after which it begins anew.
const LEDGER_ENTRIES: i64 = 20_000;

struct Soak {
    servers: Vec<Server>,
    proxies: Vec<Proxy>,
    /// Which server each one follows.
    follows: [Option<usize>; SERVERS],
    /// Writes are on disk before they are answered.
    durable: [bool; SERVERS],
    master: usize,
    /// A server was killed, or lost its data, since the last quiet point.
    weakened: bool,
    rng: Rng,
    workers: Option<Workers>,
    done: BTreeMap<&'static str, u64>,
    steps: Vec<String>,
}

fn ms(ms: u64) {
    sleep(Duration::from_millis(ms));
}

impl Soak {
    fn start(seed: u64) -> Soak {
        let mut rng = Rng::with_seed(seed);
        let durable = [rng.bool(), rng.bool(), rng.bool()];
        let mut start = |durable: bool| {
            let channel = if rng.bool() { "yes" } else { "no" };
            Server::start(&[
                ("repl-rdb-channel", channel),
                ("save", "900 100000000"),
                ("appendonly", if durable { "yes" } else { "no" }),
                ("appendfsync", "always"),
                ("repl-diskless-sync-delay", "0"),
                ("repl-ping-replica-period", "1"),
                ("repl-timeout", "3"),
                ("propagation-error-behavior", "panic-on-replicas"),
                ("notify-keyspace-events", "KEA"),
            ])
        };
        let servers: Vec<Server> = durable.iter().map(|durable| start(*durable)).collect();
        let proxies: Vec<Proxy> = servers.iter().map(|s| Proxy::start(s.port)).collect();
        let mut soak = Soak {
            servers,
            proxies,
            follows: [None; SERVERS],
            durable,
            master: 0,
            weakened: false,
            rng,
            workers: None,
            done: BTreeMap::new(),
            steps: Vec::new(),
        };
        for (i, proxy) in soak.proxies.iter().enumerate() {
            let port = proxy.port.to_string();
            soak.servers[i].set_config("replica-announce-port", &port);
            soak.servers[i].set_config("replica-announce-ip", "127.0.0.1");
            soak.servers[i].client().command(&["config", "set", "replica-announce-port", &port]);
            let command = ["config", "set", "replica-announce-ip", "127.0.0.1"];
            soak.servers[i].client().command(&command);
        }
        soak.servers[0].client().command(&workload::library(0));
        soak.follow(1, Some(0));
        soak.follow(2, Some(1));
        soak.workers = Some(Workers::start(seed, soak.servers[0].port));
        soak
    }

    fn note(&mut self, what: &'static str, detail: String) {
        *self.done.entry(what).or_default() += 1;
        self.steps.push(format!("{what} {detail}"));
    }

    /// The server follows another one, now and after a restart.
    fn follow(&mut self, server: usize, of: Option<usize>) {
        self.set_follows(server, of);
        let port = of.map(|of| self.proxies[of].port.to_string());
        let args = match &port {
            Some(port) => ["replicaof", "127.0.0.1", port],
            None => ["replicaof", "no", "one"],
        };
        let mut client = self.servers[server].client();
        // One that loads what its master sent takes no such order.
        let taken = wait_until(LIMIT, || !client.command(&args).is_error());
        assert!(taken, "{args:?}\n{}", self.story());
    }

    fn set_follows(&mut self, server: usize, of: Option<usize>) {
        self.follows[server] = of;
        match of {
            Some(of) => {
                let at = format!("127.0.0.1 {}", self.proxies[of].port);
                self.servers[server].set_config("replicaof", &at);
            }
            None => self.servers[server].unset_config("replicaof"),
        }
    }

    fn is_up(&self, server: usize) -> bool {
        self.servers[server].info("master_link_status") == "up"
    }

    /// The others, if both are replicas with a link and of the master's history.
    fn healthy_replicas(&self) -> Option<Vec<usize>> {
        let id = self.servers[self.master].info("master_replid");
        let replicas: Vec<usize> = (0..SERVERS).filter(|i| *i != self.master).collect();
        let good = |i: &usize| self.is_up(*i) && self.servers[*i].info("master_replid") == id;
        replicas.iter().all(good).then_some(replicas)
    }

    fn fault(&mut self) {
        let server = self.rng.usize(..SERVERS);
        match self.rng.u8(..22) {
            0 | 1 => {
                let half = self.rng.bool();
                self.proxies[server].cut(half);
                self.note("cut", format!("{server} half={half}"));
            }
            2..5 => {
                let bytes = 1 << self.rng.u8(..20);
                let bytes = self.rng.i64(0..bytes);
                self.proxies[server].cut_after(bytes);
                self.note("cut after bytes", format!("{server} {bytes}"));
            }
            5 | 6 => self.hang(server),
            7 | 8 => {
                let delay = self.rng.u64(0..15);
                self.proxies[server].slow(delay, true);
                self.note("slow and tiny", format!("{server} {delay} ms"));
            }
            9 | 10 => self.restart_replica(true),
            11 => self.restart_replica(false),
            12..15 => self.kill_master(),
            15 => self.fail_over(),
            16 => self.regroup(),
            17 => self.kill_connections(server),
            18 => {
                let what = if self.rng.bool() { "bgsave" } else { "bgrewriteaof" };
                self.servers[server].client().command(&[what]);
                self.note("child", format!("{server} {what}"));
            }
            19 => self.restart_durable_master(),
            _ => self.change_settings(server),
        }
    }

    fn hang(&mut self, server: usize) {
        self.proxies[server].freeze();
        let time = self.rng.u64(20..600);
        self.note("hang", format!("{server} {time} ms"));
        ms(time);
        if self.rng.bool() {
            let half = self.rng.bool();
            self.proxies[server].cut(half);
        }
        self.proxies[server].heal();
    }

    fn restart_replica(&mut self, kill: bool) {
        let server = (self.master + self.rng.usize(1..SERVERS)) % SERVERS;
        self.note(if kill { "kill replica" } else { "stop replica" }, format!("{server}"));
        self.weakened = true;
        if kill {
            self.servers[server].crash();
            ms(self.rng.u64(..300));
        }
        self.servers[server].restart();
    }

    /// The master dies, and the best replica takes over; the old one becomes a replica.
    fn kill_master(&mut self) {
        if self.weakened {
            return self.restart_durable_master();
        }
        let Some(replicas) = self.healthy_replicas() else { return };
        let old = self.master;
        self.servers[old].crash();
        let offset = |i: &usize| -> i64 {
            self.servers[*i].info("slave_repl_offset").parse().expect("a number")
        };
        let new = *replicas.iter().max_by_key(|i| offset(i)).expect("there are two");
        self.note("kill master and promote", format!("{old} -> {new}"));
        self.weakened = true;
        self.promoted(new);
        self.follow(new, None);
        let other = SERVERS - old - new;
        if self.follows[other] != Some(new) {
            self.follow(other, Some(new));
        }
        let of = if self.rng.bool() { new } else { other };
        self.set_follows(old, Some(of));
        ms(self.rng.u64(..200));
        self.servers[old].restart();
    }

    fn promoted(&mut self, new: usize) {
        self.master = new;
        let workers = self.workers.as_ref().expect("started with them");
        workers.shared.master_port.store(self.servers[new].port, SeqCst);
    }

    /// The master dies and comes back with what its append only file has.
    fn restart_durable_master(&mut self) {
        let server = self.master;
        let is = |field: &str, value: &str| self.servers[server].info(field) == value;
        let complete = self.durable[server]
            && is("aof_enabled", "1")
            && is("aof_rewrite_in_progress", "0")
            && is("aof_rewrite_scheduled", "0")
            && is("aof_last_bgrewrite_status", "ok");
        if !complete {
            return;
        }
        self.note("kill master and restart", format!("{server}"));
        self.weakened = true;
        self.servers[server].crash();
        ms(self.rng.u64(..100));
        self.servers[server].restart();
    }

    /// FAILOVER to a replica that hangs directly on the master.
    fn fail_over(&mut self) {
        self.proxies.iter().for_each(Proxy::heal);
        let old = self.master;
        let direct = |i: &usize| self.follows[*i] == Some(old) && self.is_up(*i);
        let Some(new) = (0..SERVERS).find(direct) else { return };
        let port = self.proxies[new].port.to_string();
        let args = ["failover", "to", "127.0.0.1", &port, "timeout", "3000"];
        let reply = self.servers[old].client().command(&args);
        self.note("failover", format!("{old} -> {new}: {reply}"));
        if reply.is_error() {
            return;
        }
        let state = || self.servers[old].info("master_failover_state");
        assert!(wait_until(LIMIT, || state() == "no-failover"), "{}", self.story());
        if self.servers[old].info("role") == "master" {
            return; // given up
        }
        assert_eq!(self.servers[new].info("role"), "master", "{}", self.story());
        self.promoted(new);
        self.set_follows(new, None);
        self.set_follows(old, Some(new));
    }

    /// The replicas hang on the master in another way.
    fn regroup(&mut self) {
        let first = (self.master + 1 + self.rng.usize(..2)) % SERVERS;
        let second = SERVERS - self.master - first;
        self.follow(first, Some(self.master));
        let of = if self.rng.bool() { first } else { self.master };
        self.follow(second, Some(of));
        self.note("regroup", format!("{} <- {first}, {of} <- {second}", self.master));
    }

    fn kill_connections(&mut self, server: usize) {
        let kinds = ["replica", "master", "normal"];
        let kind = kinds[self.rng.usize(..kinds.len())];
        self.note("client kill", format!("{server} {kind}"));
        self.servers[server].client().command(&["client", "kill", "type", kind]);
    }

    fn change_settings(&mut self, server: usize) {
        let settings: &[(&str, &[&str])] = &[
            ("repl-diskless-sync", &["yes", "no"]),
            ("repl-diskless-load", &["disabled", "on-empty-db", "swapdb"]),
            ("repl-backlog-size", &["16kb", "100kb", "10mb"]),
            ("repl-rdb-channel", &["yes", "no"]),
            ("replica-lazy-flush", &["yes", "no"]),
            ("aof-use-rdb-preamble", &["yes", "no"]),
            ("client-output-buffer-limit", &["replica 200kb 0 0", "replica 256mb 64mb 60"]),
            ("rdbcompression", &["yes", "no"]),
        ];
        let (name, values) = settings[self.rng.usize(..settings.len())];
        let value = values[self.rng.usize(..values.len())];
        self.note("config set", format!("{server} {name} {value}"));
        let reply = self.servers[server].client().command(&["config", "set", name, value]);
        // A replica that loads its master's data set in the background refuses it.
        let loads = reply.to_string().contains("-LOADING");
        assert!(!reply.is_error() || loads, "{name}: {reply}");
    }

    /// Everything is healed, everybody rests: all must be equal, nothing may be lost.
    fn quiet_point(&mut self) {
        let workers = self.workers.as_ref().expect("started with them");
        workers.rest();
        self.proxies.iter().for_each(Proxy::heal);
        for i in 0..SERVERS {
            // A small limit could keep a replica from ever getting its RDB.
            let limit = ["config", "set", "client-output-buffer-limit", "replica 256mb 64mb 60"];
            self.servers[i].client().command(&limit);
        }
        let all = |server: &Server| {
            let mut client = server.client();
            let offset = server.info("master_repl_offset");
            let libraries = client.command(&["function", "list", "withcode"]);
            let code = |library: &Value| library.get("library_code").cloned();
            // One whose link is up may begin to load at this moment: it is not equal yet.
            let code = (!libraries.is_error())
                .then(|| libraries.items().iter().map(code).collect::<Vec<_>>());
            (offset, client.command(&["debug", "digest"]).to_string(), code)
        };
        let equal = || {
            let replicas = || (0..SERVERS).filter(|i| *i != self.master);
            replicas().all(|i| self.is_up(i)) && {
                let want = all(&self.servers[self.master]);
                replicas().all(|i| all(&self.servers[i]) == want)
            }
        };
        if !wait_until(LIMIT, equal) {
            let states: Vec<String> =
                self.servers.iter().map(|s| format!("{:?}", all(s))).collect();
            let keys: Vec<String> = (0..SERVERS)
                .map(|i| differences(&self.servers[self.master], &self.servers[i]))
                .collect();
            let (states, keys) = (states.join("\n"), keys.join("\n"));
            panic!("not equal:\n{states}\n{keys}\n{}", self.story());
        }
        self.check_ledgers();
        for server in &self.servers {
            let log = server.log();
            for bad in ["CRITICAL", "ASSERTION", "panicked", "crashed by"] {
                assert!(!log.contains(bad), "{bad} in the log of {}:\n{log}", server.port);
            }
        }
        self.weakened = false;
        self.steps.push("quiet".into());
        self.workers.as_ref().expect("as above").go_on();
    }

    fn check_ledgers(&mut self) {
        let workers = self.workers.as_ref().expect("started with them");
        for (writer, confirmed) in workers.shared.confirmed.iter().enumerate() {
            let key = format!("ledger:{writer}");
            let mut client = self.servers[self.master].client();
            let reply = client.command(&["lrange", &key, "0", "-1"]);
            let entries: Vec<u64> =
                reply.items().iter().map(|item| item.text().parse().expect("a number")).collect();
            assert!(entries.is_sorted_by(|a, b| a < b), "{key} {}", self.story());
            let mut confirmed = confirmed.lock().unwrap();
            let lost: Vec<&u64> =
                confirmed.iter().filter(|n| entries.binary_search(n).is_err()).collect();
            let last = entries.last();
            assert!(lost.is_empty(), "{key} lacks {lost:?}, ends in {last:?}\n{}", self.story());
            *self.done.entry("confirmed entries seen").or_default() += confirmed.len() as u64;
            if entries.len() as i64 > LEDGER_ENTRIES {
                client.command(&["del", &key]);
                confirmed.clear();
                let last = *last.expect("it is long");
                workers.shared.deleted[writer].store(last, SeqCst);
            }
        }
    }

    /// Copies what the servers wrote, for looking at it after a failure.
    fn keep_files(&self) {
        let Some(dir) = std::env::var_os("REPLICATION_SOAK_KEEP") else { return };
        for server in &self.servers {
            let to = std::path::Path::new(&dir).join(server.port.to_string());
            // Best effort: the test has failed already.
            let _ =
                std::process::Command::new("cp").arg("-r").arg(server.dir.path()).arg(to).status();
        }
    }

    /// What was done, and what the servers said.
    fn story(&self) -> String {
        let steps = self.steps[self.steps.len().saturating_sub(30)..].join("\n");
        let tail = |server: &Server| {
            let log = server.log();
            let lines: Vec<&str> = log.lines().collect();
            let name = format!("--- {}\n", server.port);
            name + &lines[lines.len().saturating_sub(60)..].join("\n")
        };
        let logs: Vec<String> = self.servers.iter().map(tail).collect();
        self.keep_files();
        format!("steps:\n{steps}\n{}", logs.join("\n"))
    }
}

#[test]
fn nothing_that_was_confirmed_is_lost() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = number("REPLICATION_SOAK_SECONDS").unwrap_or(4);
    let seed = number("REPLICATION_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("REPLICATION_SOAK_SEED={seed}");
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut soak = Soak::start(seed);
    let mut quiet_points = 0;
    while Instant::now() < until {
        for _ in 0..soak.rng.u8(1..6) {
            ms(soak.rng.u64(10..250));
            soak.fault();
        }
        ms(soak.rng.u64(10..400));
        soak.quiet_point();
        quiet_points += 1;
    }
    let sum = |field: &str| -> u64 {
        soak.servers.iter().map(|s| s.info(field).parse::<u64>().expect("a number")).sum()
    };
    let connections: u64 = soak.proxies.iter().map(Proxy::connections).sum();
    let workers = soak.workers.take().expect("started with them");
    eprintln!(
        "{quiet_points} quiet points, {} commands, {connections} links; of the servers' last \
         lives: {} full, {} partial synchronizations; {:?}",
        workers.shared.commands.load(SeqCst),
        sum("sync_full"),
        sum("sync_partial_ok"),
        soak.done
    );
    workers.end();
}
