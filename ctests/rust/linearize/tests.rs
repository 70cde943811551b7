//! The checker itself: what it must accept and what it must not.

use bridgeq::ffi::events::{BQ_DRAINED, BQ_READABLE, BQ_WRITABLE};
use bridgeq::ffi::status::{
    BQ_EMPTY, BQ_FULL, BQ_OK, BQ_SHUTDOWN, BQ_TIMEDOUT, BQ_TOO_MANY_DONE, bq_status,
};

use super::checker::{Event, History, Verdict};
use super::operation::{Call, Operation};
use super::plan::{Program, Random, Timeouts};
use super::run::Run;
use crate::spec::{Order, Spec};

/// A history written by hand.
struct Script {
    start: Spec,
    operations: Vec<Operation>,
    events: Vec<Event>,
}

fn fifo(capacity: usize) -> Script {
    queue(Order::Fifo, capacity)
}

fn queue(order: Order, capacity: usize) -> Script {
    Script { start: Spec::new(order, capacity), operations: Vec::new(), events: Vec::new() }
}

impl Script {
    fn begins(mut self, thread: usize, call: Call) -> Self {
        self.events.push(Event::Begin(self.operations.len()));
        self.operations.push(Operation::new(thread, call, Vec::new()));
        self
    }

    fn ends(mut self, thread: usize) -> Self {
        let at = self.operations.iter().rposition(|one| one.thread == thread);
        self.events.push(Event::End(at.expect("it has begun")));
        self
    }

    fn does(self, thread: usize, call: Call) -> Self {
        self.begins(thread, call).ends(thread)
    }

    /// The latest call dropped these.
    fn dropping(mut self, numbers: &[u64]) -> Self {
        self.operations.last_mut().expect("there is one").dropped = numbers.to_vec();
        self
    }

    fn verdict(self) -> Verdict {
        History::new(self.start, self.operations, self.events).check()
    }

    #[track_caller]
    fn must_be_right(self) {
        assert_eq!(self.verdict(), Verdict::Linearizable);
    }

    #[track_caller]
    fn must_be_wrong(self) {
        assert!(matches!(self.verdict(), Verdict::Wrong(_)));
    }
}

fn put(number: u64) -> Call {
    Call::Put { items: vec![(number, 0)], put: 1, refused: BQ_OK }
}

fn put_at(number: u64, priority: i64) -> Call {
    Call::Put { items: vec![(number, priority)], put: 1, refused: BQ_OK }
}

fn no_put(refused: bq_status) -> Call {
    Call::Put { items: vec![(99, 0)], put: 0, refused }
}

fn get(number: u64) -> Call {
    Call::Get { most: 1, items: vec![number], refused: BQ_OK }
}

fn no_get(refused: bq_status) -> Call {
    Call::Get { most: 1, items: vec![], refused }
}

fn poll(event: u32, holds: bool) -> Call {
    Call::Poll { event, holds }
}

#[test]
fn each_order_is_checked() {
    fifo(0).does(0, put(1)).does(0, put(2)).does(1, get(1)).does(1, get(2)).must_be_right();
    fifo(0).does(0, put(1)).does(0, put(2)).does(1, get(2)).does(1, get(1)).must_be_wrong();
    let lifo = || queue(Order::Lifo, 0).does(0, put(1)).does(0, put(2));
    lifo().does(1, get(2)).does(1, get(1)).must_be_right();
    lifo().does(1, get(1)).does(1, get(2)).must_be_wrong();
    let priority = || {
        queue(Order::Priority, 0).does(0, put_at(1, 5)).does(0, put_at(2, -1)).does(0, put_at(3, 5))
    };
    priority().does(1, get(2)).does(1, get(1)).does(1, get(3)).must_be_right();
    priority().does(1, get(2)).does(1, get(3)).does(1, get(1)).must_be_wrong();
}

#[test]
fn overlapping_puts_may_take_effect_in_either_order() {
    let both = || fifo(0).begins(0, put(1)).begins(1, put(2)).ends(0).ends(1);
    both().does(0, get(1)).does(0, get(2)).must_be_right();
    both().does(0, get(2)).does(0, get(1)).must_be_right();
    both().does(0, get(2)).does(0, get(2)).must_be_wrong();
}

#[test]
fn items_come_once_and_only_if_they_were_put() {
    fifo(0).does(0, put(1)).does(0, get(1)).does(1, get(1)).must_be_wrong();
    fifo(0).does(0, put(1)).begins(0, get(1)).begins(1, get(1)).ends(0).ends(1).must_be_wrong();
    fifo(0).does(0, put(1)).does(1, get(2)).must_be_wrong();
    fifo(0).does(0, get(1)).does(1, put(1)).must_be_wrong();
    fifo(0).begins(1, put(1)).does(0, get(1)).ends(1).must_be_right();
}

