//! Waiting for a state of one queue.

use super::{bq_queue, guard, live_queue, timeout};
use crate::status::Status;
use crate::wait::Events;

/// Event: a get would not wait.
pub const BQ_READABLE: u32 = 1;
/// Event: a put would not wait.
pub const BQ_WRITABLE: u32 = 2;
/// Event: nothing is unfinished.
pub const BQ_JOINED: u32 = 4;
/// Event: the queue is shut down.
pub const BQ_CLOSED: u32 = 8;
/// Event: the queue is shut down and empty.
pub const BQ_DRAINED: u32 = 16;

const _: () = assert!(
    Events::READABLE.bits() == BQ_READABLE
        && Events::WRITABLE.bits() == BQ_WRITABLE
        && Events::JOINED.bits() == BQ_JOINED
        && Events::CLOSED.bits() == BQ_CLOSED
        && Events::DRAINED.bits() == BQ_DRAINED
);

/// Waits until one of `events` holds for a queue. After shutdown the queue is writable and, once
/// empty, readable: neither a put nor a get would wait, as with a socket at end of file.
///
/// `events`: BQ_READABLE, BQ_WRITABLE, BQ_JOINED, BQ_CLOSED, BQ_DRAINED, or several of them.
/// Blocks until one of them holds, no longer than `timeout_ns` (nanoseconds, BQ_NOWAIT or
/// BQ_FOREVER). For many queues at once, see bq_poller_wait().
///
/// A thread that waits here does not use an event up: it passes the wake-up on to the next waiter in
/// line, until a get or a put is served by it.
///
/// An event that holds for a moment only can be missed. Not by bq_join(): it sees every moment of
/// nothing unfinished that lasts until the bq_task_done() that brought it has returned.
///
/// Returns those of `events` that hold, a hint that another thread can make stale; 0 at the
/// deadline, and at once for a NULL, no event or an unknown one, a negative timeout other than
/// BQ_FOREVER, and in a forked child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poll(queue: *mut bq_queue, events: u32, timeout_ns: i64) -> u32 {
    guard(0, || {
        let poll = || {
            // SAFETY: the caller holds a reference.
            let queue = unsafe { live_queue(queue) }?;
            let events = Events::from_bits(events).filter(|events| !events.is_empty());
            Ok::<_, Status>(queue.poll(events.ok_or(Status::Invalid)?, timeout(timeout_ns)?))
        };
        poll().map_or(0, Events::bits)
    })
}
