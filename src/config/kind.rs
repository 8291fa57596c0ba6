//! What a row of the directive table is made of, and the generic behaviour of each kind: parse and
//! check a value, print it, reset it to its default, write it as lines of redis.conf.
//!
//! It applies nothing: a row names the `Effect` that the server has to carry out. Invariant: for
//! every kind, `set(get())` changes nothing, and `set` leaves the field alone when it fails.

use std::borrow::Cow;

use super::Config;
use super::values::{Choice, shutdown};
use crate::util::split_args::{is_space, push_repr};

/// Why a value was refused, in Redis' words.
pub type Reason = Cow<'static, str>;

/// Cannot be changed with CONFIG SET.
pub const IMMUTABLE: u32 = 1 << 0;
/// Must not show in MONITOR, the slow log or ACL LOG.
pub const SENSITIVE: u32 = 1 << 1;
/// Printed in crash reports.
pub const DEBUG: u32 = 1 << 2;
/// Takes several arguments; CONFIG SET splits its value at blanks.
pub const MULTI_ARG: u32 = 1 << 3;
/// Found by its exact name only, not by a pattern.
pub const HIDDEN: u32 = 1 << 4;
/// CONFIG SET needs `enable-protected-configs`.
pub const PROTECTED: u32 = 1 << 5;
/// CONFIG SET is refused while the data set is loaded.
pub const DENY_LOADING: u32 = 1 << 6;
/// Names something outside, such as a file: setting the same value again still has an effect.
pub const VOLATILE: u32 = 1 << 7;
/// May contain NUL bytes; other strings end there.
pub const BINARY: u32 = 1 << 8;

/// What the server must do after CONFIG SET changed a directive. Directives without an effect are
/// read from `Config` at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Delete AOF history files when `aof-disable-auto-gc` went off.
    AofAutoGc,
    /// Start or stop the append only file: "Unable to turn on AOF. Check server logs."
    Appendonly,
    /// Wait for queued fsyncs before `appendfsync always` takes over.
    AppendFsync,
    /// Bind again: "Failed to bind to specified addresses."
    Bind,
    /// Announce the ports anew.
    ClusterAnnouncedPorts,
    /// Update the flags of this node.
    ClusterFlags,
    /// Announce the host name anew.
    ClusterHostname,
    /// Announce the human node name anew.
    ClusterHumanNodename,
    /// Announce the address anew.
    ClusterIp,
    /// Install or remove the crash signal handlers.
    CrashLog,
    /// Recompute the effort of active defragmentation.
    Defrag,
    /// Count again the replicas that satisfy `min-replicas-*`.
    GoodReplicas,
    /// Use the new cron frequency.
    Hz,
    /// Start or stop the allocator's background thread.
    JemallocBgThread,
    /// Call `setlocale(LC_COLLATE)`: "Invalid locale name".
    LocaleCollate,
    /// Tell the logger the new level.
    LogLevel,
    /// Raise the limit of open files: "The operating system is not able to handle the specified
    /// number of clients, try with %d".
    Maxclients,
    /// Warn when usage is above the new limit, and start eviction.
    Maxmemory,
    /// Build or drop the index of clients by memory usage.
    MaxmemoryClients,
    /// Write `oom_score_adj`: "Failed to set current oom_score_adj. Check server logs."
    OomScoreAdj,
    /// Listen on the new port: "Unable to listen on this port. Check server logs."
    Port,
    /// Set the process title: "failed to set process title".
    ProcTitle,
    /// Resize the replication backlog.
    ReplBacklogSize,
    /// Set the password of the default user.
    RequirePass,
    /// Configure TLS, if any use of it is on: "Unable to update TLS configuration. Check server
    /// logs."
    TlsConfig,
    /// Listen for TLS: "Unable to update TLS configuration. Check server logs."
    TlsPort,
    /// Arm or disarm the software watchdog.
    WatchdogPeriod,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file, the standard input or the command line.
    File,
    /// CONFIG SET.
    Command,
}

/// The typed field of `Config` behind a directive.
pub struct Field<T: 'static> {
    /// Name of the field.
    pub name: &'static str,
    /// Reads it.
    pub get: fn(&Config) -> &T,
    /// Gives it for writing.
    pub get_mut: fn(&mut Config) -> &mut T,
}

