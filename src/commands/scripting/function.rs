//! FUNCTION: the libraries.

use crate::commands::args::is_option;
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::{Aggregate, Reply};
use crate::scripting::flags;
use crate::scripting::functions::{self, Library, RestorePolicy};
use crate::server::script::script_log;
use crate::util::glob::string_match;

/// How long the code of a library may run when it is loaded.
const LOAD_TIMEOUT_MS: u64 = 500;

fn wrong_subcommand_syntax(args: Args<'_>) -> ReplyError {
    let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
    text.extend_from_slice(&args[1][..args[1].len().min(128)]);
    text.extend_from_slice(b"'. Try FUNCTION HELP.");
    ReplyError::new(text)
}

/// FUNCTION LOAD [REPLACE] code
pub fn function_load(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (code, options) = args[2..].split_last().expect("the arity asks for the code");
    for option in options {
        if !is_option(option, "replace") {
            return Err(ReplyError::err([b"Unknown option given: ", *option].concat()));
        }
    }
    let timeout_ms = if ctx.client.must_obey() { 0 } else { LOAD_TIMEOUT_MS };
    let loaded = ctx.server.load_function_library(code, !options.is_empty(), timeout_ms);
    let name = loaded.map_err(ReplyError::err)?;
    ctx.dirty(1);
    ctx.client.reply.bulk(&name);
    Ok(())
}

/// FUNCTION DELETE library
pub fn function_delete(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if !ctx.server.scripts.functions.delete_library(args[2]) {
        return Err(ReplyError::fixed("ERR Library not found"));
    }
    ctx.dirty(1);
    ctx.client.reply.ok();
    Ok(())
}

/// FUNCTION FLUSH [ASYNC | SYNC]
pub fn function_flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 3 {
        return Err(wrong_subcommand_syntax(args));
    }
    let error = ReplyError::fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    let lazy = super::flush_is_lazy(ctx, args, error)?;
    ctx.server.flush_functions(lazy);
    ctx.dirty(1);
    ctx.client.reply.ok();
    Ok(())
}

/// FUNCTION KILL
pub fn function_kill(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.server.kill_script(false)?;
    ctx.client.reply.ok();
    Ok(())
}

/// FUNCTION STATS
pub fn function_stats(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let Ctx { server, client } = ctx;
    let running = server.scripts.running.as_ref();
    if running.is_some_and(|running| running.is_eval()) {
        return Err(server.scripts.busy_error().unwrap_or(ReplyError::fixed("ERR a script runs")));
    }
    let reply = &mut client.reply;
    reply.map(2);
    reply.bulk_str("running_script");
    match running {
        None => reply.null(),
        Some(running) => {
            reply.map(3);
            reply.bulk_str("name");
            reply.bulk(running.target.name());
            reply.bulk_str("command");
            reply.array(running.command.len());
            running.command.iter().for_each(|arg| reply.bulk(arg));
            reply.bulk_str("duration_ms");
            reply.int(server.script_duration_ms() as i64);
        }
    }
    let (libraries, functions) = server.scripts.functions.counts();
    reply.bulk_str("engines");
    reply.map(1);
    reply.bulk_str("LUA");
    reply.map(2);
    reply.bulk_str("libraries_count");
    reply.count(libraries);
    reply.bulk_str("functions_count");
    reply.count(functions);
    Ok(())
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
pub fn function_list(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (mut pattern, mut with_code) = (None, false);
    let mut options = args[2..].iter();
    while let Some(option) = options.next() {
        if !with_code && is_option(option, "withcode") {
            with_code = true;
        } else if pattern.is_none() && is_option(option, "libraryname") {
            let missing = ReplyError::fixed("ERR library name argument was not given");
            pattern = Some(options.next().ok_or(missing)?);
        } else {
            return Err(ReplyError::err([b"Unknown argument ", *option].concat()));
        }
    }
    let Ctx { server, client } = ctx;
    let at = client.reply.deferred();
    let mut len = 0;
    for library in server.scripts.functions.libraries() {
        if pattern.is_none_or(|pattern| string_match(pattern, &library.name, true)) {
            reply_library(&mut client.reply, library, with_code);
            len += 1;
        }
    }
    client.reply.close_deferred(at, Aggregate::Array, len);
    Ok(())
}

fn reply_library(reply: &mut Reply, library: &Library, with_code: bool) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk_str("library_name");
    reply.bulk(&library.name);
    reply.bulk_str("engine");
    reply.bulk_str("LUA");
    reply.bulk_str("functions");
    reply.array(library.functions.len());
    for function in &library.functions {
        reply.map(3);
        reply.bulk_str("name");
        reply.bulk(&function.name);
        reply.bulk_str("description");
        reply.bulk_or_null(function.description.as_deref());
        reply.bulk_str("flags");
        let set = |(flag, _): &&(u64, &str)| function.flags & flag != 0;
        reply.set(flags::NAMES.iter().filter(set).count());
        flags::NAMES.iter().filter(set).for_each(|(_, name)| reply.simple(name));
    }
    if with_code {
        reply.bulk_str("library_code");
        reply.bulk(&library.code);
    }
}

