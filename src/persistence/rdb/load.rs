//! Loading a whole RDB: header, opcodes, keys, checksum. Where the bytes come from is the reader's
//! business, where the data goes and what else happens meanwhile (events, delays, functions) the
//! target's.
//!
//! Invariant: a fault leaves the keys loaded so far in the keyspace; what becomes of them is the
//! caller's decision.

use super::format::{CHECKSUM_SINCE, HEADER_LEN, MAGIC, RDB_VERSION, RdbType, opcode};
use super::object_load::{self, ObjectRules};
use super::reader::{Fault, RdbStr, Reader};
use crate::storage::keyspace::{Keyspace, SLOTS};
use crate::storage::object::Value;

/// Keys without a value that are named in the log.
const EMPTY_KEYS_LOGGED: u64 = 10;
/// Fewest bytes of a key in a file: type, name, value.
const MIN_KEY_BYTES: u64 = 3;
/// Fewest bytes of a key with a TTL.
const MIN_VOLATILE_KEY_BYTES: u64 = 12;

/// What became of a key that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOutcome {
    Loaded,
    /// Its time had passed; a master does not keep it.
    Expired,
    /// A collection without elements.
    Empty,
}

/// Where the data goes, and who hears of it.
pub trait LoadTarget {
    fn keyspace(&mut self) -> &mut Keyspace;

    /// So many bytes were read, in the middle of something. False: stop loading.
    fn progress(&mut self, _processed: u64) -> bool {
        true
    }

    /// A key was read. False: stop loading.
    fn key_done(&mut self, _outcome: KeyOutcome, _processed: u64) -> bool {
        true
    }

    /// A key of this database was dropped because its time had passed.
    fn key_expired(&mut self, _db: usize, _key: &[u8]) {}

    /// A function library's source code.
    ///
    /// # Errors
    /// Why it cannot be loaded.
    fn load_library(&mut self, _code: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// Memory that the server that wrote the file used, bytes.
    fn used_memory(&mut self, _bytes: i64) {}
}

/// From the clocks of now: what a key's LRU or LFU bits are.
#[derive(Clone, Copy, Debug)]
pub struct AccessClock {
    /// LFU is the policy, not LRU.
    pub lfu: bool,
    /// The LRU clock, s, 24 bits.
    pub lru_clock: u32,
    /// The LFU clock, minutes.
    pub minutes: u16,
    /// The bits of a key about which nothing is known.
    pub initial: u32,
}

impl AccessClock {
    const LRU_CLOCK_MAX: i64 = (1 << 24) - 1;

    /// The bits of a key that was idle so many seconds, or has this LFU counter.
    pub fn bits(&self, idle_s: Option<i64>, freq: Option<u8>) -> u32 {
        match (self.lfu, freq, idle_s) {
            (true, Some(freq), _) => u32::from(self.minutes) << 8 | u32::from(freq),
            (false, _, Some(idle_s)) => {
                let clock = i64::from(self.lru_clock);
                // Before the clock began: half a turn back is as idle as it gets.
                let at = match clock.checked_sub(idle_s) {
                    Some(at) if at >= 0 => at,
                    _ => (clock + Self::LRU_CLOCK_MAX / 2) % Self::LRU_CLOCK_MAX,
                };
                (at & Self::LRU_CLOCK_MAX) as u32
            }
            _ => self.initial,
        }
    }
}

/// How to load.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    pub rules: ObjectRules,
    pub access: AccessClock,
    /// ms since the epoch.
    pub now_ms: i64,
    /// Keys whose time has passed are dropped (masters; not the base of an AOF).
    pub drop_expired: bool,
    /// A key that exists is replaced, not a fault (DEBUG RELOAD MERGE).
    pub allow_duplicates: bool,
    /// Compare the checksum (`rdbchecksum`).
    pub verify_checksum: bool,
}

/// Where in the history of a replication stream the data stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicationInfo {
    pub stream_db: Option<i32>,
    /// 40 characters.
    pub id: Option<String>,
    pub offset: Option<i64>,
}

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub keys_loaded: u64,
    pub keys_expired: u64,
    pub empty_keys_skipped: u64,
    /// Values that were checked entry by entry.
    pub sanitizations: u64,
    pub replication: ReplicationInfo,
}

/// Why nothing, or not everything, was loaded. What concerns the operator was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// No RDB, or one of an unknown version. Nothing was loaded.
    Format,
    /// The data is damaged or ends too early; not logged yet.
    Fault(Fault),
    /// The server must not go on: it lacks what the data needs.
    Fatal,
    /// A key stands twice in the data.
    DuplicateKey,
    /// The target did not want more.
    Stopped,
}

