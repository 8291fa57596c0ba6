//! The types of configuration values that are more than a number or a string: the closed choices,
//! the save points, the output buffer limits, the keyspace event classes.
//!
//! Only data and its text form; how a value is set or applied is not decided here. Invariant: each
//! text of a choice parses back to the choice that prints it.

use std::ops::{BitOr, BitOrAssign};

/// Declares a closed choice with the texts of redis.conf, in the order in which errors list them.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$vmeta:meta])* $variant:ident = $text:literal $(| $other:literal)?),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every accepted text with its value; the first text of a value is the printed one.
            pub const NAMES: &'static [(&'static str, Self)] =
                &[$(($text, Self::$variant), $(($other, Self::$variant),)?)+];

            /// The text printed by CONFIG GET.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::NAMES[0].1
            }
        }

        impl Choice for $name {
            const TEXTS: &'static [&'static str] = &[$($text, $($other,)?)+];

            fn text(self) -> &'static str {
                self.name()
            }

            fn nth(idx: usize) -> Self {
                Self::NAMES[idx].1
            }
        }
    };
}

/// What the directive table needs to know of a closed choice.
pub trait Choice: Copy + PartialEq + 'static {
    /// Accepted texts.
    const TEXTS: &'static [&'static str];
    /// The printed text.
    fn text(self) -> &'static str;
    /// The value of `TEXTS[idx]`.
    fn nth(idx: usize) -> Self;
}

choice! {
    /// Channels a new user may use.
    AclPubsubDefault { Allchannels = "allchannels", Resetchannels = "resetchannels" }
}
choice! {
    /// When the append only file is fsynced.
    AppendFsync { Everysec = "everysec", Always = "always", No = "no" }
}
choice! {
    /// What clients of a cluster are told to connect to.
    ClusterEndpointType {
        Ip = "ip", Hostname = "hostname", UnknownEndpoint = "unknown-endpoint",
    }
}
choice! {
    /// The least severe message that is logged.
    LogLevel {
        Debug = "debug", Verbose = "verbose", Notice = "notice", Warning = "warning",
        Nothing = "nothing",
    }
}
choice! {
    /// What happens when `maxmemory` is reached.
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru", VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random", VolatileTtl = "volatile-ttl",
        AllkeysLru = "allkeys-lru", AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random", Noeviction = "noeviction",
    }
}
choice! {
    /// How `oom_score_adj` is set; "yes" is the older word for relative.
    OomScoreAdj { No = "no", Relative = "yes" | "relative", Absolute = "absolute" }
}
choice! {
    /// Who may use a dangerous command or setting.
    ProtectedAction { No = "no", Yes = "yes", Local = "local" }
}
choice! {
    /// What a failing replicated command does.
    PropagationErrorBehavior {
        Ignore = "ignore", Panic = "panic", PanicOnReplicas = "panic-on-replicas",
    }
}
choice! {
    /// How a replica loads an RDB that arrives on a socket.
    ReplDisklessLoad { Disabled = "disabled", OnEmptyDb = "on-empty-db", Swapdb = "swapdb" }
}
choice! {
    /// Whose payloads are checked in depth.
    SanitizeDumpPayload { No = "no", Yes = "yes", Clients = "clients" }
}
choice! {
    /// The supervisor that started the server.
    Supervised { Upstart = "upstart", Systemd = "systemd", Auto = "auto", No = "no" }
}
choice! {
    /// The syslog facility.
    SyslogFacility {
        User = "user", Local0 = "local0", Local1 = "local1", Local2 = "local2",
        Local3 = "local3", Local4 = "local4", Local5 = "local5", Local6 = "local6",
        Local7 = "local7",
    }
}
choice! {
    /// Whether TLS clients must present a certificate.
    TlsAuthClients { No = "no", Yes = "yes", Optional = "optional" }
}

impl ProtectedAction {
    /// Whether a client may do it; `local` = it is connected from this host or a Unix socket.
    pub fn allows(self, local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => local,
        }
    }
}

impl MaxmemoryPolicy {
    /// Evicts by least frequent use, so that objects carry an LFU counter.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Evicts by least recent use.
    pub fn is_lru(self) -> bool {
        matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }

    /// May evict keys without an expire.
    pub fn is_allkeys(self) -> bool {
        matches!(self, Self::AllkeysLru | Self::AllkeysLfu | Self::AllkeysRandom)
    }
}

/// Bits of `shutdown-on-sigint` and `shutdown-on-sigterm`; 0 is "default".
pub mod shutdown {
    /// Save even without save points.
    pub const SAVE: u32 = 1;
    /// Do not save.
    pub const NOSAVE: u32 = 2;
    /// Do not wait for replicas.
    pub const NOW: u32 = 4;
    /// Exit even when saving fails.
    pub const FORCE: u32 = 8;
    /// Every text with its bits, in the order in which they are printed.
    pub const NAMES: &[(&str, u32)] =
        &[("default", 0), ("save", SAVE), ("nosave", NOSAVE), ("now", NOW), ("force", FORCE)];
}

