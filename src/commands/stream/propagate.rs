//! What reading for a group does, as commands that do the same elsewhere: XCLAIM for every entry
//! that became pending or changed, XGROUP SETID for the position, XGROUP CREATECONSUMER.

use crate::commands::Ctx;
use crate::protocol::number::NumText;
use crate::storage::types::stream::{Group, Nack, StreamId};

/// Changes of one group, collected while its stream is borrowed.
pub struct Changes<'a> {
    key: &'a [u8],
    group: &'a [u8],
    /// Nobody listens: nothing is collected.
    off: bool,
    commands: Vec<Vec<Vec<u8>>>,
}

impl<'a> Changes<'a> {
    pub fn new(ctx: &Ctx<'_>, key: &'a [u8], group: &'a [u8]) -> Self {
        Self { key, group, off: !ctx.propagates(), commands: Vec::new() }
    }

    fn push(&mut self, argv: &[&[u8]]) {
        self.commands.push(argv.iter().map(|arg| arg.to_vec()).collect());
    }

    /// The entry is pending as the NACK says. Harmless if it is done twice.
    pub fn claim(&mut self, group: &Group, id: StreamId, nack: &Nack) {
        if self.off {
            return;
        }
        let argv: [&[u8]; 14] = [
            b"XCLAIM",
            self.key,
            self.group,
            group.owner_name(nack),
            b"0",
            &id.to_text(),
            b"TIME",
            &NumText::from_i64(nack.delivery_time),
            b"RETRYCOUNT",
            &NumText::from_u64(nack.delivery_count),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            &group.last_id.to_text(),
        ];
        self.push(&argv);
    }

    /// How far the group has read.
    pub fn position(&mut self, group: &Group) {
        if self.off {
            return;
        }
        let (last, read) = (group.last_id.to_text(), group.entries_read.unwrap_or(-1));
        let read = NumText::from_i64(read);
        self.push(&[b"XGROUP", b"SETID", self.key, self.group, &last, b"ENTRIESREAD", &read]);
    }

    /// A new consumer for which nothing becomes pending.
    pub fn consumer(&mut self, name: &[u8]) {
        if !self.off {
            self.push(&[b"XGROUP", b"CREATECONSUMER", self.key, self.group, name]);
        }
    }

    /// Hands the commands over.
    pub fn propagate(self, ctx: &mut Ctx<'_>) {
        for command in &self.commands {
            let argv: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
            ctx.also_propagate(&argv);
        }
    }
}
