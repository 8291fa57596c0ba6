//! The sorted set against a sorted vector, in both forms and across the change between them.

use super::*;
use proptest::prelude::*;

const LIMITS: ZSetLimits = ZSetLimits { max_listpack_entries: 12, max_listpack_value: 8 };
const TABLE: ZSetLimits = ZSetLimits { max_listpack_entries: 0, max_listpack_value: 0 };
const ROOMY: ZSetLimits = ZSetLimits { max_listpack_entries: 1000, max_listpack_value: 1000 };

type Pairs = Vec<(f64, Vec<u8>)>;

/// A naive sorted set.
#[derive(Default)]
struct Oracle(Pairs);

impl Oracle {
    fn score(&self, member: &[u8]) -> Option<f64> {
        self.0.iter().find(|(_, m)| m == member).map(|(score, _)| *score)
    }

    fn set(&mut self, score: f64, member: &[u8]) {
        self.remove(member);
        self.0.push((score, member.to_vec()));
        self.0.sort_by(|(a, x), (b, y)| a.partial_cmp(b).unwrap().then_with(|| x.cmp(y)));
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let at = self.0.iter().position(|(_, m)| m == member)?;
        Some(self.0.remove(at).0)
    }
}

fn listed(zset: &ZSet, ranks: Range<usize>, reverse: bool) -> Pairs {
    let mut out = Vec::new();
    zset.for_each(ranks, reverse, |member, score| out.push((score.get(), member.to_vec())));
    out
}

fn check(zset: &ZSet, oracle: &Oracle) {
    let len = oracle.0.len();
    assert_eq!(zset.len(), len);
    assert_eq!(listed(zset, 0..len, false), oracle.0);
    let (from, to) = (len / 3, len - len / 4);
    let mut part = oracle.0[from..to].to_vec();
    assert_eq!(listed(zset, from..to, false), part);
    part.reverse();
    assert_eq!(listed(zset, from..to, true), part);
    for (rank, (score, member)) in oracle.0.iter().enumerate() {
        assert_eq!(zset.score(member), Some(*score));
        assert_eq!(zset.rank(member), Some((rank, *score)));
    }
    assert_eq!(zset.score(b"absent member"), None);
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = zset.scan(cursor, |member, _| scanned.push(member.to_vec()));
        if cursor == 0 {
            break;
        }
    }
    scanned.sort();
    scanned.dedup();
    assert_eq!(scanned.len(), len);
}

#[derive(Debug, Clone)]
enum Op {
    Add(f64, Vec<u8>, AddOptions),
    Remove(Vec<u8>),
    DeleteRange(usize, usize),
    Scores(f64, f64, bool, bool),
    CopyRange(usize, usize),
}

fn members() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0u32..40).prop_map(|n| n.to_string().into_bytes()),
        3 => "[a-c]{0,3}".prop_map(String::into_bytes),
        1 => "[x-z]{8,10}".prop_map(String::into_bytes),
    ]
}

fn scores() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-5i32..5).prop_map(f64::from),
        2 => (-50i32..50).prop_map(|n| f64::from(n) / 8.0),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(1e300)],
    ]
}

fn options() -> impl Strategy<Value = AddOptions> {
    let one = |pick: u8, incr| AddOptions {
        nx: pick == 1,
        xx: pick == 2 || pick == 5,
        gt: pick == 3 || pick == 5,
        lt: pick == 4,
        incr,
    };
    (prop_oneof![3 => Just(0u8), 2 => 0u8..6], prop::bool::weighted(0.2))
        .prop_map(move |(pick, incr)| one(pick, incr))
}

fn ops() -> impl Strategy<Value = Op> {
    let at = || 0usize..40;
    prop_oneof![
        8 => (scores(), members(), options()).prop_map(|(s, m, o)| Op::Add(s, m, o)),
        3 => members().prop_map(Op::Remove),
        1 => (at(), at()).prop_map(|(a, n)| Op::DeleteRange(a, n / 4)),
        2 => (scores(), scores(), any::<bool>(), any::<bool>())
            .prop_map(|(a, b, x, y)| Op::Scores(a, b, x, y)),
        1 => (at(), at()).prop_map(|(a, n)| Op::CopyRange(a, n)),
    ]
}

