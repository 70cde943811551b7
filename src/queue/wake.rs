//! Waking: which waiters are told of a change, and what they see when they look.

use super::Queue;
use crate::store::{End, NotGot};
use crate::sys::barrier;
use crate::sys::clock::Deadline;
use crate::sys::park::nap_until;
use crate::wait::{Attention, Delisted, Events, Fired, Line, Node, Who};

/// What came of arming a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    /// It is on the lists; the reference went with it.
    Armed,
    /// One of its events holds already; the reference stays with the caller.
    Holds,
    /// One of its events holds already, and a wake-up took the reference on its way.
    Taken,
}

impl Queue {
    /// After `count` items came in.
    #[inline]
    pub(super) fn came_in(&self, count: usize) {
        let attention = self.attention_to_items();
        if !attention.is_empty() {
            self.tell_of_items(attention, count);
        }
    }

    /// After `count` items went out.
    #[inline]
    pub(super) fn went_out(&self, count: usize) {
        let attention = self.attention_to_room();
        if !attention.is_empty() {
            self.tell_of_room(attention, count);
        }
    }

    /// Whom it concerns that items came in.
    #[inline]
    pub(super) fn attention_to_items(&self) -> Attention {
        const CONCERNED: Attention =
            Attention::READERS.or(Attention::DISCARD).or(Attention::FENCED);
        barrier::light();
        self.waiters.attention().and(CONCERNED)
    }

    /// Whom it concerns that items went out.
    #[inline]
    pub(super) fn attention_to_room(&self) -> Attention {
        const CONCERNED: Attention = Attention::WRITERS.or(Attention::CASCADE).or(Attention::SHUT);
        self.waiters.attention().and(CONCERNED)
    }

    /// Tells those whom it concerns that `count` items came in.
    #[cold]
    pub fn tell_of_items(&self, mut attention: Attention, count: usize) {
        if attention.has_any(Attention::LOOK_ROUND) {
            self.store.look_round(End::Tail);
        }
        if attention.has_any(Attention::FENCED) {
            barrier::full(); // light() was not enough
            attention = self.waiters.attention();
        }
        if attention.has_any(Attention::READERS) && !self.waiters.leave_to_lookers() {
            self.wake_up_to(Line::Readers, count);
        }
        if attention.has_any(Attention::DISCARD) {
            self.discard_queued();
        }
    }

    /// Tells those whom it concerns that `count` items went out.
    #[cold]
    pub fn tell_of_room(&self, attention: Attention, count: usize) {
        if attention.has_any(Attention::LOOK_ROUND) {
            self.store.look_round(End::Head);
        }
        if attention.has_any(Attention::WRITERS) {
            self.wake_up_to(Line::Writers, count.min(self.store.room() as usize));
        }
        if attention.has_any(Attention::CASCADE) {
            self.cascade();
        }
        if attention.has_any(Attention::SHUT) {
            self.tell_if_drained();
        }
    }

    /// Wakes the first `count` waiters of a line, as far as there are so many.
    pub(super) fn wake_up_to(&self, line: Line, count: usize) {
        let mut served = 0;
        while served < count
            && let Some(wake) = self.waiters.next(line)
        {
            // A watch whose poller is gone has no use for it: the next one's turn.
            served += usize::from(self.waiters.fire(wake) != Fired::Refused);
        }
    }

    /// Wakes those that wait for room now, until `count` of them were threads: a watch that is woken need not put, so
    /// it takes nobody's place. One that finds no room and waits again is not woken twice.
    pub(super) fn let_puts_in(&self, count: u64) {
        let horizon = self.waiters.horizon();
        let mut threads = 0;
        while threads < count
            && let Some(wake) = self.waiters.next_of(Events::WRITABLE, horizon)
        {
            threads += u64::from(wake.is_of_thread());
            self.waiters.fire(wake);
        }
    }

    /// Wakes every waiter for one of `events`.
    pub(super) fn wake_all(&self, events: Events) {
        self.wake_before(self.waiters.horizon(), events);
    }

    /// Wakes every waiter for one of `events` that enlisted before `horizon`.
    pub(super) fn wake_before(&self, horizon: u64, events: Events) {
        while let Some(wake) = self.waiters.next_of(events, horizon) {
            self.waiters.fire(wake);
        }
    }

    pub(super) fn tell_if_drained(&self) {
        if self.store.readiness() == Err(NotGot::Drained) {
            self.wake_all(Events::READABLE.or(Events::DRAINED));
        }
    }

    /// Hands a wake-up that its waiter has no use for to the next one, if there still is a reason.
    pub fn pass_on(&self, events: Events) {
        if events.has_any(Events::READABLE) {
            self.pass_on_items();
        }
        if events.has_any(Events::WRITABLE)
            && self.current(Events::WRITABLE).has_any(Events::WRITABLE)
        {
            self.let_puts_in(1);
        }
    }

    /// What an enlisted waiter sees. An item that is on its way in counts as none: the end of its put
    /// finds the waiter. At the deadline nothing holds.
    pub(super) fn holds_for_waiter(&self, events: Events, deadline: Deadline) -> bool {
        if events.has_any(Events::WRITABLE) {
            self.store.order(End::Head);
        }
        if events.has_any(Events::READABLE) {
            self.store.order(End::Tail);
        }
        if !self.current(events).is_empty() {
            return true;
        }
        if !events.has_any(Events::READABLE) {
            return false;
        }
        match self.store.readiness() {
            Ok(()) | Err(NotGot::Drained) => return true,
            Err(NotGot::Empty) => return false,
            Err(NotGot::Pending) => {}
        }
        // A put has claimed its place before the waiter enlisted, so it may not have seen it; and later
        // puts, behind that one, may have told a waiter that found nothing.
        self.waiters.raise(Attention::CASCADE);
        self.settle(deadline);
        !self.current(events).is_empty()
    }

    /// After this, a put that is under way is visible, or sees what this thread has written, or the deadline
    /// has passed.
    pub(super) fn settle(&self, deadline: Deadline) {
        // ORDERING: pairs with light() in attention_to_items, or with full() in tell_of_items.
        if !barrier::heavy() {
            // No such barrier to be had: the put has to end, which it may only when this thread sleeps.
            while self.store.readiness() == Err(NotGot::Pending) && !deadline.has_passed() {
                nap_until(deadline);
            }
        }
    }

    /// Arms a watch for `events`.
    ///
    /// # Safety
    /// As for `Waiters::enlist`; `who` brings the reference that it hands over.
    pub unsafe fn arm(&self, node: &Node, events: Events, who: Who) -> Armed {
        // SAFETY: passed on.
        unsafe { self.waiters.enlist(node, events, who) };
        if !self.holds_for_waiter(events, Deadline::Never) {
            return Armed::Armed;
        }
        match self.waiters.delist(node) {
            Delisted::InTime => Armed::Holds,
            Delisted::TooLate => Armed::Taken,
        }
    }

    /// As [`Self::disarm`], in a child of fork(). `None`: the lists may be half linked.
    pub fn disarm_if_free(&self, node: &Node) -> Option<Delisted> {
        self.waiters.delist_if_free(node)
    }

    /// Disarms a watch. `InTime`: the reference it handed over is the caller's again.
    pub fn disarm(&self, node: &Node) -> Delisted {
        self.waiters.delist(node)
    }
}
