//! The table `redis` of scripts, and the functions of Lua that are replaced: `pcall`,
//! `math.random`, `math.randomseed`, `os.clock`.

use sha1::{Digest, Sha1};

use super::convert;
use super::debugger;
use super::errors::{self, raise};
use super::host::{Host, Registered};
use super::lua::{CallResult, Kind, Raise, Ref, Stack};
use super::{Version, flags};

/// Arguments of most commands; more of them take an allocation.
const FEW_ARGS: usize = 16;

/// Bytes of a line of the log.
const MAX_LOG_BYTES: usize = 1 << 20;

/// Where effects of commands go, as `redis.set_repl` takes it.
pub const REPL_AOF: u8 = 1;
pub const REPL_REPLICAS: u8 = 2;

/// Levels of `redis.log`.
const LOG_LEVELS: [(&str, u8); 4] =
    [("LOG_DEBUG", 0), ("LOG_VERBOSE", 1), ("LOG_NOTICE", 2), ("LOG_WARNING", 3)];

/// Sets the fields of the table `redis` (on top of the stack) that scripts and functions share.
pub fn add_common(stack: &mut Stack, version: &Version) {
    set_host(stack, "call", |stack, host| command(stack, host, true));
    set_host(stack, "pcall", |stack, host| command(stack, host, false));
    add_log(stack);
    add_version(stack, version);
    set_host(stack, "setresp", set_resp);
    set(stack, "sha1hex", sha1hex);
    set(stack, "error_reply", error_reply);
    set(stack, "status_reply", status_reply);
    set_host(stack, "set_repl", set_repl);
    for (name, value) in [
        ("REPL_NONE", 0),
        ("REPL_AOF", REPL_AOF),
        ("REPL_SLAVE", REPL_REPLICAS),
        ("REPL_REPLICA", REPL_REPLICAS),
        ("REPL_ALL", REPL_AOF | REPL_REPLICAS),
    ] {
        stack.push_number(f64::from(value));
        stack.raw_set_field(-2, name);
    }
    set_host(stack, "acl_check_cmd", acl_check_cmd);
}

/// What only EVAL scripts have.
pub fn add_eval_only(stack: &mut Stack) {
    set(stack, "breakpoint", breakpoint);
    set(stack, "debug", debug);
    set(stack, "replicate_commands", |stack| {
        stack.push_boolean(true);
        Ok(1)
    });
}

/// `redis.breakpoint`: the script stops before its next line if it is debugged.
fn breakpoint(stack: &mut Stack) -> CallResult {
    let session = stack.session();
    if let Some(session) = &session {
        session.borrow_mut().call_breakpoint();
    }
    stack.push_boolean(session.is_some());
    Ok(1)
}

/// `redis.debug`: tells the debugger these values.
fn debug(stack: &mut Stack) -> CallResult {
    if let Some(session) = stack.session() {
        let values = debugger::arguments(stack);
        session.borrow_mut().log_values(&values);
    }
    Ok(0)
}

/// `redis.log` and its levels.
pub fn add_log(stack: &mut Stack) {
    set_host(stack, "log", log);
    for (name, level) in LOG_LEVELS {
        stack.push_number(f64::from(level));
        stack.raw_set_field(-2, name);
    }
}

/// `redis.REDIS_VERSION` and its number.
pub fn add_version(stack: &mut Stack, version: &Version) {
    stack.push_number(f64::from(version.number));
    stack.raw_set_field(-2, "REDIS_VERSION_NUM");
    stack.push_bytes(version.text.as_bytes());
    stack.raw_set_field(-2, "REDIS_VERSION");
}

/// `redis.register_function`, of libraries that are being loaded.
pub fn add_register_function(stack: &mut Stack) {
    set_host(stack, "register_function", register_function);
}

/// Sets a function in the table on top of the stack.
pub fn set<F>(stack: &mut Stack, name: &str, function: F)
where
    F: Fn(&mut Stack) -> CallResult + Copy + 'static,
{
    stack.push_function(function);
    stack.raw_set_field(-2, name);
}

fn set_host<F>(stack: &mut Stack, name: &str, function: F)
where
    F: Fn(&mut Stack, &mut dyn Host) -> CallResult + Copy + 'static,
{
    stack.push_host_function(function);
    stack.raw_set_field(-2, name);
}

