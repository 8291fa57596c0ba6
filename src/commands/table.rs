//! The command table at run time: the const rows flattened, an id for each command and
//! sub-command, and the look-up by name. Renaming (`rename-command`) changes only the look-up.

use super::spec::{Begin, CommandSpec, Group, SPECIAL_COMMANDS};

/// The rows of every family.
pub type Groups = &'static [&'static [CommandSpec]];

/// Index of a command or sub-command in the flattened table; also of its statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u16);

/// A command or sub-command.
pub struct Command {
    pub spec: &'static CommandSpec,
    pub id: CommandId,
    /// `get`, `config|get`; the name given by `rename-command` does not change it.
    pub full_name: String,
    pub parent: Option<CommandId>,
    pub subcommands: Vec<CommandId>,
    /// The first argument is a key.
    pub key_first: bool,
    /// See [`CommandSpec::member`].
    pub member: u8,
    /// It may switch on a feature that looks at commands, see `server::special`.
    pub special: bool,
    /// Fewest arguments, the name included, and how many more it takes.
    args: (usize, usize),
}

impl Command {
    /// Number of arguments, the name included, against the row's arity.
    #[inline(always)]
    pub fn takes(&self, argc: usize) -> bool {
        argc.wrapping_sub(self.args.0) <= self.args.1
    }
}

const NAME_WORDS: usize = 3;
const MAX_NAME: usize = NAME_WORDS * 8;
const EMPTY: u16 = u16::MAX;
const SHORT_BITS: u32 = 13;
const CASE: u64 = 0x2020_2020_2020_2020;

/// A name of up to 24 bytes, folded to lower case by setting bit 5 of every byte. Folding also
/// joins a few non-letters, so equality of words is checked once more on the bytes.
type Folded = [u64; NAME_WORDS];

#[derive(Clone)]
struct NameSlot {
    words: Folded,
    id: u16,
    /// Letters only: then equal words are equal names.
    letters: bool,
    name: Box<[u8]>,
}

/// All commands and the look-up by name.
pub struct CommandTable {
    commands: Vec<Command>,
    slots: Vec<NameSlot>,
    short: ShortNames,
}

#[inline]
fn fold(name: &[u8]) -> Option<Folded> {
    let len = name.len();
    if len == 0 || len > MAX_NAME {
        return None;
    }
    let mut words = [0u64; NAME_WORDS];
    let whole = len / 8;
    for (word, chunk) in words.iter_mut().zip(name.chunks_exact(8)) {
        *word = u64::from_le_bytes(chunk.try_into().expect("a chunk of eight bytes")) | CASE;
    }
    let rest = &name[whole * 8..];
    if !rest.is_empty() {
        words[whole] = load_short(rest) | CASE >> (64 - 8 * rest.len());
    }
    Some(words)
}

/// One to seven bytes as the low bytes of a word: two overlapping loads.
#[inline]
fn load_short(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << (8 * (len - 4));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<2>(), bytes.last_chunk::<2>()) {
        let (first, last) = (u16::from_le_bytes(*first), u16::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << (8 * (len - 2));
    }
    u64::from(bytes[0])
}

/// A name of one to eight bytes, folded.
#[inline]
fn fold_short(name: &[u8]) -> u64 {
    match name.first_chunk::<8>() {
        Some(whole) => u64::from_le_bytes(*whole) | CASE,
        None => load_short(name) | CASE >> (64 - 8 * name.len()),
    }
}

/// A perfect hash of the names of one to eight letters: one multiplication, one comparison.
#[derive(Default)]
struct ShortNames {
    multiplier: u64,
    /// By the upper bits of the product: an index of `names`.
    index: Vec<u16>,
    /// Folded, with their commands.
    names: Vec<(u64, u16)>,
}

impl ShortNames {
    /// Looks for a multiplier that gives every name a place of its own.
    fn new(names: Vec<(u64, u16)>) -> ShortNames {
        let mut multiplier: u64 = 0x9e37_79b9_7f4a_7c15;
        'search: loop {
            let mut index = vec![EMPTY; 1 << SHORT_BITS];
            for (i, (word, _)) in names.iter().enumerate() {
                let place = &mut index[place(*word, multiplier)];
                if *place != EMPTY {
                    multiplier = multiplier.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(2);
                    continue 'search;
                }
                *place = i as u16;
            }
            return ShortNames { multiplier, index, names };
        }
    }

    #[inline]
    fn get(&self, word: u64) -> Option<u16> {
        let at = *self.index.get(place(word, self.multiplier))?;
        let (name, id) = *self.names.get(usize::from(at))?;
        (name == word).then_some(id)
    }
}

#[inline]
fn place(word: u64, multiplier: u64) -> usize {
    (word.wrapping_mul(multiplier) >> (64 - SHORT_BITS)) as usize
}

/// Three compares in place; `==` on the arrays is a call.
#[inline]
fn same(a: &Folded, b: &Folded) -> bool {
    (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) == 0
}

#[inline]
fn mix(words: &Folded) -> usize {
    let h = (words[0] ^ words[1].rotate_left(23) ^ words[2].rotate_left(41))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (h >> 40) as usize
}

