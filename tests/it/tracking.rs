//! Client-side caching: who is told of what, in which order and form.

use std::time::Duration;

use super::common::Server;
use super::common::client::Client;
use super::common::server::wait_until;

fn tracker(server: &Server, options: &[&str]) -> Client {
    let mut client = server.client();
    client.hello3();
    let command = [&["CLIENT", "TRACKING", "ON"], options].concat();
    assert_eq!(client.command(&command).to_string(), "+OK");
    client
}

fn invalidation(key: &str) -> String {
    format!(">[\"invalidate\", [\"{key}\"]]")
}

#[test]
fn readers_are_told_once_of_a_change() {
    let server = Server::start(&[]);
    let (mut reader, mut writer) = (tracker(&server, &[]), server.client());
    assert_reply!(reader, ["MGET", "a", "b"], "[(null), (null)]");
    assert_eq!(server.info("tracking_total_keys"), "2");
    assert_eq!(server.info("tracking_clients"), "1");
    writer.command(&["SET", "a", "1"]);
    writer.command(&["SET", "a", "2"]);
    writer.command(&["DEL", "b"]);
    writer.command(&["SET", "b", "2", "PX", "1"]);
    assert_eq!(reader.read().to_string(), invalidation("a"));
    assert_eq!(reader.read().to_string(), invalidation("b"));
    assert_reply!(reader, ["PING"], "+PONG");
    assert!(writer.command(&["CLIENT", "LIST"]).text().contains(" flags=t "));
}

#[test]
fn own_changes_are_told_after_the_reply() {
    let server = Server::start(&[]);
    let mut client = tracker(&server, &[]);
    client.command(&["GET", "k"]);
    assert_reply!(client, ["SET", "k", "v"], "+OK");
    assert_eq!(client.read().to_string(), invalidation("k"));
    assert_reply!(client, ["MULTI"], "+OK");
    client.command(&["GET", "k"]);
    client.command(&["INCR", "n"]);
    client.command(&["SET", "k", "w"]);
    assert_reply!(client, ["EXEC"], "[\"v\", :1, +OK]");
    assert_eq!(client.read().to_string(), invalidation("k"));
    let mut noloop = tracker(&server, &["NOLOOP"]);
    noloop.command(&["GET", "k"]);
    assert_reply!(noloop, ["SET", "k", "v"], "+OK");
    assert_reply!(noloop, ["PING"], "+PONG");
}

#[test]
fn optin_and_optout() {
    let server = Server::start(&[]);
    let mut writer = server.client();
    let mut optin = tracker(&server, &["OPTIN"]);
    optin.command(&["GET", "a"]);
    assert_reply!(optin, ["CLIENT", "CACHING", "YES"], "+OK");
    optin.command(&["GET", "b"]);
    optin.command(&["GET", "c"]);
    assert_eq!(server.info("tracking_total_keys"), "1");
    writer.command(&["MSET", "a", "1", "b", "1", "c", "1"]);
    assert_eq!(optin.read().to_string(), invalidation("b"));
    assert_reply!(
        optin,
        ["CLIENT", "CACHING", "NO"],
        "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
    );
    let mut optout = tracker(&server, &["OPTOUT"]);
    assert_reply!(optout, ["CLIENT", "CACHING", "NO"], "+OK");
    assert_reply!(optout, ["MULTI"], "+OK");
    optout.command(&["GET", "a"]);
    optout.command(&["EXEC"]);
    optout.command(&["GET", "b"]);
    writer.command(&["MSET", "a", "2", "b", "2"]);
    assert_eq!(optout.read().to_string(), invalidation("b"));
    assert_reply!(optout, ["PING"], "+PONG");
}

#[test]
fn broadcasts_by_prefix() {
    let server = Server::start(&[]);
    let (mut client, mut writer) = (tracker(&server, &["BCAST", "PREFIX", "a"]), server.client());
    writer.command(&["MSET", "a2", "1", "b", "1", "a1", "1"]);
    assert_eq!(client.read().to_string(), ">[\"invalidate\", [\"a1\", \"a2\"]]");
    assert_reply!(
        client,
        ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "ab"],
        "-ERR Prefix 'ab' overlaps with an existing prefix 'a'. Prefixes for a single client must \
         not overlap."
    );
    assert_reply!(
        client,
        ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x", "PREFIX", "xy"],
        "-ERR Prefix 'x' overlaps with another provided prefix 'xy'. Prefixes for a single client \
         must not overlap."
    );
    assert_reply!(client, ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "b"], "+OK");
    let info = client.command(&["CLIENT", "TRACKINGINFO"]).to_string();
    assert!(info.contains("[\"a\", \"b\"]") && info.contains("\"bcast\""), "{info}");
    assert!(client.command(&["CLIENT", "TRACKING", "ON"]).is_error(), "no change of mode");
    assert_reply!(client, ["CLIENT", "TRACKING", "OFF"], "+OK");
    assert_eq!(server.info("tracking_total_prefixes"), "0");
    let mut noloop = tracker(&server, &["BCAST", "NOLOOP"]);
    assert_reply!(noloop, ["SET", "mine", "1"], "+OK");
    writer.command(&["SET", "other", "1"]);
    assert_eq!(noloop.read().to_string(), invalidation("other"));
}