impl From<Fault> for LoadError {
    fn from(fault: Fault) -> LoadError {
        match fault {
            Fault::Stopped => LoadError::Stopped,
            fault => LoadError::Fault(fault),
        }
    }
}

/// What stood before a key.
#[derive(Clone, Copy, Default)]
struct Attributes {
    expire: Option<i64>,
    idle_s: Option<i64>,
    freq: Option<u8>,
}

/// Loads an RDB up to and including its checksum. The reader must have a target.
///
/// # Errors
/// See [`LoadError`].
pub fn load(reader: &mut Reader<'_>, options: &LoadOptions) -> Result<Loaded, LoadError> {
    let version = read_version(reader)?;
    let mut loader = Loader {
        reader,
        options: *options,
        loaded: Loaded::default(),
        db: 0,
        key: Vec::new(),
        default_lru: options.access.bits(None, None),
        sizes: None,
    };
    loader.run()?;
    if version >= CHECKSUM_SINCE {
        verify_checksum(loader.reader, options.verify_checksum)?;
    }
    loader.loaded.sanitizations = loader.options.rules.sanitizations;
    loader.loaded.log();
    Ok(loader.loaded)
}

/// The version of the RDB that begins here.
///
/// # Errors
/// `Format` (logged) if it is none, or one that cannot be read.
pub fn read_version(reader: &mut Reader<'_>) -> Result<u16, LoadError> {
    let header = reader.array::<HEADER_LEN>()?;
    let (magic, digits) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        log::warn!("Wrong signature trying to load DB from file");
        return Err(LoadError::Format);
    }
    let digits = digits.iter().take_while(|digit| digit.is_ascii_digit());
    let version = digits.fold(0u16, |version, digit| version * 10 + u16::from(digit - b'0'));
    if !(1..=RDB_VERSION).contains(&version) {
        log::warn!("Can't handle RDB format version {version}");
        return Err(LoadError::Format);
    }
    Ok(version)
}

fn verify_checksum(reader: &mut Reader<'_>, verify: bool) -> Result<(), LoadError> {
    let computed = reader.checksum();
    let stored = u64::from_le_bytes(reader.array()?);
    if !verify {
        return Ok(());
    }
    if stored == 0 {
        log::info!("RDB file was saved with checksum disabled: no check performed.");
    } else if stored != computed {
        log::warn!(
            "Wrong RDB checksum expected: ({computed:x}) but got ({stored:x}). Aborting now."
        );
        return Err(Fault::corrupt("RDB CRC error").into());
    }
    Ok(())
}

impl Loaded {
    fn log(&self) {
        let counts =
            format!("keys loaded: {}, keys expired: {}", self.keys_loaded, self.keys_expired);
        match self.empty_keys_skipped {
            0 => log::info!("Done loading RDB, {counts}."),
            empty => log::info!("Done loading RDB, {counts}, empty keys skipped: {empty}."),
        }
    }
}

struct Loader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    options: LoadOptions,
    loaded: Loaded,
    db: usize,
    key: Vec<u8>,
    default_lru: u32,
    /// Keys, and keys with a TTL, announced for the database.
    sizes: Option<(u64, u64)>,
}

impl Loader<'_, '_> {
    fn run(&mut self) -> Result<(), LoadError> {
        let mut attributes = Attributes::default();
        loop {
            match self.reader.byte()? {
                opcode::EXPIRETIME => {
                    let seconds = i32::from_le_bytes(self.reader.array()?);
                    attributes.expire = Some(i64::from(seconds) * 1000);
                }
                opcode::EXPIRETIME_MS => attributes.expire = Some(self.reader.millisecond_time()?),
                opcode::FREQ => attributes.freq = Some(self.reader.byte()?),
                opcode::IDLE => {
                    let idle_s = self.reader.length()?;
                    attributes.idle_s = Some(i64::try_from(idle_s).unwrap_or(i64::MAX));
                }
                opcode::EOF => return Ok(()),
                code => match RdbType::from_code(code) {
                    Some(rdb_type) => {
                        self.key_value(rdb_type, std::mem::take(&mut attributes))?;
                    }
                    None => self.special(code)?,
                },
            }
        }
    }

