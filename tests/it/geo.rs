//! Geo commands over the wire: their errors in the order of the arguments, what is stored, and
//! random searches beside a reference server.

use fastrand::Rng;

use super::common::differ::{Args, Differ, key, pick};
use super::common::{Server, reference};
use crate::args;

fn sicily(server: &Server) -> super::common::client::Client {
    let mut client = server.client();
    assert_reply!(
        client,
        ["GEOADD", "s", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania"],
        2
    );
    client
}

#[test]
fn positions_distances_and_texts() {
    let server = Server::start(&[]);
    let mut client = sicily(&server);
    assert_reply!(client, ["ZSCORE", "s", "Palermo"], Some("3479099956230698"));
    assert_reply!(client, ["GEODIST", "s", "Palermo", "Catania"], Some("166274.1516"));
    assert_reply!(client, ["GEODIST", "s", "Palermo", "Catania", "KM"], Some("166.2742"));
    assert_reply!(client, ["GEODIST", "s", "Palermo", "none"], None::<&str>);
    assert_reply!(client, ["GEODIST", "s", "a", "b", "m", "x"], "-ERR syntax error");
    let reply = call!(client, ["GEOHASH", "s", "Palermo", "none"]);
    assert_eq!(reply.items()[0].text(), "sqc8b49rny0");
    assert!(reply.items()[1].is_null());
    let reply = call!(client, ["GEOPOS", "s", "none", "Catania"]);
    assert!(reply.items()[0].is_null());
    assert_eq!(reply.items()[1].items()[0].text(), "15.087267458438873");
    assert_reply!(client, ["GEOADD", "s", "NX", "CH", 1, 1, "Palermo"], 0);
    assert_reply!(client, ["GEOADD", "s", "XX", "CH", 1, 1, "Palermo"], 1);
    assert_reply!(client, ["GEOADD", "s", "XX", "NX", 1, 1, "Palermo"], "-ERR syntax error");
    let off = "-ERR invalid longitude,latitude pair 200.000000,10.000000";
    assert_reply!(client, ["GEOADD", "s", 200, 10, "x"], off);
}

#[test]
fn searches_reply_and_store() {
    let server = Server::start(&[]);
    let mut client = sicily(&server);
    let near = ["BYRADIUS", "200", "km", "ASC"];
    let find = [&["GEOSEARCH", "s", "FROMLONLAT", "15", "37"][..], &near].concat();
    let reply = client.command(&find);
    assert_eq!(reply.items()[0].text(), "Catania");
    assert_eq!(reply.items().len(), 2);
    let reply = client.command(&[&find[..], &["WITHDIST", "COUNT", "1"]].concat());
    assert_eq!(reply.items()[0].items()[1].text(), "56.4413");
    let store = ["GEOSEARCHSTORE", "to", "s", "FROMMEMBER", "Palermo", "BYBOX", "500", "500", "km"];
    assert_reply!(client, ["SET", "to", "x"], "+OK");
    assert_eq!(client.command(&[&store[..], &["STOREDIST"]].concat()).int(), 2);
    assert_reply!(client, ["ZSCORE", "to", "Palermo"], Some("0"));
    assert_reply!(client, ["ZRANGE", "to", 0, 0], r#"["Palermo"]"#);
    let nothing = ["GEORADIUS", "s", "100", "10", "1", "m", "STORE", "to"];
    assert_eq!(client.command(&nothing).int(), 0);
    assert_reply!(client, ["EXISTS", "to"], 0);
    let any = ["GEOSEARCH", "s", "FROMLONLAT", "15", "37", "BYRADIUS", "900", "km", "ANY"];
    let error = "-ERR the ANY argument requires COUNT argument";
    assert_eq!(client.command(&any).to_string(), error);
    assert_reply!(
        client,
        ["GEOSEARCH", "s", "BYRADIUS", 1, "m", "ASC", "DESC"],
        "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH"
    );
    assert_reply!(client, ["GEORADIUS_RO", "s", 1, 1, 1, "m", "STORE", "x"], "-ERR syntax error");
}

#[test]
fn searches_reply_as_the_reference() {
    let Some(reference) = reference() else { return };
    let differ = Differ::start(&reference, &[]);
    if differ.reference_is_older_than((7, 4)) {
        return;
    }
    differ.run(81, 3000, &[geo, geo, geo, geo, others], false);
    differ.run(82, 1000, &[geo, others], true);
}

fn others(r: &mut Rng) -> Args {
    let k = key(r, "zset");
    match r.u8(..3) {
        0 => args!["DEL", k],
        1 => args!["ZADD", k, r.i64(..) / 1024, place(r)],
        _ => args!["ZRANGE", k, 0, -1, "WITHSCORES"],
    }
}

fn place(r: &mut Rng) -> String {
    format!("place-{}", r.u16(..400))
}

fn coordinate(r: &mut Rng, most: f64) -> String {
    match r.u8(..30) {
        0 => "x".into(),
        1 => (most * 1.01).to_string(),
        2 => (-most).to_string(),
        _ => ((r.f64() * 2.0 - 1.0) * most).to_string(),
    }
}

fn size(r: &mut Rng) -> String {
    let scale = 10_f64.powi(r.i32(0..6));
    match r.u8(..30) {
        0 => "-1".into(),
        1 => "x".into(),
        2 => "0".into(),
        _ => (r.f64() * scale).to_string(),
    }
}

fn geo(r: &mut Rng) -> Args {
    let k = key(r, "zset");
    let (lon, lat) = (coordinate(r, 180.0), coordinate(r, 85.0));
    let unit = pick(r, &["m", "km", "KM", "mi", "ft", "km", "km", "x"]);
    let mut command = match r.u8(..10) {
        0..=2 => {
            let mut add = args!["GEOADD", k];
            for _ in 0..r.usize(1..20) {
                add.extend(args![
                    ((r.f64() * 2.0 - 1.0) * 180.0).to_string(),
                    ((r.f64() * 2.0 - 1.0) * 85.0).to_string(),
                    place(r)
                ]);
            }
            return add;
        }
        3 => return args!["GEODIST", k, place(r), place(r), unit],
        4 => return args!["GEOPOS", k, place(r), place(r)],
        5 => return args!["GEOHASH", k, place(r), place(r)],
        6 => args!["GEORADIUS", k, lon, lat, size(r), unit],
        7 => args!["GEORADIUSBYMEMBER", k, place(r), size(r), unit],
        8 => args!["GEOSEARCH", k, "FROMLONLAT", lon, lat, "BYBOX", size(r), size(r), unit],
        _ => args!["GEOSEARCH", k, "FROMMEMBER", place(r), "BYRADIUS", size(r), unit],
    };
    // Without an order the results come in that of the cells.
    if r.bool() {
        command.extend(args![pick(r, &["ASC", "DESC"]), "COUNT", r.u8(..5)]);
    }
    for option in ["WITHDIST", "WITHCOORD", "WITHHASH", "BOGUS"] {
        if r.u8(..if option == "BOGUS" { 40 } else { 3 }) == 0 {
            command.extend(args![option]);
        }
    }
    if r.u8(..6) == 0 {
        command.extend(args![pick(r, &["STORE", "STOREDIST"]), key(r, "zset")]);
    }
    command
}
