//! Pollers: one event loop's view of any number of queues.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;

use super::{
    BQ_INTERNAL, bq_queue, bq_status, count, guard, live_poller, live_queue, number, required_mut,
    sized_or, status, timeout,
};
use crate::poller::{Backend, Callback, Mode, Poller, PollerConfig, Report};
use crate::status::Status;
use crate::sync::{Counted, Shared};
use crate::wait::{Events, Linger};

/// A poller: what one event loop owns. It watches queues and has one descriptor.
///
/// The contract:
///
/// 1. Register the descriptor for POLLIN and nothing else (what a loop adds by itself, as POLLERR,
///    does no harm); never read from it. Its bytes mean nothing.
/// 2. When it is readable, call bq_poller_poll() and serve what it reports. The descriptor stays
///    readable until a call returns 0, so a loop that stops early is called again, and a loop that
///    polls until 0 may register it edge-triggered. While producers keep up, a loop that polls until
///    0, or gets until a queue is empty, comes to nothing else: to serve its other descriptors in
///    time it polls once each time it is called and takes a fixed number of items of each queue.
/// 3. Readiness is level-triggered for each queue: an event is reported again by the next call for
///    as long as it holds. A queue need not be drained. Ready queues take turns; one busy queue
///    starves no other. Some events hold for good: after shutdown BQ_WRITABLE, BQ_CLOSED and, once
///    the queue is empty, BQ_READABLE and BQ_DRAINED. Pause or remove such a watch, or the loop
///    spins. BQ_JOINED holds of a new queue as well, until the first put.
/// 4. A call that returns 0 has armed the poller: the next event makes the descriptor readable,
///    exactly once. Or it has left the descriptor readable, to be called again after the loop's
///    other descriptors, see bq_poller_poll(); a loop need not tell the two apart. While the loop is
///    busy no producer makes a system call to wake it. A new poller is armed; adding or modifying a
///    watch whose event already holds makes the descriptor readable, or calls `wake`, before that
///    call returns. (A thread that is stopped by the scheduler when it is about to make the
///    descriptor readable does so when it runs again; until then the descriptor may be quiet.)
/// 5. With several pollers or threads on one queue, one put wakes one of them; none is woken while
///    one that has not gone to sleep yet is about to take the item (see linger_ns; should that one
///    lose its processor just then, the item lies there until it runs again or the next put or get).
///    A wake-up is a hint, not the item: another thread may take it first, and then the next poll
///    reports nothing. Nor does a poller report what another one was woken for, although it holds.
///    Until its loop gets or puts, or pauses or removes the watch, a wake-up counts as delivered and
///    nobody behind it in line is woken for the same item or room: a get or put with a deadline looks
///    once more when that passes, a bq_poller_wait() does not. So pause or remove a watch that is not
///    served.
/// 6. A poller keeps its queues alive, a queue does not keep its pollers alive. Pausing or removing
///    a watch, or the last unref of a poller, passes on a wake-up that was not served. Unregister
///    the descriptor from the loop before the last unref.
/// 7. One thread at a time polls or waits on a poller: a second one gets BQ_BUSY and need not try
///    again, since the descriptor or `wake` calls once more for whatever the first one missed. (A
///    descriptor that was readable when another thread began to wait stays so until it is back: a
///    level-triggered loop is told BQ_BUSY meanwhile, again and again.)
///    Adding, modifying, removing and waking are free to any thread, also from inside a callback.
/// 8. With BQ_POLLER_EDGE the loop promises to register the descriptor edge-triggered and to poll
///    until 0; the library then saves the read that clears it. Not where the descriptor is registered
///    or modified between polls (EPOLLONESHOT; EPOLL_CTL_MOD, as by Asio's async_wait): it is found
///    readable each time then, and the loop spins. BQ_POLLER_PIPE serves runtimes that watch only
///    pipes and sockets.
pub struct bq_poller {
    _opaque: [u8; 0],
}

/// Poller flag: use a pipe instead of an eventfd.
pub const BQ_POLLER_PIPE: u32 = 1;
/// Poller flag: the loop registers the descriptor edge-triggered and polls until 0.
pub const BQ_POLLER_EDGE: u32 = 2;

