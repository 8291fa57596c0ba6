//! Entries of every shape, and every change of shape, against plain values.

use super::*;
use crate::storage::encoding::hashtable::Element;
use crate::sys::malloc::allocation_count;
use proptest::prelude::*;

/// What an entry should say.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    key: Vec<u8>,
    value: Vec<u8>,
    ttl: Option<i64>,
    lru: u32,
}

fn check(entry: &Entry, model: &Model) {
    let e = entry.as_ref();
    assert_eq!(e.key(), &model.key[..]);
    assert_eq!((e.expire(), e.lru()), (model.ttl, model.lru));
    let value = e.str_value().expect("a string");
    assert_eq!((value.to_vec(), value.len()), (model.value.clone(), model.value.len()));
    // The header; a TTL that came later may take an entry over the limit.
    let embedded_bytes = model.key.len() + model.value.len() + 8;
    match e.encoding() {
        "int" => assert_eq!(value.as_int().expect("int").to_string().as_bytes(), model.value),
        "embstr" => assert!(model.value.len() <= EMBSTR_MAX_LEN),
        _ => assert!(e.kind() >> 4 == ENC_RAW || embedded_bytes <= EMBED_MAX_BYTES),
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (prop::sample::select(vec![44usize, 45, 254, 255, 256, 257, 900, 1000, 1100, 5000]))
            .prop_map(|n| vec![b'x'; n]),
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        (-200..200i64).prop_map(|n| n.to_string().into_bytes()),
    ]
}

#[derive(Clone, Debug)]
enum Change {
    Bytes(Vec<u8>, bool),
    Value(Vec<u8>, bool),
    Ttl(Option<i64>),
    Raw,
    Lru(u32),
    Parts,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (bytes(), any::<bool>()).prop_map(|(b, keep)| Change::Bytes(b, keep)),
        2 => (bytes(), any::<bool>()).prop_map(|(b, keep)| Change::Value(b, keep)),
        3 => any::<Option<i64>>().prop_map(Change::Ttl),
        1 => Just(Change::Raw),
        1 => (0..=LRU_MASK).prop_map(Change::Lru),
        1 => Just(Change::Parts),
    ]
}

