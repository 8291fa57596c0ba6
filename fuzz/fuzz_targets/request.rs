//! The request parser on hostile bytes: however the input is cut, it gives the same commands or
//! the same error, and every argument lies within the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_rust::protocol::request::{Limits, Parsed, ProtocolError, RequestParser};

type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// Feeds the bytes in pieces of `step` and collects the commands.
fn parse(bytes: &[u8], step: usize, limits: Limits) -> Outcome {
    let mut parser = RequestParser::new();
    let mut commands = Vec::new();
    let (mut start, mut end) = (0, 0);
    loop {
        match parser.parse(&bytes[start..end], limits) {
            Ok(Parsed::Command { bytes: used }) => {
                let command = &bytes[start..start + used];
                let argv = (0..parser.argc()).map(|i| parser.arg(command, i).to_vec()).collect();
                commands.push(argv);
                start += used;
                parser.reset();
            }
            Ok(Parsed::Nothing { bytes: used }) => {
                start += used;
                parser.reset();
            }
            Ok(Parsed::Incomplete) if end == bytes.len() => return (commands, None),
            Ok(Parsed::Incomplete) => end = (end + step).min(bytes.len()),
            Err(error) => return (commands, Some(error)),
        }
    }
}

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (authenticated, step, bytes) = input;
    let limits = Limits { max_bulk_bytes: 1 << 20, authenticated };
    let whole = parse(bytes, bytes.len().max(1), limits);
    let cut = parse(bytes, usize::from(step).max(1), limits);
    assert_eq!(whole, cut);
});