/// Called instead of making a descriptor readable, once per sleep of the poller, from the thread
/// that wakes it, with no lock held: it may call bridgeq. It may run in several threads at once: a
/// loop that was woken and sleeps again can be called while the first call has not returned. The
/// thread that polls or waits calls it itself, at the end of that call, where a wake-up, a
/// bq_poller_wake() or a call refused with BQ_BUSY came just as the poller was being armed; so does
/// bq_poller_add() or bq_poller_modify() where the event already holds. Nothing calls again before
/// bq_poller_poll() has returned 0, or bq_poller_wait() 0 or BQ_TIMEDOUT.
/// Once the last bq_poller_unref() has returned it neither runs nor will be called, so `context`
/// may be freed; if that unref is made inside `wake`, only the call it is made from still runs. The
/// unref waits for calls of `wake` in other threads: so `wake` must not wait for a thread that
/// releases the poller, nor may the `wake`s of two pollers release each other's poller. Meanwhile the
/// poller reports and takes on nothing (0; BQ_INVALID from bq_poller_add()), and a reference that
/// `wake` takes must be released before it returns: what it posts to the loop needs one taken before,
/// or names something that outlives the poller. A child made
/// by fork() inside `wake` must not return from it. Must not unwind or longjmp.
pub type bq_wake_fn = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// The options of a poller. Start from BQ_POLLER_OPTIONS_INIT and set what differs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bq_poller_options {
    /// sizeof(bq_poller_options), set by BQ_POLLER_OPTIONS_INIT; as in bq_options.
    pub size: usize,
    /// BQ_POLLER_PIPE, BQ_POLLER_EDGE, or both.
    pub flags: u32,
    /// Called to wake the loop, instead of a descriptor; NULL: a descriptor. Not with a flag.
    pub wake: bq_wake_fn,
    /// Handed to wake.
    pub context: *mut c_void,
    /// Nanoseconds that a poll which finds nothing may look again before it arms. 0: the library's
    /// choice (microseconds, and only where it pays). BQ_NO_LINGER: never. Other negative numbers are
    /// refused.
    pub linger_ns: i64,
}

/// What bq_poller_poll() reports of one queue.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bq_event {
    /// The queue, valid while it is watched, see bq_poller_remove(); no reference is handed over.
    pub queue: *mut bq_queue,
    /// What was given to bq_poller_add() or bq_poller_modify().
    pub data: *mut c_void,
    /// Those of the watched events that hold.
    pub events: u32,
}

// SAFETY: the fields mean the same, at the same places.
const _: () = assert!(
    size_of::<bq_event>() == size_of::<Report>()
        && offset_of!(bq_event, queue) == offset_of!(Report, queue)
        && offset_of!(bq_event, data) == offset_of!(Report, data)
        && offset_of!(bq_event, events) == offset_of!(Report, events)
);

impl bq_poller_options {
    /// As in bq_options.
    const FIRST: usize = 40;
    const DEFAULT: Self = Self {
        size: size_of::<Self>(),
        flags: 0,
        wake: None,
        context: std::ptr::null_mut(),
        linger_ns: 0,
    };

    fn translate(&self) -> Result<PollerConfig, Status> {
        if self.flags & !(BQ_POLLER_PIPE | BQ_POLLER_EDGE) != 0 {
            return Err(Status::Invalid);
        }
        let backend = match self.wake {
            None if self.flags & BQ_POLLER_PIPE != 0 => Backend::Pipe,
            None => Backend::EventFd,
            Some(wake) if self.flags == 0 => {
                // SAFETY: by its documentation, `wake` takes this context.
                Backend::Callback(unsafe { Callback::new(wake, self.context) })
            }
            Some(_) => return Err(Status::Invalid),
        };
        let edge = self.flags & BQ_POLLER_EDGE != 0;
        Ok(PollerConfig {
            backend,
            mode: if edge { Mode::Edge } else { Mode::Level },
            linger: Linger::from_ns(self.linger_ns).ok_or(Status::Invalid)?,
        })
    }
}

fn events(bits: u32) -> Result<Events, Status> {
    Events::from_bits(bits).ok_or(Status::Invalid)
}

