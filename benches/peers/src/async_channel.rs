//! async-channel: a receiver that is a stream, blocking calls for threads.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use futures_core::Stream;

use crate::peer::{Peer, cloned};
use crate::table::{Ops, Spec, ops};

pub struct AsyncChannel;

pub struct Tx<T: Send + 'static> {
    tx: Sender<T>,
    pending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<T: Send + 'static> Peer<T> for AsyncChannel {
    type Tx = Tx<T>;
    type Rx = Pin<Box<Receiver<T>>>;

    fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = if capacity == 0 { unbounded() } else { bounded(capacity) };
        (Tx { tx, pending: None }, Box::pin(rx))
    }

    fn another_tx(first: &mut Option<Tx<T>>) -> Tx<T> {
        let tx = first.as_ref().expect("kept by the queue").tx.clone();
        Tx { tx, pending: None }
    }

    fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
        cloned(first)
    }

    fn put(tx: &mut Tx<T>, item: T) {
        assert!(tx.tx.send_blocking(item).is_ok());
    }

    fn get(rx: &mut Self::Rx) -> T {
        rx.recv_blocking().expect("the queue keeps a sender")
    }

    fn try_put(tx: &mut Tx<T>, item: T) -> Result<(), T> {
        tx.tx.try_send(item).map_err(TrySendError::into_inner)
    }

    fn try_get(rx: &mut Self::Rx) -> Option<T> {
        rx.try_recv().ok()
    }

    fn poll_get(rx: &mut Self::Rx, cx: &mut Context) -> Poll<T> {
        match rx.as_mut().poll_next(cx) {
            Poll::Ready(Some(item)) => Poll::Ready(item),
            _ => Poll::Pending,
        }
    }

    fn poll_put(tx: &mut Tx<T>, item: &mut Option<T>, cx: &mut Context) -> Poll<()> {
        if let Some(item) = item.take() {
            let tx_of_its_own = tx.tx.clone();
            tx.pending =
                Some(Box::pin(async move { assert!(tx_of_its_own.send(item).await.is_ok()) }));
        }
        let pending = tx.pending.as_mut().expect("there is an item to put");
        let done = pending.as_mut().poll(cx);
        if done.is_ready() {
            tx.pending = None;
        }
        done
    }
}

pub fn pick(spec: &Spec) -> Result<&'static Ops, &'static std::ffi::CStr> {
    Ok(ops::<AsyncChannel>(spec))
}
