//! Polling: serving ready watches in turn, arming those that are not.

use std::ffi::c_void;

use super::Mode;
use super::core::{Core, Watches};
use super::inbox::Sleeper;
use super::polling::Polling;
use super::ready::{FEW, ReadyList};
use super::watch::{Place, Token, Watch};
use crate::status::Status;
use crate::sync::Ordering;
use crate::sys::clock::Deadline;
use crate::sys::wakefd::WakeFd;
use crate::wait::{Events, Linger, Sight};

/// What is reported of one queue; `bq_event` in the header.
#[repr(C)]
pub struct Report {
    pub queue: *mut c_void,
    pub data: *mut c_void,
    pub events: u32,
}

/// How long one look again may take.
const A_MOMENT_NS: u64 = 20_000;

/// While this lives, puts leave their items to the poll, which is about to look.
struct Looking<'c>(&'c Core);

impl<'c> Looking<'c> {
    fn of(core: &'c Core, now: u64) -> Self {
        core.watches.lock().ready.announce_look(now);
        Self(core)
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.watches.lock().ready.withdraw_look();
    }
}

/// What a poll looks at before it arms the watches that are left.
struct Glance<'c>(&'c Core);

impl<'c> Sight for Glance<'c> {
    type Announced = Looking<'c>;

    fn is_ready(&self) -> bool {
        // ORDERING: Relaxed; a hint.
        !self.0.inbox.is_empty()
            || self.0.by_hand.load(Ordering::Relaxed)
            || self.0.watches.lock().ready.any_promising()
    }

    fn moved(&self) -> u64 {
        self.0.watches.lock().ready.moved()
    }

    fn missed(&self) -> bool {
        true // by the loop's other descriptors, if by nobody else
    }

    fn announce(&self, now: u64) -> Looking<'c> {
        Looking::of(self.0, now)
    }
}

/// The caller's array of reports.
pub(super) struct Reports {
    out: *mut Report,
    max: usize,
    len: usize,
}

impl Reports {
    /// # Safety
    /// `out` has room for `max` reports, as long as this lives.
    pub unsafe fn to(out: *mut Report, max: usize) -> Result<Self, Status> {
        if max == 0 { Err(Status::Invalid) } else { Ok(Self { out, max, len: 0 }) }
    }

    fn is_full(&self) -> bool {
        self.len == self.max
    }

    fn push(&mut self, watch: &Watch, events: Events) {
        let report =
            Report { queue: watch.handle(), data: watch.data.get(), events: events.bits() };
        // SAFETY: there is room for `max`, said who made this.
        unsafe { self.out.add(self.len).write(report) };
        self.len += 1;
    }
}

impl Core {
    /// Moves what has come to the end of a list.
    pub fn collect(&self, list: &mut ReadyList) {
        let mut at = self.inbox.take();
        // SAFETY: what is in the inbox are tokens, each taken once.
        while let Some(token) = unsafe { Token::from_raw(at) } {
            at = token.watch().next.get();
            list.push(token);
        }
    }
}

