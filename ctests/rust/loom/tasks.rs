//! task_done and join.

use crate::fixture::*;
use bridgeq::status::Status;
use bridgeq::wait::Events;

#[test]
fn a_join_that_waits_is_woken_by_the_last_task_done() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 7, NOW).unwrap();
        let joiner = on_thread(&queue, |queue| queue.join(FOREVER));
        queue.task_done(1).unwrap();
        assert_eq!(joiner.join().unwrap(), Ok(()));
    });
}

/// The wake-up of an earlier end must not reach a join that began after the next put.
#[test]
fn a_join_does_not_return_while_its_own_put_is_unfinished() {
    model_fenced(|| {
        let queue = fifo(2);
        put(&queue, 1, NOW).unwrap();
        let worker = on_thread(&queue, |queue| queue.task_done(1).unwrap());
        put(&queue, 2, NOW).unwrap();
        assert_eq!(queue.join(HASTY), Err(Status::TimedOut));
        worker.join().unwrap();
    });
}

#[test]
fn clearing_counts_as_done() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 7, NOW).unwrap();
        let joiner = on_thread(&queue, |queue| queue.join(FOREVER));
        assert_eq!(queue.clear(), 1);
        assert_eq!(joiner.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_join_after_a_put_of_another_thread_waits_for_that_one_too() {
    model_fenced(|| {
        let queue = fifo(2);
        let worker = on_thread(&queue, |queue| {
            put(queue, 7, NOW).unwrap();
            get(queue, NOW).unwrap();
            queue.task_done(1).unwrap();
        });
        assert_eq!(queue.join(FOREVER), Ok(()));
        worker.join().unwrap();
        assert_eq!(queue.unfinished(), 0);
    });
}

#[test]
fn two_task_dones_do_not_count_one_item_twice() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 7, NOW).unwrap();
        let worker = on_thread(&queue, |queue| queue.task_done(1));
        let here = queue.task_done(1);
        let mut both = [here, worker.join().unwrap()];
        both.sort_by_key(|done| done.is_err());
        assert_eq!(both, [Ok(()), Err(Status::TooManyDone)]);
    });
}

/// A join that began after a put does not end before that item is done, whoever else waits for something.
#[test]
fn a_join_behind_a_put_is_not_ended_by_what_was_done_before() {
    model_fenced(|| {
        let queue = fifo(2);
        let _other = Loop::of(&queue, Events::CLOSED); // somebody waits already
        put(&queue, 1, NOW).unwrap();
        let before = on_thread(&queue, |queue| queue.task_done(1).unwrap());
        put(&queue, 2, NOW).unwrap();
        let finisher = on_thread(&queue, |queue| queue.task_done(1).unwrap());
        queue.join(FOREVER).unwrap();
        assert_eq!(queue.unfinished(), 0);
        before.join().unwrap();
        finisher.join().unwrap();
    });
}

/// What is done of later items does not stand for the first one: counts are read in the right order.
#[test]
fn a_join_is_not_ended_by_what_is_put_and_done_meanwhile() {
    model_fenced(|| {
        let queue = fifo(2);
        put(&queue, 1, NOW).unwrap();
        let other = on_thread(&queue, |queue| {
            put(queue, 2, NOW).unwrap();
            queue.task_done(1).unwrap();
        });
        assert_eq!(queue.join(NOW), Err(Status::TimedOut));
        other.join().unwrap();
    });
}
