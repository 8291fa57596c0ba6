//! BY and GET patterns: `weight_*`, `hash_*->field`, `#`.

use crate::server::Server;
use crate::storage::db::Db;
use crate::storage::object::ValueRef;

/// Where the value for an element is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// `#`: the element itself.
    Itself,
    /// No `*`: names no key that depends on the element, so there is no value.
    Constant,
    Key {
        before: &'a [u8],
        after: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    pub fn new(text: &'a [u8]) -> Pattern<'a> {
        if text == b"#" {
            return Pattern::Itself;
        }
        let Some(star) = text.iter().position(|&b| b == b'*') else { return Pattern::Constant };
        let (before, after) = (&text[..star], &text[star + 1..]);
        match after.windows(2).position(|pair| pair == b"->") {
            // An arrow at the very end names no field: it belongs to the key.
            Some(arrow) if arrow + 2 < after.len() => {
                let field = Some(&after[arrow + 2..]);
                Pattern::Key { before, after: &after[..arrow], field }
            }
            _ => Pattern::Key { before, after, field: None },
        }
    }

    /// True if no element changes what it names (BY with such a pattern means "do not sort").
    pub fn is_constant(&self) -> bool {
        !matches!(self, Pattern::Key { .. })
    }

    /// Makes `name` the key for `element`.
    fn name_key(&self, element: &[u8], name: &mut Vec<u8>) {
        let Pattern::Key { before, after, .. } = *self else { return };
        name.clear();
        name.extend_from_slice(before);
        name.extend_from_slice(element);
        name.extend_from_slice(after);
    }

    /// Asks for the memory of the keys for these elements, which are looked up next.
    pub fn prefetch<'e>(
        &self,
        db: &Db,
        elements: impl Iterator<Item = &'e [u8]>,
        name: &mut Vec<u8>,
    ) {
        if let Pattern::Key { .. } = self {
            db.prefetch_all(elements.map(|element| {
                self.name_key(element, name);
                db.hash(name)
            }));
        }
    }

    /// Calls `f` with the value for `element`, `None` if there is none. `name` is scratch space.
    pub fn with_value<R>(
        &self,
        server: &mut Server,
        db: usize,
        element: &[u8],
        name: &mut Vec<u8>,
        f: impl FnOnce(Option<&[u8]>) -> R,
    ) -> R {
        let field = match *self {
            Pattern::Itself => return f(Some(element)),
            Pattern::Constant => return f(None),
            Pattern::Key { field, .. } => field,
        };
        self.name_key(element, name);
        // What a SORT … STORE of our master found was not over then.
        let never = server.exec.from_master || server.keeps_expired();
        let now_ms = if never { i64::MIN } else { server.clock.cmd_time_ms };
        let Some(entry) = server.lookup_read(db, name) else { return f(None) };
        match (entry.value(), field) {
            (ValueRef::Str(value), None) => f(Some(value.as_bytes(&mut [0; 20]))),
            (ValueRef::Hash(hash), Some(field)) => match hash.get(field) {
                Some(found) if !found.is_expired(now_ms) => {
                    f(Some(found.value.as_bytes(&mut itoa::Buffer::new())))
                }
                _ => f(None),
            },
            _ => f(None),
        }
    }
}
