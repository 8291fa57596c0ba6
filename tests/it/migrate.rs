//! MIGRATE between two servers, and against peers that answer strangely or not at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::common::Server;

#[test]
fn keys_move_with_their_ttl() {
    let (from, to) = (Server::start(&[]), Server::start(&[]));
    let (mut a, mut b) = (from.client(), to.client());
    call!(a, ["SET", "k", "v", "PX", 100_000]);
    call!(a, ["RPUSH", "l", "x", "y"]);
    assert_reply!(a, ["MIGRATE", "127.0.0.1", to.port, "absent", 3, 1000], "+NOKEY");
    assert_reply!(a, ["MIGRATE", "127.0.0.1", to.port, "k", 3, 1000], "+OK");
    assert_reply!(
        a,
        ["MIGRATE", "127.0.0.1", to.port, "", 3, 1000, "COPY", "KEYS", "l", "z"],
        "+OK"
    );
    assert_eq!(from.info("migrate_cached_sockets"), "1");
    assert_reply!(a, ["EXISTS", "k"], 0);
    assert_reply!(a, ["EXISTS", "l"], 1);
    call!(b, ["SELECT", 3]);
    assert_reply!(b, ["GET", "k"], Some("v"));
    assert_reply!(b, ["LRANGE", "l", 0, -1], "[\"x\", \"y\"]");
    let ttl = call!(b, ["PTTL", "k"]).int();
    assert!((1..=100_000).contains(&ttl), "{ttl}");
    let busy = call!(a, ["MIGRATE", "127.0.0.1", to.port, "l", 3, 1000]).to_string();
    assert!(busy.contains("ERR Target instance replied with error: BUSYKEY"), "{busy}");
    assert_reply!(a, ["MIGRATE", "127.0.0.1", to.port, "l", 3, 1000, "REPLACE"], "+OK");
    // A restarted peer has closed the kept connection.
    let mut to = to;
    to.restart();
    call!(a, ["SET", "again", 1]);
    assert_reply!(a, ["MIGRATE", "127.0.0.1", to.port, "again", 0, 1000], "+OK");
    assert_reply!(to.client(), ["GET", "again"], Some("1"));
}

#[test]
fn only_acknowledged_keys_are_deleted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut commands = 0;
        // SELECT and three RESTOREs: arguments are counted, not read as lines.
        while commands < 4 {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let argc: usize = line.trim().trim_start_matches('*').parse().unwrap();
            for _ in 0..argc {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let len: usize = line.trim().trim_start_matches('$').parse().unwrap();
                reader.read_exact(&mut vec![0; len + 2]).unwrap();
            }
            commands += 1;
        }
        (&stream).write_all(b"+OK\r\n+OK\r\n-ERR full\r\n+OK\r\n").unwrap();
    });
    let server = Server::start(&[]);
    let mut client = server.client();
    call!(client, ["MSET", "a", 1, "b", 2, "c", 3]);
    let keys = ["MIGRATE", "127.0.0.1", &port.to_string(), "", "0", "2000", "KEYS", "a", "b", "c"];
    let reply = client.command(&keys).to_string();
    assert!(reply.contains("ERR Target instance replied with error: ERR full"), "{reply}");
    peer.join().unwrap();
    assert_reply!(client, ["EXISTS", "a"], 0);
    assert_reply!(client, ["EXISTS", "b"], 1);
    assert_reply!(client, ["EXISTS", "c"], 0);
}

#[test]
fn errors_of_the_other_side() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().port();
    let closed = {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap().port()
    };
    let server = Server::start(&[]);
    let mut client = server.client();
    call!(client, ["SET", "k", "v"]);
    assert_reply!(
        client,
        ["MIGRATE", "127.0.0.1", closed, "k", 0, 100],
        "-IOERR error or timeout connecting to the client"
    );
    assert_reply!(
        client,
        ["MIGRATE", "127.0.0.1", silent, "k", 0, 100],
        "-IOERR error or timeout reading to target instance"
    );
    assert_reply!(client, ["EXISTS", "k"], 1);
    let error = call!(client, ["MIGRATE", "127.0.0.1", silent, "k", 0, 1, "KEYS", "k"]);
    assert!(error.to_string().contains("the key argument must be set to the empty string"));
    assert_reply!(client, ["MIGRATE", "h", 1, "k", 0, 1, "AUTH"], "-ERR syntax error");
    assert_reply!(
        client,
        ["MIGRATE", "h", 1, "k", "x", 1],
        "-ERR value is not an integer or out of range"
    );
}
