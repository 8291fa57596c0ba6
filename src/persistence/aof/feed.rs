//! The commands that wait to be written to the append only file, encoded.
//!
//! Not the decision what is propagated. Invariant: the buffer holds whole commands, and whoever
//! replays all that was ever fed runs each in the database it was meant for.

use crate::protocol::reply::Reply;

/// Capacity that is kept from one flush to the next.
const KEPT_BYTES: usize = 64 * 1024;

/// A command on its way to the append only file and to replicas.
#[derive(Debug, Clone, Copy)]
pub enum Outgoing<'a> {
    Argv(&'a [&'a [u8]]),
    /// RESP, as [`push_command`] writes it.
    Encoded(&'a [u8]),
}

/// Appends a command: an array of bulk strings.
#[inline]
pub fn push_command(out: &mut Reply, argv: &[&[u8]]) {
    out.array(argv.len());
    for arg in argv {
        out.bulk(arg);
    }
}

impl Outgoing<'_> {
    /// Appends the command.
    #[inline]
    pub fn push_to(self, out: &mut Reply) {
        match self {
            Outgoing::Argv(argv) => push_command(out, argv),
            Outgoing::Encoded(resp) => out.raw(resp),
        }
    }
}

/// Appends the SELECT of a database.
pub fn push_select(out: &mut Reply, db: usize) {
    out.array(2);
    out.bulk(b"SELECT");
    out.bulk_int(db as i64);
}

/// Appends the line that says when what follows was written, s since the epoch.
pub fn push_timestamp(out: &mut Reply, now_s: i64) {
    out.raw(format!("#TS:{now_s}\r\n").as_bytes());
}

/// The buffer.
#[derive(Debug, Default)]
pub struct AofFeed {
    out: Reply,
    /// The database in which the next command will run; `None` = not known.
    selected_db: Option<usize>,
    /// The last annotation, s since the epoch.
    timestamp_s: i64,
}

impl AofFeed {
    /// Appends a command that runs in `db`. `None` for MULTI and EXEC, which run in any.
    #[inline]
    pub fn push(&mut self, db: Option<usize>, command: Outgoing<'_>) {
        if db.is_some() && db != self.selected_db {
            self.select(db);
        }
        command.push_to(&mut self.out);
    }

    #[cold]
    fn select(&mut self, db: Option<usize>) {
        if let Some(db) = db {
            push_select(&mut self.out, db);
        }
        self.selected_db = db;
    }

    /// Appends the time if it is another second than that of the last annotation.
    pub fn annotate(&mut self, now_s: i64) {
        if self.timestamp_s < now_s {
            self.timestamp_s = now_s;
            push_timestamp(&mut self.out, now_s);
        }
    }

    /// What follows goes into another file: its first command says its database.
    pub fn forget_db(&mut self) {
        self.selected_db = None;
    }

    pub fn bytes(&self) -> &[u8] {
        self.out.as_bytes()
    }

    pub fn len(&self) -> usize {
        self.out.len()
    }

    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Memory of the buffer, bytes.
    pub fn memory_bytes(&self) -> usize {
        self.out.capacity()
    }

    /// The first `bytes` bytes are written.
    pub fn written(&mut self, bytes: usize) {
        let buf = self.out.buffer_mut();
        if bytes < buf.len() {
            buf.drain(..bytes);
            return;
        }
        buf.clear();
        if buf.capacity() > KEPT_BYTES {
            *buf = Vec::new();
        }
    }

    /// Forgets what is not written.
    pub fn clear(&mut self) {
        self.written(self.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(feed: &AofFeed) -> String {
        String::from_utf8_lossy(feed.bytes()).replace("\r\n", " ")
    }

    #[test]
    fn select_precedes_a_command_of_another_database() {
        let mut feed = AofFeed::default();
        feed.push(None, Outgoing::Argv(&[b"MULTI"]));
        feed.push(Some(0), Outgoing::Argv(&[b"DEL", b"a"]));
        feed.push(Some(0), Outgoing::Argv(&[b"DEL", b"b"]));
        feed.push(Some(9), Outgoing::Encoded(b"*1\r\n$4\r\nPING\r\n"));
        assert_eq!(
            text(&feed),
            "*1 $5 MULTI *2 $6 SELECT $1 0 *2 $3 DEL $1 a *2 $3 DEL $1 b *2 $6 SELECT $1 9 *1 $4 \
             PING "
        );
        feed.clear();
        feed.forget_db();
        feed.push(Some(9), Outgoing::Argv(&[b"X"]));
        assert_eq!(text(&feed), "*2 $6 SELECT $1 9 *1 $1 X ");
    }

    #[test]
    fn one_annotation_a_second() {
        let mut feed = AofFeed::default();
        for now_s in [5, 5, 6] {
            feed.annotate(now_s);
        }
        assert_eq!(text(&feed), "#TS:5 #TS:6 ");
        feed.written(7);
        assert_eq!(text(&feed), "#TS:6 ");
        assert_eq!(feed.len(), 7);
    }
}
