//! The slots of a ring, one after the other.

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::shape::{CACHE_LINE, Shape};
use super::slot::{Slot, SlotHeader};
use crate::sync::prefetch_for_reading;

/// The slots of a ring, by value: a loop over several of them loads nothing of the ring in between.
#[derive(Clone, Copy)]
pub(super) struct Slots<'a> {
    memory: NonNull<u8>,
    mask: u64,
    shape: Shape,
    of: PhantomData<&'a SlotHeader>,
}

impl<'a> Slots<'a> {
    /// # Safety
    /// There are `mask` + 1 slots of this shape at `memory`, a power of two, initialised, for as long as `'a`.
    #[inline(always)]
    pub unsafe fn new(memory: NonNull<u8>, mask: u64, shape: Shape) -> Self {
        Self { memory, mask, shape, of: PhantomData }
    }

    /// The slot whose turn it is.
    #[inline(always)]
    pub fn at(self, turn: u64) -> Slot<'a> {
        self.in_place(turn & self.mask, turn)
    }

    pub fn are_long(self) -> bool {
        self.shape.is_long()
    }

    /// The slots of so many turns, one after the other, and of no more than a lap: a loop over them goes along the
    /// array, and once around its end.
    #[inline(always)]
    pub fn run(self, first: u64, count: u64) -> impl Iterator<Item = Slot<'a>> + use<'a> {
        let count = count.min(self.mask + 1);
        let here = count.min(self.mask + 1 - (first & self.mask));
        self.row(first, here).chain(self.row(first.wrapping_add(here), count - here))
    }

    /// The same, of slots that lie one behind the other.
    #[inline(always)]
    fn row(self, first: u64, count: u64) -> impl Iterator<Item = Slot<'a>> + use<'a> {
        let start = first & self.mask;
        (0..count).map(move |index| self.in_place(start + index, first.wrapping_add(index)))
    }

    /// Fetches slots that will be read soon, and not written.
    #[inline(always)]
    pub fn prefetch(self, first: u64, count: u64) {
        let per_line = (CACHE_LINE / self.shape.stride).max(1);
        (0..count).step_by(per_line).for_each(|index| {
            prefetch_for_reading(ptr::from_ref(self.at(first + index).header).cast());
        });
    }

    #[inline(always)]
    fn in_place(self, index: u64, turn: u64) -> Slot<'a> {
        let index = index as usize;
        // SAFETY: the index is below the number of slots, as promised to `new`.
        let (header, item) = unsafe {
            let slot = self.memory.add(index * self.shape.stride);
            (slot.cast().as_ref(), slot.as_ptr().add(self.shape.offset))
        };
        Slot::new(header, item, turn)
    }
}