fn check_add(zset: &mut ZSet, oracle: &mut Oracle, limits: &ZSetLimits, op: &Op) {
    let Op::Add(given, member, options) = op else { unreachable!() };
    let old = oracle.score(member);
    let new = if options.incr { old.unwrap_or(0.0) + given } else { *given };
    let allowed = match old {
        None => !options.xx,
        Some(old) => !(options.nx || options.gt && new <= old || options.lt && new >= old),
    };
    let expected = match old {
        Some(_) if !options.nx && new.is_nan() => Err(NotANumber),
        _ if !allowed => Ok(Added::Nothing),
        None => Ok(Added::New(*given)),
        Some(old) if old == new => Ok(Added::Same(new)),
        Some(_) => Ok(Added::Updated(new)),
    };
    assert_eq!(zset.add(*given, member, *options, limits), expected);
    if let Ok(Added::New(score) | Added::Updated(score)) = expected {
        oracle.set(score, member);
    }
}

fn run(ops: &[Op], limits: &ZSetLimits) {
    let mut zset = ZSet::new(0, 0, limits);
    let mut oracle = Oracle::default();
    for op in ops {
        let len = oracle.0.len();
        match op {
            Op::Add(..) => check_add(&mut zset, &mut oracle, limits, op),
            Op::Remove(member) => assert_eq!(zset.remove(member), oracle.remove(member)),
            Op::DeleteRange(start, n) => {
                let ranks = (*start).min(len)..(start + n).min(len);
                assert_eq!(zset.delete_range(ranks.clone()), ranks.len());
                oracle.0.drain(ranks);
            }
            Op::Scores(min, max, min_exclusive, max_exclusive) => {
                let range = ScoreRange {
                    min: *min,
                    max: *max,
                    min_exclusive: *min_exclusive,
                    max_exclusive: *max_exclusive,
                };
                let mut want = oracle.0.clone();
                want.retain(|(s, _)| range.from_min(*s) && range.upto_max(*s));
                assert_eq!(listed(&zset, zset.score_ranks(&range), false), want);
            }
            Op::CopyRange(start, n) => {
                let ranks = (*start).min(len)..(start + n).min(len);
                let copy = zset.copy_range(ranks.clone(), limits);
                check(&copy, &Oracle(oracle.0[ranks].to_vec()));
                check(&zset.clone(), &oracle);
            }
        }
        check(&zset, &oracle);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn equals_a_sorted_vector(ops in prop::collection::vec(ops(), 1..80)) {
        for limits in [LIMITS, TABLE, ROOMY] {
            run(&ops, &limits);
        }
    }

    #[test]
    fn lex_ranges_equal_a_filter(
        set in prop::collection::btree_set("[a-c]{0,3}", 0..30),
        min in "[a-c]{0,3}",
        max in "[a-c]{0,3}",
        kinds in (0u8..4, 0u8..4),
    ) {
        fn bound(text: &str, kind: u8) -> LexBound<'_> {
            match kind {
                0 => LexBound::Min,
                1 => LexBound::Max,
                2 => LexBound::Inclusive(text.as_bytes()),
                _ => LexBound::Exclusive(text.as_bytes()),
            }
        }
        let range = LexRange { min: bound(&min, kinds.0), max: bound(&max, kinds.1) };
        for limits in [ROOMY, TABLE] {
            let mut zset = ZSet::new(0, 0, &limits);
            for member in &set {
                zset.load(0.0, member.as_bytes(), &limits);
            }
            let mut want: Pairs = set.iter().map(|m| (0.0, m.clone().into_bytes())).collect();
            want.retain(|(_, m)| {
                range.min.is_before(|b| m[..].cmp(b)) && range.max.is_after(|b| m[..].cmp(b))
            });
            for reverse in [false, true] {
                let ranks = zset.lex_ranks(&range, reverse);
                prop_assert_eq!(&listed(&zset, ranks, false), &want);
            }
        }
    }
}

fn zset_of(n: usize, limits: &ZSetLimits) -> ZSet {
    let mut zset = ZSet::new(0, 0, limits);
    for i in 0..n {
        assert!(zset.load(i as f64 / 2.0, format!("m{i}").as_bytes(), limits));
    }
    zset
}

#[test]
fn leaves_the_listpack_at_the_limits() {
    assert_eq!(zset_of(12, &LIMITS).encoding(), "listpack");
    assert_eq!(zset_of(13, &LIMITS).encoding(), "skiplist");
    let mut zset = zset_of(1, &LIMITS);
    assert!(zset.load(1.0, b"12345678", &LIMITS));
    assert_eq!(zset.encoding(), "listpack");
    assert!(zset.load(1.0, b"123456789", &LIMITS));
    assert_eq!(zset.encoding(), "skiplist");
    assert!(!zset.load(1.0, b"m0", &LIMITS));
    zset.remove(b"123456789");
    assert_eq!(zset.encoding(), "skiplist");
    zset.convert_to_listpack_if_needed(&LIMITS);
    assert_eq!(zset.encoding(), "listpack");
    assert_eq!(zset.len(), 2);
}

