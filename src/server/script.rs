//! Scripts and functions in the server: their caches, the script that runs, whether it may run, and
//! what becomes of one that runs too long. How a script reaches commands is in `script_host`.
//!
//! Invariant: `running` is set exactly while a script runs; scripts do not run within scripts.

use std::rc::Rc;

use super::Server;
use super::client::{Client, ClientFlags};
use super::script_host::{ScriptHost, Verdict};
use crate::commands::spec::{CommandSpec, Group, flag};
use crate::commands::{Args, Ctx, ReplyError};
use crate::config::file::REDIS_VERSION;
use crate::protocol::reply::Reply;
use crate::scripting::cache::{Script, ScriptCache};
use crate::scripting::debugger::SharedSession;
use crate::scripting::functions::{Function, Functions};
use crate::scripting::redis_api::{REPL_AOF, REPL_REPLICAS};
use crate::scripting::run::{self, Job};
use crate::scripting::{Version, flags};

/// Scripts may always use this much memory, even on a small machine.
const MIN_MEMORY_LIMIT: u64 = 512 << 20;

/// So many scripts or functions are freed at once, even lazily.
const LAZY_THRESHOLD: usize = 64;

const BUSY_EVAL: ReplyError = ReplyError::fixed(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);
const BUSY_FUNCTION: ReplyError = ReplyError::fixed(
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
);

/// What runs.
#[derive(Clone)]
pub enum Target {
    Eval(Rc<Script>),
    Function(Rc<Function>),
}

impl Target {
    fn flags(&self) -> u64 {
        match self {
            Target::Eval(script) => script.flags,
            Target::Function(function) => function.flags,
        }
    }

    /// SHA-1 of a script, name of a function.
    pub fn name(&self) -> &[u8] {
        match self {
            Target::Eval(script) => &script.sha,
            Target::Function(function) => &function.name,
        }
    }
}

/// The script that runs.
pub struct Running {
    pub target: Target,
    /// us of the monotonic clock.
    started_us: u64,
    pub verdict: Verdict,
    /// It has run longer than `busy-reply-threshold`: clients are served meanwhile.
    pub busy: bool,
    /// Somebody wants it to end.
    killed: bool,
    /// It has run a write command: it can no more be ended.
    pub wrote: bool,
    /// It came from the master.
    obey: bool,
    /// The command that runs it; kept once it is busy.
    pub command: Vec<Box<[u8]>>,
}

impl Running {
    pub fn is_eval(&self) -> bool {
        matches!(self.target, Target::Eval(_))
    }
}

/// Scripts, functions, and what runs.
pub struct Scripts {
    pub eval: ScriptCache,
    pub functions: Functions,
    /// On whose behalf scripts run commands; `None` while one runs.
    client: Option<Box<Client>>,
    pub running: Option<Running>,
    /// The next script is debugged in this session.
    pub session: Option<SharedSession>,
}

fn version() -> Version {
    let mut parts = REDIS_VERSION.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    Version { text: REDIS_VERSION, number: next() << 16 | next() << 8 | next() }
}

/// Bytes of memory that an interpreter may use.
fn memory_limit() -> usize {
    let half = crate::sys::process::total_memory() / 2;
    usize::try_from(half.max(MIN_MEMORY_LIMIT)).unwrap_or(usize::MAX)
}

impl Scripts {
    pub fn new(now_ms: i64) -> Scripts {
        let limit = memory_limit();
        let mut client = Client::new(0, None, now_ms);
        client.flags.set(ClientFlags::SCRIPT.and(ClientFlags::DENY_BLOCKING));
        Scripts {
            eval: ScriptCache::new(&version(), limit),
            functions: Functions::new(version(), limit),
            client: Some(Box::new(client)),
            running: None,
            session: None,
        }
    }