/// FUNCTION DUMP
pub fn function_dump(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let compress = ctx.server.config.rdbcompression;
    let codes = ctx.server.scripts.functions.libraries().map(|library| &*library.code);
    let payload = functions::dump(codes, compress);
    ctx.client.reply.bulk(&payload);
    Ok(())
}

/// FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE]
pub fn function_restore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 4 {
        return Err(wrong_subcommand_syntax(args));
    }
    let policy = match args.get(3) {
        None => RestorePolicy::Append,
        Some(name) if is_option(name, "append") => RestorePolicy::Append,
        Some(name) if is_option(name, "replace") => RestorePolicy::Replace,
        Some(name) if is_option(name, "flush") => RestorePolicy::Flush,
        Some(_) => {
            return Err(ReplyError::fixed(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let check = !ctx.server.debug.skip_checksum_validation;
    let Some(body) = functions::verify(args[2], check) else {
        return Err(ReplyError::fixed("ERR DUMP payload version or checksum are wrong"));
    };
    let restored = ctx.server.scripts.functions.restore(body, policy, &mut script_log);
    restored.map_err(ReplyError::err)?;
    ctx.dirty(1);
    ctx.client.reply.ok();
    Ok(())
}

/// FUNCTION HELP
pub fn function_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lines = [
        "LOAD [REPLACE] <FUNCTION CODE>",
        "    Create a new library with the given library name and code.",
        "DELETE <LIBRARY NAME>",
        "    Delete the given library.",
        "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
        "    Return general information on all the libraries:",
        "    * Library name",
        "    * The engine used to run the Library",
        "    * Functions list",
        "    * Library code (if WITHCODE is given)",
        "    It also possible to get only function that matches a pattern using LIBRARYNAME \
         argument.",
        "STATS",
        "    Return information about the current function running:",
        "    * Function name",
        "    * Command used to run the function",
        "    * Duration in MS that the function is running",
        "    If no function is running, return nil",
        "    In addition, returns a list of available engines.",
        "KILL",
        "    Kill the current running function.",
        "FLUSH [ASYNC|SYNC]",
        "    Delete all the libraries.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the libraries.",
        "    * SYNC: Synchronously flush the libraries.",
        "DUMP",
        "    Return a serialized payload representing the current libraries, can be restored using \
         FUNCTION RESTORE command",
        "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
        "    Restore the libraries represented by the given payload, it is possible to give a \
         restore policy to",
        "    control how to handle existing libraries (default APPEND):",
        "    * FLUSH: delete all existing libraries.",
        "    * APPEND: appends the restored libraries to the existing libraries. On collision, \
         abort.",
        "    * REPLACE: appends the restored libraries to the existing libraries, On collision, \
         replace the old",
        "      libraries with the new libraries (notice that even on this option there is a chance \
         of failure",
        "      in case of functions name collision with another library).",
    ];
    reply_help(&mut ctx.client.reply, args[0], &lines);
    Ok(())
}
