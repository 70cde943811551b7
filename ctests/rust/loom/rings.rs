//! Rings that are sealed, exhausted and used again, against slow readers and producers.

use loom::thread;

use crate::fixture::*;
use bridgeq::queue::{Config, Queue};
use bridgeq::status::Status;
use bridgeq::sync::Shared;

/// The first ring holds one item, the next ones more.
#[test]
fn items_keep_their_order_over_a_sealed_ring() {
    model_fenced(|| {
        let queue = long_fifo(0);
        let putter = thread::spawn({
            let queue = queue.share();
            move || (1..=3).for_each(|value| put(&queue, value, NOW).unwrap())
        });
        assert_eq!([(); 3].map(|()| get(&queue, FOREVER).unwrap()), [1, 2, 3]);
        putter.join().unwrap();
        assert_eq!(get(&queue, NOW), Err(Status::Empty));
    });
}

#[test]
fn two_producers_of_the_first_ring_and_its_successor_lose_nothing() {
    model_fenced(|| {
        let queue = long_fifo(0);
        let putters = [1, 2].map(|value| {
            let queue = queue.share();
            thread::spawn(move || put(&queue, value, NOW).unwrap())
        });
        put(&queue, 3, NOW).unwrap();
        let _ = putters.map(|putter| putter.join().unwrap());
        let mut got = [(); 3].map(|()| get(&queue, NOW).unwrap());
        got.sort_unstable();
        assert_eq!((got, get(&queue, NOW)), ([1, 2, 3], Err(Status::Empty)));
    });
}

/// A get that stalls in the one slot of a ring makes puts go on in another one; what they leave behind
/// is used again.
#[test]
fn a_slow_reader_is_left_behind() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let reader = thread::spawn({
            let queue = queue.share();
            move || get(&queue, NOW)
        });
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

fn refilling(capacity: usize) -> Shared<Queue> {
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
        let reader = thread::spawn({
            let queue = queue.share();
            move || get(&queue, NOW)
        });
        for _ in 0..3 {
            queue.clear();
        }
        let read = reader.join().unwrap();
        assert!(matches!(read, Ok(7) | Err(Status::Empty)));
        assert_eq!(queue.len(), read.is_err() as usize);
        end(queue);
    });
}

#[test]
fn a_late_producer_of_a_ring_that_is_used_again_puts_nothing_wrong() {
    model_fenced(|| {
        let queue = refilling(2);
        put(&queue, 7, NOW).unwrap();
        let producer = thread::spawn({
            let queue = queue.share();
            move || put(&queue, 8, NOW)
        });
        for _ in 0..3 {
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
        let queue = refilling(2);
        put(&queue, 7, NOW).unwrap();
        put(&queue, 7, NOW).unwrap();
        let looker = thread::spawn({
            let queue = queue.share();
            move || queue.len()
        });
        queue.clear();
        queue.clear();
        let len = looker.join().unwrap();
        assert!((1..=2).contains(&len), "length {len}");
        end(queue);
    });
}
