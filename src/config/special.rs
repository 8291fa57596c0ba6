//! Directives that fit no generic kind: save points, buffer limits, lists of addresses, the master,
//! the working directory.
//!
//! Each is one `Special` const, named by its row of the table. Invariant, as for every kind: `set`
//! of what `get` prints changes nothing, and a failing `set` leaves the field alone.

use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::Config;
use super::kind::{
    Origin, Reason, RewriteLine, Special, format_memory, line, parse_memory, parse_strtoll,
};
use super::values::{CLIENT_CLASSES, ClientBufferLimit, NotifyFlags, ReplicaOf, SaveParam};
use crate::util::split_args::repr;

/// Most addresses of `bind`, as in Redis.
const BIND_MAX: usize = 16;
const DEFAULT_BIND: [&str; 2] = ["*", "-::*"];
const DEFAULT_SAVE: [(i64, i64); 3] = [(3600, 1), (300, 100), (60, 10_000)];
const DEFAULT_PERCENTILES: [f64; 3] = [50.0, 99.0, 99.9];
const DEFAULT_OOM_SCORE_ADJ: [i32; 3] = [0, 200, 800];
const MB: u64 = 1 << 20;
const DEFAULT_BUFFER_LIMITS: [ClientBufferLimit; 3] = [
    ClientBufferLimit { hard_limit_bytes: 0, soft_limit_bytes: 0, soft_limit_seconds: 0 },
    ClientBufferLimit {
        hard_limit_bytes: 256 * MB,
        soft_limit_bytes: 64 * MB,
        soft_limit_seconds: 60,
    },
    ClientBufferLimit {
        hard_limit_bytes: 32 * MB,
        soft_limit_bytes: 8 * MB,
        soft_limit_seconds: 60,
    },
];

fn forced(text: Vec<u8>) -> RewriteLine {
    RewriteLine { text, force: true }
}

fn is_single_empty(args: &[Vec<u8>]) -> bool {
    matches!(args, [only] if only.is_empty())
}

/// `bind <address> ...`
pub static BIND: Special = Special {
    set: |config, args, _| {
        if args.len() > BIND_MAX {
            return Err("Too many bind addresses specified.".into());
        }
        config.bind = if is_single_empty(args) { Vec::new() } else { args.to_vec() };
        Ok(true)
    },
    get: |config| config.bind.join(&b' '),
    reset: |config| config.bind = DEFAULT_BIND.map(Into::into).to_vec(),
    // The default means "all there is", which an explicit list cannot say: it is never written.
    rewrite: |config, name| {
        if config.bind == DEFAULT_BIND.map(str::as_bytes) {
            return Vec::new();
        }
        let addresses =
            if config.bind.is_empty() { b"\"\"".to_vec() } else { config.bind.join(&b' ') };
        vec![forced(line(name, &addresses))]
    },
};

/// `client-output-buffer-limit <class> <hard> <soft> <seconds> ...`
pub static CLIENT_OUTPUT_BUFFER_LIMIT: Special = Special {
    set: set_buffer_limits,
    get: |config| {
        let parts = CLIENT_CLASSES.iter().zip(&config.client_output_buffer_limit);
        let parts = parts.map(|(class, limit)| {
            format!(
                "{class} {} {} {}",
                limit.hard_limit_bytes, limit.soft_limit_bytes, limit.soft_limit_seconds
            )
        });
        parts.collect::<Vec<_>>().join(" ").into_bytes()
    },
    reset: |config| config.client_output_buffer_limit = DEFAULT_BUFFER_LIMITS,
    rewrite: |config, name| {
        let limits = config.client_output_buffer_limit.iter().zip(&DEFAULT_BUFFER_LIMITS);
        let lines = ["normal", "replica", "pubsub"].iter().zip(limits);
        let lines = lines.map(|(class, (limit, default))| {
            let text = format!(
                "{name} {class} {} {} {}",
                format_memory(limit.hard_limit_bytes),
                format_memory(limit.soft_limit_bytes),
                limit.soft_limit_seconds
            );
            RewriteLine { text: text.into_bytes(), force: limit != default }
        });
        lines.collect()
    },
};

