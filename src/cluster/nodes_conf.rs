//! nodes.conf: the file in which a node keeps its view of the cluster, and the lines that CLUSTER
//! NODES shows, which are the same but for the auxiliary fields.
//!
//! ```text
//! <id> <ip>:<port>@<bus port>,<hostname>,tls-port=<n>,nodename=<name>,shard-id=<id>
//!      <flags> <master's id or -> <ping sent> <pong received> <epoch> <link> <slots…>
//! vars currentEpoch <n> lastVoteEpoch <n>
//! ```
//!
//! Slots: `5`, `7-9`, and of this node alone `[5->-id]` (goes to), `[5-<-id]` (comes from).
//! Invariant: the file is replaced as a whole.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::node::{Node, NodeFlags, NodeId};
use super::slots::{NodeKey, SLOTS};
use super::state::Cluster;

/// A client port plus this is the bus port, where it is not told.
const BUS_PORT_OFFSET: u16 = 10_000;

/// A node's line. `for_file`: with the fields that clients do not see; `tls`: with the TLS port.
pub fn line(cluster: &Cluster, key: NodeKey, for_file: bool, tls: bool) -> String {
    let mut out = String::with_capacity(160);
    write_line(&mut out, cluster, key, for_file, tls).expect("a String takes all");
    out
}

fn write_line(
    out: &mut String,
    cluster: &Cluster,
    key: NodeKey,
    for_file: bool,
    tls: bool,
) -> std::fmt::Result {
    let node = cluster.node(key);
    let port = if tls { node.tls_port } else { node.port };
    write!(out, "{} {}:{port}@{}", node.id, node.ip, node.bus_port)?;
    if !node.hostname.is_empty() || for_file {
        write!(out, ",{}", node.hostname)?;
    }
    if for_file {
        write!(out, ",tls-port={}", node.tls_port)?;
        if !node.human_nodename.is_empty() {
            write!(out, ",nodename={}", node.human_nodename)?;
        }
        write!(out, ",shard-id={}", node.shard_id)?;
    }
    let master = node.master.map(|master| cluster.node(master));
    let is_replica = node.flags.has(NodeFlags::SLAVE);
    let epoch = master.filter(|_| is_replica).unwrap_or(node).config_epoch;
    let linked = node.linked || node.flags.has(NodeFlags::MYSELF);
    write!(out, " {} ", node.flags)?;
    match master {
        Some(master) => write!(out, "{}", master.id)?,
        None => out.write_str("-")?,
    }
    write!(out, " {} {} {epoch}", node.ping_sent_ms, node.pong_received_ms)?;
    out.write_str(if linked { " connected" } else { " disconnected" })?;
    for (first, last) in cluster.slots.ranges_of(key) {
        if first == last {
            write!(out, " {first}")?;
        } else {
            write!(out, " {first}-{last}")?;
        }
    }
    if key == cluster.my_key() {
        for (slot, to) in &cluster.slots.migrating_to {
            write!(out, " [{slot}->-{}]", cluster.node(*to).id)?;
        }
        for (slot, from) in &cluster.slots.importing_from {
            write!(out, " [{slot}-<-{}]", cluster.node(*from).id)?;
        }
    }
    Ok(())
}

/// The lines of all nodes but those with one of `hidden`, each with its end.
pub fn lines(cluster: &Cluster, hidden: NodeFlags, for_file: bool, tls: bool) -> String {
    let shown = cluster.nodes().filter(|(_, node)| !node.flags.has(hidden));
    shown.map(|(key, _)| line(cluster, key, for_file, tls) + "\n").collect()
}

/// The whole file.
pub fn text(cluster: &Cluster) -> String {
    let mut text = lines(cluster, NodeFlags::HANDSHAKE, true, false);
    let (current, vote) = (cluster.current_epoch, cluster.last_vote_epoch);
    writeln!(text, "vars currentEpoch {current} lastVoteEpoch {vote}").expect("a String");
    text
}

/// Replaces the file; `fsync`: it is on the disk afterwards.
pub fn save(cluster: &Cluster, path: &Path, now_ms: i64, fsync: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".tmp-{}-{now_ms}", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = write_file(&temporary, text(cluster).as_bytes(), fsync)
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The reason why it failed is told, not that the rest remains.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    if fsync {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8], fsync: bool) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    if fsync { file.sync_all() } else { Ok(()) }
}

