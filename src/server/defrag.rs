//! Active defragmentation: whether it runs, how much of the time it takes, and where it is.
//!
//! Ten times a second the fragmentation of the allocator decides: free places in slabs, as a share
//! of what is allocated. A scan then goes over all databases (keys with small values, large values
//! piece by piece, tables of TTLs), cached scripts and the names of channels, a slice of time in
//! each round of cron, and begins again until the fragmentation is low or a scan was in vain: not
//! all memory can be moved, that of the Lua interpreters for one. What was in vain is tried again
//! when memory has changed enough, however long that takes. What moves is decided in
//! `sys::relocate`; how, by the owners of the memory.
//!
//! Not while a child lives: it shares the pages. While data is loaded and while a script takes too
//! long it goes on (`while_blocked`).
//!
//! Invariant: between two steps everything is in its place: a step has no state but cursors, so
//! that any command may run in between.

use super::Server;
use super::pubsub::{NamePlace, SubKind};
use crate::config::Config;
use crate::storage::db::KeyPass;
use crate::sys::relocate::Mover;
use crate::sys::{malloc, script_memory, slabs};

/// Cached scripts that are moved in one step.
const SCRIPTS_PER_STEP: usize = 32;

/// How often the fragmentation is looked at, ms: it rises fast when data is loaded.
const DECIDE_PERIOD_MS: i64 = 100;
/// A scan that leaves more than 1 - 1 / this of the free places was in vain.
const LEAST_GAIN: usize = 32;

/// Counters of INFO.
#[derive(Debug, Default, Clone, Copy)]
pub struct DefragStats {
    /// Blocks moved.
    pub hits: u64,
    /// Blocks left where they are.
    pub misses: u64,
    /// Keys of which something was moved.
    pub key_hits: u64,
    pub key_misses: u64,
    /// Time in which it was running (not only its slices), but for the present run, us.
    total_us: u64,
}

/// Where a scan is.
#[derive(Clone)]
enum Stage {
    /// The keys of a database, from a cursor on.
    Keys(usize, u64),
    /// Its table of keys with a TTL.
    Expires(usize, u64),
    /// Scripts from a number on.
    Scripts(usize),
    /// Names of channels.
    Names(SubKind, NamePlace),
    Done,
}

/// A large value that was put off.
struct PutOff {
    db: usize,
    key: Box<[u8]>,
    cursor: u64,
}

/// One scan over everything.
struct Scan {
    stage: Stage,
    /// To be done before the stage goes on.
    put_off: Vec<PutOff>,
    started_us: u64,
    /// Hits before it.
    hits: u64,
    /// Free places in slabs before it, bytes.
    wasted: usize,
}

/// See the file's documentation.
#[derive(Default)]
pub struct Defrag {
    /// Percent of the time that it takes; 0 = it does not run.
    pub running: i64,
    pub stats: DefragStats,
    /// A directive has changed that decides about `running`.
    pub settings_changed: bool,
    scan: Option<Scan>,
    /// Monotonic us since when it runs.
    since_us: Option<u64>,
    futile: Futile,
}

/// Memory as the last scan left it, if it was in vain.
#[derive(Debug, Default, Clone, Copy)]
struct Futile {
    /// The fewest free places since then, bytes; 0: it was not in vain.
    bytes: usize,
    /// Bytes that had ever been freed when it ended.
    freed: u64,
}

impl Futile {
    /// Whether another scan would be in vain, too: as long as there are not many more free places,
    /// and while most of them may still be those that the scan could do nothing about, because
    /// less was freed than there are. `freed` gives the bytes ever freed.
    fn forbids(&mut self, wasted: usize, freed: impl FnOnce() -> u64) -> bool {
        if self.bytes == 0 || wasted > self.bytes + self.bytes / 8 {
            return false;
        }
        let freed = freed();
        if wasted < self.bytes {
            // What is free now was free then; places that others filled are no longer of interest.
            self.bytes = wasted;
        }
        freed.saturating_sub(self.freed) <= self.bytes as u64
    }
}

impl Defrag {
    /// us since it began to run; 0 if it does not.
    fn current_us(&self, now_us: u64) -> u64 {
        self.since_us.map_or(0, |since| now_us.saturating_sub(since))
    }

