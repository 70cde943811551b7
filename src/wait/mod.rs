//! Waiters: one fair list per condition, threads and watches alike.
//!
//! An eventcount. A waiter enlists and looks again before it sleeps; a call that changes the state looks at
//! one word, `attention`, right after its one read-modify-write, or what its store has in place of that. Nobody waiting
//! means one load.

mod bits;
mod habit;
mod linger;
mod list;
mod node;
mod yields;

use crate::sync::{AtomicU32, AtomicU64, MODEL, Mutex, MutexGuard, Ordering, fence_after_rmw};
use crate::sys::{barrier, clock};

pub use bits::{Attention, Events};
pub use linger::{Linger, Patience, Sight};
pub use list::{Counts, Line};
pub use node::{Fired, Node, Target, Wake, Who};

use list::Lists;

/// Whether a waiter left its lists by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delisted {
    InTime,
    /// It was not enlisted any more: a wake-up has reached it or is about to.
    TooLate,
}

/// How long puts rely on a looker. At worst an item lies beside a sleeper for this long or, where nothing more is put,
/// until a looker that has lost its processor runs again.
const SOON_NS: u64 = 20_000;

#[repr(C)] // the word that every call reads first, behind what else it reads of a queue
pub struct Waiters {
    attention: AtomicU32,
    /// A cache line between what every call reads and what waiters write: with both on one, a
    /// consumer that keeps catching up costs every put a miss.
    _gap: [u64; 8],
    pub patience: Patience,
    /// How many are about to look at the state once more, and when somebody was last known to do so soon.
    lookers: AtomicU32,
    looked_at: AtomicU64,
    lists: Mutex<Lists>,
    wakes: AtomicU64,
}

impl Waiters {
    pub fn new() -> Self {
        let fenced = if barrier::is_asymmetric() { Attention::NONE } else { Attention::FENCED };
        Self {
            attention: AtomicU32::new(fenced.bits()),
            _gap: [0; 8],
            patience: Patience::of_a_thread(),
            lookers: AtomicU32::new(0),
            looked_at: AtomicU64::new(0),
            lists: Mutex::new(Lists::new()),
            wakes: AtomicU64::new(0),
        }
    }

    /// To be looked at right after the read-modify-write that changed the state, or what stands for it.
    #[inline]
    pub fn attention(&self) -> Attention {
        // ORDERING: SeqCst; pairs with the fetch_or in enlist and raise. The waiter raises, then looks
        // at the state; the changer changes the state, then looks here: one of the two sees the other.
        Attention::of(self.attention.load(Ordering::SeqCst))
    }

    pub fn raise(&self, what: Attention) {
        // ORDERING: SeqCst; see attention().
        self.attention.fetch_or(what.bits(), Ordering::SeqCst);
        fence_after_rmw();
    }

    /// Takes back what was raised.
    pub fn calm(&self, what: Attention) {
        // ORDERING: SeqCst; as in raise: a thread that raised it before this saw a reason that is seen after this.
        self.attention.fetch_and(!what.bits(), Ordering::SeqCst);
        fence_after_rmw();
    }

    /// The caller is about to look at the state once more; [`Self::withdraw_look`] follows.
    pub fn announce_look(&self, now: u64) {
        // ORDERING: Relaxed, both; a put that does not see it wakes a waiter, as if it had come before.
        self.looked_at.store(now, Ordering::Relaxed);
        self.lookers.fetch_add(1, Ordering::Relaxed);
    }

    /// The caller looks at the state right after this.
    pub fn withdraw_look(&self) {
        // ORDERING: SeqCst and a fence; pairs with leave_to_lookers. The looker leaves, then looks at the state; the
        // changer changes the state, then looks here: it sees that nobody looks, or the looker sees the change.
        self.lookers.fetch_sub(1, Ordering::SeqCst);
        fence_after_rmw();
    }

    /// To be called after something was brought in, while a waiter sleeps. `true`: it is left to
    /// the lookers. They get it, and wake others for what comes behind it. But a looker that has not looked for
    /// long has lost its processor, perhaps for milliseconds: so now and then a sleeper is woken all the same.
    pub fn leave_to_lookers(&self) -> bool {
        // ORDERING: Relaxed; a hint.
        if self.lookers.load(Ordering::Relaxed) == 0 || !self.will_be_looked_at() {
            return false;
        }
        // What came in is visible before this looks whether gets will tell of it, and whether it is left alone with a looker:
        // light() is not enough, and an owner's put has no read-modify-write. See `Queue::cascade`, too.
        barrier::full();
        if !self.attention().has_any(Attention::CASCADE) {
            self.raise(Attention::CASCADE);
        }
        // ORDERING: SeqCst; see withdraw_look.
        self.lookers.load(Ordering::SeqCst) > 0
    }

