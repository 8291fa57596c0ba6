//! The numbers of the RDB format: versions, type codes, opcodes, length and string encodings.
//!
//! Facts only, no reading or writing. Codes above those of version 12 (newer servers) are known by
//! name to nobody: they are refused.

/// The version that is written.
pub const RDB_VERSION: u16 = 12;
/// The first five bytes of a file; four decimal digits of the version follow.
pub const MAGIC: &[u8; 5] = b"REDIS";
/// Magic and version.
pub const HEADER_LEN: usize = 9;
/// From this version on, a file ends with a CRC-64 (little endian; 0: not computed).
pub const CHECKSUM_SINCE: u16 = 5;
/// Version (u16 little endian) and CRC-64 at the end of a DUMP payload.
pub const PAYLOAD_FOOTER_LEN: usize = 10;
/// The mark around an RDB transfer whose size was not known at its start.
pub const EOF_MARK_LEN: usize = 40;

/// How a value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RdbType {
    String = 0,
    List = 1,
    Set = 2,
    /// Scores as text.
    ZSet = 3,
    Hash = 4,
    /// Scores as doubles.
    ZSet2 = 5,
    ModulePreGa = 6,
    Module2 = 7,
    HashZipmap = 9,
    ListZiplist = 10,
    SetIntset = 11,
    ZSetZiplist = 12,
    HashZiplist = 13,
    ListQuicklist = 14,
    StreamListpacks = 15,
    HashListpack = 16,
    ZSetListpack = 17,
    ListQuicklist2 = 18,
    StreamListpacks2 = 19,
    SetListpack = 20,
    StreamListpacks3 = 21,
    HashMetadataPreGa = 22,
    HashListpackExPreGa = 23,
    HashMetadata = 24,
    HashListpackEx = 25,
}

impl RdbType {
    pub const ALL: [RdbType; 25] = [
        RdbType::String,
        RdbType::List,
        RdbType::Set,
        RdbType::ZSet,
        RdbType::Hash,
        RdbType::ZSet2,
        RdbType::ModulePreGa,
        RdbType::Module2,
        RdbType::HashZipmap,
        RdbType::ListZiplist,
        RdbType::SetIntset,
        RdbType::ZSetZiplist,
        RdbType::HashZiplist,
        RdbType::ListQuicklist,
        RdbType::StreamListpacks,
        RdbType::HashListpack,
        RdbType::ZSetListpack,
        RdbType::ListQuicklist2,
        RdbType::StreamListpacks2,
        RdbType::SetListpack,
        RdbType::StreamListpacks3,
        RdbType::HashMetadataPreGa,
        RdbType::HashListpackExPreGa,
        RdbType::HashMetadata,
        RdbType::HashListpackEx,
    ];

    /// The type of a code; `None` for opcodes and unknown codes.
    pub fn from_code(code: u8) -> Option<RdbType> {
        match code {
            0..=7 => Some(RdbType::ALL[usize::from(code)]),
            9..=25 => Some(RdbType::ALL[usize::from(code) - 1]),
            _ => None,
        }
    }

    pub fn code(self) -> u8 {
        self as u8
    }
}

/// Bytes in the place of a type that are none.
pub mod opcode {
    /// Slot, keys of the slot, keys with a TTL of the slot (cluster mode).
    pub const SLOT_INFO: u8 = 244;
    /// A library's source code as one string.
    pub const FUNCTION2: u8 = 245;
    /// Only release candidates of 7.0 wrote it.
    pub const FUNCTION_PRE_GA: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    /// LRU idle time of the next key in seconds, a length.
    pub const IDLE: u8 = 248;
    /// LFU counter of the next key, a byte.
    pub const FREQ: u8 = 249;
    /// A name and its value, two strings.
    pub const AUX: u8 = 250;
    /// Keys and keys with a TTL of the database, two lengths.
    pub const RESIZEDB: u8 = 251;
    /// Expiry of the next key, i64 little endian, ms since the epoch.
    pub const EXPIRETIME_MS: u8 = 252;
    /// The same in seconds, i32 little endian.
    pub const EXPIRETIME: u8 = 253;
    pub const SELECTDB: u8 = 254;
    pub const EOF: u8 = 255;
}

/// What stands before each field of a module's value.
pub mod module_opcode {
    pub const EOF: u64 = 0;
    pub const SINT: u64 = 1;
    pub const UINT: u64 = 2;
    pub const FLOAT: u64 = 3;
    pub const DOUBLE: u64 = 4;
    pub const STRING: u64 = 5;
}

/// The first byte of a length: its two highest bits, or the whole byte.
pub mod length {
    /// Highest bits 00: six bits of length.
    pub const BITS_6: u8 = 0;
    /// 01: 14 bits, high ones first.
    pub const BITS_14: u8 = 1;
    /// 11: no length: the six low bits say how the string is encoded.
    pub const ENCODED: u8 = 3;
    /// The whole byte: a u32, big endian.
    pub const U32: u8 = 0x80;
    /// The whole byte: a u64, big endian.
    pub const U64: u8 = 0x81;
}

/// Strings that are not plain bytes (`length::ENCODED`).
pub mod string_encoding {
    /// One byte, signed.
    pub const INT8: u8 = 0;
    /// Two bytes, little endian, signed.
    pub const INT16: u8 = 1;
    /// Four bytes, little endian, signed.
    pub const INT32: u8 = 2;
    /// Compressed length, plain length, LZF data.
    pub const LZF: u8 = 3;
}

/// Scores as text (`RdbType::ZSet`): the length byte, or one of these.
pub mod score_text {
    pub const NAN: u8 = 253;
    pub const POSITIVE_INFINITY: u8 = 254;
    pub const NEGATIVE_INFINITY: u8 = 255;
}

/// How a node of `ListQuicklist2` is stored.
pub mod quicklist_node {
    /// One big element.
    pub const PLAIN: u64 = 1;
    /// A listpack.
    pub const PACKED: u64 = 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_types_agree() {
        for rdb_type in RdbType::ALL {
            assert_eq!(RdbType::from_code(rdb_type.code()), Some(rdb_type));
        }
        let known = (0..=255).filter(|&code| RdbType::from_code(code).is_some()).count();
        assert_eq!(known, RdbType::ALL.len());
    }
}