/// The file's text does not describe a cluster.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads a file's text. The calling node is the one whose line says `myself`.
pub fn parse(text: &str) -> Result<Cluster, Malformed> {
    let mut cluster = Cluster::new(NodeId::random());
    let mut myself = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if fields.first().is_some_and(|name| name.eq_ignore_ascii_case("vars")) {
            parse_vars(&mut cluster, &fields[1..])?;
            continue;
        }
        if fields.len() < 8 {
            return Err(Malformed);
        }
        let key = known(&mut cluster, fields[0])?;
        parse_node(&mut cluster, key, &fields)?;
        if cluster.node(key).flags.has(NodeFlags::MYSELF) && myself.replace(key).is_some() {
            return Err(Malformed);
        }
        parse_slots(&mut cluster, key, &fields[8..])?;
    }
    cluster.become_node(myself.ok_or(Malformed)?);
    let highest = cluster.nodes().map(|(_, node)| node.config_epoch).max().unwrap_or(0);
    cluster.current_epoch = cluster.current_epoch.max(highest);
    Ok(cluster)
}

fn parse_vars(cluster: &mut Cluster, fields: &[&str]) -> Result<(), Malformed> {
    let (pairs, rest) = fields.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Malformed);
    }
    for [name, value] in pairs {
        let value = value.parse().map_err(|_| Malformed)?;
        match *name {
            "currentEpoch" => cluster.current_epoch = value,
            "lastVoteEpoch" => cluster.last_vote_epoch = value,
            other => log::info!(target: "redis_rust::cluster",
                "Skipping unknown cluster config variable '{other}'"),
        }
    }
    Ok(())
}

/// The node of that name, made if it is new: lines refer to nodes that come later.
fn known(cluster: &mut Cluster, id: &str) -> Result<NodeKey, Malformed> {
    if let Some(key) = cluster.lookup(id.as_bytes()) {
        return Ok(key);
    }
    let id = NodeId::parse(id.as_bytes()).ok_or(Malformed)?;
    cluster.add(Node::new(id, NodeFlags::default())).ok_or(Malformed)
}

fn parse_node(cluster: &mut Cluster, key: NodeKey, fields: &[&str]) -> Result<(), Malformed> {
    let number = |text: &str| text.parse::<i64>().map_err(|_| Malformed);
    let mut master = None;
    if fields[3] != "-" {
        master = Some(known(cluster, fields[3])?);
    }
    let shard_of_master = master.map(|master| cluster.node(master).shard_id);
    let node = cluster.node_mut(key);
    node.flags = NodeFlags::parse(fields[2]).ok_or(Malformed)?;
    node.master = master;
    node.shard_id = shard_of_master.unwrap_or(node.shard_id);
    // Times are of another run: only that a ping was under way matters.
    node.ping_sent_ms = number(fields[4])?.max(0);
    node.pong_received_ms = number(fields[5])?.max(0);
    node.config_epoch = fields[6].parse().map_err(|_| Malformed)?;
    parse_address(node, fields[1])
}

/// `ip:port[@bus port][,hostname[,name=value]*]`
fn parse_address(node: &mut Node, text: &str) -> Result<(), Malformed> {
    let port = |text: &str| text.parse::<u16>().map_err(|_| Malformed);
    let mut parts = text.split(',');
    let address = parts.next().ok_or(Malformed)?;
    node.hostname = parts.next().unwrap_or("").into();
    for part in parts {
        match part.split_once('=').ok_or(Malformed)? {
            ("shard-id", id) => node.shard_id = NodeId::parse(id.as_bytes()).ok_or(Malformed)?,
            ("nodename", name) => node.human_nodename = name.into(),
            ("tls-port", number) => node.tls_port = port(number)?,
            ("tcp-port", number) => node.port = port(number)?,
            _ => return Err(Malformed),
        }
    }
    let (ip, ports) = address.rsplit_once(':').ok_or(Malformed)?;
    let (client_port, bus_port) = match ports.split_once('@') {
        Some((client, bus)) => (port(client)?, Some(port(bus)?)),
        None => (port(ports)?, None),
    };
    node.ip = ip.into();
    node.port = client_port;
    node.bus_port = bus_port.unwrap_or(client_port.wrapping_add(BUS_PORT_OFFSET));
    Ok(())
}

