//! What LATENCY DOCTOR and LATENCY GRAPH print. Only text: the figures come from `latency`.

use super::latency::{Latency, Series};
use crate::config::AppendFsync;

/// What the advice depends on besides the samples.
pub struct Circumstances {
    pub now_s: i64,
    pub threshold_ms: u64,
    pub slowlog_log_slower_than: i64,
    pub slowlog_max_len: u64,
    pub hz: i64,
    pub appendfsync: AppendFsync,
    /// Anonymous huge pages are in use.
    pub huge_pages: bool,
    /// Speed of the last fork, GB/s.
    pub fork_rate: f64,
}

/// A piece of advice. DOCTOR prints those that apply in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Advice {
    FasterMachine,
    EnableSlowlog,
    TuneSlowlog,
    ReadSlowlog,
    Scheduler,
    LocalDisk,
    Ssd,
    Writeback,
    DiskContention,
    NoAppendfsync,
    RelaxFsync,
    WriteLoad,
    RaiseHz,
    LargeObjects,
    MassEviction,
    HugePages,
}

use Advice::*;

/// The advice that an event of this kind suggests.
fn advice_for(event: &str, c: &Circumstances) -> Vec<Advice> {
    match event {
        "fork" if c.fork_rate < 25.0 => vec![FasterMachine],
        "command" => {
            let mut all = vec![ReadSlowlog, LargeObjects];
            if c.slowlog_log_slower_than < 0 || c.slowlog_max_len == 0 {
                all.push(EnableSlowlog);
            } else if (c.slowlog_log_slower_than / 1000) as u64 > c.threshold_ms {
                all.push(TuneSlowlog);
            }
            all
        }
        "fast-command" => vec![Scheduler],
        "aof-write-pending-fsync" => vec![LocalDisk, DiskContention, Ssd, Writeback],
        "aof-write-active-child" => vec![NoAppendfsync, Writeback, Ssd],
        "aof-write-alone" => vec![LocalDisk, Writeback, Ssd],
        "aof-fsync-always" => vec![RelaxFsync],
        "aof-fstat" | "rdb-unlink-temp-file" => vec![DiskContention, LocalDisk],
        "aof-rewrite-diff-write" | "aof-rename" => vec![WriteLoad, Writeback, Ssd, LocalDisk],
        "expire-cycle" => vec![RaiseHz, LargeObjects],
        "eviction-del" => vec![LargeObjects],
        "eviction-cycle" => vec![MassEviction],
        _ => Vec::new(),
    }
}

