//! Blocking puts and gets: whoever waits is woken, and a wake-up is never lost.

use loom::thread;

use crate::fixture::*;
use bridgeq::queue::{Config, Order};
use bridgeq::status::Status;
use bridgeq::wait::Events;

#[test]
fn a_get_that_waits_is_woken_by_a_put() {
    model(|| {
        let queue = fifo(1);
        let getter = thread::spawn({
            let queue = queue.share();
            move || get(&queue, FOREVER)
        });
        put(&queue, 7, NOW).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(7));
    });
}

#[test]
fn a_get_that_waits_at_a_locked_store_is_woken_by_a_put() {
    for order in [Order::Lifo, Order::Priority] {
        model(move || {
            let queue = queue(Config { order, ..options(0) });
            let getter = thread::spawn({
                let queue = queue.share();
                move || get(&queue, FOREVER)
            });
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
            let putter = thread::spawn({
                let queue = queue.share();
                move || put(&queue, 2, FOREVER)
            });
            assert_eq!(get(&queue, NOW), Ok(1));
            putter.join().unwrap().unwrap();
            assert_eq!(get(&queue, NOW), Ok(2));
        });
    }
}

#[test]
fn two_gets_are_woken_by_two_puts() {
    model_fenced(|| {
        let queue = fifo(2);
        let getters = [(); 2].map(|()| {
            let queue = queue.share();
            thread::spawn(move || get(&queue, FOREVER).unwrap())
        });
        put(&queue, 1, NOW).unwrap();
        put(&queue, 2, NOW).unwrap();
        let mut got = getters.map(|getter| getter.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

#[test]
fn a_get_that_gives_up_passes_its_wake_up_on() {
    model_fenced(|| {
        let queue = fifo(2);
        let patient = thread::spawn({
            let queue = queue.share();
            move || get(&queue, HASTY)
        });
        let other = thread::spawn({
            let queue = queue.share();
            move || get(&queue, FOREVER)
        });
        put(&queue, 1, NOW).unwrap();
        if patient.join().unwrap() != Err(Status::Empty) {
            put(&queue, 2, NOW).unwrap();
        }
        other.join().unwrap().unwrap();
    });
}

#[test]
fn a_put_that_gives_up_passes_its_wake_up_on() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let patient = thread::spawn({
            let queue = queue.share();
            move || put(&queue, 2, HASTY)
        });
        let other = thread::spawn({
            let queue = queue.share();
            move || put(&queue, 3, FOREVER)
        });
        get(&queue, NOW).unwrap();
        if patient.join().unwrap() != Err(Status::Full) {
            get(&queue, FOREVER).unwrap();
        }
        other.join().unwrap().unwrap();
    });
}

#[test]
fn a_peek_that_was_woken_wakes_the_next_one() {
    model_fenced(|| {
        let queue = fifo(1);
        let peeker = thread::spawn({
            let queue = queue.share();
            move || peek(&queue, FOREVER)
        });
        let getter = thread::spawn({
            let queue = queue.share();
            move || get(&queue, FOREVER)
        });
        put(&queue, 7, NOW).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(7));
        put(&queue, 8, FOREVER).unwrap();
        peeker.join().unwrap().unwrap();
    });
}

#[test]
fn a_poll_that_was_woken_wakes_the_next_one() {
    model_fenced(|| {
        let queue = fifo(1);
        let watcher = thread::spawn({
            let queue = queue.share();
            move || queue.poll(Events::READABLE, FOREVER)
        });
        let getter = thread::spawn({
            let queue = queue.share();
            move || get(&queue, FOREVER)
        });
        put(&queue, 7, NOW).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(7));
        put(&queue, 8, FOREVER).unwrap();
        assert_eq!(watcher.join().unwrap(), Events::READABLE);
    });
}

/// Two puts, the first of which may stall half-way: the wake-up of the second then finds nothing, and
/// whoever gets the first item has to wake the reader of the second.
#[test]
fn both_readers_behind_a_stalled_put_are_woken() {
    model_fenced(|| {
        let queue = fifo(2);
        let getters = [(); 2].map(|()| {
            let queue = queue.share();
            thread::spawn(move || get(&queue, FOREVER).unwrap())
        });
        let other = thread::spawn({
            let queue = queue.share();
            move || put(&queue, 2, NOW).unwrap()
        });
        put(&queue, 1, NOW).unwrap();
        other.join().unwrap();
        let mut got = getters.map(|getter| getter.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

/// As above, but the one that is woken for the hidden item has no time left.
#[test]
fn a_get_that_gives_up_behind_a_stalled_put_is_not_missed() {
    model_fenced(|| {
        let queue = fifo(4);
        let patient = thread::spawn({
            let queue = queue.share();
            move || get(&queue, PATIENT)
        });
        until(|| queue.stats().waiting.gets == 1);
        let loops = [(); 2].map(|()| Loop::of(&queue, Events::READABLE));
        let other = thread::spawn({
            let queue = queue.share();
            move || put(&queue, 2, NOW).unwrap()
        });
        put(&queue, 1, NOW).unwrap();
        other.join().unwrap();
        let _ = patient.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &loops);
    });
}
