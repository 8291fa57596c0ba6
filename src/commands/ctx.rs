//! `Ctx`: what a handler works with. The client is checked out of the registry for the call, so a
//! handler can reply (`ctx.client.reply`) from a value still borrowed from `ctx.server`.

use crate::config::NotifyFlags;
use crate::protocol::error::ReplyError;
use crate::server::Server;
use crate::server::blocking::{BlockKind, BlockRequest};
use crate::server::client::{Client, ClientFlags};
use crate::storage::db::Db;
use crate::storage::entry_view::{EntryMut, EntryRef};
use crate::storage::object::{ThinValue, Value};

/// The server and the client on whose behalf a command runs.
pub struct Ctx<'a> {
    pub server: &'a mut Server,
    pub client: &'a mut Client,
}

impl Ctx<'_> {
    /// Index of the selected database.
    pub fn db_id(&self) -> usize {
        self.client.db
    }

    /// The selected database, without expiry, statistics or notifications.
    pub fn db(&mut self) -> &mut Db {
        &mut self.server.keyspace.dbs[self.client.db]
    }

    /// Time of the command, ms since the epoch.
    #[allow(clippy::misnamed_getters, reason = "a command's time is frozen, the clock's goes on")]
    pub fn now_ms(&self) -> i64 {
        self.server.clock.cmd_time_ms
    }

    /// Time before which something must end to be over already, ms since the epoch: the time of the
    /// command, or no time at all while nothing is taken for expired (an AOF is loaded, say, or
    /// this is a command of our master: it ran when it was not over yet).
    pub fn expiry_now_ms(&self) -> i64 {
        let never = self.server.keeps_expired() || self.server.exec.from_master;
        if never { i64::MIN } else { self.now_ms() }
    }

    /// See [`Server::lookup_read`].
    pub fn lookup_read(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.server.lookup_read(self.client.db, key)
    }

    /// See [`Server::lookup_write`].
    pub fn lookup_write(&mut self, key: &[u8]) -> Option<EntryMut<'_>> {
        self.server.lookup_write(self.client.db, key)
    }

    /// The value of that type for reading; `WRONGTYPE` if the key holds another type.
    pub fn read<T: ThinValue>(&mut self, key: &[u8]) -> Result<Option<&T>, ReplyError> {
        self.server.read(self.client.db, key)
    }

    /// The value of that type for writing; `WRONGTYPE` if the key holds another type.
    pub fn write<T: ThinValue>(&mut self, key: &[u8]) -> Result<Option<&mut T>, ReplyError> {
        self.server.write(self.client.db, key)
    }

    /// The value of that type for writing, made by `new` if the key does not exist.
    pub fn write_or_create<T: ThinValue>(
        &mut self,
        key: &[u8],
        new: impl Fn() -> T,
    ) -> Result<&mut T, ReplyError> {
        self.server.write_or_create(self.client.db, key, new)
    }

    /// Sets a key whatever it held, TTL removed unless `keep_ttl`; signals, does not notify.
    pub fn set_key(&mut self, key: &[u8], value: Value, keep_ttl: bool) {
        self.server.set_key(self.client.db, key, value, keep_ttl);
    }

    /// Deletes a key (lazily if `lazyfree-lazy-user-del`-like policy says so); signals the change.
    /// True if it existed. Does not notify.
    pub fn delete_key(&mut self, key: &[u8]) -> bool {
        self.server.delete_key(self.client.db, key)
    }

    /// Gives a key of the selected database a TTL.
    pub fn set_expire(&mut self, key: &[u8], at_ms: i64) {
        self.server.set_expire(self.client.db, key, at_ms);
    }

    /// WATCHers and tracking clients learn of a change; call once per changed key.
    pub fn signal_modified(&mut self, key: &[u8]) {
        self.server.signal_modified(self.client.db, key);
    }

    /// Keyspace notification; `class` is one of `NotifyFlags`.
    pub fn notify(&mut self, class: NotifyFlags, event: &str, key: &[u8]) {
        self.server.notify(class, event, key, self.client.db);
    }

    /// Counts `n` changes: save points, and the command is propagated.
    pub fn dirty(&mut self, n: usize) {
        self.server.dirty += n as u64;
    }

    /// The three things most writes end with.
    pub fn changed(&mut self, key: &[u8], class: NotifyFlags, event: &str, n: usize) {
        self.signal_modified(key);
        self.notify(class, event, key);
        self.dirty(n);
    }

    /// Ends a write that may have emptied a collection: deletes the key and notifies "del" if so.
    pub fn delete_if_empty(&mut self, key: &[u8], len: usize) -> bool {
        if len > 0 {
            return false;
        }
        self.delete_key(key);
        self.notify(crate::config::NotifyFlags::GENERIC, "del", key);
        true
    }

    /// Propagates `argv` instead of the command as received.
    pub fn propagate_as(&mut self, argv: &[&[u8]]) {
        self.server.propagate.replace(argv);
    }

    /// Whether anybody is there to propagate to: else what is only made for that can be left out.
    pub fn propagates(&self) -> bool {
        self.server.propagate.enabled
    }

    /// The command itself is not propagated (what `also_propagate` gave still is).
    pub fn propagate_nothing(&mut self) {
        self.server.propagate.prevent();
    }

    /// Propagates one more command, after the one that runs.
    pub fn also_propagate(&mut self, argv: &[&[u8]]) {
        let db = self.client.db;
        self.server.propagate.also(db, argv);
    }

    /// False inside MULTI, scripts and the like, where a blocking command answers as if it had
    /// timed out.
    pub fn may_block(&self) -> bool {
        // What a master says is applied at once: it would wait for ever.
        !self.client.flags.has(ClientFlags::DENY_BLOCKING.and(ClientFlags::MASTER))
    }

    /// True while a blocked command runs again because one of its keys may serve it now.
    pub fn is_reexecuting(&self) -> bool {
        self.client.flags.has(ClientFlags::REEXECUTING)
    }

    /// Blocks the client on keys of the selected database. The handler then returns `Ok` without a
    /// reply; `call` keeps the arguments and runs the command again when a key becomes ready.
    /// `deadline_ms` is absolute, 0 = for ever; ignored when re-executing (the first one stays).
    pub fn block_on_keys(&mut self, kind: BlockKind, keys: &[&[u8]], deadline_ms: i64) {
        self.block(kind, keys, deadline_ms, false);
    }

    /// As [`Ctx::block_on_keys`]; the command also runs again when a key is deleted, or becomes
    /// another type.
    pub fn block_until_deleted(&mut self, kind: BlockKind, keys: &[&[u8]], deadline_ms: i64) {
        self.block(kind, keys, deadline_ms, true);
    }

    fn block(&mut self, kind: BlockKind, keys: &[&[u8]], deadline_ms: i64, on_deleted: bool) {
        let keys = keys.iter().map(|key| key.to_vec().into_boxed_slice()).collect();
        let request = BlockRequest { kind, keys, deadline_ms, unblock_on_deleted: on_deleted };
        self.server.block_client(self.client, request);
    }

    /// The arguments with which a command that has just blocked will run again, if not those that
    /// it was called with.
    pub fn rerun_with(&mut self, argv: &[&[u8]]) {
        if let Some(blocked) = self.client.blocked.as_mut() {
            blocked.argv = argv.iter().map(|arg| Box::from(*arg)).collect();
        }
    }
}
