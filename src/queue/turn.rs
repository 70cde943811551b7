//! One call's waiting: look again for a moment, then sleep, until it is worth another try or too late.

use super::Queue;
use crate::sys::clock::{Deadline, Timeout};
use crate::sys::park::{Parked, Parker};
use crate::wait::{Delisted, Events, Node, Who};

/// What to do after waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The event may hold: try again.
    TryAgain,
    /// A wake-up came for one of the events: try again, and do not forget it.
    Woken,
    DeadlinePassed,
}

/// A caller's turn in the order of those who wait. It keeps its place over several waits of one call.
pub(super) struct Turn<'q> {
    queue: &'q Queue,
    events: Events,
    timeout: Timeout,
    deadline: Option<Deadline>,
    node: Node,
    parker: Parker,
    /// Whether a wake-up has come that was not used yet.
    owes: bool,
}

impl<'q> Turn<'q> {
    pub fn new(queue: &'q Queue, events: Events, timeout: Timeout) -> Self {
        let (node, parker) = (Node::new(), Parker::new());
        Self { queue, events, timeout, deadline: None, node, parker, owes: false }
    }

    /// Waits until the events may hold or the deadline passes.
    pub fn wait(&mut self) -> Waited {
        let deadline = *self.deadline.get_or_insert_with(|| self.timeout.deadline());
        if deadline.has_passed() {
            return self.give_up();
        }
        let queue = self.queue;
        let promising = || !queue.promising(self.events, queue.linger).is_empty();
        if queue.waiters.patience.look_again(queue.linger, deadline, promising) {
            if self.events.has(Events::READABLE) {
                queue.waiters.patience.gather(queue.linger, || queue.store.len());
            }
            return Waited::TryAgain;
        }
        let waited = self.sleep(deadline);
        self.owes |= waited == Waited::Woken;
        waited
    }

    fn sleep(&mut self, deadline: Deadline) -> Waited {
        let waiters = &self.queue.waiters;
        self.parker.reset();
        // SAFETY: the node and the parker stay where they are: `&mut self` lasts until the node is off the
        // lists again, which it is on every path out of here.
        unsafe { waiters.enlist(&self.node, self.events, Who::Thread(&raw const self.parker)) };
        if self.queue.holds_for_waiter(self.events, deadline) {
            if self.delist() == Delisted::TooLate {
                // The event was seen without the wake-up that came as well: that one is for another.
                self.queue.pass_on(self.events);
            }
            return Waited::TryAgain;
        }
        match self.parker.park(deadline) {
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

    /// The deadline has passed. A wake-up that found nothing to take is not forgotten.
    fn give_up(&self) -> Waited {
        if self.owes {
            self.queue.pass_on(self.events);
        }
        Waited::DeadlinePassed
    }
}
