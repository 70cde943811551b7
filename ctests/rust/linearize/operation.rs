//! Operations as they were recorded, and the steps that each may have taken.

use bridgeq::ffi::events::BQ_WRITABLE;
use bridgeq::ffi::status::{BQ_EMPTY, BQ_FULL, BQ_OK, BQ_SHUTDOWN, bq_status};

use crate::spec::{Order, Spec};

/// What was called, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// What was to go in, how many did, and what stopped the rest: a status if none did.
    Put {
        items: Vec<(u64, i64)>,
        put: usize,
        refused: bq_status,
    },
    /// What came out of at most so many; a status if nothing did.
    Get {
        most: usize,
        items: Vec<u64>,
        refused: bq_status,
    },
    Peek(Result<u64, bq_status>),
    TaskDone {
        count: u64,
        status: bq_status,
    },
    Join(bq_status),
    Shutdown {
        discard: bool,
    },
    Clear,
    Poll {
        event: u32,
        holds: bool,
    },
    SetCapacity(usize),
    Len(usize),
    Unfinished(usize),
    /// Everybody has stopped.
    Rest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub thread: usize,
    pub call: Call,
    /// What its thread handed to `drop` meanwhile.
    pub dropped: Vec<u64>,
    /// What others did meanwhile; filled in by [`super::checker::History::new`].
    pub beside: Beside,
}

/// What overlaps with an operation, where that decides what it may say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    pub operations: usize,
    /// How far counts may be from the truth: what all of them put, finish or discard.
    pub slack: usize,
    /// Whether something was put.
    pub puts: bool,
    /// When the capacity was changed, the largest that it ever had: a put may go by the old one.
    pub capacity: Option<usize>,
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Items of which a put or a get has begun, and of which it has ended.
    begun: usize,
    ended: usize,
    /// Items that were discarded, and those of them that were counted.
    discarded: usize,
    counted: usize,
    /// How many items had been put when a clear began.
    mark: Option<u64>,
    /// Whether it has seen what makes it return.
    closed: bool,
}

/// One more item. Where items lie behind a lock nobody is seen half-way.
fn begin(at: Progress, spec: &Spec) -> Progress {
    let ended = if spec.order == Order::Fifo { at.ended } else { at.begun + 1 };
    Progress { begun: at.begun + 1, ended, ..at }
}

impl Operation {
    pub fn new(thread: usize, call: Call, dropped: Vec<u64>) -> Self {
        Self { thread, call, dropped, beside: Beside::default() }
    }

    pub fn is_over(&self, at: Progress) -> bool {
        at.closed && at.counted == self.dropped.len()
    }

    /// How many items it concerns.
    pub fn weight(&self) -> usize {
        self.dropped.len()
            + match &self.call {
                Call::Put { put, .. } => *put,
                Call::Get { items, .. } => items.len(),
                Call::TaskDone { count, status: BQ_OK } => *count as usize,
                _ => 0,
            }
    }

