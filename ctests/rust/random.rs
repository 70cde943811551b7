//! What tests at random have in common.

#![allow(dead_code)] // no test uses all of it

/// A small generator (xorshift64*): the same numbers from the same seed.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A number that the environment gives a test.
pub fn number(name: &str) -> Option<u64> {
    let asked = std::env::var(name).ok();
    asked.map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
