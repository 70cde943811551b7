//! Last in, first out: items one behind the other.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ptr::NonNull;

use super::ItemLayout;
use super::locked::Shelf;

pub struct Stack {
    item: ItemLayout,
    /// Room for `room` items, `len` of them there. Dangling while `room` is 0.
    items: NonNull<u8>,
    room: usize,
    len: usize,
}

// SAFETY: the block is its own, and items move between threads as bytes, which is what the C contract says of them.
unsafe impl Send for Stack {}

impl Stack {
    /// How many a first block has room for, unless they are that large.
    const FIRST: usize = 4;
    const LARGE: usize = 64 * 1024;

    pub fn new(item: ItemLayout) -> Self {
        Self { item, items: NonNull::dangling(), room: 0, len: 0 }
    }

    fn layout(&self, room: usize) -> Option<Layout> {
        let bytes = self.item.size().checked_mul(room)?;
        Layout::from_size_align(bytes, self.item.align()).ok()
    }

    fn at(&self, index: usize) -> *mut u8 {
        // SAFETY: the index is below `room`.
        unsafe { self.items.as_ptr().add(index * self.item.size()) }
    }

    /// `false`: out of memory.
    #[cold]
    fn grow(&mut self) -> bool {
        let first = if self.item.size() < Self::LARGE { Self::FIRST } else { 1 };
        let room = if self.room == 0 { first } else { self.room.saturating_mul(2) };
        let Some(wanted) = self.layout(room) else { return false };
        // SAFETY: not of size zero; the old block was allocated here with its layout.
        let items = unsafe {
            match self.room {
                0 => alloc(wanted),
                old => realloc(
                    self.items.as_ptr(),
                    self.layout(old).expect("it was allocated with this layout"),
                    wanted.size(),
                ),
            }
        };
        let Some(items) = NonNull::new(items) else { return false };
        (self.items, self.room) = (items, room);
        true
    }
}

impl Shelf for Stack {
    #[inline]
    unsafe fn insert(&mut self, item: *const u8, _priority: i64) -> bool {
        if self.len == self.room && !self.grow() {
            return false;
        }
        // SAFETY: there is room behind the last one; `item` is one item long.
        unsafe { self.item.copy(item, self.at(self.len)) };
        self.len += 1;
        true
    }

    fn next(&mut self) -> Option<*const u8> {
        Some(self.at(self.len.checked_sub(1)?))
    }

    fn remove_next(&mut self) {
        self.len -= 1;
    }

    fn len(&self) -> usize {
        self.len
    }

    fn take_all(&mut self) -> Self {
        std::mem::replace(self, Self::new(self.item))
    }

    fn drain(self, each: &mut dyn FnMut(*mut u8)) {
        (0..self.len).for_each(|index| each(self.at(index)));
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.room > 0 {
            let layout = self.layout(self.room).expect("it was allocated with this layout");
            // SAFETY: allocated in grow with this layout.
            unsafe { dealloc(self.items.as_ptr(), layout) };
        }
    }
}
