//! The rows of the sub-commands of the server group: ACL, COMMAND, CONFIG, LATENCY, MEMORY, MODULE,
//! SLOWLOG. Their containers are rows of the parent module. Sorted by name.

use crate::commands::{CommandSpec, Group, acl, flag, key_specs, server};

pub(super) const ACL_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "cat",
        handler: server::acl_cat,
        arity: -2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "deluser",
        handler: server::acl_deluser,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.0.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "dryrun",
        handler: server::acl_dryrun,
        arity: -4,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "genpass",
        handler: server::acl_genpass,
        arity: -2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getuser",
        handler: server::acl_getuser,
        arity: 3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: server::acl_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "list",
        handler: server::acl_list,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "load",
        handler: server::acl_load,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "log",
        handler: server::acl_log,
        arity: -2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "save",
        handler: server::acl_save,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.0.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setuser",
        handler: server::acl_setuser,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.0.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "users",
        handler: server::acl_users,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "whoami",
        handler: server::acl_whoami,
        arity: 2,
        flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW,
        group: Group::Server,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
];

pub(super) const COMMAND_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "count",
        handler: server::command_count,
        arity: 2,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Server,
        since: "2.8.13",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "docs",
        handler: server::command_docs,
        arity: -2,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Server,
        since: "7.0.0",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getkeys",
        handler: server::command_getkeys,
        arity: -3,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Server,
        since: "2.8.13",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getkeysandflags",
        handler: server::command_getkeysandflags,
        arity: -3,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Server,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: server::command_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Server,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "info",
        handler: server::command_info,
        arity: -2,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Server,
        since: "2.8.13",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "list",
        handler: server::command_list,
        arity: -2,
        flags: flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::SLOW | acl::CONNECTION,
        group: Group::Server,
        since: "7.0.0",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
];

pub(super) const CONFIG_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "get",
        handler: server::config_get,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: server::config_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Server,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "resetstat",
        handler: server::config_resetstat,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.0.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "rewrite",
        handler: server::config_rewrite,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.8.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "set",
        handler: server::config_set,
        arity: -4,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.0.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
];

pub(super) const LATENCY_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "doctor",
        handler: server::latency_doctor,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.8.13",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "graph",
        handler: server::latency_graph,
        arity: 3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.8.13",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: server::latency_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Server,
        since: "2.8.13",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "histogram",
        handler: server::latency_histogram,
        arity: -2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "7.0.0",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "history",
        handler: server::latency_history,
        arity: 3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.8.13",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "latest",
        handler: server::latency_latest,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.8.13",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "reset",
        handler: server::latency_reset,
        arity: -2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.8.13",
        tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
        ..CommandSpec::DEFAULT
    },
];

pub(super) const MEMORY_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "doctor",
        handler: server::memory_doctor,
        arity: 2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "4.0.0",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: server::memory_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Server,
        since: "4.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "malloc-stats",
        handler: server::memory_malloc_stats,
        arity: 2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "4.0.0",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "purge",
        handler: server::memory_purge,
        arity: 2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "4.0.0",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "stats",
        handler: server::memory_stats,
        arity: 2,
        acl: acl::SLOW,
        group: Group::Server,
        since: "4.0.0",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "usage",
        handler: server::memory_usage,
        arity: -3,
        flags: flag::READONLY,
        acl: acl::READ | acl::SLOW,
        keys: key_specs::KEY2_RO,
        group: Group::Server,
        since: "4.0.0",
        ..CommandSpec::DEFAULT
    },
];

pub(super) const MODULE_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "help",
        handler: server::module_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Server,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "list",
        handler: server::module_list,
        arity: 2,
        flags: flag::ADMIN | flag::NOSCRIPT,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "4.0.0",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "load",
        handler: server::module_load,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::PROTECTED | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "4.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "loadex",
        handler: server::module_loadex,
        arity: -3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::PROTECTED | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "unload",
        handler: server::module_unload,
        arity: 3,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::PROTECTED | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "4.0.0",
        ..CommandSpec::DEFAULT
    },
];

pub(super) const SLOWLOG_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "get",
        handler: server::slowlog_get,
        arity: -2,
        flags: flag::ADMIN | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.2.12",
        tips: &["request_policy:all_nodes", "nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: server::slowlog_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Server,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "len",
        handler: server::slowlog_len,
        arity: 2,
        flags: flag::ADMIN | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.2.12",
        tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "reset",
        handler: server::slowlog_reset,
        arity: 2,
        flags: flag::ADMIN | flag::LOADING | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Server,
        since: "2.2.12",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
];
