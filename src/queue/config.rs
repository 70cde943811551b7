//! How a queue is to be.

use std::ffi::c_void;

use crate::store::Compare;
use crate::wait::Linger;

type DropFn = unsafe extern "C" fn(*mut c_void, *mut c_void);

pub struct Config {
    pub order: Order,
    /// 0: unbounded.
    pub capacity: usize,
    pub item_size: usize,
    pub destroy: Option<Destroy>,
    pub linger: Linger,
}

/// In which order items leave.
#[derive(Clone, Copy)]
pub enum Order {
    Fifo,
    Lifo,
    Priority,
    Compare(Compare),
}

/// What to do with an item that is discarded.
#[derive(Clone, Copy)]
pub struct Destroy {
    function: DropFn,
    context: *mut c_void,
}

// SAFETY: the C contract says that the function is called from any thread with this context.
unsafe impl Send for Destroy {}
// SAFETY: as above.
unsafe impl Sync for Destroy {}

impl Destroy {
    /// # Safety
    /// `function` can be called from any thread with an item and this context.
    pub unsafe fn new(function: DropFn, context: *mut c_void) -> Self {
        Self { function, context }
    }

    /// # Safety
    /// `item` is an item that nobody else will ever see.
    pub unsafe fn call(self, item: *mut u8) {
        // SAFETY: as promised to `new`, and by the caller.
        unsafe { (self.function)(item.cast(), self.context) };
    }
}
