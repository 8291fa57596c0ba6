//! XTRIM, and the options that it shares with XADD.

use super::ids;
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::protocol::number::NumText;
use crate::storage::types::stream::{AddId, Log, Stream, StreamId, Trim, TrimTo};

/// How many nodes an approximate trim without LIMIT may look at.
const NODES_PER_TRIM: u64 = 100;
/// The bounds of that, in entries.
const DEFAULT_LIMIT: u64 = 10_000;
const MAX_LIMIT: u64 = 1_000_000;

/// The options of XADD and XTRIM.
pub struct Options {
    pub trim: Option<Trim>,
    /// Where the argument of MAXLEN or MINID stands.
    trim_arg: usize,
    pub no_mkstream: bool,
    /// XADD: where the ID stands, and which it is; `None` for `*`.
    pub id_arg: usize,
    pub id: Option<AddId>,
}

/// Options on the way.
struct Parser<'a> {
    args: Args<'a>,
    at: usize,
    to: Option<TrimTo>,
    approx: bool,
    trim_arg: usize,
    limit: Option<i64>,
}

impl Parser<'_> {
    /// Takes a strategy's argument, after `~` or `=`.
    fn strategy_arg(&mut self) -> Result<(), ReplyError> {
        if self.to.is_some() {
            return Err(ReplyError::fixed(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let more = self.args.len() - 1 - self.at;
        self.approx = false;
        if more >= 2 && matches!(self.args[self.at + 1], b"~" | b"=") {
            self.approx = self.args[self.at + 1] == b"~";
            self.at += 1;
        }
        self.at += 1;
        self.trim_arg = self.at;
        Ok(())
    }

    /// Takes an option of both commands; `false` if it is none.
    fn option(&mut self) -> Result<bool, ReplyError> {
        let option = self.args[self.at];
        if self.at + 1 == self.args.len() {
            return Ok(false);
        }
        if is_option(option, "maxlen") {
            self.strategy_arg()?;
            let max = int(self.args[self.at])?;
            let max = u64::try_from(max);
            let error = ReplyError::fixed("ERR The MAXLEN argument must be >= 0.");
            self.to = Some(TrimTo::MaxLen(max.map_err(|_| error)?));
        } else if is_option(option, "minid") {
            self.strategy_arg()?;
            self.to = Some(TrimTo::MinId(ids::strict(self.args[self.at], 0)?));
        } else if is_option(option, "limit") {
            self.at += 1;
            let limit = int(self.args[self.at])?;
            if limit < 0 {
                return Err(ReplyError::fixed("ERR The LIMIT argument must be >= 0."));
            }
            self.limit = Some(limit);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// The trimming that was asked for.
    fn trim(&self, ctx: &Ctx<'_>) -> Result<Option<Trim>, ReplyError> {
        if self.to.is_none() && self.limit.is_some_and(|limit| limit > 0) {
            return Err(ReplyError::fixed(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        let limit = if ctx.client.must_obey() {
            // What it sends was trimmed by the rules of another server: no more, no less.
            0
        } else {
            match self.limit {
                Some(_) if !self.approx => {
                    return Err(ReplyError::fixed(
                        "ERR syntax error, LIMIT cannot be used without the special ~ option",
                    ));
                }
                Some(limit) => limit as u64,
                None if self.approx => default_limit(ctx.server.config.stream_node_max_entries),
                None => 0,
            }
        };
        Ok(self.to.map(|to| Trim { to, approx: self.approx, limit }))
    }
}

fn default_limit(node_max_entries: u64) -> u64 {
    match node_max_entries.saturating_mul(NODES_PER_TRIM) {
        0 => DEFAULT_LIMIT,
        limit => limit.min(MAX_LIMIT),
    }
}

impl Options {
    /// Of XADD, up to its ID.
    pub fn of_xadd(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Options, ReplyError> {
        let mut parser = Parser::new(args);
        let (mut no_mkstream, mut id) = (false, None);
        while let Some(&arg) = args.get(parser.at) {
            if arg == b"*" {
                break;
            }
            if !parser.option()? {
                if !is_option(arg, "nomkstream") {
                    id = Some(ids::to_add(arg)?);
                    break;
                }
                no_mkstream = true;
            }
            parser.at += 1;
        }
        let trim = parser.trim(ctx)?;
        Ok(Options { trim, trim_arg: parser.trim_arg, no_mkstream, id_arg: parser.at, id })
    }

    fn of_xtrim(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Options, ReplyError> {
        let mut parser = Parser::new(args);
        while parser.at < args.len() {
            if !parser.option()? {
                return Err(ReplyError::SYNTAX);
            }
            parser.at += 1;
        }
        let missing = "ERR syntax error, XTRIM must be called with a trimming strategy";
        if parser.to.is_none() && parser.limit.is_none_or(|limit| limit == 0) {
            return Err(ReplyError::fixed(missing));
        }
        let trim = parser.trim(ctx)?;
        let trim_arg = parser.trim_arg;
        Ok(Options { trim, trim_arg, no_mkstream: false, id_arg: 0, id: None })
    }

    /// What an approximate trim was, exactly: `=` and the argument that has the same effect
    /// anywhere, to stand in the place of `~` and its argument. `None` if nothing was approximate.
    pub fn exact(&self, log: &Log) -> Option<ExactTrim> {
        let trim = self.trim.filter(|trim| trim.approx)?;
        let first = || log.first_entry_id(true).unwrap_or(StreamId::MAX);
        let arg = match trim.to {
            TrimTo::MaxLen(_) => NumText::from_u64(log.length()).to_vec(),
            TrimTo::MinId(_) => first().to_text().to_vec(),
        };
        Some(ExactTrim { at: self.trim_arg, arg })
    }
}

/// See [`Options::exact`].
pub struct ExactTrim {
    at: usize,
    arg: Vec<u8>,
}

impl ExactTrim {
    /// Changes `argv` to the exact form.
    pub fn rewrite<'a>(&'a self, argv: &mut [&'a [u8]]) {
        argv[self.at - 1] = b"=";
        argv[self.at] = &self.arg;
    }
}

impl<'a> Parser<'a> {
    fn new(args: Args<'a>) -> Self {
        Parser { args, at: 2, to: None, approx: false, trim_arg: 0, limit: None }
    }
}

/// `XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]`
pub fn xtrim(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::of_xtrim(ctx, args)?;
    let key = args[1];
    let Some(stream) = ctx.write::<Stream>(key)? else {
        ctx.client.reply.int(0);
        return Ok(());
    };
    let removed = options.trim.map_or(0, |trim| stream.log_mut().trim(&trim));
    if removed > 0 {
        let exact = options.exact(stream.log());
        ctx.notify(NotifyFlags::STREAM, "xtrim", key);
        if let Some(exact) = exact
            && ctx.propagates()
        {
            let mut argv = args.to_vec();
            exact.rewrite(&mut argv);
            ctx.propagate_as(&argv);
        }
        ctx.signal_modified(key);
        ctx.dirty(removed as usize);
    }
    ctx.client.reply.int(removed as i64);
    Ok(())
}
