//! A thread that owns the tail, and puts without a read-modify-write, against everybody else.

use crate::fixture::*;
use crate::rings::refilling;
use bridgeq::queue::{End, Ending, Queue};
use bridgeq::status::Status;
use bridgeq::sync::Shared;
use bridgeq::wait::Events;

/// With `count` items, and the tail the caller's own.
fn owned(queue: Shared<Queue>, count: u64) -> Shared<Queue> {
    (1..=count).for_each(|value| put(&queue, value, NOW).unwrap());
    queue.own(End::Tail);
    queue
}

/// Empty, with a ring, and the tail the caller's own.
fn owned_and_empty(queue: Shared<Queue>) -> Shared<Queue> {
    let queue = owned(queue, 1);
    assert_eq!(get(&queue, NOW), Ok(1));
    queue
}

/// All that is there, in order.
fn rest(queue: &Queue) -> Vec<u64> {
    std::iter::from_fn(|| get(queue, NOW).ok()).collect()
}

#[test]
fn an_owner_and_another_thread_put_each_item_once() {
    model(|| {
        let queue = owned(fifo(0), 1);
        let other = on_thread(&queue, |queue| put(queue, 2, NOW).unwrap());
        put(&queue, 3, NOW).unwrap();
        other.join().unwrap();
        assert_eq!(queue.len(), 3);
        assert!(matches!(rest(&queue)[..], [1, 2, 3] | [1, 3, 2]));
    });
}

#[test]
fn an_owner_that_puts_finds_out_that_it_is_none_any_more() {
    model(|| {
        let queue = owned(fifo(0), 1);
        let other = on_thread(&queue, |queue| put(queue, 9, NOW).unwrap());
        (2..=3).for_each(|value| put(&queue, value, NOW).unwrap());
        other.join().unwrap();
        let mut rest = rest(&queue);
        rest.retain(|&value| value != 9);
        assert_eq!(rest, [1, 2, 3]);
        assert_eq!(queue.moved(), 8);
    });
}

/// Who waits for an item ends the ownership, and the claim that the owner is in the middle of is granted.
#[test]
fn a_put_behind_who_has_ended_an_ownership_comes_behind_the_claim() {
    model(|| {
        let queue = owned_and_empty(fifo(0));
        let waiter = on_thread(&queue, |queue| get(queue, HASTY).ok());
        let other = on_thread(&queue, |queue| put(queue, 2, NOW).unwrap());
        put(&queue, 3, NOW).unwrap();
        other.join().unwrap();
        let got = waiter.join().unwrap();
        assert_eq!(queue.len(), 2 - got.iter().len());
        assert_eq!(got.into_iter().chain(rest(&queue)).sum::<u64>(), 5);
    });
}

/// The tail goes from one to the other while the first is in the middle of a put.
#[test]
fn who_owns_the_tail_after_another_is_the_only_one() {
    model(|| {
        let queue = owned(fifo(0), 1);
        let other = on_thread(&queue, |queue| {
            put(queue, 2, NOW).unwrap();
            queue.own(End::Tail);
            put(queue, 3, NOW).unwrap();
        });
        put(&queue, 9, NOW).unwrap();
        other.join().unwrap();
        let mut rest = rest(&queue);
        rest.retain(|&value| value != 9);
        assert_eq!((rest, queue.moved()), (vec![1, 2, 3], 8));
    });
}

#[test]
fn a_get_that_waits_is_woken_by_an_owner() {
    model(|| {
        let queue = owned_and_empty(fifo(0));
        let getter = on_thread(&queue, |queue| get(queue, FOREVER));
        put(&queue, 2, NOW).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(2));
    });
}

#[test]
fn a_get_that_waits_is_seen_by_who_becomes_the_owner_meanwhile() {
    model(|| {
        let queue = fifo(0);
        put(&queue, 1, NOW).unwrap();
        assert_eq!(get(&queue, NOW), Ok(1));
        let getter = on_thread(&queue, |queue| get(queue, FOREVER));
        queue.own(End::Tail);
        put(&queue, 2, NOW).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(2));
    });
}

#[test]
fn a_loop_that_arms_is_rung_by_an_owner_or_sees_its_item() {
    model(|| {
        let queue = fifo(0);
        put(&queue, 1, NOW).unwrap();
        assert_eq!(get(&queue, NOW), Ok(1));
        let putter = on_thread(&queue, |queue| {
            queue.own(End::Tail);
            put(queue, 2, NOW).unwrap();
        });
        let next = Loop::of(&queue, Events::READABLE);
        putter.join().unwrap();
        assert!(next.rings() == 1 || poll(&next.poller) == 1);
    });
}

/// Who gets behind the end of an ownership does not wait for the claim either.
#[test]
fn a_get_that_waits_behind_the_end_of_an_ownership_is_woken() {
    model(|| {
        let queue = owned_and_empty(fifo(0));
        let getter = on_thread(&queue, |queue| {
            let _ = get(queue, HASTY).map(|value| put(queue, value, NOW));
            get(queue, FOREVER)
        });
        put(&queue, 2, NOW).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(2));
    });
}

