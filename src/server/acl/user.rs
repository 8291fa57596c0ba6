//! `User`: a name and what goes with it. A client holds a counted reference to its user, so that a
//! change of the rules counts at once for everybody who is logged in.
//!
//! Invariant: the first selector is the root selector, which rules outside of parentheses change.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::selector::Selector;
use crate::commands::table::CommandTable;

/// Hexadecimal digits of a password's hash.
pub const HASH_LEN: usize = 64;

/// What a user is allowed, and how to become that user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub enabled: bool,
    /// Any password does.
    pub nopass: bool,
    /// RESTORE believes the payloads of this user.
    pub skip_sanitize_payload: bool,
    /// SHA-256 hashes in lower-case hexadecimal.
    pub passwords: Vec<Box<[u8]>>,
    pub selectors: Vec<Selector>,
}

impl Rules {
    /// A user that was just made: may not log in, may do nothing.
    pub fn new(commands: &CommandTable, all_channels: bool) -> Rules {
        Rules {
            enabled: false,
            nopass: false,
            skip_sanitize_payload: false,
            passwords: Vec::new(),
            selectors: vec![Selector::new(commands, all_channels)],
        }
    }

    /// The user `default` of a server without configuration: may do everything.
    pub fn unrestricted(commands: &CommandTable) -> Rules {
        let mut rules = Rules::new(commands, true);
        rules.enabled = true;
        rules.nopass = true;
        rules.root_mut().all_keys = true;
        rules.root_mut().set_all_commands(true);
        rules
    }

    pub fn root(&self) -> &Selector {
        &self.selectors[0]
    }

    pub fn root_mut(&mut self) -> &mut Selector {
        &mut self.selectors[0]
    }

    /// Everything is allowed by one selector.
    pub fn is_unrestricted(&self) -> bool {
        self.selectors.iter().any(Selector::is_unrestricted)
    }

    /// One may log in with this password.
    pub fn accepts(&self, password: &[u8]) -> bool {
        if !self.enabled {
            return false;
        }
        if self.nopass {
            return true;
        }
        let given = hash_password(password);
        self.passwords.iter().any(|hash| same_secret(hash, &given))
    }

    /// The words that stand for the flags, in Redis' order.
    pub fn flag_names(&self) -> Vec<&'static str> {
        let mut names = vec![if self.enabled { "on" } else { "off" }];
        if self.nopass {
            names.push("nopass");
        }
        names.push(match self.skip_sanitize_payload {
            true => "skip-sanitize-payload",
            false => "sanitize-payload",
        });
        names
    }

    /// All rules, as ACL LIST and the files show them after the user's name.
    pub fn describe(&self) -> Vec<u8> {
        let mut out = self.flag_names().join(" ").into_bytes();
        for hash in &self.passwords {
            out.extend_from_slice(b" #");
            out.extend_from_slice(hash);
        }
        for (i, selector) in self.selectors.iter().enumerate() {
            let text = selector.describe();
            let (open, close): (&[u8], &[u8]) = if i == 0 { (b" ", b"") } else { (b" (", b")") };
            for part in [open, &text, close] {
                out.extend_from_slice(part);
            }
        }
        out
    }
}

/// A user; see the module.
#[derive(Debug)]
pub struct User {
    pub name: Box<[u8]>,
    rules: RefCell<Rules>,
    /// `rules.is_unrestricted()`, for the one test on the path of every command.
    unrestricted: Cell<bool>,
}

impl User {
    pub fn new(name: &[u8], rules: Rules) -> Rc<User> {
        let unrestricted = Cell::new(rules.is_unrestricted());
        Rc::new(User { name: name.into(), rules: RefCell::new(rules), unrestricted })
    }

    /// May do everything.
    #[inline]
    pub fn is_unrestricted(&self) -> bool {
        self.unrestricted.get()
    }

    /// Not to be kept across anything that may change users.
    pub fn rules(&self) -> Ref<'_, Rules> {
        self.rules.borrow()
    }

    pub fn set_rules(&self, rules: Rules) {
        self.unrestricted.set(rules.is_unrestricted());
        *self.rules.borrow_mut() = rules;
    }

    /// A line of ACL LIST or of a file: `user <name> <rules>`.
    pub fn describe(&self) -> Vec<u8> {
        [b"user ", &self.name[..], b" ", &self.rules().describe()].concat()
    }
}

/// The hash under which a password is kept.
pub fn hash_password(password: &[u8]) -> Box<[u8]> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(password);
    let digits =
        digest.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]);
    digits.collect()
}

/// 64 lower-case hexadecimal digits.
pub fn is_hash(text: &[u8]) -> bool {
    text.len() == HASH_LEN && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Equality in a time that does not tell where two secrets differ.
fn same_secret(wanted: &[u8], given: &[u8]) -> bool {
    let mut differs = u8::from(wanted.len() != given.len());
    for (a, b) in wanted.iter().zip(given) {
        differs |= a ^ b;
    }
    differs == 0
}
