//! The way out for items that nobody wants: each is claimed, and handed to a receiver that may write to it.

use std::alloc::{alloc, dealloc};
use std::mem::MaybeUninit;

use super::get::Filled;
use super::ring::Ring;
use super::{Fifo, nobody_peeks};
use crate::sys::park::nap;

impl Fifo {
    /// As `Store::discard`.
    pub fn discard(&self, gone: &dyn Fn(u64), each: &mut dyn FnMut(*mut u8)) -> u64 {
        let end = self.entered();
        let mut discarded = 0;
        loop {
            // Not as the owner, which the receiver may have made this thread again: it may get more from this queue, and
            // has the item of this claim in hand.
            self.leave_head();
            let Ok(Filled { claim, .. }) = self.claim_filled(self.shape, 1, end) else {
                return discarded;
            };
            gone(claim.count);
            claim.slots().for_each(|slot| {
                slot.release(|item| self.hand_over(claim.ring, item, &mut *each));
            });
            discarded += claim.count;
        }
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
