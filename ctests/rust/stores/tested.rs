//! A store beside what the specification says of it.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use bridgeq::ffi::status::{BQ_EMPTY, BQ_FULL, BQ_OK, BQ_SHUTDOWN, bq_status};
use bridgeq::store::{Compare, ItemLayout, NotGot, NotPut, Store};

use super::sequence::{Kind, Sequence, Step};
use super::spec::{Order, Spec};

/// What `compare` was given.
struct Seen {
    align: usize,
    misaligned: Cell<bool>,
    lies: Cell<u32>,
}

impl Seen {
    unsafe fn look(context: *mut c_void, items: [*const c_void; 2]) -> &'static Self {
        // SAFETY: the context is the one that outlives its store.
        let seen = unsafe { &*context.cast::<Self>() };
        let aligned = items.iter().all(|item| item.addr().is_multiple_of(seen.align));
        seen.misaligned.set(seen.misaligned.get() || !aligned);
        seen
    }
}

unsafe extern "C" fn by_first_byte(a: *const c_void, b: *const c_void, seen: *mut c_void) -> c_int {
    // SAFETY: items are at least one byte long.
    unsafe {
        Seen::look(seen, [a, b]);
        c_int::from(*a.cast::<u8>()) - c_int::from(*b.cast::<u8>())
    }
}

