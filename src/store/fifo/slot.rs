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
    turn: u64,
}

/// What the stamp says of a slot that is free for this turn. Worked out anew where it is needed: a get that keeps it over
/// its claim has to save another register.
#[inline(always)]
pub(super) fn free_for(turn: u64) -> u64 {
    turn.wrapping_mul(2)
}

/// And of one that holds its item.
#[inline(always)]
fn holding(turn: u64) -> u64 {
    turn.wrapping_mul(2).wrapping_add(1)
}

impl SlotHeader {
    /// Of a slot that is free for a turn of the first lap.
    pub fn new(turn: u64) -> Self {
        Self { stamp: AtomicU64::new(free_for(turn)), item: UnsafeCell::new(()) }
    }
}

impl<'a> Slot<'a> {
    /// `item`: the place behind the header.
    #[inline]
    pub fn new(header: &'a SlotHeader, item: *mut u8, turn: u64) -> Self {
        Self { header, item, turn }
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
        self.header.stamp.load(Ordering::Acquire) == free_for(self.turn)
    }

    /// Whether the item is here.
    #[inline]
    pub fn is_filled(self) -> bool {
        // ORDERING: Acquire; pairs with the Release in fill: the item is there.
        self.header.stamp.load(Ordering::Acquire) == holding(self.turn)
    }

    /// Has the item written and publishes it. The caller has claimed the position, and the slot was free.
    #[inline]
    pub fn fill(self, write: impl FnOnce(*mut u8)) {
        self.header.item.with_mut(|_| write(self.item));
        // ORDERING: Release; pairs with the Acquire in is_filled: the item is there.
        self.header.stamp.store(holding(self.turn), Ordering::Release);
    }

    /// Has the item read; nobody writes it meanwhile.
    #[inline]
    pub fn read(self, read: impl FnOnce(*mut u8)) {
        self.header.item.with(|_| read(self.item));
    }

    /// Has the item taken and frees the slot for the next lap. The caller has claimed the position, and the slot was
    /// filled. `slots`: how many the ring has.
    #[inline]
    pub fn release(self, slots: u64, take: impl FnOnce(*mut u8)) {
        self.read(take);
        // ORDERING: Release; pairs with the Acquire in is_free: the item was read.
        self.header.stamp.store(free_for(self.turn.wrapping_add(slots)), Ordering::Release);
    }
}
