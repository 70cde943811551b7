//! First in, first out, without a lock: one compare-and-swap on the way in and one on the way out, or none where one
//! thread puts alone, or gets alone (see [`cursor`]).
//!
//! Items live in a [`ring::Ring`]. When a ring is full and the limit allows for more, it is sealed and
//! a larger one is chained behind it; when it has been emptied, gets move on to that one and the ring
//! is spare. A queue that keeps within its ring never leaves it. A thread that is preempted in the
//! middle of a put or a get delays only threads that want that very slot, or those very slots of a batch.

mod chain;
mod cursor;
mod discard;
mod get;
mod owning;
mod put;
mod ring;
mod shape;
mod slot;
mod slots;

use std::ptr;

use super::{ItemLayout, Limit};
use crate::sync::{AtomicBool, AtomicPtr, MODEL, Mutex, Ordering, fence, pause};
use chain::Chain;
pub use owning::{Due, End};
use ring::{AWAY, Ring, SEALED, SHUT};
use shape::Shape;
use slot::Slot;
use slots::Slots;

/// How many pauses a lost race is worth, about 5 µs. Leaves the word to the thread that won: one side that runs a
/// stretch alone is faster than two that take the cache line from each other at every item. Two threads to two,
/// bounded: 60 M items/s with 40, 107 with 100, 125 with 170, 102 with 250.
const LOST_RACE: u32 = 170;
/// And an item that is on its way, about 3 µs. A get that keeps looking takes the cache line from the put that is to
/// write there, and again from the next one. Four threads to four, bounded: 85 M items/s with a look at every pause,
/// 104 standing back.
const ON_ITS_WAY: u32 = 100;

pub struct Fifo {
    /// Where puts start, and gets; null before the first put.
    tail_ring: AtomicPtr<Ring>,
    head_ring: AtomicPtr<Ring>,
    limit: Limit,
    shape: Shape,
    shut: AtomicBool,
    /// Held by the put that makes the next ring.
    growing: Mutex<()>,
    chain: Mutex<Chain>,
}

// SAFETY: items move between threads as bytes, which is what the C contract says of them; every slot is
// accessed by one thread at a time as its stamp says, and the rest is atomics and a lock.
unsafe impl Send for Fifo {}
// SAFETY: as above.
unsafe impl Sync for Fifo {}

/// Consecutive slots of one ring that the caller alone may access now.
struct Claim<'a> {
    ring: &'a Ring,
    slots: Slots<'a>,
    /// The turn of the first one.
    first: u64,
    count: u64,
}

impl<'a> Claim<'a> {
    #[inline(always)]
    fn each_slot(&self) -> impl Iterator<Item = Slot<'a>> + use<'a> {
        self.slots.run(self.first, self.count)
    }

    /// Whether there may be more behind it: a claim ends with its ring.
    #[inline(always)]
    fn has_ring_behind(&self) -> bool {
        // ORDERING: Relaxed; only whether to look.
        !self.ring.next.load(Ordering::Relaxed).is_null()
    }
}

impl Fifo {
    pub fn new(item: ItemLayout, capacity: usize) -> Self {
        Self {
            tail_ring: AtomicPtr::new(ptr::null_mut()),
            head_ring: AtomicPtr::new(ptr::null_mut()),
            limit: Limit::new(capacity),
            shape: Shape::new(item),
            shut: AtomicBool::new(false),
            growing: Mutex::new(()),
            chain: Mutex::new(Chain::new()),
        }
    }

    pub fn shut(&self) {
        let mut chain = self.chain.lock();
        chain.shut = true;
        // ORDERING: Release; pairs with the Acquire in `is_shut_before_use`: a thread that sees this sees every
        // ring that was made before.
        self.shut.store(true, Ordering::Release);
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Relaxed; written under the lock that is held.
        if let Some(ring) = unsafe { self.tail_ring.load(Ordering::Relaxed).as_ref() } {
            ring.tail.cursor.end();
            // ORDERING: SeqCst in there; puts that claim later fail their compare-and-swap on this word.
            ring.tail.cursor.close(SHUT);
        }
        // For good: a shutdown has to be seen by the get of the last item, or to see it. An owner that does this itself
        // sees that.
        self.disown_locked(End::Head, &chain);
    }

