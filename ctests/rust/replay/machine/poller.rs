//! One poller under test, and what it has to know of the queues that it watches.

use std::ptr;

use bridgeq::ffi::poller::{
    BQ_POLLER_EDGE, BQ_POLLER_PIPE, bq_event, bq_poller, bq_poller_add, bq_poller_fd,
    bq_poller_modify, bq_poller_new, bq_poller_options, bq_poller_poll, bq_poller_ref,
    bq_poller_remove, bq_poller_unref, bq_poller_wait, bq_poller_wake,
};
use bridgeq::ffi::queue::BQ_NO_LINGER;
use bridgeq::ffi::status::{BQ_EXISTS, BQ_INVALID, BQ_NOT_FOUND, BQ_OK, BQ_TIMEDOUT};

use super::input::Input;
use super::options::{Later, timeout};
use super::queue::TestedQueue;
use super::say;
use super::signal::Signal;

const MOST_REPORTS: usize = 8;
/// READABLE 1, WRITABLE 2, JOINED 4, CLOSED 8, DRAINED 16; 0 pauses. Mostly what comes and goes, and is
/// told to one.
const EVENTS: [u32; 20] = [1, 1, 1, 1, 1, 0, 2, 2, 3, 0, 9, 31, 4, 8, 16, 17, 10, 5, 12, 24];

pub struct Watch {
    /// Which of the queues.
    pub queue: usize,
    pub events: u32,
    data: usize,
    /// Reports of others since this one could have been reported.
    passed_over: usize,
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
    state: State,
    by_hand: bool,
    /// Nothing has happened that could have woken it since it fell asleep.
    pub undisturbed: bool,
}

impl TestedPoller {
    /// Makes a poller, or fails to.
    pub fn new(input: &mut Input<'_>) -> Option<Self> {
        let mut signal = Signal::new();
        let mut options = Later::new(bq_poller_options {
            size: size_of::<bq_poller_options>(),
            flags: 0,
            wake: None,
            context: signal.context(),
            linger_ns: input.pick(&[BQ_NO_LINGER, 0, 300]),
        });
        let (mut by_null, mut good) = (false, true);
        match input.below(8) {
            0 | 1 => {}
            2 => options.today.flags = BQ_POLLER_PIPE,
            3 => options.today.flags = BQ_POLLER_EDGE,
            4 => options.today.flags = BQ_POLLER_EDGE | BQ_POLLER_PIPE,
            5 | 6 => options.today.wake = signal.callback(),
            _ if input.rarely() => by_null = true,
            _ => good = !is_spoilt(&mut options, input),
        }
        let asked = if by_null { ptr::null() } else { ptr::from_ref(&options).cast() };
        let mut handle = ptr::null_mut();
        let status = unsafe { bq_poller_new(asked, &raw mut handle) };
        assert_eq!(status, if good { BQ_OK } else { BQ_INVALID });
        assert_eq!(handle.is_null(), !good);
        say(|| format!("bq_poller_new: {handle:p}, flags {}", options.today.flags));
        if !good {
            return None;
        }
        let mut made = Self {
            handle,
            references: 1,
            watches: Vec::new(),
            edge: options.today.flags & BQ_POLLER_EDGE != 0,
            signal,
            state: State::Asleep,
            by_hand: false,
            undisturbed: true,
        };
        if !input.rarely() {
            made.ask_for_descriptor();
        }
        Some(made)
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
        if self.references == 1 {
            self.signal.unregister();
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
        self.watch(at, queues, events, good, usize::from(input.byte()));
    }

    fn watch(
        &mut self,
        at: usize,
        queues: &mut [TestedQueue],
        events: u32,
        good: bool,
        data: usize,
    ) {
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

    /// Watches a queue and leaves it, over and over: if it is ready, wake-ups of watches that are gone
    /// pile up until somebody polls.
    pub fn come_and_go(&mut self, input: &mut Input<'_>, at: usize, queues: &mut [TestedQueue]) {
        let (events, good) = Self::events(input);
        for _ in 0..1 + input.below(100) {
            self.watch(at, queues, events, good, 0);
            self.remove(at, queues);
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
        self.signal.descriptor(fd, self.edge);
    }

    /// A poll with room for some reports. `owed`: whether a watch has to be reported, by its place.
    pub fn poll(&mut self, input: &mut Input<'_>, queues: &[TestedQueue], owed: &[bool]) {
        let max = if input.rarely() { 0 } else { input.pick(&[MOST_REPORTS, 1, 1, 2, 3]) };
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
        if self.signal.is_level() {
            assert_eq!(self.signal.is_there(), Some(false), "readable after a poll returned 0");
        }
    }

    fn was_armed(&mut self) {
        self.state = State::Armed;
        self.signal.was_armed();
    }

    /// What must be true between any two calls. `owed`: some event holds that only this poller's loop
    /// can serve.
    pub fn check(&mut self, owed: bool) {
        let Some(signalled) = self.signal.is_there() else { return };
        let level = self.signal.is_level();
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

/// Makes something about the options odd; whether that is wrong.
fn is_spoilt(options: &mut Later<bq_poller_options>, input: &mut Input<'_>) -> bool {
    const SIZE: usize = size_of::<bq_poller_options>();
    let today = &mut options.today;
    match input.below(6) {
        0 => today.flags = 4 << input.below(30),
        1 => today.size = input.pick(&[0, 8, SIZE - 1, 4097, usize::MAX]),
        2 => today.linger_ns = i64::MIN,
        3 | 4 => {
            today.wake = Signal::new().callback();
            today.flags = input.pick(&[BQ_POLLER_EDGE, BQ_POLLER_PIPE]);
        }
        _ => {
            let (more, says_something) = options.lengthen(input);
            options.today.size += more;
            return says_something;
        }
    }
    true
}

fn no_events() -> [bq_event; MOST_REPORTS] {
    [const { bq_event { queue: ptr::null_mut(), data: ptr::null_mut(), events: 0 } }; MOST_REPORTS]
}
