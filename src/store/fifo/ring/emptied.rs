//! Slots that are emptied without stamps: up to which turn they are, and whether puts come in batches, which is when
//! that pays.

use super::Ring;
use crate::sync::{EAGER, MODEL, Ordering};

/// A put of so many items is a batch. Of fewer, stamps cost both sides less than the look at what has been emptied.
pub(super) const BATCH: u64 = 16;
/// After this many batches gets leave no stamps any more, until smaller puts have taken all of them back, each this
/// many. A put of a single item counts only where it is held up.
pub(super) const MANY_BATCHES: u32 = 64;
const SMALL: u32 = 2;

impl Ring {
    /// How many slots from this turn on are known to be empty, whatever their stamps say.
    #[inline(always)]
    pub fn emptied_from(&self, turn: u64) -> u64 {
        // ORDERING: Acquire; pairs with the Release in look_at_emptied: the items that were there have been read.
        self.empty_from(turn, self.tail.emptied_seen.load(Ordering::Acquire))
    }

    /// The same, of all that have been emptied until now.
    pub fn look_at_emptied(&self, turn: u64) -> u64 {
        // ORDERING: Acquire; pairs with the Release in set_emptied: the items that were there have been read.
        let emptied = self.head.emptied.load(Ordering::Acquire);
        // ORDERING: Relaxed; compared only.
        if self.tail.emptied_seen.load(Ordering::Relaxed) != emptied {
            // ORDERING: Release; pairs with the Acquire in emptied_from. A late thread may write an older one: too low
            // is always allowed.
            self.tail.emptied_seen.store(emptied, Ordering::Release);
        }
        self.empty_from(turn, emptied)
    }

    #[inline(always)]
    fn empty_from(&self, turn: u64, emptied: u64) -> u64 {
        (emptied + self.slots()).saturating_sub(turn)
    }

    /// Says that the items of all turns before this one have been read.
    #[inline(always)]
    pub fn set_emptied(&self, turn: u64) {
        // ORDERING: Release; pairs with the Acquire in look_at_emptied.
        self.head.emptied.store(turn, Ordering::Release);
    }

    /// Whether the caller, if it owns the head, may empty slots from this turn on without a stamp, and should.
    #[inline(always)]
    pub fn needs_no_stamps(&self, turn: u64) -> bool {
        self.are_batches_usual() && self.head.cursor.has_gone_round(turn, self.slots())
    }

    /// Whether puts come in batches.
    #[inline(always)]
    pub fn are_batches_usual(&self) -> bool {
        // ORDERING: Relaxed; a hint.
        EAGER || MODEL || self.in_batches.load(Ordering::Relaxed)
    }

    /// Notes whether puts come in batches. `count`: how many items one put has claimed room for.
    #[inline(always)]
    pub fn note_put(&self, count: u64) {
        // ORDERING: Relaxed, all; hints.
        let before = self.tail.batches.load(Ordering::Relaxed);
        let batches = if count >= BATCH {
            (before + 1).min(MANY_BATCHES)
        } else {
            before.saturating_sub(SMALL)
        };
        if batches != before {
            self.tail.batches.store(batches, Ordering::Relaxed);
        }
        // Also where nothing has changed: of two puts the one that stores later may have counted earlier.
        let in_batches = self.in_batches.load(Ordering::Relaxed);
        if batches == if in_batches { 0 } else { MANY_BATCHES } {
            self.in_batches.store(!in_batches, Ordering::Relaxed);
        }
    }
}