    /// A script runs too long: only a few commands are served.
    #[inline]
    pub fn is_busy(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.busy)
    }

    /// The answer to other commands while a script runs too long.
    pub fn busy_error(&self) -> Option<ReplyError> {
        let running = self.running.as_ref().filter(|running| running.busy)?;
        Some(if running.is_eval() { BUSY_EVAL } else { BUSY_FUNCTION })
    }

    /// Bytes of what is kept beside the interpreters.
    pub fn overhead_bytes(&self) -> usize {
        self.eval.overhead_bytes() + self.functions.overhead_bytes()
    }
}

impl Server {
    /// The flags of a command; of EVAL and FCALL those that the script declares, if it does.
    #[inline]
    pub fn effective_flags(&self, spec: &CommandSpec, args: Args<'_>) -> u64 {
        if spec.group != Group::Scripting {
            return spec.flags;
        }
        self.declared_flags(spec, args).unwrap_or(spec.flags)
    }

    fn declared_flags(&self, spec: &CommandSpec, args: Args<'_>) -> Option<u64> {
        let found = match spec.name {
            "eval" | "eval_ro" => match self.scripts.eval.find_body(args[1]) {
                Some(script) => script.flags,
                None => flags::script_shebang(args[1]).ok()?.flags,
            },
            "evalsha" | "evalsha_ro" => self.scripts.eval.find_sha(args[1])?.flags,
            "fcall" | "fcall_ro" => self.scripts.functions.find(args[1])?.flags,
            _ => return None,
        };
        if found & flags::EVAL_COMPAT_MODE != 0 {
            return None;
        }
        let mut result =
            spec.flags & !(flag::STALE | flag::DENYOOM | flag::WRITE | flag::MAY_REPLICATE);
        // A script that writes nothing needs no memory.
        if found & (flags::ALLOW_OOM | flags::NO_WRITES) == 0 {
            result |= flag::DENYOOM;
        }
        if found & flags::NO_WRITES == 0 {
            result |= flag::WRITE;
        }
        if found & flags::ALLOW_STALE != 0 {
            result |= flag::STALE;
        }
        Some(result)
    }

    /// Compiles a script, or finds it. `by_eval`: it may be forgotten later.
    pub fn compile_script(&mut self, body: &[u8], by_eval: bool) -> Result<Rc<Script>, ReplyError> {
        match self.scripts.eval.add(body, by_eval) {
            Ok((script, evicted)) => {
                self.stats.evicted_scripts += evicted;
                Ok(script)
            }
            Err(text) => Err(ReplyError::err(text)),
        }
    }

    /// SCRIPT FLUSH.
    pub fn flush_scripts(&mut self, lazy: bool) {
        let count = self.scripts.eval.len();
        let emptied = self.scripts.eval.flush(&version(), memory_limit());
        if lazy && count > LAZY_THRESHOLD {
            self.lazyfree.send(Box::new(emptied), count as u64);
        }
    }

    /// FUNCTION FLUSH, and before a data set with functions of its own is loaded.
    pub fn flush_functions(&mut self, lazy: bool) {
        let (_, count) = self.scripts.functions.counts();
        let emptied = self.scripts.functions.flush();
        if lazy && count > LAZY_THRESHOLD {
            // The interpreter counts, too.
            self.lazyfree.send(Box::new(emptied), count as u64 + 1);
        }
    }

    /// Puts libraries, by their texts, in the place of those that are loaded; none if one of them
    /// cannot be loaded.
    pub fn replace_function_libraries(&mut self, codes: &[Vec<u8>]) -> Result<(), Vec<u8>> {
        self.scripts.functions.replace_all(codes, &mut script_log)
    }

    /// The texts of all function libraries, for RDB and AOF.
    pub fn function_codes(&self) -> Vec<Vec<u8>> {
        self.scripts.functions.libraries().map(|library| library.code.to_vec()).collect()
    }

    /// Loads a function library from its text and returns its name. `timeout_ms`: how long its code
    /// may run, 0 = for ever. `Err`: why not, without code.
    pub fn load_function_library(
        &mut self,
        code: &[u8],
        replace: bool,
        timeout_ms: u64,
    ) -> Result<Box<[u8]>, Vec<u8>> {
        self.scripts.functions.load_library(code, replace, timeout_ms, &mut script_log)
    }

