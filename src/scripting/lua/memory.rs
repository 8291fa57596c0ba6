//! The allocator of an interpreter, which counts its bytes and knows its limit, and what the
//! interpreter's callbacks find without a search: the host, the random generator.
//!
//! JUSTIFICATION: calls of Lua's C API, see `scripting/lua/mod.rs`.

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;

use crate::scripting::debugger::SharedSession;
use crate::scripting::host::Host;
use crate::sys::script_memory::Pool;

/// The host of the call that is under way. The lifetime is erased: it stands in [`Shared`] only
/// while `Lua::enter` holds the borrow.
#[derive(Clone, Copy)]
pub struct HostPointer(NonNull<dyn Host>);

impl HostPointer {
    pub fn new(host: &mut (dyn Host + '_)) -> HostPointer {
        let pointer: NonNull<dyn Host + '_> = NonNull::from(host);
        // SAFETY: only the lifetime of the trait object changes; see the type.
        let pointer = unsafe {
            std::mem::transmute::<NonNull<dyn Host + '_>, NonNull<dyn Host + 'static>>(pointer)
        };
        HostPointer(pointer)
    }
}

/// What the interpreter's C side points to.
pub struct Shared {
    /// Where its blocks come from.
    pool: Pool,
    /// Bytes in use.
    pub used: Cell<usize>,
    pub limit: usize,
    /// Lua code runs: memory beyond the limit is refused. Otherwise Rust code runs, which must not
    /// be left by a memory error.
    pub limited: Cell<bool>,
    pub host: Cell<Option<HostPointer>>,
    pub random: Cell<u64>,
    /// The script is debugged.
    pub session: RefCell<Option<SharedSession>>,
}

impl Shared {
    pub fn new(limit: usize, random: u64) -> Shared {
        Shared {
            pool: Pool::new(),
            used: Cell::new(0),
            limit,
            limited: Cell::new(false),
            host: Cell::new(None),
            random: Cell::new(random),
            session: RefCell::new(None),
        }
    }

    /// Runs `f` with the host, which is not there for anybody else meanwhile. `None` if it is not
    /// there.
    pub fn lend_host<R>(&self, f: impl FnOnce(&mut dyn Host) -> R) -> Option<R> {
        let pointer = self.host.take()?;
        // SAFETY: it stands in `host` only while `Lua::enter`, which got it as a unique reference,
        // is under way; being taken out, it is lent to one borrower at a time.
        let result = f(unsafe { &mut *pointer.0.as_ptr() });
        self.host.set(Some(pointer));
        Some(result)
    }
}

/// `lua_Alloc`.
pub unsafe extern "C" fn allocate(
    ud: *mut c_void,
    old: *mut c_void,
    old_size: usize,
    size: usize,
) -> *mut c_void {
    // SAFETY: `ud` is the `Shared` given to `lua_newstate`, which lives as long as the state.
    let shared = unsafe { &*ud.cast::<Shared>() };
    let old_size = if old.is_null() { 0 } else { old_size };
    let used = shared.used.get() - old_size;
    let limited = shared.limited.get();
    if size > old_size && limited && used.saturating_add(size) > shared.limit {
        return std::ptr::null_mut();
    }
    // SAFETY: `old` came from here with `old_size` bytes, unless that is 0.
    let new = unsafe { shared.pool.resize(old.cast(), old_size, size) };
    if size > 0 && new.is_null() {
        if !limited {
            let layout = Layout::from_size_align(size, 8).unwrap_or(Layout::new::<u8>());
            std::alloc::handle_alloc_error(layout);
        }
        return std::ptr::null_mut();
    }
    shared.used.set(used + size);
    new.cast()
}
