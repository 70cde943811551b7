//! How a sleeping loop or thread is woken.

use std::ffi::{c_int, c_void};
use std::ptr;

use super::callers::Callers;
use super::inbox::Sleeper;
use crate::status::Status;
use crate::sync::{AtomicPtr, Foreign, Mutex, Ordering, fence_after_rmw};
use crate::sys::clock::Deadline;
use crate::sys::futex::Slept;
use crate::sys::park::Chime;
use crate::sys::wakefd::{Kind, WakeFd};

type WakeFn = unsafe extern "C" fn(*mut c_void);

/// What a loop wants to be woken by.
#[derive(Clone, Copy)]
pub enum Backend {
    EventFd,
    Pipe,
    Callback(Callback),
}

/// The caller's way to wake its loop.
pub type Callback = Foreign<WakeFn>;

pub(super) struct Bell {
    backend: Backend,
    /// The descriptor; null: nobody has asked for it yet; MISSED: nor had they when it rang.
    fd: AtomicPtr<WakeFd>,
    making: Mutex<()>,
    /// What a thread in bq_poller_wait sleeps on.
    thread: Chime,
    callers: Callers,
}

const MISSED: *mut WakeFd = ptr::without_provenance_mut(1);

impl Bell {
    pub fn new(backend: Backend) -> Self {
        Self {
            backend,
            fd: AtomicPtr::new(ptr::null_mut()),
            making: Mutex::new(()),
            thread: Chime::new(),
            callers: Callers::new(),
        }
    }

    /// The descriptor, if it was made.
    pub fn made(&self) -> Option<&WakeFd> {
        // ORDERING: Acquire; pairs with the Release in fd.
        let fd = self.fd.load(Ordering::Acquire);
        // SAFETY: made once, freed with the bell.
        if fd == MISSED { None } else { unsafe { fd.as_ref() } }
    }

    /// The descriptor, made now if need be; readable if it rang before, or `should_ring`.
    pub fn fd(&self, should_ring: impl FnOnce() -> bool) -> Result<c_int, Status> {
        let kind = match self.backend {
            Backend::EventFd => Kind::EventFd,
            Backend::Pipe => Kind::Pipe,
            Backend::Callback(_) => return Err(Status::Invalid),
        };
        let one_at_a_time = self.making.lock();
        if let Some(made) = self.made() {
            return Ok(made.fd());
        }
        let made = boxed(WakeFd::new(kind)?)?;
        // ORDERING: Release; pairs with the Acquire in made. SeqCst and a fence; pairs with Inbox::change,
        // after which a wait that reports looks at the descriptor: it sees this, or this sees it awake.
        let before = self.fd.swap(made, Ordering::SeqCst);
        fence_after_rmw();
        let must_ring = before == MISSED || should_ring();
        drop(one_at_a_time);
        // SAFETY: just made.
        let made = unsafe { &*made };
        if must_ring {
            made.ring();
        }
        Ok(made.fd())
    }

    /// Runs what rings for an event: it holds no reference to the poller, which may end meanwhile.
    pub fn during<R>(&self, ringing: impl FnOnce() -> R) -> R {
        match self.backend {
            Backend::Callback(_) => self.callers.during(ringing),
            Backend::EventFd | Backend::Pipe => ringing(),
        }
    }

    /// No event rings any more: waits for those that are about to, on other threads.
    pub fn until_silent(&self) {
        self.callers.until_none();
    }

    /// Wakes the loop or thread that sleeps that way. Async-signal-safe, as far as the callback is.
    pub fn ring(&self, sleeper: Sleeper) {
        match (sleeper, self.backend) {
            (Sleeper::Thread, _) => self.thread.ring(),
            // SAFETY: as promised to Callback::new; no lock is held.
            (Sleeper::Loop, Backend::Callback(wake)) => unsafe {
                let (wake, context) = wake.parts();
                wake(context);
            },
            (Sleeper::Loop, Backend::EventFd | Backend::Pipe) => self.ring_fd(),
        }
    }

    fn ring_fd(&self) {
        // ORDERING: AcqRel; pairs with the exchange in fd: it sees this, or this sees the descriptor.
        let missed =
            self.fd.compare_exchange(ptr::null_mut(), MISSED, Ordering::AcqRel, Ordering::Acquire);
        if missed.is_err()
            && let Some(made) = self.made()
        {
            made.ring();
        }
    }

    /// Makes the descriptor quiet, and forgets that it rang when there was none.
    pub fn quiet(&self) {
        // ORDERING: AcqRel; as in ring_fd.
        let forgotten =
            self.fd.compare_exchange(MISSED, ptr::null_mut(), Ordering::AcqRel, Ordering::Acquire);
        if forgotten.is_err()
            && let Some(made) = self.made()
        {
            made.quiet();
        }
    }

    /// Before a thread arms to sleep in [`Self::sleep`].
    pub fn hush(&self) {
        self.thread.hush();
    }

    /// Sleeps until it rings.
    pub fn sleep(&self, deadline: Deadline) -> Slept {
        self.thread.sleep(deadline)
    }

    /// Closes the descriptor.
    pub fn silence(&self) {
        // ORDERING: Acquire; pairs with the Release in fd.
        let fd = self.fd.swap(ptr::null_mut(), Ordering::Acquire);
        if !fd.is_null() && fd != MISSED {
            // SAFETY: made by `boxed`, freed once.
            drop(unsafe { Box::from_raw(fd) });
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.silence();
    }
}

/// A box whose making can fail.
fn boxed(fd: WakeFd) -> Result<*mut WakeFd, Status> {
    let layout = std::alloc::Layout::new::<WakeFd>();
    // SAFETY: not of size zero.
    let place = unsafe { std::alloc::alloc(layout) }.cast::<WakeFd>();
    if place.is_null() {
        return Err(Status::NoMemory);
    }
    // SAFETY: just allocated with this layout.
    unsafe { place.write(fd) };
    Ok(place)
}
