//! jemalloc's settings by name (`mallctl`), as DEBUG MALLCTL shows them.
//!
//! JUSTIFICATION: jemalloc is a C library; sizes are checked by jemalloc itself, which refuses a
//! value of the wrong size.

use std::ffi::{CStr, CString, c_char, c_void};
use std::io;
use std::ptr::null_mut;

use tikv_jemalloc_sys as jemalloc;

fn name_of(name: &[u8]) -> io::Result<CString> {
    CString::new(name).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

fn check(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// Reads a number, and replaces it by `new`; `None` for a setting that can only be written. Tries
/// the sizes that settings have: 8, 4 and 1 bytes.
pub fn number(name: &[u8], new: Option<i64>) -> io::Result<Option<i64>> {
    let name = name_of(name)?;
    let mut problem = io::Error::from_raw_os_error(libc::EINVAL);
    for size in [8usize, 4, 1] {
        let mut old = 0i64;
        let mut old_size = size;
        let mut new_value = new.unwrap_or(0);
        let new_ptr =
            if new.is_some() { (&raw mut new_value).cast::<c_void>() } else { null_mut() };
        let new_size = if new.is_some() { size } else { 0 };
        // SAFETY: all pointers are valid for the call and have room for `size` bytes (little
        // endian: the low bytes of the i64 are the smaller number).
        let code = unsafe {
            let old_ptr = (&raw mut old).cast::<c_void>();
            jemalloc::mallctl(name.as_ptr(), old_ptr, &mut old_size, new_ptr, new_size)
        };
        match check(code) {
            Ok(()) => return Ok(Some(old)),
            Err(_) if code == libc::EPERM && new.is_some() => {
                // SAFETY: as above; nothing is read.
                let code = unsafe {
                    jemalloc::mallctl(name.as_ptr(), null_mut(), null_mut(), new_ptr, size)
                };
                if code == 0 {
                    return Ok(None);
                }
            }
            Err(e) => problem = e,
        }
    }
    Err(problem)
}

/// Reads a text, and replaces it by `new`; `VOID` as the new text triggers settings without a
/// value. `None` for what cannot be read.
pub fn text(name: &[u8], new: Option<&[u8]>) -> io::Result<Option<Vec<u8>>> {
    let name = name_of(name)?;
    if new == Some(b"VOID") {
        // SAFETY: the name is a C string, nothing is read or written.
        let code =
            unsafe { jemalloc::mallctl(name.as_ptr(), null_mut(), null_mut(), null_mut(), 0) };
        return check(code).map(|()| None);
    }
    let new = new.map(name_of).transpose()?;
    let mut new_ptr: *const c_char = new.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
    let mut old: *const c_char = std::ptr::null();
    let mut old_size = size_of::<*const c_char>();
    let (new_arg, new_size) = match &new {
        Some(_) => ((&raw mut new_ptr).cast::<c_void>(), size_of::<*const c_char>()),
        None => (null_mut(), 0),
    };
    // SAFETY: the pointers are valid for the call; jemalloc compares the sizes with those of the
    // setting, so that only settings that are texts pass.
    let code = unsafe {
        let old_ptr = (&raw mut old).cast::<c_void>();
        jemalloc::mallctl(name.as_ptr(), old_ptr, &mut old_size, new_arg, new_size)
    };
    check(code)?;
    if old.is_null() || !is_text_setting(name.as_bytes()) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: settings of this list are C strings that live as long as the process.
    Ok(Some(unsafe { CStr::from_ptr(old) }.to_bytes().to_vec()))
}

/// Numbers of eight bytes look like pointers to `mallctl`: only these are texts.
fn is_text_setting(name: &[u8]) -> bool {
    const TEXTS: [&[u8]; 7] = [
        b"version",
        b"config.malloc_conf",
        b"opt.dss",
        b"opt.metadata_thp",
        b"opt.percpu_arena",
        b"opt.thp",
        b"opt.junk",
    ];
    TEXTS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_texts_and_refuses_unknown_names() {
        assert!(number(b"arenas.page", None).unwrap().unwrap() >= 4096);
        assert!(!text(b"version", None).unwrap().unwrap().is_empty());
        assert!(text(b"arenas.page", None).is_err());
        assert!(number(b"no.such", None).is_err());
        assert!(text(b"thread.tcache.flush", Some(b"VOID")).unwrap().is_none());
    }
}
