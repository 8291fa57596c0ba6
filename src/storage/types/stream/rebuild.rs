//! The commands that make a stream again: what a rewritten AOF without RDB preamble holds. It only
//! names the commands; who writes them where is the caller's business.

use super::id::{IdText, StreamId};
use super::{Group, Stream};

impl Stream {
    /// Calls `emit` with each command, name first, until it fails.
    ///
    /// # Errors
    /// Those of `emit`.
    pub fn rebuild<E>(
        &self,
        key: &[u8],
        emit: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.rebuild_entries(key, emit)?;
        let log = self.log();
        let mut digits = itoa::Buffer::new();
        emit(&[
            b"XSETID",
            key,
            &log.last_id.to_text(),
            b"ENTRIESADDED",
            digits.format(log.entries_added as i64).as_bytes(),
            b"MAXDELETEDID",
            &log.max_deleted_id.to_text(),
        ])?;
        for (name, group) in self.groups().iter() {
            rebuild_group(key, name, group, emit)?;
        }
        Ok(())
    }

    fn rebuild_entries<E>(
        &self,
        key: &[u8],
        emit: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.is_empty() {
            // An entry that is trimmed at once leaves an empty stream.
            return emit(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
        }
        let mut cursor = self.log().all();
        let mut texts: Vec<Vec<u8>> = Vec::new();
        while let Some(entry) = cursor.next_entry() {
            let mut used = 0;
            while let Some((field, value)) = cursor.next_pair() {
                for text in [field, value] {
                    if used == texts.len() {
                        texts.push(Vec::new());
                    }
                    texts[used].clear();
                    texts[used].extend_from_slice(text.as_bytes(&mut itoa::Buffer::new()));
                    used += 1;
                }
            }
            let id = entry.id.to_text();
            let mut argv: Vec<&[u8]> = vec![b"XADD", key, &id];
            argv.extend(texts[..used].iter().map(Vec::as_slice));
            emit(&argv)?;
        }
        Ok(())
    }
}

fn rebuild_group<E>(
    key: &[u8],
    name: &[u8],
    group: &Group,
    emit: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
) -> Result<(), E> {
    let mut digits = itoa::Buffer::new();
    emit(&[
        b"XGROUP",
        b"CREATE",
        key,
        name,
        &group.last_id.to_text(),
        b"ENTRIESREAD",
        digits.format(group.entries_read.unwrap_or(-1)).as_bytes(),
    ])?;
    for consumer in group.consumers() {
        if consumer.pending() == 0 {
            emit(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()])?;
        }
        for id in consumer.ids_from(StreamId::MIN) {
            let Some(nack) = group.nack(id) else { continue };
            let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
            let id: IdText = id.to_text();
            emit(&[
                b"XCLAIM",
                key,
                name,
                consumer.name(),
                b"0",
                &id,
                b"TIME",
                time.format(nack.delivery_time).as_bytes(),
                b"RETRYCOUNT",
                count.format(nack.delivery_count).as_bytes(),
                b"JUSTID",
                b"FORCE",
            ])?;
        }
    }
    Ok(())
}
