//! The rows of the geo commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::spec::GetKeys;
use crate::commands::{CommandSpec, Group, acl, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "geoadd",
        handler: super::geoadd,
        arity: -5,
        member: 4,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::GEO | acl::SLOW,
        keys: key_specs::KEY1_RW_UPDATE,
        group: Group::Geo,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "geodist",
        handler: super::geodist,
        arity: -4,
        member: 2,
        flags: flag::READONLY,
        acl: acl::READ | acl::GEO | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Geo,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "geohash",
        handler: super::geohash,
        arity: -2,
        member: 2,
        flags: flag::READONLY,
        acl: acl::READ | acl::GEO | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Geo,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "geopos",
        handler: super::geopos,
        arity: -2,
        member: 2,
        flags: flag::READONLY,
        acl: acl::READ | acl::GEO | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Geo,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "georadius",
        handler: super::georadius,
        arity: -6,
        flags: flag::WRITE | flag::DENYOOM | flag::MOVABLE_KEYS,
        acl: acl::WRITE | acl::GEO | acl::SLOW,
        keys: key_specs::GEORADIUS_KEYS,
        get_keys: Some(GetKeys::Georadius),
        group: Group::Geo,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "georadius_ro",
        handler: super::georadius_ro,
        arity: -6,
        flags: flag::READONLY,
        acl: acl::READ | acl::GEO | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Geo,
        since: "3.2.10",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "georadiusbymember",
        handler: super::georadiusbymember,
        arity: -5,
        flags: flag::WRITE | flag::DENYOOM | flag::MOVABLE_KEYS,
        acl: acl::WRITE | acl::GEO | acl::SLOW,
        keys: key_specs::GEORADIUSBYMEMBER_KEYS,
        get_keys: Some(GetKeys::Georadius),
        group: Group::Geo,
        since: "3.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "georadiusbymember_ro",
        handler: super::georadiusbymember_ro,
        arity: -5,
        flags: flag::READONLY,
        acl: acl::READ | acl::GEO | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Geo,
        since: "3.2.10",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "geosearch",
        handler: super::geosearch,
        arity: -7,
        flags: flag::READONLY,
        acl: acl::READ | acl::GEO | acl::SLOW,
        keys: key_specs::KEY1_RO_ACCESS,
        group: Group::Geo,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "geosearchstore",
        handler: super::geosearchstore,
        arity: -8,
        flags: flag::WRITE | flag::DENYOOM,
        acl: acl::WRITE | acl::GEO | acl::SLOW,
        keys: key_specs::STORE_FROM_KEY,
        group: Group::Geo,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
];
