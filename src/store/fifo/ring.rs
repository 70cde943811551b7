//! One ring of a FIFO: an array of slots, each with a stamp that says whose turn it is.
//!
//! ```text
//! turn t lives in slot t % slots            tail word: position of the next put << 2 | SHUT | SEALED
//! stamp of its slot:  2t        free for t  head word: position of the next get << 2 | OWNED | AWAY
//!                     2t + 1    holds t
//!                     2(t + slots)  free again, for the next lap
//! ```
//!
//! Where batches go from one thread to another, a get leaves no stamps: it says up to which turn slots are empty,
//! once for all that it has taken, and what a slot has held stays in its stamp until the put of the next lap.
//! See [`emptied`].
//!
//! Positions count the items of the FIFO, turns those of the ring: position = origin + turn. Both only
//! grow, also when a ring is used again: another life starts with the turn that the last one ended at, so
//! that the stamps need no change, and with a position that is no smaller. A ring's memory stays readable
//! until its FIFO is dropped. So a thread that comes late with a word it loaded long ago fails its
//! compare-and-swap, and whatever it read of the ring before that was harmless. One that owned the head in an earlier
//! life finds that it does not any more: the ownership ended before the ring was opened again, and a look at a word,
//! the origin or a stamp of the new life brings that along.

mod ahead;
mod emptied;

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{self, NonNull};

use crossbeam_utils::CachePadded;

use super::owner::{Owner, Places};
use super::shape::Shape;
use super::slot::{Slot, SlotHeader, free_for};
use super::slots::Slots;
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Cell, MODEL, Ordering, fence_after_rmw,
};
use crate::sys::memory;
pub use ahead::Due;

/// The ring takes no more puts: they go to the ring behind it.
pub(super) const SEALED: u64 = 1;
/// The FIFO takes no more puts.
pub(super) const SHUT: u64 = 2;
/// Gets do not start here: the ring is not the first one.
pub(super) const AWAY: u64 = 1;
/// One thread alone writes the head, and with plain stores.
pub(super) const OWNED: u64 = 2;

const SHIFT: u32 = 2;
/// What one position adds to a word.
pub(super) const STEP: u64 = 1 << SHIFT;

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

/// What producers write.
pub(super) struct Tail {
    pub word: AtomicU64,
    /// A position that the head has reached: producers look at the head itself only when this one
    /// leaves no room.
    pub head_seen: AtomicU64,
    /// What was seen of [`Head::emptied`].
    emptied_seen: AtomicU64,
    /// How much puts come in batches, see [`Ring::note_put`].
    batches: AtomicU32,
}

/// What consumers write.
#[repr(C)]
pub(super) struct Head {
    pub word: AtomicU64,
    /// A turn that the tail has reached: consumers may fetch ahead up to here.
    tail_seen: AtomicU64,
    /// The items of all turns before this one have been read, whatever the stamps of their slots say.
    emptied: AtomicU64,
    pub owner: Owner,
}

#[repr(C)] // what every call reads is behind the words, and what hardly anyone does behind that
pub(super) struct Ring {
    pub tail: CachePadded<Tail>,
    pub head: CachePadded<Head>,
    memory: NonNull<u8>,
    mask: u64,
    /// Whether puts come in batches.
    in_batches: AtomicBool,
    /// The position that slots are counted from. Each life of the ring goes on where the one before has
    /// left the stamps.
    origin: AtomicU64,
    pub shape: Shape,
    /// How many threads read an item here without having claimed it: no slot is reused meanwhile.
    pub pins: AtomicU32,
    /// The ring behind this one; set before SEALED is acted upon, under the chain's lock.
    pub next: AtomicPtr<Ring>,
    /// Links of the chain's lists, used under its lock only.
    pub spare: Cell<*mut Ring>,
    pub made_before: Cell<*mut Ring>,
    /// Used under the chain's lock, or by the thread that has taken the ring off its lists.
    pub trimmed: Cell<bool>,
    pub places: Places,
}

#[inline]
fn claim(word: &AtomicU64, from: u64, count: u64) -> bool {
    let to = from + count * STEP;
    // ORDERING: SeqCst and a fence after it; said by the callers. Relaxed when it fails: tried anew.
    let claimed = word.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_ok();
    if claimed {
        fence_after_rmw();
    }
    claimed
}

