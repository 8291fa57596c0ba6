//! Tests of the table as a whole, of redis.conf, and of CONFIG SET, GET and REWRITE.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::file::{FatalError, load, load_text};
use super::kind::{Directive, HIDDEN, IMMUTABLE, Kind, MULTI_ARG, Origin, SENSITIVE};
use super::rewrite::{ExtraLines, RewriteOptions};
use super::*;
use crate::util::split_args::split_args;
use proptest::prelude::*;

const REDIS_CONF: &str = include_str!("../../redis.conf");
const README: &str = include_str!("../../README.md");
const CONTEXT: SetContext = SetContext { loading: false, local: true };

fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Vec<Effect>, String> {
    let pairs: Vec<(&[u8], &[u8])> =
        pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    match config.set(&pairs, CONTEXT) {
        Ok(outcome) => Ok(outcome.effects.into_iter().map(|(effect, _)| effect).collect()),
        Err(error) => Err(String::from_utf8(error.message()).unwrap()),
    }
}

fn get(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    assert_eq!(found.len(), 1, "{name}");
    String::from_utf8(found[0].1.clone()).unwrap()
}

fn load_str(text: &str) -> Result<Config, String> {
    load_text(Config::default(), text.as_bytes(), false)
        .map(|loaded| loaded.config)
        .map_err(|error| error.to_string())
}

fn load_args(args: &[&str]) -> Result<Config, String> {
    let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    load(Config::default(), &args, false, &mut std::io::empty())
        .map(|loaded| loaded.config)
        .map_err(|error| error.to_string())
}

/// `# name value` lines of redis.conf that name a directive.
fn documented() -> Vec<Vec<Vec<u8>>> {
    let lines = REDIS_CONF.lines().filter_map(|line| {
        let line = line.strip_prefix("# ").filter(|line| !line.starts_with(' '))?;
        let argv = split_args(line.as_bytes())?;
        (DIRECTIVES.iter().any(|row| row.name.as_bytes() == argv.first().unwrap_or(&Vec::new())))
            .then_some(argv)
    });
    lines.collect()
}

#[test]
fn names_are_sorted_unique_and_match_their_fields() {
    let mut names: Vec<&str> = DIRECTIVES.iter().map(|row| row.name).collect();
    assert!(names.is_sorted());
    names.extend(DIRECTIVES.iter().filter_map(|row| row.alias));
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    for row in DIRECTIVES {
        if let Some(field) = row.field_name() {
            assert_eq!(field, row.name.replace('-', "_"));
        }
        assert_eq!(row.name, row.name.to_lowercase());
    }
}

/// Adds the words of the code in a folder and those below it, but not of where all fields stand.
fn add_words(dir: &Path, words: &mut HashSet<String>) {
    const LISTS: [&str; 3] = ["config/directives.rs", "config/mod.rs", "config/tests.rs"];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_words(&path, words);
        } else if !LISTS.iter().any(|list| path.ends_with(list)) {
            let code = fs::read(&path).unwrap();
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let found = code.split(|byte| !is_word(byte));
            words.extend(found.map(|word| String::from_utf8_lossy(word).into_owned()));
        }
    }
}

#[test]
fn readme_names_the_directives_that_nothing_reads() {
    let section = README.split("## Configuration directives without effect").nth(1).unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with('|'));
    let columns = rows.filter_map(|row| row.split('|').nth(1));
    let named: Vec<&str> = columns.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
    let is = |name: &str, row: &Directive| match name.strip_suffix('*') {
        Some(start) => row.name.starts_with(start),
        None => row.name == name,
    };
    for name in &named {
        assert!(DIRECTIVES.iter().any(|row| is(name, row)), "there is no {name}");
    }
    let mut words = HashSet::new();
    add_words(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut words);
    for row in DIRECTIVES {
        let read = row.field_name().is_none_or(|field| words.contains(field));
        assert!(read || named.iter().any(|name| is(name, row)), "{}", row.name);
    }
}

#[test]
fn every_name_of_redis_7_4_exists() {
    for name in include_str!("testdata/names-7.4.txt").lines() {
        assert!(directives::lookup(name.as_bytes()).is_some_and(|(row, _)| row.name == name));
    }
}

