//! The version of the library in use. The macros of the header are written by the generator.

use super::guard;

/// As BQ_VERSION: major * 10000 + minor * 100 + patch.
const VERSION: u32 = decimal(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
    + decimal(env!("CARGO_PKG_VERSION_MINOR")) * 100
    + decimal(env!("CARGO_PKG_VERSION_PATCH"));

const fn decimal(digits: &str) -> u32 {
    let digits = digits.as_bytes();
    let (mut value, mut i) = (0, 0);
    while i < digits.len() {
        value = value * 10 + (digits[i] - b'0') as u32;
        i += 1;
    }
    value
}

/// The version of the library in use, comparable with BQ_VERSION of the header that a program was
/// compiled with. Programs that load the library at run time want
/// `bq_version() / 100 == BQ_VERSION / 100` before 1.0.
///
/// Never blocks. Safe from any thread and from a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn bq_version() -> u32 {
    guard(0, || VERSION)
}
