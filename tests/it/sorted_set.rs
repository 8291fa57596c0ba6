//! Sorted sets through the wire: what a random comparison with the reference cannot see, that is
//! blocking, notifications, and the shape of replies in both protocols.

use super::common::Server;
use super::common::words::{A_WHILE, PATIENCE, expect, run, send_blocked, served};

#[test]
fn scores_are_nested_in_resp3_and_flat_in_resp2() {
    let server = Server::start(&[]);
    let mut two = server.client();
    let mut three = server.client();
    three.hello3();
    run(&mut two, "ZADD z 1 a 2.5 b");
    expect(&mut two, "ZRANGE z 0 -1 WITHSCORES", r#"["a", "1", "b", "2.5"]"#);
    expect(&mut three, "ZRANGE z 0 -1 WITHSCORES", r#"[["a", ,1], ["b", ,2.5]]"#);
    for command in ["ZUNION 1 z WITHSCORES", "ZRANDMEMBER z 5 WITHSCORES"] {
        expect(&mut two, command, r#"["a", "1", "b", "2.5"]"#);
        expect(&mut three, command, r#"[["a", ,1], ["b", ,2.5]]"#);
    }
    expect(&mut three, "ZRANK z b WITHSCORE", "[:1, ,2.5]");
    expect(&mut three, "ZMPOP 1 z MAX COUNT 5", r#"["z", [["b", ,2.5], ["a", ,1]]]"#);
    run(&mut two, "ZADD z 1 a 2.5 b");
    expect(&mut three, "ZPOPMIN z", r#"["a", ,1]"#);
    expect(&mut three, "ZPOPMIN z 1", r#"[["b", ,2.5]]"#);
    expect(&mut two, "EXISTS z", ":0");
}

#[test]
fn sets_are_sorted_sets_of_score_one() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for members in ["1 2 3", "x y 3"] {
        run(&mut client, "DEL s");
        run(&mut client, &format!("SADD s {members}"));
        run(&mut client, "ZADD z 5 3 7 q");
        expect(&mut client, "ZINTER 2 s z WITHSCORES", r#"["3", "6"]"#);
        expect(&mut client, "ZINTERCARD 2 z s", ":1");
        expect(&mut client, "ZDIFF 2 z s", r#"["q"]"#);
        expect(&mut client, "ZUNIONSTORE out 2 s z WEIGHTS 10 1 AGGREGATE MAX", ":4");
        expect(
            &mut client,
            "ZRANGE out 2 -1 WITHSCORES",
            match members {
                "1 2 3" => r#"["2", "10", "3", "10"]"#,
                _ => r#"["x", "10", "y", "10"]"#,
            },
        );
    }
}

#[test]
fn a_blocked_pop_is_served_by_the_next_write_in_order() {
    let server = Server::start(&[]);
    let (mut first, mut second, mut writer) = (server.client(), server.client(), server.client());
    send_blocked(&mut first, "BZPOPMIN a b 0");
    send_blocked(&mut second, "BZMPOP 0 2 b a MAX COUNT 5");
    // A value of another type serves nobody.
    run(&mut writer, "RPUSH b x");
    run(&mut writer, "DEL b");
    expect(&mut writer, "ZADD b 3 z 1 x 2 y", ":3");
    served(&mut first, r#"["b", "x", "1"]"#);
    served(&mut second, r#"["b", [["z", "3"], ["y", "2"]]]"#);
    expect(&mut writer, "EXISTS a b", ":0");

    assert!(run(&mut first, "BZPOPMAX a 0.05").is_null(), "timed out");
    run(&mut writer, "MULTI");
    run(&mut writer, "BZPOPMIN a 0");
    assert!(run(&mut writer, "EXEC").items()[0].is_null());
}

#[test]
fn every_change_is_notified_once() {
    let server = Server::start(&[("notify-keyspace-events", "Ezg")]);
    let (mut listener, mut client) = (server.client(), server.client());
    run(&mut listener, "PSUBSCRIBE __keyevent@0__:*");
    let cases = [
        ("ZADD z 1 a 2 b 3 c", "zadd"),
        ("ZADD z 1 a", ""),
        ("ZINCRBY z 1 a", "zincr"),
        ("ZREM z a x", "zrem"),
        ("ZREMRANGEBYSCORE z 2 2", "zremrangebyscore"),
        ("ZRANGESTORE w z 0 -1", "zrangestore"),
        ("ZUNIONSTORE w 2 w z", "zunionstore"),
        ("ZDIFFSTORE w 2 z z", "del"),
        ("ZPOPMIN z", "zpopmin del"),
        ("ZINTERSTORE w 1 none", ""),
    ];
    for (command, events) in cases {
        run(&mut client, command);
        for event in events.split_whitespace() {
            let message = listener.try_read(PATIENCE).expect(command);
            let channel = message.items()[2].text();
            assert_eq!(channel, format!("__keyevent@0__:{event}"), "{command}");
        }
    }
    assert!(listener.try_read(A_WHILE).is_none());
}

#[test]
fn deleting_a_huge_set_does_not_wait_for_it() {
    const MEMBERS: usize = 600_000;
    const BATCH: usize = 1000;
    let server = Server::start(&[]);
    let mut client = server.client();
    for start in (0..MEMBERS).step_by(BATCH) {
        let pairs = (start..start + BATCH).map(|i| format!(" {i} member:{i}"));
        run(&mut client, &format!("ZADD z{}", pairs.collect::<String>()));
    }
    assert_eq!(run(&mut client, "ZCARD z").int(), MEMBERS as i64);
    expect(&mut client, "DEL z", ":1");
    // Freed by the thread, but not lazily in the sense of the statistics.
    assert_eq!(server.info("lazyfreed_objects"), "0");
}
