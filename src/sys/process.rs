//! The process itself: limits, title, daemon, CPU set, usage figures. Thin wrappers of system
//! calls; when to call them is for `server::start`.
//!
//! JUSTIFICATION: none of these calls has a safe wrapper in the standard library, and the title is
//! written into memory that the kernel set up.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

fn check(result: i32) -> io::Result<i32> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub fn pid() -> i32 {
    std::process::id() as i32
}

/// Goes to the background: the parent exits, the child leads a session of its own, and the standard
/// streams lead nowhere. Only before any thread is started.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: no other thread exists yet, so the child may do anything.
    let child = check(unsafe { libc::fork() })?;
    if child != 0 {
        // SAFETY: ends the process without running what the child will run at its own exit.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: no pointers; fails only for a group leader, which a new child is not.
    unsafe { libc::setsid() };
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&null);
    for stream in 0..=2 {
        // SAFETY: both descriptors are open; the old stream is meant to be closed.
        check(unsafe { libc::dup2(fd, stream) })?;
    }
    Ok(())
}

/// Ends the process at once: no destructors, no exit handlers. For forked children and handlers.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: never returns.
    unsafe { libc::_exit(status) }
}

/// The file mode creation mask. Only before any thread is started: it is set for a moment.
pub fn umask() -> u32 {
    // SAFETY: no pointers.
    unsafe {
        let mask = libc::umask(0o777);
        libc::umask(mask);
        mask
    }
}

/// The soft limit of open files.
pub fn open_files_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is valid for the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    Ok(limit.rlim_cur)
}

/// Sets the soft limit of open files, and the hard one if that is lower.
pub fn set_open_files_limit(files: u64) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointers are valid for the calls.
    unsafe {
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
        limit.rlim_cur = files;
        limit.rlim_max = limit.rlim_max.max(files);
        check(libc::setrlimit(libc::RLIMIT_NOFILE, &limit))?;
    }
    Ok(())
}

/// Lets the kernel dump the memory of this process when it crashes, however large it is.
pub fn enable_core_dumps() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is valid for the call. Without the right to raise it the limit stays.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &limit) };
}

/// Turns transparent huge pages off for this process and its children.
pub fn disable_transparent_huge_pages() -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) }).map(drop)
}

/// Writes to standard output past the buffer and lock of the standard library: also from a forked
/// child or a signal handler. Errors are dropped.
pub fn write_stdout(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the bytes are valid for the call.
        let written = unsafe { libc::write(1, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => bytes = &bytes[written..],
            _ => return,
        }
    }
}

/// Removes a file from within a signal handler: no allocation. Names of more than 255 bytes are
/// left alone; errors are dropped.
pub fn remove_file_from_handler(name: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let mut buffer = [0u8; 256];
    let mut rest = &mut buffer[..255];
    if rest.write_fmt(name).is_ok() {
        // SAFETY: the buffer ends in NUL.
        unsafe { libc::unlink(buffer.as_ptr().cast()) };
    }
}

pub fn stdout_is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdout())
}

/// Asks for this process to be killed when its parent dies. For forked children.
pub fn die_with_parent() {
    // SAFETY: no pointers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// CPUs of a list such as `0-7:2` or `1,3`; `None` if it is malformed.
pub fn parse_cpu_list(list: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            None => {
                let only: usize = range.parse().ok()?;
                (only, only)
            }
        };
        if last < first || last >= libc::CPU_SETSIZE as usize {
            return None;
        }
        cpus.extend((first..=last).step_by(step));
    }
    (!cpus.is_empty()).then_some(cpus)
}

/// Binds the calling thread to CPUs.
pub fn set_cpu_affinity(cpus: &[usize]) -> io::Result<()> {
    // SAFETY: a zeroed set is an empty one; CPU numbers are below CPU_SETSIZE by `parse_cpu_list`,
    // and CPU_SET ignores others; the pointer is valid for the call.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        for cpu in cpus.iter().filter(|cpu| **cpu < libc::CPU_SETSIZE as usize) {
            libc::CPU_SET(*cpu, &mut set);
        }
        check(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)).map(drop)
    }
}

/// Whose processor time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    Process,
    Children,
    Thread,
}

/// Processor time used, in us: (user, system).
pub fn cpu_time_us(whose: Usage) -> (u64, u64) {
    let who = match whose {
        Usage::Process => libc::RUSAGE_SELF,
        Usage::Children => libc::RUSAGE_CHILDREN,
        Usage::Thread => libc::RUSAGE_THREAD,
    };
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for the call; a zeroed `rusage` is a valid one.
    let usage = unsafe {
        libc::getrusage(who, usage.as_mut_ptr());
        usage.assume_init()
    };
    let us = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
    (us(usage.ru_utime), us(usage.ru_stime))
}

