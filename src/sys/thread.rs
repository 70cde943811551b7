//! Telling one thread from another.

#[cfg(not(any(loom, shuttle)))]
pub type Thread = libc::pthread_t;
#[cfg(any(loom, shuttle))]
pub type Thread = crate::sync::world::thread::ThreadId;

/// The thread that asks. Its number may be another thread's when it has ended.
pub fn current() -> Thread {
    #[cfg(not(any(loom, shuttle)))]
    // SAFETY: always succeeds, and touches nothing.
    return unsafe { libc::pthread_self() };
    #[cfg(any(loom, shuttle))]
    return crate::sync::world::thread::current().id();
}
