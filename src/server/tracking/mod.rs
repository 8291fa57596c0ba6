//! Client-side caching: clients that track are told when keys that they read (or, in broadcasting
//! mode, keys with their prefixes) change, expire or are evicted.
//!
//! The state of tracking clients stands here, by client id, so that a change needs no access to
//! clients other than to write to them. Messages for the client whose command runs wait until its
//! reply is complete (`Server::send_to`). While nobody tracks, all of it costs one test of
//! [`Tracking::active`]. Invariant: `active` is true exactly while `clients` is not empty, and
//! without it table and prefixes are empty.

pub mod broadcast;
pub mod table;

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound::{Included, Unbounded};

use super::Server;
use super::client::{Client, ClientFlags};
use crate::commands::table::CommandId;
use crate::commands::{Args, ReplyError, flag, keys};
use crate::protocol::reply::Reply;
use broadcast::{Prefixes, overlap};
use table::Table;

/// Where RESP2 clients hear of changes.
const CHANNEL: &[u8] = b"__redis__:invalidate";
/// Keys given up in one go when the table is too big; times the number of goes in a row that were
/// not enough.
const EFFORT: usize = 100;
/// What one prefix of a client costs, without its text.
const PREFIX_BYTES: usize = 192;

/// How a client tracks.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    /// The client that gets the messages; 0 = itself.
    pub redirect: u64,
    pub bcast: bool,
    /// Only after CLIENT CACHING YES.
    pub optin: bool,
    /// Not after CLIENT CACHING NO.
    pub optout: bool,
    /// Not told of its own changes.
    pub noloop: bool,
    /// CLIENT CACHING was said: it is about the next command.
    pub caching: bool,
    /// The client that `redirect` names is gone.
    pub broken: bool,
    pub prefixes: BTreeSet<Box<[u8]>>,
}

impl Tracker {
    /// Memory of the prefixes here and in the table of all prefixes, without their texts.
    pub fn prefix_bytes(&self) -> usize {
        self.prefixes.len() * PREFIX_BYTES
    }

    /// What the client reads now is to be remembered.
    fn remembers(&self) -> bool {
        !(self.bcast || self.optin && !self.caching || self.optout && self.caching)
    }
}

/// See the module.
#[derive(Default)]
pub struct Tracking {
    /// Somebody tracks: the one test on the path of commands and changes.
    pub active: bool,
    clients: HashMap<u64, Tracker>,
    table: Table,
    prefixes: Prefixes,
    /// Goes in a row after which the table still was too big.
    late_rounds: usize,
}

/// What a message tells.
#[derive(Clone, Copy)]
enum Invalid<'a> {
    Key(&'a [u8]),
    /// An array of keys in RESP.
    Frame(&'a [u8]),
    /// Every key there may be.
    All,
}

impl Invalid<'_> {
    fn write(self, reply: &mut Reply) {
        match self {
            Invalid::Key(key) => {
                reply.array(1);
                reply.bulk(key);
            }
            Invalid::Frame(frame) => reply.raw(frame),
            Invalid::All => reply.null(),
        }
    }
}

impl Tracking {
    /// How the client tracks, if it does.
    pub fn get(&self, client: u64) -> Option<&Tracker> {
        self.clients.get(&client)
    }

    pub fn get_mut(&mut self, client: u64) -> Option<&mut Tracker> {
        self.clients.get_mut(&client)
    }

    /// The command that CLIENT CACHING was about did not run.
    pub fn forget_caching(&mut self, client: u64) {
        if let Some(tracker) = self.clients.get_mut(&client) {
            tracker.caching = false;
        }
    }

    /// Number of clients that track.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Number of keys that somebody may hold.
    pub fn keys(&self) -> usize {
        self.table.len()
    }

    /// Number of pairs of such a key and a client.
    pub fn items(&self) -> usize {
        self.table.items()
    }

    /// Number of prefixes that are listened to.
    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    /// CLIENT TRACKING ON with options that were checked. Prefixes add to those there are.
    pub fn enable(&mut self, client: u64, mut tracker: Tracker) {
        self.active = true;
        if tracker.bcast && tracker.prefixes.is_empty() {
            tracker.prefixes.insert(Box::default());
        }
        tracker.prefixes.iter().for_each(|prefix| self.prefixes.add(prefix, client));
        if let Some(old) = self.clients.remove(&client) {
            tracker.prefixes.extend(old.prefixes);
            tracker.caching = old.caching;
        }
        self.clients.insert(client, tracker);
    }

    /// CLIENT TRACKING OFF, or the client is gone. Without any tracking client nobody holds keys.
    pub fn disable(&mut self, client: u64) {
        let Some(tracker) = self.clients.remove(&client) else { return };
        tracker.prefixes.iter().for_each(|prefix| self.prefixes.remove(prefix, client));
        if self.clients.is_empty() {
            *self = Tracking::default();
        }
    }

    /// New prefixes of a client must not overlap with each other or with those it has.
    pub fn check_prefixes(&self, client: u64, prefixes: &[&[u8]]) -> Result<(), ReplyError> {
        let collision = |new: &[u8], which: &str, other: &[u8]| {
            let parts: [&[u8]; 6] = [
                b"Prefix '",
                new,
                which.as_bytes(),
                b" prefix '",
                other,
                b"'. Prefixes for a single client must not overlap.",
            ];
            ReplyError::err(parts.concat())
        };
        let existing = self.get(client).map(|tracker| &tracker.prefixes);
        for (i, prefix) in prefixes.iter().enumerate() {
            // Those of a client do not overlap: only the neighbours in their order can.
            let old = existing.and_then(|existing| {
                let before = existing.range::<[u8], _>((Unbounded, Included(*prefix))).next_back();
                let after = existing.range::<[u8], _>((Included(*prefix), Unbounded)).next();
                before.into_iter().chain(after).find(|old| overlap(old, prefix))
            });
            if let Some(old) = old {
                return Err(collision(prefix, "' overlaps with an existing", old));
            }
            let other = prefixes[i + 1..].iter().find(|other| overlap(other, prefix));
            if let Some(other) = other {
                return Err(collision(prefix, "' overlaps with another provided", other));
            }
        }
        Ok(())
    }
}

