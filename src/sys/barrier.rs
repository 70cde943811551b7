//! One fence for two threads. The side that runs often pays nothing, the side that runs rarely makes
//! the kernel send every running thread of the process through a full barrier.
//!
//! Where the kernel has no membarrier, both sides use a fence of their own.

#[cfg(loom)]
pub use model::{Kind, choose, heavy, light, prepare};
#[cfg(not(loom))]
pub use system::{heavy, light, prepare};

#[cfg(not(loom))]
mod system {
    use crate::sync::process::{AtomicU8, Ordering};

    const MEMBARRIER_CMD_GLOBAL: i32 = 1;
    const MEMBARRIER_CMD_PRIVATE_EXPEDITED: i32 = 1 << 3;
    const MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED: i32 = 1 << 4;

    const UNKNOWN: u8 = 0;
    const KERNEL: u8 = 1;
    const FENCES: u8 = 2;

    static KIND: AtomicU8 = AtomicU8::new(UNKNOWN);

    /// Finds out what the kernel offers; before the first queue is made.
    pub fn prepare() {
        // ORDERING: Relaxed; the answer is the same for every thread that asks.
        if KIND.load(Ordering::Relaxed) == UNKNOWN {
            let registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
            KIND.store(if registered { KERNEL } else { FENCES }, Ordering::Relaxed);
        }
    }

    /// The side that runs often: what it stored before is visible to a thread that has run [`heavy`]
    /// since, or what it loads after sees what that thread stored before.
    #[inline]
    pub fn light() {
        use std::sync::atomic::{compiler_fence, fence};
        // ORDERING: Relaxed; set once, before there was a queue to use it with.
        if KIND.load(Ordering::Relaxed) == FENCES {
            fence(Ordering::SeqCst);
        } else {
            compiler_fence(Ordering::SeqCst);
        }
    }

    /// The side that runs rarely. See [`light`]. `false`: there is no such barrier, although there was one
    /// before (a sandbox that was entered later); the other side has to be waited for.
    pub fn heavy() -> bool {
        std::sync::atomic::fence(Ordering::SeqCst);
        // ORDERING: Relaxed; as in light().
        if KIND.load(Ordering::Relaxed) == FENCES || cfg!(shuttle) {
            return true;
        }
        // A child of fork() has to register again; the global barrier needs no registration.
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)
            || (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
                && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
            || membarrier(MEMBARRIER_CMD_GLOBAL)
    }

    fn membarrier(command: i32) -> bool {
        // SAFETY: takes numbers, touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }
}

#[cfg(loom)]
mod model {
    use std::cell::Cell;

    use crate::sync::{Ordering, fence};

    /// What a model is of.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Kind {
        /// A fence on both sides.
        Fences,
        /// Nothing on the side that runs often. A model has no membarrier: the other side has to wait.
        Asymmetric,
    }

    thread_local! { static KIND: Cell<Kind> = const { Cell::new(Kind::Fences) }; }

    /// For every model that this thread runs from now on.
    pub fn choose(kind: Kind) {
        KIND.set(kind);
    }

    pub fn prepare() {}

    pub fn light() {
        if KIND.get() == Kind::Fences {
            fence(Ordering::SeqCst);
        }
    }

    pub fn heavy() -> bool {
        fence(Ordering::SeqCst);
        KIND.get() == Kind::Fences
    }
}
