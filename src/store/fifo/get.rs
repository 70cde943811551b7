//! The way out: an item is claimed at the head, then taken.

use std::ptr::{self, NonNull};

use super::owning::{Due, End};
use super::ring::{AWAY, OWNED, Ring, SEALED, SHUT, turn};
use super::shape::Shape;
use super::slot::Slot;
use super::slots::Slots;
use super::{Claim, Fifo, LOST_RACE, ON_ITS_WAY, stand_back};
use crate::store::NotGot;
use crate::sync::{MODEL, Ordering, fence, fence_after_rmw};

/// A batch that leaves no stamps gives its slots back in pieces of this many, so that a put waits for one piece at
/// most.
const PIECE: u64 = 64;

/// How often to look at an item that is on its way, standing back in between.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Once,
    Again,
}

impl Look {
    fn times(self) -> u32 {
        match self {
            Self::Again if !MODEL => 3,
            Self::Once | Self::Again => 1,
        }
    }
}

/// Items that the caller has claimed, and alone may take.
pub(super) struct Filled<'a> {
    pub claim: Claim<'a>,
    /// Their slots are emptied without stamps: by an owner that has gone round, where puts come in batches.
    stampless: bool,
}

impl Filled<'_> {
    fn end(&self) -> u64 {
        self.claim.first + self.claim.count
    }

    /// Has the items taken in their order, and leaves the slots to puts.
    #[inline(always)]
    pub fn empty(&self, mut take: impl FnMut(*mut u8)) {
        let Claim { ring, slots, mut first, .. } = self.claim;
        if !self.stampless {
            let lap = ring.lap();
            return self.claim.each_slot().for_each(|slot| slot.release(lap, &mut take));
        }
        while first < self.end() {
            let count = PIECE.min(self.end() - first);
            slots.prefetch(first + 2 * count, count);
            slots.run(first, count).for_each(|slot| slot.read(&mut take));
            first += count;
            ring.set_emptied(first);
        }
    }

    /// Whether to look now which thread gets, and whether always the same one does: that one would leave no stamps.
    #[inline(always)]
    fn is_worth_a_look(&self, shape: Shape) -> bool {
        let Claim { ring, first, .. } = self.claim;
        let may_matter = !self.stampless && ring.are_batches_usual();
        may_matter && Due::after(shape, first, self.end()) == Due::LookRound
    }
}

impl Fifo {
    /// # Safety
    /// As for `Store::pop_at_once`, and items are words.
    #[inline(always)]
    pub unsafe fn pop_word(&self, item: *mut u8) -> Option<Due> {
        // SAFETY: passed on.
        unsafe { self.pop_here(Shape::WORD, item) }
    }

    /// Not part of its callers: what it keeps in registers they would save for a stack as well.
    ///
    /// # Safety
    /// As for `Store::pop_at_once`.
    #[inline(never)]
    pub unsafe fn pop_at_once(&self, item: *mut u8) -> bool {
        // SAFETY: passed on.
        let got = unsafe { self.pop_here(self.shape, item) };
        if got == Some(Due::LookRound) {
            self.look_round(End::Head);
        }
        got.is_some()
    }

