//! SYNC and PSYNC from the master's point of view: a replica that has our history up to somewhere
//! within the backlog continues there, any other one gets a whole RDB first.

use super::replicas::{Replica, ReplicaState, capa};
use crate::commands::{Args, ReplyError};
use crate::persistence::child::ChildKind;
use crate::protocol::number::parse_i64;
use crate::server::Server;
use crate::server::client::{Client, ClientFlags};

const NO_MASTER_LINK: ReplyError =
    ReplyError::fixed("NOMASTERLINK Can't SYNC while not connected with my master");
const FAILING_OVER: ReplyError = ReplyError::fixed("NOMASTERLINK Can't SYNC while failing over");

impl Server {
    /// SYNC (`psync` = None) or `PSYNC id offset [FAILOVER]`.
    pub fn sync(&mut self, client: &mut Client, psync: Option<Args<'_>>) -> Result<(), ReplyError> {
        if client.flags.has(ClientFlags::REPLICA) {
            return Ok(()); // it is one already, or a monitor
        }
        if let Some(args) = psync
            && args.len() > 3
            && args[3].eq_ignore_ascii_case(b"failover")
        {
            self.take_over(client, args[1])?;
        }
        if self.failover_is_running() {
            return Err(FAILING_OVER);
        }
        if self.is_replica() && !self.link_is_up() {
            return Err(NO_MASTER_LINK);
        }
        if !client.reply.is_empty() || client.conn.as_ref().is_some_and(|c| !c.out.is_empty()) {
            return Err(ReplyError::fixed("ERR SYNC and PSYNC are invalid with pending output"));
        }
        let mut replica = Replica::new(client, self.clock.now_s());
        if replica.conf.requires != 0 && replica.conf.capa & capa::EOF == 0 {
            return Err(ReplyError::fixed("ERR Filtered replica requires EOF capability"));
        }
        self.log_notice(&format!("Replica {} asks for synchronization", replica.name()));
        match psync {
            None => replica.pre_psync = true,
            Some(args) => {
                let Some(offset) = parse_i64(args[2]) else {
                    self.log_warning(&format!(
                        "Replica {} asks for synchronization but with a wrong offset",
                        replica.name()
                    ));
                    return Err(ReplyError::fixed("ERR value is not an integer or out of range"));
                };
                if self.may_continue(&replica, args[1], offset) {
                    self.continue_replica(client, replica, offset);
                    return Ok(());
                }
                if args[1].first() != Some(&b'?') {
                    self.replication.stats.sync_partial_err += 1;
                }
            }
        }
        if let Some(main) = replica.conf.main_channel {
            self.check_main_channel(main)?;
        } else if self.config.repl_rdb_channel
            && psync.is_some()
            && replica.conf.capa & capa::RDB_CHANNEL != 0
            && !replica.conf.rdb_only
        {
            self.offer_rdb_channel(client, replica);
            return Ok(());
        }
        self.full_sync(client, replica);
        Ok(())
    }

    /// The client that a second connection names must be a replica that waits for it.
    ///
    /// # Errors
    /// It is not.
    pub fn check_main_channel(&self, id: u64) -> Result<(), ReplyError> {
        match self.replica(id) {
            Some(main) if main.state == ReplicaState::WaitRdbChannel => Ok(()),
            _ => Err(ReplyError::err(format!("Unrecognized RDB channel client id {id}"))),
        }
    }

    /// The RDB is to come on a second connection: this one will carry the stream meanwhile.
    fn offer_rdb_channel(&mut self, client: &mut Client, mut replica: Replica) {
        self.may_collect_packets(client);
        replica.state = ReplicaState::WaitRdbChannel;
        replica.ack_time_s = self.clock.now_s();
        self.log_notice(&format!(
            "Replica {} is capable of rdb channel synchronization, and partial sync isn't \
             possible. Full sync will continue with dedicated rdb channel.",
            replica.name()
        ));
        self.add_replica(client, replica);
        self.create_first_backlog();
        client.reply.raw(format!("+RDBCHANNELSYNC {}\r\n", client.id).as_bytes());
        self.queue_write(client);
    }

