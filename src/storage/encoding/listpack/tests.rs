//! Listpack against a plain `Vec` of texts, against bytes that Redis writes, and against hostile
//! bytes.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        6 => (any::<i64>(), 0u32..63).prop_map(|(int, by)| (int >> by).to_string().into_bytes()),
        6 => vec(any::<u8>(), 0..8),
        2 => vec(any::<u8>(), 55..75),
        1 => vec(any::<u8>(), 110..140),
        1 => vec(any::<u8>(), 4080..4110),
        2 => proptest::sample::select(&["-0", "007", "+5", "-", " 1", "9223372036854775808"][..])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

fn texts(lp: &Listpack) -> Vec<Vec<u8>> {
    lp.iter().map(|(_, value)| value.to_vec()).collect()
}

fn check(lp: &Listpack, oracle: &[Vec<u8>]) -> Result<(), TestCaseError> {
    prop_assert!(LpRef::validated(lp.as_bytes(), true).is_ok());
    prop_assert_eq!(lp.len(), oracle.len());
    prop_assert_eq!(lp.is_empty(), oracle.is_empty());
    prop_assert_eq!(&texts(lp)[..], oracle);
    let backward: Vec<_> = lp.iter().rev().map(|(_, value)| value.to_vec()).collect();
    prop_assert!(backward.iter().rev().eq(oracle.iter()));
    prop_assert!(lp.heap_bytes() >= lp.bytes_len());
    Ok(())
}

#[derive(Clone, Debug)]
enum Op {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    Insert(Index, Vec<u8>, bool),
    Replace(Index, Vec<u8>),
    Delete(Index),
    DelRange(Index, usize, bool),
    DeletePositions(Vec<Index>),
    Append(Vec<Vec<u8>>),
    Split(Index, bool),
    Incr(Index, i64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => text().prop_map(Op::PushBack),
        2 => text().prop_map(Op::PushFront),
        2 => (any::<Index>(), text(), any::<bool>()).prop_map(|(i, t, b)| Op::Insert(i, t, b)),
        3 => (any::<Index>(), text()).prop_map(|(at, text)| Op::Replace(at, text)),
        2 => any::<Index>().prop_map(Op::Delete),
        1 => (any::<Index>(), 0usize..6, any::<bool>()).prop_map(|(i, n, b)| Op::DelRange(i, n, b)),
        1 => vec(any::<Index>(), 0..5).prop_map(Op::DeletePositions),
        1 => vec(text(), 0..5).prop_map(Op::Append),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(at, swap)| Op::Split(at, swap)),
        2 => (any::<Index>(), any::<i16>()).prop_map(|(at, by)| Op::Incr(at, i64::from(by))),
    ]
}

fn apply(lp: &mut Listpack, oracle: &mut Vec<Vec<u8>>, op: Op) {
    let len = oracle.len();
    let pos = |lp: &Listpack, at: usize| lp.seek(at as i64).expect("index is below the length");
    match op {
        Op::PushBack(text) => {
            lp.push_back(&text[..]);
            oracle.push(text);
        }
        Op::PushFront(text) => {
            lp.push_front(&text[..]);
            oracle.insert(0, text);
        }
        Op::Append(all) => {
            lp.append_all(all.iter().map(|text| LpValue::Str(text)));
            oracle.extend(all);
        }
        _ if len == 0 => {}
        Op::Insert(at, text, after) => {
            let at = at.index(len);
            let here = pos(lp, at);
            let new = if after {
                lp.insert_after(here, &text[..])
            } else {
                lp.insert_before(here, &text[..])
            };
            assert!(lp.get(new.expect("inserted")).expect("is there").eq_bytes(&text));
            oracle.insert(at + usize::from(after), text);
        }
        Op::Replace(at, text) => {
            let at = at.index(len);
            lp.replace(pos(lp, at), &text[..]).expect("replaced");
            oracle[at] = text;
        }
        Op::Delete(_) | Op::DelRange(..) | Op::DeletePositions(_) => delete(lp, oracle, op),
        Op::Split(at, swap) => {
            let at = at.index(len + 1);
            let back = lp.split_off(at);
            assert_eq!((lp.len(), back.len()), (at, len - at));
            let (front, back) = if swap { (back, lp.clone()) } else { (lp.clone(), back) };
            *lp = front;
            lp.merge(back.as_lp());
            if swap {
                oracle.rotate_left(at);
            }
        }
        Op::Incr(at, by) => {
            let at = at.index(len);
            let old = parse_int(&oracle[at]);
            let new = lp.incr_int(pos(lp, at), by);
            assert_eq!(new, old.and_then(|old| old.checked_add(by)));
            if let Some(new) = new {
                oracle[at] = new.to_string().into_bytes();
            }
        }
    }
}

