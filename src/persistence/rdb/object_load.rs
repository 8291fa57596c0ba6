//! Values of all types, as any version of the format wrote them, in the encodings of today.
//!
//! Not here: keys and what stands around a value (`load`), streams (`stream`).
//!
//! Invariants: a value that was accepted is one that commands can work on without a panic, and has
//! as many elements as it says. With `deep` off they may stand twice or in a wrong order; with
//! `salvage` on it may lack what stood behind damage. A collection without elements is no value.

mod hash;

use super::format::{RdbType, quicklist_node};
use super::reader::{Fault, Reader};
use super::stream::load_stream;
use super::ziplist::for_each_ziplist_entry;
use crate::storage::encoding::intset::Intset;
use crate::storage::encoding::listpack::{Invalid, Listpack, ListpackBuilder, LpRef, LpValue};
use crate::storage::encoding::quicklist::{ListEnd, Quicklist};
use crate::storage::object::{ThinValue, Value};
use crate::storage::types::hash::HashLimits;
use crate::storage::types::list::{List, ListLimits};
use crate::storage::types::set::{Set, SetLimits};
use crate::storage::types::zset::{ZSet, ZSetLimits};

/// A hash table of so many elements is never made larger in advance.
const SMALL_TABLE: u64 = 4;

/// How values are made of what was read.
#[derive(Clone, Copy, Debug)]
pub struct ObjectRules {
    pub list: ListLimits,
    pub set: SetLimits,
    pub zset: ZSetLimits,
    pub hash: HashLimits,
    /// Check what entries mean of what is copied as it is (`sanitize-dump-payload`).
    pub deep: bool,
    /// Keep what stands in front of damage in a listpack, instead of refusing it. Only for single
    /// values that a client sends and that are not checked deeply: half of a file is no data set.
    pub salvage: bool,
    /// How often values were checked deeply.
    pub sanitizations: u64,
}

impl ObjectRules {
    /// With the limits of a server that nobody configured.
    pub fn with_default_limits(deep: bool) -> ObjectRules {
        ObjectRules {
            list: ListLimits::default(),
            set: SetLimits::default(),
            zset: ZSetLimits { max_listpack_entries: 128, max_listpack_value: 64 },
            hash: HashLimits::default(),
            deep,
            salvage: false,
            sanitizations: 0,
        }
    }
}

/// A value of this type; `None` if it has no elements.
///
/// # Errors
/// If the bytes are no such value, or end too early.
pub fn load_object(
    reader: &mut Reader<'_>,
    rdb_type: RdbType,
    rules: &mut ObjectRules,
) -> Result<Option<Value>, Fault> {
    match rdb_type {
        RdbType::String => Ok(Some(Value::string(reader.text()?))),
        RdbType::List => list(reader, rules),
        RdbType::Set => set(reader, rules),
        RdbType::ZSet | RdbType::ZSet2 => zset(reader, rdb_type, rules),
        RdbType::Hash => hash::fields(reader, rules),
        RdbType::HashMetadata => hash::fields_with_expires(reader, true, rules),
        RdbType::HashMetadataPreGa => hash::fields_with_expires(reader, false, rules),
        RdbType::ListQuicklist | RdbType::ListQuicklist2 => quicklist(reader, rdb_type, rules),
        RdbType::ListZiplist => list_ziplist(reader, rules),
        RdbType::SetIntset => set_intset(reader, rules),
        RdbType::SetListpack => set_listpack(reader, rules),
        RdbType::ZSetZiplist => zset_ziplist(reader, rules),
        RdbType::ZSetListpack => zset_listpack(reader, rules),
        RdbType::HashZipmap => hash::zipmap(reader, rules),
        RdbType::HashZiplist => hash::ziplist(reader, rules),
        RdbType::HashListpack => hash::listpack(reader, false, rules),
        RdbType::HashListpackExPreGa => hash::listpack(reader, true, rules),
        RdbType::HashListpackEx => {
            // The earliest expire time, which the listpack tells as well.
            reader
                .millisecond_time()
                .map_err(|f| f.short_read_as("Hash listpackex integrity check failed."))?;
            hash::listpack(reader, true, rules)
        }
        RdbType::StreamListpacks | RdbType::StreamListpacks2 | RdbType::StreamListpacks3 => {
            load_stream(reader, rdb_type, rules).map(|stream| Some(stream.into_value()))
        }
        RdbType::ModulePreGa => Err(Fault::corrupt("Pre-release module format not supported")),
        RdbType::Module2 => Err(module(reader)?),
    }
}

/// A value of a type that nobody knows.
pub fn unknown_type(code: u8) -> Fault {
    Fault::Missing(format!("Unknown RDB encoding type {code}").into())
}

fn module(reader: &mut Reader<'_>) -> Result<Fault, Fault> {
    let id = reader.length().map_err(|_| Fault::Missing("Short read module id".into()))?;
    let text = format!(
        "The RDB file contains module data I can't load: no matching module type '{}'",
        module_name(id)
    );
    Ok(Fault::Corrupt(text.into()))
}

