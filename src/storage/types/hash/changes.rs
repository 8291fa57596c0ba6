//! Changing a hash: fields, their expire times, and the form when Redis changes it.
//!
//! Not here: what a change means to others (notifications, the database's index of hashes with
//! expire times). Invariant: triplets stay ordered by expire time, those without one last.

use super::{Hash, HashLimits, HashView, NO_EXPIRE, find_field, triplet_expire};
use crate::storage::encoding::field_table::FieldTable;
use crate::storage::encoding::listpack::{Listpack, LpRef, LpValue, Pos};
use crate::storage::encoding::tagged::Either3;

/// Fields.
impl Hash {
    /// Before these fields and values (in turn) are stored: makes a table if a listpack could not
    /// take them.
    pub fn try_conversion(&mut self, args: &[&[u8]], limits: &HashLimits) {
        let Some((lp, _)) = self.listpack() else { return };
        let fields = args.len() / 2;
        if fields > limits.max_listpack_entries {
            self.convert_to_table();
            if let Either3::C(mut table) = self.0.get_mut() {
                table.reserve(fields);
            }
            return;
        }
        let too_long = args.iter().any(|arg| arg.len() > limits.max_listpack_value);
        if too_long || !lp.safe_to_add(args.iter().map(|arg| arg.len()).sum()) {
            self.convert_to_table();
        }
    }

    /// Sets a field; true if it existed. Its expire time stays if `keep_ttl`, else it is lost.
    pub fn set(&mut self, name: &[u8], value: &[u8], keep_ttl: bool, limits: &HashLimits) -> bool {
        if let Some((lp, _)) = self.listpack()
            && (name.len().max(value.len()) > limits.max_listpack_value
                || !lp.safe_to_add(name.len() + value.len()))
        {
            self.convert_to_table();
        }
        let existed = match self.0.get_mut() {
            Either3::A(mut lp) => set_pair(&mut lp, name, value),
            Either3::B(mut lp) => set_triplet(&mut lp, name, value, keep_ttl),
            Either3::C(mut table) => return table.set(name, value, keep_ttl),
        };
        if self.len() > limits.max_listpack_entries {
            self.convert_to_table();
        }
        existed
    }

    /// Removes a field; false if there is none.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let (mut lp, tuple) = match self.0.get_mut() {
            Either3::A(lp) => (lp, 2),
            Either3::B(lp) => (lp, 3),
            Either3::C(mut table) => return table.remove(name),
        };
        let Some(pos) = find_field(lp.as_lp(), name, tuple) else { return false };
        lp.delete_range_from(pos, tuple);
        true
    }

    /// Adds a field that a loader read, with its expire time (ms since the epoch).
    pub fn set_with_expire(
        &mut self,
        name: &[u8],
        value: &[u8],
        expire: Option<i64>,
        limits: &HashLimits,
    ) {
        self.set(name, value, false, limits);
        if expire.is_some() {
            self.prepare_expires();
            self.set_expire(name, expire);
        }
    }

    /// After a load: makes a table if the limits ask for one.
    pub fn try_convert_auto(&mut self, limits: &HashLimits) {
        let long = |f: super::HashField<'_>| {
            f.name.text_len().max(f.value.text_len()) > limits.max_listpack_value
        };
        if self.listpack().is_some()
            && (self.len() > limits.max_listpack_entries || self.iter().any(long))
        {
            self.convert_to_table();
        }
    }

    /// After a whole listpack was loaded: makes a table if it has too many fields. Their lengths do
    /// not matter here, for reading all of them would take long.
    pub fn convert_if_too_many(&mut self, limits: &HashLimits) {
        if self.listpack().is_some() && self.len() > limits.max_listpack_entries {
            self.convert_to_table();
        }
    }

    fn convert_to_table(&mut self) {
        let mut table = FieldTable::with_capacity(self.len());
        let (mut name, mut value) = (itoa::Buffer::new(), itoa::Buffer::new());
        for field in self.iter() {
            let (name, value) = (field.name.as_bytes(&mut name), field.value.as_bytes(&mut value));
            table.insert(name, value, field.expire);
        }
        self.0.set(Either3::C(Box::new(table)));
    }
}

/// Expire times.
impl Hash {
    /// Takes the form in which fields can have expire times.
    pub fn prepare_expires(&mut self) {
        if let HashView::Listpack(lp) = self.view() {
            let triplets = lp.iter().enumerate().flat_map(|(i, (_, entry))| {
                let expire = (i % 2 == 1).then_some(LpValue::Int(NO_EXPIRE));
                std::iter::once(entry).chain(expire)
            });
            let triplets = Listpack::from_values(triplets);
            self.0.set(Either3::B(triplets));
        }
    }

