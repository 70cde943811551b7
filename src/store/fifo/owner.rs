//! A head that belongs to one thread: it takes items out without a read-modify-write.
//!
//! A compare-and-swap waits until every store before it has reached the caches, also those to slots whose cache lines
//! producers hold; a plain store does not. So a thread that has been the only one to get for a while becomes the owner
//! of the head: OWNED in its word makes every compare-and-swap fail that was on its way, and from then on only the
//! owner writes there. It announces a claim, looks whether it still is the owner, and stores the word. A thread that
//! ends that takes the ownership away first, then has the kernel send the owner through a barrier: after it the owner
//! finds out by itself, or is seen to be claiming and waited for.
//!
//! ```text
//! holder    OWNED in the head
//! nobody    no             gets claim by compare-and-swap
//! a thread  yes            that one claims by plain stores
//! nobody    yes            ended; its last owner may be in the middle of a claim, and nobody claims until it is not
//! ```
//!
//! What others rely on a get's read-modify-write for, an owner does not give: that a get sees what was told before
//! somebody looked at the head. A thread that tells and looks ends the ownership too, see [`Fifo::order_gets`].

mod regular;

use super::Fifo;
use super::chain::Chain;
use super::ring::{AWAY, OWNED, Ring, STEP, turn};
use super::shape::Shape;
use crate::store::NotGot;
use crate::sync::{AtomicBool, AtomicU64, Cell, EAGER, MODEL, Ordering, fence_after_rmw, pause};
use crate::sys::park::nap;
use crate::sys::{barrier, clock, thread};
use regular::Regular;
#[cfg(test)]
pub(super) use regular::{PAYS_OFF, WORTH_OWNING};

/// After how many items to look whether always the same thread gets them.
pub(super) const LOOK_EVERY: u64 = if EAGER { 1 } else { 1024 };
/// How often to look again whether an owner is out of its few instructions, before it must have lost its processor.
const LOOKS_AT_CLAIM: u32 = if MODEL { 0 } else { 100 };
/// In place of a barrier that a sandbox has taken away: no processor keeps a store to itself that long.
const BARRIER_NS: u64 = 1_000_000;

const NOBODY: u64 = 0;

/// As many as fit into the low bits of a thread's token.
pub(super) const PLACES: usize = 1 << thread::TOKEN_BITS;

/// Which thread owns the head of a ring, and which may come to. What claims write is on the cache line of the head:
/// with another one between the stores, gets take a sixth longer.
#[repr(C)]
pub(super) struct Owner {
    /// Its thread's token, with its place in `claiming` in the low bits by exclusive or; NOBODY. Changes under the
    /// chain's lock only, and whoever holds that finds OWNED set while it is somebody.
    holder: AtomicU64,
    /// Whether an owner, or one that was, is in the middle of a claim. A place is one thread's own, see [`Places`]: a
    /// thread may come late, and must not take back what the next owner has announced.
    claiming: [AtomicBool; PLACES],
    regular: Regular,
    /// Since which turn every get has been one of the present owner.
    owned_from: AtomicU64,
}

/// Whose place is whose. Under the chain's lock.
pub(super) struct Places {
    threads: [Cell<u64>; PLACES],
    /// Of the last owner.
    last: Cell<usize>,
}

impl Places {
    pub fn new() -> Self {
        Self { threads: [(); PLACES].map(|()| Cell::new(NOBODY)), last: Cell::new(0) }
    }

    /// The caller's. `None`: so many threads have owned this head, and were never seen again, that none is left.
    fn take(&self) -> Option<usize> {
        let of = |thread| self.threads.iter().position(|place| place.get() == thread);
        let place = of(thread::token()).or_else(|| of(NOBODY))?;
        self.threads[place].set(thread::token());
        self.last.set(place);
        Some(place)
    }

    /// The caller does not own the head, so it is in no claim: its place may be another's.
    fn give_back(&self) {
        let mine = self.threads.iter().filter(|place| place.get() == thread::token());
        mine.for_each(|place| place.set(NOBODY));
    }
}

impl Owner {
    pub fn nobody() -> Self {
        Self {
            holder: AtomicU64::new(NOBODY),
            claiming: [(); PLACES].map(|()| AtomicBool::new(false)),
            regular: Regular::nobody(),
            owned_from: AtomicU64::new(0),
        }
    }

    /// The holder and its place, if it is the caller.
    #[inline(always)]
    fn me(&self) -> Option<(u64, usize)> {
        // ORDERING: Acquire; a thread that sees the head of a new owner sees that one here: it was written before.
        let holder = self.holder.load(Ordering::Acquire);
        let place = (holder ^ thread::token()) as usize; // of another thread's holder it is not that small
        (thread::HAVE_TOKENS && place < PLACES).then_some((holder, place))
    }

