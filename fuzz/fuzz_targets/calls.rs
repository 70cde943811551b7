//! Sequences of calls through the C interface, good and bad ones, on several queues and pollers. What
//! the bytes mean and what is checked is in `ctests/rust/replay/machine`.

#![no_main]

#[path = "../../ctests/rust/replay/machine/mod.rs"]
mod machine;
#[path = "../../ctests/rust/spec.rs"]
mod spec;

use std::alloc::{GlobalAlloc, Layout, System};

/// Says no where the sanitizer's allocator would say so aloud: items of any size are part of the game.
struct Modest;

const MOST: usize = 1 << 30;

// SAFETY: the system's allocator, or null.
unsafe impl GlobalAlloc for Modest {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        if layout.size() > MOST { std::ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Modest = Modest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| machine::run(bytes));
