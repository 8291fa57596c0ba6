//! The Lua debugger: a session of SCRIPT DEBUG, in which a script stops before its lines and a
//! person looks at it through `redis-cli --ldb`. The person's commands and the answers go through
//! the client's own connection, whose reads wait: nothing else happens meanwhile.
//!
//! Not here: which process the session runs in and what becomes of the client
//! (`server::script_debug`).
//!
//! Invariant: a [`Session`] is borrowed only between two steps of the interpreter, never while
//! scripts, or code that the person enters, run: those log to it.

mod command;
mod show;

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::errors;
use super::lua::{CallResult, Stack};
use command::Verdict;

/// Lines that may have a breakpoint.
const MAX_BREAKPOINTS: usize = 64;
/// Values and replies are cut to this length until the person says otherwise.
const DEFAULT_MAX_LEN: usize = 256;
/// Arguments of a command that are logged.
const LOGGED_ARGS: usize = 10;
/// Unfinished input of the person.
const MAX_INPUT_BYTES: usize = 1 << 20;
/// How the code of EVAL scripts calls itself.
const SCRIPT_SOURCE: &[u8] = b"@user_script";

/// The connection to the person; reads wait for input.
pub trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// A session, as the interpreter and the host of a script share it.
pub type SharedSession = Rc<RefCell<Session>>;

/// Why the script stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Step,
    Breakpoint,
    /// `redis.breakpoint()` was called.
    Called,
    /// It has run for so long that there may be no end.
    Timeout,
}

impl Stop {
    fn text(self) -> &'static str {
        match self {
            Stop::Step => "step over",
            Stop::Breakpoint => "break point",
            Stop::Called => "redis.breakpoint() called",
            Stop::Timeout => "timeout reached, infinite loop?",
        }
    }
}

/// What is known while one script is debugged.
pub struct Session {
    wire: Box<dyn Wire>,
    /// Input that is no whole command yet.
    input: Vec<u8>,
    /// Lines for the person that have not been sent.
    logs: Vec<Vec<u8>>,
    /// The script, line by line.
    lines: Vec<Vec<u8>>,
    /// The line about to run, counted from 1.
    line: i32,
    breakpoints: Vec<i32>,
    /// Stop before the next line; commands of the script are logged until then.
    step: bool,
    /// `redis.breakpoint()` was called.
    called: bool,
    /// 0 = no limit.
    max_len: usize,
    /// The person knows how to change `max_len`.
    hinted: bool,
    timeout: Duration,
    /// When the script last went on.
    resumed: Instant,
}

impl Session {
    /// `timeout`: how long the script may run without a stop.
    pub fn new(script: &[u8], wire: Box<dyn Wire>, timeout: Duration) -> Session {
        let end = script.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        let lines = match end {
            Some(end) => script[..=end].split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect(),
            None => Vec::new(),
        };
        Session {
            wire,
            input: Vec::new(),
            logs: Vec::new(),
            lines,
            line: 0,
            breakpoints: Vec::new(),
            step: true,
            called: false,
            max_len: DEFAULT_MAX_LEN,
            hinted: false,
            timeout,
            resumed: Instant::now(),
        }
    }

    /// The script is over: the last logs.
    pub fn end(&mut self) {
        self.log("<endsession>");
        self.send_logs();
    }

    /// `redis.breakpoint()`.
    pub fn call_breakpoint(&mut self) {
        self.called = true;
    }

    /// A line for the person.
    pub fn log(&mut self, text: impl Into<Vec<u8>>) {
        self.logs.push(text.into());
    }

    /// A line that is cut if it is too long.
    fn log_cut(&mut self, mut text: Vec<u8>) {
        if self.max_len == 0 || text.len() <= self.max_len {
            return self.log(text);
        }
        text.truncate(self.max_len);
        text.extend_from_slice(b" ...");
        self.log(text);
        if !std::mem::replace(&mut self.hinted, true) {
            self.log("<hint> The above reply was trimmed. Use 'maxlen 0' to disable trimming.");
        }
    }

    /// What `redis.debug` was given.
    pub fn log_values(&mut self, values: &[u8]) {
        let mut text = format!("<debug> line {}: ", self.line).into_bytes();
        text.extend_from_slice(values);
        self.log(text);
    }

    /// The script runs a command.
    pub fn log_command(&mut self, argv: &[&[u8]]) {
        if !self.step {
            return;
        }
        let mut text = b"<redis>".to_vec();
        for arg in argv.iter().take(LOGGED_ARGS) {
            text.push(b' ');
            text.extend_from_slice(arg);
        }
        if let Some(more) = argv.len().checked_sub(LOGGED_ARGS + 1) {
            text.extend_from_slice(format!(" ... ({more} more)").as_bytes());
        }
        self.log(text);
    }

