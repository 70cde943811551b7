//! Items as bytes: how long, how aligned, how copied.

use std::alloc::Layout;
use std::mem::MaybeUninit;

/// Eight bytes of whatever it is: padding and pointers, too.
type Word = MaybeUninit<[u8; 8]>;

/// The shape of an item. C never says what alignment a type has, so an item gets the largest that its
/// size allows, up to that of max_align_t.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemLayout {
    size: usize,
}

impl ItemLayout {
    const MAX_ALIGN: usize = 16;
    /// A pointer, most often.
    pub const WORD: Self = Self { size: 8 };

    /// `None`: no array of such items could exist.
    pub fn new(size: usize) -> Option<Self> {
        // Room for a header and for rounding up beside every item.
        let fits = size > 0 && size <= isize::MAX as usize / 4;
        fits.then_some(Self { size })
    }

    #[inline]
    pub const fn size(self) -> usize {
        self.size
    }

    pub fn align(self) -> usize {
        (1 << self.size.trailing_zeros()).min(Self::MAX_ALIGN)
    }

    /// The layout of one item.
    pub fn layout(self) -> Layout {
        Layout::from_size_align(self.size, self.align()).expect("checked by new")
    }

    /// The layout of a cell that holds one item behind `header`, and where in it the item starts.
    pub fn behind(self, header: Layout) -> (Layout, usize) {
        let (cell, offset) = header.extend(self.layout()).expect("checked by new");
        (cell.pad_to_align(), offset)
    }

    /// # Safety
    /// `from` can be read and `to` written for the size of one item; they do not overlap.
    #[inline]
    pub unsafe fn copy(self, from: *const u8, to: *mut u8) {
        // SAFETY: passed on.
        unsafe {
            if self == Self::WORD {
                // The common case as one word instead of a call; the caller's side may be unaligned.
                to.cast::<Word>().write_unaligned(from.cast::<Word>().read_unaligned());
            } else {
                std::ptr::copy_nonoverlapping(from, to, self.size);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_aligned_as_far_as_its_size_allows() {
        let align = |size| ItemLayout::new(size).unwrap().align();
        assert_eq!([1, 2, 3, 4, 8, 12, 16, 24, 4096].map(align), [1, 2, 1, 4, 8, 4, 16, 8, 16]);
    }

    #[test]
    fn sizes_that_no_array_can_have_are_refused() {
        assert_eq!(ItemLayout::new(0), None);
        assert_eq!(ItemLayout::new(usize::MAX), None);
        assert_eq!(ItemLayout::new(isize::MAX as usize), None);
    }
}
