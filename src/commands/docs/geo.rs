//! Documentation of the geo commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, block, doc_flag, double, integer, key, one_of, string, token};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "geoadd",
        summary: "Adds places to a geo index, or moves them",
        complexity: Some("O(log(N)) per place, N = places in the index"),
        history: &[("6.2.0", "`CH`, `NX`, `XX`")],
        arguments: &[
            key("key", 0),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("6.2.0").optional(),
            token("change", "CH").since("6.2.0").optional(),
            block("data", &[double("longitude"), double("latitude"), string("member")]).multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "geodist",
        summary: "Measures the distance of two places of a geo index",
        complexity: Some("O(1)"),
        arguments: &[
            key("key", 0),
            string("member1"),
            string("member2"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            )
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "geohash",
        summary: "Gives the geohash text of places",
        complexity: Some("O(1) per place"),
        arguments: &[key("key", 0), string("member").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "geopos",
        summary: "Gives longitude and latitude of places",
        complexity: Some("O(1) per place"),
        arguments: &[key("key", 0), string("member").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "georadius",
        summary: "Finds the places around a point, and can store them",
        complexity: Some(
            "O(N+log(M)), N = places in the square around the circle, M = \
             places in the index",
        ),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`GEOSEARCH` and `GEOSEARCHSTORE`, `BYRADIUS`"),
        history: &[("6.2.0", "`COUNT` with `ANY`"), ("7.0.0", "units in upper case")],
        arguments: &[
            key("key", 0),
            double("longitude"),
            double("latitude"),
            double("radius"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            ),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").token("COUNT"), token("any", "ANY").since("6.2.0").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            one_of(
                "store",
                &[
                    key("storekey", 1).token("STORE").display("key"),
                    key("storedistkey", 2).token("STOREDIST").display("key"),
                ],
            )
            .optional(),
        ],
    },
    CommandDoc {
        name: "georadius_ro",
        summary: "Finds the places around a point",
        complexity: Some(
            "O(N+log(M)), N = places in the square around the circle, M = \
             places in the index",
        ),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`GEOSEARCH ... BYRADIUS`"),
        history: &[("6.2.0", "`COUNT` with `ANY`"), ("7.0.0", "units in upper case")],
        arguments: &[
            key("key", 0),
            double("longitude"),
            double("latitude"),
            double("radius"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            ),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").token("COUNT"), token("any", "ANY").since("6.2.0").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        ],
    },
    CommandDoc {
        name: "georadiusbymember",
        summary: "Finds the places around another place, and can store them",
        complexity: Some(
            "O(N+log(M)), N = places in the square around the circle, M = \
             places in the index",
        ),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`GEOSEARCH` and `GEOSEARCHSTORE`, `FROMMEMBER` and `BYRADIUS`"),
        history: &[("6.2.0", "`COUNT` with `ANY`"), ("7.0.0", "units in upper case")],
        arguments: &[
            key("key", 0),
            string("member"),
            double("radius"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            ),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").token("COUNT"), token("any", "ANY").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            one_of(
                "store",
                &[
                    key("storekey", 1).token("STORE").display("key"),
                    key("storedistkey", 2).token("STOREDIST").display("key"),
                ],
            )
            .optional(),
        ],
    },
    CommandDoc {
        name: "georadiusbymember_ro",
        summary: "Finds the places around another place",
        complexity: Some(
            "O(N+log(M)), N = places in the square around the circle, M = \
             places in the index",
        ),
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: Some("6.2.0"),
        replaced_by: Some("`GEOSEARCH ... FROMMEMBER ... BYRADIUS`"),
        history: &[("6.2.0", "`COUNT` with `ANY`"), ("7.0.0", "units in upper case")],
        arguments: &[
            key("key", 0),
            string("member"),
            double("radius"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            ),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").token("COUNT"), token("any", "ANY").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        ],
    },
    CommandDoc {
        name: "geosearch",
        summary: "Finds the places inside a circle or a box",
        complexity: Some(
            "O(N+log(M)), N = places in the grid cells around the shape, \
             M = places inside it",
        ),
        history: &[("7.0.0", "units in upper case")],
        arguments: &[
            key("key", 0),
            one_of(
                "from",
                &[
                    string("member").token("FROMMEMBER"),
                    block("fromlonlat", &[double("longitude"), double("latitude")])
                        .token("FROMLONLAT"),
                ],
            ),
            one_of(
                "by",
                &[
                    block(
                        "circle",
                        &[
                            double("radius").token("BYRADIUS"),
                            one_of(
                                "unit",
                                &[
                                    token("m", "M"),
                                    token("km", "KM"),
                                    token("ft", "FT"),
                                    token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                    block(
                        "box",
                        &[
                            double("width").token("BYBOX"),
                            double("height"),
                            one_of(
                                "unit",
                                &[
                                    token("m", "M"),
                                    token("km", "KM"),
                                    token("ft", "FT"),
                                    token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                ],
            ),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            block(
                "count-block",
                &[integer("count").token("COUNT"), token("any", "ANY").optional()],
            )
            .optional(),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "geosearchstore",
        summary: "Stores the places inside a circle or a box under another key",
        complexity: Some(
            "O(N+log(M)), N = places in the grid cells around the shape, \
             M = places inside it",
        ),
        history: &[("7.0.0", "units in upper case")],
        arguments: &[
            key("destination", 0),
            key("source", 1),
            one_of(
                "from",
                &[
                    string("member").token("FROMMEMBER"),
                    block("fromlonlat", &[double("longitude"), double("latitude")])
                        .token("FROMLONLAT"),
                ],
            ),
            one_of(
                "by",
                &[
                    block(
                        "circle",
                        &[
                            double("radius").token("BYRADIUS"),
                            one_of(
                                "unit",
                                &[
                                    token("m", "M"),
                                    token("km", "KM"),
                                    token("ft", "FT"),
                                    token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                    block(
                        "box",
                        &[
                            double("width").token("BYBOX"),
                            double("height"),
                            one_of(
                                "unit",
                                &[
                                    token("m", "M"),
                                    token("km", "KM"),
                                    token("ft", "FT"),
                                    token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                ],
            ),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            block(
                "count-block",
                &[integer("count").token("COUNT"), token("any", "ANY").optional()],
            )
            .optional(),
            token("storedist", "STOREDIST").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
];
