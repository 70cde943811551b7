//! Blocking puts and gets: whoever waits is woken, and a wake-up is never lost.

use loom::sync::Arc;
use loom::thread;

use crate::fixture::*;
use bridgeq::queue::{Config, Order};
use bridgeq::status::Status;
use bridgeq::wait::Events;

#[test]
fn a_get_that_waits_is_woken_by_a_put() {
    model(|| {
        let queue = fifo(1);
        let getter = on_thread(&queue, |queue| get(queue, FOREVER));
        put(&queue, 7, NOW).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(7));
    });
}

#[test]
fn a_get_that_waits_at_a_locked_store_is_woken_by_a_put() {
    for order in [Order::Lifo, Order::Priority] {
        model(move || {
            let queue = queue(Config { order, ..options(0) });
            let getter = on_thread(&queue, |queue| get(queue, FOREVER));
            put(&queue, 7, NOW).unwrap();
            assert_eq!(getter.join().unwrap(), Ok(7));
        });
    }
}

#[test]
fn a_put_that_waits_for_room_is_woken_by_a_get() {
    for order in [Order::Fifo, Order::Lifo] {
        model(move || {
            let queue = queue(Config { order, ..options(1) });
            put(&queue, 1, NOW).unwrap();
            let putter = on_thread(&queue, |queue| put(queue, 2, FOREVER));
            assert_eq!(get(&queue, NOW), Ok(1));
            putter.join().unwrap().unwrap();
            assert_eq!(get(&queue, NOW), Ok(2));
        });
    }
}

#[test]
fn two_gets_one_after_the_other_are_woken_by_two_puts() {
    model_fenced(|| {
        let queue = fifo(2);
        let getter = on_thread(&queue, |queue| [(); 2].map(|()| get(queue, FOREVER).unwrap()));
        put(&queue, 1, NOW).unwrap();
        put(&queue, 2, NOW).unwrap();
        assert_eq!(getter.join().unwrap(), [1, 2]);
    });
}

#[test]
fn two_gets_at_once_are_woken_by_a_put_of_two() {
    model_fenced(|| {
        let queue = fifo(2);
        let getter = on_thread(&queue, |queue| get(queue, FOREVER).unwrap());
        let putter = on_thread(&queue, |queue| assert_eq!(put_both(queue, [1, 2], NOW), Ok(2)));
        let mut got = [get(&queue, FOREVER).unwrap(), getter.join().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        putter.join().unwrap();
    });
}

/// The wake-up of the one put may reach the thread just as its time is up.
#[test]
fn a_get_that_gives_up_passes_its_wake_up_on() {
    model_fenced(|| {
        let queue = fifo(1);
        let getter = on_thread(&queue, |queue| get(queue, HASTY));
        let next = Loop::of(&queue, Events::READABLE);
        put(&queue, 1, NOW).unwrap();
        if getter.join().unwrap() == Err(Status::Empty) {
            next.sleep();
        }
    });
}

#[test]
fn a_put_that_gives_up_passes_its_wake_up_on() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let putter = on_thread(&queue, |queue| put(queue, 2, HASTY));
        let next = Loop::of(&queue, Events::WRITABLE);
        get(&queue, NOW).unwrap();
        if putter.join().unwrap() == Err(Status::Full) {
            next.sleep();
        }
    });
}

#[test]
fn a_peek_that_was_woken_wakes_the_next_one() {
    model_fenced(|| {
        let queue = fifo(1);
        let peeker = on_thread(&queue, |queue| peek(queue, FOREVER));
        until(|| queue.stats().waiting.gets == 1);
        let next = Loop::of(&queue, Events::READABLE);
        put(&queue, 7, NOW).unwrap();
        assert_eq!(peeker.join().unwrap(), Ok(7));
        next.sleep();
    });
}

#[test]
fn a_poll_that_was_woken_wakes_the_next_one() {
    model_fenced(|| {
        let queue = fifo(1);
        let looker = on_thread(&queue, |queue| queue.poll(Events::READABLE, FOREVER));
        until(|| queue.stats().waiting.gets == 1);
        let next = Loop::of(&queue, Events::READABLE);
        put(&queue, 7, NOW).unwrap();
        assert_eq!(looker.join().unwrap(), Events::READABLE);
        next.sleep();
    });
}

/// Two puts, the first of which may stall half-way: the wake-up of the second then finds nothing, and
/// whoever gets the first item has to wake the reader of the second.
#[test]
fn both_readers_behind_a_stalled_put_are_woken() {
    model(|| {
        let queue = fifo(2);
        let loops = [(); 2].map(|()| Arc::new(Loop::of(&queue, Events::READABLE)));
        let other = thread::spawn({
            let (queue, first) = (queue.share(), loops[0].clone());
            move || {
                put(&queue, 2, NOW).unwrap();
                if first.rings() > 0 {
                    first.sleep();
                    while poll(&first.poller) > 0 {
                        let _ = get(&queue, NOW);
                    }
                }
            }
        });
        put(&queue, 1, NOW).unwrap();
        other.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &[&*loops[0], &*loops[1]]);
    });
}

/// As above, but the one that is woken for the hidden item has no time left.
#[test]
fn a_get_that_gives_up_behind_a_stalled_put_is_not_missed() {
    model_fenced(|| {
        let queue = fifo(4);
        let patient = on_thread(&queue, |queue| get(queue, PATIENT));
        until(|| queue.stats().waiting.gets == 1);
        let loops = [(); 2].map(|()| Loop::of(&queue, Events::READABLE));
        let other = on_thread(&queue, |queue| put(queue, 2, NOW).unwrap());
        put(&queue, 1, NOW).unwrap();
        other.join().unwrap();
        let _ = patient.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &loops.each_ref());
    });
}
