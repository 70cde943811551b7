//! Whoever looks again before it sleeps is left what is put meanwhile, and answers for one item of it: gets it, or
//! passes it on. Each get wakes others for those that are left.

use std::ptr::null_mut;

use loom::sync::Arc;
use loom::thread;

use crate::fixture::*;
use bridgeq::queue::{Config, Queue};
use bridgeq::status::Status;
use bridgeq::sync::Shared;
use bridgeq::wait::Events;

const READABLE: Events = Events::READABLE;

/// A queue whose gets look again before they sleep.
fn looked_at(capacity: usize) -> Shared<Queue> {
    queue(Config { linger: LOOKS, ..options(capacity) })
}

/// A loop that is awake in vain: its next poll looks again.
fn loop_in_vain(queue: &Shared<Queue>) -> Loop {
    let this = Loop::that_looks(queue, READABLE);
    put(queue, 0, NOW).unwrap();
    get(queue, NOW).unwrap();
    this.sleep();
    this
}

#[test]
fn a_get_that_looks_takes_the_item_or_passes_it_on() {
    model(|| {
        let queue = looked_at(1);
        let getter = on_thread(&queue, |queue| get(queue, HASTY));
        let next = Loop::of(&queue, READABLE);
        put(&queue, 7, NOW).unwrap();
        if getter.join().unwrap() == Err(Status::Empty) {
            next.sleep();
        }
    });
}

#[test]
fn a_get_that_looks_wakes_another_for_the_second_of_two_puts() {
    model(|| {
        let queue = looked_at(2);
        let getter = on_thread(&queue, |queue| get(queue, FOREVER).unwrap());
        let next = Loop::of(&queue, READABLE);
        put(&queue, 1, NOW).unwrap();
        put(&queue, 2, NOW).unwrap();
        getter.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &[&next]);
    });
}

#[test]
fn a_get_that_looks_wakes_another_for_the_second_item_of_one_put() {
    model_fenced(|| {
        let queue = looked_at(2);
        let getter = on_thread(&queue, |queue| get(queue, FOREVER).unwrap());
        let next = Loop::of(&queue, READABLE);
        assert_eq!(put_both(&queue, [1, 2], NOW), Ok(2));
        getter.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &[&next]);
    });
}

#[test]
fn two_that_look_leave_nobody_asleep_beside_an_item() {
    model_fenced(|| {
        let queue = looked_at(2);
        let this = loop_in_vain(&queue);
        let next = Loop::of(&queue, READABLE);
        let getter = on_thread(&queue, |queue| get(queue, HASTY).is_ok());
        let putter = on_thread(&queue, |queue| assert_eq!(put_both(queue, [1, 2], NOW), Ok(2)));
        let reported = poll(&this.poller) > 0;
        if reported {
            let _ = get(&queue, NOW);
        }
        getter.join().unwrap();
        putter.join().unwrap();
        let loops = [&next, &this];
        nobody_sleeps_beside_an_item(&queue, &loops[..if reported { 1 } else { 2 }]);
    });
}

#[test]
fn who_does_not_look_any_more_is_not_relied_on() {
    model(|| {
        let queue = fifo(1);
        let next = Loop::of(&queue, READABLE);
        queue.announce_look(0);
        let putter = on_thread(&queue, |queue| put(queue, 7, NOW).unwrap());
        queue.withdraw_look();
        let _ = get(&queue, NOW);
        putter.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &[&next]);
    });
}

/// The get of the first item finds no other, so that gets need not wake anybody any more, just while two more are
/// left to the one who looks.
#[test]
fn what_is_left_while_a_get_finds_nothing_more_is_not_forgotten() {
    model(|| {
        let queue = fifo(4);
        let next = Loop::of(&queue, READABLE);
        queue.announce_look(0);
        put(&queue, 0, NOW).unwrap();
        let putter = on_thread(&queue, |queue| assert_eq!(put_both(queue, [1, 2], NOW), Ok(2)));
        get(&queue, NOW).unwrap();
        queue.withdraw_look();
        let _ = get(&queue, NOW);
        putter.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &[&next]);
    });
}

