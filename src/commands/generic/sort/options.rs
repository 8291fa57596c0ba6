//! The options of SORT.

use super::pattern::Pattern;
use crate::commands::ReplyError;
use crate::commands::args::{int, is_option};
use crate::commands::generic::scan::pattern_slot;
use crate::util::crc16::key_slot;
use std::ops::Range;

/// What the client and the mode of the server allow.
#[derive(Clone, Copy)]
pub(super) struct Permissions<'a> {
    /// The key, in cluster mode: patterns must lead into its slot.
    pub cluster_key: Option<&'a [u8]>,
    /// The user may read every key.
    pub all_keys: bool,
    pub store: bool,
}

#[derive(Default)]
pub(super) struct Options<'a> {
    pub desc: bool,
    pub alpha: bool,
    /// BY a constant: the order is that of the collection.
    pub unsorted: bool,
    pub by: Option<Pattern<'a>>,
    pub gets: Vec<Pattern<'a>>,
    /// Offset and count as given.
    pub limit: Option<(i64, i64)>,
    pub store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    pub fn parse(args: &[&'a [u8]], may: Permissions<'_>) -> Result<Options<'a>, ReplyError> {
        let mut options = Options::default();
        let mut rest = args;
        while let Some((name, mut tail)) = rest.split_first() {
            if is_option(name, "asc") {
                options.desc = false;
            } else if is_option(name, "desc") {
                options.desc = true;
            } else if is_option(name, "alpha") {
                options.alpha = true;
            } else if let (true, [offset, count, after @ ..]) = (is_option(name, "limit"), tail) {
                options.limit = Some((int(offset)?, int(count)?));
                tail = after;
            } else if let Some((value, after)) = tail.split_first() {
                options.option_with_value(name, value, may)?;
                tail = after;
            } else {
                return Err(ReplyError::SYNTAX);
            }
            rest = tail;
        }
        Ok(options)
    }

    fn option_with_value(
        &mut self,
        name: &[u8],
        value: &'a [u8],
        may: Permissions<'_>,
    ) -> Result<(), ReplyError> {
        if may.store && is_option(name, "store") {
            self.store = Some(value);
        } else if is_option(name, "by") {
            let pattern = Pattern::new(value);
            if pattern.is_constant() {
                self.unsorted = true;
            } else {
                may.follow("BY", value)?;
            }
            self.by = Some(pattern);
        } else if is_option(name, "get") {
            may.follow("GET", value)?;
            self.gets.push(Pattern::new(value));
        } else {
            return Err(ReplyError::SYNTAX);
        }
        Ok(())
    }

    /// The elements to reply, of `len` ordered ones.
    pub fn range(&self, len: usize) -> Range<usize> {
        let (offset, count) = self.limit.unwrap_or((0, -1));
        let start = usize::try_from(offset.max(0)).unwrap_or(usize::MAX).min(len);
        match usize::try_from(count) {
            Ok(count) => start..start.saturating_add(count).min(len),
            Err(_) => start..len,
        }
    }
}

impl Permissions<'_> {
    /// An option whose pattern names other keys is allowed only if those may be read here.
    fn follow(self, option: &str, pattern: &[u8]) -> Result<(), ReplyError> {
        if let Some(key) = self.cluster_key
            && pattern_slot(pattern) != Some(key_slot(key))
        {
            return Err(ReplyError::new(format!(
                "ERR {option} option of SORT denied in Cluster mode when keys formed by the \
                 pattern may be in different slots."
            )));
        }
        if !self.all_keys {
            return Err(ReplyError::new(format!(
                "ERR {option} option of SORT denied due to insufficient ACL permissions."
            )));
        }
        Ok(())
    }
}
