//! How far one end of a ring has come, and who claims what comes next.
//!
//! Everybody claims by a compare-and-swap of the word, which waits until every store before it has reached the caches,
//! also those to slots whose cache lines the other side holds. A plain store does not. So a thread that has been the
//! only one to put for a while becomes the owner of the tail, one that gets alone that of the head: OWNED in the word
//! makes every compare-and-swap fail that was on its way, and from then on the owner counts in a cell of its own, its
//! hand. It announces a claim, looks whether it still is the owner, and stores how far it has come.
//!
//! ```text
//! claims = to; is it still mine?   at = to; claims = 0;          the owner
//!                            no:   claims = 0, if it still is to: nothing is claimed; else it was granted, as above
//! holder = nobody; barrier; at, or claims where that is not 0: granted; word = that, without OWNED   another thread
//! ```
//!
//! A thread that ends the ownership takes it away first, then has the kernel send the owner through a barrier: behind it
//! the owner finds out by itself, or is seen to be claiming. That claim is granted to it, however long the scheduler
//! keeps it from going on: to the others it is a put or get that has claimed its place and is half-way. What such a
//! thread stores late, it stores to its own hand, where nobody looks any more. So nobody ever waits for an owner.
//!
//! What others rely on a read-modify-write for, an owner does not give: that a get, or put, sees what was told before
//! somebody looked at the word. A thread that tells and looks ends the ownership too, see [`Fifo::order`].
//!
//! [`Fifo::order`]: super::Fifo::order

mod regular;

use super::ring::{FLAGS, OWNED, STEP, turn};
use crate::sync::{AtomicU64, AtomicUsize, Cell, MODEL, Ordering, fence_after_rmw};
use crate::sys::park::nap;
use crate::sys::{barrier, clock, thread};
use regular::Regular;
#[cfg(test)]
pub(super) use regular::{PAYS_OFF, WORTH_OWNING};

/// In place of a barrier that a sandbox has taken away: no processor keeps a store to itself that long.
const BARRIER_NS: u64 = 1_000_000;

const NOBODY: u64 = 0;

/// No more than fit into the low bits of a thread's token.
pub(super) const PLACES: usize = 8;
const _: () = assert!(PLACES <= 1 << thread::TOKEN_BITS);

/// In what a hand claims: it has been granted. A bit that words leave free.
const GRANTED: u64 = 8;
const _: () = assert!(GRANTED < STEP && GRANTED & OWNED == 0);

/// The first two hands are on the cache line of the word.
#[repr(C)]
pub(super) struct Cursor {
    /// The turn that comes next, and flags. With OWNED, the turn at which the ownership began.
    word: AtomicU64,
    /// The owner's token, with its place in the low bits by exclusive or; NOBODY. Changes under the chain's lock only, and
    /// whoever holds that finds OWNED set while it is somebody.
    holder: AtomicU64,
    /// A hand is one thread's own, see [`Places`]: a thread may come late to it.
    hands: [Hand; PLACES],
    /// Which hand is the owner's, or was the last one's.
    place: AtomicUsize,
    /// Since which turn every claim has been one of the present owner.
    owned_from: AtomicU64,
    regular: Regular,
    places: Places,
}

/// What an owner writes.
#[repr(C)]
struct Hand {
    /// The word, as it would be.
    at: AtomicU64,
    /// What `at` is about to be; 0 where nothing is being claimed.
    claims: AtomicU64,
}

/// The proof that the caller was the owner: what it has found in `holder`, and its place.
#[derive(Clone, Copy)]
pub(super) struct Mine {
    holder: u64,
    place: usize,
}

/// Whose place is whose. Under the chain's lock.
struct Places([Cell<u64>; PLACES]);

impl Places {
    fn new() -> Self {
        Self([(); PLACES].map(|()| Cell::new(NOBODY)))
    }

