//! Making calls and recording what they said: on real threads, or on those of a model.

#![allow(clippy::undocumented_unsafe_blocks)] // the queue outlives every call, buffers are long enough

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use bridgeq::ffi::batch::{bq_get_many, bq_put_many};
use bridgeq::ffi::end::{bq_clear, bq_shutdown};
use bridgeq::ffi::events::bq_poll;
use bridgeq::ffi::inspect::{bq_len, bq_set_capacity, bq_unfinished};
use bridgeq::ffi::items::{bq_get, bq_peek, bq_put, bq_put_priority};
use bridgeq::ffi::queue::{
    BQ_FIFO, BQ_LIFO, BQ_NO_LINGER, BQ_NOWAIT, BQ_PRIORITY, bq_options, bq_queue, bq_queue_new,
    bq_queue_unref,
};
use bridgeq::ffi::status::{BQ_OK, bq_status};
use bridgeq::ffi::tasks::{bq_join, bq_task_done};

use super::operation::Call;
use crate::spec::{Order, Spec};

#[cfg(shuttle)]
use shuttle::thread_local;

/// What a thread is going to do.
#[derive(Clone, Debug)]
pub enum Plan {
    Put { items: Vec<(u64, i64)>, many: bool, timeout_ns: i64 },
    Get { most: usize, many: bool, timeout_ns: i64 },
    Peek { timeout_ns: i64 },
    TaskDone(u64),
    Join { timeout_ns: i64 },
    Shutdown { discard: bool },
    Clear,
    Poll { event: u32, timeout_ns: i64 },
    SetCapacity(usize),
    Len,
    Unfinished,
    Rest,
}

