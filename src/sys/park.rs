//! One thread's sleep: it parks until it is unparked or its deadline passes.

use super::clock::Deadline;

/// Whether a parked thread was unparked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    Unparked,
    DeadlinePassed,
}

#[cfg(not(any(loom, shuttle)))]
pub use real::{Parker, Unparker};

#[cfg(any(loom, shuttle))]
pub use model::{Parker, Unparker};

#[cfg(not(any(loom, shuttle)))]
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

#[cfg(any(loom, shuttle))]
mod model {
    use super::super::clock;
    use super::{Deadline, Parked};
    use crate::sync::world::sync::{Arc, Condvar, Mutex};

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

        pub fn park(&self, deadline: Deadline) -> Parked {
            let mut unparked = self.0.0.lock().unwrap();
            while !*unparked {
                unparked = match deadline {
                    Deadline::Never => self.0.1.wait(unparked).unwrap(),
                    _ if clock::passes_now() => return Parked::DeadlinePassed,
                    _ => {
                        drop(unparked);
                        crate::sync::yield_now();
                        self.0.0.lock().unwrap()
                    }
                };
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

/// Sleeps for a moment, so that threads of lower priority run as well.
pub fn nap() {
    #[cfg(not(any(loom, shuttle)))]
    {
        const MOMENT_NS: u64 = 50_000;
        let nobody_wakes = crate::sync::process::AtomicU32::new(0);
        super::futex::wait(&nobody_wakes, 0, Deadline::Never.at_most(MOMENT_NS));
    }
    #[cfg(any(loom, shuttle))]
    crate::sync::yield_now();
}
