//! One node of the cluster, as this one knows it.

use std::fmt;

use super::slots::NodeKey;

/// The 40 letters that name a node, or a shard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId([u8; NodeId::LEN]);

impl NodeId {
    pub const LEN: usize = 40;

    /// `None` unless it is 40 digits or small letters.
    pub fn parse(text: &[u8]) -> Option<NodeId> {
        let fits = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
        let id: [u8; NodeId::LEN] = text.try_into().ok()?;
        id.iter().all(fits).then_some(NodeId(id))
    }

    pub fn random() -> NodeId {
        NodeId(std::array::from_fn(|_| b"0123456789abcdef"[fastrand::usize(..16)]))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(&self.0).unwrap_or("?"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// What a node is and how it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeFlags(u16);

impl NodeFlags {
    pub const MASTER: NodeFlags = NodeFlags(1);
    pub const SLAVE: NodeFlags = NodeFlags(1 << 1);
    /// This node does not reach it.
    pub const PFAIL: NodeFlags = NodeFlags(1 << 2);
    /// The majority does not reach it.
    pub const FAIL: NodeFlags = NodeFlags(1 << 3);
    pub const MYSELF: NodeFlags = NodeFlags(1 << 4);
    /// Not yet introduced.
    pub const HANDSHAKE: NodeFlags = NodeFlags(1 << 5);
    /// Its address is not known.
    pub const NOADDR: NodeFlags = NodeFlags(1 << 6);
    /// A replica that is not to take over.
    pub const NOFAILOVER: NodeFlags = NodeFlags(1 << 9);

    const NAMES: [(NodeFlags, &'static str); 8] = [
        (NodeFlags::MYSELF, "myself"),
        (NodeFlags::MASTER, "master"),
        (NodeFlags::SLAVE, "slave"),
        (NodeFlags::PFAIL, "fail?"),
        (NodeFlags::FAIL, "fail"),
        (NodeFlags::HANDSHAKE, "handshake"),
        (NodeFlags::NOADDR, "noaddr"),
        (NodeFlags::NOFAILOVER, "nofailover"),
    ];

    pub fn has(self, flags: NodeFlags) -> bool {
        self.0 & flags.0 != 0
    }

    pub fn set(&mut self, flags: NodeFlags, on: bool) {
        if on {
            self.0 |= flags.0;
        } else {
            self.0 &= !flags.0;
        }
    }

    /// Reads the third field of a line of nodes.conf; `None` if a name is unknown.
    pub fn parse(text: &str) -> Option<NodeFlags> {
        let mut flags = NodeFlags::default();
        for name in text.split(',').filter(|name| *name != "noflags") {
            let (flag, _) = NodeFlags::NAMES.iter().find(|(_, known)| *known == name)?;
            flags.set(*flag, true);
        }
        Some(flags)
    }
}

impl fmt::Display for NodeFlags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            NodeFlags::NAMES.iter().filter(|row| self.has(row.0)).map(|row| row.1).collect();
        out.write_str(if names.is_empty() { "noflags".into() } else { names.join(",") }.as_str())
    }
}

/// See the file's documentation.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: NodeId,
    /// Of the master and its replicas together.
    pub shard_id: NodeId,
    /// Empty if it is not known.
    pub ip: String,
    pub port: u16,
    pub tls_port: u16,
    pub bus_port: u16,
    pub hostname: String,
    pub human_nodename: String,
    pub flags: NodeFlags,
    /// Of a replica.
    pub master: Option<NodeKey>,
    /// When the ping was sent that is not answered yet, ms; 0 = none.
    pub ping_sent_ms: i64,
    pub pong_received_ms: i64,
    pub config_epoch: u64,
    /// This node has a connection to it.
    pub linked: bool,
}

impl Node {
    /// A node of which nothing else is known.
    pub fn new(id: NodeId, flags: NodeFlags) -> Node {
        Node {
            id,
            shard_id: NodeId::random(),
            ip: String::new(),
            port: 0,
            tls_port: 0,
            bus_port: 0,
            hostname: String::new(),
            human_nodename: String::new(),
            flags,
            master: None,
            ping_sent_ms: 0,
            pong_received_ms: 0,
            config_epoch: 0,
            linked: false,
        }
    }

    pub fn is_master(&self) -> bool {
        self.flags.has(NodeFlags::MASTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_forty_letters() {
        let id = NodeId::random();
        assert_eq!(NodeId::parse(id.as_bytes()), Some(id));
        assert_eq!(NodeId::parse(b"short"), None);
        assert_eq!(NodeId::parse(&[b'X'; 40]), None);
    }

    #[test]
    fn flags_are_written_and_read() {
        for text in ["myself,master", "slave,fail?", "noflags", "master,fail,noaddr"] {
            assert_eq!(NodeFlags::parse(text).expect("known names").to_string(), text);
        }
        assert_eq!(NodeFlags::parse("king"), None);
    }
}
