//! Who is subscribed to which channel, pattern and shard channel, and the delivery of messages.
//! The sets stand here, not in the client, so that publishing needs no access to clients other than
//! to write to them.

use std::collections::{BTreeSet, HashMap};

use super::Server;
use super::client::{Client, ClientFlags};
use crate::protocol::reply::Reply;
use crate::util::glob::string_match;

/// What kind of subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubKind {
    Channel,
    Pattern,
    Shard,
}

impl SubKind {
    /// First element of the (un)subscription reply.
    pub fn verb(self, subscribe: bool) -> &'static str {
        match (self, subscribe) {
            (SubKind::Channel, true) => "subscribe",
            (SubKind::Channel, false) => "unsubscribe",
            (SubKind::Pattern, true) => "psubscribe",
            (SubKind::Pattern, false) => "punsubscribe",
            (SubKind::Shard, true) => "ssubscribe",
            (SubKind::Shard, false) => "sunsubscribe",
        }
    }
}

/// One kind's registry: name → clients in order of subscription, and client → names.
#[derive(Default)]
pub struct Registry {
    subscribers: HashMap<Box<[u8]>, Vec<u64>>,
    names: HashMap<u64, BTreeSet<Box<[u8]>>>,
}

impl Registry {
    fn add(&mut self, client: u64, name: &[u8]) -> bool {
        if !self.names.entry(client).or_default().insert(name.into()) {
            return false;
        }
        self.subscribers.entry(name.into()).or_default().push(client);
        true
    }

    fn remove(&mut self, client: u64, name: &[u8]) -> bool {
        let Some(names) = self.names.get_mut(&client) else { return false };
        if !names.remove(name) {
            return false;
        }
        if names.is_empty() {
            self.names.remove(&client);
        }
        if let Some(ids) = self.subscribers.get_mut(name) {
            ids.retain(|id| *id != client);
            if ids.is_empty() {
                self.subscribers.remove(name);
            }
        }
        true
    }

    /// Names a client is subscribed to, sorted.
    pub fn names_of(&self, client: u64) -> Vec<Box<[u8]>> {
        self.names.get(&client).into_iter().flatten().cloned().collect()
    }

    /// Number of names with subscribers.
    pub fn len(&self) -> usize {
        self.subscribers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    pub fn subscribers_of(&self, name: &[u8]) -> usize {
        self.subscribers.get(name).map_or(0, Vec::len)
    }

    /// Names with subscribers, unsorted.
    pub fn all_names(&self) -> impl Iterator<Item = &[u8]> {
        self.subscribers.keys().map(|name| &**name)
    }
}

/// All subscriptions.
#[derive(Default)]
pub struct PubSub {
    pub channels: Registry,
    pub patterns: Registry,
    pub shard_channels: Registry,
}

impl PubSub {
    pub fn registry(&mut self, kind: SubKind) -> &mut Registry {
        match kind {
            SubKind::Channel => &mut self.channels,
            SubKind::Pattern => &mut self.patterns,
            SubKind::Shard => &mut self.shard_channels,
        }
    }

