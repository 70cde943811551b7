//! The last reference, wherever it goes.

use loom::thread;

use crate::fixture::*;
use bridgeq::queue::{Config, Order};
use bridgeq::sync::{Shared, UnsafeCell};
use bridgeq::wait::Events;

/// Is used and destroyed: a model sees whether that overlaps.
struct Used(UnsafeCell<()>);

// SAFETY: there is nothing in the cell.
unsafe impl Sync for Used {}

impl bridgeq::sync::Ends for Used {}

impl Drop for Used {
    fn drop(&mut self) {
        self.0.with_mut(|_| ());
    }
}

#[test]
fn a_value_is_not_destroyed_while_another_thread_uses_it() {
    model_fenced(|| {
        let here = Shared::try_new(Used(UnsafeCell::new(()))).expect("memory");
        let there = here.share();
        let user = thread::spawn(move || there.0.with(|_| ()));
        drop(here);
        user.join().unwrap();
    });
}

#[test]
fn the_last_of_two_references_discards_what_is_left() {
    for order in [Order::Fifo, Order::Lifo] {
        model_fenced(move || {
            let discards = Discards::new();
            let queue = queue(Config { order, destroy: discards.destroy(), ..options(1) });
            let other = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
            drop(queue);
            other.join().unwrap();
            assert_eq!(discards.count(), 1);
        });
    }
}

#[test]
fn a_poller_keeps_its_queue_until_it_goes_itself() {
    model_fenced(|| {
        let discards = Discards::new();
        let queue = queue(Config { destroy: discards.destroy(), ..options(1) });
        let this = Loop::of(&queue, Events::READABLE);
        let other = thread::spawn(move || put(&queue, 7, NOW).unwrap());
        let _bell = this.unref();
        other.join().unwrap();
        assert_eq!(discards.count(), 1);
    });
}

#[test]
fn a_poller_that_goes_takes_its_watch_of_a_queue_in_use_with_it() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, Events::READABLE);
        let other = on_thread(&queue, |queue| {
            put(queue, 7, NOW).unwrap();
            get(queue, NOW).unwrap();
            put(queue, 8, NOW).unwrap();
        });
        let _bell = this.unref();
        other.join().unwrap();
        assert_eq!(queue.stats().waiting.watches, 0);
    });
}

#[test]
fn nobody_is_called_when_the_last_unref_of_a_poller_has_returned() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, Events::READABLE);
        let other = thread::spawn(move || {
            let bell = this.unref();
            let rings = bell.rings();
            (bell, rings)
        });
        put(&queue, 7, NOW).unwrap();
        let (bell, rings) = other.join().unwrap();
        assert_eq!(bell.rings(), rings, "called although its context may be gone");
    });
}
