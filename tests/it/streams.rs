//! Streams through the wire: what a random comparison with the reference cannot see, that is
//! blocking, notifications, IDs by the clock, propagation by what a restart keeps.

use super::common::client::Client;
use super::common::words::{A_WHILE, PATIENCE, expect, run, send_blocked, served};
use super::common::{Server, Value};

#[test]
fn ids_follow_the_clock_and_each_other() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let ms = |reply: Value| -> u64 {
        reply.text().split('-').next().and_then(|ms| ms.parse().ok()).expect("an ID")
    };
    let first = run(&mut client, "XADD s * f v");
    let second = run(&mut client, "XADD s * f v");
    assert!(ms(first.clone()) > 1_600_000_000_000 && ms(second.clone()) >= ms(first.clone()));
    assert_ne!(first, second);
    run(&mut client, "XADD far 99999999999999-7 f v");
    expect(&mut client, "XADD far * f v", r#""99999999999999-8""#);
}

#[test]
fn readers_wait_for_what_comes_after_their_call() {
    let server = Server::start(&[]);
    let (mut a, mut b, mut c) = (server.client(), server.client(), server.client());
    let mut writer = server.client();
    run(&mut writer, "XADD s 1-0 f old");
    send_blocked(&mut a, "XREAD BLOCK 0 STREAMS none s 0 $");
    send_blocked(&mut b, "XREAD BLOCK 10000 COUNT 1 STREAMS s 1-5");
    run(&mut writer, "XADD s 1-3 f v");
    served(&mut a, r#"[["s", [["1-3", ["f", "v"]]]]]"#);
    assert!(b.try_read(A_WHILE).is_none(), "1-3 is not after 1-5");
    run(&mut writer, "XADD s 2-0 f w");
    served(&mut b, r#"[["s", [["2-0", ["f", "w"]]]]]"#);

    c.hello3();
    send_blocked(&mut c, "XREAD BLOCK 0 STREAMS s $");
    // An entry that is gone before the end of the transaction serves nobody.
    for command in ["MULTI", "XADD s 3-0 f v", "XDEL s 3-0", "EXEC"] {
        run(&mut writer, command);
    }
    assert!(c.try_read(A_WHILE).is_none());
    run(&mut writer, "XADD s 4-0 f v");
    served(&mut c, r#"{"s": [["4-0", ["f", "v"]]]}"#);

    expect(&mut a, "XREAD BLOCK 20 STREAMS s $", "(nil array)");
    expect(&mut a, "XREAD STREAMS s +", r#"[["s", [["4-0", ["f", "v"]]]]]"#);
    run(&mut a, "MULTI");
    run(&mut a, "XREAD BLOCK 0 STREAMS s $");
    expect(&mut a, "EXEC", "[(nil array)]");
}

#[test]
fn group_readers_share_the_entries() {
    let server = Server::start(&[]);
    let (mut a, mut b, mut writer) = (server.client(), server.client(), server.client());
    run(&mut writer, "XGROUP CREATE s g $ MKSTREAM");
    send_blocked(&mut a, "XREADGROUP GROUP g alice BLOCK 0 COUNT 1 STREAMS s >");
    send_blocked(&mut b, "XREADGROUP GROUP g bob BLOCK 0 STREAMS s >");
    for command in ["MULTI", "XADD s 1-1 f v", "XADD s 2-1 f v", "EXEC"] {
        run(&mut writer, command);
    }
    served(&mut a, r#"[["s", [["1-1", ["f", "v"]]]]]"#);
    served(&mut b, r#"[["s", [["2-1", ["f", "v"]]]]]"#);
    expect(&mut writer, "XPENDING s g", r#"[:2, "1-1", "2-1", [["alice", "1"], ["bob", "1"]]]"#);
    expect(&mut writer, "XACK s g 1-1 9-9", ":1");
    expect(&mut b, "XREADGROUP GROUP g bob STREAMS s 0", r#"[["s", [["2-1", ["f", "v"]]]]]"#);
    run(&mut writer, "XDEL s 2-1");
    expect(&mut b, "XREADGROUP GROUP g bob STREAMS s 0", r#"[["s", [["2-1", (nil array)]]]]"#);
    expect(&mut writer, "XAUTOCLAIM s g alice 0 - JUSTID", r#"["0-0", [], ["2-1"]]"#);
}

#[test]
fn group_readers_learn_that_their_group_is_gone() {
    let server = Server::start(&[]);
    let (mut reader, mut writer) = (server.client(), server.client());
    let wait = |reader: &mut Client, writer: &mut Client| {
        run(writer, "DEL s");
        run(writer, "XGROUP CREATE s g $ MKSTREAM");
        send_blocked(reader, "XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
    };
    for command in ["DEL s", "XGROUP DESTROY s g", "FLUSHALL", "RENAME s elsewhere"] {
        wait(&mut reader, &mut writer);
        run(&mut writer, command);
        let reply = reader.try_read(PATIENCE).expect(command).to_string();
        assert!(reply.starts_with("-NOGROUP No such key 's' or consumer group 'g'"), "{reply}");
    }
    wait(&mut reader, &mut writer);
    run(&mut writer, "SET s text");
    let reply = reader.try_read(PATIENCE).expect("served").to_string();
    assert!(reply.starts_with("-WRONGTYPE"), "{reply}");
}

#[test]
fn every_change_is_notified_once() {
    let server = Server::start(&[("notify-keyspace-events", "Et")]);
    let (mut listener, mut client) = (server.client(), server.client());
    run(&mut listener, "PSUBSCRIBE __keyevent@0__:*");
    let cases = [
        ("XADD s 1-1 f v", "xadd"),
        ("XADD s MAXLEN 1 2-1 f v", "xadd xtrim"),
        ("XTRIM s MAXLEN 1", ""),
        ("XGROUP CREATE s g 0", "xgroup-create"),
        ("XREADGROUP GROUP g c STREAMS s >", "xgroup-createconsumer"),
        ("XGROUP CREATECONSUMER s g d", "xgroup-createconsumer"),
        ("XGROUP CREATECONSUMER s g d", ""),
        ("XCLAIM s g e 0 2-1", "xgroup-createconsumer"),
        ("XACK s g 2-1", ""),
        ("XGROUP DELCONSUMER s g d", "xgroup-delconsumer"),
        ("XGROUP SETID s g 0", "xgroup-setid"),
        ("XGROUP DESTROY s g", "xgroup-destroy"),
        ("XSETID s 9-9", "xsetid"),
        ("XDEL s 2-1 7-7", "xdel"),
        ("XDEL s 2-1", ""),
    ];
    for (command, events) in cases {
        run(&mut client, command);
        for event in events.split_whitespace() {
            let message = listener.try_read(PATIENCE).expect(command);
            assert_eq!(message.items()[2].text(), format!("__keyevent@0__:{event}"), "{command}");
        }
    }
    assert!(listener.try_read(A_WHILE).is_none());
}

#[test]
fn memory_and_lazy_free_know_streams() {
    let server = Server::start(&[("lazyfree-lazy-user-del", "yes")]);
    let mut client = server.client();
    let adds: Vec<Vec<String>> = (1..=2000)
        .map(|n| ["XADD", "s", &format!("{n}-1"), "field", "value"].map(String::from).to_vec())
        .collect();
    client.pipeline(&adds);
    let usage = run(&mut client, "MEMORY USAGE s SAMPLES 0").int();
    assert!((30_000..80_000).contains(&usage), "{usage} bytes");
    expect(&mut client, "OBJECT ENCODING s", r#""stream""#);
    run(&mut client, "COPY s t");
    let digest = |client: &mut Client, key: &str| {
        run(client, &format!("DEBUG DIGEST-VALUE {key}")).to_string()
    };
    assert_eq!(digest(&mut client, "s"), digest(&mut client, "t"));
    let many: Vec<Vec<String>> = (1..=100)
        .map(|n| {
            let (stream, group) = ("s".to_string(), format!("g{n}"));
            vec!["XGROUP".into(), "CREATE".into(), stream, group, "0".into()]
        })
        .collect();
    client.pipeline(&many);
    expect(&mut client, "DEL s t", ":2");
    let freed = || server.info("lazyfreed_objects").parse::<u64>().is_ok_and(|n| n >= 1);
    assert!(super::common::server::wait_until(PATIENCE, freed), "nothing was freed lazily");
}
