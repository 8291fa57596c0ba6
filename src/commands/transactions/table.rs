//! The rows of the transaction commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::{CommandSpec, Group, acl, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "discard",
        handler: super::discard,
        arity: 1,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY,
        acl: acl::FAST | acl::TRANSACTION,
        group: Group::Transactions,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "exec",
        handler: super::exec,
        arity: 1,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SKIP_SLOWLOG,
        acl: acl::SLOW | acl::TRANSACTION,
        group: Group::Transactions,
        since: "1.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "multi",
        handler: super::multi,
        arity: 1,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY,
        acl: acl::FAST | acl::TRANSACTION,
        group: Group::Transactions,
        since: "1.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "unwatch",
        handler: super::unwatch,
        arity: 1,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY,
        acl: acl::FAST | acl::TRANSACTION,
        group: Group::Transactions,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "watch",
        handler: super::watch,
        arity: -2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY,
        acl: acl::FAST | acl::TRANSACTION,
        keys: key_specs::KEYS1_RO,
        group: Group::Transactions,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
];
