//! Redis' glob patterns (KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET, ACL patterns).
//!
//! `*` any run, `?` one byte, `[abc]` `[a-z]` `[^a]` classes, `\x` the byte x. Works on bytes, not
//! characters, and folds ASCII case only. Not a validator: every pattern means something, odd ones
//! what Redis makes of them (an unclosed class ends with the pattern, a class in an otherwise
//! used-up pattern matches nothing).
//!
//! Invariant: time is at most pattern length × text length. When what follows a `*` fits nowhere in
//! the rest of the text, giving an earlier `*` more text cannot help, so only the last `*` is ever
//! retried and no recursion is needed.

/// A pattern that reaches more than this many separate `*` before the end matches nothing: Redis'
/// guard against abuse, which callers can observe.
const MAX_STARS: usize = 1000;

/// True when all of `text` matches all of `pattern`; `nocase` folds ASCII letters.
///
/// An empty text matches only an empty pattern, not `*`, as in Redis.
pub fn string_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last star, one byte of text later.
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        while p < pattern.len() && t < text.len() {
            if pattern[p] == b'*' {
                p = skip_stars(pattern, p);
                if p == pattern.len() {
                    return true;
                }
                stars += 1;
                if stars > MAX_STARS {
                    return false;
                }
                retry = Some((p, t));
                continue;
            }
            let Some(next) = match_one(pattern, p, text[t], nocase) else {
                break;
            };
            p = next;
            t += 1;
            if t == text.len() {
                p = skip_stars(pattern, p);
            }
        }
        if p == pattern.len() && t == text.len() {
            return true;
        }
        match &mut retry {
            Some((behind_star, from)) if *from + 1 < text.len() => {
                *from += 1;
                (p, t) = (*behind_star, *from);
            }
            _ => return false,
        }
    }
}

/// The position of the first byte at or after `p` that is no star.
fn skip_stars(pattern: &[u8], mut p: usize) -> usize {
    while pattern.get(p) == Some(&b'*') {
        p += 1;
    }
    p
}

fn fold(byte: u8, nocase: bool) -> u8 {
    if nocase { byte.to_ascii_lowercase() } else { byte }
}

/// Matches the one-byte element at `p` (not a star) against `byte`; gives the position behind it.
fn match_one(pattern: &[u8], p: usize, byte: u8, nocase: bool) -> Option<usize> {
    let literal = match pattern[p] {
        b'?' => return Some(p + 1),
        b'[' => {
            let (hit, next) = match_class(pattern, p + 1, byte, nocase);
            return hit.then_some(next);
        }
        b'\\' if p + 1 < pattern.len() => p + 1,
        _ => p,
    };
    (fold(pattern[literal], nocase) == fold(byte, nocase)).then_some(literal + 1)
}

/// Matches the class whose first byte after `[` is at `p`; gives the verdict and the position
/// behind the class.
fn match_class(pattern: &[u8], mut p: usize, byte: u8, nocase: bool) -> (bool, usize) {
    let negated = pattern.get(p) == Some(&b'^');
    if negated {
        p += 1;
    }
    let mut hit = false;
    loop {
        match pattern[p.min(pattern.len())..] {
            [] => return (hit != negated, pattern.len()),
            // An escaped byte keeps its case even when the rest ignores it.
            [b'\\', escaped, ..] => {
                hit |= escaped == byte;
                p += 2;
            }
            [b']', ..] => return (hit != negated, p + 1),
            [from, b'-', to, ..] => {
                hit |= in_range(from, to, byte, nocase);
                p += 3;
            }
            [single, ..] => {
                hit |= fold(single, nocase) == fold(byte, nocase);
                p += 1;
            }
        }
    }
}

/// Range ends may stand in either order. They are ordered as C's signed `char` before case is
/// folded, both visible to callers.
fn in_range(from: u8, to: u8, byte: u8, nocase: bool) -> bool {
    let (from, to) = if from.cast_signed() > to.cast_signed() { (to, from) } else { (from, to) };
    let [from, to, byte] = [from, to, byte].map(|b| range_value(b, nocase));
    (from..=to).contains(&byte)
}

/// The place of a byte in a range: signed, but C's `tolower` makes bytes from 0x80 positive, except
/// 0xff which it takes for EOF.
fn range_value(byte: u8, nocase: bool) -> i32 {
    if nocase && byte != 0xff {
        i32::from(byte.to_ascii_lowercase())
    } else {
        i32::from(byte.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(pattern: &str, text: &str, want: bool) {
        assert_eq!(string_match(pattern.as_bytes(), text.as_bytes(), false), want);
    }

    #[test]
    fn stars_and_question_marks() {
        case("*", "abc", true);
        case("a*", "a", true);
        case("a**c", "abbc", true);
        case("*b", "aab", true);
        case("*ab*cd*", "xxabyycdzz", true);
        case("*ab*cd", "xxabyycdzz", false);
        case("h?llo", "hello", true);
        case("h?llo", "hllo", false);
        case("?", "", false);
    }

    #[test]
    fn empty_text_matches_the_empty_pattern_only() {
        case("", "", true);
        case("*", "", false);
        case("", "a", false);
    }

    #[test]
    fn classes_ranges_and_negation() {
        case("h[ae]llo", "hallo", true);
        case("h[ae]llo", "hillo", false);
        case("h[^e]llo", "hallo", true);
        case("h[^e]llo", "hello", false);
        case("h[a-b]llo", "hbllo", true);
        case("h[b-a]llo", "hbllo", true);
        case("[]a]", "a", false);
        case("[abc", "c", true);
        case("[abc", "d", false);
        case("a[", "ab", false);
        case("[^", "x", true);
        case("[a-]", "-", false);
        case("[a\\-z]", "-", true);
        case("[a\\-z]", "b", false);
    }

    #[test]
    fn escapes() {
        case("h\\[llo", "h[llo", true);
        case("\\*", "*", true);
        case("\\*", "a", false);
        case("a\\", "a\\", true);
    }

    #[test]
    fn case_folding_leaves_escapes_inside_classes_alone() {
        assert!(string_match(b"FOO[A-C]", b"foob", true));
        assert!(string_match(b"[A]", b"a", true));
        assert!(!string_match(b"[\\A]", b"a", true));
        assert!(string_match(b"\\A", b"a", true));
        // '_' lies between 'Z' and 'a': the ends are ordered first, then folded.
        assert!(!string_match(b"[Z-_]", b"z", true));
    }

    #[test]
    fn range_ends_are_signed_bytes() {
        assert!(string_match(b"[\xf0-\x05]", b"\x00", false));
        assert!(!string_match(b"[\xf0-\x05]", b"\x7f", false));
        assert!(!string_match(b"[\xf0-\x05]", b"\x00", true));
        assert!(string_match(b"[\x05-\xf0]", b"\xf0", false));
        assert!(string_match(b"[\xff-\x05]", b"\x00", true));
    }

    #[test]
    fn many_stars_stay_quick_and_over_a_thousand_match_nothing() {
        let text = vec![b'a'; 20_000];
        let mut pattern = b"a*".repeat(500);
        pattern.push(b'b');
        assert!(!string_match(&pattern, &text, false));
        assert!(string_match(&b"a*".repeat(1001), &text, false));
        assert!(string_match(&[&b"*a".repeat(1000)[..], b"*"].concat(), &text, false));
        assert!(!string_match(&b"*a".repeat(1001), &text, false));
    }
}
