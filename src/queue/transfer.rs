//! Items in and out. Try, timed and blocking are one body with three deadlines. A call whose deadline has passed
//! tries once more: the wake-up for what it waits for may have gone to one that does not come.

use super::waiting::{Waited, Waiting};
use super::{Priorities, Queue};
use crate::status::Status;
use crate::store::{Due, End, NotGot, NotPut};
use crate::sync::{Ordering, fence};
use crate::sys::clock::Timeout;
use crate::sys::fork;
use crate::wait::{Attention, Events};

impl Queue {
    /// # Safety
    /// `item` is one item long.
    pub unsafe fn put(&self, item: *const u8, timeout: Timeout) -> Result<(), Status> {
        // SAFETY: passed on.
        unsafe {
            if self.store.push_at_once(item) {
                self.came_in(1);
                return Ok(());
            }
            self.put_one(item, 0, timeout)
        }
    }

    /// The usual case of [`Self::put`], which neither waits nor calls anything. `Some`: it was the case, and this
    /// is left to do, see [`Self::tell_of_items`]. `None`: nothing has changed.
    ///
    /// # Safety
    /// As for [`Self::put`], but a child of fork() may try.
    #[inline(always)]
    pub unsafe fn put_short(&self, item: *const u8) -> Option<Attention> {
        if self.short_way != fork::life() {
            return None;
        }
        // SAFETY: passed on; that life is for stores with the short way only.
        let due = unsafe { self.store.push_short(item) }?;
        Some(with_look(self.attention_to_items(), due))
    }

    /// # Safety
    /// `item` is one item long.
    pub unsafe fn put_priority(
        &self,
        item: *const u8,
        priority: i64,
        timeout: Timeout,
    ) -> Result<(), Status> {
        if self.priorities == Priorities::Ignored {
            return Err(Status::Invalid);
        }
        // SAFETY: passed on.
        unsafe { self.put_one(item, priority, timeout) }
    }

    /// # Safety
    /// As for [`Self::put`].
    #[inline(never)]
    unsafe fn put_one(
        &self,
        item: *const u8,
        priority: i64,
        timeout: Timeout,
    ) -> Result<(), Status> {
        // SAFETY: passed on.
        let push = || unsafe { self.store.push(item, priority) };
        match push() {
            Ok(()) => {}
            Err(why) => self.until_put(why, timeout, push)?,
        }
        self.came_in(1);
        Ok(())
    }

    /// # Safety
    /// `items` is `count` items long.
    pub unsafe fn put_many(
        &self,
        items: *const u8,
        count: usize,
        timeout: Timeout,
    ) -> Result<usize, Status> {
        self.check_array(count)?;
        let mut put = 0;
        let mut waiting = Waiting::new(self, Events::WRITABLE, timeout);
        let mut waited = Waited::TryAgain;
        let why = loop {
            // SAFETY: the rest of the caller's array.
            let rest = unsafe { items.add(put * self.store.item().size()) };
            // SAFETY: as above.
            match unsafe { self.store.push_many(rest, count - put) } {
                Ok(more) => {
                    put += more;
                    self.came_in(more);
                    if put == count {
                        return Ok(put);
                    }
                }
                Err(why) => {
                    if why != NotPut::Full || waited == Waited::DeadlinePassed {
                        break why;
                    }
                    waited = waiting.wait();
                }
            }
        };
        let refused = self.refuse(why); // also when some are in: it passes on what this call has no use for
        if put > 0 { Ok(put) } else { Err(refused) }
    }

    /// # Safety
    /// `item` has room for one item.
    pub unsafe fn get(&self, item: *mut u8, timeout: Timeout) -> Result<(), Status> {
        // SAFETY: passed on.
        unsafe {
            if self.store.pop_at_once(item) {
                self.went_out(1);
                return Ok(());
            }
            self.get_one(item, timeout)
        }
    }

    /// The usual case of [`Self::get`], which neither waits nor calls anything. `Some`: it was the case, and this
    /// is left to do, see [`Self::tell_of_room`]. `None`: nothing has changed.
    ///
    /// # Safety
    /// As for [`Self::get`], but a child of fork() may try.
    #[inline(always)]
    pub unsafe fn get_short(&self, item: *mut u8) -> Option<Attention> {
        if self.short_way != fork::life() {
            return None;
        }
        // SAFETY: passed on; that life is for stores with the short way only.
        let due = unsafe { self.store.pop_short(item) }?;
        Some(with_look(self.attention_to_room(), due))
    }

    /// # Safety
    /// As for [`Self::get`].
    #[inline(never)]
    unsafe fn get_one(&self, item: *mut u8, timeout: Timeout) -> Result<(), Status> {
        // SAFETY: passed on.
        let pop = || unsafe { self.store.pop(item) };
        match pop() {
            Ok(()) => {}
            Err(why) => self.until_got(why, timeout, pop)?,
        }
        self.went_out(1);
        Ok(())
    }

