//! Bytes become calls: on a few queues and pollers, with good and bad arguments, each checked against
//! the specification. Panics where the library is wrong.

#![allow(clippy::undocumented_unsafe_blocks)] // every handle is one that the test holds a reference to

mod input;
mod options;
mod poller;
mod queue;
mod signal;

use std::ptr;
use std::sync::LazyLock;

use bridgeq::ffi::batch::{bq_get_many, bq_put_many};
use bridgeq::ffi::end::{bq_clear, bq_shutdown};
use bridgeq::ffi::events::{BQ_READABLE, BQ_WRITABLE, bq_poll};
use bridgeq::ffi::inspect::{bq_capacity, bq_len, bq_queue_stats, bq_set_capacity, bq_unfinished};
use bridgeq::ffi::items::{bq_get, bq_peek, bq_put, bq_put_priority};
use bridgeq::ffi::poller::{
    bq_poller_add, bq_poller_fd, bq_poller_modify, bq_poller_new, bq_poller_poll, bq_poller_ref,
    bq_poller_remove, bq_poller_unref, bq_poller_wait, bq_poller_wake,
};
use bridgeq::ffi::queue::{bq_queue_new, bq_queue_ref, bq_queue_unref};
use bridgeq::ffi::status::{BQ_INVALID, bq_status_name, bq_status_text};
use bridgeq::ffi::tasks::{bq_join, bq_task_done};
use bridgeq::ffi::version::bq_version;

use input::Input;
use poller::TestedPoller;
use queue::TestedQueue;

/// With REPLAY set, what is called.
fn say(what: impl FnOnce() -> String) {
    static SPEAKS: LazyLock<bool> = LazyLock::new(|| std::env::var_os("REPLAY").is_some());
    if *SPEAKS {
        println!("{}", what());
    }
}

/// How many can be in use at a time.
const QUEUES: usize = 4;
const POLLERS: usize = 3;

#[derive(Default)]
struct Machine {
    /// All that were ever made: what a poller watches may outlive the last reference of the test.
    queues: Vec<TestedQueue>,
    pollers: Vec<TestedPoller>,
}

/// Makes the calls that `bytes` stand for.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut machine = Machine::default();
    machine.new_queue(&mut input);
    machine.two_watch_the_first(&mut input);
    while !input.is_over() {
        machine.step(&mut input);
        machine.check();
    }
    machine.settle();
    machine.tear_down(&mut input);
}

