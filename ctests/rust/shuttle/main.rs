//! What is too large to be explored whole: shuttle runs it under thousands of random schedules, in
//! one order of everything. Two kinds: programs at random, and scenes written by hand.
//!
//! `SCHEDULES=n` for each program, and a thousand times as many for each scene, `PROGRAMS=n`, `SEED=n`:
//! the same numbers, the same run. Run by `make schedules`.

#![cfg(shuttle)]

#[path = "../linearize/checker.rs"]
mod checker;
#[path = "../linearize/operation.rs"]
mod operation;
#[path = "../linearize/perform.rs"]
mod perform;
#[path = "../linearize/plan.rs"]
mod plan;
mod handles;
mod pollers;
mod programs;
#[path = "../linearize/run.rs"]
mod run;
mod scenes;
#[path = "../spec.rs"]
mod spec;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

fn number(name: &str, otherwise: usize) -> usize {
    plan::random::number(name).map_or(otherwise, |number| number as usize)
}

/// Tries a model under random schedules: half of them with a step here and there, half of them with
/// few but long interruptions.
fn explore(schedules: usize, model: impl Fn() + Send + Sync + Clone + 'static) {
    let seed = number("SEED", 1) as u64;
    let mut config = Config::new();
    config.silence_warnings = true;
    config.failure_persistence = FailurePersistence::None; // longer than helpful
    config.max_steps = MaxSteps::FailAfter(200_000);
    let half = schedules.div_ceil(2);
    let random = RandomScheduler::new_from_seed(seed, half);
    let mut explored = Runner::new(random, config.clone()).run(model.clone());
    let interruptions = PctScheduler::new_from_seed(seed, 3, half);
    explored += Runner::new(interruptions, config).run(model);
    println!("{explored} schedules");
}
