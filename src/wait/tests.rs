use std::cell::Cell;

use super::*;
use crate::sys::clock::{self, Deadline, Timeout};
use crate::sys::park::{Parked, Parker};
use crate::wait::yields::LONG_NS;
use crate::wait::yields::tests::{forgive_everywhere, lose_everywhere};

struct Waiter {
    node: Node,
    parker: Parker,
}

impl Waiter {
    fn new() -> Box<Self> {
        Box::new(Self { node: Node::new(), parker: Parker::new() })
    }

    fn enlist(&self, waiters: &Waiters, events: Events) {
        // SAFETY: boxed, and every test takes its waiters off before it ends.
        unsafe { waiters.enlist(&self.node, events, Who::Thread(&raw const self.parker)) };
    }

    fn was_woken(&self) -> bool {
        self.parker.park(Deadline::Passed) == Parked::Unparked
    }
}

#[test]
fn waiters_are_served_in_the_order_in_which_they_began() {
    let waiters = Waiters::new();
    let all = [Waiter::new(), Waiter::new(), Waiter::new()];
    for waiter in &all {
        waiter.enlist(&waiters, Events::READABLE);
    }
    for turn in 0..all.len() {
        assert!(waiters.attention().has_any(Attention::READERS));
        assert_eq!(waiters.fire(waiters.next(Line::Readers).unwrap()), Fired::Woke);
        assert!(all[..=turn].iter().all(|waiter| waiter.was_woken()));
        assert!(!all[turn + 1..].iter().any(|waiter| waiter.was_woken()));
    }
    assert!(!waiters.attention().has_any(Attention::READERS));
    assert_eq!(waiters.wakes(), 3);
}

#[test]
fn one_that_waits_again_unserved_keeps_its_place() {
    let waiters = Waiters::new();
    let (first, second) = (Waiter::new(), Waiter::new());
    first.enlist(&waiters, Events::READABLE);
    second.enlist(&waiters, Events::READABLE);
    waiters.fire(waiters.next(Line::Readers).unwrap());
    let again = Parker::new();
    // SAFETY: delisted below.
    unsafe { waiters.enlist(&first.node, Events::READABLE, Who::Thread(&raw const again)) };
    waiters.fire(waiters.next(Line::Readers).unwrap());
    assert_eq!(again.park(Deadline::Passed), Parked::Unparked);
    assert!(!second.was_woken());
    assert_eq!(waiters.delist(&second.node), Delisted::InTime);
}

#[test]
fn a_wake_up_takes_a_waiter_off_every_list() {
    let waiters = Waiters::new();
    let waiter = Waiter::new();
    waiter.enlist(&waiters, Events::READABLE.or(Events::WRITABLE).or(Events::JOINED));
    assert_eq!(waiters.counts(), Counts { gets: 1, puts: 1, joins: 1, watches: 0 });
    waiters.fire(waiters.next(Line::Writers).unwrap());
    assert_eq!(waiters.counts(), Counts::default());
    assert!(waiters.next(Line::Readers).is_none());
    assert_eq!(waiters.delist(&waiter.node), Delisted::TooLate);
}

#[test]
fn a_broadcast_reaches_those_who_wait_for_it_and_no_newcomer() {
    let waiters = Waiters::new();
    let (joiner, closer, late) = (Waiter::new(), Waiter::new(), Waiter::new());
    closer.enlist(&waiters, Events::CLOSED);
    joiner.enlist(&waiters, Events::JOINED);
    let horizon = waiters.horizon();
    late.enlist(&waiters, Events::JOINED);
    while let Some(wake) = waiters.next_of(Events::JOINED, horizon) {
        waiters.fire(wake);
    }
    assert!(joiner.was_woken() && !closer.was_woken() && !late.was_woken());
    assert_eq!(waiters.delist(&closer.node), Delisted::InTime);
    assert_eq!(waiters.delist(&late.node), Delisted::InTime);
    assert!(!waiters.attention().has_any(Attention::OTHERS));
}

#[test]
fn a_broadcast_reaches_one_that_waits_again_once() {
    let waiters = Waiters::new();
    let (first, second) = (Waiter::new(), Waiter::new());
    first.enlist(&waiters, Events::JOINED);
    second.enlist(&waiters, Events::JOINED);
    let horizon = waiters.horizon();
    let again = Parker::new();
    waiters.fire(waiters.next_of(Events::JOINED, horizon).unwrap());
    // SAFETY: delisted below.
    unsafe { waiters.enlist(&first.node, Events::JOINED, Who::Thread(&raw const again)) };
    waiters.fire(waiters.next_of(Events::JOINED, horizon).unwrap());
    assert!(second.was_woken());
    assert!(waiters.next_of(Events::JOINED, horizon).is_none());
    assert_eq!(waiters.delist(&first.node), Delisted::InTime);
}

#[test]
fn linger_is_what_the_contract_says() {
    assert_eq!(Linger::from_ns(0), Some(Linger::Adaptive));
    assert_eq!(Linger::from_ns(-1), Some(Linger::Never));
    assert_eq!(Linger::from_ns(5), Some(Linger::Nanoseconds(5)));
    assert_eq!(Linger::from_ns(-2), None);
    let sight = Crowd { ready: true, ..Crowd::of(0) };
    assert!(!Patience::of_a_thread().look_again(Linger::Never, Deadline::Never, &sight));
    assert_eq!(sight.looks.get(), 0);
    let long = Linger::Nanoseconds(1_000_000_000);
    assert!(Patience::of_a_thread().look_again(long, Deadline::Never, &sight));
}

