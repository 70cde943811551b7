//! What a channel is here, and a loop's bell for those that know nothing of loops.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering::*, fence};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

/// One kind of channel. What it cannot do is not called: `pick` sees to that.
pub trait Peer<T: Send + 'static>: 'static {
    type Tx: Send;
    type Rx: Send;
    const BATCHES_IN: bool = false;
    const BATCHES_OUT: bool = false;

    /// `capacity` 0: unbounded.
    fn make(capacity: usize) -> (Self::Tx, Self::Rx);

    /// A handle for one more thread: a clone, or the only one there can be.
    fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx;
    fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx;

    fn put(_: &mut Self::Tx, _: T) {
        unreachable!()
    }
    fn get(_: &mut Self::Rx) -> T {
        unreachable!()
    }
    fn try_put(_: &mut Self::Tx, _: T) -> Result<(), T> {
        unreachable!()
    }
    fn try_get(_: &mut Self::Rx) -> Option<T> {
        unreachable!()
    }
    fn put_many(_: &mut Self::Tx, _: &[T]) {
        unreachable!()
    }
    fn get_many(_: &mut Self::Rx, _: &mut [T]) -> usize {
        unreachable!()
    }

    /// For a loop. Pending: the waker of `cx` is called when it is worth trying again.
    fn poll_get(_: &mut Self::Rx, _cx: &mut Context) -> Poll<T> {
        unreachable!()
    }
    /// Takes the item out when it is put, or when a future of its own carries it from now on.
    fn poll_put(_: &mut Self::Tx, _item: &mut Option<T>, _cx: &mut Context) -> Poll<()> {
        unreachable!()
    }
}

pub fn only<H>(first: &mut Option<H>) -> H {
    first.take().expect("a second handle of a side that has one only")
}

pub fn cloned<H: Clone>(first: &mut Option<H>) -> H {
    first.clone().expect("kept by the queue")
}

/// Wakes a loop that has declared that it sleeps, and only then.
#[derive(Default)]
pub struct Bell {
    armed: AtomicBool,
    waker: OnceLock<Waker>,
}

impl Bell {
    /// After what the loop may wait for. The fence orders that before the look at `armed`; `arm`
    /// has the other half.
    fn ring(&self) {
        fence(SeqCst);
        if self.armed.load(Relaxed) && self.armed.swap(false, Acquire) {
            self.waker.get().expect("set before it was armed").wake_by_ref();
        }
    }

    /// Before the loop tries for the last time; it sleeps only if that fails.
    fn arm(&self, cx: &Context) {
        self.waker.get_or_init(|| cx.waker().clone());
        self.armed.store(true, Release);
        fence(SeqCst);
    }

    fn disarm(&self) {
        self.armed.store(false, Relaxed);
    }
}

/// A channel without an async side whose consumer is a loop: every put looks at the bell.
pub struct ToLoop<P>(PhantomData<P>);

impl<T: Send + 'static, P: Peer<T>> Peer<T> for ToLoop<P>
where
    P::Tx: Clone,
{
    type Tx = (P::Tx, Arc<Bell>);
    type Rx = (P::Rx, Arc<Bell>);

    fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = P::make(capacity);
        let bell = Arc::new(Bell::default());
        ((tx, bell.clone()), (rx, bell))
    }

    fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx {
        cloned(first)
    }

    fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
        only(first)
    }

    fn put((tx, bell): &mut Self::Tx, item: T) {
        P::put(tx, item);
        bell.ring();
    }

    fn try_get((rx, _): &mut Self::Rx) -> Option<T> {
        P::try_get(rx)
    }

    fn poll_get((rx, bell): &mut Self::Rx, cx: &mut Context) -> Poll<T> {
        if let Some(item) = P::try_get(rx) {
            return Poll::Ready(item);
        }
        bell.arm(cx);
        let Some(item) = P::try_get(rx) else { return Poll::Pending };
        bell.disarm();
        Poll::Ready(item)
    }
}

/// The same where the producer is a loop: every get looks at the bell.
pub struct FromLoop<P>(PhantomData<P>);

impl<T: Send + 'static, P: Peer<T>> Peer<T> for FromLoop<P>
where
    P::Rx: Clone,
{
    type Tx = (P::Tx, Arc<Bell>);
    type Rx = (P::Rx, Arc<Bell>);

    fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = P::make(capacity);
        let bell = Arc::new(Bell::default());
        ((tx, bell.clone()), (rx, bell))
    }

    fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx {
        only(first)
    }

    fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
        cloned(first)
    }

    fn get((rx, bell): &mut Self::Rx) -> T {
        let item = P::get(rx);
        bell.ring();
        item
    }

    fn try_put((tx, _): &mut Self::Tx, item: T) -> Result<(), T> {
        P::try_put(tx, item)
    }

    fn poll_put((tx, bell): &mut Self::Tx, item: &mut Option<T>, cx: &mut Context) -> Poll<()> {
        bell.arm(cx);
        *item = item.take().and_then(|item| P::try_put(tx, item).err());
        if item.is_some() {
            return Poll::Pending;
        }
        bell.disarm();
        Poll::Ready(())
    }
}
