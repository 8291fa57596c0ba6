//! Fingerprints of values and of the data set (DEBUG DIGEST, DIGEST-VALUE), equal for equal data
//! whatever its encoding and the order in its hash tables. The algorithm is the one of Redis'
//! debug.c, so that digests can be compared between both servers.

use sha1::{Digest, Sha1};

use crate::protocol::number::NumText;
use crate::storage::encoding::listpack::LpValue;
use crate::storage::entry_view::EntryRef;
use crate::storage::keyspace::Keyspace;
use crate::storage::object::{ObjType, ValueRef};
use crate::storage::types::stream::Stream;

/// 160 bits that take up data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// Adds data whose place among its siblings does not matter.
    fn add_unordered(&mut self, data: &[u8]) {
        for (mine, other) in self.0.iter_mut().zip(Sha1::digest(data)) {
            *mine ^= other;
        }
    }

    /// Adds data whose place matters.
    fn add_ordered(&mut self, data: &[u8]) {
        self.add_unordered(data);
        self.0 = Sha1::digest(self.0).into();
    }

    fn add_lp(&mut self, value: &LpValue<'_>) {
        self.add_ordered(value.as_bytes(&mut itoa::Buffer::new()));
    }

    fn add_stream(&mut self, stream: &Stream) {
        let mut cursor = stream.log().all();
        while let Some(entry) = cursor.next_entry() {
            self.add_ordered(&entry.id.joined(b'.'));
            while let Some((field, value)) = cursor.next_pair() {
                self.add_lp(&field);
                self.add_lp(&value);
            }
        }
    }

    /// 40 hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The number under which a type enters the digest, as in RDB files.
fn type_number(obj_type: ObjType) -> u32 {
    match obj_type {
        ObjType::String => 0,
        ObjType::List => 1,
        ObjType::Set => 2,
        ObjType::ZSet => 3,
        ObjType::Hash => 4,
        ObjType::Module => 5,
        ObjType::Stream => 6,
    }
}

/// Adds type, value and whether there is a TTL.
fn add_value(digest: &mut Fingerprint, entry: &EntryRef<'_>) {
    digest.add_ordered(&type_number(entry.obj_type()).to_be_bytes());
    match entry.value() {
        ValueRef::Str(text) => text.with_bytes(|bytes| digest.add_ordered(bytes)),
        ValueRef::List(list) => list.for_each_from(0, false, |element| {
            digest.add_lp(&element);
            true
        }),
        ValueRef::ZSet(zset) => zset.all(|member, score| {
            let mut own = Fingerprint::default();
            own.add_lp(&member);
            own.add_ordered(&NumText::from_f64(score.get()));
            digest.add_unordered(&own.0);
            true
        }),
        ValueRef::Hash(hash) => {
            for field in hash.iter() {
                let mut own = Fingerprint::default();
                own.add_lp(&field.name);
                own.add_lp(&field.value);
                if field.expire.is_some() {
                    own.add_unordered(b"!!hexpire!!");
                }
                digest.add_unordered(&own.0);
            }
        }
        ValueRef::Set(set) => {
            let mut digits = itoa::Buffer::new();
            set.iter().for_each(|member| digest.add_unordered(member.as_bytes(&mut digits)));
        }
        ValueRef::Stream(stream) => digest.add_stream(stream),
    }
    if entry.expire().is_some() {
        digest.add_unordered(b"!!expire!!");
    }
}

/// The fingerprint of all databases; all zeros if they are empty.
pub fn of_keyspace(keyspace: &Keyspace) -> Fingerprint {
    let mut all = Fingerprint::default();
    for db in keyspace.dbs.iter().filter(|db| !db.is_empty()) {
        all.add_ordered(&(db.id as u32).to_be_bytes());
        for entry in db.iter() {
            let mut own = Fingerprint::default();
            own.add_ordered(entry.key());
            add_value(&mut own, &entry);
            all.add_unordered(&own.0);
        }
    }
    all
}

/// The fingerprint of a value, its type, and whether it has a TTL.
pub fn of_value(entry: &EntryRef<'_>) -> Fingerprint {
    let mut digest = Fingerprint::default();
    add_value(&mut digest, entry);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_matters_only_where_it_should() {
        let of = |parts: &[&[u8]], add: fn(&mut Fingerprint, &[u8])| {
            let mut digest = Fingerprint::default();
            parts.iter().for_each(|part| add(&mut digest, part));
            digest
        };
        let unordered = Fingerprint::add_unordered;
        let ordered = Fingerprint::add_ordered;
        assert_eq!(of(&[b"a", b"b"], unordered), of(&[b"b", b"a"], unordered));
        assert_ne!(of(&[b"a", b"b"], ordered), of(&[b"b", b"a"], ordered));
        assert_ne!(of(&[b"fo", b"obar"], ordered), of(&[b"foo", b"bar"], ordered));
        assert_eq!(Fingerprint::default().to_hex(), "0".repeat(40));
    }
}
