//! Polling, waiting, waking by hand and the descriptor.

use std::ptr::null_mut;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;

use crate::fixture::*;
use bridgeq::poller::{Backend, Poller};
use bridgeq::queue::Queue;
use bridgeq::status::Status;
use bridgeq::sync::Shared;
use bridgeq::wait::Events;

const READABLE: Events = Events::READABLE;

fn watching(queue: &Shared<Queue>) -> Shared<Poller> {
    let poller = poller(Backend::EventFd, KEEPS);
    poller.add(queue, READABLE, null_mut()).unwrap();
    poller
}

fn spawn_put(queue: &Shared<Queue>) -> thread::JoinHandle<()> {
    on_thread(queue, |queue| put(queue, 7, NOW).unwrap())
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

/// The ring of the put may come when the thread has seen its item already and waits again.
#[test]
fn a_late_ring_does_not_keep_the_next_wait_awake() {
    model_fenced(|| {
        let queue = fifo(2);
        let poller = watching(&queue);
        let putter = thread::spawn({
            let (queue, poller) = (queue.share(), poller.share());
            move || {
                put(&queue, 7, NOW).unwrap();
                poller.wake();
            }
        });
        let mut seen = [false; 2];
        while seen != [true; 2] {
            let count = wait(&poller, FOREVER).unwrap();
            seen[count] = true;
            if count == 1 {
                get(&queue, NOW).unwrap();
            }
        }
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
fn a_wake_by_hand_ends_a_wait() {
    model_fenced(|| {
        let poller = poller(Backend::EventFd, KEEPS);
        let before = Arc::new(AtomicBool::new(false));
        let waker = thread::spawn({
            let (poller, before) = (poller.share(), before.clone());
            move || {
                before.store(true, Relaxed);
                poller.wake();
            }
        });
        assert_eq!(wait(&poller, FOREVER), Ok(0));
        assert!(before.load(Relaxed), "woken, and does not see what for");
        waker.join().unwrap();
    });
}

#[test]
fn a_wake_by_hand_that_finds_no_wait_makes_the_descriptor_readable() {
    model_fenced(|| {
        let poller = poller(Backend::EventFd, KEEPS);
        let fd = poller.fd().unwrap();
        let waker = thread::spawn({
            let poller = poller.share();
            move || poller.wake()
        });
        let waited = wait(&poller, AT_ONCE);
        waker.join().unwrap();
        assert!(waited == Ok(0) || readable(fd));
    });
}

/// What has just served something is not armed, and arms at the end of a wait that may not sleep.
#[test]
fn a_wake_by_hand_beside_a_wait_that_may_not_sleep_is_not_lost() {
    model_fenced(|| {
        let queue = fifo(1);
        let poller = watching(&queue);
        let fd = poller.fd().unwrap();
        put(&queue, 7, NOW).unwrap();
        assert_eq!((poll(&poller), get(&queue, NOW)), (1, Ok(7)));
        let waker = thread::spawn({
            let poller = poller.share();
            move || poller.wake()
        });
        let waited = wait(&poller, NOW);
        waker.join().unwrap();
        assert!(waited == Ok(0) || readable(fd));
    });
}

/// A loop looks at flags that others set when a poll has returned 0. What it does not see then was set
/// by somebody whose wake makes it come back.
#[test]
fn a_wake_by_hand_is_answered_by_a_poll_or_makes_the_descriptor_readable() {
    model_fenced(|| {
        let poller = poller(Backend::EventFd, KEEPS);
        let fd = poller.fd().unwrap();
        poller.wake();
        let flag = Arc::new(AtomicBool::new(false));
        let waker = thread::spawn({
            let (poller, flag) = (poller.share(), flag.clone());
            move || {
                flag.store(true, Relaxed);
                poller.wake();
            }
        });
        assert_eq!(poll(&poller), 0);
        let seen = flag.load(Relaxed);
        waker.join().unwrap();
        assert!(seen || readable(fd), "the loop does not come back for the wake");
    });
}

/// A loop may poll although nothing has made it come.
#[test]
fn a_poll_that_reports_leaves_the_descriptor_readable() {
    model_fenced(|| {
        let queue = fifo(1);
        let poller = watching(&queue);
        let fd = poller.fd().unwrap();
        let putter = spawn_put(&queue);
        poll(&poller);
        putter.join().unwrap();
        assert!(readable(fd));
        assert_eq!(poll(&poller), 1);
        assert!(readable(fd));
        get(&queue, NOW).unwrap();
        assert_eq!(poll(&poller), 0);
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
fn a_descriptor_made_during_a_wait_is_readable_when_that_reports() {
    model_fenced(|| {
        let queue = fifo(1);
        let poller = watching(&queue);
        let putter = spawn_put(&queue);
        let maker = thread::spawn({
            let poller = poller.share();
            move || poller.fd().unwrap()
        });
        assert_eq!(wait(&poller, FOREVER), Ok(1));
        putter.join().unwrap();
        assert!(readable(maker.join().unwrap()));
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

/// Whether by descriptor or callback: a 0 sends the loop to sleep.
#[test]
fn a_wait_that_was_ended_by_hand_is_armed_or_calls_for_what_came_meanwhile() {
    model_fenced(|| {
        let queue = fifo(1);
        let watching = Loop::of(&queue, READABLE);
        watching.poller.wake();
        assert!(watching.was_rung());
        let putter = spawn_put(&queue);
        let waited = wait(&watching.poller, FOREVER);
        putter.join().unwrap();
        assert!(waited == Ok(1) || watching.was_rung(), "nobody comes for the item");
    });
}

/// A thread that is called and polls may find another one there that has armed already and sees nothing of what
/// it was called for. `others`: who polls beside them.
fn whoever_is_refused_is_called_again(others: usize) {
    model_fenced(move || {
        let queue = fifo(1);
        let watching = Arc::new(Loop::of(&queue, READABLE));
        let called = thread::spawn({
            let (queue, watching) = (queue.share(), watching.clone());
            move || {
                put(&queue, 7, NOW).unwrap();
                if watching.was_rung() { try_poll(&watching.poller) } else { Ok(0) }
            }
        });
        let others: Vec<_> = (0..others)
            .map(|_| {
                let watching = watching.clone();
                thread::spawn(move || try_poll(&watching.poller))
            })
            .collect();
        let mut served = try_poll(&watching.poller) == Ok(1);
        served |= called.join().unwrap() == Ok(1);
        for other in others {
            served |= other.join().unwrap() == Ok(1);
        }
        assert!(served || watching.was_rung(), "nobody comes for the item");
    });
}

#[test]
fn whoever_is_called_and_refused_is_called_again() {
    whoever_is_refused_is_called_again(0);
}

#[test]
fn whoever_is_refused_between_two_polls_is_called_again() {
    whoever_is_refused_is_called_again(1);
}

/// What came kept it from arming when the descriptor was quiet already.
#[test]
fn a_poll_that_reports_what_came_meanwhile_has_left_the_descriptor_readable() {
    model_fenced(|| {
        let queue = fifo(1);
        let poller = watching(&queue);
        let fd = poller.fd().unwrap();
        poller.wake();
        let putter = spawn_put(&queue);
        let reported = poll(&poller) == 1;
        assert!(readable(fd) || !reported);
        putter.join().unwrap();
        assert!(readable(fd));
    });
}
