//! Where the memory goes: the figures behind INFO memory, MEMORY STATS and MEMORY DOCTOR.
//!
//! `overhead` is what the server knows it uses for itself; the data set is the rest.

use super::Server;
use super::client::ClientClass;

/// Overhead of one database, bytes.
#[derive(Debug, Clone, Copy)]
pub struct DbOverhead {
    pub id: usize,
    /// Table of keys, and the entries' headers.
    pub main: usize,
    /// Table of keys with a TTL.
    pub expires: usize,
}

/// A ratio and the difference of the same two figures.
#[derive(Debug, Clone, Copy)]
pub struct Excess {
    pub ratio: f64,
    pub bytes: i64,
}

fn excess(large: usize, small: usize) -> Excess {
    Excess { ratio: large as f64 / small.max(1) as f64, bytes: large as i64 - small as i64 }
}

/// All figures, in bytes where not said otherwise.
#[derive(Debug, Clone)]
pub struct MemoryOverview {
    pub peak: usize,
    pub used: usize,
    pub startup: usize,
    pub clients_normal: usize,
    pub dbs: Vec<DbOverhead>,
    /// Bucket arrays of all tables.
    pub lut: usize,
    /// Bucket arrays that are being moved to.
    pub lut_rehashing: usize,
    /// Number of tables that are rehashing.
    pub rehashing_tables: usize,
    pub overhead: usize,
    pub dataset: usize,
    pub dataset_percent: f64,
    pub peak_percent: f64,
    pub keys: usize,
    pub bytes_per_key: usize,
    pub allocator_frag: Excess,
    pub allocator_rss: Excess,
    pub rss_overhead: Excess,
    pub fragmentation: Excess,
}

/// Bytes of an entry that are neither key nor value.
const ENTRY_HEADER_BYTES: usize = 16;

impl Server {
    /// Takes stock. Costs time in proportion to the number of databases, not of keys.
    pub fn memory_overview(&mut self) -> MemoryOverview {
        let used = self.update_peak_memory();
        let peak = self.stats.peak_memory;
        let startup = self.process.startup_memory;
        let figures = self.cron.memory;
        let allocated = figures.all.allocated.saturating_sub(figures.scripts.allocated);
        let clients_normal = [ClientClass::Normal, ClientClass::Pubsub, ClientClass::Master]
            .into_iter()
            .map(|class| self.client_memory.of_class(class))
            .sum::<usize>();
        let scripts = self.scripts.overhead_bytes();
        let replication = self.replication.stream.memory_bytes();
        let mut overhead = startup + clients_normal + replication + scripts;
        let (mut keys, mut lut, mut lut_rehashing, mut rehashing_tables) = (0, 0, 0, 0);
        let mut dbs = Vec::new();
        for db in self.keyspace.dbs.iter().filter(|db| db.keys().is_made()) {
            let (main, expires) = db.table_bytes();
            let main = main + db.len() * ENTRY_HEADER_BYTES;
            overhead += main + expires;
            keys += db.len();
            for (all, rehashing) in [db.keys().lut_bytes(), db.expires().lut_bytes()] {
                lut += all;
                lut_rehashing += rehashing;
            }
            rehashing_tables += db.keys().rehashing_tables() + db.expires().rehashing_tables();
            dbs.push(DbOverhead { id: db.id, main, expires });
        }
        let dataset = used.saturating_sub(overhead);
        let net = used.saturating_sub(startup).max(1);
        MemoryOverview {
            peak,
            used,
            startup,
            clients_normal,
            dbs,
            lut,
            lut_rehashing,
            rehashing_tables,
            overhead,
            dataset,
            dataset_percent: dataset as f64 * 100.0 / net as f64,
            peak_percent: used as f64 * 100.0 / peak.max(1) as f64,
            keys,
            bytes_per_key: dataset.checked_div(keys).unwrap_or(0),
            allocator_frag: excess(allocated + figures.wasted.data, allocated),
            allocator_rss: excess(figures.all.resident, figures.all.active),
            rss_overhead: excess(figures.rss, figures.all.resident),
            fragmentation: excess(figures.rss, used),
        }
    }
}

/// `1.50K`, `23.54G`: with the largest unit below the number.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.2}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn human_readable_sizes() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1011544, "987.84K"),
            (25276510208, "23.54G"),
            (u64::MAX, "16384.00P"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
