//! Tests of SORT's parts against naive ones.

use super::elements::Elements;
use super::options::{Options, Permissions};
use super::order::Collation;
use super::pattern::Pattern;
use proptest::prelude::*;

const ALL: Permissions<'static> = Permissions { cluster_key: None, all_keys: true, store: true };

fn parse<'a>(text: &'a str, may: Permissions<'_>) -> Result<Options<'a>, String> {
    let args: Vec<&[u8]> = text.split_whitespace().map(str::as_bytes).collect();
    Options::parse(&args, may).map_err(|e| String::from_utf8(e.text().to_vec()).unwrap())
}

#[test]
fn options_and_their_errors() {
    let all = parse("by w_* LIMIT 1 2 get # GET d_*->f desc alpha store t", ALL).unwrap();
    assert!(all.desc && all.alpha && !all.unsorted && all.by.is_some());
    assert_eq!((all.gets.len(), all.limit, all.store), (2, Some((1, 2)), Some(&b"t"[..])));
    assert!(parse("by nosort", ALL).unwrap().unsorted);
    assert_eq!(parse("limit 1", ALL).err().unwrap(), "ERR syntax error");
    assert_eq!(parse("store", ALL).err().unwrap(), "ERR syntax error");
    assert_eq!(parse("foo bar", ALL).err().unwrap(), "ERR syntax error");
    let error = parse("limit a 2", ALL).err().unwrap();
    assert_eq!(error, "ERR value is not an integer or out of range");
    let read_only = Permissions { store: false, ..ALL };
    assert_eq!(parse("store t", read_only).err().unwrap(), "ERR syntax error");
}

#[test]
fn patterns_need_permission() {
    let user = Permissions { all_keys: false, ..ALL };
    let error = parse("by w_*", user).err().unwrap();
    assert_eq!(error, "ERR BY option of SORT denied due to insufficient ACL permissions.");
    assert!(parse("by nosort", user).is_ok());
    assert!(parse("get #", user).is_err());
    let cluster = Permissions { cluster_key: Some(b"{t}k"), ..ALL };
    assert!(parse("by {t}w_*", cluster).is_ok() && parse("get {t}w_*", cluster).is_ok());
    let error = parse("get w_*", cluster).err().unwrap();
    assert_eq!(
        error,
        "ERR GET option of SORT denied in Cluster mode when keys formed by the pattern may be in \
         different slots."
    );
}

#[test]
fn patterns_and_their_fields() {
    let key = |before: &'static [u8], after: &'static [u8], field: Option<&'static [u8]>| {
        Pattern::Key { before, after, field }
    };
    assert_eq!(Pattern::new(b"#"), Pattern::Itself);
    assert_eq!(Pattern::new(b"nosort"), Pattern::Constant);
    assert_eq!(Pattern::new(b"a*b"), key(b"a", b"b", None));
    assert_eq!(Pattern::new(b"a*b->f"), key(b"a", b"b", Some(b"f")));
    assert_eq!(Pattern::new(b"a*->f->g"), key(b"a", b"", Some(b"f->g")));
    assert_eq!(Pattern::new(b"a*->"), key(b"a", b"->", None));
    assert_eq!(Pattern::new(b"a->b*"), key(b"a->b", b"", None));
}

#[test]
fn limits_are_clamped() {
    let range = |limit, len| Options { limit: Some(limit), ..Options::default() }.range(len);
    assert_eq!(Options::default().range(3), 0..3);
    assert_eq!(range((1, 1), 3), 1..2);
    assert_eq!(range((-5, 2), 3), 0..2);
    assert_eq!(range((0, -7), 3), 0..3);
    assert!(range((3, 5), 3).is_empty() && range((9, 5), 3).is_empty());
    assert!(range((1, 0), 3).is_empty());
    assert_eq!(range((1, i64::MAX), 3), 1..3);
    assert_eq!(range((i64::MAX, i64::MAX), 0), 0..0);
}

