//! redis-check-rdb: reads a whole RDB without keeping anything, and tells what it meets and where
//! it stops being one.
//!
//! Not here: files and the command line. The lines are those of Redis' tool, for scripts read them.
//! Invariant: values are checked entry by entry, whatever the server would do.

use std::fmt::{Arguments, Display};
use std::io::{self, Read, Write};

use super::format::{
    CHECKSUM_SINCE, HEADER_LEN, MAGIC, RDB_VERSION, RdbType, module_opcode, opcode,
};
use super::object_load::{ObjectRules, load_object, module_name};
use super::reader::{Fault, Reader};
use crate::storage::object::Value;

/// What was being read when something was wrong.
#[derive(Clone, Copy)]
enum Doing {
    Start,
    ReadType,
    ReadExpire,
    ReadKey,
    ReadValue,
    CheckSum,
    ReadLen,
    ReadAux,
    ReadModuleAux,
    ReadFunctions,
}

impl Doing {
    fn name(self) -> &'static str {
        match self {
            Doing::Start => "start",
            Doing::ReadType => "read-type",
            Doing::ReadExpire => "read-expire",
            Doing::ReadKey => "read-key",
            Doing::ReadValue => "read-object-value",
            Doing::CheckSum => "check-sum",
            Doing::ReadLen => "read-len",
            Doing::ReadAux => "read-aux",
            Doing::ReadModuleAux => "read-module-aux",
            Doing::ReadFunctions => "read-functions",
        }
    }
}

/// What the tool calls a type.
fn type_name(rdb_type: RdbType) -> &'static str {
    match rdb_type {
        RdbType::String => "string",
        RdbType::List => "list-linked",
        RdbType::Set => "set-hashtable",
        RdbType::ZSet => "zset-v1",
        RdbType::Hash => "hash-hashtable",
        RdbType::ZSet2 => "zset-v2",
        RdbType::ModulePreGa => "module-pre-release",
        RdbType::Module2 => "module-value",
        RdbType::HashZipmap => "hash-zipmap",
        RdbType::ListZiplist => "list-ziplist",
        RdbType::SetIntset => "set-intset",
        RdbType::ZSetZiplist => "zset-ziplist",
        RdbType::HashZiplist => "hash-ziplist",
        RdbType::ListQuicklist => "quicklist",
        RdbType::StreamListpacks => "stream",
        RdbType::HashListpack => "hash-listpack",
        RdbType::ZSetListpack => "zset-listpack",
        RdbType::ListQuicklist2 => "quicklist-v2",
        RdbType::StreamListpacks2 => "stream-v2",
        RdbType::SetListpack => "set-listpack",
        RdbType::StreamListpacks3 => "stream-v3",
        RdbType::HashMetadataPreGa => "hash-hashtable-md-pre-release",
        RdbType::HashListpackExPreGa => "hash-listpack-md-pre-release",
        RdbType::HashMetadata => "hash-hashtable-md",
        RdbType::HashListpackEx => "hash-listpack-md",
    }
}

/// Why a check ended.
enum Stop {
    /// The RDB is broken; the text of the error.
    Broken(String),
    /// The report could not be written.
    Output(io::Error),
}

impl From<Fault> for Stop {
    /// An error among opcodes.
    fn from(fault: Fault) -> Stop {
        Stop::Broken(fault.to_string())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Output(error)
    }
}

/// Checks the RDB in `source` (of `total` bytes, if known), called `name`, and writes the report to
/// `out`. Returns the bytes that the RDB has, or `None` if it is broken.
///
/// # Errors
/// If the report cannot be written.
pub fn check(
    source: &mut dyn Read,
    total: Option<u64>,
    name: &dyn Display,
    now_ms: i64,
    out: &mut dyn Write,
) -> io::Result<Option<u64>> {
    let mut check = Check {
        reader: Reader::of_file(source, total),
        out,
        now_ms,
        // Values are thrown away: any limits will do.
        rules: ObjectRules::with_default_limits(true),
        doing: Doing::Start,
        key: None,
        rdb_type: None,
        counts: Counts::default(),
    };
    check.info(format_args!("Checking RDB file {name}"))?;
    match check.run() {
        Ok(()) => {
            check.info(format_args!("\\o/ RDB looks OK! \\o/"))?;
            check.show_counts()?;
            Ok(Some(check.reader.processed()))
        }
        Err(Stop::Broken(text)) => check.show_error(&text).map(|()| None),
        Err(Stop::Output(error)) => Err(error),
    }
}

