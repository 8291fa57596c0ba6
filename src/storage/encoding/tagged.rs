//! One word that owns a value of one of two or three pointer types; the low three bits say which.
//!
//! ```text
//!  63                       3 2 0
//!  │ pointer, 8-aligned      │tag│     tag 0 = A, 1 = B, 2 = C, 7 = lent out by `get_mut`
//! ```
//!
//! With it a collection is eight bytes in its entry, whichever of its encodings it has. Not for
//! values that are not pointers.
//!
//! Invariant: the word is never null, and the pointer without its tag is the raw form of a live
//! value of the tag's type, except while (or forever after, if it leaks) a [`ThinMut`] holds it:
//! then the tag is 7, and a leaked value is lost, not misread.
//!
//! JUSTIFICATION: a `Box<enum>` would cost each small collection one more allocation of 16 bytes
//! and one more cache miss (PERFORMANCE.md 2.4, small hashes and sets).

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

const TAG_MASK: usize = 7;
/// The value is out, in a `ThinMut`.
const LENT: usize = 7;

/// An owned handle that is one 8-aligned pointer.
///
/// # Safety
/// `into_raw` gives an 8-aligned pointer, `from_raw` of it gives the same handle back, and a
/// bitwise copy made by `from_raw` may be used through `&` as long as the original is neither used
/// through `&mut` nor freed.
pub unsafe trait Thin: Sized {
    fn into_raw(self) -> NonNull<u8>;

    /// # Safety
    /// `raw` came from `into_raw`; of all handles made from it at most one is dropped or changed.
    unsafe fn from_raw(raw: NonNull<u8>) -> Self;
}

// SAFETY: a Box is one pointer; values of less than 8-byte alignment are refused at compile time.
unsafe impl<T> Thin for Box<T> {
    #[inline(always)]
    fn into_raw(self) -> NonNull<u8> {
        const { assert!(align_of::<T>() >= 8 && size_of::<T>() > 0) };
        NonNull::from(Box::leak(self)).cast()
    }

    #[inline(always)]
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        // SAFETY: by the contract, the pointer of a Box<T>.
        unsafe { Box::from_raw(raw.cast().as_ptr()) }
    }
}

/// A handle whose value can be borrowed for longer than a [`ThinRef`] stands.
///
/// # Safety
/// `view` gives only what may be borrowed for `'a` from a handle that stays unchanged for `'a`.
pub unsafe trait ThinView: Thin {
    type View<'a>
    where
        Self: 'a;

    /// # Safety
    /// `raw` is the raw form of a handle that nobody changes or frees during `'a`.
    unsafe fn view<'a>(raw: NonNull<u8>) -> Self::View<'a>
    where
        Self: 'a;
}

// SAFETY: the target of a Box stays where it is while the Box is unchanged.
unsafe impl<T> ThinView for Box<T> {
    type View<'a>
        = &'a T
    where
        T: 'a;

    #[inline(always)]
    unsafe fn view<'a>(raw: NonNull<u8>) -> &'a T
    where
        T: 'a,
    {
        // SAFETY: by the contract.
        unsafe { raw.cast().as_ref() }
    }
}

/// A shared borrow of a value in a tagged word.
pub struct ThinRef<'a, X: Thin> {
    value: ManuallyDrop<X>,
    raw: NonNull<u8>,
    borrow: PhantomData<&'a X>,
}

impl<'a, X: Thin> ThinRef<'a, X> {
    #[inline(always)]
    fn new(raw: NonNull<u8>) -> Self {
        // SAFETY: a live value, borrowed for 'a; the copy is never dropped.
        let value = ManuallyDrop::new(unsafe { X::from_raw(raw) });
        ThinRef { value, raw, borrow: PhantomData }
    }

    /// The value's content for the whole borrow, not only while this stands.
    #[inline(always)]
    pub fn borrowed(self) -> X::View<'a>
    where
        X: ThinView,
    {
        // SAFETY: the tagged word is borrowed for 'a.
        unsafe { X::view(self.raw) }
    }
}

