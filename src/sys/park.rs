//! One thread's sleep: it parks until it is unparked or its deadline passes.

use super::clock::Deadline;

/// Whether a parked thread was unparked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    Unparked,
    DeadlinePassed,
}

#[cfg(not(any(loom, shuttle)))]
pub use real::{Chime, Parker, Unparker};

#[cfg(any(loom, shuttle))]
pub use model::{Chime, Parker, Unparker};

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

        /// Whether parking would end at once.
        pub fn is_unparked(&self) -> bool {
            // ORDERING: Acquire; pairs with the Release in unpark.
            self.0.load(Ordering::Acquire) == UNPARKED
        }

        pub fn park(&self, deadline: Deadline) -> Parked {
            loop {
                if self.is_unparked() {
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

    const QUIET: u32 = 0;
    const RUNG: u32 = 1;

    /// Wakes a thread that may not sleep there any more: a ring can come late, in the middle of the next
    /// sleep, and is then heard once.
    pub struct Chime(AtomicU32);

    impl Chime {
        pub fn new() -> Self {
            Self(AtomicU32::new(QUIET))
        }

        /// Async-signal-safe.
        pub fn ring(&self) {
            // ORDERING: AcqRel; pairs with the exchange in sleep. An exchange, so that a late ring hands on
            // what an earlier one has published.
            self.0.swap(RUNG, Ordering::AcqRel);
            futex::wake(&raw const self.0);
        }

        /// Before the thread says that it will sleep.
        pub fn hush(&self) {
            // ORDERING: Relaxed; published by saying so.
            self.0.store(QUIET, Ordering::Relaxed);
        }

        /// Sleeps until it rings.
        pub fn sleep(&self, deadline: Deadline) -> Slept {
            // ORDERING: AcqRel; pairs with ring: the thread sees why.
            if self.0.swap(QUIET, Ordering::AcqRel) == RUNG {
                return Slept::LookAgain;
            }
            futex::wait(&self.0, QUIET, deadline)
        }
    }
}

#[cfg(any(loom, shuttle))]
mod model {
    use super::super::futex::Slept;
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

        pub fn is_unparked(&self) -> bool {
            *self.0.0.lock().unwrap()
        }

        pub fn park(&self, deadline: Deadline) -> Parked {
            match sleep(&self.0, deadline) {
                Slept::LookAgain => Parked::Unparked,
                Slept::DeadlinePassed => Parked::DeadlinePassed,
            }
        }
    }

    impl Unparker {
        pub fn wake(self) {
            let _held = self.0.0.lock().unwrap();
            self.0.1.notify_one();
        }
    }

    /// Sleeps until it is so; whether the deadline passes, says the clock of the model.
    fn sleep((so, changed): &(Mutex<bool>, Condvar), deadline: Deadline) -> Slept {
        let mut is_so = so.lock().unwrap();
        while !*is_so {
            #[cfg(shuttle)]
            if deadline != Deadline::Never {
                if super::super::clock::passes_now() {
                    return Slept::DeadlinePassed;
                }
                drop(is_so);
                crate::sync::yield_now();
                is_so = so.lock().unwrap();
                continue;
            }
            if deadline.has_passed() {
                return Slept::DeadlinePassed;
            }
            is_so = changed.wait(is_so).unwrap();
        }
        Slept::LookAgain
    }

    pub struct Chime((Mutex<bool>, Condvar));

    impl Chime {
        pub fn new() -> Self {
            Self((Mutex::new(false), Condvar::new()))
        }

        pub fn ring(&self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_one();
        }

        pub fn hush(&self) {
            *self.0.0.lock().unwrap() = false;
        }

        pub fn sleep(&self, deadline: Deadline) -> Slept {
            let slept = sleep(&self.0, deadline);
            if slept == Slept::LookAgain {
                self.hush();
            }
            slept
        }
    }
}

impl Default for Chime {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

/// Sleeps for a moment, so that threads of lower priority run as well.
pub fn nap() {
    nap_until(Deadline::Never);
}

/// As [`nap`], but not longer than that.
pub fn nap_until(deadline: Deadline) {
    #[cfg(not(any(loom, shuttle)))]
    {
        const MOMENT_NS: u64 = 50_000;
        let nobody_wakes = crate::sync::process::AtomicU32::new(0);
        super::futex::wait(&nobody_wakes, 0, deadline.at_most(MOMENT_NS));
    }
    #[cfg(any(loom, shuttle))]
    {
        let _ = deadline;
        crate::sync::yield_now();
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::super::clock::Timeout;
    use super::super::futex::Slept;
    use super::*;

    #[test]
    fn a_chime_is_heard_once() {
        let chime = Chime::new();
        let soon = Timeout::from_ns(1_000_000).expect("a number above 0").deadline();
        (0..2).for_each(|_| chime.ring());
        assert_eq!(chime.sleep(soon), Slept::LookAgain);
        assert_eq!(chime.sleep(soon), Slept::DeadlinePassed);
    }
}