    /// True if a message could reach nobody.
    pub fn nobody_listens(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// Number of clients with a subscription of any kind.
    pub fn clients(&self) -> usize {
        let mut ids: BTreeSet<u64> = self.channels.names.keys().copied().collect();
        ids.extend(self.patterns.names.keys());
        ids.extend(self.shard_channels.names.keys());
        ids.len()
    }
}

fn update_counts(client: &mut Client, kind: SubKind, change: i64) {
    let count = match kind {
        SubKind::Channel => &mut client.sub_channels,
        SubKind::Pattern => &mut client.sub_patterns,
        SubKind::Shard => &mut client.sub_shard_channels,
    };
    *count = count.saturating_add_signed(change as i32);
    client.flags.assign(ClientFlags::PUBSUB, client.subscriptions() > 0);
}

/// Number that ends an (un)subscription reply: channels and patterns, or shard channels.
fn reply_count(client: &Client, kind: SubKind) -> i64 {
    match kind {
        SubKind::Shard => i64::from(client.sub_shard_channels),
        _ => i64::from(client.sub_channels + client.sub_patterns),
    }
}

fn reply_subscription(client: &mut Client, kind: SubKind, subscribe: bool, name: Option<&[u8]>) {
    let count = reply_count(client, kind);
    client.reply.push(3);
    client.reply.bulk_str(kind.verb(subscribe));
    client.reply.bulk_or_null(name);
    client.reply.int(count);
}

impl Server {
    /// Subscribes and replies.
    pub fn subscribe(&mut self, client: &mut Client, kind: SubKind, name: &[u8]) {
        if self.pubsub.registry(kind).add(client.id, name) {
            update_counts(client, kind, 1);
        }
        reply_subscription(client, kind, true, Some(name));
    }

    /// Unsubscribes from one name and, unless `quiet`, replies.
    pub fn unsubscribe(&mut self, client: &mut Client, kind: SubKind, name: &[u8], quiet: bool) {
        if self.pubsub.registry(kind).remove(client.id, name) {
            update_counts(client, kind, -1);
        }
        if !quiet {
            reply_subscription(client, kind, false, Some(name));
        }
    }

    /// Unsubscribes from everything of a kind; replies once with null if there was nothing.
    pub fn unsubscribe_all(&mut self, client: &mut Client, kind: SubKind, quiet: bool) {
        let names = self.pubsub.registry(kind).names_of(client.id);
        for name in &names {
            self.unsubscribe(client, kind, name, quiet);
        }
        if names.is_empty() && !quiet {
            reply_subscription(client, kind, false, None);
        }
    }

    /// Delivers a message; the number of clients that got it.
    pub fn publish(&mut self, channel: &[u8], message: &[u8], sharded: bool) -> usize {
        let registry = if sharded { &self.pubsub.shard_channels } else { &self.pubsub.channels };
        let verb = if sharded { "smessage" } else { "message" };
        let direct = registry.subscribers.get(channel).cloned().unwrap_or_default();
        for id in &direct {
            self.send_to(*id, |reply| {
                reply.push(3);
                reply.bulk_str(verb);
                reply.bulk(channel);
                reply.bulk(message);
            });
        }
        let mut receivers = direct.len();
        if sharded || self.pubsub.patterns.is_empty() {
            return receivers;
        }
        let matching: Vec<(Box<[u8]>, Vec<u64>)> = self
            .pubsub
            .patterns
            .subscribers
            .iter()
            .filter(|(pattern, _)| string_match(pattern, channel, false))
            .map(|(pattern, ids)| (pattern.clone(), ids.clone()))
            .collect();
        for (pattern, ids) in matching {
            receivers += ids.len();
            for id in ids {
                self.send_to(id, |reply| {
                    reply.push(4);
                    reply.bulk_str("pmessage");
                    reply.bulk(&pattern);
                    reply.bulk(channel);
                    reply.bulk(message);
                });
            }
        }
        receivers
    }

    /// Writes to any client. What goes to the client whose command runs is held back until the
    /// command's own reply is complete.
    pub fn send_to(&mut self, id: u64, write: impl FnOnce(&mut Reply)) {
        if self.exec.client == id {
            self.exec.push_reply.set_resp3(self.exec.resp3);
            write(&mut self.exec.push_reply);
            return;
        }
        if self.exec.parked == id {
            write(&mut self.exec.parked_reply);
            return;
        }
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.flags.has(ClientFlags::CLOSE_ASAP) {
            return;
        }
        write(&mut client.reply);
        if !client.flags.has(ClientFlags::PENDING_WRITE) {
            client.flags.set(ClientFlags::PENDING_WRITE);
            self.clients.pending_write.push(id);
        }
        self.touched_output.push(id);
    }
}
