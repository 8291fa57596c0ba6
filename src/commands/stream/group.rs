//! XGROUP: making, moving and removing groups and consumers.

use super::{ids, no_group, subcommand_syntax};
use crate::commands::args::{int, is_option};
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::object::ThinValue;
use crate::storage::types::stream::{Group, Stream};

const NO_KEY: ReplyError = ReplyError::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
     the MKSTREAM option to create an empty stream automatically.",
);

/// `[MKSTREAM] [ENTRIESREAD n]`
#[derive(Default)]
struct Options {
    mkstream: bool,
    entries_read: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>, may_make: bool) -> Result<Options, ReplyError> {
        let mut options = Options::default();
        let mut rest = args.get(5..).unwrap_or_default();
        loop {
            match rest {
                [] => return Ok(options),
                [option, more @ ..] if may_make && is_option(option, "mkstream") => {
                    options.mkstream = true;
                    rest = more;
                }
                [option, n, more @ ..] if is_option(option, "entriesread") => {
                    let read = int(n)?;
                    if read < -1 {
                        return Err(ReplyError::fixed(
                            "ERR value for ENTRIESREAD must be positive or -1",
                        ));
                    }
                    options.entries_read = (read >= 0).then_some(read);
                    rest = more;
                }
                _ => return Err(subcommand_syntax("XGROUP", args)),
            }
        }
    }
}

/// The group, which must be there, with its stream.
fn existing<'a>(ctx: &'a mut Ctx<'_>, args: Args<'_>) -> Result<&'a mut Stream, ReplyError> {
    let stream = ctx.write::<Stream>(args[2])?.ok_or(NO_KEY)?;
    match stream.groups().get(args[3]) {
        Some(_) => Ok(stream),
        None => Err(no_group(args[2], args[3])),
    }
}

fn existing_group<'a>(ctx: &'a mut Ctx<'_>, args: Args<'_>) -> Result<&'a mut Group, ReplyError> {
    let stream = existing(ctx, args)?;
    stream.groups_mut().get_mut(args[3]).ok_or_else(|| no_group(args[2], args[3]))
}

/// `XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD entries-read]`
pub fn xgroup_create(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::parse(args, true)?;
    let (key, name) = (args[2], args[3]);
    let last_id = match ctx.write::<Stream>(key)? {
        Some(stream) => Some(stream.log().last_id),
        None if options.mkstream => None,
        None => return Err(NO_KEY),
    };
    if args.len() > 8 {
        return Err(subcommand_syntax("XGROUP", args));
    }
    let id = match args[4] {
        b"$" => last_id.unwrap_or_default(),
        id => ids::strict(id, 0)?,
    };
    if last_id.is_none() {
        let db = ctx.client.db;
        ctx.server.add_key(db, key, Stream::new().into_value());
        ctx.signal_modified(key);
    }
    let group = Group::new(id, options.entries_read);
    let stream = ctx.server.keyspace.dbs[ctx.client.db].find_mut(key);
    let stream = stream.and_then(|entry| entry.into_mut::<Stream>());
    if !stream.is_some_and(|stream| stream.groups_mut().create(name, group)) {
        return Err(ReplyError::fixed("BUSYGROUP Consumer Group name already exists"));
    }
    ctx.client.reply.ok();
    ctx.dirty(1);
    ctx.notify(NotifyFlags::STREAM, "xgroup-create", key);
    Ok(())
}

/// `XGROUP SETID key group id|$ [ENTRIESREAD entries-read]`
pub fn xgroup_setid(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::parse(args, false)?;
    let last_id = existing(ctx, args)?.log().last_id;
    if !matches!(args.len(), 5 | 7) {
        return Err(subcommand_syntax("XGROUP", args));
    }
    let id = match args[4] {
        b"$" => last_id,
        id => ids::any(id, 0)?,
    };
    let group = existing_group(ctx, args)?;
    group.last_id = id;
    group.entries_read = options.entries_read;
    ctx.client.reply.ok();
    ctx.dirty(1);
    ctx.notify(NotifyFlags::STREAM, "xgroup-setid", args[2]);
    Ok(())
}

/// `XGROUP DESTROY key group`
pub fn xgroup_destroy(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let key = args[2];
    let stream = ctx.write::<Stream>(key)?.ok_or(NO_KEY)?;
    let destroyed = stream.groups_mut().destroy(args[3]);
    ctx.client.reply.flag(destroyed);
    if destroyed {
        ctx.dirty(1);
        ctx.notify(NotifyFlags::STREAM, "xgroup-destroy", key);
        // Those who wait for the group are to learn that it is gone.
        ctx.server.signal_key_as_ready(ctx.client.db, key);
    }
    Ok(())
}

/// `XGROUP CREATECONSUMER key group consumer`
pub fn xgroup_createconsumer(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let now = ctx.now_ms();
    let created = existing_group(ctx, args)?.create_consumer(args[4], now).is_some();
    if created {
        ctx.dirty(1);
        ctx.notify(NotifyFlags::STREAM, "xgroup-createconsumer", args[2]);
    }
    ctx.client.reply.flag(created);
    Ok(())
}

/// `XGROUP DELCONSUMER key group consumer`
pub fn xgroup_delconsumer(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let pending = existing_group(ctx, args)?.delete_consumer(args[4]);
    if pending.is_some() {
        ctx.dirty(1);
        ctx.notify(NotifyFlags::STREAM, "xgroup-delconsumer", args[2]);
    }
    ctx.client.reply.count(pending.unwrap_or(0));
    Ok(())
}

/// `XGROUP HELP`
pub fn xgroup_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    reply_help(&mut ctx.client.reply, args[0], HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "CREATE <key> <groupname> <id|$> [option]",
    "    Create a new consumer group. Options are:",
    "    * MKSTREAM",
    "      Create the empty stream if it does not exist.",
    "    * ENTRIESREAD entries_read",
    "      Set the group's entries_read counter (internal use).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Create a new consumer in the specified group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove the specified consumer.",
    "DESTROY <key> <groupname>",
    "    Remove the specified group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set the current group ID and entries_read counter.",
];
