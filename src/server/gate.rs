//! What may keep a command from running: an ordered list of small rules. The order is part of the
//! protocol: a client sees the error of the first rule that fails.

use super::Server;
use super::client::{Client, ClientFlags};
use crate::commands::spec::{CommandSpec, flag};
use crate::commands::table::{Command, CommandId};
use crate::commands::{Args, ReplyError};

/// A command about to run, as the rules see it.
pub struct Candidate<'a> {
    pub spec: &'static CommandSpec,
    /// The row's flags; of a script that declares its own, those.
    pub flags: u64,
    pub id: CommandId,
    pub args: Args<'a>,
}

/// `Err`: the command is refused (and a MULTI in progress is doomed).
type Rule = fn(&mut Server, &mut Client, &Candidate<'_>) -> Result<(), ReplyError>;

/// All rules, first to last.
const RULES: &[Rule] = &[
    // Nothing is told to strangers but that they are strangers.
    authenticated,
    // What a user may not do is refused before anything is done for it.
    permitted,
    // What belongs to another node is refused before anything is done for it.
    served_here,
    // Under memory pressure commands that would need more are refused; eviction is tried first.
    memory_is_available,
    // What cannot be made durable is not written. PING tells that, too.
    disk_takes_writes,
    // Its messages come before the reply of the command.
    tracking_table_fits,
    // Writes that too few replicas would have are refused,
    enough_replicas,
    // and so are all writes of clients to a replica that is not writable.
    replica_takes_writes,
    // RESP2 subscribers may only change their subscriptions: their connection carries messages.
    subscriber_context,
    // Old data is shown only if that is wanted.
    data_is_not_stale,
    // The data is not there yet; what does not need it is served.
    not_loading,
    // A script runs and does not end: nothing but what may end it.
    no_busy_script,
    // A replica gets the data set, it has no business with single keys.
    replicas_touch_no_keys,
];

/// Applies the rules.
pub fn check(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    RULES.iter().try_for_each(|rule| rule(server, client, c))
}

/// "ERR unknown command …" with the beginning of the arguments, as Redis prints it.
pub fn unknown_command(args: Args<'_>) -> ReplyError {
    let mut shown = Vec::new();
    for arg in &args[1..] {
        if shown.len() >= 128 {
            break;
        }
        let room = 128 - shown.len();
        shown.push(b'\'');
        shown.extend_from_slice(&arg[..arg.len().min(room)]);
        shown.extend_from_slice(b"' ");
    }
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(&args[0][..args[0].len().min(128)]);
    text.extend_from_slice(b"', with args beginning with: ");
    text.extend_from_slice(&shown);
    ReplyError::new(text)
}

/// "ERR unknown subcommand 'x'. Try NAME HELP."
pub fn unknown_subcommand(container: &Command, args: Args<'_>) -> ReplyError {
    let mut text = b"ERR unknown subcommand '".to_vec();
    text.extend_from_slice(&args[1][..args[1].len().min(128)]);
    let name = container.spec.name.to_uppercase();
    text.extend_from_slice(format!("'. Try {name} HELP.").as_bytes());
    ReplyError::new(text)
}

fn authenticated(s: &mut Server, client: &mut Client, c: &Candidate<'_>) -> Result<(), ReplyError> {
    let needed = s.auth_required(client);
    if needed && c.spec.flags & flag::NO_AUTH == 0 {
        return Err(ReplyError::NOAUTH);
    }
    Ok(())
}

fn permitted(s: &mut Server, client: &mut Client, c: &Candidate<'_>) -> Result<(), ReplyError> {
    if !client.is_restricted() {
        return Ok(());
    }
    s.check_own_acl(client, c.id, c.args).map_err(|refused| refused.into_error())
}

fn served_here(s: &mut Server, client: &mut Client, c: &Candidate<'_>) -> Result<(), ReplyError> {
    s.check_cluster(client, c)
}

fn not_loading(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    if !server.loading.active {
        return Ok(());
    }
    let flags = c.spec.flags;
    let denied = if server.loading.in_background {
        flags & flag::NO_ASYNC_LOADING != 0
    } else {
        let queued = client.multi.as_ref().filter(|_| c.spec.name == "exec");
        flags & flag::LOADING == 0
            || queued.is_some_and(|multi| multi.inverse_flags & flag::LOADING != 0)
    };
    if denied { Err(ReplyError::LOADING) } else { Ok(()) }
}

fn memory_is_available(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    if server.config.maxmemory == 0 || server.scripts.is_busy() {
        return Ok(());
    }
    let out_of_memory = !evict_for(server, client);
    server.eviction.out_of_memory = out_of_memory;
    let mut deny = c.flags & flag::DENYOOM != 0;
    if let Some(multi) = &client.multi {
        // EXEC is refused if what it would run is; queueing is refused like running.
        deny |= c.spec.name == "exec" && multi.flags & flag::DENYOOM != 0;
    }
    if out_of_memory && deny { Err(ReplyError::OOM) } else { Ok(()) }
}

fn disk_takes_writes(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    let Some(error) = server.disk_error() else { return Ok(()) };
    let queued = client.multi.as_ref().map_or(0, |multi| multi.flags);
    let writes = c.flags & flag::WRITE != 0
        || c.spec.name == "exec" && queued & flag::WRITE != 0
        || c.spec.name == "ping";
    if !writes {
        return Ok(());
    }
    if client.must_obey() {
        server.disk_error_on_link(c.spec.name);
        return Ok(());
    }
    Err(error)
}

fn no_busy_script(
    server: &mut Server,
    _client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    match server.scripts.busy_error() {
        Some(error) if c.spec.flags & flag::ALLOW_BUSY == 0 => Err(error),
        _ => Ok(()),
    }
}

/// Evicts; what this client has subscribed to of it reaches it before the command's reply.
fn evict_for(server: &mut Server, client: &mut Client) -> bool {
    server.exec.client = client.id;
    server.exec.resp3 = client.reply.is_resp3();
    let within_limit = server.perform_evictions();
    server.exec.client = 0;
    if !server.exec.push_reply.is_empty() {
        let pushed = std::mem::take(server.exec.push_reply.buffer_mut());
        client.reply.raw(&pushed);
    }
    within_limit
}

fn tracking_table_fits(
    server: &mut Server,
    _: &mut Client,
    _: &Candidate<'_>,
) -> Result<(), ReplyError> {
    server.limit_tracking_table();
    Ok(())
}

fn subscriber_context(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    if !client.flags.has(ClientFlags::PUBSUB) || client.reply.is_resp3() {
        return Ok(());
    }
    const ALLOWED: &[&str] = &[
        "ping",
        "subscribe",
        "ssubscribe",
        "sunsubscribe",
        "psubscribe",
        "unsubscribe",
        "punsubscribe",
        "quit",
        "reset",
    ];
    if ALLOWED.contains(&c.spec.name) {
        return Ok(());
    }
    Err(ReplyError::new(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
         allowed in this context",
        server.commands.get(c.id).full_name
    )))
}

