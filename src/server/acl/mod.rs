//! Access control: the users, what each may do, and who a client is. Every question about a user is
//! answered here; `gate`, EXEC and scripts ask before a command runs.
//!
//! A command of a user who may do everything costs one test of a flag; for others the command is
//! looked up in a bit set, then its keys and channels are matched with the user's patterns.
//! Invariant: there always is a user `default`, and its object is never replaced.

pub mod check;
pub mod file;
pub mod log;
pub mod rules;
pub mod selector;
#[cfg(test)]
mod tests;
pub mod user;

use std::collections::BTreeMap;
use std::rc::Rc;

use check::{Denial, Reason, channel_matches, remaining_channels};
use log::{AclLog, Context, Refusal};
use rules::{RuleContext, apply, has_spaces, merge_selectors};
use user::{Rules, User};

use super::Server;
use super::client::{Client, ClientClass, ClientFlags};
use super::pubsub::SubKind;
use crate::commands::table::{CommandId, CommandTable};
use crate::commands::{Args, ReplyError};
use crate::config::{AclPubsubDefault, Config};

pub use check::{check_command, check_reading_all_keys};

/// The name of the user that new connections have.
pub const DEFAULT_USER: &[u8] = b"default";

const WRONGPASS: ReplyError =
    ReplyError::fixed("WRONGPASS invalid username-password pair or user is disabled.");

/// All users, and the log of refusals.
pub struct Acl {
    users: BTreeMap<Box<[u8]>, Rc<User>>,
    default: Rc<User>,
    pub log: AclLog,
}

impl Acl {
    /// With one user, who may do everything, with the password of `requirepass` if it is set.
    pub fn new(commands: &CommandTable, config: &Config) -> Acl {
        let default = User::new(DEFAULT_USER, Rules::unrestricted(commands));
        let users = BTreeMap::from([(DEFAULT_USER.into(), default.clone())]);
        let mut acl = Acl { users, default, log: AclLog::default() };
        acl.set_default_password(config.requirepass.as_deref());
        acl
    }

    pub fn get(&self, name: &[u8]) -> Option<&Rc<User>> {
        self.users.get(name)
    }

    /// Sorted by name.
    pub fn users(&self) -> impl ExactSizeIterator<Item = &Rc<User>> {
        self.users.values()
    }

    pub fn default_user(&self) -> &Rc<User> {
        &self.default
    }

    /// A connection that never said AUTH may run commands.
    #[inline]
    pub fn default_is_open(&self) -> bool {
        let rules = self.default.rules();
        rules.nopass && rules.enabled
    }

    /// No password is asked of the default user (who may be disabled).
    pub fn default_has_nopass(&self) -> bool {
        self.default.rules().nopass
    }

    /// `requirepass`: the one password of the default user, or none at all.
    pub fn set_default_password(&mut self, password: Option<&[u8]>) {
        let mut rules = self.default.rules().clone();
        rules.passwords = password.map(user::hash_password).into_iter().collect();
        rules.nopass = password.is_none();
        self.default.set_rules(rules);
    }

    /// Makes a user, or changes one; clients that are logged in see the change.
    fn put(&mut self, name: &[u8], rules: Rules) {
        match self.users.get(name) {
            Some(user) => user.set_rules(rules),
            None => {
                self.users.insert(name.into(), User::new(name, rules));
            }
        }
    }

    /// All users anew. Those who stay keep their objects; without a line of its own the default
    /// user is as a server without configuration has it.
    fn replace_users(&mut self, commands: &CommandTable, users: BTreeMap<Box<[u8]>, Rules>) {
        self.users.retain(|name, _| **name == *DEFAULT_USER || users.contains_key(name));
        if !users.contains_key(DEFAULT_USER) {
            self.default.set_rules(Rules::unrestricted(commands));
        }
        for (name, rules) in users {
            self.put(&name, rules);
        }
    }
}

impl Client {
    /// Some command, key or channel is forbidden to its user.
    #[inline]
    pub fn is_restricted(&self) -> bool {
        self.user.as_ref().is_some_and(|user| !user.is_unrestricted())
    }

    /// `None`: commands that were accepted elsewhere (a master's, those of the AOF).
    pub fn user_name(&self) -> Option<&[u8]> {
        self.user.as_ref().map(|user| &*user.name)
    }

    fn is_user(&self, user: &Rc<User>) -> bool {
        self.user.as_ref().is_some_and(|own| Rc::ptr_eq(own, user))
    }
}

/// A refusal as text, without a code: "NOPERM " or "ACL failure in script: " goes before it.
pub struct Refused {
    pub denial: Denial,
    pub message: Vec<u8>,
}

impl Refused {
    /// "NOPERM …".
    pub fn into_error(self) -> ReplyError {
        ReplyError::new([b"NOPERM ", &self.message[..]].concat())
    }
}

