//! The differential driver: the same random commands to our server and to a real one, replies
//! compared byte for byte.
//!
//! A [`Generator`] makes one random command over a small set of keys, so that commands meet each
//! other's values (and wrong types). Everything follows from the seed: a failure prints it, the
//! command, both replies, and the commands before it that named the same keys. Commands whose reply
//! is random or depends on the time of day have no place here.

use std::path::Path;

use fastrand::Rng;

use super::server::{Server, binary_under_test};
use super::value::{Value, lossy};

pub type Args = Vec<Vec<u8>>;
pub type Generator = fn(&mut Rng) -> Args;

/// Commands in flight before replies are compared.
const BATCH: usize = 500;
/// How many earlier commands on the same keys a failure shows.
const HISTORY: usize = 25;

/// The two servers and what may be compared between them.
pub struct Differ {
    ours: Server,
    theirs: Server,
    /// (major, minor) of the reference; a build from the development branch says 255.
    version: (u32, u32),
}

impl Differ {
    pub fn start(reference: &Path, config: &[(&str, &str)]) -> Differ {
        let theirs = Server::start_binary(reference, config);
        let text = theirs.info("redis_version");
        let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        Differ { ours: Server::start_binary(&binary_under_test(), config), theirs, version }
    }

    /// Our server and the reference.
    pub fn servers(&self) -> (&Server, &Server) {
        (&self.ours, &self.theirs)
    }

    /// Compares with the version the reference server tells.
    pub fn reference_is_older_than(&self, version: (u32, u32)) -> bool {
        self.version < version
    }

    /// Runs `count` random commands; panics at the first reply that differs.
    pub fn run(&self, seed: u64, count: usize, generators: &[Generator], resp3: bool) {
        let (seed, count) =
            (env_or("DIFF_SEED", seed), env_or("DIFF_COUNT", count as u64) as usize);
        let mut rng = Rng::with_seed(seed);
        let (mut ours, mut theirs) = (self.ours.client(), self.theirs.client());
        if resp3 {
            ours.hello3();
            theirs.hello3();
        }
        let mut history: Vec<Args> = Vec::with_capacity(count);
        while history.len() < count {
            let start = history.len();
            let size = BATCH.min(count - start);
            history.extend((0..size).map(|_| generators[rng.usize(..generators.len())](&mut rng)));
            let batch = &history[start..];
            let pairs = ours.pipeline_raw(batch).into_iter().zip(theirs.pipeline_raw(batch));
            for (idx, (our, their)) in pairs.enumerate() {
                if !self.same(&batch[idx], &our, &their) {
                    let past = past_of(&history[..start + idx], &batch[idx]);
                    panic!(
                        "seed {seed}, command {}: {}\n  ours   {}\n  theirs {}\nbefore it:\n{past}",
                        start + idx,
                        show(&batch[idx]),
                        our.0,
                        their.0
                    );
                }
            }
        }
        self.compare_data_sets(seed);
    }

    /// The servers hold the same data: an independent check of everything that was written.
    fn compare_data_sets(&self, seed: u64) {
        let digest = |server: &Server| server.client().command(&["DEBUG", "DIGEST"]);
        let (ours, theirs) = (digest(&self.ours), digest(&self.theirs));
        assert_eq!(ours.to_string(), theirs.to_string(), "DEBUG DIGEST after seed {seed}");
    }

    fn same(&self, command: &Args, ours: &(Value, Vec<u8>), theirs: &(Value, Vec<u8>)) -> bool {
        if ours.1 == theirs.1 {
            return true;
        }
        let name = lossy(&command[0]).to_uppercase();
        match (&ours.0, &theirs.0) {
            // A reference that is older than the command, or than the encoding.
            (_, Value::Error(text)) if text.starts_with(b"ERR unknown ") => self.version < (8, 0),
            (Value::Bulk(_), Value::Bulk(_)) if name == "OBJECT" => self.version < (7, 2),
            // Some texts became longer over the versions; their first word is the contract.
            (Value::Error(a), Value::Error(b)) if self.version < (7, 4) => code(a) == code(b),
            (a, b) => match name.as_str() {
                "SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" | "HKEYS" | "HVALS" | "KEYS" => {
                    a.clone().sorted() == b.clone().sorted()
                }
                "SCAN" => a.items()[1].clone().sorted() == b.items()[1].clone().sorted(),
                "HSCAN" if !a.is_error() && !b.is_error() => {
                    a.items()[1].clone().sorted() == b.items()[1].clone().sorted()
                }
                "XPENDING" | "XINFO" => a.clone().without_times() == b.clone().without_times(),
                // A random field of those that both have.
                "HRANDFIELD" if command.len() == 2 => matches!(a, Value::Bulk(_)),
                "HRANDFIELD" => a.clone().sorted() == b.clone().sorted(),
                "HGETALL" => a.clone().sorted_pairs() == b.clone().sorted_pairs(),
                _ => false,
            },
        }
    }
}

