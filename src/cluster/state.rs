//! The state of the cluster as this node sees it, and when it may serve.
//!
//! Time is an argument. Invariant: `todo` says what a change still asks for; whoever owns the
//! state does it before the event loop sleeps.

use std::collections::HashMap;

use slab::Slab;

use super::node::{Node, NodeFlags, NodeId};
use super::slots::{NodeKey, SLOTS, SlotTable};

/// A master that starts waits so long before it serves: others may have taken its slots.
const WRITABLE_DELAY_MS: i64 = 2000;
/// Bounds of the wait after a partition heals.
const MIN_REJOIN_DELAY_MS: i64 = 500;
const MAX_REJOIN_DELAY_MS: i64 = 5000;
/// Most nodes that can be known: their keys are 16 bits, one of which means nobody.
const MAX_NODES: usize = u16::MAX as usize;

/// Whether the cluster serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Ok,
    Fail,
}

impl Health {
    pub fn name(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Fail => "fail",
        }
    }
}

/// What is to be done before the loop sleeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Todo {
    pub update_state: bool,
    pub save: bool,
    pub fsync: bool,
}

/// See the file's documentation.
pub struct Cluster {
    nodes: Slab<Node>,
    by_id: HashMap<NodeId, NodeKey>,
    myself: NodeKey,
    pub slots: SlotTable,
    pub current_epoch: u64,
    pub last_vote_epoch: u64,
    pub health: Health,
    /// Masters with slots.
    pub size: usize,
    pub todo: Todo,
    /// Of the first look at the state.
    first_look_ms: Option<i64>,
    /// When this node last was among the minority.
    minority_ms: i64,
}

impl Cluster {
    /// A cluster of this node alone, without slots.
    pub fn new(id: NodeId) -> Cluster {
        let mut flags = NodeFlags::MYSELF;
        flags.set(NodeFlags::MASTER, true);
        let mut nodes = Slab::new();
        let myself = NodeKey(nodes.insert(Node::new(id, flags)) as u16);
        Cluster {
            nodes,
            by_id: HashMap::from([(id, myself)]),
            myself,
            slots: SlotTable::default(),
            current_epoch: 0,
            last_vote_epoch: 0,
            health: Health::Fail,
            size: 0,
            todo: Todo::default(),
            first_look_ms: None,
            minority_ms: 0,
        }
    }

    pub fn my_key(&self) -> NodeKey {
        self.myself
    }

    pub fn myself(&self) -> &Node {
        self.node(self.myself)
    }

    pub fn myself_mut(&mut self) -> &mut Node {
        &mut self.nodes[usize::from(self.myself.0)]
    }

    /// A known node.
    pub fn node(&self, key: NodeKey) -> &Node {
        &self.nodes[usize::from(key.0)]
    }

    pub fn node_mut(&mut self, key: NodeKey) -> &mut Node {
        &mut self.nodes[usize::from(key.0)]
    }

    /// The node of that name; anything may be asked for.
    pub fn lookup(&self, name: &[u8]) -> Option<NodeKey> {
        self.by_id.get(&NodeId::parse(name)?).copied()
    }

    pub fn nodes(&self) -> impl Iterator<Item = (NodeKey, &Node)> {
        self.nodes.iter().map(|(key, node)| (NodeKey(key as u16), node))
    }

    /// How many nodes are known, this one included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never true: a node knows itself.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The replicas of a node.
    pub fn replicas_of(&self, key: NodeKey) -> Vec<NodeKey> {
        self.nodes().filter(|(_, node)| node.master == Some(key)).map(|(key, _)| key).collect()
    }

    /// Adds a node; `None` if there are too many.
    pub fn add(&mut self, node: Node) -> Option<NodeKey> {
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        let id = node.id;
        let key = NodeKey(self.nodes.insert(node) as u16);
        self.by_id.insert(id, key);
        Some(key)
    }

    /// Forgets a node other than this one.
    pub fn remove(&mut self, key: NodeKey) {
        assert!(key != self.myself, "a node does not forget itself");
        self.slots.forget(key);
        let node = self.nodes.remove(usize::from(key.0));
        self.by_id.remove(&node.id);
        for (_, other) in self.nodes.iter_mut().filter(|(_, n)| n.master == Some(key)) {
            other.master = None;
        }
    }

    /// This node is that one (nodes.conf says so).
    pub(super) fn become_node(&mut self, key: NodeKey) {
        let old = std::mem::replace(&mut self.myself, key);
        if old != key {
            self.remove(old);
        }
    }

    /// A new name for this node.
    fn rename_myself(&mut self) {
        let old = self.myself().id;
        self.by_id.remove(&old);
        let id = NodeId::random();
        let node = self.myself_mut();
        node.id = id;
        node.shard_id = NodeId::random();
        self.by_id.insert(id, self.myself);
    }

    /// The epoch that counts for this node: that of its master if it is a replica.
    pub fn my_epoch(&self) -> u64 {
        let myself = self.myself();
        let counts = myself.master.filter(|_| !myself.is_master()).map(|key| self.node(key));
        counts.unwrap_or(myself).config_epoch
    }

    /// Takes a new epoch without asking anybody, unless this node has the highest already.
    pub fn bump_config_epoch(&mut self) -> bool {
        let highest = self.nodes().map(|(_, node)| node.config_epoch).max().unwrap_or(0);
        let highest = highest.max(self.current_epoch);
        let mine = self.myself().config_epoch;
        if mine != 0 && mine == highest {
            return false;
        }
        self.current_epoch += 1;
        self.myself_mut().config_epoch = self.current_epoch;
        self.todo.save = true;
        self.todo.fsync = true;
        true
    }