    /// Gives a field an expire time (ms since the epoch, not 0), or takes it away; false if there
    /// is no such field. Call `prepare_expires` before.
    pub fn set_expire(&mut self, name: &[u8], expire: Option<i64>) -> bool {
        match self.0.get_mut() {
            Either3::C(mut table) => table.set_expire(name, expire),
            Either3::A(lp) => {
                debug_assert!(expire.is_none(), "prepare_expires() was called");
                find_field(lp.as_lp(), name, 2).is_some()
            }
            Either3::B(mut lp) => match find_field(lp.as_lp(), name, 3) {
                Some(pos) => {
                    move_triplet(&mut lp, pos, name, expire);
                    true
                }
                None => false,
            },
        }
    }

    /// Removes up to `limit` fields whose time is not after `now`, the earliest first, and calls
    /// `removed` with the name of each. Returns how many.
    pub fn expire_fields(
        &mut self,
        now: i64,
        limit: usize,
        mut removed: impl FnMut(&[u8]),
    ) -> usize {
        let mut count = 0;
        match self.0.get_mut() {
            Either3::A(_) => {}
            Either3::B(mut lp) => {
                let due = HashView::ListpackEx(lp.as_lp());
                for field in super::HashIter::new(due).take(limit) {
                    if field.expire.is_none_or(|at| at > now) {
                        break;
                    }
                    removed(field.name.as_bytes(&mut itoa::Buffer::new()));
                    count += 1;
                }
                lp.delete_range(0, count * 3);
            }
            Either3::C(mut table) => {
                while count < limit
                    && let Some(field) = table.pop_expired(now)
                {
                    removed(field.as_ref().name());
                    count += 1;
                }
            }
        }
        count
    }
}

/// Sets a field of a listpack of pairs; true if it existed.
fn set_pair(lp: &mut Listpack, name: &[u8], value: &[u8]) -> bool {
    if let Some(at) = find_field(lp.as_lp(), name, 2).and_then(|field| lp.next(field)) {
        lp.replace(at, value);
        return true;
    }
    lp.push_back(name);
    lp.push_back(value);
    false
}

/// Sets a field of a listpack of triplets; true if it existed.
fn set_triplet(lp: &mut Listpack, name: &[u8], value: &[u8], keep_ttl: bool) -> bool {
    let field = find_field(lp.as_lp(), name, 3);
    let Some((field, at)) = field.and_then(|field| Some((field, lp.next(field)?))) else {
        lp.push_back(name);
        lp.push_back(value);
        lp.push_back(NO_EXPIRE);
        return false;
    };
    lp.replace(at, value);
    let has_ttl = lp.next(at).and_then(|at| triplet_expire(lp.get(at)?)).is_some();
    if has_ttl && !keep_ttl {
        move_triplet(lp, field, name, None);
    }
    true
}

/// Gives the triplet at `pos` another expire time and the place that goes with it.
fn move_triplet(lp: &mut Listpack, pos: Pos, name: &[u8], expire: Option<i64>) {
    let text;
    let value = match lp.next(pos).and_then(|at| lp.get(at)) {
        None => return,
        Some(LpValue::Int(int)) => LpValue::Int(int),
        Some(LpValue::Str(held)) => {
            text = held.to_vec();
            LpValue::Str(&text)
        }
    };
    lp.delete_range_from(pos, 3);
    let place = expire.and_then(|at| place_of(lp.as_lp(), at));
    let last = LpValue::Int(expire.unwrap_or(NO_EXPIRE));
    match place {
        // Backwards, each in front of the one before.
        Some(place) => {
            lp.insert_before(place, last);
            lp.insert_before(place, value);
            lp.insert_before(place, name);
        }
        None => {
            lp.push_back(name);
            lp.push_back(value);
            lp.push_back(last);
        }
    }
}

/// The first triplet that does not expire before `expire`.
fn place_of(lp: LpRef<'_>, expire: i64) -> Option<Pos> {
    let mut entries = lp.iter();
    loop {
        let (field, _) = entries.next()?;
        entries.next()?;
        let (_, at) = entries.next()?;
        if triplet_expire(at).is_none_or(|at| at >= expire) {
            return Some(field);
        }
    }
}
