//! The locale's collation: what SORT … ALPHA orders by. Nothing else of the locale is used.
//!
//! Invariant: the process' locale changes only through `set_collation`, on the main thread.
//!
//! JUSTIFICATION: collation orders are data of the C library; there is no safe way to them.

use std::cmp::Ordering;
use std::ffi::{CStr, CString};
use std::ptr::null;

/// Sets LC_COLLATE; empty = as the environment says. False if there is no such locale.
pub fn set_collation(name: &[u8]) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // SAFETY: a C string that lives through the call.
    !unsafe { libc::setlocale(libc::LC_COLLATE, name.as_ptr()) }.is_null()
}

/// True if the collation is the order of bytes.
pub fn collates_bytewise() -> bool {
    // SAFETY: null asks for the name of the locale.
    let name = unsafe { libc::setlocale(libc::LC_COLLATE, null()) };
    if name.is_null() {
        return true;
    }
    // SAFETY: a C string of the library, unchanged until the next `setlocale`.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    matches!(name, b"C" | b"POSIX" | b"C.UTF-8" | b"C.utf8")
}

/// Compares two texts, each up to its first zero byte.
pub fn collate(a: &[u8], b: &[u8]) -> Ordering {
    let terminated = |text: &[u8]| {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        CString::new(text).expect("cut at the first zero byte")
    };
    let (a, b) = (terminated(a), terminated(b));
    // SAFETY: two C strings that live through the call.
    unsafe { libc::strcoll(a.as_ptr(), b.as_ptr()) }.cmp(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_locale_bytes_decide() {
        assert!(collates_bytewise());
        assert_eq!(collate(b"a", b"b"), Ordering::Less);
        assert_eq!(collate(b"a\0x", b"a\0y"), Ordering::Equal);
        assert!(!set_collation(b"no such locale"));
        assert!(set_collation(b"C"));
    }
}
