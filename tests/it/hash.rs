//! Hashes whose fields expire, and the commands that the reference does not have yet: HGETDEL,
//! HGETEX, HSETEX.

use std::time::Duration;

use super::common::client::Client;
use super::common::server::wait_until;
use super::common::words::{PATIENCE, expect, expect_error, run};
use super::common::{Server, Value};

/// Longer than the expire times below.
const A_WHILE: Duration = Duration::from_millis(30);

/// Servers that never expire a field by themselves within a test: hashes in both forms.
fn both_forms(test: impl Fn(&mut Client)) {
    for entries in ["512", "0"] {
        let server = Server::start(&[("hash-max-listpack-entries", entries), ("hz", "1")]);
        test(&mut server.client());
    }
}

#[test]
fn the_cycle_deletes_due_fields_and_empty_hashes_wherever_they_went() {
    for entries in ["512", "0"] {
        let server = Server::start(&[("hash-max-listpack-entries", entries), ("hz", "100")]);
        let mut client = server.client();
        for key in ["stays", "renamed", "moved", "goes"] {
            run(&mut client, &format!("HSET {key} f v g w"));
            run(&mut client, &format!("HPEXPIRE {key} 300 FIELDS 1 f"));
        }
        run(&mut client, "COPY stays copied");
        run(&mut client, "RENAME renamed newname");
        run(&mut client, "MOVE moved 1");
        run(&mut client, "HPEXPIRE goes 300 FIELDS 1 g");
        run(&mut client, "HSET overwritten f v");
        run(&mut client, "HPEXPIRE overwritten 300 FIELDS 1 f");
        run(&mut client, "SET overwritten text");
        assert!(wait_until(PATIENCE, || run(&mut client, "EXISTS goes").int() == 0));
        for key in ["stays", "copied", "newname"] {
            assert!(wait_until(PATIENCE, || run(&mut client, &format!("HLEN {key}")).int() == 1));
        }
        run(&mut client, "SELECT 1");
        assert!(wait_until(PATIENCE, || run(&mut client, "HLEN moved").int() == 1));
        run(&mut client, "SELECT 0");
        expect(&mut client, "GET overwritten", "\"text\"");
    }
}

#[test]
fn reading_an_expired_field_deletes_it_and_tells() {
    let config = [("notify-keyspace-events", "KEA"), ("hz", "1")];
    for read in ["HGET h f", "HMGET h f f", "HEXISTS h f", "HGETDEL h FIELDS 1 f"] {
        let server = Server::start(&config);
        let (mut client, mut listener) = (server.client(), server.client());
        run(&mut client, "HSET h f v");
        run(&mut client, "HPEXPIRE h 1 FIELDS 1 f");
        std::thread::sleep(A_WHILE);
        run(&mut listener, "PSUBSCRIBE __keyevent@0__:*");
        run(&mut client, read);
        let events: Vec<String> = (0..2).map(|_| listener.read().items()[2].text()).collect();
        assert_eq!(events, ["__keyevent@0__:hexpired", "__keyevent@0__:del"], "{read}");
        assert_eq!(run(&mut client, "EXISTS h").int(), 0);
    }
}

#[test]
fn hgetdel_returns_and_deletes() {
    both_forms(|c| {
        run(c, "HSET h a 1 b 2 c 3");
        expect(c, "HGETDEL h FIELDS 3 a a x", "[\"1\", (nil), (nil)]");
        expect(c, "HLEN h", ":2");
        expect(c, "HGETDEL h FIELDS 2 b c", "[\"2\", \"3\"]");
        expect(c, "EXISTS h", ":0");
        expect(c, "HGETDEL h FIELDS 1 a", "[(nil)]");
        expect_error(c, "HGETDEL h FIELDS 2 a", "must match the number of arguments");
        expect_error(c, "HGETDEL h FIELDS 0 a", "Number of fields must be a positive integer");
        expect_error(c, "HGETDEL h FIELD 1 a", "argument FIELDS is missing");
    });
}

