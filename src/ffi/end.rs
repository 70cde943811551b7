//! Shutdown and clear.

use super::{bq_queue, bq_status, guard, live_queue, status};
use crate::queue::Ending;
use crate::status::Status;

/// Shutdown: no more puts; what is queued can still be got.
pub const BQ_DRAIN: u32 = 0;
/// Shutdown: no more puts; what is queued is discarded.
pub const BQ_DISCARD: u32 = 1;

/// Shuts a queue down, for good. Puts that have not taken effect get BQ_SHUTDOWN, blocked ones at
/// once. BQ_DRAIN: gets go on until the queue is empty, then get BQ_SHUTDOWN, blocked ones at once.
/// BQ_DISCARD: what is queued is discarded as well, each item counting as done.
///
/// Idempotent. BQ_DISCARD may follow BQ_DRAIN; BQ_DRAIN after BQ_DISCARD changes nothing.
/// Blocks no longer than `drop` does.
///
/// Returns BQ_OK; BQ_INVALID (NULL, another mode); BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_shutdown(queue: *mut bq_queue, mode: u32) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference.
        let queue = unsafe { live_queue(queue) }?;
        let ending = match mode {
            BQ_DRAIN => Ending::Drain,
            BQ_DISCARD => Ending::Discard,
            _ => return Err(Status::Invalid),
        };
        queue.shutdown(ending);
        Ok(())
    })
}

/// Discards what is queued at the time of the call, each item counting as done, and lets blocked
/// puts in. Ends even while producers keep putting; what they put meanwhile may stay, and so may
/// items behind a put that is stalled half-way by the scheduler.
///
/// Blocks no longer than `drop` does.
///
/// Returns how many items were discarded; 0 for NULL and in a forked child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_clear(queue: *mut bq_queue) -> usize {
    // SAFETY: the caller holds a reference.
    guard(0, || unsafe { live_queue(queue) }.map_or(0, |queue| queue.clear()))
}
