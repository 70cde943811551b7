//! How long looking again may keep a loop from its other descriptors.
//!
//! A loop that polls until 0 sees nothing else while looks again find something. So now and then it is told 0, with
//! the descriptor readable: it serves its other descriptors and comes back. It is told so twice in a row: epoll names
//! a descriptor that stayed readable before those that became readable since, so that the first 0 is followed by a
//! call for the poller alone. The two turns of the loop also tell whether there was anything to serve: then one of
//! them took longer. Where there was nothing for a while, the loop is sent away more rarely.

use crate::sync::Cell;
use crate::sys::clock;

/// While there are others to serve: one every 200 µs has a median delay of 11 µs, 17 with 45, 32 with 90.
const OFTEN_NS: u64 = 20_000;
/// While there are none: with 45 one in a hundred round trips between two processors takes 1.3 µs, with 90 0.7.
const RARELY_NS: u64 = 90_000;
/// After so many times in vain there are none. Together they take 0.7 ms.
const IN_VAIN: u8 = 32;

pub(super) struct Courtesy {
    state: Cell<State>,
    /// How often the loop has been sent away since there was something to serve.
    in_vain: Cell<u8>,
}

/// Times are of the clock, in nanoseconds.
#[derive(Clone, Copy)]
enum State {
    /// No look again has kept the loop.
    Nothing,
    /// One has, for the first time then.
    Since(u64),
    /// The loop was sent away at that time.
    Sent(u64),
    /// And once more, after a turn of so many nanoseconds.
    SentAgain { at: u64, first_turn: u64 },
}

impl Courtesy {
    pub fn new() -> Self {
        Self { state: Cell::new(State::Nothing), in_vain: Cell::new(0) }
    }

    /// The loop or thread sleeps until it is called, or need not be sent away.
    pub fn reset(&self) {
        self.state.set(State::Nothing);
    }

    /// A look again has found something: without it this call, or an earlier one, would have said 0. What the loop
    /// does between its calls counts as well: it is not told whether that serves others.
    pub fn found(&self) {
        if let State::Nothing = self.state.get() {
            self.state.set(State::Since(clock::now()));
        }
    }

    /// At the start of a call. `true`: say 0 now, `send` has the loop called again.
    pub fn send_away_if_due(&self, send: impl FnOnce() -> bool) -> bool {
        let first_turn = match self.state.get() {
            State::Nothing => return false,
            State::Since(since) if elapsed(since) <= self.every_ns() => return false,
            State::Since(_) => None,
            State::Sent(at) => Some(elapsed(at)),
            State::SentAgain { at, first_turn } => {
                self.learn(first_turn, elapsed(at));
                self.state.set(State::Nothing);
                return false;
            }
        };
        let sent = send();
        let at = clock::now(); // after the system call in `send`, which takes as long as a short handler
        self.state.set(match (sent, first_turn) {
            (false, _) => State::Nothing,
            (true, None) => State::Sent(at),
            (true, Some(first_turn)) => State::SentAgain { at, first_turn },
        });
        sent
    }

    /// How long looking may go on now.
    fn every_ns(&self) -> u64 {
        if self.in_vain.get() < IN_VAIN { OFTEN_NS } else { RARELY_NS }
    }

    /// From how long the two turns of the loop took. Measured with epoll: where nothing was served, the second is 1.03
    /// times the first or more in one of a hundred cases, and the first 1.6 times the second; with a pipe to read the
    /// second is 1.4 to 1.8 times the first where that follows the level, the first 2.5 times the second where it
    /// follows edges. Where every turn serves something, they do not differ, and this learns nothing.
    fn learn(&self, first: u64, second: u64) {
        let served_something = second > first + first / 4 || first > 2 * second;
        self.in_vain.set(if served_something { 0 } else { self.in_vain.get().saturating_add(1) });
    }
}

fn elapsed(since: u64) -> u64 {
    clock::now().saturating_sub(since)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn often_while_served(nothing: (u64, u64), something: (u64, u64)) {
        let courtesy = Courtesy::new();
        assert_eq!(courtesy.every_ns(), OFTEN_NS);
        (0..1000).for_each(|_| courtesy.learn(nothing.0, nothing.1));
        assert_eq!(courtesy.every_ns(), RARELY_NS);
        courtesy.learn(something.0, something.1);
        assert_eq!(courtesy.every_ns(), OFTEN_NS);
        (0..IN_VAIN - 1).for_each(|_| courtesy.learn(nothing.0, nothing.1));
        assert_eq!(courtesy.every_ns(), OFTEN_NS);
        courtesy.learn(nothing.0, nothing.1);
        assert_eq!(courtesy.every_ns(), RARELY_NS);
    }

    #[test]
    fn a_loop_with_others_to_serve_is_sent_away_more_often_than_one_without() {
        often_while_served((750, 650), (1000, 1500)); // level-triggered
        often_while_served((750, 650), (1600, 650)); // edge-triggered
    }
}
