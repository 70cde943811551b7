//! The rings of a FIFO: which ones there are, and which are to spare. Everything here happens under the
//! chain's lock, when a ring is full, exhausted or missing, and is over in a moment: rings are made, and give
//! their memory back, while they are on no list and the lock is free.

use std::ptr::{self, NonNull};

use super::super::ItemLayout;
use super::ring::Ring;

/// Bytes of a first ring, and how large a ring may get before a longer queue becomes more rings. Measured
/// with 32 to 256 KiB: smaller ones stay in the cache (unbounded, two threads to two, 50 M items/s with 64
/// KiB, 41 with 256), larger ones are left less often (batches of 64: 72 and 94 M).
const FIRST_BYTES: usize = 256;
const MOST_BYTES: usize = 64 * 1024;
/// A ring of larger items may be larger, so that it is not left all the time.
const FEWEST_SLOTS: u64 = 256;
const ALL_BYTES: usize = 1024 * 1024;
/// However large the items are.
const LEAST_SLOTS: u64 = 4;

/// How many bytes of emptied rings keep their memory for the next time.
const WARM_BYTES: usize = 8 * 1024 * 1024;
/// Rings smaller than this are not worth a system call.
const TRIM_BYTES: usize = 16 * 1024;

pub(super) struct Chain {
    /// Every ring ever made; freed with the FIFO.
    made: *mut Ring,
    /// Emptied rings, the latest first: those that have their memory, and those that gave it back.
    warm: Spares,
    cold: Spares,
    pub shut: bool,
}

// SAFETY: the pointers are the FIFO's own, followed under its lock.
unsafe impl Send for Chain {}

impl Chain {
    pub fn new() -> Self {
        Self { made: ptr::null_mut(), warm: Spares::new(), cold: Spares::new(), shut: false }
    }

    /// A ring of at least `slots` slots that nobody uses, if there is one. It is on no list then.
    pub fn take_spare(&mut self, slots: u64) -> Option<NonNull<Ring>> {
        self.warm.take(slots).or_else(|| self.cold.take(slots))
    }

    /// A ring has been made: it lives as long as the FIFO from now on.
    pub fn adopt(&mut self, ring: NonNull<Ring>) {
        // SAFETY: just made.
        unsafe { ring.as_ref() }.made_before.set(self.made);
        self.made = ring.as_ptr();
    }

    /// Keeps a ring that is not in use for later; a late reader may still be in it.
    pub fn keep(&mut self, spare: NonNull<Ring>) {
        // SAFETY: alive until the FIFO is dropped.
        let trimmed = unsafe { spare.as_ref() }.trimmed.get();
        let spares = if trimmed { &mut self.cold } else { &mut self.warm };
        spares.push(spare);
    }

    /// Keeps an emptied ring for later, and says which one should give its memory back, if any; that one is
    /// on no list then. It is the one emptied before: by now nobody reads it, most likely.
    pub fn retire(&mut self, emptied: NonNull<Ring>) -> Option<NonNull<Ring>> {
        let surplus = self.take_surplus();
        self.warm.push(emptied);
        surplus
    }

    /// A ring that should give its memory back, if any. It is on no list then.
    pub fn take_surplus(&mut self) -> Option<NonNull<Ring>> {
        let too_much = self.warm.bytes > WARM_BYTES;
        self.warm.take_first_if(|ring| too_much && ring.bytes() >= TRIM_BYTES)
    }

    #[cfg(test)]
    pub fn has_surplus(&self) -> bool {
        self.warm.bytes > WARM_BYTES + 2 * MOST_BYTES
    }

    /// How many rings were ever made.
    #[cfg(test)]
    pub fn made_count(&self) -> usize {
        let mut at = self.made;
        let rings = std::iter::from_fn(|| {
            // SAFETY: every ring that was made is alive until the FIFO is dropped.
            let ring = unsafe { at.as_ref() }?;
            at = ring.made_before.get();
            Some(())
        });
        rings.count()
    }

