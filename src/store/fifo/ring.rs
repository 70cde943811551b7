//! One ring of a FIFO: an array of slots, each with a sequence number.
//!
//! ```text
//! position p lives in slot p % slots        tail word: position of the next put << 2 | SHUT | SEALED
//! stamp of its slot:  2p        free for p  head word: position of the next get << 2 | AWAY
//!                     2p + 1    holds p
//!                     2(p + slots)  free again, for the next lap
//! ```
//!
//! Positions only grow, also when a ring is used again, and a ring's memory stays readable until its
//! FIFO is dropped. So whoever comes late with a word it loaded long ago fails its compare-and-swap,
//! and whatever it read of the ring before that was harmless.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{self, NonNull};

use crossbeam_utils::CachePadded;

use super::super::ItemLayout;
use crate::sync::{
    AtomicPtr, AtomicU32, AtomicU64, Cell, MODEL, Ordering, UnsafeCell, fence_after_rmw,
};
use crate::sys::memory;

/// The ring takes no more puts: they go to the ring behind it.
pub(super) const SEALED: u64 = 1;
/// The FIFO takes no more puts.
pub(super) const SHUT: u64 = 2;
/// Gets do not start here: the ring is not the first one.
pub(super) const AWAY: u64 = 1;

const SHIFT: u32 = 2;
/// What one position adds to a word.
const STEP: u64 = 1 << SHIFT;

/// The position in a word.
#[inline]
pub(super) fn position(word: u64) -> u64 {
    word >> SHIFT
}

/// The word of a position, without flags.
#[inline]
pub(super) fn word(position: u64) -> u64 {
    position << SHIFT
}

/// What precedes the item in a slot.
struct SlotHead {
    stamp: AtomicU64,
    /// Stands for the item, so that a model sees accesses to it overlap.
    item: UnsafeCell<()>,
}

/// One slot of a ring.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    head: &'a SlotHead,
    item: *mut u8,
}

impl<'a> Slot<'a> {
    #[inline]
    pub fn stamp(self) -> &'a AtomicU64 {
        &self.head.stamp
    }

    /// Reads the item: nobody writes it meanwhile.
    #[inline]
    pub fn with<R>(self, read: impl FnOnce(*mut u8) -> R) -> R {
        self.head.item.with(|_| read(self.item))
    }

    /// Writes the item: nobody else accesses it meanwhile.
    #[inline]
    pub fn with_mut<R>(self, write: impl FnOnce(*mut u8) -> R) -> R {
        self.head.item.with_mut(|_| write(self.item))
    }
}

/// What producers write.
pub(super) struct Tail {
    pub word: AtomicU64,
    /// A position that the head has reached: producers look at the head itself only when this one
    /// leaves no room.
    pub head_seen: AtomicU64,
}

pub(super) struct Ring {
    pub tail: CachePadded<Tail>,
    pub head: CachePadded<AtomicU64>,
    slots: NonNull<u8>,
    mask: u64,
    stride: usize,
    /// From the start of a slot to its item.
    offset: usize,
    /// How many threads read an item here without having claimed it: no slot is reused meanwhile.
    pub pins: AtomicU32,
    /// The ring behind this one; set before SEALED is acted upon, under the chain's lock.
    pub next: AtomicPtr<Ring>,
    /// Links of the chain's lists, used under its lock only.
    pub spare: Cell<*mut Ring>,
    pub made_before: Cell<*mut Ring>,
    pub trimmed: Cell<bool>,
}

#[inline]
fn claim(word: &AtomicU64, from: u64, count: u64) -> bool {
    let to = from + count * STEP;
    // ORDERING: SeqCst and a fence behind it; said by the callers. Relaxed when it fails: tried anew.
    let claimed = word.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_ok();
    if claimed {
        fence_after_rmw();
    }
    claimed
}

fn slot_layout(item: ItemLayout) -> Option<(Layout, usize)> {
    item.behind(Layout::new::<SlotHead>())
}

fn slots_layout(item: ItemLayout, slots: u64) -> Option<Layout> {
    let (slot, _) = slot_layout(item)?;
    let bytes = slot.size().checked_mul(usize::try_from(slots).ok()?)?;
    Layout::from_size_align(bytes, slot.align()).ok()
}

