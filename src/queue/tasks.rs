//! Unfinished work. What was put is counted by the store, what is done is counted here.

use super::Queue;
use super::waiting::{Waited, Waiting};
use crate::status::Status;
use crate::store::settled_difference;
use crate::sync::{Ordering, fence, fence_after_rmw};
use crate::sys::clock::Timeout;
use crate::wait::{Attention, Events};

impl Queue {
    pub fn task_done(&self, count: usize) -> Result<(), Status> {
        let finish = |done: u64| {
            let more = done.checked_add(count as u64)?;
            (more <= self.store.entered()).then_some(more)
        };
        // ORDERING: SeqCst; pairs with `nothing_unfinished` as seen by a join: it sees this, or
        // this call sees it enlisted (see wait::Waiters). Relaxed when it fails: tried anew.
        let done = &self.finished.done;
        let report = || done.fetch_update(Ordering::SeqCst, Ordering::Relaxed, finish).is_ok();
        let report_behind_gets = || {
            // ORDERING: SeqCst; as in Fifo::len, of what the caller has got.
            fence(Ordering::SeqCst);
            report()
        };
        if !report() && !report_behind_gets() {
            return Err(Status::TooManyDone);
        }
        self.tell_if_joined();
        Ok(())
    }

    pub fn join(&self, timeout: Timeout) -> Result<(), Status> {
        if self.nothing_unfinished() {
            return Ok(());
        }
        match Waiting::new(self, Events::JOINED, timeout).wait() {
            // It was so when the wake-up was sent, or when the waiter in line looked, however soon the next put came.
            Waited::Woken | Waited::TryAgain => Ok(()),
            Waited::DeadlinePassed => Err(Status::TimedOut),
        }
    }

    pub fn unfinished(&self) -> usize {
        // ORDERING: SeqCst; as in Fifo::len, of what the caller has got.
        fence(Ordering::SeqCst);
        settled_difference(|| self.store.entered(), || self.done()) as usize
    }

    /// Whether at one moment during the call everything that was put was done.
    pub(super) fn nothing_unfinished(&self) -> bool {
        // ORDERING: SeqCst; as in Fifo::len, of what the caller has got.
        fence(Ordering::SeqCst);
        let done = self.done();
        // Equal although it was read later: at the first reading it was not more.
        done == self.store.entered()
    }

    /// Discarded items count as done; those of them that were reported done before count once.
    pub(super) fn finish_discarded(&self, count: u64) {
        let finish = |done: u64| Some((done + count).min(self.store.entered()));
        // ORDERING: SeqCst; as in task_done.
        let _ = self.finished.done.fetch_update(Ordering::SeqCst, Ordering::Relaxed, finish);
        self.tell_if_joined();
    }

    fn tell_if_joined(&self) {
        fence_after_rmw();
        if self.waiters.attention().has_any(Attention::OTHERS) {
            // Only joins that waited already when nothing was unfinished.
            let horizon = self.waiters.horizon();
            if self.nothing_unfinished() {
                self.wake_before(horizon, Events::JOINED);
            }
        }
    }

    fn done(&self) -> u64 {
        // ORDERING: SeqCst; see task_done.
        self.finished.done.load(Ordering::SeqCst)
    }
}