    /// Runs a script or function with arguments `args` of a command, of which the first `keys` are
    /// keys. The reply is written.
    pub fn run_script(
        ctx: &mut Ctx<'_>,
        target: Target,
        command: Args<'_>,
        keys: usize,
        read_only: bool,
    ) -> Result<(), ReplyError> {
        let verdict = ctx.server.may_run_script(ctx.client, &target, read_only)?;
        let server = &mut *ctx.server;
        let Some(mut client) = server.scripts.client.take() else {
            return Err(ReplyError::fixed("ERR a script runs already"));
        };
        client.db = ctx.client.db;
        client.reply.set_resp3(false);
        client.user.clone_from(&ctx.client.user);
        server.scripts.running = Some(Running {
            target: target.clone(),
            started_us: server.clock.monotonic_us(),
            verdict,
            busy: false,
            killed: false,
            wrote: false,
            obey: ctx.client.must_obey(),
            command: Vec::new(),
        });
        let ((lua, kept), function) = match &target {
            Target::Eval(script) => (server.scripts.eval.interpreter(), script.function),
            Target::Function(f) => (server.scripts.functions.interpreter(), f.callback),
        };
        let (keys, args) = command[3..].split_at(keys);
        let eval = matches!(target, Target::Eval(_));
        let session = server.scripts.session.take();
        let interrupts = server.config.busy_reply_threshold > 0 && session.is_none();
        let name = target.name();
        let job = Job { function, name, keys, args, eval, interrupts, session: session.clone() };
        server.propagate.set_targets(REPL_AOF | REPL_REPLICAS);
        let mut host = ScriptHost::new(server, ctx.client, client, command, session);
        run::run(&lua, &kept, &mut host, &job);
        let mut client = host.into_client();
        drop((lua, kept));
        client.reply = shrunk(std::mem::take(&mut client.reply));
        let server = &mut *ctx.server;
        server.scripts.client = Some(client);
        server.scripts.running = None;
        server.propagate.set_targets(REPL_AOF | REPL_REPLICAS);
        match &target {
            Target::Eval(script) => server.scripts.eval.used(script),
            Target::Function(_) => server.scripts.functions.called(),
        }
        // What the script did has been collected command by command.
        ctx.propagate_nothing();
        Ok(())
    }

    /// Whether the script may run now, and what it may do.
    fn may_run_script(
        &mut self,
        caller: &Client,
        target: &Target,
        read_only: bool,
    ) -> Result<Verdict, ReplyError> {
        let found = target.flags();
        let compat = found & flags::EVAL_COMPAT_MODE != 0;
        let no_writes = found & flags::NO_WRITES != 0;
        let obey = caller.must_obey();
        if compat && self.is_stale() {
            return Err(ReplyError::MASTERDOWN);
        }
        if !compat {
            if found & flags::NO_CLUSTER != 0 && self.config.cluster_enabled {
                return Err(ReplyError::fixed(
                    "ERR Can not run script on cluster, 'no-cluster' flag is set.",
                ));
            }
            if self.is_stale() && found & flags::ALLOW_STALE == 0 {
                return Err(ReplyError::fixed(
                    "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' \
                     and 'allow-stale' flag is not set on the script.",
                ));
            }
            if !no_writes {
                if self.is_readonly_for(caller) {
                    return Err(ReplyError::fixed(
                        "READONLY Can not run script with write flag on readonly replica",
                    ));
                }
                self.script_may_write(obey, read_only)?;
            }
            if self.eviction.out_of_memory
                && self.config.maxmemory != 0
                && !obey
                && found & (flags::ALLOW_OOM | flags::NO_WRITES) == 0
            {
                return Err(ReplyError::fixed(
                    "OOM allow-oom flag is not set on the script, can not run it when used memory \
                     > 'maxmemory'",
                ));
            }
        }
        Ok(Verdict {
            read_only: read_only || !compat && no_writes,
            allow_oom: !compat && found & flags::ALLOW_OOM != 0,
            allow_cross_slot: compat || found & flags::ALLOW_CROSS_SLOT != 0,
        })
    }

