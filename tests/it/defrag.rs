//! Active defragmentation: memory comes back, and nobody notices.

use std::time::Duration;

use super::common::client::Client;
use super::common::server::wait_until;
use super::common::{Server, Value};

const PATIENCE: Duration = Duration::from_secs(60);

const SETTINGS: &[(&str, &str)] = &[
    ("hz", "100"),
    ("active-defrag-ignore-bytes", "1mb"),
    ("active-defrag-threshold-lower", "5"),
    ("active-defrag-cycle-min", "50"),
    ("active-defrag-cycle-max", "75"),
    ("active-defrag-max-scan-fields", "100"),
    ("hash-max-listpack-entries", "20"),
    ("list-max-listpack-size", "5"),
    ("stream-node-max-entries", "5"),
];

fn number(server: &Server, field: &str) -> f64 {
    server.info(field).parse().expect("a number")
}

fn command(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| part.to_string()).collect()
}

/// Keys of each type, everything twice: what stays, and between its blocks what goes.
fn fill(client: &mut Client) {
    let (pad, mut commands) = ("p".repeat(150), Vec::new());
    for i in 0..24_000 {
        let (n, element) = (i.to_string(), format!("element {i} {pad}"));
        let kind = if i % 4 == 0 { "stays" } else { "goes" };
        let of = |name: &str| format!("{kind}:{name}");
        commands.push(command(&["SET", &of(&n), &element]));
        commands.push(command(&["RPUSH", &of("list"), &element]));
        commands.push(command(&["SADD", &of("set"), &element]));
        commands.push(command(&["ZADD", &of("zset"), &n, &element]));
        commands.push(command(&["HSET", &of("hash"), &n, &element]));
        commands.push(command(&["HSET", &of(&format!("small{}", i / 10)), &n, &element]));
        commands.push(command(&["XADD", &of("stream"), &format!("{}-0", i + 1), "f", &element]));
        if i % 8 == 0 {
            commands.push(command(&["PEXPIRE", &of(&n), "100000000"]));
            commands.push(command(&["HPEXPIRE", &of("hash"), "100000000", "FIELDS", "1", &n]));
        }
        if commands.len() > 4000 {
            client.pipeline(&commands);
            commands.clear();
        }
    }
    client.pipeline(&commands);
    for kind in ["stays", "goes"] {
        let stream = format!("{kind}:stream");
        client.command(&["XGROUP", "CREATE", &stream, "group", "0"]);
        client.command(&["XREADGROUP", "GROUP", "group", "me", "STREAMS", &stream, ">"]);
    }
}

fn fragment(client: &mut Client) {
    let mut commands = Vec::new();
    for i in 0..24_000 {
        commands.push(command(&["DEL", &format!("goes:{i}"), &format!("goes:small{i}")]));
    }
    for name in ["list", "set", "zset", "hash", "stream"] {
        commands.push(command(&["DEL", &format!("goes:{name}")]));
    }
    client.pipeline(&commands);
}

/// What the digest does not tell.
fn details(client: &mut Client) -> Vec<Value> {
    let some = "element 8 ".to_string() + &"p".repeat(150);
    [
        vec!["ZRANGE", "stays:zset", "0", "-1", "WITHSCORES"],
        vec!["ZRANK", "stays:zset", &some],
        vec!["LRANGE", "stays:list", "0", "-1"],
        vec!["PEXPIRETIME", "stays:16"],
        vec!["HPEXPIRETIME", "stays:hash", "FIELDS", "3", "0", "8", "12"],
        vec!["XPENDING", "stays:stream", "group"],
        vec!["XRANGE", "stays:stream", "-", "+"],
        vec!["DBSIZE"],
    ]
    .iter()
    .map(|args| client.command(args))
    .collect()
}

#[test]
fn data_stay_while_blocks_move_and_commands_run() {
    let server = Server::start(SETTINGS);
    let mut client = server.client();
    fill(&mut client);
    fragment(&mut client);
    assert!(wait_until(PATIENCE, || number(&server, "allocator_frag_ratio") > 1.3));
    let digest = client.command(&["DEBUG", "DIGEST"]);
    let before = details(&mut client);
    // Switched on and off while it works, and made to work harder.
    let effort = |client: &mut Client, min: &str, max: &str| {
        let (least, most) = ("active-defrag-cycle-min", "active-defrag-cycle-max");
        client.command(&["CONFIG", "SET", least, min, most, max]);
    };
    effort(&mut client, "1", "1");
    client.command(&["CONFIG", "SET", "activedefrag", "yes"]);
    assert!(wait_until(PATIENCE, || number(&server, "active_defrag_hits") > 0.0));
    assert_eq!(number(&server, "active_defrag_running"), 1.0);
    client.command(&["CONFIG", "SET", "activedefrag", "no"]);
    assert!(wait_until(PATIENCE, || number(&server, "active_defrag_running") == 0.0));
    client.command(&["CONFIG", "SET", "activedefrag", "yes"]);
    assert!(wait_until(PATIENCE, || number(&server, "active_defrag_running") == 1.0));
    effort(&mut client, "50", "75");
    assert!(wait_until(PATIENCE, || number(&server, "active_defrag_running") >= 50.0));
    let mut round = 0;
    let done = wait_until(PATIENCE, || {
        round += 1;
        // A key that comes and goes, in tables that are being scanned.
        let (name, element) = (format!("x{round}"), "x".repeat(round % 300));
        client.command(&["SADD", "stays:set", &element]);
        client.command(&["SREM", "stays:set", &element]);
        client.command(&["ZADD", "stays:zset", "17", &name]);
        client.command(&["ZREM", "stays:zset", &name]);
        client.command(&["HSET", "stays:hash", &name, &element]);
        client.command(&["HDEL", "stays:hash", &name]);
        client.command(&["RPUSH", "stays:list", &element]);
        client.command(&["RPOP", "stays:list"]);
        client.command(&["SET", &name, &element, "EX", "1000"]);
        client.command(&["DEL", &name]);
        // Under a sanitizer the figures of the allocator mean nothing.
        let ratio = number(&server, "allocator_frag_ratio");
        if cfg!(sanitized) { round > 500 } else { ratio < 1.13 }
    });
    assert!(done, "fragmentation is still {}", number(&server, "allocator_frag_ratio"));
    client.command(&["CONFIG", "SET", "activedefrag", "no"]);
    assert!(wait_until(PATIENCE, || number(&server, "active_defrag_running") == 0.0));
    assert_eq!(client.command(&["DEBUG", "DIGEST"]), digest);
    assert_eq!(details(&mut client), before);
    assert!(number(&server, "total_active_defrag_time") > 0.0);
    // Every pointer is followed: by freeing all, and by saving it first.
    assert_eq!(client.command(&["DEBUG", "RELOAD"]), Value::Simple("OK".into()));
    assert_eq!(client.command(&["DEBUG", "DIGEST"]), digest);
    client.command(&["FLUSHALL"]);
}

