//! Gets of one thread, one after the other, as a loop does.

use super::super::cursor::{PAYS_OFF, PLACES, WORTH_OWNING};
use super::super::owning::LOOK_EVERY;
use super::super::ring::{Ring, turn, word};
use super::*;
use crate::sync::EAGER;
use std::sync::Barrier;

/// Who gets alone is noted by one look, and long enough by the next.
pub(super) const A_LOOK: u64 = 2 * LOOK_EVERY;

/// As [`Queue::get`](crate::queue::Queue::get) does.
pub(super) fn get_one(fifo: &Fifo) -> Result<u64, NotGot> {
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

fn head_ring(fifo: &Fifo) -> Option<&Ring> {
    // SAFETY: rings live as long as the FIFO.
    unsafe { fifo.head_ring.load(Ordering::Acquire).as_ref() }
}

fn is_owned(fifo: &Fifo) -> bool {
    head_ring(fifo).is_some_and(|ring| ring.head.cursor.is_owned())
}

/// With an owner, the caller.
fn owned(capacity: usize) -> Fifo {
    let fifo = fifo(capacity);
    stream(&fifo, 2 * WORTH_OWNING + A_LOOK);
    assert!(is_owned(&fifo));
    fifo
}

/// Whether the head is owned then.
fn take_over(fifo: &Fifo) -> bool {
    fifo.disown(End::Head);
    fifo.own(End::Head);
    is_owned(fifo)
}

/// As small as a batch may be.
const BATCH: usize = 16;
const VALUES: [u64; BATCH] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// In two parts, where what was seen of the head leaves room for one only.
fn put_batch(fifo: &Fifo) {
    let put = put_many(fifo, &VALUES).unwrap();
    assert!(put == BATCH || put_many(fifo, &VALUES[put..]) == Ok(BATCH - put));
}

fn stream_batches(fifo: &Fifo, count: u64) {
    for _ in 0..count {
        put_batch(fifo);
        assert_eq!(get_many(fifo, BATCH), Ok(VALUES.to_vec()));
    }
}

/// With an owner, the caller, that leaves no stamps; in a ring that is as large as the capacity, and emptied.
fn in_batches(capacity: usize) -> Fifo {
    let fifo = owned(capacity);
    (0..capacity as u64).for_each(|value| put(&fifo, value).unwrap());
    (0..capacity as u64).for_each(|value| assert_eq!(get(&fifo), Ok(value)));
    stream_batches(&fifo, 5000);
    assert!(has_left_no_stamp(&fifo));
    fifo
}

/// Of the item that was got last.
fn has_left_no_stamp(fifo: &Fifo) -> bool {
    head_ring(fifo).unwrap().slot(word(head_turn(fifo) - 1)).is_filled()
}

fn head_turn(fifo: &Fifo) -> u64 {
    let ring = head_ring(fifo).unwrap();
    turn(ring.head.cursor.load())
}

pub(super) fn on_another_thread<T: Send>(body: impl FnOnce() -> T + Send) -> T {
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
    fifo.order(End::Head);
    assert!(is_owned(&fifo), "not by what it does itself");
    assert_eq!(fifo.discard(&|_| (), &mut |_| ()), 9);
    assert!(!is_owned(&fifo), "but by this");
    stream(&fifo, A_LOOK);
    assert!(is_owned(&fifo), "for a moment");
}

#[test]
fn a_get_of_another_thread_ends_an_ownership_and_the_next_takes_twice_as_many_gets() {
    let fifo = owned(0);
    put(&fifo, 7).unwrap();
    assert_eq!(on_another_thread(|| get(&fifo)), Ok(7));
    assert!(!is_owned(&fifo));
    stream(&fifo, WORTH_OWNING + A_LOOK);
    assert!(!is_owned(&fifo));
    stream(&fifo, WORTH_OWNING + A_LOOK);
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
        stream(&fifo, WORTH_OWNING + A_LOOK);
        assert!(is_owned(&fifo));
        stream(&fifo, PAYS_OFF);
    }
}

