//! Compares the rows of the command table with a committed copy of Redis' published facts
//! (tests/testdata/commands.tsv), and with what follows from the rows themselves: implied ACL
//! categories, `MOVABLE_KEYS`, documentation. A group that is not built in is passed over.

use std::collections::BTreeMap;

use super::spec::{Begin, CommandSpec, Find, Group, KeySpec};
use super::{GROUPS, acl, docs, flag, key_flag, keys};

const FACTS: &str = include_str!("../../tests/testdata/commands.tsv");

/// Names of flags that the facts have and COMMAND INFO does not show.
const HIDDEN_FLAGS: &[(u64, &str)] = &[
    (flag::MAY_REPLICATE, "may_replicate"),
    (flag::SENTINEL, "sentinel"),
    (flag::ONLY_SENTINEL, "only_sentinel"),
    (flag::PROTECTED, "protected"),
    (flag::TOUCHES_ARBITRARY_KEYS, "touches_arbitrary_keys"),
];

fn rows() -> BTreeMap<String, &'static CommandSpec> {
    let mut rows = BTreeMap::new();
    for spec in GROUPS.iter().flat_map(|group| group.iter()) {
        assert!(rows.insert(spec.name.to_string(), spec).is_none(), "{} twice", spec.name);
        for sub in spec.subcommands {
            let name = format!("{}|{}", spec.name, sub.name);
            assert!(rows.insert(name, sub).is_none(), "{}|{} twice", spec.name, sub.name);
        }
    }
    rows
}

fn joined(mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    names.join(",")
}

fn flag_names(flags: u64) -> String {
    let shown = flag::NAMES.iter().chain(HIDDEN_FLAGS);
    let shown = shown.filter(|(bit, _)| flags & bit != 0 && *bit != flag::MOVABLE_KEYS);
    joined(shown.map(|(_, name)| name.to_uppercase()).collect())
}

fn acl_names(categories: u64) -> String {
    let names = acl::NAMES.iter().filter(|(bit, _)| categories & bit != 0);
    joined(names.map(|(_, name)| name.to_uppercase()).collect())
}

fn key_spec_text(spec: &KeySpec) -> String {
    let names = key_flag::NAMES.iter().filter(|(bit, _)| spec.flags & bit != 0);
    let flags = joined(names.map(|(_, name)| name.to_uppercase()).collect()).replace(',', "/");
    let begin = match spec.begin {
        Begin::Index(pos) => format!("index:{pos}"),
        Begin::Keyword { keyword, startfrom } => format!("keyword:{keyword}:{startfrom}"),
        Begin::Unknown => "unknown".to_string(),
    };
    let find = match spec.find {
        Find::Range { lastkey, step, limit } => format!("range:{lastkey}:{step}:{limit}"),
        Find::KeyNum { keynumidx, firstkey, step } => {
            format!("keynum:{keynumidx}:{firstkey}:{step}")
        }
        Find::Unknown => "unknown".to_string(),
    };
    format!("{flags} {begin} {find}")
}

fn row_facts(name: &str, spec: &CommandSpec) -> String {
    let key_specs: Vec<String> = spec.keys.iter().map(key_spec_text).collect();
    [
        name.to_string(),
        spec.arity.to_string(),
        flag_names(spec.flags),
        acl_names(spec.acl),
        spec.since.to_string(),
        spec.group.name().replace('-', "_"),
        joined(spec.tips.iter().map(|tip| tip.to_string()).collect()),
        key_specs.join("; "),
    ]
    .join("\t")
}

#[test]
fn rows_state_the_published_facts() {
    let rows = rows();
    let built_in: Vec<Group> = GROUPS.iter().filter_map(|g| Some(g.first()?.group)).collect();
    let mut facts = BTreeMap::new();
    for line in FACTS.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        if built_in.iter().any(|group| group.name().replace('-', "_") == fields[5]) {
            facts.insert(fields[0], line);
        }
    }
    for (name, spec) in &rows {
        let fact = facts.remove(name.as_str());
        assert_eq!(Some(row_facts(name, spec).as_str()), fact, "{name}");
    }
    assert!(facts.is_empty(), "missing: {:?}", facts.keys());
}

#[test]
fn implied_categories_and_movable_keys_are_stated() {
    for (name, spec) in rows() {
        let mut implied = 0;
        let mut imply = |bit, category| implied |= if spec.flags & bit != 0 { category } else { 0 };
        imply(flag::WRITE, acl::WRITE);
        if spec.acl & acl::SCRIPTING == 0 {
            imply(flag::READONLY, acl::READ);
        }
        imply(flag::ADMIN, acl::ADMIN | acl::DANGEROUS);
        imply(flag::PUBSUB, acl::PUBSUB);
        imply(flag::FAST, acl::FAST);
        imply(flag::BLOCKING, acl::BLOCKING);
        assert_eq!(spec.acl & implied, implied, "{name}");
        let speeds = spec.acl & (acl::FAST | acl::SLOW);
        assert!(speeds == acl::FAST || speeds == acl::SLOW, "{name} is fast or slow");
        let movable = spec.flags & flag::MOVABLE_KEYS != 0;
        assert_eq!(movable, keys::legacy_range(spec.keys).movable, "{name}");
    }
}

fn key_spec_indexes(args: &[docs::DocArg], out: &mut Vec<usize>) {
    for arg in args {
        out.extend(arg.key_spec_index.map(usize::from));
        key_spec_indexes(arg.args, out);
    }
}

#[test]
fn every_row_is_documented_and_arguments_point_at_its_key_specs() {
    for (name, spec) in rows() {
        let doc = docs::find(&name).unwrap_or_else(|| panic!("{name} has no documentation"));
        let mut indexes = Vec::new();
        key_spec_indexes(doc.arguments, &mut indexes);
        assert!(indexes.iter().all(|index| *index < spec.keys.len()), "{name}");
    }
}
