//! Yielding the processor to those who work for the same queue, and to nobody else.
//!
//! A yield is worth it where the other side waits for this very processor. To a thread that computes on it, it is
//! a gift of a whole slice: 4 ms, where a thread that had gone to sleep would be back 15 µs after being woken. The
//! two look alike before, not after: the time was long, and next to nothing came or went. What is lost like that is
//! counted, for each processor: one part in [`ONE_PART_IN`] of the time is granted, and some in advance, for what happens
//! once in a while. Beyond that no queue of the process yields there.

use crate::sync::process::{AtomicBool, AtomicU64, Ordering};
use crate::sync::yield_now;
use crate::sys::{clock, cpu};

/// Longer than what a processor does for itself now and then; computing threads get a millisecond and more.
pub const LONG_NS: u64 = 200_000;
const ONE_PART_IN: u64 = 256;
/// What a computing thread is given at a time, about.
const SLICE_NS: u64 = 4_000_000;
const IN_ADVANCE_NS: u64 = 4 * SLICE_NS;

/// What a yield was for its waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yielded {
    /// Over soon, or nobody waited meanwhile.
    Cheap,
    /// So much came and went that it was right however long it took.
    WellSpent,
    Lost,
}

/// What has been lost on one processor.
struct Losses {
    /// When, on the clock, it will have been made up for.
    even_at: AtomicU64,
}

/// By the number of the processor; from 64 on two share one.
static LOSSES: [Losses; 64] = [const { Losses { even_at: AtomicU64::new(0) } }; 64];
/// Whether anything was ever lost: until then no waiter has to ask where it runs, and what time it is.
static ANY: AtomicBool = AtomicBool::new(false);

/// Whether to yield: not where too much has been lost by it.
pub fn are_worth_it() -> bool {
    // ORDERING: Relaxed, as all here: guesses and times that stand for themselves.
    !ANY.load(Ordering::Relaxed) || !Losses::here().are_too_many(clock::now())
}

/// Yields once. `now`: the time before, replaced by the time after. `moved` counts the items that come and go, each of
/// which is worth `item_ns`; `missed` says whether anybody may have waited for this one.
pub fn once(
    now: &mut u64,
    item_ns: u64,
    moved: impl Fn() -> u64,
    missed: impl FnOnce() -> bool,
) -> Yielded {
    let here = Losses::here(); // a thread that was kept waiting may run elsewhere after it
    let before = (*now, moved());
    yield_now();
    *now = clock::now();
    let took = now.saturating_sub(before.0);
    let yielded = judge(took, moved().saturating_sub(before.1).saturating_mul(item_ns), missed);
    if yielded == Yielded::Lost {
        here.add(*now, took);
        ANY.store(true, Ordering::Relaxed);
    }
    yielded
}

fn judge(took_ns: u64, worth_ns: u64, missed: impl FnOnce() -> bool) -> Yielded {
    if worth_ns >= took_ns && worth_ns > 0 {
        Yielded::WellSpent
    } else if took_ns < LONG_NS || !missed() {
        Yielded::Cheap
    } else {
        Yielded::Lost
    }
}

impl Losses {
    /// Those of the processor that runs this, unless the thread has just been moved.
    fn here() -> &'static Self {
        #[cfg(all(test, not(loom)))]
        if let Some(own) = tests::own_losses() {
            return own;
        }
        &LOSSES[cpu::current() % LOSSES.len()]
    }

    fn are_too_many(&self, now: u64) -> bool {
        self.even_at.load(Ordering::Relaxed) > now + ONE_PART_IN * IN_ADVANCE_NS
    }

    /// Whole slices at most, though a process may be stopped for an hour; and no more than is made up for in a second
    /// beside the advance, though many threads may lose at the same time.
    fn add(&self, now: u64, ns: u64) {
        let even_at = self.even_at.load(Ordering::Relaxed).max(now);
        let latest = now + ONE_PART_IN * (IN_ADVANCE_NS + SLICE_NS);
        self.even_at.store(latest.min(even_at + ONE_PART_IN * ns.min(SLICE_NS)), Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
pub mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// Instead of the processor's, on which other tests may compute and lose.
        static OWN: Cell<Option<&'static Losses>> = const { Cell::new(None) };
    }

    pub(super) fn own_losses() -> Option<&'static Losses> {
        OWN.get()
    }

    /// As if too much had been lost on every processor that this thread runs on, for good.
    pub fn lose_everywhere() {
        set_losses(u64::MAX);
    }

    pub fn forgive_everywhere() {
        set_losses(0);
    }

    fn set_losses(even_at: u64) {
        OWN.set(Some(Box::leak(Box::new(Losses { even_at: AtomicU64::new(even_at) }))));
        ANY.store(true, Ordering::Relaxed);
    }

    #[test]
    fn a_long_time_in_which_hardly_anything_moved_was_lost_if_it_mattered() {
        assert_eq!(judge(LONG_NS, LONG_NS - 1, || true), Yielded::Lost);
        assert_eq!(judge(LONG_NS, 0, || false), Yielded::Cheap);
        assert_eq!(judge(LONG_NS - 1, 0, || true), Yielded::Cheap);
        assert_eq!(judge(LONG_NS, LONG_NS, || true), Yielded::WellSpent);
        assert_eq!(judge(0, 0, || true), Yielded::Cheap);
        assert_eq!(judge(u64::MAX, u64::MAX, || true), Yielded::WellSpent);
    }

    #[test]
    fn what_is_lost_to_strangers_is_limited() {
        let losses = Losses { even_at: AtomicU64::new(0) };
        let now = 1_000_000_000_000;
        for _ in 0..4 {
            losses.add(now, SLICE_NS);
            assert!(!losses.are_too_many(now));
        }
        losses.add(now, SLICE_NS);
        assert!(losses.are_too_many(now));
        losses.add(now, 1000 * SLICE_NS);
        losses.add(now, u64::MAX);
        let made_up_for = now + ONE_PART_IN * SLICE_NS;
        assert!(losses.are_too_many(made_up_for - 1));
        assert!(!losses.are_too_many(made_up_for));
    }
}
