//! First in, first out, without a lock: one compare-and-swap on the way in and one on the way out.
//!
//! Items live in a [`ring::Ring`]. When a ring is full and the limit allows for more, it is sealed and
//! a larger one is chained behind it; when it has been emptied, gets move on to that one and the ring
//! is spare. A queue that keeps within its ring never leaves it. A thread that is preempted in the
//! middle of a put or a get delays nobody but those who want that very slot.

mod chain;
mod ring;

use std::ptr;

use super::{ItemLayout, Limit, NotGot, NotPut};
use crate::sync::{AtomicBool, AtomicPtr, MODEL, Mutex, Ordering, fence_after_rmw, pause};
use chain::{Chain, next_slots};
use ring::{AWAY, Ring, SEALED, SHUT, position, word};

/// How often to look again at a slot that somebody is in the middle of: a copy of an item takes less.
const PATIENCE: u32 = if MODEL { 1 } else { 128 };

/// How many pauses a lost race is worth, about 3 µs. Measured with four threads on each side of two
/// processors: 24 M items/s with exponential backoff from one pause, 32 with 40, 38 with 100, 41 with 300.
const STAND_BACK: u32 = if MODEL { 1 } else { 100 };

pub struct Fifo {
    /// Where puts start, and gets; null before the first put.
    tail_ring: AtomicPtr<Ring>,
    head_ring: AtomicPtr<Ring>,
    limit: Limit,
    item: ItemLayout,
    shut: AtomicBool,
    chain: Mutex<Chain>,
}

// SAFETY: items move between threads as bytes, which is what the C contract says of them; every slot is
// accessed by one thread at a time as its stamp says, and the rest is atomics and a lock.
unsafe impl Send for Fifo {}
// SAFETY: as above.
unsafe impl Sync for Fifo {}

/// Consecutive positions of one ring that the caller alone may access now.
struct Claim<'a> {
    ring: &'a Ring,
    first: u64,
    count: u64,
}

impl Fifo {
    pub fn new(item: ItemLayout, capacity: usize) -> Self {
        Self {
            tail_ring: AtomicPtr::new(ptr::null_mut()),
            head_ring: AtomicPtr::new(ptr::null_mut()),
            limit: Limit::new(capacity),
            item,
            shut: AtomicBool::new(false),
            chain: Mutex::new(Chain::new()),
        }
    }