#[test]
fn defaults_are_within_their_limits() {
    for row in DIRECTIVES {
        match &row.kind {
            Kind::Int { default, min, max, .. } => {
                assert!((min..=max).contains(&default), "{}", row.name);
            }
            Kind::UInt { default, min, max, .. } => {
                assert!((min..=max).contains(&default), "{}", row.name);
            }
            Kind::Choice { field, default } => assert!(field.texts.contains(default)),
            _ => {}
        }
    }
}

#[test]
fn setting_a_value_to_itself_changes_nothing() {
    let mut config = Config::default();
    // An unset master is printed as nothing, which is not a master; Redis refuses it as well.
    for row in DIRECTIVES.iter().filter(|row| row.name != "replicaof") {
        let value = row.get(&config);
        let args =
            if !row.has(MULTI_ARG) { vec![value.clone()] } else { split_args(&value).unwrap() };
        row.set(&mut config, &args, Origin::Command)
            .unwrap_or_else(|reason| panic!("{}: {reason}", row.name));
        assert_eq!(row.get(&config), value, "{}", row.name);
    }
    assert_eq!(config, Config::default());
}

#[test]
fn config_set_takes_what_config_get_prints() {
    let mut config = Config::default();
    for (name, value) in config.get(&[b"*"]) {
        let (row, _) = directives::lookup(&name).unwrap();
        assert!(!row.has(HIDDEN));
        if !row.has(IMMUTABLE) && name != b"dir" && name != b"dbfilename" {
            config.set(&[(&name, &value)], CONTEXT).unwrap();
        }
    }
    assert_eq!(config, Config::default());
}

#[test]
fn redis_conf_names_every_directive_with_its_default() {
    let documented = documented();
    let mut config = Config::default();
    for argv in &documented {
        let (row, _) = directives::lookup(&argv[0]).unwrap();
        row.set(&mut config, &argv[1..], Origin::Command)
            .unwrap_or_else(|reason| panic!("{}: {reason}", row.name));
        assert_eq!(row.get(&config), row.get(&Config::default()), "{}", row.name);
    }
    for row in DIRECTIVES.iter().filter(|row| !row.has(HIDDEN)) {
        let count = documented.iter().filter(|argv| argv[0] == row.name.as_bytes()).count();
        // These have no default that could be written down.
        let expected = usize::from(!["dir", "replicaof"].contains(&row.name));
        assert_eq!(count, expected, "{}", row.name);
        assert!(REDIS_CONF.contains(&format!(" {} ", row.name)), "{}", row.name);
    }
}

#[test]
fn redis_conf_loads_and_rewrites_to_itself() {
    let config = load_str(REDIS_CONF).unwrap();
    assert_eq!(config, Config::default());
    let new = config.rewritten(REDIS_CONF.as_bytes(), &RewriteOptions::default());
    let new = String::from_utf8(new).unwrap();
    assert!(new.starts_with(REDIS_CONF));
    let added: Vec<&str> = new[REDIS_CONF.len()..].lines().collect();
    assert_eq!(added[1], "# Generated by CONFIG REWRITE");
    assert!(added[2].starts_with("dir "));
    assert_eq!(
        added[3..],
        [
            "latency-tracking-info-percentiles 50 99 99.9",
            "save 3600 1",
            "save 300 100",
            "save 60 10000"
        ]
    );
}

#[test]
fn force_all_writes_everything_and_loads_again() {
    let mut config = load_str(
        "slave-priority 7\nmaxmemory 10mb\nmaxmemory-clients 7%\nrequirepass 'a \"b\n\
         appendfilename \" file seq \\n\\n.aof \"\nunixsocketperm 770\nbind 127.0.0.1 -::1",
    );
    assert!(config.is_err(), "an open quote is an error");
    config = load_str(
        "slave-priority 7\nmaxmemory 10mb\nmaxmemory-clients 7%\nrequirepass 'a \"b'\n\
         appendfilename \" file seq \\n\\n.aof \"\nunixsocketperm 770\nbind 127.0.0.1 -::1",
    );
    let config = config.unwrap();
    let options = RewriteOptions { force_all: true, ..Default::default() };
    let text = String::from_utf8(config.rewritten(b"", &options)).unwrap();
    for line in [
        "replica-priority 7",
        "maxmemory 10mb",
        "maxmemory-clients 7%",
        "requirepass \"a \\\"b\"",
        "unixsocketperm 770",
        "bind 127.0.0.1 -::1",
        "client-output-buffer-limit replica 256mb 64mb 60",
        "key-load-delay 0",
    ] {
        assert!(text.lines().any(|written| written == line), "{line}");
    }
    assert_eq!(load_str(&text).unwrap(), config);
}

