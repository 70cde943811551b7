//! Items that nobody was woken for.
//!
//! One put wakes one reader for each item. Where it does not, or where that reader may see nothing yet, CASCADE is
//! raised in the attention: from then on gets wake readers for what is left.
//!
//! ```text
//! raised by      a put that leaves its items to one who looks again anyway    Waiters::leave_to_lookers
//!                a reader that sees nothing, behind a put that is half-way    holds_for_waiter
//!                one that hands its wake-up on, behind such a put             pass_on_items
//! taken back by  a get that finds nothing more, and looks once more           cascade
//!                the last reader that leaves the line                         Waiters::lower
//! ```
//!
//! So where readers sleep beside an item, a wake-up is on its way to one of them, somebody is about to look, or CASCADE
//! is set and a put or get is under way that will see it.

use super::Queue;
use crate::store::{End, NotGot};
use crate::wait::{Attention, Line};

impl Queue {
    /// Hands a wake-up for an item to the next reader, if there still is one.
    pub(super) fn pass_on_items(&self) {
        if !self.waiters.attention().has_any(Attention::READERS) {
            return;
        }
        if self.store.readiness() == Err(NotGot::Pending) {
            // Hidden behind a put that is under way. Its end wakes one reader, and from there on the gets
            // wake the next ones. It may have ended just now: hence another look.
            self.waiters.raise(Attention::CASCADE);
            self.store.order(End::Head);
        }
        match self.store.readiness() {
            Ok(()) | Err(NotGot::Drained) => self.wake_up_to(Line::Readers, 1),
            Err(NotGot::Empty | NotGot::Pending) => {}
        }
    }

    /// A reader is about to look again, in this library and soon. Until [`Self::withdraw_look`], puts leave their items
    /// to it, instead of waking a sleeper for each.
    pub fn announce_look(&self, now: u64) {
        self.waiters.announce_look(now);
    }

    /// The reader looks again right after this, and answers for one item: it gets or reports it, or enlists, or
    /// passes it on. The get of that item wakes others for those that are left.
    pub fn withdraw_look(&self) {
        self.waiters.withdraw_look();
    }

    /// After a get, while there may be items that nobody was woken for.
    pub(super) fn cascade(&self) {
        loop {
            match self.store.readiness() {
                // For each that is left: the reader that is woken may be busy, and its get late.
                Ok(()) => return self.wake_up_to(Line::Readers, self.len()),
                Err(NotGot::Pending) => return, // the end of that put wakes one
                Err(NotGot::Empty | NotGot::Drained) => {}
            }
            self.waiters.calm(Attention::CASCADE);
            if matches!(self.store.readiness(), Err(NotGot::Empty | NotGot::Drained)) {
                return;
            }
            self.waiters.raise(Attention::CASCADE); // raised anew in between, perhaps
        }
    }
}