#[test]
fn who_waits_for_room_peeks_discards_or_shuts_ends_an_ownership() {
    let ends: [fn(&Fifo); 4] = [
        |fifo| fifo.order(End::Head),
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
fn who_only_looks_ends_no_ownership() {
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
    let mut at = ptr::null();
    for value in 0..100_000 {
        assert_eq!(get_one(&fifo), Ok(value));
        let ring = head_ring(&fifo).map_or(ptr::null(), ptr::from_ref);
        assert!(is_owned(&fifo) || ptr::eq(ring, at), "not the first get of a ring");
        at = ring;
    }
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
                    fifo.own(End::Head);
                    for _ in 0..50 {
                        let Ok(value) = get_one(&fifo) else {
                            break;
                        };
                        got[value as usize].fetch_add(1, Ordering::Relaxed);
                        left.fetch_sub(1, Ordering::Relaxed);
                    }
                    let _ = peek(&fifo);
                    fifo.order(End::Head);
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

#[test]
fn batches_leave_no_stamps_until_single_puts_are_held_up() {
    let fifo = in_batches(64);
    let singly = |count| (0..count).for_each(|value| put(&fifo, value).unwrap());
    singly(1);
    assert_eq!(get_many(&fifo, BATCH), Ok(vec![0]));
    assert!(has_left_no_stamp(&fifo), "once in a while does not count");
    singly(40);
    assert_eq!(get_many(&fifo, 40).map(|got| got.len()), Ok(40));
    assert!(EAGER || !has_left_no_stamp(&fifo));
    stream_batches(&fifo, 100);
    assert!(has_left_no_stamp(&fifo));
}

#[test]
fn a_ring_is_not_quiet_before_its_last_batch_has_been_read() {
    let fifo = in_batches(64);
    let ring = head_ring(&fifo).unwrap();
    assert!(ring.is_quiet() && ring.is_usable());
    put_batch(&fifo);
    assert!(!ring.is_quiet());
    assert_eq!(get_many(&fifo, BATCH), Ok(VALUES.to_vec()));
    assert!(ring.is_quiet());
}

#[test]
fn rings_that_were_emptied_without_stamps_are_used_again() {
    const ITEMS: u64 = 50_000;
    let fifo = in_batches(0);
    let rings = || fifo.chain.lock().made_count();
    let mut after = Vec::new();
    for _ in 0..4 {
        (0..ITEMS).for_each(|value| put(&fifo, value).unwrap());
        let mut got = 0;
        while got < ITEMS {
            let values = get_many(&fifo, 1000).unwrap();
            assert!(values.iter().copied().eq(got..got + values.len() as u64));
            got += values.len() as u64;
        }
        stream_batches(&fifo, 5000);
        assert!(has_left_no_stamp(&fifo));
        after.push(rings());
    }
    assert_eq!(after[1..], [after[1]; 3]);
}

/// Somebody discards, and puts and gets in the same queue while it has items in hand: at the first one, or at a later
/// one, when what it did at the first has made it the owner again.
#[test]
fn what_is_handed_out_is_not_overwritten_by_what_its_receiver_does() {
    const CAPACITY: usize = 64;
    for at in [1, 20] {
        let fifo = in_batches(CAPACITY);
        (0..CAPACITY / BATCH / 2).for_each(|_| put_batch(&fifo));
        let (mut handed_out, mut discarded) = (0, 0);
        fifo.discard(&|_| (), &mut |item| {
            handed_out += 1;
            // SAFETY: items are eight bytes long.
            let read = || unsafe { item.cast::<u64>().read_unaligned() };
            if handed_out == 1 && at > 1 {
                put_many(&fifo, &[100; BATCH]).unwrap();
                assert!(get_one(&fifo).is_ok());
                fifo.own(End::Head);
            }
            if handed_out == at {
                let before = read();
                for _ in 0..3 * CAPACITY / BATCH {
                    while get_many(&fifo, BATCH).is_ok() {}
                    put_many(&fifo, &[100; BATCH]).unwrap();
                }
                assert_eq!(read(), before);
                discarded += 1;
            }
        });
        assert_eq!(discarded, 1);
        while get_many(&fifo, BATCH).is_ok() {}
        assert_eq!((fifo.len(), get(&fifo)), (0, Err(NotGot::Empty)));
    }
}

/// Somebody puts while a batch is being read: what has been read of it is free.
#[test]
fn a_long_batch_is_given_back_piece_by_piece() {
    const CAPACITY: usize = 256;
    let fifo = in_batches(CAPACITY);
    let rings = || fifo.chain.lock().made_count();
    let before = rings();
    (0..CAPACITY / BATCH).for_each(|_| put_batch(&fifo));
    let batch = fifo.claim_filled(Shape::WORD, CAPACITY as u64, None);
    let mut taken = 0;
    batch.unwrap_or_else(|why| panic!("{why:?}")).empty(|_| {
        taken += 1;
        if taken == CAPACITY {
            (0..2 * BATCH as u64).for_each(|value| put(&fifo, value).unwrap());
        }
    });
    assert_eq!((taken, fifo.len(), rings()), (CAPACITY, 2 * BATCH as u64, before));
}

/// Where the next ring is one that was used before, somebody may still be reading there.
#[test]
fn an_owner_that_moves_on_begins_with_a_lap_of_stamps() {
    let fifo = in_batches(0);
    for _ in 0..3 {
        (0..20_000).for_each(|value| put(&fifo, value).unwrap());
        let ring = |fifo| ptr::from_ref(head_ring(fifo).unwrap());
        let mut before = ring(&fifo);
        for _ in 0..20_000 / 100 {
            assert_eq!(get_many(&fifo, 100).map(|got| got.len()), Ok(100));
            let (it, turn) = (head_ring(&fifo).unwrap(), head_turn(&fifo));
            assert!(ptr::eq(before, it) || !it.head.cursor.has_gone_round(turn, it.slots()));
            before = it;
        }
        stream_batches(&fifo, 5000);
    }
}
