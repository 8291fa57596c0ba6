//! What must reach the AOF and the replicas: collected while a command runs, handed over when the
//! outermost command is done. Nothing else writes to either.

/// One command to propagate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propagated {
    pub db: usize,
    pub argv: Vec<Box<[u8]>>,
    /// Not for the AOF: it changes no data (PUBLISH).
    pub replicas_only: bool,
}

/// Collected commands of the current execution unit.
#[derive(Debug, Default)]
pub struct Propagate {
    /// Somebody listens: AOF on, or replicas, or a backlog.
    pub enabled: bool,
    pub pending: Vec<Propagated>,
    /// What stands for the command that runs, if not the command itself.
    replacement: Option<Vec<Box<[u8]>>>,
    prevented: bool,
    forced: bool,
}

fn owned(argv: &[&[u8]]) -> Vec<Box<[u8]>> {
    argv.iter().map(|arg| Box::from(*arg)).collect()
}

impl Propagate {
    /// The running command is propagated as `argv`.
    pub fn replace(&mut self, argv: &[&[u8]]) {
        if self.enabled {
            self.replacement = Some(owned(argv));
        }
    }

    /// The running command is not propagated.
    pub fn prevent(&mut self) {
        self.prevented = true;
    }

    /// The running command goes to the replicas although it changes no data.
    pub fn force_replicas(&mut self) {
        self.forced = true;
    }

    /// One more command is propagated, after those given before and before the running one.
    pub fn also(&mut self, db: usize, argv: &[&[u8]]) {
        if self.enabled {
            self.pending.push(Propagated { db, argv: owned(argv), replicas_only: false });
        }
    }

    /// The command that ran is over. If it made changes, it, or what replaces it, follows what was
    /// given to `also` meanwhile: an expired key is deleted before the command that met it.
    pub fn command_done(&mut self, db: usize, argv: &[&[u8]], changed: bool) {
        let prevented = std::mem::take(&mut self.prevented);
        let forced = std::mem::take(&mut self.forced);
        let replacement = self.replacement.take();
        if (changed || forced) && self.enabled && !prevented {
            let argv = replacement.unwrap_or_else(|| owned(argv));
            self.pending.push(Propagated { db, argv, replicas_only: !changed });
        }
    }

    /// What was collected, for the AOF and the replicas: several commands are wrapped into MULTI
    /// and EXEC, so that whoever replays them sees all or none.
    pub fn take_unit(&mut self) -> Vec<Propagated> {
        let mut unit = std::mem::take(&mut self.pending);
        if unit.len() > 1 {
            let (db, replicas_only) = (unit[0].db, unit.iter().all(|op| op.replicas_only));
            let wrap = |name: &[u8]| Propagated { db, argv: vec![name.into()], replicas_only };
            unit.insert(0, wrap(b"MULTI"));
            unit.push(wrap(b"EXEC"));
        }
        unit
    }
}

impl super::Server {
    /// Hands the collected commands to AOF and replicas.
    #[inline]
    pub fn propagate_now(&mut self) {
        if !self.propagate.pending.is_empty() {
            self.propagate.pending.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(propagate: &mut Propagate) -> Vec<String> {
        let unit = propagate.take_unit();
        unit.iter().map(|op| String::from_utf8_lossy(&op.argv.join(&b' ')).into_owned()).collect()
    }

    #[test]
    fn the_command_follows_what_it_also_propagates() {
        let mut p = Propagate { enabled: true, ..Propagate::default() };
        p.also(0, &[b"DEL", b"k"]);
        p.command_done(0, &[b"SET", b"k", b"v"], true);
        assert_eq!(names(&mut p), ["MULTI", "DEL k", "SET k v", "EXEC"]);
        p.command_done(0, &[b"SET", b"k", b"v"], true);
        assert_eq!(names(&mut p), ["SET k v"], "one command needs no transaction");
    }

    #[test]
    fn replaced_prevented_and_forced_commands() {
        let mut p = Propagate { enabled: true, ..Propagate::default() };
        p.replace(&[b"SREM", b"s", b"a"]);
        p.command_done(0, &[b"SPOP", b"s"], true);
        assert_eq!(names(&mut p), ["SREM s a"]);
        p.prevent();
        p.command_done(0, &[b"SPOP", b"s"], true);
        p.command_done(0, &[b"GET", b"s"], false);
        assert!(names(&mut p).is_empty());
        p.force_replicas();
        p.command_done(0, &[b"PUBLISH", b"c", b"m"], false);
        assert!(p.take_unit()[0].replicas_only);
    }
}
