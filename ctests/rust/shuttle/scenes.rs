//! Scenes written by hand: blocked calls that have to end whatever else goes on. A model in which
//! everybody sleeps is a failure by itself, and so is one that never ends.

use std::sync::Arc;

use bridgeq::ffi::end::{BQ_DISCARD, BQ_DRAIN};
use bridgeq::ffi::events::{BQ_CLOSED, BQ_DRAINED, BQ_JOINED, BQ_READABLE, BQ_WRITABLE};
use bridgeq::ffi::queue::{BQ_FIFO, BQ_FOREVER, BQ_LIFO, BQ_NOWAIT};
use bridgeq::ffi::status::{BQ_OK, BQ_SHUTDOWN};
use shuttle::thread::{self, JoinHandle};

use crate::handles::{Queue, SOME_TIME};
use crate::{explore, number};

fn schedules() -> usize {
    number("SCHEDULES", 20) * 1000
}

fn start<T: Send + 'static>(
    queue: &Arc<Queue>,
    body: impl FnOnce(&Queue) -> T + Send + 'static,
) -> JoinHandle<T> {
    let queue = queue.clone();
    thread::spawn(move || body(&queue))
}

fn end<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("it has said why")
}

fn full_queue(order: u32) -> Arc<Queue> {
    let queue = Arc::new(Queue::new(order, 1));
    assert_eq!(queue.put(0, BQ_NOWAIT), BQ_OK);
    queue
}

#[test]
fn shutdown_ends_every_call_that_waits_for_an_item() {
    for mode in [BQ_DRAIN, BQ_DISCARD] {
        explore(schedules(), move || {
            let queue = Arc::new(Queue::new(BQ_FIFO, 0));
            let getter = start(&queue, |queue| queue.get(BQ_FOREVER));
            let peeker = start(&queue, |queue| queue.peek(BQ_FOREVER));
            let poller = start(&queue, |queue| queue.poll(BQ_DRAINED, BQ_FOREVER));
            let putter = start(&queue, |queue| queue.put(1, BQ_FOREVER));
            queue.shutdown(mode);
            if mode == BQ_DRAIN && end(putter) == BQ_OK {
                // Whoever gets it, everybody comes to the end.
                let got = queue.get(BQ_FOREVER);
                assert!([Ok(1), Err(BQ_SHUTDOWN)].contains(&got));
            }
            assert!([Ok(1), Err(BQ_SHUTDOWN)].contains(&end(getter)));
            assert!([Ok(1), Err(BQ_SHUTDOWN)].contains(&end(peeker)));
            assert_eq!(end(poller), BQ_DRAINED);
        });
    }
}

#[test]
fn shutdown_ends_every_call_that_waits_for_room_or_for_work() {
    for mode in [BQ_DRAIN, BQ_DISCARD] {
        explore(schedules(), move || {
            let queue = full_queue(BQ_FIFO);
            let putter = start(&queue, |queue| queue.put(1, BQ_FOREVER));
            let batch = start(&queue, |queue| queue.put_both(BQ_FOREVER));
            let poller = start(&queue, |queue| queue.poll(BQ_WRITABLE, BQ_FOREVER));
            let joiner = start(&queue, |queue| queue.join());
            queue.set_capacity(2);
            queue.shutdown(mode);
            let put = 1 + usize::from(end(putter) == BQ_OK) + end(batch).max(0) as usize;
            assert_eq!(end(poller), BQ_WRITABLE);
            let dropped = queue.dropped() + if mode == BQ_DRAIN { queue.clear() } else { 0 };
            assert_eq!((dropped, queue.len(), queue.unfinished()), (put, 0, 0));
            assert_eq!(end(joiner), BQ_OK);
        });
    }
}

#[test]
fn nothing_is_lost_while_a_queue_is_cleared_and_resized_and_shut_down() {
    for (order, mode) in [(BQ_FIFO, BQ_DRAIN), (BQ_FIFO, BQ_DISCARD), (BQ_LIFO, BQ_DISCARD)] {
        explore(schedules(), move || {
            let queue = Arc::new(Queue::new(order, 1));
            let produce = |queue: &Queue| {
                (0..3).filter(|&number| queue.put(number, BQ_FOREVER) == BQ_OK).count()
            };
            let producers = [start(&queue, produce), start(&queue, produce)];
            let consumer = start(&queue, |queue| {
                let mut got = 0;
                while queue.get(BQ_FOREVER).is_ok() {
                    got += 1;
                    queue.task_done();
                }
                got
            });
            let disturber = start(&queue, |queue| {
                queue.clear();
                queue.set_capacity(3);
                queue.clear();
                queue.set_capacity(1);
                queue.clear();
            });
            if mode == BQ_DISCARD {
                queue.shutdown(mode); // at any time
            }
            let put: usize = producers.map(end).into_iter().sum();
            queue.shutdown(mode);
            end(disturber);
            let got: usize = end(consumer);
            assert_eq!(got + queue.dropped(), put);
            assert_eq!(
                (queue.len(), queue.join(), queue.get(BQ_NOWAIT)),
                (0, BQ_OK, Err(BQ_SHUTDOWN))
            );
        });
    }
}