/// One save point: save after `seconds` when there were at least `changes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveParam {
    /// At least 1.
    pub seconds: i64,
    /// At least 0.
    pub changes: i64,
}

/// Names of the classes of `client-output-buffer-limit`, in the order of its array.
pub const CLIENT_CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

/// The output buffer limit of one class of clients; 0 = no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientBufferLimit {
    /// Close at once above this many bytes.
    pub hard_limit_bytes: u64,
    /// Close after `soft_limit_seconds` above this many bytes.
    pub soft_limit_bytes: u64,
    /// How long the soft limit may be exceeded.
    pub soft_limit_seconds: i64,
}

/// The address of a master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaOf {
    /// Host name or IP address.
    pub host: Vec<u8>,
    /// TCP port.
    pub port: u16,
}

/// Classes of keyspace events, and the channels on which they are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifyFlags(pub u32);

impl NotifyFlags {
    /// `K`: publish on `__keyspace@<db>__`.
    pub const KEYSPACE: Self = Self(1 << 0);
    /// `E`: publish on `__keyevent@<db>__`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// `g`: commands that know no type, such as DEL.
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`: string commands.
    pub const STRING: Self = Self(1 << 3);
    /// `l`: list commands.
    pub const LIST: Self = Self(1 << 4);
    /// `s`: set commands.
    pub const SET: Self = Self(1 << 5);
    /// `h`: hash commands.
    pub const HASH: Self = Self(1 << 6);
    /// `z`: sorted set commands.
    pub const ZSET: Self = Self(1 << 7);
    /// `x`: keys that expired.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: keys that were evicted.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`: stream commands.
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: a key was not found; not part of `A`.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `d`: events of modules.
    pub const MODULE: Self = Self(1 << 13);
    /// `n`: a key was created; not part of `A`.
    pub const NEW: Self = Self(1 << 14);
    /// `A`: every class but `m` and `n`.
    pub const ALL: Self = Self(0b10_0111_1111_1100);

    /// Letters in the order in which they are printed.
    const LETTERS: [(u8, Self); 14] = [
        (b'g', Self::GENERIC),
        (b'$', Self::STRING),
        (b'l', Self::LIST),
        (b's', Self::SET),
        (b'h', Self::HASH),
        (b'z', Self::ZSET),
        (b'x', Self::EXPIRED),
        (b'e', Self::EVICTED),
        (b't', Self::STREAM),
        (b'd', Self::MODULE),
        (b'n', Self::NEW),
        (b'K', Self::KEYSPACE),
        (b'E', Self::KEYEVENT),
        (b'm', Self::KEY_MISS),
    ];

    /// All bits of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Some bit of `other` is set.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// No bit is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Reads class letters; `None` at an unknown one.
    pub fn parse(letters: &[u8]) -> Option<Self> {
        let mut flags = Self::default();
        for &letter in letters {
            flags |= match letter {
                b'A' => Self::ALL,
                _ => Self::LETTERS.iter().find(|(known, _)| *known == letter)?.1,
            };
        }
        Some(flags)
    }

    /// The letters as CONFIG GET prints them: `A` stands for its classes. Unlike Redis, which drops
    /// `n` next to `A`, nothing is lost, so that CONFIG REWRITE keeps what was set.
    pub fn letters(self) -> Vec<u8> {
        let mut letters = Vec::new();
        let all = self.contains(Self::ALL);
        if all {
            letters.push(b'A');
        }
        for (letter, flag) in Self::LETTERS {
            let hidden = all && Self::ALL.contains(flag);
            if self.contains(flag) && !hidden {
                letters.push(letter);
            }
        }
        letters
    }
}

impl BitOr for NotifyFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for NotifyFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notify_letters_round_trip() {
        for (given, printed) in [
            ("KEA", "AKE"),
            ("", ""),
            ("Ks", "sK"),
            ("g$lshzxetd", "A"),
            ("Enm", "nEm"),
            ("AnK", "AnK"),
        ] {
            let flags = NotifyFlags::parse(given.as_bytes()).unwrap();
            assert_eq!(flags.letters(), printed.as_bytes(), "{given}");
        }
        assert_eq!(NotifyFlags::parse(b"KEB"), None);
        assert!(!NotifyFlags::ALL.intersects(NotifyFlags::KEY_MISS | NotifyFlags::NEW));
    }

    #[test]
    fn oom_score_adj_yes_means_relative() {
        assert_eq!(OomScoreAdj::TEXTS, ["no", "yes", "relative", "absolute"]);
        assert_eq!(OomScoreAdj::nth(2).name(), "yes");
    }
}
