//! What the models share: queues of small numbers, loops, and the running of a model.

use std::ffi::c_void;
use std::sync::Arc as RealArc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread::JoinHandle;

use bridgeq::poller::{Backend, Callback, Mode, Poller, PollerConfig, Report};
use bridgeq::queue::{Config, Destroy, Order, Queue};
use bridgeq::status::Status;
use bridgeq::sync::Shared;
use bridgeq::sys::barrier::{self, Kind};
use bridgeq::sys::clock::Timeout;
use bridgeq::wait::{Events, Linger};

pub const FOREVER: Timeout = Timeout::FOREVER;
pub const NOW: Timeout = Timeout::NONE;

const fn nanoseconds(ns: i64) -> Timeout {
    Timeout::from_ns(ns).expect("not negative")
}

/// A put or get looks at the time before it waits, when it is about to sleep, and before it waits again.
/// The first gives up instead of sleeping, the second sleeps until it is woken, then gives up if in vain.
pub const HASTY: Timeout = nanoseconds(2);
pub const PATIENT: Timeout = nanoseconds(3);
/// For the wait of a poller, which looks at the time only when it is about to sleep.
pub const AT_ONCE: Timeout = nanoseconds(1);

/// Items so long that a first ring holds one, and a FIFO that outgrows it needs more rings.
pub const LONG: usize = 256;

/// Explores `body` with fences between putting and waiting, and with the asymmetric barrier.
pub fn model(body: impl Fn() + Sync + Send + 'static) {
    let body = RealArc::new(body);
    for kind in [Kind::Fences, Kind::Asymmetric] {
        let body = body.clone();
        model_with(kind, move || body());
    }
}

/// As [`model`], for what does not depend on the barrier.
pub fn model_fenced(body: impl Fn() + Sync + Send + 'static) {
    model_with(Kind::Fences, body);
}

fn model_with(kind: Kind, body: impl Fn() + Sync + Send + 'static) {
    let mut explorer = loom::model::Builder::new();
    explorer.max_branches = 50_000;
    explorer.preemption_bound = explorer.preemption_bound.or(Some(2));
    barrier::choose(kind);
    let schedules = RealArc::new(AtomicUsize::new(0));
    let counter = schedules.clone();
    let start = Instant::now();
    explorer.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        body();
    });
    let name = std::thread::current().name().unwrap_or("model").to_owned();
    let (count, seconds) = (schedules.load(Ordering::Relaxed), start.elapsed().as_secs_f64());
    println!("schedules {count:>9}  {seconds:>7.2} s  {kind:?}  {name}");
}

pub fn queue(config: Config) -> Shared<Queue> {
    Queue::new(config).expect("memory for a queue")
}

pub fn options(capacity: usize) -> Config {
    Config { order: Order::Fifo, capacity, item_size: 8, destroy: None, linger: Linger::Never }
}

pub fn fifo(capacity: usize) -> Shared<Queue> {
    queue(options(capacity))
}

/// With one slot in the first ring.
pub fn long_fifo(capacity: usize) -> Shared<Queue> {
    queue(Config { item_size: LONG, ..options(capacity) })
}

pub fn put(queue: &Queue, value: u64, timeout: Timeout) -> Result<(), Status> {
    let mut item = [0u8; LONG];
    item[..8].copy_from_slice(&value.to_ne_bytes());
    // SAFETY: no item is longer.
    unsafe { queue.put(item.as_ptr(), timeout) }
}

/// Two items of eight bytes in one call.
pub fn put_both(queue: &Queue, values: [u64; 2], timeout: Timeout) -> Result<usize, Status> {
    // SAFETY: an array of two items.
    unsafe { queue.put_many(values.as_ptr().cast(), values.len(), timeout) }
}

pub fn get(queue: &Queue, timeout: Timeout) -> Result<u64, Status> {
    let mut item = [0u8; LONG];
    // SAFETY: no item is longer.
    unsafe { queue.get(item.as_mut_ptr(), timeout) }?;
    Ok(value(&item))
}

/// At most two items of eight bytes in one call.
pub fn get_both(queue: &Queue, timeout: Timeout) -> Result<Vec<u64>, Status> {
    let mut values = [0u64; 2];
    // SAFETY: an array of two items.
    let got = unsafe { queue.get_many(values.as_mut_ptr().cast(), values.len(), timeout) }?;
    Ok(values[..got].to_vec())
}

pub fn peek(queue: &Queue, timeout: Timeout) -> Result<u64, Status> {
    let mut item = [0u8; LONG];
    // SAFETY: no item is longer.
    unsafe { queue.peek(item.as_mut_ptr(), timeout) }?;
    Ok(value(&item))
}

fn value(item: &[u8; LONG]) -> u64 {
    u64::from_ne_bytes(item[..8].try_into().expect("eight bytes"))
}

/// Does something with the queue in a thread of its own.
pub fn on_thread<T: 'static>(
    queue: &Shared<Queue>,
    body: impl FnOnce(&Shared<Queue>) -> T + 'static,
) -> JoinHandle<T> {
    let queue = queue.share();
    loom::thread::spawn(move || body(&queue))
}

/// Lets others run until it is so.
pub fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        loom::thread::yield_now();
    }
}

/// Counts what is discarded.
pub struct Discards(pub AtomicUsize);

