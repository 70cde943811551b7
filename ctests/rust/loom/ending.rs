//! Shutdown against puts, gets and those who wait.

use loom::thread;

use crate::fixture::*;
use bridgeq::queue::{Config, Ending, Order};
use bridgeq::status::Status;
use bridgeq::wait::Events;

#[test]
fn shutdown_ends_a_get_that_waits() {
    for order in [Order::Fifo, Order::Lifo] {
        model(move || {
            let queue = queue(Config { order, ..options(1) });
            let getter = on_thread(&queue, |queue| get(queue, FOREVER));
            queue.shutdown(Ending::Drain);
            assert_eq!(getter.join().unwrap(), Err(Status::Shutdown));
        });
    }
}

#[test]
fn shutdown_ends_a_put_that_waits() {
    for order in [Order::Fifo, Order::Lifo] {
        model_fenced(move || {
            let queue = queue(Config { order, ..options(1) });
            put(&queue, 1, NOW).unwrap();
            let putter = on_thread(&queue, |queue| put(queue, 2, FOREVER));
            queue.shutdown(Ending::Drain);
            assert_eq!(putter.join().unwrap(), Err(Status::Shutdown));
            assert_eq!((get(&queue, NOW), get(&queue, NOW)), (Ok(1), Err(Status::Shutdown)));
        });
    }
}

/// A put that takes effect before the shutdown is got; the get after it is told of the end.
#[test]
fn what_is_put_before_the_shutdown_is_got_and_then_it_ends() {
    model_fenced(|| {
        let queue = fifo(1);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW));
        let getter = on_thread(&queue, |queue| (get(queue, FOREVER), get(queue, FOREVER)));
        queue.shutdown(Ending::Drain);
        let end = Err(Status::Shutdown);
        match putter.join().unwrap() {
            Ok(()) => assert_eq!(getter.join().unwrap(), (Ok(7), end)),
            Err(why) => {
                assert_eq!(why, Status::Shutdown);
                assert_eq!(getter.join().unwrap(), (end, end));
            }
        }
    });
}

/// The one that takes the last item tells those who wait for another.
#[test]
fn the_last_item_after_shutdown_ends_every_other_get() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 7, NOW).unwrap();
        queue.shutdown(Ending::Drain);
        let getters = [(); 2].map(|()| {
            let queue = queue.share();
            thread::spawn(move || get(&queue, FOREVER))
        });
        let mut got = getters.map(|getter| getter.join().unwrap());
        got.sort_by_key(|got| got.is_err());
        assert_eq!(got, [Ok(7), Err(Status::Shutdown)]);
    });
}

#[test]
fn the_last_item_taken_during_shutdown_ends_a_get_that_waits() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, Events::DRAINED);
        put(&queue, 7, NOW).unwrap();
        let getter = on_thread(&queue, |queue| get(queue, FOREVER));
        queue.shutdown(Ending::Drain);
        assert_eq!(getter.join().unwrap(), Ok(7));
        this.sleep();
        assert_eq!(poll(&this.poller), 1);
    });
}

#[test]
fn discarding_leaves_nothing_behind() {
    for order in [Order::Fifo, Order::Lifo] {
        model(move || {
            let discards = Discards::new();
            let queue = queue(Config { order, destroy: discards.destroy(), ..options(1) });
            let putter = on_thread(&queue, |queue| put(queue, 7, NOW));
            queue.shutdown(Ending::Discard);
            let put = putter.join().unwrap().is_ok() as usize;
            assert_eq!((queue.len(), queue.unfinished(), discards.count()), (0, 0, put));
        });
    }
}

/// A shutdown happens at one moment: whoever has seen it cannot put any more.
#[test]
fn what_is_closed_takes_no_put() {
    for order in [Order::Fifo, Order::Lifo] {
        model_fenced(move || {
            let queue = queue(Config { order, ..options(2) });
            put(&queue, 1, NOW).unwrap();
            let closer = on_thread(&queue, |queue| queue.shutdown(Ending::Drain));
            let was_closed = !queue.poll(Events::CLOSED, NOW).is_empty();
            let put = put(&queue, 2, NOW);
            let is_closed = !queue.poll(Events::CLOSED, NOW).is_empty();
            assert!(!(was_closed && put.is_ok()), "put after it was closed");
            assert!(put.is_ok() || is_closed, "refused, but not closed");
            closer.join().unwrap();
        });
    }
}

#[test]
fn a_first_put_against_shutdown_is_got_or_refused() {
    model_fenced(|| {
        let queue = fifo(1);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW));
        queue.shutdown(Ending::Drain);
        let got = get(&queue, FOREVER);
        assert_eq!(got.is_ok(), putter.join().unwrap().is_ok());
        assert_eq!(get(&queue, NOW), Err(Status::Shutdown));
    });
}

/// Whoever sees the one sees the other. Nobody gets, so the queue is never drained.
#[test]
fn what_was_put_before_the_shutdown_is_seen_with_it() {
    for order in [Order::Fifo, Order::Lifo] {
        model_fenced(move || {
            let queue = queue(Config { order, ..options(2) });
            let other = on_thread(&queue, |queue| {
                put(queue, 1, NOW).unwrap();
                queue.shutdown(Ending::Drain);
            });
            assert!(queue.poll(Events::DRAINED, NOW).is_empty());
            other.join().unwrap();
        });
    }
}
