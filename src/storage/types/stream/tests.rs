//! Streams against a naive model, and the bytes of a node against those of Redis.

use std::time::Duration;

use super::*;
use crate::storage::encoding::listpack::Listpack;
use crate::storage::encoding::relocate::{Mover, Relocate};
use crate::sys::thread_clock::thread_cpu;

const LIMITS: NodeLimits = NodeLimits { max_bytes: 4096, max_entries: 100 };

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId::new(ms, seq)
}

fn add(stream: &mut Stream, at: StreamId, pairs: &[&[u8]], limits: &NodeLimits) {
    assert_eq!(stream.log_mut().append(AddId::Exact(at), pairs, limits), Ok(at));
}

fn collect(log: &Log, start: StreamId, end: StreamId, reverse: bool) -> Vec<(StreamId, Pairs)> {
    let mut cursor = log.range(start, end, reverse);
    let mut out = Vec::new();
    while let Some(entry) = cursor.next_entry() {
        let mut pairs = Vec::new();
        while let Some((field, value)) = cursor.next_pair() {
            pairs.push((field.to_vec(), value.to_vec()));
        }
        assert_eq!(pairs.len(), entry.fields);
        out.push((entry.id, pairs));
    }
    out
}

#[test]
fn a_node_has_redis_bytes() {
    let mut stream = Stream::new();
    add(&mut stream, id(5, 1), &[b"a", b"1", b"b", b"xy"], &LIMITS);
    add(&mut stream, id(5, 3), &[b"a", b"2", b"b", b"z"], &LIMITS);
    add(&mut stream, id(9, 0), &[b"c", b"-7"], &LIMITS);
    assert_eq!(stream.log_mut().delete(&[id(5, 3)]), 1);
    let int = LpValue::Int;
    let text = |s: &'static str| LpValue::Str(s.as_bytes());
    let master = [int(2), int(1), int(2), text("a"), text("b"), int(0)];
    let first = [int(2), int(0), int(0), int(1), text("xy"), int(5)];
    let second = [int(3), int(0), int(2), int(2), text("z"), int(5)];
    let third = [int(0), int(4), int(-1), int(1), text("c"), int(-7), int(6)];
    let all = master.into_iter().chain(first).chain(second).chain(third);
    let (base, bytes) = stream.log().nodes().next().expect("one node");
    assert_eq!((base, bytes), (id(5, 1), Listpack::from_values(all).as_bytes()));
    assert!(validated_node(bytes, true).is_ok());
}

#[test]
fn limits_start_new_nodes() {
    let mut stream = Stream::new();
    let limits = NodeLimits { max_bytes: 0, max_entries: 3 };
    (1..=10).for_each(|n| add(&mut stream, id(n, 0), &[b"f", b"v"], &limits));
    assert_eq!((stream.log().node_count(), stream.len()), (4, 10));
    let limits = NodeLimits { max_bytes: 200, max_entries: 0 };
    let big = [7u8; 150];
    (11..=13).for_each(|n| add(&mut stream, id(n, 0), &[b"f", &big], &limits));
    assert_eq!(stream.log().node_count(), 6, "the first big entry joins the small one");
}

#[test]
fn ids_are_given_in_order_or_refused() {
    let mut log = Log::default();
    let mut append = |id| log.append(id, &[b"f", b"v"], &LIMITS);
    assert_eq!(append(AddId::Auto { now_ms: 50 }), Ok(id(50, 0)));
    assert_eq!(append(AddId::Auto { now_ms: 40 }), Ok(id(50, 1)));
    assert_eq!(append(AddId::Time(50)), Ok(id(50, 2)));
    assert_eq!(append(AddId::Time(49)), Err(AppendError::NotAbove));
    assert_eq!(append(AddId::Exact(id(50, 2))), Err(AppendError::NotAbove));
    assert_eq!(append(AddId::Exact(id(60, u64::MAX))), Ok(id(60, u64::MAX)));
    assert_eq!(append(AddId::Time(60)), Err(AppendError::NotAbove));
    assert_eq!(append(AddId::Auto { now_ms: 60 }), Ok(id(61, 0)));
    assert_eq!(append(AddId::Exact(StreamId::MAX)), Ok(StreamId::MAX));
    assert_eq!(append(AddId::Auto { now_ms: 1 }), Err(AppendError::NotAbove));
    assert_eq!((log.length(), log.entries_added), (6, 6));
}

