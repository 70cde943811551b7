//! One queue under test beside what the specification says of it.

use std::ffi::c_void;
use std::ptr;

use bridgeq::ffi::batch::{bq_get_many, bq_put_many};
use bridgeq::ffi::end::{BQ_DISCARD, BQ_DRAIN, bq_clear, bq_shutdown};
use bridgeq::ffi::events::bq_poll;
use bridgeq::ffi::inspect::{
    bq_capacity, bq_len, bq_queue_stats, bq_set_capacity, bq_stats, bq_unfinished,
};
use bridgeq::ffi::items::{bq_get, bq_peek, bq_put, bq_put_priority};
use bridgeq::ffi::queue::{BQ_PRIORITY, bq_queue, bq_queue_new, bq_queue_ref, bq_queue_unref};
use bridgeq::ffi::status::{
    BQ_EMPTY, BQ_FULL, BQ_INVALID, BQ_NO_MEMORY, BQ_OK, BQ_SHUTDOWN, bq_status,
};
use bridgeq::ffi::tasks::{bq_join, bq_task_done};

use super::input::Input;
use super::options::{Asked, CAPACITIES, Context, TOO_LARGE, timeout};
use super::say;
use crate::spec::{Order, Spec};

const MOST_AT_ONCE: usize = 48;
/// What a buffer holds that nobody has written to.
const UNTOUCHED: u8 = 0xa5;

pub struct TestedQueue {
    pub handle: *mut bq_queue,
    /// References that the test holds, and those that pollers do.
    pub references: usize,
    pub watchers: usize,
    pub spec: Spec,
    size: usize,
    takes_priority: bool,
    drops: bool,
    context: Box<Context>,
    counter: u64,
}

impl TestedQueue {
    /// Makes a queue, or fails to.
    pub fn new(input: &mut Input<'_>) -> Option<Self> {
        let mut asked = Asked::new(input);
        let options = &mut asked.options.today;
        let size = if options.item_size == 0 { 8 } else { options.item_size };
        let context = Context::new(size);
        options.context = ptr::from_ref(&*context).cast_mut().cast();
        let mut handle = ptr::null_mut();
        if input.rarely() {
            assert_eq!(unsafe { bq_queue_new(asked.pointer(), ptr::null_mut()) }, BQ_INVALID);
        }
        let status = unsafe { bq_queue_new(asked.pointer(), &raw mut handle) };
        assert_eq!(status, if asked.order.is_some() { BQ_OK } else { BQ_INVALID });
        assert_eq!(handle.is_null(), asked.order.is_none());
        let (order, options) = (asked.order?, asked.options.today);
        say(|| format!("bq_queue_new: {handle:p}, {order:?}, {}, {size}", options.capacity));
        Some(Self {
            handle,
            references: 1,
            watchers: 0,
            spec: Spec::new(order, options.capacity),
            size,
            takes_priority: options.order == BQ_PRIORITY && options.compare.is_none(),
            drops: options.drop.is_some(),
            context,
            counter: 0,
        })
    }

    pub fn is_alive(&self) -> bool {
        self.references + self.watchers > 0
    }

    pub fn take_reference(&mut self) {
        say(|| format!("bq_queue_ref({:p})", self.handle));
        assert_eq!(unsafe { bq_queue_ref(self.handle) }, self.handle);
        self.references += 1;
    }

    pub fn release_reference(&mut self) {
        say(|| format!("bq_queue_unref({:p})", self.handle));
        unsafe { bq_queue_unref(self.handle) };
        self.references -= 1;
        self.died();
    }

    /// After a reference was released: the last one has discarded what was left.
    pub fn died(&mut self) {
        let left = if self.is_alive() { Vec::new() } else { self.spec.clear() };
        self.check_dropped(&left);
    }

    fn item(&self, number: u64) -> Vec<u8> {
        let mut item = vec![(number >> 8) as u8; self.size];
        let start = self.size.min(8);
        item[..start].copy_from_slice(&number.to_le_bytes()[..start]);
        item
    }

    /// Another item: its first byte, by which it may be compared, and its bytes.
    fn fresh(&mut self, input: &mut Input<'_>) -> (u64, Vec<u8>) {
        self.counter += 1;
        let number = self.counter << 8 | u64::from(input.byte() % 8);
        let bytes = if self.is_too_large() { vec![0; 64] } else { self.item(number) };
        (number, bytes)
    }

