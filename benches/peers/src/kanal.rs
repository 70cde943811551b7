//! kanal: its own stream and future towards a loop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use kanal::{AsyncReceiver, ReceiveStream, Receiver, Sender, bounded, unbounded};

use crate::peer::Peer;
use crate::table::{Ops, Spec, ops};

pub struct Kanal;

pub struct Tx<T: Send + 'static> {
    tx: Sender<T>,
    pending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

pub struct Rx<T: Send + 'static> {
    rx: Receiver<T>,
    /// Borrows from `lent`, and is dropped before it.
    stream: Option<ReceiveStream<'static, T>>,
    lent: Option<Box<AsyncReceiver<T>>>,
}

impl<T: Send + 'static> Peer<T> for Kanal {
    type Tx = Tx<T>;
    type Rx = Rx<T>;

    fn make(capacity: usize) -> (Tx<T>, Rx<T>) {
        let (tx, rx) = if capacity == 0 { unbounded() } else { bounded(capacity) };
        (Tx { tx, pending: None }, Rx { rx, stream: None, lent: None })
    }

    fn another_tx(first: &mut Option<Tx<T>>) -> Tx<T> {
        let tx = first.as_ref().expect("kept by the queue").tx.clone();
        Tx { tx, pending: None }
    }

    fn another_rx(first: &mut Option<Rx<T>>) -> Rx<T> {
        let rx = first.as_ref().expect("kept by the queue").rx.clone();
        Rx { rx, stream: None, lent: None }
    }

    fn put(tx: &mut Tx<T>, item: T) {
        assert!(tx.tx.send(item).is_ok());
    }

    fn get(rx: &mut Rx<T>) -> T {
        rx.rx.recv().expect("the queue keeps a sender")
    }

    fn try_put(tx: &mut Tx<T>, item: T) -> Result<(), T> {
        let mut item = Some(item);
        assert!(tx.tx.try_send_option(&mut item).is_ok());
        item.map_or(Ok(()), Err)
    }

    fn try_get(rx: &mut Rx<T>) -> Option<T> {
        rx.rx.try_recv().ok().flatten()
    }

    fn poll_get(rx: &mut Rx<T>, cx: &mut Context) -> Poll<T> {
        let stream = rx.stream.get_or_insert_with(|| {
            let lent: *const _ = &**rx.lent.insert(Box::new(rx.rx.clone_async()));
            // SAFETY: the box stays where it is until the stream is gone.
            unsafe { &*lent }.stream()
        });
        match Pin::new(stream).poll_next(cx) {
            Poll::Ready(Some(item)) => Poll::Ready(item),
            _ => Poll::Pending,
        }
    }

    fn poll_put(tx: &mut Tx<T>, item: &mut Option<T>, cx: &mut Context) -> Poll<()> {
        if let Some(item) = item.take() {
            let tx_of_its_own = tx.tx.clone_async();
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
    Ok(ops::<Kanal>(spec))
}
