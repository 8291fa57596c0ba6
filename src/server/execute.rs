//! Running a command that comes from no socket: the append only file. The commands were accepted
//! when they were written, so no rule of the gate applies; only what a handler relies on is
//! checked.
//!
//! Invariant: nothing that runs here is propagated, and no reply is left in the client.

use super::Server;
use super::client::{Client, ClientFlags};
use super::dispatch;
use super::transaction::Queued;
use crate::commands::spec::Handler;
use crate::commands::{Args, Ctx, ReplyError};

/// Id of the client that runs the append only file's commands.
pub const CLIENT_ID_AOF: u64 = u64::MAX;

/// Why a command cannot run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotExecutable {
    UnknownCommand,
    WrongArity,
}

impl Server {
    /// A client for [`execute`](Server::execute).
    pub fn aof_client(&self) -> Client {
        let mut client = Client::new(CLIENT_ID_AOF, None, self.clock.now_ms);
        // Nobody could unblock it.
        client.flags.set(ClientFlags::DENY_BLOCKING.and(ClientFlags::AUTHENTICATED));
        client
    }

    /// Runs a command, or queues it between MULTI and EXEC.
    pub fn execute(&mut self, client: &mut Client, args: Args<'_>) -> Result<(), NotExecutable> {
        let id = dispatch::find(self, args).map_err(|_| NotExecutable::UnknownCommand)?;
        let command = self.commands.get(id);
        let spec = command.spec;
        if !command.takes(args.len()) {
            return Err(NotExecutable::WrongArity);
        }
        if client.flags.has(ClientFlags::MULTI) && spec.name != "exec" {
            let argv = args.iter().map(|arg| Box::from(*arg)).collect();
            client.multi.get_or_insert_default().queue.push(Queued { command: id, argv });
            return Ok(());
        }
        self.run_unseen(client, spec.handler, args);
        Ok(())
    }

    fn run_unseen(&mut self, client: &mut Client, handler: Handler, args: Args<'_>) {
        let errors = self.exec.errors;
        self.exec.depth += 1;
        let result = handler(&mut Ctx { server: self, client }, args);
        self.exec.depth -= 1;
        if let Err(error) = result {
            self.count_error(&error);
            self.report_unexpected_error(&error, args);
        } else if self.exec.errors != errors {
            // Of a command of a transaction.
            let reply = String::from_utf8_lossy(client.reply.as_bytes()).into_owned();
            let line = reply.lines().find_map(|line| line.strip_prefix('-'));
            self.report_unexpected_error(&ReplyError::new(line.unwrap_or_default()), args);
        }
        client.reply.truncate(0);
        self.exec.push_reply.truncate(0);
    }

    /// A command that once succeeded fails now: the data differs from what it was.
    #[cold]
    fn report_unexpected_error(&mut self, error: &ReplyError, args: Args<'_>) {
        let name = String::from_utf8_lossy(args[0]).to_lowercase();
        self.log_warning(&format!(
            "== CRITICAL == This server is sending an error to its AOF-loading-client: '{}' after \
             processing the command '{name}'",
            String::from_utf8_lossy(error.text())
        ));
    }
}
