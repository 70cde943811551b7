mod owning;
mod owning_tail;

use super::get::{Filled, item_at};
use super::*;
use crate::store::{NotGot, NotPut};
use std::sync::atomic::AtomicUsize;
use std::thread;

fn fifo(capacity: usize) -> Fifo {
    Fifo::new(ItemLayout::new(8).unwrap(), capacity)
}

fn put(fifo: &Fifo, value: u64) -> Result<(), NotPut> {
    // SAFETY: items are eight bytes long.
    unsafe { fifo.push_many((&raw const value).cast(), 1) }.map(drop)
}

fn get(fifo: &Fifo) -> Result<u64, NotGot> {
    let mut value = 0u64;
    // SAFETY: items are eight bytes long.
    unsafe { fifo.pop_many((&raw mut value).cast(), 1) }.map(|_| value)
}

fn peek(fifo: &Fifo) -> Result<u64, NotGot> {
    let mut value = 0u64;
    // SAFETY: items are eight bytes long.
    unsafe { fifo.peek((&raw mut value).cast()) }.map(|()| value)
}

fn put_many(fifo: &Fifo, values: &[u64]) -> Result<usize, NotPut> {
    // SAFETY: items are eight bytes long.
    unsafe { fifo.push_many(values.as_ptr().cast(), values.len()) }
}

fn get_many(fifo: &Fifo, max: usize) -> Result<Vec<u64>, NotGot> {
    let mut values = vec![0u64; max];
    // SAFETY: items are eight bytes long.
    let got = unsafe { fifo.pop_many(values.as_mut_ptr().cast(), max) }?;
    values.truncate(got);
    Ok(values)
}

#[test]
fn items_leave_in_the_order_they_came_over_many_rings() {
    let fifo = fifo(0);
    for value in 0..100_000 {
        put(&fifo, value).unwrap();
    }
    assert_eq!(fifo.len(), 100_000);
    for value in 0..100_000 {
        assert_eq!(get(&fifo), Ok(value));
    }
    assert_eq!(get(&fifo), Err(NotGot::Empty));
    assert_eq!((fifo.entered(), fifo.left()), (100_000, 100_000));
}

#[test]
fn emptied_rings_are_used_again() {
    let fifo = fifo(0);
    let fill_and_empty = || {
        for value in 0..100_000 {
            put(&fifo, value).unwrap();
        }
        for value in 0..100_000 {
            assert_eq!(get(&fifo), Ok(value));
        }
    };
    let rings = || {
        let chain = fifo.chain.lock();
        chain.made_count()
    };
    fill_and_empty();
    fill_and_empty();
    let after_two = rings();
    for _ in 0..10 {
        fill_and_empty();
    }
    assert_eq!(rings(), after_two);
}

#[test]
fn a_bounded_one_is_full_at_its_capacity_whatever_that_is() {
    for capacity in [1, 2, 3, 5, 64, 100, 1000, 1025] {
        let fifo = fifo(capacity);
        for lap in 0..3 {
            for value in 0..capacity as u64 {
                assert_eq!(put(&fifo, value), Ok(()), "capacity {capacity}, lap {lap}");
            }
            assert_eq!(put(&fifo, 0), Err(NotPut::Full));
            assert_eq!(fifo.len(), capacity as u64);
            for value in 0..capacity as u64 {
                assert_eq!(get(&fifo), Ok(value));
            }
        }
    }
}

#[test]
fn a_batch_goes_in_and_out_whole_where_the_array_of_the_ring_ends_in_it() {
    let fifo = fifo(4);
    assert_eq!(put_many(&fifo, &[1, 2, 3]), Ok(3));
    fifo.limit().set(8); // or an old view of the head would leave room for one
    assert_eq!(get_many(&fifo, 8), Ok(vec![1, 2, 3]));
    assert_eq!(put_many(&fifo, &[4, 5, 6]), Ok(3));
    assert_eq!(fifo.chain.lock().made_count(), 1);
    assert_eq!(get_many(&fifo, 8), Ok(vec![4, 5, 6]));
    assert_eq!(get_many(&fifo, 8), Err(NotGot::Empty));
}