fn set_buffer_limits(config: &mut Config, args: &[Vec<u8>], _: Origin) -> Result<bool, Reason> {
    if !args.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let mut limits = config.client_output_buffer_limit;
    for quad in args.chunks_exact(4) {
        let class = client_class(&quad[0])
            .ok_or("Invalid client class specified in buffer limit configuration.")?;
        let parsed = || {
            Some(ClientBufferLimit {
                hard_limit_bytes: parse_memory(&quad[1])?,
                soft_limit_bytes: parse_memory(&quad[2])?,
                soft_limit_seconds: parse_strtoll(&quad[3], 10).filter(|seconds| *seconds >= 0)?,
            })
        };
        limits[class] = parsed()
            .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
    }
    config.client_output_buffer_limit = limits;
    Ok(true)
}

/// The index of a class of clients; a link to a master has no limit of its own.
fn client_class(name: &[u8]) -> Option<usize> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Some(0),
        b"slave" | b"replica" => Some(1),
        b"pubsub" => Some(2),
        _ => None,
    }
}

/// `dir <path>`: the working directory of the process is the value, there is no field.
pub static DIR: Special = Special {
    set: |_, args, _| {
        let [path] = args else {
            return Err("wrong number of arguments".into());
        };
        let path = std::ffi::OsStr::from_bytes(path);
        std::env::set_current_dir(path).map_err(|error| super::strerror(&error))?;
        Ok(true)
    },
    get: |_| std::env::current_dir().map_or(Vec::new(), |dir| dir.into_os_string().into_vec()),
    reset: |_| {},
    rewrite: |config, name| match (DIR.get)(config) {
        unknown if unknown.is_empty() => Vec::new(),
        dir => vec![forced(line(name, &repr(&dir)))],
    },
};

/// `latency-tracking-info-percentiles <percentile> ...`
pub static LATENCY_TRACKING_INFO_PERCENTILES: Special = Special {
    set: |config, args, _| {
        let args = if is_single_empty(args) { &[] } else { args };
        let percentiles = args.iter().map(|arg| {
            let number: f64 = std::str::from_utf8(arg).ok()?.parse().ok()?;
            (!number.is_nan()).then_some(number)
        });
        let percentiles: Vec<f64> = percentiles
            .collect::<Option<_>>()
            .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if percentiles.iter().any(|number| !(0.0..=100.0).contains(number)) {
            return Err(
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
                    .into(),
            );
        }
        config.latency_tracking_info_percentiles = percentiles;
        Ok(true)
    },
    get: print_percentiles,
    reset: |config| config.latency_tracking_info_percentiles = DEFAULT_PERCENTILES.to_vec(),
    // Always written: an absent line would bring the defaults back.
    rewrite: |config, name| {
        let mut value = print_percentiles(config);
        if value.is_empty() {
            value = b"\"\"".to_vec();
        }
        vec![forced(line(name, &value))]
    },
};

