//! `call`: runs a command that may run, and keeps the books: time, statistics, errors, slow log,
//! propagation, what blocked clients need to run again.

use super::Server;
use super::client::{Client, ClientFlags};
use crate::commands::args::with_owned;
use crate::commands::spec::flag;
use crate::commands::table::CommandId;
use crate::commands::{Args, Ctx, ReplyError};
use crate::sys::noted::OuterArgs;

/// State of the execution that is under way.
#[derive(Default)]
pub struct Exec {
    /// The checked-out client on whose behalf commands run; 0 = none.
    pub client: u64,
    pub resp3: bool,
    /// Its CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// EXEC runs its queue.
    pub in_exec: bool,
    /// Calls within calls: EXEC, scripts.
    pub depth: u32,
    /// The client is our master: expired keys are there for it.
    pub from_master: bool,
    /// Pushes for the client itself, sent after the reply of its command.
    pub push_reply: crate::protocol::reply::Reply,
    /// The client that is checked out while blocked clients are served; 0 = none.
    pub parked: u64,
    /// What those send to it.
    pub parked_reply: crate::protocol::reply::Reply,
    pub command: Option<CommandId>,
    /// For the crash report.
    pub current: super::crash::CurrentCommand,
    /// Offset of the replication stream before the outermost command.
    pub offset_before: i64,
    /// Of a command in a pipeline.
    pub key_memo: super::look_ahead::KeyMemo,
    /// Error replies so far.
    pub errors: u64,
    /// How many of them have been counted for a command that failed.
    pub errors_charged: u64,
    /// Arguments of the running command that slow log and MONITOR must not show.
    pub redacted: Vec<usize>,
}

/// How things stood before a command ran.
struct Before {
    dirty: u64,
    reply_len: usize,
    db: usize,
}

/// Runs the command, writes its error if it fails, accounts for it.
pub fn call(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>) {
    let command = ctx.server.commands.get(id);
    let (spec, special) = (command.spec, command.special);
    let outer = enter(ctx, id, args);
    let start_us = ctx.server.clock.command_start_us();
    let before =
        Before { dirty: ctx.server.dirty, reply_len: ctx.client.reply.len(), db: ctx.client.db };
    // Errors of commands within this one are theirs, not this one's.
    ctx.server.exec.errors_charged = ctx.server.exec.errors;

    if let Err(error) = (spec.handler)(ctx, args) {
        reply_error(ctx, &error);
    }
    let us = ctx.server.clock.command_end_us() - start_us;
    if special {
        ctx.server.note_special();
    }
    if ctx.server.special || ctx.client.is_special() {
        tell(ctx, id, args, &before);
    }
    if ctx.client.flags.has(ClientFlags::BLOCKED) {
        remember_blocked(ctx.client, id, args, us);
    } else {
        account(ctx, id, args, us);
    }
    ctx.server.exec.redacted.clear();
    leave(ctx, outer);
}

#[cold]
fn reply_error(ctx: &mut Ctx<'_>, error: &ReplyError) {
    ctx.server.count_error(error);
    if ctx.client.flags.has(ClientFlags::MASTER.and(ClientFlags::REPLICA)) {
        ctx.server.error_on_link(ctx.client, error);
    }
    ctx.client.reply.error(error);
}

/// Tells those who want to know that a command ran.
#[inline(never)]
fn tell(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>, before: &Before) {
    // Asked after the command: CLIENT REPLY ON answers, CLIENT REPLY OFF does not.
    if ctx.client.replies_discarded() {
        ctx.client.reply.truncate(before.reply_len);
    }
    if !ctx.server.monitors.is_empty() {
        feed_monitors(ctx, id, before.db, args);
    }
    // Saving and loading set it to 0, which is no change.
    let changed = ctx.server.dirty > before.dirty;
    if ctx.server.propagate.concerns(changed) {
        ctx.server.propagate_command(ctx.client.db, args.0, changed);
    }
    ctx.server.note_durability(ctx.client, id, args, (before.reply_len, changed));
    if ctx.server.tracking.active {
        ctx.server.track_command(ctx.client, id, args);
    }
}

/// After the command, so that EXEC comes after the commands of its queue; a blocked command that
/// runs again was shown when it was sent.
fn feed_monitors(ctx: &mut Ctx<'_>, id: CommandId, db: usize, args: Args<'_>) {
    let hidden = ctx.server.commands.get(id).spec.flags & (flag::SKIP_MONITOR | flag::ADMIN) != 0;
    if !hidden && !ctx.client.flags.has(ClientFlags::REEXECUTING) {
        ctx.server.feed_monitors(ctx.client, db, args);
    }
}

/// What ran when a command began.
struct Outer {
    command: Option<CommandId>,
    args: OuterArgs,
}

