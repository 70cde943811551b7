//! crossfire: the kind of channel that fits the number of producers and consumers, and its async
//! half towards a loop.

use std::sync::Once;
use std::task::{Context, Poll};

use crossfire::sink::AsyncSink;
use crossfire::stream::AsyncStream;
use crossfire::{AsyncRx, MAsyncRx, MAsyncTx, MRx, MTx, Rx, Tx, mpmc, mpsc, spsc};

use crate::peer::{Peer, cloned, only};
use crate::table::{Ops, Spec, ops};

/// Threads on both sides.
macro_rules! between_threads {
    ($name:ident, $module:ident::$flavor:ident, $tx:ident $txs:ident, $rx:ident $rxs:ident,
     $make:expr) => {
        struct $name;
        impl<T: Send + Unpin + 'static> Peer<T> for $name {
            type Tx = $tx<$module::$flavor<T>>;
            type Rx = $rx<$module::$flavor<T>>;

            fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
                $make(capacity)
            }

            fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx {
                $txs(first)
            }

            fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
                $rxs(first)
            }

            fn put(tx: &mut Self::Tx, item: T) {
                assert!(tx.send(item).is_ok());
            }

            fn get(rx: &mut Self::Rx) -> T {
                rx.recv().expect("the last sender leaves after the last item")
            }

            fn try_put(tx: &mut Self::Tx, item: T) -> Result<(), T> {
                tx.try_send(item).map_err(|error| error.into_inner())
            }

            fn try_get(rx: &mut Self::Rx) -> Option<T> {
                rx.try_recv().ok()
            }
        }
    };
}

between_threads!(Spsc, spsc::Array, Tx only, Rx only, spsc::bounded_blocking);
between_threads!(SpscList, spsc::List, Tx only, Rx only, |_| spsc::unbounded_blocking());
between_threads!(Mpsc, mpsc::Array, MTx cloned, Rx only, mpsc::bounded_blocking);
between_threads!(MpscList, mpsc::List, MTx cloned, Rx only, |_| mpsc::unbounded_blocking());
between_threads!(Mpmc, mpmc::Array, MTx cloned, MRx cloned, mpmc::bounded_blocking);
between_threads!(MpmcList, mpmc::List, MTx cloned, MRx cloned, |_| mpmc::unbounded_blocking());

fn or_pending<T>(got: Poll<Option<T>>) -> Poll<T> {
    match got {
        Poll::Ready(Some(item)) => Poll::Ready(item),
        _ => Poll::Pending,
    }
}

/// Threads to one loop.
macro_rules! to_loop {
    ($name:ident, $module:ident::$flavor:ident, $tx:ident $txs:ident, $make:expr) => {
        struct $name;
        impl<T: Send + Unpin + 'static> Peer<T> for $name {
            type Tx = $tx<$module::$flavor<T>>;
            type Rx = AsyncStream<$module::$flavor<T>>;

            fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
                let (tx, rx): (_, AsyncRx<_>) = $make(capacity);
                (tx, rx.into_stream())
            }

            fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx {
                $txs(first)
            }

            fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
                only(first)
            }

            fn put(tx: &mut Self::Tx, item: T) {
                assert!(tx.send(item).is_ok());
            }

            fn try_get(rx: &mut Self::Rx) -> Option<T> {
                rx.try_recv().ok()
            }

            fn poll_get(rx: &mut Self::Rx, cx: &mut Context) -> Poll<T> {
                or_pending(rx.poll_item(cx))
            }
        }
    };
}

to_loop!(SpscToLoop, spsc::Array, Tx only, spsc::bounded_blocking_async);
to_loop!(SpscListToLoop, spsc::List, Tx only, |_| spsc::unbounded_async());
to_loop!(MpscToLoop, mpsc::Array, MTx cloned, mpsc::bounded_blocking_async);
to_loop!(MpscListToLoop, mpsc::List, MTx cloned, |_| mpsc::unbounded_async());

