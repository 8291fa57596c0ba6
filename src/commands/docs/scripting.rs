//! Documentation of the scripting commands, sorted by full name. Facts only; the words are ours.

use super::{CommandDoc, integer, key, one_of, string, token};

pub(super) const DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "eval",
        summary: "Runs a Lua script",
        complexity: Some("Set by the script"),
        arguments: &[
            string("script"),
            integer("numkeys"),
            key("key", 0).optional().multiple(),
            string("arg").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "eval_ro",
        summary: "Runs a Lua script that may only read",
        complexity: Some("Set by the script"),
        arguments: &[
            string("script"),
            integer("numkeys"),
            key("key", 0).optional().multiple(),
            string("arg").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "evalsha",
        summary: "Runs a cached Lua script, named by its SHA1",
        complexity: Some("Set by the script"),
        arguments: &[
            string("sha1"),
            integer("numkeys"),
            key("key", 0).optional().multiple(),
            string("arg").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "evalsha_ro",
        summary: "Runs a cached Lua script that may only read, named by its SHA1",
        complexity: Some("Set by the script"),
        arguments: &[
            string("sha1"),
            integer("numkeys"),
            key("key", 0).optional().multiple(),
            string("arg").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "fcall",
        summary: "Calls a function of a loaded library",
        complexity: Some("Set by the function"),
        arguments: &[
            string("function"),
            integer("numkeys"),
            key("key", 0).optional().multiple(),
            string("arg").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "fcall_ro",
        summary: "Calls a function that may only read",
        complexity: Some("Set by the function"),
        arguments: &[
            string("function"),
            integer("numkeys"),
            key("key", 0).optional().multiple(),
            string("arg").optional().multiple(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function",
        summary: "Function libraries: load, list, move, delete",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|delete",
        summary: "Removes a library with its functions",
        complexity: Some("O(1)"),
        arguments: &[string("library-name")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|dump",
        summary: "Serializes all libraries in the form that FUNCTION RESTORE reads",
        complexity: Some("O(N), N = functions"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|flush",
        summary: "Removes all libraries",
        complexity: Some("O(N), N = functions"),
        arguments: &[
            one_of("flush-type", &[token("async", "ASYNC"), token("sync", "SYNC")]).optional()
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|help",
        summary: "Lists the FUNCTION sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|kill",
        summary: "Stops the function that is running, if it has not written yet",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|list",
        summary: "Describes the libraries and their functions",
        complexity: Some("O(N), N = functions"),
        arguments: &[
            string("library-name-pattern").token("LIBRARYNAME").optional(),
            token("withcode", "WITHCODE").optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|load",
        summary: "Makes a library from source code",
        complexity: Some("O(1), compiling aside"),
        arguments: &[token("replace", "REPLACE").optional(), string("function-code")],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|restore",
        summary: "Takes in the libraries of a FUNCTION DUMP",
        complexity: Some("O(N), N = functions in the dump"),
        arguments: &[
            string("serialized-value"),
            one_of(
                "policy",
                &[token("flush", "FLUSH"), token("append", "APPEND"), token("replace", "REPLACE")],
            )
            .optional(),
        ],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "function|stats",
        summary: "Tells which function is running, and what the engines hold",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "script",
        summary: "The cache of Lua scripts",
        complexity: Some("Set by the sub-command"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "script|debug",
        summary: "Chooses the debug mode of the next scripts",
        complexity: Some("O(1)"),
        arguments: &[one_of(
            "mode",
            &[token("yes", "YES"), token("sync", "SYNC"), token("no", "NO")],
        )],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "script|exists",
        summary: "Tells which scripts are cached",
        complexity: Some("O(N), N = scripts named"),
        arguments: &[string("sha1").multiple()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "script|flush",
        summary: "Empties the script cache",
        complexity: Some("O(N), N = cached scripts"),
        history: &[("6.2.0", "`ASYNC` and `SYNC`")],
        arguments: &[one_of("flush-type", &[token("async", "ASYNC"), token("sync", "SYNC")])
            .since("6.2.0")
            .optional()],
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "script|help",
        summary: "Lists the SCRIPT sub-commands",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "script|kill",
        summary: "Stops the script that is running, if it has not written yet",
        complexity: Some("O(1)"),
        ..CommandDoc::DEFAULT
    },
    CommandDoc {
        name: "script|load",
        summary: "Puts a script into the cache",
        complexity: Some("O(N), N = bytes of the script"),
        arguments: &[string("script")],
        ..CommandDoc::DEFAULT
    },
];