#[test]
fn empty_is_said_only_if_an_earlier_put_is_stalled() {
    fifo(0).does(0, put(1)).does(1, no_get(BQ_EMPTY)).must_be_wrong();
    let stalled = || fifo(0).begins(0, put(1)).does(1, put(2)).does(2, no_get(BQ_EMPTY));
    stalled().ends(0).does(2, get(1)).does(2, get(2)).must_be_right();
    // The put that is under way came later: it explains nothing.
    stalled().ends(0).does(2, get(2)).does(2, get(1)).must_be_wrong();
    fifo(0).does(1, put(2)).begins(0, put(1)).does(2, no_get(BQ_EMPTY)).ends(0).must_be_wrong();
    // Everybody gets past a get that is stalled.
    let there = || fifo(0).does(0, put(1)).does(0, put(2));
    let beside = |call| there().begins(1, call).does(2, no_get(BQ_EMPTY));
    beside(get(1)).ends(1).must_be_wrong();
    beside(Call::Len(2)).ends(1).must_be_wrong();
    there().does(1, get(1)).does(2, no_get(BQ_EMPTY)).must_be_wrong();
    there().does(2, no_get(BQ_EMPTY)).does(1, get(1)).must_be_wrong();
    // Behind a lock nobody is seen half-way.
    let lifo = queue(Order::Lifo, 0).begins(0, put(1)).does(1, put(2));
    lifo.does(2, no_get(BQ_EMPTY)).ends(0).must_be_wrong();
    let lifo = queue(Order::Lifo, 0).does(0, put(1)).does(0, put(2)).begins(1, get(2));
    lifo.does(2, no_get(BQ_EMPTY)).ends(1).must_be_wrong();
}

#[test]
fn full_is_said_only_if_there_is_no_room_or_a_get_is_stalled() {
    fifo(2).does(0, put(1)).does(0, no_put(BQ_FULL)).must_be_wrong();
    fifo(1).does(0, put(1)).does(0, no_put(BQ_FULL)).must_be_right();
    fifo(1).does(0, put(1)).begins(1, get(1)).does(0, no_put(BQ_FULL)).ends(1).must_be_right();
    fifo(1).does(0, put(1)).does(1, get(1)).does(0, no_put(BQ_FULL)).must_be_wrong();
    fifo(1).does(0, put(1)).does(0, put(2)).must_be_wrong();
    fifo(0).does(0, no_put(BQ_FULL)).must_be_wrong();
}

#[test]
fn a_part_of_a_batch_goes_in_only_if_the_rest_does_not_fit() {
    let many = |put| Call::Put { items: vec![(1, 0), (2, 0), (3, 0)], put, refused: BQ_OK };
    fifo(2).does(0, many(2)).must_be_right();
    fifo(2).does(0, many(3)).must_be_wrong();
    fifo(2).does(0, many(1)).must_be_wrong();
    let some = |most, items: &[u64]| Call::Get { most, items: items.to_vec(), refused: BQ_OK };
    fifo(0).does(0, many(3)).does(0, some(2, &[1, 2])).must_be_right();
    fifo(0).does(0, many(3)).does(0, some(5, &[1, 2, 3])).must_be_right();
    fifo(0).does(0, many(3)).does(0, some(5, &[1, 2])).must_be_wrong();
    fifo(0).does(0, many(3)).does(0, some(3, &[1, 3, 2])).must_be_wrong();
}

#[test]
fn a_changed_capacity_counts_from_then_on() {
    let shrunk = || fifo(2).does(0, put(1)).does(1, Call::SetCapacity(1));
    shrunk().does(0, put(2)).must_be_wrong();
    shrunk().does(0, no_put(BQ_FULL)).must_be_right();
    shrunk().does(1, Call::SetCapacity(0)).does(0, put(2)).must_be_right();
    let beside = fifo(2).does(0, put(1)).begins(0, put(2)).does(1, Call::SetCapacity(1));
    beside.does(1, Call::Len(1)).ends(0).must_be_right();
}

#[test]
fn shutdown_ends_puts_and_then_gets() {
    let shut = || fifo(0).does(0, put(1)).does(1, Call::Shutdown { discard: false });
    shut().does(0, put(2)).must_be_wrong();
    shut()
        .does(0, no_put(BQ_SHUTDOWN))
        .does(0, get(1))
        .does(0, no_get(BQ_SHUTDOWN))
        .must_be_right();
    shut().does(0, no_get(BQ_SHUTDOWN)).must_be_wrong();
    shut().does(0, get(1)).does(0, no_get(BQ_EMPTY)).must_be_wrong();
    fifo(0).does(0, no_put(BQ_SHUTDOWN)).does(1, Call::Shutdown { discard: false }).must_be_wrong();
}

#[test]
fn discarding_leaves_nothing() {
    let discard = || fifo(0).does(0, put(1)).does(1, Call::Shutdown { discard: true });
    discard().dropping(&[1]).does(0, Call::Rest).must_be_right();
    discard().does(0, Call::Rest).must_be_wrong();
    discard().dropping(&[1]).does(0, get(1)).must_be_wrong();
    // A put that was under way discards what it brings.
    let late = || fifo(0).begins(0, put(1)).does(1, Call::Shutdown { discard: true }).ends(0);
    late().dropping(&[]).does(0, Call::Rest).must_be_wrong();
    let mut itself = late();
    itself.operations[0].dropped = vec![1];
    itself.does(0, Call::Rest).does(0, Call::Unfinished(0)).must_be_right();
}