    /// A script that may write is refused like a command that does.
    fn script_may_write(&mut self, obey: bool, read_only: bool) -> Result<(), ReplyError> {
        if !obey && self.disk_error().is_some() {
            if !self.aof.writes_denied {
                return Err(ReplyError::fixed(
                    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable \
                     to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for \
                     read only scripts.",
                ));
            }
            return Err(ReplyError::new(format!(
                "MISCONF Redis is configured to persist data to AOF, but it's currently unable to \
                 persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read \
                 only scripts. AOF error: {}",
                self.aof.disk_error()
            )));
        }
        if read_only {
            return Err(ReplyError::fixed(
                "ERR Can not execute a script with write flag using *_ro command.",
            ));
        }
        if !self.has_good_replicas() {
            return Err(ReplyError::NOREPLICAS);
        }
        Ok(())
    }

    /// SCRIPT KILL (`eval`) and FUNCTION KILL.
    pub fn kill_script(&mut self, eval: bool) -> Result<(), ReplyError> {
        let Some(running) = self.scripts.running.as_mut() else {
            return Err(ReplyError::fixed("NOTBUSY No scripts in execution right now."));
        };
        if running.obey {
            return Err(ReplyError::fixed(
                "UNKILLABLE The busy script was sent by a master instance in the context of \
                 replication and cannot be killed.",
            ));
        }
        if running.wrote {
            return Err(ReplyError::fixed(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. \
                 You can either wait the script termination or kill the server in a hard way using \
                 the SHUTDOWN NOSAVE command.",
            ));
        }
        match (eval, running.is_eval()) {
            (true, false) => Err(BUSY_FUNCTION),
            (false, true) => Err(BUSY_EVAL),
            _ => {
                running.killed = true;
                Ok(())
            }
        }
    }

    /// How long the script has been running, ms.
    pub fn script_duration_ms(&self) -> u64 {
        let running = self.scripts.running.as_ref();
        running.map_or(0, |r| self.clock.monotonic_us().saturating_sub(r.started_us) / 1000)
    }

    /// Called while a script runs: serves clients if it takes long. True if it must end.
    pub fn script_interrupt(&mut self, command: Args<'_>) -> bool {
        let elapsed_ms = self.script_duration_ms();
        let threshold_ms = self.config.busy_reply_threshold;
        let Some(running) = self.scripts.running.as_mut() else { return false };
        if !running.busy {
            if elapsed_ms < threshold_ms {
                return false;
            }
            running.busy = true;
            running.command = command.iter().map(|arg| Box::from(*arg)).collect();
            let kill = if running.is_eval() { "SCRIPT KILL" } else { "FUNCTION KILL" };
            let name = String::from_utf8_lossy(running.target.name()).into_owned();
            self.log_warning(&format!(
                "Slow script detected: still in execution after {elapsed_ms} milliseconds. You can \
                 try killing the script using the {kill} command. Script name is: {name}."
            ));
        }
        self.process_events_while_blocked();
        let killed = self.scripts.running.as_ref().is_some_and(|running| running.killed);
        if killed {
            self.log_notice("Lua script killed by user with SCRIPT KILL.");
        }
        killed || self.exit_status.is_some()
    }
}

/// `redis.log` while no client is served: a library is being loaded.
pub fn script_log(level: u8, text: &[u8]) {
    super::log::raw(level, &String::from_utf8_lossy(text));
}

/// A reply buffer that a big reply has blown up is not kept.
fn shrunk(mut reply: Reply) -> Reply {
    const KEPT_BYTES: usize = 64 * 1024;
    reply.truncate(0);
    if reply.buffer_mut().capacity() > KEPT_BYTES { Reply::new() } else { reply }
}
