//! Documentation of the cluster commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, doc_flag, integer, one_of, string, token};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "asking",
        summary: "Lets the next command through to a slot that is being imported",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster",
        summary: "Redis Cluster: nodes, slots, failover",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|addslots",
        summary: "Takes slots into this node's ownership",
        complexity: Some("O(N), N = slots given"),
        arguments: &[integer("slot").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|addslotsrange",
        summary: "Takes ranges of slots into this node's ownership",
        complexity: Some("O(N), N = slots in the ranges"),
        arguments: &[block("range", &[integer("start-slot"), integer("end-slot")]).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|bumpepoch",
        summary: "Raises the config epoch of this node",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|count-failure-reports",
        summary: "Counts the nodes that report a node as failing",
        complexity: Some("O(N), N = reports"),
        arguments: &[string("node-id")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|countkeysinslot",
        summary: "Counts the keys of a slot",
        complexity: Some("O(1)"),
        arguments: &[integer("slot")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|delslots",
        summary: "Forgets who owns the given slots",
        complexity: Some("O(N), N = slots given"),
        arguments: &[integer("slot").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|delslotsrange",
        summary: "Forgets who owns the slots of the given ranges",
        complexity: Some("O(N), N = slots in the ranges"),
        arguments: &[block("range", &[integer("start-slot"), integer("end-slot")]).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|failover",
        summary: "Lets this replica take over from its master",
        complexity: Some("O(1)"),
        arguments: &[
            one_of("options", &[token("force", "FORCE"), token("takeover", "TAKEOVER")]).optional()
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|flushslots",
        summary: "Gives up every slot of this node",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|forget",
        summary: "Drops a node from the list of known nodes",
        complexity: Some("O(1)"),
        arguments: &[string("node-id")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|getkeysinslot",
        summary: "Names some keys of a slot",
        complexity: Some("O(N), N = keys asked for"),
        arguments: &[integer("slot"), integer("count")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|help",
        summary: "Lists the CLUSTER sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|info",
        summary: "Sums up the state of the cluster as this node sees it",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|keyslot",
        summary: "Computes the slot of a key",
        complexity: Some("O(N), N = bytes of the key"),
        arguments: &[string("key")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|links",
        summary: "Describes the bus connections to and from other nodes",
        complexity: Some("O(N), N = nodes"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|meet",
        summary: "Starts a handshake with another node",
        complexity: Some("O(1)"),
        history: &[("4.0.0", "`cluster_bus_port`")],
        arguments: &[
            string("ip"),
            integer("port"),
            integer("cluster-bus-port").since("4.0.0").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|myid",
        summary: "Tells the ID of this node",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|myshardid",
        summary: "Tells the ID of this node's shard",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|nodes",
        summary: "Lists the nodes in the format of the nodes file",
        complexity: Some("O(N), N = nodes"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|replicas",
        summary: "Lists the replicas of a master",
        complexity: Some("O(N), N = replicas"),
        arguments: &[string("node-id")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|replicate",
        summary: "Makes this node a replica of a master",
        complexity: Some("O(1)"),
        arguments: &[string("node-id")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|reset",
        summary: "Takes this node out of its cluster",
        complexity: Some("O(N), N = known nodes; a master's replica also flushes its data"),
        arguments: &[
            one_of("reset-type", &[token("hard", "HARD"), token("soft", "SOFT")]).optional()
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|saveconfig",
        summary: "Writes the nodes file to disk",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|set-config-epoch",
        summary: "Gives a fresh node its first config epoch",
        complexity: Some("O(1)"),
        arguments: &[integer("config-epoch")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|setslot",
        summary: "Assigns a slot or marks it as moving",
        complexity: Some("O(1)"),
        arguments: &[
            integer("slot"),
            one_of(
                "subcommand",
                &[
                    string("importing").token("IMPORTING").display("node-id"),
                    string("migrating").token("MIGRATING").display("node-id"),
                    string("node").token("NODE").display("node-id"),
                    token("stable", "STABLE"),
                ],
            ),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|shards",
        summary: "Lists the shards with their slots and nodes",
        complexity: Some("O(N), N = nodes"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|slaves",
        summary: "Older name of CLUSTER REPLICAS",
        complexity: Some("O(N), N = replicas"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("5.0.0"),
        replaced_by: Some("`CLUSTER REPLICAS`"),
        arguments: &[string("node-id")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "cluster|slots",
        summary: "Maps slot ranges to nodes",
        complexity: Some("O(N), N = nodes"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("7.0.0"),
        replaced_by: Some("`CLUSTER SHARDS`"),
        history: &[("4.0.0", "IDs of the nodes"), ("7.0.0", "further network data of the nodes")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "readonly",
        summary: "Lets this connection read from a cluster replica",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "readwrite",
        summary: "Takes READONLY back",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
];