/// Threads to several loops, each with a stream of its own.
struct MpmcToLoops;

struct LoopRx<T: Send + Unpin + 'static> {
    rx: MAsyncRx<mpmc::Array<T>>,
    stream: AsyncStream<mpmc::Array<T>>,
}

impl<T: Send + Unpin + 'static> LoopRx<T> {
    fn new(rx: MAsyncRx<mpmc::Array<T>>) -> Self {
        let stream = rx.clone().into_stream();
        Self { rx, stream }
    }
}

impl<T: Send + Unpin + 'static> Peer<T> for MpmcToLoops {
    type Tx = MTx<mpmc::Array<T>>;
    type Rx = LoopRx<T>;

    fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = mpmc::bounded_blocking_async(capacity);
        (tx, LoopRx::new(rx))
    }

    fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx {
        cloned(first)
    }

    fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
        LoopRx::new(first.as_ref().expect("kept by the queue").rx.clone())
    }

    fn put(tx: &mut Self::Tx, item: T) {
        assert!(tx.send(item).is_ok());
    }

    fn try_get(rx: &mut Self::Rx) -> Option<T> {
        rx.stream.try_recv().ok()
    }

    fn poll_get(rx: &mut Self::Rx, cx: &mut Context) -> Poll<T> {
        or_pending(rx.stream.poll_item(cx))
    }
}

/// A loop to threads.
struct FromLoop;

impl<T: Send + Unpin + 'static> Peer<T> for FromLoop {
    type Tx = AsyncSink<mpmc::Array<T>>;
    type Rx = MRx<mpmc::Array<T>>;

    fn make(capacity: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx): (MAsyncTx<_>, _) = mpmc::bounded_async_blocking(capacity);
        (tx.into_sink(), rx)
    }

    fn another_tx(first: &mut Option<Self::Tx>) -> Self::Tx {
        only(first)
    }

    fn another_rx(first: &mut Option<Self::Rx>) -> Self::Rx {
        cloned(first)
    }

    fn get(rx: &mut Self::Rx) -> T {
        rx.recv().expect("the loop leaves after the last item")
    }

    fn try_put(tx: &mut Self::Tx, item: T) -> Result<(), T> {
        tx.try_send(item).map_err(|error| error.into_inner())
    }

    fn poll_put(tx: &mut Self::Tx, item: &mut Option<T>, cx: &mut Context) -> Poll<()> {
        let Some(wanted) = item.take() else { return Poll::Ready(()) };
        *item = tx.poll_send(cx, wanted).err().map(|error| error.into_inner());
        if item.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

pub fn pick(spec: &Spec) -> Result<&'static Ops, &'static std::ffi::CStr> {
    static DETECTED: Once = Once::new();
    DETECTED.call_once(crossfire::detect_backoff_cfg); // as its documentation asks for
    let bounded = spec.capacity != 0;
    if spec.loop_puts() {
        return Ok(ops::<FromLoop>(spec));
    }
    Ok(match (spec.producers, spec.consumers, spec.loop_gets()) {
        (1, 1, true) if bounded => ops::<SpscToLoop>(spec),
        (1, 1, true) => ops::<SpscListToLoop>(spec),
        (_, 1, true) if bounded => ops::<MpscToLoop>(spec),
        (_, 1, true) => ops::<MpscListToLoop>(spec),
        (_, _, true) if bounded => ops::<MpmcToLoops>(spec),
        (_, _, true) => return Err(c"not written: several loops, unbounded"),
        (1, 1, _) if bounded => ops::<Spsc>(spec),
        (1, 1, _) => ops::<SpscList>(spec),
        (_, 1, _) if bounded => ops::<Mpsc>(spec),
        (_, 1, _) => ops::<MpscList>(spec),
        _ if bounded => ops::<Mpmc>(spec),
        _ => ops::<MpmcList>(spec),
    })
}
