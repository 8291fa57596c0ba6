//! A stream as commands: its entries, then what entries do not tell (the last ID, what was deleted
//! and added), then groups, consumers and pending entries.

use std::io;

use super::Commands;
use crate::storage::types::stream::{Consumer, Group, Stream, StreamId};

impl Commands<'_> {
    pub(super) fn stream(&mut self, key: &[u8], stream: &Stream) -> io::Result<()> {
        let log = stream.log();
        if stream.is_empty() {
            // An entry that is gone at once leaves an empty stream.
            self.begin(b"XADD", key, 5);
            for arg in [&b"MAXLEN"[..], b"0", b"0-1", b"x", b"y"] {
                self.out.bulk(arg);
            }
        } else {
            let mut entries = log.all();
            while let Some(entry) = entries.next_entry() {
                self.begin(b"XADD", key, 1 + 2 * entry.fields);
                self.out.bulk(&entry.id.to_text());
                let mut left = entry.fields;
                while left > 0
                    && let Some((field, value)) = entries.next_pair()
                {
                    self.value(field);
                    self.value(value);
                    left -= 1;
                }
                self.make_room()?;
            }
        }
        self.begin(b"XSETID", key, 5);
        self.out.bulk(&log.last_id.to_text());
        self.out.bulk(b"ENTRIESADDED");
        self.out.bulk_int(log.entries_added as i64);
        self.out.bulk(b"MAXDELETEDID");
        self.out.bulk(&log.max_deleted_id.to_text());
        for (name, group) in stream.groups().iter() {
            self.stream_group(key, name, group)?;
        }
        Ok(())
    }

    fn stream_group(&mut self, key: &[u8], name: &[u8], group: &Group) -> io::Result<()> {
        self.out.array(7);
        for arg in [&b"XGROUP"[..], b"CREATE", key, name] {
            self.out.bulk(arg);
        }
        self.out.bulk(&group.last_id.to_text());
        self.out.bulk(b"ENTRIESREAD");
        self.out.bulk_int(group.entries_read.unwrap_or(-1));
        for consumer in group.consumers() {
            if consumer.pending() == 0 {
                self.out.array(5);
                for arg in [&b"XGROUP"[..], b"CREATECONSUMER", key, name, consumer.name()] {
                    self.out.bulk(arg);
                }
            }
            for id in consumer.ids_from(StreamId::MIN) {
                self.pending_entry(key, name, group, consumer, id);
                self.make_room()?;
            }
        }
        self.make_room()
    }

    fn pending_entry(
        &mut self,
        key: &[u8],
        name: &[u8],
        group: &Group,
        consumer: &Consumer,
        id: StreamId,
    ) {
        let Some(nack) = group.nack(id) else { return };
        self.begin(b"XCLAIM", key, 10);
        self.out.bulk(name);
        self.out.bulk(consumer.name());
        self.out.bulk(b"0");
        self.out.bulk(&id.to_text());
        self.out.bulk(b"TIME");
        self.out.bulk_int(nack.delivery_time);
        self.out.bulk(b"RETRYCOUNT");
        self.out.bulk_int(nack.delivery_count as i64);
        self.out.bulk(b"JUSTID");
        self.out.bulk(b"FORCE");
    }
}
