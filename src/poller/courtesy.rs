//! How long looking again may keep a loop from its other descriptors.
//!
//! A loop that polls until 0 sees nothing else while each look again finds something. So now and then it is told 0,
//! with the descriptor readable: it serves its other descriptors and comes back. It is told so twice in a row: epoll
//! names a descriptor that stayed readable before those that became readable since, so that the first 0 is followed by
//! a call for the poller alone. The two turns of the loop also tell whether there was anybody to serve: then one of
//! them took longer. As long as there is nobody, the loop is sent away ever more rarely.

use super::Mode;
use crate::sync::Cell;
use crate::sys::clock;

/// While there are others to serve: one every 200 µs has a median delay of 11 µs, 17 with 45, 32 with 90.
const OFTEN_NS: u64 = 20_000;
/// While there are none: with 45 one in a hundred round trips between two processors takes 1.3 µs, with 90 0.7.
const RARELY_NS: u64 = 90_000;
/// After so many times in vain there are none. Together they take 0.7 ms.
const IN_VAIN: u8 = 32;

pub(super) struct Courtesy {
    mode: Mode,
    state: Cell<State>,
    /// How often the loop has been sent away since there was somebody to serve.
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
    pub fn new(mode: Mode) -> Self {
        Self { mode, state: Cell::new(State::Nothing), in_vain: Cell::new(0) }
    }

    /// The loop is about to be called by its descriptor: everybody else has a turn before.
    pub fn is_done(&self) {
        self.state.set(State::Nothing);
    }

    /// A look again has found something: without it this call, or an earlier one, would have said 0.
    pub fn found(&self) {
        if let State::Nothing = self.state.get() {
            self.state.set(State::Since(clock::now()));
        }
    }

    /// Asked at the start of a call: whether to say 0 now. `send` has the loop called again.
    pub fn is_due(&self, send: impl FnOnce() -> bool) -> bool {
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
        let at = clock::now(); // behind the system call in `send`, which takes as long as a short handler
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

    /// From how long the two turns of the loop took. Measured: where nobody was served, the second is as long as 1.03
    /// times the first in one of a hundred cases, and the first as long as 1.6 times the second; to read a pipe as
    /// well is 1.4 to 1.8 times, and 2.5.
    fn learn(&self, first: u64, second: u64) {
        let served_somebody = match self.mode {
            Mode::Level => second > first + first / 4,
            Mode::Edge => first > 2 * second,
        };
        self.in_vain.set(if served_somebody { 0 } else { self.in_vain.get().saturating_add(1) });
    }
}

fn elapsed(since: u64) -> u64 {
    clock::now().saturating_sub(since)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn often_while_served(mode: Mode, nobody: (u64, u64), somebody: (u64, u64)) {
        let courtesy = Courtesy::new(mode);
        assert_eq!(courtesy.every_ns(), OFTEN_NS);
        (0..1000).for_each(|_| courtesy.learn(nobody.0, nobody.1));
        assert_eq!(courtesy.every_ns(), RARELY_NS);
        courtesy.learn(somebody.0, somebody.1);
        assert_eq!(courtesy.every_ns(), OFTEN_NS);
        (0..IN_VAIN - 1).for_each(|_| courtesy.learn(nobody.0, nobody.1));
        assert_eq!(courtesy.every_ns(), OFTEN_NS);
        courtesy.learn(nobody.0, nobody.1);
        assert_eq!(courtesy.every_ns(), RARELY_NS);
    }

    #[test]
    fn a_loop_with_others_to_serve_is_sent_away_more_often_than_one_without() {
        often_while_served(Mode::Level, (750, 650), (1000, 1500));
        often_while_served(Mode::Edge, (750, 650), (1600, 650));
    }
}
