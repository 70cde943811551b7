//! Gets of one thread, one after the other, as a loop does.

use super::super::owner::{PAYS_OFF, PLACES, WORTH_OWNING};
use super::super::ring::OWNED;
use super::*;
use std::sync::Barrier;

/// As [`Queue::get`](crate::queue::Queue::get) does.
fn get_one(fifo: &Fifo) -> Result<u64, NotGot> {
    let mut value = 0u64;
    // SAFETY: items are eight bytes long.
    match unsafe { fifo.pop_at_once((&raw mut value).cast()) } {
        true => Ok(value),
        false => get(fifo),
    }
}

fn stream(fifo: &Fifo, count: u64) {
    for value in 0..count {
        put(fifo, value).unwrap();
        assert_eq!(get_one(fifo), Ok(value));
    }
}

fn is_owned(fifo: &Fifo) -> bool {
    // SAFETY: rings live as long as the FIFO.
    let ring = unsafe { fifo.head_ring.load(Ordering::Acquire).as_ref() };
    ring.is_some_and(|ring| ring.head.word.load(Ordering::Relaxed) & OWNED != 0)
}

/// With an owner, the caller.
fn owned(capacity: usize) -> Fifo {
    let fifo = fifo(capacity);
    stream(&fifo, 2 * WORTH_OWNING + 200);
    assert!(is_owned(&fifo));
    fifo
}

/// Whether the head is owned then.
fn take_over(fifo: &Fifo) -> bool {
    fifo.disown_head();
    fifo.own_head();
    is_owned(fifo)
}

fn on_another_thread<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(body).join().unwrap())
}

#[test]
fn who_gets_alone_for_long_owns_the_head_and_not_before() {
    let fifo = fifo(0);
    stream(&fifo, WORTH_OWNING / 2);
    assert!(!is_owned(&fifo));
    stream(&fifo, 2 * WORTH_OWNING);
    assert!(is_owned(&fifo));
}

#[test]
fn the_owner_goes_on_in_every_way() {
    let fifo = owned(0);
    stream(&fifo, 10);
    (0..10).for_each(|value| put(&fifo, value).unwrap());
    assert_eq!((peek(&fifo), get(&fifo), fifo.readiness()), (Ok(0), Ok(0), Ok(())));
    fifo.order_gets();
    assert_eq!(fifo.discard(&|_| (), &mut |_| ()), 9);
    assert!(is_owned(&fifo), "not by what it does itself");
}

#[test]
fn another_get_ends_it_and_the_next_time_it_takes_twice_as_long() {
    let fifo = owned(0);
    put(&fifo, 7).unwrap();
    assert_eq!(on_another_thread(|| get(&fifo)), Ok(7));
    assert!(!is_owned(&fifo));
    stream(&fifo, WORTH_OWNING + 200);
    assert!(!is_owned(&fifo));
    stream(&fifo, WORTH_OWNING + 200);
    assert!(is_owned(&fifo));
}

#[test]
fn an_ownership_that_has_paid_off_comes_again_as_soon_as_the_first() {
    let fifo = owned(0);
    stream(&fifo, PAYS_OFF);
    for _ in 0..3 {
        put(&fifo, 7).unwrap();
        assert_eq!(on_another_thread(|| get(&fifo)), Ok(7));
        assert!(!is_owned(&fifo));
        stream(&fifo, WORTH_OWNING + 200);
        assert!(is_owned(&fifo));
        stream(&fifo, PAYS_OFF);
    }
}

#[test]
fn who_waits_for_room_peeks_discards_or_shuts_ends_it_too() {
    let ends: [fn(&Fifo); 4] = [
        |fifo| fifo.order_gets(),
        |fifo| assert_eq!(peek(fifo), Ok(7)),
        |fifo| assert_eq!(fifo.discard(&|_| (), &mut |_| ()), 1),
        |fifo| fifo.shut(),
    ];
    for end in ends {
        let fifo = owned(0);
        put(&fifo, 7).unwrap();
        on_another_thread(|| end(&fifo));
        assert!(!is_owned(&fifo));
    }
}

