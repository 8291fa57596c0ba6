//! CONFIG, INFO, SLOWLOG, LATENCY, MONITOR, DEBUG, MEMORY and flushing, as clients see them.

use std::net::TcpListener;
use std::time::Duration;

use super::common::client::Client;
use super::common::{Server, Value};

#[test]
fn config_set_is_all_or_nothing_also_when_a_port_is_taken() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let reply = call!(client, ["CONFIG", "SET", "maxmemory", "10mb", "port", &port]).to_string();
    let text = "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on \
        this port. Check server logs.";
    assert_eq!(reply, text);
    assert_eq!(call!(client, ["CONFIG", "GET", "maxmemory"]).items()[1].text(), "0");
    assert_reply!(server.client(), ["PING"], "+PONG");
    let odd = ["CONFIG", "SET", "maxmemory", "1", "port"];
    assert_eq!(client.command(&odd).to_string(), "-ERR syntax error");
}

#[test]
fn config_set_port_moves_the_listener() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_reply!(client, ["CONFIG", "SET", "port", free.to_string()], "+OK");
    let mut moved = Client::connect(free).expect("listens on the new port");
    assert_reply!(moved, ["PING"], "+PONG");
    assert!(Client::connect(server.port).is_err());
    assert_reply!(moved, ["CONFIG", "SET", "port", server.port.to_string()], "+OK");
}

#[test]
fn info_sections_and_their_selection() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let titles = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix("# ").map(str::to_string)).collect()
    };
    let of = |args: &[&str], client: &mut Client| {
        titles(&client.command(&[&["INFO"], args].concat()).text())
    };
    assert_eq!(of(&["cpu", "CPU"], &mut client), ["CPU"]);
    assert_eq!(of(&["keyspace", "server"], &mut client), ["Server", "Keyspace"]);
    assert!(!of(&[], &mut client).contains(&"Commandstats".to_string()));
    assert!(of(&["all"], &mut client).contains(&"Commandstats".to_string()));
    assert!(of(&["sentinel"], &mut client).is_empty());
    let _ = call!(client, ["SET", "k", "v", "EX", "100"]);
    let text = call!(client, ["INFO", "keyspace"]).text();
    assert!(text.contains("db0:keys=1,expires=1,avg_ttl="), "{text}");
}

#[test]
fn statistics_of_commands_and_errors() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let _ = call!(client, ["LPUSH", "list", "a"]);
    let _ = call!(client, ["GET", "list"]);
    let _ = call!(client, ["GET"]);
    let text = call!(client, ["INFO", "commandstats", "errorstats", "latencystats"]).text();
    let line = |start: &str| {
        let found = text.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in {text}")).to_string()
    };
    assert!(line("cmdstat_get:calls=1,").ends_with("rejected_calls=1,failed_calls=1"));
    assert_eq!(line("errorstat_WRONGTYPE"), "errorstat_WRONGTYPE:count=1");
    assert_eq!(line("errorstat_ERR"), "errorstat_ERR:count=1");
    assert!(line("latency_percentiles_usec_lpush:p50=").contains(",p99.9="));
    assert_reply!(client, ["CONFIG", "RESETSTAT"], "+OK");
    let text = call!(client, ["INFO", "errorstats"]).text();
    assert!(!text.contains("errorstat_"), "{text}");
}

#[test]
fn slowlog_keeps_short_arguments_and_no_secrets() {
    let server = Server::start(&[("slowlog-log-slower-than", "0")]);
    let mut client = server.client();
    let _ = call!(client, ["SLOWLOG", "RESET"]);
    let long = "x".repeat(200);
    let _ = call!(client, ["SET", "key", &long]);
    let _ = call!(client, ["CONFIG", "SET", "masterauth", "secret"]);
    let entries = call!(client, ["SLOWLOG", "GET"]);
    let argv = |i: usize| -> Vec<String> {
        entries.items()[i].items()[3].items().iter().map(Value::text).collect()
    };
    assert_eq!(argv(0), ["CONFIG", "SET", "masterauth", "(redacted)"]);
    assert_eq!(argv(1)[2], format!("{}... (72 more bytes)", "x".repeat(128)));
    assert_reply!(
        client,
        ["SLOWLOG", "GET", "-2"],
        "-ERR count should be greater than or equal to -1"
    );
}

