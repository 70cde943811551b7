//! What can be said about an operation that did not do what it was asked for. The layers above the
//! stores speak it; `ffi` gives each its number.

/// Why an operation did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Empty,
    Full,
    TimedOut,
    Shutdown,
    Invalid,
    NoMemory,
    NoFd,
    TooManyDone,
    Forked,
    Busy,
    NotFound,
    Exists,
}
