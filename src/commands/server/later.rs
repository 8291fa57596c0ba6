//! Commands of parts of the server that do not exist yet (persistence, replication, cluster,
//! modules). They refuse, and say why: an answer that pretends would lose data.

use crate::commands::{Args, CmdResult, Ctx, ReplyError};

fn refuse(args: Args<'_>) -> CmdResult {
    let name = String::from_utf8_lossy(args[0]).to_uppercase();
    Err(ReplyError::err(format!("{name} is not supported yet by this server")))
}

macro_rules! refused {
    ($($name:ident),* $(,)?) => {
        $(
            /// Not supported yet.
            pub fn $name(_ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
                refuse(args)
            }
        )*
    };
}

refused! {
    sflush,
}
