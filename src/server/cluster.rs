//! The server as a node of a cluster: reads and writes nodes.conf, keeps the node's own addresses
//! up to date, does what changes of the state ask for, and refuses or redirects commands whose keys
//! are elsewhere.
//!
//! There is no cluster bus yet: the node knows no others, unless nodes.conf names some. Invariant:
//! `cluster` is there exactly with `cluster-enabled`.

use std::path::PathBuf;

use super::Server;
use super::client::{Client, ClientFlags};
use super::gate::Candidate;
use super::pubsub::SubKind;
use crate::cluster::{
    Cluster, Health, Node, NodeFlags, NodeId, NodeKey, Redirect, Request, nodes_conf,
};
use crate::commands::args::with_owned;
use crate::commands::keys::{KeyRef, routing_keys};
use crate::commands::spec::{CommandSpec, flag};
use crate::commands::table::CommandId;
use crate::commands::{Args, ReplyError};
use crate::config::{ClusterEndpointType, strerror};
use crate::util::crc16::{SLOTS, key_slot};

/// The bus port of a node is its client port plus this, if none is configured.
const BUS_PORT_OFFSET: i64 = 10_000;
/// The highest client port that leaves room for the bus port.
const MAX_CLIENT_PORT: i64 = 65_535 - BUS_PORT_OFFSET;
/// ms between two looks at the state.
const CRON_PERIOD_MS: i64 = 100;

/// Codes of the errors that send a client elsewhere; an EXEC that gets one is discarded.
const REDIRECT_CODES: [&[u8]; 5] = [b"MOVED", b"ASK", b"CROSSSLOT", b"CLUSTERDOWN", b"TRYAGAIN"];

/// Whether an error says that a command belongs elsewhere.
pub fn is_redirect(error: &ReplyError) -> bool {
    REDIRECT_CODES.contains(&error.code())
}

