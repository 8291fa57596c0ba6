//! The row type of the command table: name, handler, arity, flags, ACL categories, key positions.
//! Everything else (dispatch, COMMAND output, ACL, statistics) derives from the rows.

use crate::commands::{Args, Ctx};
use crate::protocol::error::CmdResult;

/// Parses its arguments, acts, replies.
pub type Handler = fn(&mut Ctx<'_>, Args<'_>) -> CmdResult;

/// Command flags, in Redis' words. COMMAND INFO shows them in the order of [`flag::NAMES`].
pub mod flag {
    pub const WRITE: u64 = 1 << 0;
    pub const READONLY: u64 = 1 << 1;
    pub const DENYOOM: u64 = 1 << 2;
    pub const MODULE: u64 = 1 << 3;
    pub const ADMIN: u64 = 1 << 4;
    pub const PUBSUB: u64 = 1 << 5;
    pub const NOSCRIPT: u64 = 1 << 6;
    pub const BLOCKING: u64 = 1 << 7;
    pub const LOADING: u64 = 1 << 8;
    pub const STALE: u64 = 1 << 9;
    pub const SKIP_MONITOR: u64 = 1 << 10;
    pub const SKIP_SLOWLOG: u64 = 1 << 11;
    pub const ASKING: u64 = 1 << 12;
    pub const FAST: u64 = 1 << 13;
    pub const NO_AUTH: u64 = 1 << 14;
    pub const MAY_REPLICATE: u64 = 1 << 15;
    pub const SENTINEL: u64 = 1 << 16;
    pub const ONLY_SENTINEL: u64 = 1 << 17;
    pub const NO_MANDATORY_KEYS: u64 = 1 << 18;
    pub const PROTECTED: u64 = 1 << 19;
    pub const MODULE_GETKEYS: u64 = 1 << 20;
    pub const MODULE_NO_CLUSTER: u64 = 1 << 21;
    pub const NO_ASYNC_LOADING: u64 = 1 << 22;
    pub const NO_MULTI: u64 = 1 << 23;
    pub const MOVABLE_KEYS: u64 = 1 << 24;
    pub const ALLOW_BUSY: u64 = 1 << 25;
    pub const MODULE_GETCHANNELS: u64 = 1 << 26;
    pub const TOUCHES_ARBITRARY_KEYS: u64 = 1 << 27;

    /// The names that COMMAND INFO shows.
    pub const NAMES: &[(u64, &str)] = &[
        (WRITE, "write"),
        (READONLY, "readonly"),
        (DENYOOM, "denyoom"),
        (MODULE, "module"),
        (ADMIN, "admin"),
        (PUBSUB, "pubsub"),
        (NOSCRIPT, "noscript"),
        (BLOCKING, "blocking"),
        (LOADING, "loading"),
        (STALE, "stale"),
        (SKIP_MONITOR, "skip_monitor"),
        (SKIP_SLOWLOG, "skip_slowlog"),
        (ASKING, "asking"),
        (FAST, "fast"),
        (NO_AUTH, "no_auth"),
        (NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (NO_ASYNC_LOADING, "no_async_loading"),
        (NO_MULTI, "no_multi"),
        (MOVABLE_KEYS, "movablekeys"),
        (ALLOW_BUSY, "allow_busy"),
    ];
}

/// Commands with one of these flags may switch on a feature that looks at other commands.
pub const SPECIAL_COMMANDS: u64 =
    flag::ADMIN | flag::NOSCRIPT | flag::BLOCKING | flag::PROTECTED | flag::NO_MULTI;

/// ACL categories. COMMAND INFO shows them in the order of [`acl::NAMES`].
pub mod acl {
    pub const KEYSPACE: u64 = 1 << 0;
    pub const READ: u64 = 1 << 1;
    pub const WRITE: u64 = 1 << 2;
    pub const SET: u64 = 1 << 3;
    pub const SORTEDSET: u64 = 1 << 4;
    pub const LIST: u64 = 1 << 5;
    pub const HASH: u64 = 1 << 6;
    pub const STRING: u64 = 1 << 7;
    pub const BITMAP: u64 = 1 << 8;
    pub const HYPERLOGLOG: u64 = 1 << 9;
    pub const GEO: u64 = 1 << 10;
    pub const STREAM: u64 = 1 << 11;
    pub const PUBSUB: u64 = 1 << 12;
    pub const ADMIN: u64 = 1 << 13;
    pub const FAST: u64 = 1 << 14;
    pub const SLOW: u64 = 1 << 15;
    pub const BLOCKING: u64 = 1 << 16;
    pub const DANGEROUS: u64 = 1 << 17;
    pub const CONNECTION: u64 = 1 << 18;
    pub const TRANSACTION: u64 = 1 << 19;
    pub const SCRIPTING: u64 = 1 << 20;

