//! Learning from whether it paid.

use crate::sync::{AtomicU8, AtomicU16, Ordering};

/// Something that sometimes pays. It is kept up while it does, given up after a few failures in a row,
/// and tried anew now and then, ever more rarely, down to once in 2 to the power of `RAREST`.
pub(super) struct Habit<const RAREST: u8> {
    credit: AtomicU8,
    /// How often it is left out before it is tried anew, as a power of two, and how often it was.
    interval: AtomicU8,
    abstained: AtomicU16,
}

impl<const RAREST: u8> Habit<RAREST> {
    const MOST: u8 = 8;
    const SHORTEST: u8 = 4;

    pub fn new() -> Self {
        Self {
            credit: AtomicU8::new(Self::MOST),
            interval: AtomicU8::new(Self::SHORTEST),
            abstained: AtomicU16::new(0),
        }
    }

    pub fn try_it(&self, it: impl FnOnce() -> bool) -> bool {
        self.try_now() && {
            let paid = it();
            self.learn(paid);
            paid
        }
    }

    /// Whether to try it this time; a time that it is left out counts.
    pub fn try_now(&self) -> bool {
        // ORDERING: Relaxed, here and below: guesses that stand for themselves; a lost one does not matter.
        if self.credit.load(Ordering::Relaxed) > 0 {
            return true;
        }
        let abstained = self.abstained.load(Ordering::Relaxed).saturating_add(1);
        self.abstained.store(abstained, Ordering::Relaxed);
        abstained >= 1 << self.interval.load(Ordering::Relaxed)
    }

    pub fn learn(&self, paid: bool) {
        let credit = self.credit.load(Ordering::Relaxed);
        let interval = self.interval.load(Ordering::Relaxed);
        let (credit, interval) = if paid {
            ((credit + 2).min(Self::MOST), Self::SHORTEST)
        } else if credit == 0 {
            (0, (interval + 1).min(RAREST))
        } else {
            (credit / 2, interval)
        };
        self.credit.store(credit, Ordering::Relaxed);
        self.interval.store(interval, Ordering::Relaxed);
        self.abstained.store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_pay_is_given_up_and_tried_anew_now_and_then() {
        let habit = Habit::<9>::new();
        let mut tries = 0;
        for _ in 0..1000 {
            assert!(!habit.try_it(|| {
                tries += 1;
                false
            }));
        }
        assert!((6..20).contains(&tries), "{tries}");
        while !habit.try_it(|| true) {} // the next probe pays
        assert!(habit.try_it(|| true));
    }
}
