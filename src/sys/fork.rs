//! Telling a child of fork() from its parent: each life of the process has a number.
//!
//! The number lies on a page that the kernel wipes for a child, which so knows from its first instruction that its life
//! is not counted yet: also in handlers of pthread_atfork that run before one of ours would, and where none run. On a
//! kernel that cannot do that a handler counts.

use super::memory;
use crate::status::Status;
use crate::sync::process::{AtomicU32, Ordering};

const NOT_COUNTED: u32 = 0;

/// Alone on its pages, however large they are.
#[cfg_attr(target_arch = "x86_64", repr(align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(align(65536)))]
struct Page(AtomicU32);

static LIFE: Page = Page(AtomicU32::new(NOT_COUNTED));
/// How many lives this process and its ancestors have had since the first that used bridgeq.
static LIVES: AtomicU32 = AtomicU32::new(0);

/// The life in which a handle was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(u32);

impl Life {
    /// That no process ever has: it would take four thousand million forks, one from the other.
    pub const NONE: Self = Self(u32::MAX);
}

/// The next number.
fn next() -> u32 {
    // ORDERING: Relaxed; a number that stands for itself.
    LIVES.fetch_add(1, Ordering::Relaxed) + 1
}

extern "C" fn in_child() {
    // ORDERING: Relaxed; the child has one thread.
    LIFE.0.store(next(), Ordering::Relaxed);
}

/// Counts this life, and has every child count its own; before the first handle is made.
pub fn prepare() -> Result<(), Status> {
    if life() != Life(NOT_COUNTED) {
        return Ok(());
    }
    // SAFETY: the pages are all its own.
    let is_wiped = unsafe { memory::wipe_on_fork((&raw const LIFE).cast(), size_of::<Page>()) };
    // SAFETY: the handler only counts. The C library drops it with the object that registered it, if that is ever
    // unmapped: the shared library is not (-z nodelete), what links the static one may be.
    if !is_wiped && unsafe { libc::pthread_atfork(None, None, Some(in_child)) } != 0 {
        return Err(Status::NoMemory);
    }
    // ORDERING: Relaxed, both; of two threads that come here the first one counts. Both have registered a handler then,
    // and a life counts for two.
    let _ = LIFE.0.compare_exchange(NOT_COUNTED, next(), Ordering::Relaxed, Ordering::Relaxed);
    Ok(())
}

/// The life of this process.
#[inline]
pub fn life() -> Life {
    // ORDERING: Relaxed; once it is counted it changes only while the process has one thread.
    Life(LIFE.0.load(Ordering::Relaxed))
}

/// `Forked`: what was made in `born` belongs to the parent.
#[inline]
pub fn check(born: Life) -> Result<(), Status> {
    if born == life() { Ok(()) } else { Err(Status::Forked) }
}
