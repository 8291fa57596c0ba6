//! What the clients' connections cost: each client's memory, its sum by class (INFO), the eviction
//! of the largest clients (`maxmemory-clients`), and the rounds of `clients_cron`.
//!
//! Invariant: `by_class` is the sum of `Client::memory_bytes` over all clients, each under its
//! `memory_class`; a client with a `memory_bucket` stands in that bucket and in no other. A
//! client's figure is as old as its last command (with `maxmemory-clients`) or the last round.

use std::collections::BTreeSet;

use super::Server;
use super::client::{CLIENT_CLASSES, Client, ClientClass, ClientFlags};
use super::connection::{CHUNK_BYTES, Conn};

/// Buckets by the logarithm of the client's memory: up to 32 KiB, 64 KiB, … 8 GiB and more.
const BUCKET_MIN_LOG: u32 = 15;
const BUCKET_MAX_LOG: u32 = 33;
const BUCKETS: usize = (BUCKET_MAX_LOG - BUCKET_MIN_LOG + 1) as usize;
/// No limit is below this: the server could not be talked to any more.
const MIN_EVICTION_LIMIT: usize = 128 * 1024;
/// Peaks are kept for so many seconds.
const PEAK_SLOTS: usize = 8;
/// Clients looked at in a round, at least.
const MIN_CLIENTS_PER_ROUND: usize = 5;
/// Smallest share of its memory that a reply buffer's allowance shrinks to.
const MIN_ALLOWANCE: usize = 1024;
/// How often the peak of a reply buffer starts anew, ms.
pub const DEFAULT_PEAK_RESET_MS: i64 = 5000;
/// A watched key's entries in the registry, a subscription's likewise, without the names.
const WATCH_BYTES: usize = 80;
const SUBSCRIPTION_BYTES: usize = 64;

/// The books.
pub struct ClientMemory {
    by_class: [usize; CLIENT_CLASSES],
    /// Ids of the clients that may be evicted, by size.
    buckets: [BTreeSet<u64>; BUCKETS],
    peak_input: [usize; PEAK_SLOTS],
    peak_output: [usize; PEAK_SLOTS],
    /// The client the last round ended with.
    last_visited: u64,
    /// See `DEFAULT_PEAK_RESET_MS`; negative = never. DEBUG REPLYBUFFER PEAK-RESET-TIME sets it.
    pub peak_reset_ms: i64,
    /// DEBUG REPLYBUFFER RESIZING sets it.
    pub resize_reply_buffers: bool,
}

impl Default for ClientMemory {
    fn default() -> ClientMemory {
        ClientMemory {
            by_class: [0; CLIENT_CLASSES],
            buckets: std::array::from_fn(|_| BTreeSet::new()),
            peak_input: [0; PEAK_SLOTS],
            peak_output: [0; PEAK_SLOTS],
            last_visited: 0,
            peak_reset_ms: DEFAULT_PEAK_RESET_MS,
            resize_reply_buffers: true,
        }
    }
}

impl ClientMemory {
    /// Memory of all clients of a class, bytes (INFO mem_clients_normal and the like).
    pub fn of_class(&self, class: ClientClass) -> usize {
        self.by_class[class as usize]
    }

    /// Largest input buffer of the last seconds, bytes (client_recent_max_input_buffer).
    pub fn recent_max_input(&self) -> usize {
        self.peak_input.into_iter().max().unwrap_or(0)
    }

    /// Largest output of the last seconds, bytes (client_recent_max_output_buffer).
    pub fn recent_max_output(&self) -> usize {
        self.peak_output.into_iter().max().unwrap_or(0)
    }

    fn evictable(&self) -> usize {
        self.of_class(ClientClass::Normal) + self.of_class(ClientClass::Pubsub)
    }

    /// The client to evict next: the first of the highest bucket.
    fn victim(&self) -> Option<u64> {
        self.buckets.iter().rev().find_map(|bucket| bucket.first().copied())
    }

    fn set_bucket(&mut self, client: &mut Client, bucket: Option<u8>) {
        if client.memory_bucket == bucket {
            return;
        }
        if let Some(old) = client.memory_bucket {
            self.buckets[usize::from(old)].remove(&client.id);
        }
        if let Some(new) = bucket {
            self.buckets[usize::from(new)].insert(client.id);
        }
        client.memory_bucket = bucket;
    }

