//! `Stack`: the stack of an interpreter (or of one of its coroutines), as Rust code may use it.
//! Indices are Lua's: 1 is the first argument, -1 the top; one that is out of range is a bug and
//! panics. Reading never calls metamethods.
//!
//! JUSTIFICATION: calls of Lua's C API, see `scripting/lua/mod.rs`.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;

use mlua_sys as ffi;

use super::callback::{self, CallResult, Raise};
use super::{Random, Ref};
use crate::protocol::number::{NumText, f64_as_i64};
use crate::scripting::host::Host;

unsafe extern "C-unwind" {
    fn lua_setreadonly(state: *mut ffi::lua_State, idx: c_int, on: c_int);
    fn lua_getreadonly(state: *mut ffi::lua_State, idx: c_int) -> c_int;
}

/// Types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Beyond the top: an argument that was not given.
    None,
    Nil,
    Boolean,
    LightUserdata,
    Number,
    String,
    Table,
    Function,
    Userdata,
    Thread,
}

const KINDS: [Kind; 9] = [
    Kind::Nil,
    Kind::Boolean,
    Kind::LightUserdata,
    Kind::Number,
    Kind::String,
    Kind::Table,
    Kind::Function,
    Kind::Userdata,
    Kind::Thread,
];

impl Kind {
    /// The name that Lua's messages use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::None => "no value",
            Kind::Nil => "nil",
            Kind::Boolean => "boolean",
            Kind::LightUserdata | Kind::Userdata => "userdata",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Table => "table",
            Kind::Function => "function",
            Kind::Thread => "thread",
        }
    }
}

/// A protected call failed; the error value is on top of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcallError;

/// Where a running function is, for messages.
pub struct Place {
    /// `@user_script`.
    pub source: Vec<u8>,
    pub line: i32,
    /// A C function.
    pub is_c: bool,
}

/// A handle of the stack. Not `Send`, and never longer alive than the call it was made for.
pub struct Stack {
    state: NonNull<ffi::lua_State>,
}

impl Stack {
    pub(super) fn new(state: NonNull<ffi::lua_State>) -> Stack {
        Stack { state }
    }

    pub(super) fn state(&self) -> NonNull<ffi::lua_State> {
        self.state
    }

    #[inline]
    pub(super) fn raw(&self) -> *mut ffi::lua_State {
        self.state.as_ptr()
    }

    /// Number of values.
    #[inline]
    pub fn top(&self) -> i32 {
        // SAFETY: reads the state.
        unsafe { ffi::lua_gettop(self.raw()) }
    }

    /// An index that names a value.
    #[inline]
    fn at(&self, idx: i32) -> c_int {
        let top = self.top();
        assert!(idx != 0 && idx.unsigned_abs() <= top.unsigned_abs(), "no value at {idx}");
        idx
    }

    /// Makes room for `n` more values. False if the stack may not grow so much.
    #[inline]
    pub fn reserve(&mut self, n: i32) -> bool {
        // SAFETY: memory is not refused while Rust code runs, so it cannot raise.
        unsafe { ffi::lua_checkstack(self.raw(), n) != 0 }
    }

    #[inline]
    pub(super) fn room(&mut self) {
        assert!(self.reserve(1), "the Lua stack is full: reserve first");
    }

    /// Removes values above `top`, or fills up with nil.
    pub fn set_top(&mut self, top: i32) {
        assert!(top >= 0 && (top <= self.top() || self.reserve(top - self.top())));
        // SAFETY: there is room.
        unsafe { ffi::lua_settop(self.raw(), top) };
    }

    #[inline]
    pub fn pop(&mut self, n: i32) {
        assert!(n >= 0 && n <= self.top());
        // SAFETY: there are as many values.
        unsafe { ffi::lua_settop(self.raw(), -n - 1) };
    }

    /// Type of a value; an index above the top is [`Kind::None`].
    #[inline]
    pub fn kind(&self, idx: i32) -> Kind {
        if idx < 0 {
            self.at(idx);
        }
        // SAFETY: positive indices may be above the top, negative ones have been checked.
        let kind = unsafe { ffi::lua_type(self.raw(), idx) };
        usize::try_from(kind).map_or(Kind::None, |kind| KINDS[kind])
    }