    fn is_too_large(&self) -> bool {
        self.size == TOO_LARGE
    }

    /// Large items take their time.
    fn most_at_once(&self) -> usize {
        if self.size > 5000 { MOST_AT_ONCE / 6 } else { MOST_AT_ONCE }
    }

    /// The priority of an item, where it is not said.
    fn rank(&self, number: u64) -> i64 {
        if self.takes_priority { 0 } else { (number & 0xff) as i64 }
    }

    /// What a put of one will say.
    fn will_put(&self) -> bq_status {
        match () {
            () if self.spec.shut => BQ_SHUTDOWN,
            () if self.spec.room() == 0 => BQ_FULL,
            () if self.is_too_large() => BQ_NO_MEMORY,
            () => BQ_OK,
        }
    }

    pub fn put(&mut self, input: &mut Input<'_>) {
        let (number, item) = self.fresh(input);
        let will = self.will_put();
        let (timeout_ns, good) = timeout(input, will == BQ_FULL);
        let item = if input.rarely() { ptr::null() } else { item.as_ptr() };
        say(|| format!("bq_put({:p}, {number:#x}, {timeout_ns})", self.handle));
        let want = if good && !item.is_null() { will } else { BQ_INVALID };
        assert_eq!(unsafe { bq_put(self.handle, item.cast(), timeout_ns) }, want);
        if want == BQ_OK {
            assert_eq!(self.spec.put(number, self.rank(number)), BQ_OK);
        }
    }

    pub fn put_priority(&mut self, input: &mut Input<'_>) {
        let (number, item) = self.fresh(input);
        let priority = input.pick(&[0, 1, -1, 2, i64::MIN, i64::MAX]);
        let will = self.will_put();
        let (timeout_ns, good) = timeout(input, will == BQ_FULL);
        let want = if good && self.takes_priority { will } else { BQ_INVALID };
        say(|| format!("bq_put_priority({:p}, {number:#x}, {priority})", self.handle));
        let status =
            unsafe { bq_put_priority(self.handle, item.as_ptr().cast(), priority, timeout_ns) };
        assert_eq!(status, want);
        if want == BQ_OK {
            assert_eq!(self.spec.put(number, priority), BQ_OK);
        }
    }

    pub fn put_many(&mut self, input: &mut Input<'_>) {
        let real = if self.is_too_large() { 1 } else { 1 + input.below(self.most_at_once()) };
        let items: Vec<_> = (0..real).map(|_| self.fresh(input)).collect();
        let bytes = items.iter().map(|(_, bytes)| &bytes[..]).collect::<Vec<_>>().concat();
        let count = odd_count(input, self.size).unwrap_or(real);
        let put = self.spec.room().min(count);
        let (timeout_ns, good) = timeout(input, !self.spec.shut && put < count);
        let pointer = if input.rarely() { ptr::null() } else { bytes.as_ptr() };
        let want = match self.will_put() {
            _ if !good || count != real || pointer.is_null() => BQ_INVALID as isize,
            BQ_OK => put as isize,
            will => will as isize,
        };
        say(|| format!("bq_put_many({:p}, {count}, {timeout_ns})", self.handle));
        let got = unsafe { bq_put_many(self.handle, pointer.cast(), count, timeout_ns) };
        assert_eq!(got, want);
        for &(number, _) in items.iter().take(usize::try_from(want).unwrap_or(0)) {
            assert_eq!(self.spec.put(number, self.rank(number)), BQ_OK);
        }
    }

    /// A buffer that shows what was written to it.
    fn buffer(&self, items: usize) -> Vec<u8> {
        vec![UNTOUCHED; if self.is_too_large() { 64 } else { items * self.size } + 1]
    }

    /// The item that came out must be one that may leave now; which one.
    fn identify(&self, bytes: &[u8]) -> u64 {
        let is_it = |&number: &u64| self.spec.may_leave(number) && self.item(number) == bytes;
        let found = self.spec.numbers().find(is_it);
        found.unwrap_or_else(|| panic!("{bytes:?} came out of {:?}", self.spec))
    }

    pub fn get(&mut self, input: &mut Input<'_>) {
        if let Some(number) = self.look_at_next(input, bq_get) {
            self.spec.get(number);
        }
    }

