//! Quicklist against a `VecDeque` of texts, its invariants after every change, and Redis' node
//! figures.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (-3i64..4).prop_map(|int| int.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        4 => vec(b'a'..b'd', 0..3),
        3 => (b'a'..b'd', 20usize..90).prop_map(|(byte, len)| vec![byte; len]),
        1 => (b'a'..b'd', 4000usize..9000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

#[derive(Clone, Debug)]
enum Op {
    Push(bool, Vec<u8>),
    Pop(bool),
    Insert(Index, Vec<u8>, bool),
    Replace(Index, Vec<u8>),
    DelRange(Index, usize, bool),
    Remove(i64, Vec<u8>),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (any::<bool>(), text()).prop_map(|(head, text)| Op::Push(head, text)),
        2 => any::<bool>().prop_map(Op::Pop),
        4 => (any::<Index>(), text(), any::<bool>()).prop_map(|(i, t, b)| Op::Insert(i, t, b)),
        3 => (any::<Index>(), text()).prop_map(|(at, text)| Op::Replace(at, text)),
        1 => (any::<Index>(), 0usize..9, any::<bool>()).prop_map(|(i, n, b)| Op::DelRange(i, n, b)),
        1 => (-3i64..4, text()).prop_map(|(count, text)| Op::Remove(count, text)),
    ]
}

fn end(head: bool) -> ListEnd {
    if head { ListEnd::Head } else { ListEnd::Tail }
}

pub(crate) fn remove_oracle(oracle: &mut VecDeque<Vec<u8>>, count: i64, value: &[u8]) -> usize {
    let max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let hits = (0..oracle.len()).filter(|&at| oracle[at] == value);
    let hits: Vec<_> = if count < 0 {
        hits.rev().take(max).collect()
    } else {
        let mut hits: Vec<_> = hits.take(max).collect();
        hits.reverse();
        hits
    };
    for &at in &hits {
        oracle.remove(at);
    }
    hits.len()
}

fn apply(ql: &mut Quicklist, oracle: &mut VecDeque<Vec<u8>>, op: Op, threshold: usize) {
    let len = oracle.len();
    match op {
        Op::Push(head, text) => {
            ql.push(end(head), &text, threshold);
            if head { oracle.push_front(text) } else { oracle.push_back(text) }
        }
        Op::Pop(head) => {
            let want = if head { oracle.pop_front() } else { oracle.pop_back() };
            assert_eq!(ql.pop(end(head)).map(ListItem::into_bytes), want);
        }
        Op::Remove(count, text) => {
            assert_eq!(ql.remove(count, &text), remove_oracle(oracle, count, &text));
        }
        _ if len == 0 => {}
        Op::Insert(at, text, after) => {
            let at = at.index(len);
            assert!(ql.insert(at, &text, after, threshold));
            oracle.insert(at + usize::from(after), text);
        }
        Op::Replace(at, text) => {
            let at = at.index(len);
            assert!(ql.replace(at, &text, threshold));
            oracle[at] = text;
        }
        Op::DelRange(at, count, back) => {
            let at = at.index(len);
            let start = if back { at as i64 - len as i64 } else { at as i64 };
            let gone = oracle.drain(at..(at + count).min(len)).count();
            assert_eq!(ql.delete_range(start, count), gone);
        }
    }
}

