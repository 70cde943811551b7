//! What the slots of a ring look like, one after the other.

use std::alloc::Layout;

use super::super::ItemLayout;
use super::slot::SlotHeader;

pub(super) const CACHE_LINE: usize = 64;
/// How far ahead of a put to fetch memory. A thread to a loop, unbounded, between processors that are far apart,
/// millions of items a second: 83 with 128 bytes, 109 with 256, 96 with 320; level where they are near.
pub(super) const PREFETCH_BYTES: usize = 256;
/// The same where a slot takes more than a cache line, and a put fetches all of it. 64-byte items between processors
/// that are far apart: 24 with two slots, 63 with 1,024 bytes, 70 with 1,536 or 2,048; level where they are near.
const PREFETCH_BYTES_LONG: usize = 1536;

/// Where in a ring's memory to find a slot, and in a slot its item. The hot paths are written for any shape and
/// compiled twice: once with [`Self::WORD`] put in as a constant, which leaves a shift of a multiplication
/// and one move of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub item: ItemLayout,
    /// From slot to slot.
    pub stride: usize,
    /// From the start of a slot to its item.
    pub offset: usize,
    /// How many slots further on lies the one to prefetch, where they are long.
    pub ahead: u64,
}

impl Shape {
    /// Of slots that hold a word each.
    pub const WORD: Self = {
        let item = ItemLayout::WORD;
        let offset = size_of::<SlotHeader>().next_multiple_of(item.size());
        let stride = (offset + item.size()).next_multiple_of(align_of::<SlotHeader>());
        Self::of(item, stride, offset)
    };

    pub fn new(item: ItemLayout) -> Self {
        let (slot, offset) = item.behind(Layout::new::<SlotHeader>());
        Self::of(item, slot.size(), offset)
    }

    const fn of(item: ItemLayout, stride: usize, offset: usize) -> Self {
        Self { item, stride, offset, ahead: PREFETCH_BYTES_LONG.div_ceil(stride) as u64 }
    }

    /// The memory of so many slots, and of what is fetched behind the last one: that must be nobody else's.
    pub fn layout(self, slots: u64) -> Option<Layout> {
        let array = self.stride.checked_mul(usize::try_from(slots).ok()?)?;
        let bytes = array.checked_add(if self.is_long() { 0 } else { PREFETCH_BYTES })?;
        Layout::from_size_align(bytes, align_of::<SlotHeader>().max(self.item.align())).ok()
    }

    #[inline(always)]
    pub fn is_word(self) -> bool {
        self.item == ItemLayout::WORD
    }

    /// Whether a slot takes more than one cache line.
    #[inline(always)]
    pub fn is_long(self) -> bool {
        self.stride > CACHE_LINE
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_words_is_the_one_that_words_have() {
        assert_eq!(Shape::new(ItemLayout::new(8).unwrap()), Shape::WORD);
        assert_ne!(Shape::new(ItemLayout::new(4).unwrap()), Shape::WORD);
    }
}
