//! What a CONFIG SET does to the running server, beyond the new values. A failing effect takes the
//! whole CONFIG SET back.

use super::Server;
use super::log;
use crate::config::{Effect, SetContext, SetError};
use crate::sys::{locale, malloc, signal};

/// More error codes than this are freed on the thread.
const LAZY_FREE_THRESHOLD: usize = 64;

impl Server {
    /// Sets values, all or none, and applies their effects.
    pub fn config_set(
        &mut self,
        pairs: &[(&[u8], &[u8])],
        context: SetContext,
    ) -> Result<(), SetError> {
        let outcome = self.config.set(pairs, context)?;
        for (done, (effect, name)) in outcome.effects.iter().enumerate() {
            if let Err(reason) = self.apply_effect(*effect) {
                self.config.rollback(outcome.undo);
                for (effect, _) in &outcome.effects[..=done] {
                    // What worked before works again; if not, it is in the log.
                    let _ = self.apply_effect(*effect);
                }
                self.refresh_from_config();
                return Err(SetError::apply(name, reason));
            }
        }
        self.refresh_from_config();
        Ok(())
    }

    /// Values that other parts keep in a form of their own.
    fn refresh_from_config(&mut self) {
        self.eviction.configure(&self.config);
    }

    /// The error is the reason shown to the client.
    fn apply_effect(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Bind => {
                self.listen_again().map_err(|()| "Failed to bind to specified addresses.".into())
            }
            Effect::Port => self
                .listen_again()
                .map_err(|()| "Unable to listen on this port. Check server logs.".into()),
            Effect::CrashLog => {
                signal::handle_crashes(self.config.crash_log_enabled);
                Ok(())
            }
            Effect::JemallocBgThread => {
                malloc::set_background_thread(self.config.jemalloc_bg_thread);
                Ok(())
            }
            Effect::LocaleCollate if locale::set_collation(&self.config.locale_collate) => Ok(()),
            Effect::LocaleCollate => Err("Invalid locale name".into()),
            Effect::LogLevel => {
                log::set_level(self.config.loglevel);
                Ok(())
            }
            Effect::Maxclients => self.raise_open_files_limit().map_err(too_many_clients),
            Effect::Maxmemory => {
                self.maxmemory_changed();
                Ok(())
            }
            Effect::RequirePass => {
                self.acl.set_default_password(self.config.requirepass.as_deref());
                Ok(())
            }
            Effect::MaxmemoryClients => {
                self.apply_maxmemory_clients();
                Ok(())
            }
            Effect::OomScoreAdj => self.apply_oom_score(),
            Effect::ProcTitle if self.process.set_title(&self.config) => Ok(()),
            Effect::ProcTitle => Err("failed to set process title".into()),
            Effect::ClusterAnnouncedPorts
            | Effect::ClusterFlags
            | Effect::ClusterHostname
            | Effect::ClusterHumanNodename
            | Effect::ClusterIp => {
                self.cluster_update_myself();
                Ok(())
            }
            Effect::WatchdogPeriod => {
                signal::set_alarm_ms(self.config.watchdog_period as u64);
                Ok(())
            }
            Effect::Appendonly | Effect::AppendFsync | Effect::AofAutoGc => {
                self.apply_aof_effect(effect)
            }
            Effect::TlsPort if self.config.tls_port != 0 => {
                Err(missing("TLS", "Unable to update TLS configuration."))
            }
            Effect::GoodReplicas | Effect::ReplBacklogSize => {
                self.apply_replication_settings();
                Ok(())
            }
            Effect::Defrag => {
                self.defrag.settings_changed = true;
                Ok(())
            }
            // Values that are read at each use, by parts that may not exist yet.
            Effect::Hz | Effect::TlsConfig | Effect::TlsPort => Ok(()),
        }
    }

    fn apply_oom_score(&mut self) -> Result<(), String> {
        match self.process.set_oom_score(&self.config, 0) {
            true => Ok(()),
            false => Err("Failed to set current oom_score_adj. Check server logs.".into()),
        }
    }

    fn apply_aof_effect(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            // While data is loaded it is off; what it is to be is looked at afterwards.
            Effect::Appendonly if self.loading.active => {}
            Effect::Appendonly if self.apply_appendonly() => {}
            Effect::Appendonly => return Err("Unable to turn on AOF. Check server logs.".into()),
            Effect::AppendFsync => self.appendfsync_changed(),
            _ => self.delete_history_files(),
        }
        Ok(())
    }

    /// Opens the TCP sockets anew. The reason of a failure is logged.
    fn listen_again(&mut self) -> Result<(), ()> {
        let Some(registry) = self.registry.as_ref() else { return Ok(()) };
        self.listeners.close_tcp(registry);
        if self.config.port == 0 {
            return Ok(());
        }
        self.listeners.open_tcp(&self.config, registry).map_err(|text| log::warning(&text))
    }

    fn maxmemory_changed(&mut self) {
        let limit = self.config.maxmemory;
        let used = malloc::used_memory().saturating_sub(self.mem_not_counted_for_evict());
        if limit == 0 || used as u64 <= limit {
            return;
        }
        log::warning(&format!(
            "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the \
             current memory usage ({used}). This will result in key eviction and/or the inability \
             to accept new write commands depending on the maxmemory-policy."
        ));
        self.eviction.configure(&self.config);
        self.evict_soon();
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&mut self) {
        let codes = std::mem::take(&mut self.stats.errors);
        self.stats.reset();
        self.io.reset_stats();
        self.cron.metrics = Default::default();
        self.lazyfree.reset_freed();
        (self.child.fork_us, self.child.fork_rate) = (0, 0.0);
        self.rdb.saves = 0;
        self.aof.reset_stats();
        self.defrag.reset_stats();
        self.replication.stats = Default::default();
        let count = codes.len();
        if count > LAZY_FREE_THRESHOLD {
            self.lazyfree.send(Box::new(codes), count as u64);
        }
    }
}

/// `possible`: as many as the limit of open files allows.
fn too_many_clients(possible: impl std::fmt::Display) -> String {
    format!(
        "The operating system is not able to handle the specified number of clients, try with \
         {possible}"
    )
}

/// A part of Redis that this server does not have yet: logs which, returns the client's text.
fn missing(part: &str, text: &str) -> String {
    log::warning(&format!("{part} is not supported yet."));
    format!("{text} Check server logs.")
}
