//! Streams in the RDB format, type 21 (`StreamListpacks3`):
//!
//! ```text
//! nodes:  number │ (16-byte ID │ listpack) …
//! log:    length │ last ID │ first ID │ greatest deleted ID │ entries added
//! groups: number │ (name │ last ID │ entries read │ PEL │ consumers) …
//! PEL:    number │ (16 raw bytes of ID │ delivery ms, i64 LE │ delivery count) …
//! consumers: number │ (name │ seen ms │ active ms │ number │ 16 raw bytes of ID …) …
//! ```
//! An ID of the log or of a group is two lengths, one of 16 bytes is big endian.

use super::writer::Writer;
use crate::storage::types::stream::{Consumer, Group, Stream, StreamId};

/// The stream without its type.
pub(super) fn save_stream(w: &mut Writer<'_>, stream: &Stream) {
    let log = stream.log();
    w.len(log.node_count() as u64);
    for (id, bytes) in log.nodes() {
        w.string(&id.to_bytes());
        w.string(bytes);
    }
    w.len(log.length());
    for id in [log.last_id, log.first_id, log.max_deleted_id] {
        save_id(w, id);
    }
    w.len(log.entries_added);
    w.len(stream.groups().len() as u64);
    for (name, group) in stream.groups().iter() {
        save_group(w, name, group);
    }
}

fn save_id(w: &mut Writer<'_>, id: StreamId) {
    w.len(id.ms);
    w.len(id.seq);
}

fn save_group(w: &mut Writer<'_>, name: &[u8], group: &Group) {
    w.string(name);
    save_id(w, group.last_id);
    // -1 for "not known", as the length of 64 bits that it is.
    w.len(group.entries_read.unwrap_or(-1) as u64);
    w.len(group.pel().len() as u64);
    for (id, nack) in group.pel().iter() {
        w.raw(&id.to_bytes());
        w.millis(nack.delivery_time);
        w.len(nack.delivery_count);
    }
    w.len(group.consumer_count() as u64);
    group.consumers().for_each(|consumer| save_consumer(w, consumer));
}

fn save_consumer(w: &mut Writer<'_>, consumer: &Consumer) {
    w.string(consumer.name());
    w.millis(consumer.seen_time);
    w.millis(consumer.active_time);
    w.len(consumer.pending() as u64);
    for id in consumer.ids_from(StreamId::MIN) {
        w.raw(&id.to_bytes());
    }
}
