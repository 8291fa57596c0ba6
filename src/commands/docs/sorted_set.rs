//! Documentation of the sorted set commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, doc_flag, double, integer, key, one_of, pattern, string, token};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "bzmpop",
        summary: "Pops the lowest or highest members of the first sorted set \
             that has any, waiting if none has",
        complexity: Some("O(K)+O(M*log(N)), K = keys, N = members, M = members popped"),
        arguments: &[
            double("timeout"),
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
            integer("count").token("COUNT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "bzpopmax",
        summary: "Pops the highest member of the first sorted set that has \
             one, waiting if none has",
        complexity: Some("O(log(N)), N = members"),
        history: &[("6.0.0", "`timeout` may have a fraction")],
        arguments: &[key("key", 0).multiple(), double("timeout")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "bzpopmin",
        summary: "Pops the lowest member of the first sorted set that has one, \
             waiting if none has",
        complexity: Some("O(log(N)), N = members"),
        history: &[("6.0.0", "`timeout` may have a fraction")],
        arguments: &[key("key", 0).multiple(), double("timeout")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zadd",
        summary: "Adds members to a sorted set, or changes their scores",
        complexity: Some("O(log(N)) per member, N = members of the set"),
        history: &[
            ("2.4.0", "several members"),
            ("3.0.2", "`XX`, `NX`, `CH`, `INCR`"),
            ("6.2.0", "`GT` and `LT`"),
        ],
        arguments: &[
            key("key", 0),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("3.0.2").optional(),
            one_of("comparison", &[token("gt", "GT"), token("lt", "LT")]).since("6.2.0").optional(),
            token("change", "CH").since("3.0.2").optional(),
            token("increment", "INCR").since("3.0.2").optional(),
            block("data", &[double("score"), string("member")]).multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zcard",
        summary: "Counts the members of a sorted set",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zcount",
        summary: "Counts the members with scores in a range",
        complexity: Some("O(log(N)), N = members"),
        arguments: &[key("key", 0), double("min"), double("max")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zdiff",
        summary: "Returns the members of the first sorted set that no other has",
        complexity: Some(
            "O(L+(N-K)*log(N)), L = members of all sets, N = members of \
             the first, K = members returned",
        ),
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zdiffstore",
        summary: "Stores the members of the first sorted set that no other has",
        complexity: Some(
            "O(L+(N-K)*log(N)), L = members of all sets, N = members of \
             the first, K = members stored",
        ),
        arguments: &[key("destination", 0), integer("numkeys"), key("key", 1).multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zincrby",
        summary: "Adds to the score of a member",
        complexity: Some("O(log(N)), N = members"),
        arguments: &[key("key", 0), integer("increment"), string("member")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zinter",
        summary: "Returns the members that all sorted sets share",
        complexity: Some(
            "O(N*K)+O(M*log(M)), N = members of the smallest set, K = \
             sets, M = members returned",
        ),
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("weight").token("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .token("AGGREGATE")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zintercard",
        summary: "Counts the members that all sorted sets share",
        complexity: Some("O(N*K), N = members of the smallest set, K = sets"),
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("limit").token("LIMIT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zinterstore",
        summary: "Stores the members that all sorted sets share",
        complexity: Some(
            "O(N*K)+O(M*log(M)), N = members of the smallest set, K = \
             sets, M = members stored",
        ),
        arguments: &[
            key("destination", 0),
            integer("numkeys"),
            key("key", 1).multiple(),
            integer("weight").token("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .token("AGGREGATE")
                .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zlexcount",
        summary: "Counts the members between two strings, in a set of equal scores",
        complexity: Some("O(log(N)), N = members"),
        arguments: &[key("key", 0), string("min"), string("max")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zmpop",
        summary: "Pops the lowest or highest members of the first sorted set that has any",
        complexity: Some("O(K)+O(M*log(N)), K = keys, N = members, M = members popped"),
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
            integer("count").token("COUNT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zmscore",
        summary: "Tells the scores of several members",
        complexity: Some("O(N), N = members given"),
        arguments: &[key("key", 0), string("member").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zpopmax",
        summary: "Pops the members with the highest scores",
        complexity: Some("O(M*log(N)), N = members, M = members popped"),
        arguments: &[key("key", 0), integer("count").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zpopmin",
        summary: "Pops the members with the lowest scores",
        complexity: Some("O(M*log(N)), N = members, M = members popped"),
        arguments: &[key("key", 0), integer("count").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrandmember",
        summary: "Picks members of a sorted set at random",
        complexity: Some("O(N), N = members returned"),
        arguments: &[
            key("key", 0),
            block("options", &[integer("count"), token("withscores", "WITHSCORES").optional()])
                .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrange",
        summary: "Reads a range of a sorted set, by rank, score or member",
        complexity: Some("O(log(N)+M), N = members, M = members returned"),
        history: &[("6.2.0", "`REV`, `BYSCORE`, `BYLEX`, `LIMIT`")],
        arguments: &[
            key("key", 0),
            string("start"),
            string("stop"),
            one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")])
                .since("6.2.0")
                .optional(),
            token("rev", "REV").since("6.2.0").optional(),
            block("limit", &[integer("offset"), integer("count")])
                .token("LIMIT")
                .since("6.2.0")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrangebylex",
        summary: "Reads the members between two strings, in a set of equal scores",
        complexity: Some("O(log(N)+M), N = members, M = members returned"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`ZRANGE ... BYLEX`"),
        arguments: &[
            key("key", 0),
            string("min"),
            string("max"),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrangebyscore",
        summary: "Reads the members with scores in a range",
        complexity: Some("O(log(N)+M), N = members, M = members returned"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`ZRANGE ... BYSCORE`"),
        history: &[("2.0.0", "`WITHSCORES`")],
        arguments: &[
            key("key", 0),
            double("min"),
            double("max"),
            token("withscores", "WITHSCORES").since("2.0.0").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ],
    },
    CommandDoc {
        name: "zrangestore",
        summary: "Stores a range of a sorted set under another key",
        complexity: Some("O(log(N)+M), N = members, M = members stored"),
        arguments: &[
            key("dst", 0),
            key("src", 1),
            string("min"),
            string("max"),
            one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")]).optional(),
            token("rev", "REV").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrank",
        summary: "Tells the rank of a member, the lowest score first",
        complexity: Some("O(log(N)), N = members"),
        history: &[("7.2.0", "`WITHSCORE`")],
        arguments: &[key("key", 0), string("member"), token("withscore", "WITHSCORE").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrem",
        summary: "Removes members of a sorted set; the key goes with the last one",
        complexity: Some("O(M*log(N)), N = members, M = members removed"),
        history: &[("2.4.0", "several members")],
        arguments: &[key("key", 0), string("member").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zremrangebylex",
        summary: "Removes the members between two strings, in a set of equal scores",
        complexity: Some("O(log(N)+M), N = members, M = members removed"),
        arguments: &[key("key", 0), string("min"), string("max")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zremrangebyrank",
        summary: "Removes the members with ranks in a range",
        complexity: Some("O(log(N)+M), N = members, M = members removed"),
        arguments: &[key("key", 0), integer("start"), integer("stop")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zremrangebyscore",
        summary: "Removes the members with scores in a range",
        complexity: Some("O(log(N)+M), N = members, M = members removed"),
        arguments: &[key("key", 0), double("min"), double("max")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrevrange",
        summary: "Reads a range of a sorted set by rank, the highest score first",
        complexity: Some("O(log(N)+M), N = members, M = members returned"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`ZRANGE ... REV`"),
        arguments: &[
            key("key", 0),
            integer("start"),
            integer("stop"),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrevrangebylex",
        summary: "Reads the members between two strings from the last, in a \
             set of equal scores",
        complexity: Some("O(log(N)+M), N = members, M = members returned"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`ZRANGE ... BYLEX REV`"),
        arguments: &[
            key("key", 0),
            string("max"),
            string("min"),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zrevrangebyscore",
        summary: "Reads the members with scores in a range, the highest first",
        complexity: Some("O(log(N)+M), N = members, M = members returned"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`ZRANGE ... BYSCORE REV`"),
        history: &[("2.1.6", "exclusive limits")],
        arguments: &[
            key("key", 0),
            double("max"),
            double("min"),
            token("withscores", "WITHSCORES").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ],
    },
    CommandDoc {
        name: "zrevrank",
        summary: "Tells the rank of a member, the highest score first",
        complexity: Some("O(log(N)), N = members"),
        history: &[("7.2.0", "`WITHSCORE`")],
        arguments: &[key("key", 0), string("member"), token("withscore", "WITHSCORE").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zscan",
        summary: "Walks over the members of a sorted set in steps",
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
        name: "zscore",
        summary: "Tells the score of a member",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), string("member")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zunion",
        summary: "Returns the members of any of the sorted sets",
        complexity: Some("O(N)+O(M*log(M)), N = members of all sets, M = members returned"),
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("weight").token("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .token("AGGREGATE")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "zunionstore",
        summary: "Stores the members of any of the sorted sets",
        complexity: Some("O(N)+O(M*log(M)), N = members of all sets, M = members stored"),
        arguments: &[
            key("destination", 0),
            integer("numkeys"),
            key("key", 1).multiple(),
            integer("weight").token("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .token("AGGREGATE")
                .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
];
