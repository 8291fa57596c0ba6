//! `Host`: what a running script may ask of the server. Implemented by the server for a call of a
//! script, and by [`NoHost`] where nothing may be asked.

use super::lua::Ref;
use crate::protocol::reply::Reply;

/// Why a command did not run: the text of an error reply, its code first, and whether a `-` would
/// come before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub Vec<u8>);

/// A function that a library registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub name: Vec<u8>,
    pub description: Option<Vec<u8>>,
    /// Of [`super::flags`].
    pub flags: u64,
    /// The callback, in the registry of the interpreter.
    pub callback: Ref,
}

/// The server, as a script sees it. No method may call into the interpreter.
///
/// What is not implemented fails or does nothing, as it has to for code that runs on nobody's
/// behalf.
pub trait Host {
    /// Runs a command. `Err`: it was refused before it ran (and counted as an error). Otherwise
    /// its reply is what [`Host::command_reply`] gives.
    fn call(&mut self, _argv: &[&[u8]]) -> Result<(), Refused> {
        Err(Refused(b"ERR no command can run now".to_vec()))
    }

    /// The reply of the last command, RESP.
    fn command_reply(&self) -> &[u8] {
        b"_\r\n"
    }

    /// `redis.setresp`: the protocol of replies to commands from now on.
    fn set_resp3(&mut self, _on: bool) {}

    /// Replies to commands are RESP3.
    fn is_resp3(&self) -> bool {
        false
    }

    /// `redis.set_repl`: where effects go, 1 = AOF, 2 = replicas.
    fn set_repl(&mut self, _targets: u8) {}

    /// The client may run that command. `None`: there is no such command.
    fn acl_allows(&mut self, _argv: &[&[u8]]) -> Option<bool> {
        None
    }

    /// `redis.log`.
    fn log(&mut self, _level: u8, _text: &[u8]) {}

    /// Called every now and then while a script runs. `Some`: it ends with this error.
    fn interrupt(&mut self) -> Option<&'static str> {
        None
    }

    /// `redis.register_function`. `Err`: the error.
    fn register(&mut self, _function: Registered) -> Result<(), &'static str> {
        Err("redis.register_function can only be called on FUNCTION LOAD command")
    }

    /// Where the result of the script goes.
    fn reply(&mut self) -> &mut Reply;

    /// Replies with an error (text with its code); `counted`: the statistics know it already.
    fn reply_error(&mut self, _text: Vec<u8>, _counted: bool) {}
}

/// For code that runs on nobody's behalf.
pub struct NoHost(pub Reply);

impl Host for NoHost {
    fn reply(&mut self) -> &mut Reply {
        &mut self.0
    }
}
