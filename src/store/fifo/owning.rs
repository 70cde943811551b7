//! Owning an end of the FIFO: who comes to, and who ends that. What it is, and how an owner claims: see [`super::cursor`].

use super::Fifo;
use super::chain::Chain;
use super::cursor::Cursor;
use super::ring::{AWAY, OWNED, Ring, SEALED};
use super::shape::Shape;
use crate::sync::{EAGER, Ordering};
use crate::sys::{barrier, thread};

/// After how many items to look whether always the same thread gets them, or puts them.
pub(super) const LOOK_EVERY: u64 = if EAGER { 1 } else { 1024 };

/// Where puts claim, and where gets do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Tail,
    Head,
}

/// What a put or get leaves to be done now and then, see [`Fifo::look_round`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Nothing,
    LookRound,
}

impl Due {
    /// Behind a claim of the turns from `first` to before `end`. Nobody comes to own long slots: 64-byte items between
    /// processors that are far apart, 63 million a second without owners, 40 with; 78 and 84 where they are near.
    #[inline(always)]
    pub(super) fn after(shape: Shape, first: u64, end: u64) -> Self {
        Self::if_short(shape, first / LOOK_EVERY != end / LOOK_EVERY)
    }

    /// The same behind a claim of one.
    #[inline(always)]
    pub(super) fn after_one(shape: Shape, turn: u64) -> Self {
        Self::if_short(shape, (turn + 1).is_multiple_of(LOOK_EVERY))
    }

    #[inline(always)]
    fn if_short(shape: Shape, so_many: bool) -> Self {
        if !shape.is_long() && so_many { Self::LookRound } else { Self::Nothing }
    }
}

impl Ring {
    fn cursor(&self, end: End) -> &Cursor {
        match end {
            End::Tail => &self.tail.cursor,
            End::Head => &self.head.cursor,
        }
    }
}

impl Fifo {
    /// After a put or get, now and then: whether they all come from one thread.
    #[cold]
    pub fn look_round(&self, end: End) {
        if self.ring(end).is_some_and(|ring| ring.cursor(end).note()) && self.pays(end) {
            self.own(end);
        }
    }

    /// Where several threads get, a put that is faster only has them meet at the head more often. Two threads to two,
    /// unbounded, millions of items a second: 133 without an owner of the tail, 118 with one, 189 with one only while
    /// the head has one too; a loop to eight: 124, 118, 191.
    fn pays(&self, end: End) -> bool {
        match end {
            End::Head => true,
            End::Tail => {
                EAGER || self.ring(End::Head).is_some_and(|ring| ring.head.cursor.is_owned())
            }
        }
    }

    /// Makes the caller the owner of this end, unless somebody is, or it cannot be.
    #[cold]
    pub fn own(&self, end: End) {
        if !thread::HAVE_TOKENS || !barrier::may_be_asymmetric() {
            return;
        }
        let chain = self.chain.lock();
        if let Some(ring) = self.ring_at_locked(end, &chain).filter(|_| !chain.shut) {
            ring.cursor(end).own();
        }
    }

    /// Ends an ownership other than the caller's. After this, everybody may claim by compare-and-swap.
    #[cold]
    pub(super) fn disown(&self, end: End) {
        self.disown_locked(end, &self.chain.lock());
    }

    pub(super) fn disown_locked(&self, end: End, chain: &Chain) {
        if let Some(ring) = self.ring_at_locked(end, chain) {
            ring.cursor(end).end();
        }
    }

    /// Ends the caller's ownership, if it is the owner.
    pub(super) fn leave(&self, end: End) {
        // Nobody else makes it the caller's meanwhile.
        if self.settled(end).is_none_or(|(ring, _)| ring.cursor(end).mine().is_none()) {
            return;
        }
        if let Some(ring) = self.ring_at_locked(end, &self.chain.lock()) {
            ring.cursor(end).leave();
        }
    }

    /// To be called between telling gets something (a waiter for room enlists, a peek pins the ring, the limit changes)
    /// and looking at the head, or puts (a waiter for an item enlists) and the tail: a claim that is under way is seen,
    /// or sees it. That is what its read-modify-write is for; an owner does without, until this.
    #[inline]
    pub fn order(&self, end: End) {
        // The load of the word in there pairs with the compare-and-swap in `own`: there is an owner here, or that sees
        // what was told.
        let Some((ring, word)) = self.settled(end) else { return };
        // The owner's own claims need no order. Should another thread have ended the ownership since, all that the owner
        // has claimed is in the word.
        if word & OWNED != 0 && ring.cursor(end).mine().is_none() {
            self.disown(end);
        }
    }

    /// The ring at this end, and its word there. `None` before the first put.
    fn settled(&self, end: End) -> Option<(&Ring, u64)> {
        loop {
            let ring = self.ring(end)?;
            let word = ring.cursor(end).load();
            // With neither flag, it is the ring at this end, whatever life it has.
            if word & (AWAY | SEALED) == 0 {
                return Some((ring, word));
            }
            drop(self.chain.lock()); // whoever moves on does it under this
        }
    }

    /// The ring at this end, which may be another one by now. `None` before the first put.
    fn ring(&self, end: End) -> Option<&Ring> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; pairs with the Release in link and in advance.
        unsafe { self.ring_at(end).load(Ordering::Acquire).as_ref() }
    }

    /// The ring at this end, for a caller that holds the chain's lock.
    fn ring_at_locked(&self, end: End, _chain: &Chain) -> Option<&Ring> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Relaxed; written under the lock that is held.
        unsafe { self.ring_at(end).load(Ordering::Relaxed).as_ref() }
    }
}