impl Ring {
    /// A ring of `slots` slots, a power of two; not ready for use before [`Self::open`].
    pub fn new(shape: Shape, slots: u64) -> Option<NonNull<Self>> {
        debug_assert!(slots.is_power_of_two());
        let layout = shape.layout(slots)?;
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
            tail: CachePadded::new(Tail {
                word: AtomicU64::new(0),
                head_seen: AtomicU64::new(0),
                emptied_seen: AtomicU64::new(0),
                batches: AtomicU32::new(0),
            }),
            head: CachePadded::new(Head {
                word: AtomicU64::new(AWAY),
                tail_seen: AtomicU64::new(0),
                emptied: AtomicU64::new(0),
                owner: Owner::nobody(),
            }),
            memory,
            mask: slots - 1,
            in_batches: AtomicBool::new(false),
            origin: AtomicU64::new(0),
            shape,
            pins: AtomicU32::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            spare: Cell::new(ptr::null_mut()),
            made_before: Cell::new(ptr::null_mut()),
            trimmed: Cell::new(false),
            places: Places::new(),
        };
        // SAFETY: both blocks are ours and large enough.
        unsafe {
            ring.write(fresh);
            for index in 0..slots as usize {
                let header = memory.add(index * shape.stride).cast::<SlotHeader>();
                header.write(SlotHeader::new(index as u64));
            }
        }
        Some(ring)
    }

    /// # Safety
    /// Made by [`Self::new`], and nobody uses it any more.
    pub unsafe fn free(ring: NonNull<Self>) {
        // SAFETY: as promised; the layouts are those of `new`.
        unsafe {
            let (shape, slots) = (ring.as_ref().shape, ring.as_ref().slots());
            #[cfg(any(loom, shuttle))]
            for index in 0..slots {
                ptr::drop_in_place(ptr::from_ref(ring.as_ref().slot(index).header).cast_mut());
            }
            dealloc(ring.as_ref().memory.as_ptr(), shape.layout(slots).expect("as in new"));
            ring.drop_in_place();
            dealloc(ring.as_ptr().cast(), Layout::new::<Self>());
        }
    }

    pub fn slots(&self) -> u64 {
        self.mask + 1
    }

    /// Which turn a position has in this ring: slots take turns, life after life of the ring. To be asked
    /// before the position is claimed, since later the ring may have another life. A late thread that asks
    /// for a position of an earlier life gets an arbitrary turn: its compare-and-swap fails, or a look at the
    /// head tells.
    #[inline]
    pub fn turn(&self, position: u64) -> u64 {
        // ORDERING: Acquire; pairs with the Release in open: a thread that sees the origin of a new life sees
        // how the one before ended.
        position.wrapping_sub(self.origin.load(Ordering::Acquire))
    }

    /// The slot whose turn it is.
    #[inline]
    pub fn slot(&self, turn: u64) -> Slot<'_> {
        self.slots_as(self.shape).at(turn)
    }

    /// `shape`: that of this ring, in a form that the compiler may know more about.
    #[inline(always)]
    pub fn slots_as(&self, shape: Shape) -> Slots<'_> {
        debug_assert_eq!(shape, self.shape);
        // SAFETY: initialised by `new`; they live as long as the ring.
        unsafe { Slots::new(self.memory, self.mask, shape) }
    }

    /// Claims `count` positions for a put. `false`: the tail has moved.
    #[inline]
    pub fn claim_tail(&self, tail: u64, count: u64) -> bool {
        // ORDERING: SeqCst; pairs with `Fifo::entered` as seen by a waiter for an item: it sees this
        // put, or the put sees it enlisted (see wait::Waiters).
        claim(&self.tail.word, tail, count)
    }

    /// Claims `count` items for a get. `false`: the head has moved, or is another thread's own.
    #[inline]
    pub fn claim_head(&self, head: u64, count: u64) -> bool {
        if head & OWNED != 0 {
            return self.head.owner.claim(&self.head.word, head, count);
        }
        // ORDERING: SeqCst; pairs with `Fifo::left` as seen by a waiter for room: it sees this get,
        // or the get sees it enlisted (see wait::Waiters).
        claim(&self.head.word, head, count)
    }

    /// Writes the stamps that giving the memory back has lost. The ring is spare, and the caller's alone.
    pub fn restore(&self) {
        if self.trimmed.replace(false) {
            let turn = self.turn(self.end());
            for turn in turn..turn + self.slots() {
                // ORDERING: Relaxed; published when the ring is opened.
                self.slot(turn).header.stamp.store(free_for(turn), Ordering::Relaxed);
            }
        }
    }

    /// Readies the ring for positions from `base` on, sealed and away still. Under the chain's lock. A get of
    /// the ring's last life may still be reading its slot, which is free when it is done.
    pub fn open(&self, base: u64, head_seen: u64) {
        debug_assert!(!self.trimmed.get());
        let turn = self.turn(self.end());
        // ORDERING: Release; see turn.
        self.origin.store(base.wrapping_sub(turn), Ordering::Release);
        // ORDERING: Relaxed; published below. A thread that is late by a whole life of the ring may write an
        // older view of the head here later: too low is always allowed.
        self.tail.head_seen.store(head_seen, Ordering::Relaxed);
        // ORDERING: Relaxed; read after the Release below, or with SEALED under the lock.
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        // ORDERING: Release; a late thread that loads one of these words with Acquire sees the origin
        // and the stamps that go with it.
        self.head.word.store(word(base) | AWAY, Ordering::Release);
        self.tail.word.store(word(base) | SEALED, Ordering::Release);
    }

    /// Lets puts in. Under the chain's lock.
    pub fn unseal(&self) {
        // ORDERING: Relaxed; written under the lock that is held.
        let sealed = self.tail.word.load(Ordering::Relaxed);
        // ORDERING: Release; a put that loads this word sees tail_ring moved.
        self.tail.word.store(sealed & !SEALED, Ordering::Release);
    }

    /// Whether the first put of another life would find its slot free; asked of a ring that is emptied.
    pub fn is_usable(&self) -> bool {
        let is_free = self.trimmed.get() || self.is_free(self.turn(self.end()));
        // ORDERING: Relaxed; a ring that is not taken up is met again, and puts look for themselves.
        is_free && self.pins.load(Ordering::Relaxed) == 0
    }

    fn is_free(&self, turn: u64) -> bool {
        self.slot(turn).is_free() || self.look_at_emptied(turn) > 0
    }

    /// Where puts ended, or begin: of a ring that takes none.
    fn end(&self) -> u64 {
        // ORDERING: Relaxed; written under the chain's lock, and not since.
        position(self.tail.word.load(Ordering::Relaxed))
    }

    /// Whether nobody reads or writes a slot any more; asked of a ring that is sealed and emptied.
    pub fn is_quiet(&self) -> bool {
        let end = self.turn(self.end());
        let is_free = (end..end + self.slots()).all(|turn| self.is_free(turn));
        // ORDERING: SeqCst; the pins after the slots, for the reason given in Fifo::peek.
        is_free && self.pins.load(Ordering::SeqCst) == 0
    }

    /// Gives the memory of the slots back to the system until the ring is opened again.
    ///
    /// # Safety
    /// The ring is quiet and not in use.
    pub unsafe fn trim(&self) {
        if !self.trimmed.replace(true) && !MODEL {
            // SAFETY: nobody writes here; a late reader finds zeros, and its compare-and-swap fails.
            unsafe { memory::discard_pages(self.memory.as_ptr(), self.bytes()) };
        }
    }

    pub fn bytes(&self) -> usize {
        self.shape.stride * self.slots() as usize
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::emptied::{BATCH, MANY_BATCHES};
    use super::*;

    /// Made for the time of a test.
    fn with_ring(test: impl FnOnce(&Ring)) {
        let ring = Ring::new(Shape::WORD, 4).unwrap();
        // SAFETY: just made, and nobody else knows it.
        unsafe {
            test(ring.as_ref());
            Ring::free(ring);
        }
    }

    #[test]
    fn a_tail_of_another_life_is_not_taken_for_one_far_ahead() {
        with_ring(|ring| {
            ring.open(100, 100);
            ring.tail.word.store(word(50), Ordering::Relaxed); // as looked at before that life began
            ring.see_tail(3);
            assert!(ring.head.tail_seen.load(Ordering::Relaxed) <= 7);
        });
    }

    #[test]
    fn what_two_puts_note_at_a_time_is_put_right_by_the_next() {
        with_ring(|ring| {
            let in_batches = || ring.in_batches.load(Ordering::Relaxed);
            ring.in_batches.store(true, Ordering::Relaxed);
            ring.note_put(1);
            assert!(!in_batches());
            ring.tail.batches.store(MANY_BATCHES, Ordering::Relaxed);
            ring.note_put(BATCH);
            assert!(in_batches());
        });
    }
}