impl<X: Thin> Deref for ThinRef<'_, X> {
    type Target = X;

    #[inline(always)]
    fn deref(&self) -> &X {
        &self.value
    }
}

/// An exclusive borrow of a value in a tagged word; puts the pointer back when it goes.
pub struct ThinMut<'a, X: Thin> {
    value: ManuallyDrop<X>,
    word: &'a mut NonNull<u8>,
    tag: usize,
}

impl<'a, X: Thin> ThinMut<'a, X> {
    #[inline(always)]
    fn new(word: &'a mut NonNull<u8>, tag: usize) -> Self {
        // SAFETY: a live value of the tag's type; marking the word lent makes this the only handle.
        let value = ManuallyDrop::new(unsafe { X::from_raw(untag(*word)) });
        *word = with_tag(NonNull::<u64>::dangling().cast(), LENT);
        ThinMut { value, word, tag }
    }
}

impl<X: Thin> Deref for ThinMut<'_, X> {
    type Target = X;

    #[inline(always)]
    fn deref(&self) -> &X {
        &self.value
    }
}

impl<X: Thin> DerefMut for ThinMut<'_, X> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut X {
        &mut self.value
    }
}

impl<X: Thin> Drop for ThinMut<'_, X> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the value is not used again.
        let value = unsafe { ManuallyDrop::take(&mut self.value) };
        *self.word = with_tag(value.into_raw(), self.tag);
    }
}

#[inline(always)]
fn with_tag(raw: NonNull<u8>, tag: usize) -> NonNull<u8> {
    debug_assert!(raw.addr().get() & TAG_MASK == 0);
    raw.map_addr(|addr| addr | tag)
}

#[inline(always)]
fn tag_of(word: NonNull<u8>) -> usize {
    word.addr().get() & TAG_MASK
}

#[inline(always)]
fn untag(word: NonNull<u8>) -> NonNull<u8> {
    let ptr = word.as_ptr().map_addr(|addr| addr & !TAG_MASK);
    // SAFETY: only the low bits of an 8-aligned, non-null address were cleared.
    unsafe { NonNull::new_unchecked(ptr) }
}

#[cold]
fn lent_out() -> ! {
    panic!("a value that was lent out by get_mut and leaked")
}

macro_rules! tagged {
    ($tagged:ident, $either:ident, $($name:ident = $tag:literal),+) => {
        /// One of the values (or borrows of values) that the tagged word may hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $either<$($name),+> {
            $($name($name)),+
        }

        /// See the file's documentation.
        #[repr(transparent)]
        pub struct $tagged<$($name: Thin),+> {
            word: NonNull<u8>,
            owns: PhantomData<($($name,)+)>,
        }

        // SAFETY: the word owns one of the values and nothing else.
        unsafe impl<$($name: Thin + Send),+> Send for $tagged<$($name),+> {}

        impl<$($name: Thin),+> $tagged<$($name),+> {
            #[inline(always)]
            pub fn new(value: $either<$($name),+>) -> Self {
                let word = match value {
                    $($either::$name(value) => with_tag(value.into_raw(), $tag)),+
                };
                Self { word, owns: PhantomData }
            }

            /// What it holds, to read.
            #[inline(always)]
            pub fn get(&self) -> $either<$(ThinRef<'_, $name>),+> {
                match tag_of(self.word) {
                    $($tag => $either::$name(ThinRef::new(untag(self.word))),)+
                    _ => lent_out(),
                }
            }

            /// What it holds, to change; the value may change its pointer.
            #[inline(always)]
            pub fn get_mut(&mut self) -> $either<$(ThinMut<'_, $name>),+> {
                match tag_of(self.word) {
                    $($tag => $either::$name(ThinMut::new(&mut self.word, $tag)),)+
                    _ => lent_out(),
                }
            }

            /// Puts another value in; the old one is dropped.
            pub fn set(&mut self, value: $either<$($name),+>) {
                *self = Self::new(value);
            }

            /// Puts another value in and returns the old one.
            pub fn replace(&mut self, value: $either<$($name),+>) -> $either<$($name),+> {
                std::mem::replace(self, Self::new(value)).into_either()
            }

            pub fn into_either(self) -> $either<$($name),+> {
                let this = ManuallyDrop::new(self);
                let raw = untag(this.word);
                match tag_of(this.word) {
                    // SAFETY: the tag says of which type the pointer is; `this` is not used again.
                    $($tag => $either::$name(unsafe { $name::from_raw(raw) }),)+
                    _ => lent_out(),
                }
            }
        }

        impl<$($name: Thin),+> Drop for $tagged<$($name),+> {
            fn drop(&mut self) {
                let raw = untag(self.word);
                match tag_of(self.word) {
                    // SAFETY: the tag says of which type the pointer is; this is the last use.
                    $($tag => drop(unsafe { $name::from_raw(raw) }),)+
                    // The value leaked out of `get_mut`.
                    _ => {}
                }
            }
        }
    };
}

