//! Sets against a naive oracle, in every encoding.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const TINY: SetLimits =
    SetLimits { max_intset_entries: 5, max_listpack_entries: 8, max_listpack_value: 10 };

type Oracle = BTreeSet<Vec<u8>>;

fn set_of(texts: &[&str], limits: &SetLimits) -> Set {
    let mut set = Set::for_members(texts[0].as_bytes(), 1, limits);
    for text in texts {
        set.add(text.as_bytes(), limits);
    }
    set
}

fn members(set: &Set) -> Oracle {
    let all: Oracle = set.iter().map(|member| member.to_vec()).collect();
    assert_eq!(all.len(), set.len());
    all
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (-12i64..12).prop_map(|int| int.to_string().into_bytes()),
        any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        "[a-c]{0,2}".prop_map(String::into_bytes),
        "[a-b]{11,12}".prop_map(String::into_bytes),
        "0[0-3]".prop_map(String::into_bytes),
    ]
}

fn sets() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    proptest::collection::vec(proptest::collection::vec(text(), 1..14), 1..7)
}

fn build(texts: &[Vec<u8>], limits: &SetLimits) -> (Set, Oracle) {
    let mut set = Set::for_members(&texts[0], texts.len(), limits);
    let mut oracle = Oracle::new();
    for text in texts {
        assert_eq!(set.add(text, limits), oracle.insert(text.clone()));
    }
    (set, oracle)
}

proptest! {
    #[test]
    fn behaves_like_a_btree_set(ops in proptest::collection::vec((0u8..6, text()), 0..120)) {
        let mut set = Set::new_intset();
        let mut oracle = Oracle::new();
        for (op, text) in ops {
            match op {
                0..=2 => prop_assert_eq!(set.add(&text, &TINY), oracle.insert(text.clone())),
                3 => prop_assert_eq!(set.remove(&text), oracle.remove(&text)),
                4 => {
                    let popped = set.pop_random(|member| member.to_vec());
                    prop_assert_eq!(popped.is_some(), !oracle.is_empty());
                    if let Some(popped) = popped {
                        prop_assert!(oracle.remove(&popped));
                    }
                }
                _ => {
                    let drawn = set.random().map(|member| member.to_vec());
                    prop_assert_eq!(drawn.is_some(), !oracle.is_empty());
                    prop_assert!(drawn.is_none_or(|drawn| oracle.contains(&drawn)));
                }
            }
            prop_assert_eq!(set.contains(&text), oracle.contains(&text));
            prop_assert_eq!(set.len(), oracle.len());
        }
        prop_assert_eq!(members(&set), oracle.clone());
        let copy = set.clone();
        prop_assert_eq!(copy.encoding(), set.encoding());
        prop_assert_eq!(members(&copy), oracle);
    }

    #[test]
    fn draws_and_pops_are_members_and_no_more(
        texts in proptest::collection::vec(text(), 1..60), count in 0usize..70, form in 0u8..2,
    ) {
        let limits = if form == 0 { TINY } else { SetLimits::default() };
        let (mut set, mut oracle) = build(&texts, &limits);
        let drawn = set.random_distinct(count);
        let distinct: Oracle = drawn.iter().map(|member| member.to_vec()).collect();
        prop_assert_eq!(drawn.len(), count.min(oracle.len()));
        prop_assert_eq!(distinct.len(), drawn.len());
        prop_assert!(distinct.is_subset(&oracle));
        let mut repeated = 0;
        set.random_repeated(count, |member| {
            assert!(oracle.contains(&member.to_vec()));
            repeated += 1;
        });
        prop_assert_eq!(repeated, count);
        if count < oracle.len() {
            let before = oracle.len();
            set.pop_many(count, &limits, |member| assert!(oracle.remove(&member.to_vec())));
            prop_assert_eq!(oracle.len(), before - count);
            prop_assert_eq!(members(&set), oracle);
        }
    }

    #[test]
    fn algebra_agrees_with_the_oracle(all in sets(), form in 0u8..2, same in any::<bool>()) {
        let limits = if form == 0 { TINY } else { SetLimits::default() };
        let built: Vec<(Set, Oracle)> = all.iter().map(|texts| build(texts, &limits)).collect();
        let mut operands: Vec<&Set> = built.iter().map(|(set, _)| set).collect();
        let mut oracles: Vec<&Oracle> = built.iter().map(|(_, oracle)| oracle).collect();
        if same {
            operands.push(operands[0]);
            oracles.push(oracles[0]);
        }
        let collect = |out: &mut Vec<Vec<u8>>, member: LpValue<'_>| out.push(member.to_vec());
        let check = |given: Vec<Vec<u8>>, expected: &Oracle, stored: &Set| {
            let unique: Oracle = given.iter().cloned().collect();
            assert_eq!(unique.len(), given.len());
            assert_eq!(&unique, expected);
            assert_eq!(&members(stored), expected);
        };

        let expected: Oracle = oracles.iter().flat_map(|oracle| oracle.iter().cloned()).collect();
        let mut given = Vec::new();
        union(&operands, |member| collect(&mut given, member));
        check(given, &expected, &union_into(&operands, &limits));

        let common = |text: &&Vec<u8>| oracles.iter().all(|oracle| oracle.contains(*text));
        let expected: Oracle = oracles[0].iter().filter(common).cloned().collect();
        let mut given = Vec::new();
        inter(&mut operands.clone(), |member| {
            collect(&mut given, member);
            true
        });
        check(given, &expected, &inter_into(&mut operands.clone(), &limits));

        let others = &oracles[1..];
        let only_first = |text: &&Vec<u8>| !others.iter().any(|oracle| oracle.contains(*text));
        let expected: Oracle = oracles[0].iter().filter(only_first).cloned().collect();
        let mut rest = operands[1..].to_vec();
        let mut given = Vec::new();
        diff(operands[0], &mut rest.clone(), |member| collect(&mut given, member));
        check(given, &expected, &diff_into(operands[0], &mut rest, &limits));
    }
}

