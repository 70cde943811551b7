//! Unfinished work: task_done and join.

use super::{bq_queue, bq_status, live_queue, status, timeout};

/// Says that the work on `count` items is finished. Every item that was put is unfinished until it
/// is reported here or discarded; bq_join() waits for that. Works the same after shutdown. `count` 0
/// does nothing.
///
/// Never blocks.
///
/// Returns BQ_OK; BQ_TOO_MANY_DONE (fewer are unfinished; nothing changes); BQ_INVALID (NULL);
/// BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_task_done(queue: *mut bq_queue, count: usize) -> bq_status {
    // SAFETY: the caller holds a reference.
    status(|| unsafe { live_queue(queue) }?.task_done(count))
}

/// Waits until no item is unfinished: every one that was put was reported done or discarded. Works
/// the same after shutdown.
///
/// Blocks while items are unfinished, no longer than `timeout_ns` (nanoseconds, BQ_NOWAIT or
/// BQ_FOREVER). BQ_OK says that nothing was unfinished at one moment during the call.
///
/// Returns BQ_OK; BQ_TIMEDOUT; BQ_INVALID (NULL, a negative timeout other than BQ_FOREVER);
/// BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_join(queue: *mut bq_queue, timeout_ns: i64) -> bq_status {
    // SAFETY: the caller holds a reference.
    status(|| unsafe { live_queue(queue) }?.join(timeout(timeout_ns)?))
}
