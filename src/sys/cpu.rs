//! How many processors the machine has, and which one runs a thread.

use crate::sync::process::{AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether there is only one: spinning for somebody else is then a waste. Not asked of a thread's
/// affinity: it may be bound to one processor, and the other side to another.
#[inline]
pub fn alone() -> bool {
    // ORDERING: Relaxed; a number that stands for itself.
    match COUNT.load(Ordering::Relaxed) {
        0 => ask() == 1,
        count => count == 1,
    }
}

/// The number of the one that runs this, unless the thread has just been moved; 0 where it is not known.
pub fn current() -> usize {
    // SAFETY: takes and changes nothing; -1 where it is not known.
    usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0)
}

#[cold]
fn ask() -> usize {
    // SAFETY: takes a number.
    let online = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    let count = usize::try_from(online).unwrap_or(2).max(1);
    // ORDERING: Relaxed; as above. Two threads may both ask, and get the same answer.
    COUNT.store(count, Ordering::Relaxed);
    count
}