    /// The caller's. `None`: so many threads have owned this end, and were never seen again, that none is left.
    fn take(&self) -> Option<usize> {
        let of = |thread| self.0.iter().position(|place| place.get() == thread);
        let place = of(thread::token()).or_else(|| of(NOBODY))?;
        self.0[place].set(thread::token());
        Some(place)
    }

    /// The caller does not own the end, so it is in no claim: its place may be another's.
    fn give_back(&self) {
        let mine = self.0.iter().filter(|place| place.get() == thread::token());
        mine.for_each(|place| place.set(NOBODY));
    }
}

impl Hand {
    fn new() -> Self {
        Self { at: AtomicU64::new(0), claims: AtomicU64::new(0) }
    }

    /// How far it has come, for good: a claim that is under way is granted. It is not the owner's any more, and a barrier
    /// lies behind that.
    fn settle(&self) -> u64 {
        // ORDERING: Acquire, both; pairs with the Release in `claimed`: where a claim is over, `at` says so.
        let claims = self.claims.load(Ordering::Acquire);
        // The hand's thread may be taking it back just now. One of the two is first.
        let granted = claims | GRANTED;
        let grant =
            || self.claims.compare_exchange(claims, granted, Ordering::Relaxed, Ordering::Acquire);
        if claims != 0 && grant().is_ok() {
            return claims;
        }
        // ORDERING: Relaxed; see above.
        self.at.load(Ordering::Relaxed)
    }

    /// Takes back a claim that was announced too late. `true`: it was granted, the turns are the caller's.
    #[cold]
    fn take_back(&self, claims: u64) -> bool {
        // ORDERING: Relaxed; one word, and one of the two is first.
        let taken = self.claims.compare_exchange(claims, 0, Ordering::Relaxed, Ordering::Relaxed);
        let was_granted = taken == Err(claims | GRANTED);
        if was_granted {
            // Who has granted it may not have come to write it to the word, and what the caller does next relies on it.
            self.claimed(claims);
        }
        was_granted
    }

    /// Says that the turns before this word are claimed.
    #[inline(always)]
    fn claimed(&self, at: u64) {
        // ORDERING: Release; a thread that sees the new word sees what the owner had seen of the ring, and of the other
        // end.
        self.at.store(at, Ordering::Release);
        // ORDERING: Release; pairs with the Acquire in `settle`: `at` is there.
        self.claims.store(0, Ordering::Release);
    }
}

impl Cursor {
    pub fn new(word: u64) -> Self {
        Self {
            word: AtomicU64::new(word),
            holder: AtomicU64::new(NOBODY),
            hands: [(); PLACES].map(|()| Hand::new()),
            place: AtomicUsize::new(0),
            owned_from: AtomicU64::new(0),
            regular: Regular::nobody(),
            places: Places::new(),
        }
    }

    /// The word as it is, for who is about to claim. Of an owner other than the caller, one that fits no claim.
    #[inline(always)]
    pub fn look(&self) -> (u64, Option<Mine>) {
        let mine = self.mine();
        // ORDERING: Relaxed; the caller has written it. Acquire; pairs with the Release in `set`: the stamps fit.
        let word = match mine {
            Some(Mine { place, .. }) => self.hands[place].at.load(Ordering::Relaxed),
            None => self.word.load(Ordering::Acquire),
        };
        (word, mine)
    }

    /// The word as it is, whoever writes it: with OWNED, an owner does.
    pub fn load(&self) -> u64 {
        loop {
            // ORDERING: SeqCst; said by the callers. Pairs with the Release in `set` as well: the stamps fit, and a life
            // of the ring is not older than the word.
            let word = self.word.load(Ordering::SeqCst);
            if word & OWNED == 0 {
                return word;
            }
            // ORDERING: Acquire; pairs with the Release in `hold`: of a later owner at the same turn, `at` is at least that.
            let hand = &self.hands[self.place.load(Ordering::Acquire)];
            // ORDERING: Acquire; pairs with the Release in `claimed`. And the look behind it stays there.
            let at = hand.at.load(Ordering::Acquire);
            // A late owner may have written there. No two ownerships begin at the same turn, if anything was claimed.
            // ORDERING: Relaxed; compared only.
            if self.word.load(Ordering::Relaxed) == word {
                return at;
            }
        }
    }

