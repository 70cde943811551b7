//! The C boundary: checks pointers and numbers, translates, decides nothing. One file a concept, in the
//! order of the header. The documentation comments here become `include/bridgeq.h`: they speak to
//! readers of C.

#![allow(non_camel_case_types)]
#![allow(clippy::missing_safety_doc)] // the C header is the documentation; `# Safety` headings would be in it

pub mod version;
pub mod status;
pub mod queue;
pub mod items;
pub mod batch;
pub mod tasks;
pub mod end;
pub mod events;
pub mod inspect;
pub mod poller;
#[cfg(all(test, not(loom)))]
mod layout;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::poller::Poller;
use crate::queue::Queue;
use crate::status::Status;
use crate::sync::Counted;
use crate::sys::clock::Timeout;
use crate::sys::fork;

use queue::bq_queue;
use status::{BQ_INTERNAL, BQ_OK, bq_status, number};

/// Runs an entry point; a panic ends here and becomes `on_panic`.
#[inline]
fn guard<T>(on_panic: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(on_panic)
}

/// An entry point that answers with a status.
#[inline]
fn status(body: impl FnOnce() -> Result<(), Status>) -> bq_status {
    guard(BQ_INTERNAL, || match body() {
        Ok(()) => BQ_OK,
        Err(why) => number(why),
    })
}

/// An entry point that answers with a count or a status.
#[inline]
fn count(body: impl FnOnce() -> Result<usize, Status>) -> isize {
    guard(BQ_INTERNAL as isize, || match body() {
        Ok(n) => n as isize,
        Err(why) => number(why) as isize,
    })
}

/// The queue behind a handle, to look at. `None`: the handle is null.
///
/// # Safety
/// `queue` is null or came from `bq_queue_new`, and the caller holds a reference to it.
#[inline]
unsafe fn queue<'a>(queue: *const bq_queue) -> Option<&'a Counted<Queue>> {
    // SAFETY: passed on from the caller; a handle is a pointer made by Shared::into_raw.
    unsafe { queue.cast::<Counted<Queue>>().as_ref() }
}

/// The queue behind a handle, to work with.
///
/// # Safety
/// As for [`queue`].
#[inline]
unsafe fn live_queue<'a>(handle: *const bq_queue) -> Result<&'a Counted<Queue>, Status> {
    // SAFETY: passed on from the caller.
    let queue = unsafe { queue(handle) }.ok_or(Status::Invalid)?;
    fork::check(queue.born())?;
    Ok(queue)
}

/// The poller behind a handle, to work with.
///
/// # Safety
/// `handle` is null or came from `bq_poller_new`, and the caller holds a reference to it.
#[inline]
unsafe fn live_poller<'a>(handle: *const poller::bq_poller) -> Result<&'a Poller, Status> {
    // SAFETY: passed on from the caller; a handle is a pointer made by Shared::into_raw.
    let poller = unsafe { handle.cast::<Counted<Poller>>().as_ref() }.ok_or(Status::Invalid)?;
    fork::check(poller.born())?;
    Ok(poller)
}

#[inline]
fn timeout(ns: i64) -> Result<Timeout, Status> {
    Timeout::from_ns(ns).ok_or(Status::Invalid)
}

/// A pointer argument that must not be null.
#[inline]
fn required<T>(pointer: *const T) -> Result<*const T, Status> {
    if pointer.is_null() { Err(Status::Invalid) } else { Ok(pointer) }
}

/// As [`required`], for what is written to.
#[inline]
fn required_mut<T>(pointer: *mut T) -> Result<*mut T, Status> {
    if pointer.is_null() { Err(Status::Invalid) } else { Ok(pointer) }
}

/// Copies a caller's struct that starts with its own size. A longer one than ours must be zero where we know
/// nothing; a shorter one, but not shorter than the `first` there was, has the defaults behind it. `default` for null.
///
/// # Safety
/// `theirs` is null or points to a struct that is as long as its first field says. A `T` whose first words are
/// theirs and whose other ones are the default's is a valid one.
unsafe fn sized_or<T: Copy>(theirs: *const T, default: T, first: usize) -> Result<T, Status> {
    const SANE: usize = 4096; // larger than any such struct will ever be: a wild size reads no wild memory
    let ours = size_of::<T>();
    if theirs.is_null() {
        return Ok(default);
    }
    let bytes = theirs.cast::<u8>();
    // SAFETY: every such struct starts with its size.
    let size = unsafe { bytes.cast::<usize>().read() };
    let cuts_a_word = size < ours && !size.is_multiple_of(align_of::<T>());
    if size < first || size > SANE || cuts_a_word {
        return Err(Status::Invalid);
    }
    let known = size.min(ours);
    // SAFETY: the struct is `size` bytes long.
    let tail = unsafe { std::slice::from_raw_parts(bytes.add(known), size - known) };
    if tail.iter().any(|&byte| byte != 0) {
        return Err(Status::Invalid);
    }
    let mut mine = default;
    // SAFETY: both are `known` bytes long; what comes of it is valid, said the caller.
    unsafe { bytes.copy_to_nonoverlapping((&raw mut mine).cast(), known) };
    Ok(mine)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        size: usize,
        old: u64,
        new: u64,
    }

    #[test]
    fn options_of_an_older_program_have_the_defaults_behind_them() {
        let default = Grown { size: 24, old: 1, new: 2 };
        let read = |theirs: &[u64; 4]| {
            // SAFETY: as long as it says, or refused; any bytes are a Grown.
            unsafe { sized_or(theirs.as_ptr().cast(), default, 16) }
        };
        assert_eq!(read(&[16, 7, 8, 9]), Ok(Grown { size: 16, old: 7, new: 2 }));
        assert_eq!(read(&[24, 7, 8, 9]), Ok(Grown { size: 24, old: 7, new: 8 }));
        assert_eq!(read(&[32, 7, 8, 0]), Ok(Grown { size: 32, old: 7, new: 8 }));
        assert_eq!(read(&[32, 7, 8, 9]), Err(Status::Invalid));
        assert_eq!(read(&[8, 7, 8, 9]), Err(Status::Invalid));
        assert_eq!(read(&[20, 7, 8, 9]), Err(Status::Invalid));
    }

    #[test]
    fn no_panic_leaves_an_entry_point() {
        assert_eq!(guard(7, || panic!("to be caught")), 7);
        assert_eq!(status(|| panic!("to be caught")), BQ_INTERNAL);
        assert_eq!(count(|| panic!("to be caught")), BQ_INTERNAL as isize);
    }
}
