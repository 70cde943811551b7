//! One slot of a ring: a stamp that says whose turn it is, and the place of an item.

use std::ptr;

use crate::sync::{AtomicU64, Ordering, UnsafeCell};

/// What precedes the item in a slot.
pub(super) struct SlotHeader {
    pub stamp: AtomicU64,
    /// Stands for the item, so that a model sees accesses to it overlap.
    item: UnsafeCell<()>,
}

/// The slot of one turn of a ring.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    pub header: &'a SlotHeader,
    item: *mut u8,
    /// What the stamp says while the slot is free for this turn.
    free: u64,
    /// What it says when it is free for the turn one lap later.
    free_again: u64,
}

impl SlotHeader {
    /// Of a slot that is free for a turn of the first lap.
    pub fn new(turn: u64) -> Self {
        Self { stamp: AtomicU64::new(2 * turn), item: UnsafeCell::new(()) }
    }
}

impl<'a> Slot<'a> {
    /// The slot of a turn in a ring of so many slots. `item`: the place behind its header.
    #[inline]
    pub fn new(header: &'a SlotHeader, item: *mut u8, turn: u64, slots: u64) -> Self {
        let free = turn.wrapping_mul(2);
        Self { header, item, free, free_again: free.wrapping_add(2 * slots) }
    }

    /// The address so many bytes behind the start of this slot: to be fetched, not to be followed.
    #[inline]
    pub fn further_on(self, bytes: usize) -> *const u8 {
        ptr::from_ref(self.header).cast::<u8>().wrapping_add(bytes)
    }

    /// Whether a put may write here: the get of the lap before is done with it.
    #[inline]
    pub fn is_free(self) -> bool {
        // ORDERING: Acquire; pairs with the Release in release: the item that was there has been read.
        self.header.stamp.load(Ordering::Acquire) == self.free
    }

    /// Whether the item is here.
    #[inline]
    pub fn is_filled(self) -> bool {
        // ORDERING: Acquire; pairs with the Release in fill: the item is there.
        self.header.stamp.load(Ordering::Acquire) == self.free.wrapping_add(1)
    }

    /// Has the item written and publishes it. The caller has claimed the position, and the slot was free.
    #[inline]
    pub fn fill(self, write: impl FnOnce(*mut u8)) {
        self.header.item.with_mut(|_| write(self.item));
        // ORDERING: Release; pairs with the Acquire in is_filled: the item is there.
        self.header.stamp.store(self.free + 1, Ordering::Release);
    }

    /// Has the item read; nobody writes it meanwhile.
    #[inline]
    pub fn read(self, read: impl FnOnce(*mut u8)) {
        self.header.item.with(|_| read(self.item));
    }

    /// Has the item taken and frees the slot. The caller has claimed the position, and the slot was filled.
    #[inline]
    pub fn release(self, take: impl FnOnce(*mut u8)) {
        self.read(take);
        // ORDERING: Release; pairs with the Acquire in is_free: the item was read.
        self.header.stamp.store(self.free_again, Ordering::Release);
    }
}
