//! Lists against a `VecDeque`, and the points where the upstream suite sees the encoding change.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;

fn limits(max_listpack_size: i32) -> ListLimits {
    ListLimits { max_listpack_size, ..ListLimits::default() }
}

fn list(words: &str, limits: &ListLimits) -> List {
    let mut list = List::new();
    list.push_all(ListEnd::Tail, words.split(' ').map(str::as_bytes), limits);
    list
}

fn texts(list: &List) -> Vec<String> {
    let mut all = Vec::new();
    let done = list.range(0, usize::MAX, false, |value| {
        all.push(String::from_utf8_lossy(&value.to_vec()).into_owned());
    });
    assert_eq!(done, list.len());
    all
}

#[derive(Clone, Debug)]
enum Op {
    Push(bool, Vec<Vec<u8>>),
    Pop(bool),
    Rotate(bool, bool),
    Set(i64, Vec<u8>),
    Insert(Vec<u8>, Vec<u8>, bool),
    Remove(i64, Vec<u8>),
    Trim(i64, i64),
    DeleteRange(usize, usize),
    Auto,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        5 => (-3i64..4).prop_map(|int| int.to_string().into_bytes()),
        5 => vec(b'a'..b'd', 0..3),
        2 => (b'a'..b'd', 40usize..300).prop_map(|(byte, len)| vec![byte; len]),
        1 => (b'a'..b'd', 1000usize..9000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (any::<bool>(), vec(text(), 1..5)).prop_map(|(head, all)| Op::Push(head, all)),
        2 => any::<bool>().prop_map(Op::Pop),
        2 => any::<(bool, bool)>().prop_map(|(from, to)| Op::Rotate(from, to)),
        2 => (-20i64..20, text()).prop_map(|(index, text)| Op::Set(index, text)),
        2 => (text(), text(), any::<bool>()).prop_map(|(p, t, b)| Op::Insert(p, t, b)),
        1 => (-3i64..4, text()).prop_map(|(count, text)| Op::Remove(count, text)),
        1 => (-20i64..20, -20i64..20).prop_map(|(start, end)| Op::Trim(start, end)),
        1 => (0usize..20, 0usize..6).prop_map(|(start, count)| Op::DeleteRange(start, count)),
        1 => Just(Op::Auto),
    ]
}

fn end(head: bool) -> ListEnd {
    if head { ListEnd::Head } else { ListEnd::Tail }
}

fn take(oracle: &mut VecDeque<Vec<u8>>, head: bool) -> Option<Vec<u8>> {
    if head { oracle.pop_front() } else { oracle.pop_back() }
}

fn put(oracle: &mut VecDeque<Vec<u8>>, head: bool, text: Vec<u8>) {
    if head { oracle.push_front(text) } else { oracle.push_back(text) }
}

fn apply(list: &mut List, oracle: &mut VecDeque<Vec<u8>>, op: Op, limits: &ListLimits) {
    let len = oracle.len();
    match op {
        Op::Push(head, all) => {
            list.push_all(end(head), all.iter().map(Vec::as_slice), limits);
            all.into_iter().for_each(|text| put(oracle, head, text));
        }
        Op::Pop(head) => {
            let item = list.pop(end(head), limits).map(ListItem::into_bytes);
            assert_eq!(item, take(oracle, head));
        }
        Op::Rotate(from, to) => {
            let item = list.rotate(end(from), end(to), limits).map(ListItem::into_bytes);
            let want = take(oracle, from);
            assert_eq!(item, want);
            if let Some(text) = want {
                put(oracle, to, text);
            }
        }
        Op::Set(index, text) => {
            let at = if index < 0 { index + len as i64 } else { index };
            let known = (0..len as i64).contains(&at);
            assert_eq!(list.set(index, &text, limits), known);
            if known {
                oracle[at as usize] = text;
            }
        }
        Op::Insert(pivot, text, after) => {
            let at = oracle.iter().position(|element| *element == pivot);
            assert_eq!(list.insert(&pivot, &text, after, limits), at.is_some());
            if let Some(at) = at {
                oracle.insert(at + usize::from(after), text);
            }
        }
        Op::Remove(count, text) => {
            let mut kept: Vec<Vec<u8>> = oracle.drain(..).collect();
            let mut left = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
            let mut keep = |element: &Vec<u8>| {
                let hit = *element == text && left > 0;
                left -= usize::from(hit);
                !hit
            };
            if count < 0 {
                kept.reverse();
                kept.retain(&mut keep);
                kept.reverse();
            } else {
                kept.retain(&mut keep);
            }
            assert_eq!(list.remove(count, &text, limits), len - kept.len());
            oracle.extend(kept);
        }
        Op::Trim(start, stop) => {
            let wrap = |index: i64| if index < 0 { index + len as i64 } else { index };
            let kept: VecDeque<_> = (0..len as i64)
                .filter(|index| (wrap(start)..=wrap(stop)).contains(index))
                .map(|index| oracle[index as usize].clone())
                .collect();
            assert_eq!(list.trim(start, stop, limits), len - kept.len());
            *oracle = kept;
        }
        Op::DeleteRange(start, count) => {
            let gone =
                if start < len { oracle.drain(start..(start + count).min(len)).count() } else { 0 };
            assert_eq!(list.delete_range(start as i64, count, limits), gone);
        }
        Op::Auto => list.try_convert_auto(limits),
    }
}

