//! One poller's interest in one queue.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use super::core::Core;
use crate::queue::{Armed, Queue};
use crate::sync::{Cell, Counted, Ends, Shared};
use crate::wait::{Delisted, Events, Fired, Node, Target, Who};

/// Where the token of a watch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Armed, on its way, in the inbox or on the ready list.
    Circulating,
    /// Nowhere: nothing is wanted of it.
    Paused,
    /// On its last way: the poll that finds the token drops it.
    Removed,
}

pub(super) struct Watch {
    node: Node,
    pub core: Shared<Core>,
    /// Alive while the watch is not removed: the poller holds a reference until then.
    queue: NonNull<Counted<Queue>>,
    /// These four change and are read under the core's lock.
    pub place: Cell<Place>,
    pub events: Cell<Events>,
    pub data: Cell<*mut c_void>,
    looks: Cell<bool>, // whether the queue counts on the polling thread; see announce_look
    /// The link of whichever list the token is on; used by its holder only.
    pub next: Cell<*mut Watch>,
}

// SAFETY: the cells are used under the core's lock, or by the one holder of the token.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Ends for Watch {}

/// The reference that goes round.
pub(super) struct Token(Shared<Watch>);

impl Watch {
    pub fn new(
        core: &Counted<Core>,
        queue: &Counted<Queue>,
        events: Events,
        data: *mut c_void,
    ) -> Option<Shared<Self>> {
        Shared::try_new(Self {
            node: Node::new(),
            core: core.share(),
            queue: NonNull::from(queue),
            place: Cell::new(Place::Paused),
            events: Cell::new(events),
            data: Cell::new(data),
            looks: Cell::new(false),
            next: Cell::new(ptr::null_mut()),
        })
    }

    /// The handle of the queue, for the report.
    pub fn handle(&self) -> *mut c_void {
        self.queue.as_ptr().cast()
    }

    /// Under the core's lock, of a watch that is not removed.
    pub fn queue(&self) -> &Queue {
        debug_assert_ne!(self.place.get(), Place::Removed);
        // SAFETY: not removed, hence alive while the lock is held.
        unsafe { self.queue.as_ref() }
    }

    /// Says to the queue, if the watch reads, that the polling thread will look again, soon. Under the core's lock.
    pub fn announce_look(&self, now: u64) {
        if self.events.get().has_any(Events::READABLE) && !self.looks.replace(true) {
            self.queue().announce_look(now);
        }
    }

    /// The poll looks right after this, or the call that ends the watch does. Under the core's lock.
    pub fn withdraw_look(&self) {
        if self.looks.take() {
            self.queue().withdraw_look();
        }
    }

    /// Those of the watched events that hold now. Under the core's lock.
    pub fn current(&self) -> Events {
        self.queue().current(self.events.get())
    }

    /// As [`Self::current`], for a loop that has not gone to sleep yet.
    pub fn promising(&self) -> Events {
        self.queue().promising(self.events.get(), self.core.linger)
    }

    /// As [`Self::disarm`], in a child of fork(): as far as nobody was in the middle of a change.
    pub fn disarm_if_free(this: &Counted<Self>) -> Option<Token> {
        Token::back_from(this, this.queue().disarm_if_free(&this.node)?)
    }

    /// Takes the token off the lists of the queue, if it is there. Under the core's lock.
    pub fn disarm(this: &Counted<Self>) -> Option<Token> {
        Token::back_from(this, this.queue().disarm(&this.node))
    }
}

impl Token {
    /// A token for a watch that has none. Under the core's lock.
    pub fn issue(watch: &Counted<Watch>) -> Self {
        watch.place.set(Place::Circulating);
        Self(watch.share())
    }

    /// Arms the watch with this token. `Some`: an event holds already, and the token is still here.
    /// Under the core's lock.
    pub fn arm(self) -> Option<Self> {
        let watch = self.into_raw();
        // SAFETY: kept alive by the reference of the core's table, or of the caller who is about to enter it there: the
        // token may be another thread's, and gone, as soon as it is armed. The node is inside and does not move.
        unsafe {
            let who = Who::Watch(Target::new(watch.cast(), deliver));
            match (*watch).queue().arm(&(*watch).node, (*watch).events.get(), who) {
                Armed::Armed | Armed::Taken => None,
                Armed::Holds => Self::from_raw(watch),
            }
        }
    }

    /// The token that a watch handed over when it was armed, if it has just left the lists.
    fn back_from(watch: &Counted<Watch>, delisted: Delisted) -> Option<Self> {
        match delisted {
            // SAFETY: the reference that arm handed over, taken back once.
            Delisted::InTime => unsafe { Shared::from_raw(ptr::from_ref(watch)) }.map(Self),
            Delisted::TooLate => None,
        }
    }

    pub fn watch(&self) -> &Watch {
        &self.0
    }

    pub fn into_raw(self) -> *const Watch {
        // Derived from the whole, so that the way back from the value is allowed.
        let counted = Shared::into_raw(self.0);
        // SAFETY: alive, kept so by the token.
        unsafe { Counted::value(counted) }
    }

    /// # Safety
    /// `watch` is null or came from [`Self::into_raw`], and is taken back once.
    pub unsafe fn from_raw(watch: *const Watch) -> Option<Self> {
        // SAFETY: as promised.
        unsafe { Shared::from_value(watch) }.map(Self)
    }
}

/// A wake-up for an armed watch.
///
/// # Safety
/// `watch` is the token that was handed over when it was armed.
unsafe fn deliver(watch: *const ()) -> Fired {
    // SAFETY: as promised.
    match unsafe { Token::from_raw(watch.cast()) } {
        Some(token) => Core::receive(token),
        None => Fired::Refused,
    }
}
