//! Keys of any type: SCAN while tables resize, expiry that nobody asks for, eviction by each
//! policy, SORT against a naive one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::common::client::Client;
use super::common::server::wait_until;
use super::common::{Server, Value};

const PATIENCE: Duration = Duration::from_secs(20);

/// A whole SCAN; the names it gave.
fn scan_all(
    client: &mut Client,
    options: &[&str],
    mut between: impl FnMut(&mut Client),
) -> Vec<String> {
    let mut names = Vec::new();
    let mut cursor = "0".to_string();
    loop {
        let mut args = vec!["SCAN", &cursor];
        args.extend_from_slice(options);
        let reply = client.command(&args);
        let [next, keys] = reply.items() else { panic!("SCAN replied {reply}") };
        names.extend(keys.items().iter().map(Value::text));
        cursor = next.text();
        if cursor == "0" {
            return names;
        }
        between(client);
    }
}

fn fill(client: &mut Client, prefix: &str, keys: usize) {
    let sets: Vec<Vec<String>> =
        (0..keys).map(|i| vec!["SET".into(), format!("{prefix}:{i}"), "x".into()]).collect();
    client.pipeline(&sets);
}

#[test]
fn scan_reports_all_that_stays_while_the_table_grows_and_shrinks() {
    let server = Server::start(&[]);
    let mut client = server.client();
    fill(&mut client, "stays", 1000);
    let wanted: BTreeSet<String> = (0..1000).map(|i| format!("stays:{i}")).collect();
    for grow in [true, false] {
        if !grow {
            fill(&mut client, "goes", 40_000);
        }
        let mut round = 0;
        let names = scan_all(&mut client, &["COUNT", "50"], |client| {
            round += 1;
            if round % 2 == 0 && round < 80 {
                let batch: Vec<Vec<String>> = (0..1000)
                    .map(|i| {
                        let name = format!("goes:{}", round / 2 * 1000 + i);
                        if grow {
                            vec!["SET".into(), name, "x".into()]
                        } else {
                            vec!["DEL".into(), name]
                        }
                    })
                    .collect();
                client.pipeline(&batch);
            }
        });
        let found: BTreeSet<String> =
            names.into_iter().filter(|n| n.starts_with("stays")).collect();
        assert_eq!(found, wanted);
    }
}

#[test]
fn scan_options_filter() {
    let server = Server::start(&[]);
    let mut client = server.client();
    fill(&mut client, "key", 100);
    client.command(&["RPUSH", "list", "a"]);
    assert_eq!(scan_all(&mut client, &["TYPE", "LIST"], |_| ()), ["list"]);
    assert_eq!(scan_all(&mut client, &["MATCH", "key:1?", "COUNT", "1000"], |_| ()).len(), 10);
    client.command(&["SET", "gone", "x", "PX", "1"]);
    std::thread::sleep(Duration::from_millis(5));
    let all = scan_all(&mut client, &["COUNT", "7"], |_| ());
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 101, "without the expired one");
}

#[test]
fn expired_keys_go_without_being_asked_for() {
    let server = Server::start(&[]);
    let mut client = server.client();
    fill(&mut client, "stays", 100);
    let sets: Vec<Vec<String>> = (0..5000)
        .map(|i| ["SET", &format!("goes:{i}"), "x", "PX", "100"].map(String::from).to_vec())
        .collect();
    client.pipeline(&sets);
    assert_reply!(client, ["DBSIZE"], 5100);
    assert!(wait_until(PATIENCE, || client.command(&["DBSIZE"]).int() == 100));
    assert_eq!(server.info("expired_keys"), "5000");
    assert_reply!(client, ["GET", "goes:1"], None);
}

