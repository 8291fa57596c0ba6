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
//!
//! Type 15 had neither first ID, greatest deleted ID, entries added and read, nor active times;
//! type 19 all of those but the active times.
//!
//! Invariant: a stream that was accepted is one that commands can work on without a panic, also if
//! its nodes were only checked from outside.

use super::format::RdbType;
use super::object_load::ObjectRules;
use super::reader::{Fault, Reader};
use super::writer::Writer;
use crate::storage::types::stream::{
    Consumer, Group, Groups, InvalidNode, Log, Stream, StreamId, validated_node,
};

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

/// Says what was being read where the input ends.
fn or_missing<T>(result: Result<T, Fault>, text: &'static str) -> Result<T, Fault> {
    result.map_err(|fault| match fault {
        Fault::ShortRead => Fault::Missing(text.into()),
        fault => fault,
    })
}

/// A stream of one of the three types.
pub(super) fn load_stream(
    reader: &mut Reader<'_>,
    rdb_type: RdbType,
    rules: &mut ObjectRules,
) -> Result<Stream, Fault> {
    let mut log = load_nodes(reader, rules)?;
    or_missing(
        load_counters(reader, rdb_type, &mut log),
        "Stream object metadata loading failed.",
    )?;
    if log.length() > 0 && log.node_count() == 0 {
        return Err(Fault::corrupt("Stream length inconsistent with rax entries"));
    }
    let mut groups = Groups::default();
    let count = or_missing(reader.length(), "Stream cgroup count loading failed.")?;
    for _ in 0..count {
        let name =
            or_missing(reader.text_vec(), "Error reading the consumer group name from Stream")?;
        let group = load_group(reader, rdb_type, &log, rules.deep)?;
        if !groups.create(&name, group) {
            let name = String::from_utf8_lossy(&name);
            return Err(Fault::Corrupt(format!("Duplicated consumer group name {name}").into()));
        }
    }
    Ok(Stream::from_parts(log, groups))
}

fn load_nodes(reader: &mut Reader<'_>, rules: &mut ObjectRules) -> Result<Log, Fault> {
    let mut log = Log::default();
    let nodes = or_missing(reader.length(), "Stream listpacks len loading failed.")?;
    for _ in 0..nodes {
        const MISSING_ID: &str = "Stream master ID loading failed: invalid encoding or I/O error.";
        let id = <[u8; 16]>::try_from(or_missing(reader.text(), MISSING_ID)?);
        let id =
            id.map_err(|_| Fault::corrupt("Stream node key entry is not the size of a stream ID"))?;
        let bytes = or_missing(reader.text(), "Stream listpacks loading failed.")?;
        rules.sanitizations += u64::from(rules.deep);
        let node = validated_node(bytes, rules.deep)
            .map_err(|InvalidNode| Fault::corrupt("Stream listpack integrity check failed."))?;
        if !log.insert_node(StreamId::from_bytes(id), node) {
            return Err(Fault::corrupt("Listpack re-added with existing key"));
        }
    }
    Ok(log)
}

fn load_counters(reader: &mut Reader<'_>, rdb_type: RdbType, log: &mut Log) -> Result<(), Fault> {
    log.set_length(reader.length()?);
    log.last_id = load_id(reader)?;
    if rdb_type == RdbType::StreamListpacks {
        log.entries_added = log.length();
        // Redis' answer for a stream without entries.
        log.first_id = log.first_entry_id(false).unwrap_or(StreamId::MAX);
    } else {
        log.first_id = load_id(reader)?;
        log.max_deleted_id = load_id(reader)?;
        log.entries_added = reader.length()?;
    }
    Ok(())
}

fn load_id(reader: &mut Reader<'_>) -> Result<StreamId, Fault> {
    Ok(StreamId::new(reader.length()?, reader.length()?))
}

fn load_group(
    reader: &mut Reader<'_>,
    rdb_type: RdbType,
    log: &Log,
    deep: bool,
) -> Result<Group, Fault> {
    let last_id = or_missing(load_id(reader), "Stream cgroup ID loading failed.")?;
    let read = if rdb_type == RdbType::StreamListpacks {
        log.entries_added_up_to(last_id).map(|n| n as i64)
    } else {
        let read = or_missing(reader.length(), "Stream cgroup offset loading failed.")?;
        Some(read as i64).filter(|read| *read != -1)
    };
    let mut group = Group::new(last_id, read);
    let pending = or_missing(reader.length(), "Stream PEL size loading failed.")?;
    for _ in 0..pending {
        or_missing(load_nack(reader, &mut group), "Stream PEL NACK loading failed.")?;
    }
    let consumers = or_missing(reader.length(), "Stream consumers num loading failed.")?;
    for _ in 0..consumers {
        load_consumer(reader, rdb_type, &mut group)?;
    }
    if deep && group.pel().iter().any(|(_, nack)| !group.is_owned(nack)) {
        return Err(Fault::corrupt("Stream CG PEL entry without consumer"));
    }
    Ok(group)
}

