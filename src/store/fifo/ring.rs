//! One ring of a FIFO: an array of slots, each with a stamp that says whose turn it is.
//!
//! ```text
//! turn t lives in slot t % slots                tail word: turn of the next put << 4 | OWNED | SHUT | SEALED
//! stamp of its slot:  t << 4            free    head word: turn of the next get << 4 | OWNED | AWAY
//!                     t << 4 | HOLDS    holds t
//!                     (t + slots) << 4  free again, for the next lap
//! ```
//!
//! So one comparison says whether a put may go on: the stamp is the tail without OWNED, which has no other flag then. And
//! one whether a get may: the stamp is the head, with OWNED, which is HOLDS.
//!
//! Where batches go from one thread to another, a get leaves no stamps: it says up to which turn slots are empty,
//! once for all that it has taken, and what a slot has held stays in its stamp until the put of the next lap.
//! See [`emptied`].
//!
//! Turns count the items of the ring, positions those of the FIFO: position = origin + turn. Both only grow, also when
//! a ring is used again: another life starts one turn behind the one that the last ended at, so that the stamps of the
//! others need no change, and no word comes again. A ring's memory stays readable until its FIFO is dropped. So a
//! thread that comes late with a word it loaded long ago fails its compare-and-swap, and whatever it read of the ring
//! before that was harmless. One that owned an end in an earlier life announces its claim, and finds that it is the owner
//! no more.

mod ahead;
mod emptied;

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{self, NonNull};

use crossbeam_utils::CachePadded;

use super::cursor::Cursor;
use super::shape::Shape;
use super::slot::{Slot, SlotHeader};
use super::slots::Slots;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Cell, MODEL, Ordering};
use crate::sys::memory;

/// The ring takes no more puts: they go to the ring behind it.
pub(super) const SEALED: u64 = 1;
/// The FIFO takes no more puts.
pub(super) const SHUT: u64 = 2;
/// Gets do not start here: the ring is not the first one.
pub(super) const AWAY: u64 = 1;
/// One thread alone claims, and where it has come to is in its hand: see [`Cursor`].
pub(super) const OWNED: u64 = 4;

const SHIFT: u32 = 4;
/// What one turn adds to a word.
pub(super) const STEP: u64 = 1 << SHIFT;

/// Whatever is not the turn.
pub(super) const FLAGS: u64 = STEP - 1;

/// The turn in a word.
#[inline]
pub(super) fn turn(word: u64) -> u64 {
    word >> SHIFT
}

/// The word of a turn, without flags.
#[inline]
pub(super) fn word(turn: u64) -> u64 {
    turn << SHIFT
}

/// What producers write.
#[repr(C)]
pub(super) struct Tail {
    /// A position that the head has reached: producers look at the head itself only when this one
    /// leaves no room.
    pub head_seen: AtomicU64,
    /// What was seen of [`Head::emptied`].
    emptied_seen: AtomicU64,
    /// How much puts come in batches, see [`Ring::note_put`].
    batches: AtomicU32,
    pub cursor: Cursor,
}

/// What consumers write.
#[repr(C)]
pub(super) struct Head {
    /// The items of all turns before this one have been read, whatever the stamps of their slots say.
    emptied: AtomicU64,
    pub cursor: Cursor,
}