impl Server {
    /// A command ran: the keys that it read are remembered for the client that sent it (or the
    /// script or transaction it is part of).
    #[cold]
    pub fn track_command(&mut self, client: &Client, id: CommandId, args: Args<'_>) {
        let Some(tracker) = self.tracking.clients.get_mut(&self.exec.client) else { return };
        let command = self.commands.get(id);
        let spec = command.spec;
        let reads = spec.flags & (flag::READONLY | flag::PUBSUB) == flag::READONLY;
        // Of scripts, the commands that they run count.
        let script = matches!(spec.name, "eval_ro" | "evalsha_ro" | "fcall_ro");
        if reads && !script && tracker.remembers() {
            let mut found = Vec::new();
            keys::routing_keys(spec, args.0, &mut found);
            for key in found {
                self.tracking.table.remember(args[key.pos], self.exec.client);
            }
        }
        let container = command.parent.map(|parent| self.commands.get(parent).spec.name);
        let outermost = self.exec.depth == 1 && !client.flags.has(ClientFlags::MULTI);
        if outermost && container != Some("client") {
            tracker.caching = false;
        }
    }

    /// A key changed, expired or was evicted.
    #[cold]
    pub fn tracking_invalidate(&mut self, key: &[u8]) {
        self.tracking.prefixes.note_change(key, self.exec.client);
        self.invalidate_readers(key);
    }

    /// Tells those who read the key, and forgets that they did.
    fn invalidate_readers(&mut self, key: &[u8]) {
        let current = self.exec.client;
        for id in self.tracking.table.take(key).unwrap_or_default() {
            let Some(tracker) = self.tracking.get(id) else { continue };
            let own = tracker.noloop && id == current;
            if !tracker.bcast && !own {
                self.send_invalidation(id, Invalid::Key(key));
            }
        }
    }

    /// Databases were emptied: nothing that anybody holds is true any more.
    pub fn tracking_invalidate_all(&mut self, lazy: bool) {
        if !self.tracking.active {
            return;
        }
        let mut ids: Vec<u64> = self.tracking.clients.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.send_invalidation(id, Invalid::All);
        }
        let table = std::mem::take(&mut self.tracking.table);
        if lazy {
            let keys = table.len() as u64;
            self.lazyfree.send(Box::new(table), keys);
        }
    }

    /// Once a turn of the loop: what changed under the prefixes of broadcasting mode.
    pub fn broadcast_invalidations(&mut self) {
        if !self.tracking.active || self.tracking.prefixes.is_empty() {
            return;
        }
        for changes in self.tracking.prefixes.take_changes() {
            let all = changes.frame(None);
            for id in &changes.clients {
                let noloop = self.tracking.get(*id).is_some_and(|tracker| tracker.noloop);
                let own = if noloop { changes.frame(Some(*id)) } else { None };
                if let Some(frame) = if noloop { &own } else { &all } {
                    self.send_invalidation(*id, Invalid::Frame(frame));
                }
            }
        }
    }

    /// Gives up keys while there are more than `tracking-table-max-keys`: their readers are told as
    /// if they had changed.
    pub fn limit_tracking_table(&mut self) {
        let max = self.config.tracking_table_max_keys as usize;
        if !self.tracking.active || max == 0 {
            return;
        }
        for _ in 0..EFFORT * (self.tracking.late_rounds + 1) {
            if self.tracking.table.len() <= max {
                self.tracking.late_rounds = 0;
                return;
            }
            if let Some(key) = self.tracking.table.random_key() {
                self.invalidate_readers(&key);
            }
        }
        if self.tracking.table.len() > max {
            self.tracking.late_rounds += 1;
        } else {
            self.tracking.late_rounds = 0;
        }
    }

    fn speaks_resp3(&self, client: u64) -> bool {
        match self.clients.get(client) {
            Some(client) => client.reply.is_resp3(),
            None if self.exec.client == client => self.exec.resp3,
            None => self.exec.parked == client && self.exec.parked_reply.is_resp3(),
        }
    }

    /// Tells a tracking client, or the one that listens for it. RESP2 has no place for messages but
    /// in connections that subscribed to something.
    fn send_invalidation(&mut self, id: u64, what: Invalid<'_>) {
        let Some(tracker) = self.tracking.clients.get_mut(&id) else { return };
        let redirect = tracker.redirect;
        if redirect != 0 && !self.clients.contains(redirect) {
            tracker.broken = true;
            if self.speaks_resp3(id) {
                self.send_to(id, |reply| {
                    reply.push(2);
                    reply.bulk(b"tracking-redir-broken");
                    reply.int(redirect as i64);
                });
            }
            return;
        }
        let target = if redirect == 0 { id } else { redirect };
        if self.speaks_resp3(target) {
            self.send_to(target, |reply| {
                reply.push(2);
                reply.bulk(b"invalidate");
                what.write(reply);
            });
        } else if redirect != 0 && self.pubsub.has_subscriptions(target) {
            self.send_to(target, |reply| {
                reply.array(3);
                reply.bulk(b"message");
                reply.bulk(CHANNEL);
                what.write(reply);
            });
        }
    }
}
