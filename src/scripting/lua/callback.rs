//! How Lua calls Rust: trampolines from C functions to Rust functions, the hook, and the end of
//! everything when Lua meets an error outside of `pcall`.
//!
//! JUSTIFICATION: calls of Lua's C API, see `scripting/lua/mod.rs`.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use mlua_sys as ffi;

use super::Stack;
use super::memory::Shared;
use crate::scripting::debugger;
use crate::scripting::host::Host;

/// The value on top of the stack is to be raised as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raise;

/// The number of results, which are on top of the stack.
pub type CallResult = Result<i32, Raise>;

/// What the interpreter shares with its callbacks.
pub fn shared<'a>(state: NonNull<ffi::lua_State>) -> &'a Shared {
    let mut ud = std::ptr::null_mut();
    // SAFETY: reads two fields of the state; the user data is the `Shared` that `Lua::new` gave,
    // which lives as long as the state.
    unsafe {
        ffi::lua_getallocf(state.as_ptr(), &mut ud);
        &*ud.cast::<Shared>()
    }
}

/// Runs Rust code that Lua called: memory is not refused meanwhile, and a panic ends the process.
fn run<R>(state: NonNull<ffi::lua_State>, f: impl FnOnce(&Shared) -> R) -> R {
    let shared = shared(state);
    let limited = shared.limited.replace(false);
    let result = catch_unwind(AssertUnwindSafe(|| f(shared)));
    shared.limited.set(limited);
    match result {
        Ok(result) => result,
        // The panic hook has told what happened.
        Err(_) => std::process::abort(),
    }
}

/// Ends a callback. Nothing that needs dropping is alive in the caller.
fn finish(state: NonNull<ffi::lua_State>, result: CallResult) -> c_int {
    match result {
        Ok(results) => results,
        // SAFETY: the error value is on the stack; the frames up to the `pcall` are this one, the
        // trampoline's and Lua's own, none of which has anything to drop.
        Err(Raise) => unsafe { ffi::lua_error(state.as_ptr()) },
    }
}

/// A function without size is made from nothing.
fn conjure<F: Copy + 'static>() -> F {
    const { assert!(size_of::<F>() == 0, "a function item or a closure that captures nothing") };
    // SAFETY: F has no bytes, and the one who pushed it has shown that a value of it exists.
    unsafe { NonNull::<F>::dangling().read() }
}

/// The C function of a plain Rust function.
pub unsafe extern "C-unwind" fn plain<F>(state: *mut ffi::lua_State) -> c_int
where
    F: Fn(&mut Stack) -> CallResult + Copy + 'static,
{
    let Some(state) = NonNull::new(state) else { return 0 };
    let result = run(state, |_| conjure::<F>()(&mut Stack::new(state)));
    finish(state, result)
}

/// The C function of a Rust function that needs the host.
pub unsafe extern "C-unwind" fn hosted<F>(state: *mut ffi::lua_State) -> c_int
where
    F: Fn(&mut Stack, &mut dyn Host) -> CallResult + Copy + 'static,
{
    let Some(state) = NonNull::new(state) else { return 0 };
    let result = run(state, |shared| {
        let mut stack = Stack::new(state);
        let result = shared.lend_host(|host| conjure::<F>()(&mut stack, host));
        result.unwrap_or_else(|| Err(stack.error("only available while a script runs")))
    });
    finish(state, result)
}

/// Asks the host whether to go on; `Err`: the script ends, with the error on the stack.
pub fn ask(state: NonNull<ffi::lua_State>) -> CallResult {
    let error = shared(state).lend_host(|host| host.interrupt()).flatten();
    let Some(error) = error else { return Ok(0) };
    // From now on at every line, so that no pcall of the script can catch it for good.
    // SAFETY: sets fields of the state.
    unsafe { ffi::lua_sethook(state.as_ptr(), Some(hook), ffi::LUA_MASKLINE, 0) };
    crate::scripting::errors::push_error(&mut Stack::new(state), error.as_bytes());
    Err(Raise)
}

/// The count hook.
pub unsafe extern "C-unwind" fn hook(state: *mut ffi::lua_State, _ar: *mut ffi::lua_Debug) {
    let Some(state) = NonNull::new(state) else { return };
    let result = run(state, |_| ask(state));
    finish(state, result);
}

/// The hook of a script that is debugged.
pub unsafe extern "C-unwind" fn debug_hook(
    state: *mut ffi::lua_State,
    activation: *mut ffi::lua_Debug,
) {
    let Some(state) = NonNull::new(state) else { return };
    // SAFETY: Lua gives its hooks a valid record.
    let counted = unsafe { (*activation).event } == ffi::LUA_HOOKCOUNT;
    let result = run(state, |_| debugger::at_line(&mut Stack::new(state), counted));
    finish(state, result);
}

/// Lua has an error and no `pcall` to return to. Cannot happen; the process would end anyway.
pub unsafe extern "C-unwind" fn panicked(_state: *mut ffi::lua_State) -> c_int {
    eprintln!("unprotected error in a call to Lua");
    std::process::abort()
}
