//! CONFIG GET and CONFIG SET, up to the point where the server has to act.
//!
//! `set` changes the values or none of them and says which effects to apply; when one of those
//! fails, the server gives the `Undo` back to `rollback` and applies the same effects again.
//! Invariant: after a failed `set` the configuration equals the one before.

use std::path::PathBuf;

use super::kind::{
    DENY_LOADING, Directive, Effect, HIDDEN, IMMUTABLE, MULTI_ARG, Origin, PROTECTED, SENSITIVE,
};
use super::{Config, DIRECTIVES, directives};
use crate::util::glob;

/// What CONFIG SET depends on besides its arguments.
#[derive(Clone, Copy, Debug)]
pub struct SetContext {
    /// The data set is being loaded.
    pub loading: bool,
    /// The client is connected from this host or a Unix socket.
    pub local: bool,
}

/// A CONFIG SET whose values are stored and whose effects are still to be applied.
#[derive(Debug)]
pub struct SetOutcome {
    /// Each effect once, in the order of the arguments, with the name that asked for it.
    pub effects: Vec<(Effect, &'static str)>,
    /// Takes everything back.
    pub undo: Undo,
}

/// The state before a CONFIG SET.
#[derive(Debug)]
pub struct Undo {
    previous: Box<Config>,
    /// Set when the working directory may have been changed.
    dir: Option<PathBuf>,
}

/// Why CONFIG SET failed.
#[derive(Debug, PartialEq, Eq)]
pub enum SetError {
    /// Not while loading: the reply is the LOADING error.
    Loading,
    /// No directive of this name.
    Unknown(Vec<u8>),
    /// This argument could not be set or applied.
    Failed {
        /// The name of the argument.
        name: Vec<u8>,
        /// Why; may be empty.
        reason: String,
    },
}

impl SetError {
    /// An effect that the server could not apply; `name` and the effect come from `SetOutcome`.
    pub fn apply(name: &str, reason: impl Into<String>) -> Self {
        Self::Failed { name: name.into(), reason: reason.into() }
    }

    /// The error reply without its leading "ERR " (or "LOADING ").
    pub fn message(&self) -> Vec<u8> {
        match self {
            Self::Loading => b"Redis is loading the dataset in memory".to_vec(),
            Self::Unknown(name) => {
                [b"Unknown option or number of arguments for CONFIG SET - '", &name[..], b"'"]
                    .concat()
            }
            Self::Failed { name, reason } => {
                let mut text = b"CONFIG SET failed (possibly related to argument '".to_vec();
                text.extend_from_slice(name);
                text.extend_from_slice(b"')");
                if !reason.is_empty() {
                    text.extend_from_slice(b" - ");
                    text.extend_from_slice(reason.as_bytes());
                }
                text
            }
        }
    }
}

/// A directive and the name, its own or its alias, under which it was asked for.
type Target = (&'static Directive, &'static str);

impl Config {
    /// CONFIG GET: names and values that match any of the patterns, each name once.
    ///
    /// A pattern without `*`, `?` and `[` is a name, printed as it was asked for; it also finds
    /// hidden directives. Aliases are entries of their own.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, &Directive)> = Vec::new();
        let mut add = |name: &[u8], directive| {
            if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                found.push((name.to_vec(), directive));
            }
        };
        for pattern in patterns {
            if !pattern.iter().any(|byte| b"[*?".contains(byte)) {
                if let Some((directive, _)) = directives::lookup(pattern) {
                    add(pattern, directive);
                }
                continue;
            }
            for directive in DIRECTIVES.iter().filter(|directive| !directive.has(HIDDEN)) {
                for name in [Some(directive.name), directive.alias].into_iter().flatten() {
                    if glob::string_match(pattern, name.as_bytes(), true) {
                        add(name.as_bytes(), directive);
                    }
                }
            }
        }
        found.into_iter().map(|(name, directive)| (name, directive.get(self))).collect()
    }

    /// CONFIG SET: stores all values or none.
    pub fn set(
        &mut self,
        pairs: &[(&[u8], &[u8])],
        context: SetContext,
    ) -> Result<SetOutcome, SetError> {
        let targets = self.resolve(pairs, context)?;
        let undo = self.undo_point(&targets);
        let mut effects: Vec<(Effect, &'static str)> = Vec::new();
        for (&(directive, name), (_, value)) in targets.iter().zip(pairs) {
            match directive.set(self, &split_value(directive, value), Origin::Command) {
                Err(reason) => {
                    self.rollback(undo);
                    return Err(SetError::apply(name, reason));
                }
                Ok(false) => {}
                Ok(true) => {
                    if let Some(effect) = directive.effect
                        && !effects.iter().any(|(known, _)| *known == effect)
                    {
                        effects.push((effect, name));
                    }
                }
            }
        }
        self.settle();
        Ok(SetOutcome { effects, undo })
    }

    /// Takes a CONFIG SET back. The effects that were applied have to be applied again.
    pub fn rollback(&mut self, undo: Undo) {
        if let Some(dir) = &undo.dir
            && let Err(error) = std::env::set_current_dir(dir)
        {
            log::warn!(
                "Failed restoring failed CONFIG SET command. Error setting dir to '{}': {}",
                dir.display(),
                super::strerror(&error)
            );
        }
        *self = *undo.previous;
    }

    /// Whether the value of this directive must not be shown or logged.
    pub fn is_sensitive(name: &[u8]) -> bool {
        directives::lookup(name).is_some_and(|(directive, _)| directive.has(SENSITIVE))
    }

    fn undo_point(&self, targets: &[Target]) -> Undo {
        let moves = targets.iter().any(|(directive, _)| directive.name == "dir");
        let dir = if moves { std::env::current_dir().ok() } else { None };
        Undo { previous: Box::new(self.clone()), dir }
    }

    /// Finds the directives and checks that they may be set: the first problem counts, but the
    /// LOADING error comes before those of values.
    fn resolve(
        &self,
        pairs: &[(&[u8], &[u8])],
        context: SetContext,
    ) -> Result<Vec<Target>, SetError> {
        let mut targets: Vec<Target> = Vec::with_capacity(pairs.len());
        for (given, _) in pairs {
            let failed =
                |reason: &str| SetError::Failed { name: given.to_vec(), reason: reason.to_owned() };
            let Some((directive, name)) = directives::lookup(given) else {
                return Err(SetError::Unknown(given.to_vec()));
            };
            if directive.has(IMMUTABLE) {
                return Err(failed("can't set immutable config"));
            }
            if directive.has(PROTECTED) && !self.enable_protected_configs.allows(context.local) {
                return Err(failed("can't set protected config"));
            }
            if context.loading && directive.has(DENY_LOADING) {
                return Err(SetError::Loading);
            }
            if targets.iter().any(|(_, known)| *known == name) {
                return Err(failed("duplicate parameter"));
            }
            targets.push((directive, name));
        }
        Ok(targets)
    }
}

/// A value of CONFIG SET as arguments: directives with several split at each single blank.
fn split_value(directive: &Directive, value: &[u8]) -> Vec<Vec<u8>> {
    if !directive.has(MULTI_ARG) {
        vec![value.to_vec()]
    } else if value.is_empty() {
        Vec::new()
    } else {
        value.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect()
    }
}
