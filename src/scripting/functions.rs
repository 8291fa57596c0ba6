//! Function libraries: their interpreter, the registry of libraries and functions, loading,
//! deleting, joining of restored ones.
//!
//! Functions are called by name in any case; libraries are named exactly. Invariant: a function
//! stands in the index if and only if its library is in the registry.

mod engine;
mod metadata;
mod payload;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::Version;
use super::cache::Emptied;
use super::lua::{Lua, Ref};
use super::sandbox::Kept;

pub use engine::Engine;
pub use metadata::Metadata;
pub use payload::{dump, restore, verify};

/// A name error, of libraries and of functions.
pub const BAD_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and \
                            must be at least one character long";

/// A function of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: Box<[u8]>,
    pub description: Option<Box<[u8]>>,
    /// Of [`super::flags`].
    pub flags: u64,
    pub callback: Ref,
}

/// A loaded library.
#[derive(Debug)]
pub struct Library {
    pub name: Box<[u8]>,
    /// The whole text, with its first line.
    pub code: Box<[u8]>,
    /// In order of registration.
    pub functions: Vec<Rc<Function>>,
}

/// Libraries by name and functions by name in lower case.
#[derive(Debug, Default)]
pub struct Registry {
    libraries: BTreeMap<Box<[u8]>, Library>,
    index: HashMap<Box<[u8]>, Rc<Function>>,
}

impl Registry {
    fn contains_function(&self, name: &[u8]) -> bool {
        self.index.contains_key(&*name.to_ascii_lowercase())
    }

    fn link(&mut self, library: Library) {
        for function in &library.functions {
            self.index.insert(function.name.to_ascii_lowercase().into(), Rc::clone(function));
        }
        self.libraries.insert(library.name.clone(), library);
    }

    fn unlink(&mut self, name: &[u8]) -> Option<Library> {
        let library = self.libraries.remove(name)?;
        for function in &library.functions {
            self.index.remove(&*function.name.to_ascii_lowercase());
        }
        Some(library)
    }
}

/// All function libraries.
pub struct Functions {
    engine: Engine,
    registry: Registry,
    version: Version,
    limit: usize,
}

/// How restored libraries meet those that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestorePolicy {
    Flush,
    Append,
    Replace,
}

impl Functions {
    /// `limit`: bytes of memory that functions may use.
    pub fn new(version: Version, limit: usize) -> Functions {
        let engine = Engine::new(&version, limit);
        Functions { engine, registry: Registry::default(), version, limit }
    }

    /// The interpreter, and what calls of it need.
    pub fn interpreter(&self) -> (Rc<Lua>, Rc<Kept>) {
        self.engine.interpreter()
    }

    /// A function has run.
    pub fn called(&mut self) {
        self.engine.count();
    }

    /// The function of that name, in any case.
    pub fn find(&self, name: &[u8]) -> Option<Rc<Function>> {
        let found = self.registry.index.get(name);
        found.or_else(|| self.registry.index.get(&*name.to_ascii_lowercase())).map(Rc::clone)
    }

    /// Libraries in order of name.
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Library> {
        self.registry.libraries.values()
    }

    /// Number of libraries and of functions.
    pub fn counts(&self) -> (usize, usize) {
        (self.registry.libraries.len(), self.registry.index.len())
    }

    /// Loads a library from its text and returns its name. `timeout_ms`: how long its code may run,
    /// 0 = for ever. `Err`: the text of an error, without code; nothing has changed then.
    pub fn load_library(
        &mut self,
        code: &[u8],
        replace: bool,
        timeout_ms: u64,
        log: &mut dyn FnMut(u8, &[u8]),
    ) -> Result<Box<[u8]>, Vec<u8>> {
        load_into(&mut self.engine, &mut self.registry, code, replace, timeout_ms, log)
    }

    /// Deletes a library. False if there is none of that name.
    pub fn delete_library(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.registry.unlink(name) else { return false };
        self.engine.forget(&library);
        true
    }

    /// Deletes all libraries, with a fresh interpreter. What is returned holds the memory.
    pub fn flush(&mut self) -> Emptied {
        let old = std::mem::replace(self, Functions::new(self.version, self.limit));
        old.engine.close()
    }

    /// Loads libraries from the payload of FUNCTION DUMP, whose footer has been checked and cut.
    /// All or none. `Err`: the text of an error, without code.
    pub fn restore(
        &mut self,
        payload: &[u8],
        policy: RestorePolicy,
        log: &mut dyn FnMut(u8, &[u8]),
    ) -> Result<(), Vec<u8>> {
        let mut fresh = Registry::default();
        let outcome = restore(payload, &mut |code| {
            load_into(&mut self.engine, &mut fresh, code, false, 0, log).map(|_| ())
        });
        let joined = outcome.and_then(|()| self.join(&mut fresh, policy));
        if joined.is_err() {
            fresh.libraries.values().for_each(|library| self.engine.forget(library));
        }
        joined
    }

