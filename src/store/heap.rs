//! Lowest first, and first in first out among equals: the standard library's heap over items that stay
//! where they are. That heap promises no more than a wrong order when comparisons are inconsistent.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use super::ItemLayout;
use super::locked::Shelf;
use super::slab::Slab;

type CompareFn = unsafe extern "C" fn(*const c_void, *const c_void, *mut c_void) -> c_int;

/// The caller's order of items.
#[derive(Clone, Copy)]
pub struct Compare {
    function: CompareFn,
    context: *mut c_void,
}

// SAFETY: the C contract says that the function is called from any thread with this context.
unsafe impl Send for Compare {}
// SAFETY: as above.
unsafe impl Sync for Compare {}

impl Compare {
    /// # Safety
    /// `function` can be called from any thread with two items and this context.
    pub unsafe fn new(function: CompareFn, context: *mut c_void) -> Self {
        Self { function, context }
    }
}

/// How a heap ranks its items.
pub trait Rank: Copy {
    type Key: Copy;
    fn key(self, item: NonNull<u8>, priority: i64) -> Self::Key;
    fn order(a: Self::Key, b: Self::Key) -> Ordering;
}

#[derive(Clone, Copy)]
pub struct ByPriority;

impl Rank for ByPriority {
    type Key = i64;

    fn key(self, _item: NonNull<u8>, priority: i64) -> i64 {
        priority
    }

    fn order(a: i64, b: i64) -> Ordering {
        a.cmp(&b)
    }
}

#[derive(Clone, Copy)]
pub struct ByCompare(pub Compare);

impl Rank for ByCompare {
    type Key = (Compare, NonNull<u8>);

    fn key(self, item: NonNull<u8>, _priority: i64) -> Self::Key {
        (self.0, item)
    }

    fn order((compare, a): Self::Key, (_, b): Self::Key) -> Ordering {
        // SAFETY: both are items that the heap holds; the function takes this context.
        let sign =
            unsafe { (compare.function)(a.as_ptr().cast(), b.as_ptr().cast(), compare.context) };
        sign.cmp(&0)
    }
}

struct Entry<R: Rank> {
    key: R::Key,
    /// Grows with every put: the order among equals.
    arrival: u64,
    item: NonNull<u8>,
}

impl<R: Rank> Ord for Entry<R> {
    /// The greatest entry leaves first: reversed.
    fn cmp(&self, other: &Self) -> Ordering {
        R::order(other.key, self.key).then_with(|| other.arrival.cmp(&self.arrival))
    }
}

impl<R: Rank> PartialOrd for Entry<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Rank> PartialEq for Entry<R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<R: Rank> Eq for Entry<R> {}

pub struct Heap<R: Rank> {
    item: ItemLayout,
    rank: R,
    arrivals: u64,
    entries: BinaryHeap<Entry<R>>,
    slab: Slab,
}

impl<R: Rank> Heap<R> {
    pub fn new(item: ItemLayout, rank: R) -> Self {
        Self { item, rank, arrivals: 0, entries: BinaryHeap::new(), slab: Slab::new(item) }
    }
}

impl<R: Rank> Shelf for Heap<R> {
    unsafe fn insert(&mut self, item: *const u8, priority: i64) -> bool {
        if self.entries.try_reserve(1).is_err() {
            return false;
        }
        let Some(cell) = self.slab.take() else { return false };
        // SAFETY: a cell has room for an item; `item` is one item long.
        unsafe { self.item.copy(item, cell.as_ptr()) };
        self.arrivals += 1;
        self.entries.push(Entry {
            key: self.rank.key(cell, priority),
            arrival: self.arrivals,
            item: cell,
        });
        true
    }

    fn next(&self) -> Option<*const u8> {
        Some(self.entries.peek()?.item.as_ptr())
    }

    fn remove_next(&mut self) {
        if let Some(entry) = self.entries.pop() {
            // SAFETY: taken from this slab, and its entry is gone.
            unsafe { self.slab.give_back(entry.item) };
        }
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn take_all(&mut self) -> Self {
        let fresh = Self { arrivals: self.arrivals, ..Self::new(self.item, self.rank) };
        std::mem::replace(self, fresh)
    }

    fn drain(self, each: &mut dyn FnMut(*mut u8)) {
        self.entries.iter().for_each(|entry| each(entry.item.as_ptr()));
    }
}