impl Server {
    fn rule_context(&self) -> RuleContext<'_> {
        let all_channels = self.config.acl_pubsub_default == AclPubsubDefault::Allchannels;
        RuleContext { commands: &self.commands, all_channels }
    }

    /// AUTH, HELLO: the client acts for that user from now on. `command`: argv[0], for the log.
    pub fn authenticate(
        &mut self,
        client: &mut Client,
        name: &[u8],
        password: &[u8],
        command: &[u8],
    ) -> Result<(), ReplyError> {
        let user = self.acl.get(name).filter(|user| user.rules().accepts(password)).cloned();
        let Some(user) = user else {
            let refusal = Refusal {
                reason: Reason::Auth,
                context: context_of(client),
                object: command.into(),
                username: name.into(),
            };
            self.log_refusal(client, refusal);
            return Err(WRONGPASS);
        };
        client.flags.set(ClientFlags::AUTHENTICATED);
        client.user = Some(user);
        Ok(())
    }

    /// The client is who it was when it connected.
    pub fn set_default_user(&self, client: &mut Client) {
        client.user = Some(self.acl.default_user().clone());
        client.flags.assign(ClientFlags::AUTHENTICATED, self.acl.default_is_open());
    }

    /// May the client run this command line? A refusal is logged and counted. `client`: whose user
    /// it is; `origin`: the client that the log shows, which is another one for scripts.
    pub fn check_acl(
        &mut self,
        client: &Client,
        origin: &Client,
        id: CommandId,
        args: Args<'_>,
        context: Context,
    ) -> Result<(), Refused> {
        let Some(user) = client.user.as_deref() else { return Ok(()) };
        let command = self.commands.get(id);
        let Err(denial) = check_command(Some(user), command, args) else { return Ok(()) };
        let object = match denial.reason {
            Reason::Key | Reason::Channel => args[denial.arg].into(),
            Reason::Command | Reason::Auth => command.full_name.as_bytes().into(),
        };
        let message = denial.message(&user.name, command, args, false);
        let username = user.name.clone();
        let refusal = Refusal { reason: denial.reason, context, object, username };
        self.log_refusal(origin, refusal);
        Err(Refused { denial, message })
    }

    /// As [`Server::check_acl`], for commands of the client itself.
    pub fn check_own_acl(
        &mut self,
        client: &Client,
        id: CommandId,
        args: Args<'_>,
    ) -> Result<(), Refused> {
        self.check_acl(client, client, id, args, context_of(client))
    }

    fn log_refusal(&mut self, client: &Client, refusal: Refusal) {
        let stats = &mut self.stats;
        *match refusal.reason {
            Reason::Command => &mut stats.acl_denied_cmd,
            Reason::Key => &mut stats.acl_denied_key,
            Reason::Auth => &mut stats.acl_denied_auth,
            Reason::Channel => &mut stats.acl_denied_channel,
        } += 1;
        let max_len = self.config.acllog_max_len as usize;
        if max_len == 0 {
            return self.acl.log.trim(0);
        }
        let info = self.client_info(client);
        self.acl.log.add(refusal, info, self.clock.now_ms, max_len);
    }

    /// ACL SETUSER. The error is the text without code.
    pub fn acl_set_user(
        &mut self,
        current: &mut Client,
        name: &[u8],
        words: &[&[u8]],
    ) -> Result<(), Vec<u8>> {
        if has_spaces(name) {
            return Err(b"Usernames can't contain spaces or null characters".to_vec());
        }
        let words = merge_selectors(words).map_err(|idx| {
            [b"Unmatched parenthesis in acl selector starting at '", words[idx], b"'."].concat()
        })?;
        let cx = self.rule_context();
        let old = self.acl.get(name).cloned();
        let mut rules = match &old {
            Some(user) => user.rules().clone(),
            None => Rules::new(cx.commands, cx.all_channels),
        };
        for word in &words {
            apply(cx, &mut rules, word).map_err(|error| {
                let error = error.text().as_bytes();
                [b"Error in ACL SETUSER modifier '", &word[..], b"': ", error].concat()
            })?;
        }
        if let Some(user) = old {
            let left = remaining_channels(&rules, &user.rules());
            if let Some(left) = left {
                self.disconnect_subscribers(current, &user, &left);
            }
        }
        self.acl.put(name, rules);
        Ok(())
    }

    /// ACL DELUSER of one name; true if there was such a user. Its clients are disconnected.
    pub fn acl_delete_user(&mut self, current: &mut Client, name: &[u8]) -> bool {
        let Some(user) = self.acl.users.remove(name) else { return false };
        self.disconnect_user(current, &user);
        true
    }

    fn disconnect_user(&mut self, current: &mut Client, user: &Rc<User>) {
        self.disconnect_where(current, |_, client| client.is_user(user));
    }

    /// Closes the clients of a user that listen to a channel which is not `left` to them.
    fn disconnect_subscribers(
        &mut self,
        current: &mut Client,
        user: &Rc<User>,
        left: &[Box<[u8]>],
    ) {
        self.disconnect_where(current, |server, client| {
            let kinds = [SubKind::Pattern, SubKind::Channel, SubKind::Shard];
            client.is_user(user)
                && client.class() == ClientClass::Pubsub
                && kinds.into_iter().any(|kind| {
                    let names = server.pubsub.registry(kind).names_of(client.id);
                    let is_pattern = kind == SubKind::Pattern;
                    names.iter().any(|name| !channel_matches(left, name, is_pattern))
                })
        });
    }

    /// The client whose command runs still gets its reply.
    fn disconnect_where(
        &mut self,
        current: &mut Client,
        mut is_meant: impl FnMut(&mut Server, &Client) -> bool,
    ) {
        if is_meant(self, current) {
            current.user = Some(self.acl.default_user().clone());
            current.flags.clear(ClientFlags::AUTHENTICATED);
            current.flags.set(ClientFlags::CLOSE_AFTER_REPLY);
        }
        for id in self.clients.ids() {
            let Some(client) = self.clients.check_out(id) else { continue };
            let meant = is_meant(self, &client);
            self.clients.check_in(client);
            if meant {
                self.kill_client(id);
            }
        }
    }
}

fn context_of(client: &Client) -> Context {
    if client.flags.has(ClientFlags::MULTI) { Context::Multi } else { Context::TopLevel }
}
