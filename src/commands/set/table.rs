//! The rows of the set commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::spec::GetKeys;
use crate::commands::{CommandSpec, Group, acl, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "sadd",
        handler: super::sadd,
        arity: -3,
        member: 2,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::SET | acl::FAST,
        keys: key_specs::KEY1_RW_INSERT,
        group: Group::Set,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "scard",
        handler: super::scard,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::SET | acl::FAST,
        keys: key_specs::KEY1_RO,
        group: Group::Set,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sdiff",
        handler: super::sdiff,
        arity: -2,
        flags: flag::READONLY,
        acl: acl::READ | acl::SET | acl::SLOW,
        keys: key_specs::KEYS1_RO_ACCESS,
        group: Group::Set,
        since: "1.0.0",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sdiffstore",
        handler: super::sdiffstore,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::SET | acl::SLOW,
        keys: key_specs::STORE_FROM_KEYS,
        group: Group::Set,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sinter",
        handler: super::sinter,
        arity: -2,
        flags: flag::READONLY,
        acl: acl::READ | acl::SET | acl::SLOW,
        keys: key_specs::KEYS1_RO_ACCESS,
        group: Group::Set,
        since: "1.0.0",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sintercard",
        handler: super::sintercard,
        arity: -3,
        flags: flag::READONLY | flag::MOVABLE_KEYS,
        acl: acl::READ | acl::SET | acl::SLOW,
        keys: key_specs::NUMKEYS1_RO_ACCESS,
        get_keys: Some(GetKeys::SintercardKeys),
        group: Group::Set,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sinterstore",
        handler: super::sinterstore,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::SET | acl::SLOW,
        keys: key_specs::STORE_FROM_KEYS,
        group: Group::Set,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sismember",
        handler: super::sismember,
        arity: 3,
        member: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::SET | acl::FAST,
        keys: key_specs::KEY1_RO,
        group: Group::Set,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "smembers",
        handler: super::smembers,
        arity: 2,
        flags: flag::READONLY,
        acl: acl::READ | acl::SET | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Set,
        since: "1.0.0",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "smismember",
        handler: super::smismember,
        arity: -3,
        member: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::SET | acl::FAST,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Set,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "smove",
        handler: super::smove,
        arity: 4,
        member: 3,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::SET | acl::FAST,
        keys: key_specs::MOVE_ELEMENT,
        group: Group::Set,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "spop",
        handler: super::spop,
        arity: -2,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::SET | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_DELETE,
        group: Group::Set,
        since: "1.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "srandmember",
        handler: super::srandmember,
        arity: -2,
        flags: flag::READONLY,
        acl: acl::READ | acl::SET | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Set,
        since: "1.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "srem",
        handler: super::srem,
        arity: -3,
        member: 2,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::SET | acl::FAST,
        keys: key_specs::KEY1_RW_DELETE,
        group: Group::Set,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sscan",
        handler: super::sscan,
        arity: -3,
        flags: flag::READONLY,
        acl: acl::READ | acl::SET | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Set,
        since: "2.8.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sunion",
        handler: super::sunion,
        arity: -2,
        flags: flag::READONLY,
        acl: acl::READ | acl::SET | acl::SLOW,
        keys: key_specs::KEYS1_RO_ACCESS,
        group: Group::Set,
        since: "1.0.0",
        tips: &["nondeterministic_output_order"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sunionstore",
        handler: super::sunionstore,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::SET | acl::SLOW,
        keys: key_specs::STORE_FROM_KEYS,
        group: Group::Set,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
];