    fn special(&mut self, code: u8) -> Result<(), LoadError> {
        match code {
            opcode::SELECTDB => self.select()?,
            opcode::RESIZEDB => self.sizes = Some((self.reader.length()?, self.reader.length()?)),
            opcode::SLOT_INFO => self.slot_info()?,
            opcode::AUX => self.aux()?,
            opcode::MODULE_AUX => return Err(self.module_aux()?),
            opcode::FUNCTION_PRE_GA => {
                let fault = Fault::corrupt("Pre-release function format not supported.");
                return Err(fault.into());
            }
            opcode::FUNCTION2 => self.load_library()?,
            code => {
                // As for a value of that type, whose key comes first.
                self.reader.text_into(&mut self.key)?;
                return Err(object_load::unknown_type(code).into());
            }
        }
        Ok(())
    }

    fn select(&mut self) -> Result<(), LoadError> {
        let id = self.reader.length()?;
        let databases = self.keyspace().dbs.len();
        if id >= databases as u64 {
            log::warn!(
                "FATAL: Data file was created with a Redis server configured to handle more than \
                 {databases} databases. Exiting"
            );
            return Err(LoadError::Fatal);
        }
        self.db = id as usize;
        Ok(())
    }

    fn slot_info(&mut self) -> Result<(), LoadError> {
        let slot = self.reader.length()?;
        let (keys, expires) = (self.reader.length()?, self.reader.length()?);
        let keys = self.reader.justified(keys, MIN_KEY_BYTES);
        let expires = self.reader.justified(expires, MIN_VOLATILE_KEY_BYTES);
        let db = self.db;
        let keyspace = self.keyspace();
        if keyspace.cluster && slot < SLOTS as u64 {
            keyspace.dbs[db].reserve_slot(slot as u16, keys, expires);
            self.sizes = None;
        }
        Ok(())
    }

    fn aux(&mut self) -> Result<(), LoadError> {
        let name = self.reader.text_vec()?;
        let value = String::from_utf8_lossy(self.reader.text()?).into_owned();
        let number = || leading_int(&value);
        let replication = &mut self.loaded.replication;
        match name.to_ascii_lowercase().as_slice() {
            [b'%', ..] => log::info!("RDB '{}': {value}", String::from_utf8_lossy(&name)),
            b"repl-stream-db" => replication.stream_db = Some(number() as i32),
            b"repl-id" if value.len() == 40 => replication.id = Some(value),
            b"repl-offset" => replication.offset = Some(number()),
            b"redis-ver" => log::info!("Loading RDB produced by version {value}"),
            b"ctime" => {
                let age = (self.options.now_ms / 1000).saturating_sub(number()).max(0);
                log::info!("RDB age {age} seconds");
            }
            b"used-mem" => {
                let bytes = number();
                let megabytes = bytes as f64 / (1024.0 * 1024.0);
                log::info!("RDB memory usage when created {megabytes:.2} Mb");
                if let Some(target) = self.reader.target() {
                    target.used_memory(bytes);
                }
            }
            b"aof-preamble" if number() != 0 => log::info!("RDB has an AOF tail"),
            b"aof-base" if number() != 0 => log::info!("RDB is base AOF"),
            b"repl-id" | b"lua" | b"redis-bits" | b"aof-preamble" | b"aof-base" => {}
            _ => {
                log::trace!("Unrecognized RDB AUX field: '{}'", String::from_utf8_lossy(&name));
            }
        }
        Ok(())
    }

    /// Data of a module; there are no modules.
    fn module_aux(&mut self) -> Result<LoadError, LoadError> {
        let id = self.reader.length()?;
        let (when_opcode, _when) = (self.reader.length()?, self.reader.length()?);
        if when_opcode != super::format::module_opcode::UINT {
            return Err(Fault::Missing("bad when_opcode".into()).into());
        }
        log::warn!(
            "The RDB file contains AUX module data I can't load: no matching module '{}'",
            object_load::module_name(id)
        );
        Ok(LoadError::Fatal)
    }

    fn load_library(&mut self) -> Result<(), LoadError> {
        let code = self.reader.text_vec()?;
        if let Some(target) = self.reader.target()
            && let Err(reason) = target.load_library(&code)
        {
            log::warn!("Failed loading library, {reason}");
            return Err(Fault::ShortRead.into());
        }
        Ok(())
    }

    fn keyspace(&mut self) -> &mut Keyspace {
        self.reader.target().expect("load is called with a target").keyspace()
    }

    /// Makes the tables that were announced, as far as the input can fill them.
    fn expand(&mut self, keys: u64, expires: u64) {
        let keys = self.reader.justified(keys, MIN_KEY_BYTES);
        let expires = self.reader.justified(expires, MIN_VOLATILE_KEY_BYTES);
        let db = self.db;
        self.keyspace().dbs[db].reserve(keys, expires);
    }

