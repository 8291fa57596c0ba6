//! INFO memory.

use super::{ALLOCATOR, Figure, Info};
use crate::server::Server;
use crate::server::memory::{Excess, human_bytes};

impl Info {
    /// A figure in bytes, and the same for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.suffixed(name, "_human", human_bytes(bytes));
    }

    fn excess(&mut self, name: &str, excess: Excess) {
        self.suffixed(name, "_ratio", format_args!("{:.2}", excess.ratio));
        self.suffixed(name, "_bytes", excess.bytes);
    }

    fn fields(&mut self, names_and_values: &[(&str, &dyn Figure)]) {
        for (name, value) in names_and_values {
            self.field(name, value);
        }
    }
}

pub(super) fn memory(server: &mut Server, info: &mut Info) {
    let overview = server.memory_overview();
    let figures = server.cron.memory;
    // Without the text itself, which is as large as the room left under a tight `maxmemory`.
    info.bytes("used_memory", overview.used.saturating_sub(info.text.capacity()) as u64);
    info.bytes("used_memory_rss", figures.rss as u64);
    info.bytes("used_memory_peak", overview.peak as u64);
    info.field("used_memory_peak_perc", format_args!("{:.2}%", overview.peak_percent));
    info.fields(&[
        ("used_memory_overhead", &overview.overhead),
        ("used_memory_startup", &overview.startup),
        ("used_memory_dataset", &overview.dataset),
        ("used_memory_dataset_perc", &format_args!("{:.2}%", overview.dataset_percent)),
        ("allocator_allocated", &figures.all.allocated),
        ("allocator_active", &figures.all.active),
        ("allocator_resident", &figures.all.resident),
        ("allocator_muzzy", &figures.all.muzzy),
    ]);
    info.bytes("total_system_memory", server.process.total_memory);
    scripting(server, info);
    info.bytes("maxmemory", server.config.maxmemory);
    info.field("maxmemory_policy", server.config.maxmemory_policy.name());
    info.excess("allocator_frag", overview.allocator_frag);
    info.excess("allocator_rss", overview.allocator_rss);
    info.excess("rss_overhead", overview.rss_overhead);
    info.excess("mem_fragmentation", overview.fragmentation);
    info.fields(&[
        ("mem_not_counted_for_evict", &server.mem_not_counted_for_evict()),
        ("mem_replication_backlog", &server.replication_memory().1),
        ("mem_total_replication_buffers", &server.replication.stream.memory_bytes()),
        ("mem_replica_full_sync_buffer", &server.full_sync_buffer_bytes()),
        ("mem_clients_slaves", &server.replication_memory().0),
        ("mem_clients_normal", &overview.clients_normal),
        ("mem_cluster_links", &0),
        ("mem_aof_buffer", &server.aof.buffer_memory()),
        ("mem_allocator", &ALLOCATOR),
        ("mem_overhead_db_hashtable_rehashing", &overview.lut_rehashing),
        ("active_defrag_running", &server.defrag.running),
        ("lazyfree_pending_objects", &server.lazyfree.pending()),
        ("lazyfreed_objects", &server.lazyfree.freed()),
    ]);
}

/// What scripts and functions use.
fn scripting(server: &Server, info: &mut Info) {
    let (eval, functions) = (&server.scripts.eval, &server.scripts.functions);
    let (vm_eval, vm_functions) = (eval.interpreter_bytes(), functions.interpreter_bytes());
    let (eval_bytes, function_bytes) = (eval.overhead_bytes(), functions.overhead_bytes());
    let (libraries, number) = functions.counts();
    info.fields(&[
        ("used_memory_lua", &vm_eval),
        ("used_memory_vm_eval", &vm_eval),
        ("used_memory_lua_human", &human_bytes(vm_eval as u64)),
        ("used_memory_scripts_eval", &eval_bytes),
        ("number_of_cached_scripts", &eval.len()),
        ("number_of_functions", &number),
        ("number_of_libraries", &libraries),
        ("used_memory_vm_functions", &vm_functions),
    ]);
    info.bytes("used_memory_vm_total", (vm_eval + vm_functions) as u64);
    info.field("used_memory_functions", function_bytes);
    info.bytes("used_memory_scripts", (eval_bytes + function_bytes) as u64);
}