#[test]
fn forms_follow_the_limits() {
    assert_eq!(Set::for_members(b"1", 5, &TINY).encoding(), "intset");
    assert_eq!(Set::for_members(b"1", 6, &TINY).encoding(), "listpack");
    assert_eq!(Set::for_members(b"a", 8, &TINY).encoding(), "listpack");
    assert_eq!(Set::for_members(b"a", 9, &TINY).encoding(), "hashtable");

    let mut set = set_of(&["1", "2", "3", "4", "5"], &TINY);
    assert_eq!(set.encoding(), "intset");
    assert!(!set.add(b"5", &TINY) && set.add(b"6", &TINY));
    assert_eq!(set.encoding(), "hashtable");
    assert_eq!(set.len(), 6);

    let mut set = set_of(&["1", "2", "a"], &TINY);
    assert_eq!(set.encoding(), "listpack");
    assert!(set.add(b"0123456789", &TINY));
    assert_eq!(set.encoding(), "listpack");
    assert!(set.add(b"0123456789x", &TINY));
    assert_eq!(set.encoding(), "hashtable");

    // The longest integer of an intset counts as a member of a listpack does.
    assert_eq!(set_of(&["12345678901", "a"], &TINY).encoding(), "hashtable");
    assert_eq!(set_of(&["1", "2", "3", "4", "01234567890"], &TINY).encoding(), "hashtable");

    let mut set = set_of(&["1", "2"], &TINY);
    set.maybe_convert(5, &TINY);
    assert_eq!(set.encoding(), "intset");
    set.maybe_convert(6, &TINY);
    assert_eq!((set.encoding(), set.len()), ("hashtable", 2));
}

#[test]
fn stored_results_have_the_form_redis_gives_them() {
    let ints = set_of(&["1", "2", "3"], &TINY);
    let mixed = set_of(&["1", "2", "a"], &TINY);
    let mut table = set_of(&["1", "2", "a", "b", "c", "d", "e", "f", "g"], &TINY);
    assert_eq!(table.encoding(), "hashtable");
    assert_eq!(inter_into(&mut [&mixed, &ints], &TINY).encoding(), "intset");
    assert_eq!(inter_into(&mut [&mixed, &table], &TINY).encoding(), "listpack");
    assert_eq!(union_into(&[&ints, &mixed], &TINY).encoding(), "listpack");
    assert_eq!(union_into(&[&ints, &table], &TINY).encoding(), "hashtable");
    assert_eq!(diff_into(&table, &mut [&ints], &TINY).encoding(), "listpack");
    table.pop_many(8, &TINY, |_| {});
    assert_eq!((table.encoding(), table.len()), ("listpack", 1));
}

