//! Unified diffs, applied exactly: a hunk fits at its line or the build fails.

/// The change of one file.
pub struct Change<'a> {
    pub file: &'a str,
    hunks: Vec<Hunk<'a>>,
}

struct Hunk<'a> {
    /// Line of the old file at which it starts, from 0.
    start: usize,
    old: Vec<&'a str>,
    new: Vec<&'a str>,
}

/// Reads a diff of files without folders (`--- lapi.c`).
pub fn parse(diff: &str) -> Vec<Change<'_>> {
    let mut changes: Vec<Change<'_>> = Vec::new();
    for line in diff.lines() {
        if let Some(file) = line.strip_prefix("--- ") {
            changes.push(Change { file, hunks: Vec::new() });
            continue;
        }
        if line.starts_with("+++ ") {
            continue;
        }
        let hunks = &mut changes.last_mut().expect("a diff names its file first").hunks;
        if let Some(range) = line.strip_prefix("@@ -") {
            let start = range.split([',', ' ']).next().and_then(|n| n.parse::<usize>().ok());
            let start = start.expect("a line number after @@ -") - 1;
            hunks.push(Hunk { start, old: Vec::new(), new: Vec::new() });
            continue;
        }
        let hunk = hunks.last_mut().expect("a line of a hunk follows its range");
        let (kind, text) = line.split_at(line.len().min(1));
        if kind != "+" {
            hunk.old.push(text);
        }
        if kind != "-" {
            hunk.new.push(text);
        }
    }
    changes
}

impl Change<'_> {
    /// The changed text.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        let lines: Vec<&str> = text.lines().collect();
        let mut out: Vec<&str> = Vec::with_capacity(lines.len());
        let mut at = 0;
        for hunk in &self.hunks {
            let end = hunk.start + hunk.old.len();
            if hunk.start < at || lines.get(hunk.start..end) != Some(&hunk.old[..]) {
                return Err(format!("the hunk at line {} does not fit", hunk.start + 1));
            }
            out.extend(&lines[at..hunk.start]);
            out.extend(&hunk.new);
            at = end;
        }
        out.extend(&lines[at..]);
        Ok(out.join("\n") + "\n")
    }
}