    /// Claims `count` items, from a head that was seen to be owned. `false`: it is not the caller's any more, or never
    /// was.
    #[inline(always)]
    pub fn claim(&self, word: &AtomicU64, head: u64, count: u64) -> bool {
        let Some((me, place)) = self.me() else { return false };
        let claiming = &self.claiming[place];
        // ORDERING: Relaxed; pairs by the barriers with the heavy() in `end`: the owner sees below that it is none any
        // more, or is seen to be claiming.
        claiming.store(true, Ordering::Relaxed);
        barrier::light_where_asymmetric();
        // It has been the caller's since the head was looked at: only this thread makes itself the owner.
        // ORDERING: Relaxed; compared only.
        let claimed = self.holder.load(Ordering::Relaxed) == me;
        if claimed {
            // ORDERING: Release; a thread that sees the new head sees what the owner had seen of the ring.
            word.store(head + count * STEP, Ordering::Release);
        }
        // ORDERING: Release; pairs with the Acquire in `is_claiming`: the word is there.
        claiming.store(false, Ordering::Release);
        // A get looks next whom it concerns; see `Fifo::order_gets`.
        barrier::light_where_asymmetric();
        claimed
    }

    /// Whether the owner has got a whole lap before this turn. Then every item before that lap has been read too: the
    /// owner found the slot filled again. And those of the lap it has read itself, since it has none in hand when it
    /// gets the next one: a discard, which may, is not done as the owner.
    #[inline(always)]
    pub fn has_gone_round(&self, turn: u64, slots: u64) -> bool {
        // ORDERING: Relaxed; the owner has written it. To others it means nothing, and they cannot claim.
        turn >= self.owned_from.load(Ordering::Relaxed) + slots
    }

    /// Makes the caller the owner, `turn` is the next one; OWNED is set after this. Under the chain's lock.
    fn begin(&self, place: usize, turn: u64) {
        self.regular.begin(turn);
        self.hold(place, turn);
    }

    /// Writes the caller down as the owner, from this turn on.
    fn hold(&self, place: usize, turn: u64) {
        // ORDERING: Relaxed; see `has_gone_round`.
        self.owned_from.store(turn, Ordering::Relaxed);
        // ORDERING: Relaxed; published with OWNED.
        self.holder.store(thread::token() ^ place as u64, Ordering::Relaxed);
    }

    /// Nobody owns it any more; who did may be in the middle of a claim still. `turn` is the next one. Under the
    /// chain's lock.
    fn end(&self, turn: u64) {
        self.leave();
        let at_small_cost = Self::order_claims();
        self.regular.end(turn, at_small_cost);
    }

    /// What an owner has stored before is visible after this, or it sees what the caller has. `false`: that took
    /// BARRIER_NS, there is no such barrier any more.
    fn order_claims() -> bool {
        // ORDERING: pairs with the light barriers in `claim`.
        if barrier::heavy() {
            return true;
        }
        let over = clock::now() + BARRIER_NS;
        while !MODEL && clock::now() < over {
            nap();
        }
        false
    }

    /// Takes the owner's name off, nothing more: whether a claim is under way is for the caller to find out.
    fn leave(&self) {
        // ORDERING: Relaxed; where that matters, a barrier follows.
        self.holder.store(NOBODY, Ordering::Relaxed);
    }

    fn is_held(&self) -> bool {
        // ORDERING: Relaxed; written under the lock that is held.
        self.holder.load(Ordering::Relaxed) != NOBODY
    }

    /// Whether the owner of this place is in the middle of a claim, or was when it lost the ownership.
    fn is_claiming(&self, place: usize) -> bool {
        // ORDERING: Acquire; pairs with the Release in `claim`.
        self.claiming[place].load(Ordering::Acquire)
    }
}

/// What a get leaves to be done now and then, see [`Fifo::look_round`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Nothing,
    LookRound,
}

