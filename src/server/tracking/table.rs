//! Which keys which clients may hold in their caches. Not who is told what: that is the module
//! above.
//!
//! Rows stand in a vector, so that a random one can be given up in constant time when the table is
//! full; an index finds them by key. Invariant: `index[rows[i].key] == i` for every row, no row is
//! without clients, and `items` is the number of clients in all rows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

struct Row {
    key: Arc<[u8]>,
    clients: BTreeSet<u64>,
}

/// See the module.
#[derive(Default)]
pub struct Table {
    index: HashMap<Arc<[u8]>, usize>,
    rows: Vec<Row>,
    items: usize,
}

impl Table {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of pairs of key and client.
    pub fn items(&self) -> usize {
        self.items
    }

    /// The client read the key.
    pub fn remember(&mut self, key: &[u8], client: u64) {
        let at = match self.index.get(key) {
            Some(at) => *at,
            None => {
                let key: Arc<[u8]> = key.into();
                self.index.insert(key.clone(), self.rows.len());
                self.rows.push(Row { key, clients: BTreeSet::new() });
                self.rows.len() - 1
            }
        };
        self.items += usize::from(self.rows[at].clients.insert(client));
    }

    /// Forgets the key; the clients that read it, in order of their ids.
    pub fn take(&mut self, key: &[u8]) -> Option<BTreeSet<u64>> {
        let at = self.index.remove(key)?;
        let row = self.rows.swap_remove(at);
        if let Some(moved) = self.rows.get(at) {
            self.index.insert(moved.key.clone(), at);
        }
        self.items -= row.clients.len();
        Some(row.clients)
    }

    /// Some key of the table, or `None` if it is empty.
    pub fn random_key(&self) -> Option<Arc<[u8]>> {
        if self.rows.is_empty() {
            return None;
        }
        Some(self.rows[fastrand::usize(..self.rows.len())].key.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_table_is_a_map_of_sets(
            steps in prop::collection::vec((0u8..3, 0u8..6, 1u64..4), 0..200)
        ) {
            let mut table = Table::default();
            let mut oracle: HashMap<Vec<u8>, BTreeSet<u64>> = HashMap::new();
            for (what, key, client) in steps {
                let key = vec![b'k', key];
                if what == 0 {
                    prop_assert_eq!(table.take(&key), oracle.remove(&key));
                } else {
                    table.remember(&key, client);
                    oracle.entry(key).or_default().insert(client);
                }
                prop_assert_eq!(table.len(), oracle.len());
                prop_assert_eq!(table.items(), oracle.values().map(BTreeSet::len).sum::<usize>());
                let random = table.random_key();
                prop_assert_eq!(random.is_none(), oracle.is_empty());
                prop_assert!(random.is_none_or(|key| oracle.contains_key(&*key)));
            }
        }
    }
}