fn check(list: &List, oracle: &VecDeque<Vec<u8>>) {
    assert_eq!((list.len(), list.is_empty()), (oracle.len(), oracle.is_empty()));
    let mut all = Vec::new();
    list.range(0, usize::MAX, false, |value| all.push(value.to_vec()));
    assert!(all.iter().eq(oracle.iter()));
    for at in 0..oracle.len() {
        let item = list.get(at as i64).map(ListItem::into_bytes);
        assert_eq!(item.as_ref(), oracle.get(at));
        assert_eq!(list.get(at as i64 - oracle.len() as i64).map(ListItem::into_bytes), item);
        let mut backward = Vec::new();
        list.range(at, 3, true, |value| backward.push(value.to_vec()));
        assert!(backward.iter().eq(oracle.iter().take(at + 1).rev().take(3)));
    }
    assert_eq!(list.get(oracle.len() as i64), None);
    assert!(list.memory_usage(5) > 0 && list.free_effort() < oracle.len() + 2);
}

proptest! {
    #[test]
    fn behaves_like_a_vecdeque(
        fill in prop_oneof![Just(-1), Just(-2), Just(-9), 0i32..8],
        compress_depth in 0u32..3,
        packed_threshold in prop_oneof![Just(0usize), Just(2)],
        ops in vec(op(), 0..60),
    ) {
        let limits = ListLimits { max_listpack_size: fill, compress_depth, packed_threshold };
        let (mut list, mut oracle) = (List::new(), VecDeque::new());
        for op in ops {
            apply(&mut list, &mut oracle, op, &limits);
            check(&list, &oracle);
        }
        check(&list.clone(), &oracle);
        for value in [&b"a"[..], b"1", b"-2", b""] {
            for reverse in [false, true] {
                let mut found = Vec::new();
                list.positions(value, reverse, 0, |index| {
                    found.push(index);
                    true
                });
                let hit = |&at: &usize| oracle[at] == value;
                let mut want: Vec<_> = (0..oracle.len()).filter(hit).collect();
                if reverse {
                    want.reverse();
                }
                prop_assert_eq!(found, want);
            }
        }
    }
}

#[test]
fn a_big_element_or_too_many_make_a_quicklist() {
    let big = "x".repeat(8193);
    for (fill, large) in [(3, "d"), (-1, &big[..])] {
        let limits = limits(fill);
        let mut pushed = list("a b c", &limits);
        assert_eq!(pushed.encoding(), "listpack");
        pushed.push(ListEnd::Tail, large.as_bytes(), &limits);
        assert_eq!(pushed.encoding(), "quicklist");
        let mut inserted = list("a b c", &limits);
        assert!(inserted.insert(b"b", large.as_bytes(), true, &limits));
        assert_eq!((inserted.encoding(), inserted.len()), ("quicklist", 4));
        assert_eq!(texts(&inserted), ["a", "b", large, "c"]);
        let mut set = list("a b c", &limits);
        assert!(set.set(0, large.as_bytes(), &limits));
        assert_eq!(set.get(0).map(ListItem::into_bytes), Some(large.as_bytes().to_vec()));
        assert_eq!(list(&format!("a b c {large}"), &limits).encoding(), "quicklist");
    }
}

#[test]
fn removing_makes_a_listpack_again_at_half_of_the_limit() {
    let three = limits(3);
    let mut popped = list("a b c d", &three);
    popped.pop(ListEnd::Tail, &three);
    assert_eq!(popped.encoding(), "quicklist");
    popped.delete_range(-2, 2, &three);
    assert_eq!(popped.encoding(), "listpack");
    let mut removed = list("a a a d", &three);
    assert_eq!(removed.remove(3, b"a", &three), 3);
    assert_eq!(removed.encoding(), "listpack");
    let mut trimmed = list("a b c d", &three);
    assert_eq!(trimmed.trim(1, 1, &three), 3);
    assert_eq!((trimmed.encoding(), texts(&trimmed)), ("listpack", vec!["b".to_string()]));

    let four_kb = limits(-1);
    let big = "x".repeat(8193);
    let mut trimmed = list(&format!("a b {big}"), &four_kb);
    assert_eq!(trimmed.trim(0, 1, &four_kb), 1);
    assert_eq!(trimmed.encoding(), "listpack");
    let mut removed = list(&format!("a {big}"), &four_kb);
    assert_eq!(removed.remove(1, big.as_bytes(), &four_kb), 1);
    assert_eq!(removed.encoding(), "listpack");
    let mut set = list(&format!("{big} a b"), &four_kb);
    assert_eq!(set.delete_range(-2, 2, &four_kb), 2);
    assert_eq!(set.encoding(), "quicklist");
    assert!(set.set(-1, b"c", &four_kb));
    assert_eq!((set.encoding(), texts(&set)), ("listpack", vec!["c".to_string()]));
}

