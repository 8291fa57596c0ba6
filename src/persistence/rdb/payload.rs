//! A DUMP payload: one value with its type in front, the format's version and a checksum behind.
//!
//! Written by `object_save`; this is the way back, RESTORE. Invariant: as that of `object_load`.

use super::format::{PAYLOAD_FOOTER_LEN, RDB_VERSION, RdbType};
use super::object_load::{ObjectRules, load_object, unknown_type};
use super::reader::{Fault, Reader};
use crate::storage::object::Value;
use crate::util::crc64;

/// Why a payload gives no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// Too short, too new, or not what was dumped.
    Footer,
    /// The value is damaged; why, if the reader could tell.
    Value(Option<Fault>),
}

/// The value in a payload. `verify_checksum`: not if only tests are to see what comes of damage.
///
/// # Errors
/// See [`PayloadError`].
pub fn load_payload(
    payload: &[u8],
    verify_checksum: bool,
    rules: &mut ObjectRules,
) -> Result<Value, PayloadError> {
    let body_len = payload.len().checked_sub(PAYLOAD_FOOTER_LEN).ok_or(PayloadError::Footer)?;
    let (body, footer) = payload.split_at(body_len);
    let (version, stored) = footer.split_first_chunk::<2>().ok_or(PayloadError::Footer)?;
    if u16::from_le_bytes(*version) > RDB_VERSION {
        return Err(PayloadError::Footer);
    }
    let computed = || crc64::update(crc64::update(0, body), version).to_le_bytes();
    if verify_checksum && stored != computed() {
        return Err(PayloadError::Footer);
    }
    let mut reader = Reader::of_slice(body);
    let value = read_value(&mut reader, rules).map_err(|fault| PayloadError::Value(Some(fault)))?;
    value.ok_or(PayloadError::Value(None))
}

fn read_value(reader: &mut Reader<'_>, rules: &mut ObjectRules) -> Result<Option<Value>, Fault> {
    let code = reader.byte()?;
    let rdb_type = RdbType::from_code(code).ok_or_else(|| unknown_type(code))?;
    load_object(reader, rdb_type, rules)
}
