//! The poller itself: its watches, and what changes them.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::ffi::{c_int, c_void};
use std::hash::BuildHasherDefault;
use std::{mem, ptr};

use super::bell::Bell;
use super::inbox::{Inbox, Met, Sleeper};
use super::polling::OfPolling;
use super::ready::ReadyList;
use super::watch::{Place, Token, Watch};
use super::{Mode, PollerConfig};
use crate::queue::Queue;
use crate::status::Status;
use crate::sync::{AtomicBool, Counted, Ends, Mutex, Ordering, Shared, fence_after_rmw};
use crate::wait::{Events, Fired, Linger, Patience};

pub(super) struct Core {
    pub inbox: Inbox,
    pub bell: Bell,
    pub mode: Mode,
    pub linger: Linger,
    pub patience: Patience,
    /// Whether a thread polls or waits.
    pub busy: AtomicBool,
    /// Woken by hand, and not answered yet.
    pub by_hand: AtomicBool,
    /// Whether a thread was refused because another one polls.
    pub refused: AtomicBool,
    pub watches: Mutex<Watches>,
    pub of_polling: OfPolling,
}

impl Ends for Core {}

pub(super) struct Watches {
    all: HashMap<*const Counted<Queue>, Watched, BuildHasherDefault<DefaultHasher>>,
    pub ready: ReadyList,
    /// Removed watches whose token was in the inbox or on the ready list, since those were last
    /// searched for such tokens.
    astray: usize,
}

// SAFETY: the keys are names; the ready list is used under the lock.
unsafe impl Send for Watches {}

/// A queue that is watched: kept alive by the first, watched by the second.
struct Watched {
    queue: Shared<Queue>,
    watch: Shared<Watch>,
}

impl Core {
    pub fn new(config: PollerConfig) -> Self {
        Self {
            inbox: Inbox::armed(),
            bell: Bell::new(config.backend),
            mode: config.mode,
            linger: config.linger,
            patience: Patience::of_a_loop(),
            busy: AtomicBool::new(false),
            by_hand: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            watches: Mutex::new(Watches {
                all: HashMap::default(),
                ready: ReadyList::default(),
                astray: 0,
            }),
            of_polling: OfPolling::new(),
        }
    }

    pub fn fd(&self) -> Result<c_int, Status> {
        // Asked for in the middle of serving: readable until a poll returns 0, as if it had been there.
        self.bell.fd(|| self.inbox.sleeper().is_none())
    }

    pub fn wake(&self) {
        // ORDERING: SeqCst and a fence; pairs with the look at this flag after each arming. An exchange, as
        // where the flag is lowered: the poll that lowers it sees what came before the wake.
        self.by_hand.swap(true, Ordering::SeqCst);
        fence_after_rmw();
        if let Some(sleeper) = self.inbox.rouse() {
            self.bell.ring(sleeper);
        }
    }

    /// A wake-up brings a token.
    pub fn receive(token: Token) -> Fired {
        // Kept for the time after the token is given away.
        let core = token.watch().core.share();
        core.bell.during(|| match core.inbox.push(token) {
            Met::Awake => Fired::Noted,
            Met::Asleep(sleeper) => {
                core.bell.ring(sleeper);
                Fired::Woke
            }
            Met::Closed => Fired::Refused,
        })
    }

    pub fn add(
        this: &Counted<Self>,
        queue: &Counted<Queue>,
        events: Events,
        data: *mut c_void,
    ) -> Result<(), Status> {
        let mut watches = this.watches.lock();
        if this.inbox.is_closed() {
            return Err(Status::Invalid); // by a `wake` that still runs
        }
        if watches.all.contains_key(&ptr::from_ref(queue)) {
            return Err(Status::Exists);
        }
        watches.all.try_reserve(1).map_err(|_| Status::NoMemory)?;
        let watch = Watch::new(this, queue, events, data).ok_or(Status::NoMemory)?;
        let ready = if events.is_empty() { None } else { Token::issue(&watch).arm() };
        watches.all.insert(queue, Watched { queue: queue.share(), watch });
        drop(watches);
        ready.map(Self::receive);
        Ok(())
    }

