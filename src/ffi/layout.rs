//! The structs as Rust lays them out, against the header as a C compiler reads it.

use std::fmt::Write;
use std::io::Write as _;
use std::mem::offset_of;
use std::process::{Command, Stdio};

use super::inspect::bq_stats;
use super::poller::{bq_event, bq_poller_options};
use super::queue::bq_options;

const fn size_behind<S, T>(_: fn(&S) -> &T) -> usize {
    size_of::<T>()
}

/// Appends what C must find of a struct: its size and alignment, and where each field is and how long.
macro_rules! assert_layout {
    ($lines:ident, $name:ident { $($field:ident),* $(,)? }) => {{
        let name = stringify!($name);
        let mut assert = |what: &str, is: usize| {
            writeln!($lines, "_Static_assert({what} == {is}, \"{what} is {is} in Rust\");").unwrap();
        };
        assert(&format!("sizeof({name})"), size_of::<$name>());
        assert(&format!("_Alignof({name})"), align_of::<$name>());
        // Does not compile while a field is missing here.
        let _complete = |whole: $name| { let $name { $($field: _),* } = whole; };
        $({
            let field = stringify!($field);
            assert(&format!("offsetof({name}, {field})"), offset_of!($name, $field));
            let size = size_behind::<$name, _>(|whole| &whole.$field);
            assert(&format!("sizeof((({name} *)0)->{field})"), size);
        })*
    }};
}

fn assertions() -> String {
    let mut lines = String::from("#include \"bridgeq.h\"\n");
    assert_layout!(
        lines,
        bq_options { size, order, flags, capacity, item_size, drop, compare, context, linger_ns }
    );
    assert_layout!(
        lines,
        bq_stats {
            size,
            puts,
            gets,
            discards,
            wakes,
            len,
            capacity,
            unfinished,
            blocked_gets,
            blocked_puts,
            blocked_joins,
            armed_watches,
        }
    );
    assert_layout!(lines, bq_event { queue, data, events });
    assert_layout!(lines, bq_poller_options { size, flags, wake, context, linger_ns });
    lines
}

/// What the compiler says to these lines; empty: nothing.
fn compile(lines: &str) -> String {
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/include");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-std=c11", "-fsyntax-only", "-I", include, "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a C compiler: cc, or what CC names");
    compiler.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("cc reads");
    let done = compiler.wait_with_output().expect("cc ends");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn every_struct_is_laid_out_as_the_header_says() {
    assert_eq!(compile(&assertions()), "");
}

#[test]
fn every_struct_of_the_header_is_looked_at() {
    let header = include_str!("../../include/bridgeq.h");
    let structs = header
        .lines()
        .filter_map(|line| line.strip_prefix("typedef struct bq_")?.strip_suffix(" {"));
    let lines = assertions();
    let mut count = 0;
    for name in structs {
        assert!(lines.contains(&format!("sizeof(bq_{name})")), "bq_{name} is not in layout.rs");
        count += 1;
    }
    assert!(count >= 4, "the header is not written as it was");
}

#[test]
fn a_wrong_layout_is_seen() {
    let wrong = assertions().replace("sizeof(bq_event) == ", "sizeof(bq_event) == 1");
    assert!(compile(&wrong).contains("sizeof(bq_event)"));
}
