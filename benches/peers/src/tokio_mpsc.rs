//! tokio's mpsc: two pairs of types, one consumer; blocking calls for threads, no runtime needed.

use std::task::{Context, Poll};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};

use crate::peer::{Peer, cloned, only};
use crate::table::{Ops, Spec, ops};

/// A receiver, and the vector that it wants to fill.
pub struct Rx<R, T> {
    rx: R,
    batch: Vec<T>,
}

fn hand_over<T: Copy>(batch: &mut Vec<T>, items: &mut [T]) -> usize {
    let count = batch.len();
    items[..count].copy_from_slice(batch);
    batch.clear();
    count
}

fn or_pending<T>(got: Poll<Option<T>>) -> Poll<T> {
    match got {
        Poll::Ready(Some(item)) => Poll::Ready(item),
        _ => Poll::Pending,
    }
}

pub struct Bounded;

impl<T: Copy + Send + 'static> Peer<T> for Bounded {
    type Tx = Sender<T>;
    type Rx = Rx<Receiver<T>, T>;
    const BATCHES_OUT: bool = true;

    fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = mpsc::channel(capacity);
        (tx, Rx { rx, batch: Vec::new() })
    }

    fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx {
        cloned(first)
    }

    fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
        only(first)
    }

    fn put(tx: &mut Self::Tx, item: T) {
        assert!(tx.blocking_send(item).is_ok());
    }

    fn get(rx: &mut Self::Rx) -> T {
        rx.rx.blocking_recv().expect("the queue keeps a sender")
    }

    fn get_many(rx: &mut Self::Rx, items: &mut [T]) -> usize {
        rx.rx.blocking_recv_many(&mut rx.batch, items.len());
        hand_over(&mut rx.batch, items)
    }

    fn try_put(tx: &mut Self::Tx, item: T) -> Result<(), T> {
        tx.try_send(item).map_err(|error| match error {
            TrySendError::Full(item) | TrySendError::Closed(item) => item,
        })
    }

    fn try_get(rx: &mut Self::Rx) -> Option<T> {
        rx.rx.try_recv().ok()
    }

    fn poll_get(rx: &mut Self::Rx, cx: &mut Context) -> Poll<T> {
        or_pending(rx.rx.poll_recv(cx))
    }
}

pub struct Unbounded;

impl<T: Copy + Send + 'static> Peer<T> for Unbounded {
    type Tx = UnboundedSender<T>;
    type Rx = Rx<UnboundedReceiver<T>, T>;
    const BATCHES_OUT: bool = true;

    fn make(_: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = mpsc::unbounded_channel();
        (tx, Rx { rx, batch: Vec::new() })
    }

    fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx {
        cloned(first)
    }

    fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
        only(first)
    }

    fn put(tx: &mut Self::Tx, item: T) {
        assert!(tx.send(item).is_ok());
    }

    fn get(rx: &mut Self::Rx) -> T {
        rx.rx.blocking_recv().expect("the queue keeps a sender")
    }

    fn get_many(rx: &mut Self::Rx, items: &mut [T]) -> usize {
        rx.rx.blocking_recv_many(&mut rx.batch, items.len());
        hand_over(&mut rx.batch, items)
    }

    fn try_get(rx: &mut Self::Rx) -> Option<T> {
        rx.rx.try_recv().ok()
    }

    fn poll_get(rx: &mut Self::Rx, cx: &mut Context) -> Poll<T> {
        or_pending(rx.rx.poll_recv(cx))
    }
}

pub fn pick(spec: &Spec) -> Result<&'static Ops, &'static std::ffi::CStr> {
    match spec.capacity {
        _ if spec.consumers > 1 => Err(c"one consumer only"),
        0 => Ok(ops::<Unbounded>(spec)),
        _ => Ok(ops::<Bounded>(spec)),
    }
}
