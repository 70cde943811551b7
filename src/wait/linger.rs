//! Looking again for a moment before sleeping: waking a thread on an idle core costs tens of
//! microseconds, so a waiter that is about to be served should not sleep.

use super::habit::Habit;
use super::yields::{self, Yielded};
use crate::sync::{MODEL, pause};
use crate::sys::clock::{self, Deadline};
use crate::sys::cpu;
use crate::sys::park::nap_until;

/// How long to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linger {
    /// As long as it has paid lately, and not at all on one processor.
    Adaptive,
    Never,
    Nanoseconds(u64),
}

impl Linger {
    /// As the C contract writes it. `None`: a negative number that means nothing.
    pub fn from_ns(ns: i64) -> Option<Self> {
        match ns {
            0 => Some(Self::Adaptive),
            -1 => Some(Self::Never),
            1.. => Some(Self::Nanoseconds(ns as u64)),
            _ => None,
        }
    }
}

/// What a waiter looks at.
pub trait Sight {
    type Announced;
    /// Whether there is no need to sleep.
    fn is_ready(&self) -> bool;
    /// Whether its waiter could go on, though more may be worth waiting for.
    fn holds(&self) -> bool {
        self.is_ready()
    }
    /// Whether its waiter may sleep by the clock instead of in line.
    fn may_nap(&self) -> bool {
        false
    }
    /// How many items have come, and gone: whether others work for the same queue.
    fn moved(&self) -> u64;
    /// Whether anybody may have waited for this one while it was away.
    fn missed(&self) -> bool;
    /// Tells others that this waiter is looking since `now`, for as long as what is returned lives.
    fn announce(&self, now: u64) -> Self::Announced;
}

/// Whether looking again is worth it, learned from whether it was.
pub struct Patience {
    /// Pausing pays when the other side is in the middle of it on another processor.
    pausing: Habit<SELDOM>,
    /// Yielding pays when the other side is ready to run.
    yielding: Habit<SELDOM>,
    /// Letting more come pays when it comes in a stream.
    gathering: Habit<SELDOM_GATHERING>,
    /// Sleeping by the clock pays where many items go meanwhile.
    napping: Habit<SELDOM>,
    whose: Whose,
}

#[derive(Clone, Copy)]
enum Whose {
    /// It has nothing else to do.
    Thread,
    /// It may have.
    Loop,
}

impl Whose {
    /// How often to yield. One with nobody else to run takes under a microsecond; a thread's are about one wake-up's
    /// worth.
    const fn most_yields(self) -> u8 {
        match self {
            Self::Thread => 64,
            Self::Loop => 8,
        }
    }

    /// How long a yield may take for each item that comes or goes in it. To sleep and to be woken takes two threads on
    /// one processor 8 µs: where more than that would come and go meanwhile, they should not. Other descriptors of
    /// a loop wait meanwhile.
    const fn item_ns(self) -> u64 {
        match self {
            Self::Thread => 8_000,
            Self::Loop => 200,
        }
    }
}

/// How often what does not pay is left out at most before it is tried anew, as powers of two. Gathering is asked for
/// at every visit, so a stream finds it again soon even with 12; with 9 it delays one round trip in 500 on each side.
const SELDOM: u8 = 9;
const SELDOM_GATHERING: u8 = 12;

impl Patience {
    /// Two microseconds at most.
    const PAUSES: u32 = 40;
    /// How long to yield in a row. To sleep and to be woken costs a hundredth of that; and a sleeper stands in line,
    /// where others who are quicker each time do not matter.
    const YIELDING_NS: u64 = 1_000_000;
    /// About 3 µs, in stretches: when nothing comes in one, nothing is on its way.
    const STRETCHES: u32 = 4;
    const STRETCH: u32 = 30;
    /// So many items in that time are a stream; that come or go during a nap, worth another.
    const STREAM: u64 = 8;

    pub fn of_a_thread() -> Self {
        Self::new(Whose::Thread)
    }

    pub fn of_a_loop() -> Self {
        Self::new(Whose::Loop)
    }

