//! Where a command belongs: to this node, to another, or nowhere now.

use super::slots::NodeKey;
use super::state::{Cluster, Health};
use crate::util::crc16::key_slot;

/// Why a command is not served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// Its keys are in several slots.
    CrossSlot,
    /// Some of its keys have moved, others not yet.
    Unstable,
    /// The cluster does not serve.
    Down,
    /// The cluster serves reads only.
    DownReadOnly,
    /// Nobody owns the slot.
    Unbound,
    /// Another node owns the slot.
    Moved { slot: u16, node: NodeKey },
    /// The key may have gone to another node: that one is to be asked this once.
    Ask { slot: u16, node: NodeKey },
}

/// What matters of a command beside its keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// It writes, or is an EXEC of what does.
    pub writes: bool,
    /// The client said ASKING, or the command is one that need not.
    pub asking: bool,
    /// The client said READONLY.
    pub readonly: bool,
    /// It is about shard channels.
    pub shard_pubsub: bool,
    /// MIGRATE works where the key is.
    pub migrate: bool,
    /// `cluster-allow-reads-when-down`
    pub reads_when_down: bool,
    /// `cluster-allow-pubsubshard-when-down`
    pub shard_pubsub_when_down: bool,
}

impl Cluster {
    /// The slot of the keys if this node serves them (`None`: no keys). `exists` tells whether a
    /// key is here; it is asked only while the slot moves.
    pub fn route(
        &self,
        keys: &[&[u8]],
        request: &Request,
        mut exists: impl FnMut(&[u8]) -> bool,
    ) -> Result<Option<u16>, Redirect> {
        let Some((first, rest)) = keys.split_first() else { return Ok(None) };
        let slot = key_slot(first);
        let owner = self.slots.owner(slot).ok_or(Redirect::Unbound)?;
        if rest.iter().any(|key| *key != *first && key_slot(key) != slot) {
            return Err(Redirect::CrossSlot);
        }
        if self.health != Health::Ok {
            check_down(request)?;
        }
        let mine = owner == self.my_key();
        let going_to = self.slots.migrating_to.get(&slot).copied().filter(|_| mine);
        let coming = !mine && self.slots.importing_from.contains_key(&slot);
        if (going_to.is_some() || coming) && request.migrate {
            return Ok(Some(slot));
        }
        let here = |exists: &mut dyn FnMut(&[u8]) -> bool| {
            if request.shard_pubsub {
                return (0, 0);
            }
            let here = keys.iter().filter(|key| exists(key)).count();
            (here, keys.len() - here)
        };
        if let Some(node) = going_to {
            return match here(&mut exists) {
                (_, 0) => Ok(Some(slot)),
                (0, _) => Err(Redirect::Ask { slot, node }),
                _ => Err(Redirect::Unstable),
            };
        }
        if coming && request.asking {
            let several = rest.iter().any(|key| *key != *first);
            return if several && here(&mut exists).1 > 0 {
                Err(Redirect::Unstable)
            } else {
                Ok(Some(slot))
            };
        }
        if mine || self.serves_as_replica(owner, request) {
            return Ok(Some(slot));
        }
        Err(Redirect::Moved { slot, node: owner })
    }

    /// Whether this node is a replica of the slot's owner and may answer.
    fn serves_as_replica(&self, owner: NodeKey, request: &Request) -> bool {
        let myself = self.myself();
        let asked = request.readonly || request.shard_pubsub;
        asked && !request.writes && !myself.is_master() && myself.master == Some(owner)
    }
}