    /// ms in which it ran in all, and ms of the present run.
    pub fn times_ms(&self, now_us: u64) -> (u64, u64) {
        let current = self.current_us(now_us);
        ((self.stats.total_us + current) / 1000, current / 1000)
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&mut self) {
        self.stats = DefragStats::default();
        self.since_us = None;
    }

    /// Notes since when it runs, or for how long it ran.
    fn keep_time(&mut self, now_us: u64) {
        if self.running > 0 {
            self.since_us.get_or_insert(now_us);
        } else {
            self.stats.total_us += self.current_us(now_us);
            self.since_us = None;
        }
    }
}

/// How fragmented memory is.
#[derive(Debug, Clone, Copy)]
struct Fragmentation {
    /// Free places in slabs in percent of what is allocated, both without those of scripts.
    percent: f64,
    /// Free places in slabs, bytes.
    bytes: usize,
}

impl Fragmentation {
    fn now() -> Fragmentation {
        let all = malloc::stats().allocated;
        let allocated = all.saturating_sub(script_memory::stats().allocated);
        let bytes = slabs::wasted().data;
        Fragmentation { percent: bytes as f64 * 100.0 / allocated.max(1) as f64, bytes }
    }

    fn is_too_high(&self, config: &Config) -> bool {
        self.percent >= config.active_defrag_threshold_lower as f64
            && self.bytes as u64 >= config.active_defrag_ignore_bytes
    }

    /// Percent of the time to take: from the least at the lower threshold to the most at the upper.
    fn effort(&self, config: &Config) -> i64 {
        let (min, max) = (config.active_defrag_cycle_min, config.active_defrag_cycle_max);
        let lower = config.active_defrag_threshold_lower as f64;
        let range = config.active_defrag_threshold_upper as f64 - lower;
        if range <= 0.0 {
            return max.max(min);
        }
        let effort = min as f64 + (self.percent - lower) * (max - min) as f64 / range;
        (effort as i64).min(max).max(min)
    }
}

impl Server {
    /// What a round of cron does for it.
    pub fn active_defrag_cycle(&mut self) {
        if !self.config.activedefrag {
            self.defrag.futile.bytes = 0;
            if self.defrag.running > 0 {
                self.defrag.running = 0;
                self.defrag.settings_changed = false;
                self.defrag.scan = None;
                self.defrag.keep_time(self.clock.monotonic_us());
            }
            return;
        }
        if self.has_child() {
            return;
        }
        if self.cron.run_with_period(DECIDE_PERIOD_MS) || self.defrag.settings_changed {
            self.decide_defrag();
            self.defrag.settings_changed = false;
        }
        if self.defrag.running == 0 {
            return;
        }
        let start_us = self.clock.monotonic_us();
        self.defrag.keep_time(start_us);
        let share = 10_000 * self.defrag.running / self.config.hz.max(1);
        self.defrag_until(start_us + share.max(1) as u64);
        let end_us = self.clock.monotonic_us();
        self.latency_add_if_needed("active-defrag-cycle", (end_us - start_us) as i64 / 1000);
        self.defrag.keep_time(end_us);
    }

    /// Begins if memory is fragmented, and sets the effort, which a scan that runs only raises.
    fn decide_defrag(&mut self) {
        let fragmentation = Fragmentation::now();
        if self.defrag.settings_changed {
            self.defrag.futile.bytes = 0;
        }
        let futile = self.defrag.futile.forbids(fragmentation.bytes, slabs::freed);
        let begin = fragmentation.is_too_high(&self.config) && !futile;
        if self.defrag.running == 0 && !begin {
            return;
        }
        let effort = fragmentation.effort(&self.config);
        if effort > self.defrag.running || self.defrag.settings_changed {
            self.defrag.running = effort;
            self.log_verbose(&format!(
                "Starting active defrag, frag={:.0}%, frag_bytes={}, cpu={effort}%",
                fragmentation.percent, fragmentation.bytes
            ));
        }
    }

