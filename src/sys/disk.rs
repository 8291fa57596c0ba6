//! What the standard library cannot tell the kernel about a file: to begin writing back, to wait
//! for that, to forget cached pages.
//!
//! JUSTIFICATION: `sync_file_range` and `posix_fadvise` have no safe wrapper.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

fn sync_range(file: &File, offset: u64, bytes: u64, flags: u32) -> io::Result<()> {
    let (offset, bytes) = (offset as libc::off64_t, bytes as libc::off64_t);
    // SAFETY: no pointers; the descriptor is open.
    let result = unsafe { libc::sync_file_range(file.as_raw_fd(), offset, bytes, flags) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Has the kernel begin to write a range to the disk.
pub fn start_write_back(file: &File, offset: u64, bytes: u64) -> io::Result<()> {
    sync_range(file, offset, bytes, libc::SYNC_FILE_RANGE_WRITE)
}

/// Writes a range to the disk and waits for it. No promise about the file's size and place: that
/// is `fsync`'s.
pub fn finish_write_back(file: &File, offset: u64, bytes: u64) -> io::Result<()> {
    let flags = libc::SYNC_FILE_RANGE_WAIT_BEFORE
        | libc::SYNC_FILE_RANGE_WRITE
        | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    sync_range(file, offset, bytes, flags)
}

/// Lets the kernel forget the pages of a file that are on the disk.
pub fn drop_page_cache(file: &File) -> io::Result<()> {
    // SAFETY: no pointers; the descriptor is open.
    match unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}