    /// Exactly what the next put would find.
    pub fn is_shut(&self) -> bool {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; pairs with the Release in link.
        let Some(ring) = (unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() }) else {
            return self.is_shut_before_use();
        };
        // ORDERING: SeqCst in there; pairs with the close in shut.
        match ring.tail.cursor.load() & (SHUT | SEALED) {
            0 => false,
            SHUT => true,
            _ => self.chain.lock().shut,
        }
    }

    /// Shut although there is no ring: then none comes any more.
    fn is_shut_before_use(&self) -> bool {
        // ORDERING: Acquire; pairs with the Release in shut.
        self.shut.load(Ordering::Acquire)
    }

    pub fn len(&self) -> u64 {
        // ORDERING: SeqCst; as in why_nothing.
        fence(Ordering::SeqCst);
        super::settled_difference(|| self.entered(), || self.left())
    }

    pub fn entered(&self) -> u64 {
        loop {
            // SAFETY: rings live as long as the FIFO.
            // ORDERING: Acquire; pairs with the Release in link.
            let Some(ring) = (unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() }) else {
                return 0;
            };
            // ORDERING: SeqCst in there; pairs with the compare-and-swap of a put: a waiter that enlists and then
            // sees no put here is seen by the next put.
            if let Some((_, position)) = ring.look_at(&ring.tail.cursor) {
                return position;
            }
        }
    }

    /// The ring that puts start at, or gets.
    fn ring_at(&self, end: End) -> &AtomicPtr<Ring> {
        match end {
            End::Tail => &self.tail_ring,
            End::Head => &self.head_ring,
        }
    }

    pub fn left(&self) -> u64 {
        self.settled_head().map_or(0, |(.., position)| position)
    }

    /// The ring that gets start at, its head and the position of that; `None` before the first put.
    fn settled_head(&self) -> Option<(&Ring, u64, u64)> {
        loop {
            // SAFETY: rings live as long as the FIFO.
            // ORDERING: Acquire; pairs with the Release in link and in advance.
            let ring = unsafe { self.head_ring.load(Ordering::Acquire).as_ref() }?;
            // ORDERING: SeqCst in there; pairs with the compare-and-swap of a get: a waiter that enlists for
            // room and then sees no get here is seen by the next get. Of an owner see `order`.
            match ring.look_at(&ring.head.cursor) {
                Some((head, position)) if head & AWAY == 0 => return Some((ring, head, position)),
                _ => self.until_moved_on(ring), // it may have another life by now
            }
        }
    }

    /// Whether no thread is in the middle of a change that would leave memory half linked.
    pub fn is_whole(&self) -> bool {
        self.chain.try_lock().is_some()
    }

    pub fn item(&self) -> ItemLayout {
        self.shape.item
    }

    pub fn limit(&self) -> &Limit {
        &self.limit
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: nobody uses the rings any more. What they still hold are bytes.
        unsafe { self.chain.get_mut().free() };
    }
}

/// Whether no peek reads a slot of this ring that a put or a discard is about to write to. Asked after the look
/// at the stamps of slots to put to, and after the claim of one to discard.
#[inline]
fn nobody_peeks(ring: &Ring) -> bool {
    // ORDERING: SeqCst; pairs with the pin in peek: see there. Synchronises with its Release when the last
    // pin goes.
    ring.pins.load(Ordering::SeqCst) == 0
}

#[cold]
fn stand_back(pauses: u32) {
    (0..if MODEL { 1 } else { pauses }).for_each(|_| pause());
}

#[cfg(all(test, not(loom)))]
mod tests;
