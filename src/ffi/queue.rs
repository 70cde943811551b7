//! Queues: options, making, references.

use std::ffi::{c_int, c_void};

use super::{bq_status, queue, required_mut, sized_or, status};
use crate::queue::{Compare, Config, Destroy, Order, Queue};
use crate::status::Status;
use crate::sync::Shared;
use crate::wait::Linger;

/// A queue. Every function may be called from any thread at any time.
pub struct bq_queue {
    _opaque: [u8; 0],
}

/// Called once for every item that the queue discards, from the thread that discards it, with no lock
/// held: it may call bridgeq. That is bq_clear(), bq_shutdown() with BQ_DISCARD, a put that was under
/// way at that time, perhaps after bq_shutdown() has returned, and the last bq_queue_unref(), or the
/// bq_poller_remove() or bq_poller_unref() that releases the last reference. It may run in several
/// threads at once, and beside `compare`. What one call discards is taken out before the first `drop`
/// of it, and counts as done after the last one: `drop` must not wait in bq_join() for its own queue.
/// `item` points to the item's bytes, which `drop` may write to, and is valid only during the call.
/// It is aligned to the largest power of two that divides item_size, 16 at most. In the last
/// bq_queue_unref() the queue is shut down already, and a reference that `drop` takes to it must be
/// released before it returns. A child made by fork() inside `drop` must not return from it. Must not
/// unwind or longjmp.
pub type bq_drop_fn = Option<unsafe extern "C" fn(item: *mut c_void, context: *mut c_void)>;

/// Orders two items: negative when `a` is to leave first, positive when `b` is, 0 when they are
/// equal (then the one put first leaves first). Both are aligned to the largest power of two that
/// divides item_size, 16 at most. Called from putting and getting threads with the queue's lock
/// held, so one call at a time for each queue, and every other call on the queue waits for it: it
/// must be quick, must not call bridgeq and must not wait for a lock that a caller of this queue may
/// hold. (An interpreter's global lock is one, unless it is given up around every call, those with
/// BQ_NOWAIT included.) Inconsistent answers give a wrong order and nothing worse. Must not unwind or
/// longjmp.
pub type bq_compare_fn =
    Option<unsafe extern "C" fn(a: *const c_void, b: *const c_void, context: *mut c_void) -> c_int>;

/// Timeout: do not wait.
pub const BQ_NOWAIT: i64 = 0;
/// Timeout: wait as long as it takes.
pub const BQ_FOREVER: i64 = -1;

/// Order: first in, first out.
pub const BQ_FIFO: u32 = 0;
/// Order: last in, first out.
pub const BQ_LIFO: u32 = 1;
/// Order: lowest first, by priority or by `compare`; first in, first out among equals.
pub const BQ_PRIORITY: u32 = 2;

/// linger_ns: never spin or yield before sleeping.
pub const BQ_NO_LINGER: i64 = -1;

/// The options of a queue. Start from BQ_OPTIONS_INIT and set what differs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bq_options {
    /// sizeof(bq_options), set by BQ_OPTIONS_INIT; less than in version 0.1 is refused. Lets the struct
    /// grow: bytes that the library in use does not know must be zero.
    pub size: usize,
    /// BQ_FIFO, BQ_LIFO or BQ_PRIORITY.
    pub order: u32,
    /// None yet: 0.
    pub flags: u32,
    /// The most items the queue holds; 0: unbounded.
    pub capacity: usize,
    /// Bytes of an item, at most PTRDIFF_MAX / 4; 0: sizeof(void *). Items are copied by value.
    pub item_size: usize,
    /// What to do with items that are discarded; may be NULL.
    pub drop: bq_drop_fn,
    /// BQ_PRIORITY only: how items compare; NULL: by the priority of their put.
    pub compare: bq_compare_fn,
    /// Handed to drop and compare; valid until the last reference to the queue is gone, pollers'
    /// included.
    pub context: *mut c_void,
    /// Nanoseconds that a call which must wait may spin and yield before its thread sleeps. 0: the
    /// library's choice, about 50 microseconds while that pays, more while others use the processor
    /// that it yields, and none on one CPU: a thread that waits for an item every 20 microseconds
    /// keeps its processor busy, but leaves it to whoever works for the same queue. It is mostly given
    /// up where a thread computes on the same processor, also with a number of nanoseconds. A call
    /// takes its place in line, and counts as blocked, when it goes to sleep; bq_join() before.
    /// BQ_NO_LINGER: never. Other negative numbers are refused.
    pub linger_ns: i64,
}

