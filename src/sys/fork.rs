//! Telling a child of fork() from its parent: each life of the process has a number.

use crate::status::Status;
use crate::sync::process::{AtomicBool, AtomicU32, Ordering};

/// How many forks this process is away from its first ancestor that used bridgeq.
static LIFE: AtomicU32 = AtomicU32::new(0);
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// The life in which a handle was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(u32);

impl Life {
    /// That no process ever has: it would take four thousand million forks, one from the other.
    pub const NONE: Self = Self(u32::MAX);
}

extern "C" fn in_child() {
    // ORDERING: Relaxed; the child has one thread.
    LIFE.fetch_add(1, Ordering::Relaxed);
}

/// Has every child count its life; before the first handle is made.
pub fn prepare() -> Result<(), Status> {
    // ORDERING: Relaxed; the loser of the race registers a second time, and a life counts for two.
    if REGISTERED.load(Ordering::Relaxed) {
        return Ok(());
    }
    // SAFETY: the handler only counts. The C library drops it with the object that registered it, if that is ever
    // unmapped: the shared library is not (-z nodelete), what links the static one may be.
    if unsafe { libc::pthread_atfork(None, None, Some(in_child)) } != 0 {
        return Err(Status::NoMemory);
    }
    // ORDERING: Relaxed; as above.
    REGISTERED.store(true, Ordering::Relaxed);
    Ok(())
}

/// The life of this process.
#[inline]
pub fn life() -> Life {
    // ORDERING: Relaxed; changes only while the process has one thread.
    Life(LIFE.load(Ordering::Relaxed))
}

/// `Forked`: what was made in `born` belongs to the parent.
#[inline]
pub fn check(born: Life) -> Result<(), Status> {
    if born == life() { Ok(()) } else { Err(Status::Forked) }
}