#[test]
fn capacity_can_grow_and_shrink_under_items() {
    let fifo = fifo(2);
    put(&fifo, 1).unwrap();
    put(&fifo, 2).unwrap();
    fifo.limit().set(4);
    put(&fifo, 3).unwrap();
    put(&fifo, 4).unwrap();
    assert_eq!(put(&fifo, 5), Err(NotPut::Full));
    fifo.limit().set(1);
    for value in 1..=3 {
        assert_eq!(put(&fifo, 9), Err(NotPut::Full));
        assert_eq!(get(&fifo), Ok(value));
    }
    assert_eq!(put(&fifo, 9), Err(NotPut::Full));
    assert_eq!(get(&fifo), Ok(4));
    put(&fifo, 5).unwrap();
    fifo.limit().set(0);
    for value in 6..1000 {
        put(&fifo, value).unwrap();
    }
    assert!((5..1000).all(|value| get(&fifo) == Ok(value)));
}

#[test]
fn peek_leaves_the_item_there() {
    let fifo = fifo(0);
    assert_eq!(peek(&fifo), Err(NotGot::Empty));
    put(&fifo, 7).unwrap();
    put(&fifo, 8).unwrap();
    assert_eq!((peek(&fifo), peek(&fifo)), (Ok(7), Ok(7)));
    assert_eq!((get(&fifo), peek(&fifo), get(&fifo)), (Ok(7), Ok(8), Ok(8)));
}

#[test]
fn shut_lets_items_out_and_none_in() {
    let empty = fifo(0);
    empty.shut();
    assert_eq!((put(&empty, 1), get(&empty)), (Err(NotPut::Shut), Err(NotGot::Drained)));
    let fifo = fifo(0);
    for value in 0..40 {
        put(&fifo, value).unwrap();
    }
    fifo.shut();
    fifo.shut();
    assert_eq!(put(&fifo, 40), Err(NotPut::Shut));
    assert!((0..40).all(|value| get(&fifo) == Ok(value)));
    assert_eq!((get(&fifo), fifo.readiness()), (Err(NotGot::Drained), Err(NotGot::Drained)));
}

#[test]
fn a_batch_keeps_its_order_and_takes_what_fits() {
    let fifo = fifo(100);
    let items: Vec<u64> = (0..250).collect();
    let mut put = 0;
    while put < 100 {
        // SAFETY: the rest of the array.
        put += unsafe { fifo.push_many(items[put..].as_ptr().cast(), items.len() - put) }.unwrap();
    }
    assert_eq!(put, 100);
    // SAFETY: as above.
    assert_eq!(unsafe { fifo.push_many(items.as_ptr().cast(), 1) }, Err(NotPut::Full));
    let mut out = [0u64; 64];
    let mut seen = Vec::new();
    // SAFETY: room for 64.
    while let Ok(got) = unsafe { fifo.pop_many(out.as_mut_ptr().cast(), out.len()) } {
        seen.extend_from_slice(&out[..got]);
    }
    assert_eq!(seen, items[..100]);
}

#[test]
fn discard_ends_at_what_was_there() {
    let fifo = fifo(4);
    for value in 0..4 {
        put(&fifo, value).unwrap();
    }
    let mut seen = Vec::new();
    let discarded = fifo.discard(&|_| (), &mut |item| {
        // SAFETY: items are eight bytes long.
        seen.push(unsafe { item.cast::<u64>().read() });
        // A destructor that puts into the queue that it empties: there is room, although the slot of this
        // very item is not free yet.
        put(&fifo, 100).unwrap();
    });
    assert_eq!((discarded, seen), (4, vec![0, 1, 2, 3]));
    assert_eq!(fifo.len(), 4);
    assert!((0..4).all(|_| get(&fifo) == Ok(100)));
}

