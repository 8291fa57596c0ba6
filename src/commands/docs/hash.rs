//! Documentation of the hash commands, sorted by full name. Facts only; the words are ours.

use super::{
    CommandDoc, block, doc_flag, double, integer, key, one_of, pattern, string, token, unix_time,
};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "hdel",
        summary: "Removes fields of a hash; the key goes with the last one",
        complexity: Some("O(N), N = fields given"),
        history: &[("2.4.0", "several fields")],
        arguments: &[key("key", 0), string("field").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hexists",
        summary: "Tells whether a hash has a field",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("field")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hexpire",
        summary: "Gives hash fields a time to live in seconds",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            integer("seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hexpireat",
        summary: "Makes hash fields expire at a Unix time in seconds",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            unix_time("unix-time-seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hexpiretime",
        summary: "Tells the Unix time in seconds at which hash fields expire",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hget",
        summary: "Reads a field of a hash",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("field")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hgetall",
        summary: "Reads all fields and values of a hash",
        complexity: Some("O(N), N = fields of the hash"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hgetdel",
        summary: "Reads fields of a hash and removes them; the key goes with the last one",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hgetex",
        summary: "Reads fields of a hash and changes or drops their time to live",
        complexity: Some("O(N), N = fields given"),
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
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hincrby",
        summary: "Adds an integer to a hash field; a missing one counts as 0",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("field"), integer("increment")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hincrbyfloat",
        summary: "Adds a floating point number to a hash field; a missing one counts as 0",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("field"), double("increment")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hkeys",
        summary: "Names all fields of a hash",
        complexity: Some("O(N), N = fields of the hash"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hlen",
        summary: "Counts the fields of a hash",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hmget",
        summary: "Reads several fields of a hash",
        complexity: Some("O(N), N = fields given"),
        arguments: &[key("key", 0), string("field").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hmset",
        summary: "Sets several fields of a hash",
        complexity: Some("O(N), N = fields given"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("4.0.0"),
        replaced_by: Some("`HSET` with several fields"),
        arguments: &[key("key", 0), block("data", &[string("field"), string("value")]).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hpersist",
        summary: "Lets hash fields live for ever again",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hpexpire",
        summary: "Gives hash fields a time to live in milliseconds",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            integer("milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hpexpireat",
        summary: "Makes hash fields expire at a Unix time in milliseconds",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            unix_time("unix-time-milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hpexpiretime",
        summary: "Tells the Unix time in milliseconds at which hash fields expire",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hpttl",
        summary: "Tells how many milliseconds hash fields have left",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hrandfield",
        summary: "Picks fields of a hash at random",
        complexity: Some("O(N), N = fields returned"),
        arguments: &[
            key("key", 0),
            block("options", &[integer("count"), token("withvalues", "WITHVALUES").optional()])
                .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hscan",
        summary: "Walks over the fields of a hash in steps",
        complexity: Some("O(1) a call, O(N) for the whole walk, N = fields of the hash"),
        arguments: &[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
            token("novalues", "NOVALUES").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hset",
        summary: "Sets fields of a hash",
        complexity: Some("O(N), N = fields given"),
        history: &[("4.0.0", "several fields")],
        arguments: &[key("key", 0), block("data", &[string("field"), string("value")]).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hsetex",
        summary: "Sets fields of a hash together with their time to live",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            one_of("condition", &[token("fnx", "FNX"), token("fxx", "FXX")]).optional(),
            one_of(
                "expiration",
                &[
                    integer("seconds").token("EX"),
                    integer("milliseconds").token("PX"),
                    unix_time("unix-time-seconds").token("EXAT"),
                    unix_time("unix-time-milliseconds").token("PXAT"),
                    token("keepttl", "KEEPTTL"),
                ],
            )
            .optional(),
            block(
                "fields",
                &[
                    integer("numfields"),
                    block("data", &[string("field"), string("value")]).multiple(),
                ],
            )
            .token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hsetnx",
        summary: "Sets a field of a hash that has no such field yet",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("field"), string("value")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hstrlen",
        summary: "Measures the value of a hash field in bytes",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("field")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "httl",
        summary: "Tells how many seconds hash fields have left",
        complexity: Some("O(N), N = fields given"),
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hvals",
        summary: "Reads all values of a hash",
        complexity: Some("O(N), N = fields of the hash"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
];
