//! Commands written as one string of words, for tests that are scripts of them; and what such tests
//! do with commands that block. Not for arguments that are empty or have blanks: see `call!`.

use std::time::Duration;

use super::Value;
use super::client::Client;

/// How long a reply that should come may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait for a reply that should not come.
pub const A_WHILE: Duration = Duration::from_millis(50);

/// Runs a command.
pub fn run(client: &mut Client, command: &str) -> Value {
    client.command(&command.split(' ').collect::<Vec<_>>())
}

/// Runs a command and compares the reply as text.
pub fn expect(client: &mut Client, command: &str, reply: &str) {
    assert_eq!(run(client, command).to_string(), reply, "{command}");
}

/// Runs a command whose reply must be an error that contains `part`.
pub fn expect_error(client: &mut Client, command: &str, part: &str) {
    let reply = run(client, command);
    assert!(reply.is_error() && reply.text().contains(part), "{command}: {reply}");
}

/// Sends a command that has no reply yet, since it waits for something.
pub fn send_blocked(client: &mut Client, command: &str) {
    client.send(&command.split(' ').collect::<Vec<_>>());
    assert!(client.try_read(A_WHILE).is_none(), "{command} should block");
}

/// The reply of a command that was blocked.
pub fn served(client: &mut Client, reply: &str) {
    assert_eq!(client.try_read(PATIENCE).expect(reply).to_string(), reply);
}
