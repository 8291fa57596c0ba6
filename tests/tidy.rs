//! The style and architecture rules of this project, checked by reading the source text.
//!
//! Not a parser: a small scanner separates code from comments and blanks literals, and every rule
//! looks at the words that remain. Known excesses stand in `tests/tidy_ratchet.txt`, one line each
//! (`path<TAB>rule<TAB>count`), where the count is what the rule measures: lines beyond a limit for
//! the two length rules, offences for the others. The ratchet only turns one way:
//!
//! - a count above its line (or without a line) fails the test;
//! - a count below its line fails too, so that an improvement is kept:
//!   `TIDY_RATCHET=lower cargo test --test tidy` (or `make tidy-lower`) writes the smaller counts;
//! - `TIDY_RATCHET=accept` also writes larger ones. It is for a reviewed exception only; the
//!   diff of the ratchet file is what the reviewer judges.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MAX_COLUMNS: usize = 100;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_FILE_LINES: usize = 800;
/// Long tests live in a sibling `tests.rs`, which may be longer than code.
const MAX_TEST_FILE_LINES: usize = 1500;
/// How far above an `unsafe` block its SAFETY note may stand.
const SAFETY_REACH_LINES: usize = 16;

/// Where `unsafe` may appear: a folder ends in `/`, `*` stands for the rest of a file name.
const UNSAFE_WALL: &[&str] = &[
    "src/sys/",
    "src/scripting/lua/",
    "src/storage/encoding/entry*",
    "src/storage/encoding/field_table*",
    "src/storage/encoding/hashtable*",
    "src/storage/encoding/tagged*",
    "src/storage/encoding/listpack*",
    "src/storage/encoding/intset*",
    "src/storage/encoding/ordered_set*",
    "src/storage/encoding/member_table*",
    "src/storage/encoding/set_table*",
    "src/storage/types/hyperloglog/registers.rs",
    "src/util/crc64.rs",
];

/// Data tables, long by nature: no limit on their length.
const LENGTH_EXEMPT: &[&str] = &["src/commands/docs", "src/config/directives"];

/// One layer: the files under `path`, and the `crate::` paths they may name. The longest `path`
/// that fits a file decides, so an exception stands as its own row. `"*"` permits everything.
struct Layer {
    path: &'static str,
    may_use: &'static [&'static str],
    /// Exceptions from `may_use`.
    never: &'static [&'static str],
}

const NOT_UP: &[&str] = &["server", "commands"];

/// The arrows of the design, from the bottom up.
const LAYERS: &[Layer] = &[
    Layer { path: "src/util", may_use: &["util"], never: &[] },
    Layer { path: "src/sys", may_use: &["sys", "util"], never: &[] },
    Layer { path: "src/protocol", may_use: &["protocol", "util", "sys"], never: &[] },
    Layer { path: "src/config", may_use: &["config", "protocol", "util", "sys"], never: &[] },
    // An encoding knows no Db, config or clock: limits and time are arguments.
    Layer {
        path: "src/storage/encoding",
        may_use: &["storage::encoding", "protocol::number", "util", "sys"],
        never: &[],
    },
    // An entry holds values of all types: of the encodings it alone stands above the types.
    Layer {
        path: "src/storage/encoding/entry",
        may_use: &["storage", "util", "sys"],
        never: &["storage::db", "storage::keyspace", "storage::expire", "storage::evict"],
    },
    Layer {
        path: "src/storage/types",
        may_use: &["storage", "protocol::number", "util", "sys"],
        never: &["storage::db", "storage::keyspace", "storage::expire", "storage::evict"],
    },
    Layer {
        path: "src/storage",
        may_use: &["storage", "protocol::number", "util", "sys"],
        never: &[],
    },
    Layer { path: "src/persistence", may_use: &["*"], never: NOT_UP },
    Layer { path: "src/replication", may_use: &["*"], never: NOT_UP },
    Layer { path: "src/cluster", may_use: &["*"], never: NOT_UP },
    Layer { path: "src/sentinel", may_use: &["*"], never: NOT_UP },
    Layer { path: "src/scripting", may_use: &["*"], never: NOT_UP },
    // Handlers decide, types compute, encodings obey.
    Layer { path: "src/commands", may_use: &["*"], never: &["storage::encoding"] },
    Layer { path: "src/server", may_use: &["*"], never: &[] },
    Layer { path: "src/lib.rs", may_use: &["*"], never: &[] },
    Layer { path: "src/main.rs", may_use: &["*"], never: &[] },
];