    /// Whether the word is this one, for a caller that has seen it.
    pub fn is(&self, word: u64) -> bool {
        self.load() == word
    }

    /// Who the caller is to this end, now.
    #[inline(always)]
    pub fn mine(&self) -> Option<Mine> {
        // ORDERING: Acquire; a thread that sees the word of a new owner sees that one here: it was written before.
        let holder = self.holder.load(Ordering::Acquire);
        let place = (holder ^ thread::token()) as usize; // of another thread's holder it is not that small
        (thread::HAVE_TOKENS && place < PLACES).then_some(Mine { holder, place })
    }

    /// Claims `count` turns from this word on. `false`: it has moved, or is another thread's own.
    #[inline(always)]
    pub fn claim(&self, from: u64, count: u64, mine: Option<Mine>) -> bool {
        let to = from + count * STEP;
        if let Some(mine) = mine {
            return self.claim_as_owner(to, mine);
        }
        // Where it is owned, that is not the word.
        if from & OWNED != 0 {
            return false;
        }
        // ORDERING: SeqCst and a fence after it; said by the callers. Relaxed when it fails: tried anew.
        let claimed =
            self.word.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        if claimed {
            fence_after_rmw();
        }
        claimed
    }

    #[inline(always)]
    fn claim_as_owner(&self, to: u64, mine: Mine) -> bool {
        let hand = &self.hands[mine.place];
        // ORDERING: pairs by the barriers with the heavy() in `end`: the owner sees below that it is none any more, or is
        // seen to be claiming. Release; pairs with the Acquire in `settle`: where this is taken back, `at` is up to it.
        hand.claims.store(to, Ordering::Release);
        barrier::light_where_asymmetric();
        // It has been the caller's since the hand was looked at: only this thread makes itself the owner.
        // ORDERING: Relaxed; compared only.
        if self.holder.load(Ordering::Relaxed) != mine.holder {
            return hand.take_back(to);
        }
        hand.claimed(to);
        true
    }

    /// Whether the owner has claimed a whole lap before this turn. Then every item before that lap has been read too: the
    /// owner found the slot filled again. And those of the lap it has read itself, since it has none in hand when it
    /// gets the next one: a discard, which may, is not done as the owner.
    #[inline(always)]
    pub fn has_gone_round(&self, turn: u64, slots: u64) -> bool {
        // ORDERING: Relaxed; the owner has written it. To others it means nothing, and they cannot claim.
        turn >= self.owned_from.load(Ordering::Relaxed) + slots
    }

    /// Sets the word of an end that nobody claims at. Under the chain's lock.
    pub fn set(&self, word: u64) {
        // ORDERING: Release; pairs with the Acquire of those that load it: what was readied before is there.
        self.word.store(word, Ordering::Release);
    }

    /// Adds a flag, and ends the ownership: that of the caller, or anybody's where nothing is left to claim, as at the head
    /// of a ring that is emptied and sealed. Claims that come later fail. Under the chain's lock. The word before.
    pub fn close(&self, flag: u64) -> u64 {
        // ORDERING: Relaxed; OWNED is written under the lock that is held.
        if self.word.load(Ordering::Relaxed) & OWNED == 0 {
            // ORDERING: SeqCst; said by the callers.
            return self.word.fetch_or(flag, Ordering::SeqCst);
        }
        let at = self.load() & !OWNED;
        // ORDERING: Relaxed; nobody is claiming.
        self.holder.store(NOBODY, Ordering::Relaxed);
        // ORDERING: SeqCst; as above.
        self.word.store(at | flag, Ordering::SeqCst);
        at
    }

