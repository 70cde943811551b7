//! Loops, their pollers and the threads that feed them. A loop that sleeps beside an item fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use bridgeq::ffi::end::BQ_DRAIN;
use bridgeq::ffi::events::{BQ_CLOSED, BQ_DRAINED, BQ_READABLE, BQ_WRITABLE};
use bridgeq::ffi::queue::{BQ_FIFO, BQ_FOREVER, BQ_NOWAIT};
use bridgeq::ffi::status::BQ_OK;
use shuttle::thread::{self, JoinHandle};

use crate::handles::{Backend, Poller, Queue};
use crate::{explore, number};

const BACKENDS: [Backend; 2] = [Backend::Callback, Backend::Descriptor];

fn schedules() -> usize {
    number("SCHEDULES", 20) * 500
}

/// Puts so many items, in a thread of its own.
fn produce(queue: &Arc<Queue>, count: u64) -> JoinHandle<()> {
    let queue = queue.clone();
    thread::spawn(move || {
        (0..count).for_each(|number| assert_eq!(queue.put(number, BQ_FOREVER), BQ_OK));
    })
}

/// Serves queues until so many items have come, as an event loop does; one item for each report.
fn serve(poller: &Poller, queues: &[Arc<Queue>], wanted: usize) {
    let mut got = 0;
    while got < wanted {
        while let Some((ready, _)) = poller.poll() {
            let queue = queues.iter().find(|queue| queue.handle == ready);
            got += usize::from(queue.expect("it is watched").get(BQ_NOWAIT).is_ok());
        }
        if got < wanted {
            poller.sleep();
        }
    }
}

#[test]
fn a_loop_hears_of_every_item_of_every_queue() {
    for backend in BACKENDS {
        explore(schedules(), move || {
            let queues = [0, 1].map(|capacity| Arc::new(Queue::new(BQ_FIFO, capacity)));
            let poller = Poller::new(backend);
            let producers = [produce(&queues[0], 3), produce(&queues[1], 2)];
            queues.iter().for_each(|queue| poller.add(queue, BQ_READABLE));
            serve(&poller, &queues, 5);
            producers.into_iter().for_each(|thread| thread.join().expect("it has said why"));
        });
    }
}

#[test]
fn two_loops_share_a_queue() {
    for backend in BACKENDS {
        explore(schedules(), move || {
            let queue = Arc::new(Queue::new(BQ_FIFO, 1));
            let got = Arc::new(AtomicUsize::new(0));
            let pollers = [0, 1].map(|_| Arc::new(Poller::new(backend)));
            let loops = [0, 1].map(|at| {
                let (queue, got, pollers) = (queue.clone(), got.clone(), pollers.clone());
                thread::spawn(move || {
                    pollers[at].add(&queue, BQ_READABLE);
                    loop {
                        while pollers[at].poll().is_some() {
                            got.fetch_add(usize::from(queue.get(BQ_NOWAIT).is_ok()), SeqCst);
                        }
                        if got.load(SeqCst) == 4 {
                            return pollers[1 - at].wake(); // the other one is to look as well
                        }
                        pollers[at].sleep();
                    }
                })
            });
            let producers = [produce(&queue, 2), produce(&queue, 2)];
            loops.into_iter().for_each(|thread| thread.join().expect("it has said why"));
            producers.into_iter().for_each(|thread| thread.join().expect("it has said why"));
        });
    }
}

/// How a watch that was woken can turn out to be of no use.
#[derive(Clone, Copy)]
enum Leave {
    Remove,
    Pause,
    WatchForSomethingElse,
    WatchForLess,
    Release,
}

