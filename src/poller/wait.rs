//! Waiting: a thread polls, and sleeps while there is nothing, without a descriptor.

use super::core::Core;
use super::inbox::Sleeper;
use super::poll::Reports;
use super::polling::Polling;
use crate::status::Status;
use crate::sync::Ordering;
use crate::sys::clock::Deadline;
use crate::sys::futex::Slept;

impl Polling<'_> {
    pub fn wait(&self, mut reports: Reports, deadline: Deadline) -> Result<usize, Status> {
        let inbox = &self.core.inbox;
        loop {
            if inbox.sleeper().is_none() && self.serve(&mut reports, deadline) > 0 {
                self.state.courtesy.reset(); // a thread has no other descriptors
                return Ok(self.end_with(&reports));
            }
            // ORDERING: SeqCst; see Core::wake.
            if self.core.by_hand.swap(false, Ordering::SeqCst) {
                self.answer_hand();
                return Ok(0);
            }
            if inbox.is_closed() {
                return Ok(0);
            }
            if deadline == Deadline::Passed {
                if inbox.sleeper().is_some() || self.go_to_sleep() {
                    return Err(Status::TimedOut);
                }
            } else if self.sleep(deadline) == Slept::DeadlinePassed {
                return Err(Status::TimedOut);
            }
        }
    }

    /// Woken by hand, with nothing to report: armed again, or the loop is called for what came meanwhile.
    fn answer_hand(&self) {
        let must_call = self.core.inbox.sleeper().is_none() && !self.go_to_sleep();
        if must_call && !self.ring_awake() {
            self.owes_ring.set(true);
        }
    }

    /// Sleeps as a thread until it is woken. `DeadlinePassed`: the poller is armed for its loop.
    fn sleep(&self, deadline: Deadline) -> Slept {
        let Core { bell, inbox, by_hand, .. } = self.core;
        bell.hush();
        let armed = inbox.sleep_as(Sleeper::Loop, Sleeper::Thread) || inbox.arm(Sleeper::Thread);
        if !armed {
            return Slept::LookAgain;
        }
        self.state.asleep.set(Some(Sleeper::Thread));
        self.state.courtesy.reset();
        // ORDERING: SeqCst; after the arming, see Core::wake.
        while inbox.sleeper().is_some() && !by_hand.load(Ordering::SeqCst) {
            if bell.sleep(deadline) == Slept::DeadlinePassed && self.back_to_loop() {
                return Slept::DeadlinePassed;
            }
        }
        self.back_to_loop(); // woken by hand before it slept: armed still
        Slept::LookAgain
    }

    /// A thread that was armed leaves the poller armed for its loop. `false`: it was woken.
    fn back_to_loop(&self) -> bool {
        let still_armed = self.core.inbox.sleep_as(Sleeper::Thread, Sleeper::Loop);
        if still_armed {
            self.state.asleep.set(Some(Sleeper::Loop));
        }
        still_armed
    }
}
