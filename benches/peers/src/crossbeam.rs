//! crossbeam-channel: no async side, so an armed eventfd.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};

use crate::peer::{FromLoop, Peer, ToLoop, cloned};
use crate::table::{Ops, Spec, ops};

pub struct Crossbeam;

impl<T: Send + 'static> Peer<T> for Crossbeam {
    type Tx = Sender<T>;
    type Rx = Receiver<T>;

    fn make(capacity: usize) -> (Sender<T>, Receiver<T>) {
        if capacity == 0 { unbounded() } else { bounded(capacity) }
    }

    fn another_tx(first: &mut Option<Sender<T>>) -> Sender<T> {
        cloned(first)
    }

    fn another_rx(first: &mut Option<Receiver<T>>) -> Receiver<T> {
        cloned(first)
    }

    fn put(tx: &mut Sender<T>, item: T) {
        assert!(tx.send(item).is_ok());
    }

    fn get(rx: &mut Receiver<T>) -> T {
        rx.recv().expect("the queue keeps a sender")
    }

    fn try_put(tx: &mut Sender<T>, item: T) -> Result<(), T> {
        tx.try_send(item).map_err(TrySendError::into_inner)
    }

    fn try_get(rx: &mut Receiver<T>) -> Option<T> {
        rx.try_recv().ok()
    }
}

pub fn pick(spec: &Spec) -> Result<&'static Ops, &'static std::ffi::CStr> {
    match (spec.loop_gets(), spec.loop_puts()) {
        (true, _) if spec.consumers > 1 => Err(c"the bell wakes one loop"),
        (true, _) => Ok(ops::<ToLoop<Crossbeam>>(spec)),
        (_, true) => Ok(ops::<FromLoop<Crossbeam>>(spec)),
        _ => Ok(ops::<Crossbeam>(spec)),
    }
}
