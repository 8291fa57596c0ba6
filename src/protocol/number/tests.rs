//! Tests of the number texts. Expected texts were taken from a Redis server.

use super::*;

#[track_caller]
fn text(value: f64, want: &str) {
    assert_eq!(std::str::from_utf8(&NumText::from_f64(value)).unwrap(), want);
}

#[track_caller]
fn g17(value: f64, want: &str) {
    assert_eq!(std::str::from_utf8(&NumText::from_f64_g17(value)).unwrap(), want);
}

#[track_caller]
fn fixed(value: f64, want: &str) {
    assert_eq!(std::str::from_utf8(&NumText::from_f64_fixed(value, 4)).unwrap(), want);
}

#[test]
fn parse_i64_takes_only_canonical_texts() {
    for ok in ["0", "1", "-1", "10", "9223372036854775807", "-9223372036854775808"] {
        assert_eq!(parse_i64(ok.as_bytes()), Some(ok.parse().unwrap()));
    }
    let bad = [
        "",
        "-",
        "+1",
        "01",
        "-0",
        "-01",
        "1 ",
        " 1",
        "1a",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
        "100000000000000000000",
    ];
    for bad in bad {
        assert_eq!(parse_i64(bad.as_bytes()), None, "{bad:?}");
    }
}

#[test]
fn parse_u64_follows_strtoull_beyond_canonical_texts() {
    assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
    assert_eq!(parse_u64(b"18446744073709551616"), None);
    assert_eq!(parse_u64(b"-1"), None);
    assert_eq!(parse_u64(b"-01"), Some(u64::MAX));
    assert_eq!(parse_u64(b" +007"), Some(7));
    assert_eq!(parse_u64(b"7 "), None);
    assert_eq!(parse_u64(b"7\0x"), Some(7));
    assert_eq!(parse_u64(b""), None);
    assert_eq!(parse_u64(b"+"), None);
}

#[test]
fn strtoll_stops_saturates_and_counts() {
    let int = |value, len, out_of_range| CInt { value, len, out_of_range };
    assert_eq!(strtoll(b"  -12ab", 10), int(-12, 5, false));
    assert_eq!(strtoll(b"0755", 8), int(0o755, 4, false));
    assert_eq!(strtoll(b"78", 8), int(7, 1, false));
    assert_eq!(strtoll(b"x", 10), int(0, 0, false));
    assert_eq!(strtoll(b"-", 10), int(0, 0, false));
    assert_eq!(strtoll(b"99999999999999999999999", 10), int(i64::MAX, 23, true));
    assert_eq!(strtoll(b"-9223372036854775809", 10), int(i64::MIN, 20, true));
    assert_eq!(strtoll(b"-9223372036854775808", 10), int(i64::MIN, 20, false));
}

#[test]
fn i64_len_is_the_length_of_the_text() {
    for v in [0, 9, 10, 99, 100, -1, -10, i64::MAX, i64::MIN] {
        assert_eq!(i64_len(v), v.to_string().len());
        assert_eq!(&*NumText::from_i64(v), v.to_string().as_bytes());
    }
    assert_eq!(&*NumText::from_u64(u64::MAX), b"18446744073709551615");
}

