//! MIGRATE: keys move to another server: RESTORE there, DEL here for each key that was taken.
//!
//! Invariant: a key is deleted here only after the other server has said that it has it.

use std::io;
use std::time::Duration;

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::persistence::rdb::object_save::dump_payload;
use crate::server::migrate::PeerSocket;

/// Used if the command gives none, ms.
const DEFAULT_TIMEOUT_MS: u64 = 1000;

/// The command, parsed.
struct Request<'a> {
    host: &'a [u8],
    port: &'a [u8],
    keys: Vec<&'a [u8]>,
    db: i64,
    timeout: Duration,
    copy: bool,
    replace: bool,
    username: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
}

/// What the other server said.
#[derive(Default)]
struct Answers<'a> {
    /// Keys that it has now.
    taken: Vec<&'a [u8]>,
    /// Its first error.
    refusal: Option<Vec<u8>>,
    /// Answers ended early.
    broken: Option<io::Error>,
}

/// MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password]
/// [KEYS key ...]
pub fn migrate(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mut request = parse(ctx, args)?;
    request.keys.retain(|key| ctx.lookup_read(key).is_some());
    if request.keys.is_empty() {
        ctx.client.reply.simple("NOKEY");
        return Ok(());
    }
    let mut may_retry = true;
    let answers = loop {
        match exchange(ctx, &request) {
            Ok(answers) => break answers,
            Err(Failure::Connecting) => {
                return Err(ReplyError::fixed("IOERR error or timeout connecting to the client"));
            }
            // A connection kept from before is often closed by the other side: a new one may do.
            Err(Failure::Talking(e, _)) if may_retry && e.kind() != io::ErrorKind::TimedOut => {
                ctx.server.migrate_sockets.close(request.host, request.port);
                may_retry = false;
            }
            Err(Failure::Talking(_, step)) => {
                ctx.server.migrate_sockets.close(request.host, request.port);
                return Err(broken_off(step));
            }
        }
    };
    if answers.broken.is_some() {
        ctx.server.migrate_sockets.close(request.host, request.port);
    }
    if !request.copy {
        delete_taken(ctx, &answers.taken);
    }
    if let Some(text) = answers.refusal {
        let text = String::from_utf8_lossy(&text);
        return Err(ReplyError::err(format!("Target instance replied with error: {text}")));
    }
    if answers.broken.is_some() {
        return Err(broken_off("reading"));
    }
    ctx.client.reply.ok();
    Ok(())
}

fn broken_off(step: &str) -> ReplyError {
    ReplyError::new(format!("IOERR error or timeout {step} to target instance"))
}

fn parse<'a>(ctx: &mut Ctx<'_>, args: Args<'a>) -> Result<Request<'a>, ReplyError> {
    let mut request = Request {
        host: args[1],
        port: args[2],
        keys: vec![args[3]],
        db: 0,
        timeout: Duration::ZERO,
        copy: false,
        replace: false,
        username: None,
        password: None,
    };
    let mut idx = 6;
    while idx < args.len() {
        let (option, more) = (args[idx], args.len() - 1 - idx);
        if is_option(option, "copy") {
            request.copy = true;
        } else if is_option(option, "replace") {
            request.replace = true;
        } else if is_option(option, "auth") && more >= 1 {
            request.password = Some(args[idx + 1]);
            ctx.server.redact_argument(idx + 1);
            idx += 1;
        } else if is_option(option, "auth2") && more >= 2 {
            (request.username, request.password) = (Some(args[idx + 1]), Some(args[idx + 2]));
            ctx.server.redact_argument(idx + 1);
            ctx.server.redact_argument(idx + 2);
            idx += 2;
        } else if is_option(option, "keys") {
            if !args[3].is_empty() {
                return Err(ReplyError::fixed(
                    "ERR When using MIGRATE KEYS option, the key argument must be set to the \
                     empty string",
                ));
            }
            request.keys = args[idx + 1..].to_vec();
            break;
        } else {
            return Err(ReplyError::SYNTAX);
        }
        idx += 1;
    }
    let timeout_ms = int(args[5])?;
    request.db = int(args[4])?;
    let timeout_ms = u64::try_from(timeout_ms).ok().filter(|ms| *ms > 0);
    request.timeout = Duration::from_millis(timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS));
    Ok(request)
}

