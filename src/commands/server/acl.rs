//! ACL as far as there is only the default user: WHOAMI, CAT, GENPASS. (Users are not supported
//! yet.)

use crate::commands::args::int_or;
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError, acl};

/// Bits of a password without an argument.
const DEFAULT_BITS: i64 = 256;
const MAX_BITS: i64 = 4096;

/// ACL WHOAMI
pub fn acl_whoami(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let Ctx { client, .. } = ctx;
    client.reply.bulk(&client.user);
    Ok(())
}

/// ACL CAT [category]
pub fn acl_cat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let reply = &mut ctx.client.reply;
    match &args[2..] {
        [] => {
            reply.array(acl::NAMES.len());
            for (_, name) in acl::NAMES {
                reply.bulk_str(name);
            }
            Ok(())
        }
        [category] => {
            let is = |name: &str| name.as_bytes().eq_ignore_ascii_case(category);
            let Some((bit, _)) = acl::NAMES.iter().find(|(_, name)| is(name)) else {
                let text = [b"Unknown category '", *category, b"'"].concat();
                return Err(ReplyError::err(text));
            };
            let commands = &ctx.server.commands;
            let members: Vec<&str> = commands
                .iter()
                .filter(|command| command.spec.acl & bit != 0)
                .map(|command| command.full_name.as_str())
                .collect();
            reply.array(members.len());
            for name in members {
                reply.bulk_str(name);
            }
            Ok(())
        }
        _ => Err(ReplyError::fixed(
            "ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.",
        )),
    }
}

/// ACL GENPASS [bits]
pub fn acl_genpass(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let wrong = "ERR ACL GENPASS argument must be the number of bits for the output password, a \
                 positive number up to 4096";
    let bits = match &args[2..] {
        [] => DEFAULT_BITS,
        [bits] => int_or(bits, wrong)?,
        _ => {
            return Err(ReplyError::fixed(
                "ERR unknown subcommand or wrong number of arguments for 'GENPASS'. Try ACL HELP.",
            ));
        }
    };
    if !(1..=MAX_BITS).contains(&bits) {
        return Err(ReplyError::fixed(wrong));
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
