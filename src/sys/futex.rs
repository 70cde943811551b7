//! Sleeping on a word, and waking the thread that sleeps on it.

use super::clock::Deadline;
use super::errno;
use crate::sync::process::AtomicU32;
use crate::sync::yield_now;

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slept {
    /// Woken, interrupted, or the word was not as expected: look again.
    LookAgain,
    DeadlinePassed,
}

/// Sleeps while `word` is `expected`, until somebody wakes it or the deadline passes.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Slept {
    let until = match deadline {
        Deadline::Passed => return Slept::DeadlinePassed,
        Deadline::At(ns) => Some(libc::timespec {
            tv_sec: (ns / 1_000_000_000) as libc::time_t,
            tv_nsec: (ns % 1_000_000_000) as libc::c_long,
        }),
        Deadline::Never => None,
    };
    let until = until.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `word` and `until` are valid during the call. The deadline is absolute, so that an
    // interrupted sleep does not stretch it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG,
            expected,
            until,
            std::ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        )
    };
    let error = if result == -1 { errno() } else { 0 };
    match error {
        0 | libc::EAGAIN | libc::EINTR => Slept::LookAgain,
        libc::ETIMEDOUT => Slept::DeadlinePassed,
        // A sandbox refuses it: there is no sleep to be had, and the deadline holds all the same.
        _ if deadline.has_passed() => Slept::DeadlinePassed,
        _ => {
            yield_now();
            Slept::LookAgain
        }
    }
}

/// Wakes one thread that sleeps on the word at this address. The address is a name only: the word may
/// be gone.
#[allow(clippy::not_unsafe_ptr_arg_deref)] // nobody follows the pointer
pub fn wake(word: *const AtomicU32) {
    // SAFETY: a private futex wake does not access the word.
    unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1);
    }
}
