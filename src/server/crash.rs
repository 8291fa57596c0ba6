//! Last words: what a crash signal, a failed assertion or a panic writes to the log, and the stack
//! traces that SIGALRM asks for.
//!
//! Invariant: what is certain comes first: the signal and the stacks, written without allocation or
//! lock. Then comes what the server knows ([`report`]), which may crash again or hang: the second
//! crash is reported in short, a third ends the process, and so does an alarm.

mod report;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use super::log::{self, raw_from_handler};
use crate::config::Config;
use crate::config::file::REDIS_VERSION;
use crate::sys::noted::LastWords;
use crate::sys::signal::{self, Handlers, SignalInfo};
use crate::sys::{process, stack_trace, time};

pub use report::{CurrentCommand, watch};

/// So long the report may take, the memory test aside.
const DEADLINE_MS: u64 = 20_000;

/// The report is written once: a crash while reporting a crash only ends the process.
static REPORT_STARTED: AtomicBool = AtomicBool::new(false);
/// The thread that writes the report.
static REPORTER: AtomicI32 = AtomicI32::new(0);
/// Crash signals that have arrived.
static CRASHES: AtomicU32 = AtomicU32::new(0);
/// `use-exit-on-panic`.
static EXIT_ON_PANIC: AtomicBool = AtomicBool::new(false);

/// Installs signal handlers and the panic hook.
pub fn install(config: &Config) {
    EXIT_ON_PANIC.store(config.use_exit_on_panic, Ordering::Relaxed);
    stack_trace::prepare();
    signal::install(Handlers { shutdown: on_shutdown, crash: on_crash, alarm: on_alarm });
    signal::handle_crashes(config.crash_log_enabled);
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or(("?", 0), |place| (place.file(), place.line()));
        let payload = info.payload();
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        assertion_failed(&text, place.0, place.1);
    }));
}

fn on_shutdown(signal: i32) {
    let asked_before = signal::shutdown_asap();
    match signal {
        signal::SIGINT if asked_before => {
            log::from_handler(log::WARNING, format_args!("You insist... exiting now."));
            // A SAVE may be under way.
            process::remove_file_from_handler(format_args!("temp-{}.rdb", process::pid()));
            process::exit_now(1);
        }
        signal::SIGINT => {
            log::from_handler(log::WARNING, format_args!("Received SIGINT scheduling shutdown..."))
        }
        _ => {
            log::from_handler(log::WARNING, format_args!("Received SIGTERM scheduling shutdown..."))
        }
    }
}

/// Starts the report; false if it was started before.
fn report_start() -> bool {
    let first = !REPORT_STARTED.swap(true, Ordering::Relaxed);
    if first {
        REPORTER.store(stack_trace::thread_id(), Ordering::Relaxed);
        // From here on: the log may be a pipe that nobody empties, and the C library looks up names
        // for the stacks under the lock of its loader.
        signal::set_alarm_ms(DEADLINE_MS);
        raw_from_handler(format_args!(
            "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n"
        ));
    }
    first
}

fn write_stacks(all: bool, pc: Option<usize>) {
    raw_from_handler(format_args!("\n------ STACK TRACE ------\n"));
    log::with_descriptor(|fd| stack_trace::write(fd, all, pc));
    raw_from_handler(format_args!("\n------ STACK TRACE DONE ------\n"));
}

fn report_end() {
    raw_from_handler(format_args!(
        "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n       \
         Please report the crash with the report above, what the server was doing, and its \
         configuration.\n\n"
    ));
}

