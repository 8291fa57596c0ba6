//! The rows of the connection commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::{CommandSpec, Group, acl, container, flag};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "auth",
        handler: super::auth,
        arity: -2,
        flags: flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::NO_AUTH
            | flag::SENTINEL
            | flag::ALLOW_BUSY,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Connection,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "client",
        handler: container,
        arity: -2,
        flags: flag::SENTINEL,
        acl: acl::SLOW,
        group: Group::Connection,
        since: "2.4.0",
        subcommands: CLIENT_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "echo",
        handler: super::echo,
        arity: 2,
        flags: flag::LOADING | flag::STALE | flag::FAST,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Connection,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "hello",
        handler: super::hello,
        arity: -1,
        flags: flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::NO_AUTH
            | flag::SENTINEL
            | flag::ALLOW_BUSY,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Connection,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "ping",
        handler: super::ping,
        arity: -1,
        flags: flag::FAST | flag::SENTINEL,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Connection,
        since: "1.0.0",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "quit",
        handler: super::quit,
        arity: -1,
        flags: flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::NO_AUTH
            | flag::ALLOW_BUSY,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Connection,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "reset",
        handler: super::reset,
        arity: 1,
        flags: flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::NO_AUTH
            | flag::ALLOW_BUSY,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Connection,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "select",
        handler: super::select,
        arity: 2,
        flags: flag::LOADING | flag::STALE | flag::FAST,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Connection,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
];

const CLIENT_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "caching",
        handler: super::client_caching,
        arity: 3,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getname",
        handler: super::client_getname,
        arity: 2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "2.6.9",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getredir",
        handler: super::client_getredir,
        arity: 2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: super::client_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "id",
        handler: super::client_id,
        arity: 2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "info",
        handler: super::client_info,
        arity: 2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "6.2.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "kill",
        handler: super::client_kill,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS | acl::CONNECTION,
        group: Group::Connection,
        since: "2.4.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "list",
        handler: super::client_list,
        arity: -2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS | acl::CONNECTION,
        group: Group::Connection,
        since: "2.4.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "no-evict",
        handler: super::client_no_evict,
        arity: 3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS | acl::CONNECTION,
        group: Group::Connection,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "no-touch",
        handler: super::client_no_touch,
        arity: 3,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "7.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pause",
        handler: super::client_pause,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS | acl::CONNECTION,
        group: Group::Connection,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "reply",
        handler: super::client_reply,
        arity: 3,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setinfo",
        handler: super::client_setinfo,
        arity: 4,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "7.2.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setname",
        handler: super::client_setname,
        arity: 3,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "2.6.9",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "tracking",
        handler: super::client_tracking,
        arity: -3,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "trackinginfo",
        handler: super::client_trackinginfo,
        arity: 2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Connection,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "unblock",
        handler: super::client_unblock,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS | acl::CONNECTION,
        group: Group::Connection,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "unpause",
        handler: super::client_unpause,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS | acl::CONNECTION,
        group: Group::Connection,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
];
