//! Who is subscribed to which channel, pattern and shard channel, and the delivery of messages.
//! The sets stand here, not in the client, so that publishing needs no access to clients other than
//! to write to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::rc::Rc;

use super::Server;
use super::client::{Client, ClientFlags};
use super::connection::CHUNK_BYTES;
use crate::protocol::reply::Reply;
use crate::sys::relocate::Mover;
use crate::util::glob::string_match;

/// Stands for a client without a socket, which gets no messages.
const NO_TOKEN: usize = usize::MAX;

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
    /// Event tokens, with which a client is found without a search.
    subscribers: HashMap<Rc<[u8]>, Vec<usize>>,
    /// The same names, shared.
    names: BTreeMap<u64, BTreeSet<Rc<[u8]>>>,
}

impl Registry {
    fn add(&mut self, client: u64, token: usize, name: &[u8]) -> bool {
        let names = self.names.entry(client).or_default();
        if names.contains(name) {
            return false;
        }
        let known = self.subscribers.get_key_value(name).map(|(name, _)| Rc::clone(name));
        let name = known.unwrap_or_else(|| Rc::from(name));
        names.insert(Rc::clone(&name));
        self.subscribers.entry(name).or_default().push(token);
        true
    }

    fn remove(&mut self, client: u64, token: usize, name: &[u8]) -> bool {
        let Some(names) = self.names.get_mut(&client) else { return false };
        if !names.remove(name) {
            return false;
        }
        if names.is_empty() {
            self.names.remove(&client);
        }
        if let Some(tokens) = self.subscribers.get_mut(name) {
            tokens.retain(|other| *other != token);
            if tokens.is_empty() {
                self.subscribers.remove(name);
            }
        }
        true
    }

