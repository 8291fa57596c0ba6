//! The rows of the string commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::spec::GetKeys;
use crate::commands::{CommandSpec, Group, acl, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "append",
        handler: super::append,
        arity: 3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RW_INSERT,
        group: Group::String,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "decr",
        handler: super::decr,
        arity: 2,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_UPDATE,
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "decrby",
        handler: super::decrby,
        arity: 3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_UPDATE,
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "get",
        handler: super::get,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getdel",
        handler: super::getdel,
        arity: 2,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_DELETE,
        group: Group::String,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getex",
        handler: super::getex,
        arity: -2,
        flags: flag::WRITE | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_AND_TTL,
        group: Group::String,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getrange",
        handler: super::getrange,
        arity: 4,
        flags: flag::READONLY,
        acl: acl::READ | acl::STRING | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::String,
        since: "2.4.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getset",
        handler: super::getset,
        arity: 3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_UPDATE,
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "incr",
        handler: super::incr,
        arity: 2,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_UPDATE,
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "incrby",
        handler: super::incrby,
        arity: 3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_UPDATE,
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "incrbyfloat",
        handler: super::incrbyfloat,
        arity: 3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RW_ACCESS_UPDATE,
        group: Group::String,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "lcs",
        handler: super::lcs,
        arity: -3,
        flags: flag::READONLY,
        acl: acl::READ | acl::STRING | acl::SLOW,
        keys: key_specs::LCS_KEYS,
        group: Group::String,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "mget",
        handler: super::mget,
        arity: -2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::STRING | acl::FAST,
        keys: key_specs::KEYS1_RO_ACCESS,
        group: Group::String,
        since: "1.0.0",
        tips: &["request_policy:multi_shard"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "mset",
        handler: super::mset,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::STRING | acl::SLOW,
        keys: key_specs::MSET_KEYS,
        group: Group::String,
        since: "1.0.1",
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "msetnx",
        handler: super::msetnx,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::STRING | acl::SLOW,
        keys: key_specs::MSETNX_KEYS,
        group: Group::String,
        since: "1.0.1",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "psetex",
        handler: super::psetex,
        arity: 4,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::STRING | acl::SLOW,
        keys: key_specs::KEY1_OW_UPDATE,
        group: Group::String,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "set",
        handler: super::set,
        arity: -3,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::STRING | acl::SLOW,
        keys: key_specs::SET_KEY,
        get_keys: Some(GetKeys::Set),
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setex",
        handler: super::setex,
        arity: 4,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::STRING | acl::SLOW,
        keys: key_specs::KEY1_OW_UPDATE,
        group: Group::String,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setnx",
        handler: super::setnx,
        arity: 3,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_OW_INSERT,
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setrange",
        handler: super::setrange,
        arity: 4,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::STRING | acl::SLOW,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::String,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "strlen",
        handler: super::strlen,
        arity: 2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::STRING | acl::FAST,
        keys: key_specs::KEY1_RO,
        group: Group::String,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "substr",
        handler: super::substr,
        arity: 4,
        flags: flag::READONLY,
        acl: acl::READ | acl::STRING | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::String,
        since: "1.0.0",
        ..CommandSpec::DEFAULT
    },
];
