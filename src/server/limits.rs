//! The settings that collections obey, as the arguments that `storage` wants.

use super::Server;
use crate::storage::types::list::ListLimits;
use crate::storage::types::set::SetLimits;

impl Server {
    /// What lists obey.
    #[inline]
    pub fn list_limits(&self) -> ListLimits {
        let size = self.config.list_max_listpack_size;
        ListLimits {
            max_listpack_size: size.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
            compress_depth: u32::try_from(self.config.list_compress_depth).unwrap_or(u32::MAX),
            packed_threshold: self.list_packed_threshold,
        }
    }

    /// What sets obey.
    #[inline]
    pub fn set_limits(&self) -> SetLimits {
        let limit = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        SetLimits {
            max_intset_entries: limit(self.config.set_max_intset_entries),
            max_listpack_entries: limit(self.config.set_max_listpack_entries),
            max_listpack_value: limit(self.config.set_max_listpack_value),
        }
    }
}