#[test]
fn a_watch_that_leaves_passes_its_wake_up_on() {
    use Leave::{Pause, Release, Remove, WatchForLess, WatchForSomethingElse};
    for leave in [Remove, Pause, WatchForSomethingElse, WatchForLess, Release] {
        explore(schedules(), move || {
            let queue = Arc::new(Queue::new(BQ_FIFO, 0));
            let poller = Poller::new(Backend::Callback);
            poller.add(&queue, BQ_READABLE | BQ_CLOSED);
            let getters = [0, 1].map(|_| {
                let queue = queue.clone();
                thread::spawn(move || assert!(queue.get(BQ_FOREVER).is_ok()))
            });
            let producers = [produce(&queue, 1), produce(&queue, 1)];
            match leave {
                Remove => poller.remove(&queue),
                Pause => poller.modify(&queue, 0),
                WatchForSomethingElse => poller.modify(&queue, BQ_DRAINED),
                WatchForLess => poller.modify(&queue, BQ_CLOSED),
                Release => drop(poller),
            }
            getters.into_iter().for_each(|thread| thread.join().expect("it has said why"));
            producers.into_iter().for_each(|thread| thread.join().expect("it has said why"));
        });
    }
}

#[test]
fn a_loop_that_competes_with_a_thread_hears_of_the_end() {
    for backend in BACKENDS {
        explore(schedules(), move || {
            let queue = Arc::new(Queue::new(BQ_FIFO, 1));
            let poller = Poller::new(backend);
            poller.add(&queue, BQ_READABLE);
            let competitor = {
                let queue = queue.clone();
                thread::spawn(move || while queue.get(BQ_FOREVER).is_ok() {})
            };
            let producer = produce(&queue, 3);
            let ender = {
                let queue = queue.clone();
                thread::spawn(move || {
                    producer.join().expect("it has said why");
                    queue.shutdown(BQ_DRAIN);
                })
            };
            poller.modify(&queue, BQ_READABLE | BQ_DRAINED);
            'events: loop {
                while let Some((_, events)) = poller.poll() {
                    let _ = queue.get(BQ_NOWAIT);
                    if events & BQ_DRAINED != 0 {
                        break 'events;
                    }
                }
                poller.sleep();
            }
            competitor.join().expect("it has said why");
            ender.join().expect("it has said why");
        });
    }
}

#[test]
fn a_loop_that_writes_hears_of_room() {
    for backend in BACKENDS {
        explore(schedules(), move || {
            let queue = Arc::new(Queue::new(BQ_FIFO, 1));
            let poller = Poller::new(backend);
            poller.add(&queue, BQ_WRITABLE);
            let consumer = {
                let queue = queue.clone();
                thread::spawn(move || (0..3).for_each(|_| assert!(queue.get(BQ_FOREVER).is_ok())))
            };
            let clearer = {
                let queue = queue.clone();
                thread::spawn(move || queue.clear())
            };
            let (mut put, mut needed, mut clearer) = (0, 3, Some(clearer));
            while put < needed {
                match poller.poll() {
                    Some(_) => put += usize::from(queue.put(put as u64, BQ_NOWAIT) == BQ_OK),
                    None => poller.sleep(),
                }
                if put == needed
                    && let Some(clearer) = clearer.take()
                {
                    needed += clearer.join().expect("it has said why"); // once more what was cleared
                }
            }
            consumer.join().expect("it has said why");
        });
    }
}

#[test]
fn a_waiting_thread_hears_of_items_and_of_a_wake_by_hand() {
    explore(schedules(), || {
        let queues = [0, 1].map(|capacity| Arc::new(Queue::new(BQ_FIFO, capacity)));
        let poller = Arc::new(Poller::new(Backend::Callback));
        let over = Arc::new(AtomicBool::new(false));
        let producers = [produce(&queues[0], 2), produce(&queues[1], 2)];
        let waiter = {
            let (poller, queues, over) = (poller.clone(), queues.clone(), over.clone());
            thread::spawn(move || {
                queues.iter().for_each(|queue| poller.add(queue, BQ_READABLE));
                let mut got = 0;
                while !over.load(SeqCst) {
                    let Some((ready, _)) = poller.wait() else { continue };
                    let queue = queues.iter().find(|queue| queue.handle == ready);
                    got += usize::from(queue.expect("it is watched").get(BQ_NOWAIT).is_ok());
                }
                got
            })
        };
        producers.into_iter().for_each(|thread| thread.join().expect("it has said why"));
        while queues.iter().any(|queue| queue.len() > 0) {
            thread::yield_now();
        }
        over.store(true, SeqCst);
        poller.wake();
        assert_eq!(waiter.join().expect("it has said why"), 4);
    });
}
