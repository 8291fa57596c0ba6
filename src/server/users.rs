//! Who may log in. There is one user, `default`, with the password of `requirepass` if it is set;
//! what is asked of a user stands here and nowhere else, so that users with rules of their own
//! change this file only.

use super::Server;
use super::client::{Client, ClientFlags};
use crate::commands::ReplyError;

/// The name of the user that new connections have.
pub const DEFAULT_USER: &[u8] = b"default";

const WRONGPASS: ReplyError =
    ReplyError::fixed("WRONGPASS invalid username-password pair or user is disabled.");

/// The users, as the configuration makes them.
pub struct Users<'a> {
    password: Option<&'a [u8]>,
}

impl Users<'_> {
    /// A connection that never said AUTH may run commands.
    #[inline]
    pub fn default_needs_no_password(&self) -> bool {
        self.password.is_none()
    }

    /// There is a user of that name.
    pub fn exists(&self, name: &[u8]) -> bool {
        name == DEFAULT_USER
    }

    fn accepts(&self, name: &[u8], password: &[u8]) -> bool {
        self.exists(name) && self.password.is_none_or(|wanted| same_secret(wanted, password))
    }
}

/// Equality in a time that does not tell where two secrets differ.
fn same_secret(wanted: &[u8], given: &[u8]) -> bool {
    let mut differs = u8::from(wanted.len() != given.len());
    for (i, byte) in given.iter().enumerate() {
        // Against itself where the other has ended: the length alone decides then.
        differs |= byte ^ wanted.get(i).unwrap_or(byte);
    }
    differs == 0
}

impl Server {
    /// The users.
    #[inline]
    pub fn users(&self) -> Users<'_> {
        Users { password: self.config.requirepass.as_deref() }
    }

    /// AUTH: the client acts for that user from now on.
    pub fn authenticate(
        &mut self,
        client: &mut Client,
        name: &[u8],
        password: &[u8],
    ) -> Result<(), ReplyError> {
        if !self.users().accepts(name, password) {
            self.stats.acl_denied_auth += 1;
            return Err(WRONGPASS);
        }
        client.flags.set(ClientFlags::AUTHENTICATED);
        if *client.user != *name {
            client.user = name.into();
        }
        Ok(())
    }

    /// The client is who it was when it connected.
    pub fn set_default_user(&self, client: &mut Client) {
        client.user = DEFAULT_USER.into();
        let open = self.users().default_needs_no_password();
        client.flags.assign(ClientFlags::AUTHENTICATED, open);
    }
}

#[cfg(test)]
mod tests {
    use super::same_secret;

    #[test]
    fn secrets_are_the_same_only_in_full() {
        assert!(same_secret(b"foobar", b"foobar"));
        assert!(!same_secret(b"foobar", b"foo"));
        assert!(!same_secret(b"foo", b"foobar"));
        assert!(!same_secret(b"foobar", b"foobaz"));
        assert!(!same_secret(b"foobar", b""));
    }
}
