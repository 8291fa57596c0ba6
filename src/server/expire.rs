//! Expiry: when a key's time is over, who deletes it, and the cycle that finds what nobody asks
//! for.
//!
//! A key is deleted when it is accessed, or by the cycle. The slow cycle runs at every
//! `server_cron` and may take a share of the time between two; if it did not get through, a fast
//! one runs before each sleep of the loop. Each walks the table of keys with a TTL by a cursor and
//! stops in a database once few of the sampled keys were stale. (Behaviour: Redis' expire.c.)
//!
//! Invariant: each deletion by the cycle is an execution unit of its own, propagated at once.

use super::Server;
use super::clock::unix_us;
use super::hash_expire::FieldCycle;
use crate::config::NotifyFlags;

/// Keys sampled in a database before the share of stale ones is judged.
const KEYS_PER_LOOP: u64 = 20;
const FAST_DURATION_US: u64 = 1000;
/// Share of the time between two cron rounds that the slow cycle may take.
const SLOW_TIME_PERCENT: u64 = 25;
/// With at most so many stale keys of a hundred a database is left alone.
const ACCEPTABLE_STALE_PERCENT: u64 = 10;
const DBS_PER_CALL: usize = 16;
/// Buckets looked at for each key wanted: bounds the work in a sparse table.
const BUCKETS_PER_KEY: u64 = 20;
/// The clock is read once in so many loops.
const LOOPS_PER_CLOCK: u64 = 16;
/// Tries of RANDOMKEY when every key it meets is expired and may not be deleted.
const RANDOM_KEY_TRIES: usize = 100;

/// What `expire_if_needed` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// Not expired, or not there.
    Valid,
    /// Its time is over, but it may not be deleted now (paused).
    Expired,
    /// Its time was over; it is gone.
    Deleted,
}

impl KeyStatus {
    pub fn is_deleted(self) -> bool {
        self == KeyStatus::Deleted
    }
}

/// Which cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    Slow,
    Fast,
}

/// State of expiry.
pub struct ActiveExpire {
    /// DEBUG SET-ACTIVE-EXPIRE: the cycle runs.
    pub enabled: bool,
    /// Nothing is ever expired: the data set is being loaded.
    pub never: bool,
    next_db: usize,
    /// The last cycle ran out of time.
    time_limit_hit: bool,
    last_fast_us: u64,
    /// Of hash fields.
    pub(super) fields: FieldCycle,
    /// Names of expired keys of one loop, end to end: deleting while scanning is not possible.
    names: Vec<u8>,
    ends: Vec<usize>,
}

impl Default for ActiveExpire {
    fn default() -> Self {
        ActiveExpire {
            enabled: true,
            never: false,
            next_db: 0,
            time_limit_hit: false,
            last_fast_us: 0,
            fields: FieldCycle::default(),
            names: Vec::new(),
            ends: Vec::new(),
        }
    }
}

/// `active-expire-effort` in figures.
struct Effort {
    keys_per_loop: u64,
    fast_us: u64,
    slow_percent: u64,
    acceptable_stale_percent: u64,
}

impl Effort {
    /// `effort` is 1..=10.
    fn new(effort: i64) -> Effort {
        let more = effort.clamp(1, 10) as u64 - 1;
        Effort {
            keys_per_loop: KEYS_PER_LOOP + KEYS_PER_LOOP / 4 * more,
            fast_us: FAST_DURATION_US + FAST_DURATION_US / 4 * more,
            slow_percent: SLOW_TIME_PERCENT + 2 * more,
            acceptable_stale_percent: ACCEPTABLE_STALE_PERCENT - more,
        }
    }
}

/// What one cycle saw so far.
#[derive(Default)]
struct Sums {
    sampled: u64,
    expired: u64,
    loops: u64,
}

/// TTLs seen in one database since its average was last updated.
#[derive(Default)]
struct TtlSamples {
    sum_ms: i64,
    count: i64,
    /// Loops that contributed.
    loops: i32,
}

impl TtlSamples {
    /// Moves the average by 2 % for each loop.
    fn flush_into(&mut self, avg_ttl_ms: &mut i64) {
        if self.count > 0 {
            let seen = self.sum_ms / self.count;
            let old = *avg_ttl_ms;
            let weight = 0.98f64.powi(self.loops);
            *avg_ttl_ms =
                if old == 0 { seen } else { seen + ((old - seen) as f64 * weight) as i64 };
        }
        *self = TtlSamples::default();
    }
}

/// On access.
impl Server {
    /// No key is taken for expired at present.
    #[inline]
    pub fn keeps_expired(&self) -> bool {
        self.expire.never || self.loading.active
    }

    /// A pause is on: keys may look expired but must stay, since whoever takes over decides.
    pub(super) fn expire_is_paused(&self) -> bool {
        self.pause.is_paused(super::pause::action::EXPIRE)
    }