/// One offence: the rule, the line it was seen at (1-based), how much it counts, and a hint.
struct Finding {
    rule: &'static str,
    line: usize,
    count: usize,
    hint: String,
}

/// One source line, split: `code` with the contents of literals blanked, and the comment's text.
#[derive(Default, Clone)]
struct Line {
    code: String,
    comment: String,
    in_test: bool,
}

// --- The scanner -------------------------------------------------------------------------------

/// Splits a source text into code and comments. Understands nested block comments, escapes, raw
/// and byte strings, and tells a character from a lifetime.
fn scan(text: &str) -> Vec<Line> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = vec![Line::default()];
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let used = if rest.starts_with(&['/', '/']) {
            take_line_comment(rest, &mut out)
        } else if rest.starts_with(&['/', '*']) {
            take_block_comment(rest, &mut out)
        } else if let Some(len) = literal_len(&chars, at) {
            take_literal(&rest[..len], &mut out)
        } else {
            match rest[0] {
                '\n' => out.push(Line::default()),
                c => last(&mut out).code.push(c),
            }
            1
        };
        at += used;
    }
    mark_tests(&mut out);
    out
}

fn last(lines: &mut [Line]) -> &mut Line {
    lines.last_mut().expect("scan starts with one line")
}

fn take_line_comment(rest: &[char], out: &mut [Line]) -> usize {
    let len = rest.iter().position(|&c| c == '\n').unwrap_or(rest.len());
    last(out).comment.extend(&rest[..len]);
    len
}

fn take_block_comment(rest: &[char], out: &mut Vec<Line>) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            match rest[at] {
                '\n' => out.push(Line::default()),
                c => last(out).comment.push(c),
            }
            at += 1;
        }
    }
    at
}

/// A literal becomes `""`, with as many line ends as it had.
fn take_literal(literal: &[char], out: &mut Vec<Line>) -> usize {
    last(out).code.push('"');
    for _ in literal.iter().filter(|&&c| c == '\n') {
        out.push(Line::default());
    }
    last(out).code.push('"');
    literal.len()
}

/// Length of the string or character literal that starts at `at`, prefix included.
fn literal_len(chars: &[char], at: usize) -> Option<usize> {
    let after_word = at > 0 && is_word(chars[at - 1]);
    let rest = &chars[at..];
    let mut idx = 0;
    if !after_word {
        while idx < 2 && matches!(rest.get(idx), Some('b' | 'r' | 'c')) {
            idx += 1;
        }
    }
    let raw = rest[..idx].contains(&'r');
    let hashes = if raw { rest[idx..].iter().take_while(|&&c| c == '#').count() } else { 0 };
    match rest.get(idx + hashes)? {
        '"' if raw => Some(raw_string_len(rest, idx + hashes, hashes)),
        '"' => Some(quoted_len(rest, idx, '"')),
        '\'' if idx <= 1 && !raw && is_char_literal(&rest[idx..]) => {
            Some(quoted_len(rest, idx, '\''))
        }
        _ => None,
    }
}

fn raw_string_len(rest: &[char], open: usize, hashes: usize) -> usize {
    let mut at = open + 1;
    while at < rest.len() {
        let tail = &rest[at + 1..];
        if rest[at] == '"' && tail.len() >= hashes && tail[..hashes].iter().all(|&c| c == '#') {
            return at + 1 + hashes;
        }
        at += 1;
    }
    rest.len()
}