#[test]
fn rewrite_keeps_comments_and_places_and_drops_what_is_gone() {
    let old = "# top\nsave 900 1\nhash-max-ziplist-entries 21\nsave 100 5\n\nrename-command A B\n\
               nonsense 1\nmaxmemory 5mb\nuser a on\nport 7000";
    let mut config = load_str(&old.replace("nonsense 1\n", "")).unwrap();
    set(
        &mut config,
        &[("hash-max-listpack-entries", "100"), ("save", "60 1"), ("maxmemory", "0"), ("hz", "50")],
    )
    .unwrap();
    let extra = [ExtraLines {
        option: b"user".to_vec(),
        lines: vec![b"user default on".to_vec(), b"user b off".to_vec()],
    }];
    let options = RewriteOptions { extra: &extra, ..Default::default() };
    let new = String::from_utf8(config.rewritten(old.as_bytes(), &options)).unwrap();
    let dir = get(&config, "dir");
    let percentiles = "latency-tracking-info-percentiles 50 99 99.9";
    assert_eq!(
        new,
        format!(
            "# top\nsave 60 1\nhash-max-listpack-entries 100\n\nrename-command A B\n\
             # ??? nonsense 1\nmaxmemory 0\nuser default on\nport 7000\n\
             # Generated by CONFIG REWRITE\ndir \"{dir}\"\nhz 50\n{percentiles}\nuser b off\n"
        )
    );
    let again = config.rewritten(new.as_bytes(), &options);
    assert_eq!(String::from_utf8(again).unwrap().trim_end(), new.trim_end());
}