    pub fn peek(&mut self, input: &mut Input<'_>) {
        self.look_at_next(input, bq_peek);
    }

    /// Gets or peeks; which item that gave.
    fn look_at_next(
        &self,
        input: &mut Input<'_>,
        call: unsafe extern "C" fn(*mut bq_queue, *mut c_void, i64) -> bq_status,
    ) -> Option<u64> {
        let next = self.spec.next();
        let (timeout_ns, good) = timeout(input, next == Err(BQ_EMPTY));
        let mut buffer = self.buffer(1);
        let item = if input.rarely() { ptr::null_mut() } else { buffer.as_mut_ptr() };
        let want = match next {
            _ if !good || item.is_null() => BQ_INVALID,
            Ok(_) => BQ_OK,
            Err(why) => why,
        };
        say(|| format!("bq_get or bq_peek({:p}, {timeout_ns})", self.handle));
        assert_eq!(unsafe { call(self.handle, item.cast(), timeout_ns) }, want);
        let written = if want == BQ_OK { self.size } else { 0 };
        assert!(is_untouched(&buffer[written..]));
        (want == BQ_OK).then(|| self.identify(&buffer[..written]))
    }

    pub fn get_many(&mut self, input: &mut Input<'_>) {
        let real = 1 + input.below(self.most_at_once());
        let max = odd_count(input, self.size).unwrap_or(real);
        let fits = max.checked_mul(self.size).is_some_and(|bytes| bytes <= isize::MAX as usize);
        let next = self.spec.next();
        let (timeout_ns, good) = timeout(input, next == Err(BQ_EMPTY));
        let mut buffer = self.buffer(real);
        let want = match next {
            _ if !good || max == 0 || !fits => BQ_INVALID as isize,
            Ok(_) => self.spec.len().min(max) as isize,
            Err(why) => why as isize,
        };
        let items = buffer.as_mut_ptr().cast();
        say(|| format!("bq_get_many({:p}, {max}, {timeout_ns})", self.handle));
        assert_eq!(unsafe { bq_get_many(self.handle, items, max, timeout_ns) }, want);
        let got = usize::try_from(want).unwrap_or(0);
        let written = if got > 0 { got * self.size } else { 0 };
        assert!(is_untouched(&buffer[written..]));
        for at in 0..got {
            let number = self.identify(&buffer[at * self.size..][..self.size]);
            self.spec.get(number);
        }
    }

    pub fn task_done(&mut self, input: &mut Input<'_>) {
        let count = input.pick(&[1, 0, 2, 3, 10, self.spec.unfinished(), usize::MAX]);
        say(|| format!("bq_task_done({:p}, {count})", self.handle));
        let want = self.spec.task_done(count as u64);
        assert_eq!(unsafe { bq_task_done(self.handle, count) }, want);
    }

    pub fn join(&mut self, input: &mut Input<'_>) {
        let will = self.spec.join();
        let (timeout_ns, good) = timeout(input, will != BQ_OK);
        let want = if good { will } else { BQ_INVALID };
        say(|| format!("bq_join({:p}, {timeout_ns})", self.handle));
        assert_eq!(unsafe { bq_join(self.handle, timeout_ns) }, want);
    }

    pub fn shutdown(&mut self, input: &mut Input<'_>) {
        let mode = input.pick(&[BQ_DRAIN, BQ_DISCARD, 2, u32::MAX]);
        let want = if mode > BQ_DISCARD { BQ_INVALID } else { BQ_OK };
        say(|| format!("bq_shutdown({:p}, {mode})", self.handle));
        assert_eq!(unsafe { bq_shutdown(self.handle, mode) }, want);
        self.spec.shut |= want == BQ_OK;
        let discarded = if mode == BQ_DISCARD { self.spec.clear() } else { Vec::new() };
        self.check_dropped(&discarded);
    }

    pub fn clear(&mut self) {
        let cleared = self.spec.clear();
        say(|| format!("bq_clear({:p})", self.handle));
        assert_eq!(unsafe { bq_clear(self.handle) }, cleared.len());
        self.check_dropped(&cleared);
    }

