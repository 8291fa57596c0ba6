//! Users in files: `user` lines of redis.conf, the file of `aclfile` (ACL LOAD, ACL SAVE), and what
//! CONFIG REWRITE writes of them. An ACL file is loaded as a whole or not at all.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use super::DEFAULT_USER;
use super::check::remaining_channels;
use super::rules::{RuleContext, RuleError, apply, has_spaces, merge_selectors};
use super::user::{Rules, User};
use crate::commands::GROUPS;
use crate::commands::table::CommandTable;
use crate::config::file::{FatalError, Loaded, StartupLine};
use crate::config::rewrite::{ExtraLines, overwrite};
use crate::config::{AclPubsubDefault, strerror};
use crate::server::Server;
use crate::server::client::Client;

type Users = BTreeMap<Box<[u8]>, Rules>;

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Finds what is wrong with the `user` lines of a configuration file before anything starts.
/// Unknown commands are found later, when the users are made.
pub fn check_declarations(loaded: &Loaded) -> Result<(), FatalError> {
    if loaded.users.is_empty() {
        return Ok(());
    }
    let commands = CommandTable::new(GROUPS);
    let all_channels = loaded.config.acl_pubsub_default == AclPubsubDefault::Allchannels;
    let cx = RuleContext { commands: &commands, all_channels };
    for (i, line) in loaded.users.iter().enumerate() {
        let name = &line.argv[1];
        if loaded.users[..i].iter().any(|other| other.argv[1] == *name) {
            return Err(declaration_error(line, name, RuleError::DuplicateUser));
        }
        let words = merge_selectors(&line.argv[2..])
            .map_err(|idx| declaration_error(line, &line.argv[2 + idx], RuleError::Syntax))?;
        let mut rules = Rules::new(&commands, all_channels);
        for word in &words {
            match apply(cx, &mut rules, word) {
                Ok(()) | Err(RuleError::UnknownCommand) => {}
                Err(error) => return Err(declaration_error(line, word, error)),
            }
        }
    }
    Ok(())
}

fn declaration_error(line: &StartupLine, word: &[u8], error: RuleError) -> FatalError {
    line.error(format!("Error in user declaration '{}': {}", text(word), error.text()))
}

/// What stands in an ACL file, or all that is wrong with it. `name` is the file's name as
/// configured, for the messages.
fn parse_file(cx: RuleContext<'_>, name: &str, content: &[u8]) -> Result<Users, String> {
    let mut users = Users::new();
    let mut errors = String::new();
    for (i, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let number = i + 1;
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [b"user", user, rest @ ..] = words.as_slice() else {
            errors.push_str(&format!(
                "{name}:{number} should start with user keyword followed by the username. "
            ));
            continue;
        };
        if has_spaces(user) {
            let user = text(user);
            errors.push_str(&format!(
                "'{name}:{number}: username '{user}' contains invalid characters. "
            ));
            continue;
        }
        if users.contains_key(*user) {
            let user = text(user);
            errors.push_str(&format!("WARNING: Duplicate user '{user}' found on line {number}. "));
            continue;
        }
        let mut rules = Rules::new(cx.commands, cx.all_channels);
        apply_words(cx, &mut rules, rest, &format!("{name}:{number}"), &mut errors);
        users.insert((*user).into(), rules);
    }
    if errors.is_empty() { Ok(users) } else { Err(errors) }
}

/// Applies the words of a line; notes what is wrong. An unknown command is no secret and is shown;
/// of other errors only the first counts, since it may have caused the others.
fn apply_words(
    cx: RuleContext<'_>,
    rules: &mut Rules,
    words: &[&[u8]],
    place: &str,
    errors: &mut String,
) {
    let Ok(words) = merge_selectors(words) else {
        errors.push_str(&format!("{place}: Unmatched parenthesis in selector definition."));
        return;
    };
    let mut syntax_error = false;
    for word in &words {
        let word = word.trim_ascii();
        match apply(cx, rules, word) {
            Ok(()) => {}
            Err(error @ RuleError::UnknownCommand) => errors.push_str(&format!(
                "{place}: Error in applying operation '{}': {}. ",
                text(word),
                error.text()
            )),
            Err(error) if !syntax_error => {
                syntax_error = true;
                errors.push_str(&format!("{place}: {}. ", error.text()));
            }
            Err(_) => {}
        }
    }
}

