//! The payload of FUNCTION DUMP: for each library the opcode FUNCTION2 and its text as an RDB
//! string, then version and checksum as DUMP has them.

use crate::persistence::rdb::format::{PAYLOAD_FOOTER_LEN, RDB_VERSION, opcode};
use crate::persistence::rdb::reader::Reader;
use crate::persistence::rdb::writer::Writer;
use crate::util::crc64;

/// The payload of all libraries. `compress` is `rdbcompression`.
pub fn dump<'a>(codes: impl Iterator<Item = &'a [u8]>, compress: bool) -> Vec<u8> {
    let mut w = Writer::in_memory(compress);
    for code in codes {
        w.byte(opcode::FUNCTION2);
        w.string(code);
    }
    let mut payload = w.into_bytes();
    payload.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let crc = crc64::update(0, &payload);
    payload.extend_from_slice(&crc.to_le_bytes());
    payload
}

/// The payload without its footer; `None` if version or checksum are wrong.
pub fn verify(payload: &[u8], check_sum: bool) -> Option<&[u8]> {
    let split = payload.len().checked_sub(PAYLOAD_FOOTER_LEN)?;
    let (body, footer) = payload.split_at(split);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    if version > RDB_VERSION {
        return None;
    }
    let (covered, crc) = payload.split_at(split + 2);
    let crc = u64::from_le_bytes(crc.try_into().ok()?);
    (!check_sum || crc64::update(0, covered) == crc).then_some(body)
}

/// Takes the text of a library; `Err`: the text of an error, without code.
pub type Loader<'a> = dyn FnMut(&[u8]) -> Result<(), Vec<u8>> + 'a;

/// Hands the text of each library to `load`. `Err`: the text of an error, without code.
pub fn restore(body: &[u8], load: &mut Loader<'_>) -> Result<(), Vec<u8>> {
    let mut reader = Reader::of_slice(body);
    while !reader.is_at_end() {
        match reader.byte() {
            Ok(opcode::FUNCTION2) => {}
            Ok(opcode::FUNCTION_PRE_GA) => {
                return Err(b"Pre-GA function format not supported".to_vec());
            }
            Ok(_) => return Err(b"given type is not a function".to_vec()),
            Err(_) => return Err(b"can not read data type".to_vec()),
        }
        let code = reader.text_vec().map_err(|_| b"Failed loading library".to_vec())?;
        load(&code)?;
    }
    Ok(())
}