/// Makes all arguments strings. The text of an error otherwise.
fn prepare_arguments(stack: &mut Stack) -> Result<i32, &'static str> {
    let argc = stack.top();
    if argc == 0 {
        return Err("Please specify at least one argument for this redis lib call");
    }
    for idx in 1..=argc {
        match stack.kind(idx) {
            Kind::String => {}
            Kind::Number => stack.number_to_argument(idx),
            _ => return Err("Lua redis lib command arguments must be strings or integers"),
        }
    }
    Ok(argc)
}

/// Runs `f` with the arguments, all of which are strings.
fn with_arguments<R>(stack: &Stack, argc: i32, f: impl FnOnce(&[&[u8]]) -> R) -> R {
    let mut few: [&[u8]; FEW_ARGS] = [&[]; FEW_ARGS];
    let arg = |idx: i32| stack.bytes(idx).expect("made a string");
    let len = argc.unsigned_abs() as usize;
    if len <= FEW_ARGS {
        for (idx, slot) in (1..=argc).zip(&mut few) {
            *slot = arg(idx);
        }
        return f(&few[..len]);
    }
    let many: Vec<&[u8]> = (1..=argc).map(arg).collect();
    f(&many)
}

/// `redis.call` and `redis.pcall`.
fn command(stack: &mut Stack, host: &mut dyn Host, raises: bool) -> CallResult {
    let failed = match prepare_arguments(stack) {
        Err(text) => {
            stack.set_top(0);
            errors::push_error(stack, text.as_bytes());
            true
        }
        Ok(argc) => match with_arguments(stack, argc, |argv| host.call(argv)) {
            Err(refused) => {
                stack.set_top(0);
                // Which code it has if it says none.
                let text = refused.0.strip_prefix(b"-ERR ").unwrap_or(&refused.0);
                errors::push_error(stack, text);
                errors::mark_counted(stack);
                true
            }
            Ok(()) => {
                stack.set_top(0);
                let reply = host.command_reply();
                convert::push_reply(stack, reply);
                let is_error = reply.first() == Some(&b'-');
                if is_error && let Some(session) = stack.session() {
                    session.borrow_mut().log_reply(reply);
                }
                is_error
            }
        },
    };
    if failed && raises { Err(Raise) } else { Ok(1) }
}

/// The global `pcall`: an error table with a text becomes the text, as scripts of before there were
/// error tables expect it.
pub fn pcall(stack: &mut Stack) -> CallResult {
    stack.check_any(1)?;
    if !stack.reserve(4) {
        return Err(stack.error("stack overflow"));
    }
    let args = stack.top() - 1;
    let outcome = stack.pcall(args, -1, 0);
    if outcome.is_err() && stack.kind(-1) == Kind::Table {
        stack.raw_get_field(-1, "err");
        match stack.kind(-1) {
            Kind::String | Kind::Number => stack.replace(-2),
            _ => stack.pop(1),
        }
    }
    stack.push_boolean(outcome.is_ok());
    stack.insert(1);
    Ok(stack.top())
}

fn sha1hex(stack: &mut Stack) -> CallResult {
    if stack.top() != 1 {
        return Err(raise(stack, b"wrong number of arguments"));
    }
    let digest = sha1_hex(stack.text(1).unwrap_or_default());
    stack.push_bytes(&digest);
    Ok(1)
}