fn check(ql: &Quicklist, oracle: &VecDeque<Vec<u8>>) {
    assert_eq!(ql.len(), oracle.len());
    let mut all = Vec::new();
    ql.for_each_from(0, false, |value| {
        all.push(value.to_vec());
        true
    });
    assert!(all.iter().eq(oracle.iter()));
    let mut backward = Vec::new();
    ql.for_each_from(oracle.len().saturating_sub(1), true, |value| {
        backward.push(value.to_vec());
        true
    });
    assert!(backward.iter().rev().eq(oracle.iter()));
    let (depth, nodes) = (ql.compress_depth() as usize, ql.node_count());
    let mut count = 0;
    for (at, node) in ql.nodes().enumerate() {
        assert!(node.count > 0 && (!node.plain || node.count == 1));
        let inner = depth > 0 && at >= depth && at + depth < nodes;
        assert!(inner || !node.compressed, "node {at} of {nodes} must not be compressed");
        count += node.count;
        if !node.plain && !node.compressed {
            let lp = LpRef::validated(node.bytes, true).expect("deeply valid");
            assert_eq!((lp.len(), node.bytes.len()), (node.count, node.size));
        }
        if !node.plain && node.count > 1 {
            let within_bytes = node.size <= SIZE_SAFETY_LIMIT || ql.fill() < -2;
            assert!(ql.fill() < 0 || node.count <= ql.fill().max(1) as usize);
            // A replaced element may make a node bigger than an inserted one may.
            assert!(within_bytes || node.size < SIZE_SAFETY_LIMIT + 40_000);
        }
    }
    assert_eq!(count, ql.len());
    let roomy = |node: &Node| matches!(node.data, Data::Roomy(_));
    assert!(!ql.nodes.iter().skip(1).any(roomy), "only the first node has room");
    assert!(ql.memory_usage(0) >= ql.memory_usage(1).min(size_of::<Quicklist>()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn behaves_like_a_vecdeque(
        fill in prop_oneof![Just(-1), Just(-2), 0i32..6, Just(128)],
        depth in 0u32..4,
        threshold in prop_oneof![Just(0usize), Just(1), Just(40)],
        ops in vec(op(), 0..80),
    ) {
        let (mut ql, mut oracle) = (Quicklist::new(fill, depth), VecDeque::new());
        for op in ops {
            apply(&mut ql, &mut oracle, op, threshold);
            check(&ql, &oracle);
        }
        for at in 0..oracle.len() {
            let text = oracle.get(at).cloned();
            prop_assert_eq!(ql.get(at as i64).map(ListItem::into_bytes), text.clone());
            let back = at as i64 - oracle.len() as i64;
            prop_assert_eq!(ql.get(back).map(ListItem::into_bytes), text);
            let first = oracle.iter().position(|text| *text == oracle[at]);
            prop_assert_eq!(ql.position(&oracle[at]), first);
        }
        prop_assert_eq!(ql.get(oracle.len() as i64), None);
        prop_assert_eq!(ql.get(-1 - oracle.len() as i64), None);
        let copy = ql.clone();
        check(&copy, &oracle);
        while let Some(item) = ql.pop(ListEnd::Head) {
            prop_assert_eq!(Some(item.into_bytes()), oracle.pop_front());
        }
        prop_assert!(oracle.is_empty() && ql.is_empty() && ql.node_count() == 0);
    }

    #[test]
    fn damaged_listpacks_never_panic_or_loop(
        ops in vec(op(), 0..30),
        damage in vec((any::<Index>(), any::<u8>()), 1..6),
        depth in 0u32..2,
    ) {
        let mut ql = Quicklist::new(4, depth);
        let values: Vec<Vec<u8>> =
            (0..12usize).map(|i| i.to_string().repeat(1 + i).into_bytes()).collect();
        for three in values.chunks(3) {
            let lp = Listpack::from_values(three.iter().map(|text| LpValue::Str(text)));
            let mut bytes = lp.as_bytes().to_vec();
            for (at, byte) in &damage {
                let at = 4 + at.index(bytes.len() - 5);
                bytes[at] = *byte;
            }
            if let Ok(lp) = Listpack::from_bytes_validated(&bytes, false) {
                ql.append_listpack(lp);
            }
        }
        for op in ops {
            let len = ql.len();
            match op {
                Op::Push(head, text) => ql.push(end(head), &text, 0),
                Op::Pop(head) => drop(ql.pop(end(head))),
                Op::Remove(count, text) => { ql.remove(count, &text); }
                _ if len == 0 => {}
                Op::Insert(at, text, after) => { ql.insert(at.index(len), &text, after, 0); }
                Op::Replace(at, text) => { ql.replace(at.index(len), &text, 0); }
                Op::DelRange(at, count, _) => { ql.delete_range(at.index(len) as i64, count); }
            }
            ql.for_each_from(0, false, |_| true);
            let _ = (ql.get(3), ql.get(-3), ql.position(b"1"));
        }
        while ql.pop(ListEnd::Tail).is_some() {}
        prop_assert_eq!(ql.len(), 0);
    }
}

#[test]
fn limits_are_those_of_list_max_listpack_size() {
    assert_eq!(NodeLimit::of(-1), NodeLimit::Bytes(4096));
    assert_eq!(NodeLimit::of(-5), NodeLimit::Bytes(65536));
    assert_eq!(NodeLimit::of(i32::MIN), NodeLimit::Bytes(65536));
    assert_eq!(NodeLimit::of(0), NodeLimit::Entries(1));
    assert!(NodeLimit::of(3).exceeded_by(8193, 1) && !NodeLimit::of(3).exceeded_by(8192, 3));
    assert!(NodeLimit::of(-2).is_large(8193, 0) && !NodeLimit::of(-2).is_large(8192, 0));
    assert!(NodeLimit::of(-2).is_large(5, 5) && !NodeLimit::of(-2).is_large(9000, 10_000));
    let ql = Quicklist::new(i32::MAX, u32::MAX);
    assert_eq!((ql.fill(), ql.compress_depth()), (32767, 65535));
}

#[test]
fn a_million_small_elements_take_about_18_bytes_each() {
    let mut ql = Quicklist::new(-2, 0);
    for i in 0..1_000_000 {
        ql.push(ListEnd::Tail, format!("element:{i:08}").as_bytes(), 0);
    }
    let each = ql.memory_usage(0) as f64 / 1e6;
    assert!((17.9..18.4).contains(&each), "{each} bytes per element");
    assert_eq!(ql.node_count(), 1_000_000usize.div_ceil(454));
}

#[test]
fn pushes_and_pops_at_the_head_leave_no_more_room_than_they_need() {
    let mut ql = Quicklist::new(-2, 0);
    for i in 0..100_000 {
        ql.push(ListEnd::Head, format!("element:{i:08}").as_bytes(), 0);
    }
    let roomy = |ql: &Quicklist| matches!(ql.nodes[0].data, Data::Roomy(_));
    assert!(roomy(&ql));
    let each = ql.memory_usage(0) as f64 / 1e5;
    assert!((17.9..18.5).contains(&each), "{each} bytes per element");
    for i in (300..100_000).rev() {
        let text = format!("element:{i:08}").into_bytes();
        assert_eq!(ql.pop(ListEnd::Head).map(ListItem::into_bytes), Some(text));
    }
    assert!(roomy(&ql) && ql.len() == 300);
    let bytes = ql.memory_usage(0);
    assert!(bytes < 2 * ql.uncompressed_size() + 3000, "{bytes} bytes");
}

#[test]
fn interior_nodes_are_compressed_and_read() {
    let mut ql = Quicklist::new(2, 1);
    for i in 0..20 {
        ql.push(ListEnd::Tail, format!("{i:0>60}x").as_bytes(), 0);
    }
    let compressed = ql.nodes().filter(|node| node.compressed).count();
    assert_eq!((ql.node_count(), compressed), (10, 8));
    assert_eq!(ql.get(9).map(ListItem::into_bytes), Some(format!("{:0>60}x", 9).into_bytes()));
    assert_eq!(ql.remove(1, format!("{:0>60}x", 9).as_bytes()), 1);
    assert_eq!(ql.delete_range(0, 7), 7);
    let states: Vec<bool> = ql.nodes().map(|node| node.compressed).collect();
    assert_eq!((ql.len(), states), (12, vec![false, true, true, true, true, true, false]));
    assert!(ql.memory_usage(0) < ql.uncompressed_size() + 1000);
}

#[test]
fn insert_into_a_full_node_splits_and_merges() {
    let mut ql = Quicklist::new(4, 0);
    for i in 0..8 {
        ql.push(ListEnd::Tail, i.to_string().as_bytes(), 0);
    }
    assert!(ql.insert(1, b"new", true, 0));
    let counts: Vec<usize> = ql.nodes().map(|node| node.count).collect();
    assert_eq!(counts, [2, 3, 4]);
    assert!(ql.insert(4, b"more", false, 0));
    assert!(ql.insert(4, b"more", false, 0));
    let counts: Vec<usize> = ql.nodes().map(|node| node.count).collect();
    assert_eq!((counts.iter().sum::<usize>(), ql.len()), (11, 11));
}

#[test]
fn pushing_all_makes_the_nodes_that_pushing_each_makes() {
    let value = |i: usize| match i % 90 {
        7 => vec![b'x'; 9000],
        8 => vec![b'y'; 800],
        _ => (i * i * i).to_string().into_bytes(),
    };
    let values: Vec<Vec<u8>> = (0..2500).map(value).collect();
    let nodes = |list: &Quicklist| -> Vec<_> {
        let parts = |n: NodeView<'_>| (n.plain, n.size, n.count, n.compressed, n.bytes.to_vec());
        list.nodes().map(parts).collect()
    };
    for (fill, compress) in [(-2, 0), (-1, 1), (3, 0), (1, 2)] {
        for (before, packed_threshold) in [(0, 0), (2, 700), (8, 0), (50, 10_000)] {
            let mut all = Quicklist::new(fill, compress);
            for value in &values[..before] {
                all.push(ListEnd::Tail, value, packed_threshold);
            }
            let mut each = all.clone();
            all.push_back_all(values[before..].iter().map(Vec::as_slice), packed_threshold);
            for value in &values[before..] {
                each.push(ListEnd::Tail, value, packed_threshold);
            }
            assert_eq!((all.len(), nodes(&all)), (each.len(), nodes(&each)));
        }
    }
}
