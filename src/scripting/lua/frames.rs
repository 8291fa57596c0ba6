//! What the debugger sees of the functions that run: where they are, their local variables; and the
//! session it belongs to.
//!
//! JUSTIFICATION: calls of Lua's C API, see `scripting/lua/mod.rs`.

use std::mem::MaybeUninit;

use mlua_sys as ffi;

use super::stack::c_bytes;
use super::{Stack, callback};
use crate::scripting::debugger::SharedSession;

/// A function that runs.
pub struct Frame {
    /// `@user_script`.
    pub source: Vec<u8>,
    pub line: i32,
    /// As its caller named it.
    pub name: Option<Vec<u8>>,
}

impl Stack {
    /// The session in which the script is debugged.
    pub fn session(&self) -> Option<SharedSession> {
        callback::shared(self.state()).session.borrow().clone()
    }

    /// The function at that level of the call stack; 0 = the running one.
    pub fn frame(&mut self, level: i32) -> Option<Frame> {
        let (_, ar) = self.activation(level, c"Snl")?;
        let name = (!ar.name.is_null()).then(|| c_bytes(ar.name).to_vec());
        Some(Frame { source: c_bytes(ar.source).to_vec(), line: ar.currentline, name })
    }

    /// Pushes the value of a local variable, counted from 1, of the function at that level, and
    /// returns its name. `None`, and nothing is pushed: it has not so many.
    pub fn push_local(&mut self, level: i32, index: i32) -> Option<Vec<u8>> {
        self.room();
        let mut ar = MaybeUninit::<ffi::lua_Debug>::zeroed();
        // SAFETY: all bytes zero are a valid lua_Debug, which `lua_getstack` fills in for a level
        // that exists; there is room for the value; the name lives as long as its function.
        unsafe {
            if ffi::lua_getstack(self.raw(), level, ar.as_mut_ptr()) == 0 {
                return None;
            }
            let name = ffi::lua_getlocal(self.raw(), ar.as_ptr(), index);
            (!name.is_null()).then(|| c_bytes(name).to_vec())
        }
    }
}
