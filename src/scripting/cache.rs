//! The cache of EVAL scripts: compiled once, found again by text or by SHA-1. Scripts that came by
//! EVAL are forgotten when there are too many, the least recently used first; those that were
//! loaded stay.
//!
//! Invariant: a script stands in both maps under its text and its SHA-1, or in none; of two texts
//! with the same hash, the later one alone is found by its text.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;

use super::flags::{self, Shebang};
use super::lua::{Lua, Ref};
use super::redis_api::sha1_hex;
use super::run::GcCounter;
use super::sandbox::{self, Kept};
use super::{Version, errors};
use crate::storage::object::RawStr;
use crate::sys::relocate::Mover;
use crate::util::siphash::siphash;

/// Scripts of EVAL that are kept.
const MAX_EVAL_SCRIPTS: usize = 500;

/// A compiled script.
#[derive(Debug)]
pub struct Script {
    pub sha: [u8; 40],
    /// The text: a string as those of keys.
    pub body: RawStr,
    /// Of [`flags`].
    pub flags: u64,
    pub function: Ref,
    /// It came by EVAL and may be forgotten.
    evictable: bool,
    /// When it was last used.
    used: Cell<u64>,
}

/// Keyed hash of the text, in one go.
#[derive(Clone, Default)]
struct ByText;

#[derive(Default)]
struct TextHasher(u64);

impl Hasher for TextHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= siphash(bytes);
    }

    /// Of a hash.
    fn write_u64(&mut self, hash: u64) {
        self.0 ^= hash;
    }

    // Of slices: what the bytes hash to is enough.
    fn write_usize(&mut self, _: usize) {}
}

impl BuildHasher for ByText {
    type Hasher = TextHasher;

    fn build_hasher(&self) -> TextHasher {
        TextHasher::default()
    }
}

/// The interpreter of EVAL with its scripts.
pub struct ScriptCache {
    lua: Rc<Lua>,
    kept: Rc<Kept>,
    by_sha: HashMap<[u8; 40], Rc<Script>, ByText>,
    /// By the hash of the text, of which so there is one copy only.
    by_text: HashMap<u64, Rc<Script>, ByText>,
    /// Number of scripts that may be forgotten.
    evictable: usize,
    clock: u64,
    gc: GcCounter,
    /// Bytes of the texts.
    body_bytes: usize,
}

/// An interpreter that is not needed any more; frees its memory when it is dropped, on whatever
/// thread.
pub struct Emptied {
    lua: Option<Lua>,
}

impl Emptied {
    /// `lua`: without other owners, or the last of them frees it.
    pub fn new(lua: Rc<Lua>) -> Emptied {
        Emptied { lua: Rc::into_inner(lua) }
    }

    /// There is something to free.
    pub fn is_some(&self) -> bool {
        self.lua.is_some()
    }
}

impl ScriptCache {
    /// `limit`: bytes of memory that scripts may use.
    pub fn new(version: &Version, limit: usize) -> ScriptCache {
        let lua = Lua::new(limit);
        let kept = sandbox::prepare_eval(&lua, version);
        ScriptCache {
            lua: Rc::new(lua),
            kept: Rc::new(kept),
            by_sha: HashMap::default(),
            by_text: HashMap::default(),
            evictable: 0,
            clock: 0,
            gc: GcCounter::default(),
            body_bytes: 0,
        }
    }

    /// The interpreter, and what calls of it need.
    pub fn interpreter(&self) -> (Rc<Lua>, Rc<Kept>) {
        (Rc::clone(&self.lua), Rc::clone(&self.kept))
    }

    /// The script with that text, if it is known.
    pub fn find_body(&self, body: &[u8]) -> Option<Rc<Script>> {
        let script = self.by_text.get(&siphash(body))?;
        // Another text may have the same hash.
        (script.body.as_slice() == body).then(|| Rc::clone(script))
    }

    /// The script with that SHA-1 (40 digits, any case), if it is known.
    pub fn find_sha(&self, sha: &[u8]) -> Option<Rc<Script>> {
        let mut sha = <[u8; 40]>::try_from(sha).ok()?;
        sha.make_ascii_lowercase();
        self.by_sha.get(&sha).cloned()
    }

    /// Compiles a script and keeps it. `by_eval`: it may be forgotten. `Err`: the text of an error
    /// reply, without code. The second result: how many scripts were forgotten.
    pub fn add(&mut self, body: &[u8], by_eval: bool) -> Result<(Rc<Script>, u64), Vec<u8>> {
        if let Some(script) = self.find_body(body) {
            return Ok((script, 0));
        }
        if let Some(script) = self.find_sha(&sha1_hex(body)) {
            // A text with the same hash had taken its place.
            self.by_text.insert(siphash(body), Rc::clone(&script));
            return Ok((script, 0));
        }
        let Shebang { flags, len } = flags::script_shebang(body)?;
        // The end of the first line stays, so that lines keep their numbers.
        let compiled = self.lua.with(|stack| match stack.load(&body[len..], c"@user_script") {
            Ok(()) => Ok(stack.make_ref()),
            Err(_) => Err(errors::text_of(stack)),
        });
        let function = match compiled {
            Ok(function) => function,
            Err(text) => {
                self.gc.count(&self.lua);
                return Err([b"Error compiling script (new function): ", &text[..]].concat());
            }
        };
        let evicted = if by_eval { self.make_room() } else { 0 };
        self.clock += 1;
        let script = Rc::new(Script {
            sha: sha1_hex(body),
            body: RawStr::from_slice(body),
            flags,
            function,
            evictable: by_eval,
            used: Cell::new(self.clock),
        });
        self.evictable += usize::from(by_eval);
        self.body_bytes += body.len();
        self.by_text.insert(siphash(body), Rc::clone(&script));
        self.by_sha.insert(script.sha, Rc::clone(&script));
        self.gc.count(&self.lua);
        Ok((script, evicted))
    }

