//! Users over the wire: who may log in, what is refused with which words, where it is logged, and
//! what survives in files.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use super::common::client::Client;
use super::common::server::wait_until;
use super::common::{Server, Value};

const CLOSED_LIMIT: Duration = Duration::from_secs(5);
const WRONGPASS: &str = "-WRONGPASS invalid username-password pair or user is disabled.";

fn login(server: &Server, user: &str) -> Client {
    let mut client = server.client();
    assert_reply!(client, ["AUTH", user, "any"], "+OK");
    client
}

fn names(value: &Value) -> BTreeSet<String> {
    let Value::Array(items) = value else { panic!("not an array: {value}") };
    items.iter().map(|item| item.text()).collect()
}

#[test]
fn users_are_made_changed_and_deleted() {
    let server = Server::start(&[]);
    let mut admin = server.client();
    assert_reply!(admin, ["ACL", "WHOAMI"], Some("default"));
    assert_reply!(admin, ["ACL", "SETUSER", "ann", ">secret"], "+OK");
    assert_reply!(admin, ["AUTH", "ann", "secret"], WRONGPASS);
    assert_reply!(admin, ["ACL", "SETUSER", "ann", "on", "+@read", "+acl|whoami", "~a*"], "+OK");
    let mut client = server.client();
    assert_reply!(client, ["AUTH", "ann", "wrong"], WRONGPASS);
    assert_reply!(client, ["AUTH", "ann", "secret"], "+OK");
    assert_reply!(client, ["ACL", "WHOAMI"], Some("ann"));
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let line =
        format!("user ann on sanitize-payload #{hash} ~a* resetchannels -@all +@read +acl|whoami");
    let list = format!("[\"user ann {}\", ", &line["user ann ".len()..]);
    assert!(admin.command(&["ACL", "LIST"]).to_string().starts_with(&list));
    assert_reply!(admin, ["ACL", "USERS"], "[\"ann\", \"default\"]");
    assert!(client.command(&["CLIENT", "INFO"]).is_error());
    assert!(admin.command(&["CLIENT", "LIST"]).text().contains(" user=ann "));
    assert_reply!(
        admin,
        ["ACL", "SETUSER", "ann", "off", "+nosuch"],
        "-ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL"
    );
    assert_reply!(client, ["GET", "a"], None);
    assert_reply!(
        admin,
        ["ACL", "DELUSER", "default"],
        "-ERR The 'default' user cannot be removed"
    );
    assert_reply!(admin, ["ACL", "DELUSER", "ann", "nobody"], 1);
    assert!(client.is_closed_within(CLOSED_LIMIT));
    assert_reply!(admin, ["ACL", "GETUSER", "ann"], None);
}

#[test]
fn what_is_refused_is_said_and_logged() {
    let server = Server::start(&[]);
    let mut admin = server.client();
    let rules = ["ACL", "SETUSER", "ann", "on", "nopass", "~a*", "&c", "+@all", "-set", "-acl"];
    admin.command(&rules);
    let mut client = login(&server, "ann");
    let command = "-NOPERM User ann has no permissions to run the 'set' command";
    assert_reply!(client, ["SET", "a", 1], command);
    assert_reply!(client, ["GET", "b"], "-NOPERM No permissions to access a key");
    assert_reply!(client, ["PUBLISH", "d", "m"], "-NOPERM No permissions to access a channel");
    assert_reply!(client, ["SUBSCRIBE", "d"], "-NOPERM No permissions to access a channel");
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["SET", "a", 1], command);
    assert!(client.command(&["EXEC"]).is_error());
    let log = admin.command(&["ACL", "LOG"]).to_string();
    let objects = ["\"set\"", "\"d\"", "\"b\"", "\"set\""];
    let mut rest = &log[..];
    for object in objects {
        let at = rest.find(&format!("\"object\", {object}")).unwrap_or_else(|| panic!("{log}"));
        rest = &rest[at + 1..];
    }
    assert!(log.contains("\"context\", \"multi\""));
    assert_eq!(admin.command(&["ACL", "LOG", "1"]).to_string().matches("\"count\"").count(), 1);
    assert_eq!(server.info("acl_access_denied_cmd"), "2");
    assert_eq!(server.info("acl_access_denied_key"), "1");
    assert_eq!(server.info("acl_access_denied_channel"), "2");
    assert_reply!(admin, ["ACL", "LOG", "RESET"], "+OK");
    assert_reply!(admin, ["ACL", "LOG"], "[]");
    assert_reply!(
        admin,
        ["ACL", "DRYRUN", "ann", "GET", "b"],
        Some("User ann has no permissions to access the 'b' key")
    );
    assert_reply!(admin, ["ACL", "DRYRUN", "ann", "GET", "a"], "+OK");
}

