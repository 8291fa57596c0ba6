//! Documentation of the key commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, integer, key, one_of, pattern, string, token, unix_time};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "copy",
        summary: "Duplicates a key's value under another key",
        complexity: Some("O(N), N = nested elements; O(1) for a string"),
        arguments: &[
            key("source", 0),
            key("destination", 1),
            integer("destination-db").token("DB").optional(),
            token("replace", "REPLACE").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "del",
        summary: "Removes keys",
        complexity: Some("O(N), N = keys; a collection adds O(M), M = its elements"),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "dump",
        summary: "Serializes a value in the form that RESTORE reads",
        complexity: Some(
            "O(1) to find the key, O(N*M) to serialize, N = objects of \
             the value, M = their mean size",
        ),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "exists",
        summary: "Counts how many of the given keys are there",
        complexity: Some("O(N), N = keys"),
        history: &[("3.0.3", "several keys")],
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "expire",
        summary: "Gives a key a time to live in seconds",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "`NX`, `XX`, `GT`, `LT`")],
        arguments: &[
            key("key", 0),
            integer("seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "expireat",
        summary: "Makes a key expire at a Unix time in seconds",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "`NX`, `XX`, `GT`, `LT`")],
        arguments: &[
            key("key", 0),
            unix_time("unix-time-seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "expiretime",
        summary: "Tells the Unix time in seconds at which a key expires",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "keys",
        summary: "Names all keys that match a pattern",
        complexity: Some("O(N), N = keys of the database"),
        arguments: &[pattern("pattern")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "migrate",
        summary: "Moves keys to another server in one step",
        complexity: Some("DUMP and DEL here, RESTORE there, and O(N) to send the data"),
        history: &[
            ("3.0.0", "`COPY` and `REPLACE`"),
            ("3.0.6", "`KEYS`"),
            ("4.0.7", "`AUTH`"),
            ("6.0.0", "`AUTH2`"),
        ],
        arguments: &[
            string("host"),
            integer("port"),
            one_of("key-selector", &[key("key", 0), token("empty-string", "")]),
            integer("destination-db"),
            integer("timeout"),
            token("copy", "COPY").since("3.0.0").optional(),
            token("replace", "REPLACE").since("3.0.0").optional(),
            one_of(
                "authentication",
                &[
                    string("auth").token("AUTH").display("password").since("4.0.7"),
                    block("auth2", &[string("username"), string("password")])
                        .token("AUTH2")
                        .since("6.0.0"),
                ],
            )
            .optional(),
            key("keys", 1).token("KEYS").display("key").since("3.0.6").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "move",
        summary: "Puts a key into another database",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), integer("db")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "object",
        summary: "What lies behind a key: encoding, age, references",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "object|encoding",
        summary: "Names the encoding of a value",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "object|freq",
        summary: "Tells the LFU counter of a key",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "object|help",
        summary: "Lists the OBJECT sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "object|idletime",
        summary: "Tells for how many seconds a key was not used",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "object|refcount",
        summary: "Tells the reference count of a value",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "persist",
        summary: "Lets a key live for ever again",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pexpire",
        summary: "Gives a key a time to live in milliseconds",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "`NX`, `XX`, `GT`, `LT`")],
        arguments: &[
            key("key", 0),
            integer("milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pexpireat",
        summary: "Makes a key expire at a Unix time in milliseconds",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "`NX`, `XX`, `GT`, `LT`")],
        arguments: &[
            key("key", 0),
            unix_time("unix-time-milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pexpiretime",
        summary: "Tells the Unix time in milliseconds at which a key expires",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pttl",
        summary: "Tells how many milliseconds a key has left",
        complexity: Some("O(1)"),
        history: &[("2.8.0", "-2 for a missing key")],
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "randomkey",
        summary: "Picks a key at random",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "rename",
        summary: "Gives a key another name, replacing what was there",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), key("newkey", 1)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "renamenx",
        summary: "Gives a key another name that is still free",
        complexity: Some("O(1)"),
        history: &[("3.2.0", "equal names are no error any more")],
        arguments: &[key("key", 0), key("newkey", 1)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "restore",
        summary: "Makes a key from the bytes that DUMP gave",
        complexity: Some(
            "O(1) to add the key, O(N*M) to read the value, N = its \
             objects, M = their mean size; O(N*M*log(N)) for a sorted set",
        ),
        history: &[
            ("3.0.0", "`REPLACE`"),
            ("5.0.0", "`ABSTTL`"),
            ("5.0.0", "`IDLETIME` and `FREQ`"),
        ],
        arguments: &[
            key("key", 0),
            integer("ttl"),
            string("serialized-value"),
            token("replace", "REPLACE").since("3.0.0").optional(),
            token("absttl", "ABSTTL").since("5.0.0").optional(),
            integer("seconds").token("IDLETIME").since("5.0.0").optional(),
            integer("frequency").token("FREQ").since("5.0.0").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "scan",
        summary: "Walks over the keys of the database in steps",
        complexity: Some("O(1) a call, O(N) for the whole walk, N = keys of the database"),
        history: &[("6.0.0", "`TYPE`")],
        arguments: &[
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
            string("type").token("TYPE").since("6.0.0").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sort",
        summary: "Sorts a list, set or sorted set, and can store the result",
        complexity: Some(
            "O(N+M*log(M)), N = elements, M = elements returned; O(N) without sorting",
        ),
        arguments: &[
            key("key", 0),
            pattern("by-pattern").key_spec(1).token("BY").display("pattern").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
            pattern("get-pattern")
                .key_spec(1)
                .token("GET")
                .display("pattern")
                .optional()
                .multiple_token(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            token("sorting", "ALPHA").optional(),
            key("destination", 2).token("STORE").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sort_ro",
        summary: "Sorts a list, set or sorted set",
        complexity: Some(
            "O(N+M*log(M)), N = elements, M = elements returned; O(N) without sorting",
        ),
        arguments: &[
            key("key", 0),
            pattern("by-pattern").key_spec(1).token("BY").display("pattern").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
            pattern("get-pattern")
                .key_spec(1)
                .token("GET")
                .display("pattern")
                .optional()
                .multiple_token(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            token("sorting", "ALPHA").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "touch",
        summary: "Marks keys as just used, and counts those that exist",
        complexity: Some("O(N), N = keys"),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "ttl",
        summary: "Tells how many seconds a key has left",
        complexity: Some("O(1)"),
        history: &[("2.8.0", "-2 for a missing key")],
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "type",
        summary: "Names the type of a key's value",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "unlink",
        summary: "Removes keys, and frees big values in the background",
        complexity: Some(
            "O(1) per key, then O(N) in another thread, N = allocations of the values",
        ),
        arguments: &[key("key", 0).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "wait",
        summary: "Waits until replicas have received this connection's writes",
        complexity: Some("O(1)"),
        arguments: &[integer("numreplicas"), integer("timeout")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "waitaof",
        summary: "Waits until this connection's writes are on disk, here and at replicas",
        complexity: Some("O(1)"),
        arguments: &[integer("numlocal"), integer("numreplicas"), integer("timeout")],
        ..CommandDoc::DEFAULT
    },
];
