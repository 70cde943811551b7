//! Timeouts and deadlines. A timeout becomes one deadline when a call has found that it may have to wait, that of a
//! batch when it begins; from then on it waits until, never for.

/// How long the caller is ready to wait, as the C contract writes it: nanoseconds, 0 for not at all, -1 for ever.
/// One number, which a call that does not wait hands on unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(i64);

/// Until when to wait, on CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    Passed,
    At(u64),
    Never,
}

impl Timeout {
    pub const NONE: Self = Self(0);
    pub const FOREVER: Self = Self(-1);

    /// `None`: a negative number that means nothing.
    #[inline]
    pub const fn from_ns(ns: i64) -> Option<Self> {
        if ns >= -1 { Some(Self(ns)) } else { None }
    }

    /// The deadline, counted from now.
    pub fn deadline(self) -> Deadline {
        match self {
            Self::NONE => Deadline::Passed,
            Self::FOREVER => Deadline::Never,
            Self(ns) => Deadline::At(now().saturating_add(ns as u64)),
        }
    }
}

impl Deadline {
    /// This deadline, or `ns` from now if that is sooner.
    pub fn at_most(self, ns: u64) -> Self {
        let soon = now().saturating_add(ns);
        match self {
            Self::Passed => Self::Passed,
            Self::At(when) => Self::At(when.min(soon)),
            Self::Never => Self::At(soon),
        }
    }

    pub fn has_passed(self) -> bool {
        match self {
            Self::Passed => true,
            Self::At(_) => self.has_passed_at(now()),
            Self::Never => false,
        }
    }

    pub fn has_passed_at(self, now: u64) -> bool {
        match self {
            Self::Passed => true,
            Self::At(when) => now >= when,
            Self::Never => false,
        }
    }
}

/// A model has no clock: a deadline passes at any time.
#[cfg(shuttle)]
pub fn passes_now() -> bool {
    shuttle::rand::RngCore::next_u32(&mut shuttle::rand::thread_rng()).is_multiple_of(8)
}

/// A model has no clock: a thread's time passes by one with each look at it, and not while it sleeps.
#[cfg(loom)]
pub fn now() -> u64 {
    loom::thread_local! { static LOOKS: std::cell::Cell<u64> = std::cell::Cell::new(0); }
    LOOKS.with(|looks| looks.replace(looks.get() + 1))
}

/// Nanoseconds on CLOCK_MONOTONIC.
#[cfg(not(loom))]
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours to write; this clock is always there, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_negative_timeout_is_forever_or_nothing() {
        assert_eq!(Timeout::from_ns(-1), Some(Timeout::FOREVER));
        assert_eq!(Timeout::from_ns(-2), None);
        assert_eq!(Timeout::from_ns(i64::MIN), None);
    }

    #[test]
    fn the_longest_timeout_does_not_overflow() {
        let deadline = Timeout::from_ns(i64::MAX).unwrap().deadline();
        assert!(!deadline.has_passed());
    }
}
