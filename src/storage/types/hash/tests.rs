//! Hashes of every form against a naive map, and when the form changes.

use std::collections::BTreeMap;

use super::*;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn model_of(hash: &Hash) -> Model {
    let entry = |f: HashField<'_>| (f.name.to_vec(), (f.value.to_vec(), f.expire));
    let model: Model = hash.iter().map(entry).collect();
    assert_eq!(model.len(), hash.len(), "fields are unique");
    model
}

fn check(hash: &Hash, model: &Model) {
    assert_eq!(&model_of(hash), model);
    for (name, (value, expire)) in model {
        let got = hash.get(name).expect("the model has it");
        assert_eq!((got.value.to_vec(), got.expire), (value.clone(), *expire));
    }
    let times = model.values().filter_map(|(_, at)| *at);
    assert_eq!(hash.min_expire(), times.clone().min());
    assert_eq!(hash.has_field_expires(), times.clone().count() > 0);
    assert_eq!(hash.live_len(30), model.len() - times.filter(|at| *at < 30).count());
    if let HashView::ListpackEx(lp) = hash.view()
        && !model.is_empty()
    {
        assert_eq!(Hash::check_listpack(lp, true), Ok(()));
    }
}

/// Texts of integers, short and long strings.
fn random_text(rng: &mut fastrand::Rng, long: bool) -> Vec<u8> {
    match rng.u32(..3) {
        0 => rng.i64(-5..5).to_string().into_bytes(),
        1 if long => vec![b'x'; rng.usize(..200)],
        _ => format!("text{}", rng.u32(..20)).into_bytes(),
    }
}

fn random_run(seed: u64, limits: HashLimits, expires: bool) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut hash, mut model) = (Hash::new(), Model::new());
    for step in 0..600 {
        let name = random_text(&mut rng, false);
        match rng.u32(..7) {
            0..3 => {
                let (value, keep) = (random_text(&mut rng, true), rng.bool());
                let existed = hash.set(&name, &value, keep, &limits);
                assert_eq!(existed, model.contains_key(&name));
                let old = model.get(&name).and_then(|(_, at)| *at).filter(|_| keep);
                model.insert(name, (value, old));
            }
            3 => assert_eq!(hash.remove(&name), model.remove(&name).is_some()),
            4 | 5 if expires => {
                let at = rng.bool().then(|| rng.i64(1..100));
                hash.prepare_expires();
                assert_eq!(hash.set_expire(&name, at), model.contains_key(&name));
                if let Some(field) = model.get_mut(&name) {
                    field.1 = at;
                }
            }
            _ => {
                let (now, limit) = (rng.i64(..10), rng.usize(..3));
                let mut gone = Vec::new();
                let count = hash.expire_fields(now, limit, |name| gone.push(name.to_vec()));
                let due = model.values().filter(|(_, at)| at.is_some_and(|at| at <= now));
                assert_eq!((count, gone.len()), (due.count().min(limit), count));
                for name in gone {
                    assert!(model.remove(&name).is_some_and(|(_, at)| at <= Some(now)));
                }
            }
        }
        if step % 20 == 0 {
            check(&hash, &model);
        }
    }
    check(&hash, &model);
    check(&hash.clone(), &model);
    assert_eq!(hash.clone().encoding(), hash.encoding());
}

#[test]
fn every_form_agrees_with_a_naive_map() {
    let small = HashLimits { max_listpack_entries: 512, max_listpack_value: 1000 };
    let mixed = HashLimits { max_listpack_entries: 20, max_listpack_value: 64 };
    let table = HashLimits { max_listpack_entries: 0, max_listpack_value: 0 };
    for seed in 0..15 {
        for limits in [small, mixed, table] {
            random_run(seed, limits, false);
            random_run(seed, limits, true);
        }
    }
}

#[test]
fn form_changes_at_the_limits() {
    let limits = HashLimits { max_listpack_entries: 2, max_listpack_value: 4 };
    let mut hash = Hash::new();
    hash.set(b"a", b"1", false, &limits);
    hash.set(b"b", b"2222", false, &limits);
    assert_eq!(hash.encoding(), "listpack");
    let mut many = hash.clone();
    many.set(b"c", b"3", false, &limits);
    assert_eq!(many.encoding(), "hashtable");
    let mut long = hash.clone();
    long.set(b"a", b"55555", false, &limits);
    assert_eq!(long.encoding(), "hashtable");
    let mut at_once = hash.clone();
    at_once.try_conversion(&[b"a", b"1", b"a", b"2"], &limits);
    assert_eq!(at_once.encoding(), "listpack");
    at_once.try_conversion(&[b"a", b"1", b"a", b"2", b"a", b"3"], &limits);
    assert_eq!(at_once.encoding(), "hashtable");
    hash.prepare_expires();
    assert_eq!(hash.encoding(), "listpackex");
    hash.set_expire(b"a", Some(5));
    hash.set(b"c", b"3", false, &limits);
    assert_eq!((hash.encoding(), hash.min_expire()), ("hashtable", Some(5)));
}

#[test]
fn scan_reports_every_field() {
    let mut hash = Hash::new();
    for i in 0..1000 {
        hash.set(format!("f{i}").as_bytes(), b"v", false, &HashLimits::default());
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut cursor = 0;
    loop {
        cursor = hash.scan(cursor, |field| {
            seen.insert(field.name.to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), 1000);
}

#[test]
fn listpacks_that_are_no_hash_are_refused() {
    let ints = |values: &[i64]| {
        let lp = Listpack::from_values(values.iter().map(|&int| LpValue::Int(int)));
        (Hash::check_listpack(lp.as_lp(), false), Hash::check_listpack(lp.as_lp(), true))
    };
    assert_eq!(ints(&[1, 2, 3, 4, 5, 2]), (Ok(()), Err(Invalid)));
    assert_eq!(ints(&[1, 2, 3, 4, 5, 6, 7, 8, 0]).1, Ok(()));
    assert_eq!(ints(&[1, 2, 0, 4, 5, 6]).1, Err(Invalid), "0 goes last");
    assert_eq!(ints(&[1, 2, 3, 1, 5, 6]).1, Err(Invalid), "a field twice");
    assert_eq!(ints(&[1, 2, 3]).0, Err(Invalid));
    assert_eq!(ints(&[]), (Err(Invalid), Err(Invalid)));
}

#[test]
fn reading_a_table_allocates_nothing() {
    let mut hash = Hash::new();
    let table = HashLimits { max_listpack_entries: 0, max_listpack_value: 0 };
    for limits in [HashLimits::default(), table] {
        hash.set(b"field", b"value", false, &limits);
        let before = crate::sys::malloc::allocation_count();
        assert!(hash.get(b"field").is_some_and(|got| !got.is_expired(5)));
        assert!(hash.get(b"other").is_none());
        assert_eq!(crate::sys::malloc::allocation_count(), before);
    }
}