    /// PSYNC … FAILOVER: our master makes us the master in its place.
    fn take_over(&mut self, client: &mut Client, id: &[u8]) -> Result<(), ReplyError> {
        let shown = String::from_utf8_lossy(id);
        self.log_notice(&format!("Failover request received for replid {shown}."));
        if !self.is_replica() {
            return Err(ReplyError::fixed("ERR PSYNC FAILOVER can't be sent to a master."));
        }
        if !id.eq_ignore_ascii_case(self.replication.id.as_bytes()) {
            return Err(ReplyError::fixed("ERR PSYNC FAILOVER replid must match my replid."));
        }
        self.unset_master();
        let info = self.client_info(client);
        self.log_notice(&format!("MASTER MODE enabled (failover request from '{info}')"));
        Ok(())
    }

    /// The replica has a history that is ours, and the backlog has all it lacks.
    fn may_continue(&self, replica: &Replica, id: &[u8], offset: i64) -> bool {
        let repl = &self.replication;
        let is_first = id.eq_ignore_ascii_case(repl.id.as_bytes());
        let is_second = id.eq_ignore_ascii_case(repl.id2.as_bytes());
        let is_ours = is_first || is_second && offset <= repl.second_offset;
        if !is_ours {
            self.log_other_history(replica, id, offset, is_second);
            return false;
        }
        let kept = repl.stream.first()..=repl.stream.end() + 1;
        if repl.stream.is_active() && kept.contains(&offset) {
            return true;
        }
        let name = replica.name();
        self.log_notice(&format!(
            "Unable to partial resync with replica {name} for lack of backlog (Replica request \
             was: {offset})."
        ));
        if offset > repl.stream.end() {
            self.log_warning(&format!(
                "Warning: replica {name} tried to PSYNC with an offset that is greater than the \
                 master replication offset."
            ));
        }
        false
    }

    fn log_other_history(&self, replica: &Replica, id: &[u8], offset: i64, is_second: bool) {
        let repl = &self.replication;
        let text = if id.first() == Some(&b'?') {
            format!("Full resync requested by replica {}", replica.name())
        } else if is_second {
            format!(
                "Partial resynchronization not accepted: Requested offset for second ID was \
                 {offset}, but I can reply up to {}",
                repl.second_offset
            )
        } else {
            format!(
                "Partial resynchronization not accepted: Replication ID mismatch (Replica asked \
                 for '{}', my replication IDs are '{}' and '{}')",
                String::from_utf8_lossy(id),
                repl.id,
                repl.id2
            )
        };
        self.log_notice(&text);
    }

    fn continue_replica(&mut self, client: &mut Client, mut replica: Replica, offset: i64) {
        replica.state = ReplicaState::Online;
        replica.ack_time_s = self.clock.now_s();
        let name = replica.name();
        let reply = match replica.conf.capa & capa::PSYNC2 {
            0 => "+CONTINUE\r\n".to_string(),
            _ => format!("+CONTINUE {}\r\n", self.replication.id),
        };
        client.reply.raw(reply.as_bytes());
        self.replication.stream.add_reader_at(client.id, offset);
        self.replication.stats.sync_partial_ok += 1;
        self.add_replica(client, replica);
        self.queue_write(client);
        let bytes = self.replication.stream.pending(client.id);
        self.log_notice(&format!(
            "Partial resynchronization request from {name} accepted. Sending {bytes} bytes of \
             backlog starting from offset {offset}."
        ));
        // It knows the selected database from before: no SELECT is needed.
        self.refresh_good_replicas();
    }

    /// `repl-disable-tcp-nodelay`: fewer packets to the replica, which come later.
    fn may_collect_packets(&self, client: &Client) {
        if self.config.repl_disable_tcp_nodelay
            && let Some(conn) = &client.conn
        {
            conn.set_nodelay(false);
        }
    }