#[test]
fn resp2_hears_through_a_subscriber() {
    let server = Server::start(&[]);
    let (mut listener, mut client) = (server.client(), server.client());
    let id = listener.command(&["CLIENT", "ID"]).int().to_string();
    listener.command(&["SUBSCRIBE", "__redis__:invalidate"]);
    assert!(client.command(&["CLIENT", "TRACKING", "ON", "REDIRECT", "999"]).is_error());
    assert_reply!(client, ["CLIENT", "TRACKING", "ON", "REDIRECT", &id], "+OK");
    assert_eq!(client.command(&["CLIENT", "GETREDIR"]).int().to_string(), id);
    client.command(&["GET", "k"]);
    client.command(&["SET", "k", "v"]);
    let message = |what: &str| format!("[\"message\", \"__redis__:invalidate\", {what}]");
    assert_eq!(listener.read().to_string(), message("[\"k\"]"));
    client.command(&["FLUSHALL"]);
    assert_eq!(listener.read().to_string(), message("(nil)"));
    client.hello3();
    client.command(&["GET", "k"]);
    drop(listener);
    let gone = || server.info("connected_clients") == "2";
    assert!(wait_until(Duration::from_secs(5), gone));
    client.send(&["SET", "k", "v"]);
    assert_eq!(client.read().to_string(), "+OK");
    assert_eq!(client.read().to_string(), format!(">[\"tracking-redir-broken\", :{id}]"));
    let info = client.command(&["CLIENT", "TRACKINGINFO"]).to_string();
    assert!(info.contains("\"broken_redirect\""), "{info}");
}

#[test]
fn a_full_table_gives_up_keys() {
    let server = Server::start(&[("tracking-table-max-keys", "10")]);
    let mut client = tracker(&server, &[]);
    for i in 0..11 {
        client.send(&["GET".to_string(), format!("k{i}")]);
        assert_eq!(client.read().to_string(), "(null)");
    }
    client.send(&["PING"]);
    assert!(client.read().to_string().starts_with(">[\"invalidate\", [\"k"), "before the reply");
    assert_eq!(client.read().to_string(), "+PONG");
    assert_eq!(server.info("tracking_total_keys"), "10");
}

#[test]
fn expired_keys_are_told() {
    let server = Server::start(&[]);
    let (mut client, mut writer) = (tracker(&server, &[]), server.client());
    writer.command(&["SET", "k", "v", "PX", "30"]);
    client.command(&["GET", "k"]);
    assert_eq!(client.read().to_string(), invalidation("k"));
    client.command(&["GET", "k"]);
    writer.command(&["FLUSHDB"]);
    assert_eq!(client.read().to_string(), ">[\"invalidate\", (null)]");
}

#[test]
fn keys_that_a_script_reads_are_tracked_for_its_caller() {
    let server = Server::start(&[]);
    let (mut caller, mut writer) = (tracker(&server, &[]), server.client());
    let code = "redis.call('get', KEYS[1]) redis.call('set', 'written', 1) \
                return redis.call('exists', 'undeclared')";
    assert_reply!(caller, ["EVAL", code, 2, "read", "declared"], 0);
    // What was read counts, not what was declared.
    assert_eq!(server.info("tracking_total_keys"), "2");
    writer.command(&["MSET", "declared", "1", "written", "1", "undeclared", "1", "read", "1"]);
    assert_eq!(caller.read().to_string(), invalidation("undeclared"));
    assert_eq!(caller.read().to_string(), invalidation("read"));
    let code = "return redis.call('hget', KEYS[1], 'f')";
    assert_reply!(caller, ["EVAL_RO", code, 2, "hash", "declared"], "(null)");
    let library = "#!lua name=lib\nredis.register_function{function_name='get', callback=function(\
                   keys) return redis.call('get', keys[1]) end, flags={'no-writes'}}";
    call!(writer, ["FUNCTION", "LOAD", library]);
    assert_reply!(caller, ["FCALL_RO", "get", 2, "called", "declared"], "(null)");
    assert_eq!(server.info("tracking_total_keys"), "2");
    writer.command(&["HSET", "hash", "f", "1"]);
    writer.command(&["MSET", "declared", "1", "called", "1"]);
    assert_eq!(caller.read().to_string(), invalidation("hash"));
    assert_eq!(caller.read().to_string(), invalidation("called"));
    assert_reply!(caller, ["PING"], "+PONG");
}

#[test]
fn a_script_that_changes_a_tracked_key_tells_after_its_reply() {
    let server = Server::start(&[]);
    let mut caller = tracker(&server, &[]);
    let code = "redis.call('get', KEYS[1]) redis.call('set', KEYS[1], 'v') return 'done'";
    assert_reply!(caller, ["EVAL", code, 1, "k"], Some("done"));
    assert_eq!(caller.read().to_string(), invalidation("k"));
    let mut optin = tracker(&server, &["OPTIN"]);
    let code = "return redis.call('get', KEYS[1])";
    optin.command(&["EVAL", code, "1", "not asked for"]);
    optin.command(&["CLIENT", "CACHING", "YES"]);
    optin.command(&["EVAL", code, "1", "asked"]);
    let mut writer = server.client();
    writer.command(&["MSET", "not asked for", "1", "asked", "1"]);
    assert_eq!(optin.read().to_string(), invalidation("asked"));
    assert_reply!(optin, ["PING"], "+PONG");
}