#[test]
fn access_deletes_what_the_cycle_may_not() {
    let server = Server::start(&[("enable-debug-command", "yes")]);
    let mut client = server.client();
    assert_reply!(client, ["DEBUG", "SET-ACTIVE-EXPIRE", "0"], "+OK");
    client.command(&["CONFIG", "SET", "notify-keyspace-events", "KEA"]);
    let mut listener = server.client();
    listener.command(&["SUBSCRIBE", "__keyevent@0__:expired"]);
    client.command(&["SET", "k", "v", "PX", "1"]);
    std::thread::sleep(Duration::from_millis(20));
    assert_reply!(client, ["DBSIZE"], 1);
    assert_reply!(client, ["EXISTS", "k"], 0);
    assert_reply!(client, ["DBSIZE"], 0);
    let message = listener.read();
    assert_eq!(message.items()[2].text(), "k");
}

#[test]
fn every_policy_keeps_the_limit() {
    let server = Server::start(&[("maxmemory-samples", "10")]);
    let mut client = server.client();
    let value = "x".repeat(500);
    for policy in [
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ] {
        client.command(&["FLUSHALL"]);
        client.command(&["CONFIG", "SET", "maxmemory", "0"]);
        client.command(&["CONFIG", "SET", "maxmemory-policy", policy]);
        client.command(&["SET", "keeper", "x"]);
        let limit: i64 = server.info("used_memory").parse::<i64>().unwrap() + 300 * 1024;
        client.command(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
        for i in 0..2000 {
            let reply = client.command(&["SET", &format!("k:{i}"), &value, "EX", "1000"]);
            assert_eq!(reply.to_string(), "+OK", "{policy}");
        }
        let used: i64 = server.info("used_memory").parse().unwrap();
        assert!(used < limit + 64 * 1024, "{policy}: {used} of {limit}");
        if policy.starts_with("volatile") {
            assert_reply!(client, ["EXISTS", "keeper"], 1);
        }
    }
    client.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    client.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let denied = "-OOM command not allowed when used memory > 'maxmemory'.";
    assert_reply!(client, ["SET", "more", "x"], denied);
    assert_reply!(client, ["EXISTS", "more"], 0);
}

#[test]
fn least_recently_and_least_frequently_used_keys_go_first() {
    let server = Server::start(&[("maxmemory-samples", "10"), ("maxmemory-policy", "allkeys-lru")]);
    let mut client = server.client();
    let value = "x".repeat(200);
    let store = |client: &mut Client, name: String| {
        client.command(&["SET".to_string(), name, value.clone()]);
    };
    (0..1000).for_each(|i| store(&mut client, format!("old:{i}")));
    std::thread::sleep(Duration::from_millis(2100));
    (0..1000).for_each(|i| store(&mut client, format!("new:{i}")));
    let limit: i64 = server.info("used_memory").parse::<i64>().unwrap() - 100 * 1024;
    client.command(&["CONFIG", "SET", "maxmemory-eviction-tenacity", "100"]);
    client.command(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
    client.command(&["PING"]);
    let left = |client: &mut Client, kind: &str| client.command(&["KEYS", kind]).items().len();
    assert!(wait_until(PATIENCE, || left(&mut client, "*") < 2000));
    let (old, new) = (left(&mut client, "old:*"), left(&mut client, "new:*"));
    assert!(old < 1000 && new > 985, "{old} old and {new} new ones are left");
}

#[test]
fn what_a_huge_value_gives_back_spares_other_keys() {
    let server = Server::start(&[("maxmemory-policy", "volatile-ttl")]);
    let mut client = server.client();
    let sets: Vec<Vec<String>> = (0..20_000)
        .map(|i| vec!["SET".into(), format!("small:{i}"), "x".into(), "EX".into(), "90000".into()])
        .collect();
    client.pipeline(&sets);
    client.command(&["SELECT", "1"]);
    let add = "for i = 1, 600000 do redis.call('SADD', KEYS[1], 'm' .. i) end";
    client.command(&["EVAL", add, "1", "huge"]);
    client.command(&["EXPIRE", "huge", "1000"]);
    let limit: i64 = server.info("used_memory").parse::<i64>().unwrap() - 1024 * 1024;
    client.command(&["CONFIG", "SET", "maxmemory-eviction-tenacity", "100"]);
    client.command(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
    assert!(wait_until(PATIENCE, || server.info("evicted_keys") != "0"));
    assert_reply!(client, ["EXISTS", "huge"], 0);
    assert_eq!(server.info("evicted_keys"), "1");
}

#[test]
fn deleting_a_huge_value_makes_room_for_the_next_command() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let limit: i64 = server.info("used_memory").parse::<i64>().unwrap() + 4 * 1024 * 1024;
    for _ in 0..3 {
        client.command(&["CONFIG", "SET", "maxmemory", "0"]);
        let add = "for i = 1, 600000 do redis.call('SADD', KEYS[1], 'm' .. i) end";
        client.command(&["EVAL", add, "1", "huge"]);
        client.command(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
        assert!(client.command(&["SET", "key", "x"]).to_string().starts_with("-OOM"));
        let replies = client.pipeline(&[vec!["DEL", "huge"], vec!["SET", "key", "x"]]);
        assert_eq!(replies[1].to_string(), "+OK");
    }
}

#[test]
fn sort_orders_as_a_naive_one() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut rng = fastrand::Rng::with_seed(5);
    for round in 0..50 {
        let numbers: Vec<i64> = (0..rng.usize(1..80)).map(|_| rng.i64(-50..50)).collect();
        client.command(&["DEL", "list"]);
        let mut push = vec!["RPUSH".to_string(), "list".into()];
        push.extend(numbers.iter().map(i64::to_string));
        client.command(&push);
        for n in &numbers {
            client.command(&["SET", &format!("w_{n}"), &(n * 7 % 50).to_string()]);
        }
        let sorted = |client: &mut Client, options: &[&str]| -> Vec<i64> {
            let mut args = vec!["SORT", "list"];
            args.extend_from_slice(options);
            let reply = client.command(&args);
            reply.items().iter().map(|v| v.text().parse().unwrap()).collect()
        };
        let mut naive = numbers.clone();
        naive.sort();
        assert_eq!(sorted(&mut client, &[]), naive, "round {round}");
        let part: Vec<i64> = naive.iter().copied().skip(3).take(5).collect();
        assert_eq!(sorted(&mut client, &["LIMIT", "3", "5"]), part);
        assert_eq!(sorted(&mut client, &["BY", "nosort"]), numbers);
        naive.reverse();
        assert_eq!(sorted(&mut client, &["DESC"]), naive);
        naive.sort_by_key(i64::to_string);
        assert_eq!(sorted(&mut client, &["ALPHA"]), naive);
        // Equal weights are ordered by the element's text.
        naive.sort_by_key(|n| (n * 7 % 50, n.to_string()));
        assert_eq!(sorted(&mut client, &["BY", "w_*"]), naive);
        let weights: Vec<i64> = naive.iter().map(|n| n * 7 % 50).collect();
        assert_eq!(sorted(&mut client, &["BY", "w_*", "GET", "w_*"]), weights);
        let stored = client.command(&["SORT", "list", "BY", "w_*", "STORE", "target"]).int();
        assert_eq!(stored as usize, numbers.len());
        let target = client.command(&["LRANGE", "target", "0", "-1"]);
        let target: Vec<i64> = target.items().iter().map(|v| v.text().parse().unwrap()).collect();
        assert_eq!(target, naive);
    }
}

#[test]
fn lazily_freed_values_are_counted() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let push: Vec<String> = ["RPUSH".to_string(), "big".into()]
        .into_iter()
        .chain((0..100_000).map(|i| format!("element number {i}")))
        .collect();
    client.command(&push);
    assert_reply!(client, ["UNLINK", "big"], 1);
    assert!(wait_until(PATIENCE, || server.info("lazyfree_pending_objects") == "0"));
    assert_eq!(server.info("lazyfreed_objects"), "1");
}
