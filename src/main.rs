//! `redis-server`: reads its configuration, opens its sockets and runs the loop.

use redis_rust::config::file;
use redis_rust::server::Server;
use redis_rust::server::event_loop::EventLoop;

fn main() {
    let args: Vec<Vec<u8>> =
        std::env::args_os().skip(1).map(std::os::unix::ffi::OsStringExt::into_vec).collect();
    let loaded = match file::load(Default::default(), &args, false, &mut std::io::stdin()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprint!("{error}");
            std::process::exit(1);
        }
    };
    let mut event_loop = EventLoop::new().expect("an event loop");
    let waker = event_loop.waker().expect("a waker");
    let mut server = Server::new(loaded.config, waker).expect("a server");
    server.log_notice(&format!(" PID: {}", std::process::id()));
    let registry = event_loop.poll.registry();
    if let Err(text) = server.listeners.open(&server.config, registry) {
        server.log_warning(&text);
        server.log_warning(&format!(
            "Failed listening on port {} (tcp), aborting.",
            server.config.port
        ));
        std::process::exit(1);
    }
    server.log_notice("Server initialized");
    server.log_notice("Ready to accept connections tcp");
    let status = event_loop.run(&mut server);
    std::process::exit(status);
}
