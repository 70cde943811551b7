//! Yielding the processor to those who work for the same queue, and to nobody else.
//!
//! A yield is worth it where the other side waits for this very processor. To a thread that computes on it, it is
//! a gift of a whole slice: 4 ms, where a thread that had gone to sleep would be back 15 µs after being woken. The
//! two look alike before, not after: the time was long, and next to nobody was served. So the time that is lost
//! like that is limited: strangers get [`SHARE`] of it, and some in advance, for what happens once in a while.

use super::clock;
use crate::sync::{AtomicU64, Ordering, yield_now};

/// Longer than what a processor does for itself now and then; computing threads get a millisecond and more.
const LONG_NS: u64 = 200_000;
/// An item in so many nanoseconds is a stream: waking somebody for each one would take far longer.
const STREAM_NS: u64 = 200;
/// One part in so many.
const SHARE: u64 = 256;
/// About four slices.
const IN_ADVANCE_NS: u64 = 16_000_000;

/// What happened during a yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yielded {
    /// Little, and it was over soon.
    Little,
    /// Others were served, so many that it was well spent however long it took.
    Stream,
    /// A stranger had the processor.
    Lost,
}

#[derive(Default)]
pub struct Yields {
    /// When, on the clock, what was lost so far has been made up for.
    even_at: AtomicU64,
}

impl Yields {
    /// Whether to yield: not while too much has been lost by it.
    pub fn are_worth_it(&self) -> bool {
        // ORDERING: Relaxed, here and below; a time that stands for itself.
        let even_at = self.even_at.load(Ordering::Relaxed);
        even_at == 0 || even_at <= clock::now() + SHARE * IN_ADVANCE_NS
    }

    /// Yields once. `now` is the time of the clock, and then is what it is behind the yield; `served` counts what
    /// others got of it.
    pub fn once(&self, now: &mut u64, served: impl Fn() -> u64) -> Yielded {
        let before = (*now, served());
        yield_now();
        *now = clock::now();
        let took = now.saturating_sub(before.0);
        let yielded = judge(took, served().wrapping_sub(before.1));
        if yielded == Yielded::Lost {
            self.lost(*now, took);
        }
        yielded
    }

    fn lost(&self, now: u64, ns: u64) {
        let even_at = self.even_at.load(Ordering::Relaxed).max(now);
        self.even_at.store(even_at.saturating_add(SHARE.saturating_mul(ns)), Ordering::Relaxed);
    }
}

fn judge(took_ns: u64, served: u64) -> Yielded {
    if served > 0 && served.saturating_mul(STREAM_NS) >= took_ns {
        Yielded::Stream
    } else if took_ns < LONG_NS {
        Yielded::Little
    } else {
        Yielded::Lost
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_long_time_in_which_hardly_anybody_was_served_was_lost() {
        assert_eq!(judge(800, 0), Yielded::Little);
        assert_eq!(judge(100_000, 3), Yielded::Little);
        assert_eq!(judge(4 * MS, 0), Yielded::Lost);
        assert_eq!(judge(4 * MS, 4000), Yielded::Lost);
        assert_eq!(judge(4 * MS, 100_000), Yielded::Stream);
        assert_eq!(judge(800, 4), Yielded::Stream);
        assert_eq!(judge(u64::MAX, u64::MAX), Yielded::Stream);
    }

    #[test]
    fn what_is_lost_to_strangers_is_limited() {
        let yields = Yields::default();
        let began = clock::now();
        for _ in 0..4 {
            assert!(yields.are_worth_it());
            yields.lost(began, 4 * MS);
        }
        yields.lost(began, 4 * MS);
        assert!(!yields.are_worth_it());
        // Until one part in SHARE of the time makes up for it.
        yields.even_at.store(clock::now() + SHARE * 16 * MS, Ordering::Relaxed);
        assert!(yields.are_worth_it());
    }

    #[test]
    fn a_yield_beside_nobody_is_not_lost() {
        let yields = Yields::default();
        let lost = |_| yields.once(&mut clock::now(), || 0) == Yielded::Lost;
        assert!(!(0..100).all(lost));
    }
}
