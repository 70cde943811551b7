//! A poller: one event loop's view of any number of queues.
//!
//! Every watch is in one place at a time: armed on the lists of its queue, on its way to the inbox,
//! in the inbox, or on the loop's ready list. Its holder has one reference, its token; a paused
//! watch has none.
//!
//! ```text
//!   armed --event--> inbox --poll--> ready --holds--> reported, and back to the end of the list
//!     ^                                |
//!     +------------- holds no more ----+
//! ```

mod bell;
mod callers;
mod core;
mod courtesy;
mod inbox;
mod poll;
mod polling;
mod ready;
mod wait;
mod watch;

use std::ffi::{c_int, c_void};

use crate::queue::Queue;
use crate::status::Status;
use crate::sync::{Counted, Ends, Shared};
use crate::sys::clock::Timeout;
use crate::sys::fork::{self, Life};
use crate::wait::{Events, Linger};

use self::core::Core;
pub use bell::{Backend, Callback};
pub use poll::Report;
use poll::Reports;
use polling::Polling;

pub struct PollerConfig {
    pub backend: Backend,
    pub mode: Mode,
    pub linger: Linger,
}

/// How the loop registers the descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Level,
    Edge,
}

/// What the holders of a handle share. The core outlives it while a wake-up is on its way there.
pub struct Poller {
    core: Shared<Core>,
    born: Life,
}

impl Poller {
    pub fn new(config: PollerConfig) -> Result<Shared<Self>, Status> {
        crate::sys::prepare()?;
        let core = Shared::try_new(Core::new(config)).ok_or(Status::NoMemory)?;
        Shared::try_new(Self { core, born: fork::life() }).ok_or(Status::NoMemory)
    }

    /// The life of the process in which the poller was made.
    pub fn born(&self) -> Life {
        self.born
    }

    pub fn fd(&self) -> Result<c_int, Status> {
        self.core.fd()
    }

    pub fn add(
        &self,
        queue: &Counted<Queue>,
        events: Events,
        data: *mut c_void,
    ) -> Result<(), Status> {
        Core::add(&self.core, queue, events, data)
    }

    pub fn modify(
        &self,
        queue: &Counted<Queue>,
        events: Events,
        data: *mut c_void,
    ) -> Result<(), Status> {
        self.core.modify(queue, events, data)
    }

    pub fn remove(&self, queue: &Counted<Queue>) -> Result<(), Status> {
        self.core.remove(queue)
    }

    pub fn wake(&self) {
        self.core.wake();
    }

    /// # Safety
    /// `out` has room for `max` reports.
    pub unsafe fn poll(&self, out: *mut Report, max: usize) -> Result<usize, Status> {
        // SAFETY: passed on.
        let reports = unsafe { Reports::to(out, max) }?;
        Ok(Polling::enter(&self.core)?.poll(reports))
    }

    /// # Safety
    /// `out` has room for `max` reports.
    pub unsafe fn wait(
        &self,
        out: *mut Report,
        max: usize,
        timeout: Timeout,
    ) -> Result<usize, Status> {
        // SAFETY: passed on.
        let reports = unsafe { Reports::to(out, max) }?;
        Polling::enter(&self.core)?.wait(reports, timeout.deadline())
    }
}

impl Ends for Poller {
    fn end(&self) {
        match fork::check(self.born) {
            Ok(()) => self.core.close(),
            Err(_) => self.core.abandon(),
        }
    }
}