/// The same while a reader says that gets have to wake others: it was woken for an item behind a put that is half-way.
/// (That the get says so again, if it must, takes two preemptions to be missed: minutes.)
#[test]
fn what_a_reader_says_while_a_get_finds_nothing_more_is_not_forgotten() {
    model(|| {
        let queue = fifo(4);
        let loops = [(); 2].map(|()| Arc::new(Loop::of(&queue, READABLE)));
        queue.announce_look(0);
        put(&queue, 0, NOW).unwrap();
        queue.withdraw_look();
        let half_way = on_thread(&queue, |queue| put(queue, 1, NOW));
        let behind = on_thread(&queue, {
            let first = loops[0].clone();
            move |queue| {
                put(queue, 2, NOW).unwrap();
                if first.was_rung() {
                    while poll(&first.poller) > 0 {
                        let _ = get(queue, NOW);
                    }
                }
            }
        });
        let _ = get(&queue, NOW);
        half_way.join().unwrap().unwrap();
        behind.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &[&*loops[0], &*loops[1]]);
    });
}

#[test]
fn a_peek_that_looks_wakes_another() {
    model_fenced(|| {
        let queue = looked_at(1);
        let peeker = on_thread(&queue, |queue| peek(queue, HASTY).is_ok());
        let next = Loop::of(&queue, READABLE);
        put(&queue, 7, NOW).unwrap();
        peeker.join().unwrap();
        next.sleep();
    });
}

#[test]
fn a_thread_that_polls_and_looks_wakes_another() {
    model_fenced(|| {
        let queue = looked_at(1);
        let looker = on_thread(&queue, |queue| queue.poll(READABLE, HASTY));
        let next = Loop::of(&queue, READABLE);
        put(&queue, 7, NOW).unwrap();
        looker.join().unwrap();
        next.sleep();
    });
}

#[test]
fn a_loop_that_looks_reports_the_item_and_wakes_another_for_the_next() {
    model(|| {
        let queue = fifo(2);
        let this = loop_in_vain(&queue);
        let next = Loop::of(&queue, READABLE);
        let putter = on_thread(&queue, |queue| {
            put(queue, 1, NOW).unwrap();
            put(queue, 2, NOW).unwrap();
        });
        let reported = poll(&this.poller) > 0;
        if reported {
            get(&queue, NOW).unwrap();
        }
        putter.join().unwrap();
        // One that reported is busy from now on.
        let loops = [&next, &this];
        nobody_sleeps_beside_an_item(&queue, &loops[..if reported { 1 } else { 2 }]);
    });
}

#[test]
fn a_watch_removed_while_its_loop_looks_wakes_another() {
    let put = |queue: &Queue| put(queue, 7, NOW).unwrap();
    for (before, after) in [(1, 0), (0, 1), (2, 0)] {
        model(move || {
            let queue = fifo(2);
            let this = loop_in_vain(&queue);
            let others = [(); 2].map(|()| Loop::of(&queue, READABLE));
            let remover = thread::spawn({
                let (queue, poller) = (queue.share(), this.poller.share());
                move || {
                    (0..before).for_each(|_| put(&queue));
                    poller.remove(&queue).unwrap();
                    (0..after).for_each(|_| put(&queue));
                }
            });
            poll(&this.poller);
            remover.join().unwrap();
            nobody_sleeps_beside_an_item(&queue, &others.each_ref());
        });
    }
}

#[test]
fn a_watch_that_wants_something_else_while_its_loop_looks_wakes_another() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = loop_in_vain(&queue);
        let next = Loop::of(&queue, READABLE);
        let changer = thread::spawn({
            let (queue, poller) = (queue.share(), this.poller.share());
            move || {
                poller.modify(&queue, Events::CLOSED, null_mut()).unwrap();
                put(&queue, 7, NOW).unwrap();
            }
        });
        poll(&this.poller);
        changer.join().unwrap();
        next.sleep();
    });
}