#[test]
fn rewrite_replaces_the_file_and_explains_failures() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("redis.conf");
    std::fs::write(&path, "save \"\"\n").unwrap();
    let mut config = Config { configfile: Some(path.clone()), ..Config::default() };
    set(&mut config, &[("shutdown-on-sigterm", "now nosave"), ("save", "")]).unwrap();
    config.rewrite(&RewriteOptions::default()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("save \"\"\n"));
    assert!(text.ends_with("shutdown-on-sigterm nosave now\n"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

    config.configfile = Some(dir.path().join("missing/redis.conf"));
    let error = config.rewrite(&RewriteOptions::default()).unwrap_err();
    assert_eq!(error.message(), "Rewriting config file: No such file or directory");
    config.configfile = None;
    let error = config.rewrite(&RewriteOptions::default()).unwrap_err();
    assert_eq!(error.message(), "The server is running without a config file");
}

/// Name, value, and why CONFIG SET refuses it.
#[rustfmt::skip] // One row, one case.
const REFUSED: &[(&str, &str, &str)] = &[
    ("appendonly", "", "argument must be 'yes' or 'no'"),
    ("port", "abc", "argument couldn't be parsed into an integer"),
    ("port", "007", "argument couldn't be parsed into an integer"),
    ("port", "65536", "argument must be between 0 and 65535 inclusive"),
    ("list-max-listpack-size", "99999999999",
        "argument must be between -2147483648 and 2147483647 inclusive"),
    ("maxclients", "-1", "argument must be between 1 and 4294967295 inclusive"),
    ("maxmemory", "-1", "argument must be a memory value"),
    ("maxmemory-clients", "x", "argument must be a memory or percent value"),
    ("maxmemory-clients", "200%", "percentage argument must be less or equal to 100"),
    ("client-query-buffer-limit", "10",
        "argument must be between 1048576 and 9223372036854775807 inclusive"),
    ("appendfsync", "x", "argument(s) must be one of the following: everysec, always, no"),
    ("shutdown-on-sigint", "",
        "argument(s) must be one of the following: default, save, nosave, now, force"),
    ("shutdown-on-sigint", "save nosave",
        "shutdown options SAVE and NOSAVE can't be used simultaneously"),
    ("save", "1", "Invalid save parameters"),
    ("save", "0 1", "Invalid save parameters"),
    ("notify-keyspace-events", "KQ", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
    ("client-output-buffer-limit", "normal 1 1",
        "Wrong number of arguments in buffer limit configuration."),
    ("client-output-buffer-limit", "master 1 1 1",
        "Invalid client class specified in buffer limit configuration."),
    ("client-output-buffer-limit", "pubsub 1 1 x",
        "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
    ("oom-score-adj-values", "1 2", "wrong number of arguments"),
    ("oom-score-adj-values", "1 2 2001",
        "Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
    ("latency-tracking-info-percentiles", "10 a",
        "Invalid latency-tracking-info-percentiles parameters"),
    ("latency-tracking-info-percentiles", "10 101",
        "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"),
    ("proc-title-template", "{x}", "template format is invalid or contains unknown variables"),
    ("cluster-announce-hostname", "a_b",
        "Hostnames may only contain alphanumeric characters, hyphens or dots"),
    ("daemonize", "yes", "can't set immutable config"),
    ("dir", "/", "can't set protected config"),
];

#[test]
fn config_set_error_texts() {
    let mut config = Config::default();
    let before = config.clone();
    for (name, value, reason) in REFUSED {
        let text = set(&mut config, &[("hz", "77"), (name, value)]).unwrap_err();
        let expected =
            format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(text, expected);
        assert_eq!(config, before, "{name}");
    }
    let text = set(&mut config, &[("nope", "1"), ("daemonize", "1")]).unwrap_err();
    assert_eq!(text, "Unknown option or number of arguments for CONFIG SET - 'nope'");
    let text = set(&mut config, &[("HZ", "1"), ("hz", "2")]).unwrap_err();
    assert_eq!(text, "CONFIG SET failed (possibly related to argument 'hz') - duplicate parameter");
}

#[test]
fn effects_are_reported_once_and_only_for_changes() {
    let mut config = Config::default();
    let effects = set(
        &mut config,
        &[
            ("oom-score-adj", "yes"),
            ("oom-score-adj-values", "1 1 1"),
            ("port", "6379"),
            ("maxmemory", "1gb"),
            ("bind", "* -::*"),
        ],
    );
    assert_eq!(effects.unwrap(), [Effect::OomScoreAdj, Effect::Maxmemory, Effect::Bind]);
    assert_eq!(set(&mut config, &[("tls-cert-file", "")]).unwrap(), [Effect::TlsConfig]);
    assert_eq!(set(&mut config, &[("tls-key-file-pass", "")]).unwrap(), []);
}

#[test]
fn rollback_restores_every_value() {
    let mut config = Config::default();
    let outcome = config.set(&[(b"port", b"7000"), (b"save", b"1 1")], CONTEXT).unwrap();
    assert_eq!(outcome.effects, [(Effect::Port, "port")]);
    config.rollback(outcome.undo);
    assert_eq!(config, Config::default());
    let error = SetError::apply("port", "Unable to listen on this port. Check server logs.");
    assert_eq!(
        error.message(),
        b"CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this \
          port. Check server logs."
    );
}

#[test]
fn protected_and_loading_rules() {
    let mut config = load_str("enable-protected-configs local").unwrap();
    let remote = SetContext { loading: false, local: false };
    assert!(config.set(&[(b"dbfilename", b"x")], remote).is_err());
    assert!(config.set(&[(b"dbfilename", b"x")], CONTEXT).is_ok());
    let loading = SetContext { loading: true, local: true };
    assert_eq!(config.set(&[(b"dir", b"x")], loading).unwrap_err(), SetError::Loading);
    assert!(config.set(&[(b"loglevel", b"debug")], loading).is_ok());
    assert_eq!(config.loglevel, LogLevel::Debug);
}

#[test]
fn get_matches_patterns_aliases_and_hidden_names() {
    let config = Config::default();
    let names = |patterns: &[&str]| -> Vec<String> {
        let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
        let found = config.get(&patterns);
        found.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
    };
    assert_eq!(names(&["*of"]), ["replicaof", "slaveof"]);
    assert_eq!(
        names(&["maxmemory", "MAXMEMORY", "maxmemory-s*"]),
        ["maxmemory", "maxmemory-samples"]
    );
    assert_eq!(names(&["KEY-load-delay"]), ["KEY-load-delay"]);
    assert!(names(&["key-load*", "nope"]).is_empty());
    let count = DIRECTIVES.iter().filter(|row| !row.has(HIDDEN));
    let count: usize = count.map(|row| 1 + usize::from(row.alias.is_some())).sum();
    assert_eq!(names(&["*", "*a*"]).len(), count);
}

#[test]
fn values_print_as_redis_prints_them() {
    let config = load_str(
        "maxmemory 700MB\nmaxmemory-clients 7%\nunixsocketperm 0755\noom-score-adj relative\n\
         latency-tracking-info-percentiles 0.0 50.0 100.0\nslaveof 10.0.0.1 1\nhz 1000\n\
         shutdown-on-sigint 'nosave force now'\nshutdown-on-sigterm nosave force\n\
         client-output-buffer-limit slave 1kb 2 3\nnotify-keyspace-events EKA\n\
         save 100 1\nsave 5 2",
    )
    .unwrap();
    for (name, value) in [
        ("maxmemory", "734003200"),
        ("maxmemory-clients", "7%"),
        ("unixsocketperm", "755"),
        ("oom-score-adj", "yes"),
        ("latency-tracking-info-percentiles", "0 50 100"),
        ("replicaof", "10.0.0.1 1"),
        ("hz", "500"),
        ("shutdown-on-sigint", "nosave now force"),
        ("shutdown-on-sigterm", "nosave force"),
        ("client-output-buffer-limit", "normal 0 0 0 slave 1024 2 3 pubsub 33554432 8388608 60"),
        ("notify-keyspace-events", "AKE"),
        ("save", "100 1 5 2"),
        ("bind", "* -::*"),
    ] {
        assert_eq!(get(&config, name), value, "{name}");
    }
}

#[test]
fn command_line_errors_show_the_line() {
    for (args, line, reason) in [
        (&["--invalid"][..], "invalid", "Bad directive or wrong number of arguments"),
        (&["--port"], "port", "wrong number of arguments"),
        (&["--port", "6380", "--loglevel"], "loglevel", "wrong number of arguments"),
        (&["--port", "6379", "6380"], "port \"6379\" \"6380\"", "wrong number of arguments"),
        (
            &["--port", "--loglevel", "verbose"],
            "port \"--loglevel\" \"verbose\"",
            "wrong number of arguments",
        ),
        (
            &["--port", "--bla", "--loglevel", "verbose"],
            "port \"--bla\"",
            "argument couldn't be parsed into an integer",
        ),
        (
            &["--hz", "1", "--loglevel", "--bla"],
            "loglevel \"--bla\"",
            "argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
        ),
        (
            &["--shutdown-on-sigint"],
            "shutdown-on-sigint",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            &["--replicaof", "--127.0.0.1", "abc"],
            "replicaof \"--127.0.0.1\" \"abc\"",
            "Invalid master port",
        ),
        (
            &["--replicaof", "--127.0.0.1", "--abc"],
            "replicaof \"--127.0.0.1\"",
            "wrong number of arguments",
        ),
        (
            &["--loadmodule", "x.so"],
            "loadmodule \"x.so\"",
            "Can't load module from x.so: modules are not supported",
        ),
        (
            &["--sentinel", "monitor"],
            "sentinel \"monitor\"",
            "sentinel directive while not in sentinel mode",
        ),
    ] {
        let text = load_args(args).unwrap_err();
        assert!(text.starts_with("\n*** FATAL CONFIG FILE ERROR (Redis "), "{text}");
        assert!(text.ends_with(&format!(">>> '{line}'\n{reason}\n")), "{text}");
    }
}

#[test]
fn command_line_options_override_the_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("conf.d")).unwrap();
    std::fs::write(dir.path().join("conf.d/b.conf"), "hz 20\n").unwrap();
    std::fs::write(dir.path().join("conf.d/a.conf"), "hz 30\nport 7000\n").unwrap();
    let path = dir.path().join("redis.conf");
    let include = format!(
        "save 900 1\ninclude {0}/conf.d/*.conf\ninclude {0}/none*.conf\nuser a on\n\
         rename-command flushdb badger",
        dir.path().display()
    );
    std::fs::write(&path, include).unwrap();
    let args: Vec<Vec<u8>> =
        [path.to_str().unwrap(), "--save", "100", "100", "--maxmemory 1kb", "-"]
            .map(|arg| arg.as_bytes().to_vec())
            .to_vec();
    let mut stdin = &b"\nmaxmemory 5\ntimeout 9"[..];
    let loaded = load(Config::default(), &args, false, &mut stdin).unwrap();
    assert_eq!(get(&loaded.config, "save"), "900 1 100 100");
    assert_eq!((loaded.config.hz, loaded.config.port), (20, 7000));
    assert_eq!((loaded.config.maxmemory, loaded.config.timeout), (1024, 9));
    assert_eq!(loaded.config.configfile, Some(path));
    assert_eq!(loaded.users[0].argv, [b"user".to_vec(), b"a".to_vec(), b"on".to_vec()]);
    assert_eq!(loaded.users[0].number, 4);
    assert_eq!(loaded.rename_commands.len(), 1);
    let error = loaded.users[0].error("Duplicate user").to_string();
    assert!(error.ends_with("at line 4\n>>> 'user a on'\nDuplicate user\n"));
}

#[test]
fn files_that_cannot_be_read_and_include_circles_are_fatal() {
    let text = load_args(&["/nonexistent/redis.conf"]).unwrap_err();
    assert_eq!(
        text,
        "Fatal error, can't open config file '/nonexistent/redis.conf': \
         No such file or directory\n"
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.conf");
    std::fs::write(&path, format!("include {}", path.display())).unwrap();
    let text = load_args(&[path.to_str().unwrap()]).unwrap_err();
    assert!(text.ends_with("Too many levels of include\n"));
}

#[test]
fn checks_of_the_whole_configuration() {
    let text = load_str("cluster-enabled yes\nreplicaof a 1").unwrap_err();
    assert!(text.ends_with("***\nreplicaof directive not allowed in cluster mode\n"));
    let text = load_str("logfile /nonexistent/log").unwrap_err();
    assert!(text.ends_with("***\nCan't open the log file: No such file or directory\n"));
    let loaded = load_text(Config::default(), b"cluster-enabled yes", false).unwrap();
    assert_eq!(loaded.config.databases, 1);
    assert_eq!(
        loaded.warnings,
        ["WARNING: Changing databases number from 16 to 1 since we are in cluster mode"]
    );
}

#[test]
fn sentinel_lines_are_kept_and_rewritten_by_their_second_word() {
    let text = b"port 26379\nsentinel myid abc\nsentinel monitor m 127.0.0.1 1 2\nsave 1 1";
    let loaded = load_text(Config::default(), text, true).unwrap();
    assert_eq!(loaded.sentinel.len(), 2);
    let extra = [ExtraLines {
        option: b"sentinel monitor".to_vec(),
        lines: vec![b"sentinel monitor m 127.0.0.1 9 2".to_vec()],
    }];
    let options = RewriteOptions { sentinel_mode: true, extra: &extra, ..Default::default() };
    let new = String::from_utf8(loaded.config.rewritten(text, &options)).unwrap();
    let start = "port 26379\nsentinel myid abc\nsentinel monitor m 127.0.0.1 9 2\n\n#";
    assert!(new.starts_with(start), "{new}");
}

#[test]
fn only_passwords_and_user_names_are_sensitive() {
    let names = DIRECTIVES.iter().filter(|row| row.has(SENSITIVE)).map(|row| row.name);
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            "masterauth",
            "masteruser",
            "requirepass",
            "tls-client-key-file-pass",
            "tls-key-file-pass"
        ]
    );
    assert!(Config::is_sensitive(b"RequirePass"));
}

#[test]
fn unbalanced_quotes_name_the_line() {
    let error = load_text(Config::default(), b"# x\n\n port \"1", false).unwrap_err();
    assert_eq!(
        error,
        FatalError::Line {
            place: Some((3, b"port \"1".to_vec())),
            reason: "Unbalanced quotes in configuration line".into(),
        }
    );
}

proptest! {
    #[test]
    fn any_password_survives_a_rewrite(password in prop::collection::vec(any::<u8>(), 1..30)) {
        let mut config = Config::default();
        config.set(&[(b"requirepass", &password)], CONTEXT).unwrap();
        let text = config.rewritten(b"", &RewriteOptions::default());
        let loaded = load_text(Config::default(), &text, false).unwrap();
        prop_assert_eq!(loaded.config.requirepass, Some(password));
    }

    #[test]
    fn no_text_makes_the_loader_or_the_rewrite_panic(
        name in 0..DIRECTIVES.len(),
        value in "[0-9a-z%*' \"{}\\-]{0,12}",
    ) {
        // Not these: they act on the process.
        let name = DIRECTIVES[name].name;
        prop_assume!(name != "dir" && name != "logfile");
        let text = format!("{name} {value}");
        if let Ok(config) = load_str(&text) {
            let new = config.rewritten(text.as_bytes(), &RewriteOptions::default());
            let again = load_str(std::str::from_utf8(&new).unwrap()).unwrap();
            prop_assert_eq!(again.get(&[b"*"]), config.get(&[b"*"]));
        }
    }
}
