//! Sessions with a person whose commands are known beforehand.

use std::collections::VecDeque;
use std::io;

use super::command::{Parsed, parse};
use super::*;
use crate::protocol::reply::Reply;
use crate::scripting::host::NoHost;
use crate::scripting::run::{self, Job};
use crate::scripting::{Version, cache::ScriptCache};

/// Gives one command a read, keeps what is written.
struct Person {
    commands: VecDeque<Vec<u8>>,
    seen: Rc<RefCell<Vec<u8>>>,
}

impl Read for Person {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(command) = self.commands.pop_front() else { return Ok(0) };
        buffer[..command.len()].copy_from_slice(&command);
        Ok(command.len())
    }
}

impl Write for Person {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.seen.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn encoded(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

/// Debugs a script with these commands; what the person saw, line by line, and the reply.
fn debug(script: &str, commands: &[&str]) -> (Vec<String>, String) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let commands = commands.iter().map(|line| encoded(line)).collect();
    let person = Person { commands, seen: Rc::clone(&seen) };
    let timeout = Duration::from_millis(50);
    let session = Session::new(script.as_bytes(), Box::new(person), timeout);
    let session = Rc::new(RefCell::new(session));
    let version = Version { text: "8.0.0", number: 0x0008_0000 };
    let mut cache = ScriptCache::new(&version, 1 << 30);
    let (compiled, _) = cache.add(script.as_bytes(), true).unwrap();
    let (lua, kept) = cache.interpreter();
    let job = Job {
        function: compiled.function,
        name: b"f",
        keys: &[b"key"],
        args: &[],
        eval: true,
        interrupts: false,
        session: Some(Rc::clone(&session)),
    };
    let mut host = NoHost(Reply::new());
    run::run(&lua, &kept, &mut host, &job);
    session.borrow_mut().end();
    let text = String::from_utf8(seen.borrow().clone()).unwrap();
    let lines = text.split("\r\n").filter_map(|line| line.strip_prefix('+'));
    let reply = String::from_utf8_lossy(host.0.as_bytes()).into_owned();
    (lines.map(str::to_string).collect(), reply)
}

const SCRIPT: &str =
    "local a = 1\nlocal function f(x)\n  return x + 1\nend\na = f(a)\nreturn a\n\n";

#[test]
fn a_script_stops_before_each_line() {
    let (lines, reply) = debug(SCRIPT, &["s", "NEXT", "step", "print a", "p", "continue"]);
    assert_eq!(
        lines,
        [
            "* Stopped at 1, stop reason = step over",
            "-> 1   local a = 1",
            "* Stopped at 4, stop reason = step over",
            "-> 4   end",
            "* Stopped at 5, stop reason = step over",
            "-> 5   a = f(a)",
            "* Stopped at 3, stop reason = step over",
            "-> 3     return x + 1",
            "<value> 1",
            "<value> x = 1",
            "<endsession>"
        ]
    );
    assert_eq!(reply, ":2\r\n");
}

#[test]
fn breakpoints_trace_and_list() {
    let commands = ["b 3 99 x", "b", "c", "trace", "list 1 1", "b -3 0", "b", "c"];
    let (lines, reply) = debug(SCRIPT, &commands);
    assert_eq!(
        lines[2..],
        [
            "   2   local function f(x)",
            "  #3     return x + 1",
            "   4   end",
            "Wrong line number.",
            "Invalid argument:'x'",
            "1 breakpoints set:",
            "  #3     return x + 1",
            "* Stopped at 3, stop reason = break point",
            "->#3     return x + 1",
            "In f:",
            "->#3     return x + 1",
            "From top level:",
            "   5   a = f(a)",
            "   1   local a = 1",
            "   2   local function f(x)",
            "Breakpoint removed.",
            "All breakpoints removed.",
            "No breakpoints set. Use 'b <line>' to add one.",
            "<endsession>"
        ]
    );
    assert_eq!(reply, ":2\r\n");
}

#[test]
fn values_are_shown_and_cut() {
    let script = "local t = {1, {x='y'}}\nt[3] = t\nreturn 0";
    let commands = ["s", "p t", "e t", "e 1 + 1", "e }", "p KEYS", "maxlen 1", "e #", "s", "p t"];
    let (lines, _) = debug(script, &commands);
    assert!(lines.contains(&"<value> {1; {[\"x\"]=\"y\"}}".to_string()), "{lines:#?}");
    assert!(lines.contains(&"<retval> 2".to_string()), "{lines:#?}");
    assert!(lines.contains(&"<value> {\"key\"}".to_string()), "{lines:#?}");
    assert!(lines.contains(&"<value> replies are truncated at 60 bytes.".to_string()));
    let errors = lines.iter().filter(|line| line.starts_with("<error> ldb_eval:1:")).count();
    assert_eq!(errors, 3, "locals are not seen by eval: {lines:#?}");
    let last = &lines[lines.len() - 2];
    assert!(last.ends_with(" ...") && last.len() == 64, "{lines:#?}");
}

#[test]
fn scripts_talk_to_the_debugger() {
    let script = "redis.debug('a', {1}, nil)\nif redis.breakpoint() then\nreturn 1 end\nreturn 2";
    let (lines, reply) = debug(script, &["c", "c"]);
    assert_eq!(
        lines[2..],
        [
            "<debug> line 1: \"a\", {1}, nil",
            "* Stopped at 3, stop reason = redis.breakpoint() called",
            "-> 3   return 1 end",
            "<endsession>"
        ]
    );
    assert_eq!(reply, ":1\r\n");
}

#[test]
fn a_script_without_end_stops_and_ends_if_nobody_is_there() {
    let (lines, _) = debug("while true do end", &["c"]);
    let stop = "* Stopped at 1, stop reason = timeout reached, infinite loop?";
    assert!(lines.iter().any(|line| line == stop), "{lines:?}");
}

#[test]
fn abort_ends_the_script() {
    let (lines, _) = debug("local a = 1\nreturn a", &["nonsense", "print", "a"]);
    let unknown = "<error> Unknown Redis Lua debugger command or wrong number of arguments.";
    assert_eq!(lines[2], unknown);
    assert_eq!(lines[3], "No local variables in the current context.");
    assert_eq!(lines[4], "<endsession>");
}

#[test]
fn input_is_taken_command_by_command() {
    let command = encoded("eval x");
    for len in 0..command.len() {
        assert_eq!(parse(&command[..len]), Parsed::Incomplete, "{len}");
    }
    let argv = vec![b"eval".to_vec(), b"x".to_vec()];
    assert_eq!(parse(&command), Parsed::Command(argv, command.len()));
    for wrong in ["hello", "*0\r\n", "*1\r\n$0\r\n\r\n", "*1\r\n+a\r\n", "*1\r\n$1\r\nabc\r\n"] {
        assert_eq!(parse(wrong.as_bytes()), Parsed::Malformed, "{wrong}");
    }
}