impl Machine {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 32 {
            0 => self.new_queue(input),
            1 => self.new_poller(input),
            2 => self.references(input),
            3 => self.settle(),
            4 => without_a_handle(input),
            code @ 5..=12 => self.on_poller(code, input),
            code => self.on_queue(code, input),
        }
    }

    fn on_queue(&mut self, code: u8, input: &mut Input<'_>) {
        let Some(at) = self.pick_queue(input) else { return };
        self.disturb(at);
        let queue = &mut self.queues[at];
        match code {
            13..=15 => queue.put(input),
            16 => queue.put_priority(input),
            17..=19 => queue.put_many(input),
            20..=22 => queue.get(input),
            23 => queue.peek(input),
            24 | 25 => queue.get_many(input),
            26 => queue.task_done(input),
            27 => queue.join(input),
            28 => queue.poll(input),
            29 => queue.set_capacity(input),
            30 => queue.look(input),
            _ => match input.below(8) {
                0 | 1 => queue.shutdown(input),
                2 | 3 => queue.clear_in_vain(),
                _ => queue.clear(),
            },
        }
    }

    fn on_poller(&mut self, code: u8, input: &mut Input<'_>) {
        let Some(at) = self.pick_poller(input) else { return };
        let owed = self.owed(at);
        match code {
            5 if input.below(4) == 0 => self.pollers[at].ask_for_descriptor(),
            6 => self.pollers[at].wake(),
            7 | 8 => return self.pollers[at].poll(input, &self.queues, &owed),
            9 => return self.pollers[at].wait(input, &self.queues, &owed),
            _ => self.change_watch(code, at, input),
        }
        self.pollers[at].undisturbed = false;
    }

    fn change_watch(&mut self, code: u8, at: usize, input: &mut Input<'_>) {
        let Some(queue) = self.pick_queue(input) else { return };
        let (poller, queues) = (&mut self.pollers[at], &mut self.queues);
        match code {
            10 => poller.add(input, queue, queues),
            11 => poller.modify(input, queue, queues),
            _ if input.rarely() => poller.come_and_go(input, queue, queues),
            _ => poller.remove(queue, queues),
        }
        self.disturb(queue);
    }

    /// What most inputs should have, so that they need not find it.
    fn two_watch_the_first(&mut self, input: &mut Input<'_>) {
        for at in 0..input.below(3) {
            self.new_poller(input);
            if at < self.pollers.len() && !self.queues.is_empty() {
                self.pollers[at].add(input, 0, &mut self.queues);
                self.disturb(0);
            }
        }
    }

    fn new_queue(&mut self, input: &mut Input<'_>) {
        if self.queues.iter().filter(|queue| queue.references > 0).count() < QUEUES {
            self.queues.extend(TestedQueue::new(input));
        }
    }

    fn new_poller(&mut self, input: &mut Input<'_>) {
        if self.pollers.iter().filter(|poller| poller.is_alive()).count() < POLLERS {
            self.pollers.extend(TestedPoller::new(input));
        }
    }

    fn references(&mut self, input: &mut Input<'_>) {
        let kind = input.below(8);
        match kind {
            0..=3 => {
                let Some(at) = self.pick_queue(input) else { return };
                match kind {
                    0 => self.queues[at].take_reference(),
                    _ => self.queues[at].release_reference(),
                }
            }
            _ => {
                let Some(at) = self.pick_poller(input) else { return };
                match kind {
                    4 => self.pollers[at].take_reference(),
                    _ => self.release_poller(at),
                }
            }
        }
    }

    fn release_poller(&mut self, at: usize) {
        // The last reference passes on what its watches have not served.
        let watched: Vec<_> = self.pollers[at].watches.iter().map(|watch| watch.queue).collect();
        self.pollers[at].release_reference(&mut self.queues);
        watched.into_iter().for_each(|queue| self.disturb(queue));
    }

    fn pick_queue(&self, input: &mut Input<'_>) -> Option<usize> {
        let usable = |&at: &usize| self.queues[at].references > 0;
        let all: Vec<_> = (0..self.queues.len()).filter(usable).collect();
        if all.is_empty() { None } else { Some(all[input.mostly_first(all.len())]) }
    }

    fn pick_poller(&self, input: &mut Input<'_>) -> Option<usize> {
        let usable = |&at: &usize| self.pollers[at].is_alive();
        let all: Vec<_> = (0..self.pollers.len()).filter(usable).collect();
        if all.is_empty() { None } else { Some(all[input.below(all.len())]) }
    }

    /// Something happens to a queue: who watches it may wake up.
    fn disturb(&mut self, queue: usize) {
        for poller in &mut self.pollers {
            poller.undisturbed &= poller.watches.iter().all(|watch| watch.queue != queue);
        }
    }

    /// Which watches of a poller have to be reported: those with an event that everybody is told of,
    /// or that nobody else watches for.
    fn owed(&self, at: usize) -> Vec<bool> {
        let is_owed = |watch: &poller::Watch| {
            let spec = &self.queues[watch.queue].spec;
            let holds = watch.events & spec.events();
            let told_to_one = match (spec.shut, spec.len() == 0) {
                (false, _) => BQ_READABLE | BQ_WRITABLE,
                (true, false) => BQ_READABLE,
                (true, true) => 0,
            };
            let shared = told_to_one & self.watched_by_others(at, watch.queue);
            holds & !shared != 0
        };
        self.pollers[at].watches.iter().map(is_owed).collect()
    }

    fn watched_by_others(&self, at: usize, queue: usize) -> u32 {
        let others = self.pollers.iter().enumerate().filter(|&(other, _)| other != at);
        let watches = others.flat_map(|(_, poller)| &poller.watches);
        watches.filter(|watch| watch.queue == queue).fold(0, |all, watch| all | watch.events)
    }

    fn check(&mut self) {
        for at in 0..self.pollers.len() {
            if self.pollers[at].is_alive() {
                let owed = self.owed(at).contains(&true);
                self.pollers[at].check(owed);
            }
        }
    }

    /// Everybody polls: every event that holds and is watched for reaches somebody.
    fn settle(&mut self) {
        let mut reports = Vec::new();
        for at in 0..self.pollers.len() {
            if self.pollers[at].is_alive() {
                let owed = self.owed(at);
                reports.extend(self.pollers[at].poll_all(&self.queues, &owed));
            }
        }
        let reported =
            |queue| reports.iter().filter(|&&(at, _)| at == queue).fold(0, |all, r| all | r.1);
        for at in 0..self.queues.len() {
            let wanted = self.watched_by_others(usize::MAX, at) & self.queues[at].spec.events();
            assert_eq!(reported(at), wanted, "an event of queue {at} reached nobody");
        }
    }

    fn tear_down(&mut self, input: &mut Input<'_>) {
        for queue in self.queues.iter_mut().filter(|queue| queue.references > 0) {
            queue.look(input);
            while queue.references > 0 {
                queue.release_reference();
            }
        }
        for at in 0..self.pollers.len() {
            while self.pollers[at].is_alive() {
                self.pollers[at].release_reference(&mut self.queues);
            }
        }
        assert!(!self.queues.iter().any(TestedQueue::is_alive));
    }
}