fn advice_text(advice: Advice, c: &Circumstances) -> String {
    let slowlog_us = c.threshold_ms * 1000;
    match advice {
        FasterMachine => "Forking is slow on this machine. If it is virtual, a hypervisor or \
            instance type with cheaper fork() calls will shorten these pauses."
            .into(),
        EnableSlowlog => format!(
            "Some commands are slow, but the Slow Log is off and cannot name them. Turn it on with \
             'CONFIG SET slowlog-log-slower-than {slowlog_us}'."
        ),
        TuneSlowlog => format!(
            "The Slow Log only keeps commands slower than what the latency monitor looks for. Use \
             'CONFIG SET slowlog-log-slower-than {slowlog_us}' to see all of them."
        ),
        ReadSlowlog => "Check your Slow Log to find out which commands take so long. See \
            https://redis.io/commands/slowlog for more information."
            .into(),
        Scheduler => "Even code that makes no system call is slow: the process does not get the \
            processor for long periods. You could\n  1) lower the load of the system,\n  2) keep \
            other software off this machine,\n  3) look for noisy neighbours,\n  4) measure with \
            'redis-cli --intrinsic-latency 100'."
            .into(),
        LocalDisk => {
            "Use local disks for persistence, above all with AOF. Network disks are slow.".into()
        }
        Ssd => "SSD disks shorten fsync and the writing of snapshots. Where they are no option, \
            normal disks should still do at a reasonable load."
            .into(),
        Writeback => {
            "Mounting ext3/4 file systems with data=writeback is faster than data=ordered, \
            at the price of an AOF whose end may be incomplete after a crash of the system."
                .into()
        }
        DiskContention => "Lower the disk contention: other processes, maybe other instances, are \
            using the same disk."
            .into(),
        NoAppendfsync => "If your idea of data safety permits it, enable the \
            'no-appendfsync-on-rewrite' option: no fsync while a child writes a snapshot or an AOF."
            .into(),
        RelaxFsync => "The fsync policy is 'always', which is slow by nature. Relax it to \
            'everysec' if you can."
            .into(),
        WriteLoad => {
            "Renaming the AOF or writing what was collected during its rewrite takes long \
            because of a very high write load. Try to do the same work with fewer commands."
                .into()
        }
        RaiseHz => "Make expiring keys more incremental: 'CONFIG SET hz 100'.".into(),
        LargeObjects => "Deleting, expiring or evicting large objects blocks the server. Split \
            large objects that are often deleted into smaller ones, or use UNLINK and the lazyfree \
            options."
            .into(),
        MassEviction => "A sudden change of 'maxmemory' or a very large new object may force the \
            server to evict many keys at once. Try to avoid both."
            .into(),
        HugePages => "The process uses anonymous huge pages, which makes copy on write very slow. \
            Disable them with 'echo never > /sys/kernel/mm/transparent_hugepage/enabled', also in \
            /etc/rc.local, and restart the server."
            .into(),
    }
}

fn fork_quality(rate: f64) -> &'static str {
    match rate {
        r if r < 10.0 => "terrible",
        r if r < 25.0 => "poor",
        r if r < 100.0 => "good",
        _ => "excellent",
    }
}

/// LATENCY DOCTOR.
pub fn doctor(latency: &Latency, c: &Circumstances) -> String {
    if latency.events.is_empty() && c.threshold_ms == 0 {
        return "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis \
            instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in \
            order to enable it. If we weren't in a deep space mission I'd suggest to take a look \
            at https://redis.io/topics/latency-monitor.\n"
            .into();
    }
    let mut report = String::new();
    let mut advice = Vec::new();
    for (idx, (event, series)) in latency.events.iter().enumerate() {
        if idx == 0 {
            report.push_str(
                "Dave, I have observed latency spikes in this Redis instance. You don't mind \
                 talking about it, do you Dave?\n\n",
            );
        }
        report.push_str(&event_line(idx + 1, event, series, c));
        advice.extend(advice_for(event, c));
    }
    if c.huge_pages {
        advice.push(HugePages);
    }
    advice.sort_unstable();
    advice.dedup();
    if advice.is_empty() && latency.events.is_empty() {
        return "Dave, no latency spike was observed during the lifetime of this Redis instance, \
            not in the slightest bit. I honestly think you ought to sit down calmly, take a stress \
            pill, and think things over.\n"
            .into();
    }
    if advice.is_empty() {
        report.push_str("\nThere are latency events, but no easy remedy that I know of.\n");
        return report;
    }
    report.push_str("\nI have a few advices for you:\n\n");
    for item in advice {
        let applies = match item {
            RelaxFsync => c.appendfsync == AppendFsync::Always,
            RaiseHz => c.hz < 100,
            _ => true,
        };
        if applies {
            report.push_str(&format!("- {}\n", advice_text(item, c)));
        }
    }
    report
}

fn event_line(number: usize, event: &str, series: &Series, c: &Circumstances) -> String {
    let s = series.summary(c.now_s);
    let mut line = format!(
        "{number}. {event}: {} latency spikes (average {}ms, mean deviation {}ms, period {:.2} \
         sec). Worst all time event {}ms.",
        s.samples,
        s.average_ms,
        s.deviation_ms,
        s.period_s as f64 / s.samples.max(1) as f64,
        series.max_ms
    );
    if event == "fork" {
        let quality = fork_quality(c.fork_rate);
        line.push_str(&format!(" Fork rate is {:.2} GB/sec ({quality}).", c.fork_rate));
    }
    line.push('\n');
    line
}