    /// A change that is to be kept and that may change whether the cluster serves.
    pub fn changed(&mut self) {
        self.todo.save = true;
        self.todo.update_state = true;
    }

    /// CLUSTER RESET: alone again, without slots; `hard`: with a new name and no epochs. True if a
    /// replica became a master.
    pub fn reset(&mut self, hard: bool) -> bool {
        let was_replica = !self.myself().is_master();
        let myself = self.myself_mut();
        myself.flags.set(NodeFlags::SLAVE, false);
        myself.flags.set(NodeFlags::MASTER, true);
        myself.master = None;
        self.slots = SlotTable::default();
        let me = self.my_key();
        let others: Vec<_> = self.nodes().map(|row| row.0).filter(|key| *key != me).collect();
        for key in others {
            self.remove(key);
        }
        if hard {
            self.current_epoch = 0;
            self.last_vote_epoch = 0;
            self.myself_mut().config_epoch = 0;
            self.rename_myself();
        }
        self.changed();
        self.todo.fsync = true;
        was_replica
    }

    /// Looks whether the cluster serves now; `Some` if that changed.
    pub fn update_state(
        &mut self,
        now_ms: i64,
        full_coverage: bool,
        node_timeout_ms: i64,
    ) -> Option<Health> {
        self.todo.update_state = false;
        let first = *self.first_look_ms.get_or_insert(now_ms);
        let is_master = self.myself().is_master();
        if is_master && self.health == Health::Fail && now_ms - first < WRITABLE_DELAY_MS {
            return None;
        }
        let failing = |key| self.node(key).flags.has(NodeFlags::FAIL);
        let covered =
            || (0..SLOTS).all(|slot| self.slots.owner(slot).is_some_and(|owner| !failing(owner)));
        let mut health = if full_coverage && !covered() { Health::Fail } else { Health::Ok };
        let with_slots =
            |(key, node): &(NodeKey, &Node)| node.is_master() && self.slots.count_of(*key) > 0;
        let size = self.nodes().filter(with_slots).count();
        let unreachable = |(_, node): &(NodeKey, &Node)| {
            node.flags.has(NodeFlags::FAIL) || node.flags.has(NodeFlags::PFAIL)
        };
        let reachable = self.nodes().filter(with_slots).filter(|row| !unreachable(row)).count();
        self.size = size;
        if reachable < size / 2 + 1 {
            health = Health::Fail;
            self.minority_ms = now_ms;
        }
        if health == self.health {
            return None;
        }
        let rejoin_ms = node_timeout_ms.clamp(MIN_REJOIN_DELAY_MS, MAX_REJOIN_DELAY_MS);
        if health == Health::Ok && is_master && now_ms - self.minority_ms < rejoin_ms {
            return None;
        }
        self.health = health;
        Some(health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Cluster {
        let mut cluster = Cluster::new(NodeId::random());
        let me = cluster.my_key();
        (0..SLOTS).for_each(|slot| cluster.slots.assign(slot, Some(me)));
        cluster
    }

    #[test]
    fn a_master_waits_before_it_serves() {
        let mut cluster = full();
        assert_eq!(cluster.update_state(1000, true, 3000), None);
        assert_eq!(cluster.update_state(2999, true, 3000), None);
        assert_eq!(cluster.update_state(3000, true, 3000), Some(Health::Ok));
        cluster.slots.assign(7, None);
        assert_eq!(cluster.update_state(3001, true, 3000), Some(Health::Fail));
        assert_eq!(cluster.update_state(9001, false, 3000), Some(Health::Ok));
    }

    #[test]
    fn without_slots_it_is_a_minority_of_none() {
        let mut cluster = Cluster::new(NodeId::random());
        cluster.update_state(0, false, 1000);
        assert_eq!(cluster.update_state(5000, false, 1000), None);
        let me = cluster.my_key();
        cluster.slots.assign(0, Some(me));
        assert_eq!(cluster.update_state(5500, false, 1000), None, "too early after the minority");
        assert_eq!(cluster.update_state(6000, false, 1000), Some(Health::Ok));
        assert_eq!(cluster.size, 1);
    }

    #[test]
    fn epochs_are_bumped_once() {
        let mut cluster = full();
        assert!(cluster.bump_config_epoch());
        assert_eq!((cluster.current_epoch, cluster.my_epoch()), (1, 1));
        assert!(!cluster.bump_config_epoch());
    }

    #[test]
    fn a_hard_reset_gives_a_new_name() {
        let mut cluster = full();
        let other = cluster.add(Node::new(NodeId::random(), NodeFlags::MASTER)).unwrap();
        cluster.slots.assign(5, Some(other));
        let (id, shard) = (cluster.myself().id, cluster.myself().shard_id);
        cluster.reset(false);
        assert_eq!((cluster.len(), cluster.slots.assigned(), cluster.myself().id), (1, 0, id));
        cluster.reset(true);
        assert!(cluster.myself().id != id && cluster.myself().shard_id != shard);
        assert_eq!(cluster.lookup(cluster.myself().id.as_bytes()), Some(cluster.my_key()));
        assert_eq!(cluster.lookup(id.as_bytes()), None);
    }
}