impl Ring {
    /// A ring of `slots` slots, a power of two; not ready for use before [`Self::open`].
    pub fn new(item: ItemLayout, slots: u64) -> Option<NonNull<Self>> {
        debug_assert!(slots.is_power_of_two());
        let (slot, offset) = slot_layout(item)?;
        let layout = slots_layout(item, slots)?;
        // SAFETY: neither layout is of size zero.
        let (ring, memory) =
            unsafe { (alloc(Layout::new::<Self>()).cast::<Self>(), alloc(layout)) };
        let (Some(ring), Some(memory)) = (NonNull::new(ring), NonNull::new(memory)) else {
            // SAFETY: each is null or was allocated just now with this layout.
            unsafe {
                if !ring.is_null() {
                    dealloc(ring.cast(), Layout::new::<Self>());
                }
                if !memory.is_null() {
                    dealloc(memory, layout);
                }
            }
            return None;
        };
        let fresh = Self {
            tail: CachePadded::new(Tail { word: AtomicU64::new(0), head_seen: AtomicU64::new(0) }),
            head: CachePadded::new(AtomicU64::new(AWAY)),
            slots: memory,
            mask: slots - 1,
            stride: slot.size(),
            offset,
            pins: AtomicU32::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            spare: Cell::new(ptr::null_mut()),
            made_before: Cell::new(ptr::null_mut()),
            trimmed: Cell::new(false),
        };
        // SAFETY: both blocks are ours and large enough.
        unsafe {
            ring.write(fresh);
            for index in 0..slots as usize {
                let head = memory.add(index * slot.size()).cast::<SlotHead>();
                head.write(SlotHead { stamp: AtomicU64::new(0), item: UnsafeCell::new(()) });
            }
        }
        Some(ring)
    }

    /// # Safety
    /// Made by [`Self::new`] for these items, and nobody uses it any more.
    pub unsafe fn free(ring: NonNull<Self>, item: ItemLayout) {
        // SAFETY: as promised; the layouts are those of `new`.
        unsafe {
            let slots = ring.as_ref().slots();
            #[cfg(any(loom, shuttle))]
            for index in 0..slots {
                ptr::drop_in_place(ptr::from_ref(ring.as_ref().slot(index).head).cast_mut());
            }
            dealloc(ring.as_ref().slots.as_ptr(), slots_layout(item, slots).expect("as in new"));
            ring.drop_in_place();
            dealloc(ring.as_ptr().cast(), Layout::new::<Self>());
        }
    }

    pub fn slots(&self) -> u64 {
        self.mask + 1
    }

    /// The slot of a position; also for a position that the ring does not hold: the answer is a slot.
    #[inline]
    pub fn slot(&self, position: u64) -> Slot<'_> {
        let index = (position & self.mask) as usize;
        // SAFETY: the index is below the number of slots, each initialised by new().
        unsafe {
            let slot = self.slots.add(index * self.stride);
            Slot { head: slot.cast().as_ref(), item: slot.as_ptr().add(self.offset) }
        }
    }

    /// Claims `count` positions for a put. `false`: the tail has moved.
    #[inline]
    pub fn claim_tail(&self, tail: u64, count: u64) -> bool {
        // ORDERING: SeqCst; pairs with `Fifo::entered` as seen by one who waits for an item: it sees this
        // put, or the put sees it enlisted (see wait::Waiters).
        claim(&self.tail.word, tail, count)
    }

    /// Claims `count` items for a get. `false`: the head has moved.
    #[inline]
    pub fn claim_head(&self, head: u64, count: u64) -> bool {
        // ORDERING: SeqCst; pairs with `Fifo::left` as seen by one who waits for room: it sees this get,
        // or the get sees it enlisted (see wait::Waiters).
        claim(&self.head, head, count)
    }

    /// Readies the ring for positions from `base` on; nobody may get here yet. Under the chain's lock.
    pub fn open(&self, base: u64, head_seen: u64) {
        for position in base..base + self.slots() {
            // ORDERING: Relaxed; published by the Release below.
            self.slot(position).stamp().store(2 * position, Ordering::Relaxed);
        }
        self.trimmed.set(false);
        // ORDERING: Relaxed; as above. A thread that is late by a whole life of the ring may write an
        // older view of the head here later: too low is always allowed.
        self.tail.head_seen.store(head_seen, Ordering::Relaxed);
        // ORDERING: Relaxed; read after the Release below, or with SEALED under the lock.
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        // ORDERING: Release; a late thread that loads one of these words with Acquire sees the stamps
        // that go with it.
        self.head.store(word(base) | AWAY, Ordering::Release);
        self.tail.word.store(word(base), Ordering::Release);
    }

    /// Whether nobody reads or writes a slot any more; asked of a ring that is sealed and emptied.
    pub fn is_quiet(&self) -> bool {
        // ORDERING: Acquire; pairs with the Release of the last reader of each slot.
        let is_free = |i| self.slot(i).stamp().load(Ordering::Acquire).is_multiple_of(2);
        // ORDERING: SeqCst; the pins after the stamps, for the reason given in slot_is_free.
        (0..self.slots()).all(is_free) && self.pins.load(Ordering::SeqCst) == 0
    }

    /// Gives the memory of the slots back to the system until the ring is opened again.
    ///
    /// # Safety
    /// The ring is quiet and not in use.
    pub unsafe fn trim(&self) {
        if !self.trimmed.replace(true) && !MODEL {
            // SAFETY: nobody writes here; a late reader finds zeros, and its compare-and-swap fails.
            unsafe { memory::discard_pages(self.slots.as_ptr(), self.bytes()) };
        }
    }

    pub fn bytes(&self) -> usize {
        self.stride * self.slots() as usize
    }
}
