//! Looking at a queue, and changing its capacity.

use super::{bq_queue, bq_status, guard, live_queue, required_mut, status};
use crate::status::Status;

/// How many items are queued. Exact when nobody else is at work, otherwise never more than a
/// concurrent call away from the truth.
///
/// Never blocks. 0 for NULL and in a forked child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_len(queue: *const bq_queue) -> usize {
    // SAFETY: the caller holds a reference.
    guard(0, || unsafe { live_queue(queue) }.map_or(0, |queue| queue.len()))
}

/// The most items that the queue holds; 0: unbounded.
///
/// Never blocks. 0 for NULL and in a forked child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_capacity(queue: *const bq_queue) -> usize {
    // SAFETY: the caller holds a reference.
    guard(0, || unsafe { live_queue(queue) }.map_or(0, |queue| queue.capacity()))
}

/// How many items were put and neither reported done nor discarded. As exact as bq_len().
///
/// Never blocks. 0 for NULL and in a forked child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_unfinished(queue: *const bq_queue) -> usize {
    // SAFETY: the caller holds a reference.
    guard(0, || unsafe { live_queue(queue) }.map_or(0, |queue| queue.unfinished()))
}

/// Changes the capacity; 0: unbounded. Growing lets as many blocked puts in as now fit, and tells the
/// watches for BQ_WRITABLE before the last of those. Shrinking discards nothing: puts wait until
/// there is room again.
///
/// Never waits for items or room.
///
/// Returns BQ_OK; BQ_INVALID (NULL); BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_set_capacity(queue: *mut bq_queue, capacity: usize) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference.
        unsafe { live_queue(queue) }?.set_capacity(capacity);
        Ok(())
    })
}

/// Counters and the current state of a queue. Start from BQ_STATS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bq_stats {
    /// sizeof(bq_stats), set by BQ_STATS_INIT: a smaller one gets the fields that fit whole, of a larger
    /// one the rest is left as it is.
    pub size: usize,
    /// Items put so far.
    pub puts: u64,
    /// Items got so far.
    pub gets: u64,
    /// Items discarded so far.
    pub discards: u64,
    /// Threads and pollers woken so far.
    pub wakes: u64,
    /// Items queued now.
    pub len: usize,
    /// The most items it holds; 0: unbounded.
    pub capacity: usize,
    /// Items put and neither reported done nor discarded.
    pub unfinished: usize,
    /// Threads that sleep until there is an item, in bq_get(), bq_get_many(), bq_peek() or bq_poll().
    pub blocked_gets: usize,
    /// Threads that sleep until there is room, in a put or in bq_poll().
    pub blocked_puts: usize,
    /// Threads that wait until the unfinished count is 0, in bq_join(), or sleep until then in
    /// bq_poll(). (A bq_poll() for BQ_CLOSED or BQ_DRAINED alone is counted nowhere.)
    pub blocked_joins: usize,
    /// Pollers' watches that are armed now: the next event that they wait for is signalled.
    pub armed_watches: usize,
}

/// Takes the statistics of a queue. The counts are as exact as bq_len(), each for itself.
///
/// `stats`: its `size` says how much to write. Never waits for items or room, only for its turn at
/// the queue's list of waiters, as bq_set_capacity() does.
///
/// Returns BQ_OK; BQ_INVALID (a NULL, `size` below that of its own field); BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_queue_stats(queue: *const bq_queue, stats: *mut bq_stats) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference.
        let queue = unsafe { live_queue(queue) }?;
        let out = required_mut(stats)?;
        // SAFETY: the struct starts with its size, set by the caller.
        let size = unsafe { out.cast::<usize>().read() };
        if size < size_of::<usize>() {
            return Err(Status::Invalid);
        }
        let now = queue.stats();
        let full = bq_stats {
            size,
            puts: now.puts,
            gets: now.gets,
            discards: now.discards,
            wakes: now.wakes,
            len: now.len,
            capacity: now.capacity,
            unfinished: now.unfinished,
            blocked_gets: now.waiting.gets,
            blocked_puts: now.waiting.puts,
            blocked_joins: now.waiting.joins,
            armed_watches: now.waiting.watches,
        };
        // Every field is eight bytes long: whole ones only.
        let fits = size.min(size_of::<bq_stats>()) & !7;
        // SAFETY: `stats` is `size` bytes long, says the caller, and `full` at least `fits`.
        unsafe { std::ptr::copy_nonoverlapping((&raw const full).cast::<u8>(), out.cast(), fits) };
        Ok(())
    })
}
