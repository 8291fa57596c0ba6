//! The rows of the server commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

mod subcommands;

use crate::commands::{CommandSpec, Group, acl, container, flag, key_specs};

use subcommands::{
    ACL_SUBCOMMANDS, COMMAND_SUBCOMMANDS, CONFIG_SUBCOMMANDS, LATENCY_SUBCOMMANDS,
    MEMORY_SUBCOMMANDS, MODULE_SUBCOMMANDS, SLOWLOG_SUBCOMMANDS,
};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "acl",
        handler: container,
        arity: -2,
        flags: flag::SENTINEL,
        acl: acl::SLOW,
        group: Group::Server,
        since: "6.0.0",
        subcommands: ACL_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "bgrewriteaof",
        handler: super::bgrewriteaof,
        arity: 1,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "bgsave",
        handler: super::bgsave,
        arity: -1,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "command",
        handler: super::command,
        arity: -1,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Server,
        since: "2.8.13",
        tips: &["nondeterministic_output_order"],
        subcommands: COMMAND_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "config",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "2.0.0",
        subcommands: CONFIG_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "dbsize",
        handler: super::dbsize,
        arity: 1,
        flags: flag::READONLY | flag::FAST,
        acl: acl::KEYSPACE | acl::READ | acl::FAST,
        group: Group::Server,
        since: "1.0.0",
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "debug",
        handler: super::debug,
        arity: -2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::PROTECTED,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "failover",
        handler: super::failover,
        arity: -1,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "flushall",
        handler: super::flushall,
        arity: -1,
        flags: flag::WRITE,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "flushdb",
        handler: super::flushdb,
        arity: -1,
        flags: flag::WRITE,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "info",
        handler: super::info,
        arity: -1,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lastsave",
        handler: super::lastsave,
        arity: 1,
        flags: flag::LOADING | flag::STALE | flag::FAST,
        acl: acl::ADMIN | acl::FAST | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "latency",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "2.8.13",
        subcommands: LATENCY_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lolwut",
        handler: super::lolwut,
        arity: -1,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::FAST,
        group: Group::Server,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "memory",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "4.0.0",
        subcommands: MEMORY_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "module",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "4.0.0",
        subcommands: MODULE_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "monitor",
        handler: super::monitor,
        arity: 1,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "psync",
        handler: super::psync,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING | flag::NO_MULTI,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.8.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "replconf",
        handler: super::replconf,
        arity: -1,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::ALLOW_BUSY,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "replicaof",
        handler: super::replicaof,
        arity: 3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "restore-asking",
        handler: crate::commands::generic::restore,
        arity: -4,
        flags: flag::WRITE | flag::DENYOOM | flag::ASKING,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW | acl::DANGEROUS,
        keys: key_specs::KEY1_OW_UPDATE,
        group: Group::Server,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "role",
        handler: super::role,
        arity: 1,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::SENTINEL,
        acl: acl::ADMIN | acl::FAST | acl::DANGEROUS,
        group: Group::Server,
        since: "2.8.12",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "save",
        handler: super::save,
        arity: 1,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING | flag::NO_MULTI,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sflush",
        handler: super::sflush,
        arity: -3,
        flags: flag::WRITE,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "8.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "shutdown",
        handler: super::shutdown,
        arity: -1,
        flags: flag::ADMIN
            | flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::SENTINEL
            | flag::NO_MULTI
            | flag::ALLOW_BUSY,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "slaveof",
        handler: super::slaveof,
        arity: 3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "slowlog",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "2.2.12",
        subcommands: SLOWLOG_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "swapdb",
        handler: super::swapdb,
        arity: 3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST | acl::DANGEROUS,
        group: Group::Server,
        since: "4.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sync",
        handler: super::sync,
        arity: 1,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING | flag::NO_MULTI,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "time",
        handler: super::time,
        arity: 1,
        flags: flag::LOADING | flag::STALE | flag::FAST,
        acl: acl::FAST,
        group: Group::Server,
        since: "2.6.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
];
