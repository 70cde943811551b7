//! The lists: doubly linked through the nodes, in the order in which their waiters began.

use std::ptr;

use super::node::{LINES, Links};
use super::{Attention, Events, Node, Wake, Who};

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

// SAFETY: the pointers lead to nodes that stay where they are while they are linked, and whoever follows
// them holds the lock of the lists.
unsafe impl Send for Lists {}

/// Which waiters a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Readers,
    Writers,
    Others,
}

impl Line {
    const ALL: [Self; LINES] = [Self::Readers, Self::Writers, Self::Others];

    /// What those on it wait for.
    const fn events(self) -> Events {
        match self {
            Self::Readers => Events::READABLE,
            Self::Writers => Events::WRITABLE,
            Self::Others => Events::JOINED.or(Events::CLOSED).or(Events::DRAINED),
        }
    }

    /// What says that somebody is on it.
    const fn attention(self) -> Attention {
        match self {
            Self::Readers => Attention::READERS,
            Self::Writers => Attention::WRITERS,
            Self::Others => Attention::OTHERS,
        }
    }

    /// Those that a waiter for `events` is on.
    fn all_for(events: Events) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |line| line.events().has_any(events))
    }
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
        Line::ALL
            .into_iter()
            .filter(|&line| self.lines[line as usize].first.is_null())
            .fold(Attention::NONE, |idle, line| idle.or(line.attention()))
    }

    /// Links a node for `events`; returns the lines that it is on now.
    ///
    /// # Safety
    /// As for `Waiters::enlist`.
    pub unsafe fn link(&mut self, node: &Node, events: Events, who: Who) -> Attention {
        let newcomer = node.links.with_mut(|links| {
            // SAFETY: under the lock.
            let links = unsafe { &mut *links };
            debug_assert!(links.events.is_empty(), "enlisted twice");
            links.events = events;
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
        let mut lines = Attention::NONE;
        for line in Line::all_for(events) {
            let index = line as usize;
            let before = if newcomer { self.lines[index].last } else { self.place(index, node) };
            self.insert_behind(index, before, node);
            lines = lines.or(line.attention());
        }
        lines
    }

    /// Unlinks a node; `false`: it was not linked.
    pub fn unlink(&mut self, node: &Node) -> bool {
        let events = get(node, |links| links.events);
        if events.is_empty() {
            return false;
        }
        for line in Line::all_for(events).map(|line| line as usize) {
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
        set(node, |links| links.events = Events::NONE);
        true
    }

    /// Takes the first waiter of a line off all its lists.
    pub fn pop(&mut self, line: Line) -> Option<Wake> {
        // SAFETY: linked, hence alive.
        let node = unsafe { self.lines[line as usize].first.as_ref() }?;
        Some(self.take(node))
    }

    /// Takes the first waiter for any of `events` that enlisted before `horizon` off all its lists. One
    /// that was taken and waits again is behind it: a broadcast comes to an end however quick they are.
    pub fn pop_for(&mut self, events: Events, horizon: u64) -> Option<Wake> {
        for line in Line::all_for(events).map(|line| line as usize) {
            let mut at = self.lines[line].first;
            // SAFETY: linked, hence alive.
            while let Some(node) = unsafe { at.as_ref() } {
                let (wants, since, next) =
                    get(node, |links| (links.events, links.since, links.next[line]));
                if wants.has_any(events) && since < horizon {
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
        if events.has_any(Events::READABLE) {
            add(&mut counts.gets);
        }
        if events.has_any(Events::WRITABLE) {
            add(&mut counts.puts);
        }
        if events.has_any(Events::JOINED) {
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