    /// # Safety
    /// As for `Store::push`.
    #[inline(always)] // the way in, as short as it gets; everything unusual is in push_many
    pub unsafe fn push(&self, item: *const u8) -> Result<(), NotPut> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; as in claim_free, of which this is the first try.
        if let Some(ring) = unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() } {
            let tail = ring.tail.word.load(Ordering::Acquire);
            let at = position(tail);
            // ORDERING: Relaxed; as in room_at.
            let seen = ring.tail.head_seen.load(Ordering::Relaxed);
            if tail & (SHUT | SEALED) == 0
                && at.saturating_sub(seen) < self.limit.get()
                && slot_is_free(ring, at)
                && ring.claim_tail(tail, 1)
            {
                // SAFETY: claimed; `item` is one item long.
                unsafe { self.fill(ring, at, item) };
                return Ok(());
            }
        }
        // SAFETY: passed on.
        unsafe { self.push_many(item, 1) }.map(drop)
    }

    /// # Safety
    /// As for `Store::push_many`.
    #[inline(never)]
    pub unsafe fn push_many(&self, items: *const u8, count: usize) -> Result<usize, NotPut> {
        let claim = self.claim_free(count as u64)?;
        for index in 0..claim.count {
            // SAFETY: claimed; the claim is not larger than `count`.
            unsafe {
                let item = items.add(index as usize * self.item.size());
                self.fill(claim.ring, claim.first + index, item);
            }
        }
        Ok(claim.count as usize)
    }

    /// # Safety
    /// As for `Store::pop`.
    #[inline(always)] // the way out, as short as it gets; everything unusual is in pop_many
    pub unsafe fn pop(&self, item: *mut u8) -> Result<(), NotGot> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; as in claim_filled, of which this is the first try.
        if let Some(ring) = unsafe { self.head_ring.load(Ordering::Acquire).as_ref() } {
            let head = ring.head.load(Ordering::Acquire);
            let at = position(head);
            if head & AWAY == 0 && slot_is_filled(ring, at) && ring.claim_head(head, 1) {
                // SAFETY: `item` has room for one.
                release(ring, at, |from| unsafe { self.item.copy(from, item) });
                return Ok(());
            }
        }
        // SAFETY: passed on.
        unsafe { self.pop_many(item, 1) }.map(drop)
    }

    /// # Safety
    /// As for `Store::pop_many`.
    #[inline(never)]
    pub unsafe fn pop_many(&self, items: *mut u8, max: usize) -> Result<usize, NotGot> {
        let mut got = 0;
        loop {
            let claim = match self.claim_filled((max - got) as u64, u64::MAX) {
                Ok(claim) => claim,
                Err(why) => return if got > 0 { Ok(got) } else { Err(why) },
            };
            for at in claim.first..claim.first + claim.count {
                // SAFETY: passed on; the claims are not larger than `max` together.
                release(claim.ring, at, |from| unsafe {
                    self.item.copy(from, items.add(got * self.item.size()));
                });
                got += 1;
            }
            // ORDERING: Relaxed; a claim ends with its ring. Only if there is another is there more.
            if got == max || claim.ring.next.load(Ordering::Relaxed).is_null() {
                return Ok(got);
            }
        }
    }

    /// # Safety
    /// As for `Store::peek`.
    pub unsafe fn peek(&self, item: *mut u8) -> Result<(), NotGot> {
        loop {
            let Some(ring) = self.first_ring()? else { continue };
            // ORDERING: SeqCst; pairs with `slot_is_free`: a put that may reuse this slot comes after a
            // get that moved the head, which comes after the look at the head below, and sees the pin.
            ring.pins.fetch_add(1, Ordering::SeqCst);
            fence_after_rmw();
            let head = ring.head.load(Ordering::SeqCst);
            let slot = ring.slot(position(head));
            let there = head & AWAY == 0 && slot_is_filled(ring, position(head));
            if there {
                // SAFETY: no put reuses the slot while the pin is there; `item` is the caller's.
                slot.with(|from| unsafe { self.item.copy(from, item) });
            }
            // ORDERING: Release; pairs with the load of the pins before a slot or ring is reused.
            ring.pins.fetch_sub(1, Ordering::Release);
            if there {
                return Ok(());
            }
            if head & AWAY == 0 {
                self.why_nothing(ring, head, Look::Again)?;
            }
        }
    }

    /// As `Store::discard`.
    pub fn discard(&self, each: &mut dyn FnMut(*mut u8)) -> u64 {
        let end = self.entered();
        let mut discarded = 0;
        while let Ok(claim) = self.claim_filled(1, end) {
            release(claim.ring, claim.first, &mut *each);
            discarded += 1;
        }
        discarded
    }

    pub fn shut(&self) {
        let mut chain = self.chain.lock();
        chain.shut = true;
        // ORDERING: Release; pairs with the Acquire in `first_ring`: whoever sees this sees every ring
        // that was made before.
        self.shut.store(true, Ordering::Release);
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Relaxed; written under the lock that is held.
        if let Some(ring) = unsafe { self.tail_ring.load(Ordering::Relaxed).as_ref() } {
            // ORDERING: SeqCst; puts that claim later fail their compare-and-swap on this word.
            ring.tail.word.fetch_or(SHUT, Ordering::SeqCst);
        }
    }

    /// Exactly what the next put would find.
    pub fn is_shut(&self) -> bool {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; pairs with the Release in grow.
        let Some(ring) = (unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() }) else {
            return self.is_shut_before_use();
        };
        // ORDERING: SeqCst; pairs with the fetch_or in shut.
        match ring.tail.word.load(Ordering::SeqCst) & (SHUT | SEALED) {
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

    #[inline]
    pub fn readiness(&self) -> Result<(), NotGot> {
        loop {
            let Some(ring) = self.first_ring()? else { continue };
            // ORDERING: Acquire; pairs with the Release in Ring::open.
            let head = ring.head.load(Ordering::Acquire);
            if head & AWAY != 0 {
                continue;
            }
            if slot_is_filled(ring, position(head)) {
                return Ok(());
            }
            self.why_nothing(ring, head, Look::Once)?;
        }
    }

    pub fn len(&self) -> u64 {
        super::settled_difference(|| self.entered(), || self.left())
    }

    pub fn entered(&self) -> u64 {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; pairs with the Release in grow.
        match unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() } {
            // ORDERING: SeqCst; pairs with the compare-and-swap in claim_free: who enlists and then sees
            // no put here is seen by the next put.
            Some(ring) => position(ring.tail.word.load(Ordering::SeqCst)),
            None => 0,
        }
    }

    pub fn left(&self) -> u64 {
        loop {
            // SAFETY: rings live as long as the FIFO.
            // ORDERING: Acquire; pairs with the Release in grow and in advance.
            let ring = unsafe { self.head_ring.load(Ordering::Acquire).as_ref() };
            let Some(ring) = ring else { return 0 };
            // ORDERING: SeqCst; pairs with the compare-and-swap in claim_filled: who enlists for room
            // and then sees no get here is seen by the next get.
            let head = ring.head.load(Ordering::SeqCst);
            if head & AWAY == 0 {
                return position(head);
            } // else head_ring has moved on, and this ring may have another life already
        }
    }

    /// Whether no thread is in the middle of a change that would leave memory half linked.
    pub fn is_whole(&self) -> bool {
        self.chain.try_lock().is_some()
    }

    pub fn item(&self) -> ItemLayout {
        self.item
    }

    pub fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Claims at least one and at most `most` positions for a put.
    #[inline]
    fn claim_free(&self, most: u64) -> Result<Claim<'_>, NotPut> {
        loop {
            // SAFETY: rings live as long as the FIFO.
            // ORDERING: Acquire; pairs with the Release in grow: the ring is initialised.
            let Some(ring) = (unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() }) else {
                self.grow(None)?;
                continue;
            };
            // ORDERING: Acquire; pairs with the Release in Ring::open: the stamps fit the position.
            let tail = ring.tail.word.load(Ordering::Acquire);
            if tail & (SHUT | SEALED) != 0 {
                if tail & SHUT != 0 {
                    return Err(NotPut::Shut);
                }
                self.grow(Some(ring))?; // returns when the next ring is there
                continue;
            }
            let at = position(tail);
            let Some(room) = self.room_at(ring, tail) else { continue };
            if room == 0 {
                return Err(NotPut::Full);
            }
            let count = free_from(ring, at, most.min(room));
            if count == 0 {
                self.make_free(ring, tail)?;
                continue;
            }
            if ring.claim_tail(tail, count) {
                return Ok(Claim { ring, first: at, count });
            }
            stand_back();
        }
    }

    /// How many items the limit lets in behind this tail. `None`: the tail has moved, look again.
    #[inline]
    fn room_at(&self, ring: &Ring, tail: u64) -> Option<u64> {
        let at = position(tail);
        let limit = self.limit.get();
        // ORDERING: Relaxed; any head that once was leaves too little room, never too much.
        let seen = ring.tail.head_seen.load(Ordering::Relaxed);
        let room = limit.saturating_sub(at.saturating_sub(seen));
        if room > 0 {
            return Some(room);
        }
        let head = self.left();
        // ORDERING: Relaxed; as above.
        ring.tail.head_seen.store(head, Ordering::Relaxed);
        let room = limit.saturating_sub(at.saturating_sub(head));
        // ORDERING: Relaxed; compared only. Full is said of a tail that is the tail.
        (room > 0 || ring.tail.word.load(Ordering::Relaxed) == tail).then_some(room)
    }

    /// The limit leaves room, the slot at the tail does not: the ring is too small, or somebody is still
    /// reading there. Returns when it is worth trying again.
    #[cold]
    fn make_free(&self, ring: &Ring, tail: u64) -> Result<(), NotPut> {
        let at = position(tail);
        let full = || {
            // ORDERING: Relaxed; decides only how long to look.
            at.saturating_sub(position(ring.head.load(Ordering::Relaxed))) >= ring.slots()
        };
        for _ in 0..PATIENCE {
            // ORDERING: Relaxed; compared only.
            if ring.tail.word.load(Ordering::Relaxed) != tail || slot_is_free(ring, at) {
                return Ok(());
            }
            if full() {
                break;
            }
            pause();
        }
        self.grow(Some(ring))
    }

    /// Chains a ring behind the last one, or makes the first. Returns when puts can go on, whoever did it.
    #[cold]
    fn grow(&self, last: Option<&Ring>) -> Result<(), NotPut> {
        let mut chain = self.chain.lock();
        if chain.shut {
            return Err(NotPut::Shut);
        }
        let at = last.map_or(ptr::null_mut(), |ring| ptr::from_ref(ring).cast_mut());
        // ORDERING: Relaxed; written under the lock that is held.
        if self.tail_ring.load(Ordering::Relaxed) != at {
            return Ok(());
        }
        let slots = next_slots(last.map(Ring::slots), self.item, self.limit.get());
        let fresh = chain.take(self.item, slots).ok_or(NotPut::NoMemory)?;
        // SAFETY: rings live as long as the FIFO.
        let ring = unsafe { fresh.as_ref() };
        match last {
            None => {
                ring.open(0, 0);
                // ORDERING: Relaxed; published by the Release below.
                ring.head.store(0, Ordering::Relaxed);
                // ORDERING: Release; pairs with the Acquire in first_ring.
                self.head_ring.store(fresh.as_ptr(), Ordering::Release);
            }
            Some(last) => {
                // ORDERING: SeqCst; no put claims here any more: its compare-and-swap fails.
                let base = position(last.tail.word.fetch_or(SEALED, Ordering::SeqCst));
                // ORDERING: Relaxed; a hint.
                ring.open(base, last.tail.head_seen.load(Ordering::Relaxed));
                // ORDERING: Release; pairs with the Acquire in advance.
                last.next.store(fresh.as_ptr(), Ordering::Release);
            }
        }
        // ORDERING: Release; pairs with the Acquire in claim_free and in entered.
        self.tail_ring.store(fresh.as_ptr(), Ordering::Release);
        Ok(())
    }

    /// Copies an item into a claimed slot and publishes it.
    ///
    /// # Safety
    /// The position was claimed by this call, and `item` is one item long.
    #[inline]
    unsafe fn fill(&self, ring: &Ring, at: u64, item: *const u8) {
        let slot = ring.slot(at);
        // SAFETY: claimed, and the slot was free.
        slot.with_mut(|to| unsafe { self.item.copy(item, to) });
        // ORDERING: Release; pairs with the Acquire in slot_is_filled: the item is there.
        slot.stamp().store(2 * at + 1, Ordering::Release);
    }

    /// Claims at least one and at most `most` items, of positions before `end`.
    #[inline]
    fn claim_filled(&self, most: u64, end: u64) -> Result<Claim<'_>, NotGot> {
        loop {
            let Some(ring) = self.first_ring()? else { continue };
            // ORDERING: Acquire; pairs with the Release in Ring::open: the stamps fit the position.
            let head = ring.head.load(Ordering::Acquire);
            if head & AWAY != 0 {
                continue; // head_ring has moved on before this one was marked
            }
            let at = position(head);
            if at >= end {
                return Err(NotGot::Empty);
            }
            let count = filled_from(ring, at, most.min(end - at));
            if count == 0 {
                self.why_nothing(ring, head, Look::Again)?;
                continue;
            }
            if ring.claim_head(head, count) {
                return Ok(Claim { ring, first: at, count });
            }
            stand_back();
        }
    }

    /// The ring that gets start at. `None`: look again.
    #[inline]
    fn first_ring(&self) -> Result<Option<&Ring>, NotGot> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; pairs with the Release in grow and in advance: the ring is initialised.
        let ring = unsafe { self.head_ring.load(Ordering::Acquire).as_ref() };
        if ring.is_some() {
            return Ok(ring);
        }
        if !self.is_shut_before_use() {
            return Err(NotGot::Empty);
        }
        // Shut, and no ring comes any more; but one may have come before that.
        match self.head_ring.load(Ordering::Acquire).is_null() {
            true => Err(NotGot::Drained),
            false => Ok(None),
        }
    }

    /// Says why there is no item at this head, or returns when it is worth trying again.
    #[cold]
    fn why_nothing(&self, ring: &Ring, head: u64, look: Look) -> Result<(), NotGot> {
        // ORDERING: SeqCst; pairs with the compare-and-swap in claim_free: see `entered`.
        let tail = ring.tail.word.load(Ordering::SeqCst);
        // ORDERING: Relaxed; compared only. Empty is said of a head that is the head.
        if ring.head.load(Ordering::Relaxed) != head {
            return Ok(());
        }
        let at = position(head);
        if position(tail) == at {
            return match tail & (SEALED | SHUT) {
                0 => Err(NotGot::Empty),
                SHUT => Err(NotGot::Drained),
                _ => {
                    self.advance(ring);
                    Ok(())
                }
            };
        }
        for _ in 0..match look {
            Look::Once => 1,
            Look::Again => PATIENCE,
        } {
            // ORDERING: Relaxed; only whether to try again.
            if slot_is_filled(ring, at) || ring.head.load(Ordering::Relaxed) != head {
                return Ok(());
            }
            pause();
        }
        Err(NotGot::Pending)
    }

    /// Moves gets on to the next ring: this one is sealed and has been emptied.
    #[cold]
    fn advance(&self, ring: &Ring) {
        let mut chain = self.chain.lock();
        // ORDERING: Relaxed; written under the lock that is held.
        if !ptr::eq(self.head_ring.load(Ordering::Relaxed), ring) {
            return;
        }
        // Once more, now that nobody else seals or moves on: the ring may have been left, used again and
        // come to the front since this thread looked.
        // ORDERING: Acquire; as in claim_filled.
        let (tail, head) =
            (ring.tail.word.load(Ordering::Acquire), ring.head.load(Ordering::Acquire));
        if tail & SEALED == 0 || position(tail) != position(head) {
            return;
        }
        // ORDERING: Acquire; pairs with the Release in grow, which sealed the ring under this lock.
        let next = ring.next.load(Ordering::Acquire);
        // SAFETY: a ring that was sealed has a next one; rings live as long as the FIFO.
        let first = unsafe { &*next };
        // ORDERING: Relaxed; nobody else writes the word of a ring that is away.
        let base = position(first.head.load(Ordering::Relaxed));
        // ORDERING: Release; pairs with the Acquire of gets that load this word.
        first.head.store(word(base), Ordering::Release);
        // ORDERING: Release; pairs with the Acquire in first_ring.
        self.head_ring.store(next, Ordering::Release);
        // Only now: whoever sees this mark finds the next ring.
        // ORDERING: Release; pairs with the Acquire of gets: they see head_ring moved.
        ring.head.fetch_or(AWAY, Ordering::Release);
        chain.retire(ptr::NonNull::from(ring));
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let item = self.item;
        // SAFETY: `&mut self`: nobody uses the rings any more. What they still hold are bytes.
        unsafe { self.chain.get_mut().free(item) };
    }
}