fn quoted_len(rest: &[char], open: usize, quote: char) -> usize {
    let mut at = open + 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn is_char_literal(rest: &[char]) -> bool {
    matches!(rest, ['\'', '\\', ..]) || matches!(rest, ['\'', _, '\'', ..])
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Marks the lines of items under `#[cfg(test)]` (or `all(test, …)`) and of `#[test]` functions.
fn mark_tests(lines: &mut [Line]) {
    let mut from = 0;
    while from < lines.len() {
        let code = lines[from].code.trim();
        let gate = code.starts_with("#[cfg(") && !code.contains("not(test");
        let test = (gate && words(code).any(|w| w == "test")) || code.starts_with("#[test]");
        if !test {
            from += 1;
            continue;
        }
        let end = item_end(lines, from);
        for line in &mut lines[from..=end] {
            line.in_test = true;
        }
        from = end + 1;
    }
}

/// The last line of the item that starts at `from`: its `;` outside brackets, or its closing brace.
fn item_end(lines: &[Line], from: usize) -> usize {
    let (mut round, mut curly) = (0i32, 0i32);
    for (idx, line) in lines.iter().enumerate().skip(from) {
        for c in line.code.chars() {
            match c {
                '(' | '[' => round += 1,
                ')' | ']' => round -= 1,
                '{' => curly += 1,
                '}' => curly -= 1,
                ';' if round == 0 && curly == 0 => return idx,
                _ => {}
            }
            if c == '}' && curly == 0 {
                return idx;
            }
        }
    }
    lines.len() - 1
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !is_word(c)).filter(|w| !w.is_empty())
}

// --- The rules ---------------------------------------------------------------------------------

fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut lines = scan(text);
    let is_test_file = path.starts_with("tests/") || is_test_path(path);
    if is_test_file {
        lines.iter_mut().for_each(|line| line.in_test = true);
    }
    let mut out = Vec::new();
    check_header(text, &mut out);
    check_width(text, &mut out);
    check_function_length(&lines, &mut out);
    check_file_length(path, text, is_test_file, &mut out);
    check_words(&lines, &mut out);
    if path.starts_with("src/") {
        check_unsafe(path, &lines, &mut out);
        check_layers(path, &lines, &mut out);
    }
    out
}

fn is_test_path(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}

fn check_header(text: &str, out: &mut Vec<Finding>) {
    if !text.starts_with("//! ") {
        let hint = "a file opens with a `//!` paragraph: what it is, what not, its invariant";
        out.push(Finding { rule: "header", line: 1, count: 1, hint: hint.into() });
    }
}

fn check_width(text: &str, out: &mut Vec<Finding>) {
    for (idx, line) in text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > MAX_COLUMNS {
            let hint = format!("{columns} columns, at most {MAX_COLUMNS}");
            out.push(Finding { rule: "width", line: idx + 1, count: 1, hint });
        }
    }
}

fn check_function_length(lines: &[Line], out: &mut Vec<Finding>) {
    for (idx, line) in lines.iter().enumerate() {
        let mut code_words = words(&line.code).skip_while(|w| *w != "fn").skip(1);
        // `fn(` is a pointer type; an item's name follows its `fn` directly.
        let Some(name) = code_words.next() else {
            continue;
        };
        if !line.code.contains(&format!("fn {name}")) {
            continue;
        }
        let length = item_end(lines, idx) - idx + 1;
        if length > MAX_FUNCTION_LINES {
            let hint = format!("`{name}` has {length} lines, at most {MAX_FUNCTION_LINES}");
            let count = length - MAX_FUNCTION_LINES;
            out.push(Finding { rule: "fn-length", line: idx + 1, count, hint });
        }
    }
}

fn check_file_length(path: &str, text: &str, is_test_file: bool, out: &mut Vec<Finding>) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let table = name == "table.rs" || LENGTH_EXEMPT.iter().any(|p| path.starts_with(p));
    let limit = if is_test_file { MAX_TEST_FILE_LINES } else { MAX_FILE_LINES };
    let length = text.lines().count();
    if length > limit && !table {
        let hint = format!("{length} lines, at most {limit}: split it");
        out.push(Finding { rule: "file-length", line: limit + 1, count: length - limit, hint });
    }
}

/// Unfinished work nowhere; `.unwrap()` only in tests.
fn check_words(lines: &[Line], out: &mut Vec<Finding>) {
    const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
    for (idx, line) in lines.iter().enumerate() {
        let mut found = |rule, count: usize, hint: &str| {
            if count > 0 {
                out.push(Finding { rule, line: idx + 1, count, hint: hint.into() });
            }
        };
        let macros = MACROS.iter().filter(|name| has_macro(&line.code, name)).count();
        found("unfinished", macros, "no todo!, unimplemented! or dbg!");
        found("unfinished", usize::from(line.comment.contains("FIXME")), "no FIXME: fix it");
        if !line.in_test {
            let unwraps = line.code.matches(".unwrap()").count();
            found(
                "unwrap",
                unwraps,
                "outside tests: expect(\"why it holds\"), or return the error",
            );
        }
    }
}

fn has_macro(code: &str, name: &str) -> bool {
    let call = format!("{name}!");
    code.match_indices(&call).any(|(at, _)| !code[..at].ends_with(is_word))
}