impl bq_options {
    /// Its length in the first release: programs built with that go on saying so.
    const FIRST: usize = 64;
    const DEFAULT: Self = Self {
        size: size_of::<Self>(),
        order: BQ_FIFO,
        flags: 0,
        capacity: 0,
        item_size: 0,
        drop: None,
        compare: None,
        context: std::ptr::null_mut(),
        linger_ns: 0,
    };

    fn translate(&self) -> Result<Config, Status> {
        if self.flags != 0 {
            return Err(Status::Invalid);
        }
        let order = match (self.order, self.compare) {
            (BQ_FIFO, None) => Order::Fifo,
            (BQ_LIFO, None) => Order::Lifo,
            (BQ_PRIORITY, None) => Order::Priority,
            // SAFETY: by its documentation, `compare` takes two items and this context.
            (BQ_PRIORITY, Some(f)) => Order::Compare(unsafe { Compare::new(f, self.context) }),
            _ => return Err(Status::Invalid),
        };
        Ok(Config {
            order,
            capacity: self.capacity,
            item_size: if self.item_size == 0 { size_of::<*mut c_void>() } else { self.item_size },
            // SAFETY: by its documentation, `drop` takes an item and this context.
            destroy: self.drop.map(|f| unsafe { Destroy::new(f, self.context) }),
            linger: Linger::from_ns(self.linger_ns).ok_or(Status::Invalid)?,
        })
    }
}

/// Makes a queue.
///
/// `options`: NULL: an unbounded FIFO of pointers. Read during the call only.
/// `queue`: receives the handle; untouched on failure.
///
/// Ownership: the caller holds one reference, to be released with bq_queue_unref(). An idle queue
/// has no descriptor and allocates room for items when they come. BQ_LIFO and BQ_PRIORITY queues
/// keep that of their longest state until bq_clear() or the end. Never blocks.
///
/// Returns BQ_OK; BQ_INVALID (`queue` is NULL, an option is out of the range that bq_options gives,
/// `size` is too small or bytes behind the known ones are not zero, `compare` on a queue that is not
/// BQ_PRIORITY); BQ_NO_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_queue_new(
    options: *const bq_options,
    queue: *mut *mut bq_queue,
) -> bq_status {
    status(|| {
        let out = required_mut(queue)?;
        // SAFETY: by its documentation, `options` is as long as it says.
        let options = unsafe { sized_or(options, bq_options::DEFAULT, bq_options::FIRST) }?;
        let made = Queue::new(options.translate()?)?;
        // SAFETY: `queue` is valid for one write, says the caller.
        unsafe { out.write(Shared::into_raw(made).cast_mut().cast()) };
        Ok(())
    })
}

/// Takes one more reference to a queue; in a forked child as well. Never blocks.
///
/// Returns `queue`; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_queue_ref(queue: *mut bq_queue) -> *mut bq_queue {
    super::guard(queue, || {
        // SAFETY: the caller holds a reference while it asks for one more.
        if let Some(shared) = unsafe { self::queue(queue) } {
            let _ = Shared::into_raw(shared.share());
        }
        queue
    })
}

/// Releases one reference to a queue; NULL: does nothing. The last one discards what is left,
/// calling `drop` for every item, and frees the queue. Pollers that watch it hold references of
/// their own.
///
/// After fork() the child may call this for what it inherited: memory and descriptors are released,
/// `drop` is not called there, because the items belong to the parent.
///
/// The calling thread must not use `queue` afterwards. Blocks no longer than `drop` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_queue_unref(queue: *mut bq_queue) {
    super::guard((), || {
        // SAFETY: the caller gives up the reference it holds.
        drop(unsafe { Shared::<Queue>::from_raw(queue.cast()) });
    });
}