fn print_percentiles(config: &Config) -> Vec<u8> {
    let numbers = config.latency_tracking_info_percentiles.iter().map(|number| {
        let text = format!("{number:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    });
    numbers.collect::<Vec<_>>().join(" ").into_bytes()
}

/// `notify-keyspace-events <letters>`
pub static NOTIFY_KEYSPACE_EVENTS: Special = Special {
    set: |config, args, _| {
        let [letters] = args else {
            return Err("wrong number of arguments".into());
        };
        config.notify_keyspace_events = NotifyFlags::parse(letters)
            .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        Ok(true)
    },
    get: |config| config.notify_keyspace_events.letters(),
    reset: |config| config.notify_keyspace_events = NotifyFlags::default(),
    rewrite: |config, name| {
        let letters = repr(&config.notify_keyspace_events.letters());
        let force = !config.notify_keyspace_events.is_empty();
        vec![RewriteLine { text: line(name, &letters), force }]
    },
};

/// `oom-score-adj-values <master> <replica> <child>`
pub static OOM_SCORE_ADJ_VALUES: Special = Special {
    set: |config, args, _| {
        let [master, replica, child] = args else {
            return Err("wrong number of arguments".into());
        };
        let mut values = [0; 3];
        for (value, arg) in values.iter_mut().zip([master, replica, child]) {
            *value = parse_strtoll(arg, 10)
                .and_then(|number| i32::try_from(number).ok())
                .filter(|number| (-2000..=2000).contains(number))
                .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
        }
        if !values.is_sorted() {
            log::warn!(
                "The oom-score-adj-values configuration may not work for non-privileged \
                 processes! Please consult the documentation."
            );
        }
        let changed = config.oom_score_adj_values != values;
        config.oom_score_adj_values = values;
        Ok(changed)
    },
    get: |config| config.oom_score_adj_values.map(|value| value.to_string()).join(" ").into(),
    reset: |config| config.oom_score_adj_values = DEFAULT_OOM_SCORE_ADJ,
    rewrite: |config, name| {
        let force = config.oom_score_adj_values != DEFAULT_OOM_SCORE_ADJ;
        let text = line(name, &(OOM_SCORE_ADJ_VALUES.get)(config));
        vec![RewriteLine { text, force }]
    },
};

/// `replicaof <host> <port>` or `replicaof no one`
pub static REPLICAOF: Special = Special {
    set: |config, args, _| {
        let [host, port] = args else {
            return Err("wrong number of arguments".into());
        };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            config.replicaof = None;
            return Ok(true);
        }
        let port = parse_strtoll(port, 10)
            .and_then(|port| u16::try_from(port).ok())
            .ok_or("Invalid master port")?;
        config.replicaof = Some(ReplicaOf { host: host.clone(), port });
        Ok(true)
    },
    get: print_replicaof,
    reset: |config| config.replicaof = None,
    // A cluster node takes its master from nodes.conf.
    rewrite: |config, name| {
        if config.cluster_enabled || config.replicaof.is_none() {
            return Vec::new();
        }
        vec![forced(line(name, &print_replicaof(config)))]
    },
};

fn print_replicaof(config: &Config) -> Vec<u8> {
    match &config.replicaof {
        Some(master) => [master.host.as_slice(), b" ", master.port.to_string().as_bytes()].concat(),
        None => Vec::new(),
    }
}

/// `save <seconds> <changes> ...`
pub static SAVE: Special = Special {
    set: set_save,
    get: |config| {
        let points = config.save.iter().map(|point| format!("{} {}", point.seconds, point.changes));
        points.collect::<Vec<_>>().join(" ").into_bytes()
    },
    reset: |config| {
        config.save =
            DEFAULT_SAVE.map(|(seconds, changes)| SaveParam { seconds, changes }).to_vec();
    },
    // Always written: an absent line would bring the defaults back.
    rewrite: |config, name| {
        if config.save.is_empty() {
            return vec![forced(line(name, b"\"\""))];
        }
        let lines = config.save.iter().map(|point| {
            forced(format!("{name} {} {}", point.seconds, point.changes).into_bytes())
        });
        lines.collect()
    },
};

/// In a file each line adds to those before it (the loader drops the defaults at the first one);
/// CONFIG SET replaces everything.
fn set_save(config: &mut Config, args: &[Vec<u8>], origin: Origin) -> Result<bool, Reason> {
    let clear = is_single_empty(args);
    let args = if clear { &[] } else { args };
    let invalid = || Reason::from("Invalid save parameters");
    if !args.len().is_multiple_of(2) {
        return Err(invalid());
    }
    let mut points = Vec::new();
    for pair in args.chunks_exact(2) {
        let seconds = parse_strtoll(&pair[0], 10).filter(|seconds| *seconds >= 1);
        let changes = parse_strtoll(&pair[1], 10).filter(|changes| *changes >= 0);
        points.push(SaveParam {
            seconds: seconds.ok_or_else(invalid)?,
            changes: changes.ok_or_else(invalid)?,
        });
    }
    if clear || origin == Origin::Command {
        config.save.clear();
    }
    config.save.append(&mut points);
    Ok(true)
}