fn check_down(request: &Request) -> Result<(), Redirect> {
    if request.shard_pubsub {
        return if request.shard_pubsub_when_down { Ok(()) } else { Err(Redirect::Down) };
    }
    match (request.reads_when_down, request.writes) {
        (false, _) => Err(Redirect::Down),
        (true, true) => Err(Redirect::DownReadOnly),
        (true, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::{Node, NodeFlags, NodeId};
    use super::*;

    const WRITE: Request = Request {
        writes: true,
        asking: false,
        readonly: false,
        shard_pubsub: false,
        migrate: false,
        reads_when_down: false,
        shard_pubsub_when_down: true,
    };

    fn cluster() -> (Cluster, NodeKey, NodeKey) {
        let mut cluster = Cluster::new(NodeId::random());
        let other = cluster.add(Node::new(NodeId::random(), NodeFlags::MASTER)).unwrap();
        let me = cluster.my_key();
        cluster.slots.assign(key_slot(b"{a}"), Some(me));
        cluster.slots.assign(key_slot(b"{b}"), Some(other));
        cluster.health = Health::Ok;
        (cluster, me, other)
    }

    #[test]
    fn keys_belong_to_the_owner_of_their_slot() {
        let (cluster, _, other) = cluster();
        let route = |keys: &[&[u8]]| cluster.route(keys, &WRITE, |_| true);
        assert_eq!(route(&[]), Ok(None));
        assert_eq!(route(&[b"{a}1", b"{a}2"]), Ok(Some(key_slot(b"{a}"))));
        let moved = Redirect::Moved { slot: key_slot(b"{b}"), node: other };
        assert_eq!(route(&[b"{b}"]), Err(moved));
        assert_eq!(route(&[b"{a}", b"{b}"]), Err(Redirect::CrossSlot));
        assert_eq!(route(&[b"{c}"]), Err(Redirect::Unbound));
    }

    #[test]
    fn a_cluster_that_is_down_may_serve_reads() {
        let (mut cluster, ..) = cluster();
        cluster.health = Health::Fail;
        let route = |request: &Request| cluster.route(&[b"{a}"], request, |_| true).err();
        assert_eq!(route(&WRITE), Some(Redirect::Down));
        let allowed = Request { reads_when_down: true, ..WRITE };
        assert_eq!(route(&allowed), Some(Redirect::DownReadOnly));
        assert_eq!(route(&Request { writes: false, ..allowed }), None);
        let shard = Request { shard_pubsub: true, ..WRITE };
        assert_eq!(route(&shard), None);
        assert_eq!(
            route(&Request { shard_pubsub_when_down: false, ..shard }),
            Some(Redirect::Down)
        );
    }

    #[test]
    fn a_slot_on_its_way_out_asks_for_missing_keys() {
        let (mut cluster, _, other) = cluster();
        let slot = key_slot(b"{a}");
        cluster.slots.migrating_to.insert(slot, other);
        let route = |keys: &[&[u8]]| cluster.route(keys, &WRITE, |key| key == b"{a}here");
        assert_eq!(route(&[b"{a}here"]), Ok(Some(slot)));
        assert_eq!(route(&[b"{a}gone"]), Err(Redirect::Ask { slot, node: other }));
        assert_eq!(route(&[b"{a}here", b"{a}gone"]), Err(Redirect::Unstable));
        let migrate = Request { migrate: true, ..WRITE };
        assert_eq!(cluster.route(&[b"{a}gone"], &migrate, |_| false), Ok(Some(slot)));
    }

    #[test]
    fn a_slot_on_its_way_in_serves_those_who_ask() {
        let (mut cluster, _, other) = cluster();
        let slot = key_slot(b"{b}");
        cluster.slots.importing_from.insert(slot, other);
        let moved = Redirect::Moved { slot, node: other };
        assert_eq!(cluster.route(&[b"{b}"], &WRITE, |_| false), Err(moved));
        let asking = Request { asking: true, ..WRITE };
        assert_eq!(cluster.route(&[b"{b}"], &asking, |_| false), Ok(Some(slot)));
        let two: [&[u8]; 2] = [b"{b}1", b"{b}2"];
        assert_eq!(cluster.route(&two, &asking, |_| false), Err(Redirect::Unstable));
        assert_eq!(cluster.route(&two, &asking, |_| true), Ok(Some(slot)));
    }
}
