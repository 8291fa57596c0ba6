//! The rows of the Pub/Sub commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::{CommandSpec, Group, acl, container, flag, key_specs};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "psubscribe",
        handler: super::psubscribe,
        arity: -2,
        flags: flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "publish",
        handler: super::publish,
        arity: 3,
        flags: flag::PUBSUB
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::MAY_REPLICATE
            | flag::SENTINEL,
        acl: acl::PUBSUB | acl::FAST,
        group: Group::Pubsub,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "pubsub",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Pubsub,
        since: "2.8.0",
        subcommands: PUBSUB_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "punsubscribe",
        handler: super::punsubscribe,
        arity: -1,
        flags: flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "spublish",
        handler: super::spublish,
        arity: 3,
        flags: flag::PUBSUB | flag::LOADING | flag::STALE | flag::FAST | flag::MAY_REPLICATE,
        acl: acl::PUBSUB | acl::FAST,
        keys: key_specs::SHARD_CHANNEL,
        group: Group::Pubsub,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "ssubscribe",
        handler: super::ssubscribe,
        arity: -2,
        flags: flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::PUBSUB | acl::SLOW,
        keys: key_specs::SHARD_CHANNELS,
        group: Group::Pubsub,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "subscribe",
        handler: super::subscribe,
        arity: -2,
        flags: flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "sunsubscribe",
        handler: super::sunsubscribe,
        arity: -1,
        flags: flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE,
        acl: acl::PUBSUB | acl::SLOW,
        keys: key_specs::SHARD_CHANNELS,
        group: Group::Pubsub,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "unsubscribe",
        handler: super::unsubscribe,
        arity: -1,
        flags: flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SENTINEL,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "2.0.0",
        ..CommandSpec::DEFAULT
    },
];

const PUBSUB_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "channels",
        handler: super::pubsub_channels,
        arity: -2,
        flags: flag::PUBSUB | flag::LOADING | flag::STALE,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "2.8.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: super::pubsub_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Pubsub,
        since: "6.2.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "numpat",
        handler: super::pubsub_numpat,
        arity: 2,
        flags: flag::PUBSUB | flag::LOADING | flag::STALE,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "2.8.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "numsub",
        handler: super::pubsub_numsub,
        arity: -2,
        flags: flag::PUBSUB | flag::LOADING | flag::STALE,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "2.8.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "shardchannels",
        handler: super::pubsub_shardchannels,
        arity: -2,
        flags: flag::PUBSUB | flag::LOADING | flag::STALE,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "shardnumsub",
        handler: super::pubsub_shardnumsub,
        arity: -2,
        flags: flag::PUBSUB | flag::LOADING | flag::STALE,
        acl: acl::PUBSUB | acl::SLOW,
        group: Group::Pubsub,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
];
