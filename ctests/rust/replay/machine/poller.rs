//! One poller under test, and what it has to know of the queues that it watches.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;

use bridgeq::ffi::poller::{
    BQ_POLLER_EDGE, BQ_POLLER_PIPE, bq_event, bq_poller, bq_poller_add, bq_poller_fd,
    bq_poller_modify, bq_poller_new, bq_poller_options, bq_poller_poll, bq_poller_ref,
    bq_poller_remove, bq_poller_unref, bq_poller_wait, bq_poller_wake,
};
use bridgeq::ffi::queue::BQ_NO_LINGER;
use bridgeq::ffi::status::{BQ_EXISTS, BQ_INVALID, BQ_NOT_FOUND, BQ_OK, BQ_TIMEDOUT};

use super::input::Input;
use super::queue::{TestedQueue, timeout};
use super::say;

const MOST_REPORTS: usize = 8;
/// READABLE 1, WRITABLE 2, JOINED 4, CLOSED 8, DRAINED 16; 0 pauses.
const EVENTS: [u32; 16] = [1, 2, 3, 0, 9, 1, 31, 4, 8, 16, 17, 2, 10, 5, 12, 24];

pub struct Watch {
    /// Which of the queues.
    pub queue: usize,
    pub events: u32,
    data: usize,
    /// Reports of others since this one could have been reported.
    passed_over: usize,
}

/// How the loop of a poller learns that it is to call.
enum Signal {
    /// Nobody has asked for the descriptor yet.
    None,
    Level(c_int),
    /// The descriptor, and an epoll instance that has it registered edge-triggered.
    Edge(c_int),
    Callback,
}

/// What the last poll left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It returned 0, or there was none: armed.
    Asleep,
    /// It reported something: the loop is to call again.
    Serving,
    /// A wait ended without a report: armed as well.
    Armed,
}

pub struct TestedPoller {
    pub handle: *mut bq_poller,
    pub references: usize,
    pub watches: Vec<Watch>,
    edge: bool,
    signal: Signal,
    signalled: bool,
    state: State,
    by_hand: bool,
    /// Nothing has happened that could have woken it since it fell asleep.
    pub undisturbed: bool,
    rung: Box<Cell<usize>>,
}

