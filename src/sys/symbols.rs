//! The names of our own functions by their addresses, from the symbol table of the running
//! program's file; for stack traces inside signal handlers.
//!
//! Not a debugger: no lines, no inlined functions; other files (the C library) are left to
//! `backtrace_symbols_fd`. Invariant: neither allocates nor locks, trusts no offset of the file.
//!
//! JUSTIFICATION: the C library only knows exported symbols, of which a program has none; without
//! names a crash report is worth little.

use std::fmt::{self, Write};

/// Offsets of an ELF file of 64 bits.
const SECTION_TABLE_AT: usize = 0x28;
const SECTION_SIZE_AT: usize = 0x3a;
const SECTIONS_AT: usize = 0x3c;
const SYMBOL_BYTES: usize = 24;
const SYMBOL_TABLE: u32 = 2;
const FUNCTION: u8 = 2;

/// The symbol table of the program.
pub struct Symbols {
    table: &'static [u8],
    names: &'static [u8],
    /// What the loader added to all addresses.
    bias: usize,
}

/// A function that contains an address.
pub struct Symbol {
    mangled: &'static [u8],
    /// Address of its first instruction.
    pub start: usize,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<usize> {
    let word = u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?);
    usize::try_from(word).ok()
}

/// The program's file in memory, for the rest of the process' life.
fn map_program() -> Option<&'static [u8]> {
    // SAFETY: constant strings and valid pointers; the mapping is private, read only and stays.
    // A program file cannot be written to while it runs, so that the bytes do not change.
    unsafe {
        let fd = libc::open(c"/proc/self/exe".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return None;
        }
        let mut stat: libc::stat = std::mem::zeroed();
        let known = libc::fstat(fd, &mut stat) == 0 && stat.st_size > 0;
        let len = stat.st_size as usize;
        let start = match known {
            true => {
                let (read, private) = (libc::PROT_READ, libc::MAP_PRIVATE);
                libc::mmap(std::ptr::null_mut(), len, read, private, fd, 0)
            }
            false => libc::MAP_FAILED,
        };
        libc::close(fd);
        if start == libc::MAP_FAILED {
            return None;
        }
        Some(std::slice::from_raw_parts(start.cast(), len))
    }
}

impl Symbols {
    /// Maps the program's file; `None` if it has no symbol table.
    pub fn load() -> Option<Symbols> {
        let file = map_program()?;
        if !file.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let (table, names) = symbol_sections(file)?;
        // The program headers stand right behind the ELF header, at this address of the image.
        // SAFETY: no pointers.
        let headers = unsafe { libc::getauxval(libc::AT_PHDR) } as usize;
        let in_file = u64_at(file, 0x20)?;
        let first_address = first_load_address(file, in_file)?;
        let bias = headers.checked_sub(in_file)?.checked_sub(first_address)?;
        Some(Symbols { table, names, bias })
    }

    /// The function of the program that contains an address.
    pub fn find(&self, address: usize) -> Option<Symbol> {
        let wanted = address.checked_sub(self.bias)?;
        self.table.as_chunks::<SYMBOL_BYTES>().0.iter().find_map(|symbol| {
            let (value, size) = (u64_at(symbol, 8)?, u64_at(symbol, 16)?);
            let here = symbol[4] & 0xf == FUNCTION && value <= wanted && wanted - value < size;
            if !here {
                return None;
            }
            let name = self.names.get(u32_at(symbol, 0)? as usize..)?;
            let end = name.iter().position(|byte| *byte == 0)?;
            Some(Symbol { mangled: &name[..end], start: value + self.bias })
        })
    }
}

/// The bytes of the symbol table and of its names.
fn symbol_sections(file: &'static [u8]) -> Option<(&'static [u8], &'static [u8])> {
    let table = u64_at(file, SECTION_TABLE_AT)?;
    let size = u16_at(file, SECTION_SIZE_AT)?;
    let bytes_of = |section: usize| {
        let (offset, len) = (u64_at(file, section + 0x18)?, u64_at(file, section + 0x20)?);
        file.get(offset..offset.checked_add(len)?)
    };
    (0..u16_at(file, SECTIONS_AT)?).find_map(|n| {
        let section = table.checked_add(n * size)?;
        if u32_at(file, section.checked_add(4)?)? != SYMBOL_TABLE {
            return None;
        }
        let names = table.checked_add(u32_at(file, section + 0x28)? as usize * size)?;
        Some((bytes_of(section)?, bytes_of(names)?))
    })
}