thread_local! {
    /// What this thread has handed to `drop` lately.
    static DROPPED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A call that was made, and when.
pub struct Done {
    pub began: u64,
    pub ended: u64,
    pub call: Call,
    /// What its thread handed to `drop` meanwhile.
    pub dropped: Vec<u64>,
}

pub struct Tested {
    handle: *mut bq_queue,
    item_size: usize,
}

// SAFETY: a handle may be used from any thread.
unsafe impl Send for Tested {}
// SAFETY: as above.
unsafe impl Sync for Tested {}

unsafe extern "C" fn log_drop(item: *mut c_void, _context: *mut c_void) {
    // SAFETY: an item starts with its number.
    let number = unsafe { item.cast::<u64>().read_unaligned() };
    DROPPED.with(|dropped| dropped.borrow_mut().push(number));
}

impl Tested {
    /// A queue such as the specification starts with, and how large its items are (8 bytes or more).
    pub fn new(spec: &Spec, item_size: usize) -> Self {
        let options = bq_options {
            size: size_of::<bq_options>(),
            order: match spec.order {
                Order::Fifo => BQ_FIFO,
                Order::Lifo => BQ_LIFO,
                Order::Priority => BQ_PRIORITY,
                Order::Whatever => unreachable!("no order to record"),
            },
            flags: 0,
            capacity: spec.capacity,
            item_size,
            drop: Some(log_drop),
            compare: None,
            context: ptr::null_mut(),
            linger_ns: BQ_NO_LINGER,
        };
        let mut handle = ptr::null_mut();
        assert_eq!(unsafe { bq_queue_new(&raw const options, &raw mut handle) }, BQ_OK);
        Self { handle, item_size }
    }

    /// Does it, with a look at the clock right before and right after.
    pub fn perform(&self, plan: &Plan, clock: &AtomicU64) -> Done {
        let mut buffer = self.prepare(plan);
        let began = clock.fetch_add(1, SeqCst);
        let said = self.call(plan, buffer.as_mut_ptr().cast());
        let ended = clock.fetch_add(1, SeqCst);
        let dropped = DROPPED.with(RefCell::take);
        if let Plan::Clear = plan {
            assert_eq!(said, dropped.len() as isize, "clear counts what it hands to drop");
        }
        Done { began, ended, call: self.explain(plan, said, &buffer), dropped }
    }

    pub fn holds(&self, event: u32) -> bool {
        unsafe { bq_poll(self.handle, event, BQ_NOWAIT) == event }
    }

    fn prepare(&self, plan: &Plan) -> Vec<u8> {
        match plan {
            Plan::Put { items, .. } => items.iter().flat_map(|one| self.item(one.0)).collect(),
            Plan::Get { most, .. } => vec![0; most * self.item_size],
            Plan::Peek { .. } => vec![0; self.item_size],
            _ => Vec::new(),
        }
    }

    /// The call itself: a status, a count, or what else it says.
    fn call(&self, plan: &Plan, item: *mut c_void) -> isize {
        let queue = self.handle;
        let status: bq_status = match *plan {
            Plan::Put { ref items, many: true, timeout_ns } => {
                return unsafe { bq_put_many(queue, item, items.len(), timeout_ns) };
            }
            Plan::Put { ref items, timeout_ns, .. } => match items[0].1 {
                0 => unsafe { bq_put(queue, item, timeout_ns) },
                priority => unsafe { bq_put_priority(queue, item, priority, timeout_ns) },
            },
            Plan::Get { most, many: true, timeout_ns } => {
                return unsafe { bq_get_many(queue, item, most, timeout_ns) };
            }
            Plan::Get { timeout_ns, .. } => unsafe { bq_get(queue, item, timeout_ns) },
            Plan::Peek { timeout_ns } => unsafe { bq_peek(queue, item, timeout_ns) },
            Plan::TaskDone(count) => unsafe { bq_task_done(queue, count as usize) },
            Plan::Join { timeout_ns } => unsafe { bq_join(queue, timeout_ns) },
            Plan::Shutdown { discard } => unsafe { bq_shutdown(queue, u32::from(discard)) },
            Plan::SetCapacity(capacity) => unsafe { bq_set_capacity(queue, capacity) },
            Plan::Clear => return unsafe { bq_clear(queue) } as isize,
            Plan::Poll { event, timeout_ns } => {
                return unsafe { bq_poll(queue, event, timeout_ns) } as isize;
            }
            Plan::Len => return unsafe { bq_len(queue) } as isize,
            Plan::Unfinished => return unsafe { bq_unfinished(queue) } as isize,
            Plan::Rest => BQ_OK,
        };
        status as isize
    }

    fn explain(&self, plan: &Plan, said: isize, buffer: &[u8]) -> Call {
        let refused = if said > 0 { BQ_OK } else { said as bq_status };
        // How many items a put or a get has moved.
        let moved = |many: bool| match many {
            true => said.max(0) as usize,
            false => usize::from(said == BQ_OK as isize),
        };
        match *plan {
            Plan::Put { ref items, many, .. } => {
                Call::Put { items: items.clone(), put: moved(many), refused }
            }
            Plan::Get { most, many, .. } => {
                let items = buffer.chunks(self.item_size).take(moved(many));
                let items = items.map(|item| self.number(item)).collect();
                Call::Get { most, items, refused }
            }
            Plan::Peek { .. } if refused == BQ_OK => Call::Peek(Ok(self.number(buffer))),
            Plan::Peek { .. } => Call::Peek(Err(refused)),
            Plan::TaskDone(count) => Call::TaskDone { count, status: refused },
            Plan::Join { .. } => Call::Join(refused),
            Plan::Poll { event, .. } => Call::Poll { event, holds: said == event as isize },
            Plan::Len => Call::Len(said as usize),
            Plan::Unfinished => Call::Unfinished(said as usize),
            Plan::Clear => Call::Clear,
            Plan::Rest => Call::Rest,
            Plan::Shutdown { discard } => {
                assert_eq!(refused, BQ_OK);
                Call::Shutdown { discard }
            }
            Plan::SetCapacity(capacity) => {
                assert_eq!(refused, BQ_OK);
                Call::SetCapacity(capacity)
            }
        }
    }

    /// An item: its number, and again to its end.
    fn item(&self, number: u64) -> Vec<u8> {
        number.to_le_bytes().into_iter().cycle().take(self.item_size).collect()
    }

    /// The number of an item that has to be whole.
    fn number(&self, item: &[u8]) -> u64 {
        let number = u64::from_le_bytes(item[..8].try_into().expect("eight bytes"));
        assert_eq!(item, self.item(number), "an item came in pieces");
        number
    }
}

impl Drop for Tested {
    fn drop(&mut self) {
        unsafe { bq_queue_unref(self.handle) };
        DROPPED.with(RefCell::take);
    }
}