    /// Goes on with the scan until `end_us` of the monotonic clock, or until it need not go on.
    fn defrag_until(&mut self, end_us: u64) {
        let mut mover = Mover::sparse();
        while self.clock.monotonic_us() < end_us {
            if self.defrag_step(&mut mover) {
                continue;
            }
            self.count_moves(&mut mover);
            // What is sparse has changed: by the figures from when this scan had emptied half of
            // the slabs, the next one would find nothing.
            mover = Mover::sparse();
            // Whatever made this scan worth while decides about another one.
            self.defrag.running = 0;
            self.decide_defrag();
            if self.defrag.running == 0 {
                break;
            }
        }
        self.count_moves(&mut mover);
    }

    fn count_moves(&mut self, mover: &mut Mover) {
        self.defrag.stats.hits += std::mem::take(&mut mover.hits);
        self.defrag.stats.misses += std::mem::take(&mut mover.misses);
    }

    /// One step of the scan, which is begun if there is none; false when it has ended.
    fn defrag_step(&mut self, mover: &mut Mover) -> bool {
        let (now_us, hits) = (self.clock.monotonic_us(), self.defrag.stats.hits);
        let mut scan = self.defrag.scan.take().unwrap_or_else(|| {
            slabs::flush_thread_cache();
            let wasted = Fragmentation::now().bytes;
            let stage = Stage::Keys(0, 0);
            Scan { stage, put_off: Vec::new(), started_us: now_us, hits, wasted }
        });
        if scan.put_off.is_empty() {
            scan.stage = self.defrag_stage(scan.stage.clone(), &mut scan.put_off, mover);
        } else {
            self.defrag_put_off(&mut scan.put_off, mover);
        }
        if matches!(scan.stage, Stage::Done) {
            self.end_scan(&scan, mover);
            return false;
        }
        self.defrag.scan = Some(scan);
        true
    }

    fn end_scan(&mut self, scan: &Scan, mover: &Mover) {
        let fragmentation = Fragmentation::now();
        let in_vain = fragmentation.bytes > scan.wasted - scan.wasted / LEAST_GAIN;
        self.defrag.futile = if in_vain {
            Futile { bytes: fragmentation.bytes, freed: slabs::freed() }
        } else {
            Futile::default()
        };
        self.log_verbose(&format!(
            "Active defrag done in {}ms, reallocated={}, frag={:.0}%, frag_bytes={}",
            self.clock.monotonic_us().saturating_sub(scan.started_us) / 1000,
            (self.defrag.stats.hits + mover.hits).saturating_sub(scan.hits),
            fragmentation.percent,
            fragmentation.bytes
        ));
    }

    /// One piece of a large value.
    fn defrag_put_off(&mut self, put_off: &mut Vec<PutOff>, mover: &mut Mover) {
        let Some(value) = put_off.last_mut() else { return };
        let hits = mover.hits;
        value.cursor = match self.keyspace.dbs.get_mut(value.db) {
            Some(db) => db.relocate_value(&value.key, value.cursor, mover),
            None => 0,
        };
        if value.cursor == 0 {
            put_off.pop();
        }
        let stats = &mut self.defrag.stats;
        *if mover.hits > hits { &mut stats.key_hits } else { &mut stats.key_misses } += 1;
    }

    /// One step of a stage; gives where to go on.
    fn defrag_stage(
        &mut self,
        stage: Stage,
        put_off: &mut Vec<PutOff>,
        mover: &mut Mover,
    ) -> Stage {
        match stage {
            Stage::Keys(db, cursor) => match self.defrag_keys(db, cursor, put_off, mover) {
                0 => Stage::Expires(db, 0),
                next => Stage::Keys(db, next),
            },
            Stage::Expires(db, cursor) => {
                let next = match self.keyspace.dbs.get_mut(db) {
                    Some(db) => db.relocate_expires(cursor, mover),
                    None => 0,
                };
                match next {
                    0 if db + 1 < self.keyspace.dbs.len() => Stage::Keys(db + 1, 0),
                    0 => Stage::Scripts(0),
                    next => Stage::Expires(db, next),
                }
            }
            Stage::Scripts(from) => {
                if self.scripts.eval.relocate(from, SCRIPTS_PER_STEP, mover) {
                    Stage::Scripts(from + SCRIPTS_PER_STEP)
                } else {
                    Stage::Names(SubKind::Channel, NamePlace::default())
                }
            }
            Stage::Names(kind, place) => {
                match (self.pubsub.registry(kind).relocate(&place, mover), kind) {
                    (Some(next), _) => Stage::Names(kind, next),
                    (None, SubKind::Channel) => {
                        Stage::Names(SubKind::Pattern, NamePlace::default())
                    }
                    (None, SubKind::Pattern) => Stage::Names(SubKind::Shard, NamePlace::default()),
                    (None, SubKind::Shard) => Stage::Done,
                }
            }
            Stage::Done => Stage::Done,
        }
    }