    fn full_sync(&mut self, client: &mut Client, replica: Replica) {
        self.replication.stats.sync_full += 1;
        self.may_collect_packets(client);
        let (capa, requires) = (replica.conf.capa, replica.conf.requires);
        self.add_replica(client, replica);
        self.create_first_backlog();
        match self.child.kind() {
            Some(ChildKind::Rdb) => self.join_bgsave(client),
            Some(ChildKind::RdbSocket) => self
                .log_notice("Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC"),
            _ => {
                let streams = self.config.repl_diskless_sync && capa & capa::EOF != 0;
                if streams && self.config.repl_diskless_sync_delay > 0 {
                    // More replicas may come: cron begins it.
                    self.log_notice("Delay next BGSAVE for diskless SYNC");
                } else if self.has_child() {
                    self.log_notice(
                        "No BGSAVE in progress, but another BG operation is active. BGSAVE for \
                         replication delayed",
                    );
                } else {
                    self.start_bgsave_for_replication(Some(client), capa, requires);
                }
            }
        }
    }

    /// A backlog made from nothing begins a history of its own.
    pub(super) fn create_first_backlog(&mut self) {
        let repl = &mut self.replication;
        if repl.replicas.len() != 1 || repl.stream.is_active() {
            return;
        }
        repl.change_id();
        repl.clear_id2();
        self.create_backlog();
        self.log_notice(&format!(
            "Replication backlog created, my new replication IDs are '{}' and '{}'",
            self.replication.id, self.replication.id2
        ));
    }

    /// A child writes the file already: it will do if another replica collects what happened
    /// since the fork, for the same file.
    fn join_bgsave(&mut self, client: &mut Client) {
        let Some(new) = self.replica(client.id) else { return };
        let (conf, id) = (new.conf.clone(), new.client);
        let candidate = self.replication.replicas.iter().find(|other| {
            other.state == ReplicaState::WaitBgsaveEnd && (!other.conf.rdb_only || conf.rdb_only)
        });
        let fits = candidate.filter(|other| {
            conf.capa & other.conf.capa == other.conf.capa && conf.requires == other.conf.requires
        });
        let Some((other, offset)) = fits.map(|other| (other.client, other.initial_offset)) else {
            return self.log_notice(
                "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC",
            );
        };
        self.set_up_full_sync(Some(client), id, offset);
        if !conf.rdb_only {
            self.replication.stream.copy_reader(id, other);
        }
        self.log_notice("Waiting for end of BGSAVE for SYNC");
    }

    /// The replica's RDB is of `offset`: it collects the stream from there on, and is told.
    /// `current`: the client that is checked out.
    pub(super) fn set_up_full_sync(&mut self, current: Option<&mut Client>, id: u64, offset: i64) {
        // The stream must say its database to whoever begins here.
        self.replication.feed_db = None;
        let text = format!("+FULLRESYNC {} {offset}\r\n", self.replication.id);
        let Some(replica) = self.replica_mut(id) else { return };
        replica.initial_offset = offset;
        replica.state = ReplicaState::WaitBgsaveEnd;
        let (pre_psync, rdb_only) = (replica.pre_psync, replica.conf.rdb_only);
        match replica.conf.main_channel {
            Some(main) => self.begin_main_channel(main, offset),
            None if rdb_only => {}
            None => self.replication.stream.add_reader(id),
        }
        if !pre_psync {
            self.reply_to_replica(current, id, text.as_bytes());
        }
    }

    /// The replica's stream begins on its first connection, while its RDB goes through another.
    fn begin_main_channel(&mut self, id: u64, offset: i64) {
        let Some(main) = self.replica_mut(id) else { return };
        main.state = ReplicaState::SendBulkAndStream;
        main.initial_offset = offset;
        self.replication.stream.add_reader(id);
    }

    /// Sends bytes outside the stream; `current` is the client that is checked out.
    pub(super) fn reply_to_replica(&mut self, current: Option<&mut Client>, id: u64, bytes: &[u8]) {
        if let Some(client) = current
            && client.id == id
        {
            client.reply.raw(bytes);
            self.queue_write(client);
        } else if let Some(mut client) = self.clients.check_out(id) {
            client.reply.raw(bytes);
            self.queue_write(&mut client);
            self.clients.check_in(client);
        }
    }
}
