//! What holds items: three orders with the same verbs. A store never waits and knows of no waiters.
//!
//! Every store counts for itself how many items ever came in (`entered`) and how many ever left
//! (`left`): length, room and unfinished work follow from these two numbers.
//!
//! There are three ways in, and the same ways out. `push` and `push_many` do all there is to do. `push_at_once` tries
//! what is nearly always the case and leaves the rest to `push`. `push_short` is that try where it is shortest: a FIFO
//! of words, inlined down to the C entry point.

mod fifo;
mod heap;
mod item;
mod locked;
mod slab;
mod stack;

pub use heap::Compare;
pub use item::ItemLayout;

use std::hint::unreachable_unchecked;

use crate::sync::{AtomicU64, Ordering};
use fifo::Fifo;
pub use fifo::{Due, End};
use heap::{ByCompare, ByPriority, Heap};
use locked::Locked;
use stack::Stack;

/// Why nothing went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPut {
    Full,
    Shut,
    NoMemory,
}

/// Why nothing came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotGot {
    Empty,
    /// An item is on its way in, or behind one that is: the end of that put is still to come. Or another get is stopped
    /// where none gets past it.
    Pending,
    /// Shut and empty, for good.
    Drained,
}

/// How many items a store may hold; shared by every kind. Kept as the capacity less one, wrapping: 0, no limit, becomes
/// the largest number, and one comparison with what is there decides for both.
pub struct Limit(AtomicU64);

impl Limit {
    pub fn new(capacity: usize) -> Self {
        Self(AtomicU64::new((capacity as u64).wrapping_sub(1)))
    }

    /// Whether one more item may come in beside so many.
    #[inline]
    fn lets_in(&self, beside: u64) -> bool {
        // ORDERING: Relaxed; a put that overlaps a change may go by either value. A waiter for room
        // looks again after SeqCst steps of its own.
        beside <= self.0.load(Ordering::Relaxed)
    }

    /// The most items, as a number to compare with.
    #[inline]
    fn get(&self) -> u64 {
        // ORDERING: Relaxed; as in lets_in.
        self.0.load(Ordering::Relaxed).saturating_add(1)
    }

    fn set(&self, capacity: usize) {
        // ORDERING: Relaxed; a put that waits for room sees it by the lock that Queue::set_capacity takes after it.
        self.0.store((capacity as u64).wrapping_sub(1), Ordering::Relaxed);
    }

    fn capacity(&self) -> usize {
        // ORDERING: Relaxed; a number that stands for itself.
        self.0.load(Ordering::Relaxed).wrapping_add(1) as usize
    }
}

/// The difference of two counts that grow, `behind` never ahead. True at one moment during the call,
/// unless `ahead` never pauses; then it is not more than it was at some moment.
pub fn settled_difference(ahead: impl Fn() -> u64, behind: impl Fn() -> u64) -> u64 {
    const TRIES: u32 = 8;
    let mut before = ahead();
    for _ in 0..TRIES {
        let behind = behind();
        let after = ahead();
        if before == after {
            return before.saturating_sub(behind);
        }
        before = after;
    }
    before.saturating_sub(behind())
}

/// A store of one of the orders.
pub enum Store {
    Fifo(Fifo),
    Lifo(Locked<Stack>),
    Priority(Locked<Heap<ByPriority>>),
    Compare(Locked<Heap<ByCompare>>),
}

/// The same call on whichever store it is.
macro_rules! on {
    ($store:expr, $inner:ident => $call:expr) => {
        match $store {
            Store::Fifo($inner) => $call,
            Store::Lifo($inner) => $call,
            Store::Priority($inner) => $call,
            Store::Compare($inner) => $call,
        }
    };
}

impl Store {
    pub fn fifo(item: ItemLayout, capacity: usize) -> Self {
        Self::Fifo(Fifo::new(item, capacity))
    }

    pub fn lifo(item: ItemLayout, capacity: usize) -> Self {
        Self::Lifo(Locked::new(Stack::new(item), item, capacity))
    }

    pub fn by_priority(item: ItemLayout, capacity: usize) -> Self {
        Self::Priority(Locked::new(Heap::new(item, ByPriority), item, capacity))
    }

    pub fn by_compare(item: ItemLayout, compare: Compare, capacity: usize) -> Self {
        Self::Compare(Locked::new(Heap::new(item, ByCompare(compare)), item, capacity))
    }

    /// Whether there is a short way in and out: first in first out, and items of one word.
    pub fn has_short_way(&self) -> bool {
        matches!(self, Self::Fifo(fifo) if fifo.item() == ItemLayout::WORD)
    }

    /// [`Self::push_at_once`] by the short way.
    ///
    /// # Safety
    /// `item` is as long as the store's items, and there is a short way.
    #[inline(always)]
    pub unsafe fn push_short(&self, item: *const u8) -> Option<Due> {
        // SAFETY: passed on.
        unsafe { self.short_way().push_word(item) }
    }

    /// # Safety
    /// There is a short way.
    #[inline(always)]
    unsafe fn short_way(&self) -> &Fifo {
        debug_assert!(self.has_short_way());
        let Self::Fifo(fifo) = self else {
            // SAFETY: only a FIFO has a short way.
            unsafe { unreachable_unchecked() }
        };
        fifo
    }

