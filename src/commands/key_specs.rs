//! Key positions that rows of the command table share. Not the extraction of keys from a command
//! line: that is [`super::keys`]. `KEY1` = argument 1, `KEYS1` = from argument 1 to the end,
//! `NUMKEYS1` = argument 1 counts the keys that follow it.

use super::key_flag::{
    ACCESS, DELETE, INCOMPLETE, INSERT, NOT_KEY, OW, RM, RO, RW, UPDATE, VARIABLE_FLAGS,
};
use super::spec::{Begin, Find, KeySpec};

const ONE: Find = Find::Range { lastkey: 0, step: 1, limit: 0 };

/// The argument at `pos`.
const fn key(pos: i32, flags: u32) -> KeySpec {
    KeySpec { flags, begin: Begin::Index(pos), find: ONE, notes: None }
}

/// Every `step`-th argument from `pos` on. `lastkey` counts from there, or from the end if it is
/// negative.
const fn keys(pos: i32, lastkey: i32, step: i32, flags: u32) -> KeySpec {
    let find = Find::Range { lastkey, step, limit: 0 };
    KeySpec { flags, begin: Begin::Index(pos), find, notes: None }
}

/// As many arguments as the one at `pos` says; they follow it.
const fn numkeys(pos: i32, flags: u32) -> KeySpec {
    let find = Find::KeyNum { keynumidx: 0, firstkey: 1, step: 1 };
    KeySpec { flags, begin: Begin::Index(pos), find, notes: None }
}

/// The keys behind a keyword, which is searched from `startfrom` on (backwards if negative).
const fn after(keyword: &'static str, startfrom: i32, find: Find, flags: u32) -> KeySpec {
    KeySpec { flags, begin: Begin::Keyword { keyword, startfrom }, find, notes: None }
}

/// Keys that no rule can find.
const fn unknown(flags: u32) -> KeySpec {
    KeySpec { flags, begin: Begin::Unknown, find: Find::Unknown, notes: None }
}

const fn noted(spec: KeySpec, notes: &'static str) -> KeySpec {
    KeySpec { notes: Some(notes), ..spec }
}

pub const BITFIELD_KEY: &[KeySpec] = &[noted(
    key(1, RW | UPDATE | ACCESS | VARIABLE_FLAGS),
    "Reads or writes, as its operations say",
)];
pub const BITOP_KEYS: &[KeySpec] = &[key(2, OW | UPDATE), keys(3, -1, 1, RO | ACCESS)];
pub const COPY_KEYS: &[KeySpec] = &[key(1, RO | ACCESS), key(2, OW | UPDATE)];
pub const GEORADIUSBYMEMBER_KEYS: &[KeySpec] = &[
    key(1, RO | ACCESS),
    after("STORE", 5, ONE, OW | UPDATE),
    after("STOREDIST", 5, ONE, OW | UPDATE),
];
pub const GEORADIUS_KEYS: &[KeySpec] = &[
    key(1, RO | ACCESS),
    after("STORE", 6, ONE, OW | UPDATE),
    after("STOREDIST", 6, ONE, OW | UPDATE),
];
pub const KEY1_AND_TTL: &[KeySpec] =
    &[noted(key(1, RW | ACCESS | UPDATE), "RW and UPDATE: the time to live may change")];
