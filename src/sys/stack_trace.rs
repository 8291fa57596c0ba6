//! Stack traces of all threads, written from within a signal handler: each other thread is sent
//! SIGUSR2, whose handler notes where it is; then all are written with the names of the functions.
//!
//! Invariant: nothing allocates or locks (after [`prepare`]). A thread that blocks the signal is
//! left out, one that does not answer in time is reported as missing.
//!
//! JUSTIFICATION: signals to threads, the list of threads in /proc without allocation, and the
//! unwinder have no safe wrappers.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

use super::symbols::Symbols;

const MAX_THREADS: usize = 64;
const MAX_FRAMES: usize = 64;
/// How long the other threads may take to note their stacks.
const PATIENCE_MS: u64 = 2000;

struct Trace {
    tid: AtomicI32,
    len: AtomicUsize,
    frames: [AtomicUsize; MAX_FRAMES],
}

static TRACES: [Trace; MAX_THREADS] = [const {
    Trace {
        tid: AtomicI32::new(0),
        len: AtomicUsize::new(0),
        frames: [const { AtomicUsize::new(0) }; MAX_FRAMES],
    }
}; MAX_THREADS];
/// Traces begun, and traces complete.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static DONE: AtomicUsize = AtomicUsize::new(0);
/// One report at a time.
static BUSY: AtomicBool = AtomicBool::new(false);
/// Threads that get the signal stop for ever.
static PARK: AtomicBool = AtomicBool::new(false);

/// Id of the calling thread.
pub fn thread_id() -> i32 {
    // SAFETY: no pointers.
    unsafe { libc::syscall(libc::SYS_gettid) as i32 }
}

/// True on the thread that the process began with.
pub fn is_main_thread() -> bool {
    thread_id() == super::process::pid()
}

/// Installs the handler and loads the unwinder, which must not happen inside a handler.
pub fn prepare() {
    let mut frames = [std::ptr::null_mut(); 1];
    let handler: extern "C" fn(libc::c_int) = on_signal;
    // SAFETY: the array has room for the frames asked for; a zeroed `sigaction` is a valid one.
    unsafe {
        libc::backtrace(frames.as_mut_ptr(), 1);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut());
    }
}

