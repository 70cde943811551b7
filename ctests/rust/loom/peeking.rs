//! Peeks against the reuse of slots and rings.

use loom::thread;

use crate::fixture::*;

#[test]
fn a_peek_sees_a_whole_item_while_its_slot_is_used_again() {
    model_fenced(|| {
        let queue = fifo(1);
        put(&queue, 1, NOW).unwrap();
        let peeker = thread::spawn({
            let queue = queue.share();
            move || peek(&queue, NOW)
        });
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
        let peeker = thread::spawn({
            let queue = queue.share();
            move || peek(&queue, NOW)
        });
        for value in 2..=4 {
            assert!(get(&queue, NOW).is_ok());
            put(&queue, value, NOW).unwrap();
        }
        assert!(!matches!(peeker.join().unwrap(), Ok(0 | 5..)));
    });
}
