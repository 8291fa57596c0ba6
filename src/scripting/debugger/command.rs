//! The commands of the person who debugs a script: reading them and doing them.

use std::cell::RefMut;

use super::{MAX_BREAKPOINTS, MAX_INPUT_BYTES, SCRIPT_SOURCE, Session, SharedSession, show};
use crate::protocol::number::parse_i64;
use crate::scripting::errors;
use crate::scripting::lua::{Kind, Stack};

/// Arguments of a command, and the length of one of them.
const MAX_ARGS: i64 = 1024;
const MAX_ARG_BYTES: i64 = 1024;
/// Lines around the current one that `list` shows.
const LIST_CONTEXT: i32 = 5;
/// The shortest length that values may be cut to.
const LEAST_MAX_LEN: i64 = 60;

const HELP: [&str; 27] = [
    "Redis Lua debugger help:",
    "[h]elp               Show this help.",
    "[s]tep               Run current line and stop again.",
    "[n]ext               Alias for step.",
    "[c]ontinue           Run till next breakpoint.",
    "[l]ist               List source code around current line.",
    "[l]ist [line]        List source code around [line].",
    "                     line = 0 means: current position.",
    "[l]ist [line] [ctx]  In this form [ctx] specifies how many lines",
    "                     to show before/after [line].",
    "[w]hole              List all source code. Alias for 'list 1 1000000'.",
    "[p]rint              Show all the local variables.",
    "[p]rint <var>        Show the value of the specified variable.",
    "                     Can also show global vars KEYS and ARGV.",
    "[b]reak              Show all breakpoints.",
    "[b]reak <line>       Add a breakpoint to the specified line.",
    "[b]reak -<line>      Remove breakpoint from the specified line.",
    "[b]reak 0            Remove all breakpoints.",
    "[t]race              Show a backtrace.",
    "[e]val <code>        Execute some Lua code (in a different callframe).",
    "[r]edis <cmd>        Execute a Redis command.",
    "[m]axlen [len]       Trim logged Redis replies and Lua var dumps to len.",
    "                     Specifying zero as <len> means unlimited.",
    "[a]bort              Stop the execution of the script. In sync",
    "                     mode dataset changes will be retained.",
    "",
    "Debugger functions you can call from Lua scripts:",
];

const HELP_FUNCTIONS: [&str; 3] = [
    "redis.debug()        Produce logs in the debugger console.",
    "redis.breakpoint()   Stop execution like if there was a breakpoint in the",
    "                     next line of code.",
];

/// How a stop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The script goes on.
    GoOn,
    /// The connection is gone.
    Gone,
    /// The script ends with this error.
    End(&'static str),
}

/// Does what the person asks for, until the script is to go on.
pub fn serve(stack: &mut Stack, session: &SharedSession) -> Verdict {
    loop {
        let argv = match next_command(&mut session.borrow_mut()) {
            Ok(argv) => argv,
            Err(verdict) => return verdict,
        };
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let name = argv[0].to_ascii_lowercase();
        match &name[..] {
            b"s" | b"step" | b"n" | b"next" => {
                session.borrow_mut().step = true;
                return Verdict::GoOn;
            }
            b"c" | b"continue" => return Verdict::GoOn,
            b"a" | b"abort" => return Verdict::End("script aborted for user request"),
            b"e" | b"eval" => eval(stack, session, &argv),
            b"r" | b"redis" if argv.len() > 1 => redis(stack, session, &argv),
            b"t" | b"trace" => trace(stack, session),
            b"p" | b"print" if argv.len() == 2 => print(stack, session, argv[1]),
            b"p" | b"print" => print_all(stack, session),
            _ => look(session.borrow_mut(), &name, &argv),
        }
        session.borrow_mut().send_logs();
    }
}

/// The commands that do not concern the interpreter.
fn look(mut session: RefMut<'_, Session>, name: &[u8], argv: &[&[u8]]) {
    match name {
        b"h" | b"help" => {
            HELP.iter().chain(&HELP_FUNCTIONS).for_each(|line| session.log(*line));
        }
        b"m" | b"maxlen" => max_len(&mut session, argv),
        b"b" | b"break" => breakpoints(&mut session, argv),
        b"l" | b"list" => {
            let chosen = argv.get(1).map_or(0, |arg| leading_int(arg));
            let around = if chosen > 0 { chosen as i32 } else { session.line };
            let context = argv.get(2).map_or(LIST_CONTEXT, |arg| leading_int(arg) as i32);
            session.list(around, context);
        }
        b"w" | b"whole" => session.list(0, 0),
        _ => {
            session.log("<error> Unknown Redis Lua debugger command or wrong number of arguments.")
        }
    }
}

