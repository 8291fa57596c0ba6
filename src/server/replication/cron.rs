//! What replication does once a second.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::replicas::ReplicaState;
use crate::persistence::child::ChildKind;
use crate::server::Server;
use crate::server::pause::action;

impl Server {
    /// Once a second, and ten times as often while a failover runs.
    pub fn replication_cron(&mut self) {
        let period_ms = if self.failover_is_running() { 100 } else { 1000 };
        if !self.cron.run_with_period(period_ms) {
            return;
        }
        self.update_failover();
        self.link_cron();
        self.ping_replicas();
        self.send_signs_of_life();
        self.disconnect_timed_out_replicas();
        self.free_idle_backlog();
        self.start_pending_sync();
        self.remove_file_for_replicas();
        self.refresh_good_replicas();
        self.replication.cron_loops += 1;
    }

    /// A PING in the stream lets replicas notice a dead link. Not while a failover waits for the
    /// replicas to have everything: it would never end.
    fn ping_replicas(&mut self) {
        let period = self.config.repl_ping_replica_period.max(1);
        let due = self.replication.cron_loops % period == 0;
        if !due || self.replication.replicas.is_empty() {
            return;
        }
        let held = self.failover_has_deadline() && self.pause.is_paused(action::REPLICA);
        if !held {
            self.feed_replicas(None, &[b"PING"]);
        }
    }

    /// Empty lines for replicas that get nothing else yet.
    fn send_signs_of_life(&mut self) {
        let streams = self.child.kind() == Some(ChildKind::RdbSocket);
        let ids: Vec<u64> = self
            .replication
            .replicas
            .iter()
            .filter(|replica| match replica.state {
                ReplicaState::WaitBgsaveStart => true,
                ReplicaState::WaitBgsaveEnd => !streams,
                _ => false,
            })
            .map(|replica| replica.client)
            .collect();
        for id in ids {
            self.reply_to_replica(None, id, b"\n");
        }
    }

    fn disconnect_timed_out_replicas(&mut self) {
        let (now_s, timeout_s) = (self.clock.now_s(), self.config.repl_timeout);
        let streams = self.child.kind() == Some(ChildKind::RdbSocket);
        let mut out = Vec::new();
        for replica in &self.replication.replicas {
            let why = match replica.state {
                ReplicaState::Online if !replica.pre_psync => {
                    (now_s - replica.ack_time_s > timeout_s).then_some("streaming sync")
                }
                // Without a child that it holds up, a stuck replica does no harm.
                ReplicaState::WaitBgsaveEnd if streams && replica.last_partial_write_s != 0 => {
                    (now_s - replica.last_partial_write_s > timeout_s).then_some("full sync")
                }
                // It tells that it lives while it receives and loads.
                ReplicaState::WaitRdbChannel | ReplicaState::SendBulkAndStream => {
                    (now_s - replica.ack_time_s > timeout_s).then_some("full sync")
                }
                _ => None,
            };
            if let Some(why) = why {
                out.push((replica.client, why, replica.name()));
            }
        }
        for (id, why, name) in out {
            self.log_warning(&format!("Disconnecting timedout replica ({why}): {name}"));
            self.kill_client(id);
        }
    }

    /// A master gives the backlog up some time after its last replica left, and its history with
    /// it: what it writes then is counted by nobody, so nobody may continue from there.
    fn free_idle_backlog(&mut self) {
        let ttl_s = self.config.repl_backlog_ttl as i64;
        let idle_s = self.clock.now_s() - self.replication.no_replicas_since_s;
        if ttl_s == 0
            || self.is_replica()
            || !self.replication.replicas.is_empty()
            || !self.replication.stream.is_active()
            || idle_s <= ttl_s
        {
            return;
        }
        self.replication.change_id();
        self.replication.clear_id2();
        self.free_backlog();
        self.log_notice(&format!(
            "Replication backlog freed after {ttl_s} seconds without connected replicas."
        ));
    }

    /// A server that keeps nothing on disk leaves no RDB file of its replicas there
    /// (`rdb-del-sync-files`).
    fn remove_file_for_replicas(&mut self) {
        if !self.config.rdb_del_sync_files {
            self.replication.file_for_replicas = false;
            return;
        }
        let used = || self.replication.replicas.iter().any(|replica| replica.is_syncing());
        if !self.replication.file_for_replicas || !self.all_persistence_disabled() || used() {
            return;
        }
        let filename = self.config.dbfilename.clone();
        let path = Path::new(OsStr::from_bytes(&filename));
        if path.exists() {
            self.replication.file_for_replicas = false;
            self.log_notice(
                "Removing the RDB file used to feed replicas in a persistence-less instance",
            );
            self.unlink_in_background(path);
        }
    }

    /// Neither save points nor AOF.
    pub fn all_persistence_disabled(&self) -> bool {
        self.config.save.is_empty() && !self.config.appendonly
    }

    /// Removes a file; its blocks are freed on the thread.
    pub fn unlink_in_background(&self, path: &Path) {
        let open = std::fs::File::open(path);
        if std::fs::remove_file(path).is_ok()
            && let Ok(file) = open
        {
            self.lazyfree.send(Box::new(file), 0);
        }
    }
}
