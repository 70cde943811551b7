//! A thread that owns the head, and gets without a read-modify-write, against everybody else.

use crate::fixture::*;
use crate::rings::refilling;
use bridgeq::queue::{Config, End, Ending, Order, Queue};
use bridgeq::status::Status;
use bridgeq::sync::Shared;
use bridgeq::wait::Events;

/// With `count` items, and the head the caller's own.
fn owned(queue: Shared<Queue>, count: u64) -> Shared<Queue> {
    (1..=count).for_each(|value| put(&queue, value, NOW).unwrap());
    queue.own(End::Head);
    queue
}

#[test]
fn an_owner_and_another_thread_get_each_item_once() {
    model_fenced(|| {
        let queue = owned(fifo(0), 2);
        let other = on_thread(&queue, |queue| get(queue, NOW).unwrap());
        let mine = get(&queue, NOW).unwrap();
        assert_eq!(mine + other.join().unwrap(), 3);
        assert_eq!((queue.len(), get(&queue, NOW)), (0, Err(Status::Empty)));
    });
}

#[test]
fn an_owner_finds_out_that_it_is_none_any_more() {
    model_fenced(|| {
        let queue = owned(fifo(0), 3);
        let other = on_thread(&queue, |queue| get(queue, NOW).unwrap());
        let mine = [(); 2].map(|()| get(&queue, NOW).unwrap());
        assert!(mine[0] < mine[1]);
        assert_eq!(mine[0] + mine[1] + other.join().unwrap(), 6);
    });
}

/// Who changes the limit ends the ownership, and the claim that the owner is in the middle of is granted.
#[test]
fn a_get_behind_who_has_ended_an_ownership_comes_behind_the_claim() {
    model_fenced(|| {
        let queue = owned(fifo(0), 2);
        let teller = on_thread(&queue, |queue| queue.set_capacity(4));
        let other = on_thread(&queue, |queue| get(queue, NOW).unwrap());
        let mine = get(&queue, NOW).unwrap();
        assert_eq!(mine + other.join().unwrap(), 3);
        teller.join().unwrap();
        assert_eq!((queue.len(), get(&queue, NOW)), (0, Err(Status::Empty)));
    });
}

/// The head goes from one to the other while the first is in the middle of a get.
#[test]
fn who_owns_after_another_is_the_only_one() {
    model_fenced(|| {
        let queue = owned(fifo(0), 3);
        let other = on_thread(&queue, |queue| {
            let first = get(queue, NOW).unwrap();
            queue.own(End::Head);
            first + get(queue, NOW).unwrap()
        });
        let mine = get(&queue, NOW).unwrap();
        assert_eq!(mine + other.join().unwrap(), 6);
        assert_eq!(get(&queue, NOW), Err(Status::Empty));
    });
}

#[test]
fn a_put_that_waits_for_room_is_woken_by_an_owner() {
    model_fenced(|| {
        let queue = owned(fifo(1), 1);
        let putter = on_thread(&queue, |queue| put(queue, 2, FOREVER));
        assert_eq!((get(&queue, NOW), get(&queue, FOREVER)), (Ok(1), Ok(2)));
        putter.join().unwrap().unwrap();
    });
}

#[test]
fn a_put_that_waits_is_seen_by_who_becomes_the_owner_meanwhile() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let putter = on_thread(&queue, |queue| put(queue, 2, FOREVER));
        queue.own(End::Head);
        assert_eq!((get(&queue, NOW), get(&queue, FOREVER)), (Ok(1), Ok(2)));
        putter.join().unwrap().unwrap();
    });
}

/// More are queued than the capacity allows: neither side alone makes room, and together they do.
#[test]
fn growing_to_what_is_queued_against_an_owner_lets_a_put_in() {
    model_fenced(|| {
        let queue = fifo(2);
        put_both(&queue, [1, 2], NOW).unwrap();
        queue.set_capacity(1);
        let next = Loop::of(&queue, Events::WRITABLE);
        let owner = on_thread(&queue, |queue| {
            queue.own(End::Head);
            get(queue, NOW).unwrap()
        });
        queue.set_capacity(2);
        owner.join().unwrap();
        assert_eq!(next.rings(), 1);
    });
}

#[test]
fn the_last_item_that_an_owner_takes_during_shutdown_ends_a_wait_for_that() {
    model_fenced(|| {
        let queue = fifo(1);
        let this = Loop::of(&queue, Events::DRAINED);
        put(&queue, 7, NOW).unwrap();
        let owner = on_thread(&queue, |queue| {
            queue.own(End::Head);
            get(queue, NOW).unwrap()
        });
        queue.shutdown(Ending::Drain);
        assert_eq!(owner.join().unwrap(), 7);
        this.sleep();
    });
}

