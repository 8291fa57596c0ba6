//! Documentation of the transaction commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, key};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "discard",
        summary: "Drops the commands queued since MULTI",
        complexity: Some("O(N), N = queued commands"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "exec",
        summary: "Runs the commands queued since MULTI",
        complexity: Some("Set by the queued commands"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "multi",
        summary: "Opens a transaction",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "unwatch",
        summary: "Forgets all watched keys",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "watch",
        summary: "Lets the next EXEC fail if a key changes before",
        complexity: Some("O(1) per key"),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
];