/// Address of the first loaded byte as the file states it: 0 if the loader may choose.
fn first_load_address(file: &[u8], headers: usize) -> Option<usize> {
    const LOAD: u32 = 1;
    let (size, count) = (u16_at(file, 0x36)?, u16_at(file, 0x38)?);
    (0..count).find_map(|n| {
        let header = headers.checked_add(n * size)?;
        (u32_at(file, header)? == LOAD).then(|| u64_at(file, header + 0x10))?
    })
}

impl fmt::Display for Symbol {
    /// The path of a Rust function without the hash at its end; other names as they are.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = std::str::from_utf8(self.mangled).unwrap_or("?");
        match name.strip_prefix("_ZN").and_then(|rest| rest.strip_suffix('E')) {
            Some(path) => write_path(path, out),
            None => out.write_str(name),
        }
    }
}

/// Parts with their lengths before them: `10redis_rust6server17h0123456789abcdef`.
fn write_path(mut rest: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut first = true;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let len: usize = rest[..digits].parse().unwrap_or(0);
        let Some(part) = rest.get(digits..digits + len).filter(|part| !part.is_empty()) else {
            return out.write_str(rest);
        };
        rest = &rest[digits + len..];
        let is_hash = rest.is_empty() && part.len() == 17 && part.starts_with('h');
        if !is_hash {
            if !first {
                out.write_str("::")?;
            }
            first = false;
            write_part(part, out)?;
        }
    }
    Ok(())
}

/// Undoes the escapes of characters that linkers do not like.
fn write_part(part: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    const ESCAPES: [(&str, &str); 16] = [
        ("$LT$", "<"),
        ("$GT$", ">"),
        ("$LP$", "("),
        ("$RP$", ")"),
        ("$RF$", "&"),
        ("$BP$", "*"),
        ("$C$", ","),
        ("$SP$", "@"),
        ("$u20$", " "),
        ("$u27$", "'"),
        ("$u3d$", "="),
        ("$u5b$", "["),
        ("$u5d$", "]"),
        ("$u7b$", "{"),
        ("$u7d$", "}"),
        ("..", "::"),
    ];
    // An escape at the start of a part has an underscore before it.
    let mut rest = if part.starts_with("_$") { &part[1..] } else { part };
    while let Some(c) = rest.chars().next() {
        match ESCAPES.iter().find(|(escape, _)| rest.starts_with(escape)) {
            Some((escape, plain)) => {
                out.write_str(plain)?;
                rest = &rest[escape.len()..];
            }
            None => {
                out.write_char(c)?;
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(mangled: &'static str) -> String {
        Symbol { mangled: mangled.as_bytes(), start: 0 }.to_string()
    }

    #[test]
    fn names_lose_their_hash_and_escapes() {
        assert_eq!(plain("_ZN3foo3bar17h0123456789abcdefE"), "foo::bar");
        assert_eq!(
            plain("_ZN38_$LT$a..B$u20$as$u20$c..D$LT$E$GT$$GT$3run17h0123456789abcdefE"),
            "<a::B as c::D<E>>::run"
        );
        assert_eq!(plain("_ZN9"), "_ZN9");
        assert_eq!(plain("main"), "main");
        assert_eq!(plain("_ZN99xE"), "99x");
    }

    #[inline(never)]
    fn a_function_to_be_found() -> usize {
        a_function_to_be_found as fn() -> usize as usize
    }

    #[test]
    fn functions_of_this_program_are_found() {
        let symbols = Symbols::load().expect("test programs have symbols");
        let start = a_function_to_be_found();
        let symbol = symbols.find(start + 1).expect("it is in the table");
        assert_eq!(symbol.start, start);
        assert!(symbol.to_string().ends_with("a_function_to_be_found"), "{symbol}");
        assert!(symbols.find(16).is_none());
    }
}