    fn make_room(&mut self) -> u64 {
        let mut evicted = 0;
        while self.evictable >= MAX_EVAL_SCRIPTS {
            let evictable = self.by_sha.values().filter(|script| script.evictable);
            let oldest = evictable.min_by_key(|script| script.used.get());
            let Some(sha) = oldest.map(|script| script.sha) else { break };
            self.forget(&sha);
            evicted += 1;
        }
        evicted
    }

    fn forget(&mut self, sha: &[u8; 40]) {
        let Some(script) = self.by_sha.remove(sha) else { return };
        let hash = siphash(script.body.as_slice());
        if self.by_text.get(&hash).is_some_and(|found| Rc::ptr_eq(found, &script)) {
            self.by_text.remove(&hash);
        }
        self.evictable -= usize::from(script.evictable);
        self.body_bytes -= script.body.len();
        self.lua.with(|stack| stack.drop_ref(script.function));
    }

    /// The script has run.
    pub fn used(&mut self, script: &Script) {
        self.clock += 1;
        script.used.set(self.clock);
        self.gc.count(&self.lua);
    }

    /// Forgets all scripts, with a fresh interpreter. What is returned holds the memory.
    pub fn flush(&mut self, version: &Version, limit: usize) -> Emptied {
        let old = std::mem::replace(self, ScriptCache::new(version, limit));
        Emptied::new(old.lua)
    }

    /// Moves the blocks of `count` scripts from number `from` on (in no order that lasts when
    /// scripts come or go), for active defragmentation; false if there are no more. One that runs
    /// stays.
    pub fn relocate(&mut self, from: usize, count: usize, mover: &mut Mover) -> bool {
        for script in self.by_sha.values_mut().skip(from).take(count) {
            let hash = siphash(script.body.as_slice());
            let twin = self.by_text.remove(&hash);
            let is_twin = twin.as_ref().is_some_and(|twin| Rc::ptr_eq(twin, script));
            // Of two texts with one hash, the other one's place stays.
            let other = twin.filter(|_| !is_twin);
            if let Some(script) = Rc::get_mut(script) {
                script.body.relocate(mover);
            }
            mover.unshared(script);
            let found = other.or_else(|| is_twin.then(|| Rc::clone(script)));
            if let Some(found) = found {
                self.by_text.insert(hash, found);
            }
        }
        from + count < self.by_sha.len()
    }

    /// Number of scripts.
    pub fn len(&self) -> usize {
        self.by_sha.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_sha.is_empty()
    }

    /// Bytes of the interpreter.
    pub fn interpreter_bytes(&self) -> usize {
        self.lua.used_bytes()
    }

    /// Bytes of the cache itself: texts and tables.
    pub fn overhead_bytes(&self) -> usize {
        const ENTRY: usize = size_of::<([u8; 40], Rc<Script>)>()
            + size_of::<(u64, Rc<Script>)>()
            + size_of::<Script>();
        self.body_bytes + self.by_sha.capacity() * ENTRY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: Version = Version { text: "8.0.0", number: 0x0008_0000 };

    fn cache() -> ScriptCache {
        ScriptCache::new(&VERSION, 1 << 30)
    }

    #[test]
    fn scripts_are_found_by_text_and_by_sha() {
        let mut cache = cache();
        let (script, _) = cache.add(b"return 1", true).unwrap();
        assert_eq!(&script.sha, b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assert!(cache.find_body(b"return 1").is_some() && cache.find_body(b"return 2").is_none());
        assert!(cache.find_sha(&script.sha.to_ascii_uppercase()).is_some());
        assert!(cache.find_sha(b"abc").is_none());
        let flushed = cache.flush(&VERSION, 1 << 30);
        assert!(flushed.is_some() && cache.is_empty());
    }

    #[test]
    fn the_least_recently_used_script_leaves() {
        let mut cache = cache();
        let (first, _) = cache.add(b"return 'a'", true).unwrap();
        let (second, _) = cache.add(b"return 'b'", true).unwrap();
        let (loaded, _) = cache.add(b"return 'c'", false).unwrap();
        for n in 0..MAX_EVAL_SCRIPTS - 2 {
            assert_eq!(cache.add(format!("return {n}").as_bytes(), true).unwrap().1, 0);
        }
        cache.used(&first);
        assert_eq!(cache.add(b"return 'd'", true).unwrap().1, 1);
        assert!(cache.find_sha(&first.sha).is_some() && cache.find_sha(&second.sha).is_none());
        assert!(cache.find_sha(&loaded.sha).is_some());
        assert_eq!(cache.len(), MAX_EVAL_SCRIPTS + 1);
    }

    #[test]
    fn what_does_not_compile_is_told() {
        let error = cache().add(b"return ]", true).unwrap_err();
        let text = String::from_utf8(error).unwrap();
        assert!(
            text.starts_with("Error compiling script (new function): user_script:1: "),
            "{text}"
        );
    }
}
