//! rtrb: a ring for one producer and one consumer that only ever spins. Not a queue to wait on, but
//! what moving items costs when nobody sleeps.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::peer::{Peer, only};
use crate::table::{ALTERNATE, LOOP_GETS, LOOP_PUTS, Ops, Spec, ops};

pub struct Rtrb;

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = look() {
            return found;
        }
        std::hint::spin_loop();
    }
}

impl<T: Copy + Send + 'static> Peer<T> for Rtrb {
    type Tx = Producer<T>;
    type Rx = Consumer<T>;
    const BATCHES_IN: bool = true;
    const BATCHES_OUT: bool = true;

    fn make(capacity: usize) -> (Producer<T>, Consumer<T>) {
        RingBuffer::new(capacity)
    }

    fn another_tx(first: &mut Option<Producer<T>>) -> Producer<T> {
        only(first)
    }

    fn another_rx(first: &mut Option<Consumer<T>>) -> Consumer<T> {
        only(first)
    }

    fn put(tx: &mut Producer<T>, item: T) {
        until(|| tx.push(item).ok());
    }

    fn get(rx: &mut Consumer<T>) -> T {
        until(|| rx.pop().ok())
    }

    fn put_many(tx: &mut Producer<T>, mut items: &[T]) {
        until(|| {
            items = tx.push_partial_slice(items).1;
            items.is_empty().then_some(())
        });
    }

    fn get_many(rx: &mut Consumer<T>, items: &mut [T]) -> usize {
        until(|| {
            let got = rx.pop_partial_slice(items).0.len();
            (got > 0).then_some(got)
        })
    }

    fn try_put(tx: &mut Producer<T>, item: T) -> Result<(), T> {
        tx.push(item).map_err(|rtrb::PushError::Full(item)| item)
    }

    fn try_get(rx: &mut Consumer<T>) -> Option<T> {
        rx.pop().ok()
    }
}

pub fn pick(spec: &Spec) -> Result<&'static Ops, &'static std::ffi::CStr> {
    let waits = spec.uses & (LOOP_GETS | LOOP_PUTS | ALTERNATE) != 0;
    match spec.capacity {
        0 => Err(c"has a bound"),
        _ if spec.producers > 1 || spec.consumers > 1 => Err(c"one producer and one consumer only"),
        _ if waits => Err(c"cannot wait"),
        _ => Ok(ops::<Rtrb>(spec)),
    }
}
