//! The way in: a place is claimed at the tail, then filled.

use std::ptr;

use super::chain::{Chain, next_slots};
use super::owning::{Due, End};
use super::ring::{OWNED, Ring, SEALED, SHUT, turn};
use super::shape::Shape;
use super::slots::Slots;
use super::{Claim, Fifo, LOST_RACE, nobody_peeks, stand_back};
use crate::store::NotPut;
use crate::sync::{MODEL, Ordering, fence, pause, yield_now};

/// How often to look again at a slot that a get is in the middle of: a copy of an item takes less.
const LOOKS_AT_BUSY_SLOT: u32 = if MODEL { 1 } else { 128 };

/// How many bytes of items stay in the caches. Four threads to a loop, unbounded, millions of items a second: 98
/// when puts never yield, 104 with 512 KiB, 123 with 128; four to one 69, 90 and 101.
const NEAR_BYTES: u64 = 128 * 1024;
/// A ring that is filled in so many puts is worth a yield.
const MANY_SLOTS: u64 = 64;

impl Fifo {
    /// # Safety
    /// As for `Store::push_at_once`, and items are words.
    #[inline(always)]
    pub unsafe fn push_word(&self, item: *const u8) -> Option<Due> {
        // SAFETY: passed on.
        unsafe { self.push_here(Shape::WORD, item) }
    }

    /// Not part of its callers: what it keeps in registers they would save for a stack as well.
    ///
    /// # Safety
    /// As for `Store::push_at_once`.
    #[inline(never)]
    pub unsafe fn push_at_once(&self, item: *const u8) -> bool {
        // SAFETY: passed on.
        let put = unsafe { self.push_here(self.shape, item) };
        if put == Some(Due::LookRound) {
            self.look_round(End::Tail);
        }
        put.is_some()
    }