unsafe extern "C" fn liar(a: *const c_void, b: *const c_void, seen: *mut c_void) -> c_int {
    // SAFETY: passed on.
    let lies = unsafe { &Seen::look(seen, [a, b]).lies };
    lies.set(lies.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    (lies.get() >> 16) as c_int % 3 - 1
}

pub struct Tested {
    store: Store,
    spec: Spec,
    kind: Kind,
    size: usize,
    align: usize,
    askew: usize,
    seen: Box<Seen>,
    counter: u64,
}

impl Tested {
    pub fn new(sequence: &Sequence) -> Self {
        let &Sequence { kind, size, capacity, askew, .. } = sequence;
        let item = ItemLayout::new(size).expect("such items exist");
        let align = item.align();
        let seen = Box::new(Seen { align, misaligned: Cell::new(false), lies: Cell::new(7) });
        let context = (&raw const *seen).cast_mut().cast();
        // SAFETY: both take any two items and this context, which outlives the store.
        let compare = |function| unsafe { Compare::new(function, context) };
        let (store, order) = match kind {
            Kind::Fifo => (Store::fifo(item, capacity), Order::Fifo),
            Kind::Lifo => (Store::lifo(item, capacity), Order::Lifo),
            Kind::Priority => (Store::by_priority(item, capacity), Order::Priority),
            Kind::Compare => {
                (Store::by_compare(item, compare(by_first_byte), capacity), Order::Priority)
            }
            Kind::Liar => (Store::by_compare(item, compare(liar), capacity), Order::Whatever),
        };
        let spec = Spec::new(order, capacity);
        Self { store, spec, kind, size, align, askew, seen, counter: 0 }
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Put(priority) => self.put(priority),
            Step::PutMany(count) => self.put_many(count),
            Step::Get => self.get_many(1, One::Taken),
            Step::Peek => self.get_many(1, One::LeftThere),
            Step::GetMany(max) => self.get_many(max, One::AmongMany),
            Step::Discard => self.discard(),
            Step::Capacity(capacity) => {
                self.store.set_capacity(capacity);
                self.spec.capacity = capacity;
            }
            Step::Shut => {
                self.store.shut();
                self.spec.shut = true;
            }
        }
    }

    /// An item: a byte to compare it by, its number, and that again to its end.
    fn item(&self, number: u64) -> Vec<u8> {
        let mut item = vec![(number >> 8) as u8; self.size];
        let start = self.size.min(8);
        item[..start].copy_from_slice(&number.to_le_bytes()[..start]);
        item
    }

    fn fresh(&mut self) -> u64 {
        self.counter += 1;
        (self.counter << 8) | (self.counter * 5 % 7)
    }

    /// The priority that an item has for the specification.
    fn rank(&self, number: u64, priority: i64) -> i64 {
        if self.kind == Kind::Priority { priority } else { (number & 0xff) as i64 }
    }

    fn put(&mut self, priority: i64) {
        let number = self.fresh();
        let mut bytes = vec![0; self.askew];
        bytes.extend(self.item(number));
        // SAFETY: an item starts where the caller keeps it.
        let put = unsafe { self.store.push(bytes[self.askew..].as_ptr(), priority) };
        let said = put.map_or_else(not_put, |()| BQ_OK);
        assert_eq!(said, self.spec.put(number, self.rank(number, priority)));
    }

    /// Puts until all are in or nothing goes in any more, as a queue does.
    fn put_many(&mut self, count: usize) {
        let numbers: Vec<u64> = (0..count).map(|_| self.fresh()).collect();
        let mut bytes = vec![0; self.askew];
        numbers.iter().for_each(|&number| bytes.extend(self.item(number)));
        let mut left = &numbers[..];
        while !left.is_empty() {
            let at = self.askew + (count - left.len()) * self.size;
            // SAFETY: as many items are left.
            let put = unsafe { self.store.push_many(bytes[at..].as_ptr(), left.len()) };
            let there_is_room = self.spec.room() > 0;
            let said = put.map_or_else(not_put, |_| BQ_OK);
            let went_in = put.unwrap_or(0);
            assert!(went_in <= left.len());
            for &number in &left[..went_in] {
                assert_eq!(self.spec.put(number, self.rank(number, 0)), BQ_OK);
            }
            if said != BQ_OK {
                let why = if self.spec.shut { BQ_SHUTDOWN } else { BQ_FULL };
                assert!(said == why && (self.spec.shut || !there_is_room), "refused with {said}");
                return;
            }
            assert!(went_in > 0);
            left = &left[went_in..];
        }
    }

    /// Gets as many as there are, up to `max`, or looks at one.
    fn get_many(&mut self, max: usize, one: One) {
        const UNTOUCHED: u8 = 0xa5;
        let mut bytes = vec![UNTOUCHED; self.askew + max * self.size + 1];
        let items = bytes[self.askew..].as_mut_ptr();
        // SAFETY: there is room for `max`.
        let got = unsafe {
            match one {
                One::Taken => self.store.pop(items).map(|()| 1),
                One::LeftThere => self.store.peek(items).map(|()| 1),
                One::AmongMany => self.store.pop_many(items, max),
            }
        };
        let want = self.spec.next().map(|_| self.spec.len().min(max));
        assert_eq!(got.map_err(not_got), want);
        let end = self.askew + want.unwrap_or(0) * self.size;
        assert!(bytes[..self.askew] == vec![UNTOUCHED; self.askew]);
        assert!(bytes[end..] == vec![UNTOUCHED; bytes.len() - end]);
        for item in bytes[self.askew..end].chunks(self.size) {
            let is_it = |&number: &u64| self.spec.may_leave(number) && self.item(number) == item;
            let number = match self.kind {
                Kind::Liar => self.spec.numbers().find(is_it),
                _ => self.spec.next().ok().filter(is_it),
            };
            let number = number.expect("an item that may leave, whole");
            if one != One::LeftThere {
                self.spec.get(number);
            }
        }
    }

    pub fn discard(&mut self) {
        let mut discarded = Vec::new();
        let gone = Cell::new(0);
        let each = &mut |item: *mut u8| {
            assert!(gone.get() > discarded.len() as u64, "handed out before it counts as gone");
            assert!(item.addr().is_multiple_of(self.align), "an item is not aligned");
            // SAFETY: an item is as long as the store's items are.
            discarded.push(unsafe { std::slice::from_raw_parts(item, self.size) }.to_vec());
        };
        let count = self.store.discard(&|count| gone.set(gone.get() + count), each);
        assert_eq!(count, gone.get());
        let mut want: Vec<_> = self.spec.numbers().map(|number| self.item(number)).collect();
        assert_eq!(self.spec.clear().len() as u64, count);
        if self.kind != Kind::Fifo {
            discarded.sort_unstable();
            want.sort_unstable();
        }
        assert!(discarded == want, "other items were discarded than those that were there");
    }

    /// What can be asked.
    pub fn look(&self) {
        let (store, spec) = (&self.store, &self.spec);
        assert_eq!((store.len(), store.capacity()), (spec.len() as u64, spec.capacity));
        assert_eq!((store.entered(), store.left()), (spec.puts, spec.left()));
        assert_eq!(store.readiness().map_err(not_got), spec.next().map(drop));
        assert_eq!((store.is_shut(), store.is_whole()), (spec.shut, true));
        match spec.capacity {
            0 => assert!(store.room() > u64::MAX / 2),
            _ => assert_eq!(store.room(), spec.room() as u64),
        }
        assert!(!self.seen.misaligned.get(), "compare was given an item that is not aligned");
    }
}

/// How an item is to be got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum One {
    Taken,
    LeftThere,
    AmongMany,
}

fn not_put(why: NotPut) -> bq_status {
    match why {
        NotPut::Full => BQ_FULL,
        NotPut::Shut => BQ_SHUTDOWN,
        NotPut::NoMemory => panic!("there is memory enough"),
    }
}

fn not_got(why: NotGot) -> bq_status {
    match why {
        NotGot::Empty => BQ_EMPTY,
        NotGot::Drained => BQ_SHUTDOWN,
        NotGot::Pending => panic!("nobody else is there"),
    }
}
