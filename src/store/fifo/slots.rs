//! The slots of a ring, one after the other.

use std::hint::assert_unchecked;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::ring::{STEP, turn, word};
use super::shape::{CACHE_LINE, Shape};
use super::slot::{Slot, SlotHeader};
use crate::sync::prefetch_for_reading;

/// The slots of a ring, by value: a loop over several of them loads nothing of the ring in between.
#[derive(Clone, Copy)]
pub(super) struct Slots<'a> {
    memory: NonNull<u8>,
    /// Of a word: what says which slot.
    mask: u64,
    shape: Shape,
    of: PhantomData<&'a SlotHeader>,
}

impl<'a> Slots<'a> {
    /// # Safety
    /// `mask` is the word of one less than a power of two, and so many slots of this shape are at `memory`, initialised,
    /// for as long as `'a`.
    #[inline(always)]
    pub unsafe fn new(memory: NonNull<u8>, mask: u64, shape: Shape) -> Self {
        Self { memory, mask, shape, of: PhantomData }
    }

    /// The slot of a word, whatever its flags.
    #[inline(always)]
    pub fn at(self, word: u64) -> Slot<'a> {
        self.in_place(word & self.mask, word)
    }

    /// The slots of so many turns, one after the other, and of no more than a lap: a loop over them goes along the
    /// array, and once around its end.
    #[inline(always)]
    pub fn run(self, first: u64, count: u64) -> impl Iterator<Item = Slot<'a>> + use<'a> {
        let slots = turn(self.mask) + 1;
        let count = count.min(slots);
        let here = count.min(slots - turn(word(first) & self.mask));
        self.row(first, here).chain(self.row(first.wrapping_add(here), count - here))
    }

    /// The same, of slots that lie one behind the other.
    #[inline(always)]
    fn row(self, first: u64, count: u64) -> impl Iterator<Item = Slot<'a>> + use<'a> {
        let (start, first) = (word(first) & self.mask, word(first));
        (0..count).map(word).map(move |index| self.in_place(start + index, first + index))
    }

    /// Fetches slots that will be read soon, and not written.
    #[inline(always)]
    pub fn prefetch(self, first: u64, count: u64) {
        let per_line = (CACHE_LINE / self.shape.stride).max(1);
        (0..count).step_by(per_line).for_each(|index| {
            prefetch_for_reading(ptr::from_ref(self.at(word(first + index)).header).cast());
        });
    }

    #[inline(always)]
    fn in_place(self, masked: u64, word: u64) -> Slot<'a> {
        // SAFETY: the mask is one of turns, and below the number of slots, as promised to `new`.
        let (header, item) = unsafe {
            assert_unchecked(masked.is_multiple_of(STEP)); // so for words nothing is left of the next line
            let slot = self.memory.add(turn(masked) as usize * self.shape.stride);
            (slot.cast().as_ref(), slot.as_ptr().add(self.shape.offset))
        };
        Slot::new(header, item, word)
    }
}
