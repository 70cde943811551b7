//! loom's atomics, with loads that its search cannot overlook: it remembers only the last access to an
//! atomic, so one thread's load hides another thread's load from the compare-and-swap behind it, and
//! whole families of schedules are never tried. A condition that nobody waits for orders nothing, but
//! counts as an access of its own.

use std::ops::Deref;

use loom::sync::Condvar;
use loom::sync::atomic::{self, Ordering};

pub struct Seen<A> {
    atomic: A,
    looks: Condvar,
}

impl<A> Deref for Seen<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.atomic
    }
}

macro_rules! seen {
    ($(<$T:ident>)? $name:ident: $value:ty) => {
        pub type $name$(<$T>)? = Seen<atomic::$name$(<$T>)?>;

        impl$(<$T>)? Seen<atomic::$name$(<$T>)?> {
            pub fn new(value: $value) -> Self {
                Self { atomic: atomic::$name::new(value), looks: Condvar::new() }
            }

            pub fn load(&self, order: Ordering) -> $value {
                self.looks.notify_one();
                self.atomic.load(order)
            }

            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut next: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut now = self.load(fetch);
                while let Some(wanted) = next(now) {
                    match self.atomic.compare_exchange(now, wanted, set, fetch) {
                        Ok(before) => return Ok(before),
                        Err(other) => now = other,
                    }
                }
                Err(now)
            }
        }
    };
}

seen!(AtomicBool: bool);
seen!(AtomicU8: u8);
seen!(AtomicU16: u16);
seen!(AtomicU32: u32);
seen!(AtomicU64: u64);
seen!(AtomicUsize: usize);
seen!(<T> AtomicPtr: *mut T);

impl Default for AtomicU64 {
    fn default() -> Self {
        Self::new(0)
    }
}
