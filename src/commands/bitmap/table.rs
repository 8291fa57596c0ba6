//! The rows of the bitmap commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::spec::GetKeys;
use crate::commands::{CommandSpec, Group, acl, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "bitcount",
        handler: super::bitcount,
        arity: -2,
        flags: flag::READONLY,
        acl: acl::READ | acl::BITMAP | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Bitmap,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "bitfield",
        handler: super::bitfield,
        arity: -2,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::BITMAP | acl::SLOW,
        keys: key_specs::BITFIELD_KEY,
        get_keys: Some(GetKeys::Bitfield),
        group: Group::Bitmap,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "bitfield_ro",
        handler: super::bitfield_ro,
        arity: -2,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::BITMAP | acl::FAST,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Bitmap,
        since: "6.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "bitop",
        handler: super::bitop,
        arity: -4,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::BITMAP | acl::SLOW,
        keys: key_specs::BITOP_KEYS,
        group: Group::Bitmap,
        since: "2.6.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "bitpos",
        handler: super::bitpos,
        arity: -3,
        flags: flag::READONLY,
        acl: acl::READ | acl::BITMAP | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Bitmap,
        since: "2.8.7",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getbit",
        handler: super::getbit,
        arity: 3,
        flags: flag::READONLY | flag::FAST,
        acl: acl::READ | acl::BITMAP | acl::FAST,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Bitmap,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setbit",
        handler: super::setbit,
        arity: 4,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::BITMAP | acl::SLOW,
        keys: key_specs::KEY1_RW_ACCESS_UPDATE,
        group: Group::Bitmap,
        since: "2.2.0",
        ..CommandSpec::DEFAULT
    },
];
