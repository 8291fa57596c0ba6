//! Documentation of the bitmap commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, integer, key, one_of, string, token};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "bitcount",
        summary: "Counts the one bits of a string, or of a part of it",
        complexity: Some("O(N), N = bytes"),
        history: &[("7.0.0", "`BYTE` and `BIT`")],
        arguments: &[
            key("key", 0),
            block(
                "range",
                &[
                    integer("start"),
                    integer("end"),
                    one_of("unit", &[token("byte", "BYTE"), token("bit", "BIT")])
                        .since("7.0.0")
                        .optional(),
                ],
            )
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "bitfield",
        summary: "Reads, sets and increments integers of any width inside a string",
        complexity: Some("O(1) per operation"),
        arguments: &[
            key("key", 0),
            one_of(
                "operation",
                &[
                    block("get-block", &[string("encoding"), integer("offset")]).token("GET"),
                    block(
                        "write",
                        &[
                            one_of(
                                "overflow-block",
                                &[
                                    token("wrap", "WRAP"),
                                    token("sat", "SAT"),
                                    token("fail", "FAIL"),
                                ],
                            )
                            .token("OVERFLOW")
                            .optional(),
                            one_of(
                                "write-operation",
                                &[
                                    block(
                                        "set-block",
                                        &[string("encoding"), integer("offset"), integer("value")],
                                    )
                                    .token("SET"),
                                    block(
                                        "incrby-block",
                                        &[
                                            string("encoding"),
                                            integer("offset"),
                                            integer("increment"),
                                        ],
                                    )
                                    .token("INCRBY"),
                                ],
                            ),
                        ],
                    ),
                ],
            )
            .optional()
            .multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "bitfield_ro",
        summary: "Reads integers of any width inside a string",
        complexity: Some("O(1) per operation"),
        arguments: &[
            key("key", 0),
            block("get-block", &[string("encoding"), integer("offset")])
                .token("GET")
                .optional()
                .multiple_token(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "bitop",
        summary: "Combines strings bit by bit into a destination key",
        complexity: Some("O(N), N = bytes of the longest string"),
        arguments: &[
            one_of(
                "operation",
                &[token("and", "AND"), token("or", "OR"), token("xor", "XOR"), token("not", "NOT")],
            ),
            key("destkey", 0),
            key("key", 1).multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "bitpos",
        summary: "Finds the first bit of a string that is 0, or 1",
        complexity: Some("O(N), N = bytes"),
        history: &[("7.0.0", "`BYTE` and `BIT`")],
        arguments: &[
            key("key", 0),
            integer("bit"),
            block(
                "range",
                &[
                    integer("start"),
                    block(
                        "end-unit-block",
                        &[
                            integer("end"),
                            one_of("unit", &[token("byte", "BYTE"), token("bit", "BIT")])
                                .since("7.0.0")
                                .optional(),
                        ],
                    )
                    .optional(),
                ],
            )
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "getbit",
        summary: "Reads one bit of a string",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), integer("offset")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "setbit",
        summary: "Sets one bit of a string",
        complexity: Some("O(1)"),
        arguments: &[key("key", 0), integer("offset"), integer("value")],
        ..CommandDoc::DEFAULT
    },
];