#[test]
fn hgetex_changes_expire_times() {
    both_forms(|c| {
        run(c, "HSET h a 1 b 2 c 3");
        expect(c, "HGETEX h FIELDS 2 a x", "[\"1\", (nil)]");
        expect(c, "HGETEX h EXAT 4000000000 FIELDS 2 a b", "[\"1\", \"2\"]");
        let times = "[:4000000000000, :4000000000000, :-1]";
        expect(c, "HPEXPIRETIME h FIELDS 3 a b c", times);
        expect(c, "HGETEX h PERSIST FIELDS 2 b c", "[\"2\", \"3\"]");
        expect(c, "HEXPIRETIME h FIELDS 3 a b c", "[:4000000000, :-1, :-1]");
        expect(c, "HGETEX h PXAT 1 FIELDS 3 a b c", "[\"1\", \"2\", \"3\"]");
        expect(c, "EXISTS h", ":0");
        expect_error(c, "HGETEX h EX -1 FIELDS 1 a", "invalid expire time, must be >= 0");
        expect_error(c, "HGETEX h EX x FIELDS 1 a", "not an integer");
        expect_error(c, "HGETEX h PXAT 1 1", "argument FIELDS is missing");
        expect_error(c, "HGETEX h PERSIST 1 FIELDS 1 a", "argument FIELDS is missing");
    });
}

#[test]
fn hsetex_sets_under_conditions_and_with_expire_times() {
    both_forms(|c| {
        expect(c, "HSETEX h FXX FIELDS 1 a 1", ":0");
        expect(c, "EXISTS h", ":0");
        expect(c, "HSETEX h FNX EXAT 4000000000 FIELDS 2 a 1 b 2", ":1");
        expect(c, "HSETEX h FNX FIELDS 2 b 9 c 3", ":0");
        expect(c, "HSETEX h FXX KEEPTTL FIELDS 1 a 5", ":1");
        expect(c, "HSETEX h FIELDS 1 b 6", ":1");
        expect(c, "HMGET h a b c", "[\"5\", \"6\", (nil)]");
        expect(c, "HEXPIRETIME h FIELDS 2 a b", "[:4000000000, :-1]");
        expect(c, "HSETEX h PX 1 FIELDS 2 a 1 b 2", ":1");
        std::thread::sleep(A_WHILE);
        expect(c, "HSETEX h FXX FIELDS 1 a 1", ":0");
        expect(c, "HSETEX h FXX FIELDS 1 b 1", ":0");
        expect(c, "EXISTS h", ":0");
        expect(c, "HSETEX h PXAT 1 FIELDS 1 a 1", ":1");
        expect(c, "EXISTS h", ":0");
        expect_error(c, "HSETEX h FNX FXX FIELDS 1 a 1", "Only one of FXX or FNX");
        expect_error(c, "HSETEX h EX 1 KEEPTTL FIELDS 1 a 1", "Only one of EX, PX, EXAT, PXAT");
        expect_error(c, "HSETEX h NX FIELDS 1 a 1", "unknown argument: NX");
        expect_error(c, "HSETEX h FIELDS 2 a 1", "wrong number of arguments");
        expect_error(c, "HSETEX h FIELDS 0 a 1", "invalid number of fields");
    });
}

#[test]
fn hrandfield_is_fair_enough_and_never_gives_a_field_twice() {
    both_forms(|c| {
        for i in 0..100 {
            run(c, &format!("HSET h f{i} {i}"));
        }
        for count in [2, 20, 60, 99] {
            let reply = run(c, &format!("HRANDFIELD h {count}"));
            let mut names: Vec<String> = reply.items().iter().map(Value::text).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count);
        }
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let reply = run(c, "HRANDFIELD h -100");
            seen.extend(reply.items().iter().map(Value::text));
        }
        assert_eq!(seen.len(), 100);
    });
}