    /// Loads libraries from their texts in the place of those that are here. All or none. `Err`:
    /// the text of an error, without code.
    pub fn replace_all(
        &mut self,
        codes: &[Vec<u8>],
        log: &mut dyn FnMut(u8, &[u8]),
    ) -> Result<(), Vec<u8>> {
        let mut fresh = Registry::default();
        let loaded = codes.iter().try_for_each(|code| {
            load_into(&mut self.engine, &mut fresh, code, false, 0, log).map(|_| ())
        });
        let joined = loaded.and_then(|()| self.join(&mut fresh, RestorePolicy::Flush));
        if joined.is_err() {
            fresh.libraries.values().for_each(|library| self.engine.forget(library));
        }
        joined
    }

    /// Moves the libraries of `fresh` here; none if one of them cannot be.
    fn join(&mut self, fresh: &mut Registry, policy: RestorePolicy) -> Result<(), Vec<u8>> {
        let mut replaced: Vec<Library> = Vec::new();
        let names: Vec<Box<[u8]>> = match policy {
            RestorePolicy::Flush => self.registry.libraries.keys().cloned().collect(),
            _ => fresh.libraries.keys().cloned().collect(),
        };
        let mut error = None;
        for name in names {
            if !self.registry.libraries.contains_key(&name) {
                continue;
            }
            if policy == RestorePolicy::Append {
                error = Some([b"Library ", &name[..], b" already exists"].concat());
                break;
            }
            replaced.extend(self.registry.unlink(&name));
        }
        let index = &self.registry.index;
        let clash = fresh.index.iter().find(|(key, _)| index.contains_key(*key));
        if let (None, Some((_, function))) = (&error, clash) {
            error = Some([b"Function ", &function.name[..], b" already exists"].concat());
        }
        match error {
            Some(error) => {
                replaced.into_iter().for_each(|library| self.registry.link(library));
                Err(error)
            }
            None => {
                replaced.iter().for_each(|library| self.engine.forget(library));
                let libraries = std::mem::take(&mut fresh.libraries);
                libraries.into_values().for_each(|library| self.registry.link(library));
                Ok(())
            }
        }
    }

    /// Bytes of the interpreter.
    pub fn interpreter_bytes(&self) -> usize {
        self.engine.used_bytes()
    }

    /// Bytes of the registry: names, texts and tables.
    pub fn overhead_bytes(&self) -> usize {
        let function = |f: &Rc<Function>| {
            size_of::<Function>() + f.name.len() * 2 + f.description.as_ref().map_or(0, |d| d.len())
        };
        let library = |l: &Library| {
            let functions: usize = l.functions.iter().map(function).sum();
            size_of::<Library>() + l.name.len() * 2 + l.code.len() + functions
        };
        let libraries: usize = self.registry.libraries.values().map(library).sum();
        size_of::<Functions>() + libraries
    }
}

/// Only letters, digits and underscores, and at least one.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn load_into(
    engine: &mut Engine,
    registry: &mut Registry,
    code: &[u8],
    replace: bool,
    timeout_ms: u64,
    log: &mut dyn FnMut(u8, &[u8]),
) -> Result<Box<[u8]>, Vec<u8>> {
    let metadata = Metadata::read(code)?;
    if !is_name(&metadata.name) {
        return Err(BAD_NAME.into());
    }
    if !metadata.engine.eq_ignore_ascii_case(b"lua") {
        return Err([b"Engine '", &metadata.engine[..], b"' not found"].concat());
    }
    if registry.libraries.contains_key(&metadata.name[..]) && !replace {
        return Err([b"Library '", &metadata.name[..], b"' already exists"].concat());
    }
    let functions = engine.load(&code[metadata.line_len..], timeout_ms, log)?;
    let name: Box<[u8]> = metadata.name.into();
    let library = Library { name: name.clone(), code: code.into(), functions };
    let old = registry.unlink(&name);
    let clash = library.functions.iter().find(|f| registry.contains_function(&f.name));
    let error = match clash {
        Some(function) => Some([b"Function ", &function.name[..], b" already exists"].concat()),
        None if library.functions.is_empty() => Some(b"No functions registered".to_vec()),
        None => None,
    };
    if let Some(error) = error {
        engine.forget(&library);
        old.into_iter().for_each(|old| registry.link(old));
        return Err(error);
    }
    old.iter().for_each(|old| engine.forget(old));
    registry.link(library);
    Ok(name)
}
