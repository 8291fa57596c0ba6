//! Eviction: keeps `used_memory` below `maxmemory` by deleting keys the policy can spare.
//!
//! The LRU, LFU and TTL policies do not know the best key: each round samples some keys of every
//! database into a small pool, ordered by how good a victim a key is, and takes the best one that
//! still exists. The pool survives between rounds, which makes a few samples nearly as good as a
//! true order. (Behaviour: Redis' evict.c; the arithmetic of the clocks is in `storage::evict`.)
//!
//! Invariant: the pool is ordered, worst victim first, and never longer than `POOL_SIZE`.

use super::Server;
use crate::config::{Config, MaxmemoryPolicy, NotifyFlags};
use crate::storage::encoding::hashtable::set_memory_limit;
use crate::storage::entry_view::EntryRef;
use crate::storage::evict::{LfuParams, lfu_decayed, lfu_minutes, lru_idle_s};
use crate::sys::malloc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

const POOL_SIZE: usize = 16;
/// After so many deletions time and (when freeing is lazy) memory are looked at.
const KEYS_PER_CHECK: u64 = 16;
/// `maxmemory-eviction-tenacity` up to here means a limit that grows linearly …
const LINEAR_TENACITY: i64 = 10;
/// … by so many us a step, and by 15 % a step from there on.
const TENACITY_STEP_US: u64 = 50;
/// Pause between two looks at memory while the free thread works, us.
const LAZYFREE_POLL_US: u64 = 1000;

/// A candidate.
struct Candidate {
    /// How good a victim: idle seconds, inverted frequency, or inverted expire time.
    idle: u64,
    db: usize,
    key: Vec<u8>,
}

/// State of eviction.
#[derive(Default)]
pub struct Eviction {
    /// The policy is one of the LFU ones: entries hold LFU bits.
    pub lfu: bool,
    /// Memory was above the limit, and evicting did not help, when the last command began: scripts
    /// go by that, since what they do themselves must not make them fail half way.
    pub out_of_memory: bool,
    log_factor: u32,
    decay_time_min: u32,
    pool: Vec<Candidate>,
    /// The random policies take the databases in turn.
    next_db: usize,
    /// Memory is above the limit and time was up: go on in the next turn of the loop.
    running: bool,
    /// us of the monotonic clock since when memory is above the limit.
    exceeded_since_us: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ok,
    Running,
    Fail,
}

impl Eviction {
    /// Takes over what the configuration says; to be called when one of its settings changes.
    pub fn configure(&mut self, config: &Config) {
        self.lfu = config.maxmemory_policy.is_lfu();
        self.log_factor = u32::try_from(config.lfu_log_factor).unwrap_or(u32::MAX);
        self.decay_time_min = u32::try_from(config.lfu_decay_time).unwrap_or(u32::MAX);
        set_memory_limit(usize::try_from(config.maxmemory).unwrap_or(usize::MAX));
        // Idle figures of another policy would not compare.
        self.pool.clear();
    }

    pub fn lfu_params(&self, now_ms: i64) -> LfuParams {
        LfuParams {
            log_factor: self.log_factor,
            decay_time_min: self.decay_time_min,
            now_min: lfu_minutes(now_ms),
        }
    }

    /// Eviction goes on in the next turn of the loop, which must not sleep.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Puts a candidate into the pool if it is better than the worst, or if there is room.
    fn offer(&mut self, idle: u64, db: usize, key: &[u8]) {
        let place = self.pool.partition_point(|other| other.idle < idle);
        if self.pool.len() < POOL_SIZE {
            self.pool.insert(place, Candidate { idle, db, key: key.to_vec() });
        } else if place > 0 {
            let mut reused = self.pool.remove(0);
            reused.key.clear();
            reused.key.extend_from_slice(key);
            (reused.idle, reused.db) = (idle, db);
            self.pool.insert(place - 1, reused);
        }
    }
}

/// How long one call may evict; `None` = as long as it takes.
fn time_limit_us(tenacity: i64) -> Option<u64> {
    match tenacity {
        ..=LINEAR_TENACITY => Some(TENACITY_STEP_US * tenacity.max(0) as u64),
        11..=99 => {
            let linear = (TENACITY_STEP_US * LINEAR_TENACITY as u64) as f64;
            Some((linear * 1.15f64.powi((tenacity - LINEAR_TENACITY) as i32)) as u64)
        }
        _ => None,
    }
}

/// How good a victim an entry is.
fn idleness(entry: &EntryRef<'_>, policy: MaxmemoryPolicy, lru_clock: u32, lfu: &LfuParams) -> u64 {
    if policy.is_lfu() {
        u64::from(u8::MAX - lfu_decayed(entry.lru(), lfu))
    } else if policy == MaxmemoryPolicy::VolatileTtl {
        u64::MAX - entry.expire().map_or(u64::MAX, |at| at.max(0) as u64)
    } else {
        u64::from(lru_idle_s(entry.lru(), lru_clock))
    }
}

