//! REPLCONF: what a replica tells its master about itself, and how far it is.

use crate::commands::args::{int, int_in, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::parse_i64;
use crate::server::replication::replicas::{ReplConf, capa, requires};
use crate::util::split_args::split_args;

/// Longest name of a host.
const MAX_HOST_BYTES: usize = 256;

/// REPLCONF option value [option value ...]
pub fn replconf(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    for (idx, pair) in args[1..].chunks_exact(2).enumerate() {
        let (option, value) = (pair[0], pair[1]);
        if is_option(option, "ack") {
            // Says nothing back, and is the last thing that is looked at.
            let fsynced = match args[1 + idx * 2 + 2..] {
                [name, value, ..] if is_option(name, "fack") => Some(value),
                _ => None,
            };
            ack(ctx, value, fsynced);
            return Ok(());
        }
        if is_option(option, "getack") {
            ctx.server.ack_is_due();
            return Ok(());
        }
        configure(ctx, option, value)?;
    }
    ctx.client.reply.ok();
    Ok(())
}

fn ack(ctx: &mut Ctx<'_>, value: &[u8], fsynced: Option<&[u8]>) {
    let id = ctx.client.id;
    let Some(offset) = parse_i64(value) else { return };
    if ctx.server.replica(id).is_none() {
        return;
    }
    let fsynced = match fsynced.map(parse_i64) {
        Some(None) => return,
        Some(Some(offset)) => Some(offset),
        None => None,
    };
    ctx.server.replica_acknowledged(ctx.client, offset, fsynced);
}

fn configure(ctx: &mut Ctx<'_>, option: &[u8], value: &[u8]) -> CmdResult {
    let mut conf = ctx.client.replconf.as_deref().cloned().unwrap_or_default();
    set_option(&mut conf, option, value)?;
    if is_option(option, "main-ch-client-id")
        && let Some(main) = conf.main_channel
    {
        ctx.server.check_main_channel(main)?;
    }
    if let Some(replica) = ctx.server.replica_mut(ctx.client.id) {
        replica.conf = conf.clone();
    }
    ctx.client.replconf = Some(Box::new(conf));
    Ok(())
}

fn set_option(conf: &mut ReplConf, option: &[u8], value: &[u8]) -> CmdResult {
    if is_option(option, "listening-port") {
        conf.port = int(value)?;
    } else if is_option(option, "ip-address") {
        if value.len() >= MAX_HOST_BYTES {
            return Err(ReplyError::err(format!(
                "REPLCONF ip-address provided by replica instance is too long: {} bytes",
                value.len()
            )));
        }
        conf.address = Some(String::from_utf8_lossy(value).into_owned());
    } else if is_option(option, "capa") {
        // Others are of no concern.
        conf.capa |= match () {
            _ if is_option(value, "eof") => capa::EOF,
            _ if is_option(value, "psync2") => capa::PSYNC2,
            _ if is_option(value, "rdb-channel-repl") => capa::RDB_CHANNEL,
            _ => 0,
        };
    } else if is_option(option, "rdb-only") {
        conf.rdb_only = int_in(value, 0, 1)? == 1;
    } else if is_option(option, "rdb-filter-only") {
        conf.requires |= filter(value)?;
    } else if is_option(option, "rdb-channel") {
        match int_in(value, 0, 1)? {
            1 => conf.requires |= requires::RDB_CHANNEL,
            _ => conf.requires &= !requires::RDB_CHANNEL,
        }
    } else if is_option(option, "main-ch-client-id") {
        conf.main_channel = Some(int(value)? as u64);
    } else if !is_option(option, "version") {
        let text = [b"Unrecognized REPLCONF option: ", option].concat();
        return Err(ReplyError::err(text));
    }
    Ok(())
}

/// The parts that a filtered RDB leaves out: all that are not named.
fn filter(value: &[u8]) -> Result<u8, ReplyError> {
    let Some(names) = split_args(value) else {
        return Err(ReplyError::fixed("ERR Missing rdb-filter-only values"));
    };
    let mut leaves_out = requires::NO_DATA | requires::NO_FUNCTIONS;
    for name in names {
        if !is_option(&name, "functions") {
            let text = [b"Unsupported rdb-filter-only option: ", &name[..]].concat();
            return Err(ReplyError::err(text));
        }
        leaves_out &= !requires::NO_FUNCTIONS;
    }
    Ok(leaves_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let mut conf = ReplConf::default();
        for (option, value) in [
            ("LISTENING-PORT", "7000"),
            ("ip-address", "h"),
            ("capa", "eof"),
            ("capa", "psync2"),
            ("capa", "unknown"),
            ("version", "8.0.0"),
            ("rdb-filter-only", "functions"),
        ] {
            set_option(&mut conf, option.as_bytes(), value.as_bytes()).unwrap();
        }
        let expected = ReplConf {
            port: 7000,
            address: Some("h".into()),
            capa: capa::EOF | capa::PSYNC2,
            requires: requires::NO_DATA,
            ..ReplConf::default()
        };
        assert_eq!(conf, expected);
        set_option(&mut conf, b"rdb-filter-only", b"").unwrap();
        assert_eq!(conf.requires, requires::NO_DATA | requires::NO_FUNCTIONS);
        let long = "x".repeat(300);
        for (option, value) in [
            ("listening-port", "x"),
            ("ip-address", long.as_str()),
            ("rdb-only", "2"),
            ("rdb-filter-only", "keys"),
            ("nonsense", "1"),
        ] {
            assert!(
                set_option(&mut conf, option.as_bytes(), value.as_bytes()).is_err(),
                "{option}"
            );
        }
    }
}
