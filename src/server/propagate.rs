//! What must reach the AOF and the replicas: collected while a command runs, handed over when the
//! outermost command is done. Nothing else writes to either.
//!
//! A command that is propagated as it was received, and alone, is handed over from its arguments
//! without a copy between; everything else is encoded once, into a buffer that is kept.

use super::Server;
use crate::commands::spec::flag;
use crate::persistence::aof::feed::{Outgoing, push_command};
use crate::protocol::reply::Reply;

/// One collected command.
#[derive(Debug, Clone, Copy)]
struct Op {
    db: usize,
    /// Not for the AOF: it changes no data (PUBLISH).
    replicas_only: bool,
    /// A script did not want it on replicas.
    aof_only: bool,
    /// Where it ends in the buffer.
    end: usize,
}

/// What the running command asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wishes {
    prevented: bool,
    /// To the replicas only.
    forced: bool,
    /// As if it had made changes.
    forced_to_all: bool,
    /// What stands for the command is in `Propagate::replacement`.
    replaced: bool,
}

/// To whom the commands of a script do not go (`redis.set_repl`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Muted {
    aof: bool,
    replicas: bool,
}

/// Collected commands of the current execution unit.
#[derive(Debug, Default)]
pub struct Propagate {
    /// Somebody listens: AOF on, or replicas, or a backlog. Else nothing is wished and collected.
    pub enabled: bool,
    ops: Vec<Op>,
    /// The commands, encoded.
    bytes: Reply,
    replacement: Reply,
    wishes: Wishes,
    muted: Muted,
}

impl Propagate {
    /// The running command is propagated as `argv`.
    pub fn replace(&mut self, argv: &[&[u8]]) {
        if self.enabled {
            self.replacement.truncate(0);
            push_command(&mut self.replacement, argv);
            self.wishes.replaced = true;
        }
    }

    /// Gives away what was collected so far: other commands run in the middle of one.
    pub fn set_aside(&mut self) -> Propagate {
        let enabled = self.enabled;
        std::mem::replace(self, Propagate { enabled, ..Propagate::default() })
    }

    /// Takes back what `set_aside` gave away.
    pub fn restore(&mut self, aside: Propagate) {
        let enabled = self.enabled;
        *self = Propagate { enabled, ..aside };
    }

    /// Somebody listens from now on, or nobody does.
    pub fn enable(&mut self, on: bool) {
        self.enabled = on;
        self.wishes = Wishes::default();
    }

    /// The running command is not propagated.
    pub fn prevent(&mut self) {
        self.wishes.prevented = self.enabled;
    }

    /// The running command goes to the replicas although it changes no data.
    pub fn force_replicas(&mut self) {
        self.wishes.forced = self.enabled;
    }

    /// The effects of commands go to the AOF (bit 0) and the replicas (bit 1), or not.
    pub fn set_targets(&mut self, targets: u8) {
        self.muted = Muted { aof: targets & 1 == 0, replicas: targets & 2 == 0 };
    }

    /// The running command is propagated even if it changes nothing here.
    pub fn force(&mut self) {
        self.wishes.forced_to_all = self.enabled;
    }

    /// One more command is propagated, after those given before and before the running one.
    pub fn also(&mut self, db: usize, argv: &[&[u8]]) {
        if self.enabled {
            self.push(db, Outgoing::Argv(argv), false);
        }
    }

    fn push(&mut self, db: usize, command: Outgoing<'_>, replicas_only: bool) {
        command.push_to(&mut self.bytes);
        let aof_only = self.muted.replicas;
        self.ops.push(Op { db, replicas_only, aof_only, end: self.bytes.len() });
    }

    /// Something was collected.
    #[inline]
    pub fn is_pending(&self) -> bool {
        !self.ops.is_empty()
    }

    /// Bytes of what was collected.
    pub fn pending_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// True if `command_done` may have something to do.
    #[inline]
    pub fn concerns(&self, changed: bool) -> bool {
        changed && self.enabled || self.wishes != Wishes::default()
    }

    /// The command that ran is over. If it made changes, it, or what replaces it, follows what was
    /// given to `also` meanwhile: an expired key is deleted before the command that met it.
    ///
    /// Returns true if the command, as it is, is all there is to propagate: the caller does.
    fn command_done(&mut self, db: usize, argv: &[&[u8]], changed: bool, outermost: bool) -> bool {
        let wishes = std::mem::take(&mut self.wishes);
        let muted = self.muted;
        let changed = changed || wishes.forced_to_all;
        let wanted = self.enabled && !wishes.prevented && (changed || wishes.forced);
        if !wanted || muted.aof && muted.replicas {
            return false;
        }
        let replicas_only = !changed || muted.aof;
        if wishes.replaced {
            let replacement = std::mem::take(&mut self.replacement);
            self.push(db, Outgoing::Encoded(replacement.as_bytes()), replicas_only);
            self.replacement = replacement;
        } else if outermost && self.ops.is_empty() {
            return true;
        } else {
            self.push(db, Outgoing::Argv(argv), replicas_only);
        }
        false
    }

