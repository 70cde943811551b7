//! One run of a program, written down as it happens.

#![allow(dead_code)] // what only models ask for

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use super::checker::{Event, History};
use super::operation::Operation;
use super::perform::{Done, Plan, Tested};
use super::plan::Program;

/// The most threads of a program, and the number of the one that does what comes before and after.
pub const MOST_THREADS: usize = 4;
const MASTER: usize = MOST_THREADS;

/// A program that runs, shared by its threads.
pub struct Run {
    pub program: Program,
    tested: Tested,
    /// Every step of it is seen by everybody: what had returned before a call began has really ended.
    clock: AtomicU64,
    /// How many calls each thread has finished.
    finished: [AtomicUsize; MOST_THREADS],
    records: Mutex<Vec<(usize, Done)>>,
}

impl Run {
    pub fn new(program: Program) -> Self {
        Self {
            tested: Tested::new(&program.spec, program.item_size),
            program,
            clock: AtomicU64::new(0),
            finished: [const { AtomicUsize::new(0) }; MOST_THREADS],
            records: Mutex::new(Vec::new()),
        }
    }

    pub fn threads(&self) -> usize {
        self.program.threads.len()
    }

    /// What one thread does; `between` before each call.
    pub fn thread(&self, thread: usize, mut between: impl FnMut()) {
        for plan in &self.program.threads[thread] {
            between();
            self.record(thread, plan);
            self.finished[thread].fetch_add(1, SeqCst);
        }
    }

    pub fn before(&self) {
        self.program.before.iter().for_each(|plan| self.record(MASTER, plan));
    }

    /// One more call, by nobody of the program.
    pub fn meanwhile(&self, plan: &Plan) {
        self.record(MASTER, plan);
    }

    /// How many calls are over.
    pub fn progress(&self) -> usize {
        self.finished.iter().map(|count| count.load(SeqCst)).sum()
    }

    /// What each thread that has not come to its end is at.
    pub fn current(&self) -> Vec<&Plan> {
        let threads = self.program.threads.iter().zip(&self.finished);
        threads.filter_map(|(plans, finished)| plans.get(finished.load(SeqCst))).collect()
    }

    /// Whether an event holds; not part of the history.
    pub fn holds(&self, event: u32) -> bool {
        self.tested.holds(event)
    }

    /// What comes after; the history of it all.
    pub fn after(&self) -> History {
        self.program.after.iter().for_each(|plan| self.record(MASTER, plan));
        let records = std::mem::take(&mut *self.records.lock().expect("nobody fails under it"));
        let mut events = Vec::new();
        for (at, (_, done)) in records.iter().enumerate() {
            events.push((done.began, Event::Begin(at)));
            events.push((done.ended, Event::End(at)));
        }
        events.sort_unstable_by_key(|&(when, _)| when);
        let events = events.into_iter().map(|(_, event)| event).collect();
        let operation = |(thread, done): (_, Done)| Operation::new(thread, done.call, done.dropped);
        let operations = records.into_iter().map(operation).collect();
        History::new(self.program.spec.clone(), operations, events)
    }

    fn record(&self, thread: usize, plan: &Plan) {
        let done = self.tested.perform(plan, &self.clock);
        self.records.lock().expect("nobody fails under it").push((thread, done));
    }
}
