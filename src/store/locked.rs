//! Capacity, shutdown and counting for the orders whose items lie behind a lock.

use super::{ItemLayout, Limit, NotGot, NotPut};
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, fence, fence_after_rmw};

/// What an order has to know: where an item goes and which one is next.
pub trait Shelf {
    /// `false`: out of memory, nothing changed.
    ///
    /// # Safety
    /// `item` is one item long.
    unsafe fn insert(&mut self, item: *const u8, priority: i64) -> bool;

    /// The next item, good until the shelf changes.
    fn next(&mut self) -> Option<*const u8>;

    /// Forgets the next item.
    fn remove_next(&mut self);

    fn len(&self) -> usize;

    /// Everything that is there; nothing is left.
    fn take_all(&mut self) -> Self;

    /// Hands every item to `each`, in any order.
    fn drain(self, each: &mut dyn FnMut(*mut u8));
}

pub struct Locked<S> {
    shelf: Mutex<S>,
    /// Written under the lock, and read without it by calls that only look.
    entered: AtomicU64,
    left: AtomicU64,
    shut: AtomicBool,
    limit: Limit,
    item: ItemLayout,
}

impl<S: Shelf> Locked<S> {
    pub fn new(shelf: S, item: ItemLayout, capacity: usize) -> Self {
        Self {
            shelf: Mutex::new(shelf),
            entered: AtomicU64::new(0),
            left: AtomicU64::new(0),
            shut: AtomicBool::new(false),
            limit: Limit::new(capacity),
            item,
        }
    }

    /// As [`Self::push_many`], of one item.
    ///
    /// # Safety
    /// As for `Store::push`.
    #[inline(always)]
    pub unsafe fn push(&self, item: *const u8, priority: i64) -> Result<(), NotPut> {
        let mut shelf = self.shelf.lock();
        if self.is_shut() {
            return Err(NotPut::Shut);
        }
        if !self.limit.lets_in(shelf.len() as u64) {
            return Err(NotPut::Full);
        }
        // SAFETY: passed on.
        if !unsafe { shelf.insert(item, priority) } {
            return Err(NotPut::NoMemory);
        }
        add(&self.entered, 1);
        unlock(shelf);
        Ok(())
    }

    /// As [`Self::pop_many`], of one item.
    ///
    /// # Safety
    /// As for `Store::pop`.
    #[inline(always)]
    pub unsafe fn pop(&self, item: *mut u8) -> Result<(), NotGot> {
        let mut shelf = self.shelf.lock();
        let next = shelf.next();
        let next = next.ok_or_else(|| self.nothing())?;
        // SAFETY: `next` is there until it is removed; `item` has room for one.
        unsafe { self.item.copy(next, item) };
        shelf.remove_next();
        add(&self.left, 1);
        unlock(shelf);
        Ok(())
    }

    /// # Safety
    /// As for `Store::push_many`.
    pub unsafe fn push_many(&self, items: *const u8, count: usize) -> Result<usize, NotPut> {
        let mut shelf = self.shelf.lock();
        if self.is_shut() {
            return Err(NotPut::Shut);
        }
        let room = self.limit.get().saturating_sub(shelf.len() as u64);
        let wanted = room.min(count as u64) as usize;
        if wanted == 0 {
            return Err(NotPut::Full);
        }
        // SAFETY: passed on; `wanted` is not more than `count`.
        let put = (0..wanted)
            .take_while(|index| unsafe { shelf.insert(items.add(index * self.item.size()), 0) })
            .count();
        if put == 0 {
            return Err(NotPut::NoMemory);
        }
        add(&self.entered, put as u64);
        unlock(shelf);
        Ok(put)
    }

    /// # Safety
    /// As for `Store::pop_many`.
    pub unsafe fn pop_many(&self, items: *mut u8, max: usize) -> Result<usize, NotGot> {
        let mut shelf = self.shelf.lock();
        let mut got = 0;
        while got < max
            && let Some(next) = shelf.next()
        {
            // SAFETY: `next` is there until it is removed; `items` has room for `max`.
            unsafe { self.item.copy(next, items.add(got * self.item.size())) };
            shelf.remove_next();
            got += 1;
        }
        if got == 0 {
            return Err(self.nothing());
        }
        add(&self.left, got as u64);
        unlock(shelf);
        Ok(got)
    }

    /// # Safety
    /// As for `Store::peek`.
    pub unsafe fn peek(&self, item: *mut u8) -> Result<(), NotGot> {
        let mut shelf = self.shelf.lock();
        let next = shelf.next();
        let next = next.ok_or_else(|| self.nothing())?;
        // SAFETY: `next` stays while the lock is held; `item` has room for one.
        unsafe { self.item.copy(next, item) };
        Ok(())
    }

    /// As `Store::discard`.
    pub fn discard(&self, gone: &dyn Fn(u64), each: &mut dyn FnMut(*mut u8)) -> u64 {
        let mut shelf = self.shelf.lock();
        add(&self.left, shelf.len() as u64);
        let items = shelf.take_all();
        unlock(shelf);
        let discarded = items.len() as u64;
        if discarded > 0 {
            gone(discarded);
        }
        items.drain(each);
        discarded
    }

    pub fn shut(&self) {
        let _shelf = self.shelf.lock();
        // ORDERING: Release; pairs with the Acquire in is_shut.
        self.shut.store(true, Ordering::Release);
    }

    pub fn is_shut(&self) -> bool {
        // ORDERING: Acquire; pairs with the Release in shut.
        self.shut.load(Ordering::Acquire)
    }

    /// Why there is nothing. Under the lock.
    fn nothing(&self) -> NotGot {
        if self.is_shut() { NotGot::Drained } else { NotGot::Empty }
    }

