//! One fence for two threads. The side that runs often pays nothing, the side that runs rarely makes
//! the kernel send every running thread of the process through a full barrier.
//!
//! Where the kernel has no membarrier, both sides use a fence of their own, [`full`].

#[cfg(loom)]
pub use model::{
    Kind, choose, heavy, is_asymmetric, light, light_where_asymmetric, may_be_asymmetric, prepare,
};
#[cfg(not(loom))]
pub use system::{heavy, is_asymmetric, light, light_where_asymmetric, may_be_asymmetric, prepare};

/// The side that runs often, where the barrier is not asymmetric.
pub fn full() {
    crate::sync::fence(crate::sync::Ordering::SeqCst);
}

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
        // ORDERING: Relaxed; a number that stands for itself. The first answer stays: a queue may rely on it already
        // when a thread in a sandbox is told otherwise.
        if KIND.load(Ordering::Relaxed) == UNKNOWN {
            let registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
            let kind = if registered { KERNEL } else { FENCES };
            let _ = KIND.compare_exchange(UNKNOWN, kind, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether [`light`] is enough for the side that runs often. Never changes once there is a queue.
    pub fn is_asymmetric() -> bool {
        // ORDERING: Relaxed; set once, before there was a queue.
        KIND.load(Ordering::Relaxed) != FENCES
    }

    /// The side that runs often: what it stored before is visible to a thread that has run [`heavy`]
    /// since, or what it loads after sees what that thread stored before.
    #[inline]
    pub fn light() {
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    }

    /// As [`light`], in code that runs only where [`may_be_asymmetric`].
    #[inline(always)]
    pub fn light_where_asymmetric() {
        light();
    }

    /// Whether to do what would cost more where both sides need a fence.
    pub fn may_be_asymmetric() -> bool {
        is_asymmetric()
    }

    /// The side that runs rarely. See [`light`]. `false`: there is no such barrier, although there was one
    /// before (a sandbox that was entered later); the other side has to be waited for.
    pub fn heavy() -> bool {
        std::sync::atomic::fence(Ordering::SeqCst);
        // ORDERING: Relaxed; as in is_asymmetric.
        if KIND.load(Ordering::Relaxed) == FENCES || cfg!(shuttle) {
            return true;
        }
        // Should the registration be gone, as no kernel that we know has it after fork(); the global barrier needs none.
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)
            || (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
                && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
            || membarrier(MEMBARRIER_CMD_GLOBAL)
    }

    fn membarrier(command: i32) -> bool {
        // SAFETY: takes numbers, touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Makes the kernel refuse membarrier to this thread from now on. `false`: it has no such filters.
        fn refuse_membarrier() -> bool {
            const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
            let number = libc::SYS_membarrier as u32;
            let rule = |code: u32, jf, k| libc::sock_filter { code: code as u16, jt: 0, jf, k };
            let mut rules = [
                rule(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0), // the number of the system call
                rule(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number),
                rule(libc::BPF_RET, 0, REFUSE),
                rule(libc::BPF_RET, 0, libc::SECCOMP_RET_ALLOW),
            ];
            let program = libc::sock_fprog { len: rules.len() as u16, filter: rules.as_mut_ptr() };
            let (filter, mode) = (libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER);
            // SAFETY: the program and its rules are valid during the calls.
            unsafe {
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                    && libc::prctl(filter, mode, &raw const program) == 0
            }
        }

        #[test]
        fn a_barrier_that_is_refused_is_not_said_to_be_one() {
            prepare();
            assert!(heavy());
            let refused = || std::thread::spawn(|| refuse_membarrier().then(heavy)).join().unwrap();
            // ORDERING: Relaxed; set above. Fences on both sides need no barrier of the kernel.
            let needs_the_kernel = KIND.load(Ordering::Relaxed) == KERNEL;
            match refused() {
                None => eprintln!("no seccomp filters here, nothing was tested"),
                Some(said) => assert_eq!(said, !needs_the_kernel),
            }
            assert!(heavy()); // nothing is refused to this thread
        }

        #[test]
        fn where_there_is_no_barrier_from_the_start_the_side_that_runs_often_must_fence() {
            const NOT_TESTED: i32 = 2;
            // SAFETY: the child makes a few system calls and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let refused = refuse_membarrier();
                // ORDERING: Relaxed; the child has one thread.
                KIND.store(UNKNOWN, Ordering::Relaxed);
                prepare();
                let code = if refused { i32::from(is_asymmetric()) } else { NOT_TESTED };
                // SAFETY: ends the child, at once.
                unsafe { libc::_exit(code) };
            }
            let mut status = 0;
            // SAFETY: `status` is valid during the call.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert!(libc::WIFEXITED(status));
            match libc::WEXITSTATUS(status) {
                NOT_TESTED => eprintln!("no seccomp filters here, nothing was tested"),
                said => assert_eq!(said, 0),
            }
        }
    }
}

#[cfg(loom)]
mod model {
    use std::cell::Cell;

    use crate::sync::{Mutex, Ordering, fence};

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

    pub fn is_asymmetric() -> bool {
        KIND.get() == Kind::Asymmetric
    }

    pub fn light() {}

    loom::lazy_static! { static ref CUT: Mutex<()> = Mutex::new(()); }

    /// Comes before a [`heavy`] of another thread, and then what was stored before is visible to that one; or
    /// after it, and then what that one stored before is visible here. It orders nothing with anybody else.
    pub fn light_where_asymmetric() {
        drop(CUT.lock());
    }

    pub fn may_be_asymmetric() -> bool {
        true
    }

    pub fn heavy() -> bool {
        fence(Ordering::SeqCst);
        drop(CUT.lock());
        KIND.get() == Kind::Fences
    }
}