impl CommandTable {
    pub fn new(groups: Groups) -> CommandTable {
        let mut table =
            CommandTable { commands: Vec::new(), slots: Vec::new(), short: ShortNames::default() };
        for spec in groups.iter().flat_map(|group| group.iter()) {
            let id = table.add(spec, None);
            for sub in spec.subcommands {
                let sub_id = table.add(sub, Some(id));
                table.commands[usize::from(id.0)].subcommands.push(sub_id);
            }
        }
        let empty =
            NameSlot { words: [0; NAME_WORDS], id: EMPTY, letters: false, name: Box::default() };
        table.slots = vec![empty; (table.commands.len() * 4).next_power_of_two().max(16)];
        for i in 0..table.commands.len() {
            if table.commands[i].parent.is_none() {
                let name = table.commands[i].spec.name.as_bytes().to_vec();
                table.bind_name(&name, CommandId(i as u16));
            }
        }
        table.index_short_names();
        table
    }

    fn add(&mut self, spec: &'static CommandSpec, parent: Option<CommandId>) -> CommandId {
        let id = CommandId(u16::try_from(self.commands.len()).expect("fewer than 65536 commands"));
        let full_name = match parent {
            Some(parent) => format!("{}|{}", self.get(parent).spec.name, spec.name),
            None => spec.name.to_string(),
        };
        let key_first = spec.keys.first().is_some_and(|keys| keys.begin == Begin::Index(1));
        let least = spec.arity.unsigned_abs() as usize;
        self.commands.push(Command {
            spec,
            id,
            full_name,
            parent,
            subcommands: Vec::new(),
            key_first,
            member: spec.member,
            // What a script switches on its commands switch on.
            special: spec.flags & SPECIAL_COMMANDS != 0 && spec.group != Group::Scripting,
            args: (least, if spec.arity < 0 { usize::MAX - least } else { 0 }),
        });
        id
    }

    fn bind_name(&mut self, name: &[u8], id: CommandId) {
        let words = fold(name).expect("command names have 1 to 24 bytes");
        let mask = self.slots.len() - 1;
        let mut i = mix(&words) & mask;
        while self.slots[i].id != EMPTY {
            i = (i + 1) & mask;
        }
        let letters = name.iter().all(u8::is_ascii_alphabetic);
        let name = name.to_ascii_lowercase().into();
        self.slots[i] = NameSlot { words, id: id.0, letters, name };
    }

    fn index_short_names(&mut self) {
        let bound = self.slots.iter().filter(|slot| slot.id != EMPTY);
        let short = bound.filter(|slot| slot.letters && slot.name.len() <= 8);
        self.short = ShortNames::new(short.map(|slot| (slot.words[0], slot.id)).collect());
    }

    /// The command of that name, in any case.
    #[inline]
    pub fn lookup(&self, name: &[u8]) -> Option<&Command> {
        if (1..=8).contains(&name.len())
            && let Some(id) = self.short.get(fold_short(name))
        {
            return Some(&self.commands[usize::from(id)]);
        }
        self.lookup_long(name)
    }

    fn lookup_long(&self, name: &[u8]) -> Option<&Command> {
        let words = fold(name)?;
        let mask = self.slots.len() - 1;
        let mut i = mix(&words) & mask;
        loop {
            let slot = &self.slots[i];
            if slot.id == EMPTY {
                return None;
            }
            if same(&slot.words, &words) && (slot.letters || slot.name.eq_ignore_ascii_case(name)) {
                return Some(&self.commands[usize::from(slot.id)]);
            }
            i = (i + 1) & mask;
        }
    }

    /// The sub-command of that name, in any case.
    pub fn lookup_sub(&self, container: &Command, name: &[u8]) -> Option<&Command> {
        container
            .subcommands
            .iter()
            .map(|id| self.get(*id))
            .find(|sub| sub.spec.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// By full name: `get`, `config|get`.
    pub fn lookup_full(&self, name: &[u8]) -> Option<&Command> {
        match memchr::memchr(b'|', name) {
            None => self.lookup(name),
            Some(bar) => self.lookup_sub(self.lookup(&name[..bar])?, &name[bar + 1..]),
        }
    }

    /// `rename-command old new`; an empty new name removes the command. Errors with Redis' texts.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> Result<(), &'static str> {
        let id = self.lookup(old).ok_or("No such command in rename-command")?.id;
        if !new.is_empty() && self.lookup(new).is_some() {
            return Err("Target command name already exists");
        }
        let mut names: Vec<(Box<[u8]>, u16)> = Vec::new();
        for slot in &mut self.slots {
            if slot.id != EMPTY {
                let name = std::mem::take(&mut slot.name);
                if !(slot.id == id.0 && name.eq_ignore_ascii_case(old)) {
                    names.push((name, slot.id));
                }
                slot.id = EMPTY;
            }
        }
        for (name, id) in names {
            self.bind_name(&name, CommandId(id));
        }
        if !new.is_empty() {
            if new.len() > MAX_NAME {
                return Err("Target command name is too long");
            }
            self.bind_name(new, id);
        }
        self.index_short_names();
        Ok(())
    }

    #[inline(always)]
    pub fn get(&self, id: CommandId) -> &Command {
        &self.commands[usize::from(id.0)]
    }

    /// Commands and sub-commands, in table order.
    pub fn iter(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter()
    }

    /// The top-level commands that have a name, in table order: all but those that `rename`
    /// removed.
    pub fn named(&self) -> Vec<&Command> {
        let bound = self.slots.iter().map(|slot| slot.id).filter(|id| *id != EMPTY);
        let mut ids: Vec<u16> = bound.collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| &self.commands[usize::from(id)]).collect()
    }

    /// Number of commands and sub-commands.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }
}