#[test]
fn a_shutdown_that_discards_takes_what_an_owner_leaves() {
    model_fenced(|| {
        let queue = owned(fifo(0), 2);
        let other = on_thread(&queue, |queue| queue.shutdown(Ending::Discard));
        let _ = get(&queue, NOW);
        other.join().unwrap();
        assert_eq!((queue.len(), get(&queue, NOW)), (0, Err(Status::Shutdown)));
    });
}

#[test]
fn a_peek_sees_a_whole_item_while_an_owner_takes_it() {
    model_fenced(|| {
        let queue = owned(fifo(1), 1);
        let peeker = on_thread(&queue, |queue| peek(queue, NOW));
        assert_eq!(get(&queue, NOW), Ok(1));
        put(&queue, 2, NOW).unwrap();
        assert!(!matches!(peeker.join().unwrap(), Ok(0 | 3..)));
    });
}

/// Who puts has seen the end of the owner's get, but nothing of the peek.
#[test]
fn a_put_behind_the_get_of_an_owner_waits_for_the_peek() {
    model_fenced(|| {
        let queue = long_fifo(0); // no limit, but a slot to be used again
        put(&queue, 1, NOW).unwrap();
        let peeker = on_thread(&queue, |queue| peek(queue, NOW));
        let owner = on_thread(&queue, |queue| {
            queue.own(End::Head);
            get(queue, NOW)
        });
        let _ = put(&queue, 2, NOW);
        assert!(!matches!(peeker.join().unwrap(), Ok(0 | 3..)));
        assert!(owner.join().unwrap().is_ok());
    });
}

/// A first ring of one item, and larger ones behind it.
#[test]
fn an_owner_takes_the_head_along_to_the_next_ring() {
    model_fenced(|| {
        let queue = owned(long_fifo(0), 1);
        let putter =
            on_thread(&queue, |queue| (2..=3).for_each(|value| put(queue, value, NOW).unwrap()));
        assert_eq!([(); 3].map(|()| get(&queue, FOREVER).unwrap()), [1, 2, 3]);
        putter.join().unwrap();
        assert_eq!(get(&queue, NOW), Err(Status::Empty));
    });
}

#[test]
fn another_thread_moves_on_from_the_ring_of_an_owner() {
    model_fenced(|| {
        let queue = owned(long_fifo(0), 3);
        let other = on_thread(&queue, |queue| get(queue, NOW).unwrap());
        let mine = [(); 2].map(|()| get(&queue, NOW).unwrap());
        assert!(mine[0] < mine[1]);
        assert_eq!(mine[0] + mine[1] + other.join().unwrap(), 6);
        assert_eq!((queue.len(), get(&queue, NOW)), (0, Err(Status::Empty)));
    });
}

/// Whoever only looks may move on too, and takes nothing with it.
#[test]
fn a_look_from_another_thread_moves_on_from_the_ring_of_an_owner() {
    model_fenced(|| {
        let queue = owned(long_fifo(0), 2);
        let looker = on_thread(&queue, |queue| !queue.current(Events::READABLE).is_empty());
        assert_eq!([(); 2].map(|()| get(&queue, NOW)), [Ok(1), Ok(2)]);
        let _ = looker.join().unwrap();
        put(&queue, 3, NOW).unwrap();
        assert_eq!((get(&queue, NOW), get(&queue, NOW)), (Ok(3), Err(Status::Empty)));
    });
}

/// The owner has emptied the ring, another thread moves on, and the ring is used again before the owner looks.
#[test]
fn an_owner_that_comes_late_to_a_ring_that_is_used_again_gets_nothing_wrong() {
    model_fenced(|| {
        let queue = owned_with_refill();
        let owner = on_thread(&queue, |queue| {
            queue.own(End::Head);
            [(); 2].map(|()| get(queue, NOW)).into_iter().flatten().count()
        });
        let put = usize::from(put(&queue, 7, NOW).is_ok());
        queue.current(Events::READABLE);
        queue.clear();
        let got = owner.join().unwrap();
        assert_eq!(queue.len(), 1 + put - got);
        while get(&queue, NOW).is_ok() {} // or the last reference would refill it
    });
}

fn owned_with_refill() -> Shared<Queue> {
    let queue = refilling(1);
    put(&queue, 7, NOW).unwrap();
    queue
}