    /// Forgets what was collected, keeping small buffers.
    fn clear(&mut self) {
        const KEPT_BYTES: usize = 64 * 1024;
        self.ops.clear();
        self.bytes.truncate(0);
        for kept in [&mut self.bytes, &mut self.replacement] {
            if kept.buffer_mut().capacity() > KEPT_BYTES {
                *kept = Reply::new();
            }
        }
    }
}

impl Server {
    /// The command that ran is over; see [`Propagate::concerns`].
    pub fn propagate_command(&mut self, db: usize, argv: &[&[u8]], changed: bool) {
        let outermost = self.exec.depth <= 1;
        let changed = changed || self.propagate.wishes.forced_to_all;
        if self.propagate.command_done(db, argv, changed, outermost) {
            self.propagate_to_all(Some(db), Outgoing::Argv(argv), !changed);
        }
    }

    /// Hands the collected commands to AOF and replicas.
    #[inline]
    pub fn propagate_now(&mut self) {
        if self.propagate.is_pending() {
            self.propagate_unit();
        }
    }

    /// Several commands are wrapped into MULTI and EXEC, so that whoever replays them sees all or
    /// none; not if the command that caused them touches keys at random: its effects have nothing
    /// to do with each other.
    fn propagate_unit(&mut self) {
        let mut unit = std::mem::take(&mut self.propagate);
        self.propagate.enabled = unit.enabled;
        let command = self.exec.command.map(|id| self.commands.get(id).spec.flags);
        let arbitrary = command.is_some_and(|flags| flags & flag::TOUCHES_ARBITRARY_KEYS != 0);
        let wrapped = unit.ops.len() > 1 && !arbitrary;
        let replicas_only = unit.ops.iter().all(|op| op.replicas_only);
        if wrapped {
            self.propagate_to_all(None, Outgoing::Argv(&[b"MULTI"]), replicas_only);
        }
        let mut start = 0;
        for op in &unit.ops {
            let command = Outgoing::Encoded(&unit.bytes.as_bytes()[start..op.end]);
            match op.aof_only {
                true => self.feed_aof(Some(op.db), command),
                false => self.propagate_to_all(Some(op.db), command, op.replicas_only),
            }
            start = op.end;
        }
        if wrapped {
            self.propagate_to_all(None, Outgoing::Argv(&[b"EXEC"]), replicas_only);
        }
        unit.clear();
        self.propagate = unit;
    }

    /// One command to everyone who listens. `db`: where it runs; `None` for MULTI and EXEC, whose
    /// SELECT, if needed, comes with the command between them.
    fn propagate_to_all(&mut self, db: Option<usize>, command: Outgoing<'_>, replicas_only: bool) {
        if !replicas_only {
            self.feed_aof(db, command);
        }
        match command {
            Outgoing::Argv(argv) => self.feed_replicas(db, argv),
            Outgoing::Encoded(resp) => self.feed_replicas_encoded(db, resp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(propagate: &mut Propagate) -> Vec<(String, bool)> {
        let mut start = 0;
        let mut out = Vec::new();
        for op in &propagate.ops {
            let text = String::from_utf8_lossy(&propagate.bytes.as_bytes()[start..op.end]);
            let words: Vec<&str> = text.split("\r\n").skip(2).step_by(2).collect();
            out.push((words.join(" "), op.replicas_only));
            start = op.end;
        }
        propagate.clear();
        out
    }

    fn texts(propagate: &mut Propagate) -> Vec<String> {
        collected(propagate).into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn the_command_follows_what_it_also_propagates() {
        let mut p = Propagate { enabled: true, ..Propagate::default() };
        p.also(0, &[b"DEL", b"k"]);
        assert!(!p.command_done(0, &[b"SET", b"k", b"v"], true, true));
        assert_eq!(texts(&mut p), ["DEL k", "SET k v"]);
        assert!(p.command_done(0, &[b"SET", b"k", b"v"], true, true), "alone: not collected");
        assert!(!p.command_done(0, &[b"SET", b"k", b"v"], true, false), "within EXEC");
        assert_eq!(texts(&mut p), ["SET k v"]);
    }

    #[test]
    fn replaced_prevented_and_forced_commands() {
        let mut p = Propagate { enabled: true, ..Propagate::default() };
        assert!(p.concerns(true) && !p.concerns(false));
        p.replace(&[b"SREM", b"s", b"a"]);
        assert!(!p.command_done(0, &[b"SPOP", b"s"], true, true));
        assert_eq!(texts(&mut p), ["SREM s a"]);
        p.prevent();
        assert!(p.concerns(false));
        assert!(!p.command_done(0, &[b"SPOP", b"s"], true, true));
        assert!(!p.command_done(0, &[b"GET", b"s"], false, true));
        assert!(texts(&mut p).is_empty());
        p.force_replicas();
        assert!(!p.command_done(0, &[b"PUBLISH", b"c", b"m"], false, false));
        assert_eq!(collected(&mut p), [("PUBLISH c m".into(), true)]);
    }

    #[test]
    fn nothing_is_collected_while_nobody_listens() {
        let mut p = Propagate::default();
        p.replace(&[b"X"]);
        p.also(0, &[b"DEL", b"k"]);
        assert!(!p.concerns(true));
        assert!(!p.command_done(0, &[b"SET", b"k", b"v"], true, true));
        assert!(!p.is_pending());
    }
}