#[test]
fn zadd_of_many_skips_the_listpack() {
    assert_eq!(ZSet::new(13, 1, &LIMITS).encoding(), "skiplist");
    assert_eq!(ZSet::new(1, 9, &LIMITS).encoding(), "skiplist");
    let mut zset = zset_of(2, &LIMITS);
    zset.maybe_convert(12, &LIMITS);
    assert_eq!(zset.encoding(), "listpack");
    zset.maybe_convert(13, &LIMITS);
    assert_eq!((zset.encoding(), zset.len()), ("skiplist", 2));
}

#[test]
fn scores_are_stored_as_redis_does() {
    let mut zset = ZSet::new(0, 0, &LIMITS);
    for (score, member) in [(1.5, "a"), (3.0, "b"), (f64::INFINITY, "c"), (-0.0, "d"), (1e30, "e")]
    {
        zset.load(score, member.as_bytes(), &LIMITS);
    }
    let ZSetView::Listpack(lp) = zset.view() else { panic!("small") };
    let entries: Vec<LpValue<'_>> = lp.iter().map(|(_, value)| value).collect();
    assert_eq!(entries[..2], [LpValue::Str(b"d"), LpValue::Int(0)]);
    assert_eq!(entries[2..4], [LpValue::Str(b"a"), LpValue::Str(b"1.5")]);
    assert_eq!(entries[4..6], [LpValue::Str(b"b"), LpValue::Int(3)]);
    assert_eq!(entries[6..8], [LpValue::Str(b"e"), LpValue::Str(b"1e+30")]);
    assert_eq!(entries[8..], [LpValue::Str(b"c"), LpValue::Str(b"inf")]);
}

#[test]
fn computed_sets_take_the_form_that_fits() {
    for (n, encoding) in [(12, "listpack"), (13, "skiplist")] {
        let zset = zset_of(n, &TABLE).copy_range(0..n, &LIMITS);
        assert_eq!((zset.len(), zset.encoding()), (n, encoding));
    }
}

#[test]
fn random_members_are_fair_and_distinct() {
    for limits in [ROOMY, TABLE] {
        let zset = zset_of(100, &limits);
        for count in [1, 5, 33, 34, 90, 100, 200] {
            let mut seen = std::collections::BTreeSet::new();
            zset.random_distinct(count, |member, _| {
                assert!(seen.insert(member.to_vec()));
            });
            assert_eq!(seen.len(), count.min(100));
        }
        let mut hits = [0u32; 100];
        zset.random_members(50_000, |_, score| hits[(score.get() * 2.0) as usize] += 1);
        assert!(hits.iter().all(|&n| (350..650).contains(&n)), "{hits:?}");
    }
}

#[test]
fn a_big_set_may_be_dropped_on_another_thread() {
    let zset = zset_of(10_000, &LIMITS);
    assert_eq!(zset.free_effort(), 10_000);
    std::thread::spawn(move || drop(zset)).join().unwrap();
}

#[test]
fn reading_and_rescoring_allocate_nothing() {
    for limits in [ROOMY, TABLE] {
        let mut zset = zset_of(100, &limits);
        let before = crate::sys::malloc::allocation_count();
        for i in 0..100u32 {
            let mut text = [b'm', b'0', b'0'];
            (text[1], text[2]) = (b'0' + (i / 10) as u8, b'0' + (i % 10) as u8);
            let member = if i < 10 { &[b'm', text[2]][..] } else { &text[..] };
            assert_eq!(zset.score(member), Some(f64::from(i) / 2.0));
            assert!(zset.rank(member).is_some());
            let range = ScoreRange::parse(b"(3", b"17.5").unwrap();
            assert_eq!(zset.score_ranks(&range).len(), 29);
            // Stays where it is; the length of its text stays, too.
            let same = zset.add(f64::from(i) / 2.0, member, AddOptions::default(), &limits);
            assert!(matches!(same, Ok(Added::Same(_))));
        }
        zset.for_each(10..90, true, |_, score| assert!(score.get() >= 5.0));
        assert_eq!(crate::sys::malloc::allocation_count(), before);
    }
}

#[test]
fn a_big_set_takes_at_most_58_bytes_a_member() {
    const N: usize = 200_000;
    let mut zset = ZSet::new(0, 0, &TABLE);
    for i in 0..N {
        let member = format!("member:{:09}", i * 7919 % N);
        zset.load(fastrand::f64(), member.as_bytes(), &TABLE);
    }
    let bytes = zset.memory_bytes(0);
    // `memory_bytes` counts what was asked for; the allocator rounds 25 bytes up to 32.
    assert!(bytes / N + 7 <= 58, "{} bytes a member", bytes / N + 7);
}
