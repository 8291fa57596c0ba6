//! A mailbox for one value at a time, from one thread to one other, without a lock. Not a queue,
//! and nobody waits in it: whoever puts a value wakes the other side by other means.
//!
//! Invariant: while `full` is false only the sender touches the value, while it is true only the
//! receiver does. There is one sender and one receiver, both used through `&mut`.
//!
//! JUSTIFICATION: the value moves between threads without a lock, which no safe type of std does
//! without a list of waiting threads behind a mutex; a hand-over happens twice in a turn of the
//! loop.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

struct Slot<T> {
    full: AtomicBool,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is touched by one thread at a time, see the file's invariant; moving it from
// one to the other is what `Send` permits.
unsafe impl<T: Send> Sync for Slot<T> {}

/// The side that puts values in.
pub struct Sender<T>(Arc<Slot<T>>);

/// The side that takes them out.
pub struct Receiver<T>(Arc<Slot<T>>);

/// An empty mailbox.
pub fn mailbox<T: Send>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Slot { full: AtomicBool::new(false), value: UnsafeCell::new(None) });
    (Sender(Arc::clone(&slot)), Receiver(slot))
}

impl<T: Send> Sender<T> {
    /// Gives the value back if the one before has not been taken yet.
    pub fn put(&mut self, value: T) -> Result<(), T> {
        if self.0.full.load(Ordering::Acquire) {
            return Err(value);
        }
        // SAFETY: it is not full, so the receiver does not touch the value, and there is no other
        // sender. The load above came after the receiver's store, hence after its last access.
        unsafe { *self.0.value.get() = Some(value) };
        self.0.full.store(true, Ordering::Release);
        Ok(())
    }
}

impl<T: Send> Receiver<T> {
    pub fn take(&mut self) -> Option<T> {
        if !self.0.full.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: it is full, so the sender does not touch the value, and there is no other
        // receiver. The load above came after the sender's store, hence after its write.
        let value = unsafe { (*self.0.value.get()).take() };
        self.0.full.store(false, Ordering::Release);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_at_a_time() {
        let (mut sender, mut receiver) = mailbox();
        assert_eq!(receiver.take(), None);
        assert_eq!(sender.put(Box::new(1)), Ok(()));
        assert_eq!(sender.put(Box::new(2)), Err(Box::new(2)));
        assert_eq!(receiver.take(), Some(Box::new(1)));
        assert_eq!(receiver.take(), None);
        assert_eq!(sender.put(Box::new(3)), Ok(()));
    }

    #[test]
    fn what_is_not_taken_is_dropped() {
        let value = Arc::new(());
        let (mut sender, receiver) = mailbox();
        assert!(sender.put(Arc::clone(&value)).is_ok());
        drop((sender, receiver));
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn all_arrive_in_order_and_whole() {
        const VALUES: usize = 20_000;
        let (mut sender, mut receiver) = mailbox::<Box<[usize; 4]>>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..VALUES {
                    let mut value = Box::new([n; 4]);
                    while let Err(back) = sender.put(value) {
                        value = back;
                        std::thread::yield_now();
                    }
                }
            });
            for n in 0..VALUES {
                let value = loop {
                    match receiver.take() {
                        Some(value) => break value,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(*value, [n; 4]);
            }
        });
    }
}