#[repr(C)] // what every call reads is behind the words, and what hardly anyone does behind that
pub(super) struct Ring {
    pub tail: CachePadded<Tail>,
    pub head: CachePadded<Head>,
    memory: NonNull<u8>,
    /// As of [`Slots`].
    mask: u64,
    /// Whether puts come in batches.
    in_batches: AtomicBool,
    /// The position of turn 0, in this life of the ring.
    origin: AtomicU64,
    pub shape: Shape,
    /// How many threads read an item here without having claimed it: no slot is reused meanwhile.
    pub pins: AtomicU32,
    /// Counts the lives twice, and is odd while one is being readied: see [`Self::look_at`].
    lives: AtomicU64,
    /// The ring behind this one; set before SEALED is acted upon, under the chain's lock.
    pub next: AtomicPtr<Ring>,
    /// Links of the chain's lists, used under its lock only.
    pub spare: Cell<*mut Ring>,
    pub made_before: Cell<*mut Ring>,
    /// Used under the chain's lock, or by the thread that has taken the ring off its lists.
    pub trimmed: Cell<bool>,
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
                head_seen: AtomicU64::new(0),
                emptied_seen: AtomicU64::new(0),
                batches: AtomicU32::new(0),
                cursor: Cursor::new(0),
            }),
            head: CachePadded::new(Head { emptied: AtomicU64::new(0), cursor: Cursor::new(AWAY) }),
            memory,
            mask: word(slots - 1),
            in_batches: AtomicBool::new(false),
            origin: AtomicU64::new(0),
            shape,
            pins: AtomicU32::new(0),
            lives: AtomicU64::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            spare: Cell::new(ptr::null_mut()),
            made_before: Cell::new(ptr::null_mut()),
            trimmed: Cell::new(false),
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
            for turn in 0..slots {
                ptr::drop_in_place(ptr::from_ref(ring.as_ref().slot(word(turn)).header).cast_mut());
            }
            dealloc(ring.as_ref().memory.as_ptr(), shape.layout(slots).expect("as in new"));
            ring.drop_in_place();
            dealloc(ring.as_ptr().cast(), Layout::new::<Self>());
        }
    }

    /// What a turn and the next one of the same slot are apart, as a word.
    #[inline(always)]
    pub fn lap(&self) -> u64 {
        self.mask + STEP
    }

    pub fn slots(&self) -> u64 {
        turn(self.lap())
    }

    /// The position of a word of this life. Of an earlier one, arbitrary: for a thread whose compare-and-swap fails
    /// then.
    #[inline]
    pub fn position(&self, of: u64) -> u64 {
        // ORDERING: Acquire; pairs with the Release in open, for look_at: of a later life, it brings an odd number of
        // lives along, or more.
        self.origin.load(Ordering::Acquire).wrapping_add(turn(of))
    }

    /// No more items than this are queued before this tail: some may have left since the head was looked at.
    #[inline(always)]
    pub fn queued_at_most(&self, tail: u64) -> u64 {
        // ORDERING: Acquire; as in room_at.
        let seen = self.tail.head_seen.load(Ordering::Acquire);
        self.position(tail).wrapping_sub(seen)
    }

    /// The word of one end, and its position: both of one life. `None`: the ring gets another one.
    #[inline]
    pub fn look_at(&self, cursor: &Cursor) -> Option<(u64, u64)> {
        // ORDERING: Acquire; pairs with the Release at the end of open: what is loaded next is of this life or a later
        // one.
        let lives = self.lives.load(Ordering::Acquire);
        let word = cursor.load();
        let position = self.position(word);
        // ORDERING: Relaxed; compared only.
        let is_of_one_life = lives.is_multiple_of(2) && self.lives.load(Ordering::Relaxed) == lives;
        is_of_one_life.then_some((word, position))
    }

    /// The slot of a word, whatever its flags.
    #[inline]
    pub fn slot(&self, word: u64) -> Slot<'_> {
        self.slots_as(self.shape).at(word)
    }

    /// `shape`: that of this ring, in a form that the compiler may know more about.
    #[inline(always)]
    pub fn slots_as(&self, shape: Shape) -> Slots<'_> {
        debug_assert_eq!(shape, self.shape);
        // SAFETY: initialised by `new`; they live as long as the ring.
        unsafe { Slots::new(self.memory, self.mask, shape) }
    }

    /// Writes the stamps that giving the memory back has lost. The ring is spare, and the caller's alone.
    pub fn restore(&self) {
        if self.trimmed.replace(false) {
            let end = self.end();
            for turn in end..end + self.slots() {
                self.slot(word(turn)).header.set_free_for(turn);
            }
        }
    }

    /// Readies the ring for positions from `base` on, sealed and away still. Under the chain's lock. A get of
    /// the ring's last life may still be reading its slot, which is free when it is done.
    pub fn open(&self, base: u64, head_seen: u64) {
        debug_assert!(!self.trimmed.get());
        // ORDERING: Relaxed; written under the lock that is held, and published with what follows.
        let lives = self.lives.load(Ordering::Relaxed);
        self.lives.store(lives + 1, Ordering::Relaxed);
        // One turn is left out: or a put that has looked at the last word of the life before, and found room then,
        // could still claim.
        let (skipped, first) = (self.end(), self.end() + 1);
        self.slot(word(skipped)).header.set_free_for(skipped + self.slots());
        // ORDERING: Relaxed; published by `unseal`. A thread that is late by a whole life of the ring may write an
        // older view of the head here later: too low is always allowed.
        self.tail.head_seen.store(head_seen, Ordering::Relaxed);
        // ORDERING: Relaxed; read after the Release in `unseal`, or with SEALED under the lock.
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        self.head.cursor.set(word(first) | AWAY);
        self.tail.cursor.set(word(first) | SEALED);
        // ORDERING: Release, both; see look_at.
        self.origin.store(base.wrapping_sub(first), Ordering::Release);
        self.lives.store(lives + 2, Ordering::Release);
    }

    /// Lets gets start here, that of an owner or all. Under the chain's lock.
    pub fn come_first(&self, owned: u64) {
        self.head.cursor.set(self.head.cursor.load() & !AWAY | owned);
    }

    /// Lets puts in, those of an owner or all. Under the chain's lock.
    pub fn unseal(&self, owned: u64) {
        self.tail.cursor.set(self.tail.cursor.load() & !SEALED | owned);
    }

    /// Whether another life can begin, and its first put would find its slot free; asked of a ring that is emptied.
    pub fn is_usable(&self) -> bool {
        let (end, skipped_and_first) = (self.end(), self.slots().min(2));
        let is_free =
            self.trimmed.get() || (end..end + skipped_and_first).all(|turn| self.is_free(turn));
        // ORDERING: Relaxed; a ring that is not taken up is met again, and puts look for themselves.
        is_free && self.pins.load(Ordering::Relaxed) == 0
    }

    fn is_free(&self, turn: u64) -> bool {
        self.slot(word(turn)).is_free() || self.look_at_emptied(turn) > 0
    }

    /// The turn that puts ended at, or begin: of a ring that takes none.
    fn end(&self) -> u64 {
        turn(self.tail.cursor.load())
    }

    /// Whether nobody reads or writes a slot any more; asked of a ring that is sealed and emptied.
    pub fn is_quiet(&self) -> bool {
        let end = self.end();
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
    fn a_put_that_has_looked_at_the_end_of_a_life_does_not_claim_in_the_next() {
        with_ring(|ring| {
            ring.open(0, 0);
            ring.unseal(0);
            let looked_at = ring.tail.cursor.load();
            ring.tail.cursor.close(SEALED);
            ring.open(100, 0);
            ring.unseal(0);
            assert!(!ring.tail.cursor.claim(looked_at, 1, None));
            let tail = ring.tail.cursor.load();
            assert_eq!(ring.look_at(&ring.tail.cursor), Some((tail, 100)));
            assert!(ring.slot(tail).is_free() && ring.is_usable());
        });
    }

    #[test]
    fn a_ring_whose_second_slot_is_not_free_is_not_usable() {
        with_ring(|ring| {
            ring.tail.cursor.set(word(6) | SEALED);
            let read = |turn| ring.slot(word(turn)).release(ring.lap(), |_| ());
            read(2);
            assert!(!ring.is_usable());
            read(3);
            assert!(ring.is_usable());
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