fn check_unsafe(path: &str, lines: &[Line], out: &mut Vec<Finding>) {
    let allowed = UNSAFE_WALL.iter().any(|pattern| fits(pattern, path));
    let mut seen = false;
    for (idx, line) in lines.iter().enumerate() {
        if !words(&line.code).any(|w| w == "unsafe") {
            continue;
        }
        seen = true;
        if !allowed {
            let hint = "`unsafe` belongs behind the wall: see UNSAFE_WALL in tests/tidy.rs";
            out.push(Finding { rule: "unsafe", line: idx + 1, count: 1, hint: hint.into() });
        }
        if needs_safety_note(lines, idx) && !has_safety_note(lines, idx) {
            let hint = "an `unsafe` block is preceded by `// SAFETY:` and its reason";
            out.push(Finding { rule: "safety", line: idx + 1, count: 1, hint: hint.into() });
        }
    }
    let justified = lines
        .iter()
        .take_while(|line| line.comment.starts_with("//!"))
        .any(|line| line.comment.contains("JUSTIFICATION:"));
    if seen && !justified && !is_test_path(path) {
        let hint = "a file with `unsafe` says why in a `JUSTIFICATION:` paragraph of its header";
        out.push(Finding { rule: "justification", line: 1, count: 1, hint: hint.into() });
    }
}

/// Blocks and `unsafe impl`; a declaration (`unsafe fn`, `unsafe trait`, a function pointer, an
/// attribute) states its demands in its docs instead.
fn needs_safety_note(lines: &[Line], idx: usize) -> bool {
    let code = &lines[idx].code;
    code.match_indices("unsafe").any(|(at, word)| {
        let (before, after) = (&code[..at], code[at + word.len()..].trim_start());
        if before.ends_with(is_word) || after.starts_with(is_word) && !after.starts_with("impl") {
            return false;
        }
        let opens_below = after.is_empty()
            && lines.get(idx + 1).is_some_and(|next| next.code.trim_start().starts_with('{'));
        after.starts_with('{') || after.starts_with("impl") || opens_below
    })
}

/// Looks at the line itself, then upwards through comments, attributes and the earlier lines of
/// the same statement.
fn has_safety_note(lines: &[Line], idx: usize) -> bool {
    if lines[idx].comment.contains("SAFETY:") {
        return true;
    }
    for line in lines[..idx].iter().rev().take(SAFETY_REACH_LINES) {
        if line.comment.contains("SAFETY:") {
            return true;
        }
        let code = line.code.trim_end();
        let statement_ends = code.ends_with([';', '}']) || code.ends_with('{');
        let blank = code.is_empty() && line.comment.is_empty();
        if blank || (statement_ends && !code.trim_start().starts_with("#[")) {
            return false;
        }
    }
    false
}

fn fits(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => path.starts_with(stem),
        None if pattern.ends_with('/') => path.starts_with(pattern),
        None => path == pattern,
    }
}

// --- Layers ------------------------------------------------------------------------------------

fn check_layers(path: &str, lines: &[Line], out: &mut Vec<Finding>) {
    let inside = |layer: &&Layer| {
        let rest = path.strip_prefix(layer.path);
        rest.is_some_and(|r| r.is_empty() || r.starts_with('/') || r == ".rs")
    };
    let Some(layer) = LAYERS.iter().filter(inside).max_by_key(|layer| layer.path.len()) else {
        let hint = "no layer has this file: add its module to LAYERS in tests/tidy.rs";
        out.push(Finding { rule: "layer", line: 1, count: 1, hint: hint.into() });
        return;
    };
    for (line, used) in crate_paths(lines) {
        let allowed = layer.may_use.iter().any(|p| *p == "*" || is_under(&used, p));
        let denied = layer.never.iter().any(|p| is_under(&used, p));
        if !allowed || denied {
            let hint = format!("{} may not use crate::{used}", layer.path);
            out.push(Finding { rule: "layer", line, count: 1, hint });
        }
    }
}

fn is_under(used: &str, path: &str) -> bool {
    used.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every path that starts with `crate::` outside tests, groups expanded, with its line.
fn crate_paths(lines: &[Line]) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    for (idx, line) in lines.iter().enumerate().filter(|(_, line)| !line.in_test) {
        for (at, found) in line.code.match_indices("crate::") {
            if line.code[..at].ends_with(is_word) {
                continue;
            }
            // A group may span lines: read on to the end of the statement.
            let mut text = line.code[at + found.len()..].to_string();
            for next in lines.iter().skip(idx + 1).take(40) {
                if text.contains(';') || !text.contains('{') {
                    break;
                }
                text.push_str(next.code.trim());
            }
            let mut paths = BTreeSet::new();
            expand(&text, "", &mut paths);
            out.extend(paths.into_iter().map(|path| (idx + 1, path)));
        }
    }
    out
}

