//! How many processors this process may use.

use crate::sync::process::{AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether there is only one: spinning for somebody else is then a waste.
#[inline]
pub fn alone() -> bool {
    // ORDERING: Relaxed; a number that stands for itself.
    match COUNT.load(Ordering::Relaxed) {
        0 => ask() == 1,
        count => count == 1,
    }
}

#[cold]
fn ask() -> usize {
    // SAFETY: an all-zero set is empty, and the kernel writes no more than its size.
    let count = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let known = libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) == 0;
        if known { libc::CPU_COUNT(&set) as usize } else { 2 }
    };
    // ORDERING: Relaxed; as above. Two threads may both ask, and get the same answer.
    COUNT.store(count.max(1), Ordering::Relaxed);
    count
}
