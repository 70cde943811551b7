//! One waiter, and how it is woken.

use std::ptr;

use super::Events;
use crate::sync::UnsafeCell;
use crate::sys::park::{Parker, Unparker};

/// How many lists a waiter can be on at once.
pub(super) const LINES: usize = 3;

/// The waiter behind a node.
#[derive(Clone, Copy)]
pub enum Who {
    Thread(*const Parker),
    /// Hands over one reference to the watch, which comes back through [`Target::deliver`] or stays with
    /// the one that delists it.
    Watch(Target),
}

/// A watch that can be told of its event: what it is, and what to call with it.
#[derive(Clone, Copy)]
pub struct Target {
    watch: *const (),
    deliver: unsafe fn(*const ()) -> Fired,
}

impl Target {
    /// # Safety
    /// `deliver` can be called with `watch`, from any thread with no lock held, once for each time that
    /// it is enlisted.
    pub unsafe fn new(watch: *const (), deliver: unsafe fn(*const ()) -> Fired) -> Self {
        Self { watch, deliver }
    }

    fn deliver(self) -> Fired {
        // SAFETY: as promised to `new`; the reference that was handed over keeps the watch alive.
        unsafe { (self.deliver)(self.watch) }
    }
}

/// What a wake-up did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    /// A sleeper was woken.
    Woke,
    /// It reached a loop that is awake.
    Noted,
    /// Nobody is there any more.
    Refused,
}

/// A wake-up on its way: taken under the lock, fired outside of it.
#[must_use = "a waiter is off the list and sleeps on until this is fired"]
pub enum Wake {
    Thread(Unparker),
    Watch(Target),
}

impl Wake {
    /// Whether a thread waits, not a watch.
    pub fn is_of_thread(&self) -> bool {
        matches!(self, Self::Thread(_))
    }

    pub(super) fn fire(self) -> Fired {
        match self {
            Self::Thread(unparker) => {
                unparker.wake();
                Fired::Woke
            }
            Self::Watch(target) => target.deliver(),
        }
    }
}

/// A place on the lists. The lists link nodes where they are: a thread's on its stack, a watch's inside
/// of the watch.
pub struct Node {
    /// Accessed under the lock of the lists only.
    pub(super) links: UnsafeCell<Links>,
}

pub(super) struct Links {
    /// What it is enlisted for; nothing: it is not.
    pub events: Events,
    /// Its place in the order of beginning to wait; 0: none yet.
    pub ticket: u64,
    /// When it was enlisted last, counted as tickets are.
    pub since: u64,
    pub who: Option<Who>,
    pub next: [*const Node; LINES],
    pub prev: [*const Node; LINES],
}

// SAFETY: the links are accessed under the lock of the lists only.
unsafe impl Send for Node {}
// SAFETY: as above.
unsafe impl Sync for Node {}

impl Node {
    pub fn new() -> Self {
        Self {
            links: UnsafeCell::new(Links {
                events: Events::NONE,
                ticket: 0,
                since: 0,
                who: None,
                next: [ptr::null(); LINES],
                prev: [ptr::null(); LINES],
            }),
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::new()
    }
}
