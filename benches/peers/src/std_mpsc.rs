//! std::sync::mpsc: two types of sender, one consumer, no async side, so an armed eventfd.

use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};

use crate::peer::{Peer, ToLoop, cloned, only};
use crate::table::{Ops, Spec, ops};

pub struct Bounded;

impl<T: Send + 'static> Peer<T> for Bounded {
    type Tx = SyncSender<T>;
    type Rx = Receiver<T>;

    fn make(capacity: usize) -> (SyncSender<T>, Receiver<T>) {
        sync_channel(capacity)
    }

    fn another_tx(first: &mut Option<SyncSender<T>>) -> SyncSender<T> {
        cloned(first)
    }

    fn another_rx(first: &mut Option<Receiver<T>>) -> Receiver<T> {
        only(first)
    }

    fn put(tx: &mut SyncSender<T>, item: T) {
        assert!(tx.send(item).is_ok());
    }

    fn get(rx: &mut Receiver<T>) -> T {
        rx.recv().expect("the queue keeps a sender")
    }

    fn try_put(tx: &mut SyncSender<T>, item: T) -> Result<(), T> {
        tx.try_send(item).map_err(|error| match error {
            TrySendError::Full(item) | TrySendError::Disconnected(item) => item,
        })
    }

    fn try_get(rx: &mut Receiver<T>) -> Option<T> {
        rx.try_recv().ok()
    }
}

pub struct Unbounded;

impl<T: Send + 'static> Peer<T> for Unbounded {
    type Tx = Sender<T>;
    type Rx = Receiver<T>;

    fn make(_: usize) -> (Sender<T>, Receiver<T>) {
        channel()
    }

    fn another_tx(first: &mut Option<Sender<T>>) -> Sender<T> {
        cloned(first)
    }

    fn another_rx(first: &mut Option<Receiver<T>>) -> Receiver<T> {
        only(first)
    }

    fn put(tx: &mut Sender<T>, item: T) {
        assert!(tx.send(item).is_ok());
    }

    fn get(rx: &mut Receiver<T>) -> T {
        rx.recv().expect("the queue keeps a sender")
    }

    fn try_get(rx: &mut Receiver<T>) -> Option<T> {
        rx.try_recv().ok()
    }
}

pub fn pick(spec: &Spec) -> Result<&'static Ops, &'static std::ffi::CStr> {
    match (spec.capacity, spec.loop_gets()) {
        _ if spec.consumers > 1 => Err(c"one consumer only"),
        (0, false) => Ok(ops::<Unbounded>(spec)),
        (0, true) => Ok(ops::<ToLoop<Unbounded>>(spec)),
        (_, false) => Ok(ops::<Bounded>(spec)),
        (_, true) => Ok(ops::<ToLoop<Bounded>>(spec)),
    }
}
