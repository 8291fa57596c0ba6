//! The rows of the scripting commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::spec::GetKeys;
use crate::commands::{CommandSpec, Group, acl, container, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "eval",
        handler: super::eval,
        arity: -3,
        flags: flag::NOSCRIPT
            | flag::STALE
            | flag::SKIP_MONITOR
            | flag::MAY_REPLICATE
            | flag::NO_MANDATORY_KEYS
            | flag::MOVABLE_KEYS,
        acl: acl::SLOW | acl::SCRIPTING,
        keys: key_specs::SCRIPT_RW,
        get_keys: Some(GetKeys::Eval),
        group: Group::Scripting,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "eval_ro",
        handler: super::eval_ro,
        arity: -3,
        flags: flag::READONLY
            | flag::NOSCRIPT
            | flag::STALE
            | flag::SKIP_MONITOR
            | flag::NO_MANDATORY_KEYS
            | flag::MOVABLE_KEYS,
        acl: acl::SLOW | acl::SCRIPTING,
        keys: key_specs::SCRIPT_RO,
        get_keys: Some(GetKeys::Eval),
        group: Group::Scripting,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "evalsha",
        handler: super::evalsha,
        arity: -3,
        flags: flag::NOSCRIPT
            | flag::STALE
            | flag::SKIP_MONITOR
            | flag::MAY_REPLICATE
            | flag::NO_MANDATORY_KEYS
            | flag::MOVABLE_KEYS,
        acl: acl::SLOW | acl::SCRIPTING,
        keys: key_specs::NUMKEYS2_RW_ACCESS_UPDATE,
        get_keys: Some(GetKeys::Eval),
        group: Group::Scripting,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "evalsha_ro",
        handler: super::evalsha_ro,
        arity: -3,
        flags: flag::READONLY
            | flag::NOSCRIPT
            | flag::STALE
            | flag::SKIP_MONITOR
            | flag::NO_MANDATORY_KEYS
            | flag::MOVABLE_KEYS,
        acl: acl::SLOW | acl::SCRIPTING,
        keys: key_specs::NUMKEYS2_RO_ACCESS,
        get_keys: Some(GetKeys::Eval),
        group: Group::Scripting,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "fcall",
        handler: super::fcall,
        arity: -3,
        flags: flag::NOSCRIPT
            | flag::STALE
            | flag::SKIP_MONITOR
            | flag::MAY_REPLICATE
            | flag::NO_MANDATORY_KEYS
            | flag::MOVABLE_KEYS,
        acl: acl::SLOW | acl::SCRIPTING,
        keys: key_specs::SCRIPT_RW,
        get_keys: Some(GetKeys::FunctionCall),
        group: Group::Scripting,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "fcall_ro",
        handler: super::fcall_ro,
        arity: -3,
        flags: flag::READONLY
            | flag::NOSCRIPT
            | flag::STALE
            | flag::SKIP_MONITOR
            | flag::NO_MANDATORY_KEYS
            | flag::MOVABLE_KEYS,
        acl: acl::SLOW | acl::SCRIPTING,
        keys: key_specs::SCRIPT_RO,
        get_keys: Some(GetKeys::FunctionCall),
        group: Group::Scripting,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "function",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Scripting,
        since: "7.0.0",
        subcommands: FUNCTION_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "script",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Scripting,
        since: "2.6.0",
        subcommands: SCRIPT_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
];

const FUNCTION_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "delete",
        handler: super::function_delete,
        arity: 3,
        flags: flag::WRITE | flag::NOSCRIPT,
        acl: acl::WRITE | acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "dump",
        handler: super::function_dump,
        arity: 2,
        flags: flag::NOSCRIPT,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "flush",
        handler: super::function_flush,
        arity: -2,
        flags: flag::WRITE | flag::NOSCRIPT,
        acl: acl::WRITE | acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: super::function_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "kill",
        handler: super::function_kill,
        arity: 2,
        flags: flag::NOSCRIPT | flag::ALLOW_BUSY,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "list",
        handler: super::function_list,
        arity: -2,
        flags: flag::NOSCRIPT,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "load",
        handler: super::function_load,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM | flag::NOSCRIPT,
        acl: acl::WRITE | acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "restore",
        handler: super::function_restore,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM | flag::NOSCRIPT,
        acl: acl::WRITE | acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "stats",
        handler: super::function_stats,
        arity: 2,
        flags: flag::NOSCRIPT | flag::ALLOW_BUSY,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "7.0.0",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
];

const SCRIPT_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "debug",
        handler: super::script_debug,
        arity: 3,
        flags: flag::NOSCRIPT,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "exists",
        handler: super::script_exists,
        arity: -3,
        flags: flag::NOSCRIPT,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "2.6.0",
        tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "flush",
        handler: super::script_flush,
        arity: -2,
        flags: flag::NOSCRIPT,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "2.6.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: super::script_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "kill",
        handler: super::script_kill,
        arity: 2,
        flags: flag::NOSCRIPT | flag::ALLOW_BUSY,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "2.6.0",
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "load",
        handler: super::script_load,
        arity: 3,
        flags: flag::NOSCRIPT | flag::STALE,
        acl: acl::SLOW | acl::SCRIPTING,
        group: Group::Scripting,
        since: "2.6.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
];