    fn record(&mut self, client: &mut Client, bytes: usize) {
        self.by_class[client.memory_class as usize] -= client.memory_bytes;
        client.memory_class = client.class();
        client.memory_bytes = bytes;
        self.by_class[client.memory_class as usize] += bytes;
    }

    fn track_peaks(&mut self, client: &Client, slot: usize) {
        let query = client.conn.as_ref().map_or(0, |conn| conn.query_memory());
        let input = query + client.argv_bytes;
        self.peak_input[slot] = self.peak_input[slot].max(input);
        self.peak_output[slot] = self.peak_output[slot].max(client.output_memory());
    }
}

fn bucket_of(bytes: usize) -> u8 {
    let log = usize::BITS - bytes.leading_zeros();
    (log.clamp(BUCKET_MIN_LOG, BUCKET_MAX_LOG) - BUCKET_MIN_LOG) as u8
}

impl Server {
    /// All memory that stands for the client, bytes.
    pub fn client_memory_bytes(&self, client: &Client) -> usize {
        let mut bytes = size_of::<Client>() + client.reply_allowance.bytes;
        bytes += self.output_memory_of(client) + client.argv_bytes;
        if let Some(conn) = &client.conn {
            bytes += size_of::<Conn>() + conn.query_memory();
        }
        if let Some(multi) = &client.multi {
            bytes += multi.memory_bytes();
        }
        bytes += self.watches.count_of(client.id) * WATCH_BYTES;
        bytes += self.tracking.get(client.id).map_or(0, |tracker| tracker.prefix_bytes());
        bytes + client.subscriptions() as usize * SUBSCRIPTION_BYTES
    }

    /// Counts the client anew.
    pub fn update_client_memory(&mut self, client: &mut Client) {
        if client.flags.has(ClientFlags::CLOSE_ASAP) {
            return; // it is gone as far as eviction is concerned
        }
        let bytes = self.client_memory_bytes(client);
        self.client_memory.record(client, bytes);
        let class = client.memory_class;
        let evictable = self.config.maxmemory_clients != 0
            && !client.flags.has(ClientFlags::NO_EVICT)
            && client.conn.is_some()
            && matches!(class, ClientClass::Normal | ClientClass::Pubsub);
        self.client_memory.set_bucket(client, evictable.then(|| bucket_of(bytes)));
    }

    /// The client is gone.
    pub fn forget_client_memory(&mut self, client: &mut Client) {
        self.client_memory.record(client, 0);
        self.client_memory.set_bucket(client, None);
    }

    /// `maxmemory-clients` was set: sorts the clients into buckets, or takes them out.
    pub fn apply_maxmemory_clients(&mut self) {
        for id in self.clients.ids() {
            if let Some(mut client) = self.clients.check_out(id) {
                self.update_client_memory(&mut client);
                self.clients.check_in(client);
            }
        }
    }

    /// The limit in bytes, `None` if there is none.
    fn client_eviction_limit(&self) -> Option<usize> {
        let limit = match self.config.maxmemory_clients {
            0 => return None,
            percent @ ..0 if self.config.maxmemory > 0 => {
                (self.config.maxmemory as f64 * -percent as f64 / 100.0) as usize
            }
            ..0 => return None,
            bytes => bytes as usize,
        };
        Some(limit.max(MIN_EVICTION_LIMIT))
    }

    /// Closes the largest clients until all together are below the limit. `current` is the one that
    /// is checked out; it may be closed too.
    pub fn evict_clients(&mut self, mut current: Option<&mut Client>) {
        let Some(limit) = self.client_eviction_limit() else { return };
        while self.client_memory.evictable() >= limit {
            let Some(id) = self.client_memory.victim() else {
                self.log_warning("Over client maxmemory after evicting all evictable clients");
                return;
            };
            self.stats.evicted_clients += 1;
            if let Some(client) = self.clients.check_out(id) {
                let info = self.client_info(&client);
                self.log_notice(&format!("Evicting client: {info}"));
                self.free_client(client);
                continue;
            }
            let client = current.take().filter(|client| client.id == id);
            let client = client.expect("a client in a bucket is checked in or the current one");
            let info = self.client_info(client);
            self.log_notice(&format!("Evicting client: {info}"));
            self.close_later(client);
            client.drop_output();
            self.forget_client_memory(client);
        }
    }