const GRAPH_COLUMNS: usize = 80;
const GRAPH_ROWS: usize = 4;
/// Three fill levels of a character cell, from low to high.
const FILL: &[u8; 3] = b"_o#";

/// LATENCY GRAPH: columns of samples, oldest left, each with its age written downwards below it.
pub fn graph(event: &str, series: &Series, now_s: i64) -> String {
    let values: Vec<u64> = series.samples.iter().map(|sample| sample.latency_ms).collect();
    let high = values.iter().copied().max().unwrap_or(0);
    let low = values.iter().copied().min().unwrap_or(0);
    let mut out = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.max_ms,
        "-".repeat(GRAPH_COLUMNS)
    );
    let labels: Vec<String> = series.samples.iter().map(|s| age(now_s - s.time_s)).collect();
    let parts = values.chunks(GRAPH_COLUMNS).zip(labels.chunks(GRAPH_COLUMNS));
    for (idx, (values, labels)) in parts.enumerate() {
        if idx > 0 {
            out.push('\n');
        }
        graph_part(&mut out, values, labels, low, high);
    }
    out
}

fn age(seconds: i64) -> String {
    match seconds {
        s if s < 60 => format!("{s}s"),
        s if s < 3600 => format!("{}m", s / 60),
        s if s < 86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

fn graph_part(out: &mut String, values: &[u64], labels: &[String], low: u64, high: u64) {
    let steps = FILL.len() * GRAPH_ROWS;
    let span = (high - low).max(1) as f64;
    let step = |value: u64| {
        let step = (value - low) as f64 * steps as f64 / span;
        (step as usize).min(steps - 1)
    };
    for row in 0..GRAPH_ROWS {
        let base = (GRAPH_ROWS - row - 1) * FILL.len();
        for value in values {
            out.push(match step(*value).checked_sub(base) {
                None => ' ',
                Some(level) => FILL.get(level).map_or('|', |fill| char::from(*fill)),
            });
        }
        out.push('\n');
    }
    out.push_str(&" ".repeat(values.len()));
    out.push('\n');
    let longest = labels.iter().map(String::len).max().unwrap_or(0);
    for i in 0..longest {
        for label in labels {
            out.push(label.as_bytes().get(i).map_or(' ', |byte| char::from(*byte)));
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circumstances() -> Circumstances {
        Circumstances {
            now_s: 100,
            threshold_ms: 10,
            slowlog_log_slower_than: 10_000,
            slowlog_max_len: 128,
            hz: 10,
            appendfsync: AppendFsync::Everysec,
            huge_pages: false,
            fork_rate: 0.0,
        }
    }

    #[test]
    fn doctor_speaks_of_each_event() {
        let mut latency = Latency::default();
        assert!(doctor(&latency, &circumstances()).starts_with("Dave, no latency spike"));
        let off = Circumstances { threshold_ms: 0, ..circumstances() };
        assert!(doctor(&latency, &off).starts_with("I'm sorry, Dave"));
        latency.add("command", 90, 300);
        latency.add("command", 91, 500);
        let report = doctor(&latency, &circumstances());
        let line = "1. command: 2 latency spikes (average 400ms, mean deviation 100ms, period 5.00 \
            sec). Worst all time event 500ms.\n";
        assert!(report.contains(line), "{report}");
        assert!(report.contains("- Check your Slow Log"));
    }

    #[test]
    fn graph_fills_columns_and_prints_ages_downwards() {
        let mut latency = Latency::default();
        latency.add("command", 40, 300);
        latency.add("command", 95, 400);
        let text = graph("command", latency.get(b"command").unwrap().1, 100);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "command - high 400 ms, low 300 ms (all time high 400 ms)");
        assert_eq!(lines[2..8], [" #", " |", " |", "_|", "  ", "15"]);
        assert_eq!(lines[8], "ms");
    }
}
