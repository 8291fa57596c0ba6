//! The handshake against scripted masters: every reply, every cut of the input, a clock that the
//! test turns.

use proptest::prelude::*;

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn settings() -> Settings {
    Settings { port: 7000, timeout_ms: 60_000, ..Settings::default() }
}

/// What the machine does when the master says `replies` in pieces that end at `cuts`.
fn talk(settings: Settings, input: &[u8], cuts: &[usize]) -> (Vec<Action>, Vec<u8>, State) {
    let mut machine = Handshake::new(settings, 0);
    let mut actions = machine.step(Event::Connected, 0);
    let mut start = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        if machine.state() == State::Done {
            break;
        }
        actions.extend(machine.step(Event::Input(&input[start..end]), 0));
        start = end;
    }
    let mut rest = machine.take_rest();
    rest.extend_from_slice(&input[start..]);
    (actions, rest, machine.state())
}

fn sent(actions: &[Action]) -> String {
    let mut out = Vec::new();
    for action in actions {
        if let Action::Send(bytes) = action {
            out.extend_from_slice(bytes);
        }
    }
    String::from_utf8(out).unwrap()
}

fn essential(actions: Vec<Action>) -> Vec<Action> {
    let keep = |a: &Action| !matches!(a, Action::Send(_) | Action::Log(..));
    actions.into_iter().filter(keep).collect()
}

#[test]
fn full_synchronization_by_length() {
    let input = format!("+PONG\r\n+OK\r\n+OK\r\n\n\n+FULLRESYNC {ID} 77\r\n\n$5\r\nREDIS*1\r\n");
    let (actions, rest, state) = talk(settings(), input.as_bytes(), &[]);
    let expected = "*1\r\n$4\r\nPING\r\n*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n\
                    7000\r\n*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\n\
                    psync2\r\n*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n";
    assert_eq!(sent(&actions), expected);
    assert_eq!(
        essential(actions),
        [Action::FullResync(Some((ID.into(), 77))), Action::Payload(Payload::Length(5)),]
    );
    assert_eq!((rest, state), (b"REDIS*1\r\n".to_vec(), State::Done));
}

#[test]
fn partial_synchronization_with_everything_said() {
    let settings = Settings {
        auth: Some((Some(b"u".to_vec()), b"p".to_vec())),
        announce_ip: Some(b"10.0.0.1".to_vec()),
        have: Some((ID.into(), 100)),
        failover: true,
        ..settings()
    };
    let input = format!("-NOAUTH x\r\n+OK\r\n-ERR a\r\n+OK\r\n-ERR b\r\n+CONTINUE {ID}\r\n*1\r\n");
    let (actions, rest, _) = talk(settings, input.as_bytes(), &[]);
    let out = sent(&actions);
    assert!(out.contains("AUTH\r\n$1\r\nu\r\n$1\r\np\r\n"));
    assert!(out.contains("ip-address\r\n$8\r\n10.0.0.1"));
    assert!(out.contains(&format!("PSYNC\r\n$40\r\n{ID}\r\n$3\r\n100\r\n$8\r\nFAILOVER")));
    assert_eq!(essential(actions), [Action::Continue(Some(ID.into()))]);
    assert_eq!(rest, b"*1\r\n");
}

#[test]
fn an_old_master_gets_sync() {
    let input = b"+PONG\r\n+OK\r\n+OK\r\n-ERR unknown command 'PSYNC'\r\n\n$3\r\nabc";
    let (actions, rest, _) = talk(settings(), input, &[]);
    assert!(sent(&actions).ends_with("SYNC\r\n"));
    assert_eq!(essential(actions), [Action::FullResync(None), Action::Payload(Payload::Length(3))]);
    assert_eq!(rest, b"abc");
}

#[test]
fn a_streamed_bulk_has_a_mark() {
    let mark = "m".repeat(ID_BYTES);
    let input = format!("+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC {ID} 1\r\n$EOF:{mark}\r\nRDB");
    let (actions, rest, _) = talk(settings(), input.as_bytes(), &[]);
    let last = essential(actions).pop();
    assert_eq!(last, Some(Action::Payload(Payload::Mark([b'm'; ID_BYTES]))));
    assert_eq!(rest, b"RDB");
}

#[test]
fn refusals() {
    let later = [Action::Fail(Failure::TryLater)];
    let (actions, ..) = talk(settings(), b"-LOADING x\r\n", &[]);
    assert_eq!(essential(actions), later);
    let refused = [Action::Fail(Failure::Refused)];
    for input in [
        "+PONG\r\n+OK\r\n+OK\r\n-NOMASTERLINK Can't SYNC\r\n",
        "+PONG\r\n+OK\r\n+OK\r\n-LOADING x\r\n",
    ] {
        let (actions, ..) = talk(settings(), input.as_bytes(), &[]);
        assert_eq!(essential(actions), refused, "{input}");
    }
    let auth = Settings { auth: Some((None, b"x".to_vec())), ..settings() };
    let (actions, ..) = talk(auth, b"+PONG\r\n-WRONGPASS no\r\n", &[]);
    let said = Action::Log(Level::Warning, "Unable to AUTH to MASTER: -WRONGPASS no".into());
    assert!(actions.contains(&said));
    assert_eq!(essential(actions), later);
    let failover = Settings { failover: true, ..settings() };
    let (actions, ..) = talk(failover, b"+PONG\r\n+OK\r\n+OK\r\n-ERR no\r\n", &[]);
    assert_eq!(essential(actions), refused);
}