impl Due {
    /// Behind a get of the turns from `first` to before `end`. Nobody comes to own long slots: 64-byte items between
    /// processors that are far apart, 63 million a second without owners, 40 with; 78 and 84 where they are near.
    #[inline(always)]
    pub(super) fn after(shape: Shape, first: u64, end: u64) -> Self {
        let may_matter = !shape.is_long() && first / LOOK_EVERY != end / LOOK_EVERY;
        if may_matter { Self::LookRound } else { Self::Nothing }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IfEnded {
    /// The head is only to be taken over: the claim is seen, or waited for.
    Nothing,
    /// A get must see what was told before, as it would where this ended the ownership.
    OrderClaims,
}

impl Fifo {
    /// After a get, now and then: whether they all come from one thread.
    #[cold]
    pub fn look_round(&self) {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Acquire; as in try_head_ring.
        let Some(ring) = (unsafe { self.head_ring.load(Ordering::Acquire).as_ref() }) else {
            return;
        };
        // ORDERING: Acquire; as in try_head.
        let head = ring.head.word.load(Ordering::Acquire);
        if head & OWNED == 0 && ring.head.owner.regular.note(turn(head)) {
            self.own_head();
        }
    }

    /// Makes the caller the owner of the head, unless somebody is, or it cannot be.
    #[cold]
    pub fn own_head(&self) {
        if !thread::HAVE_TOKENS || !barrier::may_be_asymmetric() {
            return;
        }
        let chain = self.chain.lock();
        if chain.shut {
            return;
        }
        let Some(ring) = self.head_ring_locked(&chain) else { return };
        // ORDERING: Relaxed; compared only.
        let head = ring.head.word.load(Ordering::Relaxed);
        if head & (AWAY | OWNED) != 0 {
            return;
        }
        let Some(place) = ring.places.take() else { return };
        ring.head.owner.begin(place, turn(head));
        // ORDERING: SeqCst and a fence; a waiter for room who looks before this and finds no owner is seen by every get
        // of this one.
        let word = &ring.head.word;
        if word.compare_exchange(head, head | OWNED, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            ring.head.owner.leave();
        }
        fence_after_rmw();
    }

    /// Ends an ownership other than the caller's. After this, gets may claim by compare-and-swap. `Pending`: its owner
    /// is in the middle of a claim, stopped by the scheduler between two instructions; this has slept for a moment
    /// then.
    #[cold]
    pub(super) fn disown_head(&self) -> Result<(), NotGot> {
        for _ in 0..=LOOKS_AT_CLAIM {
            if self.try_disown_head(IfEnded::Nothing) {
                return Ok(());
            }
            pause();
        }
        nap();
        Err(NotGot::Pending)
    }

    /// As [`Self::disown_head`]. `false`: the owner that was is in the middle of a claim. `if_ended`: what to do where
    /// another thread has ended the ownership and left OWNED to the one that finds the claim over.
    fn try_disown_head(&self, if_ended: IfEnded) -> bool {
        let chain = self.chain.lock();
        let Some(ring) = self.head_ring_locked(&chain) else { return true };
        let owner = &ring.head.owner;
        // ORDERING: Relaxed; OWNED is written under the lock that is held.
        let head = ring.head.word.load(Ordering::Relaxed);
        if head & OWNED == 0 || owner.me().is_some() {
            return true;
        }
        ring.places.give_back();
        match if_ended {
            _ if owner.is_held() => owner.end(turn(head)),
            IfEnded::Nothing => {}
            IfEnded::OrderClaims => {
                Owner::order_claims();
            }
        }
        if owner.is_claiming(ring.places.last.get()) {
            return false;
        }
        Self::open_head(ring);
        true
    }

    /// Ends the caller's ownership, if it is the owner.
    pub(super) fn leave_head(&self) {
        let mine = |ring: &Ring| ring.head.owner.me().is_some();
        // Nobody else makes it the caller's meanwhile.
        if !self.settled_head().is_some_and(|(ring, ..)| mine(ring)) {
            return;
        }
        let chain = self.chain.lock();
        if let Some(ring) = self.head_ring_locked(&chain).filter(|ring| mine(ring)) {
            ring.head.owner.leave();
            Self::open_head(ring);
        }
    }

    /// Lets every thread claim: nobody owns the head, or is in the middle of a claim as its owner. Under the chain's
    /// lock.
    fn open_head(ring: &Ring) {
        // ORDERING: SeqCst; gets that claim by compare-and-swap follow all that the owner has stored.
        ring.head.word.fetch_and(!OWNED, Ordering::SeqCst);
    }

    /// The ring that gets start at, for a caller that holds the chain's lock.
    fn head_ring_locked(&self, _chain: &Chain) -> Option<&Ring> {
        // SAFETY: rings live as long as the FIFO.
        // ORDERING: Relaxed; written under the lock that is held.
        unsafe { self.head_ring.load(Ordering::Relaxed).as_ref() }
    }

    /// To be called between telling gets something (a waiter for room enlists, a peek pins the ring, the limit changes)
    /// and looking at the head: a get that is under way is seen, or sees it. That is what a get's read-modify-write is
    /// for; an owner does without, until this. A claim that it is in the middle of need not be waited for.
    #[inline]
    pub fn order_gets(&self) {
        // The load of the head in there pairs with the compare-and-swap in `own_head`: there is an owner here, or that
        // sees what was told.
        let Some((ring, head, _)) = self.settled_head() else { return };
        // The owner's own gets need no order. Should another thread be ending the ownership just now (the holder seen
        // here may be old), then the next get is a compare-and-swap after the one that takes OWNED off; the load above
        // came before that, so that get sees what was told.
        if head & OWNED != 0 && ring.head.owner.me().is_none() {
            self.try_disown_head(IfEnded::OrderClaims);
        }
    }

    /// Hands the head over from a ring that is sealed and emptied to the next one. Under the chain's lock, and nobody
    /// looks at the head of `next` yet. What is to be marked there.
    pub(super) fn pass_head_on(ring: &Ring, next: &Ring) -> u64 {
        // ORDERING: Relaxed, both; nobody claims here any more, or yet.
        let at = |ring: &Ring| turn(ring.head.word.load(Ordering::Relaxed));
        let (before, owner, first) = (&ring.head.owner, &next.head.owner, at(next));
        owner.regular.learn(&before.regular, at(ring), first);
        let stays = before.me().and_then(|_| next.places.take());
        before.leave(); // nothing is left to claim here, also for another thread that owns it
        stays.map_or(0, |place| {
            owner.hold(place, first); // not begin: since when is what `learn` has set
            OWNED
        })
    }
}
