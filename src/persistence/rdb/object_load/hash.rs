//! Hashes of all ages: zipmaps, ziplists, listpacks, plain fields, fields with expire times.
//!
//! Not here: fields whose time has passed: they are ordinary fields until somebody removes them.
//! Invariant: as that of the values' file.

use super::{ObjectRules, convert_ziplist, or_corrupt, whole_listpack};
use crate::persistence::rdb::reader::{Fault, Reader};
use crate::persistence::rdb::ziplist::for_each_zipmap_pair;
use crate::storage::encoding::field_table::FieldTable;
use crate::storage::encoding::listpack::{Invalid, Listpack, ListpackBuilder};
use crate::storage::object::{ThinValue, Value};
use crate::storage::types::hash::{FIELD_EXPIRE_MAX_MS, Hash};
use std::collections::HashSet;

/// No expire time in a listpack.
const NO_EXPIRE: i64 = 0;

const DUPLICATE: Fault =
    Fault::Corrupt(std::borrow::Cow::Borrowed("Duplicate hash fields detected"));

/// Fields that do not fit a listpack.
struct Table(FieldTable);

impl Table {
    fn for_fields(reader: &Reader<'_>, fields: u64) -> Table {
        Table(FieldTable::with_capacity(reader.justified(fields, 2)))
    }

    fn add(&mut self, name: &[u8], value: &[u8], expire: i64) -> Result<(), Fault> {
        if self.0.set(name, value, false) {
            return Err(DUPLICATE);
        }
        if expire != NO_EXPIRE {
            self.0.set_expire(name, Some(expire));
        }
        Ok(())
    }

    fn into_value(self) -> Value {
        Hash::from_table(self.0).into_value()
    }
}

/// Finds a field that stands twice, where that is to be checked.
struct Names(Option<HashSet<Vec<u8>>>);

impl Names {
    fn new(rules: &ObjectRules) -> Names {
        Names(rules.deep.then(HashSet::new))
    }

    fn add(&mut self, name: &[u8]) -> Result<(), Fault> {
        if let Some(seen) = &mut self.0
            && !seen.insert(name.to_vec())
        {
            return Err(Fault::corrupt("Hash with dup elements"));
        }
        Ok(())
    }
}

fn fits(rules: &ObjectRules, lp: &ListpackBuilder, name: &[u8], value: &[u8]) -> bool {
    name.len().max(value.len()) <= rules.hash.max_listpack_value
        && lp.safe_to_add(name.len() + value.len())
}

/// Names and values in turn.
pub fn fields(reader: &mut Reader<'_>, rules: &ObjectRules) -> Result<Option<Value>, Fault> {
    let mut left = reader.length()?;
    if left == 0 {
        return Ok(None);
    }
    let (mut name, mut lp, mut names) = (Vec::new(), ListpackBuilder::new(), Names::new(rules));
    if left > rules.hash.max_listpack_entries as u64 {
        let table = Table::for_fields(reader, left);
        return remaining_fields(reader, left, table);
    }
    while left > 0 {
        left -= 1;
        reader.text_into(&mut name)?;
        let value = reader.text()?;
        names.add(&name)?;
        if !fits(rules, &lp, &name, value) {
            let value = value.to_vec();
            let mut table = Table::for_fields(reader, left + lp.len() as u64 / 2);
            move_pairs(&lp.finish(), &mut table)?;
            table.add(&name, &value, NO_EXPIRE)?;
            return remaining_fields(reader, left, table);
        }
        lp.push(name.as_slice());
        lp.push(value);
    }
    Ok(Some(Hash::from_listpack(lp.finish()).into_value()))
}

fn remaining_fields(
    reader: &mut Reader<'_>,
    fields: u64,
    mut table: Table,
) -> Result<Option<Value>, Fault> {
    let mut name = Vec::new();
    for _ in 0..fields {
        reader.text_into(&mut name)?;
        table.add(&name, reader.text()?, NO_EXPIRE)?;
    }
    Ok(Some(table.into_value()))
}

fn move_pairs(lp: &Listpack, table: &mut Table) -> Result<(), Fault> {
    let (mut a, mut b) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut entries = lp.iter();
    while let (Some((_, name)), Some((_, value))) = (entries.next(), entries.next()) {
        table.add(name.as_bytes(&mut a), value.as_bytes(&mut b), NO_EXPIRE)?;
    }
    Ok(())
}