    /// The bytes of a string; `None` for anything else, numbers too.
    #[inline]
    pub fn bytes(&self, idx: i32) -> Option<&[u8]> {
        if self.kind(idx) != Kind::String {
            return None;
        }
        let mut len = 0;
        // SAFETY: it is a string, which is not converted and lives while it is on the stack:
        // removing it needs `&mut self`.
        unsafe {
            let text = ffi::lua_tolstring(self.raw(), idx, &mut len);
            Some(std::slice::from_raw_parts(text.cast::<u8>(), len))
        }
    }

    /// The bytes of a string or of a number's text (Lua's `%.14g`), which replaces the number.
    pub fn text(&mut self, idx: i32) -> Option<&[u8]> {
        if self.kind(idx) == Kind::Number {
            // SAFETY: converts the number in place; memory is not refused.
            unsafe { ffi::lua_tolstring(self.raw(), idx, std::ptr::null_mut()) };
        }
        self.bytes(idx)
    }

    /// A number, or a string that reads as one.
    pub fn number(&self, idx: i32) -> Option<f64> {
        let kind = self.kind(idx);
        // SAFETY: the index has been checked.
        if kind == Kind::Number || unsafe { ffi::lua_isnumber(self.raw(), idx) } != 0 {
            // SAFETY: the same.
            return Some(unsafe { ffi::lua_tonumber(self.raw(), idx) });
        }
        None
    }

    /// False for nil and false.
    pub fn boolean(&self, idx: i32) -> bool {
        // SAFETY: the index has been checked.
        self.kind(idx) != Kind::None && unsafe { ffi::lua_toboolean(self.raw(), idx) } != 0
    }

    /// The identity of a table, function, thread or userdata.
    pub fn pointer(&self, idx: i32) -> usize {
        // SAFETY: the index has been checked.
        unsafe { ffi::lua_topointer(self.raw(), self.at(idx)) as usize }
    }

    /// Lua's `#` without metamethods.
    pub fn raw_len(&self, idx: i32) -> usize {
        // SAFETY: the index has been checked.
        unsafe { ffi::lua_objlen(self.raw(), self.at(idx)) }
    }

    #[inline]
    pub fn push_nil(&mut self) {
        self.room();
        // SAFETY: there is room.
        unsafe { ffi::lua_pushnil(self.raw()) };
    }

    #[inline]
    pub fn push_boolean(&mut self, on: bool) {
        self.room();
        // SAFETY: there is room.
        unsafe { ffi::lua_pushboolean(self.raw(), c_int::from(on)) };
    }

