//! Documentation of the set commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, integer, key, pattern, string};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "sadd",
        summary: "Adds members to a set",
        complexity: Some("O(N), N = members given"),
        history: &[("2.4.0", "several members")],
        arguments: &[key("key", 0), string("member").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "scard",
        summary: "Counts the members of a set",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sdiff",
        summary: "Returns the members of the first set that no other set has",
        complexity: Some("O(N), N = members of all sets"),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sdiffstore",
        summary: "Stores the members of the first set that no other set has",
        complexity: Some("O(N), N = members of all sets"),
        arguments: &[key("destination", 0), key("key", 1).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sinter",
        summary: "Returns the members that all sets share",
        complexity: Some("O(N*M), N = members of the smallest set, M = sets"),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sintercard",
        summary: "Counts the members that all sets share",
        complexity: Some("O(N*M), N = members of the smallest set, M = sets"),
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("limit").token("LIMIT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sinterstore",
        summary: "Stores the members that all sets share",
        complexity: Some("O(N*M), N = members of the smallest set, M = sets"),
        arguments: &[key("destination", 0), key("key", 1).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sismember",
        summary: "Tells whether a set has a member",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("member")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "smembers",
        summary: "Reads a whole set",
        complexity: Some("O(N), N = members"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "smismember",
        summary: "Tells which of several members a set has",
        complexity: Some("O(N), N = members given"),
        arguments: &[key("key", 0), string("member").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "smove",
        summary: "Takes a member out of one set and into another",
        complexity: Some("O(1)"),
        arguments: &[key("source", 0), key("destination", 1), string("member")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "spop",
        summary: "Pops random members of a set",
        complexity: Some("O(1) without a count, else O(N), N = the count"),
        history: &[("3.2.0", "`count`")],
        arguments: &[key("key", 0), integer("count").since("3.2.0").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "srandmember",
        summary: "Picks members of a set at random",
        complexity: Some("O(1) without a count, else O(N), N = the count without its sign"),
        history: &[("2.6.0", "`count`")],
        arguments: &[key("key", 0), integer("count").since("2.6.0").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "srem",
        summary: "Removes members of a set; the key goes with the last one",
        complexity: Some("O(N), N = members given"),
        history: &[("2.4.0", "several members")],
        arguments: &[key("key", 0), string("member").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sscan",
        summary: "Walks over the members of a set in steps",
        complexity: Some("O(1) a call, O(N) for the whole walk, N = members of the set"),
        arguments: &[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sunion",
        summary: "Returns the members of any of the sets",
        complexity: Some("O(N), N = members of all sets"),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sunionstore",
        summary: "Stores the members of any of the sets",
        complexity: Some("O(N), N = members of all sets"),
        arguments: &[key("destination", 0), key("key", 1).multiple()],
        ..CommandDoc::DEFAULT
    },
];
