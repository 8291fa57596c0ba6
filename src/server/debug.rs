//! Switches that only the DEBUG command turns, for tests.

/// Their values; the defaults are normal operation.
#[derive(Debug, Clone, Copy)]
pub struct DebugSwitches {
    /// `server_cron` does nothing.
    pub pause_cron: bool,
    /// Tables of databases are resized by cron.
    pub dict_resizing: bool,
    /// Scripts may call commands that are marked as not for scripts.
    pub disable_deny_scripts: bool,
    /// Checksums of RDB files and DUMP payloads are not verified.
    pub skip_checksum_validation: bool,
    /// us to sleep before the AOF is flushed.
    pub aof_flush_sleep_us: u64,
}

impl Default for DebugSwitches {
    fn default() -> Self {
        DebugSwitches {
            pause_cron: false,
            dict_resizing: true,
            disable_deny_scripts: false,
            skip_checksum_validation: false,
            aof_flush_sleep_us: 0,
        }
    }
}