    /// What it may do next: to the queue, and how far it has come then.
    pub fn steps(&self, at: Progress, spec: &Spec) -> Vec<(Progress, Spec)> {
        let mut steps = Vec::new();
        let mut step = |next: Progress, change: &dyn Fn(&mut Spec)| {
            let mut spec = spec.clone();
            change(&mut spec);
            steps.push((next, spec));
        };
        match &self.call {
            Call::Put { items, put, .. } => {
                if at.begun < *put && self.may_begin_put(spec) {
                    let (number, priority) = items[at.begun];
                    step(begin(at, spec), &|spec| spec.begin_put(number, priority));
                }
                if at.ended < at.begun {
                    let (number, _) = items[at.ended];
                    step(Progress { ended: at.ended + 1, ..at }, &|spec| spec.end_put(number));
                }
            }
            Call::Get { items, .. } => {
                if at.begun < items.len() && spec.may_leave(items[at.begun]) {
                    let number = items[at.begun];
                    step(begin(at, spec), &|spec| spec.begin_get(number));
                }
                if at.ended < at.begun {
                    step(Progress { ended: at.ended + 1, ..at }, &Spec::end_get);
                }
            }
            Call::Clear if at.mark.is_none() => {
                step(Progress { mark: Some(spec.puts), ..at }, &|_| {});
            }
            Call::Shutdown { discard } if at.begun == 0 => {
                let discard = *discard;
                step(Progress { begun: 1, ..at }, &|spec| {
                    spec.shut = true;
                    spec.discarding |= discard;
                });
            }
            _ => {}
        }
        if let Some(&number) = self.dropped.get(at.discarded)
            && self.may_discard(at, spec)
            && spec.may_go(number)
        {
            step(Progress { discarded: at.discarded + 1, ..at }, &|spec| spec.discard(number));
        }
        if at.counted < at.discarded {
            step(Progress { counted: at.counted + 1, ..at }, &|spec| spec.count_discarded(1));
        }
        if !at.closed && self.may_close(at, spec) {
            step(Progress { closed: true, ..at }, &|spec| self.take_effect(spec));
        }
        steps
    }

    fn may_begin_put(&self, spec: &Spec) -> bool {
        let room = self.beside.capacity.map_or(0, |other| spec.room_if_capacity_were(other));
        !spec.shut && spec.room().max(room) > 0
    }

    fn may_discard(&self, at: Progress, spec: &Spec) -> bool {
        match &self.call {
            // Not what was put after it began.
            Call::Clear => match spec.order {
                Order::Fifo => at.mark.is_some_and(|mark| spec.left() < mark),
                Order::Lifo | Order::Priority | Order::Whatever => at.mark.is_some(),
            },
            Call::Shutdown { discard } => *discard && at.begun == 1,
            // A put that ends after a shutdown discards what it brought, and what was stuck behind it.
            Call::Put { .. } => spec.discarding && at.ended > 0,
            _ => false,
        }
    }

    /// Whether what it said is right now.
    fn may_close(&self, at: Progress, spec: &Spec) -> bool {
        let nothing_there = spec.next().is_err();
        match &self.call {
            Call::Put { items, put, refused } => {
                at.ended == *put
                    && match *refused {
                        BQ_OK => *put == items.len() || spec.may_be_full() || spec.shut,
                        BQ_FULL => spec.may_be_full(),
                        BQ_SHUTDOWN => spec.shut,
                        _ => false,
                    }
            }
            Call::Get { most, items, refused } => {
                at.ended == items.len()
                    && match *refused {
                        BQ_OK => items.len() == *most || nothing_there || self.beside.puts,
                        why => spec.next() == Err(why),
                    }
            }
            Call::Peek(said) => match (said, spec.order) {
                (Ok(number), Order::Whatever) => spec.may_leave(*number),
                (said, _) => spec.next() == *said,
            },
            Call::TaskDone { count, status } => spec.clone().task_done(*count) == *status,
            Call::Join(status) => spec.join() == *status,
            Call::Shutdown { discard } => {
                at.begun == 1 && at.discarded == self.dropped.len() && (!discard || nothing_there)
            }
            Call::Clear => {
                let gone = |mark| spec.left() >= mark || spec.next() == Err(BQ_EMPTY);
                at.discarded == self.dropped.len() && at.mark.is_some_and(gone)
            }
            Call::Poll { event: BQ_WRITABLE, holds: false } => spec.may_be_full(),
            Call::Poll { event, holds } => (spec.events() & event != 0) == *holds,
            Call::SetCapacity(_) => true,
            Call::Len(len) => spec.len() == *len,
            Call::Unfinished(count) => spec.unfinished().abs_diff(*count) <= self.beside.slack,
            Call::Rest => !spec.discarding || spec.len() == 0,
        }
    }

    fn take_effect(&self, spec: &mut Spec) {
        match &self.call {
            Call::TaskDone { count, .. } => {
                spec.task_done(*count);
            }
            Call::SetCapacity(capacity) => spec.capacity = *capacity,
            _ => {}
        }
    }
}