    /// Puts one item where nothing unusual is the case. `false`: nothing has changed, see [`Self::push`].
    ///
    /// # Safety
    /// `item` is as long as the store's items.
    #[inline(always)]
    pub unsafe fn push_at_once(&self, item: *const u8) -> bool {
        // SAFETY: passed on.
        unsafe {
            match self {
                Self::Fifo(fifo) => fifo.push_at_once(item),
                Self::Lifo(lifo) => lifo.push(item, 0).is_ok(),
                Self::Priority(_) | Self::Compare(_) => false,
            }
        }
    }

    /// Puts one item. `priority` means something to a store by priority only.
    ///
    /// # Safety
    /// `item` is as long as the store's items.
    pub unsafe fn push(&self, item: *const u8, priority: i64) -> Result<(), NotPut> {
        // SAFETY: passed on.
        on!(self, store => unsafe { store.push(item, priority) })
    }

    /// Puts at least one and at most `count` items; how many.
    ///
    /// # Safety
    /// `items` is `count` > 0 items long.
    pub unsafe fn push_many(&self, items: *const u8, count: usize) -> Result<usize, NotPut> {
        // SAFETY: passed on.
        on!(self, store => unsafe { store.push_many(items, count) })
    }

    /// [`Self::pop_at_once`] by the short way.
    ///
    /// # Safety
    /// `item` has room for one item, and there is a short way.
    #[inline(always)]
    pub unsafe fn pop_short(&self, item: *mut u8) -> Option<Due> {
        // SAFETY: passed on.
        unsafe { self.short_way().pop_word(item) }
    }

    /// Takes the next item out where nothing unusual is the case. `false`: nothing has changed, see [`Self::pop`].
    ///
    /// # Safety
    /// `item` has room for one item.
    #[inline(always)]
    pub unsafe fn pop_at_once(&self, item: *mut u8) -> bool {
        // SAFETY: passed on.
        unsafe {
            match self {
                Self::Fifo(fifo) => fifo.pop_at_once(item),
                Self::Lifo(lifo) => lifo.pop(item).is_ok(),
                Self::Priority(_) | Self::Compare(_) => false,
            }
        }
    }

    /// Takes the next item out.
    ///
    /// # Safety
    /// `item` has room for one item.
    pub unsafe fn pop(&self, item: *mut u8) -> Result<(), NotGot> {
        // SAFETY: passed on.
        on!(self, store => unsafe { store.pop(item) })
    }

    /// Takes at least one and at most `max` items out; how many.
    ///
    /// # Safety
    /// `items` has room for `max` > 0 items.
    pub unsafe fn pop_many(&self, items: *mut u8, max: usize) -> Result<usize, NotGot> {
        // SAFETY: passed on.
        on!(self, store => unsafe { store.pop_many(items, max) })
    }

    /// Copies the next item and leaves it there.
    ///
    /// # Safety
    /// `item` has room for one item.
    pub unsafe fn peek(&self, item: *mut u8) -> Result<(), NotGot> {
        // SAFETY: passed on.
        on!(self, store => unsafe { store.peek(item) })
    }

    /// Takes out what is there now and hands each item to `each`, after `gone`, which is told how many have left.
    /// Says how many those were. No lock is held meanwhile.
    pub fn discard(&self, gone: &dyn Fn(u64), each: &mut dyn FnMut(*mut u8)) -> u64 {
        on!(self, store => store.discard(gone, each))
    }

    /// No more puts from now on.
    pub fn shut(&self) {
        on!(self, store => store.shut());
    }

    pub fn is_shut(&self) -> bool {
        on!(self, store => store.is_shut())
    }

    /// What a pop would say.
    #[inline]
    pub fn readiness(&self) -> Result<(), NotGot> {
        on!(self, store => store.readiness())
    }

    /// To be called where a put or get by the short way says that it is due.
    pub fn look_round(&self, end: End) {
        if let Self::Fifo(fifo) = self {
            fifo.look_round(end);
        }
    }

    #[cfg(any(loom, shuttle))]
    pub fn own(&self, end: End) {
        if let Self::Fifo(fifo) = self {
            fifo.own(end);
        }
    }

    #[cfg(loom)]
    pub fn leave_ring(&self) {
        if let Self::Fifo(fifo) = self {
            fifo.leave_ring();
        }
    }

    /// To be called between telling gets something (a waiter enlists for room, the limit changes) and looking what they
    /// have done, or puts.
    pub fn order(&self, end: End) {
        match self {
            Self::Fifo(fifo) => fifo.order(end),
            Self::Lifo(_) | Self::Priority(_) | Self::Compare(_) => {} // read-modify-writes all there
        }
    }

    /// How many more items fit.
    pub fn room(&self) -> u64 {
        self.limit().get().saturating_sub(self.len())
    }

    #[allow(clippy::len_without_is_empty)] // emptiness is what `readiness` says
    pub fn len(&self) -> u64 {
        on!(self, store => store.len())
    }

    /// How many items ever came in.
    pub fn entered(&self) -> u64 {
        on!(self, store => store.entered())
    }

    /// How many items ever left, got and discarded.
    pub fn left(&self) -> u64 {
        on!(self, store => store.left())
    }

    /// Whether no thread is in the middle of a change, as after a fork one may be for ever.
    pub fn is_whole(&self) -> bool {
        on!(self, store => store.is_whole())
    }

    pub fn capacity(&self) -> usize {
        self.limit().capacity()
    }

    pub fn set_capacity(&self, capacity: usize) {
        self.limit().set(capacity);
    }

    #[inline]
    pub fn item(&self) -> ItemLayout {
        on!(self, store => store.item())
    }

    fn limit(&self) -> &Limit {
        on!(self, store => store.limit())
    }
}
