//! RESTORE: a key from the bytes that DUMP gave. The payload is untrusted: it is checked as
//! `sanitize-dump-payload` says, and what is wrong with it stands in the log.

use crate::commands::args::{int, int_or, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::{NotifyFlags, SanitizeDumpPayload};
use crate::persistence::rdb::object_load::ObjectRules;
use crate::persistence::rdb::payload::{PayloadError, load_payload};
use crate::server::client::ClientFlags;
use crate::server::loading::load_fault_text;

use crate::storage::object::Value;

const BUSYKEY: ReplyError = ReplyError::fixed("BUSYKEY Target key name already exists.");

/// The options after the payload.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute_ttl: bool,
    idle_s: Option<i64>,
    freq: Option<u8>,
}

impl Options {
    fn parse(args: &[&[u8]]) -> Result<Options, ReplyError> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if is_option(arg, "replace") {
                options.replace = true;
            } else if is_option(arg, "absttl") {
                options.absolute_ttl = true;
            } else if is_option(arg, "idletime") && options.freq.is_none() {
                let idle_s = int(rest.next().ok_or(ReplyError::SYNTAX)?)?;
                if idle_s < 0 {
                    return Err(ReplyError::fixed("ERR Invalid IDLETIME value, must be >= 0"));
                }
                options.idle_s = Some(idle_s);
            } else if is_option(arg, "freq") && options.idle_s.is_none() {
                const RANGE: &str = "ERR Invalid FREQ value, must be >= 0 and <= 255";
                let freq = int(rest.next().ok_or(ReplyError::SYNTAX)?)?;
                let freq = u8::try_from(freq).map_err(|_| ReplyError::fixed(RANGE))?;
                options.freq = Some(freq);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// `RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`
pub fn restore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::parse(&args[4..])?;
    let (key, db) = (args[1], ctx.client.db);
    let exists = ctx.server.lookup_write(db, key).is_some();
    if exists && !options.replace {
        return Err(BUSYKEY);
    }
    let ttl = int_or(args[2], "ERR value is not an integer or out of range")?;
    if ttl < 0 {
        return Err(ReplyError::fixed("ERR Invalid TTL value, must be >= 0"));
    }
    let value = payload_value(ctx, args[3])?;
    let now_ms = ctx.server.clock.cmd_time_ms;
    let expire = match ttl {
        0 => None,
        at if options.absolute_ttl => Some(at),
        relative => Some(relative.saturating_add(now_ms)),
    };
    let lazy = ctx.server.config.lazyfree_lazy_server_del;
    let deleted = exists && ctx.server.remove_key(db, key, lazy);
    let decides = !ctx.server.is_replica() && !ctx.server.loading.active;
    if decides && expire.is_some_and(|at| at <= now_ms) {
        if deleted {
            let name: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
            ctx.propagate_as(&[name, key]);
            ctx.changed(key, NotifyFlags::GENERIC, "del", 1);
        }
        ctx.client.reply.ok();
        return Ok(());
    }
    let lru = ctx.server.access_clock().bits(options.idle_s, options.freq);
    ctx.server.add_key_with(db, key, value, expire, Some(lru));
    if let Some(at) = expire.filter(|_| !options.absolute_ttl) {
        let mut digits = itoa::Buffer::new();
        let mut argv = args.0.to_vec();
        argv[2] = digits.format(at).as_bytes();
        argv.push(b"ABSTTL");
        ctx.propagate_as(&argv);
    }
    ctx.changed(key, NotifyFlags::GENERIC, "restore", 1);
    ctx.client.reply.ok();
    Ok(())
}

/// The value in the payload, checked as configured for this client.
fn payload_value(ctx: &mut Ctx<'_>, payload: &[u8]) -> Result<Value, ReplyError> {
    let deep = match ctx.server.config.sanitize_dump_payload {
        SanitizeDumpPayload::No => false,
        SanitizeDumpPayload::Yes => true,
        SanitizeDumpPayload::Clients => {
            let trusted = ctx.client.user.as_ref().is_none_or(|u| u.rules().skip_sanitize_payload);
            !(trusted || ctx.server.loading.active || ctx.client.flags.has(ClientFlags::MASTER))
        }
    };
    let mut rules = ObjectRules { salvage: !deep, ..ctx.server.object_rules(deep) };
    let verify = !ctx.server.debug.skip_checksum_validation;
    let result = load_payload(payload, verify, &mut rules);
    ctx.server.stats.dump_payload_sanitizations += rules.sanitizations;
    result.map_err(|error| match error {
        PayloadError::Footer => ReplyError::fixed("ERR DUMP payload version or checksum are wrong"),
        PayloadError::Value(fault) => {
            if let Some(fault) = fault {
                ctx.server.log_verbose(&load_fault_text(&fault, 0));
            }
            ReplyError::fixed("ERR Bad data format")
        }
    })
}