/// Makes a poller, armed, with nothing to watch and no descriptor yet.
///
/// `options`: NULL: a descriptor of the library's choice, level-triggered. Read
/// during the call only. `poller`: receives the handle; untouched on failure.
///
/// Ownership: the caller holds one reference, to be released with bq_poller_unref(). Never blocks.
///
/// Returns BQ_OK; BQ_INVALID (`poller` is NULL, an unknown flag, a flag together with `wake`, a
/// negative linger_ns other than BQ_NO_LINGER, a `size` that is too small or bytes behind the known
/// ones that are not zero); BQ_NO_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_new(
    options: *const bq_poller_options,
    poller: *mut *mut bq_poller,
) -> bq_status {
    status(|| {
        let out = required_mut(poller)?;
        // SAFETY: by its documentation, `options` is as long as it says.
        let options =
            unsafe { sized_or(options, bq_poller_options::DEFAULT, bq_poller_options::FIRST) }?;
        let made = Poller::new(options.translate()?)?;
        // SAFETY: `poller` is valid for one write, says the caller.
        unsafe { out.write(Shared::into_raw(made).cast_mut().cast()) };
        Ok(())
    })
}

/// Takes one more reference to a poller; in a forked child as well. Never blocks.
///
/// Returns `poller`; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_ref(poller: *mut bq_poller) -> *mut bq_poller {
    guard(poller, || {
        // SAFETY: the caller holds a reference while it asks for one more.
        if let Some(shared) = unsafe { poller.cast::<Counted<Poller>>().as_ref() } {
            let _ = Shared::into_raw(shared.share());
        }
        poller
    })
}

/// Releases one reference to a poller; NULL: does nothing. The last one removes every watch, passes
/// on wake-ups that were not served, closes the descriptor and frees the poller. (Where a thread is
/// just making the descriptor readable, it is closed when that thread is done, a moment after this
/// has returned.) Unregister the descriptor from the loop first.
///
/// The calling thread must not use `poller` afterwards. Blocks no longer than the `drop` of a queue
/// whose last reference the poller held, and than a `wake` that is running in another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_unref(poller: *mut bq_poller) {
    guard((), || {
        // SAFETY: the caller gives up the reference it holds.
        drop(unsafe { Shared::<Poller>::from_raw(poller.cast()) });
    });
}

/// The descriptor to register with an event loop, for POLLIN; made by the first call, close-on-exec
/// and non-blocking.
///
/// Ownership: the poller's; never read from it, never close it. Never blocks.
///
/// Returns the descriptor, >= 0; or BQ_NO_FD (the limit is reached: try again later), BQ_NO_MEMORY,
/// BQ_INVALID (NULL, or the poller has a `wake` callback), BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_fd(poller: *mut bq_poller) -> c_int {
    guard(BQ_INTERNAL, || {
        // SAFETY: the caller holds a reference.
        let fd = unsafe { live_poller(poller) }.and_then(|poller| poller.fd());
        fd.unwrap_or_else(number)
    })
}

/// Watches a queue: from now on bq_poller_poll() reports `events` of it while they hold.
///
/// `events`: BQ_READABLE, BQ_WRITABLE, BQ_JOINED, BQ_CLOSED, BQ_DRAINED, or several of them; 0: none
/// for now. `data`: handed back with every report.
///
/// Ownership: the poller takes a reference to the queue and releases it with the watch, which is
/// enough for bq_poller_modify() and bq_poller_remove(), if no other thread removes it. Never waits
/// for events.
///
/// Returns BQ_OK; BQ_EXISTS (watched already); BQ_INVALID (a NULL, an unknown event);
/// BQ_NO_MEMORY; BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_add(
    poller: *mut bq_poller,
    queue: *mut bq_queue,
    events: u32,
    data: *mut c_void,
) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference to each.
        let (poller, queue) = unsafe { (live_poller(poller)?, live_queue(queue)?) };
        poller.add(queue, self::events(events)?, data)
    })
}

/// Changes what is watched of a queue. Passes on a wake-up for what is no longer watched.
///
/// `events`: as for bq_poller_add(); 0: paused, nothing is reported until it is modified again.
/// `data`: replaces what was given before.
///
/// Never waits for events.
///
/// Returns BQ_OK; BQ_NOT_FOUND (not watched); BQ_INVALID (a NULL, an unknown event); BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_modify(
    poller: *mut bq_poller,
    queue: *mut bq_queue,
    events: u32,
    data: *mut c_void,
) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference to each.
        let (poller, queue) = unsafe { (live_poller(poller)?, live_queue(queue)?) };
        poller.modify(queue, self::events(events)?, data)
    })
}

