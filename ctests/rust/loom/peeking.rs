//! Peeks against the reuse of slots and rings.

use crate::fixture::*;

#[test]
fn a_peek_sees_a_whole_item_while_its_slot_is_used_again() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let peeker = on_thread(&queue, |queue| peek(queue, NOW));
        assert_eq!(get(&queue, NOW), Ok(1));
        put(&queue, 2, NOW).unwrap();
        assert!(!matches!(peeker.join().unwrap(), Ok(0 | 3..)));
    });
}

#[test]
fn a_peek_sees_a_whole_item_while_its_ring_is_used_again() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let peeker = on_thread(&queue, |queue| peek(queue, NOW));
        for value in 2..=4 {
            assert!(get(&queue, NOW).is_ok());
            put(&queue, value, NOW).unwrap();
        }
        assert!(!matches!(peeker.join().unwrap(), Ok(0 | 5..)));
    });
}

/// Who puts has seen the end of that get, but nothing of the peek.
#[test]
fn a_put_behind_the_get_of_another_thread_waits_for_the_peek() {
    model_fenced(|| {
        let queue = long_fifo(0); // no limit, but a slot to be used again
        put(&queue, 1, NOW).unwrap();
        let peeker = on_thread(&queue, |queue| peek(queue, NOW));
        let getter = on_thread(&queue, |queue| get(queue, NOW));
        let _ = put(&queue, 2, NOW);
        assert!(!matches!(peeker.join().unwrap(), Ok(0 | 3..)));
        assert!(getter.join().unwrap().is_ok());
    });
}