struct Model {
    stream: Stream,
    entries: Vec<(StreamId, Pairs)>,
    limits: NodeLimits,
}

impl Model {
    fn add(&mut self, r: &mut fastrand::Rng) {
        let last = self.stream.log().last_id;
        let at = match r.u8(..3) {
            0 => id(last.ms + r.u64(1..300), 0),
            _ => id(last.ms, last.seq + r.u64(1..5)),
        };
        let names = [&["f", "g"][..], &["f"], &["f", "12"], &["longer-name", "-1", "x"]];
        let choices = if r.bool() { 1 } else { names.len() };
        let names = names[r.usize(..choices)];
        let pairs: Pairs = names
            .iter()
            .map(|name| {
                let value = match r.u8(..4) {
                    0 => r.i64(..).to_string().into_bytes(),
                    1 => vec![b'v'; r.usize(..80)],
                    _ => r.u8(..).to_string().into_bytes(),
                };
                (name.as_bytes().to_vec(), value)
            })
            .collect();
        let flat: Vec<&[u8]> = pairs.iter().flat_map(|(f, v)| [&f[..], &v[..]]).collect();
        add(&mut self.stream, at, &flat, &self.limits);
        self.entries.push((at, pairs));
    }

    fn delete(&mut self, r: &mut fastrand::Rng) {
        let Some(at) = (!self.entries.is_empty()).then(|| r.usize(..self.entries.len())) else {
            return;
        };
        let (gone, _) = self.entries.remove(at);
        assert_eq!(self.stream.log_mut().delete(&[gone, id(gone.ms, u64::MAX), gone]), 1);
    }

    fn trim(&mut self, r: &mut fastrand::Rng) {
        let len = self.entries.len();
        let keep = len.saturating_sub(r.usize(..20));
        let to = match r.bool() {
            true => TrimTo::MaxLen(keep as u64),
            false => TrimTo::MinId(self.entries.get(len - keep).map_or(StreamId::MAX, |e| e.0)),
        };
        let approx = r.bool();
        let trim = Trim { to, approx, limit: if approx { r.u64(..30) } else { 0 } };
        let removed = self.stream.log_mut().trim(&trim) as usize;
        assert!(removed <= len - keep);
        assert!(approx || removed == len - keep);
        self.entries.drain(..removed);
    }

    fn check(&self, r: &mut fastrand::Rng) {
        let log = self.stream.log();
        assert_eq!(self.stream.len(), self.entries.len());
        assert_eq!(log.first_entry_id(false), self.entries.first().map(|e| e.0));
        assert_eq!(log.last_entry_id(), self.entries.last().map(|e| e.0));
        assert_eq!(log.first_id, self.entries.first().map_or(StreamId::MIN, |e| e.0));
        let bound = |r: &mut fastrand::Rng| id(r.u64(..=log.last_id.ms + 1), r.u64(..6));
        for (start, end) in [(StreamId::MIN, StreamId::MAX), (bound(r), bound(r))] {
            let mut wanted = self.entries.clone();
            wanted.retain(|entry| (start..=end).contains(&entry.0));
            assert!(collect(log, start, end, false) == wanted);
            wanted.reverse();
            assert!(collect(log, start, end, true) == wanted);
        }
        for (_, bytes) in log.nodes() {
            assert!(validated_node(bytes, true).is_ok());
        }
    }
}

#[test]
fn behaves_as_a_vector_of_entries() {
    let mut r = fastrand::Rng::with_seed(17);
    for _ in 0..12 {
        let limits =
            NodeLimits { max_bytes: r.usize(..3) * 300, max_entries: r.u64(..2) * r.u64(1..200) };
        let mut model = Model { stream: Stream::new(), entries: Vec::new(), limits };
        for step in 0..900 {
            match r.u8(..20) {
                0 => model.delete(&mut r),
                1 if r.bool() => model.trim(&mut r),
                _ => model.add(&mut r),
            }
            if step % 50 == 0 {
                model.check(&mut r);
            }
        }
        model.check(&mut r);
        let copy = model.stream.clone();
        model.stream.log_mut().trim(&Trim { to: TrimTo::MaxLen(0), approx: false, limit: 0 });
        assert_eq!((model.stream.len(), model.stream.log().node_count()), (0, 0));
        assert_eq!(copy.len(), model.entries.len());
    }
}