proptest! {
    #[test]
    fn part_of_the_order_as_a_full_sort_gives_it(
        numbers in prop::collection::vec(-20i64..20, 0..60),
        limit in (0i64..70, -1i64..70),
        desc: bool,
        alpha: bool,
    ) {
        let options = Options { limit: Some(limit), desc, alpha, ..Options::default() };
        let mut found = Elements::default();
        for n in &numbers {
            found.push(n.to_string().as_bytes());
        }
        prop_assert!(found.weigh_by_themselves());
        let range = options.range(numbers.len());
        found.sort(&options, Collation::Bytes, range.clone());
        let mut naive = numbers.clone();
        if alpha {
            naive.sort_by_key(i64::to_string);
        } else {
            naive.sort();
        }
        if desc {
            naive.reverse();
        }
        let naive: Vec<_> = naive.iter().map(i64::to_string).skip(limit.0 as usize).collect();
        let count = usize::try_from(limit.1).unwrap_or(usize::MAX).min(naive.len());
        let got: Vec<String> =
            range.map(|i| String::from_utf8(found.bytes(i).to_vec()).unwrap()).collect();
        prop_assert_eq!(got, &naive[..count]);
    }
}

#[test]
fn missing_weights_come_first() {
    let mut found = Elements::default();
    for element in ["a", "b", "c"] {
        found.push(element.as_bytes());
    }
    assert!(found.set_weight(0, b"x", true) && found.set_weight(2, b"", true));
    let options = Options { alpha: true, by: Some(Pattern::new(b"w_*")), ..Options::default() };
    found.sort(&options, Collation::Bytes, 0..3);
    let order: Vec<&[u8]> = (0..3).map(|i| found.bytes(i)).collect();
    assert_eq!(order, [&b"b"[..], b"c", b"a"]);
    assert!(!found.set_weight(0, b"not a number", false));
}

proptest! {
    /// A stable sort by the weights, reversed as a whole where nothing is equal.
    #[test]
    fn weights_as_a_stable_sort_orders_them(
        weights in prop::collection::vec(prop::option::of("[ab]{0,10}"), 0..60),
        limit in (0i64..70, -1i64..70),
        desc: bool,
    ) {
        let by = Some(Pattern::new(b"w_*"));
        let options = Options { limit: Some(limit), desc, alpha: true, by, ..Options::default() };
        let mut found = Elements::default();
        for n in 0..weights.len() {
            found.push(n.to_string().as_bytes());
        }
        for (i, weight) in weights.iter().enumerate() {
            if let Some(weight) = weight {
                prop_assert!(found.set_weight(i, weight.as_bytes(), true));
            }
        }
        let range = options.range(weights.len());
        found.sort(&options, Collation::Bytes, range.clone());
        let mut naive: Vec<usize> = (0..weights.len()).collect();
        naive.sort_by(|a, b| {
            let order = weights[*a].cmp(&weights[*b]);
            if desc { order.reverse() } else { order }
        });
        let naive: Vec<_> = naive.iter().map(usize::to_string).collect();
        let got: Vec<String> =
            range.clone().map(|i| String::from_utf8(found.bytes(i).to_vec()).unwrap()).collect();
        prop_assert_eq!(got, &naive[range]);
    }
}

#[test]
fn numbers_of_all_kinds_are_in_order() {
    let ordered = ["-inf", "-1e300", "-20", "-0.5", "-0", "0", "1e-300", "3", "3.0", "20", "inf"];
    for desc in [false, true] {
        let mut found = Elements::default();
        for text in ordered.iter().rev() {
            found.push(text.as_bytes());
        }
        assert!(found.weigh_by_themselves());
        let options = Options { desc, ..Options::default() };
        found.sort(&options, Collation::Bytes, 0..ordered.len());
        let mut got: Vec<&[u8]> = (0..ordered.len()).map(|i| found.bytes(i)).collect();
        if desc {
            got.reverse();
        }
        assert_eq!(got, ordered.map(str::as_bytes));
    }
}