fn delete(lp: &mut Listpack, oracle: &mut Vec<Vec<u8>>, op: Op) {
    let len = oracle.len();
    let pos = |lp: &Listpack, at: usize| lp.seek(at as i64).expect("index is below the length");
    match op {
        Op::Delete(at) => {
            let at = at.index(len);
            let next =
                lp.delete(pos(lp, at)).and_then(|next| lp.get(next)).map(|value| value.to_vec());
            oracle.remove(at);
            assert_eq!(next.as_ref(), oracle.get(at));
        }
        Op::DelRange(at, count, back) => {
            let at = at.index(len);
            let index = if back { at as i64 - len as i64 } else { at as i64 };
            let gone = oracle.drain(at..(at + count).min(len)).count();
            assert_eq!(lp.delete_range(index, count), gone);
        }
        Op::DeletePositions(mut all) => {
            let mut picked: Vec<usize> = all.drain(..).map(|at| at.index(len)).collect();
            picked.sort_unstable();
            picked.dedup();
            let positions: Vec<Pos> = picked.iter().map(|&at| pos(lp, at)).collect();
            assert_eq!(lp.delete_positions(&positions), picked.len());
            for at in picked.into_iter().rev() {
                oracle.remove(at);
            }
        }
        _ => unreachable!("only the deletions come here"),
    }
}

proptest! {
    #[test]
    fn behaves_like_a_vec(ops in vec(op(), 0..60)) {
        let (mut lp, mut oracle) = (Listpack::new(), Vec::new());
        for op in ops {
            apply(&mut lp, &mut oracle, op);
            check(&lp, &oracle)?;
        }
        for (index, text) in oracle.iter().enumerate() {
            let (pos, value) = lp.nth(index).expect("is there");
            prop_assert!(value.eq_bytes(text) && value.text_len() == text.len());
            prop_assert_eq!(lp.seek(index as i64 - oracle.len() as i64), Some(pos));
            prop_assert_eq!(lp.next(pos), lp.seek(index as i64 + 1));
            let before = index.checked_sub(1).and_then(|at| lp.seek(at as i64));
            prop_assert_eq!(lp.prev(pos), before);
            let found = lp.find(lp.first().expect("not empty"), text, 0);
            let first = oracle.iter().position(|other| other == text).expect("is there");
            prop_assert_eq!(found, lp.seek(first as i64));
            let from_here = lp.as_lp().iter_from(pos).map(|(_, value)| value.to_vec());
            prop_assert!(from_here.eq(oracle[index..].iter().cloned()));
            prop_assert_eq!(lp.as_lp().iter_to(pos).count(), index + 1);
            let even = lp.find(lp.first().expect("not empty"), text, 1);
            let step = oracle.iter().step_by(2).position(|other| other == text).map(|at| at * 2);
            prop_assert_eq!(even, step.and_then(|at| lp.seek(at as i64)));
        }
        prop_assert_eq!(lp.seek(oracle.len() as i64), None);
        prop_assert_eq!(lp.seek(-1 - oracle.len() as i64), None);
        let built = Listpack::from_values(oracle.iter().map(|text| LpValue::Str(text)));
        prop_assert_eq!(built.as_bytes(), lp.as_bytes());
    }

    #[test]
    fn integers_are_those_with_canonical_text(text in text()) {
        let parsed = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<i64>().ok());
        let canonical = parsed.filter(|int| int.to_string().as_bytes() == text);
        prop_assert_eq!(parse_int(&text), canonical);
        let lp = Listpack::from_values([LpValue::Str(&text)]);
        prop_assert_eq!(entry_size(LpValue::Str(&text)) + EMPTY_BYTES, lp.bytes_len());
    }

    #[test]
    fn damaged_bytes_never_panic(
        start in vec(text(), 0..12),
        damage in vec((any::<Index>(), any::<u8>()), 0..6),
        cut in any::<Index>(),
        index in -20i64..20,
        value in text(),
    ) {
        let lp = Listpack::from_values(start.iter().map(|text| LpValue::Str(text)));
        let mut bytes = lp.as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_everything(LpRef::new(&bytes), index, &value);
        read_everything(LpRef::new(&bytes[..cut.index(bytes.len() + 1)]), index, &value);
        if LpRef::validated(&bytes, true).is_ok() {
            let lp = LpRef::new(&bytes);
            prop_assert_eq!(lp.iter().count(), lp.len());
            prop_assert_eq!(lp.iter().rev().count(), lp.len());
        }
        let total = u32::try_from(bytes.len()).expect("small").to_le_bytes();
        bytes[..4].copy_from_slice(&total);
        if let Ok(mut lp) = Listpack::from_bytes_validated(&bytes, false) {
            change_everything(&mut lp, index, &value);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in vec(any::<u8>(), 0..60), index in -20i64..20) {
        read_everything(LpRef::new(&bytes), index, b"12");
    }
}