impl Server {
    /// Makes the users of the configuration, or of the ACL file. The error is the last line of the
    /// log.
    pub fn load_users(&mut self, lines: &[StartupLine]) -> Result<(), String> {
        if !self.config.aclfile.is_empty() && !lines.is_empty() {
            return Err("Configuring Redis with users defined in redis.conf and at the same \
                        setting an ACL file path is invalid. This setup is very likely to lead to \
                        configuration errors and security holes, please define either an ACL file \
                        or declare users directly in your redis.conf, but not both."
                .into());
        }
        for line in lines {
            if let Err(reason) = self.load_declared_user(line) {
                self.log_warning(&reason);
                return Err("Critical error while loading ACLs. Exiting.".into());
            }
        }
        if self.config.aclfile.is_empty() {
            return Ok(());
        }
        let users = self
            .read_acl_file()
            .map_err(|errors| format!("Aborting Redis startup because of ACL errors: {errors}"))?;
        self.acl.replace_users(&self.commands, users);
        Ok(())
    }

    fn load_declared_user(&mut self, line: &StartupLine) -> Result<(), String> {
        let name = &line.argv[1];
        if has_spaces(name) {
            return Err("Spaces not allowed in ACL usernames".into());
        }
        let cx = self.rule_context();
        let mut rules = Rules::new(cx.commands, cx.all_channels);
        let words = merge_selectors(&line.argv[2..]).map_err(|_| "Unmatched parenthesis")?;
        for word in &words {
            apply(cx, &mut rules, word).map_err(|error| {
                format!(
                    "Error loading ACL rule '{}' for the user named '{}': {}",
                    text(word),
                    text(name),
                    error.text()
                )
            })?;
        }
        if !rules.enabled {
            self.log_notice(&format!(
                "The user '{}' is disabled (there is no 'on' modifier in the user description). \
                 Make sure this is not a configuration error.",
                text(name)
            ));
        }
        self.acl.put(name, rules);
        Ok(())
    }

    fn read_acl_file(&self) -> Result<Users, String> {
        let path = OsStr::from_bytes(&self.config.aclfile);
        let name = text(&self.config.aclfile);
        let content = std::fs::read(path).map_err(|error| {
            format!("Error loading ACLs, opening file '{name}': {}", strerror(&error))
        })?;
        parse_file(self.rule_context(), &name, &content).map_err(|errors| {
            format!(
                "{errors}WARNING: ACL errors detected, no change to the previously active ACL \
                 rules was performed"
            )
        })
    }

    /// ACL LOAD: the users of the file instead of those there are. Clients of users that are gone,
    /// or that lost a channel they listen to, are disconnected.
    pub fn acl_load(&mut self, current: &mut Client) -> Result<(), String> {
        let users = self.read_acl_file()?;
        let old: Vec<Rc<User>> = self.acl.users().cloned().collect();
        for user in old {
            if *user.name == *DEFAULT_USER {
                // It is changed in place: its clients stay, whatever it lost.
                continue;
            }
            match users.get(&user.name) {
                Some(new) => {
                    let left = remaining_channels(new, &user.rules());
                    if let Some(left) = left {
                        self.disconnect_subscribers(current, &user, &left);
                    }
                }
                None => self.disconnect_user(current, &user),
            }
        }
        self.acl.replace_users(&self.commands, users);
        Ok(())
    }

    /// ACL SAVE. The reason of a failure is logged.
    pub fn acl_save(&self) -> bool {
        let mut content = Vec::new();
        for user in self.acl.users() {
            content.extend_from_slice(&user.describe());
            content.push(b'\n');
        }
        let path = Path::new(OsStr::from_bytes(&self.config.aclfile));
        match overwrite(path, &content) {
            Ok(()) => true,
            Err(error) => {
                self.log_warning(&format!("Writing ACL file for ACL SAVE: {}", strerror(&error)));
                false
            }
        }
    }

    /// The `user` lines of CONFIG REWRITE: none if the users have a file of their own.
    pub fn user_lines(&self) -> ExtraLines {
        let lines = match self.config.aclfile.is_empty() {
            true => self.acl.users().map(|user| user.describe()).collect(),
            false => Vec::new(),
        };
        ExtraLines { option: b"user".to_vec(), lines }
    }
}
