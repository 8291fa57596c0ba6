//! The clients of the soak, each a thread: it follows the master of the moment, and rests while
//! the test looks at the servers.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use fastrand::Rng;

use super::workload::{self, Command};
use crate::common::client::Client;
use crate::common::value::Value;

const NAP: Duration = Duration::from_millis(2);
const REPLY_LIMIT: Duration = Duration::from_secs(5);
/// Of each kind.
pub const WRITERS: usize = 2;

/// What the threads and the test share.
#[derive(Default)]
pub struct Shared {
    pub master_port: AtomicU16,
    rests: AtomicBool,
    ends: AtomicBool,
    resting: AtomicUsize,
    threads: AtomicUsize,
    pub commands: AtomicU64,
    /// Entries that WAIT confirmed, by writer.
    pub confirmed: [Mutex<Vec<u64>>; WRITERS],
    /// The last entry of a ledger that was deleted, by writer.
    pub deleted: [AtomicU64; WRITERS],
}

pub struct Workers {
    pub shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub fn start(seed: u64, master_port: u16) -> Workers {
        let shared = Arc::new(Shared::default());
        shared.master_port.store(master_port, SeqCst);
        let mut threads = Vec::new();
        for kind in 0..3 {
            for writer in 0..WRITERS {
                let shared = Arc::clone(&shared);
                let rng = Rng::with_seed(seed ^ (kind * 100 + writer as u64));
                shared.threads.fetch_add(1, SeqCst);
                threads.push(spawn(move || match kind {
                    0 => ledger(&shared, writer),
                    1 => random(&shared, rng),
                    _ => blocked(&shared, rng),
                }));
            }
        }
        Workers { shared, threads }
    }

    /// Returns when nobody has anything under way.
    pub fn rest(&self) {
        self.shared.rests.store(true, SeqCst);
        while self.shared.resting.load(SeqCst) < self.shared.threads.load(SeqCst) {
            sleep(NAP);
        }
    }

    pub fn go_on(&self) {
        self.shared.rests.store(false, SeqCst);
    }

    pub fn end(self) {
        self.shared.ends.store(true, SeqCst);
        self.threads.into_iter().for_each(|thread| thread.join().expect("no worker fails"));
    }
}

/// A connection to whoever is the master.
struct Session<'s> {
    shared: &'s Shared,
    client: Option<(u16, Client)>,
    /// Connections made.
    count: u64,
}

impl Session<'_> {
    /// False at the end. Rests when told to.
    fn ready(&mut self) -> bool {
        loop {
            if self.shared.ends.load(SeqCst) {
                return false;
            }
            if self.shared.rests.load(SeqCst) {
                self.shared.resting.fetch_add(1, SeqCst);
                while self.shared.rests.load(SeqCst) && !self.shared.ends.load(SeqCst) {
                    sleep(NAP);
                }
                self.shared.resting.fetch_sub(1, SeqCst);
                continue;
            }
            let port = self.shared.master_port.load(SeqCst);
            if self.client.as_ref().is_some_and(|(own, _)| *own == port) {
                return true;
            }
            match Client::connect(port) {
                Ok(client) => {
                    self.client = Some((port, client));
                    self.count += 1;
                }
                Err(_) => sleep(NAP * 10),
            }
        }
    }

    /// Sends all at once; the last reply. `None`: the connection is lost.
    fn run(&mut self, commands: &[Command]) -> Option<Value> {
        let (_, client) = self.client.as_mut()?;
        let bytes: Vec<u8> =
            commands.iter().flat_map(|command| crate::common::client::encode(command)).collect();
        let mut last = None;
        if client.try_send_raw(&bytes).is_ok() {
            for _ in commands {
                last = client.try_read(REPLY_LIMIT);
                if last.is_none() {
                    break;
                }
            }
        }
        self.shared.commands.fetch_add(commands.len() as u64, SeqCst);
        if last.is_none() {
            self.client = None;
        }
        last
    }
}

/// Adds entries, one after the other, and notes those that WAIT confirms.
fn ledger(shared: &Shared, writer: usize) {
    let mut session = Session { shared, client: None, count: 0 };
    let (mut pending, mut connection) = (Vec::new(), 0);
    let mut n = 0;
    while session.ready() {
        n += 1;
        if session.count != connection {
            // WAIT confirms what its own connection wrote, nothing else.
            connection = session.count;
            pending.clear();
        }
        let reply = session.run(&workload::ledger_entry(writer, n));
        match reply {
            Some(Value::Int(_)) => pending.push(n),
            Some(Value::Array(items)) if items.iter().all(|item| matches!(item, Value::Int(_))) => {
                pending.push(n);
            }
            Some(Value::Error(_)) => sleep(NAP),
            None => {}
            Some(other) => panic!("entry {n}: {other}"),
        }
        if n % 7 == 0 {
            let wait = vec![b"WAIT".to_vec(), b"1".to_vec(), b"300".to_vec()];
            if let Some(Value::Int(1..)) = session.run(&[wait]) {
                // Some may have been written before the ledger began anew.
                let deleted = shared.deleted[writer].load(SeqCst);
                let news = pending.drain(..).filter(|n| *n > deleted);
                shared.confirmed[writer].lock().unwrap().extend(news);
            }
        }
        sleep(NAP / 4);
    }
}

fn random(shared: &Shared, mut rng: Rng) {
    let mut session = Session { shared, client: None, count: 0 };
    while session.ready() {
        let batch: Vec<Command> =
            (0..rng.usize(1..12)).flat_map(|_| workload::commands(&mut rng)).collect();
        session.run(&batch);
        sleep(NAP);
    }
}

fn blocked(shared: &Shared, mut rng: Rng) {
    let mut session = Session { shared, client: None, count: 0 };
    while session.ready() {
        session.run(&[workload::blocking(&mut rng)]);
        sleep(NAP);
    }
}
