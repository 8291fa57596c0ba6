//! Signals: handlers that only set atomics, call one function each, and write a byte into a pipe
//! that wakes the event loop.
//!
//! Invariant: what runs inside a handler neither allocates nor takes a lock; the functions given to
//! `install` promise the same.
//!
//! JUSTIFICATION: `sigaction` has no safe wrapper, and a crash handler must run on the spot.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

pub use libc::{
    SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGINT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1,
};

/// Signals that mean that the program is broken.
const CRASH_SIGNALS: [i32; 5] = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV];

/// What the kernel told about a signal.
#[derive(Debug, Clone, Copy)]
pub struct SignalInfo {
    pub signal: i32,
    pub code: i32,
    /// Address that could not be accessed, for SIGSEGV and SIGBUS.
    pub address: usize,
    /// Sender, if a process sent it.
    pub sender_pid: i32,
    pub sender_uid: u32,
    /// The interrupted thread's registers, where their names are known.
    pub cpu: Option<Cpu>,
}

/// Registers of the interrupted code.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// Address of the instruction.
    pub pc: usize,
    /// Address of the stack's top.
    pub sp: usize,
    /// All, by name.
    pub registers: [(&'static str, u64); 20],
}

impl SignalInfo {
    /// Another process, or this one, sent it with `kill`.
    pub fn is_sent(&self) -> bool {
        matches!(self.code, libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE)
    }
}

/// What to do inside the handlers. All must be async-signal-safe.
#[derive(Clone, Copy)]
pub struct Handlers {
    /// SIGTERM or SIGINT; before `shutdown_signal` is set.
    pub shutdown: fn(i32),
    /// The program is broken; afterwards the signal takes its default course.
    pub crash: fn(&SignalInfo),
    /// SIGALRM: sent by a person, or the watchdog.
    pub alarm: fn(&SignalInfo),
}

static HANDLERS: OnceLock<Handlers> = OnceLock::new();
static WAKE_FD: AtomicI32 = AtomicI32::new(-1);
static SHUTDOWN_SIGNAL: AtomicI32 = AtomicI32::new(0);
static SHUTDOWN_ASAP: AtomicBool = AtomicBool::new(false);

/// The last SIGTERM or SIGINT whose shutdown is not cleared yet; 0 = none.
pub fn shutdown_signal() -> i32 {
    if shutdown_asap() { SHUTDOWN_SIGNAL.load(Ordering::Relaxed) } else { 0 }
}

/// A shutdown was asked for by signal.
pub fn shutdown_asap() -> bool {
    SHUTDOWN_ASAP.load(Ordering::Acquire)
}

/// The shutdown was begun or given up.
pub fn clear_shutdown() {
    SHUTDOWN_ASAP.store(false, Ordering::Release);
}

/// The reading end of the pipe into which handlers write.
pub struct WakePipe {
    receiver: mio::unix::pipe::Receiver,
    _sender: mio::unix::pipe::Sender,
}

impl WakePipe {
    pub fn new() -> io::Result<WakePipe> {
        let (sender, receiver) = mio::unix::pipe::new()?;
        WAKE_FD.store(sender.as_raw_fd(), Ordering::Release);
        Ok(WakePipe { receiver, _sender: sender })
    }

    /// For the event loop.
    pub fn source(&mut self) -> &mut impl mio::event::Source {
        &mut self.receiver
    }

    /// Empties the pipe.
    pub fn drain(&mut self) {
        let mut bytes = [0; 64];
        while matches!(self.receiver.read(&mut bytes), Ok(n) if n > 0) {}
    }
}

impl Drop for WakePipe {
    fn drop(&mut self) {
        WAKE_FD.store(-1, Ordering::Release);
    }
}

fn wake() {
    let fd = WAKE_FD.load(Ordering::Acquire);
    if fd >= 0 {
        // SAFETY: the byte is valid for the call. A full pipe wakes the loop as well.
        unsafe { libc::write(fd, [0u8].as_ptr().cast(), 1) };
    }
}

extern "C" fn on_shutdown(signal: libc::c_int) {
    if let Some(handlers) = HANDLERS.get() {
        (handlers.shutdown)(signal);
    }
    SHUTDOWN_SIGNAL.store(signal, Ordering::Relaxed);
    SHUTDOWN_ASAP.store(true, Ordering::Release);
    wake();
}

type InfoHandler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// The registers a handler was given.
#[cfg(target_arch = "x86_64")]
fn read_cpu(context: *mut libc::c_void) -> Option<Cpu> {
    const ORDER: [(&str, libc::c_int); 20] = [
        ("RAX", libc::REG_RAX),
        ("RBX", libc::REG_RBX),
        ("RCX", libc::REG_RCX),
        ("RDX", libc::REG_RDX),
        ("RDI", libc::REG_RDI),
        ("RSI", libc::REG_RSI),
        ("RBP", libc::REG_RBP),
        ("RSP", libc::REG_RSP),
        ("R8 ", libc::REG_R8),
        ("R9 ", libc::REG_R9),
        ("R10", libc::REG_R10),
        ("R11", libc::REG_R11),
        ("R12", libc::REG_R12),
        ("R13", libc::REG_R13),
        ("R14", libc::REG_R14),
        ("R15", libc::REG_R15),
        ("RIP", libc::REG_RIP),
        ("EFL", libc::REG_EFL),
        ("CSGSFS", libc::REG_CSGSFS),
        ("CR2", libc::REG_CR2),
    ];
    // SAFETY: the kernel gives SA_SIGINFO handlers a valid context.
    let context = unsafe { context.cast::<libc::ucontext_t>().as_ref()? };
    let registers = &context.uc_mcontext.gregs;
    let value = |register: libc::c_int| registers[register as usize] as u64;
    Some(Cpu {
        pc: value(libc::REG_RIP) as usize,
        sp: value(libc::REG_RSP) as usize,
        registers: ORDER.map(|(name, register)| (name, value(register))),
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn read_cpu(_: *mut libc::c_void) -> Option<Cpu> {
    None
}

/// Sets the instruction that the interrupted thread stands at; the unwinder begins there.
#[cfg(target_arch = "x86_64")]
fn set_pc(context: *mut libc::c_void, pc: usize) {
    // SAFETY: the kernel gives SA_SIGINFO handlers a valid context.
    if let Some(context) = unsafe { context.cast::<libc::ucontext_t>().as_mut() } {
        context.uc_mcontext.gregs[libc::REG_RIP as usize] = pc as libc::greg_t;
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn set_pc(_: *mut libc::c_void, _: usize) {}

/// Where the unwinder begins when the program called an address without code.
extern "C" fn invalid_function_was_called() {}

fn read_info(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) -> SignalInfo {
    // SAFETY: the kernel gives SA_SIGINFO handlers a valid pointer; which field has a meaning
    // depends on the code, but all are plain numbers.
    unsafe {
        let info = &*info;
        SignalInfo {
            signal,
            code: info.si_code,
            address: info.si_addr() as usize,
            sender_pid: info.si_pid(),
            sender_uid: info.si_uid(),
            cpu: read_cpu(context),
        }
    }
}

extern "C" fn on_crash(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let told = read_info(signal, info, context);
    if told.cpu.is_some_and(|cpu| cpu.pc == told.address) {
        let somewhere: extern "C" fn() = invalid_function_was_called;
        set_pc(context, somewhere as usize);
    }
    if let Some(handlers) = HANDLERS.get() {
        (handlers.crash)(&told);
    }
    die_of(signal);
}

extern "C" fn on_alarm(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if let Some(handlers) = HANDLERS.get() {
        (handlers.alarm)(&read_info(signal, info, context));
    }
}

/// Lets the signal take its default course, so that the parent sees how the process ended and a
/// core is dumped.
pub fn die_of(signal: i32) {
    // SAFETY: no pointers. The signal is blocked while its handler runs and arrives afterwards.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
    }
}

fn set_handler(signal: i32, handler: libc::sighandler_t, flags: i32) {
    // SAFETY: a zeroed `sigaction` is a valid one with an empty mask; the handler matches the
    // flags.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigaction(signal, &action, std::ptr::null_mut());
    }
}

/// Installs the handlers of SIGTERM, SIGINT and SIGALRM. SIGHUP and SIGPIPE are ignored, and so is
/// SIGXFSZ: a file that may not grow (`ulimit -f`) is a write error like a full disk.
pub fn install(handlers: Handlers) {
    // A second server in one process (tests) shares the handlers of the first.
    let _ = HANDLERS.set(handlers);
    set_handler(libc::SIGHUP, libc::SIG_IGN, 0);
    set_handler(libc::SIGPIPE, libc::SIG_IGN, 0);
    set_handler(libc::SIGXFSZ, libc::SIG_IGN, 0);
    let on_shutdown: extern "C" fn(libc::c_int) = on_shutdown;
    set_handler(SIGTERM, on_shutdown as libc::sighandler_t, 0);
    set_handler(SIGINT, on_shutdown as libc::sighandler_t, 0);
    let on_alarm: InfoHandler = on_alarm;
    set_handler(SIGALRM, on_alarm as libc::sighandler_t, libc::SA_SIGINFO | libc::SA_RESTART);
}

static CRASHES_HANDLED: AtomicBool = AtomicBool::new(false);

/// True while [`handle_crashes`] is on.
pub fn crashes_are_handled() -> bool {
    CRASHES_HANDLED.load(Ordering::Relaxed)
}

/// Installs or removes the handlers of the signals that mean a crash (`crash-log-enabled`).
pub fn handle_crashes(on: bool) {
    CRASHES_HANDLED.store(on, Ordering::Relaxed);
    let on_crash: InfoHandler = on_crash;
    let flags = libc::SA_NODEFER | libc::SA_SIGINFO;
    for signal in CRASH_SIGNALS {
        if on {
            set_handler(signal, on_crash as libc::sighandler_t, flags);
        } else {
            set_handler(signal, libc::SIG_DFL, 0);
        }
    }
}

/// A forked child ends quietly on SIGUSR1 (its parent does not want its work any more), and the
/// signals of a shutdown kill it.
pub fn reset_in_child(on_usr1: extern "C" fn(libc::c_int)) {
    WAKE_FD.store(-1, Ordering::Release);
    set_handler(SIGTERM, libc::SIG_DFL, 0);
    set_handler(SIGINT, libc::SIG_IGN, 0);
    set_handler(SIGUSR1, on_usr1 as libc::sighandler_t, 0);
}

/// In a forked child that a person works with: it ends when the person or the parent wants it to,
/// not by the signals that end the parent.
pub fn ignore_shutdown_signals() {
    set_handler(SIGTERM, libc::SIG_IGN, 0);
    set_handler(SIGINT, libc::SIG_IGN, 0);
}

/// Sends SIGALRM to this process after `ms`, once; 0 cancels it.
pub fn set_alarm_ms(ms: u64) {
    let value = libc::timeval {
        tv_sec: (ms / 1000) as libc::time_t,
        tv_usec: (ms % 1000 * 1000) as libc::suseconds_t,
    };
    let once =
        libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: value };
    // SAFETY: the pointer is valid for the call, the old value is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &once, std::ptr::null_mut()) };
}

/// Breaks the program on purpose, by writing where it may only read.
pub fn crash_with_segfault() {
    // SAFETY: not sound by design: the kernel stops the write. Used by DEBUG SEGFAULT only.
    unsafe {
        let page = libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        page.cast::<u8>().write_volatile(b'x');
    }
}

/// Stops the calling thread for ever.
pub fn park() -> ! {
    loop {
        // SAFETY: no pointers.
        unsafe { libc::pause() };
    }
}

/// The words on top of a stack, as far up as `words`.
pub fn read_stack(sp: usize, words: &mut [u64]) {
    for (i, word) in words.iter_mut().enumerate() {
        // SAFETY: not provable: `sp` is what a broken program left. A fault here is a second crash,
        // which is reported in short.
        *word = unsafe { (sp as *const u64).add(i).read_volatile() };
    }
}

/// Stops this process until somebody continues it: how upstart learns that it is ready.
pub fn stop_self() {
    // SAFETY: no pointers.
    unsafe { libc::raise(libc::SIGSTOP) };
}
