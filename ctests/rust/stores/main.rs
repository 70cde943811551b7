//! Each store by itself against the specification: everything that can be done to one, at random, with
//! items of all sizes. A sequence that fails is cut down to the calls that it takes.
//!
//! `SEQUENCES=n` for each kind of store (default 400), `SEED=n` begins elsewhere.

#![allow(clippy::missing_safety_doc)] // callbacks, which the library calls

mod memory;
#[path = "../random.rs"]
mod random;
mod sequence;
#[path = "../spec.rs"]
mod spec;
mod tested;

use std::panic;

use memory::allocated;
use random::{Random, number};
use sequence::{Kind, Sequence, Step};
use tested::Tested;

fn check(kind: Kind) {
    let (sequences, seed) = (number("SEQUENCES").unwrap_or(400), number("SEED").unwrap_or(1));
    let mut random = Random::new(seed);
    for _ in 0..sequences {
        let sequence = Sequence::random(kind, &mut random);
        if let Err(why) = panic::catch_unwind(|| sequence.run()) {
            panic::set_hook(Box::new(|_| {})); // shorter ones fail without a word
            let shortest = sequence.cut_down();
            drop(panic::take_hook());
            eprintln!("this fails: {shortest:?}");
            panic::resume_unwind(why);
        }
    }
}

#[test]
fn a_fifo_does_what_the_specification_says() {
    check(Kind::Fifo);
}

#[test]
fn a_lifo_does_what_the_specification_says() {
    check(Kind::Lifo);
}

#[test]
fn a_store_by_priority_does_what_the_specification_says() {
    check(Kind::Priority);
}

#[test]
fn a_store_by_compare_does_what_the_specification_says() {
    check(Kind::Compare);
}

#[test]
fn a_store_whose_compare_lies_loses_nothing() {
    check(Kind::Liar);
}

/// The most memory that a store takes in its first laps of 300 items in and out, and in more of them.
fn memory(kind: Kind, size: usize, first: usize, more: usize) -> [Option<isize>; 2] {
    let mut tested =
        Tested::new(&Sequence { kind, size, capacity: 0, askew: 0, steps: Vec::new() });
    let mut lap = || {
        let steps = [Step::PutMany(299), Step::Put(0), Step::Get, Step::GetMany(300)];
        steps.into_iter().for_each(|step| tested.take(step));
        allocated()
    };
    [first, more].map(|laps| (0..laps).map(|_| lap()).max())
}

#[test]
fn a_store_takes_no_more_memory_the_longer_it_is_used() {
    for kind in [Kind::Fifo, Kind::Lifo, Kind::Priority, Kind::Compare] {
        for size in [1, 8, 100, 4097] {
            let [first, more] = memory(kind, size, 5, 60);
            assert!(more <= first, "{kind:?} of {size} bytes: {first:?}, then {more:?}");
        }
    }
}

/// What a lap takes is more than a FIFO keeps: the rest goes back to the system each time.
#[test]
fn rings_that_gave_their_memory_back_are_used_again() {
    let [first, more] = memory(Kind::Fifo, 1 << 16, 3, 6);
    assert!(more <= first, "{first:?}, then {more:?}");
}
