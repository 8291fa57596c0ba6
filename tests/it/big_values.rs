//! Values too large to be copied about: sent from where they are, replaced in place.

use super::common::Server;

fn value(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..len).map(|_| rng.u8(..)).collect()
}

#[test]
fn large_values_come_back_whole_and_in_order() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for (i, len) in [16_383, 16_384, 70_000, 9_000_000].into_iter().enumerate() {
        let key = format!("k{i}");
        let bytes = value(len, i as u64);
        client.command(&[b"SET", key.as_bytes(), &bytes]);
        let commands: Vec<Vec<&str>> =
            vec![vec!["PING"], vec!["GET", &key], vec!["STRLEN", &key], vec!["GET", &key]];
        let replies = client.pipeline(&commands);
        assert_eq!(replies[0].text(), "PONG");
        assert!(replies[1] == super::common::Value::bulk(&bytes), "GET of {len} bytes");
        assert_eq!(replies[2].int(), len as i64);
        assert!(replies[3] == replies[1], "second GET of {len} bytes");
    }
    // A transaction's replies come after its header; a client that wants none gets none.
    let exec = client.pipeline(&[vec!["MULTI"], vec!["GET", "k2"], vec!["EXEC"]]);
    assert!(exec[2].items()[0] == super::common::Value::bulk(value(70_000, 2)));
    client.send(&["CLIENT", "REPLY", "SKIP"]);
    client.send(&["GET", "k2"]);
    assert_eq!(client.command(&["PING"]).text(), "PONG");
}

#[test]
fn large_values_are_replaced_whatever_their_length() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut rng = fastrand::Rng::with_seed(3);
    for round in 0..300 {
        let len = [900, 1100, 5000, 5100, 40_000][rng.usize(..5)] + rng.usize(..100);
        let bytes = value(len, round);
        client.command(&[&b"SET"[..], b"k", &bytes]);
        assert!(client.command(&["GET", "k"]) == super::common::Value::bulk(&bytes));
    }
    client.command(&["SET", "k", "12"]);
    assert_eq!(client.command(&["OBJECT", "ENCODING", "k"]).text(), "int");
}
