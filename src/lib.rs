//! bridgeq: the queue between threads and event loops, for every language that can call C.
//!
//! The map; each layer uses only what stands above it here, but that `sync` and `sys` lean on each other:
//!
//! - [`status`]: why a call failed
//! - [`sync`]: atomics, locks and cells, so that a model checker can take their place
//! - [`sys`]: the operating system: sleeping, clocks, wake descriptors, fork
//! - [`store`]: what holds items; [`wait`]: the waiters. Neither knows the other
//! - [`queue`]: both together; [`poller`]: one loop's view of many queues
//! - [`ffi`]: the C boundary, documented in `include/bridgeq.h`

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "bridgeq is for 64-bit systems: the structs of its header have eight bytes to a field"
);

pub mod status;
pub mod sync;
pub mod sys;
pub mod store;
pub mod wait;
pub mod queue;
pub mod poller;
pub mod ffi;
