//! The rows of the key commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::spec::GetKeys;
use crate::commands::{CommandSpec, Group, acl, container, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "copy",
        handler: super::copy,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW,
        keys: key_specs::COPY_KEYS,
        group: Group::Generic,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "del",
        handler: super::del,
        arity: -2,
        flags: flag::WRITE,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW,
        keys: key_specs::KEYS1_RM_DELETE,
        group: Group::Generic,
        since: "1.0.0",
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "dump",
        handler: super::dump,
        arity: 2,
        flags: flag::READONLY,
        acl: acl::KEYSPACE | acl::READ | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Generic,
        since: "2.6.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "exists",
        handler: super::exists,
        arity: -2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::KEYSPACE | acl::READ | acl::FAST,
        keys: key_specs::KEYS1_RO,
        group: Group::Generic,
        since: "1.0.0",
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "expire",
        handler: super::expire,
        arity: -3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Generic,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "expireat",
        handler: super::expireat,
        arity: -3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Generic,
        since: "1.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "expiretime",
        handler: super::expiretime,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::KEYSPACE | acl::READ | acl::FAST,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Generic,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "keys",
        handler: super::keys,
        arity: 2,
        flags: flag::READONLY,
        acl: acl::KEYSPACE | acl::READ | acl::SLOW | acl::DANGEROUS,
        group: Group::Generic,
        since: "1.0.0",
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "migrate",
        handler: super::migrate,
        arity: -6,
        flags: flag::WRITE | flag::MOVABLE_KEYS,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW | acl::DANGEROUS,
        keys: key_specs::MIGRATE_KEYS,
        get_keys: Some(GetKeys::Migrate),
        group: Group::Generic,
        since: "2.6.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "move",
        handler: super::move_command,
        arity: 3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_UPDATE,
        group: Group::Generic,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "object",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Generic,
        since: "2.2.3",
        subcommands: OBJECT_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "persist",
        handler: super::persist,
        arity: 2,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Generic,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pexpire",
        handler: super::pexpire,
        arity: -3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Generic,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pexpireat",
        handler: super::pexpireat,
        arity: -3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Generic,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pexpiretime",
        handler: super::pexpiretime,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::KEYSPACE | acl::READ | acl::FAST,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Generic,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pttl",
        handler: super::pttl,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::KEYSPACE | acl::READ | acl::FAST,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Generic,
        since: "2.6.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "randomkey",
        handler: super::randomkey,
        arity: 1,
        flags: flag::READONLY | flag::TOUCHES_ARBITRARY_KEYS,
        acl: acl::KEYSPACE | acl::READ | acl::SLOW,
        group: Group::Generic,
        since: "1.0.0",
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "rename",
        handler: super::rename,
        arity: 3,
        flags: flag::WRITE,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW,
        keys: key_specs::RENAME_KEYS,
        group: Group::Generic,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "renamenx",
        handler: super::renamenx,
        arity: 3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST,
        keys: key_specs::RENAMENX_KEYS,
        group: Group::Generic,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "restore",
        handler: super::restore,
        arity: -4,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::KEYSPACE | acl::WRITE | acl::SLOW | acl::DANGEROUS,
        keys: key_specs::KEY1_OW_UPDATE,
        group: Group::Generic,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "scan",
        handler: super::scan,
        arity: -2,
        flags: flag::READONLY | flag::TOUCHES_ARBITRARY_KEYS,
        acl: acl::KEYSPACE | acl::READ | acl::SLOW,
        group: Group::Generic,
        since: "2.8.0",
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sort",
        handler: super::sort,
        arity: -2,
        flags: flag::WRITE | flag::DENYOOM | flag::MOVABLE_KEYS,
        acl: acl::WRITE | acl::SET | acl::SORTEDSET | acl::LIST | acl::SLOW | acl::DANGEROUS,
        keys: key_specs::SORT_KEYS,
        get_keys: Some(GetKeys::Sort),
        group: Group::Generic,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sort_ro",
        handler: super::sort_ro,
        arity: -2,
        flags: flag::READONLY | flag::MOVABLE_KEYS,
        acl: acl::READ | acl::SET | acl::SORTEDSET | acl::LIST | acl::SLOW | acl::DANGEROUS,
        keys: key_specs::SORT_RO_KEYS,
        get_keys: Some(GetKeys::SortRo),
        group: Group::Generic,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "touch",
        handler: super::touch,
        arity: -2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::KEYSPACE | acl::READ | acl::FAST,
        keys: key_specs::KEYS1_RO,
        group: Group::Generic,
        since: "3.2.1",
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "ttl",
        handler: super::ttl,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::KEYSPACE | acl::READ | acl::FAST,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Generic,
        since: "1.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "type",
        handler: super::type_command,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::KEYSPACE | acl::READ | acl::FAST,
        keys: key_specs::KEY1_RO,
        group: Group::Generic,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "unlink",
        handler: super::unlink,
        arity: -2,
        flags: flag::WRITE | flag::FAST,
        acl: acl::KEYSPACE | acl::WRITE | acl::FAST,
        keys: key_specs::KEYS1_RM_DELETE,
        group: Group::Generic,
        since: "4.0.0",
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "wait",
        handler: super::wait,
        arity: 3,
        flags: flag::BLOCKING,
        acl: acl::SLOW | acl::BLOCKING | acl::CONNECTION,
        group: Group::Generic,
        since: "3.0.0",
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "waitaof",
        handler: super::waitaof,
        arity: 4,
        flags: flag::BLOCKING,
        acl: acl::SLOW | acl::BLOCKING | acl::CONNECTION,
        group: Group::Generic,
        since: "7.2.0",
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        ..CommandSpec::DEFAULT
    },
];

const OBJECT_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "encoding",
        handler: super::object_encoding,
        arity: 3,
        flags: flag::READONLY,
        acl: acl::KEYSPACE | acl::READ | acl::SLOW,
        keys: key_specs::KEY2_RO,
        group: Group::Generic,
        since: "2.2.3",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "freq",
        handler: super::object_freq,
        arity: 3,
        flags: flag::READONLY,
        acl: acl::KEYSPACE | acl::READ | acl::SLOW,
        keys: key_specs::KEY2_RO,
        group: Group::Generic,
        since: "4.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: super::object_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::KEYSPACE | acl::SLOW,
        group: Group::Generic,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "idletime",
        handler: super::object_idletime,
        arity: 3,
        flags: flag::READONLY,
        acl: acl::KEYSPACE | acl::READ | acl::SLOW,
        keys: key_specs::KEY2_RO,
        group: Group::Generic,
        since: "2.2.3",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "refcount",
        handler: super::object_refcount,
        arity: 3,
        flags: flag::READONLY,
        acl: acl::KEYSPACE | acl::READ | acl::SLOW,
        keys: key_specs::KEY2_RO,
        group: Group::Generic,
        since: "2.2.3",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
];
