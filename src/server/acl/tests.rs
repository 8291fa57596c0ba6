//! The words of rules and what they permit; printing and parsing again gives the same rules.

use proptest::prelude::*;

use super::check::{Reason, check_command, find_command, remaining_channels};
use super::log::{AclLog, Context, Refusal};
use super::rules::{RuleContext, RuleError, apply, merge_selectors};
use super::user::{Rules, User, hash_password};
use crate::commands::table::CommandTable;
use crate::commands::{Args, GROUPS};

fn table() -> CommandTable {
    CommandTable::new(GROUPS)
}

fn rules_of(table: &CommandTable, words: &str) -> Result<Rules, RuleError> {
    let cx = RuleContext { commands: table, all_channels: false };
    let mut rules = Rules::new(table, false);
    let words: Vec<&str> = words.split(' ').collect();
    for word in merge_selectors(&words).map_err(|_| RuleError::Syntax)? {
        apply(cx, &mut rules, &word)?;
    }
    Ok(rules)
}

fn described(words: &str) -> String {
    let rules = rules_of(&table(), words).unwrap();
    String::from_utf8(rules.describe()).unwrap()
}

/// `None` if the user may run the line, else the reason and the argument to blame.
fn refusal(table: &CommandTable, words: &str, line: &str) -> Option<(Reason, usize)> {
    let user = User::new(b"u", rules_of(table, words).unwrap());
    let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let command = find_command(table, Args(&argv)).unwrap();
    let denial = check_command(Some(&user), command, Args(&argv)).err()?;
    Some((denial.reason, denial.arg))
}

