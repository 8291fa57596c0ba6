//! Addresses noted in passing for the crash report: the server, the client whose command runs, its
//! arguments. Noting is one or two plain stores.
//!
//! Invariant: they are followed only by a process that is about to end, on the thread that noted
//! them, and the code that was interrupted never goes on.
//!
//! JUSTIFICATION: a report must say what the server was doing, and a signal arrives in the middle
//! of code that holds the only references.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Proof that the process is ending: what is noted may be followed.
pub struct LastWords(());

impl LastWords {
    /// Only for the crash handler and the panic hook: their caller never gets control again.
    pub fn begin() -> LastWords {
        LastWords(())
    }
}

/// The address of a value, or none.
pub struct Noted<T>(AtomicPtr<T>);

impl<T> Default for Noted<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Noted<T> {
    pub const fn new() -> Self {
        Noted(AtomicPtr::new(std::ptr::null_mut()))
    }

    #[inline(always)]
    pub fn note(&self, value: &mut T) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// To be called before the value ends or moves.
    #[inline(always)]
    pub fn clear(&self) {
        self.0.store(std::ptr::null_mut(), Ordering::Relaxed);
    }

    /// The value, if one is noted.
    #[allow(clippy::mut_from_ref, reason = "the proof is not what is borrowed")]
    pub fn follow<'a>(&self, _: &'a LastWords) -> Option<&'a mut T> {
        // SAFETY: noted values are cleared before they end. Their other references belong to code
        // that never runs again, see `LastWords`; half-done changes can make the report wrong or
        // crash it, for which its handler is prepared.
        unsafe { self.0.load(Ordering::Relaxed).as_mut() }
    }
}

/// The address and length of a command's arguments, or none.
#[derive(Default)]
pub struct NotedArgs {
    start: AtomicUsize,
    len: AtomicUsize,
}

/// What was noted before.
#[derive(Clone, Copy)]
pub struct OuterArgs(usize, usize);

impl NotedArgs {
    /// Notes these arguments; gives what was noted for [`NotedArgs::restore`].
    #[inline(always)]
    pub fn note(&self, args: &[&[u8]]) -> OuterArgs {
        let outer = (self.start.load(Ordering::Relaxed), self.len.load(Ordering::Relaxed));
        self.restore(OuterArgs(args.as_ptr() as usize, args.len()));
        OuterArgs(outer.0, outer.1)
    }

    #[inline(always)]
    pub fn restore(&self, outer: OuterArgs) {
        self.start.store(outer.0, Ordering::Relaxed);
        self.len.store(outer.1, Ordering::Relaxed);
    }

    pub fn follow<'a>(&self, _: &'a LastWords) -> &'a [&'a [u8]] {
        let (start, len) = (self.start.load(Ordering::Relaxed), self.len.load(Ordering::Relaxed));
        if len == 0 {
            return &[];
        }
        // SAFETY: noted as a slice by the call that is still under way.
        unsafe { std::slice::from_raw_parts(start as *const &[u8], len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_followed_until_cleared() {
        let words = LastWords::begin();
        let noted = Noted::new();
        let mut value = 7;
        assert!(noted.follow(&words).is_none());
        noted.note(&mut value);
        assert_eq!(noted.follow(&words), Some(&mut 7));
        noted.clear();
        assert!(noted.follow(&words).is_none());
        let args = NotedArgs::default();
        let outer = args.note(&[b"get", b"key"]);
        assert_eq!(args.follow(&words), [&b"get"[..], b"key"]);
        args.restore(outer);
        assert!(args.follow(&words).is_empty());
    }
}
