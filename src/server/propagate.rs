//! What must reach the AOF and the replicas: collected while a command runs, handed over when the
//! outermost command is done. Nothing else writes to either.

/// One command to propagate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propagated {
    pub db: usize,
    pub argv: Vec<Box<[u8]>>,
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

    /// One more command is propagated, after those given before.
    pub fn also(&mut self, db: usize, argv: &[&[u8]]) {
        if self.enabled {
            self.pending.push(Propagated { db, argv: owned(argv) });
        }
    }

    /// The command that ran made changes: it, or what replaces it, follows what it gave to `also`
    /// (such as the deletion of an expired key, which must not come after what re-creates it).
    pub fn command_done(&mut self, db: usize, argv: &[&[u8]], changed: bool) {
        let prevented = std::mem::take(&mut self.prevented);
        let replacement = self.replacement.take();
        if changed && self.enabled && !prevented {
            let argv = replacement.unwrap_or_else(|| owned(argv));
            self.pending.push(Propagated { db, argv });
        }
    }
}