#[inline(always)]
fn enter(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>) -> Outer {
    let exec = &mut ctx.server.exec;
    exec.depth += 1;
    if exec.depth == 1 {
        exec.current.client.note(ctx.client);
        exec.client = ctx.client.id;
        exec.resp3 = ctx.client.reply.is_resp3();
        exec.no_touch = ctx.client.no_touch();
        exec.from_master = ctx.client.must_obey();
        exec.offset_before = ctx.server.replication.stream.end();
        ctx.server.clock.cmd_time_ms = ctx.server.clock.now_ms;
    }
    Outer { command: exec.command.replace(id), args: exec.current.args.note(args.0) }
}

#[inline(always)]
fn leave(ctx: &mut Ctx<'_>, outer: Outer) {
    ctx.server.exec.depth -= 1;
    if ctx.server.exec.depth == 0 {
        ctx.server.flush_pushes(ctx.client);
        ctx.server.exec.client = 0;
        ctx.server.exec.current.client.clear();
        ctx.server.exec.from_master = false;
        ctx.server.propagate_now();
        let offset = ctx.server.master_repl_offset();
        if offset != ctx.server.exec.offset_before {
            ctx.client.write_offset = offset;
        }
    }
    ctx.server.exec.current.args.restore(outer.args);
    ctx.server.exec.command = outer.command;
}

fn account(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>, us: u64) {
    let Ctx { server, client } = ctx;
    let spec = server.commands.get(id).spec;
    let failed = server.exec.errors != server.exec.errors_charged;
    server.exec.errors_charged = server.exec.errors;
    server.stats.commands_processed += 1;
    if server.exec.depth == 1 {
        server.stats.eventloop_duration_cmd_us += us;
    }
    client.commands_processed += 1;
    let total_us = us + std::mem::take(&mut client.blocked_duration_us);
    let stats = &mut server.stats.commands[usize::from(id.0)];
    stats.calls += 1;
    stats.usec += total_us;
    stats.failed += u64::from(failed);
    if server.config.latency_tracking {
        stats.latency.get_or_insert_with(Default::default).record(total_us);
    }
    if server.config.latency_monitor_threshold != 0 {
        let event = if spec.flags & flag::FAST != 0 { "fast-command" } else { "command" };
        server.latency_add_if_needed(event, total_us as i64 / 1000);
    }
    let threshold = server.config.slowlog_log_slower_than;
    if threshold >= 0
        && total_us as i64 >= threshold
        && spec.flags & flag::SKIP_SLOWLOG == 0
        && server.config.slowlog_max_len > 0
    {
        server.slowlog_push(client, args, total_us);
    }
}

fn remember_blocked(client: &mut Client, id: CommandId, args: Args<'_>, us: u64) {
    client.blocked_duration_us += us;
    if let Some(blocked) = client.blocked.as_mut()
        && blocked.command.is_none()
    {
        blocked.command = Some(id);
        // A handler may have given other arguments: `$` of XREAD means the time of the call.
        if blocked.argv.is_empty() {
            blocked.argv = args.iter().map(|arg| Box::from(*arg)).collect();
        }
    }
}

impl Server {
    /// Sends the client the pushes that its own command caused, after the command's reply. CLIENT
    /// REPLY OFF does not hold pushes back.
    #[inline(always)]
    pub fn flush_pushes(&mut self, client: &mut Client) {
        if !self.exec.push_reply.is_empty() {
            self.flush_some_pushes(client);
        }
    }

    #[cold]
    fn flush_some_pushes(&mut self, client: &mut Client) {
        let pushed = std::mem::take(self.exec.push_reply.buffer_mut());
        if !client.flags.has(ClientFlags::CLOSE_ASAP) {
            client.reply.raw(&pushed);
        }
    }

    /// A blocked command is over without having run again: it timed out, or was unblocked with an
    /// error (`failed`).
    pub fn account_blocked(&mut self, client: &mut Client, id: CommandId, failed: bool) {
        let stats = &mut self.stats.commands[usize::from(id.0)];
        stats.calls += 1;
        stats.usec += std::mem::take(&mut client.blocked_duration_us);
        stats.failed += u64::from(failed);
        self.stats.commands_processed += 1;
        client.commands_processed += 1;
    }

    /// A blocked command may not run any more.
    fn refuse_blocked(&mut self, client: &mut Client, id: CommandId, error: &ReplyError) {
        self.stats.commands[usize::from(id.0)].rejected += 1;
        self.count_error(error);
        if !client.replies_discarded() {
            client.reply.error(error);
        }
    }

    /// Counts an error reply under its code.
    pub fn count_error(&mut self, error: &ReplyError) {
        self.exec.errors += 1;
        if self.stats.count_error(error.code()) {
            self.log_errorstats_overflow();
        }
    }

    /// Runs the stored command of a blocked client.
    pub fn run_blocked_command(
        &mut self,
        client: &mut Client,
        command: CommandId,
        argv: &[Box<[u8]>],
    ) {
        self.clock.update();
        with_owned(argv, |args| {
            let ctx = &mut Ctx { server: self, client };
            // The user may have lost the permission while the client waited.
            if ctx.client.is_restricted()
                && let Err(refused) = ctx.server.check_own_acl(ctx.client, command, args)
            {
                return ctx.server.refuse_blocked(ctx.client, command, &refused.into_error());
            }
            call(ctx, command, args);
        });
    }
}