    /// The way out, as short as it gets; everything unusual is in pop_many.
    ///
    /// # Safety
    /// As for [`Self::pop_at_once`]; `shape` is that of the items.
    #[inline(always)]
    unsafe fn pop_here(&self, shape: Shape, item: *mut u8) -> Option<Due> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire, both; as in try_head_ring and try_head.
        if let Some(ring) = unsafe { self.head_ring.load(Ordering::Acquire).as_ref() } {
            let (head, mine) = ring.head.cursor.look();
            let slot = ring.slots_as(shape).at(head);
            // Where the slot is filled, the ring is not away.
            if slot.is_filled() && ring.head.cursor.claim(head, 1, mine) {
                // SAFETY: `item` has room for one.
                slot.release(ring.lap(), |from| unsafe { shape.item.copy(from, item) });
                ring.prefetch_after_get(shape, head);
                return Some(Due::after_one(shape, turn(head)));
            }
        }
        None
    }

    /// # Safety
    /// As for `Store::pop`.
    pub unsafe fn pop(&self, item: *mut u8) -> Result<(), NotGot> {
        // SAFETY: passed on.
        unsafe { self.pop_many(item, 1) }.map(drop)
    }

    /// # Safety
    /// As for `Store::pop_many`.
    #[inline(never)]
    pub unsafe fn pop_many(&self, items: *mut u8, max: usize) -> Result<usize, NotGot> {
        // SAFETY: passed on.
        unsafe {
            if self.shape.is_word() {
                self.pop_many_in(Shape::WORD, items, max)
            } else {
                self.pop_many_in(self.shape, items, max)
            }
        }
    }

    /// # Safety
    /// As for [`Self::pop_many`]; `shape` is that of the items.
    #[inline(always)]
    unsafe fn pop_many_in(
        &self,
        shape: Shape,
        items: *mut u8,
        max: usize,
    ) -> Result<usize, NotGot> {
        let mut got = 0;
        loop {
            let most = (max - got) as u64;
            let filled = match self.claim_filled(shape, most, None) {
                Ok(filled) => filled,
                Err(why) => return if got > 0 { Ok(got) } else { Err(why) },
            };
            filled.empty(|from| {
                // SAFETY: passed on; the claims are not larger than `max` together.
                unsafe { shape.item.copy(from, items.add(got * shape.item.size())) };
                got += 1;
            });
            if max > 1 && filled.is_worth_a_look(shape) {
                self.look_round(End::Head);
            }
            if got == max || !filled.claim.has_ring_behind() {
                return Ok(got);
            }
        }
    }

    /// # Safety
    /// As for `Store::peek`.
    pub unsafe fn peek(&self, item: *mut u8) -> Result<(), NotGot> {
        loop {
            let Some(ring) = self.try_head_ring()? else { continue };
            // ORDERING: SeqCst; pairs with `nobody_peeks`: a put that may reuse this slot comes after a
            // get that moved the head, which comes after the look at the head below, and sees the pin.
            ring.pins.fetch_add(1, Ordering::SeqCst);
            fence_after_rmw();
            self.order(End::Head);
            let head = ring.head.cursor.load();
            let first = item_at(ring, head);
            if let Some(slot) = first {
                // SAFETY: no put reuses the slot while the pin is there; `item` is the caller's.
                slot.read(|from| unsafe { self.shape.item.copy(from, item) });
            }
            // ORDERING: Release; pairs with the load of the pins before a slot or ring is reused.
            ring.pins.fetch_sub(1, Ordering::Release);
            if first.is_some() {
                return Ok(());
            }
            match head & AWAY {
                0 => self.why_nothing(ring, head, Look::Again)?,
                _ => self.until_moved_on(ring),
            }
        }
    }

    #[inline]
    pub fn readiness(&self) -> Result<(), NotGot> {
        loop {
            let Some((ring, head)) = self.try_head()? else { continue };
            if item_at(ring, head).is_some() {
                return Ok(());
            }
            self.why_nothing(ring, head, Look::Once)?;
        }
    }

    /// Claims at least one and at most `most` items, of positions before `end`.
    #[inline(always)]
    pub(super) fn claim_filled(
        &self,
        shape: Shape,
        most: u64,
        end: Option<u64>,
    ) -> Result<Filled<'_>, NotGot> {
        loop {
            let (ring, head, most) = match end {
                None => match self.try_head()? {
                    Some((ring, head)) => (ring, head, most),
                    None => continue,
                },
                Some(end) => match self.settled_head() {
                    Some((ring, head, at)) if at < end => (ring, head, most.min(end - at)),
                    _ => return Err(NotGot::Empty),
                },
            };
            let (slots, first) = (ring.slots_as(shape), turn(head));
            let count = filled_from(slots, first, most);
            if count == 0 {
                self.why_nothing(ring, head, Look::Again)?;
                continue;
            }
            // Asked before the claim, which fails where this is another owner's.
            let stampless = most > 1 && head & OWNED != 0 && ring.needs_no_stamps(first);
            // ORDERING: SeqCst in there; pairs with `Fifo::left` as seen by a waiter for room: it sees this get, or the get
            // sees it enlisted (see wait::Waiters). Of an owner see `order`.
            if ring.head.cursor.claim(head, count, ring.head.cursor.mine()) {
                return Ok(Filled { claim: Claim { ring, slots, first, count }, stampless });
            }
            match head & OWNED {
                0 => stand_back(LOST_RACE),
                _ => self.disown(End::Head),
            }
        }
    }

    /// The ring that gets start at, and its head. `None`: look again.
    #[inline]
    fn try_head(&self) -> Result<Option<(&Ring, u64)>, NotGot> {
        let Some(ring) = self.try_head_ring()? else { return Ok(None) };
        let head = ring.head.cursor.load();
        if head & AWAY == 0 {
            return Ok(Some((ring, head)));
        }
        self.until_moved_on(ring);
        Ok(None)
    }

    /// The ring that gets start at. `None`: look again.
    #[inline]
    fn try_head_ring(&self) -> Result<Option<&Ring>, NotGot> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; pairs with the Release in link and in advance: the ring is initialised.
        let ring = unsafe { self.head_ring.load(Ordering::Acquire).as_ref() };
        if ring.is_some() {
            return Ok(ring);
        }
        // Shut, and no ring comes any more; but one may have come before that.
        let why = if self.is_shut_before_use() {
            NotGot::Drained
        } else {
            // ORDERING: SeqCst; as in why_nothing, of what the caller has got from another queue.
            fence(Ordering::SeqCst);
            NotGot::Empty
        };
        // ORDERING: Acquire; as above, and after the look at the shutdown.
        let still_none = self.head_ring.load(Ordering::Acquire).is_null();
        if still_none { Err(why) } else { Ok(None) }
    }

    /// The ring that head_ring named is marked as away: gets have moved on from it, or somebody is about to move
    /// on to it. Returns when that is done.
    #[cold]
    pub(super) fn until_moved_on(&self, ring: &Ring) {
        // ORDERING: Acquire; as in try_head_ring.
        if ptr::eq(self.head_ring.load(Ordering::Acquire), ring) {
            drop(self.chain.lock());
        }
    }

    /// Says why there is no item at this head, or returns when it is worth trying again.
    #[cold]
    fn why_nothing(&self, ring: &Ring, head: u64, look: Look) -> Result<(), NotGot> {
        // ORDERING: SeqCst; pairs with the fence of a put's claim, or in room_at. An owner's claims are plain stores: without this it
        // could say Empty by an old tail, while a put behind that tail still counts what it has taken and says Full. No
        // order of the calls explains both.
        fence(Ordering::SeqCst);
        // ORDERING: SeqCst in there; pairs with the compare-and-swap of a put: see `entered`.
        let tail = ring.tail.cursor.load();
        // No turn comes again, and no head overtakes its tail: it is still the head.
        if turn(tail) == turn(head) {
            return match tail & (SEALED | SHUT) {
                0 => Err(NotGot::Empty),
                SHUT => Err(NotGot::Drained),
                _ => {
                    self.advance(ring);
                    Ok(())
                }
            };
        }
        for more in (0..look.times()).rev() {
            if ring.slot(head).is_filled() || !ring.head.cursor.is(head) {
                return Ok(());
            }
            if more > 0 {
                stand_back(ON_ITS_WAY);
            }
        }
        Err(NotGot::Pending)
    }

    /// Moves gets on to the next ring: this one is sealed and has been emptied.
    #[cold]
    pub(super) fn advance(&self, ring: &Ring) {
        let mut chain = self.chain.lock();
        // ORDERING: Relaxed; written under the lock that is held.
        if !ptr::eq(self.head_ring.load(Ordering::Relaxed), ring) {
            return;
        }
        // Once more, now that nobody else seals or moves on: the ring may have been left, used again and
        // come to the front since this thread looked.
        let (tail, head) = (ring.tail.cursor.load(), ring.head.cursor.load());
        if tail & SEALED == 0 || turn(tail) != turn(head) {
            return;
        }
        // ORDERING: Acquire; pairs with the Release in link, which sealed the ring under this lock.
        let next = ring.next.load(Ordering::Acquire);
        // SAFETY: a ring that was sealed has a next one; rings live as long as the FIFO.
        let first = unsafe { &*next };
        let owned = first.head.cursor.follow(&ring.head.cursor, ring.head.cursor.mine());
        // ORDERING: Release; pairs with the Acquire in try_head_ring.
        self.head_ring.store(next, Ordering::Release);
        // Only now: a late get that knows the ring from an earlier life takes an item where `left` counts it.
        first.come_first(owned);
        // Only now: a thread that sees this mark finds the next ring.
        // ORDERING: SeqCst in there; pairs with the loads of gets: they see head_ring moved.
        ring.head.cursor.close(AWAY);
        let surplus = chain.retire(NonNull::from(ring));
        drop(chain);
        if let Some(surplus) = surplus {
            self.trim(surplus);
        }
    }

    /// Has a spare ring, on no list, give its memory back. `false`: somebody still reads there.
    pub(super) fn trim(&self, surplus: NonNull<Ring>) -> bool {
        // SAFETY: rings live as long as the FIFO.
        let ring = unsafe { surplus.as_ref() };
        let quiet = ring.is_quiet();
        if quiet {
            // SAFETY: quiet, and this thread's alone.
            unsafe { ring.trim() };
        }
        self.chain.lock().keep(surplus);
        quiet
    }
}

/// The slot of the first item, if it is there.
#[inline]
pub(super) fn item_at(ring: &Ring, head: u64) -> Option<Slot<'_>> {
    let slot = ring.slot(head);
    slot.is_filled().then_some(slot)
}

/// How many items there are from this turn on, up to `most`.
#[inline(always)]
fn filled_from(slots: Slots<'_>, turn: u64, most: u64) -> u64 {
    slots.run(turn, most).take_while(|slot| slot.is_filled()).count() as u64
}
