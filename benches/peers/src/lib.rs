//! The channels from crates.io as contenders of the benchmark: one file each, all behind the table
//! of functions of `../contender.h`.

mod async_channel;
mod crossbeam;
mod crossfire;
mod flume;
mod kanal;
mod peer;
mod ring;
mod std_mpsc;
mod table;
mod tokio_mpsc;
mod watch;

use std::ffi::{CStr, CString, c_char};
use std::ptr::null;
use std::sync::OnceLock;

use table::{Contender, Spec};

/// The version that was built with, from the lock file.
fn locked_version(name: &str) -> CString {
    let start = format!("name = \"{name}\"\nversion = \"");
    let after = include_str!("../Cargo.lock").split_once(&start).map(|(_, after)| after);
    let version = after.and_then(|after| after.split_once('"')).map_or("unknown", |(it, _)| it);
    CString::new(version).expect("a version has no NUL")
}

macro_rules! contender {
    ($module:ident, $name:expr, $what:expr, $version:expr) => {{
        extern "C" fn version() -> *const c_char {
            static TEXT: OnceLock<CString> = OnceLock::new();
            TEXT.get_or_init(|| $version).as_ptr()
        }

        // SAFETY: the driver passes a spec and where to write a reason.
        unsafe extern "C" fn pick(spec: *const Spec, why: *mut *const c_char) -> *const table::Ops {
            let spec = unsafe { &*spec };
            let picked = if spec.order == 0 { $module::pick(spec) } else { Err(FIFO_ONLY) };
            picked.map_or_else(
                |reason| {
                    unsafe { *why = reason.as_ptr() };
                    null()
                },
                |ops| ops,
            )
        }

        static CONTENDER: Contender =
            Contender { name: $name.as_ptr(), what: $what.as_ptr(), version, pick };
        &CONTENDER
    }};
}

const FIFO_ONLY: &CStr = c"first in, first out only";

fn compiler() -> CString {
    CString::new("Rust's standard library").expect("no NUL")
}

/// What the driver looks for in a plug-in.
///
/// # Safety
/// `count` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bench_contenders(count: *mut usize) -> *const &'static Contender {
    static ALL: OnceLock<[&Contender; 8]> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        [
            contender!(crossbeam, c"crossbeam", c"crossbeam-channel, armed eventfd", {
                locked_version("crossbeam-channel")
            }),
            contender!(
                crossfire,
                c"crossfire",
                c"the kind that fits, its async side to the loop",
                { locked_version("crossfire") }
            ),
            contender!(kanal, c"kanal", c"its async side to the loop", locked_version("kanal")),
            contender!(flume, c"flume", c"its async side to the loop", locked_version("flume")),
            contender!(async_channel, c"async-channel", c"its async side to the loop", {
                locked_version("async-channel")
            }),
            contender!(tokio_mpsc, c"tokio", c"mpsc, its async side to the loop", {
                locked_version("tokio")
            }),
            contender!(std_mpsc, c"std-mpsc", c"armed eventfd", compiler()),
            contender!(
                ring,
                c"rtrb",
                c"spins, never sleeps; for the floor",
                locked_version("rtrb")
            ),
        ]
    });
    unsafe { *count = all.len() };
    all.as_ptr()
}