/// The name in a module type's id: nine characters of six bits, above ten bits of version.
pub fn module_name(id: u64) -> String {
    const CHARSET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).rev().map(|i| char::from(CHARSET[(id >> (10 + 6 * i)) as usize & 63])).collect()
}

/// Turns `Invalid` into a fault with that text.
fn or_corrupt<T>(result: Result<T, Invalid>, text: &'static str) -> Result<T, Fault> {
    result.map_err(|Invalid| Fault::corrupt(text))
}

/// A listpack that was read as a whole, with whole tuples of entries. What is always checked is
/// that it has the entries it says it has: replies promise that many elements.
fn whole_listpack(
    bytes: &[u8],
    tuple: usize,
    rules: &mut ObjectRules,
    text: &'static str,
) -> Result<Listpack, Fault> {
    rules.sanitizations += u64::from(rules.deep);
    match Listpack::from_bytes_validated(bytes, true) {
        Ok(lp) if lp.len().is_multiple_of(tuple) => Ok(lp),
        _ if rules.salvage => or_corrupt(in_front_of_damage(bytes, tuple), text),
        _ => Err(Fault::corrupt(text)),
    }
}

/// The whole tuples up to the first entry that is none, of what has the outline of a listpack, and
/// no more of them than it says.
fn in_front_of_damage(bytes: &[u8], tuple: usize) -> Result<Listpack, Invalid> {
    let lp = LpRef::validated(bytes, false)?;
    let whole = lp.len().min(lp.iter().count()) / tuple * tuple;
    Ok(Listpack::from_values(lp.iter().take(whole).map(|(_, entry)| entry)))
}

/// Whether the first of each `tuple` entries is unique, and no tuple is incomplete.
fn check_tuples(lp: LpRef<'_>, tuple: usize) -> Result<(), Invalid> {
    let mut seen = std::collections::HashSet::new();
    let mut entries = 0usize;
    for (_, entry) in lp.iter() {
        if entries.is_multiple_of(tuple) && !seen.insert(entry.to_vec()) {
            return Err(Invalid);
        }
        entries += 1;
    }
    if entries.is_multiple_of(tuple) { Ok(()) } else { Err(Invalid) }
}

/// The entries of a ziplist as a listpack. With `pairs`: whole pairs, no first one twice.
fn convert_ziplist(bytes: &[u8], pairs: bool) -> Result<Listpack, Invalid> {
    let mut lp = ListpackBuilder::with_capacity(bytes.len());
    for_each_ziplist_entry(bytes, |value| {
        if !lp.safe_to_add(bytes_of(value)) {
            return Err(Invalid);
        }
        lp.push(value);
        Ok(())
    })?;
    let lp = lp.finish();
    if pairs {
        check_tuples(lp.as_lp(), 2)?;
    }
    Ok(lp)
}

fn bytes_of(value: LpValue<'_>) -> usize {
    match value {
        LpValue::Int(_) => 0,
        LpValue::Str(text) => text.len(),
    }
}

fn new_quicklist(rules: &ObjectRules) -> Box<Quicklist> {
    Box::new(Quicklist::new(rules.list.max_listpack_size, rules.list.compress_depth))
}

fn finish_list(list: Box<Quicklist>, rules: &ObjectRules) -> Option<Value> {
    if list.is_empty() {
        return None;
    }
    let mut list = List::from_quicklist(list);
    list.try_convert_auto(&rules.list);
    Some(list.into_value())
}

fn list(reader: &mut Reader<'_>, rules: &ObjectRules) -> Result<Option<Value>, Fault> {
    let len = reader.length()?;
    let mut list = new_quicklist(rules);
    for _ in 0..len {
        list.push(ListEnd::Tail, reader.text()?, rules.list.packed_threshold);
    }
    Ok(finish_list(list, rules))
}

fn list_ziplist(reader: &mut Reader<'_>, rules: &ObjectRules) -> Result<Option<Value>, Fault> {
    let mut list = new_quicklist(rules);
    let mut digits = itoa::Buffer::new();
    let all = for_each_ziplist_entry(reader.text()?, |value| {
        let value = match value {
            LpValue::Int(int) => digits.format(int).as_bytes(),
            LpValue::Str(text) => text,
        };
        list.push(ListEnd::Tail, value, rules.list.packed_threshold);
        Ok(())
    });
    or_corrupt(all, "List ziplist integrity check failed.")?;
    // Redis leaves it in this form however short it is.
    Ok((!list.is_empty()).then(|| List::from_quicklist(list).into_value()))
}