#[test]
fn rules_are_printed_as_redis_prints_them() {
    let off = "off sanitize-payload resetchannels";
    assert_eq!(described("reset"), format!("{off} -@all"));
    assert_eq!(described("+GET +get +@Set -sadd"), format!("{off} -@all +get +@set -sadd"));
    assert_eq!(described("+@all -@admin +config|get"), format!("{off} +@all -@admin +config|get"));
    assert_eq!(described("+config|get +config"), format!("{off} -@all +config"));
    assert_eq!(described("+config -config|set"), format!("{off} -@all +config -config|set"));
    assert_eq!(described("+select|0 +SELECT|1"), format!("{off} -@all +select|0 +select|1"));
    assert_eq!(described("+select|0 -select"), format!("{off} -@all -select"));
    assert_eq!(described("+get -@all"), format!("{off} -@all"));
    assert_eq!(
        described("on nopass %R~a %W~b ~c %rw~d &x &y (~* &* +@all) (%R~a %W~a)"),
        "on nopass sanitize-payload %R~a %W~b ~c ~d resetchannels &x &y -@all (~* &* +@all) \
         (~a resetchannels -@all)"
    );
    assert_eq!(described("%RW~*"), "off sanitize-payload ~* resetchannels -@all");
    assert_eq!(described("%RW~* ~a"), "off sanitize-payload %RW~* ~a resetchannels -@all");
    let hash = String::from_utf8(hash_password(b"secret").into()).unwrap();
    assert_eq!(
        described("nopass >secret"),
        format!("off #{hash} sanitize-payload").replace(
            &format!("off #{hash} sanitize-payload"),
            &format!("off sanitize-payload #{hash} resetchannels -@all")
        )
    );
    assert_eq!(hash, "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
}

#[test]
fn wrong_words_say_why() {
    let table = table();
    for (words, error) in [
        ("+nosuch", RuleError::UnknownCommand),
        ("-select|0", RuleError::UnknownCommand),
        ("+config|nosuch", RuleError::UnknownCommand),
        ("+@nosuch", RuleError::UnknownCommand),
        ("+config|get|x", RuleError::FirstArgOfSubcommand),
        ("+select|", RuleError::Syntax),
        ("bogus", RuleError::Syntax),
        ("%~a", RuleError::Syntax),
        ("%RR~a", RuleError::Syntax),
        ("%X~a", RuleError::Syntax),
        ("~* ~a", RuleError::KeysAfterAll),
        ("allkeys %R~a", RuleError::KeysAfterAll),
        ("&* &a", RuleError::ChannelsAfterAll),
        ("<pass", RuleError::NoSuchPassword),
        ("#abc", RuleError::BadHash),
        ("!abc", RuleError::BadHash),
        ("(+get", RuleError::Syntax),
        ("(on)", RuleError::Syntax),
    ] {
        assert_eq!(rules_of(&table, words).err(), Some(error), "{words}");
    }
    assert!(rules_of(&table, "%R").is_ok(), "the empty key");
}

#[test]
fn one_selector_must_allow_all_of_a_line() {
    use Reason::{Channel, Command, Key};
    let table = table();
    let cases = [
        ("", "get a", Some((Command, 0))),
        ("", "quit", None),
        ("+get", "get a", Some((Key, 1))),
        ("+get ~b", "get b", None),
        ("+@read ~a*", "mget a1 a2 b", Some((Key, 3))),
        ("+set %R~k", "set k v", Some((Key, 1))),
        ("+set %W~k", "set k v", None),
        ("+set %W~k", "set k v get", Some((Key, 1))),
        ("+exists %W~k", "exists k", None),
        ("(+get %R~a) (+set %W~a)", "set a 1", None),
        ("(+get ~a) (+set ~b)", "get b", Some((Key, 1))),
        ("+config|get", "config get x", None),
        ("+config|get", "config set x 1", Some((Command, 0))),
        ("+select|0", "select 0", None),
        ("+select|0", "select 1", Some((Command, 0))),
        ("+@all -config|set", "config set x 1", Some((Command, 0))),
        ("+publish &a*", "publish b m", Some((Channel, 1))),
        ("+@pubsub &a*", "subscribe a1 b", Some((Channel, 2))),
        ("+@pubsub &a*", "psubscribe a*", None),
        ("+@pubsub &a*", "psubscribe a1*", Some((Channel, 1))),
        ("+@pubsub", "unsubscribe x", None),
        ("+@all ~* &*", "flushall", None),
    ];
    for (words, line, expected) in cases {
        assert_eq!(refusal(&table, words, line), expected, "{words}: {line}");
    }
}

#[test]
fn a_restricted_user_is_told_from_one_who_may_do_everything() {
    let table = table();
    let free = |words: &str| rules_of(&table, words).unwrap().is_unrestricted();
    assert!(free("+@all ~* &*"));
    assert!(free("(+@all ~* &*)"));
    assert!(!free("+@all ~*"));
    assert!(!free("+@all -get ~* &*"));
    assert!(free("+@all -get +get ~* &*"));
    assert!(!free("-@all +@all -get ~* &*"));
}

#[test]
fn lost_channels() {
    let table = table();
    let left = |new: &str, old: &str| {
        let (new, old) = (rules_of(&table, new).unwrap(), rules_of(&table, old).unwrap());
        remaining_channels(&new, &old).map(|left| left.len())
    };
    assert_eq!(left("&a &b", "&a"), None);
    assert_eq!(left("&*", "&a"), None);
    assert_eq!(left("&a", "&a &b"), Some(1));
    assert_eq!(left("(&a) (&b)", "&*"), Some(2));
}

#[test]
fn like_refusals_share_an_entry() {
    let mut log = AclLog::default();
    let refusal = |object: &str| Refusal {
        reason: Reason::Command,
        context: Context::TopLevel,
        object: object.as_bytes().into(),
        username: Box::from(&b"u"[..]),
    };
    log.add(refusal("get"), "one".into(), 0, 3);
    log.add(refusal("set"), "one".into(), 1, 3);
    log.add(refusal("get"), "two".into(), 2, 3);
    let seen: Vec<(u64, u64, i64)> = log.iter().map(|e| (e.id, e.count, e.updated_ms)).collect();
    assert_eq!(seen, [(0, 2, 2), (1, 1, 1)]);
    log.add(refusal("get"), "three".into(), 100_000, 3);
    log.add(refusal("del"), "three".into(), 100_000, 3);
    assert_eq!(log.iter().map(|e| e.id).collect::<Vec<_>>(), [3, 2, 0]);
}

fn word() -> impl Strategy<Value = String> {
    let commands = prop::sample::select(vec![
        "get",
        "set",
        "config",
        "config|get",
        "client",
        "client|id",
        "select",
        "@all",
        "@set",
        "@admin",
        "@slow",
        "@fast",
        "@dangerous",
        "sadd",
        "acl|cat",
        "ping",
    ]);
    prop_oneof![
        4 => (any::<bool>(), commands).prop_map(|(plus, name)| {
            format!("{}{name}", if plus { '+' } else { '-' })
        }),
        1 => "[0-3]".prop_map(|arg| format!("+select|{arg}")),
        1 => "(~|%R~|%W~|%RW~)[a-c]{1,2}\\*?",
        1 => "&[a-c]{0,2}\\*?",
        1 => prop::sample::select(vec![
            "on", "off", "nopass", "resetpass", "reset", "resetkeys", "allkeys", "resetchannels",
            "allchannels", "clearselectors", "skip-sanitize-payload", "sanitize-payload", ">one",
            ">two", "<one",
        ]).prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn printed_rules_make_the_same_user(
        words in prop::collection::vec(word(), 0..12),
        inner in prop::collection::vec(word(), 0..6),
    ) {
        let table = table();
        let cx = RuleContext { commands: &table, all_channels: false };
        let mut rules = Rules::new(&table, false);
        // Words that do not fit what came before are passed over.
        for word in &words {
            let _ = apply(cx, &mut rules, word.as_bytes());
        }
        let _ = apply(cx, &mut rules, format!("({})", inner.join(" ")).as_bytes());
        let text = String::from_utf8(rules.describe()).unwrap();
        let again = rules_of(&table, &text).unwrap();
        prop_assert_eq!(&again, &rules, "{}", text);
        prop_assert_eq!(again.describe(), text.into_bytes());
    }
}