    /// The way in, as short as it gets; everything unusual is in push_many.
    ///
    /// # Safety
    /// As for [`Self::push_at_once`]; `shape` is that of the items.
    #[inline(always)]
    unsafe fn push_here(&self, shape: Shape, item: *const u8) -> Option<Due> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; as in claim_free, of which this is the first try.
        if let Some(ring) = unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() } {
            let (tail, mine) = ring.tail.cursor.look();
            let slot = ring.slots_as(shape).at(tail);
            // Where the slot is free, the tail has no flag but OWNED. A tail that is too old, behind what was seen of the
            // head, is no matter: its claim fails. Nor is a slot that is free whatever its stamp says: where gets leave
            // none, a put of one item is not what is usual.
            if slot.is_free()
                && nobody_peeks(ring)
                && self.limit.lets_in(ring.queued_at_most(tail))
                && ring.tail.cursor.claim(tail, 1, mine)
            {
                ring.prefetch_after_put(shape, slot, tail);
                // SAFETY: `item` is one item long.
                slot.fill(|to| unsafe { shape.item.copy(item, to) });
                return Some(Due::after_one(shape, turn(tail)));
            }
        }
        None
    }

    /// # Safety
    /// As for `Store::push`.
    pub unsafe fn push(&self, item: *const u8, _priority: i64) -> Result<(), NotPut> {
        // SAFETY: passed on.
        unsafe { self.push_many(item, 1) }.map(drop)
    }

    /// # Safety
    /// As for `Store::push_many`.
    #[inline(never)]
    pub unsafe fn push_many(&self, items: *const u8, count: usize) -> Result<usize, NotPut> {
        // SAFETY: passed on.
        unsafe {
            if self.shape.is_word() {
                self.push_many_in(Shape::WORD, items, count)
            } else {
                self.push_many_in(self.shape, items, count)
            }
        }
    }

    /// # Safety
    /// As for [`Self::push_many`]; `shape` is that of the items.
    #[inline(always)]
    unsafe fn push_many_in(
        &self,
        shape: Shape,
        items: *const u8,
        count: usize,
    ) -> Result<usize, NotPut> {
        let claim = self.claim_free(shape, count as u64)?;
        for (index, slot) in claim.each_slot().enumerate() {
            // SAFETY: the claim is not larger than `count`.
            let item = unsafe { items.add(index * shape.item.size()) };
            // SAFETY: as above.
            slot.fill(|to| unsafe { shape.item.copy(item, to) });
        }
        let Claim { first, count, .. } = claim;
        if count > 1 && Due::after(shape, first, first + count) == Due::LookRound {
            self.look_round(End::Tail);
        }
        Ok(claim.count as usize)
    }

    /// Claims at least one and at most `most` positions for a put.
    #[inline(always)]
    fn claim_free(&self, shape: Shape, most: u64) -> Result<Claim<'_>, NotPut> {
        loop {
            // SAFETY: rings live as long as the FIFO.
            // ORDERING: Acquire; pairs with the Release in link: the ring is initialised.
            let Some(ring) = (unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() }) else {
                self.grow(None)?;
                continue;
            };
            let (tail, mine) = (ring.tail.cursor.load(), ring.tail.cursor.mine());
            if tail & (SHUT | SEALED) != 0 {
                if tail & SHUT != 0 {
                    return Err(NotPut::Shut);
                }
                self.grow(Some((ring, tail)))?; // returns when puts can go on
                continue;
            }
            let Some(room) = self.room_at(ring, tail) else { continue };
            if room == 0 {
                return Err(NotPut::Full);
            }
            let (slots, first) = (ring.slots_as(shape), turn(tail));
            let count = free_from(ring, slots, first, most.min(room));
            if count == 0 {
                self.make_free(ring, tail)?;
                continue;
            }
            // ORDERING: SeqCst in there; pairs with `Fifo::entered` as seen by a waiter for an item: it sees this put, or
            // the put sees it enlisted (see wait::Waiters). Of an owner see `order`.
            if ring.tail.cursor.claim(tail, count, mine) {
                ring.note_put(count);
                return Ok(Claim { ring, slots, first, count });
            }
            match tail & OWNED {
                0 => stand_back(LOST_RACE),
                _ => self.disown(End::Tail),
            }
        }
    }

    /// How many items the limit lets in behind this tail. `None`: the tail has moved, look again.
    #[inline]
    fn room_at(&self, ring: &Ring, tail: u64) -> Option<u64> {
        let at = ring.position(tail);
        let limit = self.limit.get();
        // ORDERING: Acquire; any head that once was leaves too little room, never too much. Pairs with the Release
        // below: a thread that sees this put sees a head as far as the one that let it in, so that bq_len never
        // exceeds the capacity.
        let seen = ring.tail.head_seen.load(Ordering::Acquire);
        let room = limit.saturating_sub(at.saturating_sub(seen));
        if room > 0 {
            return Some(room);
        }
        // ORDERING: SeqCst; pairs with the fence in why_nothing and those like it. An owner's claims are plain stores:
        // without this it could say Full by an old head, while a get behind that head still finds nothing of what it has
        // put, here or into another queue. No order of the calls explains both.
        fence(Ordering::SeqCst);
        let head = self.left();
        // ORDERING: Release; as above.
        ring.tail.head_seen.store(head, Ordering::Release);
        let room = limit.saturating_sub(at.saturating_sub(head));
        // Full is said of a tail that is the tail.
        (room > 0 || ring.tail.cursor.is(tail)).then_some(room)
    }

    /// The limit leaves room, the slot at the tail does not: the ring is too small, or somebody is still
    /// reading there. Returns when it is worth trying again.
    #[cold]
    fn make_free(&self, ring: &Ring, tail: u64) -> Result<(), NotPut> {
        let at = turn(tail);
        let full = || at.saturating_sub(turn(ring.head.cursor.load())) >= ring.slots();
        for _ in 0..LOOKS_AT_BUSY_SLOT {
            if !ring.tail.cursor.is(tail) || free_from(ring, ring.slots_as(self.shape), at, 1) > 0 {
                return Ok(());
            }
            if full() {
                break;
            }
            pause();
        }
        self.grow(Some((ring, tail)))
    }

    /// Chains a ring behind the last one, or makes the first. Returns when puts can go on, also where
    /// another thread did it.
    /// `last`: the ring and its tail, as the caller saw them.
    #[cold]
    fn grow(&self, last: Option<(&Ring, u64)>) -> Result<(), NotPut> {
        if let Some((ring, tail)) = last
            && tail & OWNED != 0
            && ring.tail.cursor.mine().is_none()
        {
            self.disown(End::Tail); // only an owner itself closes its end
            return Ok(());
        }
        if !self.must_grow(&self.chain.lock(), last)? {
            return Ok(());
        }
        // One ring is made at a time, while gets go on: they need the chain's lock only.
        let growing = self.growing.lock();
        let spare = {
            let mut chain = self.chain.lock();
            if !self.must_grow(&chain, last)? {
                return Ok(());
            }
            let slots =
                next_slots(last.map(|(ring, _)| ring.slots()), self.shape.item, self.limit.get());
            chain.take_spare(slots).ok_or(slots)
        };
        let fresh = match spare {
            Ok(spare) => spare,
            Err(slots) => {
                let made = Ring::new(self.shape, slots).ok_or(NotPut::NoMemory)?;
                self.chain.lock().adopt(made);
                made
            }
        };
        // SAFETY: rings live as long as the FIFO.
        let ring = unsafe { fresh.as_ref() };
        ring.restore();
        let mut chain = self.chain.lock();
        let wanted = self.must_grow(&chain, last);
        if wanted == Ok(true) {
            self.link(ring, last.map(|(ring, _)| ring));
        } else {
            chain.keep(fresh);
        }
        drop(chain);
        drop(growing);
        self.let_gets_catch_up(ring);
        wanted.map(drop)
    }

    #[cfg(loom)]
    pub fn leave_ring(&self) {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; as in claim_free.
        let last = unsafe { self.tail_ring.load(Ordering::Acquire).as_ref() };
        let last = last.map(|ring| (ring, ring.tail.cursor.load()));
        self.grow(last).expect("there is memory, and no shutdown");
    }

    /// A queue that grows out of the caches is slow for both sides, and where threads outnumber processors it
    /// grows only because those that get have no turn: they are given one, a ring at a time, unless rings of few
    /// large items follow each other too fast.
    fn let_gets_catch_up(&self, added: &Ring) {
        let queued = || self.len().saturating_mul(self.shape.stride as u64);
        if !MODEL && added.slots() >= MANY_SLOTS && queued() > NEAR_BYTES {
            yield_now();
        }
    }

    /// Whether a ring is still to come behind what the caller saw. Under the chain's lock.
    fn must_grow(&self, chain: &Chain, last: Option<(&Ring, u64)>) -> Result<bool, NotPut> {
        if chain.shut {
            return Err(NotPut::Shut);
        }
        let at = last.map_or(ptr::null(), |(ring, _)| ptr::from_ref(ring));
        // ORDERING: Relaxed; written under the lock that is held.
        let is_last = ptr::eq(self.tail_ring.load(Ordering::Relaxed), at);
        // Or the last one again, but in another life, or after other puts, or it is another thread's own by now.
        let as_seen = |(ring, tail): (&Ring, u64)| {
            let cursor = &ring.tail.cursor;
            cursor.is(tail) && (tail & OWNED == 0 || cursor.mine().is_some())
        };
        Ok(is_last && last.is_none_or(as_seen))
    }

    /// Makes a spare ring the last one. Under the chain's lock.
    fn link(&self, ring: &Ring, last: Option<&Ring>) {
        let fresh = ptr::from_ref(ring).cast_mut();
        let mut owned = 0;
        match last {
            None => {
                ring.open(0, 0);
                ring.come_first(0); // published by the Release below
                // ORDERING: Release; pairs with the Acquire in try_head_ring.
                self.head_ring.store(fresh, Ordering::Release);
            }
            Some(last) => {
                let mine = last.tail.cursor.mine();
                // ORDERING: SeqCst in there; no put claims here any more: its compare-and-swap fails. An owner is the
                // caller: the tail is as it saw it, and only its own claims would move it.
                let base = last.position(last.tail.cursor.close(SEALED));
                // ORDERING: Relaxed; a hint.
                ring.open(base, last.tail.head_seen.load(Ordering::Relaxed));
                owned = ring.tail.cursor.follow(&last.tail.cursor, mine);
                // ORDERING: Release; pairs with the Acquire in advance.
                last.next.store(fresh, Ordering::Release);
            }
        }
        // ORDERING: Release; pairs with the Acquire in claim_free and in entered.
        self.tail_ring.store(fresh, Ordering::Release);
        // Only now: a late put that knows the ring from an earlier life claims where `entered` counts it.
        ring.unseal(owned);
    }
}

/// How many slots are free from this turn on, up to `most`: the gets of the lap before are done with them, and
/// nobody peeks.
#[inline(always)]
fn free_from(ring: &Ring, slots: Slots<'_>, turn: u64, most: u64) -> u64 {
    let mut free = ring.emptied_from(turn).min(most);
    if free < most {
        let rest = slots.run(turn + free, most - free);
        free += rest.take_while(|slot| slot.is_free()).count() as u64;
    }
    if free < most {
        free = free.max(ring.look_at_emptied(turn).min(most));
    }
    if nobody_peeks(ring) { free } else { 0 }
}