#[test]
fn scripts_and_channels_are_moved_and_work() {
    let server = Server::start(SETTINGS);
    let (mut client, mut listener) = (server.client(), server.client());
    let script = |i: usize| format!("--{}\nreturn {i}", "x".repeat(400));
    let channel = |i: usize| format!("{}{i:06}", "c".repeat(400));
    for i in 0..8000 {
        client.command(&["SCRIPT", "LOAD", &script(i)]);
        listener.command(&["SUBSCRIBE", &channel(i)]);
        client.command(&["SET", &format!("a{i}"), &script(i)]);
        client.command(&["SET", &format!("b{i}"), &script(i)]);
    }
    client.command(&["FLUSHALL", "SYNC"]);
    assert!(wait_until(PATIENCE, || number(&server, "allocator_frag_ratio") > 1.3));
    client.command(&["CONFIG", "SET", "activedefrag", "yes"]);
    // Under a sanitizer the figures of the allocator mean nothing.
    let seen = || number(&server, "active_defrag_hits") + number(&server, "active_defrag_misses");
    let compact = || number(&server, "allocator_frag_ratio") < 1.15;
    assert!(wait_until(PATIENCE, || if cfg!(sanitized) { seen() > 0.0 } else { compact() }));
    for i in (0..8000).step_by(97) {
        assert_eq!(client.command(&["EVAL", &script(i), "0"]), Value::Int(i as i64));
        assert_eq!(client.command(&["PUBLISH", &channel(i), "hello"]), Value::Int(1));
        assert_eq!(listener.read().items()[1].text(), channel(i));
        listener.command(&["UNSUBSCRIBE", &channel(i)]);
    }
    client.command(&["SCRIPT", "FLUSH", "SYNC"]);
}

/// What takes memory is names: of groups, and of their consumers.
#[test]
fn names_of_groups_and_consumers_are_moved() {
    const GROUPS: usize = 16_000;
    let server = Server::start(SETTINGS);
    let mut client = server.client();
    let name = |kind: &str, i: usize| format!("{}{kind}{i:05}", "n".repeat(400));
    let stream = |i: usize| format!("stream{}", i % 40);
    let (mut create, mut destroy) = (Vec::new(), Vec::new());
    for i in 0..GROUPS {
        let (stream, group) = (stream(i), name("group", i));
        create.push(command(&["XGROUP", "CREATE", &stream, &group, "0", "MKSTREAM"]));
        let consumer = name("consumer", i);
        create.push(command(&["XGROUP", "CREATECONSUMER", &stream, &group, &consumer]));
        if i / 40 % 4 != 0 {
            destroy.push(command(&["XGROUP", "DESTROY", &stream, &group]));
        }
    }
    create.chunks(4000).for_each(|some| drop(client.pipeline(some)));
    destroy.chunks(4000).for_each(|some| drop(client.pipeline(some)));
    let contents = |client: &mut Client| -> Vec<Value> {
        (0..40).map(|i| client.command(&["XINFO", "STREAM", &stream(i), "FULL"])).collect()
    };
    let before = contents(&mut client);
    assert!(wait_until(PATIENCE, || number(&server, "allocator_frag_ratio") > 1.5));
    client.command(&["CONFIG", "SET", "activedefrag", "yes"]);
    // Under AddressSanitizer the figures of the allocator mean nothing.
    let hits = || number(&server, "active_defrag_hits");
    let compact = || number(&server, "allocator_frag_ratio") < 1.2;
    let done = wait_until(PATIENCE, || if cfg!(sanitized) { hits() > 8000.0 } else { compact() });
    assert!(done, "fragmentation is still {}", number(&server, "allocator_frag_ratio"));
    assert_eq!(contents(&mut client), before);
    client.command(&["FLUSHALL", "SYNC"]);
}