#[test]
fn monitors_see_commands_after_they_ran() {
    let server = Server::start(&[]);
    let mut monitor = server.client();
    assert_reply!(monitor, ["MONITOR"], "+OK");
    let mut client = server.client();
    let _ = call!(client, ["SET", "a b", "\r\n\u{1}"]);
    let line = monitor.read().text();
    assert!(line.ends_with(r#"] "SET" "a b" "\r\n\x01""#), "{line}");
    assert!(line.contains(" [0 127.0.0.1:"), "{line}");
}

#[test]
fn latency_histogram_and_history() {
    let server = Server::start(&[("latency-monitor-threshold", "10")]);
    let mut client = server.client();
    let _ = call!(client, ["SET", "a", "b"]);
    let reply = call!(client, ["LATENCY", "HISTOGRAM", "set", "nosuch"]);
    assert_eq!(reply.items()[0].text(), "set");
    assert_eq!(reply.items()[1].items()[1].int(), 1);
    let _ = call!(client, ["DEBUG", "SLEEP", "0.02"]);
    let latest = call!(client, ["LATENCY", "LATEST"]);
    assert_eq!(latest.items()[0].items()[0].text(), "command");
    assert!((20..2000).contains(&latest.items()[0].items()[3].int()));
    assert!(call!(client, ["LATENCY", "GRAPH", "command"]).text().contains("all time high"));
    assert_reply!(client, ["LATENCY", "RESET"], 1);
    let text = "-ERR No samples available for event 'command'";
    assert_reply!(client, ["LATENCY", "GRAPH", "command"], text);
}

/// The digests were printed by Redis for the same data.
#[test]
fn digests_are_those_of_redis() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let _ = call!(client, ["SET", "s", "hello"]);
    let _ = call!(client, ["SET", "n", "12345", "EX", "10000"]);
    let _ = call!(client, ["RPUSH", "l", "a", "b", "3"]);
    let _ = call!(client, ["SADD", "set", "1", "2", "x"]);
    let _ = call!(client, ["HSET", "h", "f", "v", "g", "2"]);
    let _ = call!(client, ["HPEXPIRE", "h", "1000000", "FIELDS", "1", "g"]);
    let digests = call!(client, ["DEBUG", "DIGEST-VALUE", "s", "n", "l", "set", "h", "nokey"]);
    let digests: Vec<String> = digests.items().iter().map(Value::text).collect();
    assert_eq!(
        digests,
        [
            "36b23a1456b2dce2c3ed252c456761301dba8060",
            "074a6e8892a0b0b4fcf085794cb69322c36c9d00",
            "09eb1fc9381ee92790d59930ab462945f8cd948b",
            "4c6eef6b7853d1b76391c849d71b0d35d3faf18f",
            "6e9479753bf83f8d1af02234e6622bbe8d02ceab",
            "0000000000000000000000000000000000000000",
        ]
    );
}

#[test]
fn flushing_answers_in_order_when_the_memory_is_freed() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["DEBUG", "POPULATE", "1000"], "+OK");
    assert_reply!(client, ["DEBUG", "POPULATE", "500", "key", "10"], "+OK");
    assert_reply!(client, ["DBSIZE"], 1000);
    let replies = client.pipeline(&[["FLUSHALL"], ["FLUSHDB"], ["DBSIZE"]]);
    let replies: Vec<String> = replies.iter().map(Value::to_string).collect();
    assert_eq!(replies, ["+OK", "+OK", ":0"]);
    assert_eq!(server.info("lazyfreed_objects"), "1000");
    let text = call!(client, ["INFO", "commandstats"]).text();
    assert!(text.contains("cmdstat_flushall:calls=1,"), "{text}");
}

#[test]
fn flush_and_swap_touch_watched_keys_that_exist() {
    let server = Server::start(&[]);
    let (mut watcher, mut other) = (server.client(), server.client());
    for (key, command, dirty) in [
        ("there", &["FLUSHALL", "SYNC"][..], true),
        ("absent", &["FLUSHDB", "ASYNC"], false),
        ("there", &["SWAPDB", "0", "1"], true),
    ] {
        let _ = call!(other, ["SET", "there", "x"]);
        let _ = call!(watcher, ["WATCH", key]);
        assert_eq!(other.command(command).to_string(), "+OK");
        let _ = call!(watcher, ["MULTI"]);
        assert_eq!(call!(watcher, ["EXEC"]).is_null(), dirty, "{command:?}");
    }
}

#[test]
fn swapdb_serves_clients_that_wait() {
    let server = Server::start(&[]);
    let (mut waiting, mut other) = (server.client(), server.client());
    waiting.send(&["BLPOP", "list", "0"]);
    assert!(waiting.try_read(Duration::from_millis(50)).is_none());
    let _ = call!(other, ["SELECT", "5"]);
    let _ = call!(other, ["RPUSH", "list", "x"]);
    assert_reply!(other, ["SWAPDB", "0", "5"], "+OK");
    assert_eq!(waiting.read().items()[1].text(), "x");
    assert_reply!(other, ["SWAPDB", "0", "x"], "-ERR invalid second DB index");
    assert_reply!(other, ["SWAPDB", "0", "99"], "-ERR DB index is out of range");
}

#[test]
fn memory_usage_grows_with_the_value() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let _ = call!(client, ["SET", "small", "x"]);
    let _ = call!(client, ["SET", "large", "x".repeat(10_000)]);
    let small = call!(client, ["MEMORY", "USAGE", "small"]).int();
    let large = call!(client, ["MEMORY", "USAGE", "large", "SAMPLES", "0"]).int();
    assert!((16..100).contains(&small), "{small}");
    assert!((10_000..12_000).contains(&large), "{large}");
    assert_reply!(client, ["MEMORY", "USAGE", "absent"], None);
    assert_reply!(client, ["MEMORY", "USAGE", "small", "SAMPLES", "-1"], "-ERR syntax error");
    assert!(call!(client, ["MEMORY", "DOCTOR"]).text().starts_with("Hi Sam"));
    assert_reply!(client, ["MEMORY", "PURGE"], "+OK");
}
