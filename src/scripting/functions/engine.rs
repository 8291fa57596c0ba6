//! The interpreter of functions. While a library is loaded its code sees only `redis` with what
//! loading needs; functions see the globals of scripts. Both look through one empty table, the
//! globals of all chunks, whose metatable says what is behind it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::super::cache::Emptied;
use super::super::host::{Host, Registered};
use super::super::lua::{Lua, Ref, Stack};
use super::super::run::GcCounter;
use super::super::sandbox::{self, Kept};
use super::super::{Version, errors, redis_api};
use super::{BAD_NAME, Function, Library, is_name};
use crate::protocol::reply::Reply;

/// Instructions between two looks at the clock while a library is loaded.
const INTERRUPT_EVERY: i32 = 100_000;

/// The interpreter.
pub struct Engine {
    lua: Rc<Lua>,
    kept: Rc<Kept>,
    /// The metatable of the globals that chunks see.
    view: Ref,
    /// What is behind them while a function runs, and while a library is loaded.
    script_globals: Ref,
    globals_of_libraries: Ref,
    gc: GcCounter,
}

impl Engine {
    pub fn new(version: &Version, limit: usize) -> Engine {
        let lua = Lua::new(limit);
        let (kept, refs) = lua.with(|stack| prepare(stack, version));
        let [view, script_globals, globals_of_libraries] = refs;
        let gc = GcCounter::default();
        let (lua, kept) = (Rc::new(lua), Rc::new(kept));
        Engine { lua, kept, view, script_globals, globals_of_libraries, gc }
    }

    pub fn interpreter(&self) -> (Rc<Lua>, Rc<Kept>) {
        (Rc::clone(&self.lua), Rc::clone(&self.kept))
    }

    pub fn used_bytes(&self) -> usize {
        self.lua.used_bytes()
    }

    /// Something was loaded or has run.
    pub fn count(&mut self) {
        self.gc.count(&self.lua);
    }

    pub fn close(self) -> Emptied {
        Emptied::new(self.lua)
    }

    /// The library is gone: forgets its functions.
    pub fn forget(&self, library: &Library) {
        self.lua.with(|stack| {
            library.functions.iter().for_each(|function| stack.drop_ref(function.callback));
        });
    }

    /// Runs the code of a library (without its first line) and returns the functions that it
    /// registers.
    pub fn load(
        &mut self,
        code: &[u8],
        timeout_ms: u64,
        log: &mut dyn FnMut(u8, &[u8]),
    ) -> Result<Vec<Rc<Function>>, Vec<u8>> {
        let deadline = (timeout_ms > 0).then(|| Instant::now() + Duration::from_millis(timeout_ms));
        let mut loader = Loader { functions: Vec::new(), deadline, log, reply: Reply::new() };
        self.lua.set_interrupts(INTERRUPT_EVERY);
        let outcome = self.lua.enter(&mut loader, |stack| {
            self.look_at(stack, self.globals_of_libraries);
            let outcome = run(stack, &self.kept, code);
            self.look_at(stack, self.script_globals);
            outcome
        });
        self.lua.set_interrupts(0);
        let functions = loader.functions;
        if outcome.is_err() {
            self.lua.with(|stack| functions.iter().for_each(|f| stack.drop_ref(f.callback)));
        }
        self.count();
        outcome.map(|()| functions.into_iter().map(Rc::new).collect())
    }

    /// Chunks see those globals from now on.
    fn look_at(&self, stack: &mut Stack, globals: Ref) {
        stack.push_ref(self.view);
        stack.set_readonly(-1, false);
        stack.push_ref(globals);
        stack.raw_set_field(-2, "__index");
        stack.set_readonly(-1, true);
        stack.pop(1);
    }
}

fn run(stack: &mut Stack, kept: &Kept, code: &[u8]) -> Result<(), Vec<u8>> {
    stack.push_ref(kept.globals);
    stack.set_globals();
    if stack.load(code, c"@user_function").is_err() {
        return Err([b"Error compiling function: ", &errors::text_of(stack)[..]].concat());
    }
    if stack.pcall(0, 0, 0).is_err() {
        let message = errors::info(stack).message;
        return Err([b"Error registering functions: ", &message[..]].concat());
    }
    Ok(())
}

/// Fills a fresh interpreter. The references: metatable of the globals, globals of functions,
/// globals of loading.
fn prepare(stack: &mut Stack, version: &Version) -> (Kept, [Ref; 3]) {
    sandbox::add_globals(stack, version, |_| {});
    // What a library sees while it is loaded.
    stack.push_table(0, 1);
    stack.push_table(0, 8);
    redis_api::add_register_function(stack);
    redis_api::add_log(stack);
    redis_api::add_version(stack, version);
    sandbox::set_error_metatable(stack);
    stack.raw_set_field(-2, "redis");
    sandbox::set_error_metatable(stack);
    sandbox::protect(stack);
    let globals_of_libraries = stack.make_ref();
    // What functions see.
    stack.push_globals();
    sandbox::set_error_metatable(stack);
    sandbox::protect(stack);
    let script_globals = stack.make_ref();
    // What both look through.
    stack.push_table(0, 0);
    stack.push_table(0, 1);
    stack.push_ref(script_globals);
    stack.raw_set_field(-2, "__index");
    stack.set_readonly(-1, true);
    stack.push_value(-1);
    let view = stack.make_ref();
    stack.set_metatable(-2);
    stack.set_readonly(-1, true);
    let globals = stack.make_ref();
    stack.push_function(errors::handler);
    let handler = stack.make_ref();
    (Kept::new(stack, handler, globals), [view, script_globals, globals_of_libraries])
}

/// The host of a library that is being loaded.
struct Loader<'a> {
    functions: Vec<Function>,
    deadline: Option<Instant>,
    log: &'a mut dyn FnMut(u8, &[u8]),
    /// A library has no result: nothing is written here.
    reply: Reply,
}

impl Host for Loader<'_> {
    fn log(&mut self, level: u8, text: &[u8]) {
        (self.log)(level, text);
    }

    fn interrupt(&mut self) -> Option<&'static str> {
        let over = self.deadline.is_some_and(|deadline| Instant::now() > deadline);
        over.then_some("FUNCTION LOAD timeout")
    }

    fn register(&mut self, function: Registered) -> Result<(), &'static str> {
        // A name ends at its first NUL.
        let name = &function.name;
        let name = &name[..memchr::memchr(0, name).unwrap_or(name.len())];
        if !is_name(name) || name.len() != function.name.len() {
            return Err(BAD_NAME);
        }
        if self.functions.iter().any(|other| *other.name == *name) {
            return Err("Function already exists in the library");
        }
        self.functions.push(Function {
            name: name.into(),
            description: function.description.map(Into::into),
            flags: function.flags,
            callback: function.callback,
        });
        Ok(())
    }

    fn reply(&mut self) -> &mut Reply {
        &mut self.reply
    }
}