#[test]
fn nothing_is_put_behind_a_shutdown_beside_an_owner() {
    model(|| {
        let queue = owned(fifo(0), 1);
        let other = on_thread(&queue, |queue| {
            queue.shutdown(Ending::Drain);
            put(queue, 3, NOW)
        });
        let mine = put(&queue, 2, NOW);
        assert_eq!(other.join().unwrap(), Err(Status::Shutdown));
        assert_eq!(put(&queue, 4, NOW), Err(Status::Shutdown));
        assert_eq!(get(&queue, NOW), Ok(1));
        assert_eq!(get(&queue, NOW), if mine.is_ok() { Ok(2) } else { Err(Status::Shutdown) });
        assert_eq!(get(&queue, NOW), Err(Status::Shutdown));
    });
}

#[test]
fn a_shutdown_that_discards_leaves_nothing_of_an_owner_behind() {
    model(|| {
        let queue = owned(fifo(0), 1);
        let other = on_thread(&queue, |queue| queue.shutdown(Ending::Discard));
        let _ = put(&queue, 2, NOW);
        other.join().unwrap();
        assert_eq!((queue.len(), get(&queue, NOW)), (0, Err(Status::Shutdown)));
    });
}

#[test]
fn an_owner_of_the_tail_that_shuts_down_itself_puts_no_more() {
    model(|| {
        let queue = owned(fifo(0), 1);
        let waiter = on_thread(&queue, |queue| queue.poll(Events::DRAINED, FOREVER));
        queue.shutdown(Ending::Drain);
        assert_eq!(put(&queue, 2, NOW), Err(Status::Shutdown));
        assert_eq!((get(&queue, NOW), get(&queue, NOW)), (Ok(1), Err(Status::Shutdown)));
        assert!(waiter.join().unwrap().has_any(Events::DRAINED));
    });
}

/// A first ring of one item, and larger ones behind it.
#[test]
fn an_owner_takes_the_tail_along_to_the_next_ring() {
    model(|| {
        let queue = owned(long_fifo(0), 1);
        let getter = on_thread(&queue, |queue| [(); 3].map(|()| get(queue, FOREVER).unwrap()));
        (2..=3).for_each(|value| put(&queue, value, NOW).unwrap());
        assert_eq!(getter.join().unwrap(), [1, 2, 3]);
        assert_eq!(get(&queue, NOW), Err(Status::Empty));
    });
}

#[test]
fn another_thread_puts_where_an_owner_moves_on() {
    model(|| {
        let queue = owned(long_fifo(0), 1);
        let other = on_thread(&queue, |queue| put(queue, 9, NOW).unwrap());
        (2..=3).for_each(|value| put(&queue, value, NOW).unwrap());
        other.join().unwrap();
        let mut rest = rest(&queue);
        rest.retain(|&value| value != 9);
        assert_eq!((rest, queue.moved()), (vec![1, 2, 3], 8));
    });
}

/// Whoever makes the next ring ends the ownership first.
#[test]
fn a_ring_is_not_left_while_its_owner_claims_there() {
    model(|| {
        let queue = owned(fifo(0), 1);
        let other = on_thread(&queue, |queue| queue.leave_ring());
        (2..=3).for_each(|value| put(&queue, value, NOW).unwrap());
        other.join().unwrap();
        assert_eq!(rest(&queue), [1, 2, 3]);
    });
}

/// The owner has seen a free slot, another thread puts there, and the ring is used again before the owner claims.
#[test]
fn an_owner_that_comes_late_to_a_ring_that_is_used_again_puts_nothing_wrong() {
    model(|| {
        let queue = refilling(2);
        put(&queue, 7, NOW).unwrap();
        let owner = on_thread(&queue, |queue| {
            queue.own(End::Tail);
            usize::from(put(queue, 8, NOW).is_ok())
        });
        queue.clear();
        queue.clear();
        let put = owner.join().unwrap();
        assert!(queue.len() <= 2 && queue.len() <= 1 + put);
        rest(&queue); // or the last reference would refill it
    });
}

/// The owner is about to make a ring; its ownership ends, and that of another begins at the same turn.
#[test]
fn a_ring_is_not_left_under_another_owner_of_the_same_turn() {
    model_fenced(|| {
        let queue = owned(long_fifo(0), 1);
        let other = on_thread(&queue, |queue| {
            let got = get(queue, NOW).ok();
            let more = get(queue, HASTY).ok(); // which ends the ownership
            queue.own(End::Tail);
            put(queue, 9, NOW).unwrap();
            got.into_iter().chain(more).collect::<Vec<_>>()
        });
        put(&queue, 2, NOW).unwrap();
        let mut all = other.join().unwrap();
        assert_eq!(queue.len(), 3 - all.len());
        all.extend(rest(&queue));
        all.sort_unstable();
        assert_eq!(all, [1, 2, 9]);
    });
}

