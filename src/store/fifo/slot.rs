//! One slot of a ring: a stamp that says whose turn it is, and the place of an item.

use std::ptr;

use super::ring::{FLAGS, OWNED, word};
use crate::sync::{AtomicU64, Ordering, UnsafeCell};

/// In the stamp of a slot that holds its item. The same as OWNED: the word of a head that is owned is that stamp.
pub(super) const HOLDS: u64 = OWNED;

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
    word: u64,
}

impl SlotHeader {
    /// Of a slot that is free for a turn of the first lap.
    pub fn new(turn: u64) -> Self {
        Self { stamp: AtomicU64::new(word(turn)), item: UnsafeCell::new(()) }
    }

    /// Makes the slot free for this turn. It is the caller's alone.
    pub fn set_free_for(&self, turn: u64) {
        // ORDERING: Relaxed; published when the ring is opened.
        self.stamp.store(word(turn), Ordering::Relaxed);
    }
}

impl<'a> Slot<'a> {
    /// `item`: the place behind the header. `word`: of its turn.
    #[inline]
    pub fn new(header: &'a SlotHeader, item: *mut u8, word: u64) -> Self {
        Self { header, item, word }
    }

    /// The address so many bytes behind the start of this slot: to be fetched, not to be followed.
    #[inline]
    pub fn further_on(self, bytes: usize) -> *const u8 {
        ptr::from_ref(self.header).cast::<u8>().wrapping_add(bytes)
    }

    /// Whether a put may write here: the get of the lap before is done with it. Not where the word has a flag other than
    /// OWNED.
    #[inline]
    pub fn is_free(self) -> bool {
        // ORDERING: Acquire; pairs with the Release in release: the item that was there has been read.
        self.header.stamp.load(Ordering::Acquire) == self.word & !OWNED
    }

    /// Whether the item is here. Not where the word has a flag other than OWNED.
    #[inline]
    pub fn is_filled(self) -> bool {
        // ORDERING: Acquire; pairs with the Release in fill: the item is there.
        self.header.stamp.load(Ordering::Acquire) == self.word | HOLDS
    }

    /// Has the item written and publishes it. The caller has claimed the position, and the slot was free.
    #[inline]
    pub fn fill(self, write: impl FnOnce(*mut u8)) {
        self.header.item.with_mut(|_| write(self.item));
        // ORDERING: Release; pairs with the Acquire in is_filled: the item is there.
        self.header.stamp.store(self.word | HOLDS, Ordering::Release);
    }

    /// Has the item read; nobody writes it meanwhile.
    #[inline]
    pub fn read(self, read: impl FnOnce(*mut u8)) {
        self.header.item.with(|_| read(self.item));
    }

    /// Has the item taken and frees the slot for the next lap. The caller has claimed the position, and the slot was
    /// filled. `lap`: the word of as many turns as the ring has slots.
    #[inline]
    pub fn release(self, lap: u64, take: impl FnOnce(*mut u8)) {
        self.read(take);
        // ORDERING: Release; pairs with the Acquire in is_free: the item was read.
        self.header.stamp.store((self.word & !FLAGS) + lap, Ordering::Release);
    }
}
