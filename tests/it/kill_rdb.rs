//! A good RDB file is never replaced by less: not when the server is killed while it saves, nor
//! together with the power, nor when the disk refuses. `KILL_ROUNDS` sets the number of rounds.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use crate::common::Server;
use crate::common::client::Client;
use crate::common::faults::{FaultyDisk, Rates};
use crate::common::server::{limited, wait_until};

const KEYS: usize = 400;
const LIMIT: Duration = Duration::from_secs(20);

fn rounds() -> u64 {
    std::env::var("KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

/// Writes one generation of values, all at once, so that a snapshot holds one generation whole.
fn write_generation(client: &mut Client, generation: u64) {
    let value = format!("{generation}:{}", "x".repeat(generation as usize * 37 % 3000));
    let mut argv = vec!["MSET".to_string()];
    (0..KEYS).for_each(|key| argv.extend([format!("key {key}"), value.clone()]));
    assert_eq!(client.command(&argv).to_string(), "+OK");
}

/// The generation that all keys have; `None` if there is no key.
fn read_generation(client: &mut Client) -> Option<u64> {
    let commands: Vec<_> = (0..KEYS).map(|key| ["GET".into(), format!("key {key}")]).collect();
    let mut replies = client.pipeline(&commands);
    replies.dedup();
    assert_eq!(replies.len(), 1, "a file with a part of a data set");
    let text = replies.remove(0).to_string();
    let digits: String = text.chars().skip_while(|c| !c.is_ascii_digit()).collect();
    digits.split(':').next()?.parse().ok()
}

#[test]
fn a_kill_while_saving_leaves_the_old_file_or_the_new_one() {
    let disk = FaultyDisk::new();
    let mut server = Server::start_binary(&disk.binary(), &[("rdb-key-save-delay", "30")]);
    let mut saved = None;
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    for round in 1..=rounds() {
        let mut client = server.client();
        write_generation(&mut client, round);
        let rates = Rates::random(&mut rng);
        disk.set(rates);
        let command = if rng.bool() { "SAVE" } else { "BGSAVE" };
        client.send(&[command]);
        std::thread::sleep(Duration::from_micros(rng.u64(..60_000)));
        server.crash();
        let reply = client.try_read(LIMIT).map(|value| value.to_string());
        if command == "SAVE" && reply.as_deref() == Some("+OK") {
            saved = Some(round);
        }
        disk.set(Rates::default());
        disk.lose_power(server.dir.path());
        // Its child, if it was just being forked, may take a moment to die.
        wait_until(LIMIT, || TcpListener::bind(("127.0.0.1", server.port)).is_ok());
        server.restart();
        let found = read_generation(&mut server.client());
        let what = format!("round {round}, seed {seed}, {rates:?}, {command}");
        assert!(found == saved || found == Some(round), "{what}: {found:?} of {saved:?}");
        saved = found;
    }
    // A dead child's file stays, as in Redis; it is in nobody's way.
    let names = fs::read_dir(server.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    for name in names {
        let name = name.to_string_lossy().into_owned();
        let known = ["redis.conf", "log", "dump.rdb"].contains(&name.as_str());
        assert!(known || name.starts_with("temp-"), "{name}");
    }
}

#[test]
fn a_file_that_may_not_grow_is_a_failed_save() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start_binary(&limited(&dir, 400), &[("rdbcompression", "no")]);
    let mut client = server.client();
    call!(client, ["SET", "small", "v"]);
    assert_reply!(client, ["SAVE"], "+OK");
    let good = fs::read(server.path("dump.rdb")).unwrap();
    (0..30).for_each(|i| drop(call!(client, ["SET", format!("k{i}"), "x".repeat(20_000)])));
    assert!(call!(client, ["SAVE"]).to_string().starts_with("-ERR"));
    server.wait_for_log("Write error while saving DB to the disk(rdbSaveRio): File too large");
    call!(client, ["BGSAVE"]);
    server.wait_for_log("Background saving error");
    assert!(wait_until(LIMIT, || server.info("rdb_last_bgsave_status") == "err"));
    assert_eq!(fs::read(server.path("dump.rdb")).unwrap(), good);
    let left = fs::read_dir(server.dir.path()).unwrap();
    let left = left
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("temp-"));
    assert_eq!(left.count(), 0, "half-written files are removed");
    server.crash();
    server.restart();
    assert_reply!(server.client(), ["GET", "small"], Some("v"));
}

#[test]
fn a_failing_rename_keeps_the_server_alive() {
    let server = Server::start(&[("save", "900 1")]);
    fs::create_dir(server.path("dump.rdb")).unwrap();
    let mut client = server.client();
    call!(client, ["SET", "k", "v"]);
    assert!(call!(client, ["SAVE"]).to_string().starts_with("-ERR"));
    server.wait_for_log("Error moving temp DB file temp-");
    assert!(!server.path(&format!("temp-{}.rdb", server.pid())).exists());
    // The failing save at shutdown keeps it from ending; a forced one does not care.
    let error = call!(client, ["SHUTDOWN"]).to_string();
    assert!(error.contains("Errors trying to SHUTDOWN. Check logs."), "{error}");
    server.wait_for_log("Error trying to save the DB, can't exit.");
    client.send(&["SHUTDOWN", "FORCE"]);
    server.wait_for_log("Error trying to save the DB. Exit anyway.");
}
