//! `EX`, `PX`, `EXAT`, `PXAT`, `KEEPTTL`, `PERSIST`, `NX`, `XX`, `GET`: the options that SET and
//! GETEX share.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, ReplyError};

/// How the new expire time is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpireArg<'a> {
    pub value: &'a [u8],
    pub seconds: bool,
    pub absolute: bool,
}

/// The options of a SET or GETEX.
#[derive(Debug, Default, Clone, Copy)]
pub struct Options<'a> {
    pub expire: Option<ExpireArg<'a>>,
    pub keep_ttl: bool,
    pub persist: bool,
    pub nx: bool,
    pub xx: bool,
    pub get: bool,
}

/// Which command's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    Set,
    Getex,
}

impl<'a> Options<'a> {
    /// Parses from argument `from` on; anything unknown or contradictory is a syntax error.
    pub fn parse(args: Args<'a>, from: usize, command: For) -> Result<Options<'a>, ReplyError> {
        let mut options = Options::default();
        let mut i = from;
        while i < args.len() {
            let arg = args[i];
            let set = command == For::Set;
            if set && is_option(arg, "nx") && !options.xx {
                options.nx = true;
            } else if set && is_option(arg, "xx") && !options.nx {
                options.xx = true;
            } else if set && is_option(arg, "get") {
                options.get = true;
            } else if set && is_option(arg, "keepttl") && options.expire.is_none() {
                options.keep_ttl = true;
            } else if !set && is_option(arg, "persist") && options.expire.is_none() {
                options.persist = true;
            } else {
                i += 1;
                let value = args.get(i).copied();
                options.expire_option(arg, value)?;
            }
            i += 1;
        }
        Ok(options)
    }

    fn expire_option(&mut self, name: &[u8], value: Option<&'a [u8]>) -> Result<(), ReplyError> {
        let known = [("ex", true, false), ("px", false, false), ("exat", true, true)];
        let known = known.into_iter().chain([("pxat", false, true)]);
        let found = known.into_iter().find(|(option, ..)| is_option(name, option));
        let (Some((_, seconds, absolute)), Some(value)) = (found, value) else {
            return Err(ReplyError::SYNTAX);
        };
        // The same option again is no contradiction: the last one counts.
        let same = |old: ExpireArg<'_>| (old.seconds, old.absolute) == (seconds, absolute);
        if self.keep_ttl || self.persist || !self.expire.is_none_or(same) {
            return Err(ReplyError::SYNTAX);
        }
        self.expire = Some(ExpireArg { value, seconds, absolute });
        Ok(())
    }
}

impl ExpireArg<'_> {
    /// Absolute time, ms since the epoch. `command` names the command in the error.
    pub fn deadline_ms(&self, now_ms: i64, command: &str) -> Result<i64, ReplyError> {
        let invalid = || ReplyError::invalid_expire(command);
        let mut ms = int(self.value)?;
        if ms <= 0 {
            return Err(invalid());
        }
        if self.seconds {
            ms = ms.checked_mul(1000).ok_or_else(invalid)?;
        }
        if !self.absolute {
            ms = ms.checked_add(now_ms).ok_or_else(invalid)?;
        }
        Ok(ms)
    }
}