#[test]
fn who_only_looks_does_not() {
    let fifo = owned(0);
    put(&fifo, 7).unwrap();
    let looked = on_another_thread(|| (fifo.readiness(), fifo.len(), fifo.left()));
    assert_eq!((looked.0, looked.1), (Ok(()), 1));
    put(&fifo, 8).unwrap();
    assert!(is_owned(&fifo));
}

#[test]
fn nobody_owns_what_is_shut() {
    let fifo = fifo(0);
    (0..10 * WORTH_OWNING).for_each(|value| put(&fifo, value).unwrap());
    fifo.shut();
    (0..10 * WORTH_OWNING).for_each(|value| assert_eq!(get_one(&fifo), Ok(value)));
    assert!(!is_owned(&fifo));
    assert_eq!(get(&fifo), Err(NotGot::Drained));
}

#[test]
fn an_owner_takes_the_head_along_from_ring_to_ring() {
    let fifo = owned(0);
    let rings = || fifo.chain.lock().made_count();
    let before = rings();
    (0..100_000).for_each(|value| put(&fifo, value).unwrap());
    assert!(rings() > before + 2);
    (0..100_000).for_each(|value| assert_eq!(get_one(&fifo), Ok(value)));
    assert!(is_owned(&fifo));
}

#[test]
fn what_was_learnt_of_a_thread_goes_along_as_well() {
    let fifo = fifo(0);
    let a_ring = 64 * 1024 / 16;
    let queued = 20 * a_ring;
    (0..queued).for_each(|value| put(&fifo, value).unwrap());
    // Rings are shorter than what is to be seen of a thread.
    (0..queued).for_each(|value| assert_eq!(get_one(&fifo), Ok(value)));
    assert!(WORTH_OWNING >= a_ring && is_owned(&fifo));
}

/// Threads that live at the same time, one after the other making the head its own.
#[test]
fn there_are_as_many_owners_as_places_and_a_place_is_given_back_by_who_is_seen_again() {
    let fifo = fifo(0);
    let (all_here, over) = (Barrier::new(PLACES + 1), Barrier::new(PLACES + 1));
    let turn = Mutex::new(()); // or one could find the head owned, and take no place
    stream(&fifo, 1); // there is a ring
    thread::scope(|scope| {
        for _ in 0..PLACES {
            scope.spawn(|| {
                let my_turn = turn.lock();
                take_over(&fifo);
                drop(my_turn);
                all_here.wait();
                over.wait();
            });
        }
        all_here.wait();
        take_over(&fifo);
        over.wait();
    });
    assert!(!is_owned(&fifo), "no place was left");
    let fifo = owned(0);
    for _ in 0..3 * PLACES {
        assert!(on_another_thread(|| take_over(&fifo)));
        assert!(take_over(&fifo));
    }
}

#[test]
fn nothing_is_lost_or_doubled_where_everybody_wants_to_own_the_head() {
    const ITEMS: u64 = 60_000;
    let fifo = fifo(64);
    let got: Vec<AtomicUsize> = (0..ITEMS).map(|_| AtomicUsize::new(0)).collect();
    let left = AtomicUsize::new(ITEMS as usize);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                // ORDERING: Relaxed; counts, read for good when the threads have ended.
                while left.load(Ordering::Relaxed) > 0 {
                    fifo.own_head();
                    for _ in 0..50 {
                        let Ok(value) = get_one(&fifo) else {
                            break;
                        };
                        got[value as usize].fetch_add(1, Ordering::Relaxed);
                        left.fetch_sub(1, Ordering::Relaxed);
                    }
                    let _ = peek(&fifo);
                    fifo.order_gets();
                }
            });
        }
        for value in 0..ITEMS {
            while put(&fifo, value).is_err() {
                thread::yield_now();
            }
        }
    });
    assert!(got.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    assert_eq!(fifo.len(), 0);
}
