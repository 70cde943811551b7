//! What threads are to do: short programs at random, full of what gets in each other's way.

#[path = "../random.rs"]
pub mod random;

use bridgeq::ffi::events::{BQ_CLOSED, BQ_DRAINED, BQ_JOINED, BQ_READABLE, BQ_WRITABLE};
use bridgeq::ffi::queue::BQ_NOWAIT;

use super::perform::Plan;
use crate::spec::{Order, Spec};
pub use random::Random;

/// One run: the queue, what is in it before, and what each thread does.
#[derive(Debug)]
pub struct Program {
    pub spec: Spec,
    pub item_size: usize,
    pub before: Vec<Plan>,
    pub threads: Vec<Vec<Plan>>,
    pub after: Vec<Plan>,
}

/// How long calls may wait.
#[derive(Clone, Copy)]
pub struct Timeouts(pub &'static [i64]);

impl Program {
    pub fn random(random: &mut Random, timeouts: Timeouts) -> Self {
        let order = random.pick(&[Order::Fifo, Order::Fifo, Order::Lifo, Order::Priority]);
        let capacity = random.pick(&[0, 0, 1, 2, 3, 5, 17]);
        let mut writer = Writer { order, random, timeouts, number: 0 };
        // A ring of 8-byte items starts with 16 slots: its end is near.
        let already = writer.random.pick(&[0usize, 0, 1, 2, 14, 15, 16]);
        let mut before: Vec<Plan> = (0..already).map(|_| writer.put(1, BQ_NOWAIT)).collect();
        before.extend((0..already.saturating_sub(2)).map(|_| get_one()));
        let threads = writer.random.pick(&[2, 2, 3, 3, 4]);
        let most = [0, 0, 8, 5, 4][threads];
        let threads = (0..threads).map(|_| writer.thread(most)).collect();
        // Rings of larger items start with one slot, and to copy one takes long enough to be met at it.
        let item_size = writer.random.pick(&[8, 8, 256, 8192]);
        Self { spec: Spec::new(order, capacity), item_size, before, threads, after: aftermath() }
    }
}

fn get_one() -> Plan {
    Plan::Get { most: 1, many: false, timeout_ns: BQ_NOWAIT }
}

/// When all is done: everything that can be asked, and what is left.
fn aftermath() -> Vec<Plan> {
    let events = [BQ_READABLE, BQ_WRITABLE, BQ_JOINED, BQ_CLOSED, BQ_DRAINED];
    let ask = |event| Plan::Poll { event, timeout_ns: BQ_NOWAIT };
    let mut plans = vec![Plan::Rest, Plan::Len, Plan::Unfinished];
    plans.extend(events.map(ask));
    plans.push(Plan::Get { most: 24, many: true, timeout_ns: BQ_NOWAIT });
    plans.extend([get_one(), Plan::Len, Plan::Unfinished]);
    plans
}

struct Writer<'r> {
    order: Order,
    random: &'r mut Random,
    timeouts: Timeouts,
    number: u64,
}

impl Writer<'_> {
    fn thread(&mut self, most: usize) -> Vec<Plan> {
        let length = 1 + self.random.below(most);
        (0..length).map(|_| self.plan()).collect()
    }

    fn plan(&mut self) -> Plan {
        let timeout_ns = self.random.pick(self.timeouts.0);
        match self.random.below(32) {
            0..=8 => self.put(1, timeout_ns),
            9..=11 => {
                let count = 1 + self.random.below(3);
                self.put(count, timeout_ns)
            }
            12..=19 => Plan::Get { most: 1, many: false, timeout_ns },
            20 | 21 => Plan::Get { most: 1 + self.random.below(3), many: true, timeout_ns },
            22 => Plan::Peek { timeout_ns },
            23 => Plan::TaskDone(1 + self.random.below(2) as u64),
            24 => Plan::Join { timeout_ns },
            25 => Plan::Clear,
            26 => Plan::Len,
            27 => Plan::Unfinished,
            28 => Plan::SetCapacity(self.random.pick(&[0, 1, 2, 4, 20])),
            29 | 30 => Plan::Poll { event: 1 << self.random.below(5), timeout_ns },
            _ => Plan::Shutdown { discard: self.random.below(2) == 0 },
        }
    }

    fn put(&mut self, count: usize, timeout_ns: i64) -> Plan {
        let priorities: &[i64] = if self.order == Order::Priority { &[0, 0, -1, 1] } else { &[0] };
        let many = count > 1;
        let items = (0..count).map(|_| {
            self.number += 1;
            (self.number, if many { 0 } else { self.random.pick(priorities) })
        });
        Plan::Put { items: items.collect(), many, timeout_ns }
    }
}
