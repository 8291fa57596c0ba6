//! The reply of every container's HELP sub-command. Not the texts: each container brings its own.

use crate::protocol::reply::Reply;

/// Writes the HELP reply of a container: a heading with its name, `lines` (a usage at the margin,
/// what it does indented by four blanks), and HELP itself.
pub fn reply_help(reply: &mut Reply, container: &[u8], lines: &[&str]) {
    reply.array(lines.len() + 3);
    let mut heading = container.to_ascii_uppercase();
    heading.extend_from_slice(b" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    reply.status(&heading);
    for line in lines {
        reply.simple(line);
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heading_lines_and_help_itself() {
        let mut reply = Reply::new();
        reply_help(&mut reply, b"object", &["FREQ <key>", "    Tells it."]);
        let text = String::from_utf8(reply.as_bytes().to_vec()).unwrap();
        assert!(text.starts_with("*5\r\n+OBJECT <subcommand> [<arg> [value] [opt] ...]. "));
        assert!(text.ends_with("+    Tells it.\r\n+HELP\r\n+    Print this help.\r\n"));
    }
}
