//! How the loop of a poller learns that it is to call.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;

use bridgeq::ffi::poller::bq_wake_fn;
use bridgeq::ffi::status::BQ_INVALID;

enum Way {
    /// Nobody has asked for the descriptor yet.
    None,
    Level(c_int),
    /// An epoll instance that has the descriptor registered edge-triggered.
    Edge(c_int),
    Callback,
}

pub struct Signal {
    way: Way,
    /// Whether there was one since the poller was armed.
    seen: bool,
    calls: Box<Cell<usize>>,
}

unsafe extern "C" fn count_call(context: *mut c_void) {
    // SAFETY: the context is the counter of the signal.
    let calls = unsafe { &*context.cast::<Cell<usize>>() };
    calls.set(calls.get() + 1);
}

impl Signal {
    pub fn new() -> Self {
        Self { way: Way::None, seen: false, calls: Box::new(Cell::new(0)) }
    }

    /// From now on by a call of what is returned.
    pub fn callback(&mut self) -> bq_wake_fn {
        self.way = Way::Callback;
        Some(count_call)
    }

    /// What to hand to the callback.
    pub fn context(&self) -> *mut c_void {
        ptr::from_ref(&*self.calls).cast_mut().cast()
    }

    /// This is what a poller calls its descriptor.
    pub fn descriptor(&mut self, fd: c_int, edge: bool) {
        match self.way {
            Way::Callback => assert_eq!(fd, BQ_INVALID),
            Way::Level(before) => assert_eq!(fd, before),
            Way::Edge(_) => assert!(fd >= 0),
            Way::None if edge => self.way = Way::Edge(edge_triggered(fd)),
            Way::None => self.way = Way::Level(fd),
        }
    }

    /// The poller ends.
    pub fn unregister(&mut self) {
        if let Way::Edge(epoll) = self.way {
            unsafe { libc::close(epoll) };
            self.way = Way::None;
        }
    }

    pub fn is_level(&self) -> bool {
        matches!(self.way, Way::Level(_))
    }

    /// The poller was armed: from now on the next event has to be signalled, once.
    pub fn was_armed(&mut self) {
        self.seen = false;
        self.calls.set(0);
        if let Way::Edge(epoll) = self.way {
            take_edge(epoll);
        }
    }

    /// Whether the loop knows that it is to call. `None`: there is no way to see.
    pub fn is_there(&mut self) -> Option<bool> {
        assert!(self.calls.get() <= 1, "called twice in one sleep");
        match self.way {
            Way::None => return None,
            Way::Level(fd) => self.seen = is_readable(fd),
            Way::Edge(epoll) => self.seen |= take_edge(epoll),
            Way::Callback => self.seen = self.calls.get() > 0,
        }
        Some(self.seen)
    }
}

fn is_readable(fd: c_int) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

fn edge_triggered(fd: c_int) -> c_int {
    let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: 0 };
    unsafe {
        let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
        assert_eq!(libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event), 0);
        epoll
    }
}

/// Whether there was an edge since the last time.
fn take_edge(epoll: c_int) -> bool {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    unsafe { libc::epoll_wait(epoll, &raw mut event, 1, 0) == 1 }
}
