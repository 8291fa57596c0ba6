//! The process: start-up lines, signals, the end, crash reports, its title.

use std::fs;
use std::time::Duration;

use super::common::Server;
use super::common::server::wait_until;

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn start_up_lines_are_those_that_tools_wait_for() {
    let server = Server::start(&[("always-show-logo", "yes")]);
    server.wait_for_log("Ready to accept connections tcp");
    let log = server.log();
    let pid = format!(" PID: {}", server.pid());
    let logo = log.find(&pid).expect("the logo shows the pid");
    assert!(log.find("Server initialized").expect("it says so") > logo);
    let line = log.lines().find(|line| line.contains("Server initialized")).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[0], format!("{}:M", server.pid()));
    assert_eq!(words[4].len(), "00:00:00.000".len(), "{line}");
    assert_eq!(words[5], "*");
}

#[test]
fn sigterm_ends_the_server_in_order() {
    let mut server = Server::start(&[]);
    let status = server.stop();
    assert_eq!(status.code(), Some(0));
    let log = server.log();
    for text in [
        "Received SIGTERM scheduling shutdown...",
        "User requested shutdown...",
        "Redis is now ready to exit, bye bye...",
    ] {
        assert!(log.contains(text), "no {text:?} in {log}");
    }
}

#[test]
fn second_sigint_ends_at_once() {
    let mut server = Server::start(&[]);
    // Without cron nobody acts on the first one.
    let _ = call!(server.client(), ["DEBUG", "PAUSE-CRON", "1"]);
    server.signal("INT");
    server.wait_for_log("Received SIGINT scheduling shutdown...");
    server.signal("INT");
    assert_eq!(server.wait_for_exit().code(), Some(1));
    assert!(server.log().contains("You insist... exiting now."));
}

#[test]
fn shutdown_command_and_its_errors() {
    let mut server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["SHUTDOWN", "NOSAVE", "SAVE"], "-ERR syntax error");
    assert_reply!(client, ["SHUTDOWN", "ABORT"], "-ERR No shutdown in progress.");
    client.send(&["SHUTDOWN", "NOSAVE", "NOW"]);
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert!(client.is_closed_within(LIMIT));
}

#[test]
fn pid_file_and_unix_socket_go_at_exit() {
    let mut server = Server::start(&[("pidfile", "the.pid"), ("unixsocket", "the.sock")]);
    let text = fs::read_to_string(server.path("the.pid")).unwrap();
    assert_eq!(text, format!("{}\n", server.pid()));
    assert!(server.path("the.sock").exists());
    server.stop();
    assert!(!server.path("the.pid").exists());
    assert!(!server.path("the.sock").exists());
}

#[test]
fn title_follows_its_template() {
    let server = Server::start(&[]);
    let title = || {
        let bytes = fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
        String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_string()
    };
    assert!(title().ends_with(&format!("redis-server 127.0.0.1:{}", server.port)), "{}", title());
    let template = "TEST {title} {port}";
    let mut client = server.client();
    assert_reply!(client, ["CONFIG", "SET", "proc-title-template", template], "+OK");
    assert!(title().starts_with("TEST "), "{}", title());
    assert!(title().ends_with(&server.port.to_string()));
}

#[test]
fn crashes_leave_a_report() {
    for (command, text) in [
        ("SEGFAULT", "crashed by signal: 11"),
        ("ASSERT", "=== ASSERTION FAILED ==="),
        ("PANIC", "Guru Meditation: DEBUG PANIC called at Unix time"),
    ] {
        let mut server = Server::start(&[]);
        server.client().send(&["DEBUG", command]);
        assert!(!server.wait_for_exit().success());
        let log = server.log();
        assert!(log.contains(text), "{command}: {log}");
        assert_eq!(log.matches("=== REDIS BUG REPORT START").count(), 1, "{command}");
        assert!(log.contains("REDIS BUG REPORT END"), "{command}");
    }
}

#[test]
fn a_log_file_that_is_moved_away_is_made_again() {
    let server = Server::start(&[("logfile", "redis.log")]);
    let file = server.path("redis.log");
    fs::rename(&file, server.path("old.log")).unwrap();
    assert_reply!(server.client(), ["DEBUG", "LOG", "hello"], "+OK");
    let written = || fs::read_to_string(&file).is_ok_and(|log| log.contains("DEBUG LOG: hello"));
    assert!(wait_until(LIMIT, written));
}

#[test]
fn oom_score_follows_the_configuration() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let file = format!("/proc/{}/oom_score_adj", server.pid());
    let score = || fs::read_to_string(&file).unwrap().trim().parse::<i32>().unwrap();
    let base = score();
    let values = format!("{} {} {}", base + 10, base + 20, base + 30);
    let set = ["CONFIG", "SET", "oom-score-adj", "absolute", "oom-score-adj-values", &values];
    assert_eq!(client.command(&set).to_string(), "+OK");
    assert_eq!(score(), base + 10);
    assert_eq!(client.command(&["CONFIG", "SET", "oom-score-adj", "yes"]).to_string(), "+OK");
    assert_eq!(score(), (base + base + 10).clamp(-1000, 1000));
}

/// What the other tests show of a server depends on it.
#[cfg(sanitized)]
#[test]
fn the_server_runs_under_the_sanitizer() {
    let (options, name) = match cfg!(tsan) {
        true => ("TSAN_OPTIONS", "ThreadSanitizer"),
        false => ("ASAN_OPTIONS", "AddressSanitizer"),
    };
    let mut command = std::process::Command::new(super::common::server::binary_under_test());
    let output = command.arg("--version").env(options, "help=1").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("Available flags for {name}")), "{said}");
}
