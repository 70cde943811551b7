//! Memory before it is needed: slots that puts and gets will come to are fetched ahead.

use super::{Ring, word};
use crate::store::fifo::shape::{CACHE_LINE, PREFETCH_BYTES, Shape};
use crate::store::fifo::slot::Slot;
use crate::sync::{EAGER, Ordering, prefetch_for_reading, prefetch_for_writing};

/// After how many gets that found nothing to fetch ahead to look for more.
const LOOK_EVERY: u64 = if EAGER { 1 } else { 64 };
/// Of a longer slot no more than this.
const MOST_PREFETCHED: usize = 512;
/// Nor so far ahead that it is a larger part of a ring than this: what a full queue's gets come to next lies there.
/// 64-byte items, at most 64 queued, millions a second: 14 with a quarter of the ring, 20 with this.
const PART_OF_RING: u64 = 32;

/// What a get leaves to be done now and then, see [`Fifo::look_round`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Nothing,
    LookRound,
}

impl Ring {
    /// Fetches the slot that a put will write soon, if puts come one after the other. Without it each waits
    /// for a cache line from the get that emptied the slot: its compare-and-swap cannot overtake the last store.
    #[inline(always)]
    pub fn prefetch_after_put(&self, shape: Shape, slot: Slot<'_>, tail: u64) {
        if shape.is_long() {
            let ahead = shape.ahead.min(self.slots() / PART_OF_RING + 1);
            self.prefetch_whole(shape, tail + word(ahead), prefetch_for_writing);
        } else {
            prefetch_for_writing(slot.further_on(PREFETCH_BYTES));
        }
    }

    /// The same for a get. A longer slot is fetched to be read. Of shorter ones, which share a cache line, those
    /// are fetched to be written that have surely been filled: where puts are still at it, fetching takes the
    /// line from them (60 M items/s become 45), and looking where they are costs too, so that is done rarely.
    /// Four threads to a loop, bounded: 95 without, 111 with.
    #[inline(always)]
    pub fn prefetch_after_get(&self, shape: Shape, slot: Slot<'_>, head: u64) -> Due {
        if shape.is_long() {
            self.prefetch_whole(shape, head + word(2), prefetch_for_reading);
            return Due::Nothing;
        }
        // ORDERING: Relaxed; a hint.
        let seen = self.head.tail_seen.load(Ordering::Relaxed);
        if head + word(2 * shape.ahead) <= seen {
            prefetch_for_writing(slot.further_on(PREFETCH_BYTES));
        } else if head >= seen + word(LOOK_EVERY) {
            return Due::LookRound;
        }
        Due::Nothing
    }

    /// Looks how far gets may fetch ahead.
    pub fn see_tail(&self, head: u64) {
        // ORDERING: Relaxed; a hint.
        let tail = self.tail.word.load(Ordering::Relaxed);
        // Where the ring has had more lives since, this is far ahead: it must not count as reached for long.
        let seen = tail.min(head + word(self.slots()));
        self.head.tail_seen.store(seen, Ordering::Relaxed);
    }

    #[inline(always)]
    fn prefetch_whole(&self, shape: Shape, word: u64, fetch: impl Fn(*const u8)) {
        let slot = self.slots_as(shape).at(word);
        let lines = (0..shape.stride.min(MOST_PREFETCHED)).step_by(CACHE_LINE);
        lines.for_each(|offset| fetch(slot.further_on(offset)));
    }
}
