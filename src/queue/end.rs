//! Shutdown and clear.

use super::Queue;
use crate::store::NotGot;
use crate::sync::Ordering;
use crate::sys::clock::Deadline;
use crate::wait::{Attention, Events};

/// What becomes of items that are queued at shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Drain,
    Discard,
}

impl Queue {
    pub fn shutdown(&self, ending: Ending) {
        self.store.shut();
        self.waiters.raise(match ending {
            Ending::Drain => Attention::SHUT,
            Ending::Discard => Attention::SHUT.or(Attention::DISCARD),
        });
        self.wake_all(Events::WRITABLE.or(Events::CLOSED));
        if ending == Ending::Discard {
            self.discard_queued();
            if self.store.readiness() != Err(NotGot::Drained) {
                // A put was under way: its item is visible then, or it sees DISCARD when it ends.
                self.settle(Deadline::Never);
                self.discard_queued();
            }
        }
        self.tell_if_drained();
    }

    /// How many items were discarded.
    pub fn clear(&self) -> usize {
        self.discard_queued() as usize
    }

    pub(super) fn discard_queued(&self) -> u64 {
        let gone = |count| {
            // ORDERING: Relaxed; a count.
            self.finished.discards.fetch_add(count, Ordering::Relaxed);
            self.went_out(usize::try_from(count).unwrap_or(usize::MAX));
        };
        let count = self.store.discard(&gone, &mut |item| {
            if let Some(destroy) = self.destroy {
                // SAFETY: taken out of the store, nobody else sees it.
                unsafe { destroy.call(item) };
            }
        });
        if count > 0 {
            self.finish_discarded(count);
        }
        count
    }
}