fn read_everything(lp: LpRef<'_>, index: i64, value: &[u8]) {
    let _ = LpRef::validated(lp.as_bytes(), true);
    let _ = (lp.len(), lp.is_empty(), lp.first(), lp.last(), lp.seek(index), lp.safe_to_add(1));
    let forward: Vec<_> = lp.iter().collect();
    let backward: Vec<_> = lp.iter().rev().collect();
    assert!(forward.len() <= lp.as_bytes().len() && backward.len() <= lp.as_bytes().len());
    for at in 0..lp.as_bytes().len() + 3 {
        let pos = Pos(at);
        let _ = (lp.get(pos), lp.next(pos), lp.prev(pos), lp.find(pos, value, 1), lp.nth_pair(at));
        assert!(
            lp.iter_from(pos).count() + lp.iter_to(pos).rev().count()
                <= 2 * lp.as_bytes().len() + 2
        );
    }
}

fn change_everything(lp: &mut Listpack, index: i64, value: &[u8]) {
    let valid = |lp: &Listpack| assert!(LpRef::validated(lp.as_bytes(), false).is_ok());
    for at in 0..lp.bytes_len() + 2 {
        let mut copy = lp.clone();
        copy.replace(Pos(at), value);
        copy.insert_after(Pos(at), value);
        copy.incr_int(Pos(at), 1);
        copy.insert_before(Pos(at), value);
        copy.delete_range_from(Pos(at), 2);
        copy.delete_positions(&[Pos(at / 2), Pos(at)]);
        valid(&copy);
    }
    lp.delete_range(index, 2);
    let back = lp.split_off(index.unsigned_abs() as usize);
    lp.push_back(value);
    lp.push_front(value);
    lp.merge(back.as_lp());
    valid(lp);
    valid(&back);
}

#[test]
fn bytes_are_those_of_redis() {
    let mut lp = Listpack::new();
    assert_eq!(lp.as_bytes(), [7, 0, 0, 0, 0, 0, 0xFF]);
    for text in ["a", "127", "128", "-1", "-4097", "hello"] {
        lp.push_back(text.as_bytes());
    }
    let body: &[u8] = &[
        0x81, b'a', 2, 127, 1, 0xC0, 128, 2, 0xDF, 0xFF, 2, 0xF1, 0xFF, 0xEF, 3, 0x85, b'h', b'e',
        b'l', b'l', b'o', 6,
    ];
    let mut want = vec![body.len() as u8 + 7, 0, 0, 0, 6, 0];
    want.extend_from_slice(body);
    want.push(0xFF);
    assert_eq!(lp.as_bytes(), want);
}

#[test]
fn backlens_change_size_where_redis_does() {
    for len in [125usize, 126, 127, 128, 4095, 4096, 16377, 16378, 16379, 2_097_145, 2_097_146] {
        let mut lp = Listpack::new();
        lp.push_back(&vec![b'x'; len][..]);
        lp.push_back(5);
        assert!(LpRef::validated(lp.as_bytes(), true).is_ok());
        assert_eq!(lp.iter().next_back().map(|(_, value)| value), Some(LpValue::Int(5)));
        assert_eq!(lp.iter().rev().count(), 2);
    }
}

#[test]
fn count_becomes_unknown_above_65534() {
    let mut lp = Listpack::new();
    lp.append_all((0..65534).map(|_| LpValue::Int(1)));
    assert_eq!((lp.as_bytes()[4..6].to_vec(), lp.len()), (vec![0xFE, 0xFF], 65534));
    lp.push_back(2);
    lp.push_back(3);
    assert_eq!((lp.as_bytes()[4..6].to_vec(), lp.len()), (vec![0xFF, 0xFF], 65536));
    assert_eq!(lp.nth(65535).map(|(_, value)| value), Some(LpValue::Int(3)));
    assert_eq!(lp.get(lp.seek(-2).expect("is there")), Some(LpValue::Int(2)));
    let back = lp.split_off(65530);
    assert_eq!((lp.len(), back.len()), (65530, 6));
    assert!(LpRef::validated(lp.as_bytes(), true).is_ok());
    assert!(LpRef::validated(back.as_bytes(), true).is_ok());
}