#[test]
fn items_of_any_size_come_out_as_they_went_in() {
    for size in [1usize, 2, 3, 5, 7, 12, 16, 24, 64, 255, 4097] {
        let fifo = Fifo::new(ItemLayout::new(size).unwrap(), 0);
        for value in 0..100u8 {
            let item = vec![value; size];
            // SAFETY: as long as the items are.
            unsafe { fifo.push_many(item.as_ptr(), 1) }.unwrap();
        }
        for value in 0..100u8 {
            let mut item = vec![0; size + 1];
            // SAFETY: longer than the items are.
            unsafe { fifo.pop_many(item.as_mut_ptr(), 1) }.unwrap();
            assert!(item[..size].iter().all(|&byte| byte == value) && item[size] == 0);
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_and_each_producer_keeps_its_order() {
    const EACH: u64 = 10_000;
    for capacity in [0, 1, 7, 64] {
        let fifo = fifo(capacity);
        let left = AtomicUsize::new(2 * EACH as usize);
        thread::scope(|scope| {
            for producer in 0..2u64 {
                let fifo = &fifo;
                scope.spawn(move || {
                    for value in 0..EACH {
                        while put(fifo, producer << 32 | value).is_err() {
                            thread::yield_now();
                        }
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = [None, None];
                    while left.load(Ordering::Relaxed) > 0 {
                        let Ok(item) = get(&fifo) else {
                            thread::yield_now();
                            continue;
                        };
                        left.fetch_sub(1, Ordering::Relaxed);
                        let (producer, value) = ((item >> 32) as usize, item as u32);
                        assert!(last[producer].is_none_or(|last| last < value));
                        last[producer] = Some(value);
                    }
                });
            }
        });
        assert_eq!((fifo.len(), fifo.left()), (0, 2 * EACH));
    }
}

#[test]
fn peeks_see_whole_items_while_slots_are_reused() {
    let fifo = Fifo::new(ItemLayout::new(64).unwrap(), 4);
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for value in 0..20_000u64 {
                let item = [value; 8];
                // SAFETY: 64 bytes.
                while unsafe { fifo.push_many(item.as_ptr().cast(), 1) }.is_err() {
                    thread::yield_now();
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        scope.spawn(|| {
            let mut item = [0u64; 8];
            while !done.load(Ordering::Relaxed) {
                // SAFETY: 64 bytes.
                let _ = unsafe { fifo.pop_many(item.as_mut_ptr().cast(), 1) };
            }
        });
        let mut item = [0u64; 8];
        while !done.load(Ordering::Relaxed) {
            // SAFETY: 64 bytes.
            if unsafe { fifo.peek(item.as_mut_ptr().cast()) }.is_ok() {
                assert!(item.iter().all(|&word| word == item[0]));
            }
        }
    });
}

/// A get that is slow to release its slot is left behind in a ring of four slots, which is sealed, emptied
/// and opened again meanwhile.
#[test]
fn another_life_of_a_ring_confuses_nobody_who_is_late() {
    let fifo = fifo(4);
    let tail_ring = || fifo.tail_ring.load(Ordering::Relaxed);
    let claim = || fifo.claim_filled(Shape::WORD, 1, None).unwrap_or_else(|why| panic!("{why:?}"));
    let items = |claim: Filled<'_>| {
        let mut items = Vec::new();
        // SAFETY: items are eight bytes long.
        claim.empty(|item| items.push(unsafe { item.cast::<u64>().read_unaligned() }));
        items
    };
    (0..4).for_each(|value| put(&fifo, value).unwrap());
    let first = tail_ring();
    // SAFETY: rings live as long as the FIFO.
    let ring = unsafe { &*first };

    let quick = claim();
    put(&fifo, 4).unwrap(); // its slot is not free: the ring is sealed
    let second = tail_ring();
    assert_ne!(second, first);
    assert_eq!((items(quick), get(&fifo)), (vec![0], Ok(1)));
    let slow = claim();
    let old_head = ring.head.cursor.load();
    (3..=4).for_each(|value| assert_eq!(get(&fifo), Ok(value)));

    // SAFETY: as above.
    let pins = unsafe { &(*second).pins };
    pins.fetch_add(1, Ordering::Relaxed); // somebody peeks there: puts go on elsewhere
    put(&fifo, 5).unwrap();
    pins.fetch_sub(1, Ordering::Relaxed);
    assert_eq!(tail_ring(), first);

    assert!(item_at(ring, old_head).is_none());
    assert_eq!(items(slow), [2]);
    (6..9).for_each(|value| put(&fifo, value).unwrap());
    assert_eq!(put(&fifo, 9), Err(NotPut::Full));
    (5..9).for_each(|value| assert_eq!(get(&fifo), Ok(value)));
    assert_eq!((get(&fifo), fifo.entered()), (Err(NotGot::Empty), 9));

    fifo.advance(ring); // by somebody who saw its first life sealed and emptied
    put(&fifo, 9).unwrap();
    assert_eq!(get(&fifo), Ok(9));
}

/// Whichever way it was emptied.
#[test]
fn an_emptied_fifo_keeps_no_more_memory_than_a_working_set() {
    let by_getting: fn(&Fifo) = |fifo| while get(fifo).is_ok() {};
    let by_discarding: fn(&Fifo) = |fifo| {
        fifo.discard(&|_| (), &mut |_| ());
    };
    for empty in [by_getting, by_discarding] {
        let fifo = Fifo::new(ItemLayout::new(8).unwrap(), 0);
        (0..2_000_000).for_each(|value| put(&fifo, value).unwrap());
        empty(&fifo);
        assert!(!fifo.chain.lock().has_surplus());
    }
}