fn max_len(session: &mut Session, argv: &[&[u8]]) {
    if argv.len() == 2 {
        session.hinted = true;
        session.max_len = match leading_int(argv[1]) {
            0 => 0,
            len => len.max(LEAST_MAX_LEN) as usize,
        };
    }
    match session.max_len {
        0 => session.log("<value> replies are unlimited."),
        len => session.log(format!("<value> replies are truncated at {len} bytes.")),
    }
}

fn breakpoints(session: &mut Session, argv: &[&[u8]]) {
    if argv.len() == 1 {
        if session.breakpoints.is_empty() {
            return session.log("No breakpoints set. Use 'b <line>' to add one.");
        }
        session.log(format!("{} breakpoints set:", session.breakpoints.len()));
        for line in session.breakpoints.clone() {
            session.log_source_line(line);
        }
        return;
    }
    for arg in &argv[1..] {
        match parse_i64(arg) {
            None => session.log([b"Invalid argument:'", *arg, b"'"].concat()),
            Some(0) => {
                session.breakpoints.clear();
                session.log("All breakpoints removed.");
            }
            Some(line @ 1..) => add_breakpoint(session, line),
            Some(line) => {
                let line = i32::try_from(line.unsigned_abs()).unwrap_or(0);
                let found = session.breakpoints.iter().position(|at| *at == line);
                session.log(match found {
                    Some(_) => "Breakpoint removed.",
                    None => "No breakpoint in the specified line.",
                });
                found.map(|index| session.breakpoints.remove(index));
            }
        }
    }
}

fn add_breakpoint(session: &mut Session, line: i64) {
    if session.breakpoints.len() == MAX_BREAKPOINTS {
        return session.log("Too many breakpoints set.");
    }
    match i32::try_from(line) {
        Ok(at) if at as usize <= session.lines.len() && !session.breakpoints.contains(&at) => {
            session.breakpoints.push(at);
            session.list(at, 1);
        }
        _ => session.log("Wrong line number."),
    }
}

/// A value that lies on top of the stack, with something before it.
fn log_value(stack: &mut Stack, session: &SharedSession, before: &str) {
    let max_len = session.borrow().max_len;
    let limit = if max_len == 0 { usize::MAX } else { max_len };
    let mut text = before.as_bytes().to_vec();
    show::value(&mut text, stack, stack.top(), limit);
    session.borrow_mut().log_cut(text);
}

/// The first local variable of that name, from the current function outwards.
fn print(stack: &mut Stack, session: &SharedSession, name: &[u8]) {
    let mut level = 0;
    while stack.frame(level).is_some() {
        let mut index = 1;
        while let Some(found) = stack.push_local(level, index) {
            if found == name {
                log_value(stack, session, "<value> ");
                return stack.pop(1);
            }
            stack.pop(1);
            index += 1;
        }
        level += 1;
    }
    if name != b"KEYS" && name != b"ARGV" {
        return session.borrow_mut().log("No such variable.");
    }
    stack.push_globals();
    stack.raw_get_field(-1, if name == b"KEYS" { "KEYS" } else { "ARGV" });
    log_value(stack, session, "<value> ");
    stack.pop(2);
}

fn print_all(stack: &mut Stack, session: &SharedSession) {
    let (mut index, mut shown) = (1, 0);
    while let Some(name) = stack.push_local(0, index) {
        if memchr::memmem::find(&name, b"(*temporary)").is_none() {
            let name = String::from_utf8_lossy(&name);
            log_value(stack, session, &format!("<value> {name} = "));
            shown += 1;
        }
        stack.pop(1);
        index += 1;
    }
    if shown == 0 {
        session.borrow_mut().log("No local variables in the current context.");
    }
}

fn trace(stack: &mut Stack, session: &SharedSession) {
    let mut level = 0;
    while let Some(frame) = stack.frame(level) {
        if frame.source == SCRIPT_SOURCE {
            let mut session = session.borrow_mut();
            let mut text = if level == 0 { b"In ".to_vec() } else { b"From ".to_vec() };
            text.extend_from_slice(frame.name.as_deref().unwrap_or(b"top level"));
            text.push(b':');
            session.log(text);
            session.log_source_line(frame.line);
        }
        level += 1;
    }
    if level == 0 {
        session.borrow_mut().log("<error> Can't retrieve Lua stack.");
    }
}

