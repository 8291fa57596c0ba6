//! CLUSTER commands about slots: giving them to this node, taking them away, migrations, and the
//! keys in them.

use super::{cluster, cluster_mut, error_about, known_node};
use crate::cluster::slots::SLOTS;
use crate::cluster::{Cluster, NodeKey};
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::parse_i64;
use crate::util::crc16::key_slot;

fn slot(arg: &[u8]) -> Result<u16, ReplyError> {
    let slot = parse_i64(arg).and_then(|n| u16::try_from(n).ok()).filter(|slot| *slot < SLOTS);
    slot.ok_or(ReplyError::fixed("ERR Invalid or out of range slot"))
}

/// Adds `first..=last` to the slots of a command, if they can be given (or taken).
fn collect(
    cluster: &Cluster,
    into: &mut Vec<u16>,
    first: u16,
    last: u16,
    delete: bool,
) -> CmdResult {
    for slot in first..=last {
        let text = match (delete, cluster.slots.owner(slot)) {
            (true, None) => "is already unassigned",
            (false, Some(_)) => "is already busy",
            _ if into.contains(&slot) => "specified multiple times",
            _ => {
                into.push(slot);
                continue;
            }
        };
        return Err(ReplyError::err(format!("Slot {slot} {text}")));
    }
    Ok(())
}

fn update(ctx: &mut Ctx<'_>, slots: &[u16], delete: bool) -> CmdResult {
    let cluster = cluster_mut(ctx.server)?;
    let owner = (!delete).then(|| cluster.my_key());
    for slot in slots {
        cluster.slots.importing_from.remove(slot);
        cluster.slots.assign(*slot, owner);
    }
    cluster.changed();
    ctx.client.reply.ok();
    if delete {
        ctx.server.remove_channels_in_slots(slots, ctx.client);
    }
    Ok(())
}

fn update_listed(ctx: &mut Ctx<'_>, args: Args<'_>, delete: bool) -> CmdResult {
    let state = cluster(ctx.server)?;
    let listed: Vec<u16> = args[2..].iter().map(|arg| slot(arg)).collect::<Result<_, _>>()?;
    let mut slots = Vec::with_capacity(listed.len());
    for slot in listed {
        collect(state, &mut slots, slot, slot, delete)?;
    }
    update(ctx, &slots, delete)
}

fn update_ranges(ctx: &mut Ctx<'_>, args: Args<'_>, delete: bool, name: &str) -> CmdResult {
    let state = cluster(ctx.server)?;
    let (pairs, rest) = args[2..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ReplyError::wrong_arity(name));
    }
    let mut slots = Vec::new();
    for [first, last] in pairs {
        let (first, last) = (slot(first)?, slot(last)?);
        if first > last {
            return Err(ReplyError::err(format!(
                "start slot number {first} is greater than end slot number {last}"
            )));
        }
        collect(state, &mut slots, first, last, delete)?;
    }
    update(ctx, &slots, delete)
}

/// `CLUSTER ADDSLOTS slot [slot …]`
pub fn cluster_addslots(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    update_listed(ctx, args, false)
}

/// `CLUSTER DELSLOTS slot [slot …]`
pub fn cluster_delslots(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    update_listed(ctx, args, true)
}

/// `CLUSTER ADDSLOTSRANGE first last [first last …]`
pub fn cluster_addslotsrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    update_ranges(ctx, args, false, "cluster|addslotsrange")
}

/// `CLUSTER DELSLOTSRANGE first last [first last …]`
pub fn cluster_delslotsrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    update_ranges(ctx, args, true, "cluster|delslotsrange")
}

/// `CLUSTER FLUSHSLOTS`
pub fn cluster_flushslots(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    cluster(ctx.server)?;
    if !ctx.server.keyspace.dbs[0].is_empty() {
        return Err(ReplyError::fixed("ERR DB must be empty to perform CLUSTER FLUSHSLOTS."));
    }
    let slots = ctx.server.my_slots();
    update(ctx, &slots, true)
}