impl Server {
    /// A replica without its master, whose old data is not to be shown.
    pub fn is_stale(&self) -> bool {
        self.is_replica() && !self.link_is_up() && !self.config.replica_serve_stale_data
    }

    /// A replica that the client may not write to.
    pub fn is_readonly_for(&self, client: &Client) -> bool {
        self.is_replica() && self.config.replica_read_only && !client.must_obey()
    }
}

/// The command writes, or EXEC would.
fn writes(client: &Client, c: &Candidate<'_>) -> bool {
    let queued = client.multi.as_ref().map_or(0, |multi| multi.flags);
    c.flags & flag::WRITE != 0 || c.spec.name == "exec" && queued & flag::WRITE != 0
}

fn enough_replicas(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    if !server.has_good_replicas() && writes(client, c) {
        return Err(ReplyError::NOREPLICAS);
    }
    Ok(())
}

fn replica_takes_writes(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    if server.is_readonly_for(client) && writes(client, c) {
        return Err(ReplyError::READONLY);
    }
    Ok(())
}

fn data_is_not_stale(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    if !server.is_stale() {
        return Ok(());
    }
    let queued = client.multi.as_ref().map_or(0, |multi| multi.inverse_flags);
    let denied = c.flags & flag::STALE == 0 || c.spec.name == "exec" && queued & flag::STALE != 0;
    if denied {
        return Err(ReplyError::MASTERDOWN);
    }
    Ok(())
}

fn replicas_touch_no_keys(
    server: &mut Server,
    client: &mut Client,
    c: &Candidate<'_>,
) -> Result<(), ReplyError> {
    const KEYSPACE: u64 = flag::WRITE | flag::READONLY | flag::MAY_REPLICATE;
    if client.flags.has(ClientFlags::REPLICA)
        && c.spec.flags & KEYSPACE != 0
        && server.replica(client.id).is_some()
    {
        return Err(ReplyError::err("Replica can't interact with the keyspace"));
    }
    Ok(())
}
