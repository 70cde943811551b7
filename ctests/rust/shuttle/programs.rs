//! Programs at random, under schedules at random: the history must be linearizable, and when nothing
//! moves any more nobody may be asleep beside what it waits for.

use std::panic::catch_unwind;
use std::sync::Arc;

use bridgeq::ffi::events::{BQ_JOINED, BQ_READABLE, BQ_WRITABLE};
use bridgeq::ffi::queue::{BQ_FOREVER, BQ_NOWAIT};
use shuttle::thread;

use crate::checker::Verdict;
use crate::perform::Plan;
use crate::plan::{Program, Random, Timeouts};
use crate::run::Run;
use crate::{explore, number};

/// Not at all, for ever, and until any moment: a model has no clock.
const TIMEOUTS: Timeouts = Timeouts(&[BQ_NOWAIT, BQ_NOWAIT, BQ_FOREVER, i64::MAX]);

/// So many turns of others without any of them coming further: they are all asleep.
const PATIENCE: usize = 400;

fn until_nothing_moves(run: &Run) {
    let (mut before, mut turns) = (run.progress(), 0);
    while turns < PATIENCE && !run.current().is_empty() {
        thread::yield_now();
        let now = run.progress();
        turns = if now == before { turns + 1 } else { 0 };
        before = now;
    }
}

/// What somebody who is at this call waits for.
fn awaited(plan: &Plan) -> u32 {
    match *plan {
        Plan::Put { .. } => BQ_WRITABLE,
        Plan::Get { .. } | Plan::Peek { .. } => BQ_READABLE,
        Plan::Join { .. } => BQ_JOINED,
        Plan::Poll { event, .. } => event,
        _ => panic!("{plan:?} does not end"),
    }
}

/// What lets it go on.
fn help(plan: &Plan, run: &Run) -> Plan {
    match awaited(plan) {
        BQ_WRITABLE => Plan::Get { most: 1, many: false, timeout_ns: BQ_NOWAIT },
        BQ_READABLE => {
            let number = 1000 + run.progress() as u64;
            Plan::Put { items: vec![(number, 0)], many: false, timeout_ns: BQ_NOWAIT }
        }
        BQ_JOINED => Plan::TaskDone(1),
        _ => Plan::Shutdown { discard: true },
    }
}

fn perform(program: Program) {
    let run = Arc::new(Run::new(program));
    run.before();
    let start = |at| {
        let run = run.clone();
        thread::spawn(move || run.thread(at, || {}))
    };
    let threads: Vec<_> = (0..run.threads()).map(start).collect();
    loop {
        until_nothing_moves(&run);
        let asleep = run.current();
        for plan in &asleep {
            assert!(!run.holds(awaited(plan)), "asleep beside what it waits for: {plan:?}");
        }
        let Some(plan) = asleep.first() else { break };
        run.meanwhile(&help(plan, &run));
    }
    threads.into_iter().for_each(|thread| thread.join().expect("it has said why"));
    let history = run.after();
    if let Verdict::Wrong(operation) = history.check() {
        panic!("nothing explains operation {operation}\n{}", history.tell());
    }
}

#[test]
fn random_programs_are_linearizable_and_lose_no_wake_up() {
    let (programs, schedules) = (number("PROGRAMS", 1500), number("SCHEDULES", 20));
    let first = number("SEED", 1);
    for seed in first..first + programs {
        let program = move || Program::random(&mut Random::new(seed as u64), TIMEOUTS);
        let explored = catch_unwind(|| explore(schedules, move || perform(program())));
        if explored.is_err() {
            panic!("SEED={seed} PROGRAMS=1 fails: {:#?}", program());
        }
    }
}