    /// # Safety
    /// `items` has room for `max` items.
    pub unsafe fn get_many(
        &self,
        items: *mut u8,
        max: usize,
        timeout: Timeout,
    ) -> Result<usize, Status> {
        self.check_array(max)?;
        // SAFETY: passed on.
        let pop = || unsafe { self.store.pop_many(items, max) };
        let got = match pop() {
            Ok(got) => got,
            Err(why) => self.until_got(why, timeout, pop)?,
        };
        self.went_out(got);
        Ok(got)
    }

    /// # Safety
    /// `item` has room for one item.
    pub unsafe fn peek(&self, item: *mut u8, timeout: Timeout) -> Result<(), Status> {
        // SAFETY: passed on.
        let peek = || unsafe { self.store.peek(item) };
        let Err(why) = peek() else { return Ok(()) };
        self.until_got(why, timeout, peek)?;
        // The item is still there: if a wake-up brought this caller here, it is good for one more.
        self.pass_on(Events::READABLE);
        Ok(())
    }

    /// Waits until one of `events` holds; those that do, none at the deadline.
    pub fn poll(&self, events: Events, timeout: Timeout) -> Events {
        // ORDERING: SeqCst; as in Fifo::len, of what the caller has put into or got from another queue.
        fence(Ordering::SeqCst);
        let mut holds = self.current(events);
        if !holds.is_empty() || timeout == Timeout::NONE {
            return holds;
        }
        let mut waiting = Waiting::new(self, events, timeout);
        while holds.is_empty() {
            if waiting.wait() == Waited::DeadlinePassed {
                return self.current(events);
            }
            holds = self.current(events);
        }
        if waiting.owes() {
            self.pass_on(events); // this caller takes nothing: what holds, holds for the next one as well
        }
        holds
    }

    pub fn set_capacity(&self, capacity: usize) {
        self.store.set_capacity(capacity);
        // ORDERING: pairs with the read-modify-write of a get, which looks at the limit after it: where more are
        // queued than the old limit allowed, one of the two sees that there is room now.
        fence(Ordering::SeqCst);
        self.store.order(End::Head);
        self.let_puts_in(self.store.room());
    }

    #[cold]
    fn until_put(
        &self,
        mut why: NotPut,
        timeout: Timeout,
        mut push: impl FnMut() -> Result<(), NotPut>,
    ) -> Result<(), Status> {
        if timeout == Timeout::NONE {
            return Err(self.refuse(why));
        }
        let mut waiting = Waiting::new(self, Events::WRITABLE, timeout);
        let mut waited = Waited::TryAgain;
        while why == NotPut::Full && waited != Waited::DeadlinePassed {
            waited = waiting.wait();
            match push() {
                Ok(()) => return Ok(()),
                Err(again) => why = again,
            }
        }
        Err(self.refuse(why))
    }

    #[cold]
    fn until_got<T>(
        &self,
        mut why: NotGot,
        timeout: Timeout,
        mut pop: impl FnMut() -> Result<T, NotGot>,
    ) -> Result<T, Status> {
        if why != NotGot::Drained && timeout == Timeout::NONE {
            return Err(Status::Empty);
        }
        let mut waiting = Waiting::new(self, Events::READABLE, timeout);
        let mut waited = Waited::TryAgain;
        while why != NotGot::Drained && waited != Waited::DeadlinePassed {
            waited = waiting.wait();
            match pop() {
                Ok(got) => return Ok(got),
                Err(again) => why = again,
            }
        }
        Err(if why == NotGot::Drained { Status::Shutdown } else { Status::Empty })
    }

    /// The status of a put that goes no further.
    fn refuse(&self, why: NotPut) -> Status {
        match why {
            NotPut::Full => Status::Full,
            NotPut::Shut => Status::Shutdown,
            NotPut::NoMemory => {
                // There is room all the same: if a wake-up told of it, another may have more luck.
                self.pass_on(Events::WRITABLE);
                Status::NoMemory
            }
        }
    }

    /// `Invalid`: no array is that long.
    fn check_array(&self, count: usize) -> Result<(), Status> {
        let bytes = count.checked_mul(self.store.item().size());
        let fits = bytes.is_some_and(|bytes| bytes <= isize::MAX as usize);
        if count > 0 && fits { Ok(()) } else { Err(Status::Invalid) }
    }
}

#[inline(always)]
fn with_look(attention: Attention, due: Due) -> Attention {
    match due {
        Due::Nothing => attention,
        Due::LookRound => attention.or(Attention::LOOK_ROUND),
    }
}
