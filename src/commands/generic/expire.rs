//! EXPIRE, TTL and their relatives. When a key's time is over is not decided here, see
//! `server/expire.rs`.
//!
//! Invariant: what is propagated is absolute: PEXPIREAT with the computed time, or a deletion.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::server::lookup::Lookup;

/// What a command's time argument counts, and from when.
#[derive(Clone, Copy)]
struct Unit {
    command: &'static str,
    seconds: bool,
    absolute: bool,
}

/// Under which condition an expire time replaces what the key has.
#[derive(Default, Clone, Copy)]
struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    fn parse(options: &[&[u8]]) -> Result<Condition, ReplyError> {
        let mut condition = Condition::default();
        for option in options {
            match () {
                () if is_option(option, "nx") => condition.nx = true,
                () if is_option(option, "xx") => condition.xx = true,
                () if is_option(option, "gt") => condition.gt = true,
                () if is_option(option, "lt") => condition.lt = true,
                () => return Err(ReplyError::err([&b"Unsupported option "[..], option].concat())),
            }
        }
        let Condition { nx, xx, gt, lt } = condition;
        if nx && (xx || gt || lt) {
            return Err(ReplyError::fixed(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if gt && lt {
            return Err(ReplyError::fixed(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(condition)
    }

    /// A key without TTL lives for ever: nothing is greater.
    fn holds(self, old: Option<i64>, new: i64) -> bool {
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old))
    }
}

impl Unit {
    /// Absolute time, ms since the epoch; may lie in the past.
    fn deadline_ms(self, arg: &[u8], now_ms: i64) -> Result<i64, ReplyError> {
        let invalid = || ReplyError::invalid_expire(self.command);
        let mut when = int(arg)?;
        if self.seconds {
            when = when.checked_mul(1000).ok_or_else(invalid)?;
        }
        if !self.absolute {
            when = when.checked_add(now_ms).ok_or_else(invalid)?;
        }
        Ok(when)
    }
}

fn expire_generic(ctx: &mut Ctx<'_>, args: Args<'_>, unit: Unit) -> CmdResult {
    let condition = Condition::parse(&args[3..])?;
    let now = ctx.now_ms();
    let when = unit.deadline_ms(args[2], now)?;
    let key = args[1];
    let found = ctx.lookup_write(key).map(|entry| entry.expire());
    if !found.is_some_and(|old| condition.holds(old, when)) {
        ctx.client.reply.int(0);
        return Ok(());
    }
    // While loading, or as a replica, a time that is over is kept: the master deletes the key.
    if when <= now && !ctx.server.keeps_expired() && !ctx.server.is_replica() {
        let lazy = ctx.server.config.lazyfree_lazy_expire;
        ctx.server.remove_key(ctx.client.db, key, lazy);
        ctx.propagate_as(&[if lazy { b"UNLINK" } else { &b"DEL"[..] }, key]);
        ctx.changed(key, NotifyFlags::GENERIC, "del", 1);
    } else {
        ctx.set_expire(key, when);
        let mut digits = itoa::Buffer::new();
        let when = digits.format(when).as_bytes();
        let effect = [b"PEXPIREAT".as_slice(), key, when];
        match &args[3..] {
            [] => ctx.propagate_as(&effect),
            options => ctx.propagate_as(&[&effect, options].concat()),
        }
        ctx.changed(key, NotifyFlags::GENERIC, "expire", 1);
    }
    ctx.client.reply.int(1);
    Ok(())
}

/// `EXPIRE key seconds [NX|XX|GT|LT]`
pub fn expire(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_generic(ctx, args, Unit { command: "expire", seconds: true, absolute: false })
}

/// `EXPIREAT key unix-time-seconds [NX|XX|GT|LT]`
pub fn expireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_generic(ctx, args, Unit { command: "expireat", seconds: true, absolute: true })
}

/// `PEXPIRE key milliseconds [NX|XX|GT|LT]`
pub fn pexpire(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_generic(ctx, args, Unit { command: "pexpire", seconds: false, absolute: false })
}

/// `PEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT]`
pub fn pexpireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_generic(ctx, args, Unit { command: "pexpireat", seconds: false, absolute: true })
}

/// -2 = no key, -1 = no TTL.
fn ttl_generic(ctx: &mut Ctx<'_>, key: &[u8], in_ms: bool, absolute: bool) -> CmdResult {
    let now = ctx.now_ms();
    let found = ctx.server.lookup_read_with(ctx.client.db, key, Lookup::NO_TOUCH);
    let answer = match found.map(|entry| entry.expire()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => {
            let ms = if absolute { at } else { at.saturating_sub(now) }.max(0);
            if in_ms { ms } else { ((ms.unsigned_abs() + 500) / 1000) as i64 }
        }
    };
    ctx.client.reply.int(answer);
    Ok(())
}

/// `TTL key`: rounded to seconds.
pub fn ttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ttl_generic(ctx, args[1], false, false)
}

/// `PTTL key`
pub fn pttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ttl_generic(ctx, args[1], true, false)
}

/// `EXPIRETIME key`
pub fn expiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ttl_generic(ctx, args[1], false, true)
}

/// `PEXPIRETIME key`
pub fn pexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ttl_generic(ctx, args[1], true, true)
}

/// `PERSIST key`
pub fn persist(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let key = args[1];
    let persisted = ctx.lookup_write(key).is_some() && ctx.db().remove_expire(key);
    if persisted {
        ctx.changed(key, NotifyFlags::GENERIC, "persist", 1);
    }
    ctx.client.reply.flag(persisted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(options: &[&str]) -> Result<Condition, String> {
        let options: Vec<&[u8]> = options.iter().map(|o| o.as_bytes()).collect();
        Condition::parse(&options).map_err(|e| String::from_utf8(e.text().to_vec()).unwrap())
    }

    #[test]
    fn conditions_against_an_endless_life() {
        let holds = |options: &[&str], old, new| condition(options).unwrap().holds(old, new);
        assert!(holds(&[], None, 5));
        assert!(holds(&["NX"], None, 5) && !holds(&["nx"], Some(1), 5));
        assert!(!holds(&["XX"], None, 5) && holds(&["XX"], Some(1), 5));
        assert!(!holds(&["GT"], None, 5) && holds(&["GT"], Some(4), 5));
        assert!(!holds(&["GT"], Some(5), 5) && !holds(&["LT"], Some(5), 5));
        assert!(holds(&["LT"], None, 5) && holds(&["LT"], Some(6), 5));
        assert!(!holds(&["XX", "LT"], None, 5) && holds(&["XX", "GT"], Some(4), 5));
    }

    #[test]
    fn contradictory_conditions_are_refused() {
        assert!(condition(&["NX", "GT"]).err().unwrap().starts_with("ERR NX and XX, GT or LT"));
        assert!(condition(&["GT", "LT"]).err().unwrap().starts_with("ERR GT and LT"));
        assert_eq!(condition(&["QQ"]).err().unwrap(), "ERR Unsupported option QQ");
    }

    #[test]
    fn times_that_overflow_are_refused() {
        let relative = Unit { command: "expire", seconds: true, absolute: false };
        assert_eq!(relative.deadline_ms(b"-5", 7000).unwrap(), 2000);
        assert!(relative.deadline_ms(b"9223372036854775", 1_000_000).is_err());
        let error = relative.deadline_ms(b"9223372036854775807", 0).unwrap_err();
        assert_eq!(error.text(), b"ERR invalid expire time in 'expire' command");
        let ms = Unit { command: "pexpire", seconds: false, absolute: false };
        assert!(ms.deadline_ms(b"9223372036854775807", 1).is_err());
    }
}
