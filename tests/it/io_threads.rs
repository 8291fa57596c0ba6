//! I/O threads under load: what they read and write must be what the main thread would have read
//! and written. Threads rest unless the main thread is busy, so every test runs beside a crowd of
//! clients that check their own replies.
//!
//! Environment: `IO_THREADS_CONNECTIONS` is the number of connections of `many_connections` (500;
//! the long form: 10000).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::common::client::Client;
use super::common::server::wait_until;
use super::common::{Server, Value};

const LIMIT: Duration = Duration::from_secs(60);
const CROWD: usize = 16;
const PIPELINE: usize = 40;

/// One client of the crowd: counts in a key of its own, in pipelines, until told to stop.
fn count_until(port: u16, name: usize, stop: &AtomicBool) -> i64 {
    let mut client = Client::connect(port).expect("the server accepts");
    let key = format!("crowd:{name}");
    let commands: Vec<Vec<&str>> = (0..PIPELINE)
        .map(|i| match i % 10 {
            0 => vec!["BITCOUNT", "heavy"],
            n if n % 2 == 0 => vec!["INCR", &key],
            _ => vec!["GET", &key],
        })
        .collect();
    let bytes: Vec<u8> =
        commands.iter().flat_map(|command| super::common::client::encode(command)).collect();
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        client.send_raw(&bytes);
        for i in 0..PIPELINE {
            let want = match i % 10 {
                0 => Value::Int(0),
                n if n % 2 == 0 => {
                    count += 1;
                    Value::Int(count)
                }
                1 if count == 0 => Value::Nil,
                _ => Value::bulk(count.to_string()),
            };
            assert_eq!(client.read(), want);
        }
    }
    count
}

/// Runs `test` beside the crowd, at least until the threads have worked.
fn beside_a_crowd(server: &Server, test: impl FnOnce()) {
    // Work for the server alone, so that it is the server that has no time to spare.
    assert_reply!(server.client(), ["SETBIT", "heavy", 4_000_000, 0], 0);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        let port = server.port;
        let crowd: Vec<_> = (0..CROWD)
            .map(|name| scope.spawn(move || (name, count_until(port, name, stop))))
            .collect();
        // Whatever happens in the test, the crowd must end.
        struct Stop<'a>(&'a AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let ending = Stop(stop);
        wait_for_threads(server);
        test();
        wait_for_threads(server);
        drop(ending);
        let mut client = server.client();
        for member in crowd {
            let (name, count) = member.join().expect("all replies were right");
            let key = format!("crowd:{name}");
            let count = count.to_string();
            assert_reply!(client, ["GET", key], Some(count.as_str()));
        }
    });
}

fn threaded(server: &Server) -> [i64; 2] {
    ["io_threaded_reads_processed", "io_threaded_writes_processed"]
        .map(|field| server.info(field).parse().expect("a number"))
}

/// Until threads other than the main one have read and written more.
fn wait_for_threads(server: &Server) {
    let before = threaded(server);
    let more = wait_until(LIMIT, || threaded(server).iter().zip(before).all(|(now, b)| *now > b));
    assert!(more, "the threads never worked");
}

fn start(threads: &str, more: &[(&str, &str)]) -> Server {
    let mut config = vec![("io-threads", threads)];
    config.extend(more);
    Server::start(&config)
}

#[cfg(not(tsan))]
#[test]
fn one_thread_by_default() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_eq!(server.info("io_threads_active"), "0");
    assert_eq!(threaded(&server), [0, 0]);
    let line = client.command(&["CLIENT", "INFO"]).text();
    assert!(line.ends_with(" io-thread=0\n"), "{line}");
    assert!(server.info("io_thread_0").starts_with("clients="));
    let refused = client.command(&["CONFIG", "SET", "io-threads", "2"]).text();
    assert!(refused.contains("immutable"), "{refused}");
    assert_reply!(client, ["CONFIG", "GET", "io-threads"], "[\"io-threads\", \"1\"]");
}

#[cfg(not(tsan))]
#[test]
fn threads_rest_when_the_main_one_has_time() {
    let server = start("4", &[]);
    let mut clients: Vec<Client> = (0..40).map(|_| server.client()).collect();
    let mut quiet = false;
    // A machine under load may make the server look busy for a while.
    wait_until(LIMIT, || {
        std::thread::sleep(Duration::from_millis(50));
        let before = threaded(&server);
        assert_reply!(clients[0], ["PING"], "+PONG");
        quiet = server.info("io_threads_active") == "0" && threaded(&server) == before;
        quiet
    });
    assert!(quiet);
}

#[test]
fn big_values_and_order() {
    for threads in ["2", "4"] {
        let server = start(threads, &[]);
        beside_a_crowd(&server, || {
            std::thread::scope(|scope| {
                for name in 0..6u8 {
                    let server = &server;
                    scope.spawn(move || big_values(server, name));
                }
            });
        });
        assert_eq!(server.info("io_threads_active").len(), 1);
        let list = server.client().command(&["CLIENT", "LIST"]).text();
        assert!(list.lines().all(|line| line.contains(" io-thread=")), "{list}");
    }
}

