//! Documentation of the Pub/Sub commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, pattern, string};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "psubscribe",
        summary: "Subscribes to all channels that match patterns",
        complexity: Some("O(N), N = patterns given"),
        arguments: &[pattern("pattern").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "publish",
        summary: "Sends a message to a channel",
        complexity: Some(
            "O(N+M), N = subscribers of the channel, M = pattern \
             subscriptions of the server",
        ),
        arguments: &[string("channel"), string("message")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pubsub",
        summary: "A look at channels and their subscribers",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pubsub|channels",
        summary: "Names the channels that have subscribers",
        complexity: Some("O(N), N = such channels"),
        arguments: &[pattern("pattern").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pubsub|help",
        summary: "Lists the PUBSUB sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pubsub|numpat",
        summary: "Counts the patterns that have subscribers",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pubsub|numsub",
        summary: "Counts the subscribers of channels",
        complexity: Some("O(N), N = channels given"),
        arguments: &[string("channel").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pubsub|shardchannels",
        summary: "Names the shard channels that have subscribers",
        complexity: Some("O(N), N = such shard channels"),
        arguments: &[pattern("pattern").optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "pubsub|shardnumsub",
        summary: "Counts the subscribers of shard channels",
        complexity: Some("O(N), N = shard channels given"),
        arguments: &[string("shardchannel").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "punsubscribe",
        summary: "Ends subscriptions to patterns",
        complexity: Some("O(N), N = patterns given"),
        arguments: &[pattern("pattern").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "spublish",
        summary: "Sends a message to a shard channel",
        complexity: Some("O(N), N = subscribers of the shard channel"),
        arguments: &[string("shardchannel"), string("message")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "ssubscribe",
        summary: "Subscribes to shard channels",
        complexity: Some("O(N), N = shard channels given"),
        arguments: &[string("shardchannel").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "subscribe",
        summary: "Subscribes to channels",
        complexity: Some("O(N), N = channels given"),
        arguments: &[string("channel").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "sunsubscribe",
        summary: "Ends subscriptions to shard channels",
        complexity: Some("O(N), N = shard channels given"),
        arguments: &[string("shardchannel").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "unsubscribe",
        summary: "Ends subscriptions to channels",
        complexity: Some("O(N), N = channels given"),
        arguments: &[string("channel").optional().multiple()],
        ..CommandDoc::DEFAULT
    },
];
