//! From argv to a command that runs: look-up, arity, the gate, MULTI queueing, `call`.

use super::Server;
use super::call::call;
use super::client::{Client, ClientFlags};
use super::cluster::is_redirect;
use super::gate::{self, Candidate};
use super::transaction::Queued;
use crate::commands::spec::flag;
use crate::commands::table::{Command, CommandId};
use crate::commands::{Args, Ctx, ReplyError};

/// Commands that run at once even between MULTI and EXEC.
const NOT_QUEUED: &[&str] = &["exec", "discard", "multi", "watch", "quit", "reset"];

/// Runs one command of a client, or queues it, or refuses it, or holds it back. `known`: what its
/// name was found to mean before.
#[inline]
pub fn process_command(
    server: &mut Server,
    client: &mut Client,
    args: Args<'_>,
    known: Option<CommandId>,
) {
    let found = match known {
        Some(known) => known,
        None => match server.commands.lookup(args[0]) {
            Some(command) if command.subcommands.is_empty() => command.id,
            _ => match find(server, args) {
                Ok(found) => found,
                Err(error) => return refuse_unknown(server, client, args, &error),
            },
        },
    };
    client.last_command = Some(found);
    let command = server.commands.get(found);
    if !command.takes(args.len()) {
        let error = ReplyError::wrong_arity(&command.full_name);
        return reject(server, client, Some(found), &error);
    }
    debug_assert!(server.special || !server.is_special_now());
    if (server.special || command.special || client.is_special())
        && !admit(server, client, found, args)
    {
        return;
    }
    server.lend_reply_buffer(client);
    call(&mut Ctx { server, client }, found, args);
    if server.blocking.has_ready() && !server.scripts.is_busy() {
        server.handle_clients_blocked_on_keys_except(client);
    }
}

/// Something special goes on: asks whoever has a say. False if the command does not run now.
#[inline(never)]
fn admit(server: &mut Server, client: &mut Client, found: CommandId, args: Args<'_>) -> bool {
    let spec = server.commands.get(found).spec;
    if spec.flags & flag::PROTECTED != 0
        && let Err(error) = server.protected_command_allowed(client, spec.name)
    {
        reject(server, client, Some(found), &error);
        return false;
    }
    if server.config.maxmemory_clients != 0 {
        server.evict_clients(Some(client));
        if client.flags.has(ClientFlags::CLOSE_ASAP) {
            return false;
        }
    }
    if server.needs_gate(client)
        && let Err(error) = pass_gate(server, client, found, args)
    {
        reject(server, client, Some(found), &error);
        return false;
    }
    if server.pause.is_active() && server.postpone_if_paused(client, found, args) {
        return false;
    }
    if client.flags.has(ClientFlags::MULTI) && !NOT_QUEUED.contains(&spec.name) {
        queue(server, client, found, args);
        return false;
    }
    true
}

#[cold]
fn refuse_unknown(server: &mut Server, client: &mut Client, args: Args<'_>, error: &ReplyError) {
    client.last_command = None;
    if is_attack(args) && server.commands.lookup(args[0]).is_none() {
        return server.refuse_attack(client);
    }
    reject(server, client, None, error);
}

/// An HTTP request: somebody makes a browser talk to us.
fn is_attack(args: Args<'_>) -> bool {
    args[0].eq_ignore_ascii_case(b"post") || args[0].eq_ignore_ascii_case(b"host:")
}

/// The command or sub-command that argv names.
pub(super) fn find(server: &Server, args: Args<'_>) -> Result<CommandId, ReplyError> {
    let Some(command) = server.commands.lookup(args[0]) else {
        return Err(gate::unknown_command(args));
    };
    if command.subcommands.is_empty() {
        return Ok(command.id);
    }
    find_sub(server, command, args)
}

fn find_sub(server: &Server, command: &Command, args: Args<'_>) -> Result<CommandId, ReplyError> {
    let Some(name) = args.get(1) else {
        // Containers that are commands themselves (COMMAND) run; others miss an argument.
        return Ok(command.id);
    };
    match server.commands.lookup_sub(command, name) {
        Some(sub) => Ok(sub.id),
        None => Err(gate::unknown_subcommand(command, args)),
    }
}

/// What the rules do (evict keys, say) may send messages to this very client.
fn pass_gate(
    server: &mut Server,
    client: &mut Client,
    id: CommandId,
    args: Args<'_>,
) -> Result<(), ReplyError> {
    server.exec.client = client.id;
    server.exec.resp3 = client.reply.is_resp3();
    let spec = server.commands.get(id).spec;
    let flags = server.effective_flags(spec, args);
    let candidate = Candidate { spec, flags, id, args };
    let result = gate::check(server, client, &candidate);
    server.flush_pushes(client);
    server.exec.client = 0;
    result
}