/// Two histories that no order of the calls explains, were it not for a fence of the owner.
#[test]
fn what_an_owner_finds_behind_a_get_is_found_behind_that_get_by_all() {
    let by_getting: fn(&Queue) -> bool = |queue| get(queue, NOW) == Err(Status::Empty);
    let by_counting: fn(&Queue) -> bool = |queue| queue.is_empty();
    for found_none in [by_getting, by_counting] {
        model_fenced(move || {
            let queue = owned(fifo(2), 1);
            let other = on_thread(&queue, |queue| {
                put(queue, 2, NOW).unwrap();
                (queue.len(), put(queue, 3, NOW))
            });
            assert_eq!(get(&queue, NOW), Ok(1));
            let found_none = found_none(&queue);
            let (len, third) = other.join().unwrap();
            assert!(!found_none || len < 2 && third != Err(Status::Full));
        });
    }
}

/// Done before the length is one, which is before the get, which is before the answer.
#[test]
fn what_an_owner_finds_unfinished_behind_a_get_was_not_done_before_that_get() {
    let by_joining: fn(&Queue) -> bool = |queue| queue.join(NOW).is_err();
    let by_polling: fn(&Queue) -> bool = |queue| queue.poll(Events::JOINED, NOW).is_empty();
    for is_unfinished in [by_joining, by_polling] {
        model_fenced(move || {
            let queue = owned(fifo(2), 1);
            let other = on_thread(&queue, |queue| {
                queue.task_done(1).unwrap();
                queue.len()
            });
            assert_eq!(get(&queue, NOW), Ok(1));
            let is_unfinished = is_unfinished(&queue);
            assert!(other.join().unwrap() < 1 || !is_unfinished);
        });
    }
}

/// Put before the length is two, which is before the get, which is before the call.
#[test]
fn what_was_put_before_the_get_of_an_owner_is_there_for_its_next_call() {
    let to_clear: fn(&Queue) -> bool = |queue| queue.clear() > 0;
    let to_report: fn(&Queue) -> bool = |queue| queue.task_done(2).is_ok();
    for is_there in [to_clear, to_report] {
        model_fenced(move || {
            let queue = owned(fifo(4), 1);
            let other = on_thread(&queue, |queue| {
                put(queue, 2, NOW).unwrap();
                queue.len()
            });
            assert_eq!(get(&queue, NOW), Ok(1));
            let is_there = is_there(&queue);
            assert!(other.join().unwrap() < 2 || is_there);
        });
    }
}

/// The same of two queues: put into the one before the length of the other is one, which is before the get.
#[test]
fn what_was_put_elsewhere_before_the_get_of_an_owner_counts_there_for_its_next_call() {
    for order in [Order::Fifo, Order::Lifo] {
        model_fenced(move || {
            let queue = owned(fifo(2), 1);
            let elsewhere = crate::fixture::queue(Config { order, ..options(2) });
            let putter = elsewhere.share();
            let other = on_thread(&queue, move |queue| {
                put(&putter, 2, NOW).unwrap();
                queue.len()
            });
            assert_eq!(get(&queue, NOW), Ok(1));
            let count = elsewhere.len();
            assert!(other.join().unwrap() < 1 || count == 1);
        });
    }
}

#[test]
fn a_put_that_waits_for_room_is_woken_by_an_owner_that_moves_on() {
    model_fenced(|| {
        let queue = owned(long_fifo(2), 2); // two rings, full
        let putter = on_thread(&queue, |queue| put(queue, 3, FOREVER));
        assert_eq!([(); 3].map(|()| get(&queue, FOREVER).unwrap()), [1, 2, 3]);
        putter.join().unwrap().unwrap();
    });
}

#[test]
fn an_owner_that_shuts_down_itself_tells_who_waits_for_the_end() {
    model_fenced(|| {
        let queue = owned(fifo(0), 1);
        let waiter = on_thread(&queue, |queue| queue.poll(Events::DRAINED, FOREVER));
        queue.shutdown(Ending::Drain);
        assert_eq!(get(&queue, NOW), Ok(1));
        assert!(waiter.join().unwrap().has_any(Events::DRAINED));
    });
}

#[test]
fn a_get_that_gives_up_behind_a_put_while_an_owner_gets_is_not_missed() {
    model_fenced(|| {
        let queue = owned(fifo(4), 1);
        assert_eq!(get(&queue, NOW), Ok(1));
        let next = Loop::of(&queue, Events::READABLE);
        let hasty = on_thread(&queue, |queue| get(queue, HASTY).is_ok());
        let other =
            on_thread(&queue, |queue| (2..=3).for_each(|value| put(queue, value, NOW).unwrap()));
        let _ = get(&queue, NOW);
        other.join().unwrap();
        let _ = hasty.join().unwrap();
        nobody_sleeps_beside_an_item(&queue, &[&next]);
    });
}

