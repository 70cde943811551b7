//! A channel in the driver's epoll loop: its waker writes an eventfd, registered edge-triggered and
//! never read. The channel's own waker where it is async, else a bell.

use std::any::Any;
use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::peer::Peer;
use crate::table::{Item, Loop, Queue};

struct Eventfd(File);

impl Eventfd {
    fn new() -> Option<Self> {
        // SAFETY: a plain system call; the descriptor is new and owned by the File.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        (fd >= 0).then(|| Self(unsafe { File::from_raw_fd(fd) }))
    }
}

impl Wake for Eventfd {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        (&self.0).write_all(&1u64.to_ne_bytes()).expect("an eventfd takes 2^64 - 2 wakes");
    }
}

struct Watch<P: Peer<Item<W>>, const W: usize> {
    tx: Option<P::Tx>,
    rx: Option<P::Rx>,
    waker: Waker,
    own_loop: *mut Loop,
    tag: *mut c_void,
    item: Option<Item<W>>,
    blocked: bool,
}

impl<P: Peer<Item<W>>, const W: usize> Watch<P, W> {
    fn took(&self, item: Item<W>) {
        // SAFETY: the loop outlives its watches and calls them from its own thread.
        let own_loop = unsafe { &*self.own_loop };
        let took = own_loop.took.expect("a loop that gets");
        unsafe { took(own_loop.context, self.tag, (&raw const item).cast()) };
    }

    fn next(&self) -> Option<Item<W>> {
        // SAFETY: as above; the item is written when the answer is true.
        let own_loop = unsafe { &*self.own_loop };
        let next = own_loop.next.expect("a loop that puts");
        let mut item = MaybeUninit::<Item<W>>::zeroed();
        unsafe { next(own_loop.context, item.as_mut_ptr().cast()).then(|| item.assume_init()) }
    }

    fn serve_items(&mut self) {
        let waker = self.waker.clone();
        let mut cx = Context::from_waker(&waker);
        let mut rx = self.rx.take().expect("watched for items");
        while let Poll::Ready(item) = P::poll_get(&mut rx, &mut cx) {
            self.took(item);
            while let Some(item) = P::try_get(&mut rx) {
                self.took(item);
            }
        }
        self.rx = Some(rx);
    }

    /// Whether the item that had to wait is put now.
    fn unblock(&mut self, tx: &mut P::Tx, cx: &mut Context) -> bool {
        if self.blocked {
            self.blocked = P::poll_put(tx, &mut self.item, cx).is_pending();
        }
        !self.blocked
    }

    fn serve_room(&mut self) {
        let waker = self.waker.clone();
        let mut cx = Context::from_waker(&waker);
        let mut tx = self.tx.take().expect("watched for room");
        while self.unblock(&mut tx, &mut cx) {
            let Some(item) = self.next() else { break };
            self.item = P::try_put(&mut tx, item).err();
            self.blocked = self.item.is_some();
        }
        self.tx = Some(tx);
    }
}

unsafe extern "C" fn serve<P: Peer<Item<W>>, const W: usize>(watch: *mut c_void) {
    // SAFETY: what `watch` registered, freed by `close_loop`.
    let watch = unsafe { &mut *watch.cast::<Watch<P, W>>() };
    match watch.tx {
        Some(_) => watch.serve_room(),
        None => watch.serve_items(),
    }
}

/// Everything that a loop watches, to be freed with it.
type Watches = Vec<Box<dyn Any>>;

pub unsafe extern "C" fn open_loop(own_loop: *mut Loop) -> bool {
    unsafe { (*own_loop).own = Box::into_raw(Box::<Watches>::default()).cast() };
    true
}

pub unsafe extern "C" fn close_loop(own_loop: *mut Loop) {
    // SAFETY: made by open_loop.
    drop(unsafe { Box::from_raw((*own_loop).own.cast::<Watches>()) });
}

pub unsafe extern "C" fn watch<P: Peer<Item<W>>, const W: usize>(
    own_loop: *mut Loop,
    queue: *mut c_void,
    tag: *mut c_void,
) -> bool {
    // SAFETY: the driver passes its loop and what `make` returned.
    let queue = unsafe { &*queue.cast::<Queue<P, Item<W>>>() };
    let spec = unsafe { &*(*own_loop).spec };
    let Some(eventfd) = Eventfd::new() else { return false };
    let fd: c_int = eventfd.0.as_raw_fd();
    let eventfd = Arc::new(eventfd);
    eventfd.wake_by_ref(); // once round, to leave the waker with the channel
    let mut watch = Box::new(Watch::<P, W> {
        tx: spec.loop_puts().then(|| queue.tx()),
        rx: spec.loop_gets().then(|| queue.rx()),
        waker: Waker::from(eventfd),
        own_loop,
        tag,
        item: None,
        blocked: false,
    });
    let argument = (&raw mut *watch).cast();
    unsafe { (*(*own_loop).own.cast::<Watches>()).push(watch) };
    let add = unsafe { (*own_loop).add }.expect("every loop can add");
    unsafe { add(own_loop, fd, (libc::EPOLLIN | libc::EPOLLET) as u32, serve::<P, W>, argument) }
}