    fn defrag_keys(
        &mut self,
        number: usize,
        cursor: u64,
        put_off: &mut Vec<PutOff>,
        mover: &mut Mover,
    ) -> u64 {
        let max_parts = usize::try_from(self.config.active_defrag_max_scan_fields);
        let mut pass = KeyPass { max_parts: max_parts.unwrap_or(usize::MAX), ..KeyPass::default() };
        let Some(db) = self.keyspace.dbs.get_mut(number) else { return 0 };
        let next = db.relocate_keys(cursor, mover, &mut pass);
        self.defrag.stats.key_hits += pass.key_hits;
        self.defrag.stats.key_misses += pass.key_misses;
        put_off.extend(pass.put_off.into_iter().map(|key| PutOff { db: number, key, cursor: 0 }));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lower: i64, upper: i64, min: i64, max: i64) -> Config {
        let mut config = Config::default();
        (config.active_defrag_threshold_lower, config.active_defrag_threshold_upper) =
            (lower, upper);
        (config.active_defrag_cycle_min, config.active_defrag_cycle_max) = (min, max);
        config.active_defrag_ignore_bytes = 1000;
        config
    }

    fn fragmentation(percent: f64, bytes: usize) -> Fragmentation {
        Fragmentation { percent, bytes }
    }

    #[test]
    fn the_effort_grows_between_the_thresholds() {
        let config = config(10, 110, 5, 25);
        for (percent, effort) in [(0.0, 5), (10.0, 5), (60.0, 15), (110.0, 25), (900.0, 25)] {
            assert_eq!(fragmentation(percent, 0).effort(&config), effort);
        }
    }

    #[test]
    fn thresholds_and_efforts_may_be_set_the_wrong_way_round() {
        assert_eq!(fragmentation(50.0, 0).effort(&config(10, 10, 1, 25)), 25);
        assert_eq!(fragmentation(50.0, 0).effort(&config(100, 10, 1, 25)), 25);
        assert_eq!(fragmentation(50.0, 0).effort(&config(10, 100, 30, 20)), 30);
    }

    #[test]
    fn little_waste_is_ignored() {
        let config = config(10, 100, 1, 25);
        assert!(fragmentation(10.0, 1000).is_too_high(&config));
        assert!(!fragmentation(9.9, 1000).is_too_high(&config));
        assert!(!fragmentation(50.0, 999).is_too_high(&config));
    }

    #[test]
    fn what_was_in_vain_is_tried_again_when_things_have_changed() {
        let vain = Futile { bytes: 8000, freed: 500 };
        let mut futile = vain;
        assert!(futile.forbids(9000, || 500) && !futile.forbids(9001, || 500));
        // As much was freed as there is free.
        assert!(futile.forbids(8000, || 8500) && !futile.forbids(8000, || 8501));
        // Others filled places, and then there is more than that.
        let mut futile = vain;
        assert!(futile.forbids(1000, || 510));
        assert!(!futile.forbids(1126, || 520) && futile.forbids(1125, || 530));
        assert!(futile.forbids(1000, || 1500) && !futile.forbids(1000, || 1501));
        let mut none = Futile::default();
        assert!(!none.forbids(0, || 0) && !none.forbids(100, || 0));
    }

    #[test]
    fn the_time_of_runs_is_added_up() {
        let mut defrag = Defrag { running: 5, ..Defrag::default() };
        defrag.keep_time(1000);
        defrag.keep_time(5000);
        assert_eq!(defrag.times_ms(6000), (5, 5));
        defrag.running = 0;
        defrag.keep_time(8000);
        assert_eq!(defrag.times_ms(90_000), (7, 0));
        defrag.reset_stats();
        assert_eq!(defrag.times_ms(90_000), (0, 0));
    }
}