/// `uname`: system, release, machine.
pub fn system_name() -> (String, String, String) {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the pointer is valid for the call; the fields are strings that end in NUL, also when
    // the call failed, because the struct is zeroed.
    unsafe {
        libc::uname(name.as_mut_ptr());
        let name = name.assume_init();
        let text =
            |field: &[libc::c_char]| CStr::from_ptr(field.as_ptr()).to_string_lossy().into_owned();
        (text(&name.sysname), text(&name.release), text(&name.machine))
    }
}

/// Bytes of physical memory.
pub fn total_memory() -> u64 {
    // SAFETY: no pointers.
    let (pages, page) =
        unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    pages.max(0) as u64 * page.max(0) as u64
}

/// Fields of /proc/self/stat, numbered as in proc(5) from 3 on (the name may contain blanks).
fn proc_stat() -> Option<Vec<u64>> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let rest = &text[text.rfind(')')? + 1..];
    Some(rest.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
}

/// Bytes of this process in physical memory; 0 if the system does not tell.
pub fn resident_memory() -> usize {
    const RSS: usize = 24 - 3;
    // SAFETY: no pointers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(0) as usize;
    proc_stat().and_then(|fields| fields.get(RSS).copied()).unwrap_or(0) as usize * page
}

/// Bytes of anonymous transparent huge pages of this process.
pub fn anonymous_huge_pages() -> u64 {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let kilobytes = smaps.lines().filter_map(|line| {
        line.strip_prefix("AnonHugePages:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    kilobytes.sum::<u64>() * 1024
}

/// Where the kernel looks for the arguments and the environment of this process.
struct TitleArea {
    start: usize,
    bytes: usize,
    /// First byte after the arguments proper: a NUL before it would end the title early.
    arguments_end: usize,
}

static TITLE_AREA: OnceLock<Option<TitleArea>> = OnceLock::new();

/// Frees the memory of arguments and environment for a title: the environment moves to the heap.
/// Only before any thread is started; all uses of the arguments must be over.
pub fn prepare_title() {
    TITLE_AREA.get_or_init(|| {
        const ARG_START: usize = 48 - 3;
        let fields = proc_stat()?;
        let area = fields.get(ARG_START..ARG_START + 4)?;
        let [start, arguments_end, env_start, env_end] = area else { return None };
        if *start == 0 || arguments_end <= start || env_end < arguments_end {
            return None;
        }
        if !holds_our_arguments(*start as usize, (arguments_end - start) as usize) {
            return None;
        }
        for (name, value) in std::env::vars_os() {
            // SAFETY: no other thread exists yet. `setenv` copies to the heap.
            unsafe { std::env::set_var(name, value) };
        }
        let contiguous = env_start == arguments_end;
        let end = if contiguous { env_end } else { arguments_end };
        Some(TitleArea {
            start: *start as usize,
            bytes: (end - start) as usize,
            arguments_end: *arguments_end as usize,
        })
    });
}

/// True if the kernel's argument area holds our arguments. Below an emulator (valgrind) it holds
/// the emulator's, by which its tools find it.
fn holds_our_arguments(start: usize, bytes: usize) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let mut ours = Vec::new();
    for argument in std::env::args_os() {
        ours.extend_from_slice(argument.as_bytes());
        ours.push(0);
    }
    // SAFETY: the kernel reports this range as mapped memory of this process, and nobody writes to
    // it now: no other thread exists yet.
    ours.len() == bytes && ours == unsafe { std::slice::from_raw_parts(start as *const u8, bytes) }
}

/// Sets what ps shows. Too long a title is cut. False if `prepare_title` found no place for it.
pub fn set_title(title: &[u8]) -> bool {
    let Some(Some(area)) = TITLE_AREA.get() else { return false };
    let len = title.len().min(area.bytes - 1);
    // SAFETY: the area is the memory of arguments and environment as the kernel reports it: it is
    // writable, lives as long as the process, and nobody else uses it since `prepare_title` (the
    // standard library copied the arguments when they were read).
    unsafe {
        let start = area.start as *mut u8;
        std::ptr::write_bytes(start, 0, area.bytes);
        std::ptr::copy_nonoverlapping(title.as_ptr(), start, len);
        // The kernel prints the environment's part too only if the arguments do not end in NUL.
        let last = area.arguments_end - area.start - 1;
        if len < last {
            start.add(last).write(0);
        }
    }
    true
}

/// CPU time of the process, s.
pub fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec, and Linux has a clock for each process.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists() {
        assert_eq!(parse_cpu_list("0-6:2,9"), Some(vec![0, 2, 4, 6, 9]));
        assert_eq!(parse_cpu_list("3"), Some(vec![3]));
        for wrong in ["", "a", "3-1", "1-3:0", "1-9999999", "-1"] {
            assert_eq!(parse_cpu_list(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn figures_of_this_process() {
        assert!(resident_memory() > 100_000);
        assert!(total_memory() > 1 << 20);
        assert!(open_files_limit().unwrap() > 2);
        assert_eq!(system_name().0, "Linux");
    }
}