    /// Whether the caller claims so much here that it may own this end.
    pub fn note(&self) -> bool {
        // ORDERING: Relaxed; a hint.
        let word = self.word.load(Ordering::Relaxed);
        word & OWNED == 0 && self.regular.note(turn(word))
    }

    pub fn is_owned(&self) -> bool {
        // ORDERING: Relaxed; a hint.
        self.word.load(Ordering::Relaxed) & OWNED != 0
    }

    /// Makes the caller the owner, unless somebody is, or it cannot be. Under the chain's lock.
    pub fn own(&self) {
        // ORDERING: Relaxed; compared only.
        let seen = self.word.load(Ordering::Relaxed);
        if seen & FLAGS != 0 {
            return;
        }
        let Some(place) = self.places.take() else { return };
        self.regular.begin(turn(seen));
        self.hold(place, seen);
        // ORDERING: SeqCst and a fence; a waiter who looks before this and finds no owner is seen by every claim of this
        // one.
        let owned = seen | OWNED;
        if self.word.compare_exchange(seen, owned, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            // ORDERING: Relaxed; the caller's own.
            self.holder.store(NOBODY, Ordering::Relaxed);
        }
        fence_after_rmw();
    }

    /// Writes the caller down as the owner, from this word on; OWNED is set after this.
    fn hold(&self, place: usize, word: u64) {
        // ORDERING: Relaxed; see `has_gone_round`.
        self.owned_from.store(turn(word), Ordering::Relaxed);
        // ORDERING: Relaxed, both; published with the place.
        self.hands[place].at.store(word | OWNED, Ordering::Relaxed);
        self.hands[place].claims.store(0, Ordering::Relaxed);
        // ORDERING: Release; pairs with the Acquire in `load`, which may have the word of an earlier ownership.
        self.place.store(place, Ordering::Release);
        // ORDERING: Relaxed; published with OWNED.
        self.holder.store(thread::token() ^ place as u64, Ordering::Relaxed);
    }

    /// Ends an ownership other than the caller's. Under the chain's lock.
    pub fn end(&self) {
        // ORDERING: Relaxed, both; OWNED and the place are written under the lock that is held.
        if self.word.load(Ordering::Relaxed) & OWNED == 0 || self.mine().is_some() {
            return;
        }
        self.places.give_back();
        let hand = &self.hands[self.place.load(Ordering::Relaxed)];
        // ORDERING: Relaxed; a barrier follows.
        self.holder.store(NOBODY, Ordering::Relaxed);
        let at_small_cost = Self::order_claims();
        let at = hand.settle();
        self.regular.end(turn(at), at_small_cost);
        // ORDERING: SeqCst; claims by compare-and-swap follow all that the owner has stored.
        self.word.store(at & !OWNED, Ordering::SeqCst);
    }

    /// What an owner has stored before is visible after this, or it sees what the caller has. `false`: that took
    /// BARRIER_NS, there is no such barrier any more.
    fn order_claims() -> bool {
        // ORDERING: pairs with the light barriers in `claim_as_owner`.
        if barrier::heavy() {
            return true;
        }
        let over = clock::now() + BARRIER_NS;
        while !MODEL && clock::now() < over {
            nap();
        }
        false
    }

    /// Ends the caller's ownership, if it is the owner. Under the chain's lock.
    pub fn leave(&self) {
        if self.mine().is_some() {
            self.close(0);
        }
    }

    /// Takes over from the same end of the ring before, where nothing is left to claim. `mine`: of that one; the caller
    /// stays the owner. Nobody claims here yet. Under the chain's lock. What is to be marked in the word.
    pub fn follow(&self, before: &Self, mine: Option<Mine>) -> u64 {
        // ORDERING: Relaxed; nobody claims here yet.
        let (last, first) = (before.load(), self.word.load(Ordering::Relaxed));
        self.regular.learn(&before.regular, turn(last), turn(first));
        mine.and_then(|_| self.places.take()).map_or(0, |place| {
            self.hold(place, first & !FLAGS); // not begin: since when is what `learn` has set
            OWNED
        })
    }
}
