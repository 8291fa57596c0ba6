//! INFO: sections of `name:value` lines, each section a function in one table.
//!
//! Invariant: a field is printed only if its value is true; what belongs to parts of the server
//! that do not exist prints what a server without them prints.

mod basics;
mod memory;
mod stats;

use std::borrow::Cow;
use std::fmt::Write;

use super::Server;

/// Name of the memory allocator.
pub const ALLOCATOR: &str = "jemalloc-5.3.0";

/// The text of INFO in the making.
pub struct Info {
    text: String,
}

impl Info {
    fn section(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        for part in ["# ", title, "\r\n"] {
            self.text.push_str(part);
        }
    }

    /// One line.
    pub fn field(&mut self, name: &str, value: impl Figure) {
        self.suffixed(name, "", value);
    }

    /// One line, whose name is put together.
    fn suffixed(&mut self, name: &str, suffix: &str, value: impl Figure) {
        self.text.push_str(name);
        if !suffix.is_empty() {
            self.text.push_str(suffix);
        }
        self.text.push(':');
        value.put(&mut self.text);
        self.text.push_str("\r\n");
    }

    /// A yes-or-no value.
    pub fn flag(&mut self, name: &str, on: bool) {
        self.field(name, u8::from(on));
    }
}

/// What stands behind the name in a line. Of its own because most are integers, which the general
/// way of formatting makes a third of INFO's time of.
pub trait Figure {
    fn put(&self, text: &mut String);
}

macro_rules! integers {
    ($($kind:ty)*) => {$(
        impl Figure for $kind {
            fn put(&self, text: &mut String) {
                text.push_str(itoa::Buffer::new().format(*self));
            }
        }
    )*};
}
integers!(u8 u16 u32 u64 usize i32 i64);

impl Figure for str {
    fn put(&self, text: &mut String) {
        text.push_str(self);
    }
}

impl Figure for String {
    fn put(&self, text: &mut String) {
        text.push_str(self);
    }
}

impl Figure for Cow<'_, str> {
    fn put(&self, text: &mut String) {
        text.push_str(self);
    }
}

impl Figure for std::fmt::Arguments<'_> {
    fn put(&self, text: &mut String) {
        // A String takes everything.
        let _ = text.write_fmt(*self);
    }
}

impl<F: Figure + ?Sized> Figure for &F {
    fn put(&self, text: &mut String) {
        F::put(self, text);
    }
}

struct Section {
    /// As asked for, in lower case.
    name: &'static str,
    title: &'static str,
    /// Printed by INFO without arguments.
    default: bool,
    /// Printed by INFO all.
    all: bool,
    write: fn(&mut Server, &mut Info),
}

const fn section(
    name: &'static str,
    title: &'static str,
    default: bool,
    write: fn(&mut Server, &mut Info),
) -> Section {
    Section { name, title, default, all: true, write }
}

/// All sections, in the order in which they are printed.
const SECTIONS: &[Section] = &[
    section("server", "Server", true, basics::server),
    section("clients", "Clients", true, basics::clients),
    section("memory", "Memory", true, memory::memory),
    section("persistence", "Persistence", true, basics::persistence),
    section("threads", "Threads", true, basics::threads),
    section("stats", "Stats", true, stats::stats),
    section("replication", "Replication", true, super::replication::info::replication),
    section("cpu", "CPU", true, basics::cpu),
    section("modules", "Modules", true, |_, _| {}),
    section("commandstats", "Commandstats", false, stats::commandstats),
    section("errorstats", "Errorstats", true, stats::errorstats),
    section("latencystats", "Latencystats", false, stats::latencystats),
    section("cluster", "Cluster", true, basics::cluster),
    section("keyspace", "Keyspace", true, basics::keyspace),
    Section { all: false, ..section("debug", "Debug", false, stats::debug) },
];

/// Which sections the arguments of INFO ask for, by index.
fn selected(args: &[&[u8]]) -> Vec<bool> {
    let asked = |name: &str| args.iter().any(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
    let default = args.is_empty() || asked("default");
    let all = asked("all") || asked("everything");
    let wanted = |section: &Section| {
        default && section.default
            || all && section.all
            || asked(section.name)
            || section.name == "modules" && asked("module_list")
    };
    SECTIONS.iter().map(wanted).collect()
}

impl Server {
    /// The text of INFO with these arguments.
    pub fn info_text(&mut self, args: &[&[u8]]) -> Vec<u8> {
        const USUAL_BYTES: usize = 8 * 1024;
        let mut info = Info { text: String::with_capacity(USUAL_BYTES) };
        for (section, wanted) in SECTIONS.iter().zip(selected(args)) {
            if wanted {
                info.section(section.title);
                (section.write)(self, &mut info);
            }
        }
        info.text.into_bytes()
    }
}

/// A name from outside as part of a line: the characters that structure INFO are replaced.
fn safe_name(name: &[u8]) -> String {
    let replace = |c: char| if matches!(c, '#' | ':' | '\n' | '\r') { '_' } else { c };
    String::from_utf8_lossy(name).chars().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Vec<&'static str> {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let chosen = selected(&args);
        let pairs = SECTIONS.iter().zip(chosen);
        pairs.filter(|(_, wanted)| *wanted).map(|(section, _)| section.name).collect()
    }

    #[test]
    fn selections() {
        assert_eq!(names(&["CPU", "cpu", "nope"]), ["cpu"]);
        assert_eq!(names(&[]).len(), 12);
        assert_eq!(names(&["default", "commandstats"]).len(), 13);
        assert_eq!(names(&["all"]), names(&["everything"]));
        assert!(!names(&["all"]).contains(&"debug"));
        assert_eq!(names(&["all", "debug"]).len(), SECTIONS.len());
    }

    #[test]
    fn names_cannot_break_lines() {
        assert_eq!(safe_name(b"a:b\r\n#c"), "a_b___c");
    }
}