#[test]
fn a_loop_that_waits_for_room_is_seen_by_who_becomes_the_owner_meanwhile() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let owner = on_thread(&queue, |queue| {
            queue.own(End::Head);
            get(queue, NOW).unwrap()
        });
        let next = Loop::of(&queue, Events::WRITABLE);
        owner.join().unwrap();
        assert!(next.rings() == 1 || poll(&next.poller) == 1);
    });
}

/// Full, of two items, and the head the caller's own for a lap: its next batch leaves no stamps.
fn gone_round() -> Shared<Queue> {
    let queue = owned(fifo(2), 2);
    assert_eq!((get(&queue, NOW), get(&queue, NOW)), (Ok(1), Ok(2)));
    put_both(&queue, [3, 4], NOW).unwrap();
    queue
}

#[test]
fn a_put_waits_for_a_batch_that_leaves_no_stamps() {
    model_fenced(|| {
        let queue = gone_round();
        let putter = on_thread(&queue, |queue| put(queue, 5, NOW).is_ok());
        assert_eq!(get_both(&queue, NOW), Ok(vec![3, 4]));
        let put = putter.join().unwrap();
        assert_eq!(get(&queue, NOW).is_ok(), put);
    });
}

/// Who puts second has not looked at what has been emptied itself.
#[test]
fn a_put_knows_from_another_one_of_a_batch_that_leaves_no_stamps() {
    model_fenced(|| {
        let queue = gone_round();
        let putters =
            [5, 6].map(|value| on_thread(&queue, move |queue| put(queue, value, NOW).is_ok()));
        assert_eq!(get_both(&queue, NOW), Ok(vec![3, 4]));
        let put =
            putters.map(|putter| putter.join().unwrap()).into_iter().filter(|&put| put).count();
        assert_eq!(queue.len(), put);
    });
}

/// Before the owner has gone round, a get that began before its ownership may be reading still.
#[test]
fn a_batch_behind_a_slow_get_leaves_stamps() {
    model_fenced(|| {
        let queue = fifo(4);
        put_both(&queue, [1, 2], NOW).unwrap();
        put(&queue, 3, NOW).unwrap();
        let slow = on_thread(&queue, |queue| get(queue, NOW).unwrap());
        queue.own(End::Head);
        let got = get_both(&queue, NOW).unwrap();
        put_both(&queue, [4, 5], NOW).unwrap();
        assert!(slow.join().unwrap() <= 3 && got.len() == 2);
    });
}

/// The same in a later lap of the ring: an ownership that began just now is not one from the first turn on.
#[test]
fn a_batch_behind_a_slow_get_of_a_later_lap_leaves_stamps() {
    model_fenced(|| {
        let queue = fifo(2);
        put_both(&queue, [1, 2], NOW).unwrap();
        assert_eq!(get_both(&queue, NOW), Ok(vec![1, 2]));
        put_both(&queue, [3, 4], NOW).unwrap();
        let slow = on_thread(&queue, |queue| get(queue, NOW));
        queue.own(End::Head);
        let _ = get_both(&queue, NOW);
        let _ = put(&queue, 5, NOW);
        assert!(!matches!(slow.join().unwrap(), Ok(..=2 | 6..)));
    });
}

/// The item is taken by an owner that leaves no stamp for it, behind the pin.
#[test]
fn a_peek_sees_a_whole_item_while_an_owner_takes_a_batch() {
    model_fenced(|| {
        let queue = gone_round();
        let peeker = on_thread(&queue, |queue| peek(queue, NOW));
        assert!(get_both(&queue, NOW).is_ok());
        put_both(&queue, [5, 6], NOW).unwrap();
        assert!(!matches!(peeker.join().unwrap(), Ok(..=2 | 7..)));
    });
}

/// Who peeks does not wait for the claim of who gets alone, so that the head may still be its own when a put waits.
#[test]
fn a_put_that_waits_behind_the_end_of_an_ownership_is_woken() {
    model_fenced(|| {
        let queue = owned(fifo(1), 1);
        let putter = on_thread(&queue, |queue| {
            let _ = peek(queue, NOW);
            put(queue, 2, FOREVER)
        });
        assert_eq!((get(&queue, NOW), get(&queue, FOREVER)), (Ok(1), Ok(2)));
        putter.join().unwrap().unwrap();
    });
}