    /// # Safety
    /// Nobody uses any ring any more.
    pub unsafe fn free(&mut self) {
        while let Some(ring) = NonNull::new(self.made) {
            // SAFETY: as promised; freed once.
            unsafe {
                self.made = ring.as_ref().made_before.get();
                Ring::free(ring);
            }
        }
    }
}

/// A stack of rings that are not in use, all of them alive until the FIFO is dropped.
struct Spares {
    first: *mut Ring,
    bytes: usize,
}

impl Spares {
    const fn new() -> Self {
        Self { first: ptr::null_mut(), bytes: 0 }
    }

    fn push(&mut self, ring: NonNull<Ring>) {
        // SAFETY: as said of the struct; also below.
        let ring = unsafe { ring.as_ref() };
        ring.spare.set(self.first);
        self.first = ptr::from_ref(ring).cast_mut();
        self.bytes += ring.bytes();
    }

    /// Takes the latest one of at least `slots` slots.
    fn take(&mut self, slots: u64) -> Option<NonNull<Ring>> {
        let mut before: *mut Ring = ptr::null_mut();
        let mut at = self.first;
        // SAFETY: as above.
        while let Some(ring) = unsafe { at.as_ref() } {
            if ring.slots() >= slots && ring.is_usable() {
                // SAFETY: as above.
                match unsafe { before.as_ref() } {
                    Some(before) => before.spare.set(ring.spare.get()),
                    None => self.first = ring.spare.get(),
                }
                self.bytes -= ring.bytes();
                return NonNull::new(at);
            }
            before = at;
            at = ring.spare.get();
        }
        None
    }

    fn take_first_if(&mut self, fits: impl FnOnce(&Ring) -> bool) -> Option<NonNull<Ring>> {
        // SAFETY: as above.
        let ring = unsafe { self.first.as_ref() }.filter(|&ring| fits(ring))?;
        self.first = ring.spare.get();
        self.bytes -= ring.bytes();
        Some(NonNull::from(ring))
    }
}

/// How many slots the next ring gets: four times as many as one that was too small, within reason.
pub(super) fn next_slots(before: Option<u64>, item: ItemLayout, limit: u64) -> u64 {
    let per_slot = item.size().saturating_add(8);
    let within = |bytes: usize| 1_u64 << (bytes / per_slot).max(1).ilog2();
    // A bounded queue that is often full gets a ring that holds all of it, if that is not too large.
    let all = if limit <= within(ALL_BYTES) { limit } else { 0 };
    let most =
        within(MOST_BYTES).max(FEWEST_SLOTS.min(within(ALL_BYTES))).max(LEAST_SLOTS).max(all);
    let wanted = match before {
        None => within(FIRST_BYTES),
        Some(slots) => slots.saturating_mul(4),
    };
    wanted.min(most.next_power_of_two()).min(limit.min(1 << 62).next_power_of_two())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn slots(before: Option<u64>, size: usize, limit: u64) -> u64 {
        next_slots(before, ItemLayout::new(size).unwrap(), limit)
    }

    #[test]
    fn rings_are_powers_of_two_and_not_larger_than_the_limit_needs() {
        assert_eq!(slots(None, 8, 1), 1);
        assert_eq!(slots(None, 8, 3), 4);
        assert_eq!(slots(None, 8, u64::MAX), 16);
        assert_eq!(slots(Some(16), 8, 1000), 64);
        assert_eq!(slots(Some(256), 8, 1000), 1024);
        assert_eq!(slots(Some(2048), 8, u64::MAX), 4096);
        assert_eq!(slots(Some(2048), 8, 5000), 8192);
        assert_eq!(slots(Some(1024), 256, 1024), 1024);
        assert_eq!(slots(Some(1024), 256, u64::MAX), 256);
    }

    #[test]
    fn a_first_ring_of_large_items_is_a_single_slot() {
        assert_eq!(slots(None, 1 << 20, u64::MAX), 1);
        assert_eq!(slots(Some(16), 1 << 20, u64::MAX), 4);
    }
}