pub const KEY1_OW_INSERT: &[KeySpec] = &[key(1, OW | INSERT)];
pub const KEY1_OW_UPDATE: &[KeySpec] = &[key(1, OW | UPDATE)];
pub const KEY1_RO: &[KeySpec] = &[key(1, RO)];
pub const KEY1_RO_ACCESS: &[KeySpec] = &[key(1, RO | ACCESS)];
pub const KEY1_RW_ACCESS_DELETE: &[KeySpec] = &[key(1, RW | ACCESS | DELETE)];
pub const KEY1_RW_ACCESS_UPDATE: &[KeySpec] = &[key(1, RW | ACCESS | UPDATE)];
pub const KEY1_RW_DELETE: &[KeySpec] = &[key(1, RW | DELETE)];
pub const KEY1_RW_INSERT: &[KeySpec] = &[key(1, RW | INSERT)];
pub const KEY1_RW_UPDATE: &[KeySpec] = &[key(1, RW | UPDATE)];
pub const KEY2_RO: &[KeySpec] = &[key(2, RO)];
pub const KEY2_RO_ACCESS: &[KeySpec] = &[key(2, RO | ACCESS)];
pub const KEY2_RW_ACCESS: &[KeySpec] = &[key(2, RW | ACCESS)];
pub const KEY2_RW_DELETE: &[KeySpec] = &[key(2, RW | DELETE)];
pub const KEY2_RW_INSERT: &[KeySpec] = &[key(2, RW | INSERT)];
pub const KEY2_RW_UPDATE: &[KeySpec] = &[key(2, RW | UPDATE)];
pub const KEYS1_BUT_LAST_RW_ACCESS_DELETE: &[KeySpec] = &[keys(1, -2, 1, RW | ACCESS | DELETE)];
pub const KEYS1_RM_DELETE: &[KeySpec] = &[keys(1, -1, 1, RM | DELETE)];
pub const KEYS1_RO: &[KeySpec] = &[keys(1, -1, 1, RO)];
pub const KEYS1_RO_ACCESS: &[KeySpec] = &[keys(1, -1, 1, RO | ACCESS)];
pub const LCS_KEYS: &[KeySpec] = &[keys(1, 1, 1, RO | ACCESS)];
pub const MIGRATE_KEYS: &[KeySpec] = &[
    key(3, RW | ACCESS | DELETE),
    after(
        "KEYS",
        -2,
        Find::Range { lastkey: -1, step: 1, limit: 0 },
        RW | ACCESS | DELETE | INCOMPLETE,
    ),
];
pub const MOVE_ELEMENT: &[KeySpec] = &[key(1, RW | ACCESS | DELETE), key(2, RW | INSERT)];
pub const MSETNX_KEYS: &[KeySpec] = &[keys(1, -1, 2, OW | INSERT)];
pub const MSET_KEYS: &[KeySpec] = &[keys(1, -1, 2, OW | UPDATE)];
pub const NUMKEYS1_RO_ACCESS: &[KeySpec] = &[numkeys(1, RO | ACCESS)];
pub const NUMKEYS1_RW_ACCESS_DELETE: &[KeySpec] = &[numkeys(1, RW | ACCESS | DELETE)];
pub const NUMKEYS2_RO_ACCESS: &[KeySpec] = &[numkeys(2, RO | ACCESS)];
pub const NUMKEYS2_RW_ACCESS_DELETE: &[KeySpec] = &[numkeys(2, RW | ACCESS | DELETE)];
pub const NUMKEYS2_RW_ACCESS_UPDATE: &[KeySpec] = &[numkeys(2, RW | ACCESS | UPDATE)];
pub const PFCOUNT_KEYS: &[KeySpec] = &[noted(
    keys(1, -1, 1, RW | ACCESS),
    "RW: the count is cached inside the value, and replicas hear of it",
)];
pub const PFMERGE_KEYS: &[KeySpec] = &[key(1, RW | ACCESS | INSERT), keys(2, -1, 1, RO | ACCESS)];
pub const RENAMENX_KEYS: &[KeySpec] = &[key(1, RW | ACCESS | DELETE), key(2, OW | INSERT)];
pub const RENAME_KEYS: &[KeySpec] = &[key(1, RW | ACCESS | DELETE), key(2, OW | UPDATE)];
pub const SCRIPT_RO: &[KeySpec] = &[noted(
    numkeys(2, RO | ACCESS),
    "A script may read anything of its keys: RO and ACCESS are the safe guess",
)];
pub const SCRIPT_RW: &[KeySpec] = &[noted(
    numkeys(2, RW | ACCESS | UPDATE),
    "A script may do anything with its keys: RW and UPDATE are the safe guess",
)];
pub const SET_KEY: &[KeySpec] =
    &[noted(key(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS), "RW and ACCESS hold with `GET`")];
pub const SHARD_CHANNEL: &[KeySpec] = &[key(1, NOT_KEY)];
pub const SHARD_CHANNELS: &[KeySpec] = &[keys(1, -1, 1, NOT_KEY)];
pub const SORT_KEYS: &[KeySpec] = &[
    key(1, RO | ACCESS),
    noted(unknown(RO | ACCESS), "BY and GET: the elements to sort decide which keys are read"),
    noted(unknown(OW | UPDATE), "STORE: stands anywhere among the options"),
];
pub const SORT_RO_KEYS: &[KeySpec] = &[
    key(1, RO | ACCESS),
    noted(unknown(RO | ACCESS), "BY and GET: the elements to sort decide which keys are read"),
];
pub const STORE_FROM_KEY: &[KeySpec] = &[key(1, OW | UPDATE), key(2, RO | ACCESS)];
pub const STORE_FROM_KEYS: &[KeySpec] = &[key(1, OW | UPDATE), keys(2, -1, 1, RO | ACCESS)];
pub const STORE_FROM_NUMKEYS: &[KeySpec] = &[key(1, OW | UPDATE), numkeys(2, RO | ACCESS)];
pub const XADD_KEY: &[KeySpec] =
    &[noted(key(1, RW | UPDATE), "UPDATE, not INSERT, as old entries may be trimmed")];
pub const XREADGROUP_KEYS: &[KeySpec] =
    &[after("STREAMS", 4, Find::Range { lastkey: -1, step: 1, limit: 2 }, RO | ACCESS)];
pub const XREAD_KEYS: &[KeySpec] =
    &[after("STREAMS", 1, Find::Range { lastkey: -1, step: 1, limit: 2 }, RO | ACCESS)];
