//! Sessions of the Lua debugger: EVAL of a client that said SCRIPT DEBUG. With YES the script runs
//! in a forked child, which takes the client's connection over: nothing it does is ever seen here.
//! With SYNC it runs in the server itself, which serves nobody else meanwhile. Either way the
//! connection ends with the session.
//!
//! Not here: what happens within a session (`scripting::debugger`).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::Server;
use super::client::{Client, ClientFlags};
use super::connection::Flushed;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::strerror;
use crate::scripting::debugger::Session;

/// How long a write to the person may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a script runs without a stop if `busy-reply-threshold` does not say it.
const DEFAULT_TIMEOUT_MS: u64 = 5000;

impl Server {
    /// Debugs the script of EVAL's arguments, which `run` runs.
    pub fn debug_script(
        ctx: &mut Ctx<'_>,
        args: Args<'_>,
        run: impl FnOnce(&mut Ctx<'_>) -> CmdResult,
    ) -> CmdResult {
        if ctx.client.flags.has(ClientFlags::DEBUG_SYNC) {
            ctx.server.log_notice("Redis synchronous debugging eval session started");
            let result = run_session(ctx, args, run);
            ctx.server.log_notice("Redis synchronous debugging eval session ended");
            if let Some(conn) = ctx.client.conn.as_ref() {
                conn.stream.unblock().map_err(|e| ReplyError::err(strerror(&e)))?;
            }
            // The end of the connection is the end of the session.
            ctx.client.flags.set(ClientFlags::CLOSE_AFTER_REPLY);
            return result;
        }
        let Ctx { server, client } = ctx;
        let spawned = server.spawn_debugger(|server| {
            server.log_notice("Redis forked for debugging eval");
            if let Err(error) = run_session(&mut Ctx { server, client }, args, run) {
                client.reply.error(&error);
            }
            write_all(client);
            server.log_notice("Lua debugging session child exiting");
        });
        if let Err(e) = spawned {
            return Err(ReplyError::new(format!(
                "ERR Fork() failed: can't run EVAL in debugging mode: {}",
                strerror(&e)
            )));
        }
        hand_over(server, client);
        Ok(())
    }
}

/// Runs the script in a session of its own, from the first stop to the last word.
fn run_session(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    run: impl FnOnce(&mut Ctx<'_>) -> CmdResult,
) -> CmdResult {
    let Some(conn) = ctx.client.conn.as_ref() else {
        return Err(ReplyError::fixed("ERR scripts are debugged over a connection"));
    };
    let socket = conn.stream.blocking_clone(WRITE_TIMEOUT);
    let socket = socket.map_err(|e| ReplyError::err(strerror(&e)))?;
    let timeout_ms = match ctx.server.config.busy_reply_threshold {
        0 => DEFAULT_TIMEOUT_MS,
        threshold_ms => threshold_ms,
    };
    let session = Session::new(args[1], Box::new(socket), Duration::from_millis(timeout_ms));
    let session = Rc::new(RefCell::new(session));
    ctx.server.scripts.session = Some(Rc::clone(&session));
    let result = run(ctx);
    // It is still there if the script did not compile.
    ctx.server.scripts.session = None;
    session.borrow_mut().end();
    result
}

/// In the child: the last reply. A connection that does not take it is not worth waiting for.
fn write_all(client: &mut Client) {
    if client.replies_discarded() {
        return;
    }
    let Some(conn) = client.conn.as_mut() else { return };
    while let Ok((_, Flushed::TurnOver)) = conn.flush(client.reply.buffer_mut()) {}
}

/// In the parent: the connection belongs to the child now.
fn hand_over(server: &mut Server, client: &mut Client) {
    client.flags.clear(ClientFlags::DEBUG);
    client.flags.set(ClientFlags::HANDED_OVER);
    if let (Some(registry), Some(conn)) = (&server.registry, client.conn.as_mut()) {
        // The child's descriptor would keep it registered. If it is not, nothing is lost.
        let _ = registry.deregister(conn.stream.source());
    }
    server.close_later(client);
}