fn quicklist(
    reader: &mut Reader<'_>,
    rdb_type: RdbType,
    rules: &mut ObjectRules,
) -> Result<Option<Value>, Fault> {
    let nodes = reader.length()?;
    let mut list = new_quicklist(rules);
    for _ in 0..nodes {
        let mut container = quicklist_node::PACKED;
        if rdb_type == RdbType::ListQuicklist2 {
            container = reader.length()?;
            if !matches!(container, quicklist_node::PLAIN | quicklist_node::PACKED) {
                return Err(Fault::corrupt("Quicklist integrity check failed."));
            }
        }
        let bytes = reader.text()?;
        if bytes.is_empty() {
            return Err(Fault::ShortRead);
        }
        if container == quicklist_node::PLAIN {
            list.append_plain(bytes.into());
            continue;
        }
        let lp = if rdb_type == RdbType::ListQuicklist2 {
            whole_listpack(bytes, 1, rules, "Listpack integrity check failed.")?
        } else {
            or_corrupt(convert_ziplist(bytes, false), "Ziplist integrity check failed.")?
        };
        // Does nothing with an empty one.
        list.append_listpack(lp);
    }
    Ok(finish_list(list, rules))
}

fn set(reader: &mut Reader<'_>, rules: &ObjectRules) -> Result<Option<Value>, Fault> {
    let len = reader.length()?;
    if len == 0 {
        return Ok(None);
    }
    let mut set = if len > rules.set.max_intset_entries as u64 {
        Set::new_table(reader.justified(len, 1))
    } else {
        Set::new_intset()
    };
    for _ in 0..len {
        if !set.add(reader.text()?, &rules.set) {
            return Err(Fault::corrupt("Duplicate set members detected"));
        }
    }
    Ok(Some(set.into_value()))
}

fn set_intset(reader: &mut Reader<'_>, rules: &mut ObjectRules) -> Result<Option<Value>, Fault> {
    rules.sanitizations += u64::from(rules.deep);
    let deep = rules.deep;
    let ints = Intset::from_bytes_validated(reader.text()?, deep);
    let set = Set::from_intset(or_corrupt(ints, "Intset integrity check failed.")?);
    Ok(Some(finish_set(set, rules)))
}

fn finish_set(mut set: Set, rules: &ObjectRules) -> Value {
    set.maybe_convert(set.len(), &rules.set);
    set.into_value()
}

fn set_listpack(reader: &mut Reader<'_>, rules: &mut ObjectRules) -> Result<Option<Value>, Fault> {
    const TEXT: &str = "Set listpack integrity check failed.";
    let lp = whole_listpack(reader.text()?, 1, rules, TEXT)?;
    if rules.deep {
        or_corrupt(check_tuples(lp.as_lp(), 1), TEXT)?;
    }
    if lp.is_empty() {
        return Ok(None);
    }
    Ok(Some(finish_set(Set::from_listpack(lp), rules)))
}

fn zset(
    reader: &mut Reader<'_>,
    rdb_type: RdbType,
    rules: &ObjectRules,
) -> Result<Option<Value>, Fault> {
    let len = reader.length()?;
    if len == 0 {
        return Ok(None);
    }
    // Each member has a length, its score another byte or eight.
    let room = if len > SMALL_TABLE { reader.justified(len, 2) } else { 0 };
    // A table first, as if members were long: a listpack would make 0 of a score of -0.
    let mut zset = ZSet::new(room, usize::MAX, &rules.zset);
    let mut member = Vec::new();
    for _ in 0..len {
        reader.text_into(&mut member)?;
        let score = match rdb_type {
            RdbType::ZSet2 => reader.double()?,
            _ => reader.double_text()?,
        };
        if score.is_nan() {
            return Err(Fault::corrupt("Zset with NAN score detected"));
        }
        if !zset.load(score, &member, &rules.zset) {
            return Err(Fault::corrupt("Duplicate zset fields detected"));
        }
    }
    zset.convert_to_listpack_if_needed(&rules.zset);
    Ok(Some(zset.into_value()))
}

fn finish_zset(lp: Listpack, rules: &ObjectRules) -> Option<Value> {
    let mut zset = ZSet::from_listpack(lp);
    if zset.is_empty() {
        return None;
    }
    zset.maybe_convert(zset.len(), &rules.zset);
    Some(zset.into_value())
}

fn zset_ziplist(reader: &mut Reader<'_>, rules: &ObjectRules) -> Result<Option<Value>, Fault> {
    let lp = convert_ziplist(reader.text()?, true);
    Ok(finish_zset(or_corrupt(lp, "Zset ziplist integrity check failed.")?, rules))
}

fn zset_listpack(reader: &mut Reader<'_>, rules: &mut ObjectRules) -> Result<Option<Value>, Fault> {
    const TEXT: &str = "Zset listpack integrity check failed.";
    let lp = whole_listpack(reader.text()?, 2, rules, TEXT)?;
    if rules.deep {
        or_corrupt(check_tuples(lp.as_lp(), 2), TEXT)?;
    }
    Ok(finish_zset(lp, rules))
}
