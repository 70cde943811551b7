//! One item at a time: put, get, peek.
//!
//! Put and get have a short way for what is nearly always the case, with items of one word: in the entry point itself
//! and outside of the guard, since nothing in there can panic, and without a frame it takes a third less. Everything
//! else is a guarded function that they end with.

use std::ffi::c_void;

use super::status::BQ_OK;
use super::{bq_queue, bq_status, live_queue, required, required_mut, status, timeout};
use crate::wait::Attention;

/// Puts one item, waiting for room if need be.
///
/// `item`: the queue copies item_size bytes from it. `timeout_ns`: nanoseconds to wait for room,
/// BQ_NOWAIT or BQ_FOREVER.
///
/// Ownership: on BQ_OK the item is the queue's; on anything else it stays with the caller. On a
/// priority queue without `compare` the item has priority 0.
/// Blocks while the queue is full, no longer than timeout_ns. While more than 128 KiB are queued,
/// a put that needs more memory yields the processor once, also with BQ_NOWAIT.
///
/// Returns BQ_OK; BQ_FULL (no room before the deadline); BQ_SHUTDOWN; BQ_INVALID (a NULL, a
/// negative timeout other than BQ_FOREVER); BQ_NO_MEMORY; BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_put(
    queue: *mut bq_queue,
    item: *const c_void,
    timeout_ns: i64,
) -> bq_status {
    // SAFETY: the caller holds a reference, and `item` is item_size bytes long.
    match unsafe { put_short(queue, item, timeout_ns) } {
        Some(attention) if attention.is_empty() => BQ_OK,
        // SAFETY: as above.
        Some(attention) => unsafe { tell_of_item(queue, attention) },
        // SAFETY: as above.
        None => unsafe { put(queue, item, timeout_ns) },
    }
}

/// # Safety
/// As for [`bq_put`].
#[inline(always)]
unsafe fn put_short(
    queue: *mut bq_queue,
    item: *const c_void,
    timeout_ns: i64,
) -> Option<Attention> {
    // SAFETY: passed on.
    let queue = unsafe { super::queue(queue) }?;
    timeout(timeout_ns).ok()?;
    // SAFETY: as above.
    unsafe { queue.put_short(required(item).ok()?.cast()) }
}

/// # Safety
/// As for [`bq_put`].
#[inline(never)]
unsafe extern "C" fn put(queue: *mut bq_queue, item: *const c_void, timeout_ns: i64) -> bq_status {
    status(|| {
        // SAFETY: passed on.
        let queue = unsafe { live_queue(queue) }?;
        // SAFETY: passed on.
        unsafe { queue.put(required(item)?.cast(), timeout(timeout_ns)?) }
    })
}

/// # Safety
/// As for [`put_short`], which has said `Some`.
#[cold]
unsafe extern "C" fn tell_of_item(queue: *mut bq_queue, attention: Attention) -> bq_status {
    status(|| {
        // SAFETY: passed on.
        unsafe { live_queue(queue) }?.tell_of_items(attention, 1);
        Ok(())
    })
}

/// Puts one item with a priority into a BQ_PRIORITY queue that has no `compare`; otherwise as
/// bq_put().
///
/// `priority`: lower ones leave first; among equals, the one put first.
///
/// Returns as bq_put(); BQ_INVALID also for every other kind of queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_put_priority(
    queue: *mut bq_queue,
    item: *const c_void,
    priority: i64,
    timeout_ns: i64,
) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference.
        let queue = unsafe { live_queue(queue) }?;
        // SAFETY: `item` is item_size bytes long, says the caller.
        unsafe { queue.put_priority(required(item)?.cast(), priority, timeout(timeout_ns)?) }
    })
}

/// Gets the next item, waiting for one if need be.
///
/// `item`: receives item_size bytes; untouched on anything but BQ_OK. `timeout_ns`: nanoseconds to
/// wait for an item, BQ_NOWAIT or BQ_FOREVER.
///
/// Ownership: on BQ_OK the item is the caller's. It stays unfinished until bq_task_done().
/// Blocks while the queue is empty and not shut down, no longer than timeout_ns. While an
/// earlier put is stalled half-way by the scheduler, later items wait behind it, and BQ_NOWAIT may
/// say BQ_EMPTY.
///
/// Returns BQ_OK; BQ_EMPTY (nothing before the deadline); BQ_SHUTDOWN (shut down and empty);
/// BQ_INVALID (a NULL, a negative timeout other than BQ_FOREVER); BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_get(
    queue: *mut bq_queue,
    item: *mut c_void,
    timeout_ns: i64,
) -> bq_status {
    // SAFETY: the caller holds a reference, and `item` has room for item_size bytes.
    match unsafe { get_short(queue, item, timeout_ns) } {
        Some(attention) if attention.is_empty() => BQ_OK,
        // SAFETY: as above.
        Some(attention) => unsafe { tell_of_room(queue, attention) },
        // SAFETY: as above.
        None => unsafe { get(queue, item, timeout_ns) },
    }
}

/// # Safety
/// As for [`bq_get`].
#[inline(always)]
unsafe fn get_short(queue: *mut bq_queue, item: *mut c_void, timeout_ns: i64) -> Option<Attention> {
    // SAFETY: passed on.
    let queue = unsafe { super::queue(queue) }?;
    timeout(timeout_ns).ok()?;
    // SAFETY: as above.
    unsafe { queue.get_short(required_mut(item).ok()?.cast()) }
}

/// # Safety
/// As for [`bq_get`].
#[inline(never)]
unsafe extern "C" fn get(queue: *mut bq_queue, item: *mut c_void, timeout_ns: i64) -> bq_status {
    status(|| {
        // SAFETY: passed on.
        let queue = unsafe { live_queue(queue) }?;
        // SAFETY: passed on.
        unsafe { queue.get(required_mut(item)?.cast(), timeout(timeout_ns)?) }
    })
}

/// # Safety
/// As for [`get_short`], which has said `Some`.
#[cold]
unsafe extern "C" fn tell_of_room(queue: *mut bq_queue, attention: Attention) -> bq_status {
    status(|| {
        // SAFETY: passed on.
        unsafe { live_queue(queue) }?.tell_of_room(attention, 1);
        Ok(())
    })
}

/// Copies the next item and leaves it in the queue, waiting for one if need be. Another thread may
/// get that item at any time.
///
/// Arguments, blocking and return values as for bq_get(). Ownership of the item does not change: an
/// item that holds a pointer may be gone when the caller follows it, unless the caller is the only
/// one that gets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_peek(
    queue: *mut bq_queue,
    item: *mut c_void,
    timeout_ns: i64,
) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference.
        let queue = unsafe { live_queue(queue) }?;
        // SAFETY: `item` has room for item_size bytes, says the caller.
        unsafe { queue.peek(required_mut(item)?.cast(), timeout(timeout_ns)?) }
    })
}