/// How long to look at an item that is on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Once,
    Again,
}

/// Somebody else was quicker. Leaves the word to them for a moment: one side that runs a stretch alone is
/// faster than two that take the cache line from each other at every item.
#[cold]
fn stand_back() {
    (0..STAND_BACK).for_each(|_| pause());
}

/// Hands the item of a claimed slot to `take` and frees the slot.
#[inline]
fn release(ring: &Ring, at: u64, take: impl FnOnce(*mut u8)) {
    let slot = ring.slot(at);
    slot.with(take);
    // ORDERING: Release; pairs with the Acquire in slot_is_free: the item was read.
    slot.stamp().store(2 * (at + ring.slots()), Ordering::Release);
}

/// Whether a put may write the slot of this position: the get of the lap before is done with it.
#[inline]
fn slot_is_free(ring: &Ring, at: u64) -> bool {
    // ORDERING: Acquire; pairs with the Release in release: the item that was there has been read.
    ring.slot(at).stamp().load(Ordering::Acquire) == 2 * at
        // ORDERING: SeqCst; pairs with the pin in peek, behind the stamp: see there. Synchronises with
        // its Release when the last pin goes.
        && ring.pins.load(Ordering::SeqCst) == 0
}

/// Whether the slot of this position holds its item.
#[inline]
fn slot_is_filled(ring: &Ring, at: u64) -> bool {
    // ORDERING: Acquire; pairs with the Release in fill: the item is there.
    ring.slot(at).stamp().load(Ordering::Acquire) == 2 * at + 1
}

/// How many slots from this position on are free, up to `most`.
fn free_from(ring: &Ring, at: u64, most: u64) -> u64 {
    (0..most).take_while(|&index| slot_is_free(ring, at + index)).count() as u64
}

/// How many items there are from this position on, up to `most`.
fn filled_from(ring: &Ring, at: u64, most: u64) -> u64 {
    (0..most).take_while(|&index| slot_is_filled(ring, at + index)).count() as u64
}

#[cfg(all(test, not(loom)))]
mod tests;
