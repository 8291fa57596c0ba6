//! The AOF reader on hostile bytes: however they come in pieces, it gives the same commands and
//! ends in the same way at the same place.
#![no_main]

use std::io::Read;
use std::mem::discriminant;

use libfuzzer_sys::fuzz_target;
use redis_rust::persistence::aof::load::AofReader;

/// Gives `step` bytes at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.rest.len().min(self.step).min(out.len());
        out[..n].copy_from_slice(&self.rest[..n]);
        self.rest = &self.rest[n..];
        Ok(n)
    }
}

type Outcome = (Vec<Vec<Vec<u8>>>, u64, Option<std::mem::Discriminant<Fault>>);
type Fault = redis_rust::persistence::aof::load::LoadFault;

fn read_all(bytes: &[u8], step: usize) -> Outcome {
    let mut reader = AofReader::new(Pieces { rest: bytes, step });
    let mut commands = Vec::new();
    loop {
        match reader.next_command() {
            Ok(true) => commands.push(reader.args().map(<[u8]>::to_vec).collect()),
            Ok(false) => return (commands, reader.offset(), None),
            Err(fault) => return (commands, reader.offset(), Some(discriminant(&fault))),
        }
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let whole = read_all(bytes, bytes.len().max(1));
    assert_eq!(whole, read_all(bytes, usize::from(step).max(1)));
    assert!(whole.1 <= bytes.len() as u64);
});
