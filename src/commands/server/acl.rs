//! ACL: users are shown and changed. What a user may do, and the files, stand in `server::acl`.

use crate::commands::args::{int, is_option};
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError, acl};
use crate::protocol::reply::{Aggregate, Reply};
use crate::server::acl::check::{check_command, find_command};
use crate::server::acl::rules::category_bit;
use crate::server::acl::selector::Selector;
use crate::server::acl::{DEFAULT_USER, log};

/// Bits of a password without an argument.
const DEFAULT_BITS: i64 = 256;
const MAX_BITS: i64 = 4096;
/// Entries that ACL LOG shows without an argument.
const DEFAULT_LOG_ENTRIES: i64 = 10;
/// Bytes of an argument that an error shows.
const SHOWN_BYTES: usize = 128;

const NO_FILE: ReplyError = ReplyError::fixed(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users \
     via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis \
     configuration file set) in order to store users in the Redis configuration.",
);

fn wrong_usage(args: Args<'_>) -> ReplyError {
    let shown = &args[1][..args[1].len().min(SHOWN_BYTES)];
    let text: &[u8] = b"unknown subcommand or wrong number of arguments for '";
    ReplyError::err([text, shown, b"'. Try ACL HELP."].concat())
}

/// Names and passwords are nobody's business.
fn redact_all(ctx: &mut Ctx<'_>, args: Args<'_>) {
    (2..args.len()).for_each(|idx| ctx.server.redact_argument(idx));
}

/// ACL WHOAMI
pub fn acl_whoami(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let user = ctx.client.user.clone();
    ctx.client.reply.bulk_or_null(user.as_ref().map(|user| &*user.name));
    Ok(())
}

/// ACL SETUSER name [rule ...]
pub fn acl_setuser(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    redact_all(ctx, args);
    ctx.server.acl_set_user(ctx.client, args[2], &args[3..]).map_err(ReplyError::err)?;
    ctx.client.reply.ok();
    Ok(())
}

/// ACL DELUSER name [name ...]
pub fn acl_deluser(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    redact_all(ctx, args);
    if args[2..].contains(&DEFAULT_USER) {
        return Err(ReplyError::fixed("ERR The 'default' user cannot be removed"));
    }
    let mut deleted = 0;
    for name in &args[2..] {
        deleted += i64::from(ctx.server.acl_delete_user(ctx.client, name));
    }
    ctx.client.reply.int(deleted);
    Ok(())
}

fn reply_selector(reply: &mut Reply, selector: &Selector) {
    reply.bulk_str("commands");
    reply.bulk(&selector.describe_commands());
    reply.bulk_str("keys");
    reply.bulk(&selector.describe_keys());
    reply.bulk_str("channels");
    reply.bulk(&selector.describe_channels());
}

/// ACL GETUSER name
pub fn acl_getuser(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    redact_all(ctx, args);
    let reply = &mut ctx.client.reply;
    let Some(user) = ctx.server.acl.get(args[2]) else {
        reply.null();
        return Ok(());
    };
    let rules = user.rules();
    reply.map(6);
    reply.bulk_str("flags");
    let flags = rules.flag_names();
    reply.set(flags.len());
    flags.into_iter().for_each(|flag| reply.bulk_str(flag));
    reply.bulk_str("passwords");
    reply.array(rules.passwords.len());
    rules.passwords.iter().for_each(|hash| reply.bulk(hash));
    reply_selector(reply, rules.root());
    reply.bulk_str("selectors");
    reply.array(rules.selectors.len() - 1);
    for selector in &rules.selectors[1..] {
        reply.map(3);
        reply_selector(reply, selector);
    }
    Ok(())
}

/// ACL LIST
pub fn acl_list(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let reply = &mut ctx.client.reply;
    reply.array(ctx.server.acl.users().len());
    for user in ctx.server.acl.users() {
        reply.bulk(&user.describe());
    }
    Ok(())
}

/// ACL USERS
pub fn acl_users(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let reply = &mut ctx.client.reply;
    reply.array(ctx.server.acl.users().len());
    for user in ctx.server.acl.users() {
        reply.bulk(&user.name);
    }
    Ok(())
}

/// ACL LOAD
pub fn acl_load(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if ctx.server.config.aclfile.is_empty() {
        return Err(NO_FILE);
    }
    ctx.server.acl_load(ctx.client).map_err(ReplyError::err)?;
    ctx.client.reply.ok();
    Ok(())
}

/// ACL SAVE
pub fn acl_save(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if ctx.server.config.aclfile.is_empty() {
        return Err(NO_FILE);
    }
    if !ctx.server.acl_save() {
        return Err(ReplyError::fixed(
            "ERR There was an error trying to save the ACLs. Please check the server logs for \
             more information",
        ));
    }
    ctx.client.reply.ok();
    Ok(())
}