/// Expands one use tree (`a::{b, c::{d}}` → `a::b`, `a::c::d`); returns what follows it.
fn expand<'a>(text: &'a str, prefix: &str, out: &mut BTreeSet<String>) -> &'a str {
    let mut path = prefix.to_string();
    let mut rest = text.trim_start();
    loop {
        if let Some(mut group) = rest.strip_prefix('{') {
            loop {
                group = expand(group, &path, out).trim_start();
                group = match group.strip_prefix(',') {
                    Some(more) if !more.trim_start().starts_with('}') => more,
                    Some(more) => return more.trim_start().strip_prefix('}').unwrap_or(""),
                    None => return group.strip_prefix('}').unwrap_or(""),
                };
            }
        }
        let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if len > 0 && &rest[..len] != "self" {
            let joint = if path.is_empty() { "" } else { "::" };
            path = format!("{path}{joint}{}", &rest[..len]);
        }
        rest = &rest[len..];
        match rest.strip_prefix("::") {
            Some(more) => rest = more,
            None => break,
        }
    }
    if let Some(renamed) = rest.strip_prefix(" as ") {
        rest = renamed.trim_start_matches(is_word);
    }
    if !path.is_empty() {
        out.insert(path);
    }
    rest.strip_prefix('*').unwrap_or(rest)
}

// --- Files and the ratchet ---------------------------------------------------------------------

type Counts = BTreeMap<(String, String), usize>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn source_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = ["src", "tests", "benches", "fuzz"].map(|dir| root().join(dir)).to_vec();
    while let Some(dir) = todo.pop() {
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("directory entry is readable").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                todo.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("source files are under the root");
    path.to_string_lossy().into_owned()
}

fn ratchet_path() -> PathBuf {
    root().join("tests/tidy_ratchet.txt")
}

fn read_ratchet() -> Counts {
    let text = fs::read_to_string(ratchet_path()).expect("tests/tidy_ratchet.txt exists");
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(parse_row).collect()
}

fn parse_row(line: &str) -> ((String, String), usize) {
    match line.split('\t').collect::<Vec<_>>()[..] {
        [path, rule, count] => {
            let count = count.parse().expect("the third field of a ratchet line is a count");
            ((path.to_string(), rule.to_string()), count)
        }
        _ => panic!("tests/tidy_ratchet.txt: not `path<TAB>rule<TAB>count`: {line}"),
    }
}

fn write_ratchet(counts: &Counts) {
    let mut text = String::from("# Known excesses of tests/tidy.rs. May only shrink; see there.\n");
    for ((path, rule), count) in counts.iter().filter(|(_, count)| **count > 0) {
        text.push_str(&format!("{path}\t{rule}\t{count}\n"));
    }
    fs::write(ratchet_path(), text).expect("tests/tidy_ratchet.txt is writable");
}

#[test]
fn sources_are_tidy() {
    let (mut counts, mut findings) = (Counts::new(), BTreeMap::<_, Vec<Finding>>::new());
    for file in source_files() {
        let path = relative(&file);
        let text = fs::read_to_string(&file).expect("sources are UTF-8");
        for finding in check(&path, &text) {
            let key = (path.clone(), finding.rule.to_string());
            *counts.entry(key.clone()).or_default() += finding.count;
            findings.entry(key).or_default().push(finding);
        }
    }
    let known = read_ratchet();
    let mode = std::env::var("TIDY_RATCHET").unwrap_or_default();
    if mode == "accept" {
        return write_ratchet(&counts);
    }
    let mut report = String::new();
    for (key, list) in &findings {
        let (count, limit) = (counts[key], known.get(key).copied().unwrap_or(0));
        if count > limit {
            report.push_str(&format!("{}: {} is {count}, allowed {limit}\n", key.0, key.1));
            for finding in list {
                report.push_str(&format!("    {}:{}: {}\n", key.0, finding.line, finding.hint));
            }
        }
    }
    let lower = |(key, limit): (&(String, String), &usize)| {
        let now = counts.get(key).copied().unwrap_or(0);
        (key.clone(), now.min(*limit))
    };
    let lowered: Counts = known.iter().map(lower).collect();
    if mode == "lower" {
        write_ratchet(&lowered);
    } else if lowered != known {
        report.push_str("the ratchet can be lowered: TIDY_RATCHET=lower cargo test --test tidy\n");
    }
    assert!(report.is_empty(), "\n{report}");
}

