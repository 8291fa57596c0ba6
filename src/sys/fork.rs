//! Forked children: `fork`, their end, signals to them, and the memory that a child has of its own.
//! What a child does, and what its end means, is for `server::child`.
//!
//! JUSTIFICATION: `fork`, `waitpid` and `kill` have no safe wrapper in the standard library.

use std::io::{self, BufRead, BufReader};

/// Which side of a `fork` this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// In the parent: the child's process id.
    Parent(i32),
    Child,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildEnd {
    pub pid: i32,
    /// Exit status; -1 if a signal ended it.
    pub status: i32,
    /// The signal that ended it; 0 = it exited.
    pub signal: i32,
}

/// Splits the process in two. Only from the main thread. In the child no other thread exists: it
/// may take no lock that another thread may have held (the allocator takes care of its own), and
/// must end by `process::exit_now`.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: no pointers. What the child may do is the caller's promise, above.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// `pid` -1 = any child. `None`: none of them has ended.
fn wait(pid: i32, flags: i32) -> io::Result<Option<ChildEnd>> {
    let mut state = 0;
    // SAFETY: the pointer is valid for the call.
    let ended = unsafe { libc::waitpid(pid, &mut state, flags) };
    match ended {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => {
            let exited = libc::WIFEXITED(state);
            let killed = libc::WIFSIGNALED(state);
            Ok(Some(ChildEnd {
                pid,
                status: if exited { libc::WEXITSTATUS(state) } else { -1 },
                signal: if killed { libc::WTERMSIG(state) } else { 0 },
            }))
        }
    }
}

/// A child that has ended, if there is one; does not wait.
pub fn ended_child() -> io::Result<Option<ChildEnd>> {
    wait(-1, libc::WNOHANG)
}

/// Waits until this child has ended.
pub fn wait_for(pid: i32) -> io::Result<ChildEnd> {
    loop {
        match wait(pid, 0) {
            Ok(Some(end)) => return Ok(end),
            Ok(None) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Sends a signal to a process. A process that has ended meanwhile is no error.
pub fn send_signal(pid: i32, signal: i32) {
    // SAFETY: no pointers.
    unsafe { libc::kill(pid, signal) };
}

/// Process id of the parent.
pub fn parent_pid() -> i32 {
    // SAFETY: no pointers.
    unsafe { libc::getppid() }
}

/// Bytes of this process that it shares with no other: in a forked child, what was copied on
/// write. 0 if the system does not tell.
pub fn private_dirty() -> usize {
    let file = std::fs::File::open("/proc/self/smaps_rollup")
        .or_else(|_| std::fs::File::open("/proc/self/smaps"));
    let Ok(file) = file else { return 0 };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines.filter_map(|line| private_dirty_of(&line)).sum()
}

fn private_dirty_of(line: &str) -> Option<usize> {
    let kilobytes = line.strip_prefix("Private_Dirty:")?.trim().strip_suffix("kB")?;
    Some(kilobytes.trim().parse::<usize>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_tell_how_they_ended() {
        let Forked::Parent(pid) = fork().expect("fork") else {
            crate::sys::process::exit_now(7);
        };
        let end = wait_for(pid).expect("own child");
        assert_eq!(end, ChildEnd { pid, status: 7, signal: 0 });
        let Forked::Parent(pid) = fork().expect("fork") else {
            loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            }
        };
        send_signal(pid, libc::SIGKILL);
        let end = wait_for(pid).expect("own child");
        assert_eq!(end, ChildEnd { pid, status: -1, signal: libc::SIGKILL });
    }

    #[test]
    fn own_memory_is_told() {
        assert!(private_dirty() > 10_000);
        assert_eq!(private_dirty_of("Private_Dirty:      12 kB"), Some(12 * 1024));
        assert_eq!(private_dirty_of("Private_Clean:      12 kB"), None);
    }
}
