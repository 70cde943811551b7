//! The C interface with owners: just enough of it for models.

#![allow(clippy::undocumented_unsafe_blocks)] // a handle lives as long as its owner

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bridgeq::ffi::batch::bq_put_many;
use bridgeq::ffi::end::{bq_clear, bq_shutdown};
use bridgeq::ffi::events::bq_poll;
use bridgeq::ffi::inspect::{bq_len, bq_set_capacity, bq_unfinished};
use bridgeq::ffi::items::{bq_get, bq_peek, bq_put};
use bridgeq::ffi::poller::{
    bq_event, bq_poller, bq_poller_add, bq_poller_fd, bq_poller_modify, bq_poller_new,
    bq_poller_options, bq_poller_poll, bq_poller_remove, bq_poller_unref, bq_poller_wait,
    bq_poller_wake,
};
use bridgeq::ffi::queue::{
    BQ_FOREVER, BQ_NO_LINGER, BQ_NOWAIT, bq_options, bq_queue, bq_queue_new, bq_queue_unref,
};
use bridgeq::ffi::status::{BQ_OK, bq_status};
use bridgeq::ffi::tasks::{bq_join, bq_task_done};
use shuttle::sync::{Condvar, Mutex};

/// A deadline that passes at any time.
pub const SOME_TIME: i64 = i64::MAX;
/// Rings of larger items start with one slot: the next one is soon needed.
const ITEM_SIZE: usize = 256;

#[repr(C)]
struct Item {
    number: u64,
    rest: [u8; ITEM_SIZE - 8],
}

impl Item {
    fn new(number: u64) -> Self {
        Self { number, rest: [0; ITEM_SIZE - 8] }
    }
}

pub struct Queue {
    pub handle: *mut bq_queue,
    dropped: Box<AtomicUsize>,
}

// SAFETY: handles may be used from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

unsafe extern "C" fn count_drop(_item: *mut c_void, context: *mut c_void) {
    // SAFETY: the counter of the queue.
    unsafe { &*context.cast::<AtomicUsize>() }.fetch_add(1, SeqCst);
}

impl Queue {
    pub fn new(order: u32, capacity: usize) -> Self {
        let dropped = Box::new(AtomicUsize::new(0));
        let options = bq_options {
            size: size_of::<bq_options>(),
            order,
            flags: 0,
            capacity,
            item_size: ITEM_SIZE,
            drop: Some(count_drop),
            compare: None,
            context: ptr::from_ref(&*dropped).cast_mut().cast(),
            linger_ns: BQ_NO_LINGER,
        };
        let mut handle = ptr::null_mut();
        assert_eq!(unsafe { bq_queue_new(&raw const options, &raw mut handle) }, BQ_OK);
        Self { handle, dropped }
    }

    pub fn put(&self, number: u64, timeout_ns: i64) -> bq_status {
        let item = Item::new(number);
        unsafe { bq_put(self.handle, (&raw const item).cast(), timeout_ns) }
    }

    pub fn put_both(&self, timeout_ns: i64) -> isize {
        let items = [Item::new(1), Item::new(2)];
        unsafe { bq_put_many(self.handle, items.as_ptr().cast(), items.len(), timeout_ns) }
    }

    pub fn get(&self, timeout_ns: i64) -> Result<u64, bq_status> {
        let mut item = Item::new(0);
        match unsafe { bq_get(self.handle, (&raw mut item).cast(), timeout_ns) } {
            BQ_OK => Ok(item.number),
            why => Err(why),
        }
    }

    pub fn peek(&self, timeout_ns: i64) -> Result<u64, bq_status> {
        let mut item = Item::new(0);
        match unsafe { bq_peek(self.handle, (&raw mut item).cast(), timeout_ns) } {
            BQ_OK => Ok(item.number),
            why => Err(why),
        }
    }

    pub fn poll(&self, events: u32, timeout_ns: i64) -> u32 {
        unsafe { bq_poll(self.handle, events, timeout_ns) }
    }

    pub fn task_done(&self) {
        assert_eq!(unsafe { bq_task_done(self.handle, 1) }, BQ_OK);
    }

    pub fn join(&self) -> bq_status {
        unsafe { bq_join(self.handle, BQ_FOREVER) }
    }

    pub fn shutdown(&self, mode: u32) {
        assert_eq!(unsafe { bq_shutdown(self.handle, mode) }, BQ_OK);
    }

    pub fn clear(&self) -> usize {
        unsafe { bq_clear(self.handle) }
    }

