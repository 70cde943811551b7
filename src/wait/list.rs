//! The lists: doubly linked through the nodes, in the order in which their waiters began.

use std::ptr;

use super::node::{LINES, Links};
use super::{Attention, Events, Line, Node, Wake, Who};

/// How many wait now, for the statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub gets: usize,
    pub puts: usize,
    pub joins: usize,
    pub watches: usize,
}

#[derive(Clone, Copy)]
struct List {
    first: *const Node,
    last: *const Node,
}

pub(super) struct Lists {
    lines: [List; LINES],
    tickets: u64,
    counts: Counts,
}

// SAFETY: the pointers lead to nodes that stay where they are while they are linked.
unsafe impl Send for Lists {}

/// The events that one line is for.
const fn events_of(line: usize) -> Events {
    match line {
        READERS => Events::READABLE,
        WRITERS => Events::WRITABLE,
        _ => Events::JOINED.or(Events::CLOSED).or(Events::DRAINED),
    }
}

const READERS: usize = 0;
const WRITERS: usize = 1;
const OTHERS: usize = 2;

const ATTENTION: [Attention; LINES] = [Attention::READERS, Attention::WRITERS, Attention::OTHERS];

const fn index(line: Line) -> usize {
    match line {
        Line::Readers => READERS,
        Line::Writers => WRITERS,
        Line::Others => OTHERS,
    }
}

/// Whether a node that waits for `events` is on this line.
fn is_on(line: usize, events: u32) -> bool {
    events & events_of(line).bits() != 0
}

impl Lists {
    pub fn new() -> Self {
        let empty = List { first: ptr::null(), last: ptr::null() };
        Self { lines: [empty; LINES], tickets: 0, counts: Counts::default() }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn horizon(&self) -> u64 {
        self.tickets + 1
    }

    pub fn idle_lines(&self) -> Attention {
        (0..LINES)
            .filter(|&line| self.lines[line].first.is_null())
            .fold(Attention(0), |idle, line| idle.or(ATTENTION[line]))
    }

    /// Links a node for `events`; returns the lines that it is on now.
    ///
    /// # Safety
    /// As for `Waiters::enlist`.
    pub unsafe fn link(&mut self, node: &Node, events: Events, who: Who) -> Attention {
        let newcomer = node.links.with_mut(|links| {
            // SAFETY: under the lock.
            let links = unsafe { &mut *links };
            debug_assert_eq!(links.events, 0, "enlisted twice");
            links.events = events.bits();
            links.who = Some(who);
            let newcomer = links.ticket == 0 || matches!(who, Who::Watch(_));
            self.tickets += 1;
            links.since = self.tickets;
            if newcomer {
                links.ticket = self.tickets;
            }
            newcomer
        });
        self.count(node, 1);
        let mut lines = Attention(0);
        for line in (0..LINES).filter(|&line| is_on(line, events.bits())) {
            let before = if newcomer { self.lines[line].last } else { self.place(line, node) };
            self.insert_behind(line, before, node);
            lines = lines.or(ATTENTION[line]);
        }
        lines
    }

    /// Unlinks a node; `false`: it was not linked.
    pub fn unlink(&mut self, node: &Node) -> bool {
        let events = get(node, |links| links.events);
        if events == 0 {
            return false;
        }
        for line in (0..LINES).filter(|&line| is_on(line, events)) {
            let (prev, next) = get(node, |links| (links.prev[line], links.next[line]));
            // SAFETY: neighbours are linked, hence alive.
            match unsafe { prev.as_ref() } {
                Some(prev) => set(prev, |links| links.next[line] = next),
                None => self.lines[line].first = next,
            }
            // SAFETY: as above.
            match unsafe { next.as_ref() } {
                Some(next) => set(next, |links| links.prev[line] = prev),
                None => self.lines[line].last = prev,
            }
        }
        self.count(node, -1);
        set(node, |links| links.events = 0);
        true
    }

    /// Takes the first waiter of a line off all its lists.
    pub fn pop(&mut self, line: Line) -> Option<Wake> {
        // SAFETY: linked, hence alive.
        let node = unsafe { self.lines[index(line)].first.as_ref() }?;
        Some(self.take(node))
    }

    /// Takes the first waiter for any of `events` that enlisted before `horizon` off all its lists. One
    /// that was taken and waits again is behind it: a broadcast comes to an end however quick they are.
    pub fn pop_for(&mut self, events: Events, horizon: u64) -> Option<Wake> {
        for line in (0..LINES).filter(|&line| is_on(line, events.bits())) {
            let mut at = self.lines[line].first;
            // SAFETY: linked, hence alive.
            while let Some(node) = unsafe { at.as_ref() } {
                let (wants, since, next) =
                    get(node, |links| (links.events, links.since, links.next[line]));
                if wants & events.bits() != 0 && since < horizon {
                    return Some(self.take(node));
                }
                at = next;
            }
        }
        None
    }

    fn take(&mut self, node: &Node) -> Wake {
        self.unlink(node);
        match get(node, |links| links.who).expect("enlisted by somebody") {
            // SAFETY: the thread cannot leave before this store, which is the last access to its node.
            Who::Thread(parker) => Wake::Thread(unsafe { (*parker).unpark() }),
            Who::Watch(watch) => Wake::Watch(watch),
        }
    }

    /// Behind which node one with an older ticket belongs; null: at the start.
    fn place(&self, line: usize, node: &Node) -> *const Node {
        let ticket = get(node, |links| links.ticket);
        let (mut before, mut at) = (ptr::null(), self.lines[line].first);
        // SAFETY: linked, hence alive.
        while let Some(other) = unsafe { at.as_ref() } {
            let (theirs, next) = get(other, |links| (links.ticket, links.next[line]));
            if theirs > ticket {
                break;
            }
            (before, at) = (at, next);
        }
        before
    }

    fn insert_behind(&mut self, line: usize, before: *const Node, node: &Node) {
        // SAFETY: linked, hence alive.
        let next = match unsafe { before.as_ref() } {
            Some(before) => get(before, |links| links.next[line]),
            None => self.lines[line].first,
        };
        set(node, |links| (links.prev[line], links.next[line]) = (before, next));
        // SAFETY: as above.
        match unsafe { before.as_ref() } {
            Some(before) => set(before, |links| links.next[line] = node),
            None => self.lines[line].first = node,
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            Some(next) => set(next, |links| links.prev[line] = node),
            None => self.lines[line].last = node,
        }
    }

    fn count(&mut self, node: &Node, change: isize) {
        let (events, who) = get(node, |links| (links.events, links.who));
        let counts = &mut self.counts;
        let add = |count: &mut usize| *count = count.wrapping_add_signed(change);
        if matches!(who, Some(Who::Watch(_))) {
            return add(&mut counts.watches);
        }
        if events & Events::READABLE.bits() != 0 {
            add(&mut counts.gets);
        }
        if events & Events::WRITABLE.bits() != 0 {
            add(&mut counts.puts);
        }
        if events & Events::JOINED.bits() != 0 {
            add(&mut counts.joins);
        }
    }
}

fn get<R>(node: &Node, read: impl FnOnce(&Links) -> R) -> R {
    // SAFETY: under the lock.
    node.links.with(|links| read(unsafe { &*links }))
}

fn set(node: &Node, write: impl FnOnce(&mut Links)) {
    // SAFETY: under the lock.
    node.links.with_mut(|links| write(unsafe { &mut *links }));
}