#[test]
fn bulk_headers_that_are_none() {
    for header in ["+OK", "-ERR full", "$", "$x", "$-1", "$EOF:short", "hello"] {
        let input = format!("+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC {ID} 1\r\n{header}\r\n");
        let (actions, ..) = talk(settings(), input.as_bytes(), &[]);
        assert_eq!(essential(actions).pop(), Some(Action::Fail(Failure::NoPayload)), "{header}");
    }
}

#[test]
fn a_wrong_full_resync_has_no_history() {
    for reply in ["+FULLRESYNC", "+FULLRESYNC abc 1", "+FULLRESYNC x"] {
        let input = format!("+PONG\r\n+OK\r\n+OK\r\n{reply}\r\n");
        let (actions, ..) = talk(settings(), input.as_bytes(), &[]);
        assert_eq!(essential(actions), [Action::FullResync(None)], "{reply}");
    }
}

#[test]
fn silence_is_a_timeout_and_newlines_are_not_silence() {
    let mut machine = Handshake::new(settings(), 0);
    assert!(machine.step(Event::Tick, 60_000).is_empty());
    machine.step(Event::Connected, 60_000);
    machine.step(Event::Input(b"+PONG\r\n+OK\r\n+OK\r\n"), 60_000);
    machine.step(Event::Input(b"\n"), 100_000);
    assert!(machine.step(Event::Tick, 160_000).is_empty());
    let actions = machine.step(Event::Tick, 160_001);
    assert_eq!(actions.last(), Some(&Action::Fail(Failure::Timeout)));
}

#[test]
fn a_closed_link_and_an_endless_line() {
    let mut machine = Handshake::new(settings(), 0);
    machine.step(Event::Connected, 0);
    let actions = machine.step(Event::Closed, 0);
    assert_eq!(actions.last(), Some(&Action::Fail(Failure::TryLater)));
    let (actions, ..) = talk(settings(), &[b'x'; 5000], &[]);
    assert_eq!(actions.last(), Some(&Action::Fail(Failure::TryLater)));
}

#[test]
fn the_rdb_channel() {
    let main = Settings { rdb_channel: true, ..settings() };
    let (actions, ..) = talk(main, b"+PONG\r\n+OK\r\n+OK\r\n+RDBCHANNELSYNC 42\r\n", &[]);
    assert!(sent(&actions).contains("capa\r\n$16\r\nrdb-channel-repl"));
    assert_eq!(essential(actions), [Action::RdbChannel(42)]);
    let second = || Settings { main_channel: Some(42), ..settings() };
    let (actions, ..) = talk(second(), b"+PONG\r\n+OK\r\n+OK\r\n", &[]);
    assert!(sent(&actions).contains("main-ch-client-id\r\n$2\r\n42"));
    // Whatever is no full synchronization is of no use on the second connection.
    for (input, failure) in [
        ("+PONG\r\n-ERR Unrecognized RDB channel client id 42\r\n", Failure::TryLater),
        ("+PONG\r\n+OK\r\n+OK\r\n+CONTINUE\r\n", Failure::Refused),
        ("+PONG\r\n+OK\r\n+OK\r\n-ERR no\r\n", Failure::Refused),
        ("+PONG\r\n+OK\r\n+OK\r\n+RDBCHANNELSYNC 7\r\n", Failure::Refused),
    ] {
        let (actions, ..) = talk(second(), input.as_bytes(), &[]);
        assert_eq!(essential(actions), [Action::Fail(failure)], "{input}");
    }
    // One that was not offered is not taken, and a number it must be.
    let input = b"+PONG\r\n+OK\r\n+OK\r\n+RDBCHANNELSYNC 7\r\n$3\r\nabc";
    let (actions, ..) = talk(settings(), input, &[]);
    assert!(sent(&actions).ends_with("SYNC\r\n"));
}

/// All conversations of these tests, cut at every single place.
#[test]
fn every_cut_gives_the_same() {
    let mark = "m".repeat(ID_BYTES);
    for tail in [
        format!("+FULLRESYNC {ID} 77\r\n\n$5\r\nREDIS*1\r\n"),
        format!("+FULLRESYNC {ID} 77\r\n$EOF:{mark}\r\nREDIS"),
        format!("+CONTINUE {ID}\r\n*1\r\n$4\r\nPING\r\n"),
        "+CONTINUE\r\n*1\r\n$4\r\nPING\r\n".into(),
        "-ERR no\r\n$3\r\nabc".into(),
        "-NOMASTERLINK x\r\n".into(),
        "+RDBCHANNELSYNC 42\r\n*1\r\n$4\r\nPING\r\n".into(),
    ] {
        for second in [None, Some(42)] {
            let settings = || Settings { rdb_channel: true, main_channel: second, ..settings() };
            let input = format!("+PONG\r\n+OK\r\n+OK\r\n\n{tail}");
            let whole = talk(settings(), input.as_bytes(), &[]);
            for cut in 0..input.len() {
                let pieces = talk(settings(), input.as_bytes(), &[cut]);
                assert_eq!(pieces, whole, "{input:?} at {cut}");
            }
        }
    }
}

proptest! {
    /// Whatever a master says: no panic, and nothing after the end.
    #[test]
    fn any_input(input in proptest::collection::vec(any::<u8>(), 0..200), good in 0usize..4) {
        let start = b"+PONG\r\n+OK\r\n+OK\r\n";
        let prefix = [0, 7, 12, start.len()][good];
        let all = [&start[..prefix], &input].concat();
        talk(settings(), &all, &[]);
    }
}
