//! The only place that touches Lua's C API: an interpreter ([`Lua`]) and a safe handle of its
//! stack ([`Stack`]). The rest of `scripting` is safe Rust over it.
//!
//! JUSTIFICATION: Lua is a C library; mlua's own safe layer turns errors into other objects and
//! takes 409 ns for a call that takes 85 ns here (measured on the same machine).
//!
//! How it is kept sound:
//! - Lua raises errors by `longjmp`, which must not cross a Rust frame that has something to drop.
//!   While Rust code runs (in a callback, or in [`Lua::enter`]) nothing can raise: the handle
//!   offers only raw access without metamethods, scripts have no finalizers (see
//!   `third_party/lua-src`), and the allocator refuses nothing then. A callback that wants to raise
//!   returns [`Raise`], and the trampoline does it after the callback has returned.
//! - Lua code runs only inside `pcall`, where the memory limit holds.
//! - A panic does not cross C frames: trampolines end the process.
//! - Bytes of a Lua string are borrowed from the handle, so nothing can pop the string meanwhile.
//! - An interpreter is not `Sync`; it may move to another thread as a whole.

mod callback;
mod effort;
mod frames;
mod memory;
mod stack;

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr::NonNull;

use mlua_sys as ffi;

pub use callback::{CallResult, Raise};
pub use effort::{Effort, MAX_OUTPUT};
pub use frames::Frame;
pub use stack::{Kind, PcallError, Stack};

use super::debugger::SharedSession;
use super::host::Host;
use memory::Shared;

/// Initial state of the random generator, before any seed.
const RANDOM_START: u64 = 0x1234_ABCD_330E;

/// An interpreter with the base, table, string and math libraries.
pub struct Lua {
    state: NonNull<ffi::lua_State>,
    shared: Box<Shared>,
}

// SAFETY: the state and what it refers to are owned by this value alone; nothing in it is bound to
// a thread. (A debugging session would be, but is there only while a script runs.)
unsafe impl Send for Lua {}

/// A value kept in the interpreter, to be pushed by [`Stack::push_ref`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ref(c_int);

impl Lua {
    /// A new interpreter. `limit`: bytes of memory that scripts may use.
    pub fn new(limit: usize) -> Lua {
        let shared = Box::new(Shared::new(limit, RANDOM_START));
        let ud = std::ptr::from_ref(&*shared).cast_mut().cast();
        // SAFETY: `allocate` follows lua_Alloc's contract; `shared` outlives the state, because
        // `drop` closes the state first.
        let state = unsafe { ffi::lua_newstate(memory::allocate, ud) };
        let state = NonNull::new(state).expect("memory for a new interpreter");
        let lua = Lua { state, shared };
        // SAFETY: the state is fresh; the functions open libraries with the stack that
        // `lua_newstate` gives; they cannot raise, since memory is not refused here.
        unsafe {
            ffi::lua_atpanic(state.as_ptr(), callback::panicked);
            for open in
                [ffi::luaopen_base, ffi::luaopen_table, ffi::luaopen_string, ffi::luaopen_math]
            {
                ffi::lua_pushcclosure(state.as_ptr(), open, 0);
                ffi::lua_call(state.as_ptr(), 0, 0);
            }
        }
        lua
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> usize {
        self.shared.used.get()
    }

    /// Works with the interpreter's stack. What `f` leaves on it is removed. `host` is what the
    /// callbacks of scripts reach meanwhile.
    pub fn enter<R>(&self, host: &mut dyn Host, f: impl FnOnce(&mut Stack) -> R) -> R {
        let outer = self.shared.host.replace(Some(memory::HostPointer::new(host)));
        let mut stack = Stack::new(self.state);
        let top = stack.top();
        let result = f(&mut stack);
        stack.set_top(top);
        self.shared.host.set(outer);
        result
    }

    /// As [`Lua::enter`], for work that runs no script.
    pub fn with<R>(&self, f: impl FnOnce(&mut Stack) -> R) -> R {
        self.enter(&mut super::host::NoHost(crate::protocol::reply::Reply::new()), f)
    }

    /// A step of the garbage collection.
    pub fn collect_step(&self, size: i32) {
        // SAFETY: no Lua code runs (there are no finalizers), and nothing is refused.
        unsafe { ffi::lua_gc(self.state.as_ptr(), ffi::LUA_GCSTEP, size) };
    }

    /// A full garbage collection.
    pub fn collect_all(&self) {
        // SAFETY: as `collect_step`.
        unsafe { ffi::lua_gc(self.state.as_ptr(), ffi::LUA_GCCOLLECT, 0) };
    }

    /// [`Host::interrupt`] is asked every `count` instructions; 0 = never.
    pub fn set_interrupts(&self, count: i32) {
        let (hook, mask) = match count {
            0 => (None, 0),
            _ => (Some(callback::hook as ffi::lua_Hook), ffi::LUA_MASKCOUNT),
        };
        // SAFETY: sets fields of the state.
        unsafe { ffi::lua_sethook(self.state.as_ptr(), hook, mask, count) };
    }

    /// Scripts are debugged in that session from now on, which is asked before each line and every
    /// `count` instructions; or not any more.
    pub fn set_session(&self, session: Option<SharedSession>, count: i32) {
        let (hook, mask) = match session {
            None => (None, 0),
            Some(_) => (
                Some(callback::debug_hook as ffi::lua_Hook),
                ffi::LUA_MASKLINE | ffi::LUA_MASKCOUNT,
            ),
        };
        self.shared.session.replace(session);
        // SAFETY: sets fields of the state.
        unsafe { ffi::lua_sethook(self.state.as_ptr(), hook, mask, count) };
    }
}

impl Drop for Lua {
    fn drop(&mut self) {
        // SAFETY: the state is ours and nothing refers to it any more.
        unsafe { ffi::lua_close(self.state.as_ptr()) };
    }
}

/// The generator of `math.random`, 48 bits of state.
pub struct Random<'a>(&'a Cell<u64>);

impl Random<'_> {
    /// C's `lrand48`.
    pub fn next(&self) -> u32 {
        let x = self.0.get().wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & ((1 << 48) - 1);
        self.0.set(x);
        (x >> 17) as u32
    }

    /// C's `srand48`.
    pub fn seed(&self, seed: i32) {
        self.0.set(u64::from(seed as u32) << 16 | 0x330E);
    }
}

#[cfg(test)]
mod tests;