fn big_values(server: &Server, name: u8) {
    let mut client = server.client();
    let mut rng = fastrand::Rng::with_seed(u64::from(name));
    for round in 0..12 {
        let key = format!("big:{name}");
        let value = vec![b'a' + (name + round) % 26; rng.usize(1..400_000)];
        let small = format!("small:{name}:{round}");
        let commands: [&[&[u8]]; 5] = [
            &[b"SET", key.as_bytes(), &value],
            &[b"GET", key.as_bytes()],
            &[b"SET", small.as_bytes(), b"x"],
            &[b"MGET", small.as_bytes(), key.as_bytes(), b"none"],
            &[b"STRLEN", key.as_bytes()],
        ];
        let replies = client.pipeline(&commands);
        assert_eq!(replies[0].to_string(), "+OK");
        assert_eq!(replies[1].bytes(), &value[..]);
        let Value::Array(items) = &replies[3] else { panic!("{}", replies[3]) };
        assert_eq!((items[0].bytes(), items[1].bytes()), (&b"x"[..], &value[..]));
        assert_eq!(replies[4], Value::Int(value.len() as i64));
    }
}

#[test]
fn subscribers_monitors_and_tracking() {
    let server = start("2", &[]);
    beside_a_crowd(&server, || {
        let mut subscribers: Vec<Client> = (0..20).map(|_| server.client()).collect();
        for subscriber in &mut subscribers {
            subscriber.hello3();
            assert!(matches!(subscriber.command(&["SUBSCRIBE", "news"]), Value::Push(_)));
        }
        let mut tracker = server.client();
        tracker.hello3();
        assert_reply!(tracker, ["CLIENT", "TRACKING", "ON"], "+OK");
        assert_reply!(tracker, ["GET", "watched"], "(null)");
        let mut monitor = server.client();
        assert_reply!(monitor, ["MONITOR"], "+OK");
        let mut publisher = server.client();
        let texts: Vec<String> = (0..200).map(|i| i.to_string()).collect();
        let commands: Vec<[&str; 3]> = texts.iter().map(|t| ["PUBLISH", "news", t]).collect();
        assert!(publisher.pipeline(&commands).iter().all(|n| *n == Value::Int(20)));
        assert_reply!(publisher, ["SET", "watched", "1"], "+OK");
        for subscriber in &mut subscribers {
            for text in &texts {
                let want = format!(">[\"message\", \"news\", \"{text}\"]");
                assert_eq!(subscriber.read().to_string(), want);
            }
        }
        assert_eq!(tracker.read().to_string(), ">[\"invalidate\", [\"watched\"]]");
        let deadline = Instant::now() + LIMIT;
        while !monitor.read().text().contains("\"SET\" \"watched\" \"1\"") {
            assert!(Instant::now() < deadline, "MONITOR does not show the command");
        }
    });
}

#[test]
fn blocked_clients_and_transactions() {
    let server = start("4", &[]);
    beside_a_crowd(&server, || {
        let mut blocked: Vec<Client> = (0..20).map(|_| server.client()).collect();
        for client in &mut blocked {
            // What follows the blocking command waits with it.
            client.send(&["BLPOP", "list", "0"]);
            client.send(&["INCR", "served"]);
        }
        assert!(wait_until(LIMIT, || server.info("blocked_clients") == "20"));
        std::thread::scope(|scope| {
            for name in 0..4 {
                let server = &server;
                scope.spawn(move || transactions(server, name));
            }
        });
        let mut client = server.client();
        for i in 0..20 {
            call!(client, ["RPUSH", "list", i]);
        }
        let (mut elements, mut served) = (Vec::new(), Vec::new());
        for client in &mut blocked {
            let Value::Array(items) = client.read() else { panic!("not served") };
            elements.push(items[1].text().parse::<i64>().expect("what was pushed"));
            served.push(client.read().int());
        }
        elements.sort_unstable();
        served.sort_unstable();
        assert_eq!(elements, (0..20).collect::<Vec<i64>>());
        assert_eq!(served, (1..=20).collect::<Vec<i64>>());
        assert_reply!(client, ["GET", "transactions"], Some("400"));
    });
}

fn transactions(server: &Server, name: usize) {
    let mut client = server.client();
    let own = format!("tx:{name}");
    let commands: [&[&str]; 5] =
        [&["MULTI"], &["INCR", &own], &["INCR", "transactions"], &["GET", &own], &["EXEC"]];
    for round in 1..=100 {
        let replies = client.pipeline(&commands);
        let Value::Array(items) = &replies[4] else { panic!("{}", replies[4]) };
        assert_eq!(items[0], Value::Int(round));
        assert_eq!(items[2], Value::bulk(round.to_string()));
    }
}