    fn will_be_looked_at(&self) -> bool {
        if MODEL {
            return true;
        }
        let now = clock::now();
        // ORDERING: Relaxed, both; a hint.
        let soon = now.saturating_sub(self.looked_at.load(Ordering::Relaxed)) < SOON_NS;
        if !soon {
            self.looked_at.store(now, Ordering::Relaxed); // the waiter that is woken now looks soon
        }
        soon
    }

    /// Enlists a waiter for `events`; the caller then looks whether one of them holds already. A node
    /// that was enlisted before and not served keeps its place in the order.
    ///
    /// # Safety
    /// The node is not enlisted, and stays where it is until it is off the lists again: by `delist`, or
    /// because a wake-up took it off. `who` can be woken until then.
    pub unsafe fn enlist(&self, node: &Node, events: Events, who: Who) {
        let mut lists = self.lists.lock();
        // SAFETY: passed on.
        let lines = unsafe { lists.link(node, events, who) };
        // ORDERING: SeqCst; see attention(). Under the lock, so that it is not cleared for a list that
        // has just become empty.
        self.attention.fetch_or(lines.bits(), Ordering::SeqCst);
        drop(lists);
        fence_after_rmw();
    }

    /// Takes a waiter off the lists, if it is still there.
    pub fn delist(&self, node: &Node) -> Delisted {
        self.delist_from(self.lists.lock(), node)
    }

    /// As [`Self::delist`], after a fork: a thread that is not there any more may hold the lock for ever.
    pub fn delist_if_free(&self, node: &Node) -> Option<Delisted> {
        Some(self.delist_from(self.lists.try_lock()?, node))
    }

    fn delist_from(&self, mut lists: MutexGuard<'_, Lists>, node: &Node) -> Delisted {
        if !lists.unlink(node) {
            return Delisted::TooLate;
        }
        self.lower(&lists);
        Delisted::InTime
    }

    /// Takes the first waiter of a line off the lists, to be fired after every lock is released.
    pub fn next(&self, line: Line) -> Option<Wake> {
        let mut lists = self.lists.lock();
        let wake = lists.pop(line);
        self.lower(&lists);
        wake
    }

    /// The number of the waiter that begins next: those that wait now have lower ones.
    pub fn horizon(&self) -> u64 {
        self.lists.lock().horizon()
    }

    /// The next waiter for any of `events` that enlisted before `horizon`.
    pub fn next_of(&self, events: Events, horizon: u64) -> Option<Wake> {
        let mut lists = self.lists.lock();
        let wake = lists.pop_for(events, horizon)?;
        self.lower(&lists);
        Some(wake)
    }

    /// Wakes. `Refused`: it was a watch whose poller is gone, the next waiter's turn.
    pub fn fire(&self, wake: Wake) -> Fired {
        let fired = wake.fire();
        if fired == Fired::Woke {
            // ORDERING: Relaxed; a count.
            self.wakes.fetch_add(1, Ordering::Relaxed);
        }
        fired
    }

    pub fn wakes(&self) -> u64 {
        // ORDERING: Relaxed; a count.
        self.wakes.load(Ordering::Relaxed)
    }

    pub fn counts(&self) -> Counts {
        self.lists.lock().counts()
    }

    /// Lowers the attention of lists that are empty.
    fn lower(&self, lists: &Lists) {
        let mut idle = lists.idle_lines();
        if idle.has_any(Attention::READERS) {
            idle = idle.or(Attention::CASCADE); // nobody is left to be forgotten
        }
        // ORDERING: Relaxed load; the bits of lists change under the lock that is held, and CASCADE matters only while
        // READERS is set.
        if self.attention.load(Ordering::Relaxed) & idle.bits() != 0 {
            // ORDERING: Relaxed; a reader of the old value looks at the lists once for nothing.
            self.attention.fetch_and(!idle.bits(), Ordering::Relaxed);
        }
    }
}

impl Default for Waiters {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
