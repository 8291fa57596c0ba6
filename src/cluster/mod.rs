//! A node's view of its cluster: the nodes it knows, who owns which hash slot, whether the cluster
//! can serve, and where a command belongs. All of it is a machine without I/O, except that
//! [`nodes_conf`] writes a file.
//!
//! Not the sockets of the cluster bus, and not the CLUSTER commands: those change this state.
//! Invariant: an owner, a migration's other end and a replica's master are nodes that are known.

pub mod node;
pub mod nodes_conf;
pub mod route;
pub mod slots;
pub mod state;

pub use node::{Node, NodeFlags, NodeId};
pub use route::{Redirect, Request};
pub use slots::{NodeKey, SlotTable};
pub use state::{Cluster, Health};
