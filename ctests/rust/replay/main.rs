//! Many calls at random, valid and invalid, against the specification.
//!
//! `REPLAY=file` runs one input, such as an artifact of a fuzzer, and says what it calls.

mod machine;
#[path = "../spec.rs"]
mod spec;

use std::{env, fs};

#[test]
fn one_input_that_is_named_does_what_the_specification_says() {
    if let Some(name) = env::var_os("REPLAY") {
        machine::run(&fs::read(&name).expect("REPLAY names a file that can be read"));
    }
}

#[test]
fn random_calls_do_what_the_specification_says() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..400).map(|_| random()).collect();
        if std::panic::catch_unwind(|| machine::run(&bytes)).is_err() {
            panic!("these calls fail: {bytes:?}");
        }
    }
}