#[test]
fn clear_takes_what_was_there() {
    let cleared = || fifo(0).does(0, put(1)).does(0, put(2)).does(1, Call::Clear);
    cleared().dropping(&[1, 2]).does(0, Call::Len(0)).must_be_right();
    cleared().dropping(&[1]).must_be_wrong();
    cleared().dropping(&[2, 1]).must_be_wrong();
    let beside = fifo(0).does(0, put(1)).begins(1, Call::Clear).dropping(&[1]);
    beside.does(0, put(2)).ends(1).does(0, get(2)).must_be_right();
    queue(Order::Lifo, 0).does(0, put(1)).does(0, put(2)).does(1, Call::Clear).must_be_wrong();
}

#[test]
fn unfinished_work_is_counted() {
    let task_done = |count, status| Call::TaskDone { count, status };
    let got = || fifo(0).does(0, put(1)).does(0, get(1));
    got().does(0, Call::Join(BQ_OK)).must_be_wrong();
    got().does(0, Call::Join(BQ_TIMEDOUT)).does(0, task_done(1, BQ_OK)).must_be_right();
    got().does(0, task_done(1, BQ_OK)).does(0, Call::Join(BQ_TIMEDOUT)).must_be_wrong();
    got().does(0, task_done(2, BQ_OK)).must_be_wrong();
    got().does(0, task_done(1, BQ_TOO_MANY_DONE)).must_be_wrong();
    got().does(0, Call::Unfinished(0)).must_be_wrong();
    got().begins(1, task_done(1, BQ_OK)).does(0, Call::Unfinished(0)).ends(1).must_be_right();
}

#[test]
fn what_is_looked_at_is_there() {
    let there = || fifo(2).does(0, put(1));
    there().does(0, Call::Len(1)).does(0, Call::Peek(Ok(1))).does(0, get(1)).must_be_right();
    there().does(0, Call::Len(0)).must_be_wrong();
    there().does(0, Call::Peek(Err(BQ_EMPTY))).must_be_wrong();
    there().does(0, get(1)).does(0, Call::Peek(Ok(1))).must_be_wrong();
    there().does(0, poll(BQ_READABLE, false)).must_be_wrong();
    there().does(0, poll(BQ_WRITABLE, false)).must_be_wrong();
    there().does(0, put(2)).does(0, poll(BQ_WRITABLE, true)).must_be_wrong();
    there().does(0, poll(BQ_DRAINED, true)).must_be_wrong();
}

/// Another answer of the same kind.
fn falsified(call: &Call) -> Option<Call> {
    let mut call = call.clone();
    match &mut call {
        Call::Put { put, refused, .. } if *put == 0 => {
            *refused = if *refused == BQ_FULL { BQ_SHUTDOWN } else { BQ_FULL };
        }
        Call::Put { put, refused, .. } => {
            *put -= 1;
            *refused = if *put == 0 { BQ_FULL } else { BQ_OK };
        }
        Call::Get { items, refused, .. } if items.is_empty() => {
            *refused = if *refused == BQ_EMPTY { BQ_SHUTDOWN } else { BQ_EMPTY };
        }
        Call::Get { items, .. } => items[0] += 1,
        Call::Peek(said) => *said = Ok(said.map_or(1, |number| number + 1)),
        Call::TaskDone { status, .. } => {
            *status = if *status == BQ_OK { BQ_TOO_MANY_DONE } else { BQ_OK };
        }
        Call::Join(status) => *status = if *status == BQ_OK { BQ_TIMEDOUT } else { BQ_OK },
        Call::Poll { holds, .. } => *holds = !*holds,
        Call::Len(count) | Call::Unfinished(count) => *count += 1,
        Call::Shutdown { .. } | Call::Clear | Call::SetCapacity(_) | Call::Rest => return None,
    }
    Some(call)
}

#[test]
fn every_wrong_answer_of_a_thread_that_is_alone_is_found() {
    let mut random = Random::new(7);
    let mut found = 0;
    for _ in 0..200 {
        let mut program = Program::random(&mut random, Timeouts(&[0]));
        program.threads.truncate(1);
        let run = Run::new(program);
        run.before();
        run.thread(0, || {});
        let history = run.after();
        assert_eq!(history.check(), Verdict::Linearizable);
        for at in 0..history.operations.len() {
            let Some(call) = falsified(&history.operations[at].call) else { continue };
            let mut false_history = history.clone();
            false_history.operations[at].call = call;
            let verdict = false_history.check();
            assert!(matches!(verdict, Verdict::Wrong(_)), "{:?}", false_history.operations[at]);
            found += 1;
        }
    }
    assert!(found > 1000, "only {found} false histories");
}
