//! Last words: what a crash signal, a failed assertion or a panic writes to the log.
//!
//! Invariant: functions that run inside a signal handler neither allocate nor lock. The report
//! names the version, the signal and the stack; it reads no state of the server, which may be
//! broken.

use std::sync::atomic::{AtomicBool, Ordering};

use super::log::{self, raw_from_handler};
use crate::config::Config;
use crate::config::file::REDIS_VERSION;
use crate::sys::signal::{self, Handlers, SignalInfo};
use crate::sys::{process, time};

/// The report is written once: a crash while reporting a crash only ends the process.
static REPORT_STARTED: AtomicBool = AtomicBool::new(false);
/// `use-exit-on-panic`.
static EXIT_ON_PANIC: AtomicBool = AtomicBool::new(false);

/// Installs signal handlers and the panic hook.
pub fn install(config: &Config) {
    EXIT_ON_PANIC.store(config.use_exit_on_panic, Ordering::Relaxed);
    signal::prepare_stack_trace();
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

fn report_start() {
    if !REPORT_STARTED.swap(true, Ordering::Relaxed) {
        raw_from_handler(format_args!(
            "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n"
        ));
    }
}

fn stack_trace() {
    raw_from_handler(format_args!("\n------ STACK TRACE ------\n"));
    log::with_descriptor(signal::write_stack_trace);
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
    if REPORT_STARTED.load(Ordering::Relaxed) {
        return;
    }
    report_start();
    log::from_handler(
        log::WARNING,
        format_args!(
            "Redis {REDIS_VERSION} crashed by signal: {}, si_code: {}",
            info.signal, info.code
        ),
    );
    if info.is_sent() {
        log::from_handler(
            log::WARNING,
            format_args!("Killed by PID: {}, UID: {}", info.sender_pid, info.sender_uid),
        );
    } else if matches!(info.signal, signal::SIGSEGV | signal::SIGBUS) {
        log::from_handler(log::WARNING, format_args!("Accessing address: {:#x}", info.address));
    }
    stack_trace();
    report_end();
}

fn on_alarm(info: &SignalInfo) {
    if info.is_sent() && info.sender_pid != 0 {
        log::from_handler(
            log::WARNING,
            format_args!("Received SIGALRM sent by PID: {}", info.sender_pid),
        );
    } else {
        raw_from_handler(format_args!("\n--- WATCHDOG TIMER EXPIRED ---\n"));
    }
    stack_trace();
    raw_from_handler(format_args!("--------\n"));
}

/// A panic of our own code: reports and ends the process.
pub fn assertion_failed(text: &str, file: &str, line: u32) -> ! {
    if !REPORT_STARTED.load(Ordering::Relaxed) {
        report_start();
        log::warning("=== ASSERTION FAILED ===");
        log::warning(&format!("==> {file}:{line} '{text}' is not true"));
        stack_trace();
        report_end();
    }
    end()
}

/// DEBUG PANIC, and states that must not be: reports and ends the process.
pub fn server_panic(text: &str, file: &str, line: u32) -> ! {
    if !REPORT_STARTED.load(Ordering::Relaxed) {
        report_start();
        log::warning("------------------------------------------------");
        log::warning("!!! Software Failure. Press left mouse button to continue");
        log::warning(&format!("Guru Meditation: {text} #{file}:{line}"));
        log::warning("------------------------------------------------");
        stack_trace();
        report_end();
    }
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