    /// A share of the clients, so that each is looked at once a second: idle ones are closed,
    /// buffers that were not used of late shrink, memory is counted, limits are checked.
    pub fn clients_cron(&mut self) {
        let share = self.clients.len() / self.config.hz.max(1) as usize;
        let rounds = share.max(MIN_CLIENTS_PER_ROUND).min(self.clients.len());
        let slot = self.clock.now_s() as usize % PEAK_SLOTS;
        // The next second starts without what stands there from some seconds ago.
        self.client_memory.peak_input[(slot + 1) % PEAK_SLOTS] = 0;
        self.client_memory.peak_output[(slot + 1) % PEAK_SLOTS] = 0;
        for _ in 0..rounds {
            let after = self.client_memory.last_visited;
            let next = self.clients.id_after(after).or_else(|| self.clients.id_after(0));
            let Some(id) = next else { return };
            self.client_memory.last_visited = id;
            let Some(mut client) = self.clients.check_out(id) else { continue };
            if self.is_idle_too_long(&client) {
                self.log_verbose("Closing idle client");
                self.free_client(client);
                continue;
            }
            self.look_after_client(&mut client, slot);
            let over = client.flags.has(ClientFlags::CLOSE_ASAP);
            self.clients.check_in(client);
            if over {
                self.kill_client(id);
            }
        }
    }

    fn look_after_client(&mut self, client: &mut Client, slot: usize) {
        let idle_s = self.clock.now_s() - client.last_interaction_s;
        if let Some(conn) = client.conn.as_mut() {
            conn.resize_query(idle_s);
        }
        self.resize_reply_allowance(client);
        self.client_memory.track_peaks(client, slot);
        self.update_client_memory(client);
        let replica = client.flags.has(ClientFlags::REPLICA);
        if replica || client.conn.as_ref().is_some_and(|conn| !conn.out.is_empty()) {
            self.check_output_limit(client, false);
        }
    }

    fn is_idle_too_long(&self, client: &Client) -> bool {
        let exempt = ClientFlags::REPLICA
            .and(ClientFlags::MASTER)
            .and(ClientFlags::BLOCKED)
            .and(ClientFlags::PUBSUB);
        self.config.timeout > 0
            && !client.flags.has(exempt)
            && self.clock.now_s() - client.last_interaction_s > self.config.timeout
    }

    /// Doubles the allowance if all of it was used, halves it if not even half was.
    fn resize_reply_allowance(&mut self, client: &mut Client) {
        if !self.client_memory.resize_reply_buffers {
            return;
        }
        let now = self.clock.now_ms;
        let used = client.reply.len().min(client.reply_allowance.bytes);
        let allowance = &mut client.reply_allowance;
        let (half, double) = (allowance.bytes / 2, allowance.bytes * 2);
        if half >= MIN_ALLOWANCE && allowance.peak < half {
            allowance.bytes = (allowance.peak + 1).max(MIN_ALLOWANCE);
            self.stats.reply_buffer_shrinks += 1;
        } else if double < CHUNK_BYTES * 2 && allowance.peak == allowance.bytes {
            allowance.bytes = double.min(CHUNK_BYTES);
            self.stats.reply_buffer_expands += 1;
        }
        let reset_ms = self.client_memory.peak_reset_ms;
        if reset_ms >= 0 && now - allowance.peak_reset_ms >= reset_ms {
            allowance.peak = used;
            allowance.peak_reset_ms = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_powers_of_two() {
        assert_eq!(bucket_of(0), 0);
        assert_eq!(bucket_of((1 << 15) - 1), 0);
        assert_eq!(bucket_of(1 << 15), 1);
        assert_eq!(bucket_of(1 << 20), 6);
        assert_eq!(usize::from(bucket_of(usize::MAX)), BUCKETS - 1);
    }

    #[test]
    fn sums_follow_the_clients() {
        let mut memory = ClientMemory::default();
        let mut a = Client::new(1, None, 0);
        let mut b = Client::new(2, None, 0);
        memory.record(&mut a, 100);
        memory.record(&mut b, 1 << 20);
        memory.set_bucket(&mut a, Some(bucket_of(100)));
        memory.set_bucket(&mut b, Some(bucket_of(1 << 20)));
        assert_eq!(memory.victim(), Some(2));
        b.flags.set(ClientFlags::PUBSUB);
        memory.record(&mut b, 1 << 20);
        assert_eq!(memory.of_class(ClientClass::Normal), 100);
        assert_eq!(memory.of_class(ClientClass::Pubsub), 1 << 20);
        memory.record(&mut b, 0);
        memory.set_bucket(&mut b, None);
        assert_eq!((memory.evictable(), memory.victim()), (100, Some(1)));
    }
}