#[test]
fn raw_round_trip_keeps_the_block() {
    let mut lp = Listpack::new();
    lp.push_back(&b"x"[..]);
    let copy = lp.clone();
    drop(lp);
    assert_eq!(texts(&copy), [b"x"]);
    assert!(!copy.safe_to_add(LISTPACK_MAX_SAFETY_SIZE));
    assert_eq!(estimate_repeated_int(7, 3), 13);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn moved_entries_change_places_with_those_they_pass(
        start in vec(text(), 1..30),
        moves in vec((any::<Index>(), 1usize..4, any::<Index>()), 0..20),
    ) {
        let mut lp = Listpack::from_values(start.iter().map(|text| LpValue::Str(text)));
        let mut oracle = texts(&lp);
        for (from, count, to) in moves {
            let from = from.index(oracle.len());
            let count = count.min(oracle.len() - from);
            let left: Vec<_> = oracle.drain(from..from + count).collect();
            let to = to.index(oracle.len() + 1);
            // The place among all is behind the moved ones if it is behind them among the others.
            let among_all = if to > from { to + count } else { to };
            let at = |index: usize| lp.nth(index).map(|(pos, _)| pos);
            if to != from {
                let (pos, before) = (at(from).expect("is there"), at(among_all));
                let moved = lp.move_entries(pos, count, before).expect("is there");
                prop_assert_eq!(lp.nth(to).map(|(pos, _)| pos), Some(moved));
            }
            oracle.splice(to..to, left);
            prop_assert_eq!(&texts(&lp), &oracle);
            prop_assert!(LpRef::validated(lp.as_bytes(), true).is_ok());
        }
    }

    #[test]
    fn a_roomy_listpack_has_the_bytes_of_a_plain_one(
        start in vec(text(), 0..30),
        steps in vec((0u8..10, text()), 0..120),
    ) {
        let mut plain = Listpack::from_values(start.iter().map(|text| LpValue::Str(text)));
        let mut roomy = RoomyListpack::new(&plain);
        for (kind, text) in steps {
            match kind {
                0..=3 => { plain.push_front(&text[..]); roomy.push_front(&text[..], Room::Half); }
                4..=5 => { plain.push_back(&text[..]); roomy.push_back(&text[..], Room::Quarter); }
                6 => {
                    let (front, count) = (text.len() % 2 == 0, text.len() % 5);
                    let count = count.min(plain.len());
                    let from = if front { 0 } else { -(count as i64) };
                    let want = plain.delete_range(from, count);
                    let got =
                        if front { roomy.delete_front(count) } else { roomy.delete_back(count) };
                    prop_assert_eq!(got, want);
                }
                kind => {
                    let front = kind < 9;
                    let pos = if front { plain.first() } else { plain.last() };
                    let want = pos.and_then(|pos| plain.get(pos)).map(|value| value.to_vec());
                    let got = if front {
                        roomy.pop_front_with(|value| value.to_vec())
                    } else {
                        roomy.pop_back_with(|value| value.to_vec())
                    };
                    prop_assert_eq!(got, want);
                    pos.map(|pos| plain.delete(pos));
                }
            }
            prop_assert_eq!(roomy.as_bytes(), plain.as_bytes());
            prop_assert_eq!(roomy.bytes_len(), plain.bytes_len());
            prop_assert!(roomy.heap_bytes() <= 2 * plain.bytes_len() + 10_000);
        }
        let packed = roomy.clone().to_listpack();
        prop_assert_eq!(packed.as_bytes(), plain.as_bytes());
    }

    #[test]
    fn a_damaged_roomy_listpack_never_panics(
        start in vec(text(), 1..12),
        damage in vec((any::<Index>(), any::<u8>()), 1..6),
        pops in vec(any::<bool>(), 0..20),
    ) {
        let plain = Listpack::from_values(start.iter().map(|text| LpValue::Str(text)));
        let mut bytes = plain.as_bytes().to_vec();
        for (at, byte) in damage {
            let at = 4 + at.index(bytes.len() - 5);
            bytes[at] = byte;
        }
        if let Ok(damaged) = Listpack::from_bytes_validated(&bytes, false) {
            let mut roomy = RoomyListpack::new(&damaged);
            for front in pops {
                roomy.push_front(&b"one"[..], Room::Quarter);
                roomy.delete_front(1);
                roomy.delete_back(2);
                let _ = if front {
                    roomy.pop_front_with(|_| ()).and(roomy.pop_front_with(|_| ()))
                } else {
                    roomy.pop_back_with(|_| ())
                };
                roomy.push_back(&b"two"[..], Room::Half);
            }
            let _ = roomy.to_listpack();
        }
    }
}
