//! How a queue is to be.

use std::ffi::c_void;

use crate::store::Compare;
use crate::sync::Foreign;
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
pub type Destroy = Foreign<DropFn>;

impl Destroy {
    /// # Safety
    /// `item` is an item that nobody else will ever see.
    pub unsafe fn call(self, item: *mut u8) {
        // SAFETY: as promised to `new`, and by the caller.
        unsafe {
            let (drop, context) = self.parts();
            drop(item.cast(), context);
        }
    }
}
