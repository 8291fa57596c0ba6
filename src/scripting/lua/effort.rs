//! Long work of Rust functions that scripts call: it executes no instructions of the interpreter,
//! so it counts its steps, and asks every now and then whether the script is to end and whether it
//! has taken too much memory.
//!
//! JUSTIFICATION: calls of Lua's C API, see `scripting/lua/mod.rs`.

use mlua_sys as ffi;

use super::{Raise, Stack, callback};

/// Steps between two questions: about a millisecond.
const ASK_EVERY: usize = 50_000;
/// Bytes that a library may make of its arguments at once: more than any reply or value may have.
pub const MAX_OUTPUT: usize = 1 << 30;

/// The steps since the last question.
#[derive(Debug, Default)]
pub struct Effort(usize);

impl Stack {
    /// Counts steps of some ten nanoseconds. No reference into the interpreter may be held.
    #[inline]
    pub fn spend(&mut self, effort: &mut Effort, steps: usize) -> Result<(), Raise> {
        effort.0 += steps;
        if effort.0 < ASK_EVERY {
            return Ok(());
        }
        effort.0 = 0;
        self.ask()
    }

    /// The error of a script that has taken too much memory.
    pub fn no_memory(&mut self) -> Raise {
        self.error("not enough memory")
    }

    #[cold]
    fn ask(&mut self) -> Result<(), Raise> {
        let shared = callback::shared(self.state());
        if shared.used.get() > shared.limit {
            return Err(self.no_memory());
        }
        // SAFETY: reads a field of the state.
        let hooked = unsafe { ffi::lua_gethookmask(self.raw()) } != 0;
        if hooked && self.session().is_none() {
            callback::ask(self.state())?;
        }
        Ok(())
    }
}