impl Server {
    /// Reads nodes.conf, or begins a cluster of one.
    pub fn cluster_init(&mut self) -> Result<(), String> {
        if !self.config.cluster_enabled {
            return Ok(());
        }
        let port = self.config.port.max(self.config.tls_port);
        if self.config.cluster_port == 0 && port > MAX_CLIENT_PORT {
            return Err(format!(
                "Redis port number too high for cluster mode. If a cluster-port is not specified \
                 in the config, port number can be at most {MAX_CLIENT_PORT}."
            ));
        }
        let path = self.nodes_conf_path();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => {
                let (path, error) = (path.display(), strerror(&e));
                return Err(format!("Loading the cluster node config from {path}: {error}"));
            }
        };
        let new = text.is_empty();
        let cluster = if new {
            Cluster::new(NodeId::random())
        } else {
            nodes_conf::parse(&text)
                .map_err(|_| "Unrecoverable error: corrupted cluster config file.".to_string())?
        };
        let id = cluster.myself().id;
        self.log_notice(&if new {
            format!("No cluster configuration found, I'm {id}")
        } else {
            format!("Node configuration loaded, I'm {id}")
        });
        self.cluster = Some(Box::new(cluster));
        self.cluster_update_myself();
        if new {
            self.cluster_save(true);
        }
        Ok(())
    }

    /// After the data are loaded: keys of slots that nobody owns make this node their owner; those
    /// of others' slots wait to be fetched.
    pub fn cluster_verify_data(&mut self) -> Result<(), String> {
        let Some(cluster) = &mut self.cluster else { return Ok(()) };
        if !cluster.myself().is_master() {
            return Ok(());
        }
        if self.keyspace.dbs[1..].iter().any(|db| !db.is_empty()) {
            return Err("You can't have keys in a DB different than DB 0 when in Cluster mode. \
                        Exiting."
                .into());
        }
        let me = cluster.my_key();
        let mut changed = false;
        for slot in self.keyspace.dbs[0].keys().non_empty_slots() {
            let importing = cluster.slots.importing_from.contains_key(&slot);
            match cluster.slots.owner(slot) {
                Some(owner) if owner == me || importing => {}
                Some(owner) => {
                    super::log::notice(&format!(
                        "I have keys for slot {slot}, but the slot is assigned to another node. \
                         Setting it to importing state."
                    ));
                    cluster.slots.importing_from.insert(slot, owner);
                    changed = true;
                }
                None => {
                    super::log::notice(&format!(
                        "I have keys for unassigned slot {slot}. Taking responsibility for it."
                    ));
                    cluster.slots.assign(slot, Some(me));
                    changed = true;
                }
            }
        }
        if changed {
            self.cluster_save(true);
        }
        Ok(())
    }

    fn nodes_conf_path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(&self.config.cluster_config_file))
    }

    /// Writes nodes.conf; a node that cannot remember what it promised must not go on.
    pub fn cluster_save(&mut self, fsync: bool) {
        if let Err(e) = self.cluster_try_save(fsync) {
            self.log_warning(&format!("Could not write the cluster config file: {}", strerror(&e)));
            self.log_warning("Fatal: can't update cluster config file.");
            self.exit_status = Some(1);
        }
    }

    /// Writes nodes.conf.
    pub fn cluster_try_save(&mut self, fsync: bool) -> std::io::Result<()> {
        let path = self.nodes_conf_path();
        let Some(cluster) = &mut self.cluster else { return Ok(()) };
        cluster.todo.save = false;
        cluster.todo.fsync = false;
        nodes_conf::save(cluster, &path, self.clock.now_ms, fsync)
    }

    /// The node's own entry follows the configuration.
    pub fn cluster_update_myself(&mut self) {
        let config = &self.config;
        let Some(cluster) = &mut self.cluster else { return };
        let text = |value: &Option<Vec<u8>>| {
            value.as_deref().map(|text| String::from_utf8_lossy(text).into_owned())
        };
        let first = |values: &[i64]| {
            let set = values.iter().copied().find(|port| *port > 0);
            u16::try_from(set.unwrap_or(0)).unwrap_or(0)
        };
        let client_port = if config.tls_cluster { config.tls_port } else { config.port };
        let myself = cluster.myself_mut();
        myself.port = first(&[config.cluster_announce_port, config.port]);
        myself.tls_port = first(&[config.cluster_announce_tls_port, config.tls_port]);
        myself.bus_port = first(&[
            config.cluster_announce_bus_port,
            config.cluster_port,
            client_port + BUS_PORT_OFFSET,
        ]);
        if let Some(ip) = text(&config.cluster_announce_ip) {
            myself.ip = ip;
        }
        myself.hostname = text(&config.cluster_announce_hostname).unwrap_or_default();
        myself.human_nodename = text(&config.cluster_announce_human_nodename).unwrap_or_default();
        myself.flags.set(NodeFlags::NOFAILOVER, config.cluster_replica_no_failover);
        cluster.changed();
    }

    /// What the changes since the last turn ask for.
    pub fn cluster_before_sleep(&mut self) {
        let Some(cluster) = &self.cluster else { return };
        let todo = cluster.todo;
        if todo.update_state {
            self.cluster_update_state();
        }
        if todo.save || todo.fsync {
            self.cluster_save(todo.fsync);
        }
    }

    /// A cluster that fails may serve again after some time; clients that wait for keys which are
    /// elsewhere now are told.
    pub fn cluster_cron(&mut self) {
        if self.cluster.is_none() || !self.cron.run_with_period(CRON_PERIOD_MS) {
            return;
        }
        let failing = self.cluster.as_ref().is_some_and(|c| c.health == Health::Fail);
        if failing {
            self.cluster_update_state();
        }
        self.redirect_blocked_clients();
    }

    fn cluster_update_state(&mut self) {
        let coverage = self.config.cluster_require_full_coverage;
        let timeout_ms = i64::try_from(self.config.cluster_node_timeout).unwrap_or(i64::MAX);
        let Some(cluster) = &mut self.cluster else { return };
        match cluster.update_state(self.clock.now_ms, coverage, timeout_ms) {
            Some(Health::Ok) => self.log_notice("Cluster state changed: ok"),
            Some(Health::Fail) => self.log_warning("Cluster state changed: fail"),
            None => {}
        }
    }

    fn redirect_blocked_clients(&mut self) {
        if self.blocking.nobody_waits() {
            return;
        }
        let Some(cluster) = &self.cluster else { return };
        let mut refused = Vec::new();
        for client in self.clients.iter() {
            let Some(blocked) = &client.blocked else { continue };
            let Some(key) = blocked.keys.first() else { continue };
            let request = Request { writes: true, asking: true, ..Request::default() };
            let waits = cluster.route(&[key], &request, |_| true);
            if let Err(redirect) = waits
                && !matches!(redirect, Redirect::Ask { .. })
            {
                refused.push((client.id, redirect));
            }
        }
        for (id, redirect) in refused {
            let error = self.redirect_error(redirect);
            let Some(mut client) = self.clients.check_out(id) else { continue };
            self.unblock_with_error(&mut client, &error);
            self.clients.check_in(client);
        }
    }

    /// The rule of the gate: a command whose keys are elsewhere is not run here.
    pub fn check_cluster(
        &mut self,
        client: &mut Client,
        c: &Candidate<'_>,
    ) -> Result<(), ReplyError> {
        if self.cluster.is_none() {
            return Ok(());
        }
        let asking = client.flags.has(ClientFlags::ASKING);
        if asking && c.spec.name != "asking" && !client.flags.has(ClientFlags::MULTI) {
            client.flags.clear(ClientFlags::ASKING);
        }
        let is_exec = c.spec.name == "exec";
        let may_have_keys = c.spec.flags & flag::MOVABLE_KEYS != 0 || !c.spec.keys.is_empty();
        if client.must_obey() || !(may_have_keys || is_exec) {
            return Ok(());
        }
        let request = self.request_of(client, c.spec, asking);
        let mut keys = Vec::new();
        let routed = if is_exec {
            let Some(multi) = client.multi.as_deref() else { return Ok(()) };
            let mut request = request;
            request.writes |= multi.flags & flag::WRITE != 0;
            for queued in &multi.queue {
                let spec = self.commands.get(queued.command).spec;
                request.shard_pubsub |= is_shard_pubsub(spec);
                with_owned(&queued.argv, |args| collect_keys(spec, args, &mut keys));
            }
            self.route(&keys, &request)
        } else {
            collect_keys(c.spec, c.args, &mut keys);
            self.route(&keys, &request)
        };
        routed.map(|_| ()).map_err(|redirect| self.redirect_error(redirect))
    }

    /// The question that a command asks the slot table.
    pub fn request_of(&self, client: &Client, spec: &CommandSpec, asking: bool) -> Request {
        Request {
            writes: spec.flags & flag::WRITE != 0,
            asking: asking || spec.flags & flag::ASKING != 0,
            readonly: client.flags.has(ClientFlags::READONLY),
            shard_pubsub: is_shard_pubsub(spec),
            migrate: spec.name == "migrate",
            reads_when_down: self.config.cluster_allow_reads_when_down,
            shard_pubsub_when_down: self.config.cluster_allow_pubsubshard_when_down,
        }
    }

    /// The slot of the keys, if this node serves them (`None`: there are none, or no cluster).
    pub fn route(
        &mut self,
        keys: &[Box<[u8]>],
        request: &Request,
    ) -> Result<Option<u16>, Redirect> {
        let Some(cluster) = &self.cluster else { return Ok(None) };
        let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
        let (db, now_ms) = (&self.keyspace.dbs[0], self.clock.now_ms);
        cluster.route(&keys, request, |key| {
            db.find(key).is_some_and(|entry| entry.expire().is_none_or(|at| at > now_ms))
        })
    }

    /// The slot of the keys that EVAL or FCALL declares, which the gate has looked at.
    pub fn declared_slot(&self, args: Args<'_>) -> Option<u16> {
        self.cluster.as_ref()?;
        let mut keys = Vec::new();
        collect_keys(self.commands.get(self.exec.command?).spec, args, &mut keys);
        keys.first().map(|key| key_slot(key))
    }

    /// [`Server::route`] for a command of a script, with the errors that scripts get.
    pub fn route_in_script(
        &mut self,
        caller: &Client,
        id: CommandId,
        args: Args<'_>,
    ) -> Result<Option<u16>, ReplyError> {
        let spec = self.commands.get(id).spec;
        let asking = caller.flags.has(ClientFlags::ASKING);
        let request = self.request_of(caller, spec, asking);
        let mut keys = Vec::new();
        collect_keys(spec, args, &mut keys);
        let redirect = match self.route(&keys, &request) {
            Ok(slot) => return Ok(slot),
            Err(redirect) => redirect,
        };
        let name = &self.commands.get(id).full_name;
        Err(ReplyError::err(match redirect {
            Redirect::DownReadOnly => "Script attempted to execute a write command while the \
                                       cluster is down and readonly"
                .into(),
            Redirect::Down => {
                "Script attempted to execute a command while the cluster is down".into()
            }
            Redirect::CrossSlot => format!(
                "Command '{name}' in script attempted to access keys that don't hash to the same \
                 slot"
            ),
            Redirect::Unstable => format!(
                "Unable to execute command '{name}' in script because undeclared keys were \
                 accessed during rehashing of the slot"
            ),
            Redirect::Unbound => "Script attempted to access a slot not served".into(),
            Redirect::Moved { .. } | Redirect::Ask { .. } => {
                "Script attempted to access a non local key in a cluster node".into()
            }
        }))
    }

    /// The reply that tells the client where to go.
    pub fn redirect_error(&self, redirect: Redirect) -> ReplyError {
        let to = |word: &str, slot: u16, node: NodeKey| {
            let cluster = self.cluster.as_ref().expect("only a cluster redirects");
            let node = cluster.node(node);
            let (endpoint, port) = (self.preferred_endpoint(node), node.port);
            ReplyError::new(format!("{word} {slot} {endpoint}:{port}"))
        };
        match redirect {
            Redirect::CrossSlot => {
                ReplyError::fixed("CROSSSLOT Keys in request don't hash to the same slot")
            }
            Redirect::Unstable => {
                ReplyError::fixed("TRYAGAIN Multiple keys request during rehashing of slot")
            }
            Redirect::Down => ReplyError::fixed("CLUSTERDOWN The cluster is down"),
            Redirect::DownReadOnly => {
                ReplyError::fixed("CLUSTERDOWN The cluster is down and only accepts read commands")
            }
            Redirect::Unbound => ReplyError::fixed("CLUSTERDOWN Hash slot not served"),
            Redirect::Moved { slot, node } => to("MOVED", slot, node),
            Redirect::Ask { slot, node } => to("ASK", slot, node),
        }
    }

    /// What clients are told to connect to.
    pub fn preferred_endpoint<'a>(&self, node: &'a Node) -> &'a str {
        match self.config.cluster_preferred_endpoint_type {
            ClusterEndpointType::Ip => &node.ip,
            ClusterEndpointType::Hostname if node.hostname.is_empty() => "?",
            ClusterEndpointType::Hostname => &node.hostname,
            ClusterEndpointType::UnknownEndpoint => "",
        }
    }

    /// A slot is no longer this node's: subscribers of its shard channels are told and let go.
    /// `current` is checked out.
    pub fn remove_channels_in_slots(&mut self, slots: &[u16], current: &mut Client) {
        let names = self.pubsub.shard_channels.all_names();
        let leaving: Vec<Box<[u8]>> =
            names.filter(|name| slots.contains(&key_slot(name))).map(Box::from).collect();
        for name in leaving {
            for id in self.shard_subscribers(&name) {
                if id == current.id {
                    self.unsubscribe(current, SubKind::Shard, &name, false);
                    continue;
                }
                let Some(mut client) = self.clients.check_out(id) else { continue };
                self.unsubscribe(&mut client, SubKind::Shard, &name, true);
                let left = i64::from(client.sub_shard_channels);
                self.clients.check_in(client);
                self.send_to(id, |reply| {
                    reply.push(3);
                    reply.bulk_str(SubKind::Shard.verb(false));
                    reply.bulk(&name);
                    reply.int(left);
                });
            }
        }
    }

    /// All slots of this node, before it gives them up.
    pub fn my_slots(&self) -> Vec<u16> {
        let Some(cluster) = &self.cluster else { return Vec::new() };
        let me = cluster.my_key();
        (0..SLOTS).filter(|slot| cluster.slots.owner(*slot) == Some(me)).collect()
    }
}

/// SPUBLISH and SSUBSCRIBE; leaving a channel is possible everywhere.
fn is_shard_pubsub(spec: &CommandSpec) -> bool {
    matches!(spec.name, "spublish" | "ssubscribe")
}

fn collect_keys(spec: &CommandSpec, args: Args<'_>, keys: &mut Vec<Box<[u8]>>) {
    let mut found: Vec<KeyRef> = Vec::new();
    routing_keys(spec, args.0, &mut found);
    keys.extend(found.iter().map(|key| Box::from(args[key.pos])));
}
