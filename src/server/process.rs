//! What the server does to its own process at start and when the configuration changes: limits,
//! title, OOM score, huge pages, CPU sets, supervisor, pid file.

use std::path::PathBuf;

use super::Server;
use super::log;
use crate::config::{Config, OomScoreAdj, Supervised, proc_title, strerror};
use crate::sys::{process, socket};

/// Descriptors kept for what is not a client: listeners, files, the cluster bus.
pub const RESERVED_FDS: u64 = 32;
/// Steps in which a smaller limit of open files is tried.
const LIMIT_STEP: u64 = 16;
const DEFAULT_PID_FILE: &str = "/var/run/redis.pid";
const OOM_SCORE_FILE: &str = "/proc/self/oom_score_adj";

/// State of the process.
#[derive(Debug, Default)]
pub struct Process {
    /// Absolute path of the program.
    pub executable: String,
    /// argv[0]: `{title}` of `proc-title-template`.
    pub title: Vec<u8>,
    pub supervised: Option<Supervised>,
    /// To be removed at exit.
    pub pid_file: Option<PathBuf>,
    /// The OOM score of before we changed it.
    pub oom_score_base: Option<i32>,
    /// Bytes of memory in use when the server was ready to load data.
    pub startup_memory: usize,
    pub total_memory: u64,
    /// System, release and machine.
    pub system: (String, String, String),
}

impl Process {
    /// Tells systemd, if it supervises us.
    pub fn notify_supervisor(&self, message: &str) {
        if self.supervised != Some(Supervised::Systemd) {
            return;
        }
        match socket::notify_supervisor(message) {
            Ok(true) => {}
            Ok(false) => log::warning("systemd supervision error: NOTIFY_SOCKET not found!"),
            Err(e) => log::warning(&format!("systemd supervision error: sd_notify: {e}")),
        }
    }

    /// `supervised`: finds the supervisor, and tells it that we start.
    pub fn set_up_supervision(&mut self, config: &Config) {
        let has = |name: &str| std::env::var_os(name).is_some();
        let mode = match config.supervised {
            Supervised::Auto if has("UPSTART_JOB") => {
                log::verbose("Upstart supervision detected.");
                Supervised::Upstart
            }
            Supervised::Auto if has("NOTIFY_SOCKET") => {
                log::verbose("Systemd supervision detected.");
                Supervised::Systemd
            }
            mode => mode,
        };
        match mode {
            Supervised::Upstart if !has("UPSTART_JOB") => {
                log::warning("upstart supervision requested, but UPSTART_JOB not found!");
            }
            Supervised::Upstart => {
                log::notice("supervised by upstart, will stop to signal readiness.");
                self.supervised = Some(mode);
                crate::sys::signal::stop_self();
            }
            Supervised::Systemd if !has("NOTIFY_SOCKET") => {
                log::warning(
                    "systemd supervision requested or auto-detected, but NOTIFY_SOCKET not found!",
                );
            }
            Supervised::Systemd => {
                self.supervised = Some(mode);
                self.notify_supervisor("STATUS=Redis is loading...\n");
                log::notice(
                    "Supervised by systemd. Please make sure you set appropriate values \
                             for TimeoutStartSec and TimeoutStopSec in your service unit.",
                );
            }
            Supervised::Auto | Supervised::No => {}
        }
    }

    /// Writes the pid file, if there is to be one.
    pub fn create_pid_file(&mut self, config: &Config, background: bool) {
        use std::os::unix::ffi::OsStringExt;
        let configured = config.pidfile.clone().filter(|path| !path.is_empty());
        let path = match configured {
            Some(path) => PathBuf::from(std::ffi::OsString::from_vec(path)),
            None if background => PathBuf::from(DEFAULT_PID_FILE),
            None => return,
        };
        if let Err(e) = std::fs::write(&path, format!("{}\n", process::pid())) {
            log::warning(&format!("Failed to write PID file: {}", strerror(&e)));
        }
        self.pid_file = Some(path);
    }

    /// Sets what ps shows. False if it cannot be set.
    pub fn set_title(&self, config: &Config) -> bool {
        if !config.set_proc_title {
            return true;
        }
        let template = &config.proc_title_template;
        match proc_title::expand(config, template, &self.title, false) {
            Some(title) => process::set_title(&title),
            None => false,
        }
    }

    /// Writes `oom_score_adj` for a process of that class (0 master, 1 replica, 2 child). False
    /// (and a line in the log) if that fails.
    pub fn set_oom_score(&mut self, config: &Config, class: usize) -> bool {
        let value = if config.oom_score_adj != OomScoreAdj::No {
            let base = match self.oom_score_base {
                Some(base) => base,
                None => match std::fs::read_to_string(OOM_SCORE_FILE) {
                    Ok(text) => *self.oom_score_base.insert(text.trim().parse().unwrap_or(0)),
                    Err(e) => {
                        let text = strerror(&e);
                        log::warning(&format!("Unable to read oom_score_adj: {text}"));
                        return false;
                    }
                },
            };
            let relative = config.oom_score_adj == OomScoreAdj::Relative;
            let value = config.oom_score_adj_values[class] + if relative { base } else { 0 };
            value.clamp(-1000, 1000)
        } else if let Some(base) = self.oom_score_base.take() {
            base
        } else {
            return true;
        };
        if let Err(e) = std::fs::write(OOM_SCORE_FILE, format!("{value}\n")) {
            log::warning(&format!("Unable to write oom_score_adj: {}", strerror(&e)));
            return false;
        }
        true
    }
}