    /// A clear whose `drop` puts each item back: those stay.
    pub fn clear_in_vain(&mut self) {
        if !self.drops {
            return self.clear();
        }
        let cleared: Vec<u64> = self.spec.numbers().collect();
        say(|| format!("bq_clear({:p}), drop calls bq_put", self.handle));
        self.context.puts_back.set((self.handle, cleared.len()));
        assert_eq!(unsafe { bq_clear(self.handle) }, cleared.len());
        self.context.puts_back.set((ptr::null_mut(), 0));
        let dropped = self.context.dropped.borrow().clone();
        self.check_dropped(&cleared);
        cleared.iter().for_each(|&number| self.spec.discard(number));
        let in_turn = self.spec.order == Order::Fifo;
        let mut left = cleared;
        let discarded = left.len() as u64;
        for (bytes, status) in dropped.iter().zip(self.context.put_back.take()) {
            let at = left.iter().position(|&number| self.item(number) == *bytes);
            let number = left.remove(at.expect("it was checked"));
            assert!(at == Some(0) || !in_turn, "discarded out of turn");
            assert_eq!(self.spec.put(number, self.rank(number)), status);
        }
        self.spec.count_discarded(discarded);
    }

    pub fn poll(&mut self, input: &mut Input<'_>) {
        let unknown = if input.rarely() { 32 << 9 } else { 0 };
        let events = (u32::from(input.byte()) % 32) | unknown;
        let will = if (1..32).contains(&events) { self.spec.events() & events } else { 0 };
        let (timeout_ns, good) = timeout(input, will == 0 && (1..32).contains(&events));
        let want = if good { will } else { 0 };
        say(|| format!("bq_poll({:p}, {events}, {timeout_ns})", self.handle));
        assert_eq!(unsafe { bq_poll(self.handle, events, timeout_ns) }, want);
    }

    pub fn set_capacity(&mut self, input: &mut Input<'_>) {
        self.spec.capacity = input.pick(&CAPACITIES);
        say(|| format!("bq_set_capacity({:p}, {})", self.handle, self.spec.capacity));
        assert_eq!(unsafe { bq_set_capacity(self.handle, self.spec.capacity) }, BQ_OK);
    }

    /// Everything that can be read, against what is known.
    pub fn look(&self, input: &mut Input<'_>) {
        let spec = &self.spec;
        let lengths =
            unsafe { (bq_len(self.handle), bq_capacity(self.handle), bq_unfinished(self.handle)) };
        assert_eq!(lengths, (spec.len(), spec.capacity, spec.unfinished()));
        const WORDS: usize = size_of::<bq_stats>() / 8;
        let size = if input.rarely() { input.below(size_of::<bq_stats>()) } else { WORDS * 8 };
        let mut words = [u64::MAX; WORDS];
        words[0] = size as u64;
        let status = unsafe { bq_queue_stats(self.handle, words.as_mut_ptr().cast()) };
        assert_eq!(status, if size < 8 { BQ_INVALID } else { BQ_OK });
        let want = [
            (1, spec.puts),
            (2, spec.gets),
            (3, spec.discards),
            (5, spec.len() as u64),
            (6, spec.capacity as u64),
            (7, spec.unfinished() as u64),
            (8, 0),
            (9, 0),
            (10, 0),
        ];
        for (word, value) in want {
            let written = (word + 1) * 8 <= size && size >= 8;
            assert_eq!(words[word], if written { value } else { u64::MAX }, "field {word}");
        }
        assert!(size < WORDS * 8 || words[11] <= self.watchers as u64);
    }

    /// Exactly these items were handed to `drop` since the last time.
    fn check_dropped(&self, numbers: &[u64]) {
        let mut dropped = self.context.dropped.take();
        let expected = numbers.iter().filter(|_| self.drops);
        let mut expected: Vec<_> = expected.map(|&number| self.item(number)).collect();
        dropped.sort_unstable();
        expected.sort_unstable();
        assert_eq!(dropped, expected);
    }
}

fn is_untouched(buffer: &[u8]) -> bool {
    buffer == vec![UNTOUCHED; buffer.len()]
}

/// Now and then a number of items that is no length of an array.
fn odd_count(input: &mut Input<'_>, size: usize) -> Option<usize> {
    input.rarely().then(|| match input.below(4) {
        0 => 0,
        1 => usize::MAX,
        2 => isize::MAX as usize / size + 1,
        _ => (usize::MAX / size).wrapping_add(1), // of so few bytes that they fit, if nobody minds
    })
}