    fn key_value(&mut self, rdb_type: RdbType, attributes: Attributes) -> Result<(), LoadError> {
        if let Some((keys, expires)) = self.sizes.take() {
            self.expand(keys, expires);
        }
        self.reader.text_into(&mut self.key)?;
        let options = &self.options;
        let expired = options.drop_expired
            && attributes.expire.is_some_and(|at| at != -1 && at < options.now_ms);
        let outcome = if rdb_type == RdbType::String && !expired {
            self.string(attributes)?
        } else {
            self.value(rdb_type, attributes, expired)?
        };
        match outcome {
            KeyOutcome::Loaded => self.loaded.keys_loaded += 1,
            KeyOutcome::Expired => self.loaded.keys_expired += 1,
            KeyOutcome::Empty => self.loaded.empty_keys_skipped += 1,
        }
        let processed = self.reader.processed();
        let target = self.reader.target().expect("load is called with a target");
        if target.key_done(outcome, processed) { Ok(()) } else { Err(LoadError::Stopped) }
    }

    fn lru(&self, attributes: &Attributes) -> u32 {
        match (attributes.idle_s, attributes.freq) {
            (None, None) => self.default_lru,
            (idle_s, freq) => self.options.access.bits(idle_s, freq),
        }
    }

    /// A string goes from the buffer into its entry.
    fn string(&mut self, attributes: Attributes) -> Result<KeyOutcome, LoadError> {
        let lru = self.lru(&attributes);
        let expire = attributes.expire.filter(|&at| at != -1);
        let (reader, db, key) = (&mut *self.reader, self.db, self.key.as_slice());
        let free = reader.string_to_target(|value, target| {
            let db = &mut target.keyspace().dbs[db];
            match value {
                RdbStr::Bytes(bytes) => db.load_bytes(key, bytes, expire, lru),
                RdbStr::Int(int) if db.find(key).is_none() => {
                    db.insert_with(key, Value::from(int), expire, lru);
                    true
                }
                RdbStr::Int(_) => false,
            }
        })?;
        if let Err(value) = free {
            self.duplicate(Value::string(&value), expire, lru)?;
        }
        self.reader.trim_scratch();
        Ok(KeyOutcome::Loaded)
    }

    fn value(
        &mut self,
        rdb_type: RdbType,
        attributes: Attributes,
        expired: bool,
    ) -> Result<KeyOutcome, LoadError> {
        let rules = &mut self.options.rules;
        let Some(value) = object_load::load_object(self.reader, rdb_type, rules)? else {
            if self.loaded.empty_keys_skipped < EMPTY_KEYS_LOGGED {
                let key = String::from_utf8_lossy(&self.key);
                log::info!("rdbLoadObject skipping empty key: {key}");
            }
            return Ok(KeyOutcome::Empty);
        };
        self.reader.trim_scratch();
        if expired {
            let (db, key) = (self.db, self.key.as_slice());
            if let Some(target) = self.reader.target() {
                target.key_expired(db, key);
            }
            return Ok(KeyOutcome::Expired);
        }
        let lru = self.lru(&attributes);
        let expire = attributes.expire.filter(|&at| at != -1);
        let target = self.reader.target().expect("load is called with a target");
        let db = &mut target.keyspace().dbs[self.db];
        if db.find(&self.key).is_some() {
            self.duplicate(value, expire, lru)?;
        } else {
            db.insert_with(&self.key, value, expire, lru);
        }
        Ok(KeyOutcome::Loaded)
    }

    /// The key exists.
    #[cold]
    fn duplicate(&mut self, value: Value, expire: Option<i64>, lru: u32) -> Result<(), LoadError> {
        if !self.options.allow_duplicates {
            let key = String::from_utf8_lossy(&self.key);
            log::warn!("RDB has duplicated key '{key}' in DB {}", self.db);
            return Err(LoadError::DuplicateKey);
        }
        let target = self.reader.target().expect("load is called with a target");
        let db = &mut target.keyspace().dbs[self.db];
        db.remove(&self.key);
        db.insert_with(&self.key, value, expire, lru);
        Ok(())
    }
}

/// The number that a text begins with, as C's `strtoll` reads it; 0 if there is none.
fn leading_int(text: &str) -> i64 {
    let text = text.trim_start();
    let len = text
        .bytes()
        .enumerate()
        .take_while(|(i, byte)| byte.is_ascii_digit() || (*i == 0 && matches!(byte, b'-' | b'+')))
        .count();
    text[..len].parse().unwrap_or(0)
}