    pub fn readiness(&self) -> Result<(), NotGot> {
        if self.len() > 0 {
            return Ok(());
        }
        let shelf = self.shelf.lock();
        if shelf.len() > 0 { Ok(()) } else { Err(self.nothing()) }
    }

    pub fn len(&self) -> u64 {
        // ORDERING: SeqCst; as in Fifo::len, of what the caller has got from another queue.
        fence(Ordering::SeqCst);
        super::settled_difference(|| self.entered(), || self.left())
    }

    pub fn entered(&self) -> u64 {
        // ORDERING: SeqCst; pairs with the fence in unlock, which follows each change: a
        // waiter that enlists and then sees no put here is seen by the next put.
        self.entered.load(Ordering::SeqCst)
    }

    pub fn left(&self) -> u64 {
        // ORDERING: SeqCst; as for `entered`, with the next get.
        self.left.load(Ordering::SeqCst)
    }

    /// As `Fifo::is_whole`.
    pub fn is_whole(&self) -> bool {
        self.shelf.try_lock().is_some()
    }

    pub fn item(&self) -> ItemLayout {
        self.item
    }

    pub fn limit(&self) -> &Limit {
        &self.limit
    }
}

/// Adds to a count. Under the lock.
fn add(count: &AtomicU64, by: u64) {
    // ORDERING: Relaxed load; only changed under the lock. Release; a count is never ahead of its items.
    count.store(count.load(Ordering::Relaxed) + by, Ordering::Release);
}

/// After a change. A full fence as well: the caller looks for waiters next.
fn unlock<S>(shelf: MutexGuard<'_, S>) {
    drop(shelf);
    fence_after_rmw(); // the unlocking is one, see sys::lock
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::{Compare, Store};
    use super::*;
    use std::ffi::{c_int, c_void};

    fn long() -> ItemLayout {
        ItemLayout::new(8).unwrap()
    }

    fn put(store: &Store, value: i64, priority: i64) -> Result<(), NotPut> {
        // SAFETY: items are eight bytes long.
        unsafe { store.push((&raw const value).cast(), priority) }
    }

    fn get(store: &Store) -> Result<i64, NotGot> {
        let mut value = 0i64;
        // SAFETY: items are eight bytes long.
        unsafe { store.pop((&raw mut value).cast()) }.map(|()| value)
    }

    fn drain(store: &Store) -> Vec<i64> {
        std::iter::from_fn(|| get(store).ok()).collect()
    }

    /// # Safety
    /// Of two items.
    unsafe extern "C" fn descending(a: *const c_void, b: *const c_void, _: *mut c_void) -> c_int {
        // SAFETY: items are eight bytes long and aligned.
        let (a, b) = unsafe { (*a.cast::<i64>(), *b.cast::<i64>()) };
        b.cmp(&a) as c_int
    }

    /// # Safety
    /// `state` is the test's.
    unsafe extern "C" fn liar(_: *const c_void, _: *const c_void, state: *mut c_void) -> c_int {
        // SAFETY: the test's own counter.
        unsafe {
            let state = &mut *state.cast::<u32>();
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*state >> 16) as c_int % 3 - 1
        }
    }

    #[test]
    fn last_in_is_first_out() {
        let store = Store::lifo(long(), 0);
        for value in 1..=3 {
            put(&store, value, 0).unwrap();
        }
        assert_eq!(drain(&store), [3, 2, 1]);
    }

    #[test]
    fn the_lowest_priority_leaves_first_and_equals_in_order() {
        let store = Store::by_priority(long(), 0);
        for (value, priority) in [(1, 5), (2, -7), (3, 5), (4, i64::MIN), (5, 5), (6, -7)] {
            put(&store, value, priority).unwrap();
        }
        assert_eq!(drain(&store), [4, 2, 6, 1, 3, 5]);
    }

    #[test]
    fn items_leave_as_compare_orders_them() {
        // SAFETY: compares eight-byte items, ignores the context.
        let compare = unsafe { Compare::new(descending, std::ptr::null_mut()) };
        let store = Store::by_compare(long(), compare, 0);
        for value in [3, 9, 1, 7] {
            put(&store, value, 0).unwrap();
        }
        assert_eq!(drain(&store), [9, 7, 3, 1]);
    }

    #[test]
    fn a_lying_compare_loses_nothing() {
        let mut state = 7u32;
        // SAFETY: the context is the state, which outlives the store.
        let compare = unsafe { Compare::new(liar, (&raw mut state).cast()) };
        let store = Store::by_compare(long(), compare, 0);
        for value in 0..1000 {
            put(&store, value, 0).unwrap();
        }
        let mut all = drain(&store);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
    }

    #[test]
    fn shut_drains_and_then_says_so() {
        let store = Store::lifo(long(), 0);
        put(&store, 1, 0).unwrap();
        store.shut();
        assert_eq!(put(&store, 2, 0), Err(NotPut::Shut));
        assert_eq!(store.readiness(), Ok(()));
        assert_eq!(get(&store), Ok(1));
        assert_eq!(get(&store), Err(NotGot::Drained));
        assert_eq!(store.readiness(), Err(NotGot::Drained));
    }

    #[test]
    fn discard_takes_everything_and_counts_it() {
        let store = Store::by_priority(long(), 4);
        for value in 0..4 {
            put(&store, value, value).unwrap();
        }
        assert_eq!(put(&store, 4, 0), Err(NotPut::Full));
        let mut seen = Vec::new();
        // SAFETY: items are eight bytes long.
        let count =
            store.discard(&|_| (), &mut |item| seen.push(unsafe { item.cast::<i64>().read() }));
        seen.sort_unstable();
        assert_eq!((count, seen), (4, vec![0, 1, 2, 3]));
        assert_eq!((store.len(), store.left(), store.room()), (0, 4, 4));
    }
}