// --- The checker, checked ----------------------------------------------------------------------

fn rules(path: &str, text: &str) -> Vec<&'static str> {
    check(path, &format!("//! Header.\n{text}")).iter().map(|f| f.rule).collect()
}

#[test]
fn scanner_blanks_literals_and_separates_comments() {
    let lines =
        scan("let a = \"// {\\\"\"; // why {\nlet b = r#\"\"x\ny\"#;\nfn f<'a>(c: 'a) { '}' }");
    assert_eq!(lines[0].code, "let a = \"\"; ");
    assert_eq!(lines[0].comment, "// why {");
    assert_eq!(lines[1].code, "let b = \"");
    assert_eq!(lines[2].code, "\";");
    assert_eq!(lines[3].code, "fn f<'a>(c: 'a) { \"\" }");
    assert_eq!(scan("/* a /* b */ c */ d").pop().map(|l| l.code), Some(" d".into()));
}

#[test]
fn words_are_found_in_code_only() {
    assert_eq!(rules("src/util/x.rs", "// todo!() .unwrap()\nlet s = \"todo!()\";"), [""; 0]);
    assert_eq!(rules("src/util/x.rs", "todo!(); x.unwrap();"), ["unfinished", "unwrap"]);
    assert_eq!(rules("src/util/x.rs", "// FIXME later"), ["unfinished"]);
    let in_test = "#[cfg(test)]\nmod tests {\n    fn f() { x.unwrap() }\n}\n";
    assert_eq!(rules("src/util/x.rs", in_test), [""; 0]);
    assert_eq!(rules("src/util/x.rs", &format!("{in_test}fn g() {{ x.unwrap() }}")), ["unwrap"]);
    assert_eq!(rules("src/util/tests.rs", "fn f() { x.unwrap() }"), [""; 0]);
}

#[test]
fn lengths_are_measured() {
    let long = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(MAX_FUNCTION_LINES));
    assert_eq!(rules("src/util/x.rs", &long), ["fn-length"]);
    assert_eq!(rules("src/util/x.rs", &"x".repeat(MAX_COLUMNS + 1)), ["width"]);
    let lines = "// l\n".repeat(MAX_FILE_LINES);
    assert_eq!(rules("src/util/x.rs", &lines), ["file-length"]);
    assert_eq!(rules("src/util/tests.rs", &lines), [""; 0]);
    assert_eq!(rules("src/commands/docs/x.rs", &lines), [""; 0]);
    assert_eq!(check("src/util/x.rs", "use std::fs;\n")[0].rule, "header");
}

#[test]
fn unsafe_stays_behind_the_wall_with_reasons() {
    let noted = "// SAFETY: it holds.\nlet x =\n    unsafe { g() };";
    assert_eq!(rules("src/util/x.rs", noted), ["unsafe", "justification"]);
    assert_eq!(rules("src/sys/x.rs", noted), ["justification"]);
    let justified = format!("//! JUSTIFICATION: system calls.\n{noted}");
    assert_eq!(rules("src/sys/x.rs", &justified), [""; 0]);
    let bare = "//! JUSTIFICATION: system calls.\nf();\nunsafe { g() };\nunsafe impl Send for X {}";
    assert_eq!(rules("src/sys/x.rs", bare), ["safety", "safety"]);
    let declared = "//! JUSTIFICATION: a caller's duty.\npub unsafe fn f(g: unsafe fn()) {}";
    assert_eq!(rules("src/sys/x.rs", declared), [""; 0]);
}

#[test]
fn layer_arrows_are_enforced() {
    let line = "use crate::{protocol::{number, reply}, util};";
    assert_eq!(rules("src/storage/db.rs", line), ["layer"]);
    assert_eq!(rules("src/storage/db.rs", "use crate::protocol::number::parse;"), [""; 0]);
    assert_eq!(rules("src/storage/encoding/x.rs", "use crate::storage::db::Db;"), ["layer"]);
    assert_eq!(rules("src/storage/encoding.rs", "use crate::storage::db::Db;"), ["layer"]);
    assert_eq!(rules("src/persistence/x.rs", "fn f() { crate::server::g() }"), ["layer"]);
    assert_eq!(rules("src/server/x.rs", "use crate::{\n    commands::{a, b as c},\n};"), [""; 0]);
    assert_eq!(rules("src/commands/x.rs", "use crate::storage::encoding::listpack;"), ["layer"]);
    assert_eq!(rules("src/newcomer/x.rs", ""), ["layer"]);
}
