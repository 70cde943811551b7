//! The descriptor that makes an event loop come: an eventfd, or a pipe where loops watch nothing else.
//!
//! Read, written and closed by bare system calls: the functions of the C library are cancellation points,
//! and a thread that is cancelled must not unwind through Rust.

use std::ffi::c_int;

use super::errno;
use crate::status::Status;
use crate::sync::KernelOrder;

/// What a descriptor is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    EventFd,
    Pipe,
}

/// A descriptor that can be made readable, and quiet again. Both ends are the same eventfd, or the two
/// of a pipe.
pub struct WakeFd {
    reads: c_int,
    writes: c_int,
    kernel: KernelOrder,
}

impl WakeFd {
    /// `NoFd`: the limit on descriptors is reached. `NoMemory`: the kernel has no memory for it.
    pub fn new(kind: Kind) -> Result<Self, Status> {
        let mut ends = [-1; 2];
        // SAFETY: takes numbers, or an array of two to write to.
        let failed = unsafe {
            match kind {
                Kind::EventFd => {
                    ends = [libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK); 2];
                    ends[0] < 0
                }
                Kind::Pipe => {
                    libc::pipe2(&raw mut ends[0], libc::O_CLOEXEC | libc::O_NONBLOCK) != 0
                }
            }
        };
        if failed {
            return Err(if errno() == libc::ENOMEM { Status::NoMemory } else { Status::NoFd });
        }
        Ok(Self { reads: ends[0], writes: ends[1], kernel: KernelOrder::of_new_descriptor() })
    }

    /// What a loop registers.
    pub fn fd(&self) -> c_int {
        self.reads
    }

    /// Whether it has room for so few rings that they must be read away.
    pub fn fills_up(&self) -> bool {
        self.reads != self.writes
    }

    /// Makes the descriptor readable. Async-signal-safe.
    pub fn ring(&self) {
        let _in_order = self.kernel.lock();
        let one = 1u64.to_ne_bytes();
        let bytes = if self.reads == self.writes { 8 } else { 1 };
        // Interrupted: once more. Full: it is readable already, which is all that is wanted.
        // SAFETY: `one` is eight bytes long.
        while unsafe { libc::syscall(libc::SYS_write, self.writes, one.as_ptr(), bytes) } < 0
            && interrupted()
        {}
    }

    /// Makes the descriptor quiet, however often it was rung.
    pub fn quiet(&self) {
        let _in_order = self.kernel.lock();
        let mut bytes = [0u8; 64];
        loop {
            // SAFETY: `bytes` is as long as it says. The descriptor does not block.
            let got = unsafe {
                libc::syscall(libc::SYS_read, self.reads, bytes.as_mut_ptr(), bytes.len())
            };
            // An eventfd is empty after eight bytes, a pipe when there is less than was asked for.
            if got == bytes.len() as libc::c_long || got < 0 && interrupted() {
                continue;
            }
            return;
        }
    }
}

impl Drop for WakeFd {
    fn drop(&mut self) {
        // SAFETY: ours, closed once.
        unsafe {
            libc::syscall(libc::SYS_close, self.reads);
            if self.writes != self.reads {
                libc::syscall(libc::SYS_close, self.writes);
            }
        }
    }
}

fn interrupted() -> bool {
    errno() == libc::EINTR
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn readable(fd: c_int) -> bool {
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one descriptor to look at.
        unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
    }

    #[test]
    fn ringing_makes_it_readable_and_quiet_ends_that() {
        for kind in [Kind::EventFd, Kind::Pipe] {
            let fd = WakeFd::new(kind).unwrap();
            assert!(!readable(fd.fd()));
            fd.quiet();
            for rings in [1, 2, 200] {
                (0..rings).for_each(|_| fd.ring());
                assert!(readable(fd.fd()));
                fd.quiet();
                assert!(!readable(fd.fd()));
            }
        }
    }
}