tagged!(Tagged2, Either2, A = 0, B = 1);
tagged!(Tagged3, Either3, A = 0, B = 1, C = 2);

const _: () = assert!(size_of::<Option<Tagged2<Box<u64>, Box<i64>>>>() == 8);

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// Counts how many of it live.
    struct Counted(Rc<Cell<i32>>, u64);

    impl Counted {
        fn boxed(live: &Rc<Cell<i32>>, value: u64) -> Box<Self> {
            live.set(live.get() + 1);
            Box::new(Counted(Rc::clone(live), value))
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }

    type Word = Tagged3<Box<Counted>, Box<Vec<u64>>, Box<u64>>;

    #[test]
    fn each_type_comes_back_as_itself() {
        let live = Rc::new(Cell::new(0));
        let mut word = Word::new(Either3::A(Counted::boxed(&live, 5)));
        assert!(matches!(word.get(), Either3::A(c) if c.1 == 5));
        let old = word.replace(Either3::B(Box::new(vec![1, 2])));
        assert!(matches!(old, Either3::A(ref c) if c.1 == 5) && live.get() == 1);
        drop(old);
        assert_eq!(live.get(), 0);
        let Either3::B(v) = word.get() else { panic!("holds a Vec") };
        let slice: &[u64] = v.borrowed();
        assert_eq!(slice, [1, 2]);
        word.set(Either3::C(Box::new(9)));
        assert!(matches!(word.into_either(), Either3::C(n) if *n == 9));
    }

    #[test]
    fn a_changed_pointer_is_written_back() {
        let mut word: Tagged2<Box<u64>, Box<Vec<u64>>> = Tagged2::new(Either2::B(Box::default()));
        for i in 0..100 {
            let Either2::B(mut v) = word.get_mut() else { panic!("holds a Vec") };
            // A new box each time: the pointer changes under the word.
            let mut next = Box::new(std::mem::take(&mut **v));
            next.push(i);
            *v = next;
        }
        assert!(matches!(word.get(), Either2::B(v) if v.len() == 100));
    }

    #[test]
    fn every_value_is_dropped_exactly_once() {
        let live = Rc::new(Cell::new(0));
        let mut word = Word::new(Either3::A(Counted::boxed(&live, 1)));
        for i in 0..10 {
            if let Either3::A(mut c) = word.get_mut() {
                c.1 += 1;
            }
            assert_eq!(live.get(), 1);
            word.set(Either3::A(Counted::boxed(&live, i)));
        }
        assert_eq!(live.get(), 1);
        drop(word);
        assert_eq!(live.get(), 0);
    }

    #[test]
    fn a_leaked_borrow_loses_the_value_and_nothing_else() {
        let live = Rc::new(Cell::new(0));
        let mut word = Word::new(Either3::A(Counted::boxed(&live, 1)));
        let Either3::A(borrow) = word.get_mut() else { panic!("holds A") };
        // A second handle, to free the value in the end and keep the leak checkers quiet.
        // SAFETY: the first one is forgotten.
        let rescued = unsafe { std::ptr::read(&raw const *borrow.value) };
        std::mem::forget(borrow);
        assert!(
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                word.get();
            }))
            .is_err()
        );
        drop(word);
        assert_eq!(live.get(), 1);
        drop(rescued);
        assert_eq!(live.get(), 0);
    }
}