    pub fn set_capacity(&self, capacity: usize) {
        assert_eq!(unsafe { bq_set_capacity(self.handle, capacity) }, BQ_OK);
    }

    pub fn len(&self) -> usize {
        unsafe { bq_len(self.handle) }
    }

    pub fn unfinished(&self) -> usize {
        unsafe { bq_unfinished(self.handle) }
    }

    pub fn dropped(&self) -> usize {
        self.dropped.load(SeqCst)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        unsafe { bq_queue_unref(self.handle) };
    }
}

/// What a loop sleeps on.
#[derive(Clone, Copy, Debug)]
pub enum Backend {
    Callback,
    Descriptor,
}

pub struct Poller {
    handle: *mut bq_poller,
    backend: Backend,
    rung: Box<(Mutex<bool>, Condvar)>,
}

// SAFETY: handles may be used from any thread.
unsafe impl Send for Poller {}
// SAFETY: as above.
unsafe impl Sync for Poller {}

unsafe extern "C" fn ring(context: *mut c_void) {
    // SAFETY: the bell of the poller.
    let (rung, heard) = unsafe { &*context.cast::<(Mutex<bool>, Condvar)>() };
    *rung.lock().expect("a model does not poison") = true;
    heard.notify_one();
}

impl Poller {
    pub fn new(backend: Backend) -> Self {
        let rung = Box::new((Mutex::new(false), Condvar::new()));
        let options = bq_poller_options {
            size: size_of::<bq_poller_options>(),
            flags: 0,
            wake: matches!(backend, Backend::Callback).then_some(ring),
            context: ptr::from_ref(&*rung).cast_mut().cast(),
            linger_ns: BQ_NO_LINGER,
        };
        let mut handle = ptr::null_mut();
        assert_eq!(unsafe { bq_poller_new(&raw const options, &raw mut handle) }, BQ_OK);
        Self { handle, backend, rung }
    }

    pub fn add(&self, queue: &Queue, events: u32) {
        let status = unsafe { bq_poller_add(self.handle, queue.handle, events, ptr::null_mut()) };
        assert_eq!(status, BQ_OK);
    }

    pub fn modify(&self, queue: &Queue, events: u32) {
        let status =
            unsafe { bq_poller_modify(self.handle, queue.handle, events, ptr::null_mut()) };
        assert_eq!(status, BQ_OK);
    }

    pub fn remove(&self, queue: &Queue) {
        assert_eq!(unsafe { bq_poller_remove(self.handle, queue.handle) }, BQ_OK);
    }

    /// Which queue is ready, one at most: the rest has to be reported later.
    pub fn poll(&self) -> Option<(*mut bq_queue, u32)> {
        let mut event = no_event();
        let count = unsafe { bq_poller_poll(self.handle, &raw mut event, 1) };
        assert!((0..=1).contains(&count));
        (count == 1).then_some((event.queue, event.events))
    }

    /// As `poll`; asleep until there is something or it is woken by hand.
    pub fn wait(&self) -> Option<(*mut bq_queue, u32)> {
        let mut event = no_event();
        let count = unsafe { bq_poller_wait(self.handle, &raw mut event, 1, BQ_FOREVER) };
        assert!((0..=1).contains(&count));
        (count == 1).then_some((event.queue, event.events))
    }

    pub fn wake(&self) {
        assert_eq!(unsafe { bq_poller_wake(self.handle) }, BQ_OK);
    }

    /// What a loop does between polls.
    pub fn sleep(&self) {
        match self.backend {
            Backend::Callback => {
                let (rung, heard) = &*self.rung;
                let mut rung = rung.lock().expect("a model does not poison");
                while !*rung {
                    rung = heard.wait(rung).expect("a model does not poison");
                }
                *rung = false;
            }
            Backend::Descriptor => {
                // Nobody may block who runs on the one thread of a model: who looks for ever fails.
                while !self.is_readable() {
                    shuttle::thread::yield_now();
                }
            }
        }
    }

    fn is_readable(&self) -> bool {
        let fd = unsafe { bq_poller_fd(self.handle) };
        assert!(fd >= 0);
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        unsafe { libc::poll(&raw mut poll, 1, BQ_NOWAIT as i32) == 1 }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        unsafe { bq_poller_unref(self.handle) };
    }
}

fn no_event() -> bq_event {
    bq_event { queue: ptr::null_mut(), data: ptr::null_mut(), events: 0 }
}
