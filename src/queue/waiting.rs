//! One call's waiting: look again for a moment, then sleep, until it is worth another try or too late.

use super::Queue;
use crate::sync::Cell;
use crate::sys::clock::{Deadline, Timeout};
use crate::sys::park::{Parked, Parker};
use crate::wait::{Delisted, Events, Node, Sight, Who};

/// What to do after waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The event may hold: try again.
    TryAgain,
    /// A wake-up came for one of the events: try again.
    Woken,
    DeadlinePassed,
}

/// What one call waits for. It keeps its place in the order of the waiters over several waits.
pub(super) struct Waiting<'q> {
    queue: &'q Queue,
    events: Events,
    deadline: Deadline,
    node: Node,
    parker: Parker,
    /// Whether a wake-up has come that was not used yet.
    woken: bool,
    /// Whether an item may have been left to this caller: no put woke another for it.
    relied_on: bool,
    /// Whether the caller has stood in line already.
    slept: bool,
}

/// While this lives, puts leave their items to its owner, which is about to look.
struct Looking<'q>(&'q Queue);

impl<'q> Looking<'q> {
    fn at(queue: &'q Queue, now: u64) -> Self {
        queue.announce_look(now);
        Self(queue)
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.withdraw_look();
    }
}

/// What a caller looks at before its thread sleeps.
struct Glance<'w, 'q> {
    waiting: &'w Waiting<'q>,
    /// Whether an item may have been left to this caller.
    announced: Cell<bool>,
}

impl<'q> Sight for Glance<'_, 'q> {
    type Announced = Option<Looking<'q>>;

    fn is_ready(&self) -> bool {
        let Waiting { queue, events, parker, .. } = self.waiting;
        if self.waiting.lines_up_first() {
            return parker.is_unparked();
        }
        !queue.promising(*events, queue.linger).is_empty()
    }

    fn holds(&self) -> bool {
        !self.waiting.queue.current(self.waiting.events).is_empty()
    }

    fn may_nap(&self) -> bool {
        !self.waiting.slept && !self.missed()
    }

    fn moved(&self) -> u64 {
        self.waiting.queue.moved()
    }

    fn missed(&self) -> bool {
        self.waiting.queue.misses(self.waiting.events)
    }

    fn announce(&self, now: u64) -> Self::Announced {
        let reads = self.waiting.events.has_any(Events::READABLE);
        self.announced.set(reads);
        reads.then(|| Looking::at(self.waiting.queue, now))
    }
}

impl<'q> Waiting<'q> {
    /// The timeout begins now.
    pub fn new(queue: &'q Queue, events: Events, timeout: Timeout) -> Self {
        let (node, parker) = (Node::new(), Parker::new());
        let deadline = timeout.deadline();
        Self { queue, events, deadline, node, parker, woken: false, relied_on: false, slept: false }
    }

    /// Waits until the events may hold or the deadline passes.
    pub fn wait(&mut self) -> Waited {
        let waited = if self.deadline.has_passed() {
            Waited::DeadlinePassed
        } else if !self.lines_up_first() && self.look_again() {
            Waited::TryAgain
        } else {
            self.sleep()
        };
        match waited {
            Waited::TryAgain => {}
            Waited::Woken => self.woken = true,
            // What found nothing to take is not forgotten.
            Waited::DeadlinePassed if self.owes() => self.queue.pass_on(self.events),
            Waited::DeadlinePassed => {}
        }
        waited
    }

    /// Whether the caller stands in line already while it looks again: a join must not miss a moment in which nothing
    /// was unfinished, however soon the next put came. It is told of each that lasted until its `task_done` was over;
    /// what it sees of the counts is of some.
    fn lines_up_first(&self) -> bool {
        self.events == Events::JOINED
    }

    fn look_again(&mut self) -> bool {
        let queue = self.queue;
        let patience = &queue.waiters.patience;
        let glance = Glance { waiting: self, announced: Cell::new(false) };
        let found = patience.look_again(queue.linger, self.deadline, &glance);
        self.relied_on |= glance.announced.get();
        if found && self.events.has_any(Events::READABLE) {
            patience.gather(queue.linger, || queue.store.len());
        }
        found
    }

    /// Whether this caller answers for an item that it does not take.
    pub fn owes(&self) -> bool {
        self.woken || self.relied_on
    }

    fn sleep(&mut self) -> Waited {
        let waiters = &self.queue.waiters;
        self.slept = true;
        self.parker.reset();
        // SAFETY: the node and the parker stay where they are: `&mut self` lasts until the node is off the
        // lists again, which it is on every path out of here.
        unsafe { waiters.enlist(&self.node, self.events, Who::Thread(&raw const self.parker)) };
        if self.queue.holds_for_waiter(self.events, self.deadline) {
            if self.delist() == Delisted::TooLate {
                // The event was seen without the wake-up that came as well: that one is for another.
                self.queue.pass_on(self.events);
            }
            return Waited::TryAgain;
        }
        if self.lines_up_first() {
            self.look_again(); // parking ends at once where that has seen the wake-up
        }
        match self.parker.park(self.deadline) {
            Parked::Unparked => Waited::Woken,
            Parked::DeadlinePassed => match self.delist() {
                Delisted::InTime => Waited::DeadlinePassed,
                Delisted::TooLate => Waited::Woken,
            },
        }
    }

    fn delist(&self) -> Delisted {
        self.queue.waiters.delist(&self.node)
    }
}
