//! What is known of commands before they run: what their names mean, and where the memory lies that
//! they are going to touch, which is asked for here: the buckets of all keys, then the entries
//! these lead to, then the buckets of the members that commands name, then the members.
//!
//! What is known ahead is a hint and never decides anything: commands find keys and members as
//! always, but take the key's hash that was computed here (`Server::key_hash`).

use super::Server;
use crate::commands::table::CommandId;
use crate::storage::db::{Db, PREFETCH_BATCH, PREFETCH_FROM};
use crate::storage::encoding::hashtable::AnyTable;
use crate::storage::entry_view::EntryRef;
use crate::storage::keyspace::KeyHash;

/// A data set of fewer bytes lies in the processor's cache: nothing is prefetched.
const PREFETCH_FROM_BYTES: usize = 16 * 1024 * 1024;

/// The hash of one key of the running command, found by the key's place in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyMemo(Option<(*const u8, usize, KeyHash)>);

impl KeyMemo {
    /// The key must stay where it is until the memo is replaced.
    #[inline(always)]
    pub fn of(key: &[u8], at: KeyHash) -> KeyMemo {
        KeyMemo(Some((key.as_ptr(), key.len(), at)))
    }

    #[inline(always)]
    fn get(&self, key: &[u8]) -> Option<KeyHash> {
        let (start, len, at) = self.0?;
        (start == key.as_ptr() && len == key.len()).then_some(at)
    }
}

/// What is known of a command that was parsed ahead.
#[derive(Clone, Copy)]
pub struct Known {
    /// Found by name; a container's sub-command is looked for when it runs.
    pub id: Option<CommandId>,
    /// Of its first argument, if that is a key and worth a prefetch.
    pub key: Option<KeyHash>,
    /// Which argument names a member of that key's value; 0: none.
    member: u8,
}

impl Known {
    pub const NOTHING: Known = Known { id: None, key: None, member: 0 };

    /// For the time while the command runs.
    #[inline(always)]
    pub fn memo(&self, argv: &[&[u8]]) -> KeyMemo {
        KeyMemo(self.key.map(|at| (argv[1].as_ptr(), argv[1].len(), at)))
    }
}

/// Whole commands, one behind the other.
pub trait Upcoming {
    /// The name of the command `at`, and its first argument.
    fn head(&self, at: usize) -> (&[u8], Option<&[u8]>);
    /// Any argument of it; 0 is the name.
    fn arg(&self, at: usize, index: usize) -> Option<&[u8]>;
    /// The database that the command `at` will look into.
    fn db(&self, at: usize) -> &Db;
}

/// Finds out about the first commands, as many as `known` has room for, at most [`PREFETCH_BATCH`],
/// and asks for the memory of their keys and members.
#[inline(always)]
pub fn look_ahead(server: &Server, upcoming: &impl Upcoming, known: &mut [Known]) {
    let mut members = 0;
    for (at, known) in known.iter_mut().enumerate() {
        *known = Known::NOTHING;
        let (name, first) = upcoming.head(at);
        let Some(command) = server.commands.lookup(name) else { continue };
        known.id = command.subcommands.is_empty().then_some(command.id);
        if command.key_first
            && let Some(key) = first
        {
            let db = upcoming.db(at);
            let hash = db.hash(key);
            db.prefetch_bucket(hash);
            known.key = Some(hash);
            known.member = command.member;
            members |= known.member;
        }
    }
    for (at, known) in known.iter().enumerate() {
        if let Some(hash) = known.key {
            upcoming.db(at).prefetch_entry(hash);
        }
    }
    if members != 0 {
        prefetch_members(upcoming, known);
    }
}

/// A member of which a command is going to ask.
struct Member<'a> {
    name: &'a [u8],
    /// The entry of its key; `None` if that is the key of the member before.
    entry: Option<EntryRef<'a>>,
}

/// Commands in a row often name members of one key, which is then looked up once for all of them.
#[inline(never)]
fn prefetch_members(upcoming: &impl Upcoming, known: &[Known]) {
    let mut members: [Option<Member<'_>>; PREFETCH_BATCH] = [const { None }; PREFETCH_BATCH];
    let mut last: Option<(&Db, &[u8])> = None;
    let mut keys = 0;
    for ((at, known), slot) in known.iter().enumerate().zip(&mut members) {
        let index = usize::from(known.member);
        if index == 0 {
            continue;
        }
        let (Some(hash), Some(key)) = (known.key, upcoming.arg(at, 1)) else { continue };
        let Some(name) = upcoming.arg(at, index) else { continue };
        let db = upcoming.db(at);
        let mut entry = None;
        if !last.is_some_and(|last| std::ptr::eq(last.0, db) && last.1 == key) {
            let Some(found) = db.find_hashed(hash, key) else { continue };
            found.prefetch_value();
            (entry, last) = (Some(found), Some((db, key)));
            keys += 1;
        }
        *slot = Some(Member { name, entry });
    }
    let mut asked: [Option<(&dyn AnyTable, u64)>; PREFETCH_BATCH] = [None; PREFETCH_BATCH];
    let mut table = None;
    for (member, slot) in members.iter().flatten().zip(&mut asked) {
        if let Some(entry) = member.entry {
            // A small table that is used again and again is in the cache.
            table = entry.value().table().filter(|table| keys > 1 || table.is_large());
        }
        *slot = table.map(|table| (table, table.prefetch_bucket_of(member.name)));
    }
    for (table, hash) in asked.into_iter().flatten() {
        table.prefetch_element(hash);
    }
}

impl Server {
    /// Looking ahead costs instructions for each command, and saves waiting for memory unless all
    /// data is in the cache anyway.
    #[inline]
    pub fn prefetch_pays(&self, db: usize) -> bool {
        self.keyspace.dbs[db].len() >= PREFETCH_FROM
            || self.cron.memory.all.allocated >= PREFETCH_FROM_BYTES
    }

    /// The hash of a key, which may have been computed ahead.
    #[inline(always)]
    pub fn key_hash(&self, db: usize, key: &[u8]) -> KeyHash {
        match self.exec.key_memo.get(key) {
            Some(at) => at,
            None => self.keyspace.dbs[db].hash(key),
        }
    }
}