#[derive(Default)]
struct Counts {
    keys: u64,
    expires: u64,
    already_expired: u64,
    subexpires: u64,
}

struct Check<'a, 'o> {
    reader: Reader<'a>,
    out: &'o mut dyn Write,
    now_ms: i64,
    rules: ObjectRules,
    doing: Doing,
    key: Option<Vec<u8>>,
    rdb_type: Option<RdbType>,
    counts: Counts,
}

impl Check<'_, '_> {
    fn info(&mut self, text: Arguments<'_>) -> io::Result<()> {
        writeln!(self.out, "[offset {}] {text}", self.reader.processed())
    }

    fn show_counts(&mut self) -> io::Result<()> {
        let Counts { keys, expires, already_expired, subexpires } = self.counts;
        writeln!(self.out, "[info] {keys} keys read")?;
        writeln!(self.out, "[info] {expires} expires")?;
        writeln!(self.out, "[info] {already_expired} already expired")?;
        writeln!(self.out, "[info] {subexpires} subexpires")
    }

    fn show_error(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "--- RDB ERROR DETECTED ---")?;
        self.info(format_args!("{text}"))?;
        writeln!(self.out, "[additional info] While doing: {}", self.doing.name())?;
        if let Some(key) = &self.key {
            let key = String::from_utf8_lossy(key);
            writeln!(self.out, "[additional info] Reading key '{key}'")?;
        }
        if let Some(rdb_type) = self.rdb_type {
            let (code, name) = (rdb_type.code(), type_name(rdb_type));
            writeln!(self.out, "[additional info] Reading type {code} ({name})")?;
        }
        self.show_counts()
    }

    fn run(&mut self) -> Result<(), Stop> {
        let header = self.reader.array::<HEADER_LEN>()?;
        let (magic, digits) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(Stop::Broken("Wrong signature trying to load DB from file".into()));
        }
        let digits = digits.iter().take_while(|digit| digit.is_ascii_digit());
        let version = digits.fold(0u16, |version, digit| version * 10 + u16::from(digit - b'0'));
        if !(1..=RDB_VERSION).contains(&version) {
            return Err(Stop::Broken(format!("Can't handle RDB format version {version}")));
        }
        let mut expire = None;
        loop {
            self.doing = Doing::ReadType;
            match self.reader.byte()? {
                opcode::EOF => break,
                opcode::EXPIRETIME => {
                    self.doing = Doing::ReadExpire;
                    let seconds = i32::from_le_bytes(self.reader.array()?);
                    expire = Some(i64::from(seconds) * 1000);
                }
                opcode::EXPIRETIME_MS => {
                    self.doing = Doing::ReadExpire;
                    expire = Some(self.reader.millisecond_time()?);
                }
                code => match RdbType::from_code(code) {
                    Some(rdb_type) => self.key_value(rdb_type, expire.take())?,
                    None => self.special(code, version)?,
                },
            }
        }
        if version >= CHECKSUM_SINCE { self.checksum() } else { Ok(()) }
    }

    fn special(&mut self, code: u8, version: u16) -> Result<(), Stop> {
        match code {
            opcode::FREQ => {
                self.reader.byte()?;
            }
            opcode::IDLE => {
                self.reader.length()?;
            }
            opcode::SELECTDB => {
                self.doing = Doing::ReadLen;
                let id = self.reader.length()?;
                self.info(format_args!("Selecting DB ID {id}"))?;
            }
            opcode::RESIZEDB => {
                self.doing = Doing::ReadLen;
                self.skip_lengths(2)?;
            }
            opcode::SLOT_INFO => {
                self.skip_lengths(3)?;
            }
            opcode::AUX => {
                self.doing = Doing::ReadAux;
                let name = self.reader.text_vec()?;
                let value = self.reader.text_vec()?;
                let (name, value) =
                    (String::from_utf8_lossy(&name), String::from_utf8_lossy(&value));
                self.info(format_args!("AUX FIELD {name} = '{value}'"))?;
            }
            opcode::MODULE_AUX => self.module_aux()?,
            opcode::FUNCTION_PRE_GA => {
                let text = format!("Pre-release function format not supported {version}");
                return Err(Stop::Broken(text));
            }
            opcode::FUNCTION2 => {
                self.doing = Doing::ReadFunctions;
                let failed = "Failed loading library, Failed loading library payload";
                self.reader.text().map_err(|_| Stop::Broken(failed.into()))?;
            }
            code => return Err(Stop::Broken(format!("Invalid object type: {code}"))),
        }
        Ok(())
    }

    fn skip_lengths(&mut self, count: usize) -> Result<(), Stop> {
        for _ in 0..count {
            self.reader.length()?;
        }
        Ok(())
    }

    fn module_aux(&mut self) -> Result<(), Stop> {
        self.doing = Doing::ReadModuleAux;
        let id = self.reader.length()?;
        let (when_opcode, _when) = (self.reader.length()?, self.reader.length()?);
        if when_opcode != module_opcode::UINT {
            return Err(Stop::Broken("bad when_opcode".into()));
        }
        let name = module_name(id);
        self.info(format_args!("MODULE AUX for: {name}"))?;
        self.module_fields(&name)
    }

    /// What a module wrote, each field with its kind in front.
    fn module_fields(&mut self, name: &str) -> Result<(), Stop> {
        let broken =
            |what: &str| Stop::Broken(format!("Error reading {what} from module {name} value"));
        loop {
            match self.reader.length()? {
                module_opcode::EOF => return Ok(()),
                module_opcode::SINT | module_opcode::UINT => {
                    self.reader.length().map_err(|_| broken("integer"))?;
                }
                module_opcode::STRING => {
                    self.reader.text().map_err(|_| broken("string"))?;
                }
                module_opcode::FLOAT => {
                    self.reader.array::<4>().map_err(|_| broken("float"))?;
                }
                module_opcode::DOUBLE => {
                    self.reader.array::<8>().map_err(|_| broken("double"))?;
                }
                // As Redis: what is unknown is passed over.
                _ => {}
            }
        }
    }

    fn key_value(&mut self, rdb_type: RdbType, expire: Option<i64>) -> Result<(), Stop> {
        self.rdb_type = Some(rdb_type);
        self.doing = Doing::ReadKey;
        self.key = Some(self.reader.text_vec()?);
        self.counts.keys += 1;
        self.doing = Doing::ReadValue;
        if rdb_type == RdbType::Module2 {
            let name = module_name(self.reader.length()?);
            self.module_fields(&name)?;
        } else {
            let value = load_object(&mut self.reader, rdb_type, &mut self.rules);
            let processed = self.reader.processed();
            let value = value.map_err(|fault| match fault {
                Fault::Corrupt(_) | Fault::Missing(_) => Stop::Broken(format!(
                    "Internal error in RDB reading offset {processed} -> {fault}"
                )),
                fault => fault.into(),
            })?;
            let Some(value) = value else { return Err(Fault::ShortRead.into()) };
            if let Value::Hash(hash) = &value {
                self.counts.subexpires += u64::from(hash.has_field_expires());
            }
        }
        if let Some(at) = expire.filter(|&at| at != -1) {
            self.counts.expires += 1;
            self.counts.already_expired += u64::from(at < self.now_ms);
        }
        (self.key, self.rdb_type) = (None, None);
        Ok(())
    }

    fn checksum(&mut self) -> Result<(), Stop> {
        self.doing = Doing::CheckSum;
        let computed = self.reader.checksum();
        let stored = u64::from_le_bytes(self.reader.array()?);
        match stored {
            0 => self.info(format_args!(
                "RDB file was saved with checksum disabled: no check performed."
            ))?,
            stored if stored == computed => self.info(format_args!("Checksum OK"))?,
            _ => return Err(Stop::Broken("RDB CRC error".into())),
        }
        Ok(())
    }
}