#[test]
fn loading_converts_one_packed_node_at_the_full_limit() {
    let three = limits(3);
    let mut loaded = list("a b c d", &three);
    loaded.try_convert_auto(&three);
    assert_eq!(loaded.encoding(), "quicklist");
    loaded.pop(ListEnd::Tail, &three);
    assert_eq!(loaded.encoding(), "quicklist");
    loaded.try_convert_auto(&three);
    assert_eq!((loaded.encoding(), loaded.len()), ("listpack", 3));
}

#[test]
fn extreme_values_of_list_max_listpack_size() {
    let zero = limits(0);
    let mut one = list("a", &zero);
    assert_eq!(one.encoding(), "listpack");
    one.push(ListEnd::Tail, b"b", &zero);
    assert_eq!(one.encoding(), "quicklist");
    let below = limits(-6);
    let mut long = list(&"x".repeat(60_000), &below);
    assert_eq!(long.encoding(), "listpack");
    long.push(ListEnd::Tail, "x".repeat(5536).as_bytes(), &below);
    assert_eq!(long.encoding(), "quicklist");
}

#[test]
fn rotating_at_the_limit_keeps_the_form() {
    let four = limits(4);
    let mut rotated = list("a b c d e", &four);
    rotated.delete_range(0, 2, &four);
    assert_eq!((rotated.encoding(), rotated.len()), ("quicklist", 3));
    rotated.rotate(ListEnd::Head, ListEnd::Tail, &four);
    assert_eq!(texts(&rotated), ["d", "e", "c"]);
    assert_eq!(rotated.encoding(), "quicklist");
    assert_eq!(List::new().rotate(ListEnd::Head, ListEnd::Tail, &four), None);
}

#[test]
fn positions_stop_at_max_len_and_when_told() {
    let list = list("a b a c a", &limits(-2));
    let all = |reverse: bool, max_len: usize| {
        let mut found = Vec::new();
        list.positions(b"a", reverse, max_len, |index| {
            found.push(index);
            true
        });
        found
    };
    assert_eq!((all(false, 0), all(true, 0)), (vec![0, 2, 4], vec![4, 2, 0]));
    assert_eq!((all(false, 3), all(true, 1)), (vec![0, 2], vec![4]));
    let mut seen = 0;
    list.positions(b"a", false, 0, |_| {
        seen += 1;
        false
    });
    assert_eq!(seen, 1);
}

#[test]
fn reading_and_popping_allocate_nothing() {
    use crate::sys::malloc::allocation_count;
    let limits = ListLimits::default();
    for count in [50, 20_000] {
        let mut list = List::new();
        for i in 0..count {
            list.push(ListEnd::Tail, format!("element:{i}").as_bytes(), &limits);
        }
        // The first pop at the head of a node gives it room, once.
        assert!(list.pop(ListEnd::Head, &limits).is_some());
        let before = allocation_count();
        let mut bytes = 0;
        let found = list.range(10, 30, false, |value| bytes += value.text_len());
        assert!(found == 30 && bytes == 300);
        assert_eq!(allocation_count(), before, "{}", list.encoding());
        let len = list.pop_with(ListEnd::Head, &limits, |value| value.text_len());
        assert_eq!(len, Some(9));
        // Freeing space may move the block to a smaller class, which is the stored value's own.
        assert!(allocation_count() - before <= 1);
    }
}

#[test]
fn a_list_that_grows_at_its_head_stays_a_small_listpack() {
    let (limits, value) = (limits(-2), "v".repeat(64));
    let (mut pushed, mut appended) = (List::new(), List::new());
    for at in 0..100 {
        pushed.push(ListEnd::Head, value.as_bytes(), &limits);
        appended.push(ListEnd::Tail, value.as_bytes(), &limits);
        assert_eq!(pushed.encoding(), "listpack");
        let (mine, least) = (pushed.memory_usage(0), appended.memory_usage(0));
        assert!(mine <= least + least / 3 + 96, "{at}: {mine} for {least}");
    }
    // What is taken from the middle makes it an ordinary one, what is taken from the ends does not.
    pushed.trim(10, 79, &limits);
    assert!(pushed.set(5, b"x", &limits));
    assert_eq!((pushed.len(), pushed.get(5)), (70, Some(ListItem::Bytes(b"x".to_vec()))));
    appended.trim(0, 69, &limits);
    assert!(pushed.memory_usage(0) <= appended.memory_usage(0));
    while pushed.len() > 1 {
        pushed.pop(ListEnd::Head, &limits);
    }
    assert!(pushed.memory_usage(0) <= 512);
}
