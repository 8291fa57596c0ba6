//! Documentation of the stream commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, integer, key, one_of, string, token, unix_time};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "xack",
        summary: "Marks messages as handled by a consumer group",
        complexity: Some("O(1) per ID"),
        arguments: &[key("key", 0), string("group"), string("id").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xadd",
        summary: "Appends an entry to a stream",
        complexity: Some("O(1), and O(N) for trimming, N = entries removed"),
        history: &[
            ("6.2.0", "`NOMKSTREAM`, `MINID`, `LIMIT`"),
            ("7.0.0", "IDs of the form `<ms>-*`"),
        ],
        arguments: &[
            key("key", 0),
            token("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
            block(
                "trim",
                &[
                    one_of(
                        "strategy",
                        &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")],
                    ),
                    one_of("operator", &[token("equal", "="), token("approximately", "~")])
                        .optional(),
                    string("threshold"),
                    integer("count").token("LIMIT").since("6.2.0").optional(),
                ],
            )
            .optional(),
            one_of("id-selector", &[token("auto-id", "*"), string("id")]),
            block("data", &[string("field"), string("value")]).multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xautoclaim",
        summary: "Walks over pending messages and takes the idle ones",
        complexity: Some("O(1) for a small COUNT"),
        history: &[(
            "7.0.0",
            "the reply's third element: deleted entries that were dropped from the PEL",
        )],
        arguments: &[
            key("key", 0),
            string("group"),
            string("consumer"),
            string("min-idle-time"),
            string("start"),
            integer("count").token("COUNT").optional(),
            token("justid", "JUSTID").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xclaim",
        summary: "Hands pending messages over to another consumer",
        complexity: Some("O(log N), N = pending entries of the group"),
        arguments: &[
            key("key", 0),
            string("group"),
            string("consumer"),
            string("min-idle-time"),
            string("id").multiple(),
            integer("ms").token("IDLE").optional(),
            unix_time("unix-time-milliseconds").token("TIME").optional(),
            integer("count").token("RETRYCOUNT").optional(),
            token("force", "FORCE").optional(),
            token("justid", "JUSTID").optional(),
            string("lastid").token("LASTID").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xdel",
        summary: "Removes entries from a stream",
        complexity: Some("O(1) per ID"),
        arguments: &[key("key", 0), string("id").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xgroup",
        summary: "Consumer groups: create, move, destroy",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xgroup|create",
        summary: "Makes a consumer group",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "`entries_read`")],
        arguments: &[
            key("key", 0),
            string("group"),
            one_of("id-selector", &[string("id"), token("new-id", "$")]),
            token("mkstream", "MKSTREAM").optional(),
            integer("entriesread").token("ENTRIESREAD").display("entries-read").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xgroup|createconsumer",
        summary: "Makes a consumer",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("group"), string("consumer")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xgroup|delconsumer",
        summary: "Removes a consumer with its pending entries",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("group"), string("consumer")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xgroup|destroy",
        summary: "Removes a consumer group",
        complexity: Some("O(N), N = pending entries of the group"),
        arguments: &[key("key", 0), string("group")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xgroup|help",
        summary: "Lists the XGROUP sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xgroup|setid",
        summary: "Moves the position of a consumer group",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "`entries_read`")],
        arguments: &[
            key("key", 0),
            string("group"),
            one_of("id-selector", &[string("id"), token("new-id", "$")]),
            integer("entriesread").token("ENTRIESREAD").display("entries-read").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xinfo",
        summary: "A look at streams, groups and consumers",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xinfo|consumers",
        summary: "Describes the consumers of a group",
        complexity: Some("O(1)"),
        history: &[("7.2.0", "field `inactive`, and another meaning of `idle`")],
        arguments: &[key("key", 0), string("group")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xinfo|groups",
        summary: "Describes the groups of a stream",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "fields `entries-read` and `lag`")],
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xinfo|help",
        summary: "Lists the XINFO sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xinfo|stream",
        summary: "Describes a stream",
        complexity: Some("O(1)"),
        history: &[
            ("6.0.0", "`FULL`"),
            (
                "7.0.0",
                "fields `max-deleted-entry-id`, `entries-added`, \
             `recorded-first-entry-id`, `entries-read`, `lag`",
            ),
            ("7.2.0", "field `active-time`, and another meaning of `seen-time`"),
        ],
        arguments: &[
            key("key", 0),
            block(
                "full-block",
                &[token("full", "FULL"), integer("count").token("COUNT").optional()],
            )
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xlen",
        summary: "Counts the entries of a stream",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xpending",
        summary: "Shows what a group delivered but nobody acknowledged",
        complexity: Some(
            "O(N), N = entries returned; with IDLE O(M), M = entries \
             looked at; the summary adds O(N), N = consumers",
        ),
        history: &[("6.2.0", "`IDLE`, and exclusive ranges")],
        arguments: &[
            key("key", 0),
            string("group"),
            block(
                "filters",
                &[
                    integer("min-idle-time").token("IDLE").since("6.2.0").optional(),
                    string("start"),
                    string("end"),
                    integer("count"),
                    string("consumer").optional(),
                ],
            )
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xrange",
        summary: "Reads the entries between two IDs",
        complexity: Some("O(N), N = entries returned"),
        history: &[("6.2.0", "exclusive ranges")],
        arguments: &[
            key("key", 0),
            string("start"),
            string("end"),
            integer("count").token("COUNT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xread",
        summary: "Reads new entries of streams, and can wait for them",
        arguments: &[
            integer("count").token("COUNT").optional(),
            integer("milliseconds").token("BLOCK").optional(),
            block("streams", &[key("key", 0).multiple(), string("id").multiple()]).token("STREAMS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xreadgroup",
        summary: "Reads streams as a consumer of a group, and can wait for entries",
        complexity: Some(
            "O(M) per stream, M = entries returned; a blocked reader \
             costs the XADD that wakes it O(N), N = readers",
        ),
        arguments: &[
            block("group-block", &[string("group"), string("consumer")]).token("GROUP"),
            integer("count").token("COUNT").optional(),
            integer("milliseconds").token("BLOCK").optional(),
            token("noack", "NOACK").optional(),
            block("streams", &[key("key", 0).multiple(), string("id").multiple()]).token("STREAMS"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xrevrange",
        summary: "Reads the entries between two IDs, newest first",
        complexity: Some("O(N), N = entries returned"),
        history: &[("6.2.0", "exclusive ranges")],
        arguments: &[
            key("key", 0),
            string("end"),
            string("start"),
            integer("count").token("COUNT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xsetid",
        summary: "Internal: sets a stream's last ID and counters",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "`entries_added` and `max_deleted_entry_id`")],
        arguments: &[
            key("key", 0),
            string("last-id"),
            integer("entries-added").token("ENTRIESADDED").since("7.0.0").optional(),
            string("max-deleted-id").token("MAXDELETEDID").since("7.0.0").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "xtrim",
        summary: "Cuts old entries off a stream",
        complexity: Some("O(N), N = entries removed, with a tiny constant"),
        history: &[("6.2.0", "`MINID` and `LIMIT`")],
        arguments: &[
            key("key", 0),
            block(
                "trim",
                &[
                    one_of(
                        "strategy",
                        &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")],
                    ),
                    one_of("operator", &[token("equal", "="), token("approximately", "~")])
                        .optional(),
                    string("threshold"),
                    integer("count").token("LIMIT").since("6.2.0").optional(),
                ],
            ),
        ],
        ..CommandDoc::DEFAULT
    },
];
