//! The program: hands the command line to `server::start`.

use std::os::unix::ffi::OsStringExt;

use redis_rust::server::start;

fn main() {
    let mut args = std::env::args_os().map(OsStringExt::into_vec);
    let program = args.next().unwrap_or_default();
    let args: Vec<Vec<u8>> = args.collect();
    std::process::exit(start::run(&program, &args));
}