unsafe extern "C" fn count_call(context: *mut c_void) {
    // SAFETY: the context is the counter of the poller.
    let calls = unsafe { &*context.cast::<Cell<usize>>() };
    calls.set(calls.get() + 1);
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

impl TestedPoller {
    /// Makes a poller, or fails to.
    pub fn new(input: &mut Input<'_>) -> Option<Self> {
        let rung = Box::new(Cell::new(0));
        let mut options = bq_poller_options {
            size: size_of::<bq_poller_options>(),
            flags: 0,
            wake: None,
            context: ptr::from_ref(&*rung).cast_mut().cast(),
            linger_ns: input.pick(&[BQ_NO_LINGER, 0, 300]),
        };
        let mut good = true;
        match input.below(8) {
            0 | 1 => {}
            2 => options.flags = BQ_POLLER_PIPE,
            3 => options.flags = BQ_POLLER_EDGE,
            4 => options.flags = BQ_POLLER_EDGE | BQ_POLLER_PIPE,
            5 | 6 => options.wake = Some(count_call),
            _ => {
                good = false;
                match input.below(5) {
                    0 => options.flags = 4 << input.below(30),
                    1 => options.size = input.pick(&[0, 8, 39, 4097, usize::MAX]),
                    2 => options.linger_ns = i64::MIN,
                    _ => {
                        options.wake = Some(count_call);
                        options.flags = input.pick(&[BQ_POLLER_EDGE, BQ_POLLER_PIPE]);
                    }
                }
            }
        }
        let mut handle = ptr::null_mut();
        let status = unsafe { bq_poller_new(&raw const options, &raw mut handle) };
        assert_eq!(status, if good { BQ_OK } else { BQ_INVALID });
        assert_eq!(handle.is_null(), !good);
        say(|| format!("bq_poller_new: {handle:p}, flags {}", options.flags));
        good.then_some(Self {
            handle,
            references: 1,
            watches: Vec::new(),
            edge: options.flags & BQ_POLLER_EDGE != 0,
            signal: if options.wake.is_some() { Signal::Callback } else { Signal::None },
            signalled: false,
            state: State::Asleep,
            by_hand: false,
            undisturbed: true,
            rung,
        })
    }

    pub fn is_alive(&self) -> bool {
        self.references > 0
    }

    pub fn take_reference(&mut self) {
        say(|| format!("bq_poller_ref({:p})", self.handle));
        assert_eq!(unsafe { bq_poller_ref(self.handle) }, self.handle);
        self.references += 1;
    }

    /// The last one releases the queues.
    pub fn release_reference(&mut self, queues: &mut [TestedQueue]) {
        if let (Signal::Edge(epoll), 1) = (&self.signal, self.references) {
            unsafe { libc::close(*epoll) };
        }
        say(|| format!("bq_poller_unref({:p})", self.handle));
        unsafe { bq_poller_unref(self.handle) };
        self.references -= 1;
        if self.references == 0 {
            for watch in self.watches.drain(..) {
                queues[watch.queue].watchers -= 1;
                queues[watch.queue].died();
            }
        }
    }

    fn find(&mut self, queue: usize) -> Option<&mut Watch> {
        self.watches.iter_mut().find(|watch| watch.queue == queue)
    }

    /// What to watch for, and whether that exists.
    fn events(input: &mut Input<'_>) -> (u32, bool) {
        if input.rarely() {
            return (input.pick(&[32, 1 << 31, u32::MAX]), false);
        }
        (input.pick(&EVENTS), true)
    }

    pub fn add(&mut self, input: &mut Input<'_>, at: usize, queues: &mut [TestedQueue]) {
        let (events, good) = Self::events(input);
        let data = usize::from(input.byte());
        let want = match self.find(at) {
            _ if !good => BQ_INVALID,
            Some(_) => BQ_EXISTS,
            None => BQ_OK,
        };
        let (handle, pointer) = (queues[at].handle, ptr::without_provenance_mut(data));
        say(|| format!("bq_poller_add({:p}, {handle:p}, {events})", self.handle));
        assert_eq!(unsafe { bq_poller_add(self.handle, handle, events, pointer) }, want);
        if want == BQ_OK {
            self.watches.push(Watch { queue: at, events, data, passed_over: 0 });
            queues[at].watchers += 1;
        }
    }

    pub fn modify(&mut self, input: &mut Input<'_>, at: usize, queues: &mut [TestedQueue]) {
        let (events, good) = Self::events(input);
        let data = usize::from(input.byte());
        let want = match self.find(at) {
            _ if !good => BQ_INVALID,
            Some(watch) => {
                (watch.events, watch.data, watch.passed_over) = (events, data, 0);
                BQ_OK
            }
            None => BQ_NOT_FOUND,
        };
        let (handle, data) = (queues[at].handle, ptr::without_provenance_mut(data));
        say(|| format!("bq_poller_modify({:p}, {handle:p}, {events})", self.handle));
        assert_eq!(unsafe { bq_poller_modify(self.handle, handle, events, data) }, want);
    }

    pub fn remove(&mut self, at: usize, queues: &mut [TestedQueue]) {
        let watched = self.watches.iter().position(|watch| watch.queue == at);
        let want = if watched.is_some() { BQ_OK } else { BQ_NOT_FOUND };
        let handle = queues[at].handle;
        say(|| format!("bq_poller_remove({:p}, {handle:p})", self.handle));
        assert_eq!(unsafe { bq_poller_remove(self.handle, handle) }, want);
        if let Some(watched) = watched {
            self.watches.swap_remove(watched);
            queues[at].watchers -= 1;
            queues[at].died();
        }
    }

    pub fn wake(&mut self) {
        say(|| format!("bq_poller_wake({:p})", self.handle));
        assert_eq!(unsafe { bq_poller_wake(self.handle) }, BQ_OK);
        self.by_hand = true;
    }

    pub fn ask_for_descriptor(&mut self) {
        let fd = unsafe { bq_poller_fd(self.handle) };
        say(|| format!("bq_poller_fd({:p}) gave {fd}", self.handle));
        match self.signal {
            Signal::Callback => assert_eq!(fd, BQ_INVALID),
            Signal::Level(before) => assert_eq!(fd, before),
            Signal::Edge(_) => assert!(fd >= 0),
            Signal::None if self.edge => self.signal = Signal::Edge(edge_triggered(fd)),
            Signal::None => self.signal = Signal::Level(fd),
        }
    }

    /// A poll with room for some reports. `owed`: whether a watch has to be reported, by its place.
    pub fn poll(&mut self, input: &mut Input<'_>, queues: &[TestedQueue], owed: &[bool]) {
        let max = if input.rarely() { 0 } else { 1 + input.below(MOST_REPORTS) };
        self.poll_at_most(max, queues, owed);
    }

    pub fn poll_all(&mut self, queues: &[TestedQueue], owed: &[bool]) -> Vec<(usize, u32)> {
        self.poll_at_most(MOST_REPORTS, queues, owed)
    }

    fn poll_at_most(
        &mut self,
        max: usize,
        queues: &[TestedQueue],
        owed: &[bool],
    ) -> Vec<(usize, u32)> {
        let mut events = no_events();
        let got = unsafe { bq_poller_poll(self.handle, events.as_mut_ptr(), max) };
        say(|| format!("bq_poller_poll({:p}, {max}) gave {got}", self.handle));
        if max == 0 {
            assert_eq!(got, BQ_INVALID as isize);
            return Vec::new();
        }
        assert!(got >= 0 && got as usize <= max, "poll says {got}");
        let reports = self.check_reports(&events[..got as usize], max, queues, owed);
        if got == 0 {
            self.fell_asleep();
        } else {
            self.state = State::Serving;
        }
        reports
    }

    pub fn wait(&mut self, input: &mut Input<'_>, queues: &[TestedQueue], owed: &[bool]) {
        let max = 1 + input.below(MOST_REPORTS);
        let would_wait = !self.by_hand && !owed.contains(&true);
        let (timeout_ns, good) = timeout(input, would_wait);
        let mut events = no_events();
        let got = unsafe { bq_poller_wait(self.handle, events.as_mut_ptr(), max, timeout_ns) };
        say(|| format!("bq_poller_wait({:p}, {max}, {timeout_ns}) gave {got}", self.handle));
        match got {
            1.. => {
                self.check_reports(&events[..got as usize], max, queues, owed);
                self.state = State::Serving;
            }
            0 => {
                assert!(self.by_hand && good && !owed.contains(&true), "nobody woke it by hand");
                self.by_hand = false;
                self.was_armed();
            }
            _ if !good => assert_eq!(got, BQ_INVALID as isize),
            _ => {
                assert_eq!(got, BQ_TIMEDOUT as isize);
                assert!(would_wait, "it did not have to wait");
                self.was_armed();
            }
        }
    }

    /// Every report is right, nobody who is owed one is left out while there is room, and nobody waits
    /// for long.
    fn check_reports(
        &mut self,
        events: &[bq_event],
        max: usize,
        queues: &[TestedQueue],
        owed: &[bool],
    ) -> Vec<(usize, u32)> {
        let mut reported = vec![false; self.watches.len()];
        for event in events {
            let at =
                self.watches.iter().position(|watch| queues[watch.queue].handle == event.queue);
            let at = at.expect("a report of a queue that is not watched");
            let watch = &self.watches[at];
            let holds = watch.events & queues[watch.queue].spec.events();
            assert_eq!((event.events, event.data.addr()), (holds, watch.data));
            assert!(holds != 0 && !reported[at], "nothing to report, or twice");
            reported[at] = true;
        }
        let most = 2 * self.watches.len() + max;
        for ((watch, &reported), &owed) in self.watches.iter_mut().zip(&reported).zip(owed) {
            assert!(!owed || reported || events.len() == max, "an event was not reported");
            let waits = owed && !reported;
            watch.passed_over = if waits { watch.passed_over + events.len() } else { 0 };
            assert!(watch.passed_over <= most, "a ready queue does not get its turn");
        }
        let reports = self.watches.iter().zip(&reported).filter(|&(_, &reported)| reported);
        reports
            .map(|(watch, _)| (watch.queue, watch.events & queues[watch.queue].spec.events()))
            .collect()
    }

    fn fell_asleep(&mut self) {
        self.was_armed();
        (self.state, self.by_hand, self.undisturbed) = (State::Asleep, false, true);
        if let Signal::Level(fd) = self.signal {
            assert!(!is_readable(fd), "readable after a poll returned 0");
        }
    }

    /// From now on the next event has to be signalled, once.
    fn was_armed(&mut self) {
        (self.state, self.signalled) = (State::Armed, false);
        self.rung.set(0);
        if let Signal::Edge(epoll) = self.signal {
            take_edge(epoll);
        }
    }

    /// Whether the loop knows that it is to call. `None`: there is no way to see.
    pub fn is_signalled(&mut self) -> Option<bool> {
        match self.signal {
            Signal::None => return None,
            Signal::Level(fd) => self.signalled = is_readable(fd),
            Signal::Edge(epoll) => self.signalled |= take_edge(epoll),
            Signal::Callback => self.signalled = self.rung.get() > 0,
        }
        Some(self.signalled)
    }

    /// What must be true between any two calls. `owed`: some event holds that only this poller's loop
    /// can serve.
    pub fn check(&mut self, owed: bool) {
        assert!(self.rung.get() <= 1, "called twice in one sleep");
        let Some(signalled) = self.is_signalled() else { return };
        let level = matches!(self.signal, Signal::Level(_));
        match self.state {
            State::Asleep | State::Armed if owed || self.by_hand => {
                assert!(signalled, "an event and no signal");
            }
            State::Asleep => assert!(!signalled || !self.undisturbed, "a signal and no event"),
            State::Serving => assert!(signalled || !level, "not readable although not finished"),
            State::Armed => {}
        }
    }
}

fn no_events() -> [bq_event; MOST_REPORTS] {
    [const { bq_event { queue: ptr::null_mut(), data: ptr::null_mut(), events: 0 } }; MOST_REPORTS]
}