#[test]
fn every_member_has_the_same_chance() {
    // A table whose buckets are filled unevenly, where an unfair draw would show.
    let mut set = Set::new_table(0);
    let texts: Vec<String> = (0..30).map(|i| format!("m{i}")).collect();
    for text in &texts {
        set.add(text.as_bytes(), &TINY);
    }
    const DRAWS: usize = 30_000;
    let mut counts = std::collections::HashMap::new();
    set.random_repeated(DRAWS / 2, |member| *counts.entry(member.to_vec()).or_insert(0) += 1);
    for _ in 0..DRAWS / 20 {
        for member in set.random_distinct(10) {
            *counts.entry(member.to_vec()).or_insert(0) += 1;
        }
    }
    let mean = DRAWS as f64 / 30.0;
    let chi: f64 = counts.values().map(|&n: &i32| (f64::from(n) - mean).powi(2) / mean).sum();
    assert!(counts.len() == 30 && chi < 80.0, "chi square {chi}");
}

#[test]
fn looking_up_allocates_nothing() {
    use crate::sys::malloc::allocation_count;
    let limits = SetLimits::default();
    let ints: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    let names: Vec<String> = (0..100).map(|i| format!("member:{i}")).collect();
    let many: Vec<String> = (0..1000).map(|i| format!("member:{i}")).collect();
    for texts in [&ints, &names, &many] {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let set = set_of(&texts, &limits);
        let before = allocation_count();
        assert!(texts.iter().all(|text| set.contains(text.as_bytes())));
        assert!(!set.contains(b"nobody") && !set.contains(b"-77"));
        assert_eq!(allocation_count(), before, "{}", set.encoding());
    }
}

#[test]
fn a_scan_reports_every_member() {
    let mut set = Set::new_table(0);
    for i in 0..1000 {
        set.add(format!("m{i}").as_bytes(), &TINY);
    }
    let (mut seen, mut cursor) = (Oracle::new(), 0);
    loop {
        cursor = set.scan(cursor, |member| {
            seen.insert(member.to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, members(&set));
}

/// Removes all but `left` members, in scan order, so that the rest shares its buckets.
fn remove_in_scan_order(set: &mut Set, left: usize) {
    let (mut gone, mut cursor) = (Vec::new(), 0);
    let count = set.len() - left;
    loop {
        cursor = set.scan(cursor, |member| gone.push(member.to_vec()));
        if gone.len() >= count || cursor == 0 {
            break;
        }
    }
    for member in &gone[..count] {
        assert!(set.remove(member));
    }
}

#[test]
fn one_long_chain_is_rehashed_while_a_child_saves_and_drawn_from_fairly() {
    use crate::storage::encoding::hashtable::{ResizePolicy, set_resize_policy};
    let mut set = Set::new_table(0);
    for i in 0..100_000 {
        set.add(format!("m:{i}").as_bytes(), &TINY);
    }
    while set.is_rehashing() {
        set.rehash(100);
    }
    set_resize_policy(ResizePolicy::Avoid);
    remove_in_scan_order(&mut set, 500);
    set_resize_policy(ResizePolicy::Enable);
    set.pop_random(|_| {});
    assert!(set.is_rehashing());
    // The ratio of the two arrays is so great that moving goes on while a child saves.
    set_resize_policy(ResizePolicy::Avoid);
    for _ in 0..20_000 {
        set.rehash(1);
    }
    assert!(!set.is_rehashing());
    set_resize_policy(ResizePolicy::Enable);
    remove_in_scan_order(&mut set, 30);
    let stats = set.table().map(|table| table.table().stats_text(true)).unwrap_or_default();
    for line in ["table size: 64", "number of elements: 30", "different slots: 1"] {
        assert!(stats.contains(line), "{stats}");
    }
    assert!(stats.contains("max chain length: 30") && !stats.contains("rehashing target"));
    let mut counts = std::collections::HashMap::new();
    for _ in 0..1000 {
        for member in set.random_distinct(10) {
            *counts.entry(member.to_vec()).or_insert(0) += 1;
        }
    }
    let mean = 10_000.0 / 30.0;
    let chi: f64 = counts.values().map(|&n: &i32| (f64::from(n) - mean).powi(2) / mean).sum();
    assert!(counts.len() == 30 && chi < 73.0, "chi square {chi}");
}