    pub fn modify(
        &self,
        queue: &Counted<Queue>,
        events: Events,
        data: *mut c_void,
    ) -> Result<(), Status> {
        let watches = self.watches.lock();
        let watched = watches.all.get(&ptr::from_ref(queue)).ok_or(Status::NotFound)?;
        let watch = &watched.watch;
        if !events.has_any(Events::READABLE) {
            watch.withdraw_look();
        }
        let before = watch.events.replace(events);
        watch.data.set(data);
        let token = match watch.place.get() {
            Place::Paused => Some(Token::issue(watch)),
            Place::Circulating | Place::Removed => Watch::disarm(watch),
        };
        // Without a token here a wake-up has come or is on its way: the next poll finds the new events.
        let unserved = if token.is_none() { before.without(events) } else { Events::NONE };
        let ready = token.and_then(|token| {
            if events.is_empty() {
                watch.place.set(Place::Paused);
                return None;
            }
            token.arm()
        });
        drop(watches);
        ready.map(Self::receive);
        queue.pass_on(unserved);
        Ok(())
    }

    pub fn remove(&self, queue: &Counted<Queue>) -> Result<(), Status> {
        let mut watches = self.watches.lock();
        let watched = watches.all.remove(&ptr::from_ref(queue)).ok_or(Status::NotFound)?;
        let unserved = watched.retire();
        let mut found = match unserved {
            Some(_) => self.drop_astray(&mut watches),
            None => ReadyList::default(),
        };
        drop(watches);
        while let Some(token) = found.pop() {
            Self::receive(token);
        }
        if let Some(events) = unserved {
            queue.pass_on(events);
        }
        Ok(()) // the reference to the queue goes here, outside of the lock
    }

    /// A watch is removed whose token is on its way. The next poll drops it; if none comes, as many watches
    /// as there are may pile up, but not more.
    /// Returns what was found that is not removed, to be received once more: the loop may be about to sleep.
    fn drop_astray(&self, watches: &mut Watches) -> ReadyList {
        const FEW: usize = 64;
        let mut found = ReadyList::default();
        watches.astray += 1;
        if watches.astray > FEW.max(watches.all.len()) {
            watches.astray = 0;
            watches.ready.drop_removed();
            self.collect(&mut found);
            found.drop_removed();
        }
        found
    }

    /// The last handle is gone: every watch ends, and nothing is received any more. When this returns, `wake`
    /// does not run and is not called again, but for a call that this one was made from.
    pub fn close(&self) {
        // All at once: looking for the next one again and again costs the square of how many there are.
        let (asleep, all) = {
            let mut watches = self.watches.lock();
            (self.drop_received(&mut watches), mem::take(&mut watches.all))
        };
        for watched in all.into_values() {
            let watches = self.watches.lock();
            let unserved = watched.retire();
            drop(watches);
            if let Some(events) = unserved {
                watched.queue.pass_on(events);
            }
        }
        if asleep == Some(Sleeper::Thread) {
            self.bell.ring(Sleeper::Thread); // a `wake` that still runs may wait
        }
        self.bell.until_silent();
    }

    /// Drops every token that is in the inbox or on the ready list; no more come. Returns how the poller slept, if it
    /// did.
    fn drop_received(&self, watches: &mut Watches) -> Option<Sleeper> {
        let (mut at, asleep) = self.inbox.close();
        // SAFETY: what is in the inbox are tokens, each taken once.
        while let Some(token) = unsafe { Token::from_raw(at) } {
            at = token.watch().next.get();
        }
        watches.ready.clear();
        asleep
    }

    /// The last handle is gone in a child of fork(). Threads of the parent may have been in the middle of
    /// anything: references to queues and descriptors are released, the rest is left alone.
    pub fn abandon(&self) {
        if let Some(mut watches) = self.watches.try_lock() {
            for watched in watches.all.values() {
                drop(Watch::disarm_if_free(&watched.watch));
            }
            watches.all.clear();
            self.drop_received(&mut watches);
        }
        self.bell.silence();
    }
}

impl Watched {
    /// Ends the watch. `Some`: its token is elsewhere, so a wake-up for these may go unserved. Under the core's lock.
    fn retire(&self) -> Option<Events> {
        self.watch.withdraw_look();
        let token = Watch::disarm(&self.watch);
        let circulated = self.watch.place.replace(Place::Removed) == Place::Circulating;
        (circulated && token.is_none()).then(|| self.watch.events.get())
    }
}
