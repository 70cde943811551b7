//! flume: its own stream and future towards a loop.

use std::pin::Pin;
use std::task::{Context, Poll};

use flume::r#async::{RecvStream, SendFut};
use flume::{Receiver, Sender, TrySendError};
use futures_core::Stream;

use crate::peer::Peer;
use crate::table::{Ops, Spec, ops};

pub struct Flume;

pub struct Tx<T: Send + 'static> {
    tx: Sender<T>,
    pending: Option<SendFut<'static, T>>,
}

pub struct Rx<T: Send + 'static> {
    rx: Receiver<T>,
    stream: Option<RecvStream<'static, T>>,
}

impl<T: Send + Unpin + 'static> Peer<T> for Flume {
    type Tx = Tx<T>;
    type Rx = Rx<T>;

    fn make(capacity: usize) -> (Tx<T>, Rx<T>) {
        let (tx, rx) = if capacity == 0 { flume::unbounded() } else { flume::bounded(capacity) };
        (Tx { tx, pending: None }, Rx { rx, stream: None })
    }

    fn another_tx(first: &mut Option<Tx<T>>) -> Tx<T> {
        let tx = first.as_ref().expect("kept by the queue").tx.clone();
        Tx { tx, pending: None }
    }

    fn another_rx(first: &mut Option<Rx<T>>) -> Rx<T> {
        let rx = first.as_ref().expect("kept by the queue").rx.clone();
        Rx { rx, stream: None }
    }

    fn put(tx: &mut Tx<T>, item: T) {
        assert!(tx.tx.send(item).is_ok());
    }

    fn get(rx: &mut Rx<T>) -> T {
        rx.rx.recv().expect("the queue keeps a sender")
    }

    fn try_put(tx: &mut Tx<T>, item: T) -> Result<(), T> {
        tx.tx.try_send(item).map_err(TrySendError::into_inner)
    }

    fn try_get(rx: &mut Rx<T>) -> Option<T> {
        rx.rx.try_recv().ok()
    }

    fn poll_get(rx: &mut Rx<T>, cx: &mut Context) -> Poll<T> {
        let stream = rx.stream.get_or_insert_with(|| rx.rx.clone().into_stream());
        match Pin::new(stream).poll_next(cx) {
            Poll::Ready(Some(item)) => Poll::Ready(item),
            _ => Poll::Pending,
        }
    }

    fn poll_put(tx: &mut Tx<T>, item: &mut Option<T>, cx: &mut Context) -> Poll<()> {
        if let Some(item) = item.take() {
            tx.pending = Some(tx.tx.clone().into_send_async(item));
        }
        let pending = Pin::new(tx.pending.as_mut().expect("there is an item to put"));
        let done = pending.poll(cx).map(|sent| assert!(sent.is_ok()));
        if done.is_ready() {
            tx.pending = None;
        }
        done
    }
}

pub fn pick(spec: &Spec) -> Result<&'static Ops, &'static std::ffi::CStr> {
    Ok(ops::<Flume>(spec))
}
