//! DEBUG DIGEST and DIGEST-VALUE. The fingerprints are made by `storage::digest`.

use crate::commands::{Args, CmdResult, Ctx};
use crate::storage::digest::{self, Fingerprint};

/// DEBUG DIGEST
pub(super) fn digest(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let hex = digest::of_keyspace(&ctx.server.keyspace).to_hex();
    ctx.client.reply.simple(&hex);
    Ok(())
}

/// DEBUG DIGEST-VALUE key [key ...]
pub(super) fn digest_value(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let Ctx { server, client } = ctx;
    client.reply.array(args.len() - 2);
    for key in &args[2..] {
        // No look-up of commands: expired keys have a digest too.
        let entry = server.keyspace.dbs[client.db].find(key);
        let digest = entry.map_or_else(Fingerprint::default, |entry| digest::of_value(&entry));
        client.reply.simple(&digest.to_hex());
    }
    Ok(())
}