impl Polling<'_> {
    pub fn poll(&self, mut reports: Reports) -> usize {
        if self.stays_asleep() {
            return 0;
        }
        loop {
            if self.state.courtesy.send_away_if_due(|| self.send_away()) {
                return 0;
            }
            if self.serve(&mut reports, Deadline::Never) > 0 {
                return self.end_with(&reports);
            }
            // ORDERING: SeqCst; see Core::wake. Every wake by hand so far is answered by this call.
            self.core.by_hand.swap(false, Ordering::SeqCst);
            if self.go_to_sleep() || self.core.inbox.is_closed() {
                return 0;
            }
        }
    }

    /// Something is reported, so that another call follows.
    pub fn end_with(&self, reports: &Reports) -> usize {
        self.has_reported.set(true);
        self.stay_readable();
        reports.len
    }

    /// Whether the poller has been armed since the last call and nothing has come: there is nothing to do.
    fn stays_asleep(&self) -> bool {
        if self.core.inbox.sleeper().is_none() {
            return false;
        }
        // The loop came without being called: if a late ring was the reason, this ends it.
        self.quiet();
        self.state.ringing.set(false);
        if self.core.inbox.sleeper().is_some() {
            return true;
        }
        self.state.asleep.set(None); // woken just now, and that ring may have been taken away as well
        false
    }

    /// Reports ready watches, each once, and arms those that are not ready any more.
    pub fn serve(&self, reports: &mut Reports, deadline: Deadline) -> usize {
        if self.state.asleep.take() == Some(Sleeper::Loop) {
            self.state.ringing.set(true); // the thread that woke the loop has rung, or is about to
        }
        // ORDERING: Relaxed; a hint. Woken by hand is not found: this call is not about to report.
        let found = deadline != Deadline::Passed
            && self.is_worth_waiting()
            && self.look_again(deadline)
            && !self.core.by_hand.load(Ordering::Relaxed);
        if found {
            self.state.courtesy.found();
        }
        self.gather();
        self.serve_all(reports, OnQuiet::KeepFew);
        // Again while one was ready when it was to be armed, and no more when it was to be reported.
        while reports.len == 0 && self.serve_all(reports, OnQuiet::Arm) {}
        reports.len
    }

    /// Whether few watches are left, and none of them promises much now.
    fn is_worth_waiting(&self) -> bool {
        let mut watches = self.core.watches.lock();
        self.core.collect(&mut watches.ready);
        (1..=FEW).contains(&watches.ready.len) && !watches.ready.any_promising()
    }

    /// One turn for every watch on the list. Returns whether one is left that was not reported.
    fn serve_all(&self, reports: &mut Reports, on_quiet: OnQuiet) -> bool {
        let mut watches = self.core.watches.lock();
        self.core.collect(&mut watches.ready);
        self.serve_each(&mut watches, reports, on_quiet);
        reports.len == 0 && watches.ready.len > 0
    }

    /// Gives every watch on the list one turn, as far as there is room for reports.
    fn serve_each(&self, watches: &mut Watches, reports: &mut Reports, on_quiet: OnQuiet) {
        let list = &mut watches.ready;
        let keep =
            on_quiet == OnQuiet::KeepFew && list.len <= FEW && self.core.linger != Linger::Never;
        for _ in 0..list.len {
            if reports.is_full() {
                return;
            }
            let Some(mut token) = list.pop() else { return };
            if token.watch().place.get() == Place::Removed {
                continue;
            }
            if token.watch().events.get().is_empty() {
                token.watch().place.set(Place::Paused);
                continue;
            }
            let mut holds = token.watch().current();
            if holds.is_empty() && !keep {
                let Some(ready) = token.arm() else { continue };
                (holds, token) = (ready.watch().current(), ready);
            }
            if !holds.is_empty() {
                reports.push(token.watch(), holds);
            }
            list.push(token);
        }
    }

    /// Lets items gather before few watches are served; see Patience::gather.
    fn gather(&self) {
        self.core.patience.gather(self.core.linger, || self.core.watches.lock().ready.len_of_few());
    }

    /// A moment's look for something to come, before watches are armed: arming and being woken cost more.
    /// The lock is free in between.
    fn look_again(&self, deadline: Deadline) -> bool {
        let moment = match self.core.linger {
            // A yield can take long when others want the processor: one such is enough.
            Linger::Adaptive => deadline.at_most(A_MOMENT_NS),
            Linger::Never | Linger::Nanoseconds(_) => deadline,
        };
        self.core.patience.look_again(self.core.linger, moment, &Glance(self.core))
    }

    /// Has the loop called again at once, though this call says 0. `false`: it has no descriptor.
    fn send_away(&self) -> bool {
        // ORDERING: SeqCst; see Core::wake. Every wake by hand so far is answered by this 0.
        self.ring_awake() && {
            self.core.by_hand.swap(false, Ordering::SeqCst);
            true
        }
    }

    /// Rings although the poller is not armed: a loop that registered the descriptor edge-triggered needs an edge
    /// even where it is readable. `false`: there is none.
    pub fn ring_awake(&self) -> bool {
        let Some(fd) = self.core.bell.made() else { return false };
        if fd.fills_up() {
            fd.quiet(); // a full pipe gives no edge
        }
        fd.ring();
        self.state.ringing.set(true);
        true
    }

    /// Everything is armed: makes the descriptor quiet and arms the poller. `false`: something has come.
    pub fn go_to_sleep(&self) -> bool {
        if self.state.ringing.replace(false) {
            self.quiet();
        }
        if !self.core.inbox.arm(Sleeper::Loop) {
            return false;
        }
        self.state.asleep.set(Some(Sleeper::Loop));
        self.state.courtesy.reset();
        // ORDERING: SeqCst; after the arming, see Core::wake: for one that came just before it this thread rings.
        if self.core.by_hand.load(Ordering::SeqCst) && self.core.inbox.rouse().is_some() {
            self.owes_ring.set(true);
        }
        true
    }

    /// The loop is to call again: where it may wait for a level, the descriptor must be readable until it does.
    fn stay_readable(&self) {
        if self.core.mode == Mode::Level
            && !self.state.ringing.get()
            && let Some(fd) = self.core.bell.made()
        {
            fd.ring();
            self.state.ringing.set(true);
        }
    }

    /// Makes the descriptor quiet, where it has to be.
    fn quiet(&self) {
        if self.core.mode == Mode::Level || self.core.bell.made().is_some_and(WakeFd::fills_up) {
            self.core.bell.quiet();
        }
    }
}

/// What to do with a watch that is not ready.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnQuiet {
    /// Look again later, if they are few.
    KeepFew,
    Arm,
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::super::{Backend, Mode, Poller, PollerConfig};
    use super::*;
    use crate::queue::{Config, Order, Queue};
    use crate::sync::Shared;
    use crate::sys::clock::Timeout;
    use crate::wait::Linger;

    fn watching(queue: &Shared<Queue>) -> Shared<Poller> {
        let (backend, mode, linger) = (Backend::EventFd, Mode::Level, Linger::Never);
        let poller = Poller::new(PollerConfig { backend, mode, linger }).unwrap();
        poller.add(queue, Events::READABLE, std::ptr::null_mut()).unwrap();
        assert!(poller.core.inbox.rouse().is_some()); // it is awake, as in a poll
        poller
    }

    /// A poll that looks again for long would not hear of it before it is over.
    #[test]
    fn a_poll_that_looks_again_sees_what_comes_and_who_wakes_it() {
        let config = Config {
            order: Order::Fifo,
            capacity: 0,
            item_size: 1,
            destroy: None,
            linger: Linger::Never,
        };
        let queue = Queue::new(config).unwrap();
        let (put_to, woken) = (watching(&queue), watching(&queue));
        assert!(!Glance(&put_to.core).is_ready());
        // SAFETY: one item is one byte.
        unsafe { queue.put(b"x".as_ptr(), Timeout::NONE) }.unwrap();
        assert!(Glance(&put_to.core).is_ready());
        assert!(!Glance(&woken.core).is_ready());
        woken.wake();
        assert!(Glance(&woken.core).is_ready());
    }
}
