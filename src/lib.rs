//! bridgeq: the queue between threads and event loops, for every language that can call C.
//!
//! The map; each layer uses only what stands above it here, but that the first two lean on each other:
//!
//! - [`sync`]: atomics, locks and cells, so that a model checker can take their place
//! - [`sys`]: the operating system: sleeping, clocks, wake descriptors, fork
//! - [`status`]: why a call failed
//! - [`store`]: what holds items; [`wait`]: the waiters. Neither knows the other
//! - [`queue`]: both together; [`poller`]: one loop's view of many queues
//! - [`ffi`]: the C boundary, documented in `include/bridgeq.h`

pub mod status;
pub mod sync;
pub mod sys;
pub mod store;
pub mod wait;
pub mod queue;
pub mod poller;
pub mod ffi;