    /// The command's reply, RESP.
    pub fn log_reply(&mut self, reply: &[u8]) {
        if self.step {
            let mut text = b"<reply> ".to_vec();
            show::reply(&mut text, reply);
            self.log_cut(text);
        }
    }

    /// An error that the script gets to see.
    pub fn log_error(&mut self, error: &[u8]) {
        if self.step {
            self.log([b"<error> ", error].concat());
        }
    }

    fn source_line(&self, line: i32) -> &[u8] {
        let index = usize::try_from(line - 1).ok();
        let found = index.and_then(|index| self.lines.get(index));
        found.map_or(b"<out of range source code line>", |text| &text[..])
    }

    fn log_source_line(&mut self, line: i32) {
        let mark = match (line == self.line, self.breakpoints.contains(&line)) {
            (true, true) => "->#",
            (true, false) => "-> ",
            (false, true) => "  #",
            (false, false) => "   ",
        };
        let mut text = format!("{mark}{line:<3} ").into_bytes();
        text.extend_from_slice(self.source_line(line));
        self.log(text);
    }

    /// Logs the lines that are at most `context` away from `around`; 0 = all.
    fn list(&mut self, around: i32, context: i32) {
        for line in 1..=i32::try_from(self.lines.len()).unwrap_or(i32::MAX) {
            if around == 0 || (around - line).abs() <= context {
                self.log_source_line(line);
            }
        }
    }

    /// Sends what was logged: an array of simple strings.
    fn send_logs(&mut self) {
        let mut bytes = format!("*{}\r\n", self.logs.len()).into_bytes();
        for text in self.logs.drain(..) {
            bytes.push(b'+');
            bytes.extend(
                text.into_iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }),
            );
            bytes.extend_from_slice(b"\r\n");
        }
        // A connection that is gone is noticed by the next read.
        let _ = self.wire.write_all(&bytes);
    }

    /// Whether to stop before the current line, and why. `counted`: it is not reached just now,
    /// but many instructions have run.
    fn stop_reason(&mut self, counted: bool) -> Option<Stop> {
        let breakpoint = self.called || self.breakpoints.contains(&self.line);
        if breakpoint {
            return Some(if self.called { Stop::Called } else { Stop::Breakpoint });
        }
        if self.step {
            return Some(Stop::Step);
        }
        (counted && self.resumed.elapsed() >= self.timeout).then_some(Stop::Timeout)
    }

    fn tell_stop(&mut self, reason: Stop) {
        self.step = false;
        self.called = false;
        self.log(format!("* Stopped at {}, stop reason = {}", self.line, reason.text()));
        self.log_source_line(self.line);
        self.send_logs();
    }

    /// Nobody is there any more: the script runs to its end.
    fn abandon(&mut self) {
        self.step = false;
        self.breakpoints.clear();
    }

    /// More input. False if there will be none.
    fn read_input(&mut self) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.wire.read(&mut buffer) {
                Ok(0) => return false,
                Ok(bytes) => {
                    self.input.extend_from_slice(&buffer[..bytes]);
                    return true;
                }
                // The server is to end: it cannot wait for the person.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                    if crate::sys::signal::shutdown_signal() != 0 {
                        return false;
                    }
                }
                Err(_) => return false,
            }
        }
    }
}

/// Called before each line, and every now and then.
pub fn at_line(stack: &mut Stack, counted: bool) -> CallResult {
    let (Some(session), Some(place)) = (stack.session(), stack.place(0)) else { return Ok(0) };
    let mut state = session.borrow_mut();
    state.line = place.line;
    if place.source != SCRIPT_SOURCE {
        return Ok(0);
    }
    let Some(reason) = state.stop_reason(counted) else { return Ok(0) };
    state.tell_stop(reason);
    drop(state);
    let verdict = command::serve(stack, &session);
    session.borrow_mut().resumed = Instant::now();
    match verdict {
        Verdict::GoOn => Ok(0),
        Verdict::Gone if reason != Stop::Timeout => Ok(0),
        // Otherwise nobody could ever end it.
        Verdict::Gone => Err(errors::raise(
            stack,
            b"timeout during Lua debugging with client closing connection",
        )),
        Verdict::End(error) => Err(errors::raise(stack, error.as_bytes())),
    }
}

/// The arguments of the function that runs, as `redis.debug` shows them.
pub fn arguments(stack: &mut Stack) -> Vec<u8> {
    let mut text = Vec::new();
    for idx in 1..=stack.top() {
        if idx > 1 {
            text.extend_from_slice(b", ");
        }
        show::value(&mut text, stack, idx, usize::MAX);
    }
    text
}

#[cfg(test)]
mod tests;
