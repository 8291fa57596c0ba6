//! Documentation of the string commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, doc_flag, double, integer, key, one_of, string, token, unix_time};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "append",
        summary: "Adds text at the end of a string; a missing key counts as empty",
        complexity: Some("O(1) amortized"),
        arguments: &[key("key", 0), string("value")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "decr",
        summary: "Takes one from an integer; a missing key counts as 0",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "decrby",
        summary: "Takes an amount from an integer; a missing key counts as 0",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), integer("decrement")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "get",
        summary: "Reads a string",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "getdel",
        summary: "Reads a string and removes its key",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "getex",
        summary: "Reads a string and changes or drops its time to live",
        complexity: Some("O(1)"),
        arguments: &[
            key("key", 0),
            one_of(
                "expiration",
                &[
                    integer("seconds").token("EX"),
                    integer("milliseconds").token("PX"),
                    unix_time("unix-time-seconds").token("EXAT"),
                    unix_time("unix-time-milliseconds").token("PXAT"),
                    token("persist", "PERSIST"),
                ],
            )
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "getrange",
        summary: "Reads a part of a string",
        complexity: Some("O(N), N = bytes returned"),
        arguments: &[key("key", 0), integer("start"), integer("end")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "getset",
        summary: "Replaces a string and returns the old one",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`SET ... GET`"),
        arguments: &[key("key", 0), string("value")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "incr",
        summary: "Adds one to an integer; a missing key counts as 0",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "incrby",
        summary: "Adds an amount to an integer; a missing key counts as 0",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), integer("increment")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "incrbyfloat",
        summary: "Adds a floating point number to a string; a missing key counts as 0",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), double("increment")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lcs",
        summary: "Finds the longest common subsequence of two strings",
        complexity: Some("O(N*M), N and M = lengths of the strings"),
        arguments: &[
            key("key1", 0),
            key("key2", 0),
            token("len", "LEN").optional(),
            token("idx", "IDX").optional(),
            integer("min-match-len").token("MINMATCHLEN").optional(),
            token("withmatchlen", "WITHMATCHLEN").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "mget",
        summary: "Reads several strings",
        complexity: Some("O(N), N = keys"),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "mset",
        summary: "Sets several strings at once",
        complexity: Some("O(N), N = keys"),
        arguments: &[block("data", &[key("key", 0), string("value")]).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "msetnx",
        summary: "Sets several strings, or none if one of the keys exists",
        complexity: Some("O(N), N = keys"),
        arguments: &[block("data", &[key("key", 0), string("value")]).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "psetex",
        summary: "Sets a string with a time to live in milliseconds",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("2.6.12"),
        replaced_by: Some("`SET ... PX`"),
        arguments: &[key("key", 0), integer("milliseconds"), string("value")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "set",
        summary: "Sets a key to a string, whatever it held before",
        complexity: Some("O(1)"),
        history: &[
            ("2.6.12", "`EX`, `PX`, `NX`, `XX`"),
            ("6.0.0", "`KEEPTTL`"),
            ("6.2.0", "`GET`, `EXAT`, `PXAT`"),
            ("7.0.0", "`NX` goes together with `GET`"),
        ],
        arguments: &[
            key("key", 0),
            string("value"),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("2.6.12").optional(),
            token("get", "GET").since("6.2.0").optional(),
            one_of(
                "expiration",
                &[
                    integer("seconds").token("EX").since("2.6.12"),
                    integer("milliseconds").token("PX").since("2.6.12"),
                    unix_time("unix-time-seconds").token("EXAT").since("6.2.0"),
                    unix_time("unix-time-milliseconds").token("PXAT").since("6.2.0"),
                    token("keepttl", "KEEPTTL").since("6.0.0"),
                ],
            )
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "setex",
        summary: "Sets a string with a time to live in seconds",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("2.6.12"),
        replaced_by: Some("`SET ... EX`"),
        arguments: &[key("key", 0), integer("seconds"), string("value")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "setnx",
        summary: "Sets a string under a key that does not exist",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("2.6.12"),
        replaced_by: Some("`SET ... NX`"),
        arguments: &[key("key", 0), string("value")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "setrange",
        summary: "Writes over a part of a string",
        complexity: Some("O(1) for a short value, else O(M), M = bytes of the value"),
        arguments: &[key("key", 0), integer("offset"), string("value")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "strlen",
        summary: "Measures a string in bytes",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "substr",
        summary: "Older name of GETRANGE",
        complexity: Some("O(N), N = bytes returned"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("2.0.0"),
        replaced_by: Some("`GETRANGE`"),
        arguments: &[key("key", 0), integer("start"), integer("end")],
        ..CommandDoc::DEFAULT
    },
];