/// Memory.
impl Server {
    /// LFU settings with the present time.
    #[inline]
    pub fn lfu_params(&self) -> LfuParams {
        self.eviction.lfu_params(self.clock.now_ms)
    }

    /// Bytes that evicting keys cannot free and that must not make it try: AOF and replica buffers
    /// shrink by themselves, and grow by what eviction propagates.
    pub fn mem_not_counted_for_evict(&self) -> usize {
        let stream = self.replication.stream.memory_bytes();
        // What is beyond the backlog goes by itself, also when the last replica has left.
        let beyond = stream.saturating_sub(self.backlog_size() as usize)
            + self.replication.stream.spare_bytes();
        self.propagate.pending_bytes() + self.aof.buffer_bytes() + beyond
    }

    /// Bytes by which counted memory exceeds `maxmemory`; 0 = within the limit.
    pub fn memory_to_free(&self) -> usize {
        let limit = usize::try_from(self.config.maxmemory).unwrap_or(usize::MAX);
        let used = malloc::used_memory();
        if limit == 0 || used <= limit {
            return 0;
        }
        used.saturating_sub(self.mem_not_counted_for_evict()).saturating_sub(limit)
    }

    /// us for which memory has been above the limit by now; 0 = it is not.
    pub fn eviction_exceeded_us(&self) -> u64 {
        let now_us = self.clock.monotonic_us();
        self.eviction.exceeded_since_us.map_or(0, |since| now_us.saturating_sub(since))
    }

    /// Allocating `more` bytes would exceed `maxmemory`.
    pub fn over_maxmemory_after_alloc(&self, more: usize) -> bool {
        let limit = usize::try_from(self.config.maxmemory).unwrap_or(usize::MAX);
        let used = malloc::used_memory().saturating_add(more);
        limit != 0 && used > limit && used.saturating_sub(self.mem_not_counted_for_evict()) > limit
    }
}

impl Server {
    /// Deletes keys until memory is below the limit or the time for it is up. False if memory is
    /// above the limit and nothing can be done about it: commands that need memory are refused.
    /// Does nothing while evicting is not safe (a pause, loading).
    pub fn perform_evictions(&mut self) -> bool {
        let paused = self.pause.is_paused(super::pause::action::EVICT);
        let ignored = self.is_replica() && self.config.replica_ignore_maxmemory;
        if paused || self.expire.never || ignored {
            return true;
        }
        if self.memory_to_free() > 0 {
            // Spare buffers are worth less than any key.
            self.drop_spare_buffers();
            self.wait_for_huge_values();
        }
        let outcome = match self.memory_to_free() {
            0 => Outcome::Ok,
            _ if self.config.maxmemory_policy == MaxmemoryPolicy::Noeviction => Outcome::Fail,
            excess => self.evict(excess),
        };
        self.eviction.running = outcome == Outcome::Running;
        self.account_exceeded_time(outcome);
        outcome != Outcome::Fail
    }

    /// Eviction begins in this turn of the loop, but not within the command that runs.
    pub fn evict_soon(&mut self) {
        self.eviction.running = true;
    }

    /// Goes on with an eviction that ran out of time; once a turn of the loop.
    pub fn continue_eviction(&mut self) {
        if self.eviction.running {
            self.perform_evictions();
        }
    }

    fn account_exceeded_time(&mut self, outcome: Outcome) {
        if outcome == Outcome::Ok {
            if let Some(since) = self.eviction.exceeded_since_us.take() {
                let us = self.clock.monotonic_us().saturating_sub(since);
                self.stats.total_eviction_exceeded_us += us;
            }
        } else if self.eviction.exceeded_since_us.is_none() {
            self.eviction.exceeded_since_us = Some(self.clock.monotonic_us());
        }
    }

    fn evict(&mut self, excess: usize) -> Outcome {
        let start_us = self.clock.monotonic_us();
        let limit_us = time_limit_us(self.config.maxmemory_eviction_tenacity);
        let time_is_up = |now_us: u64| limit_us.is_some_and(|limit| now_us - start_us > limit);
        let mut freed: i64 = 0;
        let mut keys = 0;
        let mut outcome = Outcome::Ok;
        while freed < excess as i64 {
            let Some((db, key)) = self.next_victim() else {
                outcome = self.wait_for_lazyfree(start_us, limit_us);
                break;
            };
            freed += self.delete_evicted(db, &key);
            keys += 1;
            if u64::is_multiple_of(keys, KEYS_PER_CHECK) {
                // Memory freed by the other thread does not show in `freed`.
                if self.config.lazyfree_lazy_eviction && self.memory_to_free() == 0 {
                    break;
                }
                if time_is_up(self.clock.monotonic_us()) {
                    outcome = Outcome::Running;
                    break;
                }
            }
        }
        self.latency_end("eviction-cycle", start_us);
        outcome
    }

