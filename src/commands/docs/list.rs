//! Documentation of the list commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, doc_flag, double, integer, key, one_of, string, token};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "blmove",
        summary: "Moves one element between lists, waiting for one to arrive",
        complexity: Some("O(1)"),
        arguments: &[
            key("source", 0),
            key("destination", 1),
            one_of("wherefrom", &[token("left", "LEFT"), token("right", "RIGHT")]),
            one_of("whereto", &[token("left", "LEFT"), token("right", "RIGHT")]),
            double("timeout"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "blmpop",
        summary: "Pops elements from the first list that has any, waiting if none has",
        complexity: Some("O(N+M), N = keys, M = elements popped"),
        arguments: &[
            double("timeout"),
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("left", "LEFT"), token("right", "RIGHT")]),
            integer("count").token("COUNT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "blpop",
        summary: "Pops the head of the first list that has one, waiting if none has",
        complexity: Some("O(N), N = keys"),
        history: &[("6.0.0", "`timeout` may have a fraction")],
        arguments: &[key("key", 0).multiple(), double("timeout")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "brpop",
        summary: "Pops the tail of the first list that has one, waiting if none has",
        complexity: Some("O(N), N = keys"),
        history: &[("6.0.0", "`timeout` may have a fraction")],
        arguments: &[key("key", 0).multiple(), double("timeout")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "brpoplpush",
        summary: "Moves a list's tail to another list's head, waiting for one to arrive",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`BLMOVE ... RIGHT LEFT`"),
        history: &[("6.0.0", "`timeout` may have a fraction")],
        arguments: &[key("source", 0), key("destination", 1), double("timeout")],
    },
    CommandDoc {
        name: "lindex",
        summary: "Reads the element at an index of a list",
        complexity: Some("O(N), N = elements on the way; O(1) at both ends"),
        arguments: &[key("key", 0), integer("index")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "linsert",
        summary: "Puts an element next to a given one in a list",
        complexity: Some("O(N), N = elements before the pivot"),
        arguments: &[
            key("key", 0),
            one_of("where", &[token("before", "BEFORE"), token("after", "AFTER")]),
            string("pivot"),
            string("element"),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "llen",
        summary: "Counts the elements of a list",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lmove",
        summary: "Moves one element between the ends of two lists",
        complexity: Some("O(1)"),
        arguments: &[
            key("source", 0),
            key("destination", 1),
            one_of("wherefrom", &[token("left", "LEFT"), token("right", "RIGHT")]),
            one_of("whereto", &[token("left", "LEFT"), token("right", "RIGHT")]),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lmpop",
        summary: "Pops elements from the first list that has any",
        complexity: Some("O(N+M), N = keys, M = elements popped"),
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("left", "LEFT"), token("right", "RIGHT")]),
            integer("count").token("COUNT").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lpop",
        summary: "Pops elements from the head of a list",
        complexity: Some("O(N), N = elements popped"),
        history: &[("6.2.0", "`count`")],
        arguments: &[key("key", 0), integer("count").since("6.2.0").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lpos",
        summary: "Finds where elements stand in a list",
        complexity: Some("O(N), N = elements looked at"),
        arguments: &[
            key("key", 0),
            string("element"),
            integer("rank").token("RANK").optional(),
            integer("num-matches").token("COUNT").optional(),
            integer("len").token("MAXLEN").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lpush",
        summary: "Puts elements in front of a list",
        complexity: Some("O(N), N = elements given"),
        history: &[("2.4.0", "several elements")],
        arguments: &[key("key", 0), string("element").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lpushx",
        summary: "Puts elements in front of a list that exists",
        complexity: Some("O(N), N = elements given"),
        history: &[("4.0.0", "several elements")],
        arguments: &[key("key", 0), string("element").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lrange",
        summary: "Reads a range of a list",
        complexity: Some("O(S+N), S = distance of the start from an end, N = elements returned"),
        arguments: &[key("key", 0), integer("start"), integer("stop")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lrem",
        summary: "Removes the elements of a list that equal a value",
        complexity: Some("O(N+M), N = elements of the list, M = elements removed"),
        arguments: &[key("key", 0), integer("count"), string("element")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "lset",
        summary: "Replaces the element at an index of a list",
        complexity: Some("O(N), N = elements of the list; O(1) at both ends"),
        arguments: &[key("key", 0), integer("index"), string("element")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "ltrim",
        summary: "Cuts a list down to a range",
        complexity: Some("O(N), N = elements removed"),
        arguments: &[key("key", 0), integer("start"), integer("stop")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "rpop",
        summary: "Pops elements from the tail of a list",
        complexity: Some("O(N), N = elements popped"),
        history: &[("6.2.0", "`count`")],
        arguments: &[key("key", 0), integer("count").since("6.2.0").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "rpoplpush",
        summary: "Moves a list's tail to another list's head",
        complexity: Some("O(1)"),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`LMOVE ... RIGHT LEFT`"),
        arguments: &[key("source", 0), key("destination", 1)],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "rpush",
        summary: "Puts elements at the end of a list",
        complexity: Some("O(N), N = elements given"),
        history: &[("2.4.0", "several elements")],
        arguments: &[key("key", 0), string("element").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "rpushx",
        summary: "Puts elements at the end of a list that exists",
        complexity: Some("O(N), N = elements given"),
        history: &[("4.0.0", "several elements")],
        arguments: &[key("key", 0), string("element").multiple()],
        ..CommandDoc::DEFAULT
    },
];
