//! A disk with faults: a library that the C compiler makes of `faults.c` and that stands between
//! the server and the C library. It lets writes, syncs and renames fail at a rate that the test
//! chooses while the server runs, and notes what was synced, so that the test can take away all
//! that a power failure would have taken.
//!
//! Without a C compiler, or with a sanitizer in the server, there are no faults.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::server::binary_under_test;

/// How many of 256 calls fail, and what a sync takes, in the order of `faults.c`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub write_full: u8,
    /// Half of it is written.
    pub write_short: u8,
    pub sync_fails: u8,
    pub rename_fails: u8,
    /// How much longer a sync takes, in 10 ms.
    pub sync_delay: u8,
}

impl Rates {
    /// For one round: nothing fails, one thing does, or all do.
    pub fn random(rng: &mut fastrand::Rng) -> Rates {
        let mut rates = Rates::default();
        let kind = rng.u8(..8);
        for (number, rate) in [
            (0, &mut rates.write_full),
            (1, &mut rates.write_short),
            (2, &mut rates.sync_fails),
            (3, &mut rates.rename_fails),
        ] {
            if kind == 4 || kind == number {
                *rate = rng.u8(1..40);
            }
        }
        if kind == 3 {
            rates.rename_fails = 128;
        }
        rates
    }
}

pub struct FaultyDisk {
    dir: TempDir,
    available: bool,
}

impl FaultyDisk {
    pub fn new() -> FaultyDisk {
        let dir = tempfile::tempdir().expect("the temp directory is writable");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/common/faults.c");
        let library = dir.path().join("faults.so");
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]);
        let available = cfg!(not(sanitized)) && cc.status().is_ok_and(|status| status.success());
        if !available {
            eprintln!("without faults of the disk: no C compiler, or a sanitizer");
        }
        let disk = FaultyDisk { dir, available };
        fs::write(disk.path("faults"), [0; 5]).expect("ours");
        fs::write(disk.path("synced"), []).expect("ours");
        disk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Our server on this disk.
    pub fn binary(&self) -> PathBuf {
        if !self.available {
            return binary_under_test();
        }
        let script = self.path("server");
        let text = format!(
            "#!/bin/sh\nFAULTS='{}' SYNCED='{}' LD_PRELOAD='{}' exec {} \"$@\"\n",
            self.path("faults").display(),
            self.path("synced").display(),
            self.path("faults.so").display(),
            binary_under_test().display()
        );
        fs::write(&script, text).expect("ours");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("ours");
        script
    }

    /// False: faults cannot be had here.
    pub fn is_available(&self) -> bool {
        self.available
    }

    /// From now on calls fail.
    pub fn set(&self, rates: Rates) {
        let Rates { write_full, write_short, sync_fails, rename_fails, sync_delay } = rates;
        let file = OpenOptions::new().write(true).open(self.path("faults")).expect("ours");
        let bytes = [write_full, write_short, sync_fails, rename_fails, sync_delay];
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).expect("ours");
    }

    /// All that is there counts as synced: there was no power failure. The server must not run.
    pub fn keep_all(&self, dir: &Path) {
        let file = OpenOptions::new().append(true).open(self.path("synced"));
        let mut file = file.expect("ours");
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let meta = entry.expect("ours").metadata().expect("ours");
            let record = [meta.ino().to_ne_bytes(), meta.len().to_ne_bytes()].concat();
            std::io::Write::write_all(&mut file, &record).expect("ours");
        }
    }

    /// Cuts the data files in a folder to what was synced of them. The server must not run.
    pub fn lose_power(&self, dir: &Path) {
        if !self.available {
            return;
        }
        let log = fs::read(self.path("synced")).expect("ours");
        let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
        let records = log.chunks_exact(16).map(|r| (number(&r[..8]), number(&r[8..])));
        let synced: HashMap<u64, u64> = records.collect();
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.expect("ours").path();
            let extension = path.extension().and_then(|text| text.to_str()).unwrap_or("");
            if !["rdb", "aof", "manifest"].contains(&extension) {
                continue;
            }
            let meta = fs::metadata(&path).expect("ours");
            let len = synced.get(&meta.ino()).copied().unwrap_or(0);
            if meta.is_file() && len < meta.len() {
                let file = OpenOptions::new().write(true).open(&path).expect("ours");
                file.set_len(len).expect("ours");
            }
        }
    }
}