#[test]
fn a_get_that_times_out_passes_its_wake_up_on() {
    explore(schedules(), || {
        let queue = Arc::new(Queue::new(BQ_FIFO, 0));
        let hasty = start(&queue, |queue| queue.get(SOME_TIME));
        let patient = [0, 1].map(|_| start(&queue, |queue| queue.get(BQ_FOREVER)));
        let producers = [1, 2].map(|number| {
            start(&queue, move |queue| assert_eq!(queue.put(number, BQ_NOWAIT), BQ_OK))
        });
        if end(hasty).is_ok() {
            assert_eq!(queue.put(3, BQ_NOWAIT), BQ_OK);
        }
        patient.into_iter().for_each(|thread| assert!(end(thread).is_ok()));
        producers.into_iter().for_each(end);
    });
}

#[test]
fn a_put_that_times_out_passes_its_wake_up_on() {
    explore(schedules(), || {
        let queue = full_queue(BQ_FIFO);
        let hasty = start(&queue, |queue| queue.put(1, SOME_TIME));
        let patient = start(&queue, |queue| queue.put(2, BQ_FOREVER));
        let consumer = start(&queue, |queue| queue.get(BQ_FOREVER));
        if end(hasty) == BQ_OK {
            assert!(queue.get(BQ_FOREVER).is_ok());
        }
        assert_eq!(end(patient), BQ_OK);
        assert!(end(consumer).is_ok());
    });
}

#[test]
fn who_only_looks_passes_its_wake_up_on() {
    explore(schedules(), || {
        let queue = Arc::new(Queue::new(BQ_FIFO, 0));
        let peeker = start(&queue, |queue| queue.peek(BQ_FOREVER));
        let poller = start(&queue, |queue| queue.poll(BQ_READABLE | BQ_CLOSED, BQ_FOREVER));
        let getters = [0, 1].map(|_| start(&queue, |queue| queue.get(BQ_FOREVER)));
        let producers = [1, 2].map(|number| {
            start(&queue, move |queue| assert_eq!(queue.put(number, BQ_NOWAIT), BQ_OK))
        });
        getters.into_iter().for_each(|thread| assert!(end(thread).is_ok()));
        assert_eq!(queue.put(3, BQ_NOWAIT), BQ_OK); // for those who came late
        assert!(end(peeker).is_ok());
        assert_eq!(end(poller), BQ_READABLE);
        producers.into_iter().for_each(end);
    });
}

#[test]
fn a_grown_capacity_lets_puts_in_and_comes_to_an_end() {
    explore(schedules(), || {
        let queue = full_queue(BQ_FIFO);
        let putters =
            [1, 2].map(|number| start(&queue, move |queue| queue.put(number, BQ_FOREVER)));
        let grower = start(&queue, |queue| queue.set_capacity(0));
        queue.set_capacity(1);
        end(grower);
        queue.set_capacity(3);
        putters.into_iter().for_each(|thread| assert_eq!(end(thread), BQ_OK));
    });
}

#[test]
fn everybody_who_joins_comes_to_the_end() {
    explore(schedules(), || {
        let queue = full_queue(BQ_FIFO);
        let joiners = [0, 1].map(|_| start(&queue, |queue| queue.join()));
        let poller = start(&queue, |queue| queue.poll(BQ_JOINED, BQ_FOREVER));
        let worker = start(&queue, |queue| {
            for _ in 0..2 {
                assert!(queue.get(BQ_FOREVER).is_ok());
                queue.task_done();
            }
        });
        assert_eq!(queue.put(1, BQ_FOREVER), BQ_OK);
        end(worker);
        joiners.into_iter().for_each(|thread| assert_eq!(end(thread), BQ_OK));
        assert_eq!(end(poller), BQ_JOINED);
    });
}