#[test]
fn permissions_are_asked_again_at_exec_and_when_a_block_ends() {
    let server = Server::start(&[]);
    let mut admin = server.client();
    admin.command(&["ACL", "SETUSER", "ann", "on", "nopass", "~*", "+@all"]);
    let mut client = login(&server, "ann");
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["INCR", "n"], "+QUEUED");
    assert_reply!(client, ["PING"], "+QUEUED");
    let mut blocked = login(&server, "ann");
    blocked.send(&["BLPOP", "list", "0"]);
    admin.command(&["ACL", "SETUSER", "ann", "-incr", "-blpop"]);
    let reason = "no permission to execute the command or subcommand";
    let error = format!(
        "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the \
         EXEC call. This command is no longer allowed for the following reason: {reason}"
    );
    assert_reply!(client, ["EXEC"], &*format!("[{error}, +PONG]"));
    assert!(wait_until(CLOSED_LIMIT, || server.info("blocked_clients") == "1"));
    assert_reply!(admin, ["RPUSH", "list", "x"], 1);
    let refused = "-NOPERM User ann has no permissions to run the 'blpop' command";
    assert_eq!(blocked.read().to_string(), refused);
    assert_reply!(admin, ["LLEN", "list"], 1);
}

#[test]
fn subscribers_who_lose_a_channel_are_disconnected() {
    let server = Server::start(&[]);
    let mut admin = server.client();
    admin.command(&["ACL", "SETUSER", "ann", "on", "nopass", "resetchannels", "&a", "&b", "+@all"]);
    let (mut keeps, mut loses) = (login(&server, "ann"), login(&server, "ann"));
    keeps.command(&["SUBSCRIBE", "a"]);
    loses.command(&["SUBSCRIBE", "b"]);
    admin.command(&["ACL", "SETUSER", "ann", "resetchannels", "&a"]);
    assert!(loses.is_closed_within(CLOSED_LIMIT));
    assert_reply!(admin, ["PUBLISH", "a", "m"], 1);
    assert_eq!(keeps.read().to_string(), "[\"message\", \"a\", \"m\"]");
}

#[test]
fn requirepass_is_the_password_of_the_default_user() {
    let mut server = Server::start(&[]);
    let mut admin = server.client();
    assert_reply!(admin, ["CONFIG", "SET", "requirepass", "secret"], "+OK");
    assert_reply!(admin, ["PING"], "+PONG");
    let mut client = server.client();
    assert_reply!(client, ["PING"], "-NOAUTH Authentication required.");
    assert_reply!(client, ["AUTH", "wrong"], WRONGPASS);
    assert_reply!(client, ["AUTH", "secret"], "+OK");
    assert_reply!(client, ["PING"], "+PONG");
    assert_reply!(admin, ["ACL", "SETUSER", "default", "nopass"], "+OK");
    let mut open = server.client();
    assert_reply!(open, ["PING"], "+PONG");
    assert_reply!(admin, ["ACL", "SETUSER", "default", "off"], "+OK");
    let mut closed = server.client();
    assert_reply!(closed, ["PING"], "-NOAUTH Authentication required.");
    server.crash();
}

#[test]
fn users_survive_in_the_configuration_file() {
    let mut server = Server::start(&[("user", "bob on nopass ~b* +@all"), ("user", "eve")]);
    let mut bob = login(&server, "bob");
    assert!(bob.command(&["GET", "a"]).is_error());
    server.wait_for_log("The user 'eve' is disabled");
    assert_reply!(server.client(), ["ACL", "SETUSER", "ann", "on", "(+get ~x)", ">p"], "+OK");
    let before = server.client().command(&["ACL", "LIST"]).to_string();
    assert_reply!(server.client(), ["CONFIG", "REWRITE"], "+OK");
    let text = fs::read_to_string(server.path("redis.conf")).unwrap();
    assert!(text.contains("\nuser ann on sanitize-payload #"), "{text}");
    let users: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("user ")).collect();
    assert_eq!(users.len(), 4, "{text}");
    assert!(before.contains(users[0]));
    server.crash();
}