    /// Nothing left to evict: what the free thread still holds may be enough.
    fn wait_for_lazyfree(&mut self, start_us: u64, limit_us: Option<u64>) -> Outcome {
        let wait_us = self.latency_start();
        let limit_us = limit_us.unwrap_or(u64::MAX);
        let mut outcome = Outcome::Fail;
        while self.lazyfree.pending() > 0 && self.clock.monotonic_us() - start_us < limit_us {
            if self.memory_to_free() == 0 {
                outcome = Outcome::Ok;
                break;
            }
            std::thread::sleep(Duration::from_micros(limit_us.min(LAZYFREE_POLL_US)));
        }
        self.latency_end("eviction-lazyfree", wait_us);
        outcome
    }

    /// What was to be freed at once, but is with the free thread for its size, must not cost other
    /// keys, nor an error.
    fn wait_for_huge_values(&self) {
        if !self.lazyfree.has_huge() {
            return;
        }
        let done = self.lazyfree.free_and_tell(Box::new(()));
        let pause = Duration::from_micros(LAZYFREE_POLL_US);
        let waits = || done.recv_timeout(pause) == Err(RecvTimeoutError::Timeout);
        while self.memory_to_free() > 0 && waits() {}
    }

    fn next_victim(&mut self) -> Option<(usize, Vec<u8>)> {
        match self.config.maxmemory_policy {
            MaxmemoryPolicy::AllkeysRandom | MaxmemoryPolicy::VolatileRandom => {
                self.random_victim()
            }
            _ => self.best_victim(),
        }
    }

    fn random_victim(&mut self) -> Option<(usize, Vec<u8>)> {
        let all = self.config.maxmemory_policy.is_allkeys();
        let dbs = self.keyspace.dbs.len();
        for _ in 0..dbs {
            self.eviction.next_db = (self.eviction.next_db + 1) % dbs;
            let id = self.eviction.next_db;
            let db = &self.keyspace.dbs[id];
            let entry = if all { db.random_entry() } else { db.random_expire_entry() };
            if let Some(entry) = entry {
                return Some((id, entry.key().to_vec()));
            }
        }
        None
    }

    fn best_victim(&mut self) -> Option<(usize, Vec<u8>)> {
        let all = self.config.maxmemory_policy.is_allkeys();
        loop {
            if self.populate_pool() == 0 {
                return None;
            }
            while let Some(best) = self.eviction.pool.pop() {
                let found = self.keyspace.dbs[best.db].find(&best.key);
                // A ghost (deleted, or without TTL by now) is passed over.
                if found.is_some_and(|entry| all || entry.expire().is_some()) {
                    return Some((best.db, best.key));
                }
            }
        }
    }

    /// Samples keys of every database into the pool; the number of keys there are to sample.
    fn populate_pool(&mut self) -> usize {
        let policy = self.config.maxmemory_policy;
        let samples = self.config.maxmemory_samples.max(1) as usize;
        let (clock, lfu) = (self.clock.lru_clock, self.lfu_params());
        let mut found: Vec<EntryRef<'_>> = Vec::with_capacity(samples);
        let mut total = 0;
        for (id, db) in self.keyspace.dbs.iter().enumerate() {
            let keys = if policy.is_allkeys() { db.len() } else { db.expires_len() };
            total += keys;
            if keys == 0 {
                continue;
            }
            found.clear();
            if policy.is_allkeys() {
                db.sample(samples, &mut found);
            } else {
                db.sample_expires(samples, &mut found);
            }
            for entry in &found {
                self.eviction.offer(idleness(entry, policy, clock, &lfu), id, entry.key());
            }
        }
        total
    }

    /// Deletes a key to save memory; bytes freed by that alone.
    fn delete_evicted(&mut self, db: usize, key: &[u8]) -> i64 {
        let lazy = self.config.lazyfree_lazy_eviction;
        let before = malloc::used_memory() as i64;
        let start_us = self.latency_start();
        self.remove_key(db, key, lazy);
        self.wait_for_huge_values();
        self.latency_end("evict-del", start_us);
        let freed = before - malloc::used_memory() as i64;
        self.notify(NotifyFlags::EVICTED, "evicted", key, db);
        self.signal_modified(db, key);
        self.propagate_deletion(db, key, lazy);
        self.stats.evicted_keys += 1;
        if self.exec.depth == 0 {
            self.propagate_now();
        }
        freed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_keeps_the_best_in_order() {
        let mut eviction = Eviction::default();
        for idle in [5, 1, 9, 3, 7] {
            eviction.offer(idle, 0, b"k");
        }
        for idle in 10..40 {
            eviction.offer(idle, 0, b"a longer key than before");
        }
        eviction.offer(2, 0, b"no room for the worst");
        let idle: Vec<u64> = eviction.pool.iter().map(|c| c.idle).collect();
        assert_eq!(idle, (24..40).collect::<Vec<_>>());
        assert_eq!(eviction.pool[0].key, b"a longer key than before");
    }

    #[test]
    fn tenacity_as_time() {
        assert_eq!(time_limit_us(0), Some(0));
        assert_eq!(time_limit_us(10), Some(500));
        assert_eq!(time_limit_us(11), Some(575));
        assert!(time_limit_us(99).unwrap() > 120_000_000);
        assert_eq!(time_limit_us(100), None);
    }
}
