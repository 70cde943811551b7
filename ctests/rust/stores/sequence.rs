//! What is done to a store: a sequence at random, and the shortest one that fails as well.

use std::panic;

use super::memory::allocated;
use super::random::Random;
use super::tested::Tested;

const SIZES: [usize; 16] = [1, 2, 3, 4, 7, 8, 8, 12, 16, 24, 47, 48, 64, 255, 256, 4097];
const CAPACITIES: [usize; 10] = [0, 0, 1, 2, 3, 5, 16, 17, 100, 1000];
/// How much a batch moves, but of large items.
const MOST_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Put(i64),
    PutMany(usize),
    Get,
    GetMany(usize),
    Peek,
    Discard,
    Capacity(usize),
    Shut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Fifo,
    Lifo,
    Priority,
    Compare,
    Liar,
}

/// A store to make, and what to do to it.
#[derive(Clone, Debug)]
pub struct Sequence {
    pub kind: Kind,
    pub size: usize,
    pub capacity: usize,
    /// How far from where items of this size belong the caller keeps its own.
    pub askew: usize,
    pub steps: Vec<Step>,
}

impl Sequence {
    pub fn random(kind: Kind, random: &mut Random) -> Self {
        let size = match random.below(40) {
            0 => 1 << 16, // gives memory back to the system
            1..=10 => 1 + random.below(4097),
            _ => random.pick(&SIZES),
        };
        let most = if kind == Kind::Liar { 20 } else { (MOST_BYTES / size).clamp(40, 3000) };
        let length = 1 + random.below(60);
        let (mut steps, mut filling) = (Vec::new(), true);
        while steps.len() < length {
            filling ^= random.below(8) == 0;
            steps.push(Self::step(filling, most, random));
        }
        let (capacity, askew) = (random.pick(&CAPACITIES), random.pick(&[0, 1, 3, 8]));
        Self { kind, size, capacity, askew, steps }
    }

    fn step(filling: bool, most: usize, random: &mut Random) -> Step {
        match (random.below(32), filling) {
            (0, _) => Step::Discard,
            (1, _) => Step::Capacity(random.pick(&CAPACITIES)),
            (2, _) if random.below(4) == 0 => Step::Shut,
            (3..=5, _) => Step::Peek,
            (6..=15, true) | (16..=20, false) => Step::Put(random.below(5) as i64 - 2),
            (16..=20, true) | (6..=15, false) => Step::Get,
            (_, true) => Step::PutMany(1 + random.below(most)),
            (_, false) => Step::GetMany(1 + random.below(most)),
        }
    }

    pub fn run(&self) {
        let before = allocated();
        let mut tested = Tested::new(self);
        for &step in &self.steps {
            tested.take(step);
            tested.look();
        }
        tested.discard();
        tested.look();
        drop(tested);
        assert_eq!(allocated(), before, "a store leaves memory behind");
    }

    fn fails(&self) -> bool {
        panic::catch_unwind(|| self.run()).is_err()
    }

    /// Fails as well, with as few steps as leaving some out leads to.
    pub fn cut_down(mut self) -> Self {
        let mut cut = self.steps.len();
        while cut > 0 {
            let mut at = 0;
            while at < self.steps.len() {
                let mut shorter = self.clone();
                shorter.steps.drain(at..(at + cut).min(self.steps.len()));
                if shorter.fails() {
                    self = shorter;
                } else {
                    at += cut;
                }
            }
            cut /= 2;
        }
        self
    }
}
