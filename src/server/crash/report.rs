//! The part of a crash report that asks the server: INFO, clients, the running command, settings,
//! and the memory test.
//!
//! Invariant: reads the server only on the main thread, whose interrupted code never goes on.

use crate::server::Server;
use crate::server::client::Client;
use crate::server::log::{self, raw_from_handler};
use crate::sys::noted::{LastWords, Noted, NotedArgs};
use crate::sys::signal::{self, Cpu};
use crate::sys::{memtest, stack_trace};

/// Of an argument so many bytes are shown.
const ARG_MAX: usize = 1024;
/// So many words of the stack are shown.
const STACK_WORDS: usize = 16;

/// Settings that change what code runs.
const DEBUG_SETTINGS: &[&[u8]] = &[
    b"io-threads-do-reads",
    b"lazyfree-lazy-eviction",
    b"lazyfree-lazy-expire",
    b"lazyfree-lazy-server-del",
    b"lazyfree-lazy-user-del",
    b"lazyfree-lazy-user-flush",
    b"repl-diskless-sync",
    b"replica-read-only",
    b"activedefrag",
    b"repl-diskless-load",
    b"sanitize-dump-payload",
    b"io-threads",
    b"list-compress-depth",
    b"proto-max-bulk-len",
    b"client-query-buffer-limit",
];

/// Whose command runs, and its arguments.
#[derive(Default)]
pub struct CurrentCommand {
    pub client: Noted<Client>,
    pub args: NotedArgs,
}

static SERVER: Noted<Server> = Noted::new();

/// The server stands where it will stay until `clear` of the guard.
pub fn watch(server: &mut Server) -> Watched {
    SERVER.note(server);
    Watched(())
}

/// While it lives, reports ask the server.
#[must_use = "the server is forgotten when it is dropped"]
pub struct Watched(());

impl Drop for Watched {
    fn drop(&mut self) {
        SERVER.clear();
    }
}

/// The server, on the thread that it belongs to.
fn server(words: &LastWords) -> Option<&mut Server> {
    if stack_trace::is_main_thread() { SERVER.follow(words) } else { None }
}

fn raw(text: &str) {
    log::raw(log::WARNING, text);
}

/// The registers and the top of the stack.
pub fn registers(cpu: &Cpu, words: &LastWords) {
    raw_from_handler(format_args!("\n------ REGISTERS ------\n"));
    for pair in cpu.registers.chunks(2) {
        for (name, value) in pair {
            raw_from_handler(format_args!("{name}:{value:016x} "));
        }
        raw_from_handler(format_args!("\n"));
    }
    if server(words).is_some_and(|server| server.config.hide_user_data_from_log) {
        log::from_handler(
            log::NOTICE,
            format_args!(
                "hide-user-data-from-log is on, skip logging stack content to avoid spilling PII."
            ),
        );
        return;
    }
    let mut stack = [0; STACK_WORDS];
    signal::read_stack(cpu.sp, &mut stack);
    for (i, word) in stack.iter().enumerate().rev() {
        let address = cpu.sp + i * size_of::<u64>();
        log::from_handler(log::WARNING, format_args!("({address:016x}) -> {word:016x}"));
    }
}

/// Everything after the stacks.
pub fn write(words: &LastWords) {
    let Some(server) = server(words) else { return };
    raw("\n------ INFO OUTPUT ------\n");
    let info = server.info_text(&[b"all"]);
    raw(&String::from_utf8_lossy(&info));
    raw("\n------ CLIENT LIST OUTPUT ------\n");
    for client in server.clients.iter() {
        raw(&format!("{}\n", server.client_info(client)));
    }
    if let Some(client) = server.exec.current.client.follow(words) {
        let args = server.exec.current.args.follow(words);
        raw(&format!("{}\n", server.client_info(client)));
        for title in ["CURRENT", "EXECUTING"] {
            write_client(server, client, args, title);
        }
    }
    raw("\n------ MODULES INFO OUTPUT ------\n");
    raw("\n------ CONFIG DEBUG OUTPUT ------\n");
    for (name, value) in server.config.get(DEBUG_SETTINGS) {
        let (name, value) = (String::from_utf8_lossy(&name), String::from_utf8_lossy(&value));
        raw(&format!("{name} {value}\n"));
    }
    if server.config.crash_memcheck_enabled {
        // How long it takes depends on the memory.
        signal::set_alarm_ms(0);
        test_memory();
        signal::set_alarm_ms(super::DEADLINE_MS);
    }
}

