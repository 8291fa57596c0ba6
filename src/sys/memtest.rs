//! A fast test of the memory this process uses, for the end of a crash report: writes patterns to
//! every page in use, reads them back, and puts the old contents back.
//!
//! Not a proof that the memory is good. Invariant: runs on the main thread's stack (which is left
//! out) while all other threads stand still, and the process ends afterwards.
//!
//! JUSTIFICATION: it writes over memory that belongs to others; that is what it is for.

use std::ops::Range;

const PAGE: usize = 4096;
const WORDS: usize = PAGE / size_of::<u64>();
const MAX_REGIONS: usize = 256;
/// Each is written to every word; the last two differ from word to word.
const PATTERNS: [u64; 4] = [0, u64::MAX, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa];

/// Tests the anonymous memory of the process. `progress` gets each region with its errors (`None`
/// before the test begins). Returns the number of errors; `None` if the memory map is not to be
/// had.
pub fn run(mut progress: impl FnMut(&Range<usize>, Option<usize>)) -> Option<usize> {
    let mut regions = [const { 0..0 }; MAX_REGIONS];
    // AddressSanitizer's own memory, terabytes without content, looks the same and must stay as it
    // is: there is nothing to test then.
    let count = if cfg!(sanitized) { 0 } else { list_regions(&mut regions)? };
    for region in &regions[..count] {
        progress(region, None);
    }
    let mut errors = 0;
    for region in &regions[..count] {
        let found = test_region(region);
        errors += found;
        progress(region, Some(found));
    }
    Some(errors)
}

/// Reads /proc/self/maps line by line.
fn list_regions(out: &mut [Range<usize>; MAX_REGIONS]) -> Option<usize> {
    // SAFETY: a constant path.
    let fd = unsafe { libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if fd < 0 {
        return None;
    }
    let mut buffer = [0_u8; 8192];
    let (mut filled, mut count) = (0, 0);
    loop {
        let room = &mut buffer[filled..];
        // SAFETY: the kernel writes at most as many bytes as there is room.
        let len = unsafe { libc::read(fd, room.as_mut_ptr().cast(), room.len()) };
        let Some(len) = usize::try_from(len).ok().filter(|len| *len > 0) else { break };
        filled += len;
        let mut start = 0;
        while let Some(end) = memchr::memchr(b'\n', &buffer[start..filled]) {
            if let Some(region) = parse_line(&buffer[start..start + end])
                && count < MAX_REGIONS
            {
                out[count] = region;
                count += 1;
            }
            start += end + 1;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
    }
    // SAFETY: opened above.
    unsafe { libc::close(fd) };
    Some(count)
}

/// The region of a line, if it is memory without a file that may be written, other than the stack.
fn parse_line(line: &[u8]) -> Option<Range<usize>> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let (permissions, _offset, device) = (fields.next()?, fields.next()?, fields.next()?);
    let special = ["[stack", "[vdso", "[vvar", "[vsyscall"];
    if !permissions.starts_with("rw")
        || device != "00:00"
        || special.iter().any(|name| line.contains(name))
    {
        return None;
    }
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
}

fn test_region(region: &Range<usize>) -> usize {
    let mut errors = 0;
    for page in region.clone().step_by(PAGE) {
        let mut resident = 0_u8;
        // SAFETY: a page of a region that exists; the kernel writes one byte.
        let known = unsafe { libc::mincore(page as *mut _, PAGE, &mut resident) } == 0;
        // A page that was never used has no memory yet.
        if known && resident & 1 != 0 {
            errors += test_page(page as *mut u64);
        }
    }
    errors
}

/// Tests one page, whose contents are kept on the stack meanwhile.
#[inline(never)]
fn test_page(page: *mut u64) -> usize {
    let mut kept = [0_u64; WORDS];
    let mut errors = 0;
    // SAFETY: the page is mapped for reading and writing, no other thread runs, and between the
    // first write and the restoration nothing else than this stack and these registers is used.
    unsafe {
        for (i, word) in kept.iter_mut().enumerate() {
            *word = page.add(i).read_volatile();
        }
        for pattern in PATTERNS {
            for i in 0..WORDS {
                page.add(i).write_volatile(pattern);
            }
            for i in 0..WORDS {
                errors += usize::from(page.add(i).read_volatile() != pattern);
            }
        }
        for i in 0..WORDS {
            page.add(i).write_volatile(page.add(i) as u64);
        }
        for i in 0..WORDS {
            errors += usize::from(page.add(i).read_volatile() != page.add(i) as u64);
        }
        for (i, word) in kept.iter().enumerate() {
            page.add(i).write_volatile(*word);
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_writable_memory_without_file_or_stack_is_listed() {
        let line = "7f0000000000-7f0000002000 rw-p 00000000 00:00 0 ";
        assert_eq!(parse_line(line.as_bytes()), Some(0x7f00_0000_0000..0x7f00_0000_2000));
        for line in [
            "7f0000000000-7f0000002000 r--p 00000000 00:00 0 ",
            "7f0000000000-7f0000002000 rw-p 00000000 08:01 77 /usr/lib/x.so",
            "7ffc00000000-7ffc00002000 rw-p 00000000 00:00 0 [stack]",
            "",
        ] {
            assert_eq!(parse_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_page_keeps_its_contents() {
        let mut page = vec![7_u64; 2 * WORDS];
        let before = page.clone();
        assert_eq!(test_page(page.as_mut_ptr()), 0);
        assert_eq!(page, before);
    }
}