/// `CLUSTER SETSLOT slot MIGRATING id|IMPORTING id|STABLE|NODE id`
pub fn cluster_setslot(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if !cluster(ctx.server)?.myself().is_master() {
        return Err(ReplyError::fixed("ERR Please use SETSLOT only with masters."));
    }
    let slot = slot(args[2])?;
    let is = |name: &str, argc: usize| is_option(args[3], name) && args.len() == argc;
    if is("node", 5) {
        return set_owner(ctx, slot, args[4]);
    }
    let cluster = cluster_mut(ctx.server)?;
    let mine = cluster.slots.owner(slot) == Some(cluster.my_key());
    if is("migrating", 5) {
        if !mine {
            return Err(ReplyError::err(format!("I'm not the owner of hash slot {slot}")));
        }
        let to = other_end(cluster, args[4])?;
        cluster.slots.migrating_to.insert(slot, to);
    } else if is("importing", 5) {
        if mine {
            return Err(ReplyError::err(format!("I'm already the owner of hash slot {slot}")));
        }
        let from = other_end(cluster, args[4])?;
        cluster.slots.importing_from.insert(slot, from);
    } else if is("stable", 4) {
        cluster.slots.importing_from.remove(&slot);
        cluster.slots.migrating_to.remove(&slot);
    } else {
        return Err(ReplyError::fixed(
            "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP",
        ));
    }
    cluster.changed();
    ctx.client.reply.ok();
    Ok(())
}

fn master(cluster: &Cluster, key: NodeKey) -> Result<NodeKey, ReplyError> {
    if cluster.node(key).is_master() {
        return Ok(key);
    }
    Err(ReplyError::fixed("ERR Target node is not a master"))
}

/// The other end of a migration.
fn other_end(cluster: &Cluster, name: &[u8]) -> Result<NodeKey, ReplyError> {
    let key = cluster.lookup(name);
    master(cluster, key.ok_or_else(|| error_about("I don't know about node ", name))?)
}

/// SETSLOT … NODE: the end of a migration.
fn set_owner(ctx: &mut Ctx<'_>, slot: u16, name: &[u8]) -> CmdResult {
    let keys = ctx.server.keyspace.dbs[0].keys().slot_len(slot);
    let cluster = cluster_mut(ctx.server)?;
    let new = master(cluster, known_node(cluster, name)?)?;
    let me = cluster.my_key();
    let was_mine = cluster.slots.owner(slot) == Some(me);
    if was_mine && new != me && keys > 0 {
        return Err(ReplyError::err(format!(
            "Can't assign hashslot {slot} to a different node while I still hold keys for this \
             hash slot."
        )));
    }
    if keys == 0 {
        cluster.slots.migrating_to.remove(&slot);
    }
    cluster.slots.assign(slot, Some(new));
    let imported = new == me && cluster.slots.importing_from.remove(&slot).is_some();
    if imported && cluster.bump_config_epoch() {
        crate::server::log::notice(&format!("configEpoch updated after importing slot {slot}"));
    }
    cluster.changed();
    ctx.client.reply.ok();
    if was_mine && new != me {
        ctx.server.remove_channels_in_slots(&[slot], ctx.client);
    }
    Ok(())
}

/// `CLUSTER KEYSLOT key`
pub fn cluster_keyslot(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    cluster(ctx.server)?;
    ctx.client.reply.int(i64::from(key_slot(args[2])));
    Ok(())
}

/// `CLUSTER COUNTKEYSINSLOT slot`
pub fn cluster_countkeysinslot(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    cluster(ctx.server)?;
    let slot = u16::try_from(int(args[2])?).ok().filter(|slot| *slot < SLOTS);
    let slot = slot.ok_or(ReplyError::fixed("ERR Invalid slot"))?;
    let count = ctx.server.keyspace.dbs[0].keys().slot_len(slot);
    ctx.client.reply.count(count);
    Ok(())
}

/// `CLUSTER GETKEYSINSLOT slot count`
pub fn cluster_getkeysinslot(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    cluster(ctx.server)?;
    let (slot, most) = (int(args[2])?, int(args[3])?);
    let slot = u16::try_from(slot).ok().filter(|slot| *slot < SLOTS);
    let (Some(slot), Ok(most)) = (slot, usize::try_from(most)) else {
        return Err(ReplyError::fixed("ERR Invalid slot or number of keys"));
    };
    let db = &ctx.server.keyspace.dbs[0];
    let reply = &mut ctx.client.reply;
    reply.array(most.min(db.keys().slot_len(slot)));
    for entry in db.iter_slot(slot).take(most) {
        reply.bulk(entry.key());
    }
    Ok(())
}