fn on_crash(info: &SignalInfo) {
    let again = REPORT_STARTED.load(Ordering::Relaxed);
    if again && REPORTER.load(Ordering::Relaxed) != stack_trace::thread_id() {
        // The thread that came first ends the process.
        signal::park();
    }
    if CRASHES.fetch_add(1, Ordering::Relaxed) > 1 {
        return;
    }
    if again {
        log::from_handler(
            log::WARNING,
            format_args!(
                "Crashed running signal handler. Providing reduced version of recursive crash \
                 report."
            ),
        );
    }
    report_start();
    tell_signal(info);
    write_stacks(!again, info.cpu.map(|cpu| cpu.pc));
    let words = LastWords::begin();
    if let Some(cpu) = &info.cpu {
        report::registers(cpu, &words);
    }
    if !again {
        report::write(&words);
        if let Some(cpu) = &info.cpu {
            log::with_descriptor(|fd| stack_trace::write_code(fd, cpu.pc));
        }
    }
    report_end();
}

fn tell_signal(info: &SignalInfo) {
    log::from_handler(
        log::WARNING,
        format_args!(
            "Redis {REDIS_VERSION} crashed by signal: {}, si_code: {}",
            info.signal, info.code
        ),
    );
    if matches!(info.signal, signal::SIGSEGV | signal::SIGBUS) {
        log::from_handler(log::WARNING, format_args!("Accessing address: {:#x}", info.address));
    }
    if info.is_sent() {
        log::from_handler(
            log::WARNING,
            format_args!("Killed by PID: {}, UID: {}", info.sender_pid, info.sender_uid),
        );
    }
    if let Some(cpu) = &info.cpu {
        log::from_handler(
            log::WARNING,
            format_args!("Crashed running the instruction at: {:#x}", cpu.pc),
        );
    }
}

fn on_alarm(info: &SignalInfo) {
    if REPORT_STARTED.load(Ordering::Relaxed) {
        // The report took too long, or waits for a lock of the code that crashed.
        process::exit_now(1);
    }
    if info.is_sent() && info.sender_pid != 0 {
        log::from_handler(
            log::WARNING,
            format_args!("Received SIGALRM sent by PID: {}", info.sender_pid),
        );
    } else {
        raw_from_handler(format_args!("\n--- WATCHDOG TIMER EXPIRED ---\n"));
    }
    write_stacks(true, info.cpu.map(|cpu| cpu.pc));
    raw_from_handler(format_args!("--------\n"));
}

/// What both kinds of failed checks write after their own words.
fn report_failure(first: bool) {
    if signal::crashes_are_handled() {
        write_stacks(first, None);
        if first {
            report::write(&LastWords::begin());
        }
    }
    report_end();
}

/// A panic of our own code: reports and ends the process.
pub fn assertion_failed(text: &str, file: &str, line: u32) -> ! {
    let first = report_start();
    if first {
        report::client_of_assertion(&LastWords::begin());
    }
    let recursive = if first { "" } else { "RECURSIVE " };
    log::warning(&format!("=== {recursive}ASSERTION FAILED ==="));
    log::warning(&format!("==> {file}:{line} '{text}' is not true"));
    report_failure(first);
    end()
}

/// DEBUG PANIC, and states that must not be: reports and ends the process.
pub fn server_panic(text: &str, file: &str, line: u32) -> ! {
    let first = report_start();
    log::warning("------------------------------------------------");
    log::warning("!!! Software Failure. Press left mouse button to continue");
    log::warning(&format!("Guru Meditation: {text} #{file}:{line}"));
    log::warning("------------------------------------------------");
    report_failure(first);
    end()
}

/// Memory that the allocator cannot give.
pub fn out_of_memory(bytes: usize) -> ! {
    log::warning(&format!("Out Of Memory allocating {bytes} bytes!"));
    let now_s = time::unix_us() / 1_000_000;
    server_panic(
        &format!("Redis aborting for OUT OF MEMORY. Allocating {bytes} bytes! ({now_s})"),
        file!(),
        line!(),
    )
}

fn end() -> ! {
    if EXIT_ON_PANIC.load(Ordering::Relaxed) {
        process::exit_now(1);
    }
    signal::handle_crashes(false);
    std::process::abort()
}
