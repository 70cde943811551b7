//! Pollers asleep: arming against puts, several pollers, watches that come, change and go.

use std::ptr::null_mut;

use loom::thread;

use crate::fixture::*;
use bridgeq::status::Status;
use bridgeq::wait::Events;

const READABLE: Events = Events::READABLE;
const CLOSED: Events = Events::CLOSED;

#[test]
fn a_loop_that_arms_is_rung_by_a_put() {
    model(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, READABLE);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        assert_eq!(this.get(&queue, 1), [7]);
        putter.join().unwrap();
    });
}

#[test]
fn a_loop_that_serves_and_arms_again_is_rung_by_the_next_put() {
    model_fenced(|| {
        let queue = fifo(2);
        let this = Loop::of(&queue, READABLE);
        let putter =
            on_thread(&queue, |queue| (1..=2).for_each(|value| put(queue, value, NOW).unwrap()));
        assert_eq!(this.get(&queue, 2), [1, 2]);
        putter.join().unwrap();
    });
}

#[test]
fn one_put_rings_one_of_two_loops() {
    model(|| {
        let queue = fifo(1);
        let loops = [(); 2].map(|()| Loop::of(&queue, READABLE));
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        poll(&loops[0].poller); // awake or asleep, first or last in the line
        putter.join().unwrap();
        let rings = loops.iter().map(|each| each.rings()).sum::<u32>();
        assert!(rings <= 1, "one put, {rings} loops rung");
        assert!(rings == 1 || poll(&loops[0].poller) == 1, "nobody was told");
    });
}

#[test]
fn two_puts_into_two_queues_are_one_ring_and_two_reports() {
    model_fenced(|| {
        let queues = [fifo(1), fifo(1)];
        let this = Loop::of(&queues[0], READABLE);
        this.poller.add(&queues[1], READABLE, null_mut()).unwrap();
        let putters = queues.each_ref().map(|queue| {
            let queue = queue.share();
            thread::spawn(move || put(&queue, 7, NOW).unwrap())
        });
        let _ = putters.map(|putter| putter.join().unwrap());
        this.sleep(); // says if it was rung twice
        assert_eq!(poll(&this.poller), 2);
    });
}

/// The item is gone when the loop looks, and the watch has to be armed all the same.
#[test]
fn a_loop_whose_item_was_taken_is_rung_by_the_next_put() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, READABLE);
        put(&queue, 1, NOW).unwrap();
        let rival = on_thread(&queue, |queue| {
            get(queue, NOW).unwrap();
            put(queue, 2, NOW).unwrap();
            get(queue, NOW).unwrap();
        });
        this.sleep();
        while poll(&this.poller) > 0 {
            thread::yield_now();
        }
        rival.join().unwrap();
        while this.rings() > 0 {
            this.sleep();
            assert_eq!(poll(&this.poller), 0);
        }
        put(&queue, 3, NOW).unwrap();
        this.sleep();
        assert_eq!(poll(&this.poller), 1);
    });
}

#[test]
fn adding_a_watch_against_a_put() {
    model(|| {
        let queue = fifo(1);
        let this = Loop::new();
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        this.poller.add(&queue, READABLE, null_mut()).unwrap();
        this.sleep();
        assert_eq!(poll(&this.poller), 1);
        putter.join().unwrap();
    });
}

#[test]
fn removing_a_watch_passes_its_wake_up_on() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, READABLE);
        let next = Loop::of(&queue, READABLE);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        this.poller.remove(&queue).unwrap();
        putter.join().unwrap();
        next.sleep();
        assert_eq!((poll(&this.poller), poll(&next.poller)), (0, 1));
    });
}

#[test]
fn the_last_unref_of_a_poller_passes_its_wake_up_on() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, READABLE);
        let next = Loop::of(&queue, READABLE);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        let _bell = this.unref();
        putter.join().unwrap();
        next.sleep();
        assert_eq!(poll(&next.poller), 1);
    });
}

#[test]
fn a_watch_that_loses_one_of_its_events_passes_that_wake_up_on() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, READABLE.or(CLOSED));
        let next = Loop::of(&queue, READABLE);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        this.poller.modify(&queue, CLOSED, null_mut()).unwrap();
        putter.join().unwrap();
        next.sleep();
        assert_eq!((poll(&this.poller), poll(&next.poller)), (0, 1));
    });
}

#[test]
fn a_watch_that_wants_an_event_anew_is_rung_for_it() {
    model(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, Events::NONE);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        this.poller.modify(&queue, READABLE, null_mut()).unwrap();
        this.sleep();
        assert_eq!(poll(&this.poller), 1);
        putter.join().unwrap();
    });
}

/// The watch that the wake-up of the hidden item went to is removed.
#[test]
fn a_watch_removed_behind_a_stalled_put_is_not_missed() {
    model_fenced(|| {
        let queue = fifo(4);
        let this = Loop::of(&queue, READABLE);
        let loops = [(); 2].map(|()| Loop::of(&queue, READABLE));
        let other = thread::spawn({
            let queue = queue.share();
            let poller = this.poller.share();
            move || {
                put(&queue, 2, NOW).unwrap();
                poller.remove(&queue).unwrap();
            }
        });
        put(&queue, 1, NOW).unwrap();
        other.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &loops.each_ref());
    });
}

#[test]
fn a_poller_can_go_while_its_queue_is_put_into() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, READABLE);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        drop(queue);
        let _bell = this.unref();
        putter.join().unwrap();
    });
}

#[test]
fn a_loop_that_watches_for_room_is_rung_by_a_get() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let this = Loop::of(&queue, Events::WRITABLE);
        let getter = on_thread(&queue, |queue| get(queue, NOW).unwrap());
        this.sleep();
        assert_eq!(poll(&this.poller), 1);
        assert_eq!(put(&queue, 2, NOW), Ok(()));
        assert_eq!(put(&queue, 3, NOW), Err(Status::Full));
        getter.join().unwrap();
    });
}
