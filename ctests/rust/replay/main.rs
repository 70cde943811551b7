//! Many calls, valid and invalid, against the specification: those that fuzzing found worth keeping,
//! and others at random.
//!
//! `REPLAY=file` runs one input, such as an artifact of a fuzzer, and says what it calls.

#![allow(clippy::missing_safety_doc)] // callbacks, which the library calls

mod machine;
#[path = "../random.rs"]
mod random;
#[path = "../spec.rs"]
mod spec;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, panic, process, thread};

use random::Random;

/// Every input in a folder of the corpus, in the order of their names.
fn corpus(folder: &str, fewest: usize) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(folder);
    let name = folder.display();
    let entries = fs::read_dir(&folder).unwrap_or_else(|why| {
        panic!("{name}: {why}: check it out, or fill it: fuzz/run.sh --help")
    });
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort_unstable();
    assert!(files.len() >= fewest, "hardly anything is left in {name}: see fuzz/run.sh --help");
    files
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

/// Whether these calls do what they should. Ends the process if one of them never returns.
fn holds(bytes: &[u8], name: &str) -> bool {
    const LONG: Duration = Duration::from_secs(30);
    let (_running, ended) = mpsc::channel::<()>();
    let message = format!("{name} does not come to an end\n");
    thread::spawn(move || {
        if ended.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
            // Not by a macro: what those print is lost with the process.
            let _ = io::stderr().write_all(message.as_bytes());
            process::abort();
        }
    });
    panic::catch_unwind(|| machine::run(bytes)).is_ok()
}

#[test]
fn one_input_that_is_named_does_what_the_specification_says() {
    if let Some(name) = env::var_os("REPLAY") {
        machine::run(&read(Path::new(&name)));
    }
}

fn replay(files: &[PathBuf]) {
    for file in files {
        let name = file.display();
        let hint = format!("REPLAY={name} cargo test --test replay one_input -- --nocapture");
        assert!(holds(&read(file), &name.to_string()), "{name} fails; see it with: {hint}");
    }
}

#[test]
fn what_fuzzing_found_does_what_the_specification_says() {
    replay(&corpus("calls", 50));
}

/// Inputs that have caught bugs, seeded ones as well; a merge leaves them alone.
#[test]
fn what_has_caught_a_bug_does_what_the_specification_says() {
    replay(&corpus("bugs", 1));
}

#[test]
fn random_calls_do_what_the_specification_says() {
    let mut random = Random::new(1);
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..400).map(|_| random.next() as u8).collect();
        let name = format!("{bytes:?}");
        assert!(holds(&bytes, &name), "these calls fail: {name}");
    }
}
