//! The rows of the HyperLogLog commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::{CommandSpec, Group, acl, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "pfadd",
        handler: super::pfadd,
        arity: -2,
        flags: flag::WRITE | flag::DENYOOM | flag::FAST,
        acl: acl::WRITE | acl::HYPERLOGLOG | acl::FAST,
        keys: key_specs::KEY1_RW_INSERT,
        group: Group::HyperLogLog,
        since: "2.8.9",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pfcount",
        handler: super::pfcount,
        arity: -2,
        flags: flag::READONLY | flag::MAY_REPLICATE,
        acl: acl::READ | acl::HYPERLOGLOG | acl::SLOW,
        keys: key_specs::PFCOUNT_KEYS,
        group: Group::HyperLogLog,
        since: "2.8.9",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pfdebug",
        handler: super::pfdebug,
        arity: 3,
        flags: flag::WRITE | flag::DENYOOM | flag::ADMIN,
        acl: acl::WRITE | acl::HYPERLOGLOG | acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        keys: key_specs::KEY2_RW_ACCESS,
        group: Group::HyperLogLog,
        since: "2.8.9",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pfmerge",
        handler: super::pfmerge,
        arity: -2,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::HYPERLOGLOG | acl::SLOW,
        keys: key_specs::PFMERGE_KEYS,
        group: Group::HyperLogLog,
        since: "2.8.9",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pfselftest",
        handler: super::pfselftest,
        arity: 1,
        flags: flag::ADMIN,
        acl: acl::HYPERLOGLOG | acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::HyperLogLog,
        since: "2.8.9",
        ..CommandSpec::DEFAULT
    },
];