extern "C" fn on_signal(_: libc::c_int) {
    while PARK.load(Ordering::Acquire) {
        // SAFETY: no pointers.
        unsafe { libc::pause() };
    }
    // SAFETY: the location of the thread's own errno, which the interrupted code may be reading.
    let errno = unsafe { *libc::__errno_location() };
    note_stack();
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

fn note_stack() {
    let mut frames = [std::ptr::null_mut(); MAX_FRAMES];
    // SAFETY: the array has room for the number of frames asked for.
    let len = unsafe { libc::backtrace(frames.as_mut_ptr(), MAX_FRAMES as i32) }.max(0) as usize;
    if let Some(trace) = TRACES.get(BEGUN.fetch_add(1, Ordering::Relaxed)) {
        trace.tid.store(thread_id(), Ordering::Relaxed);
        trace.len.store(len, Ordering::Relaxed);
        for (noted, frame) in trace.frames.iter().zip(&frames[..len]) {
            noted.store(*frame as usize, Ordering::Relaxed);
        }
    }
    DONE.fetch_add(1, Ordering::Release);
}

/// A line in the making, cut if it gets too long.
struct Line {
    bytes: [u8; 1024],
    len: usize,
}

impl Line {
    const fn new() -> Line {
        Line { bytes: [0; 1024], len: 0 }
    }

    fn send(&self, fd: i32) {
        // SAFETY: the buffer is valid for the call. A log that cannot be written is no reason to
        // stop.
        unsafe { libc::write(fd, self.bytes.as_ptr().cast(), self.len) };
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = &mut self.bytes[self.len..];
        let take = text.len().min(room.len());
        room[..take].copy_from_slice(&text.as_bytes()[..take]);
        self.len += take;
        Ok(())
    }
}

fn send(fd: i32, text: std::fmt::Arguments<'_>) {
    let mut line = Line::new();
    let _ = line.write_fmt(text);
    line.send(fd);
}

/// Reads the start of a small file of /proc.
fn read_small(path: std::fmt::Arguments<'_>, out: &mut [u8]) -> usize {
    let mut line = Line::new();
    let _ = line.write_fmt(path);
    let _ = line.write_str("\0");
    // SAFETY: the path ends in NUL (it is far shorter than the buffer), the buffer is valid.
    unsafe {
        let fd = libc::open(line.bytes.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return 0;
        }
        let len = libc::read(fd, out.as_mut_ptr().cast(), out.len());
        libc::close(fd);
        usize::try_from(len).unwrap_or(0)
    }
}

/// The threads of this process; how many.
fn list_threads(out: &mut [i32; MAX_THREADS]) -> usize {
    let mut count = 0;
    let mut entries = [0_u8; 4096];
    // SAFETY: a constant path.
    let dir = unsafe {
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
        libc::open(c"/proc/self/task".as_ptr(), flags)
    };
    if dir < 0 {
        return 0;
    }
    loop {
        let (start, room) = (entries.as_mut_ptr(), entries.len());
        // SAFETY: the kernel writes at most `room` bytes.
        let len = unsafe { libc::syscall(libc::SYS_getdents64, dir, start, room) };
        let Some(mut rest) = usize::try_from(len).ok().and_then(|len| entries.get(..len)) else {
            break;
        };
        if rest.is_empty() {
            break;
        }
        // struct linux_dirent64: inode 8, offset 8, length of the record 2, type 1, name.
        while let Some(bytes) = rest.get(16..18) {
            let record = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
            let name = rest.get(19..record).unwrap_or(&[]);
            let digits = name.iter().take_while(|byte| byte.is_ascii_digit());
            let tid = digits
                .fold(0, |tid: i32, d| tid.wrapping_mul(10).wrapping_add(i32::from(d - b'0')));
            if tid > 0 && count < MAX_THREADS {
                out[count] = tid;
                count += 1;
            }
            rest = rest.get(record.max(1)..).unwrap_or(&[]);
        }
    }
    // SAFETY: opened above.
    unsafe { libc::close(dir) };
    count
}

/// Whether a thread takes SIGUSR2.
fn takes_signal(tid: i32) -> bool {
    let mut status = [0; 2048];
    let len = read_small(format_args!("/proc/self/task/{tid}/status"), &mut status);
    let mask = |name: &[u8]| {
        let at = memchr::memmem::find(&status[..len], name)? + name.len();
        let digits = status[at..len].iter().map_while(|byte| char::from(*byte).to_digit(16));
        Some(digits.fold(0_u64, |mask, digit| mask << 4 | u64::from(digit)))
    };
    let bit = 1 << (libc::SIGUSR2 - 1);
    mask(b"SigBlk:\t").is_some_and(|blocked| blocked & bit == 0)
}

fn signal_others() -> usize {
    let mut threads = [0; MAX_THREADS];
    let count = list_threads(&mut threads);
    let (own, pid) = (thread_id(), super::process::pid());
    let mut signalled = 0;
    for tid in &threads[..count] {
        if *tid != own && takes_signal(*tid) {
            // SAFETY: no pointers.
            unsafe { libc::syscall(libc::SYS_tgkill, pid, *tid, libc::SIGUSR2) };
            signalled += 1;
        }
    }
    signalled
}

fn sleep_ms(ms: u64) {
    let wait = libc::timespec { tv_sec: 0, tv_nsec: ms as libc::c_long * 1_000_000 };
    // SAFETY: the pointer is valid for the call.
    unsafe { libc::nanosleep(&wait, std::ptr::null_mut()) };
}

/// Stops all other threads for ever: what follows needs their memory to stand still.
pub fn park_other_threads() {
    PARK.store(true, Ordering::Release);
    signal_others();
    sleep_ms(10);
}

/// Writes the stacks of this thread (first noted, last written) and, if `all`, of the others.
/// `pc`: where a signal interrupted this one.
pub fn write(fd: i32, all: bool, pc: Option<usize>) {
    if BUSY.swap(true, Ordering::Acquire) {
        return;
    }
    let symbols = Symbols::load();
    if let Some(pc) = pc {
        send(fd, format_args!("EIP:\n"));
        write_frame(fd, symbols.as_ref(), pc, pc);
    }
    BEGUN.store(0, Ordering::Relaxed);
    DONE.store(0, Ordering::Relaxed);
    let expected = if all { signal_others() } else { 0 };
    let mut waited_ms = 0;
    while DONE.load(Ordering::Acquire) < expected && waited_ms < PATIENCE_MS {
        sleep_ms(1);
        waited_ms += 1;
    }
    if DONE.load(Ordering::Acquire) < expected {
        send(fd, format_args!("wait_threads(): waiting threads timed out\n"));
    }
    note_stack();
    let collected = DONE.load(Ordering::Acquire).min(MAX_THREADS);
    for trace in &TRACES[..collected] {
        write_trace(fd, symbols.as_ref(), trace);
    }
    send(fd, format_args!("\n{collected}/{} expected stacktraces.\n", expected + 1));
    BUSY.store(false, Ordering::Release);
}

fn write_trace(fd: i32, symbols: Option<&Symbols>, trace: &Trace) {
    let tid = trace.tid.load(Ordering::Relaxed);
    let mut name = [0; 32];
    let len = read_small(format_args!("/proc/self/task/{tid}/comm"), &mut name);
    let name = std::str::from_utf8(&name[..len]).unwrap_or("").trim_end();
    let mark = if tid == thread_id() { " *" } else { "" };
    send(fd, format_args!("\n{tid} {name}{mark}\n"));
    for frame in &trace.frames[..trace.len.load(Ordering::Relaxed).min(MAX_FRAMES)] {
        let address = frame.load(Ordering::Relaxed);
        // A return address may be the first of the next function.
        write_frame(fd, symbols, address, address.saturating_sub(1));
    }
}

fn write_frame(fd: i32, symbols: Option<&Symbols>, address: usize, within: usize) {
    match symbols.and_then(|symbols| symbols.find(within)) {
        Some(symbol) => {
            let offset = address - symbol.start;
            send(fd, format_args!("redis-server({symbol}+{offset:#x})[{address:#x}]\n"));
        }
        None => {
            let frame = address as *mut libc::c_void;
            // SAFETY: one frame; the function writes to the descriptor and allocates nothing.
            unsafe { libc::backtrace_symbols_fd(&frame, 1, fd) };
        }
    }
}

/// Bytes of code after the instruction that are shown.
const CODE_AFTER: usize = 128;
/// Longer functions are not shown.
const CODE_MAX: usize = 1 << 13;
const PAGE: usize = 4096;

/// Writes the code of the function around an instruction, for a disassembler.
pub fn write_code(fd: i32, pc: usize) {
    let Some(symbol) = Symbols::load().and_then(|symbols| symbols.find(pc)) else { return };
    let base = symbol.start;
    send(fd, format_args!("\n------ DUMPING CODE AROUND EIP ------\n"));
    send(fd, format_args!("Symbol: {symbol} (base: {base:#x})\n"));
    send(fd, format_args!("$ xxd -r -p /tmp/dump.hex /tmp/dump.bin\n"));
    send(
        fd,
        format_args!(
            "$ objdump --adjust-vma={base:#x} -D -b binary -m i386:x86-64 /tmp/dump.bin\n------\n"
        ),
    );
    if pc - base >= CODE_MAX {
        return;
    }
    let end = (pc + CODE_AFTER).min((pc + PAGE) & !(PAGE - 1));
    // SAFETY: the function's code is readable up to the end of the page of the instruction.
    let code = unsafe { std::slice::from_raw_parts(base as *const u8, end - base) };
    for row in code.chunks(32) {
        let mut line = Line::new();
        for byte in row {
            let _ = write!(line, "{byte:02x}");
        }
        let _ = line.write_str("\n");
        line.send(fd);
    }
}
