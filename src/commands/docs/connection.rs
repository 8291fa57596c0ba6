//! Documentation of the connection commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, doc_flag, integer, one_of, string, token};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "auth",
        summary: "Logs the connection in",
        complexity: Some("O(N), N = passwords of the user"),
        history: &[("6.0.0", "login with user name and password")],
        arguments: &[string("username").since("6.0.0").optional(), string("password")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client",
        summary: "Connections: identity, options, tracking, control of others",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|caching",
        summary: "Opts the next command's keys in or out of tracking",
        complexity: Some("O(1)"),
        arguments: &[one_of("mode", &[token("yes", "YES"), token("no", "NO")])],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|getname",
        summary: "Tells the name of this connection",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|getredir",
        summary: "Tells which client receives this connection's invalidations",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|help",
        summary: "Lists the CLIENT sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|id",
        summary: "Tells the number of this connection",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|info",
        summary: "Describes this connection as one line of CLIENT LIST",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|kill",
        summary: "Closes connections, by address or by filters",
        complexity: Some("O(N), N = connections"),
        history: &[
            ("2.8.12", "the form with filters"),
            ("2.8.12", "`ID`"),
            ("3.2.0", "`TYPE master`"),
            ("5.0.0", "`TYPE replica`, with `slave` as its older name"),
            ("6.2.0", "`LADDR`"),
            ("7.4.0", "`MAXAGE`"),
        ],
        arguments: &[one_of(
            "filter",
            &[
                string("old-format").display("ip:port").deprecated_since("2.8.12"),
                one_of(
                    "new-format",
                    &[
                        integer("client-id").token("ID").since("2.8.12").optional(),
                        one_of(
                            "client-type",
                            &[
                                token("normal", "NORMAL"),
                                token("master", "MASTER").since("3.2.0"),
                                token("slave", "SLAVE"),
                                token("replica", "REPLICA").since("5.0.0"),
                                token("pubsub", "PUBSUB"),
                            ],
                        )
                        .token("TYPE")
                        .since("2.8.12")
                        .optional(),
                        string("username").token("USER").optional(),
                        string("addr").token("ADDR").display("ip:port").optional(),
                        string("laddr").token("LADDR").display("ip:port").since("6.2.0").optional(),
                        one_of("skipme", &[token("yes", "YES"), token("no", "NO")])
                            .token("SKIPME")
                            .optional(),
                        integer("maxage").token("MAXAGE").since("7.4.0").optional(),
                    ],
                )
                .multiple(),
            ],
        )],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|list",
        summary: "Describes connections, one a line",
        complexity: Some("O(N), N = connections"),
        history: &[
            ("2.8.12", "field `id`"),
            ("5.0.0", "`TYPE`"),
            ("6.0.0", "field `user`"),
            ("6.2.0", "`ID`, and the fields `argv-mem`, `tot-mem`, `laddr`, `redir`"),
            ("7.0.0", "fields `resp`, `multi-mem`, `rbs`, `rbp`"),
            ("7.0.3", "field `ssub`"),
        ],
        arguments: &[
            one_of(
                "client-type",
                &[
                    token("normal", "NORMAL"),
                    token("master", "MASTER"),
                    token("replica", "REPLICA"),
                    token("pubsub", "PUBSUB"),
                ],
            )
            .token("TYPE")
            .since("5.0.0")
            .optional(),
            integer("client-id").token("ID").since("6.2.0").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|no-evict",
        summary: "Shields this connection from client eviction",
        complexity: Some("O(1)"),
        arguments: &[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|no-touch",
        summary: "Keeps this connection's reads from refreshing LRU and LFU",
        complexity: Some("O(1)"),
        arguments: &[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|pause",
        summary: "Holds back commands of all clients for a while",
        complexity: Some("O(1)"),
        history: &[("6.2.0", "`mode`, with `WRITE`")],
        arguments: &[
            integer("timeout"),
            one_of("mode", &[token("write", "WRITE"), token("all", "ALL")])
                .since("6.2.0")
                .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|reply",
        summary: "Turns the replies to this connection on or off, or skips one",
        complexity: Some("O(1)"),
        arguments: &[one_of(
            "action",
            &[token("on", "ON"), token("off", "OFF"), token("skip", "SKIP")],
        )],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|setinfo",
        summary: "Records the name or version of the client library",
        complexity: Some("O(1)"),
        arguments: &[one_of(
            "attr",
            &[string("libname").token("LIB-NAME"), string("libver").token("LIB-VER")],
        )],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|setname",
        summary: "Names this connection",
        complexity: Some("O(1)"),
        arguments: &[string("connection-name")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|tracking",
        summary: "Turns invalidation messages for cached keys on or off",
        complexity: Some("O(1), more with many prefixes"),
        arguments: &[
            one_of("status", &[token("on", "ON"), token("off", "OFF")]),
            integer("client-id").token("REDIRECT").optional(),
            string("prefix").token("PREFIX").optional().multiple_token(),
            token("bcast", "BCAST").optional(),
            token("optin", "OPTIN").optional(),
            token("optout", "OPTOUT").optional(),
            token("noloop", "NOLOOP").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|trackinginfo",
        summary: "Shows how tracking is set for this connection",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|unblock",
        summary: "Wakes a client that waits in a blocking command",
        complexity: Some("O(log N), N = connections"),
        arguments: &[
            integer("client-id"),
            one_of("unblock-type", &[token("timeout", "TIMEOUT"), token("error", "ERROR")])
                .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "client|unpause",
        summary: "Ends CLIENT PAUSE",
        complexity: Some("O(N), N = paused clients"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "echo",
        summary: "Sends its argument back",
        complexity: Some("O(1)"),
        arguments: &[string("message")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "hello",
        summary: "Chooses the protocol version, and can log in and name the connection",
        complexity: Some("O(1)"),
        history: &[(
            "6.2.0",
            "`protover` may be left out: the reply then describes the \
             connection as it is",
        )],
        arguments: &[block(
            "arguments",
            &[
                integer("protover"),
                block("auth", &[string("username"), string("password")]).token("AUTH").optional(),
                string("clientname").token("SETNAME").optional(),
            ],
        )
        .optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "ping",
        summary: "Answers PONG, or its argument",
        complexity: Some("O(1)"),
        arguments: &[string("message").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "quit",
        summary: "Answers OK and hangs up",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("7.2.0"),
        replaced_by: Some("closing the connection from the client's side"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "reset",
        summary: "Brings the connection back to its first state",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "select",
        summary: "Chooses the database of this connection",
        complexity: Some("O(1)"),
        arguments: &[integer("index")],
        ..CommandDoc::DEFAULT
    },
];
