//! Which thread gets, and whether to make it the owner: learned from a look now and then, and from whether the last
//! ownership has paid.

use super::NOBODY;
use crate::sync::{AtomicU64, EAGER, Ordering};
use crate::sys::thread;

/// After how many items in a row that one thread got it owns the head, the first time. Ending it costs 0.5 to 11 µs.
pub const WORTH_OWNING: u64 = if EAGER { 0 } else { 4096 };
/// An ownership that ended too soon makes the next one take twice as many gets, at most so many.
const MOST_WANTED: u64 = 1 << 24;
/// One that lasted for so many gets has saved more time than ending it costs: the next takes half as many.
pub const PAYS_OFF: u64 = 8 * WORTH_OWNING;

/// All of it hints: a wrong guess costs time.
pub(super) struct Regular {
    /// The thread that got last, when it was last looked.
    thread: AtomicU64,
    /// Since which turn it has been always that one, or has owned the head.
    since: AtomicU64,
    /// So many gets in a row make it the owner.
    wanted: AtomicU64,
}

impl Regular {
    pub fn nobody() -> Self {
        Self {
            thread: AtomicU64::new(NOBODY),
            since: AtomicU64::new(0),
            wanted: AtomicU64::new(WORTH_OWNING),
        }
    }

    /// Notes that the caller gets. Whether it has been the only one for long enough to own the head. `turn`: that of the
    /// next item.
    pub fn note(&self, turn: u64) -> bool {
        let me = thread::token();
        // ORDERING: Relaxed, here and below; hints.
        if self.thread.load(Ordering::Relaxed) != me {
            self.thread.store(me, Ordering::Relaxed);
            self.since.store(turn, Ordering::Relaxed);
            return false;
        }
        self.turns_until(turn) >= self.wanted.load(Ordering::Relaxed)
    }

    /// It owns the head from this turn on.
    pub fn begin(&self, turn: u64) {
        self.since.store(turn, Ordering::Relaxed);
    }

    /// And not from this one on. `at_small_cost`: to find that out took no longer than usual.
    pub fn end(&self, turn: u64, at_small_cost: bool) {
        let wanted = self.wanted.load(Ordering::Relaxed);
        let wanted = if at_small_cost && self.turns_until(turn) >= PAYS_OFF {
            (wanted / 2).max(WORTH_OWNING)
        } else {
            (2 * wanted).min(MOST_WANTED)
        };
        self.wanted.store(wanted, Ordering::Relaxed);
        self.thread.store(NOBODY, Ordering::Relaxed);
    }

    /// Takes over what was learnt at the ring before, where gets have come to `last`; here they begin at `first`.
    pub fn learn(&self, before: &Self, last: u64, first: u64) {
        self.since.store(first.wrapping_sub(before.turns_until(last)), Ordering::Relaxed);
        self.thread.store(before.thread.load(Ordering::Relaxed), Ordering::Relaxed);
        self.wanted.store(before.wanted.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// How many turns there were since `since`; none where another thread has set that further ahead.
    fn turns_until(&self, turn: u64) -> u64 {
        let turns = turn.wrapping_sub(self.since.load(Ordering::Relaxed));
        turns.cast_signed().max(0).cast_unsigned()
    }
}