/// The field of `Config` behind a closed choice, without its type.
pub struct ChoiceField {
    /// Name of the field.
    pub name: &'static str,
    /// Accepted texts.
    pub texts: &'static [&'static str],
    /// The printed text of its value.
    pub get: fn(&Config) -> &'static str,
    /// Sets it to the value of `texts[idx]`.
    pub set: fn(&mut Config, usize),
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Decimal.
    Plain,
    /// Bytes, with an optional unit.
    Memory,
    /// Bytes, or a percentage, which is stored as a negative number.
    MemoryOrPercent,
    /// File mode.
    Octal,
}

/// A line for CONFIG REWRITE.
#[derive(Debug, PartialEq, Eq)]
pub struct RewriteLine {
    /// The whole line without its end.
    pub text: Vec<u8>,
    /// Not the default: write it even when the old file does not mention the directive.
    pub force: bool,
}

/// Stores the arguments of a special directive; tells whether something changed.
pub type SpecialSet = fn(&mut Config, &[Vec<u8>], Origin) -> Result<bool, Reason>;

/// Behaviour of a directive that fits no generic kind.
pub struct Special {
    /// Parses and stores the arguments; tells whether something changed.
    pub set: SpecialSet,
    /// The value as CONFIG GET prints it.
    pub get: fn(&Config) -> Vec<u8>,
    /// Stores the default.
    pub reset: fn(&mut Config),
    /// Lines for redis.conf; lines of the old file beyond these are removed.
    pub rewrite: fn(&Config, &'static str) -> Vec<RewriteLine>,
}

/// A further check of a string: the configuration so far, and the new value.
pub type TextCheck = fn(&Config, &[u8]) -> Result<(), Reason>;

/// The kind of a directive, with its field, default and limits.
pub enum Kind {
    /// yes or no.
    Bool { field: Field<bool>, default: bool, check: Option<fn(bool) -> Result<(), Reason>> },
    /// A signed number.
    Int { field: Field<i64>, default: i64, min: i64, max: i64, unit: Unit },
    /// An unsigned number.
    UInt { field: Field<u64>, default: u64, min: u64, max: u64, unit: Unit },
    /// One of a closed list.
    Choice { field: ChoiceField, default: &'static str },
    /// A set of shutdown options.
    Shutdown { field: Field<u32> },
    /// A string that is always there.
    Text { field: Field<Vec<u8>>, default: &'static str, check: Option<TextCheck> },
    /// A string that is unset when empty; unset by default.
    Optional { field: Field<Option<Vec<u8>>>, check: Option<TextCheck> },
    /// Anything else.
    Special(&'static Special),
}

/// One row of the table.
pub struct Directive {
    /// The name, in lower case.
    pub name: &'static str,
    /// An older name.
    pub alias: Option<&'static str>,
    /// Type, field, default, limits.
    pub kind: Kind,
    /// `IMMUTABLE`, `HIDDEN`, …
    pub flags: u32,
    /// What to do after a change.
    pub effect: Option<Effect>,
}

const fn row(name: &'static str, kind: Kind) -> Directive {
    Directive { name, alias: None, kind, flags: 0, effect: None }
}

/// A yes or no directive.
pub const fn boolean(name: &'static str, field: Field<bool>, default: bool) -> Directive {
    row(name, Kind::Bool { field, default, check: None })
}

/// A signed number, decimal unless `unit` says otherwise.
pub const fn int(
    name: &'static str,
    field: Field<i64>,
    default: i64,
    min: i64,
    max: i64,
) -> Directive {
    row(name, Kind::Int { field, default, min, max, unit: Unit::Plain })
}

/// An unsigned number, decimal unless `unit` says otherwise.
pub const fn uint(
    name: &'static str,
    field: Field<u64>,
    default: u64,
    min: u64,
    max: u64,
) -> Directive {
    row(name, Kind::UInt { field, default, min, max, unit: Unit::Plain })
}

/// One of a closed list; `default` is one of its texts.
pub const fn one_of(name: &'static str, field: ChoiceField, default: &'static str) -> Directive {
    row(name, Kind::Choice { field, default })
}

/// A set of shutdown options.
pub const fn shutdown_flags(name: &'static str, field: Field<u32>) -> Directive {
    row(name, Kind::Shutdown { field }).flags(MULTI_ARG)
}

/// A string that is always there.
pub const fn text(name: &'static str, field: Field<Vec<u8>>, default: &'static str) -> Directive {
    row(name, Kind::Text { field, default, check: None })
}

/// A string that is unset when empty.
pub const fn optional(name: &'static str, field: Field<Option<Vec<u8>>>) -> Directive {
    row(name, Kind::Optional { field, check: None })
}

/// A directive of its own kind.
pub const fn special(name: &'static str, special: &'static Special) -> Directive {
    row(name, Kind::Special(special))
}

impl Directive {
    /// Adds an older name.
    pub const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Adds flags.
    pub const fn flags(mut self, flags: u32) -> Self {
        self.flags |= flags;
        self
    }

    /// Names what the server must do after a change.
    pub const fn effect(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
        self
    }

    /// Sets the unit of a number.
    pub const fn unit(mut self, new: Unit) -> Self {
        match &mut self.kind {
            Kind::Int { unit, .. } | Kind::UInt { unit, .. } => *unit = new,
            _ => panic!("only numbers have a unit"),
        }
        self
    }

    /// Adds a check of a string.
    pub const fn check(mut self, new: TextCheck) -> Self {
        match &mut self.kind {
            Kind::Text { check, .. } | Kind::Optional { check, .. } => *check = Some(new),
            _ => panic!("only strings have this check"),
        }
        self
    }

    /// Adds a check of a yes or no.
    pub const fn check_bool(mut self, new: fn(bool) -> Result<(), Reason>) -> Self {
        match &mut self.kind {
            Kind::Bool { check, .. } => *check = Some(new),
            _ => panic!("only yes or no directives have this check"),
        }
        self
    }

    /// Has all these flags.
    pub const fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// Parses, checks and stores a value; tells whether it is to be applied. Only a directive with
    /// `MULTI_ARG` may be given other than one argument.
    pub fn set(
        &self,
        config: &mut Config,
        args: &[Vec<u8>],
        origin: Origin,
    ) -> Result<bool, Reason> {
        let changed = match (&self.kind, args) {
            (Kind::Special(special), _) => (special.set)(config, args, origin)?,
            (Kind::Shutdown { field }, _) => {
                replace((field.get_mut)(config), parse_shutdown(args)?)
            }
            (_, [value]) => self.set_one(config, value)?,
            _ => return Err("wrong number of arguments".into()),
        };
        Ok(changed || self.has(VOLATILE))
    }

    fn set_one(&self, config: &mut Config, value: &[u8]) -> Result<bool, Reason> {
        let changed = match &self.kind {
            Kind::Bool { field, check, .. } => {
                let value = parse_bool(value).ok_or("argument must be 'yes' or 'no'")?;
                check.map_or(Ok(()), |check| check(value))?;
                replace((field.get_mut)(config), value)
            }
            Kind::Int { field, min, max, unit, .. } => {
                let value = parse_int(value, *unit, *min, *max)?;
                replace((field.get_mut)(config), value)
            }
            Kind::UInt { field, min, max, unit, .. } => {
                let value = parse_uint(value, *unit, *min, *max)?;
                replace((field.get_mut)(config), value)
            }
            Kind::Choice { field, .. } => {
                let idx = position(field.texts.iter().copied(), value)
                    .ok_or_else(|| not_one_of(field.texts.iter().copied()))?;
                let before = (field.get)(config);
                (field.set)(config, idx);
                before != (field.get)(config)
            }
            Kind::Text { field, check, .. } => {
                let value = self.clip(value);
                check.map_or(Ok(()), |check| check(config, value))?;
                replace((field.get_mut)(config), value.to_vec())
            }
            Kind::Optional { field, check } => {
                let value = self.clip(value);
                check.map_or(Ok(()), |check| check(config, value))?;
                let value = (!value.is_empty()).then(|| value.to_vec());
                replace((field.get_mut)(config), value)
            }
            Kind::Shutdown { .. } | Kind::Special(_) => unreachable!("handled by set"),
        };
        Ok(changed)
    }

    fn clip<'a>(&self, value: &'a [u8]) -> &'a [u8] {
        match memchr::memchr(0, value) {
            Some(end) if !self.has(BINARY) => &value[..end],
            _ => value,
        }
    }

    /// The value as CONFIG GET prints it.
    pub fn get(&self, config: &Config) -> Vec<u8> {
        match &self.kind {
            Kind::Bool { field, .. } => yes_no(*(field.get)(config)).into(),
            Kind::Int { field, unit, .. } => match (*(field.get)(config), unit) {
                (value @ ..0, Unit::MemoryOrPercent) => format!("{}%", -value).into_bytes(),
                (value, _) => value.to_string().into_bytes(),
            },
            Kind::UInt { field, unit: Unit::Octal, .. } => {
                format!("{:o}", (field.get)(config)).into_bytes()
            }
            Kind::UInt { field, .. } => (field.get)(config).to_string().into_bytes(),
            Kind::Choice { field, .. } => (field.get)(config).into(),
            Kind::Shutdown { field } => print_shutdown(*(field.get)(config)),
            Kind::Text { field, .. } => (field.get)(config).clone(),
            Kind::Optional { field, .. } => (field.get)(config).clone().unwrap_or_default(),
            Kind::Special(special) => (special.get)(config),
        }
    }

    /// Stores the default.
    pub fn reset(&self, config: &mut Config) {
        match &self.kind {
            Kind::Bool { field, default, .. } => *(field.get_mut)(config) = *default,
            Kind::Int { field, default, .. } => *(field.get_mut)(config) = *default,
            Kind::UInt { field, default, .. } => *(field.get_mut)(config) = *default,
            Kind::Choice { field, default } => {
                let idx = position(field.texts.iter().copied(), default.as_bytes())
                    .expect("a test checks that the default is one of the texts");
                (field.set)(config, idx);
            }
            Kind::Shutdown { field } => *(field.get_mut)(config) = 0,
            Kind::Text { field, default, .. } => *(field.get_mut)(config) = (*default).into(),
            Kind::Optional { field, .. } => *(field.get_mut)(config) = None,
            Kind::Special(special) => (special.reset)(config),
        }
    }

    /// The lines CONFIG REWRITE writes for this directive: none when it is best left out.
    pub fn rewrite_lines(&self, config: &Config) -> Vec<RewriteLine> {
        let (value, force): (Vec<u8>, bool) = match &self.kind {
            Kind::Special(special) => return (special.rewrite)(config, self.name),
            Kind::Bool { field, default, .. } => (self.get(config), (field.get)(config) != default),
            Kind::Int { field, default, unit, .. } => {
                let value = *(field.get)(config);
                let text = match unit {
                    Unit::Memory | Unit::MemoryOrPercent if value >= 0 => {
                        format_memory(value as u64).into_bytes()
                    }
                    _ => self.get(config),
                };
                (text, value != *default)
            }
            Kind::UInt { field, default, unit, .. } => {
                let value = *(field.get)(config);
                let text = match unit {
                    Unit::Memory => format_memory(value).into_bytes(),
                    _ => self.get(config),
                };
                (text, value != *default)
            }
            Kind::Choice { field, default } => (self.get(config), (field.get)(config) != *default),
            Kind::Shutdown { field } => (self.get(config), *(field.get)(config) != 0),
            Kind::Text { field, default, .. } => {
                let value = (field.get)(config);
                (quoted(value), value != default.as_bytes())
            }
            Kind::Optional { field, .. } => match (field.get)(config) {
                None => return Vec::new(),
                Some(value) => (quoted(value), true),
            },
        };
        vec![RewriteLine { text: line(self.name, &value), force }]
    }

    /// The name of the field behind this row, if there is one.
    pub fn field_name(&self) -> Option<&'static str> {
        Some(match &self.kind {
            Kind::Bool { field, .. } => field.name,
            Kind::Int { field, .. } => field.name,
            Kind::UInt { field, .. } => field.name,
            Kind::Choice { field, .. } => field.name,
            Kind::Shutdown { field } => field.name,
            Kind::Text { field, .. } => field.name,
            Kind::Optional { field, .. } => field.name,
            Kind::Special(_) => return None,
        })
    }
}

/// `name value`.
pub fn line(name: &str, value: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b" ", value].concat()
}

