//! `include/bridgeq.h` is what cbindgen makes of `src/ffi`. `make header` writes it.

use std::{env, fs, path::Path};

/// What a compiler must know before the first declaration.
const PREAMBLE: &str = r#"
#define BQ_VERSION_MAJOR {major}
#define BQ_VERSION_MINOR {minor}
#define BQ_VERSION_PATCH {patch}
/** The version of this header as one comparable number: major, minor, patch, two digits each. */
#define BQ_VERSION (BQ_VERSION_MAJOR * 10000 + BQ_VERSION_MINOR * 100 + BQ_VERSION_PATCH)

#if defined(__GNUC__) || defined(__clang__)
#define BQ_API __attribute__((visibility("default")))
#define BQ_DEPRECATED __attribute__((deprecated))
#define BQ_DEPRECATED_NOTE(note) __attribute__((deprecated(note)))
#else
#define BQ_API
#define BQ_DEPRECATED
#define BQ_DEPRECATED_NOTE(note)
#endif

/** The options of a queue to start from: an unbounded FIFO of pointers. */
#define BQ_OPTIONS_INIT { sizeof(bq_options), BQ_FIFO, 0, 0, 0, NULL, NULL, NULL, 0 }
/** The statistics to pass to bq_queue_stats(). */
#define BQ_STATS_INIT { sizeof(bq_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/** The options of a poller to start from: a descriptor of the library's choice, level-triggered. */
#define BQ_POLLER_OPTIONS_INIT { sizeof(bq_poller_options), 0, NULL, NULL, 0 }
"#;

const TITLE: &str = "\
/*
 * bridgeq: the queue between threads and event loops.
 *
 * What holds for every function, unless its description says otherwise:
 *
 * - It may be called from any thread at any time, from `drop` and `wake` as well, and from a signal
 *   handler where that is said. The caller must hold a reference to the handle until the call
 *   returns.
 * - It returns a bq_status or, where it returns a count or a descriptor, that or a negative status.
 *   BQ_INTERNAL, a defect caught in bridgeq, may come from any of these; whether the call took
 *   effect is not known then: do not use or free its items, and release the handle. errno is not
 *   part of the interface, and may change: a signal handler must save it.
 * - What a thread wrote before it put an item is seen by whoever gets, peeks or drops that item;
 *   what it wrote before bq_task_done(), by the bq_join() that this ends; before bq_poller_wake(),
 *   by the poll or wait that answers it with 0. Beyond that no call is a fence: a thread that stores
 *   a flag, makes a call and loads another flag needs one of its own.
 * - A timeout is in nanoseconds of CLOCK_MONOTONIC: BQ_NOWAIT, BQ_FOREVER or a number above 0; any
 *   other one is BQ_INVALID. Signals neither end a wait nor lengthen it, and no wait is a
 *   cancellation point.
 * - A call that fails otherwise changes nothing: the item of a put stays with the caller, the
 *   caller's memory for a get is not written to.
 * - A call that does not wait may still take a lock that is held for microseconds, and yield the
 *   processor (sched_yield) a few times: a poll that finds nothing looks again first, see linger_ns
 *   of bq_poller_options; a put that needs more memory while more than 128 KiB are queued gives the
 *   threads that get a turn.
 * - Real-time threads: locks do not inherit priority, and no timeout bounds the wait for one. A thread
 *   that has lost its processor inside of a call holds up others in calls on the same queue: with
 *   BQ_LIFO and BQ_PRIORITY any call, which copies the item under the lock; with BQ_FIFO one that
 *   clears, goes to sleep, adds, modifies or removes a watch, or makes room for more items than
 *   before. Under SCHED_FIFO and SCHED_DEADLINE a yield can cost the turn of others or the rest of
 *   the period: set BQ_NO_LINGER, and bound the queue.
 * - One thread alone: where the same thread has got thousands of items of a BQ_FIFO queue and no
 *   other one any, the first call of another one that gets, peeks, clears, shuts down, changes the
 *   capacity, or waits for or watches room takes some 10 microseconds more; where it has put them
 *   alone, the first call of another one that puts, shuts down, or waits for or watches items (a
 *   millisecond where a sandbox has taken membarrier away since). No call waits for that thread,
 *   wherever the scheduler, a signal handler or a debugger has stopped it.
 * - In a child of fork() everything that the parent made may be released and nothing else: other
 *   calls return BQ_FORKED, or 0 where they return no status. (A child that shares the parent's
 *   memory, as one of vfork() does, is not told from it; before Linux 4.14 nor is one that was made
 *   without fork(), or in a handler of pthread_atfork() that runs before bridgeq's.)
 * - Callbacks must not be left by longjmp, pthread_exit, an exception or cancellation: where
 *   threads are cancelled, a callback that reaches a cancellation point must disable cancellation
 *   first (pthread_setcancelstate). Cancellation must not be asynchronous in any call.
 * - No thread is started, nothing is printed, no signal is raised.
 *
 * Made from the Rust sources by cbindgen: `make header`. SPDX-License-Identifier: Apache-2.0 OR MIT
 */
";

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config =
        cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let preamble = PREAMBLE
        .replace("{major}", env!("CARGO_PKG_VERSION_MAJOR"))
        .replace("{minor}", env!("CARGO_PKG_VERSION_MINOR"))
        .replace("{patch}", env!("CARGO_PKG_VERSION_PATCH"));
    config.header = Some(TITLE.to_owned());
    config.after_includes = Some(preamble);
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/ffi/mod.rs"))
        .generate()
        .expect("cbindgen understands src/ffi")
        .write(&mut text);
    for_every_compiler(&String::from_utf8(text).expect("a header is text"))
}

/// `#define BQ_EMPTY -1` would bind to what stands before it: negative values get parentheses.
fn for_every_compiler(header: &str) -> String {
    let mut out = String::with_capacity(header.len() + 64);
    for line in header.lines() {
        match line.rsplit_once(' ') {
            Some((define, value)) if define.starts_with("#define ") && value.starts_with('-') => {
                out += &format!("{define} ({value})\n");
            }
            // What cbindgen writes behind #endif, which C89 does not take for a comment.
            _ => match line.split_once("// ") {
                Some((code, comment)) if code.starts_with('#') => {
                    out += &format!("{} /* {comment} */\n", code.trim_end());
                }
                _ => out += &format!("{line}\n"),
            },
        }
    }
    out
}

#[test]
fn the_committed_header_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/bridgeq.h");
    let fresh = generate();
    if env::var_os("BRIDGEQ_UPDATE_HEADER").is_some() {
        fs::write(&path, &fresh).expect("include/ can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "include/bridgeq.h is stale: run `make header` and commit it");
}
