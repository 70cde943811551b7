//! How a queue under test is to be, and what its callbacks do.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::ptr;

use bridgeq::ffi::items::bq_put;
use bridgeq::ffi::queue::{
    BQ_FIFO, BQ_FOREVER, BQ_LIFO, BQ_NO_LINGER, BQ_NOWAIT, BQ_PRIORITY, bq_compare_fn, bq_options,
    bq_queue,
};
use bridgeq::ffi::status::bq_status;

use super::input::Input;
use crate::spec::Order;

/// Items of this size exist in no memory: every put is refused.
pub const TOO_LARGE: usize = isize::MAX as usize / 4;
/// With the largest of them rings are used again and their pages given back after a few dozen items.
const SIZES: [usize; 16] =
    [8, 0, 1, 2, 3, 7, 16, 24, 100, 4097, 8, TOO_LARGE, 8, 8, 1 << 16, 1 << 20];
pub const CAPACITIES: [usize; 12] = [0, 1, 2, 3, 4, 5, 16, 17, 64, 100, usize::MAX, 1 << 40];

/// What the callbacks of a queue share with the test.
pub struct Context {
    pub size: usize,
    pub dropped: RefCell<Vec<Vec<u8>>>,
    /// The queue, and how many items `drop` is still to put back into it.
    pub puts_back: Cell<(*mut bq_queue, usize)>,
    /// What those puts said.
    pub put_back: RefCell<Vec<bq_status>>,
    lies: Cell<u32>,
}

impl Context {
    pub fn new(size: usize) -> Box<Self> {
        Box::new(Self {
            size,
            dropped: RefCell::default(),
            puts_back: Cell::new((ptr::null_mut(), 0)),
            put_back: RefCell::default(),
            lies: Cell::new(7),
        })
    }
}

unsafe extern "C" fn log_drop(item: *mut c_void, context: *mut c_void) {
    // SAFETY: the context is that of the queue, and the item as long as it says.
    let (context, bytes) = unsafe {
        let context = &*context.cast::<Context>();
        (context, std::slice::from_raw_parts(item.cast::<u8>(), context.size))
    };
    context.dropped.borrow_mut().push(bytes.to_vec());
    if let (queue, left @ 1..) = context.puts_back.get() {
        context.puts_back.set((queue, left - 1));
        let status = unsafe { bq_put(queue, item, BQ_NOWAIT) };
        context.put_back.borrow_mut().push(status);
    }
}

unsafe extern "C" fn by_first_byte(a: *const c_void, b: *const c_void, _: *mut c_void) -> c_int {
    // SAFETY: items are at least one byte long.
    let (a, b) = unsafe { (*a.cast::<u8>(), *b.cast::<u8>()) };
    c_int::from(a) - c_int::from(b)
}

unsafe extern "C" fn liar(_: *const c_void, _: *const c_void, context: *mut c_void) -> c_int {
    // SAFETY: the context is that of the queue.
    let lies = unsafe { &(*context.cast::<Context>()).lies };
    lies.set(lies.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    (lies.get() >> 16) as c_int % 3 - 1
}

/// A struct as a later version may have it: what is behind today's end must be zero.
#[repr(C)]
pub struct Later<T> {
    pub today: T,
    tail: [u8; TAIL],
}

const TAIL: usize = 24;

impl<T> Later<T> {
    pub fn new(today: T) -> Self {
        Self { today, tail: [0; TAIL] }
    }

    /// Makes it longer; by how much, and whether that says anything.
    pub fn lengthen(&mut self, input: &mut Input<'_>) -> (usize, bool) {
        let more = 1 + input.below(TAIL);
        let at = input.below(TAIL);
        self.tail[at] = input.pick(&[0, 1, 0x80]);
        (more, self.tail[..more].iter().any(|&byte| byte != 0))
    }
}

/// What a queue is asked to be like.
pub struct Asked {
    pub options: Later<bq_options>,
    /// Said by saying nothing.
    pub by_null: bool,
    /// `None`: that is refused.
    pub order: Option<Order>,
}

impl Asked {
    pub fn new(input: &mut Input<'_>) -> Self {
        let compares: [(u32, bq_compare_fn, Order); 6] = [
            (BQ_FIFO, None, Order::Fifo),
            (BQ_LIFO, None, Order::Lifo),
            (BQ_PRIORITY, None, Order::Priority),
            (BQ_FIFO, None, Order::Fifo),
            (BQ_PRIORITY, Some(by_first_byte), Order::Priority),
            (BQ_PRIORITY, Some(liar), Order::Whatever),
        ];
        let (order, compare, means) = input.pick(&compares);
        let options = bq_options {
            size: size_of::<bq_options>(),
            order,
            flags: 0,
            capacity: input.pick(&CAPACITIES),
            item_size: input.pick(&SIZES),
            drop: if input.rarely() { None } else { Some(log_drop) },
            compare,
            context: ptr::null_mut(),
            linger_ns: input.pick(&[BQ_NO_LINGER, 0, 300]),
        };
        let mut asked = Self { options: Later::new(options), by_null: false, order: Some(means) };
        if input.rarely() && asked.is_spoilt(input) {
            asked.order = None;
        }
        asked
    }

    /// Makes something about it odd; whether that is wrong.
    fn is_spoilt(&mut self, input: &mut Input<'_>) -> bool {
        const SIZE: usize = size_of::<bq_options>();
        let options = &mut self.options.today;
        match input.below(8) {
            0 => options.size = input.pick(&[0, 1, 8, SIZE - 1, 5000, usize::MAX]),
            1 => options.order = input.pick(&[3, 4, 255, u32::MAX]),
            2 => options.flags = 1 << input.below(32),
            3 => options.item_size = input.pick(&[TOO_LARGE + 1, isize::MAX as usize, usize::MAX]),
            4 => options.linger_ns = input.pick(&[-2, i64::MIN]),
            5 => {
                options.order = input.pick(&[BQ_FIFO, BQ_LIFO]);
                options.compare = Some(by_first_byte);
            }
            6 => {
                let (more, says_something) = self.options.lengthen(input);
                self.options.today.size += more;
                return says_something;
            }
            _ => {
                (self.by_null, self.order) = (true, Some(Order::Fifo));
                (options.order, options.compare, options.drop) = (BQ_FIFO, None, None);
                (options.capacity, options.item_size) = (0, 0);
                return false;
            }
        }
        true
    }

    pub fn pointer(&self) -> *const bq_options {
        if self.by_null { ptr::null() } else { ptr::from_ref(&self.options).cast() }
    }
}

/// How long to wait, and whether that is a timeout at all. For ever only where nothing has to be
/// waited for.
pub fn timeout(input: &mut Input<'_>, would_wait: bool) -> (i64, bool) {
    match input.below(16) {
        0..=8 => (BQ_NOWAIT, true),
        9 if would_wait => (1 + i64::from(input.byte()) * 8, true),
        9..=11 if would_wait => (1, true),
        9 | 10 => (BQ_FOREVER, true),
        11 | 12 => (if would_wait { BQ_NOWAIT } else { i64::MAX }, true),
        13 => (-2, false),
        14 => (i64::MIN, false),
        _ => (BQ_NOWAIT, true),
    }
}