    fn new(whose: Whose) -> Self {
        let (pausing, yielding) = (Habit::new(), Habit::new());
        Self { pausing, yielding, gathering: Habit::new(), napping: Habit::new(), whose }
    }

    /// Lets more items come before the first is taken, where they come in a stream. A consumer that takes each
    /// one as it comes waits for each, on the cache lines that the other side is writing: a loop to two threads
    /// 3.8 M items a second, 13 with 40 pauses, 19 with 120; a loop that takes 64 at a time 7 M, 35 with 120.
    pub fn gather(&self, linger: Linger, len: impl Fn() -> u64) {
        if MODEL || linger != Linger::Adaptive || cpu::alone() {
            return;
        }
        if !self.gathering.try_now() {
            return;
        }
        let before = len();
        if before > 0 {
            let mut now = before;
            let comes_more = |_| {
                (0..Self::STRETCH).for_each(|_| pause());
                let already = std::mem::replace(&mut now, len());
                now > already
            };
            (0..Self::STRETCHES).all(comes_more);
            self.gathering.learn(now >= before + Self::STREAM);
        }
    }

    /// Looks again until the sight is ready or it is time to sleep; returns whether it is ready. The waiter is
    /// announced for as long as looking may take; pauses are too short for it to be worth it.
    pub fn look_again(&self, linger: Linger, deadline: Deadline, sight: &impl Sight) -> bool {
        if MODEL {
            let looks = matches!(linger, Linger::Nanoseconds(1..));
            return looks && {
                let _announced = sight.announce(clock::now());
                sight.is_ready()
            };
        }
        match linger {
            Linger::Never => false,
            Linger::Adaptive if cpu::alone() => false,
            Linger::Adaptive => {
                self.pausing.try_it(|| look_and_pause(sight))
                    || self.look_and_yield(deadline, sight)
            }
            Linger::Nanoseconds(ns) => {
                let mut now = clock::now();
                let _announced = sight.announce(now);
                let end = now.saturating_add(ns);
                while now < end && !deadline.has_passed_at(now) {
                    if look_and_pause(sight) {
                        return true;
                    }
                    if !yields::are_worth_it() {
                        return false; // and no more pauses: the other side may wait for this processor
                    }
                    now = clock::now();
                    self.yield_once(&mut now, sight);
                }
                false
            }
        }
    }

    /// Lets others run, and looks whether that was of use to this waiter.
    fn look_and_yield(&self, deadline: Deadline, sight: &impl Sight) -> bool {
        if !yields::are_worth_it() {
            return self.nap(deadline, sight);
        }
        if !self.yielding.try_now() {
            return false;
        }
        let mut now = clock::now();
        let _announced = sight.announce(now);
        let enough = now + Self::YIELDING_NS;
        let mut in_vain = true;
        for _ in 0..self.whose.most_yields() {
            let yielded = self.yield_once(&mut now, sight);
            if sight.is_ready() {
                self.yielding.learn(true);
                return true;
            }
            // That others were quicker is no reason to sleep: a sleeper has to be woken for the next item, at their
            // cost.
            in_vain &= yielded != Yielded::WellSpent;
            if yielded == Yielded::Lost || now >= enough || deadline.has_passed_at(now) {
                break;
            }
        }
        if in_vain {
            self.yielding.learn(false);
        }
        false
    }

    /// Instead of yielding: a writer may sleep for a moment while there are items, by a clock. Otherwise the next get
    /// wakes it for one place, and both sides take turns. Where others were quicker it has to stand in line then.
    fn nap(&self, deadline: Deadline, sight: &impl Sight) -> bool {
        if !sight.may_nap() || !self.napping.try_now() {
            return false;
        }
        let before = sight.moved();
        nap_until(deadline);
        self.napping.learn(sight.moved() >= before + Self::STREAM);
        sight.holds()
    }

    fn yield_once(&self, now: &mut u64, sight: &impl Sight) -> Yielded {
        yields::once(now, self.whose.item_ns(), || sight.moved(), || sight.missed())
    }
}

fn look_and_pause(sight: &impl Sight) -> bool {
    (0..Patience::PAUSES).any(|_| {
        pause();
        sight.is_ready()
    })
}
