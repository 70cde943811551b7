//! Where wake-ups leave watches for the loop: one word that says whether the loop sleeps, and if not,
//! what came meanwhile.
//!
//! ```text
//!            arm                 push: the loop is awake, nothing more to do
//!   EMPTY ---------> ARMED        +----------+
//!     ^                |          v          |
//!     |                +------> watch -> watch -> ...
//!     |     push: ring the bell      |
//!     +------------------------------+  take
//! ```

use std::ptr;

use super::watch::{Token, Watch};
use crate::sync::{AtomicPtr, Ordering, fence_after_rmw};

/// How the loop sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleeper {
    /// In its own system call: make the descriptor readable.
    Loop,
    /// In bq_poller_wait: wake the thread.
    Thread,
}

/// What the push of a token met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    Awake,
    Asleep(Sleeper),
    Closed,
}

/// Small numbers that no watch has as its address.
const EMPTY: usize = 0;
const ARMED_LOOP: usize = 1;
const ARMED_THREAD: usize = 2;
const CLOSED: usize = 3;

pub(super) struct Inbox(AtomicPtr<Watch>);

fn tag(word: usize) -> *mut Watch {
    ptr::without_provenance_mut(word)
}

fn armed(sleeper: Sleeper) -> *mut Watch {
    tag(match sleeper {
        Sleeper::Loop => ARMED_LOOP,
        Sleeper::Thread => ARMED_THREAD,
    })
}

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Empty,
    Asleep(Sleeper),
    Closed,
    /// The latest of a list.
    Watches,
}

fn content(word: *mut Watch) -> Content {
    match word.addr() {
        EMPTY => Content::Empty,
        ARMED_LOOP => Content::Asleep(Sleeper::Loop),
        ARMED_THREAD => Content::Asleep(Sleeper::Thread),
        CLOSED => Content::Closed,
        _ => Content::Watches,
    }
}

fn sleeper(word: *mut Watch) -> Option<Sleeper> {
    match content(word) {
        Content::Asleep(how) => Some(how),
        Content::Empty | Content::Closed | Content::Watches => None,
    }
}

impl Inbox {
    pub fn armed() -> Self {
        Self(AtomicPtr::new(armed(Sleeper::Loop)))
    }

    /// Leaves a watch. `Asleep`: this call, and no other, must ring. `Closed`: the token was dropped.
    pub fn push(&self, token: Token) -> Met {
        let this = token.into_raw().cast_mut();
        // ORDERING: Relaxed; what matters is the exchange below.
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (next, met) = match content(word) {
                Content::Closed => {
                    // SAFETY: not given away after all.
                    drop(unsafe { Token::from_raw(this) });
                    return Met::Closed;
                }
                Content::Empty => (ptr::null_mut(), Met::Awake),
                Content::Asleep(how) => (ptr::null_mut(), Met::Asleep(how)),
                Content::Watches => (word, Met::Awake),
            };
            // SAFETY: kept alive by the token, which is still this call's.
            unsafe { (*this).next.set(next) };
            // ORDERING: Release; the watch and its link are seen by `take`. Acquire: a loop that armed
            // has done so before it is rung.
            match self.0.compare_exchange_weak(word, this, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return met,
                Err(now) => word = now,
            }
        }
    }

    /// Takes everything, in the order in which it came. Leaves a sleeper asleep.
    pub fn take(&self) -> *const Watch {
        // ORDERING: Relaxed; what matters is the exchange below.
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            match content(word) {
                Content::Empty | Content::Asleep(_) | Content::Closed => return ptr::null(),
                Content::Watches => {}
            }
            // ORDERING: Acquire; pairs with the Release in push. Release; a push that finds it empty has seen what this
            // call did before.
            let empty = tag(EMPTY);
            match self.0.compare_exchange_weak(word, empty, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return reversed(word),
                Err(now) => word = now,
            }
        }
    }

    /// Whether nothing has come since the last `take`.
    pub fn is_empty(&self) -> bool {
        // ORDERING: Relaxed; a hint.
        self.0.load(Ordering::Relaxed).addr() == EMPTY
    }

    /// Whether nothing comes any more.
    pub fn is_closed(&self) -> bool {
        // ORDERING: Relaxed; a call that sees it does nothing more. One that must see it holds the lock that it is
        // closed under.
        self.0.load(Ordering::Relaxed).addr() == CLOSED
    }

    /// The sleeper, if the poller is armed.
    pub fn sleeper(&self) -> Option<Sleeper> {
        // ORDERING: Acquire; what the waking thread wrote before is seen.
        sleeper(self.0.load(Ordering::Acquire))
    }

    /// The loop goes to sleep. `false`: something is there.
    pub fn arm(&self, how: Sleeper) -> bool {
        self.change(tag(EMPTY), armed(how))
    }

    /// The sleeper sleeps in another way from now on. `false`: it was woken meanwhile.
    pub fn sleep_as(&self, before: Sleeper, after: Sleeper) -> bool {
        self.change(armed(before), armed(after))
    }

    /// Wakes the sleeper without leaving anything; how it slept, if it did. The caller must ring.
    pub fn rouse(&self) -> Option<Sleeper> {
        loop {
            // ORDERING: SeqCst; see change().
            let how = sleeper(self.0.load(Ordering::SeqCst))?;
            if self.change(armed(how), tag(EMPTY)) {
                return Some(how);
            }
        }
    }

    /// No more from now on; what was there, and who slept.
    pub fn close(&self) -> (*const Watch, Option<Sleeper>) {
        // ORDERING: Acquire; as in take. Release; the sleeper that this wakes sees what was before the end.
        let word = self.0.swap(tag(CLOSED), Ordering::AcqRel);
        match content(word) {
            Content::Empty | Content::Closed => (ptr::null(), None),
            Content::Asleep(how) => (ptr::null(), Some(how)),
            Content::Watches => (reversed(word), None),
        }
    }

    fn change(&self, before: *mut Watch, after: *mut Watch) -> bool {
        // ORDERING: SeqCst; pairs with the flag in Core::wake: the poll that arms and then looks at the flag
        // sees it, or the thread that sets the flag and then rouses finds the sleeper.
        let changed = self.0.compare_exchange(before, after, Ordering::SeqCst, Ordering::SeqCst);
        fence_after_rmw();
        changed.is_ok()
    }
}

/// Pushed last, linked first: turns the list round.
fn reversed(mut at: *const Watch) -> *const Watch {
    let mut behind: *const Watch = ptr::null();
    // SAFETY: every watch on the list is kept alive by its token.
    while let Some(watch) = unsafe { at.as_ref() } {
        at = watch.next.replace(behind.cast_mut());
        behind = watch;
    }
    behind
}