#[test]
fn parse_f64_accepts_what_redis_accepts() {
    let ok = [
        ("+5", 5.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("-.5e1", -5.0),
        ("1e400", f64::INFINITY),
        ("1e-400", 0.0),
        ("INF", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("+inf", f64::INFINITY),
        ("00012", 12.0),
        ("1E+2", 100.0),
        ("1e99999999999999999999", f64::INFINITY),
        ("0e99999999999999999999", 0.0),
    ];
    for (text, want) in ok {
        assert_eq!(parse_f64(text.as_bytes()), Some(want), "{text:?}");
    }
    let bad = [
        "", "nan", "-nan", "nan(1)", "0x10", " 1", "1 ", "1e", "1e+", ".", "-", "+", "e5", "-.",
        "infx", "infinit", "1.2.3", "--1", "1_0",
    ];
    for text in bad {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn score_bounds_end_like_c_strings() {
    assert_eq!(parse_score_bound(b""), Some(0.0));
    assert_eq!(parse_score_bound(b"1.5\0junk"), Some(1.5));
    assert_eq!(parse_score_bound(b"1.5x"), None);
    assert_eq!(parse_score_bound(b"nan"), None);
    assert_eq!(parse_f64_prefix(b"1e+x"), (1.0, 1));
    assert_eq!(parse_f64_prefix(b"0x10"), (0.0, 1));
}

#[test]
fn doubles_print_as_in_redis() {
    text(0.0, "0");
    text(-0.0, "-0");
    text(3.0, "3");
    text(0.1, "0.1");
    text(-1.5, "-1.5");
    text(1e-6, "0.000001");
    text(1e-7, "1e-7");
    text(1.5e-10, "1.5e-10");
    text(1e21, "1e+21");
    text(1.5e300, "1.5e+300");
    text(4611686018427387904.0, "4611686018427387904");
    text(9007199254740993.0, "9007199254740992");
    // The shortest digits that read back would end in .2.
    text(5141924691552037.0 / 4.0, "1285481172888009.3");
    text(5e-324, "5e-324");
    text(f64::MAX, "1.7976931348623157e+308");
    text(f64::MIN_POSITIVE, "2.2250738585072014e-308");
    text(f64::INFINITY, "inf");
    text(f64::NEG_INFINITY, "-inf");
    text(f64::NAN, "nan");
}

#[test]
fn g17_prints_as_c() {
    g17(0.1, "0.10000000000000001");
    g17(-0.0, "-0");
    g17(1.0, "1");
    g17(100.0, "100");
    g17(1e16, "10000000000000000");
    g17(1e17, "1e+17");
    g17(1e-4, "0.0001");
    g17(1e-5, "1.0000000000000001e-05");
    g17(1.5e300, "1.5000000000000001e+300");
    g17(-2.5, "-2.5");
    // Eighteen digits ending in 5: halves go to even.
    g17(131073.0 / 131072.0, "1.0000076293945312");
    g17(131075.0 / 131072.0, "1.0000228881835938");
    g17(f64::NEG_INFINITY, "-inf");
}

#[test]
fn fixed_point_rounds_halves_to_even() {
    fixed(0.0, "0.0000");
    fixed(0.775, "0.7750");
    fixed(166274.1516, "166274.1516");
    fixed(-1.25, "-1.2500");
    fixed(0.00003, "0.0000");
    fixed(0.00006, "0.0001");
    fixed(12345.0, "12345.0000");
    fixed(-0.0001, "-0.0001");
    assert_eq!(&*NumText::from_f64_fixed(0.5, 17), b"0.50000000000000000");
}

#[test]
fn printed_doubles_read_back_equal() {
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..200_000 {
        let value = f64::from_bits(rng.u64(..));
        if value.is_nan() {
            continue;
        }
        for text in [NumText::from_f64(value), NumText::from_f64_g17(value)] {
            assert_eq!(parse_f64(&text).unwrap().to_bits(), value.to_bits(), "{value:e}");
        }
    }
}

#[test]
fn short_texts_are_read_as_the_standard_library_reads_them() {
    let mut rng = fastrand::Rng::with_seed(12);
    for _ in 0..200_000 {
        let mut text: Vec<u8> = (0..rng.usize(1..20)).map(|_| rng.u8(b'0'..=b'9')).collect();
        for _ in 0..rng.usize(..3) {
            let at = rng.usize(..=text.len());
            text.insert(at, *rng.choice(b".-e+5x/:".as_slice()).expect("not empty"));
        }
        let want = std::str::from_utf8(&text).expect("ASCII").parse::<f64>().ok();
        let got = parse_f64(&text);
        assert_eq!(got.map(f64::to_bits), want.map(f64::to_bits), "{}", text.escape_ascii());
    }
}
