//! The kernels and integers against naive ones, bit by bit.

use super::integer::{IntType, Overflow};
use super::kernels::{Op, combine, count_ones, find_bit};

fn bit(bytes: &[u8], i: usize) -> bool {
    bytes.get(i / 8).is_some_and(|byte| byte & (0x80 >> (i % 8)) != 0)
}

/// Random bytes with long dull stretches.
fn bitmap(rng: &mut fastrand::Rng, len: usize) -> Vec<u8> {
    let dull = [0, 0xff][rng.usize(..2)];
    let mut bytes = vec![dull; len];
    for _ in 0..rng.usize(..=len.min(40)) {
        let at = rng.usize(..len);
        bytes[at] = rng.u8(..);
    }
    bytes
}

#[test]
fn counting_and_finding_agree_with_bit_by_bit() {
    let mut rng = fastrand::Rng::with_seed(1);
    for round in 0..600 {
        let longest = if round % 10 == 0 { 3000 } else { 100 };
        let len = rng.usize(1..longest);
        let bytes = bitmap(&mut rng, len);
        let last = rng.usize(..len * 8);
        let first = rng.usize(..=last);
        let range = first..=last;
        let naive = range.clone().filter(|i| bit(&bytes, *i)).count();
        assert_eq!(count_ones(&bytes, first, last), naive as u64);
        for wanted in [false, true] {
            let naive = range.clone().find(|i| bit(&bytes, *i) == wanted);
            assert_eq!(find_bit(&bytes, wanted, first, last), naive, "{wanted} {range:?}");
        }
    }
}

#[test]
fn every_adder_level_counts() {
    for len in [511, 512, 513, 1024, 5000, 65_536] {
        assert_eq!(count_ones(&vec![0xff; len], 0, len * 8 - 1), len as u64 * 8);
    }
}

#[test]
fn combining_agrees_with_byte_by_byte() {
    let mut rng = fastrand::Rng::with_seed(2);
    for round in 0..60 {
        let longest = if round % 10 == 0 { 40_000 } else { 50 };
        let count = rng.usize(1..5);
        let operands: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let len = rng.usize(1..longest);
                (0..len).map(|_| rng.u8(..)).collect()
            })
            .collect();
        let len = operands.iter().map(Vec::len).max().unwrap();
        let byte = |operand: &Vec<u8>, i: usize| operand.get(i).copied().unwrap_or(0);
        for (op, f) in [
            (Op::And, (|a, b| a & b) as fn(u8, u8) -> u8),
            (Op::Or, |a, b| a | b),
            (Op::Xor, |a, b| a ^ b),
        ] {
            let naive: Vec<u8> =
                (0..len).map(|i| operands.iter().map(|o| byte(o, i)).reduce(f).unwrap()).collect();
            assert_eq!(combine(op, &operands, len).as_slice(), naive, "{op:?}");
        }
        let negated: Vec<u8> = operands[0].iter().map(|byte| !byte).collect();
        assert_eq!(combine(Op::Not, &operands[..1], negated.len()).as_slice(), negated);
    }
}

#[test]
fn integers_of_every_width_at_every_bit() {
    let mut rng = fastrand::Rng::with_seed(3);
    for bits in 1..=64 {
        for signed in [false, true] {
            let int = IntType { signed, bits };
            if !signed && bits == 64 {
                continue;
            }
            for offset in 0..24 {
                let mut bytes: Vec<u8> = (0..12).map(|_| rng.u8(..)).collect();
                let before = bytes.clone();
                let value = int.fit(rng.i64(..), Overflow::Wrap).unwrap();
                int.set(&mut bytes, offset, value);
                assert_eq!(int.get(&bytes, offset), value, "{int:?} at {offset}");
                let inside = offset..offset + bits as usize;
                for i in (0..96).filter(|i| !inside.contains(i)) {
                    assert_eq!(bit(&bytes, i), bit(&before, i), "{int:?} at {offset} touched {i}");
                }
                for (i, at) in inside.enumerate() {
                    let expected = value as u64 >> (bits as usize - 1 - i) & 1 == 1;
                    assert_eq!(bit(&bytes, at), expected);
                }
            }
        }
    }
}

#[test]
fn integers_end_where_the_string_ends() {
    let int = IntType { signed: false, bits: 16 };
    assert_eq!(int.get(b"\xab", 0), 0xab00);
    assert_eq!(int.get(b"\xab", 4), 0xb000);
    assert_eq!(int.get(b"\xab", 8), 0);
    assert_eq!(int.get(b"", usize::MAX / 2), 0);
    let mut bytes = *b"\0\0";
    int.set(&mut bytes, 0, 0xabcd);
    assert_eq!(bytes, [0xab, 0xcd]);
}

#[test]
fn overflow_policies() {
    let (i8, u8) = (IntType { signed: true, bits: 8 }, IntType { signed: false, bits: 8 });
    assert_eq!(i8.add(127, 1, Overflow::Wrap), Some(-128));
    assert_eq!(i8.add(127, 1, Overflow::Saturate), Some(127));
    assert_eq!(i8.add(-128, i64::MIN, Overflow::Saturate), Some(-128));
    assert_eq!(i8.add(127, 1, Overflow::Fail), None);
    assert_eq!(u8.add(0, -1, Overflow::Wrap), Some(255));
    assert_eq!(u8.add(0, -1, Overflow::Saturate), Some(0));
    assert_eq!(u8.fit(-1, Overflow::Saturate), Some(255), "a negative value is a great one");
    assert_eq!(i8.fit(-1000, Overflow::Saturate), Some(-128));
    assert_eq!(i8.fit(i64::MIN, Overflow::Saturate), Some(127), "as Redis");
    let i64 = IntType { signed: true, bits: 64 };
    assert_eq!(i64.add(i64::MAX, 1, Overflow::Wrap), Some(i64::MIN));
    assert_eq!(i64.add(i64::MIN, -1, Overflow::Fail), None);
}

#[test]
fn types_of_fields() {
    assert_eq!(IntType::parse(b"i64"), Some(IntType { signed: true, bits: 64 }));
    assert_eq!(IntType::parse(b"u63"), Some(IntType { signed: false, bits: 63 }));
    for wrong in ["u64", "i65", "u0", "i-1", "I8", "x8", "u", "", "u08", "u8 "] {
        assert_eq!(IntType::parse(wrong.as_bytes()), None, "{wrong}");
    }
}