/// Ends the watch of a queue, passes on a wake-up that was not served and releases the poller's
/// reference to the queue.
///
/// Does not take back what a poll has reported already, further on in the same array or in another
/// thread: `queue` and `data` of that event may be gone. A loop that removes watches while it serves
/// the events of one poll must look whether the later ones are still watched. Another thread must
/// not free `data`, nor the last reference to the queue, before the polling thread has served what it
/// has.
///
/// Blocks no longer than the queue's `drop`, if that was the last reference.
///
/// Returns BQ_OK; BQ_NOT_FOUND (not watched); BQ_INVALID (a NULL); BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_remove(
    poller: *mut bq_poller,
    queue: *mut bq_queue,
) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference to each.
        let (poller, queue) = unsafe { (live_poller(poller)?, live_queue(queue)?) };
        poller.remove(queue)
    })
}

/// Reports ready queues, one event each, in turn. Its cost grows with the ready queues, not with the
/// watched ones.
///
/// `events`: receives up to `max` reports.
///
/// Never waits. Where it finds nothing it may look again before it says so: for microseconds, or
/// for the linger_ns of bq_poller_options.
///
/// 0 means: go back to waiting for the descriptor. The poller is armed; or, where looking again has
/// kept the loop for 20 to 90 microseconds (or one look of linger_ns), the descriptor is readable
/// again, so that the loop serves its other descriptors before it is called once more. So 0 does not
/// say that the queues are empty. A loop with a `wake` callback is not sent away like that, and
/// nothing calls it again before it got a 0: one that must not be kept for long stops earlier and
/// schedules its next poll itself (uv_async_send(), g_idle_add()), or sets BQ_NO_LINGER. A 0 answers
/// every bq_poller_wake() so far: a loop then looks at the flags that other threads have set.
///
/// Returns how many were written, > 0; 0: nothing to report now; or BQ_BUSY (another thread polls),
/// BQ_INVALID (a NULL, `max` 0), BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_poll(
    poller: *mut bq_poller,
    events: *mut bq_event,
    max: usize,
) -> isize {
    count(|| {
        // SAFETY: the caller holds a reference.
        let poller = unsafe { live_poller(poller) }?;
        // SAFETY: `events` has room for `max` reports, says the caller; Report is bq_event.
        unsafe { poller.poll(required_mut(events)?.cast(), max) }
    })
}

/// Waits until a queue is ready and reports as bq_poller_poll() does: select for threads.
///
/// Blocks until an event holds, bq_poller_wake() is called or `timeout_ns` (nanoseconds, BQ_NOWAIT
/// or BQ_FOREVER) has passed. Needs no descriptor.
///
/// Returns how many were written, > 0; 0: woken by bq_poller_wake(); or BQ_TIMEDOUT (the poller is
/// armed, as behind a 0), BQ_BUSY (another thread polls), BQ_INVALID (a NULL, `max` 0, a negative
/// timeout other than BQ_FOREVER), BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_wait(
    poller: *mut bq_poller,
    events: *mut bq_event,
    max: usize,
    timeout_ns: i64,
) -> isize {
    count(|| {
        // SAFETY: the caller holds a reference.
        let poller = unsafe { live_poller(poller) }?;
        let timeout = timeout(timeout_ns)?;
        // SAFETY: `events` has room for `max` reports, says the caller; Report is bq_event.
        unsafe { poller.wait(required_mut(events)?.cast(), max, timeout) }
    })
}

/// Wakes a poller by hand: ends a bq_poller_wait(), now or the next one, or makes the descriptor
/// readable until bq_poller_poll() returns 0, or calls `wake` if the poller is armed: new, or since a
/// poll has returned 0, or a wait 0 or BQ_TIMEDOUT.
///
/// Never blocks. Safe from any thread and from a signal handler (with a `wake` callback, only if
/// that is async-signal-safe).
///
/// Returns BQ_OK; BQ_INVALID (NULL); BQ_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bq_poller_wake(poller: *mut bq_poller) -> bq_status {
    status(|| {
        // SAFETY: the caller holds a reference.
        unsafe { live_poller(poller) }?.wake();
        Ok(())
    })
}