/// SHA-1 as 40 hexadecimal digits.
pub fn sha1_hex(bytes: &[u8]) -> [u8; 40] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 40];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(Sha1::digest(bytes)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

fn is_one_string(stack: &Stack) -> bool {
    stack.top() == 1 && stack.kind(1) == Kind::String
}

fn error_reply(stack: &mut Stack) -> CallResult {
    if !is_one_string(stack) {
        errors::push_error(stack, b"wrong number or type of arguments");
        return Ok(1);
    }
    let text = stack.bytes(1).expect("a string");
    let dash: &[u8] = if text.starts_with(b"-") { b"" } else { b"-" };
    let text = [dash, text].concat();
    errors::push_error(stack, &text);
    Ok(1)
}

fn status_reply(stack: &mut Stack) -> CallResult {
    if !is_one_string(stack) {
        errors::push_error(stack, b"wrong number or type of arguments");
        return Ok(1);
    }
    stack.push_table(0, 1);
    stack.push_value(1);
    stack.raw_set_field(-2, "ok");
    Ok(1)
}

/// A number as C casts it to int.
fn to_int(stack: &Stack, idx: i32) -> i32 {
    stack.number(idx).map_or(0, |n| n as i64 as i32)
}

fn set_repl(stack: &mut Stack, host: &mut dyn Host) -> CallResult {
    if stack.top() != 1 {
        return Err(raise(stack, b"redis.set_repl() requires one argument."));
    }
    match u8::try_from(to_int(stack, 1)).ok().filter(|targets| *targets <= 3) {
        Some(targets) => host.set_repl(targets),
        None => {
            return Err(raise(
                stack,
                b"Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            ));
        }
    }
    Ok(0)
}

fn set_resp(stack: &mut Stack, host: &mut dyn Host) -> CallResult {
    if stack.top() != 1 {
        return Err(raise(stack, b"redis.setresp() requires one argument."));
    }
    match to_int(stack, 1) {
        2 => host.set_resp3(false),
        3 => host.set_resp3(true),
        _ => return Err(raise(stack, b"RESP version must be 2 or 3.")),
    }
    Ok(0)
}

fn acl_check_cmd(stack: &mut Stack, host: &mut dyn Host) -> CallResult {
    let argc = match prepare_arguments(stack) {
        Ok(argc) => argc,
        Err(text) => return Err(raise(stack, text.as_bytes())),
    };
    match with_arguments(stack, argc, |argv| host.acl_allows(argv)) {
        Some(allowed) => stack.push_boolean(allowed),
        None => return Err(raise(stack, b"Invalid command passed to redis.acl_check_cmd()")),
    }
    Ok(1)
}

fn log(stack: &mut Stack, host: &mut dyn Host) -> CallResult {
    let argc = stack.top();
    if argc < 2 {
        return Err(raise(stack, b"redis.log() requires two arguments or more."));
    }
    if stack.number(1).is_none() {
        return Err(raise(stack, b"First argument must be a number (log level)."));
    }
    let level = u8::try_from(to_int(stack, 1)).ok().filter(|level| *level <= 3);
    let Some(level) = level else { return Err(raise(stack, b"Invalid log level.")) };
    let mut text = Vec::new();
    for idx in 2..=argc {
        if let Some(part) = stack.text(idx) {
            if idx > 2 {
                text.push(b' ');
            }
            let room = MAX_LOG_BYTES.saturating_sub(text.len());
            text.extend_from_slice(&part[..part.len().min(room)]);
        }
    }
    host.log(level, &text);
    Ok(0)
}

/// `math.random`: Lua's own, over a generator that gives the same numbers everywhere.
pub fn math_random(stack: &mut Stack) -> CallResult {
    const MAX: u32 = i32::MAX as u32;
    let r = f64::from(stack.random().next() % MAX) / f64::from(MAX);
    let value = match stack.top() {
        0 => r,
        1 => {
            let most = stack.check_integer(1)? as i32;
            if most < 1 {
                return Err(stack.arg_error(1, "interval is empty"));
            }
            (r * f64::from(most)).floor() + 1.0
        }
        2 => {
            let (least, most) = (stack.check_integer(1)? as i32, stack.check_integer(2)? as i32);
            if least > most {
                return Err(stack.arg_error(2, "interval is empty"));
            }
            let width = f64::from(most.wrapping_sub(least).wrapping_add(1));
            (r * width).floor() + f64::from(least)
        }
        _ => return Err(stack.error("wrong number of arguments")),
    };
    stack.push_number(value);
    Ok(1)
}

pub fn math_randomseed(stack: &mut Stack) -> CallResult {
    let seed = stack.check_integer(1)? as i32;
    stack.random().seed(seed);
    Ok(0)
}

/// `os.clock`: seconds of CPU time.
pub fn os_clock(stack: &mut Stack) -> CallResult {
    stack.push_number(crate::sys::process::cpu_seconds());
    Ok(1)
}

fn register_function(stack: &mut Stack, host: &mut dyn Host) -> CallResult {
    let registered = match stack.top() {
        1 => named_arguments(stack),
        2 => positional_arguments(stack),
        _ => Err("wrong number of arguments to redis.register_function"),
    };
    let outcome = registered.and_then(|function| {
        let callback = function.callback;
        host.register(function).inspect_err(|_| stack.drop_ref(callback))
    });
    match outcome {
        Ok(()) => Ok(0),
        Err(text) => Err(raise(stack, text.as_bytes())),
    }
}

/// `redis.register_function('name', callback)`.
fn positional_arguments(stack: &mut Stack) -> Result<Registered, &'static str> {
    let name = stack.text(1).ok_or("first argument to redis.register_function must be a string")?;
    let name = name.to_vec();
    if stack.kind(2) != Kind::Function {
        return Err("second argument to redis.register_function must be a function");
    }
    let callback = stack.make_ref();
    Ok(Registered { name, description: None, flags: 0, callback })
}

/// `redis.register_function{function_name='name', callback=callback, flags={'no-writes'}}`.
fn named_arguments(stack: &mut Stack) -> Result<Registered, &'static str> {
    if stack.kind(1) != Kind::Table {
        return Err(
            "calling redis.register_function with a single argument is only applicable to \
                    Lua table (representing named arguments).",
        );
    }
    let mut named = Named::default();
    stack.push_nil();
    while stack.next(1) {
        if let Err(error) = named.take(stack) {
            named.forget(stack);
            return Err(error);
        }
    }
    match (named.name.take(), named.callback) {
        (None, _) => {
            named.forget(stack);
            Err("redis.register_function must get a function name argument")
        }
        (_, None) => Err("redis.register_function must get a callback argument"),
        (Some(name), Some(callback)) => {
            Ok(Registered { name, description: named.description, flags: named.flags, callback })
        }
    }
}

#[derive(Default)]
struct Named {
    name: Option<Vec<u8>>,
    description: Option<Vec<u8>>,
    callback: Option<Ref>,
    flags: u64,
}

impl Named {
    /// Takes a pair whose key and value are on top of the stack, and pops the value.
    fn take(&mut self, stack: &mut Stack) -> Result<(), &'static str> {
        if !matches!(stack.kind(-2), Kind::String | Kind::Number) {
            return Err("named argument key given to redis.register_function is not a string");
        }
        let key = stack.bytes(-2).unwrap_or_default().to_ascii_lowercase();
        match &key[..] {
            b"function_name" => {
                let name = stack.text(-1);
                self.name = Some(name.map(<[u8]>::to_vec).ok_or(
                    "function_name argument given to redis.register_function must be a string",
                )?);
            }
            b"description" => {
                let text = stack.text(-1);
                self.description = Some(text.map(<[u8]>::to_vec).ok_or(
                    "description argument given to redis.register_function must be a string",
                )?);
            }
            b"callback" => {
                if stack.kind(-1) != Kind::Function {
                    return Err("callback argument given to redis.register_function must be a \
                                function");
                }
                self.forget(stack);
                self.callback = Some(stack.make_ref());
                return Ok(());
            }
            b"flags" => {
                if stack.kind(-1) != Kind::Table {
                    return Err("flags argument to redis.register_function must be a table \
                                representing function flags");
                }
                self.flags = read_flags(stack).ok_or("unknown flag given")?;
            }
            _ => return Err("unknown argument given to redis.register_function"),
        }
        stack.pop(1);
        Ok(())
    }

    fn forget(&mut self, stack: &mut Stack) {
        if let Some(callback) = self.callback.take() {
            stack.drop_ref(callback);
        }
    }
}

/// The flags in the list on top of the stack; `None` if one is unknown.
fn read_flags(stack: &mut Stack) -> Option<u64> {
    let mut flags = 0;
    for idx in 1.. {
        stack.raw_get_index(-1, idx);
        if stack.kind(-1) == Kind::Nil {
            stack.pop(1);
            break;
        }
        let found = stack.text(-1).and_then(|name| {
            let same = |text: &str| text.as_bytes().eq_ignore_ascii_case(name);
            flags::NAMES.iter().find(|(_, text)| same(text))
        });
        stack.pop(1);
        flags |= found?.0;
    }
    Some(flags)
}
