//! Cells for items that must not move: chunks, and a list of the cells that are free.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{self, NonNull};

use super::ItemLayout;

/// A free cell: the item's bytes hold the link.
struct Free {
    next: *mut Free,
}

pub struct Slab {
    cell: Layout,
    free: *mut Free,
    chunks: Vec<(NonNull<u8>, Layout)>,
}

// SAFETY: the chunks are its own, and items move between threads as bytes, which is what the C contract says of them.
unsafe impl Send for Slab {}

impl Slab {
    const FIRST: usize = 4;
    const MOST_BYTES: usize = 256 * 1024;

    pub fn new(item: ItemLayout) -> Self {
        let link = Layout::new::<Free>();
        let size = item.size().max(link.size());
        let cell = Layout::from_size_align(size, item.align().max(link.align()))
            .expect("as ItemLayout allows")
            .pad_to_align();
        Self { cell, free: ptr::null_mut(), chunks: Vec::new() }
    }

    /// A cell, uninitialised. `None`: out of memory.
    pub fn take(&mut self) -> Option<NonNull<u8>> {
        if self.free.is_null() {
            self.grow()?;
        }
        let cell = NonNull::new(self.free)?;
        // SAFETY: a cell on the list holds a link.
        self.free = unsafe { cell.as_ref() }.next;
        Some(cell.cast())
    }

    /// Takes a cell back.
    ///
    /// # Safety
    /// It came from [`Self::take`] of this slab, and nobody uses it any more.
    pub unsafe fn give_back(&mut self, cell: NonNull<u8>) {
        let cell = cell.cast::<Free>();
        // SAFETY: a cell has room and alignment for a link.
        unsafe { cell.write(Free { next: self.free }) };
        self.free = cell.as_ptr();
    }

    fn grow(&mut self) -> Option<()> {
        let most = (Self::MOST_BYTES / self.cell.size()).max(1);
        let cells = (Self::FIRST << self.chunks.len().min(24)).min(most);
        let bytes = self.cell.size().checked_mul(cells)?;
        let layout = Layout::from_size_align(bytes, self.cell.align()).ok()?;
        self.chunks.try_reserve(1).ok()?;
        // SAFETY: not of size zero.
        let chunk = NonNull::new(unsafe { alloc(layout) })?;
        self.chunks.push((chunk, layout));
        for index in (0..cells).rev() {
            // SAFETY: inside of the chunk, and nobody has it yet.
            unsafe { self.give_back(chunk.add(index * self.cell.size())) };
        }
        Some(())
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        for &(chunk, layout) in &self.chunks {
            // SAFETY: allocated in grow with this layout; freed once.
            unsafe { dealloc(chunk.as_ptr(), layout) };
        }
    }
}