fn quoted(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 2);
    push_repr(&mut out, value);
    out
}

fn replace<T: PartialEq>(field: &mut T, value: T) -> bool {
    let changed = *field != value;
    *field = value;
    changed
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// Reads "yes" or "no" in any case.
pub fn parse_bool(value: &[u8]) -> Option<bool> {
    if value.eq_ignore_ascii_case(b"yes") {
        Some(true)
    } else if value.eq_ignore_ascii_case(b"no") {
        Some(false)
    } else {
        None
    }
}

fn position<'a>(mut texts: impl Iterator<Item = &'a str>, value: &[u8]) -> Option<usize> {
    texts.position(|text| text.as_bytes().eq_ignore_ascii_case(value))
}

fn not_one_of<'a>(texts: impl Iterator<Item = &'a str>) -> Reason {
    let texts: Vec<&str> = texts.collect();
    format!("argument(s) must be one of the following: {}", texts.join(", ")).into()
}

fn parse_shutdown(args: &[Vec<u8>]) -> Result<u32, Reason> {
    let texts = || shutdown::NAMES.iter().map(|(text, _)| *text);
    let mut flags = 0;
    for arg in args {
        let idx = position(texts(), arg).ok_or_else(|| not_one_of(texts()))?;
        flags |= shutdown::NAMES[idx].1;
    }
    if args.is_empty() {
        return Err(not_one_of(texts()));
    }
    if flags & shutdown::SAVE != 0 && flags & shutdown::NOSAVE != 0 {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    Ok(flags)
}

fn print_shutdown(flags: u32) -> Vec<u8> {
    if flags == 0 {
        return b"default".to_vec();
    }
    let set = shutdown::NAMES.iter().filter(|(_, bit)| flags & bit != 0);
    set.map(|(text, _)| *text).collect::<Vec<_>>().join(" ").into_bytes()
}

/// Reads an amount of memory, "10", "10b", "1k", "1kb", … in bytes. As in Redis a unit without
/// digits is 0; unlike there an amount beyond 64 bits is refused.
pub fn parse_memory(value: &[u8]) -> Option<u64> {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = value.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1000 * 1000,
        b"mb" => 1 << 20,
        b"g" => 1000 * 1000 * 1000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = number
        .iter()
        .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
    number.checked_mul(factor)
}

/// Writes bytes with the largest unit that divides them.
pub fn format_memory(bytes: u64) -> String {
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// A decimal number in its one canonical form: no blanks, no plus sign, no leading zeros.
fn parse_canonical(value: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == value).then_some(number)
}

/// A number as C's `strtoll` reads it, over the whole of `value`: leading blanks, a sign, digits or
/// none, saturating.
pub fn parse_strtoll(value: &[u8], radix: u32) -> Option<i64> {
    let blanks = value.iter().take_while(|&&byte| is_space(byte)).count();
    let (negative, digits) = match &value[blanks..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() && !value.is_empty() {
        return None;
    }
    let mut number = 0i64;
    for &digit in digits {
        let digit = i64::from((digit as char).to_digit(radix)?);
        let digit = if negative { -digit } else { digit };
        number = number.saturating_mul(i64::from(radix)).saturating_add(digit);
    }
    Some(number)
}

fn parse_number(value: &[u8], unit: Unit) -> Result<i128, Reason> {
    let percent = || {
        let number = parse_canonical(value.strip_suffix(b"%")?)?;
        (number >= 0).then_some(-i128::from(number))
    };
    let (number, reason) = match unit {
        Unit::Plain => {
            (parse_canonical(value).map(i128::from), "argument couldn't be parsed into an integer")
        }
        Unit::Memory => (parse_memory(value).map(i128::from), "argument must be a memory value"),
        Unit::MemoryOrPercent => (
            parse_memory(value).map(i128::from).or_else(percent),
            "argument must be a memory or percent value",
        ),
        Unit::Octal => (
            parse_strtoll(value, 8).map(i128::from),
            "argument couldn't be parsed as an octal number",
        ),
    };
    number.ok_or(reason.into())
}

fn parse_int(value: &[u8], unit: Unit, min: i64, max: i64) -> Result<i64, Reason> {
    let number = parse_number(value, unit)?;
    if unit == Unit::MemoryOrPercent && number < i128::from(min) {
        return Err(format!("percentage argument must be less or equal to {}", -min).into());
    }
    i64::try_from(number)
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| format!("argument must be between {min} and {max} inclusive").into())
}

fn parse_uint(value: &[u8], unit: Unit, min: u64, max: u64) -> Result<u64, Reason> {
    let number = parse_number(value, unit)?;
    let number = u64::try_from(number).ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| match unit {
        Unit::Octal => format!("argument must be between {min:o} and {max:o} inclusive").into(),
        _ => format!("argument must be between {min} and {max} inclusive").into(),
    })
}

/// The text of a choice, for `enum_at!`.
pub fn choice_text<C: Choice>(value: C) -> &'static str {
    value.text()
}
