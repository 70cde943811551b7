//! Is there an order of steps that explains a recorded history? Wing and Gong's search in Lowe's form:
//! the history is gone through once, with every state that the queue can be in by then. What an
//! operation does is put off until somebody has to return.

use std::collections::HashSet;

use super::operation::{Beside, Call, Operation, Progress};
use crate::spec::{Order, Spec};

/// When an operation was called, and when it had returned; by its place among the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Begin(usize),
    End(usize),
}

#[derive(Clone, Debug)]
pub struct History {
    pub start: Spec,
    pub operations: Vec<Operation>,
    pub events: Vec<Event>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Linearizable,
    /// Nothing explains that this operation returned.
    Wrong(usize),
    /// More states than are worth looking at.
    TooLarge,
}

const MOST_STATES: usize = 200_000;

/// The queue, and who is in the middle of what, in the order of threads.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    spec: Spec,
    running: Vec<Option<(usize, Progress)>>,
}

impl History {
    /// `events` in the order in which they happened.
    pub fn new(start: Spec, mut operations: Vec<Operation>, events: Vec<Event>) -> Self {
        let largest = largest_capacity(&start, &operations);
        let mut running: Vec<usize> = Vec::new();
        for event in &events {
            match *event {
                Event::Begin(new) => {
                    for &other in &running {
                        meet(&mut operations, new, other, largest);
                        meet(&mut operations, other, new, largest);
                    }
                    running.push(new);
                }
                Event::End(old) => running.retain(|&other| other != old),
            }
        }
        Self { start, operations, events }
    }

    pub fn check(&self) -> Verdict {
        let threads = self.operations.iter().map(|one| one.thread + 1).max().unwrap_or(0);
        let mut states = HashSet::new();
        states.insert(State { spec: self.start.clone(), running: vec![None; threads] });
        for event in &self.events {
            states = match *event {
                Event::Begin(at) => states.into_iter().map(|state| self.begin(state, at)).collect(),
                Event::End(at) => match self.end(states, at) {
                    Some(states) if states.is_empty() => return Verdict::Wrong(at),
                    Some(states) => states,
                    None => return Verdict::TooLarge,
                },
            };
        }
        Verdict::Linearizable
    }

    /// What happened, one line for each call and each return.
    pub fn tell(&self) -> String {
        let mut text = format!("{:?}\n", self.start);
        for event in &self.events {
            text += &match *event {
                Event::Begin(at) => format!("{at:3} began on {}\n", self.operations[at].thread),
                Event::End(at) => {
                    let one = &self.operations[at];
                    format!("{at:3} ended: {:?}, dropped {:?}\n", one.call, one.dropped)
                }
            };
        }
        text
    }

    fn begin(&self, mut state: State, at: usize) -> State {
        state.running[self.operations[at].thread] = Some((at, Progress::default()));
        state
    }

    /// Every state in which this operation is over. `None`: too many.
    fn end(&self, states: HashSet<State>, at: usize) -> Option<HashSet<State>> {
        let thread = self.operations[at].thread;
        let mut found = HashSet::new();
        let mut seen = states.clone();
        let mut to_do: Vec<State> = states.into_iter().collect();
        while let Some(mut state) = to_do.pop() {
            if seen.len() > MOST_STATES {
                return None;
            }
            let (_, progress) = state.running[thread].expect("it has begun");
            if self.operations[at].is_over(progress) {
                state.running[thread] = None;
                found.insert(state);
                continue;
            }
            for next in self.steps(&state) {
                if seen.insert(next.clone()) {
                    to_do.push(next);
                }
            }
        }
        Some(found)
    }

    fn steps(&self, state: &State) -> Vec<State> {
        let mut all = Vec::new();
        for (thread, running) in state.running.iter().enumerate() {
            let Some((at, progress)) = *running else { continue };
            for (progress, spec) in self.operations[at].steps(progress, &state.spec) {
                let mut running = state.running.clone();
                running[thread] = Some((at, progress));
                all.push(State { spec: in_one_step(spec), running });
            }
        }
        all
    }
}

/// Where items lie behind a lock nobody is seen half-way.
fn in_one_step(mut spec: Spec) -> Spec {
    if spec.order != Order::Fifo {
        spec.settle();
    }
    spec
}

/// `one` runs while `other` does.
fn meet(operations: &mut [Operation], one: usize, other: usize, largest: usize) {
    let weight = operations[other].weight();
    let (puts, resizes) = match operations[other].call {
        Call::Put { put, .. } => (put > 0, false),
        Call::SetCapacity(_) => (false, true),
        _ => (false, false),
    };
    let beside: &mut Beside = &mut operations[one].beside;
    beside.operations += 1;
    beside.slack += weight;
    beside.puts |= puts;
    beside.capacity = if resizes { Some(largest) } else { beside.capacity };
}

/// The largest capacity that there ever was; 0, unbounded, is the largest of all.
fn largest_capacity(start: &Spec, operations: &[Operation]) -> usize {
    let set = operations.iter().filter_map(|one| match one.call {
        Call::SetCapacity(capacity) => Some(capacity),
        _ => None,
    });
    set.chain([start.capacity]).max_by_key(|capacity| capacity.wrapping_sub(1)).expect("one")
}
