//! A queue: a store and its waiters. Puts and gets change the store first and look for waiters after; a
//! waiter enlists first and looks at the store after.

mod cascade;
mod config;
mod end;
mod tasks;
mod transfer;
mod waiting;
mod wake;

use std::mem::ManuallyDrop;

use crate::status::Status;
use crate::store::{ItemLayout, NotGot, Store};
use crate::sync::{AtomicU64, Ends, Ordering, Shared, fence};
use crate::sys::fork::{self, Life};
use crate::wait::{Counts, Events, Linger, Waiters};

pub use crate::store::{Compare, End};
pub use config::{Config, Destroy, Order};
pub use end::Ending;
pub use wake::Armed;

/// Counters and the current state of a queue.
pub struct Stats {
    pub puts: u64,
    pub gets: u64,
    pub discards: u64,
    pub wakes: u64,
    pub len: usize,
    pub capacity: usize,
    pub unfinished: usize,
    pub waiting: Counts,
}

#[repr(C)] // what every call reads, then the waiters, then what workers count: never on one cache line
pub struct Queue {
    store: ManuallyDrop<Store>,
    priorities: Priorities,
    linger: Linger,
    born: Life,
    /// The life in which items take the short way in and out: `born` where that one is for them, else none. One
    /// comparison answers for the order, the size of items and the process.
    short_way: Life,
    destroy: Option<Destroy>,
    waiters: Waiters,
    finished: Finished,
}

/// Whether a put may bring a priority of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Priorities {
    Ignored,
    Taken,
}

/// What became of items.
#[derive(Default)]
struct Finished {
    /// Reported done or discarded; never more than were put.
    done: AtomicU64,
    discards: AtomicU64,
}

impl Queue {
    pub fn new(config: Config) -> Result<Shared<Self>, Status> {
        crate::sys::prepare()?;
        let item = ItemLayout::new(config.item_size).ok_or(Status::Invalid)?;
        let store = match config.order {
            Order::Fifo => Store::fifo(item, config.capacity),
            Order::Lifo => Store::lifo(item, config.capacity),
            Order::Priority => Store::by_priority(item, config.capacity),
            Order::Compare(compare) => Store::by_compare(item, compare, config.capacity),
        };
        let priorities = match config.order {
            Order::Priority => Priorities::Taken,
            Order::Fifo | Order::Lifo | Order::Compare(_) => Priorities::Ignored,
        };
        let born = fork::life();
        let queue = Self {
            short_way: if store.has_short_way() { born } else { Life::NONE },
            store: ManuallyDrop::new(store),
            priorities,
            linger: config.linger,
            born,
            destroy: config.destroy,
            waiters: Waiters::new(),
            finished: Finished::default(),
        };
        Shared::try_new(queue).ok_or(Status::NoMemory)
    }

    /// The life of the process in which the queue was made.
    #[inline]
    pub fn born(&self) -> Life {
        self.born
    }