fn slot(text: &str) -> Result<u16, Malformed> {
    text.parse().ok().filter(|slot| *slot < SLOTS).ok_or(Malformed)
}

fn parse_slots(cluster: &mut Cluster, key: NodeKey, fields: &[&str]) -> Result<(), Malformed> {
    for field in fields {
        if let Some(inner) = field.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if let Some((text, other)) = inner.split_once("->-") {
                let other = known(cluster, other)?;
                cluster.slots.migrating_to.insert(slot(text)?, other);
            } else {
                let (text, other) = inner.split_once("-<-").ok_or(Malformed)?;
                let other = known(cluster, other)?;
                cluster.slots.importing_from.insert(slot(text)?, other);
            }
            continue;
        }
        let (first, last) = field.split_once('-').unwrap_or((field, field));
        for slot in slot(first)?..=slot(last)? {
            cluster.slots.assign(slot, Some(key));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Cluster {
        let mut cluster = Cluster::new(NodeId::random());
        let me = cluster.my_key();
        let mut other = Node::new(NodeId::random(), NodeFlags::MASTER);
        other.ip = "10.0.0.2".into();
        other.port = 7001;
        other.bus_port = 17001;
        other.hostname = "two.example.com".into();
        other.config_epoch = 4;
        let other = cluster.add(other).unwrap();
        let mut replica = Node::new(NodeId::random(), NodeFlags::SLAVE);
        replica.master = Some(other);
        replica.shard_id = cluster.node(other).shard_id;
        replica.human_nodename = "third".into();
        cluster.add(replica).unwrap();
        (0..100).chain([200]).for_each(|slot| cluster.slots.assign(slot, Some(me)));
        (100..200).for_each(|slot| cluster.slots.assign(slot, Some(other)));
        cluster.slots.migrating_to.insert(5, other);
        cluster.slots.importing_from.insert(150, other);
        cluster.current_epoch = 6;
        cluster.last_vote_epoch = 3;
        cluster
    }

    #[test]
    fn what_is_written_is_read() {
        let cluster = sample();
        let text = text(&cluster);
        let read = parse(&text).expect("its own text");
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(Into::into).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&self::text(&read)), sorted(&text));
        assert_eq!(read.myself().id, cluster.myself().id);
        assert_eq!((read.current_epoch, read.last_vote_epoch), (6, 3));
    }

    #[test]
    fn clients_do_not_see_auxiliary_fields() {
        let cluster = sample();
        let mine = line(&cluster, cluster.my_key(), false, false);
        assert!(mine.contains(" :0@0 myself,master - 0 0 0 connected 0-99 200 [5->-"), "{mine}");
        let all = lines(&cluster, NodeFlags::default(), false, false);
        assert!(all.contains("10.0.0.2:7001@17001,two.example.com master - 0 0 4 disconnected"));
        assert!(!all.contains("shard-id"));
    }

    #[test]
    fn hostile_files_are_refused() {
        let good = text(&sample());
        for (from, to) in [
            ("myself", "king"),
            ("0-99", "0-99999"),
            ("vars currentEpoch", "vars x currentEpoch"),
            ("tls-port=0", "tls-port=x"),
            ("@17001", "@x"),
        ] {
            assert!(good.contains(from) && parse(&good.replace(from, to)).is_err(), "{from}");
        }
        assert!(parse("").is_err());
        let mut rng = fastrand::Rng::with_seed(9);
        for _ in 0..2000 {
            let mut bytes = good.clone().into_bytes();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(b' '..127);
            }
            // Any answer is right, a panic is not.
            let _ = parse(&String::from_utf8(bytes).expect("ASCII"));
        }
    }

    #[test]
    fn the_file_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nodes.conf");
        let cluster = sample();
        save(&cluster, &path, 1, true).unwrap();
        save(&cluster, &path, 2, false).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text(&cluster));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(save(&cluster, &dir.path().join("no/nodes.conf"), 1, false).is_err());
    }
}
