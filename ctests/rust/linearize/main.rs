//! Real threads do everything at once to one queue; what they saw must be explained by some order of
//! the steps in `spec.rs`.
//!
//! `HISTORIES=n` checks that many (default: what a few seconds allow), `SEED=n` begins elsewhere.

#![allow(clippy::missing_safety_doc)] // callbacks, which the library calls

mod checker;
mod crew;
mod operation;
mod perform;
mod plan;
mod run;
#[path = "../spec.rs"]
mod spec;
mod tests;

use std::time::{Duration, Instant};

use checker::Verdict;
use crew::Crew;
use plan::random::number;
use plan::{Program, Random, Timeouts};

/// Not at all, for a moment, until the others are through.
const TIMEOUTS: Timeouts = Timeouts(&[0, 0, 0, 0, 1, 2000, 20_000, 200_000]);

/// How many runs before their histories are checked.
const BATCH: u64 = 64;
/// How long to go on when nobody says how many.
const A_FEW_SECONDS: Duration = Duration::from_secs(4);

#[derive(Default)]
struct Tally {
    histories: u64,
    operations: usize,
    overlapping: usize,
    too_large: u64,
}

#[test]
fn every_recorded_history_is_linearizable() {
    let (wanted, seed) = (number("HISTORIES"), number("SEED").unwrap_or(1));
    let started = Instant::now();
    let crew = Crew::new();
    let mut tally = Tally::default();
    while wanted.map_or(started.elapsed() < A_FEW_SECONDS, |wanted| tally.histories < wanted) {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(tally.histories));
        crew.pin(&mut random);
        let programs = (0..BATCH).map(|_| Program::random(&mut random, TIMEOUTS)).collect();
        for history in crew.run_all(programs, &mut random) {
            tally.histories += 1;
            tally.operations += history.operations.len();
            let overlaps = |one: &&operation::Operation| one.beside.operations > 0;
            tally.overlapping += history.operations.iter().filter(overlaps).count();
            match history.check() {
                Verdict::Linearizable => {}
                Verdict::TooLarge => tally.too_large += 1,
                Verdict::Wrong(operation) => panic!(
                    "history {} of SEED={seed}: nothing explains operation {operation}\n{}",
                    tally.histories,
                    history.tell()
                ),
            }
        }
        if wanted.is_some() && tally.histories.is_multiple_of(1000 * BATCH) {
            println!("{} histories so far", tally.histories);
        }
    }
    let Tally { histories, operations, overlapping, too_large } = tally;
    println!("{histories} histories of {operations} operations, {overlapping} of them overlapping");
    assert!(too_large * 100 <= histories, "{too_large} of {histories} histories are too large");
}
