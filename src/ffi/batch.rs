//! Many items in one call.

use std::ffi::c_void;

use super::{bq_queue, count as answer, live_queue, required, required_mut, timeout};

/// Puts `count` items, in order, waiting for room as needed, as write(2) does on a blocking pipe.
/// They take effect in the order of the array, perhaps with other producers' in between: in a BQ_LIFO
/// queue the last one leaves first. In a BQ_PRIORITY queue without `compare` they have priority 0.
///
/// `items`: an array of count * item_size bytes. `timeout_ns`: nanoseconds for the whole call,
/// BQ_NOWAIT or BQ_FOREVER.
///
/// Ownership: the first n items are the queue's, n being the value returned; the rest, or all on a
/// negative status, stay with the caller.
/// Blocks until all are in, the deadline passes, the queue is shut down or memory runs out; which of
/// these cut it short, the next call says. Yields the processor as bq_put() may.
///
/// Returns how many went in, > 0; or, if none did: BQ_FULL, BQ_SHUTDOWN, BQ_INVALID (a NULL,
/// `count` 0 or too large to be an array, a negative timeout other than BQ_FOREVER), BQ_NO_MEMORY,
/// BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_put_many(
    queue: *mut bq_queue,
    items: *const c_void,
    count: usize,
    timeout_ns: i64,
) -> isize {
    answer(|| {
        // SAFETY: the caller holds a reference.
        let queue = unsafe { live_queue(queue) }?;
        // SAFETY: `items` is `count` items long, says the caller.
        unsafe { queue.put_many(required(items)?.cast(), count, timeout(timeout_ns)?) }
    })
}

/// Gets up to `max` items, in order, as read(2) does: waits for the first, then takes what is there
/// and never waits for more.
///
/// `items`: room for max * item_size bytes; only what the returned number covers is written.
/// `timeout_ns`: nanoseconds to wait for the first item, BQ_NOWAIT or BQ_FOREVER.
///
/// Ownership: the items returned are the caller's.
/// Blocks while the queue is empty and not shut down, no longer than timeout_ns. As with
/// bq_get(), a call that is stalled half-way may make this one say BQ_EMPTY.
///
/// Returns how many were taken, > 0; or BQ_EMPTY, BQ_SHUTDOWN, BQ_INVALID (a NULL, `max` 0 or too
/// large to be an array, a negative timeout other than BQ_FOREVER), BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_get_many(
    queue: *mut bq_queue,
    items: *mut c_void,
    max: usize,
    timeout_ns: i64,
) -> isize {
    answer(|| {
        // SAFETY: the caller holds a reference.
        let queue = unsafe { live_queue(queue) }?;
        // SAFETY: `items` has room for `max` items, says the caller.
        unsafe { queue.get_many(required_mut(items)?.cast(), max, timeout(timeout_ns)?) }
    })
}
