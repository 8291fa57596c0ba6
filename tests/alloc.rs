//! Heap allocations of hot commands: a budget per command, counted, so that it holds on any
//! machine. The commands run through `process_command` on a client without a socket; the counter
//! is that of the calling thread.
//!
//! A new hot command is one more row of `BUDGET`.

use redis_rust::commands::Args;
use redis_rust::config::Config;
use redis_rust::server::Server;
use redis_rust::server::client::{Client, ClientFlags};
use redis_rust::server::dispatch::process_command;
use redis_rust::sys::malloc::allocation_count;

const ROUNDS: u64 = 1000;
/// Rounds before the count: buffers grow to their size, statistics are set up.
const WARM_UP: u64 = 10;
/// A command that takes longer than ever before extends its latency histogram.
const SLACK: u64 = 20;

/// Commands that may come before, the commands measured (all of them each round), and the
/// allocations that one round may take.
struct Budget {
    setup: &'static [&'static str],
    commands: &'static [&'static str],
    allocations: u64,
}

const fn free(setup: &'static [&'static str], commands: &'static [&'static str]) -> Budget {
    Budget { setup, commands, allocations: 0 }
}

const BUDGET: &[Budget] = &[
    free(&[], &["PING", "ECHO hello"]),
    free(&["SET k value"], &["GET k", "EXISTS k", "STRLEN k", "TYPE k", "TTL k", "TOUCH k"]),
    free(&[], &["GET missing", "EXISTS missing missing", "DEL missing"]),
    free(&["SET n 41"], &["GET n", "INCR n", "DECRBY n 7", "INCRBY n 100000"]),
    free(&["SET k v EX 1000", "SET n 1 EX 1000"], &["GET k", "INCR n", "TTL k"]),
    free(&["SET k value"], &["SET k other", "SET k value", "GETRANGE k 1 2"]),
    free(&["SET n 5"], &["SET n 6", "SET n 123456789"]),
    free(&["MSET a 1 b x"], &["MGET a b missing", "MSET a 2 b y"]),
    free(&["SETBIT b 1000 1"], &["SETBIT b 3 1", "SETBIT b 3 0", "GETBIT b 3"]),
    free(&["SETBIT b 1000 1"], &["BITCOUNT b", "BITCOUNT b 0 -2 BIT", "BITPOS b 1", "BITPOS b 0"]),
    free(&["SETRANGE s 100 x"], &["SETRANGE s 5 hello", "STRLEN s"]),
    // The list of operations.
    Budget {
        setup: &["SETBIT b 1000 1"],
        commands: &["BITFIELD b GET u8 #3 INCRBY i5 17 3"],
        allocations: 1,
    },
    // From inline to a string of its own size, and back.
    Budget {
        setup: &[],
        commands: &[
            "SET k short",
            "SET k a-longer-value-that-needs-another-size-class-of-the-heap",
        ],
        allocations: 2,
    },
    Budget { setup: &[], commands: &["SET fresh value", "DEL fresh"], allocations: 1 },
];

struct Session {
    server: Server,
    client: Client,
    /// Its registry must outlive the server's waker.
    _poll: mio::Poll,
}

impl Session {
    fn new() -> Session {
        let poll = mio::Poll::new().unwrap();
        let waker = mio::Waker::new(poll.registry(), mio::Token(0)).unwrap();
        // A command that the machine delays must not be noted anywhere.
        let config = Config { slowlog_log_slower_than: -1, ..Config::default() };
        let server = Server::new(config, waker).unwrap();
        let mut client = Client::new(1, None, server.clock.now_ms);
        client.flags.set(ClientFlags::AUTHENTICATED);
        Session { server, client, _poll: poll }
    }

    fn run(&mut self, argv: &[&[u8]]) {
        self.client.reply.truncate(0);
        process_command(&mut self.server, &mut self.client, Args(argv), None);
    }

    fn run_text(&mut self, command: &str) {
        let argv: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        self.run(&argv);
        let reply = String::from_utf8_lossy(self.client.reply.as_bytes());
        assert!(!reply.starts_with('-') && !reply.is_empty(), "{command}: {reply}");
    }
}

#[test]
fn hot_commands_keep_to_their_allocations() {
    let mut exceeded = String::new();
    for budget in BUDGET {
        let mut session = Session::new();
        for command in budget.setup.iter().chain(budget.commands) {
            session.run_text(command);
        }
        let argvs: Vec<Vec<&[u8]>> = budget
            .commands
            .iter()
            .map(|command| command.split(' ').map(str::as_bytes).collect())
            .collect();
        let mut took = vec![0; argvs.len()];
        for round in 0..WARM_UP + ROUNDS {
            for (argv, took) in argvs.iter().zip(&mut took) {
                let before = allocation_count();
                session.run(argv);
                *took += if round < WARM_UP { 0 } else { allocation_count() - before };
            }
        }
        if took.iter().sum::<u64>() > budget.allocations * ROUNDS + SLACK {
            let each: Vec<_> = budget.commands.iter().zip(took).collect();
            exceeded.push_str(&format!("\n{ROUNDS} rounds took {each:?}"));
        }
    }
    assert!(exceeded.is_empty(), "{exceeded}");
}

#[test]
fn a_new_key_with_a_short_value_is_one_allocation() {
    const KEYS: u64 = 100_000;
    let mut session = Session::new();
    let before = allocation_count();
    let mut key = *b"key:000000";
    for i in 0..KEYS {
        key[4..].copy_from_slice(&format_six(i));
        session.run(&[b"SET", &key, b"value"]);
    }
    // The rest is the growing table: its buckets, and those that overflow.
    let extra = allocation_count() - before - KEYS;
    assert!(extra < KEYS / 10, "{extra} allocations beyond one a key");
}

/// Six decimal digits, without the heap.
fn format_six(mut n: u64) -> [u8; 6] {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit += (n % 10) as u8;
        n /= 10;
    }
    digits
}
