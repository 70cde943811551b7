//! Rings that are sealed, exhausted and used again, against slow readers and producers.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};

use loom::sync::Arc;
use loom::thread;

use crate::fixture::*;
use bridgeq::queue::{Config, Queue};
use bridgeq::status::Status;
use bridgeq::sync::Shared;
use bridgeq::wait::Events;

/// The first ring holds one item, the next ones more.
#[test]
fn items_keep_their_order_over_a_sealed_ring() {
    model_fenced(|| {
        let queue = long_fifo(0);
        let putter =
            on_thread(&queue, |queue| (1..=3).for_each(|value| put(queue, value, NOW).unwrap()));
        assert_eq!([(); 3].map(|()| get(&queue, FOREVER).unwrap()), [1, 2, 3]);
        putter.join().unwrap();
        assert_eq!(get(&queue, NOW), Err(Status::Empty));
    });
}

#[test]
fn two_producers_of_the_first_ring_and_its_successor_lose_nothing() {
    model_fenced(|| {
        let queue = long_fifo(0);
        let putter = on_thread(&queue, |queue| put(queue, 1, NOW).unwrap());
        put(&queue, 2, NOW).unwrap();
        putter.join().unwrap();
        let mut got = [(); 2].map(|()| get(&queue, NOW).unwrap());
        got.sort_unstable();
        assert_eq!((got, get(&queue, NOW)), ([1, 2], Err(Status::Empty)));
    });
}

/// A get that stalls in the one slot of a ring makes puts go on in another one; what they leave behind
/// is used again.
#[test]
fn a_slow_reader_is_left_behind() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let reader = on_thread(&queue, |queue| get(queue, NOW));
        let mut sum = 0;
        for value in [2, 3] {
            if put(&queue, value, NOW).is_ok() {
                sum += value;
            }
            if value == 2 {
                sum -= get(&queue, NOW).unwrap_or(0);
            }
        }
        let read = reader.join().unwrap().unwrap_or(0);
        let rest = get(&queue, NOW).unwrap_or(0);
        assert_eq!(sum + 1, read + rest);
        assert_eq!(get(&queue, NOW), Err(Status::Empty));
    });
}

pub fn refilling(capacity: usize) -> Shared<Queue> {
    use std::ffi::c_void;
    unsafe extern "C" fn refill(_item: *mut c_void, slot: *mut c_void) {
        // SAFETY: the model sets this before it discards, and the queue outlives every discard.
        let queue = unsafe { *slot.cast::<*const Queue>() };
        if !queue.is_null() {
            // SAFETY: as above.
            put(unsafe { &*queue }, 7, NOW).unwrap();
        }
    }
    let slot = Box::into_raw(Box::new(std::ptr::null::<Queue>())); // a few bytes a schedule
    // SAFETY: the slot is never freed.
    let destroy = unsafe { bridgeq::queue::Destroy::new(refill, slot.cast()) };
    let queue = queue(Config { destroy: Some(destroy), ..options(capacity) });
    // SAFETY: as above.
    unsafe { *slot = &raw const **queue };
    queue
}

fn end(queue: Shared<Queue>) {
    while get(&queue, NOW).is_ok() {} // or the last reference would refill it
}

#[test]
fn a_late_reader_of_a_ring_that_is_used_again_gets_nothing_wrong() {
    model_fenced(|| {
        let queue = refilling(1);
        put(&queue, 7, NOW).unwrap();
        let reader = on_thread(&queue, |queue| get(queue, NOW));
        for _ in 0..2 {
            queue.clear();
        }
        let read = reader.join().unwrap();
        assert!(matches!(read, Ok(7) | Err(Status::Empty)));
        assert_eq!(queue.len(), read.is_err() as usize);
        end(queue);
    });
}

/// Where a reader stalls, the next put goes to a second ring; and back, as soon as the reader is done.
#[test]
fn a_ring_is_used_again_when_its_last_reader_is_done() {
    model_fenced(|| {
        let queue = refilling(1);
        put(&queue, 7, NOW).unwrap();
        let reader = on_thread(&queue, |queue| get(queue, NOW));
        let _ = put(&queue, 7, NOW);
        queue.clear();
        assert!(matches!(reader.join().unwrap(), Ok(7) | Err(Status::Empty)));
        end(queue);
    });
}

#[test]
fn a_late_producer_of_a_ring_that_is_used_again_puts_nothing_wrong() {
    model_fenced(|| {
        let queue = refilling(2);
        put(&queue, 7, NOW).unwrap();
        let producer = on_thread(&queue, |queue| put(queue, 8, NOW));
        for _ in 0..2 {
            queue.clear();
        }
        let put = producer.join().unwrap();
        assert!(queue.len() <= 2 && put.is_ok() || put == Err(Status::Full));
        end(queue);
    });
}