/// Answers with an error before the command ran. A transaction in progress will not execute.
fn reject(server: &mut Server, client: &mut Client, id: Option<CommandId>, error: &ReplyError) {
    if client.flags.has(ClientFlags::MULTI) {
        client.flags.set(ClientFlags::DIRTY_EXEC);
    } else {
        server.tracking.forget_caching(client.id);
    }
    if let Some(id) = id {
        server.stats.commands[usize::from(id.0)].rejected += 1;
        let is_exec = server.commands.get(id).spec.name == "exec";
        if is_exec && is_redirect(error) {
            server.discard_transaction(client);
        } else if is_exec {
            return server.exec_refused(client, error);
        }
    }
    server.count_error(error);
    if client.flags.has(ClientFlags::MASTER.and(ClientFlags::REPLICA)) {
        server.error_on_link(client, error);
    }
    if !client.replies_discarded() {
        client.reply.error(error);
    }
}

fn queue(server: &mut Server, client: &mut Client, id: CommandId, args: Args<'_>) {
    let spec = server.commands.get(id).spec;
    if spec.flags & flag::NO_MULTI != 0 {
        let error = ReplyError::fixed("ERR Command not allowed inside a transaction");
        return reject(server, client, Some(id), &error);
    }
    // A doomed transaction only remembers that it is doomed.
    let touched = !server.watches.is_empty() && server.watches.is_touched(client.id);
    if !touched && !client.flags.has(ClientFlags::DIRTY_EXEC) {
        // Those of a script, if it declares some.
        let flags = server.effective_flags(spec, args);
        let multi = client.multi.get_or_insert_with(Default::default);
        multi.flags |= flags;
        multi.inverse_flags |= !flags;
        let argv: Vec<Box<[u8]>> = args.iter().map(|arg| Box::from(*arg)).collect();
        multi.argv_bytes += argv.iter().map(|arg| arg.len()).sum::<usize>();
        multi.queue.push(Queued { command: id, argv });
    }
    if !client.replies_discarded() {
        client.reply.simple("QUEUED");
    }
}

impl Server {
    /// DEBUG and MODULE are refused by default (`enable-debug-command`, `enable-module-command`).
    pub fn protected_command_allowed(&self, client: &Client, name: &str) -> Result<(), ReplyError> {
        let action = match name {
            "debug" => self.config.enable_debug_command,
            _ => self.config.enable_module_command,
        };
        let local = client.conn.as_ref().is_none_or(|conn| conn.is_local());
        if action.allows(local) {
            return Ok(());
        }
        Err(ReplyError::new(format!(
            "ERR {} command not allowed. If the {name} option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration \
             file, and then restart the server.",
            name.to_uppercase(),
            name = format_args!("enable-{name}-command"),
        )))
    }

    /// Serves blocked clients while `current` is checked out but runs no command: what they send
    /// to it waits until its own reply is complete.
    pub fn handle_clients_blocked_on_keys_except(&mut self, current: &mut Client) {
        self.exec.parked = current.id;
        self.exec.parked_reply.set_resp3(current.reply.is_resp3());
        self.handle_clients_blocked_on_keys();
        self.exec.parked = 0;
        if !self.exec.parked_reply.is_empty() {
            let pushed = std::mem::take(self.exec.parked_reply.buffer_mut());
            current.reply.raw(&pushed);
        }
    }

    /// EXEC was refused before it ran: the transaction is gone. Monitors saw MULTI, they see EXEC.
    pub fn exec_refused(&mut self, client: &mut Client, error: &ReplyError) {
        let reason = error.text().strip_prefix(b"ERR ").unwrap_or(error.text());
        let text = [b"EXECABORT Transaction discarded because of: ", reason].concat();
        let error = ReplyError::new(text);
        self.discard_transaction(client);
        self.count_error(&error);
        if !client.replies_discarded() {
            client.reply.error(&error);
        }
        if !self.monitors.is_empty() {
            self.feed_monitors(client, client.db, Args(&[b"exec"]));
        }
    }

    /// Forgets the queue, the watched keys and the flags of a transaction.
    pub fn discard_transaction(&mut self, client: &mut Client) {
        client.multi = None;
        client.flags.clear(ClientFlags::MULTI.and(ClientFlags::DIRTY_EXEC));
        self.watches.unwatch_all(client.id);
    }

    /// Closes a connection that speaks HTTP.
    fn refuse_attack(&mut self, client: &mut Client) {
        const LOG_INTERVAL_S: i64 = 60;
        let now = self.clock.now_s();
        if now - self.stats.last_attack_logged_s > LOG_INTERVAL_S {
            self.stats.last_attack_logged_s = now;
            let peer = client.conn.as_ref().and_then(|conn| conn.peer);
            let from = peer.map(|peer| format!(" from {}:{}", peer.ip(), peer.port()));
            self.log_warning(&format!(
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or \
                 Host: commands to Redis. This is likely due to an attacker attempting to use \
                 Cross Protocol Scripting to compromise your Redis instance. Connection{} aborted.",
                from.unwrap_or_default()
            ));
        }
        self.close_later(client);
    }
}
