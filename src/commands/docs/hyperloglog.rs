//! Documentation of the HyperLogLog commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, doc_flag, key, string};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "pfadd",
        summary: "Lets a HyperLogLog see elements",
        complexity: Some("O(1) per element"),
        arguments: &[key("key", 0), string("element").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pfcount",
        summary: "Estimates how many different elements HyperLogLogs saw",
        complexity: Some("O(1) for one key; O(N) for more, N = keys, with a large constant"),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pfdebug",
        summary: "Internal: looks inside a HyperLogLog",
        complexity: Some("N/A"),
        doc_flags: doc_flag::SYSCMD,
        arguments: &[string("subcommand"), key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pfmerge",
        summary: "Joins HyperLogLogs into one",
        complexity: Some("O(N), N = keys, with a large constant"),
        arguments: &[key("destkey", 0), key("sourcekey", 1).optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pfselftest",
        summary: "Internal: tests the HyperLogLog code",
        complexity: Some("N/A"),
        doc_flags: doc_flag::SYSCMD,
        ..CommandDoc::DEFAULT
    },
];
