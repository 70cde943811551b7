//! The watches that a poll serves, in turn.

use std::ptr;

use super::watch::{Place, Token, Watch};
use crate::wait::Events;

/// How many watches that have just become quiet are looked at again before they are armed. More than
/// these would make a poll cost what is watched, not what is ready.
pub(super) const FEW: usize = 8;

/// Watches that are ready, or were when last seen: a list in the order of their turns.
pub(super) struct ReadyList {
    first: *const Watch,
    last: *const Watch,
    pub len: usize,
}

impl Default for ReadyList {
    fn default() -> Self {
        Self { first: ptr::null(), last: ptr::null(), len: 0 }
    }
}

impl ReadyList {
    pub fn push(&mut self, token: Token) {
        let watch = token.into_raw();
        // SAFETY: kept alive by the token that it is.
        unsafe { (*watch).next.set(ptr::null_mut()) };
        // SAFETY: as above, of the last one.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.set(watch.cast_mut()),
            None => self.first = watch,
        }
        self.last = watch;
        self.len += 1;
    }

    pub fn pop(&mut self) -> Option<Token> {
        // SAFETY: what is linked are tokens, each taken once.
        let token = unsafe { Token::from_raw(self.first) }?;
        self.first = token.watch().next.get();
        if self.first.is_null() {
            self.last = ptr::null();
        }
        self.len -= 1;
        Some(token)
    }

    /// Drops the tokens of watches that are removed.
    pub fn drop_removed(&mut self) {
        for _ in 0..self.len {
            let token = self.pop().expect("as many as it is long");
            if token.watch().place.get() != Place::Removed {
                self.push(token);
            }
        }
    }

    /// Drops every token.
    pub fn clear(&mut self) {
        while self.pop().is_some() {}
    }

    /// The watches on the list, but for those that are removed.
    fn watches(&self) -> impl Iterator<Item = &Watch> {
        // SAFETY: as in pop.
        let mut at = unsafe { self.first.as_ref() };
        std::iter::from_fn(move || {
            let watch = at?;
            // SAFETY: as above.
            at = unsafe { watch.next.get().as_ref() };
            Some(watch)
        })
        .filter(|watch| watch.place.get() != Place::Removed)
    }

    /// How many items there are for few watches that read. 0: they are many.
    pub fn len_of_few(&self) -> u64 {
        if self.len > FEW {
            return 0;
        }
        let readers = self.watches().filter(|watch| watch.events.get().has_any(Events::READABLE));
        readers.map(|watch| watch.queue().len() as u64).sum()
    }

    /// Where one watch is left, and reads: says to its queue that the poll will look again, soon. One of several
    /// may have to wait until the others are served.
    pub fn announce_look(&self, now: u64) {
        if self.len == 1
            && let Some(watch) = self.watches().next()
        {
            watch.announce_look(now);
        }
    }

    /// The poll looks right after this.
    pub fn withdraw_look(&self) {
        self.watches().for_each(Watch::withdraw_look);
    }

    /// How many items have come, and gone.
    pub fn moved(&self) -> u64 {
        self.watches().map(|watch| watch.queue().moved()).sum()
    }

    /// Whether it is worth serving one of the watches.
    pub fn any_promising(&self) -> bool {
        self.watches().any(|watch| !watch.promising().is_empty())
    }
}
