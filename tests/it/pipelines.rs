//! Pipelines over a large keyspace, where commands are parsed ahead and their keys prefetched: what
//! comes out must be what comes out one by one.

use std::ops::Range;

use super::common::Server;
use super::common::client::Client;

const KEYS: u64 = 20_000;

/// A command that makes hints about later ones wrong, or uses them.
fn command(rng: &mut fastrand::Rng) -> Vec<String> {
    let key = format!("key:{}", rng.u64(..KEYS + 100));
    let words: &[&str] = match rng.u8(..26) {
        0 => &["SELECT", "0"],
        1 => &["SELECT", "1"],
        2 => &["SWAPDB", "0", "1"],
        3 => &["MULTI"],
        4..=6 => &["EXEC"],
        7 => &["DISCARD"],
        8 => &["CONFIG", "GET", "hz"],
        9 => &["NOSUCH", "key:1"],
        10 => &["GET"],
        11 => &["DEL", &key],
        12 => &["SET", &key, "a longer value that moves the entry, of sixty bytes or even more"],
        13 => &["SET", &key, "v", "PX", "1000000"],
        14 => &["RENAME", &key, "key:7"],
        15 => &["INCR", "counter"],
        16 => &["APPEND", &key, "x"],
        17 => &["LPUSH", "list", &key],
        18 => &["RPOP", "list"],
        19 => &["MGET", &key, "key:1", "key:2"],
        _ => &["GET", &key],
    };
    words.iter().map(|word| word.to_string()).collect()
}

/// A command about a member of a collection that grows into a table, goes, or is no collection.
fn member_command(rng: &mut fastrand::Rng) -> Vec<String> {
    let key = ["set", "hash", "zset", "key:1", "absent"][rng.usize(..5)];
    let member = match rng.u8(..3) {
        0 => format!("{}", rng.u64(..600)),
        _ => format!("member:{}", rng.u64(..600)),
    };
    let member = member.as_str();
    let words: &[&str] = match rng.u16(..150) {
        0 => &["DEL", key],
        1 => &["SADD"],
        2 => &["ZADD", key, "1"],
        3 => &["RENAME", key, "set"],
        4..=9 => &["SMOVE", "set", "other", member],
        10..=39 => &["SADD", "set", member],
        40..=69 => &["HSET", "hash", member, "value"],
        70..=99 => &["ZADD", "zset", "7", member],
        100..=104 => &["ZINCRBY", key, "2", member],
        105..=109 => &["SREM", key, member],
        110..=114 => &["HDEL", key, member],
        115..=119 => &["ZREM", key, member],
        120..=129 => &["SISMEMBER", key, member],
        130..=139 => &["HGET", key, member],
        _ => &["ZSCORE", key, member],
    };
    words.iter().map(|word| word.to_string()).collect()
}

fn filled() -> (Server, Client) {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.command(&["DEBUG", "POPULATE", &KEYS.to_string()]);
    (server, client)
}

#[test]
fn a_pipeline_answers_as_single_commands_do() {
    compare(60, command);
}

#[test]
fn a_pipeline_about_members_answers_as_single_commands_do() {
    compare(200, member_command);
}

fn compare(rounds: usize, command: fn(&mut fastrand::Rng) -> Vec<String>) {
    let (_one, mut single) = filled();
    let (_two, mut pipelined) = filled();
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..rounds {
        let count = rng.usize(1..60);
        let commands: Vec<Vec<String>> = (0..count).map(|_| command(&mut rng)).collect();
        let replies = pipelined.pipeline(&commands);
        for (command, reply) in commands.iter().zip(replies) {
            assert_eq!(single.command(command), reply, "{command:?}");
        }
    }
    // DEBUG is refused within a transaction that the last round may have left open.
    for client in [&mut single, &mut pipelined] {
        client.command(&["RESET"]);
    }
    assert_eq!(single.command(&["DEBUG", "DIGEST"]), pipelined.command(&["DEBUG", "DIGEST"]));
}

/// Big enough that members are asked for ahead; a batch ends within each command.
#[test]
fn commands_with_many_members_of_a_big_collection() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let name = |i: u32| if i.is_multiple_of(3) { i.to_string() } else { format!("member:{i}") };
    type Each<'a> = &'a dyn Fn(u32, &mut Vec<String>);
    let mut run = |command: &[&str], each: Each<'_>, range: Range<u32>| {
        let mut words: Vec<String> = command.iter().map(|word| word.to_string()).collect();
        range.for_each(|i| each(i, &mut words));
        client.command(&words)
    };
    let plain = |i: u32, words: &mut Vec<String>| words.push(name(i));
    let valued = |i: u32, words: &mut Vec<String>| words.extend([name(i), i.to_string()]);
    let scored = |i: u32, words: &mut Vec<String>| words.extend([i.to_string(), name(i)]);
    let adding: [(&str, &str, Each<'_>); 3] =
        [("SADD", "set", &plain), ("HSET", "hash", &valued), ("ZADD", "zset", &scored)];
    for (add, key, each) in adding {
        for from in (0..20_000).step_by(1000) {
            assert_eq!(run(&[add, key], each, from..from + 1000).int(), 1000);
        }
        assert_eq!(run(&[add, key], each, 19_990..20_030).int(), 30, "{key}");
    }
    for (command, key, there) in
        [("SMISMEMBER", "set", "1"), ("HMGET", "hash", "20029"), ("ZMSCORE", "zset", "20029")]
    {
        let reply = run(&[command, key], &plain, 20_029..20_050);
        let items: Vec<String> = reply.items().iter().map(|item| item.to_string()).collect();
        assert_eq!(items.len(), 21, "{command}");
        assert!(items[0].contains(there), "{command}: {}", items[0]);
        assert!(items[1..].iter().all(|item| *item == items[1]), "{command}");
    }
    for (remove, key) in [("SREM", "set"), ("HDEL", "hash"), ("ZREM", "zset")] {
        assert_eq!(run(&[remove, key], &plain, 10_000..20_100).int(), 10_030, "{remove}");
        assert_eq!(run(&[remove, key], &plain, 0..10_000).int(), 10_000, "{remove}");
        assert_eq!(run(&["EXISTS", key], &|_, _| (), 0..0).int(), 0, "{remove}");
    }
}

#[test]
fn a_blocked_or_logged_out_client_runs_nothing_of_the_rest() {
    let (server, mut client) = filled();
    let mut other = server.client();
    let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
    for text in ["GET key:1", "BLPOP q 0", "SET key:1 after"] {
        client.send(&words(text));
    }
    assert_eq!(client.read().text(), "value:1");
    assert_eq!(other.command(&["GET", "key:1"]).text(), "value:1", "the rest waits");
    other.command(&["LPUSH", "q", "x"]);
    assert_eq!(client.read().items().len(), 2);
    assert_eq!(client.read().text(), "OK");

    other.command(&["CONFIG", "SET", "requirepass", "secret"]);
    let replies = client.pipeline(&[words("GET key:2"), words("RESET"), words("GET key:2")]);
    assert_eq!(replies[0].text(), "value:2");
    assert_eq!(replies[1].text(), "RESET");
    assert!(replies[2].is_error(), "not logged in any more: {:?}", replies[2]);
}