/// ACL DRYRUN name command [arg ...]
pub fn acl_dryrun(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let line = Args(&args[3..]);
    let Some(user) = ctx.server.acl.get(args[2]).cloned() else {
        return Err(ReplyError::err([b"User '", args[2], b"' not found"].concat()));
    };
    let Some(command) = find_command(&ctx.server.commands, line) else {
        return Err(ReplyError::err([b"Command '", line[0], b"' not found"].concat()));
    };
    if !command.takes(line.len()) {
        return Err(ReplyError::wrong_arity(&command.full_name));
    }
    match check_command(Some(&user), command, line) {
        Ok(()) => ctx.client.reply.ok(),
        Err(denial) => ctx.client.reply.bulk(&denial.message(&user.name, command, line, true)),
    }
    Ok(())
}

/// ACL LOG [count | RESET]
pub fn acl_log(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let count = match args[2..] {
        [] => DEFAULT_LOG_ENTRIES,
        [option] if is_option(option, "reset") => {
            ctx.server.acl.log.reset();
            ctx.client.reply.ok();
            return Ok(());
        }
        [count] => int(count)?,
        _ => return Err(wrong_usage(args)),
    };
    let now_ms = ctx.now_ms();
    let entries = ctx.server.acl.log.iter();
    let count = usize::try_from(count).unwrap_or(0).min(entries.len());
    ctx.client.reply.array(count);
    for entry in entries.take(count) {
        reply_log_entry(&mut ctx.client.reply, entry, now_ms);
    }
    Ok(())
}

fn reply_log_entry(reply: &mut Reply, entry: &log::Entry, now_ms: i64) {
    let refusal = &entry.refusal;
    reply.map(10);
    reply.bulk_str("count");
    reply.int(entry.count as i64);
    reply.bulk_str("reason");
    reply.bulk_str(refusal.reason.name());
    reply.bulk_str("context");
    reply.bulk_str(refusal.context.name());
    reply.bulk_str("object");
    reply.bulk(&refusal.object);
    reply.bulk_str("username");
    reply.bulk(&refusal.username);
    reply.bulk_str("age-seconds");
    reply.double((now_ms - entry.updated_ms) as f64 / 1000.0);
    reply.bulk_str("client-info");
    reply.bulk_str(&entry.client_info);
    reply.bulk_str("entry-id");
    reply.int(entry.id as i64);
    reply.bulk_str("timestamp-created");
    reply.int(entry.created_ms);
    reply.bulk_str("timestamp-last-updated");
    reply.int(entry.updated_ms);
}

/// ACL CAT [category]
pub fn acl_cat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let reply = &mut ctx.client.reply;
    match args[2..] {
        [] => {
            reply.array(acl::NAMES.len());
            acl::NAMES.iter().for_each(|(_, name)| reply.bulk_str(name));
        }
        [category] => {
            let Some(bit) = category_bit(category) else {
                let shown = &category[..category.len().min(SHOWN_BYTES)];
                return Err(ReplyError::err([b"Unknown category '", shown, b"'"].concat()));
            };
            let at = reply.deferred();
            let mut members = 0;
            for command in ctx.server.commands.iter().filter(|c| c.spec.acl & bit != 0) {
                reply.bulk_str(&command.full_name);
                members += 1;
            }
            reply.close_deferred(at, Aggregate::Array, members);
        }
        _ => return Err(wrong_usage(args)),
    }
    Ok(())
}

/// ACL GENPASS [bits]
pub fn acl_genpass(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let bits = match args[2..] {
        [] => DEFAULT_BITS,
        [bits] => int(bits)?,
        _ => return Err(wrong_usage(args)),
    };
    if !(1..=MAX_BITS).contains(&bits) {
        return Err(ReplyError::fixed(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a \
             positive number up to 4096",
        ));
    }
    let digits = (bits as usize).div_ceil(4);
    let mut random = vec![0; digits.div_ceil(2)];
    getrandom::fill(&mut random)
        .map_err(|e| ReplyError::err(format!("No random numbers from the system: {e}")))?;
    let mut text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    ctx.client.reply.bulk_str(&text);
    Ok(())
}

/// ACL HELP
pub fn acl_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lines = [
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.",
        "DELUSER <username> [<username> ...]",
        "    Delete a list of users.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Returns whether the user can execute the given command without executing the command.",
        "GETUSER <username>",
        "    Get the user's details.",
        "GENPASS [<bits>]",
        "    Generate a secure 256-bit user password. The optional `bits` argument can",
        "    be used to specify a different size.",
        "LIST",
        "    Show users details in config file format.",
        "LOAD",
        "    Reload users from the ACL file.",
        "LOG [<count> | RESET]",
        "    Show the ACL log entries.",
        "SAVE",
        "    Save the current config to the ACL file.",
        "SETUSER <username> <attribute> [<attribute> ...]",
        "    Create or modify a user with the specified attributes.",
        "USERS",
        "    List all the registered usernames.",
        "WHOAMI",
        "    Return the current connection username.",
    ];
    reply_help(&mut ctx.client.reply, args[0], &lines);
    Ok(())
}
