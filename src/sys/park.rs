//! One thread's sleep: it parks until it is unparked or its deadline passes.

use super::clock::Deadline;

/// Whether a parked thread was unparked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    Unparked,
    DeadlinePassed,
}

#[cfg(not(loom))]
pub use real::{Parker, Unparker};

#[cfg(loom)]
pub use model::{Parker, Unparker};

#[cfg(not(loom))]
mod real {
    use super::super::futex::{self, Slept};
    use super::{Deadline, Parked};
    use crate::sync::process::{AtomicU32, Ordering};

    const WAITING: u32 = 0;
    const UNPARKED: u32 = 1;

    /// Where a thread parks, once after each reset.
    pub struct Parker(AtomicU32);

    /// Ends a sleep. Works in two steps, because the parker may be gone after the first.
    #[must_use = "the thread sleeps on until `wake` is called"]
    pub struct Unparker(*const AtomicU32);

    // SAFETY: the pointer is never followed, it names a futex.
    unsafe impl Send for Unparker {}

    impl Parker {
        pub fn new() -> Self {
            Self(AtomicU32::new(WAITING))
        }

        /// Readies the parker for another sleep; nobody may be about to unpark it.
        pub fn reset(&self) {
            // ORDERING: Relaxed; published by the lock under which the thread enlists.
            self.0.store(WAITING, Ordering::Relaxed);
        }

        /// First step, while the parker is certainly alive: it may go as soon as this is done.
        pub fn unpark(&self) -> Unparker {
            let name = &raw const self.0;
            // ORDERING: Release; pairs with the Acquire in park: the thread sees why it was woken.
            self.0.store(UNPARKED, Ordering::Release);
            Unparker(name)
        }

        pub fn park(&self, deadline: Deadline) -> Parked {
            loop {
                // ORDERING: Acquire; pairs with the Release in unpark.
                if self.0.load(Ordering::Acquire) == UNPARKED {
                    return Parked::Unparked;
                }
                if futex::wait(&self.0, WAITING, deadline) == Slept::DeadlinePassed {
                    return Parked::DeadlinePassed;
                }
            }
        }
    }

    impl Unparker {
        /// Second step, outside of every lock.
        pub fn wake(self) {
            futex::wake(self.0);
        }
    }
}

#[cfg(loom)]
mod model {
    use super::{Deadline, Parked};
    use loom::sync::{Arc, Condvar, Mutex};

    pub struct Parker(Arc<(Mutex<bool>, Condvar)>);

    #[must_use]
    pub struct Unparker(Arc<(Mutex<bool>, Condvar)>);

    impl Parker {
        pub fn new() -> Self {
            Self(Arc::new((Mutex::new(false), Condvar::new())))
        }

        pub fn reset(&self) {
            *self.0.0.lock().unwrap() = false;
        }

        pub fn unpark(&self) -> Unparker {
            *self.0.0.lock().unwrap() = true;
            Unparker(self.0.clone())
        }

        /// A deadline that is not "never" passes at once: a model has no clock.
        pub fn park(&self, deadline: Deadline) -> Parked {
            let mut unparked = self.0.0.lock().unwrap();
            while !*unparked {
                if deadline != Deadline::Never {
                    return Parked::DeadlinePassed;
                }
                unparked = self.0.1.wait(unparked).unwrap();
            }
            Parked::Unparked
        }
    }

    impl Unparker {
        pub fn wake(self) {
            let _held = self.0.0.lock().unwrap();
            self.0.1.notify_one();
        }
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}
