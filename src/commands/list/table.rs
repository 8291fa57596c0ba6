//! The rows of the list commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::spec::GetKeys;
use crate::commands::{CommandSpec, Group, acl, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "blmove",
        handler: super::blmove,
        arity: 6,
        flags: flag::WRITE | flag::DENYOOM | flag::BLOCKING,
        acl: acl::WRITE | acl::LIST | acl::SLOW | acl::BLOCKING,
        keys: key_specs::MOVE_ELEMENT,
        group: Group::List,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "blmpop",
        handler: super::blmpop,
        arity: -5,
        flags: flag::WRITE | flag::BLOCKING | flag::MOVABLE_KEYS,
        acl: acl::WRITE | acl::LIST | acl::SLOW | acl::BLOCKING,
        keys: key_specs::NUMKEYS2_RW_ACCESS_DELETE,
        get_keys: Some(GetKeys::Blmpop),
        group: Group::List,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "blpop",
        handler: super::blpop,
        arity: -3,
        flags: flag::WRITE | flag::BLOCKING,
        acl: acl::WRITE | acl::LIST | acl::SLOW | acl::BLOCKING,
        keys: key_specs::KEYS1_BUT_LAST_RW_ACCESS_DELETE,
        group: Group::List,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "brpop",
        handler: super::brpop,
        arity: -3,
        flags: flag::WRITE | flag::BLOCKING,
        acl: acl::WRITE | acl::LIST | acl::SLOW | acl::BLOCKING,
        keys: key_specs::KEYS1_BUT_LAST_RW_ACCESS_DELETE,
        group: Group::List,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "brpoplpush",
        handler: super::brpoplpush,
        arity: 4,
        flags: flag::WRITE | flag::DENYOOM | flag::BLOCKING,
        acl: acl::WRITE | acl::LIST | acl::SLOW | acl::BLOCKING,
        keys: key_specs::MOVE_ELEMENT,
        group: Group::List,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lindex",
        handler: super::lindex,
        arity: 3,
        flags: flag::READONLY,
        acl: acl::READ | acl::LIST | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "linsert",
        handler: super::linsert,
        arity: 5,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::LIST | acl::SLOW,
        keys: key_specs::KEY1_RW_INSERT,
        group: Group::List,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "llen",
        handler: super::llen,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::LIST | acl::FAST,
        keys: key_specs::KEY1_RO,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lmove",
        handler: super::lmove,
        arity: 5,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::LIST | acl::SLOW,
        keys: key_specs::MOVE_ELEMENT,
        group: Group::List,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lmpop",
        handler: super::lmpop,
        arity: -4,
        flags: flag::WRITE | flag::MOVABLE_KEYS,
        acl: acl::WRITE | acl::LIST | acl::SLOW,
        keys: key_specs::NUMKEYS1_RW_ACCESS_DELETE,
        get_keys: Some(GetKeys::Lmpop),
        group: Group::List,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lpop",
        handler: super::lpop,
        arity: -2,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::LIST | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_DELETE,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lpos",
        handler: super::lpos,
        arity: -3,
        flags: flag::READONLY,
        acl: acl::READ | acl::LIST | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::List,
        since: "6.0.6",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lpush",
        handler: super::lpush,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::LIST | acl::FAST,
        keys: key_specs::KEY1_RW_INSERT,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lpushx",
        handler: super::lpushx,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::LIST | acl::FAST,
        keys: key_specs::KEY1_RW_INSERT,
        group: Group::List,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lrange",
        handler: super::lrange,
        arity: 4,
        flags: flag::READONLY,
        acl: acl::READ | acl::LIST | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lrem",
        handler: super::lrem,
        arity: 4,
        flags: flag::WRITE,
        acl: acl::WRITE | acl::LIST | acl::SLOW,
        keys: key_specs::KEY1_RW_DELETE,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lset",
        handler: super::lset,
        arity: 4,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::LIST | acl::SLOW,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "ltrim",
        handler: super::ltrim,
        arity: 4,
        flags: flag::WRITE,
        acl: acl::WRITE | acl::LIST | acl::SLOW,
        keys: key_specs::KEY1_RW_DELETE,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "rpop",
        handler: super::rpop,
        arity: -2,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::LIST | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_DELETE,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "rpoplpush",
        handler: super::rpoplpush,
        arity: 3,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::LIST | acl::SLOW,
        keys: key_specs::MOVE_ELEMENT,
        group: Group::List,
        since: "1.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "rpush",
        handler: super::rpush,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::LIST | acl::FAST,
        keys: key_specs::KEY1_RW_INSERT,
        group: Group::List,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "rpushx",
        handler: super::rpushx,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::LIST | acl::FAST,
        keys: key_specs::KEY1_RW_INSERT,
        group: Group::List,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
];