#[test]
fn the_length_of_a_queue_that_is_never_empty_is_never_nothing() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 7, NOW).unwrap();
        queue.set_capacity(2);
        let looker = on_thread(&queue, |queue| queue.len());
        for _ in 0..2 {
            put(&queue, 7, NOW).unwrap(); // the first goes to another ring
            assert_eq!(get(&queue, NOW), Ok(7));
        }
        let len = looker.join().unwrap();
        assert!((1..=2).contains(&len), "length {len}");
    });
}

/// A queue of one place, in a ring of one slot.
struct Returning {
    queue: Shared<Queue>,
    gone: Box<Gone>,
}

/// What was discarded, a bit for each. While its slot is still its own, 1 is followed by 2 and 2 by 3, so
/// that each of them goes to another ring.
struct Gone {
    queue: AtomicPtr<Queue>,
    items: AtomicU64,
}

impl Returning {
    fn new() -> Arc<Self> {
        unsafe extern "C" fn follow(item: *mut c_void, gone: *mut c_void) {
            // SAFETY: items are eight bytes long; the model keeps `gone` longer than the queue.
            let (item, gone) = unsafe { (item.cast::<u64>().read(), &*gone.cast::<Gone>()) };
            gone.items.fetch_or(1 << item, Relaxed);
            if [1, 2].contains(&item) {
                // SAFETY: set before anything is put.
                let _ = put(unsafe { &*gone.queue.load(Relaxed) }, item + 1, NOW);
            }
        }
        let gone = Box::new(Gone { queue: AtomicPtr::default(), items: AtomicU64::new(0) });
        let context = ptr::from_ref(&*gone).cast_mut().cast();
        // SAFETY: as said in `follow`.
        let destroy = unsafe { bridgeq::queue::Destroy::new(follow, context) };
        let queue = queue(Config { destroy: Some(destroy), ..options(1) });
        gone.queue.store(ptr::from_ref::<Queue>(&queue).cast_mut(), Relaxed);
        put(&queue, 1, NOW).unwrap();
        Arc::new(Self { queue, gone })
    }

    /// Leaves the first ring for a second one, and that one for the first.
    fn leave_and_return(&self) {
        self.queue.clear();
        self.queue.clear();
    }

    fn has_gone(&self, item: u64) -> bool {
        self.gone.items.load(Relaxed) & 1 << item != 0
    }
}

/// A put that knows the ring from its first life meets it in the next one, while that is being opened.
#[test]
fn a_put_counts_when_it_returns_whatever_life_its_ring_has() {
    model_fenced(|| {
        let scene = Returning::new();
        let other = thread::spawn({
            let scene = scene.clone();
            move || scene.leave_and_return()
        });
        if put(&scene.queue, 8, NOW).is_ok() {
            let len = scene.queue.len();
            assert!(len > 0 || scene.has_gone(8), "put, and not there");
        }
        other.join().unwrap();
    });
}

/// What was put and got is counted while rings are left without an item, and used again.
#[test]
fn counts_stay_whatever_life_their_ring_has() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 7, NOW).unwrap();
        assert_eq!(get(&queue, NOW), Ok(7));
        let looker = on_thread(&queue, |queue| queue.moved());
        for _ in 0..2 {
            queue.leave_ring();
            assert_eq!(get(&queue, NOW), Err(Status::Empty)); // and moves on
        }
        assert_eq!(looker.join().unwrap(), 1 + 1);
    });
}

/// A third life of the ring has the origin of its first one, and gets have not come to it yet: a look that compared
/// origins would not see that. It takes two preemptions.
#[test]
fn the_count_of_gets_is_of_one_life_where_an_origin_comes_again() {
    model_fenced(|| {
        let queue = fifo(4);
        put(&queue, 7, NOW).unwrap();
        assert_eq!(get(&queue, NOW), Ok(7));
        let looker = on_thread(&queue, |queue| queue.left());
        let move_on = || {
            queue.leave_ring();
            assert_eq!(get(&queue, NOW), Err(Status::Empty));
        };
        (0..3).for_each(|_| move_on());
        put_both(&queue, [7, 7], NOW).unwrap();
        queue.leave_ring();
        assert_eq!(looker.join().unwrap(), 1);
    });
}

/// A get that knows the ring from its first life meets it in the next one, while gets move on to it.
#[test]
fn a_get_leaves_room_when_it_returns_whatever_life_its_ring_has() {
    model_fenced(|| {
        let scene = Returning::new();
        let other = thread::spawn({
            let scene = scene.clone();
            move || {
                scene.leave_and_return();
                scene.queue.poll(Events::READABLE, NOW);
            }
        });
        if get(&scene.queue, NOW) == Ok(3) {
            put(&scene.queue, 9, NOW).expect("there was nothing behind 3");
        }
        other.join().unwrap();
    });
}
