//! set_capacity against puts.

use crate::fixture::*;
use bridgeq::queue::{Config, Order};
use bridgeq::status::Status;
use bridgeq::wait::Events;

#[test]
fn growing_lets_a_put_in() {
    for order in [Order::Fifo, Order::Lifo] {
        model_fenced(move || {
            let queue = queue(Config { order, ..options(1) });
            put(&queue, 1, NOW).unwrap();
            let putter = on_thread(&queue, |queue| put(queue, 2, FOREVER));
            queue.set_capacity(2);
            putter.join().unwrap().unwrap();
        });
    }
}

#[test]
fn growing_by_two_lets_two_in() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let putter = on_thread(&queue, |queue| put(queue, 2, FOREVER));
        let next = Loop::of(&queue, Events::WRITABLE);
        queue.set_capacity(3);
        putter.join().unwrap().unwrap();
        next.sleep();
        assert_eq!((put(&queue, 3, NOW), put(&queue, 4, NOW)), (Ok(()), Err(Status::Full)));
    });
}

/// One frees a place while the other makes one: both may count on the other, and one must wake.
#[test]
fn growing_against_a_get_lets_both_puts_in() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let loops = [(); 2].map(|()| Loop::of(&queue, Events::WRITABLE));
        let getter = on_thread(&queue, |queue| get(queue, NOW).unwrap());
        queue.set_capacity(2);
        getter.join().unwrap();
        assert!(loops.iter().all(|each| each.rings() == 1));
    });
}

#[test]
fn shrinking_against_a_put_never_lets_more_in_than_the_larger_capacity() {
    model_fenced(|| {
        let queue = fifo(2);
        put(&queue, 1, NOW).unwrap();
        let putter = on_thread(&queue, |queue| put(queue, 2, NOW));
        queue.set_capacity(1);
        let late = put(&queue, 3, NOW);
        assert_eq!(late, Err(Status::Full));
        let _ = putter.join().unwrap();
        assert!(queue.len() <= 2);
    });
}

/// More are queued than the capacity allows: neither side alone makes room, and together they do.
#[test]
fn growing_to_what_is_queued_against_a_get_lets_a_put_in() {
    for order in [Order::Fifo, Order::Lifo] {
        model_fenced(move || {
            let queue = queue(Config { order, ..options(2) });
            (1..=2).for_each(|value| put(&queue, value, NOW).unwrap());
            queue.set_capacity(1);
            let next = Loop::of(&queue, Events::WRITABLE);
            let getter = on_thread(&queue, |queue| get(queue, NOW).unwrap());
            queue.set_capacity(2);
            getter.join().unwrap();
            assert_eq!(next.rings(), 1);
        });
    }
}