#[test]
fn clients_are_killed_while_they_send() {
    let server = start("4", &[]);
    let mut admin = server.client();
    let payload: Vec<u8> = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n".repeat(100);
    for round in 0..30 {
        let mut victims: Vec<Client> = (0..20).map(|_| server.client()).collect();
        for victim in &mut victims {
            victim.send_raw(&payload);
        }
        if round % 2 == 0 {
            call!(admin, ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        } else {
            drop(victims); // the peer goes away instead
        }
    }
    assert_reply!(admin, ["GET", "k"], Some("value"));
    assert!(wait_until(LIMIT, || {
        let list = admin.command(&["CLIENT", "LIST"]).text();
        list.lines().count() == 1
    }));
}

#[test]
fn evicted_clients_and_output_limits() {
    let server = start("2", &[("client-output-buffer-limit", "\"normal 3mb 0 0\"")]);
    beside_a_crowd(&server, || {
        let mut admin = server.client();
        assert_reply!(admin, ["CLIENT", "NO-EVICT", "on"], "+OK");
        call!(admin, ["SET", "huge", "x".repeat(1_000_000)]);
        let mut greedy = server.client();
        let _ = greedy.try_send_raw(&b"*2\r\n$3\r\nGET\r\n$4\r\nhuge\r\n".repeat(50));
        let limited = "client_output_buffer_limit_disconnections";
        assert!(wait_until(LIMIT, || server.info(limited) != "0"));
        assert_reply!(admin, ["CONFIG", "SET", "maxmemory-clients", "30mb"], "+OK");
        let half =
            [b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$40000000\r\n".to_vec(), vec![b'x'; 35 << 20]];
        let mut fat = server.client();
        let _ = fat.try_send_raw(&half.concat());
        assert!(wait_until(LIMIT, || server.info("evicted_clients") != "0"));
        assert_reply!(admin, ["CONFIG", "SET", "maxmemory-clients", "0"], "+OK");
    });
}

#[test]
fn a_busy_script_gives_back_what_was_gathered() {
    let server = start("2", &[("busy-reply-threshold", "10")]);
    let mut warm = server.client();
    call!(warm, ["DEBUG", "POPULATE", 20_000]);
    call!(warm, ["SETBIT", "heavy", 4_000_000, 0]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // The crowd meets BUSY, so this one does not look at its replies.
        for _ in 0..CROWD {
            scope.spawn(|| {
                let mut client = server.client();
                let bytes = b"*2\r\n$8\r\nBITCOUNT\r\n$5\r\nheavy\r\n".repeat(PIPELINE);
                while !stop.load(Ordering::Relaxed) {
                    client.send_raw(&bytes);
                    (0..PIPELINE).for_each(|_| drop(client.read()));
                }
            });
        }
        wait_for_threads(&server);
        for _ in 0..3 {
            let mut script = server.client();
            script.send(&["EVAL", "while true do end", "0"]);
            let mut client = server.client();
            let killed =
                wait_until(LIMIT, || call!(client, ["SCRIPT", "KILL"]).to_string() == "+OK");
            let reply = script.try_read(LIMIT);
            if !killed || reply.is_none() {
                stop.store(true, Ordering::Relaxed);
            }
            assert!(killed);
            assert!(reply.is_some_and(|reply| reply.is_error()));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn children_are_forked_and_the_server_ends_under_load() {
    let mut server = start("4", &[("appendonly", "yes")]);
    let mut counts = Vec::new();
    beside_a_crowd(&server, || {
        let mut client = server.client();
        for _ in 0..3 {
            call!(client, ["BGSAVE"]);
            assert!(wait_until(LIMIT, || server.info("rdb_bgsave_in_progress") == "0"));
            assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
            call!(client, ["BGREWRITEAOF"]);
            assert!(wait_until(LIMIT, || server.info("aof_rewrite_in_progress") == "0"));
        }
    });
    let mut client = server.client();
    for name in 0..CROWD {
        counts.push(call!(client, ["GET", format!("crowd:{name}")]));
    }
    server.restart();
    let mut client = server.client();
    for (name, count) in counts.into_iter().enumerate() {
        assert_eq!(call!(client, ["GET", format!("crowd:{name}")]), count);
    }
}

#[test]
fn many_connections() {
    let long = std::env::var("IO_THREADS_CONNECTIONS").ok().and_then(|text| text.parse().ok());
    let connections: usize = long.unwrap_or(500);
    let server = start("4", &[("maxclients", "20000")]);
    let mut clients: Vec<Client> = (0..connections).map(|_| server.client()).collect();
    for round in 0..5 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.send_raw(format!("INCRBY n:{i} {round}\r\nECHO {i}-{round}\r\n").as_bytes());
        }
        for (i, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.read(), Value::Int((0..=round).sum()));
            assert_eq!(client.read(), Value::bulk(format!("{i}-{round}")));
        }
    }
    assert_eq!(server.client().command(&["DBSIZE"]), Value::Int(connections as i64));
}