    /// Deletes the key if its time is over.
    #[inline]
    pub fn expire_if_needed(&mut self, db: usize, key: &[u8]) -> KeyStatus {
        if self.keyspace.dbs[db].expires_len() == 0 {
            return KeyStatus::Valid;
        }
        let at = self.keyspace.dbs[db].get_expire(key);
        self.expire_if_past(db, key, at)
    }

    /// As `expire_if_needed`, for a key with that expire time.
    #[inline]
    pub fn expire_if_past(&mut self, db: usize, key: &[u8], at: Option<i64>) -> KeyStatus {
        if at.is_none_or(|at| at >= self.clock.cmd_time_ms) || self.keeps_expired() {
            return KeyStatus::Valid;
        }
        self.expire_now(db, key)
    }

    #[cold]
    fn expire_now(&mut self, db: usize, key: &[u8]) -> KeyStatus {
        if self.exec.from_master {
            // The master decides: to it the key is there until it says DEL.
            return KeyStatus::Valid;
        }
        if self.expire_is_paused() || self.is_replica() {
            return KeyStatus::Expired;
        }
        self.delete_expired(db, key);
        KeyStatus::Deleted
    }

    /// Deletes an expired key: counts, notifies, propagates the deletion.
    pub fn delete_expired(&mut self, db: usize, key: &[u8]) {
        let lazy = self.config.lazyfree_lazy_expire;
        let start_us = self.latency_start();
        self.remove_key(db, key, lazy);
        self.latency_end("expire-del", start_us);
        self.notify(NotifyFlags::EXPIRED, "expired", key, db);
        self.signal_modified(db, key);
        self.propagate_deletion(db, key, lazy);
        self.stats.expired_keys += 1;
    }

    /// A deletion that no command asked for, for AOF and replicas.
    pub(super) fn propagate_deletion(&mut self, db: usize, key: &[u8], lazy: bool) {
        let verb: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
        self.propagate.also(db, &[verb, key]);
    }

    /// The name of some key, each with the same probability; expired ones met are deleted.
    pub fn random_key(&mut self, db: usize) -> Option<Box<[u8]>> {
        let mut tries = RANDOM_KEY_TRIES;
        loop {
            let entry = self.keyspace.dbs[db].random_entry()?;
            let (key, at): (Box<[u8]>, _) = (entry.key().into(), entry.expire());
            tries -= 1;
            match self.expire_if_past(db, &key, at) {
                KeyStatus::Valid => return Some(key),
                // None of the keys may be deleted and all may be expired: stop some time.
                KeyStatus::Expired if tries == 0 => return Some(key),
                _ => tries = tries.max(1),
            }
        }
    }

    /// us of the monotonic clock, if latencies are recorded; 0 otherwise.
    pub(super) fn latency_start(&self) -> u64 {
        if self.config.latency_monitor_threshold > 0 { self.clock.monotonic_us() } else { 0 }
    }

    pub(super) fn latency_end(&mut self, event: &'static str, start_us: u64) {
        if self.config.latency_monitor_threshold > 0 {
            let ms = self.clock.monotonic_us().saturating_sub(start_us) / 1000;
            self.latency_add_if_needed(event, ms as i64);
        }
    }
}

/// The cycle.
impl Server {
    /// The short cycle before each sleep.
    pub fn fast_expire_cycle(&mut self) {
        if self.expire.enabled {
            self.active_expire_cycle(Cycle::Fast);
        }
    }

    /// The cycle of `server_cron`.
    pub fn slow_expire_cycle(&mut self) {
        if self.expire.enabled {
            self.active_expire_cycle(Cycle::Slow);
        }
    }

    /// Deletes expired keys and hash fields, for a bounded time.
    pub fn active_expire_cycle(&mut self, cycle: Cycle) {
        if self.keeps_expired() || self.expire_is_paused() {
            return;
        }
        if self.is_replica() {
            if cycle == Cycle::Slow {
                self.expire_replica_keys();
            }
            return;
        }
        let effort = Effort::new(self.config.active_expire_effort);
        let start_us = self.clock.monotonic_us();
        if cycle == Cycle::Fast && !self.fast_cycle_is_due(&effort, start_us) {
            return;
        }
        let dbs = self.keyspace.dbs.len();
        // Out of time the last time: there is work somewhere, so look everywhere.
        let with_ttl = if self.expire.time_limit_hit { dbs } else { DBS_PER_CALL.min(dbs) };
        let hz = self.config.hz.max(1) as u64;
        let limit_us = match cycle {
            Cycle::Fast => effort.fast_us,
            Cycle::Slow => (effort.slow_percent * 10_000 / hz).max(1),
        };
        self.expire.time_limit_hit = false;
        let mut sums = Sums::default();
        let (mut visited, mut performed) = (0, 0);
        while visited < dbs && performed < with_ttl && !self.expire.time_limit_hit {
            let db = self.expire.next_db % dbs;
            // The next call goes on with the next database, even if time runs out in this one.
            self.expire.next_db = db + 1;
            visited += 1;
            self.expire_fields_cycle(cycle);
            if self.keyspace.dbs[db].expires_len() > 0 {
                performed += 1;
                self.expire_db_cycle(db, &effort, &mut sums, start_us + limit_us);
            } else {
                self.keyspace.dbs[db].avg_ttl = 0;
            }
        }
        self.expire_cycle_done(&sums, start_us);
    }