/// Nothing was taken.
enum Failure {
    Connecting,
    /// While writing, or before the first answer.
    Talking(io::Error, &'static str),
}

fn exchange<'a>(ctx: &mut Ctx<'_>, request: &Request<'a>) -> Result<Answers<'a>, Failure> {
    let (mut query, sent) = restore_commands(ctx, request);
    let now_s = ctx.server.clock.now_s();
    let sockets = &mut ctx.server.migrate_sockets;
    let socket = sockets
        .get(request.host, request.port, request.timeout, now_s)
        .map_err(|_| Failure::Connecting)?;
    let select = socket.db != request.db;
    let mut prelude = Vec::new();
    match (request.username, request.password) {
        (Some(user), Some(password)) => command(&mut prelude, &[b"AUTH", user, password]),
        (None, Some(password)) => command(&mut prelude, &[b"AUTH", password]),
        _ => {}
    }
    if select {
        let db = request.db.to_string();
        command(&mut prelude, &[b"SELECT", db.as_bytes()]);
    }
    query.splice(..0, prelude);
    socket.send(&query, request.timeout).map_err(|e| Failure::Talking(e, "writing"))?;
    read_answers(socket, request, select, sent)
}

fn read_answers<'a>(
    socket: &mut PeerSocket,
    request: &Request<'a>,
    select: bool,
    sent: Vec<&'a [u8]>,
) -> Result<Answers<'a>, Failure> {
    let timeout = request.timeout;
    let reading = |e| Failure::Talking(e, "reading");
    let mut refusal = None;
    for expected in [request.password.is_some(), select] {
        if expected {
            let line = socket.read_line(timeout).map_err(reading)?;
            refusal = refusal.or(error_of(&line));
        }
    }
    let unprepared = refusal.is_some();
    let mut answers = Answers::default();
    for (nth, key) in sent.into_iter().enumerate() {
        match socket.read_line(timeout) {
            Ok(line) => match error_of(&line) {
                Some(text) => refusal = refusal.or(Some(text)),
                None if unprepared => {}
                None => answers.taken.push(key),
            },
            Err(e) if nth == 0 && !unprepared => return Err(reading(e)),
            Err(e) => {
                answers.broken = Some(e);
                break;
            }
        }
    }
    socket.db = if refusal.is_none() { request.db } else { -1 };
    answers.refusal = refusal;
    Ok(answers)
}

/// The text of an error reply.
fn error_of(line: &[u8]) -> Option<Vec<u8>> {
    Some(line.strip_prefix(b"-")?.to_vec())
}

/// RESTORE of each key that is not expired by now; and those keys.
fn restore_commands<'a>(ctx: &mut Ctx<'_>, request: &Request<'a>) -> (Vec<u8>, Vec<&'a [u8]>) {
    let now_ms = ctx.now_ms();
    let compress = ctx.server.config.rdbcompression;
    let name: &[u8] =
        if ctx.server.config.cluster_enabled { b"RESTORE-ASKING" } else { b"RESTORE" };
    let (mut query, mut sent) = (Vec::new(), Vec::new());
    for key in &request.keys {
        let Some(entry) = ctx.db().find(key) else { continue };
        let ttl_ms = match entry.expire() {
            None => 0,
            Some(at_ms) if at_ms < now_ms => continue,
            Some(at_ms) => (at_ms - now_ms).max(1),
        };
        let payload = dump_payload(&entry.value(), compress);
        let ttl = ttl_ms.to_string();
        let mut argv: Vec<&[u8]> = vec![name, key, ttl.as_bytes(), &payload];
        if request.replace {
            argv.push(b"REPLACE");
        }
        command(&mut query, &argv);
        sent.push(*key);
    }
    (query, sent)
}

fn command(query: &mut Vec<u8>, argv: &[&[u8]]) {
    query.extend_from_slice(format!("*{}\r\n", argv.len()).as_bytes());
    for arg in argv {
        query.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        query.extend_from_slice(arg);
        query.extend_from_slice(b"\r\n");
    }
}

/// Propagated as DEL of what was taken.
fn delete_taken(ctx: &mut Ctx<'_>, taken: &[&[u8]]) {
    if taken.is_empty() {
        return;
    }
    for key in taken {
        ctx.delete_key(key);
        ctx.notify(NotifyFlags::GENERIC, "del", key);
        ctx.dirty(1);
    }
    let argv: Vec<&[u8]> = [&b"DEL"[..]].into_iter().chain(taken.iter().copied()).collect();
    ctx.propagate_as(&argv);
}
