//! Functions of the caller's program.

use std::ffi::c_void;

/// A C function, and the context that it is to be called with.
#[derive(Clone, Copy)]
pub struct Foreign<F> {
    function: F,
    context: *mut c_void,
}

// SAFETY: `new` is promised that the function may be called from any thread with this context.
unsafe impl<F> Send for Foreign<F> {}
// SAFETY: as above.
unsafe impl<F> Sync for Foreign<F> {}

impl<F: Copy> Foreign<F> {
    /// # Safety
    /// `function` can be called from any thread, as its C documentation says, with this context.
    pub unsafe fn new(function: F, context: *mut c_void) -> Self {
        Self { function, context }
    }

    pub fn parts(&self) -> (F, *mut c_void) {
        (self.function, self.context)
    }
}
