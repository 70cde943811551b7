//! Models: loom runs each through every schedule (within a bound of preemptions) and every value that
//! an atomic load may return. Run by `make models`; one process a model, because a deadlock aborts.
//!
//! A model has no clock: a call waits for ever, or gives up after it has looked at the time so often.
#![cfg(loom)]

mod fixture;

mod arming;
mod capacity;
mod ending;
mod handles;
mod looking;
mod owning;
mod owning_tail;
mod peeking;
mod polling;
mod rings;
mod tasks;
mod waiting;
