"""The orderings, weakened one at a time, and the models that must go red. Run by weaken.py.

A pair is named as in the table of ordering pairs in docs/design.md. `where` is a text that names a
function, `what` a text that occurs in it exactly once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    file: str
    where: str
    what: str
    instead: str


@dataclass(frozen=True)
class Weakening:
    pair: str
    title: str
    changes: tuple
    models: tuple
    preemptions: int = 1
    # Changed first, and without effect on the model by itself. On x86-64 the fence behind a claim is
    # one for the compiler only; in a model it would stand in for the acquire of every load before it.
    given: tuple = ()


FIFO, RING = "src/store/fifo/mod.rs", "src/store/fifo/ring.rs"
SLOT, EMPTIED = "src/store/fifo/slot.rs", "src/store/fifo/ring/emptied.rs"
PUT, GET = "src/store/fifo/put.rs", "src/store/fifo/get.rs"
CURSOR, OWNING = "src/store/fifo/cursor.rs", "src/store/fifo/owning.rs"
CLAIMS = "src/store/fifo/discard.rs"
WAIT, WAKE, TASKS = "src/wait/mod.rs", "src/queue/wake.rs", "src/queue/tasks.rs"
CASCADE = "src/queue/cascade.rs"
INBOX, CORE, POLL = "src/poller/inbox.rs", "src/poller/core.rs", "src/poller/poll.rs"
POLLING, WAITING = "src/poller/polling.rs", "src/poller/wait.rs"
BELL, SHARED, BARRIER = "src/poller/bell.rs", "src/sync/shared.rs", "src/sys/barrier.rs"


def relaxed(file, where, what, order):
    """`what` with this one order made Relaxed."""
    return Change(file, where, what, what.replace(f"Ordering::{order}", "Ordering::Relaxed"))


def without_fence(file, where, before="", after=""):
    return Change(file, where, f"{before}fence_after_rmw();{after}", before + after)


CLAIM_WITHOUT_FENCE = without_fence(CURSOR, "pub fn claim(")
# The same of puts only.
PUT_WITHOUT_FENCE = (
    Change(CURSOR, "pub fn is_owned(", "self.word.load(Ordering::Relaxed) & OWNED != 0",
           """self.word.load(Ordering::Relaxed) & OWNED != 0
    }

    pub fn claim_unfenced(&self, from: u64, count: u64, mine: Option<Mine>) -> bool {
        let to = from + count * STEP;
        match mine {
            Some(mine) => self.claim_as_owner(to, mine),
            None => {
                from & OWNED == 0
                    && self.word.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_ok()
            }
        }"""),
    Change(PUT, "unsafe fn push_here(", "claim(tail, 1, mine)", "claim_unfenced(tail, 1, mine)"),
    Change(PUT, "fn claim_free(", "claim(tail, count, mine)", "claim_unfenced(tail, count, mine)"),
)
# A look that finds nothing has one for the sake of owners: it would stand in for those of who told something.
NOTHING_WITHOUT_FENCE = Change(GET, "fn why_nothing(", "fence(Ordering::SeqCst);", "")
# A put that looks at the head for room has one for their sake, too.
ROOM_WITHOUT_FENCE = Change(PUT, "fn room_at(", "fence(Ordering::SeqCst);", "")
# The same of the length of a locked store, and of a look at what is unfinished.
LOCKED_LEN_WITHOUT_FENCE = Change("src/store/locked.rs", "pub fn len(", "fence(Ordering::SeqCst);", "")
UNFINISHED_WITHOUT_FENCE = Change(TASKS, "fn nothing_unfinished(", "fence(Ordering::SeqCst);", "")
ENLIST_WITHOUT_FENCE = without_fence(WAIT, "pub unsafe fn enlist(")

GET_WAITS = "waiting::a_get_that_waits_is_woken_by_a_put"
PUT_WAITS = "waiting::a_put_that_waits_for_room_is_woken_by_a_get"
JOIN_WAITS = "tasks::a_join_that_waits_is_woken_by_the_last_task_done"
JOIN_BEHIND_PUT = "tasks::a_join_behind_a_put_is_not_ended_by_what_was_done_before"
LAST_GET = "ending::the_last_item_taken_during_shutdown_ends_a_get_that_waits"
SLOW_READER = "rings::a_slow_reader_is_left_behind"
RING_AGAIN = "rings::a_ring_is_used_again_when_its_last_reader_is_done"
TWO_RINGS = "rings::two_producers_of_the_first_ring_and_its_successor_lose_nothing"
OTHER_LIFE = "rings::counts_stay_whatever_life_their_ring_has"
LENGTH = "rings::the_length_of_a_queue_that_is_never_empty_is_never_nothing"
PEEK = "peeking::a_peek_sees_a_whole_item_while_its_slot_is_used_again"
PEEK_OF_THREE = "peeking::a_put_behind_the_get_of_another_thread_waits_for_the_peek"
DISCARD = "ending::discarding_leaves_nothing_behind"
FIRST_PUT = "ending::what_is_put_before_the_shutdown_is_got_and_then_it_ends"
THREAD_WAITS = "polling::a_thread_that_waits_is_woken_by_a_put"
INBOX_OF_TWO = "polling::two_watches_of_two_threads_meet_in_the_inbox"
LAST_UNREF = "arming::the_last_unref_of_a_poller_passes_its_wake_up_on"
LATE_RING = "polling::a_late_ring_does_not_keep_the_next_wait_awake"
BY_HAND = "polling::a_wake_by_hand_ends_a_wait"
BY_HAND_TRY = "polling::a_wake_by_hand_beside_a_wait_that_may_not_sleep_is_not_lost"
DESCRIPTOR = "polling::a_descriptor_made_during_a_put_is_readable"
DESCRIPTOR_OF_WAIT = "polling::a_descriptor_made_during_a_wait_is_readable_when_that_reports"
REFUSED_OF_TWO = "polling::whoever_is_refused_between_two_polls_is_called_again"
REFUSED = "polling::whoever_is_called_and_refused_is_called_again"
SECOND_OF_TWO = "looking::a_get_that_looks_wakes_another_for_the_second_of_two_puts"
NOT_RELIED_ON = "looking::who_does_not_look_any_more_is_not_relied_on"
NOTHING_MORE = "looking::what_is_left_while_a_get_finds_nothing_more_is_not_forgotten"
GROWING = "capacity::growing_to_what_is_queued_against_a_get_lets_a_put_in"
LAST_REFERENCE = "handles::a_value_is_not_destroyed_while_another_thread_uses_it"


OWNED_TWICE = "owning::an_owner_and_another_thread_get_each_item_once"
OWNED_NO_MORE = "owning::an_owner_finds_out_that_it_is_none_any_more"
OWNED_AFTER = "owning::who_owns_after_another_is_the_only_one"
TAIL_TWICE = "owning_tail::an_owner_and_another_thread_put_each_item_once"
TAIL_NO_MORE = "owning_tail::an_owner_that_puts_finds_out_that_it_is_none_any_more"
TAIL_AFTER = "owning_tail::who_owns_the_tail_after_another_is_the_only_one"
TAIL_GROWS = "owning_tail::another_thread_puts_where_an_owner_moves_on"
TAIL_SHUT = "owning_tail::nothing_is_put_behind_a_shutdown_beside_an_owner"
TAIL_WAKES = "owning_tail::a_get_that_waits_is_woken_by_an_owner"
TAIL_SEES = "owning_tail::a_get_that_waits_is_seen_by_who_becomes_the_owner_meanwhile"
TAIL_SAME_TURN = "owning_tail::a_ring_is_not_left_under_another_owner_of_the_same_turn"
TAIL_EARLIER = "owning_tail::a_count_is_not_that_of_an_earlier_ownership"
PUT_ELSEWHERE = "owning_tail::what_an_owner_puts_before_it_looks_at_another_queue_is_found_by_who_changes_that"
GOT_ELSEWHERE = "owning_tail::what_an_owner_gets_before_it_looks_at_another_queue_is_missing_for_who_changes_that"
TAIL_HISTORY = "owning_tail::what_an_owner_finds_behind_a_put_is_found_behind_that_put_by_all"
OWNER_WAKES = "owning::a_put_that_waits_for_room_is_woken_by_an_owner"
OWNER_SEES = "owning::a_put_that_waits_is_seen_by_who_becomes_the_owner_meanwhile"
OWNER_GROWING = "owning::growing_to_what_is_queued_against_an_owner_lets_a_put_in"
OWNER_LAST = "owning::the_last_item_that_an_owner_takes_during_shutdown_ends_a_wait_for_that"
OWNER_PEEK_LATER = "owning::a_put_behind_the_get_of_an_owner_waits_for_the_peek"
OWNER_PEEK = "owning::a_peek_sees_a_whole_item_while_an_owner_takes_it"
OWNER_HISTORY = "owning::what_an_owner_finds_behind_a_get_is_found_behind_that_get_by_all"
OWNER_UNFINISHED = "owning::what_an_owner_finds_unfinished_behind_a_get_was_not_done_before_that_get"
OWNER_ELSEWHERE = "owning::what_was_put_elsewhere_before_the_get_of_an_owner_counts_there_for_its_next_call"
OWNER_CALLS = "owning::what_was_put_before_the_get_of_an_owner_is_there_for_its_next_call"
BATCH_READ = "owning::a_put_waits_for_a_batch_that_leaves_no_stamps"
BATCH_READ_ELSEWHERE = "owning::a_put_knows_from_another_one_of_a_batch_that_leaves_no_stamps"
BATCH_BEHIND = "owning::a_batch_behind_a_slow_get_leaves_stamps"
BATCH_BEHIND_LATER = "owning::a_batch_behind_a_slow_get_of_a_later_lap_leaves_stamps"
BATCH_PEEK = "owning::a_peek_sees_a_whole_item_while_an_owner_takes_a_batch"


def weaken(pair, title, changes, models, **more):
    changes = (changes,) if isinstance(changes, Change) else changes
    return Weakening(pair, title, changes, models, **more)


def weakenings():
    pair = "stamp Release / Acquire: filled"
    yield weaken(pair, "an item is published Relaxed",
                 relaxed(SLOT, "pub fn fill(", "Ordering::Release);", "Release"), (GET_WAITS,))
    yield weaken(pair, "a filled slot is seen Relaxed",
                 relaxed(SLOT, "pub fn is_filled(", "load(Ordering::Acquire)", "Acquire"),
                 (PEEK,), preemptions=2)
    yield weaken(pair, "a filled slot is seen Relaxed by a get",
                 relaxed(SLOT, "pub fn is_filled(", "load(Ordering::Acquire)", "Acquire"),
                 (SLOW_READER,), given=(CLAIM_WITHOUT_FENCE,))

    pair = "stamp Release / Acquire: free"
    yield weaken(pair, "a slot is freed Relaxed",
                 relaxed(SLOT, "pub fn release(", "Ordering::Release)", "Release"), (SLOW_READER,))
    yield weaken(pair, "a free slot is seen Relaxed",
                 relaxed(SLOT, "pub fn is_free(", "load(Ordering::Acquire)", "Acquire"),
                 (SLOW_READER, RING_AGAIN), given=(CLAIM_WITHOUT_FENCE,))

    pair = "emptied Release / Acquire, also by way of another put"
    looks = "pub fn look_at_emptied("
    yield weaken(pair, "slots are emptied Relaxed",
                 relaxed(EMPTIED, "pub fn set_emptied(", "store(turn, Ordering::Release)", "Release"),
                 (BATCH_READ,))
    yield weaken(pair, "emptied slots are seen Relaxed",
                 relaxed(EMPTIED, looks, "emptied.load(Ordering::Acquire)", "Acquire"),
                 (BATCH_READ,), given=(CLAIM_WITHOUT_FENCE,))
    yield weaken(pair, "what was seen is told Relaxed",
                 relaxed(EMPTIED, looks, "store(emptied, Ordering::Release)", "Release"),
                 (BATCH_READ_ELSEWHERE,), given=(CLAIM_WITHOUT_FENCE,))
    yield weaken(pair, "what another put has seen is seen Relaxed",
                 relaxed(EMPTIED, "pub fn emptied_from(", "emptied_seen.load(Ordering::Acquire)", "Acquire"),
                 (BATCH_READ_ELSEWHERE,), given=(CLAIM_WITHOUT_FENCE,))
    yield weaken(pair, "an owner that has not gone round says so",
                 Change(CURSOR, "pub fn has_gone_round(", "+ slots", ""),
                 (BATCH_BEHIND, BATCH_BEHIND_LATER), preemptions=2)
    yield weaken(pair, "an owner does not know since when it is one",
                 Change(CURSOR, "fn hold(", "self.owned_from.store(turn(word), Ordering::Relaxed);", ""),
                 (BATCH_BEHIND_LATER,), preemptions=2)
    yield weaken(pair, "a peek leaves an owner its batches",
                 Change(GET, "pub unsafe fn peek(", "self.order(End::Head);", ""), (BATCH_PEEK,),
                 preemptions=2, given=(ROOM_WITHOUT_FENCE,))

    pair = "tail RMW + fence / attention RMW + fence"
    yield weaken(pair, "no fence behind the claim of a put", CLAIM_WITHOUT_FENCE, (GET_WAITS,))
    yield weaken(pair, "no fence behind enlisting", ENLIST_WITHOUT_FENCE, (GET_WAITS,),
                 given=(NOTHING_WITHOUT_FENCE,))

    pair = "head RMW + fence / attention RMW + fence"
    yield weaken(pair, "no fence behind the claim of a get", CLAIM_WITHOUT_FENCE,
                 (PUT_WAITS, LAST_GET))
    yield weaken(pair, "no fence behind enlisting", ENLIST_WITHOUT_FENCE, (PUT_WAITS,),
                 given=(LOCKED_LEN_WITHOUT_FENCE,))
    yield weaken(pair, "no fence behind raising SHUT", without_fence(WAIT, "pub fn raise("),
                 (LAST_GET,))

    pair = "limit, fence / head RMW + fence"
    yield weaken(pair, "no fence behind the limit",
                 Change("src/queue/transfer.rs", "pub fn set_capacity(", "fence(Ordering::SeqCst);", ""),
                 (GROWING,), given=(LOCKED_LEN_WITHOUT_FENCE,))
    yield weaken(pair, "no fence behind the claim of a get", CLAIM_WITHOUT_FENCE, (GROWING,))

    pair = "stamp, light() / attention, heavy()"
    yield weaken(pair, "nothing between stamp and look",
                 Change(WAKE, "pub fn tell_of_items(", "barrier::full();", ""),
                 (GET_WAITS,))
    yield weaken(pair, "no barrier of the waiter",
                 Change(WAKE, "fn holds_for_waiter(", "self.settle(deadline);", ""), (GET_WAITS,))
    yield weaken(pair, "no barrier where membarrier is refused",
                 Change(WAKE, "fn settle(", "if !barrier::heavy() {",
                        "if !barrier::heavy() && false {"), (GET_WAITS, DISCARD))
    yield weaken(pair, "no barrier of a shutdown that discards",
                 Change("src/queue/end.rs", "pub fn shutdown(", "self.settle(Deadline::Never);", ""), (DISCARD,))

    pair = "stamp, full() / lookers RMW + fence"
    yield weaken(pair, "no fence where a looker leaves", without_fence(WAIT, "pub fn withdraw_look("),
                 (NOT_RELIED_ON,), given=(NOTHING_WITHOUT_FENCE,))
    yield weaken(pair, "an item is left before it is visible",
                 Change(WAIT, "pub fn leave_to_lookers(", "barrier::full();", ""), (SECOND_OF_TWO,))

    pair = "CASCADE RMW + fence / tail, full()"
    yield weaken(pair, "taken back Relaxed",
                 (relaxed(WAIT, "pub fn calm(", "Ordering::SeqCst", "SeqCst"),
                  without_fence(WAIT, "pub fn calm(")), (NOTHING_MORE,), preemptions=2,
                 given=(NOTHING_WITHOUT_FENCE,))
    yield weaken(pair, "no look behind taking it back",
                 Change(CASCADE, "fn cascade(",
                        "if matches!(self.store.readiness(), Err(NotGot::Empty | NotGot::Drained)) {",
                        "if true {"), (NOTHING_MORE,))

    pair = "claims, light() / holder, heavy()"
    claim, light = "fn claim_as_owner(", "barrier::light_where_asymmetric();"
    for title, what, instead in (
        ("a claim is not announced", "hand.claims.store(to, Ordering::Release);", ""),
        ("nothing between announcing and looking", f"{light}\n        // It has", "// It has"),
        ("no look behind announcing", "self.holder.load(Ordering::Relaxed) != mine.holder", "false"),
    ):
        yield weaken(pair, title, Change(CURSOR, claim, what, instead),
                     (OWNED_TWICE, OWNED_NO_MORE, TAIL_TWICE, TAIL_NO_MORE))
    yield weaken(pair, "no barrier of who ends it",
                 Change(CURSOR, "fn order_claims(", "if barrier::heavy() {", "if true {"), (OWNED_TWICE, TAIL_TWICE))
    yield weaken(pair, "a claim under way is not granted",
                 Change(CURSOR, "fn settle(", "if claims != 0 && grant().is_ok() {",
                        "if false && claims != 0 && grant().is_ok() {"), (OWNED_TWICE, TAIL_TWICE))
    yield weaken(pair, "a claim that was granted is taken back",
                 Change(CURSOR, "fn take_back(", "}\n        was_granted", "}\n        false"), (OWNED_TWICE, TAIL_TWICE))
    yield weaken(pair, "a claim that was not granted is made",
                 Change(CURSOR, "fn take_back(", "}\n        was_granted", "}\n        true"), (OWNED_TWICE, TAIL_TWICE))
    yield weaken(pair, "granted and taken back at a time",
                 Change(CURSOR, "fn take_back(",
                        "self.claims.compare_exchange(claims, 0, Ordering::Relaxed, Ordering::Relaxed);",
                        "match self.claims.load(Ordering::Relaxed) {\n"
                        "            now if now == claims => { self.claims.store(0, Ordering::Relaxed); Ok(now) }\n"
                        "            now => Err(now),\n"
                        "        };"), (OWNED_TWICE, TAIL_TWICE))
    yield weaken(pair, "a claim that was granted is not counted by who made it",
                 Change(CURSOR, "fn take_back(", "self.claimed(claims);", ""), (OWNER_PEEK,), preemptions=2)
    yield weaken(pair, "one counts where the other does",
                 (Change(CURSOR, "    fn take(&self)", "Some(place)", "Some(0 * place)"),),
                 (OWNED_AFTER, TAIL_AFTER), preemptions=2)
    yield weaken(pair, "who grows a queue leaves the tail to its owner",
                 Change(PUT, "fn grow(", "&& ring.tail.cursor.mine().is_none()", "&& false"), (TAIL_GROWS,))
    yield weaken(pair, "a ring is sealed under another owner",
                 Change(PUT, "fn must_grow(", "(tail & OWNED == 0 || cursor.mine().is_some())", "true"),
                 (TAIL_SAME_TURN,), preemptions=2)
    yield weaken(pair, "a shutdown leaves the tail to its owner",
                 Change(FIFO, "pub fn shut(", "ring.tail.cursor.end();", ""), (TAIL_SHUT,))

    pair = "claims and at, Release / Acquire"
    yield weaken(pair, "a claim is announced Relaxed",
                 relaxed(CURSOR, claim, "hand.claims.store(to, Ordering::Release);", "Release"), (OWNED_NO_MORE,))
    yield weaken(pair, "the end of a claim Relaxed",
                 relaxed(CURSOR, "fn claimed(", "self.claims.store(0, Ordering::Release);", "Release"), (OWNED_TWICE,))
    yield weaken(pair, "the end of a claim is seen Relaxed",
                 (relaxed(CURSOR, "fn settle(", "self.claims.load(Ordering::Acquire);", "Acquire"),
                  relaxed(CURSOR, "fn settle(", "Ordering::Relaxed, Ordering::Acquire)", "Acquire")), (OWNED_TWICE,))

    pair = "hand and place of a new owner, Release / Acquire"
    yield weaken(pair, "its place is written Relaxed",
                 relaxed(CURSOR, "fn hold(", "place.store(place, Ordering::Release)", "Release"), (TAIL_EARLIER,), preemptions=2)
    yield weaken(pair, "its place is seen Relaxed",
                 relaxed(CURSOR, "pub fn load(", "place.load(Ordering::Acquire)", "Acquire"), (TAIL_EARLIER,), preemptions=2)

    pair = "owned word, light() / attention, pins, limit, heavy()"
    yield weaken(pair, "no barrier of a waiter for room",
                 Change(WAKE, "fn holds_for_waiter(", "self.store.order(End::Head);", ""), (OWNER_WAKES,))
    yield weaken(pair, "no barrier of a waiter for an item",
                 Change(WAKE, "fn holds_for_waiter(", "self.store.order(End::Tail);", ""), (TAIL_WAKES,))
    yield weaken(pair, "no barrier of set_capacity",
                 Change("src/queue/transfer.rs", "pub fn set_capacity(", "self.store.order(End::Head);", ""),
                 (OWNER_GROWING,), preemptions=2)
    yield weaken(pair, "no barrier of a shutdown",
                 Change(FIFO, "pub fn shut(", "self.disown_locked(End::Head, &chain);", ""), (OWNER_LAST,))
    yield weaken(pair, "no barrier of a peek",
                 Change(GET, "pub unsafe fn peek(", "self.order(End::Head);", ""), (OWNER_PEEK_LATER,), preemptions=2)
    yield weaken(pair, "who becomes the owner does not look",
                 (relaxed(CURSOR, "pub fn own(", "owned, Ordering::SeqCst", "SeqCst"),
                  without_fence(CURSOR, "pub fn own(")), (OWNER_SEES, TAIL_SEES))

    pair = "owned word, fence / word or done RMW + fence"
    yield weaken(pair, "nothing is found without a fence",
                 NOTHING_WITHOUT_FENCE, (OWNER_HISTORY,))
    yield weaken(pair, "full is found without a fence", ROOM_WITHOUT_FENCE,
                 (TAIL_HISTORY, PUT_ELSEWHERE, GOT_ELSEWHERE))
    yield weaken(pair, "a poll begins without a fence",
                 Change("src/queue/transfer.rs", "pub fn poll(", "fence(Ordering::SeqCst);", ""),
                 (PUT_ELSEWHERE, GOT_ELSEWHERE))
    yield weaken(pair, "the length is told without a fence",
                 Change(FIFO, "pub fn len(", "fence(Ordering::SeqCst);", ""), (OWNER_HISTORY, OWNER_ELSEWHERE))
    yield weaken(pair, "the length of a locked store is told without a fence",
                 LOCKED_LEN_WITHOUT_FENCE, (OWNER_ELSEWHERE,))
    yield weaken(pair, "what is unfinished is told without a fence",
                 UNFINISHED_WITHOUT_FENCE, (OWNER_UNFINISHED,))
    yield weaken(pair, "too many are done without a fence",
                 Change(TASKS, "pub fn task_done(", "fence(Ordering::SeqCst);", ""), (OWNER_CALLS,))
    yield weaken(pair, "a discard begins without a fence",
                 Change(CLAIMS, "pub fn discard(", "fence(Ordering::SeqCst);", ""), (OWNER_CALLS,))

    pair = "done RMW + fence / attention RMW + fence"
    yield weaken(pair, "no fence behind the count", without_fence(TASKS, "fn tell_if_joined("),
                 (JOIN_WAITS,))
    yield weaken(pair, "no fence behind enlisting", ENLIST_WITHOUT_FENCE, (JOIN_WAITS,),
                 given=(UNFINISHED_WITHOUT_FENCE,))
    horizon, look = "let horizon = self.waiters.horizon();\n", "if self.nothing_unfinished() {\n"
    yield weaken(pair, "who joins is counted after the look",
                 Change(TASKS, "fn tell_if_joined(", f"{horizon}            {look}", look + horizon),
                 (JOIN_BEHIND_PUT,), preemptions=2)

    pair = "pin RMW + fence / head RMW + fence"
    yield weaken(pair, "no fence behind the pin", without_fence(GET, "pub unsafe fn peek("),
                 (PEEK,))
    yield weaken(pair, "no fence behind the claim of a get", CLAIM_WITHOUT_FENCE, (PEEK,),
                 given=(ROOM_WITHOUT_FENCE,))
    free = "slot.is_free()"
    yield weaken(pair, "the pins looked at in front of the stamp",
                 Change(PUT, "unsafe fn push_here(",
                        f"{free}\n                && nobody_peeks(ring)", f"nobody_peeks(ring) && {free}"),
                 (PEEK_OF_THREE,), preemptions=2)
    yield weaken(pair, "a pin goes Relaxed",
                 relaxed(GET, "pub unsafe fn peek(", "fetch_sub(1, Ordering::Release)", "Release"),
                 (PEEK,))
    yield weaken(pair, "the end of a pin is seen Relaxed",
                 relaxed(FIFO, "fn nobody_peeks(", "load(Ordering::SeqCst)", "SeqCst"), (PEEK,),
                 given=PUT_WITHOUT_FENCE)

    pair = "ring Release / Acquire"
    for title, function, what, model in (
        ("a first ring is published Relaxed to gets", "fn link(", "self.head_ring.store", GET_WAITS),
        ("a ring is published Relaxed to puts", "fn link(", "self.tail_ring.store", TWO_RINGS),
    ):
        change = relaxed(PUT, function, f"{what}(fresh, Ordering::Release)", "Release")
        yield weaken(pair, title, change, (model,))
    for title, file, function, what, model in (
        ("a get sees its ring Relaxed", GET, "unsafe fn pop_here(", "head_ring", GET_WAITS),
        ("a waiter does", GET, "fn try_head_ring(", "ring = unsafe { self.head_ring", GET_WAITS),
        ("a put does", PUT, "unsafe fn push_here(", "tail_ring", TWO_RINGS),
        ("a second try of a put does", PUT, "fn claim_free(", "tail_ring", TWO_RINGS),
        ("the count of puts does", FIFO, "pub fn entered(", "tail_ring", LENGTH),
    ):
        change = relaxed(file, function, f"{what}.load(Ordering::Acquire)", "Acquire")
        yield weaken(pair, title, change, (model,))
    yield weaken(pair, "the count of gets does",
                 relaxed(FIFO, "fn settled_head(", "head_ring.load(Ordering::Acquire)", "Acquire"),
                 (LENGTH,), preemptions=2)

    pair = "lives, words and origin of a ring, Release / Acquire"
    opened = lambda what: relaxed(RING, "pub fn open(", f"self.{what}, Ordering::Release)", "Release")
    yield weaken(pair, "the tail is set Relaxed",
                 relaxed(CURSOR, "pub fn set(", "store(word, Ordering::Release)", "Release"), (OTHER_LIFE,))
    yield weaken(pair, "the origin is set Relaxed",
                 opened("origin.store(base.wrapping_sub(first)"), (OTHER_LIFE,))
    yield weaken(pair, "the end of opening is Relaxed", opened("lives.store(lives + 2"), (OTHER_LIFE,))
    yield weaken(pair, "the lives are seen Relaxed",
                 relaxed(RING, "pub fn look_at(", "lives.load(Ordering::Acquire)", "Acquire"),
                 (OTHER_LIFE,))
    yield weaken(pair, "the origin is seen Relaxed",
                 relaxed(RING, "pub fn position(", "load(Ordering::Acquire)", "Acquire"), (OTHER_LIFE,))
    yield weaken(pair, "no mark while a life is readied",
                 Change(RING, "pub fn open(", "self.lives.store(lives + 1, Ordering::Relaxed);", ""),
                 (OTHER_LIFE,))
    yield weaken(pair, "no second look at the lives",
                 Change(RING, "pub fn look_at(", " && self.lives.load(Ordering::Relaxed) == lives", ""),
                 (OTHER_LIFE,))

    pair = "inbox AcqRel"
    yield weaken(pair, "a watch is left Relaxed",
                 relaxed(INBOX, "pub fn push(", "Ordering::AcqRel", "AcqRel"), (THREAD_WAITS,))
    yield weaken(pair, "a watch is taken Relaxed",
                 relaxed(INBOX, "pub fn take(", "Ordering::AcqRel", "AcqRel"), (INBOX_OF_TWO,))
    yield weaken(pair, "a watch is dropped Relaxed",
                 relaxed(INBOX, "pub fn close(", "Ordering::AcqRel", "AcqRel"), (LAST_UNREF,))

    pair = "inbox RMW + fence / `by_hand` RMW + fence"
    yield weaken(pair, "no fence behind arming", without_fence(INBOX, "fn change("), (LATE_RING,))
    yield weaken(pair, "no fence behind the flag", without_fence(CORE, "pub fn wake("), (LATE_RING,))
    yield weaken(pair, "no look at the flag behind arming",
                 Change(POLL, "fn go_to_sleep(", "self.core.by_hand.load(Ordering::SeqCst)", "false"),
                 (BY_HAND_TRY,))
    yield weaken(pair, "the flag is raised Relaxed",
                 relaxed(CORE, "pub fn wake(", "Ordering::SeqCst", "SeqCst"), (BY_HAND,))
    yield weaken(pair, "the flag is lowered Relaxed",
                 relaxed(WAITING, "fn wait(&self, mut", "Ordering::SeqCst", "SeqCst"), (BY_HAND,))

    pair = "busy RMW / busy RMW, refused Release / Acquire"
    yield weaken(pair, "a thread that is refused says so Relaxed",
                 relaxed(POLLING, "fn try_enter(", "Ordering::AcqRel", "AcqRel"), (REFUSED,))
    yield weaken(pair, "the thread that polls looks Relaxed",
                 relaxed(POLLING, "fn drop(", "Ordering::AcqRel", "AcqRel"), (REFUSED,))
    yield weaken(pair, "who was refused is seen Relaxed by a third thread",
                 relaxed(POLLING, "fn drop(", "swap(false, Ordering::Acquire)", "Acquire"),
                 (REFUSED_OF_TWO,), preemptions=2)
    yield weaken(pair, "who is refused says so Relaxed to a third thread",
                 relaxed(POLLING, "fn enter(", "Ordering::Release", "Release"),
                 (REFUSED_OF_TWO,), preemptions=2)

    pair = "fd Release / Acquire"
    yield weaken(pair, "a descriptor is published Relaxed",
                 relaxed(BELL, "pub fn fd(", "Ordering::SeqCst", "SeqCst"), (DESCRIPTOR,),
                 preemptions=2)
    yield weaken(pair, "a descriptor is seen Relaxed",
                 relaxed(BELL, "pub fn made(", "Ordering::Acquire", "Acquire"),
                 (DESCRIPTOR_OF_WAIT,))

    pair = "fd RMW + fence / inbox RMW + fence"
    yield weaken(pair, "no fence behind the descriptor", without_fence(BELL, "pub fn fd("),
                 (DESCRIPTOR_OF_WAIT,))
    yield weaken(pair, "no fence behind arming", without_fence(INBOX, "fn change("),
                 (DESCRIPTOR_OF_WAIT,))

    pair = "shut Release / Acquire"
    yield weaken(pair, "shut Relaxed",
                 relaxed(FIFO, "pub fn shut(", "self.shut.store(true, Ordering::Release)", "Release"),
                 (FIRST_PUT,))
    yield weaken(pair, "seen Relaxed",
                 relaxed(FIFO, "fn is_shut_before_use(", "Ordering::Acquire", "Acquire"),
                 (FIRST_PUT,))

    pair = "references Release / Acquire"
    yield weaken(pair, "given up Relaxed",
                 relaxed(SHARED, "impl<T: Ends> Drop for Shared<T>", "Ordering::Release", "Release"),
                 (LAST_REFERENCE,))
    yield weaken(pair, "the last one goes Relaxed",
                 relaxed(SHARED, "impl<T: Ends> Drop for Shared<T>", "load(Ordering::Acquire)", "Acquire"),
                 (LAST_REFERENCE,))
