//! Documentation of the server commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, doc_flag, integer, key, one_of, pattern, string, token};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "acl",
        summary: "Access control lists: users, rules and their log",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|cat",
        summary: "Names the ACL categories, or the commands of one category",
        complexity: Some("O(1)"),
        arguments: &[string("category").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|deluser",
        summary: "Removes users and closes their connections",
        complexity: Some("O(1) amortized"),
        arguments: &[string("username").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|dryrun",
        summary: "Tells whether a user might run a command, without running it",
        complexity: Some("O(1)"),
        arguments: &[string("username"), string("command"), string("arg").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|genpass",
        summary: "Makes a random password out of secure bits",
        complexity: Some("O(1)"),
        arguments: &[integer("bits").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|getuser",
        summary: "Describes one user: flags, passwords, commands, keys, channels",
        complexity: Some("O(N), N = rules of the user"),
        history: &[
            ("6.2.0", "channel patterns"),
            ("7.0.0", "selectors, and key and channel patterns as rules instead of lists"),
        ],
        arguments: &[string("username")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|help",
        summary: "Lists the ACL sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|list",
        summary: "Prints every user as a line of the ACL file",
        complexity: Some("O(N), N = users"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|load",
        summary: "Reads the users again from the ACL file",
        complexity: Some("O(N), N = users"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|log",
        summary: "Shows or clears the refused commands, keys, channels and logins",
        complexity: Some("O(N), N = entries shown"),
        history: &[("7.2.0", "entry ID and the times of creation and last update")],
        arguments: &[one_of("operation", &[integer("count"), token("reset", "RESET")]).optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|save",
        summary: "Writes the users to the ACL file",
        complexity: Some("O(N), N = users"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|setuser",
        summary: "Makes a user or changes the rules of one",
        complexity: Some("O(N), N = rules given"),
        history: &[("6.2.0", "channel patterns"), ("7.0.0", "selectors and permissions by key")],
        arguments: &[string("username"), string("rule").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|users",
        summary: "Names all users",
        complexity: Some("O(N), N = users"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "acl|whoami",
        summary: "Tells under which user this connection is logged in",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "bgrewriteaof",
        summary: "Rewrites the append-only file in a child process",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "bgsave",
        summary: "Writes an RDB snapshot in a child process",
        complexity: Some("O(1)"),
        history: &[("3.2.2", "`SCHEDULE`")],
        arguments: &[token("schedule", "SCHEDULE").since("3.2.2").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "command",
        summary: "Describes every command of this server",
        complexity: Some("O(N), N = commands"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "command|count",
        summary: "Counts the commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "command|docs",
        summary: "Returns the documentation of some or all commands",
        complexity: Some("O(N), N = commands named"),
        arguments: &[string("command-name").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "command|getkeys",
        summary: "Picks the keys out of a command line",
        complexity: Some("O(N), N = arguments"),
        arguments: &[string("command"), string("arg").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "command|getkeysandflags",
        summary: "Picks the keys out of a command line, each with its access flags",
        complexity: Some("O(N), N = arguments"),
        arguments: &[string("command"), string("arg").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "command|help",
        summary: "Lists the COMMAND sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "command|info",
        summary: "Describes some or all commands",
        complexity: Some("O(N), N = commands named"),
        history: &[("7.0.0", "without names it describes all commands")],
        arguments: &[string("command-name").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "command|list",
        summary: "Names the commands, all or those that pass a filter",
        complexity: Some("O(N), N = commands"),
        arguments: &[one_of(
            "filterby",
            &[
                string("module-name").token("MODULE"),
                string("category").token("ACLCAT"),
                pattern("pattern").token("PATTERN"),
            ],
        )
        .token("FILTERBY")
        .optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "config",
        summary: "Server parameters: read, change, write to file",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "config|get",
        summary: "Reads the parameters whose names match",
        complexity: Some("O(N), N = patterns given"),
        history: &[("7.0.0", "several patterns")],
        arguments: &[string("parameter").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "config|help",
        summary: "Lists the CONFIG sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "config|resetstat",
        summary: "Zeroes the statistics that INFO shows",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "config|rewrite",
        summary: "Brings the configuration file up to the running values",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "config|set",
        summary: "Changes parameters of the running server",
        complexity: Some("O(N), N = parameters given"),
        history: &[("7.0.0", "several parameters")],
        arguments: &[block("data", &[string("parameter"), string("value")]).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "dbsize",
        summary: "Counts the keys of the current database",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "debug",
        summary: "Tools for tests and for finding bugs",
        complexity: Some("Set by the sub-command"),
        doc_flags: doc_flag::SYSCMD,
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "failover",
        summary: "Hands the master role over to a replica, without losing writes",
        complexity: Some("O(1)"),
        arguments: &[
            block("target", &[string("host"), integer("port"), token("force", "FORCE").optional()])
                .token("TO")
                .optional(),
            token("abort", "ABORT").optional(),
            integer("milliseconds").token("TIMEOUT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "flushall",
        summary: "Empties every database",
        complexity: Some("O(N), N = keys of all databases"),
        history: &[("4.0.0", "`ASYNC`"), ("6.2.0", "`SYNC`")],
        arguments: &[one_of(
            "flush-type",
            &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
        )
        .optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "flushdb",
        summary: "Empties the current database",
        complexity: Some("O(N), N = keys of the database"),
        history: &[("4.0.0", "`ASYNC`"), ("6.2.0", "`SYNC`")],
        arguments: &[one_of(
            "flush-type",
            &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
        )
        .optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "info",
        summary: "Reports state and statistics by sections",
        complexity: Some("O(1)"),
        history: &[("7.0.0", "several sections")],
        arguments: &[string("section").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lastsave",
        summary: "Tells the Unix time of the last good snapshot",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "latency",
        summary: "Latency spikes and histograms",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "latency|doctor",
        summary: "Explains the recorded spikes in prose",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "latency|graph",
        summary: "Draws the samples of an event in ASCII",
        complexity: Some("O(1)"),
        arguments: &[string("event")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "latency|help",
        summary: "Lists the LATENCY sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "latency|histogram",
        summary: "Returns the latency distribution of commands",
        complexity: Some("O(N), N = commands with samples"),
        arguments: &[string("command").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "latency|history",
        summary: "Returns the samples of an event",
        complexity: Some("O(1)"),
        arguments: &[string("event")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "latency|latest",
        summary: "Returns the last sample of each event",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "latency|reset",
        summary: "Forgets the samples of some or all events",
        complexity: Some("O(1)"),
        arguments: &[string("event").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lolwut",
        summary: "Shows computer art and the version",
        arguments: &[integer("version").token("VERSION").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "memory",
        summary: "Memory use: of keys, the server and the allocator",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "memory|doctor",
        summary: "Explains memory problems in prose",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "memory|help",
        summary: "Lists the MEMORY sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "memory|malloc-stats",
        summary: "Prints what the allocator tells about itself",
        complexity: Some("Set by the amount of memory; may be slow"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "memory|purge",
        summary: "Asks the allocator to give unused pages back",
        complexity: Some("Set by the amount of memory; may be slow"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "memory|stats",
        summary: "Breaks the used memory down",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "memory|usage",
        summary: "Estimates the bytes of a key with its value",
        complexity: Some("O(N), N = samples"),
        arguments: &[key("key", 0), integer("count").token("SAMPLES").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "module",
        summary: "Loadable modules",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "module|help",
        summary: "Lists the MODULE sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "module|list",
        summary: "Describes the loaded modules",
        complexity: Some("O(N), N = modules"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "module|load",
        summary: "Brings a module into the server",
        complexity: Some("O(1)"),
        arguments: &[string("path"), string("arg").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "module|loadex",
        summary: "Brings a module with its parameters into the server",
        complexity: Some("O(1)"),
        arguments: &[
            string("path"),
            block("configs", &[string("name"), string("value")])
                .token("CONFIG")
                .optional()
                .multiple_token(),
            string("args").token("ARGS").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "module|unload",
        summary: "Takes a module out of the server",
        complexity: Some("O(1)"),
        arguments: &[string("name")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "monitor",
        summary: "Streams every command that the server runs",
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "psync",
        summary: "Internal: a replica asks to continue or start replication",
        arguments: &[string("replicationid"), integer("offset")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "replconf",
        summary: "Internal: talk between a replica and its master",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::SYSCMD,
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "replicaof",
        summary: "Makes the server a replica, or a master again",
        complexity: Some("O(1)"),
        arguments: &[one_of(
            "args",
            &[
                block("host-port", &[string("host"), integer("port")]),
                block("no-one", &[token("no", "NO"), token("one", "ONE")]),
            ],
        )],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "restore-asking",
        summary: "Internal: RESTORE into a slot that is being imported",
        complexity: Some(
            "O(1) to add the key, O(N*M) to read the value, N = its \
             objects, M = their mean size; O(N*M*log(N)) for a sorted set",
        ),
        doc_flags: doc_flag::SYSCMD,
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
        name: "role",
        summary: "Tells whether the server is master, replica or sentinel, with details",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "save",
        summary: "Writes an RDB snapshot while everyone waits",
        complexity: Some("O(N), N = keys of all databases"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sflush",
        summary: "Empties ranges of slots of this node",
        complexity: Some("O(N)+O(K), N = keys, K = slots"),
        arguments: &[
            block("data", &[integer("slot-start"), integer("slot-last")]).multiple(),
            one_of("flush-type", &[token("async", "ASYNC"), token("sync", "SYNC")]).optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "shutdown",
        summary: "Saves if so configured, then ends the server",
        complexity: Some("O(N) if it saves, N = keys of all databases; else O(1)"),
        history: &[("7.0.0", "`NOW`, `FORCE`, `ABORT`")],
        arguments: &[
            one_of("save-selector", &[token("nosave", "NOSAVE"), token("save", "SAVE")]).optional(),
            token("now", "NOW").since("7.0.0").optional(),
            token("force", "FORCE").since("7.0.0").optional(),
            token("abort", "ABORT").since("7.0.0").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "slaveof",
        summary: "Older name of REPLICAOF",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("5.0.0"),
        replaced_by: Some("`REPLICAOF`"),
        arguments: &[one_of(
            "args",
            &[
                block("host-port", &[string("host"), integer("port")]),
                block("no-one", &[token("no", "NO"), token("one", "ONE")]),
            ],
        )],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "slowlog",
        summary: "The log of slow commands",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "slowlog|get",
        summary: "Returns entries of the slow log, newest first",
        complexity: Some("O(N), N = entries returned"),
        history: &[("4.0.0", "address and name of the client")],
        arguments: &[integer("count").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "slowlog|help",
        summary: "Lists the SLOWLOG sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "slowlog|len",
        summary: "Counts the entries of the slow log",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "slowlog|reset",
        summary: "Empties the slow log",
        complexity: Some("O(N), N = entries"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "swapdb",
        summary: "Exchanges two databases",
        complexity: Some("O(N), N = clients that watch or wait for keys of either"),
        arguments: &[integer("index1"), integer("index2")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sync",
        summary: "Internal: a replica of old asks for a full copy",
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "time",
        summary: "Tells the server's time in seconds and microseconds",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
];