/// Runs code: as an expression if it is one.
fn eval(stack: &mut Stack, session: &SharedSession, argv: &[&[u8]]) {
    let code = argv[1..].join(&b' ');
    let expression = [b"return ", &code[..]].concat();
    let mut outcome = stack.load(&expression, c"@ldb_eval");
    if outcome.is_err() {
        stack.pop(1);
        outcome = stack.load(&code, c"@ldb_eval");
    }
    match outcome.and_then(|()| stack.pcall(0, 1, 0)) {
        Ok(()) => log_value(stack, session, "<retval> "),
        Err(_) => {
            let message = match stack.kind(-1) {
                Kind::Table => errors::info(stack).message,
                _ => errors::text_of(stack),
            };
            session.borrow_mut().log([b"<error> ", &message[..]].concat());
        }
    }
    stack.pop(1);
}

/// Runs a command as the script would, which logs it.
fn redis(stack: &mut Stack, session: &SharedSession, argv: &[&[u8]]) {
    let args = argv.len() as i32 - 1;
    if !stack.reserve(args + 4) {
        return session.borrow_mut().log("<error> max lua stack reached");
    }
    let top = stack.top();
    stack.push_globals();
    stack.raw_get_field(-1, "redis");
    if stack.kind(-1) == Kind::Table {
        stack.raw_get_field(-1, "call");
    }
    if stack.kind(-1) != Kind::Function {
        session.borrow_mut().log("<error> no redis.call here");
        return stack.set_top(top);
    }
    argv[1..].iter().for_each(|arg| stack.push_bytes(arg));
    session.borrow_mut().step = true;
    // An error is logged like the reply.
    let _ = stack.pcall(args, 1, 0);
    session.borrow_mut().step = false;
    stack.set_top(top);
}

/// Waits for the next whole command.
fn next_command(session: &mut Session) -> Result<Vec<Vec<u8>>, Verdict> {
    loop {
        match parse(&session.input) {
            Parsed::Command(argv, len) => {
                session.input.drain(..len);
                return Ok(argv);
            }
            Parsed::Malformed => {
                session.input.clear();
                return Err(Verdict::End("protocol error"));
            }
            Parsed::Incomplete => {}
        }
        if session.input.len() > MAX_INPUT_BYTES {
            session.input.clear();
            return Err(Verdict::End("max client buffer reached"));
        }
        if !session.read_input() {
            session.abandon();
            return Err(Verdict::Gone);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Its arguments, at least one, and the bytes it took.
    Command(Vec<Vec<u8>>, usize),
    Incomplete,
    Malformed,
}

/// A command as clients send it: an array of bulk strings, none of which is empty.
pub fn parse(input: &[u8]) -> Parsed {
    if input.is_empty() {
        return Parsed::Incomplete;
    }
    let Some(start) = memchr::memchr(b'*', input) else { return Parsed::Malformed };
    let mut at = start;
    let Some(count) = header(input, &mut at) else { return Parsed::Incomplete };
    if !(1..=MAX_ARGS).contains(&count) {
        return Parsed::Malformed;
    }
    let mut argv = Vec::new();
    for _ in 0..count {
        match input.get(at) {
            None => return Parsed::Incomplete,
            Some(b'$') => {}
            Some(_) => return Parsed::Malformed,
        }
        let Some(len) = header(input, &mut at) else { return Parsed::Incomplete };
        if !(1..=MAX_ARG_BYTES).contains(&len) {
            return Parsed::Malformed;
        }
        let end = at + len as usize;
        if end + 2 > input.len() {
            return Parsed::Incomplete;
        }
        if &input[end..end + 2] != b"\r\n" {
            return Parsed::Malformed;
        }
        argv.push(input[at..end].to_vec());
        at = end + 2;
    }
    Parsed::Command(argv, at)
}

/// The number on the line at `at` after its first byte; `at` moves behind the line.
fn header(input: &[u8], at: &mut usize) -> Option<i64> {
    let rest = &input[*at + 1..];
    let len = memchr::memmem::find(rest, b"\r\n")?;
    *at += 1 + len + 2;
    Some(leading_int(&rest[..len]))
}

/// The integer that a text begins with, as C's `atoi` reads it; 0 if there is none.
fn leading_int(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0i64, |n, digit| {
        n.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(i64::from(i32::MAX))
    });
    sign * value
}
