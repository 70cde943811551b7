//! Real threads that run programs, close together and disturbed.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::checker::History;
use super::plan::{Program, Random};
use super::run::{MOST_THREADS, Run};

/// Threads that run programs, one after the other.
pub struct Crew {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    ids: Vec<libc::pthread_t>,
}

struct Shared {
    run: Mutex<Option<Arc<Run>>>,
    round: AtomicUsize,
    ready: AtomicUsize,
    done: AtomicUsize,
    over: AtomicBool,
    failed: AtomicBool,
    /// Nothing to do for a while: others need the processors.
    resting: AtomicBool,
    seed: AtomicU64,
}

impl Crew {
    pub fn new() -> Self {
        stall_on_signal();
        let shared = Arc::new(Shared {
            run: Mutex::new(None),
            round: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            resting: AtomicBool::new(true),
            seed: AtomicU64::new(0),
        });
        let start = |me| {
            let shared = shared.clone();
            thread::spawn(move || shared.work(me))
        };
        let threads: Vec<_> = (0..MOST_THREADS).map(start).collect();
        use std::os::unix::thread::JoinHandleExt;
        let ids = threads.iter().map(JoinHandleExt::as_pthread_t).collect();
        Self { shared, threads, ids }
    }

    /// Runs programs; their histories.
    pub fn run_all(&self, programs: Vec<Program>, random: &mut Random) -> Vec<History> {
        self.shared.resting.store(false, SeqCst);
        self.wake();
        let histories = programs.into_iter().map(|program| self.run(program, random)).collect();
        self.shared.resting.store(true, SeqCst);
        histories
    }

    fn wake(&self) {
        self.threads.iter().for_each(|thread| thread.thread().unpark());
    }

    /// Runs a program and disturbs its threads meanwhile.
    fn run(&self, program: Program, random: &mut Random) -> History {
        let run = Arc::new(Run::new(program));
        run.before();
        let shared = &self.shared;
        *shared.run.lock().expect("nobody fails under it") = Some(run.clone());
        shared.seed.store(random.next(), SeqCst);
        shared.ready.store(0, SeqCst);
        shared.done.store(0, SeqCst);
        shared.round.fetch_add(1, SeqCst);
        let mut stalls = random.pick(&[0, 0, 1, 2, 5]);
        while shared.done.load(SeqCst) < MOST_THREADS {
            if stalls > 0 {
                stalls -= 1;
                let victim = self.ids[random.below(run.threads())];
                // SAFETY: a thread of this crew, which is not joined before it is dropped.
                unsafe { libc::pthread_kill(victim, libc::SIGUSR1) };
            }
            thread::yield_now();
        }
        assert!(!shared.failed.load(SeqCst), "a thread failed, see above");
        *shared.run.lock().expect("nobody fails under it") = None;
        run.after()
    }

    /// Lets the threads run on these processors.
    pub fn pin(&self, random: &mut Random) {
        for &id in &self.ids {
            let processors = random.pick(&[1, 2, 3, 3]);
            // SAFETY: an all-zero set is empty; the thread is one of this crew.
            unsafe {
                let mut set: libc::cpu_set_t = std::mem::zeroed();
                (0..2).filter(|cpu| processors >> cpu & 1 == 1).for_each(|cpu| {
                    libc::CPU_SET(cpu, &mut set);
                });
                libc::pthread_setaffinity_np(id, size_of_val(&set), &raw const set);
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.over.store(true, SeqCst);
        self.shared.round.fetch_add(1, SeqCst);
        self.wake();
        for thread in self.threads.drain(..) {
            // A thread that has failed has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn work(&self, me: usize) {
        for round in 1.. {
            while self.round.load(SeqCst) < round {
                let wait = if self.resting.load(SeqCst) { thread::park } else { thread::yield_now };
                wait();
            }
            if self.over.load(SeqCst) {
                return;
            }
            let run = self.run.lock().expect("nobody fails under it").clone();
            let run = run.expect("a round has a run");
            let mut random = Random::new(self.seed.load(SeqCst) ^ me as u64);
            let done = CountsAsDone(self);
            if me < run.threads() {
                self.ready.fetch_add(1, SeqCst);
                while self.ready.load(SeqCst) < run.threads() {
                    thread::yield_now();
                }
                run.thread(me, || pause(&mut random));
            }
            drop(done);
        }
    }
}

/// Counts a thread as done even if it fails.
struct CountsAsDone<'a>(&'a Shared);

impl Drop for CountsAsDone<'_> {
    fn drop(&mut self) {
        self.0.failed.fetch_or(thread::panicking(), SeqCst);
        self.0.done.fetch_add(1, SeqCst);
    }
}

/// Nothing, a moment, or another thread's turn.
fn pause(random: &mut Random) {
    match random.below(8) {
        0 => thread::yield_now(),
        1..=3 => (0..random.below(60)).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

/// A signal stalls the thread that it hits, wherever it is.
fn stall_on_signal() {
    extern "C" fn stall(_: i32) {
        let some = libc::timespec { tv_sec: 0, tv_nsec: 1000 };
        // SAFETY: async-signal-safe; nothing else is asked for.
        unsafe { libc::nanosleep(&raw const some, std::ptr::null_mut()) };
    }
    // SAFETY: the handler does nothing that a handler must not.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = stall as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
}
