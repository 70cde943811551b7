//! The way out for items that nobody wants: all are claimed, then each is handed to a receiver that may write to it.

use std::alloc::{alloc, dealloc};
use std::mem::MaybeUninit;

use super::owning::End;
use super::ring::Ring;
use super::{Claim, Fifo, nobody_peeks};
use crate::sync::{Ordering, fence};
use crate::sys::park::nap;

/// All that is to be discarded, claimed before the first of it is handed over: a receiver that discards as well finds
/// nothing, so that its calls do not nest for each item. Where there is no memory to note more rings, their turn comes
/// after that of the first.
struct Claims<'a> {
    first: Option<Claim<'a>>,
    more: Vec<Claim<'a>>,
}

impl<'a> Claims<'a> {
    fn of(fifo: &'a Fifo, end: u64) -> Self {
        let mut claims = Self { first: fifo.claim_to_discard(end), more: Vec::new() };
        while claims.last().is_some_and(Claim::has_ring_behind)
            && claims.more.try_reserve(1).is_ok()
            && let Some(claim) = fifo.claim_to_discard(end)
        {
            claims.more.push(claim);
        }
        claims
    }

    fn last(&self) -> Option<&Claim<'a>> {
        self.more.last().or(self.first.as_ref())
    }

    fn count(&self) -> u64 {
        self.first.iter().chain(&self.more).map(|claim| claim.count).sum()
    }

    fn into_iter(self) -> impl Iterator<Item = Claim<'a>> {
        self.first.into_iter().chain(self.more)
    }
}

impl Fifo {
    /// As `Store::discard`.
    pub fn discard(&self, gone: &dyn Fn(u64), each: &mut dyn FnMut(*mut u8)) -> u64 {
        // ORDERING: SeqCst; as in len, of what the caller has got.
        fence(Ordering::SeqCst);
        let end = self.entered();
        let mut discarded = 0;
        loop {
            let claims = Claims::of(self, end);
            let count = claims.count();
            if count == 0 {
                return discarded;
            }
            gone(count);
            for claim in claims.into_iter() {
                let lap = claim.ring.lap();
                claim.each_slot().for_each(|slot| {
                    slot.release(lap, |item| self.hand_over(claim.ring, item, &mut *each));
                });
            }
            discarded += count;
            self.trim_surplus();
        }
    }

    /// Has rings give their memory back that could not when gets moved on from them, with their items in hand.
    fn trim_surplus(&self) {
        loop {
            let surplus = self.chain.lock().take_surplus();
            if !surplus.is_some_and(|ring| self.trim(ring)) {
                return;
            }
        }
    }

    /// Claims what there is in one ring before `end`.
    fn claim_to_discard(&self, end: u64) -> Option<Claim<'_>> {
        // Not as the owner: the receiver may get more from this queue, and has the items of this claim in hand.
        self.leave(End::Head);
        Some(self.claim_filled(self.shape, u64::MAX, Some(end)).ok()?.claim)
    }

    /// Hands out an item that this thread has claimed, to be written to as well: where it lies, unless a peek
    /// may be reading there.
    fn hand_over(&self, ring: &Ring, item: *mut u8, each: &mut dyn FnMut(*mut u8)) {
        if nobody_peeks(ring) {
            return each(item);
        }
        let mut small = Small([MaybeUninit::uninit(); SMALL]);
        if self.shape.item.size() <= SMALL {
            let copy = small.0.as_mut_ptr().cast();
            // SAFETY: both are one item long.
            unsafe { self.shape.item.copy(item, copy) };
            return each(copy);
        }
        let layout = self.shape.item.layout();
        // SAFETY: items are not of size zero.
        let copy = unsafe { alloc(layout) };
        if copy.is_null() {
            while !nobody_peeks(ring) {
                nap();
            }
            return each(item);
        }
        // SAFETY: both are one item long; `copy` was allocated with this layout.
        unsafe {
            self.shape.item.copy(item, copy);
            each(copy);
            dealloc(copy, layout);
        }
    }
}

/// Bytes of an item that is copied without memory of the heap.
const SMALL: usize = 512;

/// Aligned as any item is.
#[repr(align(16))]
struct Small([MaybeUninit<u8>; SMALL]);