fn load_nack(reader: &mut Reader<'_>, group: &mut Group) -> Result<(), Fault> {
    let id = StreamId::from_bytes(reader.array()?);
    let (time, count) = (reader.millisecond_time()?, reader.length()?);
    if !group.add_unowned(id, time, count) {
        let text = "Duplicated global PEL entry loading stream consumer group";
        return Err(Fault::corrupt(text));
    }
    Ok(())
}

fn load_consumer(
    reader: &mut Reader<'_>,
    rdb_type: RdbType,
    group: &mut Group,
) -> Result<(), Fault> {
    const MISSING_NAME: &str = "Error reading the consumer name from Stream group.";
    let consumer = group.create_consumer(or_missing(reader.text(), MISSING_NAME)?, 0);
    let consumer = consumer.ok_or(Fault::corrupt("Duplicate stream consumer detected."))?;
    let seen = or_missing(reader.millisecond_time(), "Stream short read reading seen time.")?;
    let active = if rdb_type == RdbType::StreamListpacks3 {
        or_missing(reader.millisecond_time(), "Stream short read reading active time.")?
    } else {
        seen
    };
    if let Some(consumer) = group.consumer_mut(consumer) {
        (consumer.seen_time, consumer.active_time) = (seen, active);
    }
    let pending = or_missing(reader.length(), "Stream consumer PEL num loading failed.")?;
    for _ in 0..pending {
        let id = or_missing(reader.array(), "Stream short read reading PEL streamID.")?;
        let id = StreamId::from_bytes(id);
        if group.nack(id).is_none() {
            return Err(Fault::corrupt("Consumer entry not found in group global PEL"));
        }
        if !group.set_owner(id, consumer) {
            let text = "Duplicated consumer PEL entry  loading a stream consumer group";
            return Err(Fault::corrupt(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::types::stream::{AddId, NodeLimits, Trim, TrimTo};

    const LIMITS: NodeLimits = NodeLimits { max_bytes: 4096, max_entries: 7 };

    fn id(n: u64) -> StreamId {
        StreamId::new(n, n)
    }

    fn sample() -> Stream {
        let mut stream = Stream::new();
        for n in 1..=30u64 {
            let text = n.to_string();
            let added = stream.log_mut().append(
                AddId::Exact(id(n)),
                &[b"field", text.as_bytes(), b"other", b"value"],
                &LIMITS,
            );
            assert_eq!(added, Ok(id(n)));
        }
        stream.log_mut().delete(&[id(4), id(30)]);
        stream.groups_mut().create(b"idle", Group::new(StreamId::MIN, None));
        let mut group = Group::new(id(20), Some(19));
        let (a, _) = group.seen_consumer(b"alice", 1000);
        let (b, _) = group.seen_consumer(b"bob", 2000);
        group.seen_consumer(b"carol", 3000);
        (5..15).for_each(|n| group.deliver(id(n), a, 5000 + n as i64));
        (15..20).for_each(|n| group.deliver(id(n), b, 6000));
        group.claim(id(7), b, 7000, |count| count + 41);
        stream.groups_mut().create(b"busy", group);
        stream
    }

    fn saved(stream: &Stream) -> Vec<u8> {
        let mut w = Writer::in_memory(false);
        save_stream(&mut w, stream);
        w.into_bytes()
    }

    fn load(bytes: &[u8], rdb_type: RdbType, deep: bool) -> Result<Stream, Fault> {
        let mut reader = Reader::of_slice(bytes);
        let stream =
            load_stream(&mut reader, rdb_type, &mut ObjectRules::with_default_limits(deep))?;
        if reader.is_at_end() { Ok(stream) } else { Err(Fault::corrupt("bytes are left")) }
    }

    #[test]
    fn what_was_saved_is_what_is_loaded() {
        for stream in [Stream::new(), sample()] {
            let bytes = saved(&stream);
            let copy = load(&bytes, RdbType::StreamListpacks3, true).expect("just saved");
            assert_eq!(saved(&copy), bytes);
        }
        let copy = load(&saved(&sample()), RdbType::StreamListpacks3, true).expect("just saved");
        let group = copy.groups().get(b"busy").expect("saved");
        let nack = group.nack(id(7)).expect("saved");
        assert_eq!((group.owner_name(nack), nack.delivery_count), (&b"bob"[..], 42));
        assert_eq!((group.pel().len(), group.consumer_count()), (15, 3));
    }

    /// Two consumers name the same pending entry, which no server writes: Redis takes it, too, and
    /// the last one is its owner.
    #[test]
    fn the_last_consumer_that_names_an_entry_has_it() {
        let mut w = Writer::in_memory(false);
        w.len(0);
        (0..8).for_each(|_| w.len(0));
        w.len(1);
        w.string(b"group");
        save_id(&mut w, id(9));
        w.len(9);
        w.len(1);
        w.raw(&id(5).to_bytes());
        w.millis(1);
        w.len(1);
        w.len(2);
        let prefix = w.into_bytes();
        let consumer = |name: &[u8], ids: &[u64]| {
            let mut w = Writer::in_memory(false);
            w.string(name);
            w.millis(1);
            w.millis(1);
            w.len(ids.len() as u64);
            ids.iter().for_each(|n| w.raw(&id(*n).to_bytes()));
            w.into_bytes()
        };
        for deep in [false, true] {
            let both = [&prefix[..], &consumer(b"a", &[5]), &consumer(b"b", &[5])].concat();
            let stream = load(&both, RdbType::StreamListpacks3, deep).expect("as Redis");
            let group = stream.groups().get(b"group").expect("loaded");
            let nack = group.nack(id(5)).expect("pending");
            assert_eq!(group.owner_name(nack), b"b");
            let counts: Vec<usize> = group.consumers().map(Consumer::pending).collect();
            assert_eq!(counts, [0, 1]);
            let twice = [&prefix[..], &consumer(b"a", &[5, 5]), &consumer(b"b", &[])].concat();
            assert!(load(&twice, RdbType::StreamListpacks3, deep).is_err());
        }
    }

    /// The first type, without what later ones added: Redis 5 wrote it.
    #[test]
    fn the_oldest_type_gets_its_counters_estimated() {
        let stream = sample();
        let mut w = Writer::in_memory(false);
        w.len(stream.log().node_count() as u64);
        for (id, bytes) in stream.log().nodes() {
            w.string(&id.to_bytes());
            w.string(bytes);
        }
        w.len(stream.log().length());
        save_id(&mut w, id(30));
        w.len(1);
        w.string(b"group");
        save_id(&mut w, id(30));
        w.len(0);
        w.len(1);
        w.string(b"consumer");
        w.millis(77);
        w.len(0);
        let bytes = w.into_bytes();
        let copy = load(&bytes, RdbType::StreamListpacks, true).expect("as Redis 5 wrote it");
        assert_eq!((copy.log().first_id, copy.log().entries_added), (id(1), 28));
        let group = copy.groups().get(b"group").expect("saved");
        assert_eq!((group.entries_read, group.lag(copy.log())), (Some(28), Some(0)));
        let consumer = group.consumers().next().expect("saved");
        assert_eq!((consumer.seen_time, consumer.active_time), (77, 77));
    }

    fn use_it(mut stream: Stream) {
        let _ = (stream.clone(), stream.memory_usage(5), stream.free_effort());
        for reverse in [false, true] {
            let mut cursor = stream.log().range(id(3), id(29), reverse);
            for _ in 0..200 {
                if cursor.next_entry().is_none() {
                    break;
                }
                while cursor.next_pair().is_some() {}
            }
        }
        if let Some((log, group)) = stream.log_and_group(b"busy") {
            let _ = group.lag(log);
            group.advance(log, id(25));
            let (who, _) = group.seen_consumer(b"alice", 9);
            (1..20).for_each(|n| group.deliver(id(n), who, 9));
            assert!((1..9).filter_map(|n| group.ack(id(n))).count() < 9);
            group.delete_consumer(b"bob");
        }
        let log = stream.log_mut();
        log.delete(&[id(2), id(9), id(29)]);
        let _ = log.append(AddId::Auto { now_ms: 50 }, &[b"f", b"v"], &LIMITS);
        log.trim(&Trim { to: TrimTo::MaxLen(9), approx: false, limit: 0 });
        log.trim(&Trim { to: TrimTo::MinId(id(28)), approx: false, limit: 0 });
        log.trim(&Trim { to: TrimTo::MaxLen(0), approx: true, limit: 20 });
        let _ = saved(&stream);
    }

    #[test]
    fn damaged_bytes_are_refused_or_harmless() {
        let good = saved(&sample());
        let mut r = fastrand::Rng::with_seed(9);
        for _ in 0..6000 {
            let mut bytes = good.clone();
            for _ in 0..r.usize(1..4) {
                let at = r.usize(..bytes.len());
                bytes[at] = if r.bool() { r.u8(..) } else { bytes[at] ^ 1 << r.u8(..8) };
            }
            bytes.truncate(if r.u8(..8) == 0 { r.usize(..bytes.len()) } else { bytes.len() });
            for deep in [true, false] {
                if let Ok(stream) = load(&bytes, RdbType::StreamListpacks3, deep) {
                    use_it(stream);
                }
            }
        }
    }
}
