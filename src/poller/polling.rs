//! The right to poll, which one thread has at a time.

use super::core::Core;
use super::inbox::Sleeper;
use crate::status::Status;
use crate::sync::{Cell, Ordering};

/// The right to poll: one thread at a time.
pub(super) struct Polling<'c> {
    core: &'c Core,
    /// Whether this call reports something, so that another one follows.
    pub reports: Cell<bool>,
}

impl<'c> Polling<'c> {
    pub fn enter(core: &'c Core) -> Result<Self, Status> {
        if let Some(polling) = Self::try_enter(core) {
            return Ok(polling);
        }
        // Published by the exchange in try_enter. If that comes before the one in drop, the thread that polls
        // sees that this one came; if behind it, this one enters.
        // ORDERING: Release; pairs with the Acquire in drop of the thread that polls by then: it sees the wake-up
        // that brought this one.
        core.refused.store(true, Ordering::Release);
        Self::try_enter(core).ok_or(Status::Busy)
    }

    fn try_enter(core: &'c Core) -> Option<Self> {
        // ORDERING: Acquire; pairs with the Release of the thread that polled before. Release; see enter.
        let busy = core.busy.swap(true, Ordering::AcqRel);
        (!busy).then(|| Self { core, reports: Cell::new(false) })
    }
}

impl Drop for Polling<'_> {
    /// Rings where this thread has to, when others may poll and nothing is touched any more: `wake` may poll, and
    /// it may release the poller. Also for one that was refused: it may have come for a wake-up that this
    /// thread, armed already, did not see any more, and then nobody else comes.
    fn drop(&mut self) {
        let core = self.core;
        let owes = core.owes_ring.take();
        // ORDERING: Release; the next thread that polls sees what this one left. Acquire; see enter.
        core.busy.swap(false, Ordering::AcqRel);
        // ORDERING: Relaxed; a look ahead of the exchange. Acquire; see enter.
        let refused =
            core.refused.load(Ordering::Relaxed) && core.refused.swap(false, Ordering::Acquire);
        if owes || (refused && !self.reports.get() && core.inbox.sleeper().is_none()) {
            core.bell.ring(Sleeper::Loop);
        }
    }
}
