//! Statuses: what a call says about itself.

use std::ffi::{CStr, c_char};

use super::guard;
use crate::status::Status;

/// What a call says about itself: BQ_OK, or a negative BQ_ status. Numbers are never renumbered or
/// reused; a program must be ready for a negative status that it does not know yet.
pub type bq_status = i32;

/// Done.
pub const BQ_OK: bq_status = 0;
/// No item before the deadline.
pub const BQ_EMPTY: bq_status = -1;
/// No room before the deadline.
pub const BQ_FULL: bq_status = -2;
/// What was waited for did not happen before the deadline.
pub const BQ_TIMEDOUT: bq_status = -3;
/// The queue is shut down: it takes no more puts, or has nothing left to get.
pub const BQ_SHUTDOWN: bq_status = -4;
/// An argument is wrong; nothing was changed.
pub const BQ_INVALID: bq_status = -5;
/// Out of memory; nothing was changed.
pub const BQ_NO_MEMORY: bq_status = -6;
/// No file descriptor available; nothing was changed.
pub const BQ_NO_FD: bq_status = -7;
/// bq_task_done() for more items than are unfinished; nothing was changed.
pub const BQ_TOO_MANY_DONE: bq_status = -8;
/// The handle was made before fork(), by the parent: the child may only release it.
pub const BQ_FORKED: bq_status = -9;
/// Another thread polls or waits on this poller at the moment.
pub const BQ_BUSY: bq_status = -10;
/// The poller does not watch this queue.
pub const BQ_NOT_FOUND: bq_status = -11;
/// The poller watches this queue already.
pub const BQ_EXISTS: bq_status = -12;
/// A defect in bridgeq, caught at its boundary. Please report it.
pub const BQ_INTERNAL: bq_status = -13;

/// The number that the header gives a status.
pub(super) const fn number(status: Status) -> bq_status {
    match status {
        Status::Empty => BQ_EMPTY,
        Status::Full => BQ_FULL,
        Status::TimedOut => BQ_TIMEDOUT,
        Status::Shutdown => BQ_SHUTDOWN,
        Status::Invalid => BQ_INVALID,
        Status::NoMemory => BQ_NO_MEMORY,
        Status::NoFd => BQ_NO_FD,
        Status::TooManyDone => BQ_TOO_MANY_DONE,
        Status::Forked => BQ_FORKED,
        Status::Busy => BQ_BUSY,
        Status::NotFound => BQ_NOT_FOUND,
        Status::Exists => BQ_EXISTS,
    }
}

/// Name and sentence of a status.
const fn describe(status: bq_status) -> (&'static CStr, &'static CStr) {
    match status {
        BQ_OK => (c"BQ_OK", c"Done."),
        BQ_EMPTY => (c"BQ_EMPTY", c"The queue had no item before the deadline."),
        BQ_FULL => (c"BQ_FULL", c"The queue had no room before the deadline."),
        BQ_TIMEDOUT => (c"BQ_TIMEDOUT", c"What was waited for did not happen before the deadline."),
        BQ_SHUTDOWN => (
            c"BQ_SHUTDOWN",
            c"The queue is shut down: it takes no more puts, or has nothing left to get, for good.",
        ),
        BQ_INVALID => (
            c"BQ_INVALID",
            c"An argument is wrong: a null pointer, a value out of range, a reserved bit, or a struct that was not started from its BQ_..._INIT.",
        ),
        BQ_NO_MEMORY => (
            c"BQ_NO_MEMORY",
            c"Out of memory; nothing was changed. Try again when there is some, or put less.",
        ),
        BQ_NO_FD => (
            c"BQ_NO_FD",
            c"No file descriptor to be had: raise the limit (ulimit -n) or close some.",
        ),
        BQ_TOO_MANY_DONE => (
            c"BQ_TOO_MANY_DONE",
            c"More items were reported done than are unfinished: one bq_task_done() for each item.",
        ),
        BQ_FORKED => {
            (c"BQ_FORKED", c"The handle comes from before fork(): the child may only release it.")
        }
        BQ_BUSY => (
            c"BQ_BUSY",
            c"Another thread polls or waits on this poller: the loop is called again for what that one misses.",
        ),
        BQ_NOT_FOUND => (
            c"BQ_NOT_FOUND",
            c"The poller does not watch this queue: it was never added, or has been removed.",
        ),
        BQ_EXISTS => {
            (c"BQ_EXISTS", c"The poller watches this queue already: use bq_poller_modify().")
        }
        BQ_INTERNAL => {
            (c"BQ_INTERNAL", c"A defect in bridgeq, caught at its boundary. Please report it.")
        }
        _ => (c"BQ_UNKNOWN", c"Not a status of this version of bridgeq."),
    }
}

/// The name of a status: "BQ_FULL" for BQ_FULL, "BQ_UNKNOWN" for a number that is none.
///
/// Ownership: a constant string, never to be freed. Never blocks. Safe from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn bq_status_name(status: bq_status) -> *const c_char {
    guard(std::ptr::null(), || describe(status).0.as_ptr())
}

/// One English sentence that says what a status means.
///
/// Ownership: a constant string, never to be freed. Never blocks. Safe from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn bq_status_text(status: bq_status) -> *const c_char {
    guard(std::ptr::null(), || describe(status).1.as_ptr())
}
