//! `ScriptHost`: what a running script reaches of the server. Commands of scripts pass rules of
//! their own instead of the gate's: most of those were applied to the script as a whole.

use super::Server;
use super::acl::check::check_command;
use super::acl::log::Context;
use super::call::call;
use super::client::Client;
use super::dispatch;
use crate::commands::spec::flag;
use crate::commands::table::CommandId;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::Reply;
use crate::scripting::Host;
use crate::scripting::debugger::SharedSession;
use crate::scripting::host::{Refused, Registered};

/// What a script may do.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    pub read_only: bool,
    pub allow_oom: bool,
    /// Its commands may use keys of several hash slots.
    pub allow_cross_slot: bool,
}

/// The server, for one script.
pub struct ScriptHost<'a> {
    server: &'a mut Server,
    caller: &'a mut Client,
    /// Runs the script's commands.
    client: Box<Client>,
    /// EVAL or FCALL, for those who ask what runs.
    command: Args<'a>,
    /// In a cluster: the slot of the keys so far, the declared ones first.
    slot: Option<u16>,
    /// The script is debugged.
    session: Option<SharedSession>,
}

impl<'a> ScriptHost<'a> {
    pub fn new(
        server: &'a mut Server,
        caller: &'a mut Client,
        client: Box<Client>,
        command: Args<'a>,
        session: Option<SharedSession>,
    ) -> ScriptHost<'a> {
        let slot = server.declared_slot(command);
        ScriptHost { server, caller, client, command, slot, session }
    }

    /// The script is over.
    pub fn into_client(self) -> Box<Client> {
        self.client
    }

    /// Why the script may not write anything.
    fn refuses_writes(&self) -> Option<ReplyError> {
        if self.server.is_readonly_for(self.caller) {
            return Some(ReplyError::READONLY);
        }
        let disk = self.server.disk_error().filter(|_| !self.caller.must_obey());
        disk.or_else(|| (!self.server.has_good_replicas()).then_some(ReplyError::NOREPLICAS))
    }

    /// The command, if the script may run it now.
    fn admit(&mut self, args: Args<'_>) -> Result<CommandId, (Option<CommandId>, ReplyError)> {
        let Ok(id) = dispatch::find(self.server, args) else {
            let error = ReplyError::fixed("ERR Unknown Redis command called from script");
            return Err((None, error));
        };
        let command = self.server.commands.get(id);
        let spec = command.spec;
        let refuse = |text: &'static str| Err((Some(id), ReplyError::fixed(text)));
        if !command.takes(args.len()) {
            return refuse("ERR Wrong number of args calling Redis command from script");
        }
        if spec.flags & flag::NOSCRIPT != 0 && !self.server.debug.disable_deny_scripts {
            return refuse("ERR This Redis command is not allowed from script");
        }
        let Some(running) = self.server.scripts.running.as_ref() else {
            return refuse("ERR no script runs");
        };
        let (verdict, wrote) = (running.verdict, running.wrote);
        if spec.flags & flag::STALE == 0 && self.server.is_stale() {
            return refuse("ERR Can not execute the command on a stale replica");
        }
        let acl = self.server.check_acl(&self.client, self.caller, id, args, Context::Lua);
        if let Err(refused) = acl {
            let text = [b"ERR ACL failure in script: ", &refused.message[..]].concat();
            return Err((Some(id), ReplyError::new(text)));
        }
        if verdict.read_only && spec.flags & (flag::WRITE | flag::MAY_REPLICATE) != 0 {
            return refuse("ERR Write commands are not allowed from read-only scripts.");
        }
        let obey = self.caller.must_obey();
        // Once it has written something, it cannot be stopped in the middle.
        if spec.flags & flag::WRITE != 0
            && !wrote
            && let Some(error) = self.refuses_writes()
        {
            return Err((Some(id), error));
        }
        let short = self.server.config.maxmemory != 0 && self.server.eviction.out_of_memory;
        if short && !obey && !wrote && !verdict.allow_oom && spec.flags & flag::DENYOOM != 0 {
            return Err((Some(id), ReplyError::OOM));
        }
        if self.server.cluster.is_some() && !obey {
            self.check_slot(id, args, verdict.allow_cross_slot)
                .map_err(|error| (Some(id), error))?;
        }
        Ok(id)
    }
}

impl ScriptHost<'_> {
    /// A script works on keys of this node, and unless it may do otherwise of one slot.
    fn check_slot(&mut self, id: CommandId, args: Args<'_>, allow_cross: bool) -> CmdResult {
        let slot = self.server.route_in_script(self.caller, id, args)?;
        match (self.slot, slot) {
            (Some(before), Some(now)) if before != now && !allow_cross => Err(ReplyError::fixed(
                "ERR Script attempted to access keys that do not hash to the same slot",
            )),
            (None, Some(now)) if !allow_cross => {
                self.slot = Some(now);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Host for ScriptHost<'_> {
    fn call(&mut self, argv: &[&[u8]]) -> Result<(), Refused> {
        self.client.reply.truncate(0);
        if let Some(session) = &self.session {
            session.borrow_mut().log_command(argv);
        }
        let id = match self.admit(Args(argv)) {
            Ok(id) => id,
            Err((id, error)) => {
                self.server.count_error(&error);
                if let Some(id) = id {
                    self.server.stats.commands[usize::from(id.0)].rejected += 1;
                }
                // It is the command's error, not the script's.
                self.server.exec.errors_charged = self.server.exec.errors;
                return Err(Refused([b"-", error.text()].concat()));
            }
        };
        if self.server.commands.get(id).spec.flags & flag::WRITE != 0
            && let Some(running) = self.server.scripts.running.as_mut()
        {
            running.wrote = true;
        }
        self.client.last_command = Some(id);
        call(&mut Ctx { server: self.server, client: &mut self.client }, id, Args(argv));
        Ok(())
    }

    fn command_reply(&self) -> &[u8] {
        let reply = self.client.reply.as_bytes();
        if let Some(session) = &self.session
            && !reply.starts_with(b"-")
        {
            // An error is logged after what it becomes for the script.
            session.borrow_mut().log_reply(reply);
        }
        reply
    }

    fn set_resp3(&mut self, on: bool) {
        self.client.reply.set_resp3(on);
    }

    fn is_resp3(&self) -> bool {
        self.client.reply.is_resp3()
    }

    fn set_repl(&mut self, targets: u8) {
        self.server.propagate.set_targets(targets);
    }

    fn acl_allows(&mut self, argv: &[&[u8]]) -> Option<bool> {
        let id = dispatch::find(self.server, Args(argv)).ok()?;
        let command = self.server.commands.get(id);
        Some(check_command(self.caller.user.as_deref(), command, Args(argv)).is_ok())
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        super::script::script_log(level, text);
    }

    fn interrupt(&mut self) -> Option<&'static str> {
        let ends = self.server.script_interrupt(self.command);
        ends.then_some("Script killed by user with SCRIPT KILL...")
    }

    fn register(&mut self, _function: Registered) -> Result<(), &'static str> {
        Err("redis.register_function can only be called on FUNCTION LOAD command")
    }

    fn reply(&mut self) -> &mut Reply {
        &mut self.caller.reply
    }

    fn reply_error(&mut self, text: Vec<u8>, counted: bool) {
        let error = ReplyError::new(text);
        if !counted {
            self.server.count_error(&error);
        } else if let Some(id) = self.server.exec.command {
            self.server.stats.commands[usize::from(id.0)].failed += 1;
        }
        self.caller.reply.error(&error);
    }
}
