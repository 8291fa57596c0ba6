//! The rows of the cluster commands: what dispatch, ACL, COMMAND and the statistics know of
//! them. Not their documentation, see `commands/docs`. Sorted by name.

use crate::commands::{CommandSpec, Group, acl, container, flag};

pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "asking",
        handler: super::asking,
        arity: 1,
        flags: flag::FAST,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "cluster",
        handler: container,
        arity: -2,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "3.0.0",
        subcommands: CLUSTER_SUBCOMMANDS,
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "readonly",
        handler: super::readonly,
        arity: 1,
        flags: flag::LOADING | flag::STALE | flag::FAST,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "readwrite",
        handler: super::readwrite,
        arity: 1,
        flags: flag::LOADING | flag::STALE | flag::FAST,
        acl: acl::FAST | acl::CONNECTION,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
];

const CLUSTER_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "addslots",
        handler: super::cluster_addslots,
        arity: -3,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "addslotsrange",
        handler: super::cluster_addslotsrange,
        arity: -4,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "bumpepoch",
        handler: super::cluster_bumpepoch,
        arity: 2,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "count-failure-reports",
        handler: super::cluster_count_failure_reports,
        arity: 3,
        flags: flag::ADMIN | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "countkeysinslot",
        handler: super::cluster_countkeysinslot,
        arity: 3,
        flags: flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "delslots",
        handler: super::cluster_delslots,
        arity: -3,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "delslotsrange",
        handler: super::cluster_delslotsrange,
        arity: -4,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "7.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "failover",
        handler: super::cluster_failover,
        arity: -2,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "flushslots",
        handler: super::cluster_flushslots,
        arity: 2,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "forget",
        handler: super::cluster_forget,
        arity: 3,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "getkeysinslot",
        handler: super::cluster_getkeysinslot,
        arity: 4,
        flags: flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "3.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "help",
        handler: super::cluster_help,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "5.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "info",
        handler: super::cluster_info,
        arity: 2,
        flags: flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "3.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "keyslot",
        handler: super::cluster_keyslot,
        arity: 3,
        flags: flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "links",
        handler: super::cluster_links,
        arity: 2,
        flags: flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "7.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "meet",
        handler: super::cluster_meet,
        arity: -4,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "myid",
        handler: super::cluster_myid,
        arity: 2,
        flags: flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "myshardid",
        handler: super::cluster_myshardid,
        arity: 2,
        flags: flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "7.2.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "nodes",
        handler: super::cluster_nodes,
        arity: 2,
        flags: flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "3.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "replicas",
        handler: super::cluster_replicas,
        arity: 3,
        flags: flag::ADMIN | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "5.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "replicate",
        handler: super::cluster_replicate,
        arity: 3,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "reset",
        handler: super::cluster_reset,
        arity: -2,
        flags: flag::ADMIN | flag::NOSCRIPT | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "saveconfig",
        handler: super::cluster_saveconfig,
        arity: 2,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "set-config-epoch",
        handler: super::cluster_set_config_epoch,
        arity: 3,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "setslot",
        handler: super::cluster_setslot,
        arity: -4,
        flags: flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "shards",
        handler: super::cluster_shards,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "7.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "slaves",
        handler: super::cluster_slaves,
        arity: 3,
        flags: flag::ADMIN | flag::STALE,
        acl: acl::ADMIN | acl::SLOW | acl::DANGEROUS,
        group: Group::Cluster,
        since: "3.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
    CommandSpec {
        name: "slots",
        handler: super::cluster_slots,
        arity: 2,
        flags: flag::LOADING | flag::STALE,
        acl: acl::SLOW,
        group: Group::Cluster,
        since: "3.0.0",
        tips: &["nondeterministic_output"],
        ..CommandSpec::DEFAULT
    },
];