fn code(error: &[u8]) -> &[u8] {
    error.split(|&byte| byte == b' ').next().unwrap_or_default()
}

fn env_or(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}

fn show(command: &Args) -> String {
    let one = |arg: &Vec<u8>| match arg.is_empty() {
        true => "\"\"".to_string(),
        false => arg.escape_ascii().to_string(),
    };
    command.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// The latest earlier commands that share an argument that looks like a key with `command`.
fn past_of(history: &[Args], command: &Args) -> String {
    let keys: Vec<_> = command.iter().filter(|arg| arg.starts_with(KEY_PREFIX)).collect();
    let shares = |past: &&Args| past.iter().any(|arg| keys.contains(&arg));
    let mut lines: Vec<_> = history.iter().rev().filter(shares).take(HISTORY).map(show).collect();
    lines.reverse();
    lines.iter().map(|line| format!("    {line}\n")).collect()
}

// --- Building blocks of generators -------------------------------------------------------------

const KEY_PREFIX: &[u8] = b"key:";

/// Builds a command from parts that are anything with `to_arg`.
#[macro_export]
macro_rules! args {
    ($($arg:expr),+ $(,)?) => { vec![$($crate::common::ToArg::to_arg(&$arg)),+] };
}

/// One of few keys, half of them of the family's own `kind`, so that most commands meet a value of
/// their type and some a wrong one.
pub fn key(rng: &mut Rng, kind: &str) -> String {
    let kinds = ["string", "list", "set", "hash", "zset"];
    let kind = if rng.u8(..10) == 0 { kinds[rng.usize(..kinds.len())] } else { kind };
    format!("key:{kind}:{}", rng.u8(..6))
}

/// A value: a small or edge integer, a float, a short word, binary, empty, sometimes a long text.
pub fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..12) {
        0..=3 => rng.i32(-20..200).to_string().into_bytes(),
        4 => edge_integer(rng).into_bytes(),
        5 => float(rng).into_bytes(),
        6..=8 => member(rng),
        9 => (0..rng.usize(..12)).map(|_| rng.u8(..)).collect(),
        10 => Vec::new(),
        _ => vec![rng.lowercase() as u8; rng.usize(30..200)],
    }
}

/// One of about fifty members, numbers and words, so that sets overlap and hashes overwrite.
pub fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..50) {
        n @ 0..=24 => n.to_string().into_bytes(),
        n => format!("member-{n}").into_bytes(),
    }
}

pub fn edge_integer(rng: &mut Rng) -> String {
    let edges = [0, 1, -1, 127, 128, -129, 32767, 65536, 1 << 31, -(1 << 31), i64::MAX, i64::MIN];
    edges[rng.usize(..edges.len())].to_string()
}

pub fn float(rng: &mut Rng) -> String {
    let words = ["0", "-0", "1.5", "3.0e3", "0.1", "-2.25", "inf", "-inf", "1e-7", "nan", "1.1x"];
    match rng.u8(..3) {
        0 => words[rng.usize(..words.len())].to_string(),
        _ => (f64::from(rng.i32(-1000..1000)) / 8.0).to_string(),
    }
}

/// An index or a rank around both ends of a short sequence; seldom not a number.
pub fn index(rng: &mut Rng) -> String {
    match rng.u8(..40) {
        0 => "x".into(),
        _ => rng.i32(-12..12).to_string(),
    }
}

pub fn pick<'a>(rng: &mut Rng, words: &[&'a str]) -> &'a str {
    words[rng.usize(..words.len())]
}

/// `count` repetitions (1 to `most`) of what `make` appends.
pub fn repeat(rng: &mut Rng, most: usize, mut args: Args, make: fn(&mut Rng, &mut Args)) -> Args {
    for _ in 0..rng.usize(1..=most) {
        make(rng, &mut args);
    }
    args
}
