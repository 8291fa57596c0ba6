//! The rows of the stream commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::spec::GetKeys;
use crate::commands::{CommandSpec, Group, acl, container, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xack",
        handler: super::xack,
        arity: -4,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::STREAM | acl::FAST,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xadd",
        handler: super::xadd,
        arity: -5,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STREAM | acl::FAST,
        keys: key_specs::XADD_KEY,
        group: Group::Stream,
        since: "5.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xautoclaim",
        handler: super::xautoclaim,
        arity: -6,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::STREAM | acl::FAST,
        keys: key_specs::KEY1_RW_DELETE,
        group: Group::Stream,
        since: "6.2.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xclaim",
        handler: super::xclaim,
        arity: -6,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::STREAM | acl::FAST,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Stream,
        since: "5.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xdel",
        handler: super::xdel,
        arity: -3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::STREAM | acl::FAST,
        keys: key_specs::KEY1_RW_DELETE,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xgroup",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Stream,
        since: "5.0.0",
        subcommands: XGROUP_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xinfo",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Stream,
        since: "5.0.0",
        subcommands: XINFO_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xlen",
        handler: super::xlen,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::STREAM | acl::FAST,
        keys: key_specs::KEY1_RO,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xpending",
        handler: super::xpending,
        arity: -3,
        flags: flag::READONLY,
        acl: acl::READ | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Stream,
        since: "5.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xrange",
        handler: super::xrange,
        arity: -4,
        flags: flag::READONLY,
        acl: acl::READ | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xread",
        handler: super::xread,
        arity: -4,
        flags: flag::READONLY | flag::BLOCKING | flag::MOVABLE_KEYS,
        acl: acl::READ | acl::STREAM | acl::SLOW | acl::BLOCKING,
        keys: key_specs::XREAD_KEYS,
        get_keys: Some(GetKeys::Xread),
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xreadgroup",
        handler: super::xreadgroup,
        arity: -7,
        flags: flag::WRITE | flag::BLOCKING | flag::MOVABLE_KEYS,
        acl: acl::WRITE | acl::STREAM | acl::SLOW | acl::BLOCKING,
        keys: key_specs::XREADGROUP_KEYS,
        get_keys: Some(GetKeys::Xread),
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xrevrange",
        handler: super::xrevrange,
        arity: -4,
        flags: flag::READONLY,
        acl: acl::READ | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xsetid",
        handler: super::xsetid,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STREAM | acl::FAST,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "xtrim",
        handler: super::xtrim,
        arity: -4,
        flags: flag::WRITE,
        acl: acl::WRITE | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY1_RW_DELETE,
        group: Group::Stream,
        since: "5.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
];

const XGROUP_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "create",
        handler: super::xgroup_create,
        arity: -5,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY2_RW_INSERT,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "createconsumer",
        handler: super::xgroup_createconsumer,
        arity: 5,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY2_RW_INSERT,
        group: Group::Stream,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "delconsumer",
        handler: super::xgroup_delconsumer,
        arity: 5,
        flags: flag::WRITE,
        acl: acl::WRITE | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY2_RW_DELETE,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "destroy",
        handler: super::xgroup_destroy,
        arity: 4,
        flags: flag::WRITE,
        acl: acl::WRITE | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY2_RW_DELETE,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: super::xgroup_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::STREAM | acl::SLOW,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setid",
        handler: super::xgroup_setid,
        arity: -5,
        flags: flag::WRITE,
        acl: acl::WRITE | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY2_RW_UPDATE,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
];

const XINFO_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "consumers",
        handler: super::xinfo_consumers,
        arity: 4,
        flags: flag::READONLY,
        acl: acl::READ | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY2_RO_ACCESS,
        group: Group::Stream,
        since: "5.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "groups",
        handler: super::xinfo_groups,
        arity: 3,
        flags: flag::READONLY,
        acl: acl::READ | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY2_RO_ACCESS,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: super::xinfo_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::STREAM | acl::SLOW,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "stream",
        handler: super::xinfo_stream,
        arity: -3,
        flags: flag::READONLY,
        acl: acl::READ | acl::STREAM | acl::SLOW,
        keys: key_specs::KEY2_RO_ACCESS,
        group: Group::Stream,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
];
