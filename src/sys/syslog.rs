//! syslog, through the C library.
//!
//! JUSTIFICATION: `openlog` and `syslog` have no safe wrapper in the standard library.

use std::ffi::CString;
use std::sync::OnceLock;

/// `openlog` keeps the pointer: the name must live as long as the process.
static IDENT: OnceLock<CString> = OnceLock::new();

/// Opens the connection; `facility` 0 = user, n = local(n-1). A name with a NUL is cut there.
pub fn open(ident: &[u8], facility: i32) {
    let end = ident.iter().position(|byte| *byte == 0).unwrap_or(ident.len());
    let ident = IDENT.get_or_init(|| CString::new(&ident[..end]).unwrap_or_default());
    let facility = match facility {
        0 => libc::LOG_USER,
        n => libc::LOG_LOCAL0 + ((n - 1) << 3),
    };
    let options = libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT;
    // SAFETY: the name is a C string that lives as long as the process.
    unsafe { libc::openlog(ident.as_ptr(), options, facility) };
}

/// Sends a message of one of the four levels of the log, 0 debug to 3 warning.
pub fn send(level: u8, text: &str) {
    let priority = match level {
        0 => libc::LOG_DEBUG,
        1 => libc::LOG_INFO,
        2 => libc::LOG_NOTICE,
        _ => libc::LOG_WARNING,
    };
    let Ok(text) = CString::new(text.replace('\0', " ")) else { return };
    // SAFETY: both are C strings; the format asks for exactly one string argument.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
}