    /// Names a client is subscribed to, sorted.
    pub fn names_of(&self, client: u64) -> Vec<Rc<[u8]>> {
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

/// Where moving the names of a registry goes on: at a client, behind one of its names.
#[derive(Debug, Default, Clone)]
pub struct NamePlace {
    client: u64,
    after: Option<Rc<[u8]>>,
}

impl Registry {
    /// Moves the blocks of some names, for active defragmentation; gives where to go on. A name
    /// that several clients share moves with the first of them; the others follow in their turn.
    pub fn relocate(&mut self, place: &NamePlace, mover: &mut Mover) -> Option<NamePlace> {
        const NAMES: usize = 32;
        let Registry { subscribers, names } = self;
        let (&client, names) = names.range_mut(place.client..).next()?;
        let after = match &place.after {
            Some(name) if client == place.client => Bound::Excluded(&**name),
            _ => Bound::Unbounded,
        };
        let rest = names.range::<[u8], _>((after, Bound::Unbounded));
        let some: Vec<Rc<[u8]>> = rest.take(NAMES).map(Rc::clone).collect();
        for name in &some {
            let Some((shared, _)) = subscribers.get_key_value(name) else { continue };
            if !Rc::ptr_eq(shared, name) {
                names.replace(Rc::clone(shared));
            } else if let Some(moved) = mover.shared_bytes(name)
                && let Some(mut tokens) = subscribers.remove(name)
            {
                mover.vec(&mut tokens);
                subscribers.insert(Rc::clone(&moved), tokens);
                names.replace(moved);
            }
        }
        Some(match some.last() {
            Some(last) if some.len() == NAMES => {
                // By now the set may hold another copy: equal, and that is what counts.
                NamePlace { client, after: Some(Rc::clone(last)) }
            }
            _ => NamePlace { client: client.checked_add(1)?, after: None },
        })
    }
}

/// A message as bytes, made once for each protocol that a receiver speaks.
#[derive(Default)]
struct Frames {
    resp2: Reply,
    resp3: Reply,
}

impl Frames {
    fn get(&mut self, resp3: bool, parts: &[&[u8]]) -> &[u8] {
        let frame = if resp3 { &mut self.resp3 } else { &mut self.resp2 };
        if frame.is_empty() {
            frame.set_resp3(resp3);
            frame.push(parts.len());
            for part in parts {
                frame.bulk(part);
            }
        }
        frame.as_bytes()
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

    /// The client is subscribed to something.
    pub fn has_subscriptions(&self, client: u64) -> bool {
        let registries = [&self.channels, &self.patterns, &self.shard_channels];
        registries.into_iter().any(|registry| registry.names.contains_key(&client))
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

impl Server {
    /// Subscriptions are confirmed by pushes, which CLIENT REPLY OFF does not hold back: those are
    /// kept apart from the reply that `call` discards.
    fn reply_subscription(
        &mut self,
        client: &mut Client,
        kind: SubKind,
        subscribe: bool,
        name: Option<&[u8]>,
    ) {
        let count = reply_count(client, kind);
        let resp3 = client.reply.is_resp3();
        let reply = if client.replies_discarded() {
            self.exec.push_reply.set_resp3(resp3);
            &mut self.exec.push_reply
        } else {
            &mut client.reply
        };
        reply.push(3);
        reply.bulk_str(kind.verb(subscribe));
        reply.bulk_or_null(name);
        reply.int(count);
    }

    /// Subscribes and replies.
    pub fn subscribe(&mut self, client: &mut Client, kind: SubKind, name: &[u8]) {
        let token = self.clients.token(client.id).unwrap_or(NO_TOKEN);
        if self.pubsub.registry(kind).add(client.id, token, name) {
            update_counts(client, kind, 1);
        }
        self.reply_subscription(client, kind, true, Some(name));
    }

    /// Unsubscribes from one name and, unless `quiet`, replies.
    pub fn unsubscribe(&mut self, client: &mut Client, kind: SubKind, name: &[u8], quiet: bool) {
        let token = self.clients.token(client.id).unwrap_or(NO_TOKEN);
        if self.pubsub.registry(kind).remove(client.id, token, name) {
            update_counts(client, kind, -1);
        }
        if !quiet {
            self.reply_subscription(client, kind, false, Some(name));
        }
    }

    /// Unsubscribes from everything of a kind; replies once with null if there was nothing.
    pub fn unsubscribe_all(&mut self, client: &mut Client, kind: SubKind, quiet: bool) {
        let names = self.pubsub.registry(kind).names_of(client.id);
        for name in &names {
            self.unsubscribe(client, kind, name, quiet);
        }
        if names.is_empty() && !quiet {
            self.reply_subscription(client, kind, false, None);
        }
    }

    /// Ids of the clients that are subscribed to a shard channel.
    pub fn shard_subscribers(&self, name: &[u8]) -> Vec<u64> {
        let tokens = self.pubsub.shard_channels.subscribers.get(name).into_iter().flatten();
        tokens.filter_map(|token| self.clients.id_of_token(*token)).collect()
    }

    /// Delivers a message; the number of clients that got it.
    pub fn publish(&mut self, channel: &[u8], message: &[u8], sharded: bool) -> usize {
        if !sharded && self.pubsub.nobody_listens() {
            return 0;
        }
        let (kind, verb) = match sharded {
            true => (SubKind::Shard, &b"smessage"[..]),
            false => (SubKind::Channel, &b"message"[..]),
        };
        let mut receivers = self.fan_out(kind, channel, &[verb, channel, message]);
        if sharded || self.pubsub.patterns.is_empty() {
            return receivers;
        }
        let patterns = self.pubsub.patterns.all_names();
        let matching: Vec<Box<[u8]>> =
            patterns.filter(|p| string_match(p, channel, false)).map(Box::from).collect();
        for pattern in matching {
            let parts: [&[u8]; 4] = [b"pmessage", &pattern, channel, message];
            receivers += self.fan_out(SubKind::Pattern, &pattern, &parts);
        }
        receivers
    }

    /// Sends one message to all subscribers of a name.
    fn fan_out(&mut self, kind: SubKind, name: &[u8], parts: &[&[u8]]) -> usize {
        // Nobody subscribes or leaves while the list is out: clients are only marked for closing.
        let Some(list) = self.pubsub.registry(kind).subscribers.get_mut(name) else { return 0 };
        let tokens = std::mem::take(list);
        let mut frames = Frames::default();
        for token in &tokens {
            self.deliver(*token, parts, &mut frames);
        }
        let receivers = tokens.len();
        if let Some(list) = self.pubsub.registry(kind).subscribers.get_mut(name) {
            *list = tokens;
        }
        receivers
    }

    fn deliver(&mut self, token: usize, parts: &[&[u8]], frames: &mut Frames) {
        let Some(client) = self.clients.get_by_token(token) else {
            let Some(id) = self.clients.id_of_token(token) else { return };
            return self.send_to_running(id, |reply| {
                let frame = frames.get(reply.is_resp3(), parts);
                reply.raw(frame);
            });
        };
        if client.flags.has(ClientFlags::CLOSE_ASAP) {
            return;
        }
        let buffer = client.reply.buffer_mut();
        if buffer.capacity() == 0 {
            let pooled = self.reply_pool.pop();
            *buffer = pooled.unwrap_or_else(|| Vec::with_capacity(self.subscriber_bytes));
        }
        let frame = frames.get(client.reply.is_resp3(), parts);
        client.reply.raw(frame);
        let full = client.reply.len() >= CHUNK_BYTES;
        let id = client.id;
        if !client.flags.has(ClientFlags::PENDING_WRITE) {
            client.flags.set(ClientFlags::PENDING_WRITE);
            self.clients.pending_write.push(token);
        }
        if full || self.config.maxmemory_clients != 0 {
            self.check_receiver(id);
        }
    }

    /// A client that got something it did not ask for: its limits.
    #[cold]
    fn check_receiver(&mut self, id: u64) {
        let Some(mut client) = self.clients.check_out(id) else { return };
        if let Some(conn) = client.conn.as_mut() {
            conn.take_chunk(client.reply.buffer_mut());
            if !conn.out.is_empty() {
                self.check_output_limit(&mut client, true);
            }
        }
        if self.config.maxmemory_clients != 0 {
            self.update_client_memory(&mut client);
        }
        self.clients.check_in(client);
    }

    /// Writes to any client. What goes to a client whose command runs is held back until the
    /// command's own reply is complete.
    pub fn send_to(&mut self, id: u64, write: impl FnOnce(&mut Reply)) {
        let Some(client) = self.clients.get_mut(id) else {
            return self.send_to_running(id, write);
        };
        if client.flags.has(ClientFlags::CLOSE_ASAP) {
            return;
        }
        write(&mut client.reply);
        if !client.flags.has(ClientFlags::PENDING_WRITE) {
            client.flags.set(ClientFlags::PENDING_WRITE);
            let token = client.token;
            self.clients.pending_write.push(token);
        }
        self.check_receiver(id);
    }

    /// The client is checked out: it runs a command, or waits while blocked clients are served.
    fn send_to_running(&mut self, id: u64, write: impl FnOnce(&mut Reply)) {
        if self.exec.client == id {
            self.exec.push_reply.set_resp3(self.exec.resp3);
            write(&mut self.exec.push_reply);
        } else if self.exec.parked == id {
            write(&mut self.exec.parked_reply);
        }
    }
}
