//! Builds Lua 5.1.5 for mlua-sys: the sources of the crate lua-src with `lua.patch` applied. It
//! runs inside the build script of mlua-sys, whose calls decide the names here. Only what a sandbox
//! needs is compiled: no io, no os, no package library.
//!
//! The patch: tables can be made read-only; chunks are text only; userdata of scripts have no
//! finalizers; strings are hashed as a whole; `unpack`, the lexer and the parser are safe with
//! hostile arguments; pattern matching has a depth limit; it, searching, sorting and
//! building strings call the hook, so that they can be ended.

mod patch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::{env, fs, panic};

const PATCH: &str = include_str!("../lua.patch");
/// Parts of Lua that no script may use.
const LEFT_OUT: &[&str] = &["linit.c", "liolib.c", "loadlib.c", "loslib.c"];

/// Versions of Lua; there is one.
#[derive(Debug, PartialEq, Eq)]
pub enum Version {
    Lua51,
}
pub use Version::Lua51;

/// The build, with nothing to choose.
#[derive(Default)]
pub struct Build;

/// What was built.
pub struct Artifacts {
    lib_dir: PathBuf,
}

impl Build {
    pub fn new() -> Build {
        Build
    }

    /// Compiles the patched sources into a static library.
    pub fn build(&self, version: Version) -> Artifacts {
        assert_eq!(version, Lua51, "only Lua 5.1 is built here");
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        let sources = out.join("lua-5.1.5");
        copy_patched(&upstream_sources().join("lua-5.1.5"), &sources);
        let lib_dir = out.join("lib");
        let mut build = cc::Build::new();
        build.warnings(false).cargo_metadata(false).flag_if_supported("-fno-common");
        build.include(&sources).out_dir(&lib_dir);
        // For `_setjmp`, which leaves signal masks alone. ThreadSanitizer must see each jump over
        // functions of ours, or it runs out of frames, but it does not know `_longjmp`.
        if env::var_os("CARGO_CFG_TSAN").is_none() {
            build.define("LUA_USE_ULONGJMP", None);
        }
        let mut files: Vec<PathBuf> = list(&sources).filter(|path| has_extension(path, "c")).collect();
        files.sort();
        build.files(files).compile("lua5.1");
        Artifacts { lib_dir }
    }
}

impl Artifacts {
    /// Tells cargo how to link.
    pub fn print_cargo_metadata(&self) {
        println!("cargo:rustc-link-search=native={}", self.lib_dir.display());
        println!("cargo:rustc-link-lib=static=lua5.1");
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn list(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("cannot read {dir:?}: {e}"));
    entries.map(|entry| entry.expect("a readable directory").path())
}

/// Where cargo put the crate lua-src. It does not tell, but a panic in it names its file: it is
/// asked for a target that it cannot build for.
fn upstream_sources() -> PathBuf {
    let place = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&place);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if let (Some(location), Ok(mut seen)) = (info.location(), seen.lock()) {
            *seen = location.file().to_owned();
        }
    }));
    let outcome = panic::catch_unwind(|| upstream::Build::new().target("none").build(upstream::Lua51));
    panic::set_hook(hook);
    assert!(outcome.is_err(), "the crate lua-src knows a target called none");
    let file = PathBuf::from(place.lock().expect("the hook does not panic").as_str());
    let root = file.ancestors().nth(2).unwrap_or(&file);
    assert!(root.join("lua-5.1.5").is_dir(), "no sources of Lua beside {file:?}");
    root.to_path_buf()
}

/// Copies the sources that are used, changed by the patch.
fn copy_patched(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("OUT_DIR can be written");
    let changes = patch::parse(PATCH);
    let mut changed = 0;
    for path in list(from) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a file name");
        if LEFT_OUT.contains(&name) {
            continue;
        }
        let mut text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        if let Some(change) = changes.iter().find(|change| change.file == name) {
            text = change.apply(&text).unwrap_or_else(|e| panic!("lua.patch: {name}: {e}"));
            changed += 1;
        }
        fs::write(to.join(name), text).expect("OUT_DIR can be written");
    }
    assert_eq!(changed, changes.len(), "lua.patch names a file that does not exist");
}