    fn fast_cycle_is_due(&mut self, effort: &Effort, now_us: u64) -> bool {
        let stale = self.stats.expired_stale_perc >= effort.acceptable_stale_percent as f64;
        if !self.expire.time_limit_hit && !stale {
            return false;
        }
        if now_us < self.expire.last_fast_us + effort.fast_us * 2 {
            return false;
        }
        self.expire.last_fast_us = now_us;
        true
    }

    /// Goes on in one database until few keys are stale, its end is reached, or time is over.
    fn expire_db_cycle(&mut self, db: usize, effort: &Effort, sums: &mut Sums, until_us: u64) {
        let mut ttls = TtlSamples::default();
        loop {
            sums.loops += 1;
            let keys = self.keyspace.dbs[db].expires_len() as u64;
            if keys == 0 {
                self.keyspace.dbs[db].avg_ttl = 0;
                return;
            }
            let (sampled, at_end) =
                self.sample_expired(db, keys.min(effort.keys_per_loop), &mut ttls);
            let expired = self.expire.ends.len() as u64;
            self.delete_sampled(db);
            sums.sampled += sampled;
            sums.expired += expired;
            let stale = sampled == 0 || expired * 100 / sampled > effort.acceptable_stale_percent;
            let again = !at_end && stale;
            let clock = sums.loops.is_multiple_of(LOOPS_PER_CLOCK);
            if clock || !again {
                ttls.flush_into(&mut self.keyspace.dbs[db].avg_ttl);
            }
            if clock && self.clock.monotonic_us() > until_us {
                self.expire.time_limit_hit = true;
                self.stats.expired_time_cap_reached += 1;
                return;
            }
            if !again {
                return;
            }
        }
    }

    /// Looks at about `wanted` keys with a TTL; collects the names of expired ones. Returns how
    /// many it looked at, and whether the walk over the database is complete.
    fn sample_expired(&mut self, db: usize, wanted: u64, ttls: &mut TtlSamples) -> (u64, bool) {
        let now_ms = unix_us() / 1000;
        let state = &mut self.expire;
        state.names.clear();
        state.ends.clear();
        let (mut sampled, mut live) = (0, 0);
        let db = &mut self.keyspace.dbs[db];
        let mut cursor = db.expires_cursor;
        for _ in 0..wanted * BUCKETS_PER_KEY {
            cursor = db.scan_expires(cursor, |entry| {
                sampled += 1;
                let ttl = entry.expire().map_or(1, |at| at.saturating_sub(now_ms));
                if ttl <= 0 {
                    state.names.extend_from_slice(entry.key());
                    state.ends.push(state.names.len());
                } else {
                    live += 1;
                    ttls.sum_ms = ttls.sum_ms.saturating_add(ttl);
                    ttls.count += 1;
                }
            });
            if cursor == 0 || sampled >= wanted {
                break;
            }
        }
        ttls.loops += i32::from(live > 0);
        db.expires_cursor = cursor;
        (sampled, cursor == 0)
    }

    fn delete_sampled(&mut self, db: usize) {
        let names = std::mem::take(&mut self.expire.names);
        let ends = std::mem::take(&mut self.expire.ends);
        let mut start = 0;
        for &end in &ends {
            self.delete_expired(db, &names[start..end]);
            self.propagate_now();
            start = end;
        }
        self.expire.names = names;
        self.expire.ends = ends;
    }

    fn expire_cycle_done(&mut self, sums: &Sums, start_us: u64) {
        let elapsed_us = self.clock.monotonic_us() - start_us;
        self.stats.expire_cycle_cpu_us += elapsed_us;
        self.latency_add_if_needed("expire-cycle", (elapsed_us / 1000) as i64);
        let seen = match sums.sampled {
            0 => 0.0,
            sampled => sums.expired as f64 / sampled as f64,
        };
        let stale = &mut self.stats.expired_stale_perc;
        *stale = seen * 0.05 + *stale * 0.95;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_scales_all_limits() {
        let least = Effort::new(1);
        assert_eq!((least.keys_per_loop, least.fast_us), (20, 1000));
        assert_eq!((least.slow_percent, least.acceptable_stale_percent), (25, 10));
        let most = Effort::new(10);
        assert_eq!((most.keys_per_loop, most.fast_us), (65, 3250));
        assert_eq!((most.slow_percent, most.acceptable_stale_percent), (43, 1));
    }

    #[test]
    fn average_ttl_moves_slowly() {
        let mut avg = 0;
        TtlSamples { sum_ms: 300, count: 3, loops: 1 }.flush_into(&mut avg);
        assert_eq!(avg, 100);
        TtlSamples { sum_ms: 10_100, count: 1, loops: 1 }.flush_into(&mut avg);
        assert_eq!(avg, 300);
        TtlSamples::default().flush_into(&mut avg);
        assert_eq!(avg, 300);
    }
}
