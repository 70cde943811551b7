//! The operating system: the only layer that calls libc.

pub mod barrier;
pub mod clock;
pub mod cpu;
pub mod fork;
pub mod futex;
pub mod lock;
pub mod memory;
pub mod park;
pub mod thread;
pub mod wakefd;

use crate::status::Status;

/// Why the last system call of this thread failed.
fn errno() -> std::ffi::c_int {
    // SAFETY: the thread's own.
    unsafe { *libc::__errno_location() }
}

/// What the process needs once before its first queue: all of it may be asked for again.
pub fn prepare() -> Result<(), Status> {
    barrier::prepare();
    cpu::alone(); // opens a file when it is first asked, which a sandbox that is entered later may not allow
    fork::prepare()
}
