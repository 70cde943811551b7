//! Puts of one thread, one after the other, to one that gets alone.

use super::super::cursor::WORTH_OWNING;
use super::super::ring::Ring;
use super::owning::{A_LOOK, get_one, on_another_thread};
use super::*;
use crate::sync::EAGER;

/// As [`Queue::put`](crate::queue::Queue::put) does.
fn put_one(fifo: &Fifo, value: u64) {
    // SAFETY: items are eight bytes long.
    if !unsafe { fifo.push_at_once((&raw const value).cast()) } {
        put(fifo, value).unwrap();
    }
}

fn stream(fifo: &Fifo, count: u64) {
    for value in 0..count {
        put_one(fifo, value);
        assert_eq!(get_one(fifo), Ok(value));
    }
}

fn tail_ring(fifo: &Fifo) -> &Ring {
    // SAFETY: rings live as long as the FIFO.
    unsafe { fifo.tail_ring.load(Ordering::Acquire).as_ref() }.unwrap()
}

fn is_owned(fifo: &Fifo) -> bool {
    tail_ring(fifo).tail.cursor.is_owned()
}

/// Both ends are the caller's.
fn owned(capacity: usize) -> Fifo {
    let fifo = fifo(capacity);
    stream(&fifo, 2 * WORTH_OWNING + A_LOOK);
    assert!(is_owned(&fifo));
    fifo
}

#[test]
fn who_puts_alone_for_long_to_one_that_gets_alone_owns_the_tail_and_not_before() {
    let fifo = fifo(0);
    stream(&fifo, WORTH_OWNING / 2);
    assert!(!is_owned(&fifo));
    stream(&fifo, 2 * WORTH_OWNING);
    assert!(is_owned(&fifo));
}

#[test]
fn nobody_comes_to_own_the_tail_while_several_get() {
    let fifo = fifo(0);
    for value in 0..4 * WORTH_OWNING {
        put_one(&fifo, value);
        let got =
            if value % 512 == 0 { on_another_thread(|| get_one(&fifo)) } else { get_one(&fifo) };
        assert_eq!(got, Ok(value));
    }
    assert!(EAGER || !is_owned(&fifo));
}

#[test]
fn the_owner_of_the_tail_goes_on_in_every_way() {
    let fifo = owned(64);
    (0..64).for_each(|value| put_one(&fifo, value));
    assert_eq!((put(&fifo, 7), fifo.len()), (Err(NotPut::Full), 64));
    assert_eq!(get_many(&fifo, 64).map(|got| got.len()), Ok(64));
    assert_eq!(put_many(&fifo, &[1, 2, 3]), Ok(3));
    assert_eq!((peek(&fifo), fifo.readiness(), fifo.entered() - fifo.left()), (Ok(1), Ok(()), 3));
    fifo.order(End::Tail);
    assert!(is_owned(&fifo), "not by what it does itself");
    assert_eq!(get_many(&fifo, 64), Ok(vec![1, 2, 3]));
}

#[test]
fn who_puts_or_waits_for_an_item_ends_the_ownership_of_the_tail() {
    let ends: [fn(&Fifo); 3] = [
        |fifo| put_one(fifo, 8),
        |fifo| assert_eq!(put_many(fifo, &[8, 9]), Ok(2)),
        |fifo| fifo.order(End::Tail),
    ];
    for end in ends {
        let fifo = owned(0);
        put_one(&fifo, 7);
        on_another_thread(|| end(&fifo));
        assert!(!is_owned(&fifo));
        put_one(&fifo, 10);
        let got = get_many(&fifo, 10).unwrap();
        assert!(got.starts_with(&[7]) && got.ends_with(&[10]));
    }
}

#[test]
fn who_only_looks_ends_no_ownership_of_the_tail() {
    let fifo = owned(0);
    put_one(&fifo, 7);
    let looked = on_another_thread(|| (fifo.readiness(), fifo.len(), peek(&fifo)));
    assert_eq!(looked, (Ok(()), 1, Ok(7)));
    put_one(&fifo, 8);
    assert!(is_owned(&fifo));
    assert_eq!((get(&fifo), on_another_thread(|| get(&fifo))), (Ok(7), Ok(8)));
    assert!(is_owned(&fifo), "nor a get");
}

#[test]
fn nothing_is_put_behind_a_shutdown_whoever_owns_the_tail() {
    for by_another in [false, true] {
        let fifo = owned(0);
        put_one(&fifo, 7);
        if by_another {
            on_another_thread(|| fifo.shut())
        } else {
            fifo.shut()
        }
        assert!(!is_owned(&fifo) && fifo.is_shut());
        assert_eq!(
            (put(&fifo, 8), put_many(&fifo, &[8, 9])),
            (Err(NotPut::Shut), Err(NotPut::Shut))
        );
        assert_eq!((get(&fifo), get(&fifo)), (Ok(7), Err(NotGot::Drained)));
    }
}

#[test]
fn an_owner_takes_the_tail_along_from_ring_to_ring() {
    let fifo = owned(0);
    let rings = || fifo.chain.lock().made_count();
    let before = rings();
    for value in 0..100_000 {
        put_one(&fifo, value);
        assert!(is_owned(&fifo));
    }
    assert!(rings() > before + 2);
    for value in 0..100_000 {
        assert_eq!(get_one(&fifo), Ok(value));
    }
    assert!(is_owned(&fifo));
}

/// What comes of a limit that is changed while one thread puts alone.
#[test]
fn an_owner_of_the_tail_goes_by_the_limit() {
    let fifo = owned(8);
    (0..8).for_each(|value| put_one(&fifo, value));
    on_another_thread(|| fifo.limit().set(10));
    (8..10).for_each(|value| put_one(&fifo, value));
    assert_eq!(put(&fifo, 10), Err(NotPut::Full));
    on_another_thread(|| fifo.limit().set(2));
    (0..8).for_each(|value| assert_eq!(get_one(&fifo), Ok(value)));
    assert_eq!(put(&fifo, 10), Err(NotPut::Full));
    assert_eq!((get(&fifo), put(&fifo, 10)), (Ok(8), Ok(())));
}

#[test]
fn nothing_is_lost_or_doubled_where_everybody_wants_to_own_the_tail() {
    const ITEMS: u64 = 20_000;
    const PUTTERS: u64 = 3;
    let fifo = fifo(64);
    let putting = AtomicUsize::new(PUTTERS as usize);
    let mut last = [None; PUTTERS as usize];
    thread::scope(|scope| {
        for putter in 0..PUTTERS {
            let (fifo, putting) = (&fifo, &putting);
            scope.spawn(move || {
                for value in 0..ITEMS {
                    if value % 50 == 0 {
                        fifo.own(End::Tail);
                    }
                    while put(fifo, value * PUTTERS + putter).is_err() {
                        thread::yield_now();
                    }
                }
                // ORDERING: Release; pairs with the Acquire below.
                putting.fetch_sub(1, Ordering::Release);
            });
        }
        loop {
            // ORDERING: Acquire; pairs with the Release above: all that was put is found.
            let is_last_look = putting.load(Ordering::Acquire) == 0;
            while let Ok(value) = get_one(&fifo) {
                let (putter, value) = ((value % PUTTERS) as usize, value / PUTTERS);
                assert_eq!(value, last[putter].map_or(0, |last: u64| last + 1));
                last[putter] = Some(value);
            }
            if is_last_look {
                break;
            }
            fifo.order(End::Tail);
            thread::yield_now();
        }
    });
    assert_eq!(last, [Some(ITEMS - 1); PUTTERS as usize]);
    assert_eq!(fifo.entered(), ITEMS * PUTTERS);
}