    pub const NAMES: &[(u64, &str)] = &[
        (KEYSPACE, "keyspace"),
        (READ, "read"),
        (WRITE, "write"),
        (SET, "set"),
        (SORTEDSET, "sortedset"),
        (LIST, "list"),
        (HASH, "hash"),
        (STRING, "string"),
        (BITMAP, "bitmap"),
        (HYPERLOGLOG, "hyperloglog"),
        (GEO, "geo"),
        (STREAM, "stream"),
        (PUBSUB, "pubsub"),
        (ADMIN, "admin"),
        (FAST, "fast"),
        (SLOW, "slow"),
        (BLOCKING, "blocking"),
        (DANGEROUS, "dangerous"),
        (CONNECTION, "connection"),
        (TRANSACTION, "transaction"),
        (SCRIPTING, "scripting"),
    ];
}

/// What a command does with the keys of a spec.
pub mod key_flag {
    pub const RO: u32 = 1 << 0;
    pub const RW: u32 = 1 << 1;
    pub const OW: u32 = 1 << 2;
    pub const RM: u32 = 1 << 3;
    pub const ACCESS: u32 = 1 << 4;
    pub const UPDATE: u32 = 1 << 5;
    pub const INSERT: u32 = 1 << 6;
    pub const DELETE: u32 = 1 << 7;
    pub const NOT_KEY: u32 = 1 << 8;
    pub const INCOMPLETE: u32 = 1 << 9;
    pub const VARIABLE_FLAGS: u32 = 1 << 10;

    /// The names that COMMAND INFO shows, in its order.
    pub const NAMES: &[(u32, &str)] = &[
        (RO, "RO"),
        (RW, "RW"),
        (OW, "OW"),
        (RM, "RM"),
        (ACCESS, "access"),
        (UPDATE, "update"),
        (INSERT, "insert"),
        (DELETE, "delete"),
        (NOT_KEY, "not_key"),
        (INCOMPLETE, "incomplete"),
        (VARIABLE_FLAGS, "variable_flags"),
    ];
}

/// Where the keys of a spec begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    Index(i32),
    Keyword { keyword: &'static str, startfrom: i32 },
    Unknown,
}

/// How the keys of a spec are found from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    Range { lastkey: i32, step: i32, limit: i32 },
    KeyNum { keynumidx: i32, firstkey: i32, step: i32 },
    Unknown,
}

/// One group of keys in a command line.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    pub flags: u32,
    pub begin: Begin,
    pub find: Find,
    pub notes: Option<&'static str>,
}

/// Commands whose keys no spec can describe: the function that finds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetKeys {
    Set,
    Sort,
    SortRo,
    Migrate,
    ZunionInterDiff,
    ZunionInterDiffStore,
    Eval,
    FunctionCall,
    Lmpop,
    Blmpop,
    Zmpop,
    Bzmpop,
    SintercardKeys,
    Georadius,
    Xread,
    Bitfield,
}

/// Command groups of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Pubsub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Cluster,
    Sentinel,
    Geo,
    Stream,
    Bitmap,
    Module,
}

/// One command, or one sub-command.
#[derive(Clone, Copy)]
pub struct CommandSpec {
    /// Lower case; sub-commands without their container's name.
    pub name: &'static str,
    pub handler: Handler,
    /// Number of arguments with the name; negative = at least.
    pub arity: i32,
    /// Index of the first argument that names a member of the value under the first key; 0: none.
    pub member: u8,
    pub flags: u64,
    /// All categories, implied ones included.
    pub acl: u64,
    pub keys: &'static [KeySpec],
    pub get_keys: Option<GetKeys>,
    pub group: Group,
    pub since: &'static str,
    pub tips: &'static [&'static str],
    pub subcommands: &'static [CommandSpec],
}

impl CommandSpec {
    pub const DEFAULT: CommandSpec = CommandSpec {
        name: "",
        handler: super::container,
        arity: 1,
        member: 0,
        flags: 0,
        acl: 0,
        keys: &[],
        get_keys: None,
        group: Group::Generic,
        since: "1.0.0",
        tips: &[],
        subcommands: &[],
    };
}

impl Group {
    /// The name that COMMAND DOCS shows.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Pubsub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::HyperLogLog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Sentinel => "sentinel",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
            Group::Module => "module",
        }
    }
}
