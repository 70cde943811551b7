//! Yielding the processor to those who work for the same queue, and to nobody else.
//!
//! A yield is worth it where the other side waits for this very processor. To a thread that computes on it, it is
//! a gift of a whole slice: 4 ms, where a thread that had gone to sleep would be back 15 µs after being woken. The
//! two look alike before, not after: the time was long, and next to nothing came or went. So the time that is lost
//! like that is limited: strangers get [`SHARE`] of it, and some in advance, for what happens once in a while.

use super::clock;
use crate::sync::{AtomicU64, Ordering, yield_now};

/// Longer than what a processor does for itself now and then; computing threads get a millisecond and more.
const LONG_NS: u64 = 200_000;
/// One part in so many.
const SHARE: u64 = 256;
/// What a computing thread is given at a time, about.
const SLICE_NS: u64 = 4_000_000;
const IN_ADVANCE_NS: u64 = 4 * SLICE_NS;

/// What happened during a yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yielded {
    /// Little, and it was over soon, or nothing was missed.
    Little,
    /// So much came and went that it was well spent however long it took.
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

    /// Yields once. `now` is the time of the clock, and then is what it is behind the yield. `moved` counts the
    /// items that come and go, where one in `stream_ns` makes a stream; `missed` says whether a long time mattered.
    pub fn once(
        &self,
        now: &mut u64,
        stream_ns: u64,
        moved: impl Fn() -> u64,
        missed: impl FnOnce() -> bool,
    ) -> Yielded {
        let before = (*now, moved());
        yield_now();
        *now = clock::now();
        let took = now.saturating_sub(before.0);
        let moved = moved().wrapping_sub(before.1);
        if moved > 0 && moved.saturating_mul(stream_ns) >= took {
            Yielded::Stream
        } else if took < LONG_NS || !missed() {
            Yielded::Little
        } else {
            self.lost(*now, took);
            Yielded::Lost
        }
    }

    /// Each of many threads may lose a slice at the same time, and a process may be stopped for an hour: that is one
    /// slice all the same.
    fn lost(&self, now: u64, ns: u64) {
        let even_at = self.even_at.load(Ordering::Relaxed).max(now);
        let latest = now + SHARE * (IN_ADVANCE_NS + SLICE_NS);
        self.even_at.store(latest.min(even_at + SHARE * ns.min(SLICE_NS)), Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// One yield after so long a time as if it had all passed in it.
    fn long_ago(ns: u64, moved: impl Fn() -> u64, missed: bool) -> Yielded {
        let mut since = clock::now() - ns;
        Yields::default().once(&mut since, 1000, moved, || missed)
    }

    #[test]
    fn a_long_time_in_which_hardly_anything_moved_was_lost_if_it_mattered() {
        let calls = Cell::new(0);
        let many_at_each_call = || {
            calls.set(calls.get() + 1_000_000);
            calls.get()
        };
        assert_eq!(long_ago(LONG_NS, || 0, true), Yielded::Lost);
        assert_eq!(long_ago(LONG_NS, || 0, false), Yielded::Little);
        assert_eq!(long_ago(LONG_NS, many_at_each_call, true), Yielded::Stream);
    }

    #[test]
    fn what_is_lost_to_strangers_is_limited() {
        let yields = Yields::default();
        let began = clock::now();
        for _ in 0..4 {
            yields.lost(began, SLICE_NS);
            assert!(yields.are_worth_it());
        }
        yields.lost(began, SLICE_NS);
        assert!(!yields.are_worth_it());
        yields.lost(began, 1000 * SLICE_NS);
        yields.lost(began, u64::MAX);
        assert_eq!(yields.even_at.load(Ordering::Relaxed), began + SHARE * 5 * SLICE_NS);
    }

    #[test]
    fn a_yield_beside_nobody_is_not_lost() {
        let yields = Yields::default();
        let lost = |_| yields.once(&mut clock::now(), 1, || 0, || true) == Yielded::Lost;
        assert!(!(0..100).all(lost));
    }
}
