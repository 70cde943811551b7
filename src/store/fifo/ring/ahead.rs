//! Memory before it is needed: slots that puts and gets will come to are fetched ahead.

use super::{Ring, word};
use crate::store::fifo::shape::{CACHE_LINE, PREFETCH_BYTES, Shape};
use crate::store::fifo::slot::Slot;
use crate::sync::{prefetch_for_reading, prefetch_for_writing};

/// Of a longer slot no more than this.
const MOST_PREFETCHED: usize = 512;
/// Nor so far ahead that it is a larger part of a ring than this: what a full queue's gets come to next lies there.
/// 64-byte items, at most 64 queued, millions a second: 14 with a quarter of the ring, 20 with this.
const PART_OF_RING: u64 = 32;

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

    /// The same for a get, of a long slot. Shorter ones share a cache line: where puts are still at it, fetching
    /// takes the line from them, and to look where they are takes the line of the tail.
    #[inline(always)]
    pub fn prefetch_after_get(&self, shape: Shape, head: u64) {
        if shape.is_long() {
            self.prefetch_whole(shape, head + word(2), prefetch_for_reading);
        }
    }

    #[inline(always)]
    fn prefetch_whole(&self, shape: Shape, word: u64, fetch: impl Fn(*const u8)) {
        let slot = self.slots_as(shape).at(word);
        let lines = (0..shape.stride.min(MOST_PREFETCHED)).step_by(CACHE_LINE);
        lines.for_each(|offset| fetch(slot.further_on(offset)));
    }
}
