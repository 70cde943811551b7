//! The one place that names atomics, locks and cells: the standard library's, or a model checker's.

#[cfg(loom)]
pub(crate) use loom as world;
#[cfg(shuttle)]
pub(crate) use shuttle as world;
#[cfg(not(any(loom, shuttle)))]
use std as world;

/// Whether a model checker runs this: it wants short loops, and knows no clock.
pub const MODEL: bool = cfg!(any(loom, shuttle));

/// Whether to do at once what otherwise takes thousands of calls to be worth it: for tests.
pub const EAGER: bool = cfg!(eager);

#[cfg(not(shuttle))]
pub use world::sync::atomic::fence;
#[cfg(not(loom))]
pub use world::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

#[cfg(loom)]
pub use seen::{AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize};
#[cfg(loom)]
pub use world::sync::atomic::Ordering;

/// shuttle has one order of everything, as if there were a fence everywhere.
#[cfg(shuttle)]
pub fn fence(_: Ordering) {}

pub use cell::{Cell, UnsafeCell};
pub use foreign::Foreign;
pub use lock::{KernelOrder, Mutex, MutexGuard};
pub use prefetch::{prefetch_for_reading, prefetch_for_writing};
pub use shared::{Counted, Ends, Shared};

mod cell;
mod foreign;
mod lock;
mod prefetch;
#[cfg(loom)]
mod seen;
mod shared;

/// Atomics of the process, outside of every model: for statics and for words shared with the kernel.
pub mod process {
    pub use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };
}

/// Tells the processor that this is a spin loop.
#[inline]
pub fn pause() {
    #[cfg(not(any(loom, shuttle)))]
    std::hint::spin_loop();
    // Nothing in loom: there a thread sees the latest of every value that it looks at again after a
    // yield, and the orderings that should bring them about would not be missed.
    #[cfg(shuttle)]
    world::thread::yield_now();
}

/// Lets another thread run.
#[inline]
pub fn yield_now() {
    world::thread::yield_now();
}

/// A full fence right after a read-modify-write, also a compare-and-swap that failed. On x86-64 the locked
/// instruction has been one already, and only the compiler must be told.
#[inline]
pub fn fence_after_rmw() {
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle))))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, shuttle)))))]
    fence(Ordering::SeqCst);
}
