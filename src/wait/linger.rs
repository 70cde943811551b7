//! Looking again for a moment before sleeping: waking a thread on an idle core costs tens of
//! microseconds, so whoever is about to be served should not sleep.

use crate::sync::{AtomicU8, Ordering, pause, yield_now};
use crate::sys::{clock, clock::Deadline, cpu};

/// How long to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linger {
    /// As long as it has paid lately, and not at all on one processor.
    Adaptive,
    Never,
    Nanoseconds(u64),
}

impl Linger {
    /// As the C contract writes it. `None`: a negative number that means nothing.
    pub fn from_ns(ns: i64) -> Option<Self> {
        match ns {
            0 => Some(Self::Adaptive),
            -1 => Some(Self::Never),
            1.. => Some(Self::Nanoseconds(ns as u64)),
            _ => None,
        }
    }
}

/// How many yields looking again is worth, learned from whether it was.
pub struct Patience(AtomicU8);

impl Patience {
    /// A yield with nobody else to run takes under a microsecond: at most about one wake-up's worth.
    const MOST: u8 = 64;
    const LEAST: u8 = 4;
    /// Pauses before the first yield: the other side is often in the middle of it.
    const PAUSES: u32 = 40;

    pub fn new() -> Self {
        Self(AtomicU8::new(Self::MOST))
    }

    /// Looks again until `ready`, or it is time to sleep. Returns whether it is ready.
    pub fn look_again(
        &self,
        linger: Linger,
        deadline: Deadline,
        mut ready: impl FnMut() -> bool,
    ) -> bool {
        if cfg!(loom) {
            return false;
        }
        match linger {
            Linger::Never => false,
            Linger::Adaptive if cpu::alone() => false,
            Linger::Adaptive => self.adaptive(deadline, &mut ready),
            Linger::Nanoseconds(ns) => {
                let end = clock::now().saturating_add(ns);
                while clock::now() < end && !deadline.has_passed() {
                    if ready() || (0..Self::PAUSES).any(|_| after_pause(&mut ready)) {
                        return true;
                    }
                    yield_now();
                }
                false
            }
        }
    }

    fn adaptive(&self, deadline: Deadline, ready: &mut impl FnMut() -> bool) -> bool {
        if (0..Self::PAUSES).any(|_| after_pause(ready)) {
            return true;
        }
        // ORDERING: Relaxed; a guess that stands for itself.
        let patience = self.0.load(Ordering::Relaxed);
        for _ in 0..patience {
            yield_now();
            if ready() {
                // ORDERING: Relaxed; as above.
                self.0.store(patience.saturating_mul(2).min(Self::MOST), Ordering::Relaxed);
                return true;
            }
            if deadline.has_passed() {
                return false;
            }
        }
        // ORDERING: Relaxed; as above.
        self.0.store((patience / 2).max(Self::LEAST), Ordering::Relaxed);
        false
    }
}

fn after_pause(ready: &mut impl FnMut() -> bool) -> bool {
    pause();
    ready()
}

impl Default for Patience {
    fn default() -> Self {
        Self::new()
    }
}