#[test]
fn hostile_nodes_are_refused_or_end_walks_early() {
    let mut stream = Stream::new();
    (1..30).for_each(|n| add(&mut stream, id(n, n), &[b"f", b"v", b"g", b"100"], &LIMITS));
    let (base, good) = stream.log().nodes().next().expect("one node");
    let mut r = fastrand::Rng::with_seed(3);
    for _ in 0..3000 {
        let mut bytes = good.to_vec();
        for _ in 0..r.usize(1..4) {
            let at = r.usize(..bytes.len());
            bytes[at] = r.u8(..);
        }
        let _ = validated_node(&bytes, true);
        let Ok(node) = validated_node(&bytes, false) else { continue };
        let mut log = Log::default();
        log.insert_node(base, node);
        log.set_length(29);
        log.last_id = id(29, 29);
        for reverse in [false, true] {
            let mut cursor = log.range(StreamId::MIN, StreamId::MAX, reverse);
            let mut seen = 0;
            while cursor.next_entry().is_some() && seen < 1000 {
                while cursor.next_pair().is_some() {}
                seen += 1;
            }
        }
        log.delete(&[id(7, 7), id(29, 29)]);
        log.trim(&Trim { to: TrimTo::MaxLen(5), approx: false, limit: 0 });
        let _ = log.append(AddId::Time(100), &[b"f", b"v"], &LIMITS);
        log.trim(&Trim { to: TrimTo::MinId(id(28, 0)), approx: false, limit: 0 });
    }
}

#[test]
fn pending_entries_have_one_owner() {
    let mut group = Group::new(StreamId::MIN, Some(0));
    let a = group.create_consumer(b"a", 10).expect("new");
    let b = group.create_consumer(b"b", 10).expect("new");
    assert!(group.create_consumer(b"a", 11).is_none());
    (1..=200).for_each(|n| group.deliver(id(n, 0), a, 20));
    group.deliver(id(7, 0), b, 30);
    group.claim(id(8, 0), b, 40, |count| count + 1);
    let pending = |group: &Group, who| group.consumer(who).map(Consumer::pending);
    assert_eq!((pending(&group, a), pending(&group, b)), (Some(198), Some(2)));
    let nack = group.nack(id(8, 0)).copied().expect("pending");
    assert_eq!((nack.delivery_time, nack.delivery_count), (40, 2));
    assert_eq!(group.owner_name(&nack), b"b");
    assert!(group.ack(id(8, 0)).is_some() && group.ack(id(8, 0)).is_none());
    assert_eq!(group.delete_consumer(b"a"), Some(198));
    assert_eq!((group.pel().len(), group.consumer_count()), (1, 1));
    assert!(group.add_unowned(id(9, 9), 1, 1) && group.set_owner(id(9, 9), b));
    assert!(!group.set_owner(id(9, 9), b));
    assert_eq!(pending(&group, b), Some(2));
}

#[test]
fn lag_follows_reads_and_deletions() {
    let mut stream = Stream::new();
    (1..=5).for_each(|n| add(&mut stream, id(n, 0), &[b"f", b"v"], &LIMITS));
    stream.groups_mut().create(b"g", Group::new(StreamId::MIN, None));
    let (log, group) = stream.log_and_group(b"g").expect("made above");
    assert_eq!(group.lag(log), Some(5));
    assert!(group.advance(log, id(1, 0)) && !group.advance(log, id(1, 0)));
    assert_eq!((group.entries_read, group.lag(log)), (Some(1), Some(4)));
    stream.log_mut().delete(&[id(3, 0)]);
    let (log, group) = stream.log_and_group(b"g").expect("made above");
    assert_eq!(group.lag(log), None, "a gap is ahead");
    group.advance(log, id(5, 0));
    assert_eq!((group.entries_read, group.lag(log)), (Some(5), Some(0)));
}