/// Calls that have no object: they say so and do nothing.
fn without_a_handle(input: &mut Input<'_>) {
    let (queue, poller) = (ptr::null_mut(), ptr::null_mut());
    let mut word = 0u64;
    let item = (&raw mut word).cast();
    let events = ptr::NonNull::dangling().as_ptr();
    let status = unsafe {
        match input.below(24) {
            0 => bq_put(queue, item, 0),
            1 => bq_put_priority(queue, item, 0, 0),
            2 => bq_get(queue, item, 0),
            3 => bq_peek(queue, item, 0),
            4 => bq_put_many(queue, item, 1, 0) as i32,
            5 => bq_get_many(queue, item, 1, 0) as i32,
            6 => bq_task_done(queue, 0),
            7 => bq_join(queue, 0),
            8 => bq_shutdown(queue, 0),
            9 => bq_set_capacity(queue, 1),
            10 => bq_queue_stats(queue, ptr::null_mut()),
            11 => bq_queue_new(ptr::null(), ptr::null_mut()),
            12 => bq_poller_new(ptr::null(), ptr::null_mut()),
            13 => bq_poller_add(poller, queue, 1, ptr::null_mut()),
            14 => bq_poller_modify(poller, queue, 1, ptr::null_mut()),
            15 => bq_poller_remove(poller, queue),
            16 => bq_poller_poll(poller, events, 1) as i32,
            17 => bq_poller_wait(poller, events, 1, 0) as i32,
            18 => bq_poller_wake(poller),
            19 => bq_poller_fd(poller),
            20 => {
                bq_queue_unref(queue);
                bq_poller_unref(poller);
                assert!(bq_queue_ref(queue).is_null() && bq_poller_ref(poller).is_null());
                BQ_INVALID
            }
            21 => {
                let sizes = (bq_len(queue), bq_capacity(queue), bq_unfinished(queue));
                assert_eq!((sizes, bq_clear(queue)), ((0, 0, 0), 0));
                BQ_INVALID
            }
            22 => {
                assert_eq!(bq_poll(queue, u32::from(input.byte()), 0), 0);
                BQ_INVALID
            }
            _ => {
                assert!(bq_version() < 1 << 24);
                let status = 1 - i32::from(input.byte() % 16);
                assert!(!bq_status_name(status).is_null() && !bq_status_text(status).is_null());
                BQ_INVALID
            }
        }
    };
    assert_eq!(status, BQ_INVALID);
}