#[test]
fn an_acl_file_is_loaded_as_a_whole_or_not_at_all() {
    let mut server = Server::start(&[]);
    let path = server.path("users.acl");
    assert!(server.client().command(&["ACL", "LOAD"]).is_error(), "no file configured");
    fs::write(&path, "user ann on nopass ~* &* +@all\nuser default on nopass ~* &* +@all\n")
        .unwrap();
    server.set_config("aclfile", "users.acl");
    server.restart();
    let (mut admin, mut ann) = (server.client(), login(&server, "ann"));
    fs::write(&path, "user bob on +nosuch\nuser bob\nusr eve\nuser c (+get\n").unwrap();
    let error = admin.command(&["ACL", "LOAD"]).to_string();
    for part in [
        "users.acl:1: Error in applying operation '+nosuch': Unknown command",
        "WARNING: Duplicate user 'bob' found on line 2. ",
        "users.acl:3 should start with user keyword followed by the username. ",
        "users.acl:4: Unmatched parenthesis in selector definition.",
        "WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert_reply!(ann, ["PING"], "+PONG");
    fs::write(&path, "\nuser bob on nopass\n").unwrap();
    assert_reply!(admin, ["ACL", "LOAD"], "+OK");
    assert!(ann.is_closed_within(CLOSED_LIMIT));
    assert_reply!(admin, ["ACL", "USERS"], "[\"bob\", \"default\"]");
    assert_reply!(admin, ["ACL", "SAVE"], "+OK");
    let saved = fs::read_to_string(&path).unwrap();
    assert_eq!(
        saved,
        "user bob on nopass sanitize-payload resetchannels -@all\nuser default on nopass \
         sanitize-payload ~* &* +@all\n"
    );
}

/// A server whose users are those of this file.
fn with_acl_file(text: &str) -> Server {
    let mut server = Server::start(&[]);
    fs::write(server.path("users.acl"), text).unwrap();
    server.set_config("aclfile", "users.acl");
    server.restart();
    server
}

fn load_users(server: &Server, text: &str) {
    fs::write(server.path("users.acl"), text).unwrap();
    assert_reply!(server.client(), ["ACL", "LOAD"], "+OK");
}

#[test]
fn acl_load_closes_connections_of_users_who_are_gone_or_lost_a_channel() {
    let server = with_acl_file(
        "user ann on nopass ~* &a &b +@all\nuser bob on nopass ~* &* +@all\n\
         user eve on nopass ~* &* +@all\n",
    );
    let mut admin = server.client();
    let (mut same, mut fewer_keys) = (login(&server, "ann"), login(&server, "bob"));
    let (mut keeps, mut loses) = (login(&server, "ann"), login(&server, "ann"));
    let mut gone = login(&server, "eve");
    keeps.command(&["SUBSCRIBE", "a"]);
    loses.command(&["SUBSCRIBE", "b"]);
    load_users(
        &server,
        "user ann on nopass ~* &a +@all\nuser bob on nopass ~b* resetchannels +@all\n",
    );
    assert!(gone.is_closed_within(CLOSED_LIMIT));
    assert!(loses.is_closed_within(CLOSED_LIMIT));
    assert_reply!(admin, ["PUBLISH", "a", "m"], 1);
    assert_eq!(keeps.read().to_string(), "[\"message\", \"a\", \"m\"]");
    assert_reply!(same, ["ACL", "WHOAMI"], Some("ann"));
    assert_reply!(fewer_keys, ["GET", "a"], "-NOPERM No permissions to access a key");
    assert_reply!(fewer_keys, ["GET", "b"], None);
}

#[test]
fn acl_load_gives_the_default_user_what_the_file_says_or_resets_it() {
    let server = with_acl_file("user default on >secret ~a* +@all\n");
    let mut old = server.client();
    assert_reply!(old, ["PING"], "-NOAUTH Authentication required.");
    assert_reply!(old, ["AUTH", "secret"], "+OK");
    assert_reply!(old, ["GET", "b"], "-NOPERM No permissions to access a key");
    fs::write(server.path("users.acl"), "user ann on nopass\n").unwrap();
    assert_reply!(old, ["ACL", "LOAD"], "+OK");
    // Not in the file: it may do everything, without a password.
    assert_reply!(old, ["GET", "b"], None);
    assert_reply!(server.client(), ["GET", "b"], None);
    let rules = call!(old, ["ACL", "LIST"]).to_string();
    assert!(rules.contains("user default on nopass sanitize-payload ~* &* +@all"), "{rules}");
    load_users(&server, "user default on >other ~* &* +@all\n");
    // Who is in stays in; who comes must know the new password.
    assert_reply!(old, ["GET", "b"], None);
    let mut new = server.client();
    assert_reply!(new, ["GET", "b"], "-NOAUTH Authentication required.");
    assert_reply!(new, ["AUTH", "other"], "+OK");
    fs::write(server.path("users.acl"), "user default off\nuser default on\n").unwrap();
    assert!(new.command(&["ACL", "LOAD"]).is_error());
    assert_reply!(new, ["GET", "b"], None);
}

#[test]
fn secrets_are_hidden_from_the_slow_log() {
    let server = Server::start(&[("slowlog-log-slower-than", "0")]);
    let mut client = server.client();
    client.command(&["ACL", "SETUSER", "ann", ">secret", "on", "+@all"]);
    client.command(&["AUTH", "ann", "secret"]);
    client.command(&["HELLO", "2", "AUTH", "ann", "secret"]);
    let log = server.client().command(&["SLOWLOG", "GET"]).to_string();
    assert!(log.contains("(redacted)") && !log.contains("secret"), "{log}");
}

#[test]
fn categories_are_those_of_the_published_table() {
    let facts = include_str!("../testdata/commands.tsv");
    let facts: Vec<Vec<&str>> =
        facts.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut known = names(&client.command(&["ACL", "CAT", "fast"]));
    known.extend(names(&client.command(&["ACL", "CAT", "slow"])));
    for category in names(&client.command(&["ACL", "CAT"])) {
        let upper = category.to_uppercase();
        let expected = facts
            .iter()
            .filter(|row| row[3].split(',').any(|name| name == upper) && known.contains(row[0]))
            .map(|row| row[0].to_string());
        let members = names(&client.command(&["ACL", "CAT", &category]));
        assert_eq!(members, expected.collect(), "{category}");
    }
    assert_reply!(client, ["ACL", "CAT", "nosuch"], "-ERR Unknown category 'nosuch'");
}