/// What a waiter looks at while others come and go.
struct Crowd {
    ready: bool,
    holds: bool,
    missed: bool,
    /// How many from one count to the next, and how long counting takes.
    moving: u64,
    takes_ns: u64,
    looks: Cell<u32>,
    counts: Cell<u64>,
}

impl Crowd {
    fn of(moving: u64) -> Self {
        let (looks, counts) = (Cell::new(0), Cell::new(0));
        Self { ready: false, holds: false, missed: true, moving, takes_ns: 0, looks, counts }
    }
}

impl Sight for Crowd {
    type Announced = ();

    fn is_ready(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.ready
    }

    fn holds(&self) -> bool {
        self.holds
    }

    fn may_nap(&self) -> bool {
        !self.missed
    }

    fn moved(&self) -> u64 {
        self.counts.set(self.counts.get() + 1);
        let end = clock::now() + self.takes_ns;
        while clock::now() < end {}
        self.moving.wrapping_mul(self.counts.get())
    }

    fn missed(&self) -> bool {
        self.missed
    }

    fn announce(&self, _: u64) {}
}

/// How many of a hundred waiters yielded: they count then.
fn yielding_among_a_hundred(moving: u64) -> usize {
    let patience = Patience::of_a_loop();
    let sight = Crowd::of(moving);
    let yields = |_: &_| {
        let before = sight.counts.get();
        assert!(!patience.look_again(Linger::Adaptive, Deadline::Never, &sight));
        sight.counts.get() > before
    };
    (0..100).filter(yields).count()
}

/// Nobody looks again where there is one processor.
fn where_there_are_several(test: impl FnOnce()) {
    if !crate::sys::cpu::alone() {
        test();
    }
}

#[test]
fn yields_in_vain_are_given_up() {
    where_there_are_several(|| {
        forgive_everywhere();
        assert!(yielding_among_a_hundred(0) < 20);
        // What a watch that is removed takes from the count is no work of others.
        forgive_everywhere();
        assert!(yielding_among_a_hundred(u64::MAX) < 20);
    });
}

#[test]
fn yields_that_others_use_go_on() {
    where_there_are_several(|| {
        forgive_everywhere();
        assert_eq!(yielding_among_a_hundred(1_000_000_000), 100);
    });
}

#[test]
fn a_yield_that_was_lost_is_the_last_where_somebody_waited() {
    let counts_of_slow_yields = |missed| {
        forgive_everywhere();
        let crowd = Crowd { missed, takes_ns: LONG_NS, ..Crowd::of(0) };
        assert!(!Patience::of_a_loop().look_again(Linger::Adaptive, Deadline::Never, &crowd));
        crowd.counts.get()
    };
    where_there_are_several(|| {
        assert_eq!(counts_of_slow_yields(true), 2);
        assert!(counts_of_slow_yields(false) <= 10); // a millisecond's worth
    });
}

#[test]
fn nobody_yields_where_too_much_was_lost() {
    where_there_are_several(|| {
        lose_everywhere();
        assert_eq!(yielding_among_a_hundred(1_000_000_000), 0);
    });
}

/// Who says how long to look does not spin on a processor that others want.
#[test]
fn looking_for_a_given_time_ends_where_yields_are_lost() {
    lose_everywhere();
    let crowd = Crowd::of(0);
    let for_an_hour = Linger::Nanoseconds(3_600_000_000_000);
    assert!(!Patience::of_a_thread().look_again(for_an_hour, Deadline::Never, &crowd));
    assert_eq!(crowd.counts.get(), 0);
}

/// Nor beyond the deadline, wherever that is.
#[test]
fn looking_for_a_given_time_ends_at_the_deadline() {
    forgive_everywhere();
    let for_an_hour = Linger::Nanoseconds(3_600_000_000_000);
    let soon = Timeout::from_ns(1_000_000).expect("a number above 0").deadline();
    assert!(!Patience::of_a_thread().look_again(for_an_hour, soon, &Crowd::of(0)));
}

/// And goes on where it may.
#[test]
fn a_writer_naps_where_yields_are_lost_as_long_as_others_move_many_items() {
    let naps = |crowd: &Crowd| {
        let patience = Patience::of_a_thread();
        let look = |_: &_| {
            let before = crowd.counts.get();
            let goes_on = patience.look_again(Linger::Adaptive, Deadline::Never, crowd);
            assert_eq!(goes_on, crowd.holds && crowd.counts.get() > before);
            crowd.counts.get() > before
        };
        (0..100).filter(look).count()
    };
    where_there_are_several(|| {
        lose_everywhere();
        for holds in [true, false] {
            assert_eq!(naps(&Crowd { holds, missed: false, ..Crowd::of(100) }), 100);
            assert!(naps(&Crowd { holds, missed: false, ..Crowd::of(0) }) < 20);
        }
    });
}
