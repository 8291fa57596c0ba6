//! Crash reports: what a dying server leaves in its log, and stack traces of a living one.

use super::common::{Server, server::wait_until};

/// Stacks of background threads in a report. ThreadSanitizer keeps signals back from a thread that
/// waits in code which it does not know.
const BACKGROUND_STACKS: usize = if cfg!(tsan) { 0 } else { 3 };

fn server(config: &[(&str, &str)]) -> Server {
    let always = [("enable-debug-command", "yes"), ("crash-memcheck-enabled", "no")];
    Server::start(&[&always[..], config].concat())
}

fn lines_with(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

#[test]
fn a_segfault_is_reported_with_all_threads() {
    let mut server = server(&[("crash-memcheck-enabled", "yes")]);
    let mut client = server.client();
    assert_reply!(client, ["SET", "the-key", "x"], "+OK");
    client.send(&["DEBUG", "SEGFAULT", "secret"]);
    let status = server.wait_for_exit();
    assert!(!status.success());
    let log = server.log();
    for text in [
        "=== REDIS BUG REPORT START",
        "crashed by signal: 11",
        "------ REGISTERS ------",
        "------ INFO OUTPUT ------",
        "------ CURRENT CLIENT INFO ------",
        "argv[1]: '\"SEGFAULT\"'",
        "argv[2]: '\"secret\"'",
        "Fast memory test PASSED",
        "=== REDIS BUG REPORT END",
    ] {
        assert!(log.contains(text), "{text}\n{log}");
    }
    assert_eq!(lines_with(&log, "crashed by signal"), 1, "{log}");
    assert_eq!(lines_with(&log, "bioProcessBackgroundJobs"), BACKGROUND_STACKS, "{log}");
    assert!(log.contains("debugCommand") && log.contains("db0:keys=1"), "{log}");
}

#[test]
fn assertions_and_panics_are_reported() {
    for (what, text) in [("ASSERT", "=== ASSERTION FAILED ==="), ("PANIC", "Guru Meditation")] {
        let mut server = server(&[("use-exit-on-panic", "yes")]);
        let mut client = server.client();
        client.send(&["DEBUG", what]);
        assert_eq!(server.wait_for_exit().code(), Some(1));
        let log = server.log();
        assert_eq!(lines_with(&log, text), 1, "{log}");
        assert_eq!(lines_with(&log, "STACK TRACE -"), 1, "{log}");
        assert!(log.contains("debugCommand"), "{log}");
    }
}

#[test]
fn user_data_stay_out_of_the_report_if_asked() {
    let mut server = server(&[("hide-user-data-from-log", "yes")]);
    let mut client = server.client();
    client.send(&["DEBUG", "SEGFAULT", "very-secret"]);
    server.wait_for_exit();
    let log = server.log();
    assert!(log.contains("argv[1]: *redacted*"), "{log}");
    assert!(log.contains("hide-user-data-from-log is on, skip logging stack content"), "{log}");
    assert!(!log.contains("very-secret"), "{log}");
}

#[test]
fn without_crash_log_the_signal_kills_silently() {
    let mut server = server(&[("crash-log-enabled", "no")]);
    server.client().send(&["DEBUG", "SEGFAULT"]);
    assert!(!server.wait_for_exit().success());
    assert!(!server.log().contains("BUG REPORT"));
}

#[test]
fn an_alarm_shows_stacks_and_the_server_goes_on() {
    let server = server(&[]);
    let mut client = server.client();
    server.signal("ALRM");
    let traced = || lines_with(&server.log(), "STACK TRACE DONE") == 1;
    assert!(wait_until(std::time::Duration::from_secs(5), traced), "{}", server.log());
    let log = server.log();
    assert!(log.contains("Received SIGALRM"), "{log}");
    assert_eq!(lines_with(&log, "bioProcessBackgroundJobs"), BACKGROUND_STACKS, "{log}");
    assert_reply!(client, ["PING"], "+PONG");
}