/// How many of a command's arguments may be shown: its name, if the user's data are not to be.
fn shown_args(server: &Server) -> usize {
    if server.config.hide_user_data_from_log { 1 } else { usize::MAX }
}

fn write_client(server: &Server, client: &Client, args: &[&[u8]], title: &str) {
    raw(&format!("\n------ {title} CLIENT INFO ------\n"));
    raw(&format!("{}\n", server.client_info(client)));
    raw(&format!("argc: '{}'\n", args.len()));
    for (i, arg) in args.iter().enumerate() {
        if i >= shown_args(server) {
            raw(&format!("argv[{i}]: *redacted*\n"));
            continue;
        }
        let text = arg[..arg.len().min(ARG_MAX)].escape_ascii();
        raw(&format!("argv[{i}]: '\"{text}\"'\n"));
        if arg.eq_ignore_ascii_case(b"auth") || arg.eq_ignore_ascii_case(b"auth2") {
            break;
        }
    }
    if let Some(key) = args.get(1).filter(|_| shown_args(server) > 1)
        && let Some(entry) = server.keyspace.dbs.get(client.db).and_then(|db| db.find(key))
    {
        let key = String::from_utf8_lossy(key);
        log::warning(&format!("key '{key}' found in DB containing the following object:"));
        log::warning(&format!("Object type: {}", entry.obj_type().name()));
    }
}

/// What a failed assertion says first: on whose behalf it was made.
pub fn client_of_assertion(words: &LastWords) {
    let Some(server) = server(words) else { return };
    let Some(client) = server.exec.current.client.follow(words) else { return };
    let args = server.exec.current.args.follow(words);
    log::warning("=== ASSERTION FAILED CLIENT CONTEXT ===");
    log::warning(&format!("client->id = {}", client.id));
    let conn = client
        .conn
        .as_deref()
        .map_or("(null)".into(), |conn| format!("fd={}", conn.stream.raw_fd()));
    log::warning(&format!("client->conn = {conn}"));
    log::warning(&format!("client->argc = {}", args.len()));
    for (i, arg) in args.iter().enumerate() {
        if i >= shown_args(server) {
            log::warning(&format!("client->argv[{i}] = *redacted*"));
            continue;
        }
        let text = arg[..arg.len().min(ARG_MAX)].escape_ascii();
        log::warning(&format!("client->argv[{i}] = \"{text}\""));
    }
}

fn test_memory() {
    raw_from_handler(format_args!("\n------ FAST MEMORY TEST ------\n"));
    stack_trace::park_other_threads();
    let errors = memtest::run(|region, errors| match errors {
        None => raw_from_handler(format_args!(
            "*** Preparing to test memory region {:x} ({} bytes)\n",
            region.start,
            region.len()
        )),
        Some(0) => raw_from_handler(format_args!(".O")),
        Some(_) => raw_from_handler(format_args!(".E")),
    });
    match errors {
        None => raw_from_handler(format_args!("The memory map is not to be had: no test.\n")),
        Some(0) => raw_from_handler(format_args!(
            "\nFast memory test PASSED, however your memory can still be broken. Please run a \
             memory test for several hours if possible.\n"
        )),
        Some(_) => raw_from_handler(format_args!(
            "\n!!! MEMORY ERROR DETECTED! Check your memory ASAP !!!\n"
        )),
    }
}
