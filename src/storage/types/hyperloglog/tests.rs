//! HyperLogLogs against an array of registers, and their bytes against known ones.

use proptest::prelude::*;

use super::*;

/// What the registers are after adding elements.
fn oracle(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut registers = vec![0; REGISTERS];
    for element in elements {
        let (idx, pattern) = place(element);
        registers[idx] = pattern.max(registers[idx]);
    }
    registers
}

fn registers_of(text: &RawStr) -> Vec<u8> {
    let mut registers = Registers::new();
    registers.merge(text.as_slice()).unwrap();
    registers.as_slice().to_vec()
}

fn filled(elements: &[Vec<u8>], sparse_max: usize) -> RawStr {
    let mut text = new();
    for element in elements {
        add(&mut text, element, sparse_max).unwrap();
    }
    text
}

fn numbers(from: usize, to: usize) -> Vec<Vec<u8>> {
    (from..to).map(|n| n.to_string().into_bytes()).collect()
}

#[test]
fn an_empty_one_has_the_bytes_of_redis() {
    assert_eq!(new().as_slice(), b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    assert_eq!(count(new().as_slice()), Ok(0));
    assert_eq!(cached(new().as_slice()), Some(0));
}

#[test]
fn bytes_of_three_elements_are_those_of_redis() {
    let text = filled(&[b"a".to_vec(), b"b".to_vec(), b"c".to_vec()], 3000);
    let want = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x60\xf3\x80P\xb1\x84K\xfb\x80BZ";
    assert_eq!(text.as_slice(), want);
    assert_eq!(count(text.as_slice()), Ok(3));
}

#[test]
fn small_cardinalities_are_exact_and_large_ones_near() {
    for n in [1, 5, 10, 100, 1000, 10_000, 100_000] {
        let text = filled(&numbers(0, n), 3000);
        let card = count(text.as_slice()).unwrap() as f64;
        assert!((card - n as f64).abs() <= n as f64 * 0.03, "{n}: {card}");
        assert_eq!(encoding(text.as_slice()) == Some(Encoding::Sparse), n <= 1000);
    }
}

#[test]
fn a_stale_cardinality_is_not_taken() {
    let mut text = filled(&numbers(0, 9), 3000);
    assert_eq!(cached(text.as_slice()), None);
    set_cached(text.as_mut_slice(), 9);
    assert_eq!(cached(text.as_slice()), Some(9));
    assert_eq!(add(&mut text, b"1", 3000), Ok(false));
    assert_eq!(cached(text.as_slice()), Some(9));
    assert_eq!(add(&mut text, b"new", 3000), Ok(true));
    assert_eq!(cached(text.as_slice()), None);
}

#[test]
fn wrong_headers_are_told() {
    assert_eq!(encoding(b"HYLL"), None);
    assert_eq!(encoding(b"HYLLx00000000000"), None);
    assert_eq!(encoding(b"HYLL\x00\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"), None);
    assert_eq!(encoding(b"HYL!\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"), None);
}

#[test]
fn broken_runs_are_corrupted() {
    for tail in [&b""[..], b"\x7f", b"\x7f\xfe", b"\x7f\xff\x00", b"\x7f\xffhello", b"\x7f\xfe\x81"]
    {
        let mut text = RawStr::from_slice(&new().as_slice()[..HEADER]);
        text.append(tail);
        assert_eq!(count(text.as_slice()), Err(Corrupted), "{tail:?}");
        assert_eq!(Registers::new().merge(text.as_slice()), Err(Corrupted), "{tail:?}");
        assert_eq!(to_dense(&mut text), Err(Corrupted), "{tail:?}");
    }
}

#[test]
fn the_limit_of_the_sparse_form_is_exact() {
    for max in [18, 30, 100, 500, 3000] {
        let mut text = new();
        for element in numbers(0, 5000) {
            add(&mut text, &element, max).unwrap();
            if encoding(text.as_slice()) == Some(Encoding::Sparse) {
                assert!(text.len() <= max);
            }
        }
        assert_eq!(encoding(text.as_slice()), Some(Encoding::Dense));
    }
}

#[test]
fn stored_registers_are_as_if_added_one_by_one() {
    for (n, max) in [(0, 3000), (3, 3000), (300, 3000), (600, 1000), (3000, 3000), (50, 165)] {
        let mut registers = Registers::new();
        registers.merge(filled(&numbers(0, n), 1 << 20).as_slice()).unwrap();
        let mut stored = new();
        store(&mut stored, &registers, false, max);
        let mut added = new();
        for (idx, value) in registers.as_slice().iter().enumerate().filter(|(_, v)| **v > 0) {
            raise(&mut added, idx, *value, max).unwrap();
        }
        invalidate(added.as_mut_slice());
        assert!(stored.as_slice() == added.as_slice(), "{n} elements, {max} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_forms_hold_what_was_added(
        elements in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..300),
        max in 18_usize..1000,
    ) {
        let text = filled(&elements, max);
        let want = oracle(&elements);
        prop_assert!(registers_of(&text) == want);
        let mut dense = RawStr::from_slice(text.as_slice());
        to_dense(&mut dense).unwrap();
        prop_assert!(registers_of(&dense) == want);
        prop_assert_eq!(count(text.as_slice()), count(dense.as_slice()));
        prop_assert!(runs(text.as_slice()).count() > 0 || is_dense(text.as_slice()));
    }

    #[test]
    fn hostile_bytes_never_panic(
        tail in prop::collection::vec(any::<u8>(), 0..200),
        element in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut text = RawStr::from_slice(&new().as_slice()[..HEADER]);
        text.append(&tail);
        let _ = count(text.as_slice());
        let _ = runs(text.as_slice()).count();
        for _ in 0..8 {
            let _ = add(&mut text, &element, 3000);
        }
        let _ = to_dense(&mut text);
    }
}