/// A field with its expire time.
struct Field {
    expire: i64,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Expire time, name and value in turn. `relative`: the times count from the earliest one, which
/// stands first.
pub fn fields_with_expires(
    reader: &mut Reader<'_>,
    relative: bool,
    rules: &ObjectRules,
) -> Result<Option<Value>, Fault> {
    let base = if relative { earliest_expire(reader)? } else { 1 };
    let len = reader.length()?;
    if len == 0 {
        return Ok(None);
    }
    let mut names = Names::new(rules);
    let mut table =
        (len > rules.hash.max_listpack_entries as u64).then(|| Table::for_fields(reader, len));
    let (mut small, mut bytes) = (Vec::new(), ListpackBuilder::new());
    for read in 0..len {
        let field = Field {
            expire: expire_time(reader.length()?, base)?,
            name: reader.text_vec()?,
            value: reader.text_vec()?,
        };
        if table.is_none() {
            names.add(&field.name)?;
            if fits(rules, &bytes, &field.name, &field.value) {
                bytes.push(field.name.as_slice());
                bytes.push(field.value.as_slice());
                bytes.push(field.expire);
                small.push(field);
                continue;
            }
        }
        let table = table.get_or_insert_with(|| Table::for_fields(reader, len - read));
        for earlier in small.drain(..).chain([field]) {
            table.add(&earlier.name, &earlier.value, earlier.expire)?;
        }
    }
    Ok(Some(match table {
        Some(table) => table.into_value(),
        None => Hash::from_listpack_ex(ordered_triplets(small)).into_value(),
    }))
}

/// Fields that expire first, the earliest in front.
fn ordered_triplets(mut fields: Vec<Field>) -> Listpack {
    fields.sort_by_key(|f| if f.expire == NO_EXPIRE { i64::MAX } else { f.expire });
    let mut lp = ListpackBuilder::new();
    for field in &fields {
        lp.push(field.name.as_slice());
        lp.push(field.value.as_slice());
        lp.push(field.expire);
    }
    lp.finish()
}

fn earliest_expire(reader: &mut Reader<'_>) -> Result<u64, Fault> {
    let at = reader.millisecond_time();
    let at = at.map_err(|f| f.short_read_as("Hash failed loading minExpire"))?;
    match u64::try_from(at) {
        Ok(at) if at <= FIELD_EXPIRE_MAX_MS as u64 + 1 => Ok(at),
        _ => Err(Fault::corrupt("Hash read invalid minExpire value")),
    }
}

/// The expire time that was written as `ttl` after `base`; 0 is none.
fn expire_time(ttl: u64, base: u64) -> Result<i64, Fault> {
    if ttl == 0 {
        return Ok(NO_EXPIRE);
    }
    let at = ttl.wrapping_add(base).wrapping_sub(1);
    match i64::try_from(at) {
        Ok(at) if at <= FIELD_EXPIRE_MAX_MS => Ok(at),
        _ => Err(Fault::Corrupt(format!("invalid expireAt time: {at}").into())),
    }
}

/// A listpack of pairs, or (`with_expires`) triplets, as it is in memory.
pub fn listpack(
    reader: &mut Reader<'_>,
    with_expires: bool,
    rules: &mut ObjectRules,
) -> Result<Option<Value>, Fault> {
    const TEXT: &str = "Hash listpack integrity check failed.";
    let tuple = if with_expires { 3 } else { 2 };
    let lp = whole_listpack(reader.text()?, tuple, rules, TEXT)?;
    if rules.deep && !lp.is_empty() {
        or_corrupt(Hash::check_listpack(lp.as_lp(), with_expires), TEXT)?;
    }
    let hash = if with_expires { Hash::from_listpack_ex(lp) } else { Hash::from_listpack(lp) };
    finish(hash, rules)
}

fn finish(mut hash: Hash, rules: &ObjectRules) -> Result<Option<Value>, Fault> {
    if hash.is_empty() {
        return Ok(None);
    }
    let fields = hash.len();
    hash.convert_if_too_many(&rules.hash);
    if hash.len() < fields {
        return Err(Fault::corrupt("Hash listpack with dup elements"));
    }
    Ok(Some(hash.into_value()))
}

/// A ziplist of pairs.
pub fn ziplist(reader: &mut Reader<'_>, rules: &ObjectRules) -> Result<Option<Value>, Fault> {
    let lp = convert_ziplist(reader.text()?, true);
    let lp = or_corrupt(lp, "Hash ziplist integrity check failed.")?;
    finish(Hash::from_listpack(lp), rules)
}

/// A zipmap.
pub fn zipmap(reader: &mut Reader<'_>, rules: &ObjectRules) -> Result<Option<Value>, Fault> {
    let bytes = reader.text()?;
    let broken = "Zipmap integrity check failed.";
    or_corrupt(for_each_zipmap_pair(bytes, |_, _| Ok(())), broken)?;
    let (mut lp, mut names) = (ListpackBuilder::new(), HashSet::new());
    let mut refused = 0;
    let all = for_each_zipmap_pair(bytes, |name, value| {
        if !names.insert(name) || !lp.safe_to_add(name.len() + value.len()) {
            refused = name.len();
            return Err(Invalid);
        }
        lp.push(name);
        lp.push(value);
        Ok(())
    });
    all.map_err(|Invalid| {
        let text = format!("Hash zipmap with dup elements, or big length ({refused})");
        Fault::Corrupt(text.into())
    })?;
    let mut hash = Hash::from_listpack(lp.finish());
    hash.try_convert_auto(&rules.hash);
    Ok(Some(hash.into_value()))
}
