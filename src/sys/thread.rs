//! Telling one thread from another.

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(any(loom, shuttle))))]
use std::arch::asm;

#[cfg(not(any(loom, shuttle)))]
pub type Thread = libc::pthread_t;
#[cfg(any(loom, shuttle))]
pub type Thread = crate::sync::world::thread::ThreadId;

/// Whether [`token`] tells threads from each other, on this kind of processor.
pub const HAVE_TOKENS: bool =
    cfg!(any(loom, shuttle, target_arch = "x86_64", target_arch = "aarch64"));

/// In how many low bits alone the tokens of two threads never differ: what they point to is larger than that.
pub const TOKEN_BITS: u32 = 4;

/// A number that no other living thread has, and that is not 0, for the price of an instruction.
#[cfg(not(any(loom, shuttle)))]
#[inline(always)]
pub fn token() -> u64 {
    let pointer: u64;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: by the ABI this register points to its own address, which never changes while the thread lives.
    unsafe {
        asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(pure, nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads a register.
    unsafe {
        asm!("mrs {}, tpidr_el0", out(reg) pointer, options(pure, nomem, nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        pointer = 0;
    }
    pointer
}

#[cfg(any(loom, shuttle))]
pub fn token() -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(current()) << TOKEN_BITS
}

/// The thread that asks. Its number may be another thread's when it has ended.
pub fn current() -> Thread {
    #[cfg(not(any(loom, shuttle)))]
    // SAFETY: always succeeds, and touches nothing.
    return unsafe { libc::pthread_self() };
    #[cfg(any(loom, shuttle))]
    return crate::sync::world::thread::current().id();
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Barrier;

    #[test]
    fn tokens_tell_living_threads_apart_and_not_by_their_low_bits_alone() {
        const THREADS: usize = 50;
        let all = Barrier::new(THREADS);
        let tokens: HashSet<u64> = std::thread::scope(|scope| {
            let started = [(); THREADS].map(|()| {
                scope.spawn(|| {
                    all.wait();
                    let (first, second) = (token(), token());
                    all.wait();
                    assert_eq!(first, second);
                    assert_ne!(first, 0);
                    first >> TOKEN_BITS
                })
            });
            started.map(|thread| thread.join().unwrap()).into_iter().collect()
        });
        if HAVE_TOKENS {
            assert_eq!(tokens.len(), THREADS);
        }
    }
}
