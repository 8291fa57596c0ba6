//! The append only file keeps what it promised: when the server is killed, when the disk refuses,
//! when files are cut or damaged. `KILL_ROUNDS` sets the number of rounds (200 for the long form).

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::Server;
use crate::common::faults::{FaultyDisk, Rates};
use crate::common::server::{binary_under_test, limited, wait_until};

const LIMIT: Duration = Duration::from_secs(20);
/// What `everysec` may lose.
const MOST_LOST: Duration = Duration::from_secs(2);
/// For so long the disk has faults in a round.
const FAULTY_US: u64 = 200_000;
const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";

fn rounds() -> u64 {
    std::env::var("KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// What a writer knows when its connection breaks.
struct Written {
    acknowledged: i64,
    sent: i64,
    /// When which number was acknowledged.
    history: Vec<(Instant, i64)>,
}

impl Written {
    /// The last number acknowledged before that moment.
    fn acknowledged_before(&self, at: Instant) -> Option<i64> {
        self.history.iter().rev().find(|(when, _)| *when < at).map(|(_, count)| *count)
    }
}

/// Counts up, in pipelines of random length and in transactions that keep two keys equal, and now
/// and then asks for a rewrite, until the server is gone.
fn write_until_killed(port: u16, start: i64, seed: u64) -> Written {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut written = Written { acknowledged: start, sent: start, history: Vec::new() };
    let Ok(mut client) = crate::common::client::Client::connect(port) else { return written };
    loop {
        let n = rng.i64(1..30);
        let mut batch = Vec::new();
        for _ in 0..n {
            let text = "x".repeat(rng.usize(..200));
            batch.extend(crate::common::client::encode(&["INCR", "count"]));
            batch.extend(crate::common::client::encode(&["MULTI"]));
            batch.extend(crate::common::client::encode(&["SET", "a", &text]));
            batch.extend(crate::common::client::encode(&["SET", "b", &text]));
            batch.extend(crate::common::client::encode(&["EXEC"]));
        }
        if rng.u8(..10) == 0 {
            batch.extend(crate::common::client::encode(&["BGREWRITEAOF"]));
        }
        batch.extend(crate::common::client::encode(&["ECHO", "end"]));
        written.sent += n;
        if client.try_send_raw(&batch).is_err() {
            return written;
        }
        loop {
            match client.try_read(LIMIT) {
                None => return written,
                Some(value) if value.to_string() == "\"end\"" => break,
                Some(value) => {
                    if let crate::common::Value::Int(count) = value {
                        written.acknowledged = count;
                    }
                }
            }
        }
        written.history.push((Instant::now(), written.acknowledged));
    }
}

/// Reads the count until the server is gone; the last that was seen.
fn read_until_killed(port: u16, start: i64) -> i64 {
    let mut seen = start;
    let Ok(mut client) = crate::common::client::Client::connect(port) else { return seen };
    let read = crate::common::client::encode(&["GET", "count"]);
    loop {
        if client.try_send_raw(&read).is_err() {
            return seen;
        }
        match client.try_read(LIMIT) {
            None => return seen,
            Some(crate::common::Value::Bulk(text)) => {
                let text = String::from_utf8(text).expect("a number");
                seen = text.parse().expect("a number");
            }
            Some(_) => {}
        }
    }
}

/// A server with a writer is killed at a random moment, together with the power, on a disk with
/// faults; again and again. `least` tells what must be there afterwards.
fn killed_and_restarted(
    appendfsync: &str,
    rounds: u64,
    max_us: u64,
    least: fn(&Written, Instant, i64) -> i64,
) {
    let config = [("appendonly", "yes"), ("appendfsync", appendfsync)];
    let disk = FaultyDisk::new();
    let mut server = Server::start_binary(&disk.binary(), &config);
    let mut rng = fastrand::Rng::new();
    let mut count = 0;
    for round in 0..rounds {
        let (port, seed) = (server.port, rng.u64(..));
        let rates = Rates::random(&mut rng);
        let writer = std::thread::spawn(move || write_until_killed(port, count, seed));
        let reader = std::thread::spawn(move || read_until_killed(port, count));
        let time_us = rng.u64(..max_us);
        std::thread::sleep(Duration::from_micros(time_us / 2));
        disk.set(rates);
        std::thread::sleep(Duration::from_micros((time_us / 2).min(FAULTY_US)));
        if appendfsync != "always" {
            // What the disk refuses is tried again in the next second.
            disk.set(Rates::default());
            std::thread::sleep(Duration::from_micros((time_us / 2).saturating_sub(FAULTY_US)));
        }
        let killed = Instant::now();
        server.crash();
        let written = writer.join().expect("the writer does not panic");
        let seen = reader.join().expect("the reader does not panic");
        disk.set(Rates::default());
        if appendfsync == "always" || rates == Rates::default() {
            disk.lose_power(&server.path("appendonlydir"));
        } else {
            disk.keep_all(&server.path("appendonlydir"));
        }
        server.restart();
        let mut client = server.client();
        let found = call!(client, ["INCRBY", "count", 0]).int();
        let range = least(&written, killed, count)..=written.sent;
        let what = format!("round {round}, seed {seed}, {rates:?}");
        assert!(range.contains(&found), "{what}: {found} of {range:?}");
        assert!(appendfsync != "always" || seen <= found, "{what}: {seen} was seen, {found} found");
        let (a, b) = (call!(client, ["GET", "a"]), call!(client, ["GET", "b"]));
        assert_eq!(a, b, "{what}: half a transaction");
        count = found;
    }
}

#[test]
fn nothing_acknowledged_is_lost_under_always() {
    killed_and_restarted("always", rounds(), 250_000, |written, _, _| written.acknowledged);
}

#[test]
fn a_kill_loses_no_more_than_the_last_two_seconds_under_everysec() {
    // Long enough that something is older than that, and few of them.
    killed_and_restarted("everysec", rounds().div_ceil(3), 3_500_000, |written, killed, start| {
        written.acknowledged_before(killed - MOST_LOST).unwrap_or(start)
    });
}

#[test]
fn no_reply_leaves_before_the_file_has_grown() {
    let server = Server::start(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let mut client = server.client();
    let size = || fs::metadata(server.path(INCR)).unwrap().len();
    call!(client, ["SET", "k", 1]);
    let _ = call!(client, ["DEBUG", "AOF-FLUSH-SLEEP", 150_000]);
    let before = size();
    client.send(&["INCR", "k"]);
    assert!(client.try_read(Duration::from_millis(50)).is_none(), "not written yet");
    assert_eq!(size(), before);
    assert_eq!(client.read().to_string(), ":2");
    assert!(size() > before);
    let _ = call!(client, ["DEBUG", "AOF-FLUSH-SLEEP", 0]);
    // A read that deletes what is over waits for it, too.
    call!(client, ["DEBUG", "SET-ACTIVE-EXPIRE", 0]);
    call!(client, ["HSET", "h", "f", 1, "g", 2]);
    call!(client, ["HPEXPIRE", "h", 1, "FIELDS", 1, "f"]);
    call!(client, ["SET", "s", 1, "PX", 1]);
    std::thread::sleep(Duration::from_millis(5));
    for read in [["HEXISTS", "h", "f"].as_slice(), &["GET", "s"]] {
        let before = size();
        client.command(read);
        assert!(size() > before, "{read:?}");
    }
    // Durable, too: nothing is left to wait for.
    call!(client, ["INCR", "k"]);
    assert_eq!(call!(client, ["WAITAOF", 1, 0, 1]).items()[0].int(), 1);
}

/// Under `always`: who reads what nobody writes does not wait for a sync, and nobody sees what is
/// not durable.
#[test]
fn readers_wait_only_for_what_they_read() {
    let disk = FaultyDisk::new();
    if !disk.is_available() {
        return;
    }
    let config = [("appendonly", "yes"), ("appendfsync", "always")];
    let server = Server::start_binary(&disk.binary(), &config);
    let (mut writer, mut reader, mut waiting) = (server.client(), server.client(), server.client());
    call!(writer, ["MSET", "still", "here", "moving", 1, "list", "x"]);
    disk.set(Rates { sync_delay: 60, ..Rates::default() });
    // Two clients that write: one alone would be served without a second thread. And the server
    // learns how long a sync takes.
    call!(waiting, ["SET", "other", 1]);
    let (soon, at_once) = (Duration::from_secs(5), Duration::from_millis(300));
    for (write, read, shown) in [
        (&["SET", "moving", "2"][..], &["GET", "moving"][..], "\"2\""),
        (&["RENAME", "moving", "moved"], &["MGET", "still", "moved"], "[\"here\", \"2\"]"),
        (&["EVAL", "return redis.call('set', 'still', 3)", "0"], &["GET", "still"], "\"3\""),
        (&["FLUSHALL"], &["EXISTS", "still"], ":0"),
    ] {
        writer.send(write);
        assert!(writer.try_read(Duration::from_millis(100)).is_none(), "{write:?} is synced");
        let start = Instant::now();
        assert_reply!(reader, ["PING"], "+PONG");
        assert!(start.elapsed() < at_once, "PING took {:?}", start.elapsed());
        reader.send(&["STRLEN", "nobody writes this"]);
        let free = reader.try_read(soon).expect("a reply").to_string();
        assert_eq!(free, ":0");
        // FLUSHALL concerns all keys.
        assert!(start.elapsed() < at_once || write[0] == "FLUSHALL", "{:?}", start.elapsed());
        let start = Instant::now();
        waiting.send(read);
        let early = waiting.try_read(Duration::ZERO).is_some();
        assert!(!early || writer.try_read(Duration::from_millis(1)).is_some(), "{read:?}");
        if !early {
            assert_eq!(waiting.read().to_string(), shown, "{read:?} {:?}", start.elapsed());
            assert!(writer.try_read(Duration::from_millis(20)).is_some(), "before {read:?}");
        }
    }
}

#[test]
fn a_tail_that_is_cut_off_is_removed() {
    let mut server = Server::start(&[("appendonly", "yes")]);
    let mut client = server.client();
    for i in 0..200 {
        call!(client, ["RPUSH", "list", i]);
    }
    server.crash();
    let whole = fs::read(server.path(INCR)).unwrap();
    let mut rng = fastrand::Rng::new();
    for _ in 0..5 {
        let cut = rng.usize(..whole.len());
        fs::write(server.path(INCR), &whole[..cut]).unwrap();
        server.restart();
        let mut client = server.client();
        let len = call!(client, ["LLEN", "list"]).int();
        assert!((0..200).contains(&len));
        assert_reply!(client, ["RPUSH", "list", "more"], len + 1);
        server.crash();
        server.restart();
        assert_reply!(server.client(), ["LLEN", "list"], len + 1);
        server.crash();
    }
}

/// A transaction that lacks its end goes as a whole: what is written behind a MULTI that stays in
/// the file would be gone at the next start.
#[test]
fn what_is_written_after_a_cut_transaction_stays() {
    let mut server = Server::start(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let mut client = server.client();
    call!(client, ["SET", "before", 1]);
    for command in [&["MULTI"][..], &["SET", "a", "1"], &["SET", "b", "value"], &["EXEC"]] {
        client.command(command);
    }
    server.crash();
    let whole = fs::read(server.path(INCR)).unwrap();
    let place = |text: &str| {
        let found = whole.windows(text.len()).position(|part| part == text.as_bytes());
        found.unwrap_or_else(|| panic!("no {text}"))
    };
    // Between commands, and within one.
    for cut in [place("$1\r\na") + 14, place("value"), place("value") + 7, place("EXEC") + 3] {
        fs::write(server.path(INCR), &whole[..cut]).unwrap();
        server.restart();
        let mut client = server.client();
        assert_reply!(client, ["MGET", "before", "a", "b"], "[\"1\", (nil), (nil)]");
        call!(client, ["SET", "after", cut]);
        server.crash();
        server.restart();
        assert_reply!(server.client(), ["GET", "after"], format!("\"{cut}\""));
        server.crash();
    }
}

/// Our server with a log, where files are no longer than 50 KB.
struct SmallDisk {
    server: Server,
    /// Of the script that starts it.
    _dir: tempfile::TempDir,
}

impl SmallDisk {
    fn new(setting: (&str, &str)) -> SmallDisk {
        let dir = tempfile::tempdir().unwrap();
        let config = [("appendonly", "yes"), setting];
        SmallDisk { server: Server::start_binary(&limited(&dir, 100), &config), _dir: dir }
    }

    /// Sets keys until the disk is full: how many were set, and what came instead of OK, `None` if
    /// the server is gone.
    fn fill(&self) -> (i64, Option<String>) {
        let mut client = self.server.client();
        for count in 0..100 {
            client.send(&["SET", &format!("k{count}"), &"x".repeat(5000)]);
            let reply = client.try_read(LIMIT).map(|value| value.to_string());
            if reply.as_deref() != Some("+OK") {
                return (count, reply);
            }
        }
        panic!("files may be longer than 50 KB here");
    }
}

#[test]
fn a_full_disk_stops_writes_until_there_is_room() {
    let mut disk = SmallDisk::new(("auto-aof-rewrite-percentage", "0"));
    let (stored, refused) = disk.fill();
    let refused = refused.expect("the server stays");
    assert!(refused.contains("MISCONF Errors writing to the AOF file: No space left"), "{refused}");
    let server = &mut disk.server;
    let mut client = server.client();
    assert_eq!(call!(client, ["GET", "k0"]).text().len(), 5000);
    assert_eq!(server.info("aof_last_write_status"), "err");
    server.wait_for_log("Short write while writing to the AOF file");
    // A rewrite makes room: its base holds what could not be appended.
    call!(client, ["FLUSHALL"]);
    assert!(call!(client, ["BGREWRITEAOF"]).to_string().contains("started"));
    assert!(wait_until(LIMIT, || server.info("aof_rewrite_in_progress") == "0"));
    server.crash();
    server.restart();
    assert!(call!(server.client(), ["DBSIZE"]).int() <= stored);
}

#[test]
fn a_full_disk_ends_the_server_under_always() {
    let mut disk = SmallDisk::new(("appendfsync", "always"));
    let (acknowledged, refused) = disk.fill();
    assert_eq!(refused, None);
    let server = &mut disk.server;
    assert_eq!(server.wait_for_exit().code(), Some(1));
    server.wait_for_log("Can't recover from AOF write error when the AOF fsync policy is 'always'");
    server.restart();
    assert_reply!(server.client(), ["DBSIZE"], acknowledged);
}

/// Starts our server in a directory that it is to refuse.
fn refusal(dir: &std::path::Path) -> String {
    let mut command = Command::new(binary_under_test());
    command.args(["--port", "0", "--unixsocket", "s", "--appendonly", "yes", "--dir"]).arg(dir);
    let output = command.stdin(Stdio::null()).output().expect("the server runs");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn damaged_files_are_refused_and_left_alone() {
    let good = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    let set = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    for (manifest, aof, text) in [
        ("", set, "Found an empty AOF manifest"),
        ("file x\n", set, "Invalid AOF manifest file format"),
        ("file ../x seq 1 type i\n", set, "File can't be a path, just a filename"),
        ("file x seq 1 type i\n", set, "x"),
        (good, "!!!", "Bad file format reading the append only file appendonly.aof.1.incr.aof"),
        (good, "*1\r\n$3\r\nbla\r\n", "Unknown command 'bla' reading the append only file"),
        (good, "*1\r\n$3\r\nGET\r\n", "Wrong number of arguments for 'GET' reading"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let aof_dir = dir.path().join("appendonlydir");
        fs::create_dir(&aof_dir).unwrap();
        fs::write(aof_dir.join("appendonly.aof.manifest"), manifest).unwrap();
        let file = aof_dir.join("appendonly.aof.1.incr.aof");
        fs::write(&file, aof).unwrap();
        let log = refusal(dir.path());
        assert!(log.contains(text), "{manifest:?} {aof:?}: {log}");
        assert_eq!(fs::read(file).unwrap(), aof.as_bytes());
    }
}

#[test]
fn a_single_file_of_an_older_version_is_taken_over() {
    let mut server = Server::start(&[]);
    server.stop();
    let set = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    fs::write(server.path("appendonly.aof"), set).unwrap();
    server.set_config("appendonly", "yes");
    server.restart();
    assert_reply!(server.client(), ["GET", "k"], Some("v"));
    server.wait_for_log("Successfully migrated an old-style AOF file (appendonly.aof)");
    assert!(!server.path("appendonly.aof").exists());
    let manifest = fs::read_to_string(server.path("appendonlydir/appendonly.aof.manifest"));
    assert_eq!(
        manifest.unwrap(),
        "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    );
}

#[test]
fn turned_on_and_off_while_running() {
    let mut server = Server::start(&[]);
    let mut client = server.client();
    call!(client, ["SET", "before", 1]);
    assert_reply!(client, ["CONFIG", "SET", "appendonly", "yes"], "+OK");
    call!(client, ["SET", "meanwhile", 1]);
    assert!(wait_until(LIMIT, || server.info("aof_rewrite_in_progress") == "0"));
    assert!(wait_until(LIMIT, || server.path(INCR).exists()));
    call!(client, ["SET", "after", 1]);
    server.crash();
    server.set_config("appendonly", "yes");
    server.restart();
    let mut client = server.client();
    assert_reply!(client, ["DBSIZE"], 3);
    assert_reply!(client, ["CONFIG", "SET", "appendonly", "no"], "+OK");
    let before = fs::metadata(server.path(INCR)).unwrap().len();
    call!(client, ["SET", "unlogged", 1]);
    assert_eq!(fs::metadata(server.path(INCR)).unwrap().len(), before);
    assert_eq!(server.info("aof_enabled"), "0");
}

fn check_aof(dir: &tempfile::TempDir, args: &[&str], answer: &str) -> Output {
    let tool = dir.path().join("redis-check-aof");
    if !tool.exists() {
        symlink(binary_under_test(), &tool).unwrap();
    }
    let mut command = Command::new(tool);
    command.args(args).current_dir(dir.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the tool runs");
    use std::io::Write;
    // It may not ask.
    let _ = child.stdin.take().unwrap().write_all(answer.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn redis_check_aof_checks_cuts_and_fixes() {
    let dir = tempfile::tempdir().unwrap();
    let set = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    let run = |text: &str, args: &[&str], answer: &str| {
        fs::write(dir.path().join("a.aof"), text).unwrap();
        let output = check_aof(&dir, args, answer);
        let left = fs::metadata(dir.path().join("a.aof")).unwrap().len() as usize;
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), left)
    };
    let (status, out, _) = run(set, &["a.aof"], "");
    assert_eq!(status, Some(0));
    let expected = "Start checking Old-Style AOF\nAOF analyzed: filename=a.aof, size=27, \
                    ok_up_to=27, ok_up_to_line=8, diff=0\nAOF a.aof is valid\n";
    assert_eq!(out, expected);
    let damaged = format!("{set}*2\r\n$3\r\nGE");
    let (status, out, _) = run(&damaged, &["a.aof"], "");
    assert_eq!(status, Some(1));
    assert!(out.contains("0x              23: Expected to read 5 bytes, got 2 bytes\n"), "{out}");
    assert!(out.ends_with("AOF a.aof is not valid. Use the --fix option to try fixing it.\n"));
    let (status, out, left) = run(&damaged, &["--fix", "a.aof"], "n\n");
    assert_eq!((status, left), (Some(1), damaged.len()), "{out}");
    let (status, out, left) = run(&damaged, &["--fix", "a.aof"], "y\n");
    assert_eq!((status, left), (Some(0), 27), "{out}");
    assert!(out.ends_with("Continue? [y/N]: Successfully truncated AOF a.aof\n"), "{out}");
    let open = format!("{set}*1\r\n$5\r\nMULTI\r\n{set}");
    let (_, out, left) = run(&open, &["--fix", "a.aof"], "y\n");
    assert_eq!(left, 27, "{out}");
    let timed = format!("#TS:10\r\n{set}#TS:20\r\n{set}");
    let (status, out, left) = run(&timed, &["--truncate-to-timestamp", "15", "a.aof"], "");
    assert_eq!((status, left), (Some(0), 8 + 27), "{out}");
    assert!(out.ends_with("Successfully truncated AOF a.aof to timestamp 15\n"), "{out}");
    let (status, out, _) = run(set, &[], "");
    assert!(status == Some(1) && out.starts_with("Usage: "), "{out}");
}

#[test]
fn times_and_effects_survive_a_restart() {
    let mut server = Server::start(&[("appendonly", "yes"), ("aof-use-rdb-preamble", "no")]);
    let mut client = server.client();
    call!(client, ["SET", "k", "v", "EX", 1000]);
    call!(client, ["SADD", "s", "a", "b", "c", "d"]);
    let popped = call!(client, ["SPOP", "s"]).text();
    call!(client, ["INCRBYFLOAT", "f", "0.1"]);
    call!(client, ["HSET", "h", "f", "v", "g", "w"]);
    call!(client, ["HPEXPIRE", "h", 1_000_000, "FIELDS", 1, "f"]);
    // In time, though its time is over when it is read.
    call!(client, ["MULTI"]);
    call!(client, ["HSETEX", "h", "PX", 20, "FIELDS", 2, "kept", "v", "gone", "v"]);
    call!(client, ["HPERSIST", "h", "FIELDS", 1, "kept"]);
    call!(client, ["EXEC"]);
    call!(client, ["XADD", "x", "1-1", "a", "b"]);
    call!(client, ["XGROUP", "CREATE", "x", "g", 0]);
    call!(client, ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "x", ">"]);
    call!(client, ["SET", "short", "v", "PX", 20]);
    std::thread::sleep(Duration::from_millis(40));
    assert_reply!(client, ["EXISTS", "short"], 0);
    assert!(wait_until(LIMIT, || call!(server.client(), ["HLEN", "h"]).int() == 3));
    let digest = call!(client, ["DEBUG", "DIGEST"]).text();
    for rewrite in [false, true] {
        if rewrite {
            call!(server.client(), ["BGREWRITEAOF"]);
            assert!(wait_until(LIMIT, || server.info("aof_rewrite_in_progress") == "0"));
        }
        server.crash();
        server.restart();
        let mut client = server.client();
        assert_eq!(call!(client, ["DEBUG", "DIGEST"]).text(), digest, "rewrite {rewrite}");
        assert_reply!(client, ["SISMEMBER", "s", popped.as_str()], 0);
        assert!((1..=1_000_000).contains(&call!(client, ["PTTL", "k"]).int()));
    }
    // An appended tail of garbage is no command.
    server.crash();
    let mut options = OpenOptions::new();
    let path = server.path("appendonlydir/appendonly.aof.2.incr.aof");
    let mut file = options.append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, b"*1\r\n$4\r\nPI").unwrap();
    server.restart();
    assert_eq!(call!(server.client(), ["DEBUG", "DIGEST"]).text(), digest);
}