    pub fn len(&self) -> usize {
        self.store.len() as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn capacity(&self) -> usize {
        self.store.capacity()
    }

    /// Those of `events` that hold now.
    pub fn current(&self, events: Events) -> Events {
        self.current_with_room(events, 1)
    }

    /// Those of `events` that are worth it for a waiter that has not gone to sleep yet: a full queue that has
    /// one place free is full again at once, and both sides would take turns at it. That is worth a moment
    /// only: a waiter that looks again for as long as the caller says takes what there is.
    pub fn promising(&self, events: Events, linger: Linger) -> Events {
        const ENOUGH: usize = 256;
        let share = match linger {
            Linger::Adaptive => (self.capacity() / 4).clamp(1, ENOUGH),
            Linger::Never | Linger::Nanoseconds(_) => 1,
        };
        self.current_with_room(events, share as u64)
    }

    /// Makes the caller the owner of an end, which otherwise takes thousands of puts or gets.
    #[cfg(any(loom, shuttle))]
    pub fn own(&self, end: End) {
        self.store.own(end);
    }

    /// As a put that meets a peek, and then has no luck in the next ring either.
    #[cfg(loom)]
    pub fn leave_ring(&self) {
        self.store.leave_ring();
    }

    /// How many items have gone.
    #[cfg(loom)]
    pub fn left(&self) -> u64 {
        self.store.left()
    }

    /// How many items have come, and gone.
    pub fn moved(&self) -> u64 {
        self.store.entered() + self.store.left()
    }

    /// Whether it matters that one who waits for `events` was away: a mere writer is not missed while there are items.
    pub fn misses(&self, events: Events) -> bool {
        events != Events::WRITABLE || self.is_empty()
    }

    fn current_with_room(&self, events: Events, room: u64) -> Events {
        let mut holds = Events::NONE;
        if events.has_any(Events::READABLE.or(Events::DRAINED)) {
            match self.store.readiness() {
                Ok(()) => holds = holds.or(Events::READABLE),
                Err(NotGot::Drained) => holds = holds.or(Events::READABLE).or(Events::DRAINED),
                Err(NotGot::Empty | NotGot::Pending) => {}
            }
        }
        if events.has_any(Events::WRITABLE.or(Events::CLOSED)) && self.store.is_shut() {
            holds = holds.or(Events::WRITABLE).or(Events::CLOSED);
        }
        if events.has_any(Events::WRITABLE) && self.store.room() >= room {
            holds = holds.or(Events::WRITABLE);
        }
        if events.has_any(Events::JOINED) && self.nothing_unfinished() {
            holds = holds.or(Events::JOINED);
        }
        holds.and(events)
    }

    pub fn stats(&self) -> Stats {
        // ORDERING: SeqCst; as in Fifo::len, of what the caller has got.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed; counts, each for itself.
        let discards = self.finished.discards.load(Ordering::Relaxed);
        Stats {
            puts: self.store.entered(),
            gets: self.store.left().saturating_sub(discards),
            discards,
            wakes: self.waiters.wakes(),
            len: self.len(),
            capacity: self.capacity(),
            unfinished: self.unfinished(),
            waiting: self.waiters.counts(),
        }
    }
}

impl Ends for Queue {
    fn end(&self) {
        // In a child of fork() the items are the parent's.
        if self.destroy.is_some() && fork::check(self.born).is_ok() {
            self.store.shut(); // what is called for them may use the queue, but nothing comes in any more
            self.discard_queued();
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // What a thread of the parent was in the middle of at a fork stays that way in the child for ever: memory
        // that may be half linked is left alone.
        if fork::check(self.born).is_err() && !self.store.is_whole() {
            return;
        }
        // SAFETY: dropped once, here.
        unsafe { ManuallyDrop::drop(&mut self.store) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::Counted;
    use crate::sys::clock::{self, Deadline, Timeout};
    use crate::sys::park::{Parked, Parker};
    use crate::wait::{Node, Who};

    fn queue() -> Shared<Queue> {
        let config = Config {
            order: Order::Fifo,
            capacity: 0,
            item_size: 8,
            destroy: None,
            linger: Linger::Adaptive,
        };
        Queue::new(config).unwrap_or_else(|status| panic!("{status:?}"))
    }

    #[test]
    fn a_writer_is_not_missed_while_there_are_items() {
        let queue = queue();
        assert!(queue.misses(Events::READABLE) && queue.misses(Events::WRITABLE));
        put(&queue);
        assert!(queue.misses(Events::READABLE) && !queue.misses(Events::WRITABLE));
        let others = [Events::JOINED, Events::CLOSED, Events::DRAINED];
        assert!(others.iter().all(|&event| queue.misses(event)));
        assert!(queue.misses(Events::WRITABLE.or(Events::CLOSED)));
    }

    fn put(queue: &Queue) {
        let item = 1_u64;
        // SAFETY: as long as an item.
        let put = unsafe { queue.put((&raw const item).cast(), Timeout::NONE) };
        assert_eq!(put, Ok(()));
    }

    #[test]
    fn the_get_of_what_was_left_to_a_looker_wakes_a_reader_for_each_item_behind_it() {
        let queue = queue();
        let sleepers = [(); 3].map(|()| (Node::new(), Parker::new()));
        for (node, parker) in &sleepers {
            // SAFETY: every node is off the lists before it goes.
            unsafe { queue.waiters.enlist(node, Events::READABLE, Who::Thread(parker)) };
        }
        let awake = || {
            let woken = |(_, parker): &&(_, Parker)| parker.park(Deadline::Passed);
            sleepers.iter().filter(|it| woken(it) == Parked::Unparked).count()
        };
        let in_a_minute = clock::now() + 60_000_000_000; // relied on until then, and for a moment
        queue.announce_look(in_a_minute);
        (0..3).for_each(|_| put(&queue));
        assert_eq!(awake(), 0);
        queue.withdraw_look();
        let mut item = 0_u64;
        // SAFETY: as long as an item.
        assert_eq!(unsafe { queue.get((&raw mut item).cast(), Timeout::NONE) }, Ok(()));
        assert_eq!(awake(), 2);
        for (node, _) in &sleepers {
            queue.waiters.delist(node);
        }
    }

    #[test]
    fn an_idle_queue_is_small() {
        // What malloc adds included: the promise is 512 bytes.
        assert!(size_of::<Counted<Queue>>() + 16 <= 512, "{}", size_of::<Counted<Queue>>());
    }

    #[test]
    fn what_workers_count_is_not_on_a_line_that_every_call_reads() {
        let read_by_all = std::mem::offset_of!(Queue, waiters) + size_of::<u32>();
        assert!(std::mem::offset_of!(Queue, finished) >= read_by_all + 64);
    }
}
