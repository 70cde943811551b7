//! The threads that are calling `wake`, so that the last unref can wait for them: when it has returned, the
//! context of that function may be freed.

use std::ptr;

use crate::sync::{Cell, Mutex};
use crate::sys::clock::Deadline;
use crate::sys::fork;
use crate::sys::park::Parker;
use crate::sys::thread::{self, Thread};

pub(super) struct Callers(Mutex<Inner>);

struct Inner {
    /// Threads that are about to look whether the loop sleeps, or have found it asleep and call.
    first: *const Caller,
    closer: Option<Closer>,
}

/// The thread that waits for the callers to end.
struct Closer {
    thread: Thread,
    parker: *const Parker,
}

// SAFETY: what the pointers name stays where it is while it is here, and is used under the lock.
unsafe impl Send for Inner {}

/// One call, on the stack of its thread.
struct Caller {
    thread: Thread,
    next: Cell<*const Caller>,
}

impl Inner {
    fn all(&self) -> impl Iterator<Item = &Caller> {
        // SAFETY: a caller takes itself off under the lock, before it goes.
        let mut at = unsafe { self.first.as_ref() };
        std::iter::from_fn(move || {
            let caller = at?;
            // SAFETY: as above.
            at = unsafe { caller.next.get().as_ref() };
            Some(caller)
        })
    }

    /// Whether a thread other than this one calls.
    fn another_than(&self, thread: Thread) -> bool {
        self.all().any(|caller| caller.thread != thread)
    }

    fn remove(&mut self, caller: &Caller) {
        let next = caller.next.get();
        if ptr::eq(self.first, caller) {
            self.first = next;
        } else if let Some(before) = self.all().find(|other| ptr::eq(other.next.get(), caller)) {
            before.next.set(next);
        }
    }
}

impl Callers {
    pub fn new() -> Self {
        Self(Mutex::new(Inner { first: ptr::null(), closer: None }))
    }

    /// Runs what may call `wake`.
    pub fn during<R>(&self, call: impl FnOnce() -> R) -> R {
        let caller = Caller { thread: thread::current(), next: Cell::new(ptr::null()) };
        {
            let mut inner = self.0.lock();
            caller.next.set(inner.first);
            inner.first = &raw const caller;
        }
        let life = fork::life();
        let result = call();
        if life != fork::life() {
            return result; // a child that `wake` has made: the lock's holder is not in it, and nobody waits
        }
        let mut inner = self.0.lock();
        inner.remove(&caller);
        let unpark = match &inner.closer {
            // SAFETY: the closer stays until it is unparked, which is done once: it is taken off here.
            Some(closer) if !inner.another_than(closer.thread) => unsafe {
                Some((*closer.parker).unpark())
            },
            _ => None,
        };
        if unpark.is_some() {
            inner.closer = None;
        }
        drop(inner);
        if let Some(unparker) = unpark {
            unparker.wake();
        }
        result
    }

    /// Waits until no thread calls any more, except this one further down on its stack. Threads that come later
    /// must not call.
    pub fn until_none(&self) {
        let thread = thread::current();
        let parker = Parker::new();
        {
            let mut inner = self.0.lock();
            if !inner.another_than(thread) {
                return;
            }
            inner.closer = Some(Closer { thread, parker: &raw const parker });
        }
        parker.park(Deadline::Never);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::thread::{scope, yield_now};

    #[test]
    fn one_that_has_waited_inside_of_a_call_is_not_called_again_when_that_is_over() {
        let callers = Callers::new();
        let waits = || callers.0.lock().closer.is_some();
        scope(|scope| {
            scope.spawn(|| {
                callers.during(|| {
                    while !waits() {
                        yield_now();
                    }
                });
            });
            while callers.0.lock().first.is_null() {
                yield_now();
            }
            callers.during(|| callers.until_none());
            assert!(!waits());
        });
    }
}
