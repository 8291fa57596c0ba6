//! Figures of the storage core, not assertions of the suite: run by hand with
//! `cargo test --release --lib measure -- --ignored --nocapture --test-threads=1`.

use super::*;
use crate::sys::malloc::thread_used_memory;
use crate::sys::thread_clock::thread_cpu;

fn key(i: usize) -> String {
    format!("key:{i:012}")
}

fn filled(keys: usize, value: &[u8]) -> Db {
    let mut db = Db::new(0, false);
    (0..keys).for_each(|i| {
        db.set_bytes(key(i).as_bytes(), value, false, 0);
    });
    while db.incrementally_rehash(Duration::from_millis(10)) {}
    db
}

/// Random keys, made beforehand.
fn draws(keys: usize, n: usize) -> Vec<String> {
    let mut rng = fastrand::Rng::with_seed(3);
    (0..n).map(|_| key(rng.usize(..keys))).collect()
}

#[test]
#[ignore = "a measurement"]
fn measure_bytes_per_key() {
    for keys in [500_000, 1_000_000, 1_048_576, 1_700_000] {
        for (name, value) in [("16/16", &b"value-0123456789"[..]), ("16/int", b"1234567")] {
            let before = thread_used_memory();
            let db = filled(keys, value);
            let bytes = (thread_used_memory() - before) as f64 / keys as f64;
            let table = db.table_bytes().0 as f64 / keys as f64;
            println!("{keys:>9} keys {name:>6}: {bytes:5.1} B/key, of which table {table:4.1}");
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn measure_find_and_set() {
    for keys in [10_000, 1_000_000, 4_000_000] {
        let mut db = filled(keys, b"value-0123456789");
        let draws = draws(keys, 1_000_000);
        let per_op =
            |start: Duration| (thread_cpu() - start).as_nanos() as f64 / draws.len() as f64;

        let start = thread_cpu();
        let found = draws.iter().filter(|k| db.find(k.as_bytes()).is_some()).count();
        let single = per_op(start);
        assert_eq!(found, draws.len());

        let start = thread_cpu();
        for batch in draws.chunks(16) {
            let mut at = [db.hash(b""); 16];
            for (at, key) in at.iter_mut().zip(batch) {
                *at = db.hash(key.as_bytes());
                db.prefetch_bucket(*at);
            }
            at.iter().take(batch.len()).for_each(|at| db.prefetch_entry(*at));
            for (at, key) in at.iter().zip(batch) {
                assert!(db.find_hashed(*at, key.as_bytes()).is_some());
            }
        }
        let batched = per_op(start);

        let start = thread_cpu();
        for key in &draws {
            db.set_bytes(key.as_bytes(), b"other-0123456789", false, 1);
        }
        println!(
            "{keys:>8} keys: find {single:.0} ns, by 16 {batched:.0} ns, overwrite {:.0} ns",
            per_op(start)
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn measure_worst_insert_pause() {
    const KEYS: usize = 17_000_000;
    let mut db = Db::new(0, false);
    let (mut worst, mut over_half_ms) = (Vec::new(), 0);
    let all = thread_cpu();
    for i in 0..KEYS {
        let key = key(i);
        // CPU time: what other processes take is no pause of ours.
        let start = thread_cpu();
        db.set_bytes(key.as_bytes(), b"1234567", false, 0);
        let took = thread_cpu() - start;
        if took > Duration::from_micros(200) {
            over_half_ms += usize::from(took > Duration::from_micros(500));
            worst.push((took, i));
        }
    }
    worst.sort();
    worst.reverse();
    worst.truncate(12);
    let per_insert = (thread_cpu() - all).as_nanos() as f64 / KEYS as f64;
    println!("{per_insert:.0} ns/insert; over 0.5 ms: {over_half_ms}; worst: {worst:?}");
}

/// For `valgrind --tool=callgrind --toggle-collect='*count_*'`: instructions of a warm look-up.
#[test]
#[ignore = "a measurement"]
fn measure_instructions() {
    #[inline(never)]
    fn count_find(db: &Db, draws: &[String]) -> usize {
        draws.iter().filter(|k| db.find(k.as_bytes()).is_some()).count()
    }
    #[inline(never)]
    fn count_hash(draws: &[String]) -> u64 {
        draws.iter().map(|k| crate::util::siphash::siphash(k.as_bytes())).fold(0, |a, b| a ^ b)
    }
    #[inline(never)]
    fn count_overwrite(db: &mut Db, draws: &[String]) {
        for key in draws {
            db.set_bytes(key.as_bytes(), b"other-0123456789", false, 1);
        }
    }
    let mut db = filled(50_000, b"value-0123456789");
    let draws = draws(50_000, 100_000);
    assert!(count_find(&db, &draws) == draws.len() && count_hash(&draws) != 1);
    count_overwrite(&mut db, &draws);
}