/// The system allows fewer open files than the server itself needs.
pub struct TooFewFiles;

/// Raises the limit of open files for `maxclients`; lowers `maxclients` to what there is. `Err`:
/// too few to start at all (logged).
pub fn adjust_open_files_limit(config: &mut Config) -> Result<(), TooFewFiles> {
    let wanted = config.maxclients + RESERVED_FDS;
    let old = match process::open_files_limit() {
        Ok(limit) => limit,
        Err(e) => {
            log::warning(&format!(
                "Unable to obtain the current NOFILE limit ({}), assuming 1024 and setting the max \
                 clients configuration accordingly.",
                strerror(&e)
            ));
            config.maxclients = 1024 - RESERVED_FDS;
            return Ok(());
        }
    };
    if old >= wanted {
        return Ok(());
    }
    let mut best = wanted;
    let mut problem = None;
    while best > old {
        match process::set_open_files_limit(best) {
            Ok(()) => break,
            Err(e) => problem = Some(e),
        }
        best = best.saturating_sub(LIMIT_STEP);
    }
    best = best.max(old);
    if best >= wanted {
        log::notice(&format!(
            "Increased maximum number of open files to {wanted} (it was originally set to {old})."
        ));
        return Ok(());
    }
    if best <= RESERVED_FDS {
        log::warning(&format!(
            "Your current 'ulimit -n' of {old} is not enough for the server to start. Please \
             increase your open file limit to at least {wanted}. Exiting."
        ));
        return Err(TooFewFiles);
    }
    let asked = std::mem::replace(&mut config.maxclients, best - RESERVED_FDS);
    log::warning(&format!(
        "You requested maxclients of {asked} requiring at least {wanted} max file descriptors."
    ));
    let reason = problem.as_ref().map(strerror).unwrap_or_default();
    log::warning(&format!(
        "Server can't set maximum open files to {wanted} because of OS error: {reason}."
    ));
    log::warning(&format!(
        "Current maximum open files is {best}. maxclients has been reduced to {} to compensate for \
         low ulimit. If you need higher maxclients increase 'ulimit -n'.",
        config.maxclients
    ));
    Ok(())
}

/// Warns about settings of the kernel that hurt.
pub fn memory_warnings(config: &Config) {
    let overcommit = std::fs::read_to_string("/proc/sys/vm/overcommit_memory");
    if overcommit.is_ok_and(|text| text.trim() != "1") {
        log::warning(
            "WARNING Memory overcommit must be enabled! Without it, a background save or \
             replication may fail under low memory condition. Being disabled, it can also cause \
             failures without low memory condition, see \
             https://github.com/jemalloc/jemalloc/issues/1328. To fix this issue add \
             'vm.overcommit_memory = 1' to /etc/sysctl.conf and then reboot or run the command \
             'sysctl vm.overcommit_memory=1' for this to take effect.",
        );
    }
    let thp = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let always = thp.is_ok_and(|text| text.contains("[always]"));
    if always && (!config.disable_thp || process::disable_transparent_huge_pages().is_err()) {
        log::warning(
            "WARNING You have Transparent Huge Pages (THP) support enabled in your kernel. This \
             will create latency and memory usage issues with Redis. To fix this issue run the \
             command 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled' as root, and add \
             it to your /etc/rc.local in order to retain the setting after a reboot. Redis must be \
             restarted after THP is disabled (set to 'madvise' or 'never').",
        );
    }
}

/// Warns if the kernel's queues are shorter than `tcp-backlog`.
pub fn backlog_warning(config: &Config) {
    if let Some(limit) = socket::somaxconn().filter(|n| *n > 0 && *n < config.tcp_backlog) {
        log::warning(&format!(
            "WARNING: The TCP backlog setting of {} cannot be enforced because \
             /proc/sys/net/core/somaxconn is set to the lower value of {limit}.",
            config.tcp_backlog
        ));
    }
}

/// Binds the calling thread to the CPUs of a directive such as `server-cpulist`.
pub fn set_cpu_affinity(list: Option<&[u8]>) {
    let Some(list) = list.filter(|list| !list.is_empty()) else { return };
    let text = String::from_utf8_lossy(list);
    let outcome = match process::parse_cpu_list(&text) {
        Some(cpus) => process::set_cpu_affinity(&cpus).map_err(|e| strerror(&e)),
        None => Err("malformed list".into()),
    };
    if let Err(reason) = outcome {
        log::warning(&format!("Failed to set CPU affinity to '{text}': {reason}"));
    }
}

impl Server {
    /// Applies a changed `maxclients` to the limit of open files. `Err`: how many are possible.
    pub fn raise_open_files_limit(&mut self) -> Result<(), u64> {
        let wanted = self.config.maxclients;
        if adjust_open_files_limit(&mut self.config).is_err() || self.config.maxclients != wanted {
            return Err(self.config.maxclients);
        }
        Ok(())
    }
}
