//! A queue as the contract has it, one step at a time: what replayed and fuzzed calls, property tests
//! and recorded histories are held against.
//!
//! Puts and gets have two steps, because a thread can be stalled half-way: an item has its place when
//! its put begins and can be got when that put ends; its room is free for certain when its get ends.
//! Whoever does one thing at a time takes both at once.

#![allow(dead_code)] // no test uses all of it

use std::collections::VecDeque;

use bridgeq::ffi::events::{BQ_CLOSED, BQ_DRAINED, BQ_JOINED, BQ_READABLE, BQ_WRITABLE};
use bridgeq::ffi::status::{
    BQ_EMPTY, BQ_FULL, BQ_OK, BQ_SHUTDOWN, BQ_TIMEDOUT, BQ_TOO_MANY_DONE, bq_status,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    Fifo,
    Lifo,
    Priority,
    /// By a `compare` that lies: whichever comes next, nothing is lost.
    Whatever,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Item {
    number: u64,
    priority: i64,
    /// Its put has ended.
    there: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    pub order: Order,
    /// 0: unbounded.
    pub capacity: usize,
    pub shut: bool,
    /// Shut down to discard: what is queued goes as soon as nobody is at work.
    pub discarding: bool,
    /// In the order in which they leave.
    items: VecDeque<Item>,
    /// How many gets have begun and not ended.
    leaving: usize,
    pub puts: u64,
    pub gets: u64,
    pub discards: u64,
    done: u64,
}

impl Spec {
    pub fn new(order: Order, capacity: usize) -> Self {
        Self {
            order,
            capacity,
            shut: false,
            discarding: false,
            items: VecDeque::new(),
            leaving: 0,
            puts: 0,
            gets: 0,
            discards: 0,
            done: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// How many items ever left, got and discarded.
    pub fn left(&self) -> u64 {
        self.puts - self.items.len() as u64
    }

    pub fn unfinished(&self) -> usize {
        (self.puts - self.done) as usize
    }

    /// How many more items fit; a put that is refused must have found none.
    pub fn room(&self) -> usize {
        self.room_if_capacity_were(self.capacity)
    }

    pub fn room_if_capacity_were(&self, capacity: usize) -> usize {
        if capacity == 0 { usize::MAX } else { capacity.saturating_sub(self.items.len()) }
    }

    /// Whether a put may say that there is no room: a stalled get may still hold some.
    pub fn may_be_full(&self) -> bool {
        !self.shut && self.room() <= self.leaving
    }

    /// The item that a get must give, or what else it must say.
    pub fn next(&self) -> Result<u64, bq_status> {
        match self.items.front() {
            Some(item) if item.there => Ok(item.number),
            None if self.shut => Err(BQ_SHUTDOWN),
            Some(_) | None => Err(BQ_EMPTY),
        }
    }

    /// What is queued.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.items.iter().map(|item| item.number)
    }

    /// Whether a get may give this item.
    pub fn may_leave(&self, number: u64) -> bool {
        match self.order {
            Order::Whatever => self.items.iter().any(|item| item.number == number),
            Order::Fifo | Order::Lifo | Order::Priority => self.next() == Ok(number),
        }
    }

    pub fn begin_put(&mut self, number: u64, priority: i64) {
        self.insert(Item { number, priority, there: false });
    }

    fn insert(&mut self, item: Item) {
        let place = match self.order {
            Order::Fifo | Order::Whatever => self.items.len(),
            Order::Lifo => 0,
            Order::Priority => self.items.partition_point(|other| other.priority <= item.priority),
        };
        self.items.insert(place, item);
        self.puts += 1;
    }

    pub fn end_put(&mut self, number: u64) {
        // It may be gone already where gets do not wait for the end of puts.
        if let Some(item) = self.items.iter_mut().find(|item| item.number == number) {
            item.there = true;
        }
    }

    /// A whole put.
    pub fn put(&mut self, number: u64, priority: i64) -> bq_status {
        if self.shut {
            return BQ_SHUTDOWN;
        }
        if self.room() == 0 {
            return BQ_FULL;
        }
        self.insert(Item { number, priority, there: true });
        BQ_OK
    }

    fn remove(&mut self, number: u64) {
        let at = self.items.iter().position(|item| item.number == number);
        self.items.remove(at.expect("it is there"));
    }

    /// An item leaves that may.
    pub fn begin_get(&mut self, number: u64) {
        assert!(self.may_leave(number), "{number} may not leave {self:?}");
        self.remove(number);
        self.gets += 1;
        self.leaving += 1;
    }

    pub fn end_get(&mut self) {
        self.leaving = self.leaving.saturating_sub(1);
    }

    /// Everything that has begun has ended.
    pub fn settle(&mut self) {
        self.items.iter_mut().for_each(|item| item.there = true);
        self.leaving = 0;
    }

    /// A whole get of an item that may leave.
    pub fn get(&mut self, number: u64) {
        self.begin_get(number);
        self.end_get();
    }

    /// Whether this item may be the next one to be discarded. Nobody is promised an order.
    pub fn may_go(&self, number: u64) -> bool {
        match self.order {
            Order::Fifo => self.may_leave(number),
            Order::Lifo | Order::Priority | Order::Whatever => {
                self.items.iter().any(|item| item.number == number && item.there)
            }
        }
    }

    /// An item is discarded, and not counted yet.
    pub fn discard(&mut self, number: u64) {
        self.remove(number);
    }

    /// A discarded item counts as done, once.
    pub fn count_discarded(&mut self, count: u64) {
        self.discards += count;
        self.done = (self.done + count).min(self.puts);
    }

    /// All of a clear. The items that it discards, in order.
    pub fn clear(&mut self) -> Vec<u64> {
        let all: Vec<u64> = self.items.drain(..).map(|item| item.number).collect();
        self.count_discarded(all.len() as u64);
        all
    }

    pub fn task_done(&mut self, count: u64) -> bq_status {
        if count > self.unfinished() as u64 {
            return BQ_TOO_MANY_DONE;
        }
        self.done += count;
        BQ_OK
    }

    /// What a join that does not wait says.
    pub fn join(&self) -> bq_status {
        if self.unfinished() == 0 { BQ_OK } else { BQ_TIMEDOUT }
    }

    /// The events that hold.
    pub fn events(&self) -> u32 {
        let drained = self.next() == Err(BQ_SHUTDOWN);
        let readable = drained || self.next().is_ok();
        let writable = self.shut || self.room() > 0;
        [
            (BQ_READABLE, readable),
            (BQ_WRITABLE, writable),
            (BQ_JOINED, self.unfinished() == 0),
            (BQ_CLOSED, self.shut),
            (BQ_DRAINED, drained),
        ]
        .into_iter()
        .filter(|&(_, holds)| holds)
        .fold(0, |all, (event, _)| all | event)
    }
}