#[test]
fn rebuild_names_every_part() {
    let lines = |stream: &Stream| {
        let mut lines = Vec::new();
        let mut emit = |argv: &[&[u8]]| {
            lines.push(String::from_utf8_lossy(&argv.join(&b' ')).into_owned());
            Ok::<(), ()>(())
        };
        assert_eq!(stream.rebuild(b"k", &mut emit), Ok(()));
        lines
    };
    let mut stream = Stream::new();
    let empty = ["XADD k MAXLEN 0 0-1 x y", "XSETID k 0-0 ENTRIESADDED 0 MAXDELETEDID 0-0"];
    assert_eq!(lines(&stream), empty);
    add(&mut stream, id(1, 0), &[b"f", b"5"], &LIMITS);
    add(&mut stream, id(2, 0), &[b"f", b"v"], &LIMITS);
    stream.log_mut().delete(&[id(1, 0)]);
    stream.groups_mut().create(b"g", Group::new(id(1, 0), None));
    let (_, group) = stream.log_and_group(b"g").expect("made above");
    let owner = group.create_consumer(b"c", 5).expect("new");
    group.create_consumer(b"idle", 5).expect("new");
    group.deliver(id(2, 0), owner, 77);
    assert_eq!(
        lines(&stream),
        [
            "XADD k 2-0 f v",
            "XSETID k 2-0 ENTRIESADDED 2 MAXDELETEDID 1-0",
            "XGROUP CREATE k g 1-0 ENTRIESREAD -1",
            "XCLAIM k g c 0 2-0 TIME 77 RETRYCOUNT 1 JUSTID FORCE",
            "XGROUP CREATECONSUMER k g idle",
        ]
    );
}

fn with_groups(count: u64) -> Stream {
    let mut stream = Stream::new();
    for n in 0..count {
        assert!(stream.groups_mut().create(format!("g{n}").as_bytes(), Group::new(id(n, 0), None)));
    }
    stream
}

#[test]
fn all_groups_are_moved_in_a_time_that_grows_with_their_number() {
    let time_per_group = |count: u64| -> Duration {
        let (mut stream, mut mover) = (with_groups(count), Mover::all());
        let start = thread_cpu();
        stream.relocate_all(&mut mover);
        let time = thread_cpu() - start;
        // Of each the name and the group.
        assert!((2 * count..2 * count + 10).contains(&mover.hits), "{count}: {}", mover.hits);
        assert!(stream.groups().iter().all(|(name, group)| {
            std::str::from_utf8(name) == Ok(&format!("g{}", group.last_id.ms))
        }));
        assert_eq!(stream.groups().len() as u64, count);
        time / count as u32
    };
    let best = |count| (0..3).map(|_| time_per_group(count)).min().expect("three");
    let (few, many) = (best(1500), best(60_000));
    // 40 times as many; what is left of that is the size of the caches.
    assert!(many < few * 8, "{few:?} a group, of many {many:?}");
}

#[test]
fn groups_come_and_go_while_they_are_moved() {
    let mut random = fastrand::Rng::with_seed(3);
    let (mut stream, mut mover, mut cursor) = (Stream::new(), Mover::all(), 0);
    let mut model = std::collections::BTreeMap::new();
    for round in 0..20_000u64 {
        let number = random.u64(..if round < 15_000 { 200 } else { 4 });
        let name = if number == 0 { String::new() } else { format!("g{number}") };
        let groups = stream.groups_mut();
        if random.bool() {
            let mut group = Group::new(id(round, 0), None);
            let reader = group.create_consumer(b"reader", 1).expect("the first one");
            (0..random.u64(..200)).for_each(|n| group.deliver(id(n, 0), reader, 5));
            let fresh = groups.create(name.as_bytes(), group);
            assert_eq!(fresh, !model.contains_key(&name));
            model.entry(name).or_insert(round);
        } else {
            assert_eq!(groups.destroy(name.as_bytes()), model.remove(&name).is_some());
        }
        cursor = stream.relocate(cursor, &mut mover);
    }
    assert!(mover.hits > 20_000);
    let found = stream.groups().iter().map(|(name, group)| (name, group.last_id.ms));
    assert!(found.eq(model.iter().map(|(name, round)| (name.as_bytes(), *round))));
}