impl Discards {
    pub fn new() -> RealArc<Self> {
        RealArc::new(Self(AtomicUsize::new(0)))
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// The destructor that counts here; for as long as this lives.
    pub fn destroy(&self) -> Option<Destroy> {
        unsafe extern "C" fn count(_item: *mut c_void, context: *mut c_void) {
            // SAFETY: the model keeps the counter longer than the queue.
            unsafe { &*context.cast::<Discards>() }.0.fetch_add(1, Ordering::Relaxed);
        }
        let context = std::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: counts, from any thread.
        Some(unsafe { Destroy::new(count, context) })
    }
}

/// A loop of one thread: a poller whose `wake` callback ends the loop's sleep.
pub struct Loop {
    pub poller: Shared<Poller>,
    bell: Arc<Bell>,
}

pub struct Bell {
    rings: Mutex<u32>,
    rung: Condvar,
}

impl Bell {
    pub fn rings(&self) -> u32 {
        *self.rings.lock().unwrap()
    }
}

impl Loop {
    pub fn new() -> Self {
        Self::with(KEEPS)
    }

    fn with(linger: Linger) -> Self {
        unsafe extern "C" fn wake(bell: *mut c_void) {
            // SAFETY: the loop keeps its bell until every thread of the model has ended.
            let bell = unsafe { &*bell.cast::<Bell>() };
            *bell.rings.lock().unwrap() += 1;
            bell.rung.notify_one();
        }
        let bell = Arc::new(Bell { rings: Mutex::new(0), rung: Condvar::new() });
        let context = std::ptr::from_ref(&*bell).cast_mut().cast();
        // SAFETY: as said in `wake`.
        let callback = unsafe { Callback::new(wake, context) };
        Self { poller: poller(Backend::Callback(callback), linger), bell }
    }

    /// As [`Self::new`], watching a queue.
    pub fn of(queue: &Shared<Queue>, events: Events) -> Self {
        Self::new().watching(queue, events)
    }

    /// As [`Self::of`], and a poll that is about to find nothing looks again.
    pub fn that_looks(queue: &Shared<Queue>, events: Events) -> Self {
        Self::with(LOOKS).watching(queue, events)
    }

    fn watching(self, queue: &Shared<Queue>, events: Events) -> Self {
        self.poller.add(queue, events, std::ptr::null_mut()).expect("watched");
        self
    }

    /// Gives up the poller; its bell is not rung any more then.
    pub fn unref(self) -> Arc<Bell> {
        self.bell
    }

    /// Sleeps until it is rung.
    pub fn sleep(&self) {
        let mut rings = self.bell.rings.lock().unwrap();
        while *rings == 0 {
            rings = self.bell.rung.wait(rings).unwrap();
        }
        assert_eq!(*rings, 1, "rung once a sleep");
        *rings = 0;
    }

    /// Whether it was rung since it slept, or since this was asked; more than once where polls are refused.
    pub fn was_rung(&self) -> bool {
        std::mem::take(&mut *self.bell.rings.lock().unwrap()) > 0
    }

    /// How often it was rung since it slept.
    pub fn rings(&self) -> u32 {
        self.bell.rings()
    }

    /// Gets items as an event loop does, until it has `count`.
    pub fn get(&self, queue: &Queue, count: usize) -> Vec<u64> {
        let mut got = Vec::new();
        while got.len() < count {
            self.sleep();
            while poll(&self.poller) > 0 {
                got.extend(get(queue, NOW));
            }
        }
        got
    }
}

/// When nothing moves any more: every loop that was rung takes one item, and then there is none, or
/// another loop has been rung, or all have been.
pub fn nobody_sleeps_beside_an_item(queue: &Queue, loops: &[&Loop]) {
    let mut awake = 0;
    while let Some(woken) = loops.iter().find(|each| each.rings() > 0) {
        woken.sleep();
        awake += 1;
        let _ = get(queue, NOW);
    }
    assert!(queue.is_empty() || awake == loops.len(), "a loop sleeps beside an item");
}

/// A poller keeps watches that have just become quiet for another look, but does not look again itself.
pub const KEEPS: Linger = Linger::Nanoseconds(0);
/// Looks once more.
pub const LOOKS: Linger = Linger::Nanoseconds(1);

pub fn poller(backend: Backend, linger: Linger) -> Shared<Poller> {
    let config = PollerConfig { backend, mode: Mode::Level, linger };
    Poller::new(config).expect("memory for a poller")
}

/// How many events a poll of up to four reports.
pub fn poll(poller: &Poller) -> usize {
    try_poll(poller).expect("nobody else polls")
}

/// The same where somebody else may poll.
pub fn try_poll(poller: &Poller) -> Result<usize, Status> {
    let mut out = reports();
    // SAFETY: room for four.
    unsafe { poller.poll(out.as_mut_ptr(), out.len()) }
}

pub fn wait(poller: &Poller, timeout: Timeout) -> Result<usize, Status> {
    let mut out = reports();
    // SAFETY: room for four.
    unsafe { poller.wait(out.as_mut_ptr(), out.len(), timeout) }
}

fn reports() -> [Report; 4] {
    [(); 4].map(|()| Report { queue: std::ptr::null_mut(), data: std::ptr::null_mut(), events: 0 })
}

pub fn readable(fd: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor to look at.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}
