//! A lock of four bytes that needs no memory: for moments, held across no callback but `compare`.

use super::clock::Deadline;
use super::{cpu, futex};
use crate::sync::pause;
use crate::sync::process::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may be asleep.
const AWAITED: u32 = 2;

/// How often a thread looks again before it sleeps: longer than a short section takes.
const LOOKS: u32 = 100;

pub struct FutexLock(AtomicU32);

// SAFETY: the word goes from FREE to held by one thread at a time.
unsafe impl lock_api::RawMutex for FutexLock {
    type GuardMarker = lock_api::GuardSend;

    #[allow(clippy::declare_interior_mutable_const)] // what lock_api asks for: a seed, copied
    const INIT: Self = Self(AtomicU32::new(FREE));

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.lock_contended();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        // ORDERING: Acquire; pairs with the Release in unlock: what was done under the lock is seen.
        self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // ORDERING: Release; pairs with the Acquire of the next holder. A read-modify-write also when nobody sleeps:
        // `store::Locked` has it for its full fence, see fence_after_rmw.
        if self.0.swap(FREE, Ordering::Release) == AWAITED {
            futex::wake(&raw const self.0);
        }
    }
}

impl FutexLock {
    #[cold]
    fn lock_contended(&self) {
        for _ in 0..if cpu::alone() { 0 } else { LOOKS } {
            // ORDERING: Relaxed; only a hint, taking the lock below is what acquires.
            if self.0.load(Ordering::Relaxed) == FREE && lock_api::RawMutex::try_lock(self) {
                return;
            }
            pause();
        }
        // ORDERING: Acquire; as in try_lock. AWAITED stays until nobody sleeps any more: at worst one
        // wake too many, never one too few.
        while self.0.swap(AWAITED, Ordering::Acquire) != FREE {
            futex::wait(&self.0, AWAITED, Deadline::Never);
        }
    }
}
