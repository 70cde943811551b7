//! The right to poll, which one thread has at a time, and what only that thread uses.

use super::core::Core;
use super::courtesy::Courtesy;
use super::inbox::Sleeper;
use crate::status::Status;
use crate::sync::{Cell, Ordering};

/// What is known of the loop from one call to the next.
///
/// ```text
///                             inbox           asleep   ringing   who rings
/// asleep, in its own call     ARMED_LOOP      Loop     false     the next wake-up
/// asleep, in bq_poller_wait   ARMED_THREAD    Thread   false     the next wake-up, for the thread
/// woken, and not here yet     EMPTY, watches  Loop     false     nobody: that wake-up has, or is about to
/// serving, level-triggered    EMPTY, watches  -        true      nobody: readable until a call says 0
/// serving, edge-triggered     EMPTY, watches  -        either    nobody: it polls until a call says 0
/// sent away with a 0          EMPTY, watches  -        true      this thread has, before it left
/// ```
pub(super) struct LoopState {
    /// Whether the descriptor has been or is about to be made readable.
    pub ringing: Cell<bool>,
    /// How it sleeps since the last call, if it was left asleep.
    pub asleep: Cell<Option<Sleeper>>,
    /// What is owed to the loop's other descriptors.
    pub courtesy: Courtesy,
}

/// The state, handed out with the right to poll only.
pub(super) struct OfPolling(LoopState);

// SAFETY: only `Polling` hands it out, which one thread has at a time, one after the other.
unsafe impl Send for OfPolling {}
// SAFETY: as above.
unsafe impl Sync for OfPolling {}

impl OfPolling {
    pub fn new() -> Self {
        Self(LoopState {
            ringing: Cell::new(false),
            asleep: Cell::new(Some(Sleeper::Loop)),
            courtesy: Courtesy::new(),
        })
    }
}

/// The right to poll.
pub(super) struct Polling<'c> {
    pub core: &'c Core,
    pub state: &'c LoopState,
    /// Whether this call has reported something, so that another one follows.
    pub has_reported: Cell<bool>,
    /// Whether this thread is to ring when it leaves.
    pub owes_ring: Cell<bool>,
}

impl<'c> Polling<'c> {
    pub fn enter(core: &'c Core) -> Result<Self, Status> {
        if let Some(polling) = Self::try_enter(core) {
            return Ok(polling);
        }
        // Published by the exchange in try_enter. If that comes before the one in drop, the thread that polls
        // sees that this one came; if after it, this one enters.
        // ORDERING: Release; pairs with the Acquire in drop of the thread that polls by then: it sees the wake-up
        // that brought this one.
        core.refused.store(true, Ordering::Release);
        Self::try_enter(core).ok_or(Status::Busy)
    }

    fn try_enter(core: &'c Core) -> Option<Self> {
        // ORDERING: Acquire; pairs with the Release of the thread that polled before. Release; see enter.
        let busy = core.busy.swap(true, Ordering::AcqRel);
        let state = &core.of_polling.0;
        let no = || Cell::new(false);
        (!busy).then(|| Self { core, state, has_reported: no(), owes_ring: no() })
    }
}

impl Drop for Polling<'_> {
    /// Rings where this thread has to, when others may poll and nothing is touched any more: `wake` may poll, and
    /// it may release the poller. Also for one that was refused: it may have come for a wake-up that this
    /// thread, armed already, did not see any more, and then nobody else comes.
    fn drop(&mut self) {
        let core = self.core;
        // ORDERING: Release; the next thread that polls sees what this one left. Acquire; see enter.
        core.busy.swap(false, Ordering::AcqRel);
        // ORDERING: Relaxed; a look ahead of the exchange. Acquire; see enter.
        let refused =
            core.refused.load(Ordering::Relaxed) && core.refused.swap(false, Ordering::Acquire);
        let nobody_comes = || !self.has_reported.get() && core.inbox.sleeper().is_none();
        if self.owes_ring.get() || (refused && nobody_comes()) {
            core.bell.ring(Sleeper::Loop);
        }
    }
}
