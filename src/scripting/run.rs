//! Running a compiled script or function for a host: arguments in, result or error out.

use super::debugger::SharedSession;
use super::host::Host;
use super::lua::{Kind, Lua, Ref, Stack};
use super::sandbox::Kept;
use super::{convert, errors};

/// Instructions between two questions whether to go on.
const INTERRUPT_EVERY: i32 = 100_000;
/// Runs between two steps of the garbage collection. Lua collects by itself as the memory in use
/// grows; the steps see to it that what the last scripts left does not stay for long.
const GC_PERIOD: u32 = 500;
/// The size of a step, KiB of garbage.
const GC_STEP: i32 = 50;

/// A compiled function to run.
pub struct Job<'a> {
    pub function: Ref,
    /// Name for messages: the script's SHA-1, or the function's name.
    pub name: &'a [u8],
    pub keys: &'a [&'a [u8]],
    pub args: &'a [&'a [u8]],
    /// Keys and arguments are the globals KEYS and ARGV; otherwise they are arguments.
    pub eval: bool,
    /// It can be interrupted.
    pub interrupts: bool,
    /// It is debugged; then nothing else interrupts it.
    pub session: Option<SharedSession>,
}

/// Steps of the garbage collection, every now and then.
#[derive(Debug, Default)]
pub struct GcCounter(u32);

impl GcCounter {
    /// Something was compiled or has run.
    pub fn count(&mut self, lua: &Lua) {
        self.0 += 1;
        if self.0 >= GC_PERIOD {
            self.0 = 0;
            lua.collect_step(GC_STEP);
        }
    }
}

/// Runs it; the result or the error goes to the host's reply.
pub fn run(lua: &Lua, kept: &Kept, host: &mut dyn Host, job: &Job<'_>) {
    if job.interrupts {
        lua.set_interrupts(INTERRUPT_EVERY);
    }
    if job.session.is_some() {
        lua.set_session(job.session.clone(), INTERRUPT_EVERY);
    }
    lua.enter(host, |stack| {
        prepare(stack, kept, job);
        let handler = if job.eval { stack.top() - 1 } else { stack.top() - 3 };
        let outcome = stack.pcall(if job.eval { 0 } else { 2 }, 1, handler);
        stack.with_host(|stack, host| match outcome {
            Ok(()) => convert::reply_with_result(stack, host),
            Err(_) => reply_with_error(stack, host, job.name),
        });
    });
    if job.interrupts {
        lua.set_interrupts(0);
    }
    if job.session.is_some() {
        lua.set_session(None, 0);
    }
}

/// Pushes the error handler, the function and its arguments.
fn prepare(stack: &mut Stack, kept: &Kept, job: &Job<'_>) {
    // A script may have replaced the globals of the main thread (setfenv of level 0).
    stack.push_ref(kept.globals);
    stack.set_globals();
    stack.push_ref(kept.handler);
    stack.push_ref(job.function);
    push_list(stack, job.keys);
    if job.eval {
        stack.set_protected_global_ref(kept.keys);
    }
    push_list(stack, job.args);
    if job.eval {
        stack.set_protected_global_ref(kept.argv);
    }
}

fn push_list(stack: &mut Stack, list: &[&[u8]]) {
    stack.push_table(list.len(), 0);
    for (idx, item) in (1..).zip(list) {
        stack.push_bytes(item);
        stack.raw_set_index(-2, idx);
    }
}

fn reply_with_error(stack: &mut Stack, host: &mut dyn Host, name: &[u8]) {
    if stack.kind(-1) != Kind::Table {
        let message = stack.text(-1).unwrap_or(b"execution failure");
        let mut text = b"ERR Error running script ".to_vec();
        text.extend_from_slice(name);
        text.extend_from_slice(b", ");
        let end = memchr::memchr(0, message).unwrap_or(message.len());
        text.extend_from_slice(&message[..end.min(100)]);
        return host.reply_error(text, false);
    }
    let info = errors::info(stack);
    let mut text = info.message;
    if let (Some(source), Some(line)) = (&info.source, &info.line) {
        for part in [&b" script: "[..], name, b", on ", source, b":", line, &b"."[..]] {
            text.extend_from_slice(part);
        }
    }
    host.reply_error(text, info.counted);
}