fn apply(entry: Entry, model: &mut Model, change: Change) -> Entry {
    let expire = |keep| if keep { Expire::Keep } else { Expire::Clear };
    match change {
        Change::Bytes(value, keep) | Change::Value(value, keep) if !keep && value.is_empty() => {
            (model.value, model.ttl) = (value.clone(), None);
            entry.with_bytes(&value, Expire::Clear, model.lru).0
        }
        Change::Bytes(value, keep) => {
            let old_is_raw = entry.as_ref().kind() >> 4 == ENC_RAW;
            let (entry, old) = entry.with_bytes(&value, expire(keep), model.lru);
            assert_eq!(old.is_some(), old_is_raw);
            model.value = value;
            model.ttl = model.ttl.filter(|_| keep);
            entry
        }
        Change::Value(value, keep) => {
            let new = Value::Str(StrValue::from_bytes(&value));
            let (entry, _) = entry.with_value(new, expire(keep), model.lru);
            assert_ne!(entry.as_ref().encoding(), "int", "bytes stay bytes");
            model.value = value;
            model.ttl = model.ttl.filter(|_| keep);
            entry
        }
        Change::Ttl(ttl) => {
            model.ttl = ttl;
            entry.with_expire(ttl)
        }
        Change::Raw => {
            let mut entry = entry.into_raw_str();
            assert_eq!(entry.as_ref().encoding(), "raw");
            entry.as_mut().into_raw_str().expect("raw").append(b"!");
            model.value.push(b'!');
            entry
        }
        Change::Lru(lru) => {
            let mut entry = entry;
            entry.as_mut().set_lru(lru);
            model.lru = lru;
            entry
        }
        Change::Parts => {
            let encoding = entry.as_ref().encoding();
            let (value, ttl) = entry.into_value();
            let entry = Entry::new(&model.key, value, ttl, model.lru);
            assert_eq!(entry.as_ref().encoding(), encoding);
            entry
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn every_change_of_shape_keeps_what_it_should(
        key in bytes(),
        value in bytes(),
        ttl in any::<Option<i64>>(),
        changes in prop::collection::vec(change(), 0..20),
    ) {
        let mut model = Model { key, value, ttl, lru: 77 };
        let mut entry = Entry::from_bytes(&model.key, &model.value, ttl, 77);
        check(&entry, &model);
        for change in changes {
            entry = apply(entry, &mut model, change);
            check(&entry, &model);
        }
    }

    #[test]
    fn only_canonical_texts_are_integers(text in "-?[0-9]{0,21}|[-+ 0-9a]{0,6}") {
        let parsed = std::str::from_utf8(text.as_bytes()).expect("ascii").parse::<i64>().ok();
        let canonical = parsed.filter(|n| n.to_string() == text);
        prop_assert_eq!(parse_canonical_int(text.as_bytes()), canonical);
    }

    #[test]
    fn a_growing_string_agrees_with_a_vec(
        steps in prop::collection::vec((0..4u8, 0..3000usize, bytes()), 1..20),
    ) {
        let (mut raw, mut plain) = (RawStr::with_capacity(0), Vec::new());
        for (kind, n, bytes) in steps {
            match kind {
                0 => { raw.append(&bytes); plain.extend_from_slice(&bytes); }
                1 => {
                    raw.write_at(n, &bytes);
                    plain.resize(plain.len().max(n + bytes.len()), 0);
                    plain[n..n + bytes.len()].copy_from_slice(&bytes);
                }
                2 => { raw.truncate(n); plain.truncate(n); raw.shrink_to_fit(); }
                _ => {
                    raw.reserve_exact(n);
                    raw.grow_zeroed(n);
                    plain.resize(plain.len().max(n), 0);
                }
            }
            prop_assert_eq!(raw.as_slice(), &plain[..]);
            prop_assert!(raw.len() <= raw.capacity());
            let copy = raw.clone();
            prop_assert_eq!(copy.as_slice(), &plain[..]);
        }
    }
}

#[test]
fn small_keys_take_what_the_design_says() {
    let size = |e: Entry| e.as_ref().entry_bytes();
    assert_eq!(size(Entry::from_bytes(&[b'k'; 16], &[b'v'; 16], None, 0)), 40);
    assert_eq!(size(Entry::from_bytes(&[b'k'; 16], b"123456", None, 0)), 32);
    assert_eq!(size(Entry::from_bytes(&[b'k'; 16], &[b'v'; 16], Some(1), 0)), 48);
}

#[test]
fn embstr_ends_at_44_bytes_however_long_the_key_is() {
    for klen in [3, 300, 5000] {
        let encoding = |n: usize| {
            Entry::from_bytes(&vec![b'k'; klen], &vec![b'v'; n], None, 0).as_ref().encoding()
        };
        assert_eq!((encoding(0), encoding(44), encoding(45)), ("embstr", "embstr", "raw"));
    }
    assert_eq!(Entry::from_bytes(b"k", b"12", None, 0).as_ref().encoding(), "int");
}

#[test]
fn overwriting_within_a_size_class_allocates_nothing() {
    let entry = Entry::from_bytes(b"key:000000000001", b"value-0123456789", None, 0);
    let before = allocation_count();
    let (entry, _) = entry.with_bytes(b"other-0123456", Expire::Clear, 3);
    let (entry, _) = entry.with_bytes(b"value-0123456789", Expire::Clear, 3);
    assert_eq!(entry.as_ref().str_value(), Some(StrRef::Bytes(b"value-0123456789")));
    let mut int = entry.with_bytes(b"8", Expire::Clear, 3).0;
    let before_int = allocation_count();
    assert!(before_int - before <= 1, "16 bytes of text to an integer may shrink the block");
    assert!(int.as_mut().set_int(i64::MIN));
    assert_eq!(int.as_ref().str_value(), Some(StrRef::Int(i64::MIN)));
    let (value, _) = int.into_value();
    assert_eq!(allocation_count(), before_int);
    drop(value);
}

#[test]
fn collections_live_behind_the_payload_word() {
    use crate::storage::types::list::List;
    let entry = Entry::new(b"list", Value::List(List::new()), Some(5), 9);
    let mut entry = entry.with_expire(None);
    assert_eq!((entry.as_ref().obj_type(), entry.as_ref().lru()), (ObjType::List, 9));
    assert!(entry.as_ref().get::<List>().is_some_and(List::is_empty));
    assert!(entry.as_ref().get::<Hash>().is_none() && entry.as_ref().str_value().is_none());
    assert!(entry.as_mut().into_mut::<List>().is_some());
    assert!(matches!(entry.as_mut().value_mut(), ValueMut::List(_)));
    assert!(entry.as_mut().into_raw_str().is_none() && !entry.as_mut().set_int(1));
    let (entry, old) = entry.with_bytes(b"text", Expire::Keep, 1);
    assert!(matches!(old, Some(Value::List(_))));
    assert_eq!(entry.as_ref().str_value(), Some(StrRef::Bytes(b"text")));
    let (value, ttl) = Entry::new(b"list", Value::List(List::new()), Some(5), 9).into_value();
    assert!(matches!(value, Value::List(_)) && ttl == Some(5));
}

#[test]
fn keys_of_all_lengths_match_themselves_only() {
    for len in 0..200 {
        let key: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let entry = Entry::from_bytes(&key, b"v", None, 0);
        let word = entry.into_word();
        // SAFETY: a live entry.
        let matches = |key: &[u8]| unsafe { Entry::matches(word, key) };
        assert!(matches(&key));
        for i in 0..key.len() {
            let mut other = key.clone();
            other[i] ^= 1;
            assert!(!matches(&other));
        }
        assert!(!matches(&[&key[..], b"x"].concat()));
        // SAFETY: the word is used for the last time.
        drop(unsafe { Entry::from_word(word) });
    }
}