    #[inline]
    pub fn push_number(&mut self, n: f64) {
        self.room();
        // SAFETY: there is room.
        unsafe { ffi::lua_pushnumber(self.raw(), n) };
    }

    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.room();
        // SAFETY: there is room; Lua copies the bytes; memory is not refused.
        unsafe { ffi::lua_pushlstring_(self.raw(), bytes.as_ptr().cast::<c_char>(), bytes.len()) };
    }

    /// A null pointer, as cjson's null.
    pub fn push_null_pointer(&mut self) {
        self.room();
        // SAFETY: there is room.
        unsafe { ffi::lua_pushlightuserdata(self.raw(), std::ptr::null_mut()) };
    }

    /// The value is [`Stack::push_null_pointer`]'s.
    pub fn is_null_pointer(&self, idx: i32) -> bool {
        self.kind(idx) == Kind::LightUserdata && self.pointer(idx) == 0
    }

    /// Copies a value to the top.
    pub fn push_value(&mut self, idx: i32) {
        self.room();
        // SAFETY: there is room; the index has been checked.
        unsafe { ffi::lua_pushvalue(self.raw(), self.at(idx)) };
    }

    /// A new table with room for `array` elements and `fields` fields.
    #[inline]
    pub fn push_table(&mut self, array: usize, fields: usize) {
        /// Larger tables grow as they are filled: the sizes may be a lie.
        const MOST: usize = 1 << 16;
        self.room();
        let (array, fields) = (array.min(MOST) as c_int, fields.min(MOST) as c_int);
        // SAFETY: there is room; memory is not refused.
        unsafe { ffi::lua_createtable(self.raw(), array, fields) };
    }

    /// The globals of this interpreter or coroutine.
    pub fn push_globals(&mut self) {
        self.room();
        // SAFETY: there is room; the pseudo-index is always valid.
        unsafe { ffi::lua_pushvalue(self.raw(), ffi::LUA_GLOBALSINDEX) };
    }

    /// Pops a table, which becomes the globals.
    pub fn set_globals(&mut self) {
        assert!(self.kind(-1) == Kind::Table, "globals are a table");
        // SAFETY: the top is a table; the pseudo-index is always valid.
        unsafe { ffi::lua_replace(self.raw(), ffi::LUA_GLOBALSINDEX) };
    }

    /// A Rust function.
    pub fn push_function<F>(&mut self, _function: F)
    where
        F: Fn(&mut Stack) -> CallResult + Copy + 'static,
    {
        self.room();
        // SAFETY: there is room; a value of F exists.
        unsafe { ffi::lua_pushcclosure(self.raw(), callback::plain::<F>, 0) };
    }

    /// A Rust function that needs the host.
    pub fn push_host_function<F>(&mut self, _function: F)
    where
        F: Fn(&mut Stack, &mut dyn Host) -> CallResult + Copy + 'static,
    {
        self.room();
        // SAFETY: there is room; a value of F exists.
        unsafe { ffi::lua_pushcclosure(self.raw(), callback::hosted::<F>, 0) };
    }

    /// A Rust function with the value on top of the stack, which is popped, as its upvalue.
    pub fn push_closure<F>(&mut self, _function: F)
    where
        F: Fn(&mut Stack) -> CallResult + Copy + 'static,
    {
        self.at(-1);
        // SAFETY: there is a value to pop, which makes room; a value of F exists.
        unsafe { ffi::lua_pushcclosure(self.raw(), callback::plain::<F>, 1) };
    }

    /// A userdata that holds words.
    pub fn push_words<const N: usize>(&mut self, words: &[i64; N]) {
        self.room();
        // SAFETY: there is room; the new block has as many bytes as are written, aligned for any
        // Lua type.
        unsafe {
            let block = ffi::lua_newuserdata(self.raw(), size_of_val(words));
            block.cast::<[i64; N]>().write(*words);
        }
    }

    /// The words in the upvalue of the running function. `None` if it has none of that size.
    pub fn upvalue_words<const N: usize>(&self) -> Option<[i64; N]> {
        let block = self.upvalue_block(size_of::<[i64; N]>())?;
        // SAFETY: a live block of that size, written as words only.
        Some(unsafe { block.cast::<[i64; N]>().read() })
    }

    /// Sets one of the words in the upvalue of the running function.
    pub fn set_upvalue_word(&mut self, word: usize, value: i64) {
        if let Some(block) = self.upvalue_block((word + 1) * size_of::<i64>()) {
            // SAFETY: a live block that has the word.
            unsafe { block.cast::<i64>().add(word).write(value) };
        }
    }

    /// The userdata upvalue of the running function if it has at least that many bytes.
    fn upvalue_block(&self, bytes: usize) -> Option<*mut std::ffi::c_void> {
        let idx = ffi::lua_upvalueindex(1);
        // SAFETY: the pseudo-index of an upvalue that does not exist is that of nil. Every full
        // userdata of this interpreter that is an upvalue was made by `push_words`.
        unsafe {
            if ffi::lua_type(self.raw(), idx) != ffi::LUA_TUSERDATA
                || ffi::lua_objlen(self.raw(), idx) < bytes
            {
                return None;
            }
            Some(ffi::lua_touserdata(self.raw(), idx))
        }
    }

    /// Bytes of memory that scripts may use.
    pub fn memory_limit(&self) -> usize {
        callback::shared(self.state).limit
    }

    /// Moves the top to `idx`, the others up.
    pub fn insert(&mut self, idx: i32) {
        // SAFETY: the index has been checked.
        unsafe { ffi::lua_insert(self.raw(), self.at(idx)) };
    }

    /// Removes one value.
    pub fn remove(&mut self, idx: i32) {
        // SAFETY: the index has been checked.
        unsafe { ffi::lua_remove(self.raw(), self.at(idx)) };
    }

    /// Pops the top into `idx`.
    pub fn replace(&mut self, idx: i32) {
        // SAFETY: the index has been checked.
        unsafe { ffi::lua_replace(self.raw(), self.at(idx)) };
    }

    fn table_at(&self, idx: i32) -> c_int {
        assert!(self.kind(idx) == Kind::Table, "a table at {idx}");
        idx
    }

    /// Pops a key, pushes its value.
    pub fn raw_get(&mut self, table: i32) {
        // SAFETY: it is a table, and the key is on the stack above or below it.
        unsafe { ffi::lua_rawget_(self.raw(), self.table_at(table)) };
    }

    /// Pushes the value of a field. `table` is taken before the push.
    pub fn raw_get_field(&mut self, table: i32, key: &str) {
        let table = if table < 0 { self.top() + table + 1 } else { table };
        self.push_bytes(key.as_bytes());
        self.raw_get(table);
    }

    /// Pushes an element.
    #[inline]
    pub fn raw_get_index(&mut self, table: i32, index: i32) {
        let table = self.table_at(table);
        self.room();
        // SAFETY: it is a table; there is room.
        unsafe { ffi::lua_rawgeti_(self.raw(), table, index) };
    }

    /// Pops a value and a key. False if no table can have that key (nil, NaN), or if the table is
    /// read-only.
    pub fn raw_set(&mut self, table: i32) -> bool {
        let table = self.table_at(table);
        let key = self.kind(-2);
        let nan = key == Kind::Number && self.number(-2).is_some_and(f64::is_nan);
        if nan || key == Kind::Nil || self.is_readonly(table) {
            self.pop(2);
            return false;
        }
        // SAFETY: a table that takes the key: the call raises nothing. (It would for over 2^26
        // keys, whose frames have nothing to drop but vectors.)
        unsafe { ffi::lua_rawset(self.raw(), table) };
        true
    }

    /// Pops a value into a field.
    pub fn raw_set_field(&mut self, table: i32, key: &str) {
        let table = if table < 0 { self.top() + table + 1 } else { table };
        self.push_bytes(key.as_bytes());
        self.insert(-2);
        self.raw_set(table);
    }

    /// Pops a value into an element of a table that is not read-only.
    #[inline]
    pub fn raw_set_index(&mut self, table: i32, index: i32) {
        assert!(!self.is_readonly(self.table_at(table)));
        // SAFETY: a table that may be written.
        unsafe { ffi::lua_rawseti_(self.raw(), table, index) };
    }

    /// Pops a key, pushes the next key and its value. False at the end (nothing is pushed), and if
    /// the key is none of the table's.
    pub fn next(&mut self, table: i32) -> bool {
        let table = self.table_at(table);
        self.room();
        // SAFETY: there is room. A key that was got from the table is found in it: nothing raises
        // (the callers change no table while they walk it).
        unsafe { ffi::lua_next(self.raw(), table) != 0 }
    }

    /// Pushes the metatable, if there is one.
    pub fn push_metatable(&mut self, idx: i32) -> bool {
        self.room();
        // SAFETY: there is room; the index has been checked.
        unsafe { ffi::lua_getmetatable(self.raw(), self.at(idx)) != 0 }
    }

    /// Pops a table, which becomes the metatable of the (writable) value.
    pub fn set_metatable(&mut self, idx: i32) {
        assert!(self.kind(-1) == Kind::Table && !self.is_readonly(idx));
        // SAFETY: the index has been checked by `is_readonly`.
        unsafe { ffi::lua_setmetatable(self.raw(), idx) };
    }

    /// A table refuses changes.
    pub fn is_readonly(&self, idx: i32) -> bool {
        // SAFETY: the index has been checked.
        unsafe { lua_getreadonly(self.raw(), self.at(idx)) != 0 }
    }

    /// A table refuses changes from now on, or not any more.
    pub fn set_readonly(&mut self, idx: i32, on: bool) {
        // SAFETY: the index has been checked.
        unsafe { lua_setreadonly(self.raw(), self.at(idx), c_int::from(on)) };
    }

    /// Pops a value, which becomes a global whatever protects the globals.
    pub fn set_protected_global(&mut self, name: &str) {
        self.push_bytes(name.as_bytes());
        self.set_global_named_by_top();
    }

    /// As [`Stack::set_protected_global`], with a name that is kept.
    pub fn set_protected_global_ref(&mut self, name: Ref) {
        self.push_ref(name);
        self.set_global_named_by_top();
    }

    fn set_global_named_by_top(&mut self) {
        self.insert(-2);
        // SAFETY: the globals are a table, written while it is not read-only; key and value are on
        // the stack.
        unsafe {
            let protected = lua_getreadonly(self.raw(), ffi::LUA_GLOBALSINDEX);
            lua_setreadonly(self.raw(), ffi::LUA_GLOBALSINDEX, 0);
            ffi::lua_rawset(self.raw(), ffi::LUA_GLOBALSINDEX);
            lua_setreadonly(self.raw(), ffi::LUA_GLOBALSINDEX, protected);
        }
    }

    /// Pops a value and keeps it.
    pub fn make_ref(&mut self) -> Ref {
        self.at(-1);
        // SAFETY: there is a value; the registry is always writable.
        Ref(unsafe { ffi::luaL_ref(self.raw(), ffi::LUA_REGISTRYINDEX) })
    }

    /// Pushes a kept value.
    #[inline]
    pub fn push_ref(&mut self, kept: Ref) {
        self.room();
        // SAFETY: there is room; the registry is a table.
        unsafe { ffi::lua_rawgeti_(self.raw(), ffi::LUA_REGISTRYINDEX, kept.0) };
    }

    /// Forgets a kept value.
    pub fn drop_ref(&mut self, kept: Ref) {
        // SAFETY: the registry is always writable; the reference was made by `make_ref`.
        unsafe { ffi::luaL_unref(self.raw(), ffi::LUA_REGISTRYINDEX, kept.0) };
    }

    /// Compiles a text and pushes the function, or the message of the error.
    pub fn load(&mut self, code: &[u8], name: &CStr) -> Result<(), PcallError> {
        self.room();
        let shared = callback::shared(self.state);
        let limited = shared.limited.replace(true);
        let text = code.as_ptr().cast::<c_char>();
        // SAFETY: the code is only read; loading is protected, errors come back as a status.
        let status = unsafe { ffi::luaL_loadbuffer(self.raw(), text, code.len(), name.as_ptr()) };
        shared.limited.set(limited);
        if status == ffi::LUA_OK { Ok(()) } else { Err(PcallError) }
    }

    /// Calls the function below its `args` arguments. `handler`: index of a function that sees the
    /// error first, 0 = none. `results` < 0: all.
    pub fn pcall(&mut self, args: i32, results: i32, handler: i32) -> Result<(), PcallError> {
        self.at(-args - 1);
        if handler != 0 {
            self.at(handler);
        }
        let shared = callback::shared(self.state);
        let limited = shared.limited.replace(true);
        // SAFETY: function and arguments are on the stack; errors come back as a status; nothing
        // of this frame needs dropping.
        let status = unsafe { ffi::lua_pcall(self.raw(), args, results, handler) };
        shared.limited.set(limited);
        if status == ffi::LUA_OK { Ok(()) } else { Err(PcallError) }
    }

    /// Where the function at that level of the call stack is; 0 = the running one.
    pub fn place(&mut self, level: i32) -> Option<Place> {
        let (_, ar) = self.activation(level, c"Sl")?;
        let what = c_bytes(ar.what);
        let source = c_bytes(ar.source).to_vec();
        Some(Place { source, line: ar.currentline, is_c: what == b"C" })
    }

    /// Asks for a function's data. The pointers in it live as long as the function runs.
    pub(super) fn activation(
        &mut self,
        level: i32,
        what: &CStr,
    ) -> Option<(c_int, ffi::lua_Debug)> {
        let mut ar = std::mem::MaybeUninit::<ffi::lua_Debug>::zeroed();
        // SAFETY: all bytes zero are a valid lua_Debug; Lua fills it in. Reading it by `what` from
        // an active function pushes nothing (no `f` and no `L` in `what`).
        unsafe {
            if ffi::lua_getstack(self.raw(), level, ar.as_mut_ptr()) == 0 {
                return None;
            }
            let status = ffi::lua_getinfo(self.raw(), what.as_ptr(), ar.as_mut_ptr());
            Some((status, ar.assume_init()))
        }
    }

    /// `chunk:line: ` of the function at that level, or nothing.
    fn position(&mut self, level: i32) -> Vec<u8> {
        match self.activation(level, c"Sl") {
            Some((_, ar)) if ar.currentline > 0 => {
                let mut text = c_bytes(ar.short_src.as_ptr()).to_vec();
                text.extend_from_slice(format!(":{}: ", ar.currentline).as_bytes());
                text
            }
            _ => Vec::new(),
        }
    }

    /// An error with the position of the calling script before the text.
    pub fn error(&mut self, text: impl AsRef<[u8]>) -> Raise {
        let mut message = self.position(1);
        message.extend_from_slice(text.as_ref());
        self.push_bytes(&message);
        Raise
    }

    /// "bad argument #1 to 'name' (text)".
    pub fn arg_error(&mut self, mut idx: i32, text: impl AsRef<[u8]>) -> Raise {
        let mut message = Vec::new();
        match self.activation(0, c"n") {
            None => message.extend_from_slice(format!("bad argument #{idx} (").as_bytes()),
            Some((_, ar)) => {
                let name = if ar.name.is_null() { b"?" } else { c_bytes(ar.name) };
                let method = c_bytes(ar.namewhat) == b"method";
                idx -= i32::from(method);
                let on_self = method && idx == 0;
                match on_self {
                    true => message.extend_from_slice(b"calling '"),
                    false => {
                        message.extend_from_slice(format!("bad argument #{idx} to '").as_bytes())
                    }
                }
                message.extend_from_slice(name);
                message.extend_from_slice(if on_self { b"' on bad self (" } else { b"' (" });
            }
        }
        message.extend_from_slice(text.as_ref());
        message.push(b')');
        self.error(message)
    }

    fn type_error(&mut self, idx: i32, expected: &str) -> Raise {
        let got = self.kind(idx).name();
        self.arg_error(idx, format!("{expected} expected, got {got}"))
    }

    /// An argument that must be a number.
    pub fn check_number(&mut self, idx: i32) -> Result<f64, Raise> {
        self.number(idx).ok_or_else(|| self.type_error(idx, "number"))
    }

    /// An argument that must be a number, cut to an integer as C does on this machine.
    pub fn check_integer(&mut self, idx: i32) -> Result<i64, Raise> {
        self.check_number(idx).map(|n| n as i64)
    }

    /// An argument that must be a string or a number.
    pub fn check_bytes(&mut self, idx: i32) -> Result<&[u8], Raise> {
        if !matches!(self.kind(idx), Kind::String | Kind::Number) {
            return Err(self.type_error(idx, "string"));
        }
        Ok(self.text(idx).expect("a string or a number has a text"))
    }

    /// An argument that must be a table.
    pub fn check_table(&mut self, idx: i32) -> Result<(), Raise> {
        match self.kind(idx) {
            Kind::Table => Ok(()),
            _ => Err(self.type_error(idx, "table")),
        }
    }

    /// An argument that must be given, be it nil.
    pub fn check_any(&mut self, idx: i32) -> Result<(), Raise> {
        match self.kind(idx) {
            Kind::None => Err(self.arg_error(idx, "value expected")),
            _ => Ok(()),
        }
    }

    /// Replaces a number by the text that commands get: integers in full, other numbers in the
    /// shortest form that reads back.
    pub fn number_to_argument(&mut self, idx: i32) {
        let Some(n) = self.number(idx) else { return };
        match f64_as_i64(n) {
            Some(int) => self.push_bytes(itoa::Buffer::new().format(int).as_bytes()),
            None => self.push_bytes(&NumText::from_f64(n)),
        }
        self.replace(idx);
    }

    /// Runs `f` with the host of [`super::Lua::enter`]. Not for callbacks, which are given it.
    pub fn with_host<R>(&mut self, f: impl FnOnce(&mut Stack, &mut dyn Host) -> R) -> R {
        let shared = callback::shared(self.state);
        let result = shared.lend_host(|host| f(self, host));
        result.expect("not within a callback, which has the host")
    }

    /// The generator of `math.random`.
    pub fn random(&self) -> Random<'_> {
        Random(&callback::shared(self.state).random)
    }
}

/// The bytes of a C string; none for null.
pub(super) fn c_bytes<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return b"";
    }
    // SAFETY: Lua's strings in lua_Debug end with NUL, and their function is active.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}