/// Two ownerships begin at the same turn, and the second owner has been one before.
#[test]
fn a_count_is_not_that_of_an_earlier_ownership() {
    model_fenced(|| {
        let queue = owned(fifo(0), 1);
        let another = on_thread(&queue, |queue| {
            put(queue, 2, NOW).unwrap();
            assert_eq!((get(queue, NOW), get(queue, NOW)), (Ok(1), Ok(2)));
            queue.own(End::Tail);
        });
        another.join().unwrap();
        let looker = on_thread(&queue, |queue| assert_eq!(queue.moved(), 4));
        assert_eq!(get(&queue, HASTY), Err(Status::Empty)); // which ends the second ownership
        queue.own(End::Tail);
        looker.join().unwrap();
    });
}

#[test]
fn a_peek_sees_a_whole_item_while_an_owner_uses_its_slot_again() {
    model(|| {
        let queue = owned(fifo(1), 1);
        let peeker = on_thread(&queue, |queue| peek(queue, NOW));
        assert_eq!(get(&queue, NOW), Ok(1));
        let _ = put(&queue, 2, NOW);
        assert!(!matches!(peeker.join().unwrap(), Ok(0 | 3..)));
    });
}

#[test]
fn a_clear_beside_an_owner_leaves_only_what_came_later() {
    model(|| {
        let queue = owned(fifo(0), 1);
        let other = on_thread(&queue, |queue| queue.clear());
        put(&queue, 2, NOW).unwrap();
        let cleared = other.join().unwrap();
        assert_eq!(rest(&queue), if cleared == 1 { vec![2] } else { vec![] });
    });
}

/// One thread owns the tail, another one the head.
#[test]
fn both_ends_may_have_an_owner() {
    model(|| {
        let queue = owned(fifo(2), 1);
        let getter = on_thread(&queue, |queue| {
            queue.own(End::Head);
            [(); 3].map(|()| get(queue, FOREVER).unwrap())
        });
        (2..=3).for_each(|value| put(&queue, value, FOREVER).unwrap());
        assert_eq!(getter.join().unwrap(), [1, 2, 3]);
    });
}

/// Two histories that no order of the calls explains, were it not for a fence of the owner: full before the first get,
/// and nothing left behind it of what was put before that.
#[test]
fn what_an_owner_finds_behind_a_put_is_found_behind_that_put_by_all() {
    let by_getting: fn(&Queue) -> bool = |queue| get(queue, NOW) == Err(Status::Empty);
    let by_counting: fn(&Queue) -> bool = |queue| queue.is_empty();
    for found_none in [by_getting, by_counting] {
        model(move || {
            let queue = owned(fifo(2), 1);
            let other = on_thread(&queue, move |queue| {
                assert_eq!(get(queue, NOW), Ok(1));
                found_none(queue)
            });
            put(&queue, 2, NOW).unwrap();
            let is_full = put(&queue, 3, NOW) == Err(Status::Full);
            assert!(!(other.join().unwrap() && is_full));
        });
    }
}

/// What an owner has claimed here is not found by who changes another queue, and that change not by the owner: no order
/// of the four calls explains it.
fn two_queues(
    here: fn() -> Shared<Queue>,
    claim: fn(&Queue),
    finds_the_old_there: fn(&Queue) -> bool,
    change: fn(&Queue),
    finds_the_old_here: fn(&Queue) -> bool,
) {
    model(move || {
        let (here, there) = (here(), fifo(1));
        put(&there, 1, NOW).unwrap();
        let here_too = here.share();
        let other = on_thread(&there, move |there| {
            change(there);
            finds_the_old_here(&here_too)
        });
        claim(&here);
        let old_there = finds_the_old_there(&there);
        assert!(!(other.join().unwrap() && old_there));
    });
}

const IS_FULL: fn(&Queue) -> bool = |queue| put(queue, 3, NOW) == Err(Status::Full);
const IS_OPEN: fn(&Queue) -> bool = |queue| queue.poll(Events::CLOSED, NOW).is_empty();
const IS_READABLE: fn(&Queue) -> bool = |queue| !queue.poll(Events::READABLE, NOW).is_empty();
const GET: fn(&Queue) = |queue| assert_eq!(get(queue, NOW), Ok(1));
const SHUT_DOWN: fn(&Queue) = |queue| queue.shutdown(Ending::Drain);

#[test]
fn what_an_owner_puts_before_it_looks_at_another_queue_is_found_by_who_changes_that() {
    let owned = || owned_and_empty(fifo(0));
    let puts: fn(&Queue) = |queue| put(queue, 2, NOW).unwrap();
    two_queues(owned, puts, IS_FULL, GET, Queue::is_empty);
    two_queues(owned, puts, IS_OPEN, SHUT_DOWN, Queue::is_empty);
    two_queues(owned, puts, IS_READABLE, GET, Queue::is_empty);
}

#[test]
fn what_an_owner_gets_before_it_looks_at_another_queue_is_missing_for_who_changes_that() {
    let owned = || {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        queue.own(End::Head);
        queue
    };
    let is_there: fn(&Queue) -> bool = |queue| !queue.is_empty();
    two_queues(owned, GET, IS_FULL, GET, is_there);
    two_queues(owned, GET, IS_OPEN, SHUT_DOWN, is_there);
}
