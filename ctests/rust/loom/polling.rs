//! Polling, waiting, waking by hand and the descriptor.

use std::ptr::null_mut;

use loom::thread;

use crate::fixture::*;
use bridgeq::poller::{Backend, Poller};
use bridgeq::queue::Queue;
use bridgeq::status::Status;
use bridgeq::sync::Shared;
use bridgeq::wait::Events;

const READABLE: Events = Events::READABLE;

fn watching(queue: &Shared<Queue>) -> Shared<Poller> {
    let poller = poller(Backend::EventFd);
    poller.add(queue, READABLE, null_mut()).unwrap();
    poller
}

fn spawn_put(queue: &Shared<Queue>) -> thread::JoinHandle<()> {
    let queue = queue.share();
    thread::spawn(move || put(&queue, 7, NOW).unwrap())
}

#[test]
fn a_thread_that_waits_is_woken_by_a_put() {
    model(|| {
        let queue = fifo(1);
        let poller = watching(&queue);
        let putter = spawn_put(&queue);
        assert_eq!(wait(&poller, FOREVER), Ok(1));
        putter.join().unwrap();
    });
}

#[test]
fn a_thread_that_waits_no_longer_is_armed_for_its_loop() {
    model_fenced(|| {
        let queue = fifo(1);
        let poller = watching(&queue);
        let fd = poller.fd().unwrap();
        let putter = spawn_put(&queue);
        let waited = wait(&poller, AT_ONCE);
        putter.join().unwrap();
        assert!(waited == Ok(1) || readable(fd));
    });
}

#[test]
fn a_descriptor_made_during_a_put_is_readable() {
    model_fenced(|| {
        let queue = fifo(1);
        let poller = watching(&queue);
        let putter = spawn_put(&queue);
        let fd = poller.fd().unwrap();
        putter.join().unwrap();
        assert!(readable(fd));
        assert_eq!(poll(&poller), 1);
    });
}

#[test]
fn a_wait_after_a_poll_leaves_the_descriptor_readable_too() {
    model_fenced(|| {
        let queue = fifo(2);
        let poller = watching(&queue);
        let fd = poller.fd().unwrap();
        put(&queue, 1, NOW).unwrap();
        assert_eq!((poll(&poller), get(&queue, NOW)), (1, Ok(1)));
        assert_eq!(wait(&poller, AT_ONCE), Err(Status::TimedOut));
        assert_eq!(poll(&poller), 0);
        let putter = spawn_put(&queue);
        assert_eq!(wait(&poller, FOREVER), Ok(1));
        putter.join().unwrap();
        assert!(readable(fd));
    });
}

#[test]
fn two_watches_of_two_threads_meet_in_the_inbox() {
    model_fenced(|| {
        let queues = [fifo(1), fifo(1)];
        let poller = watching(&queues[0]);
        poller.add(&queues[1], READABLE, null_mut()).unwrap();
        let putters = queues.each_ref().map(spawn_put);
        let mut seen = 0;
        while seen < 2 {
            wait(&poller, FOREVER).unwrap();
            seen += queues.iter().filter(|queue| get(queue, NOW).is_ok()).count();
        }
        let _ = putters.map(|putter| putter.join().unwrap());
    });
}
