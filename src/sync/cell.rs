//! `UnsafeCell` with loom's interface: accesses are closures, so that a model can see them overlap.

#[cfg(loom)]
pub use loom::cell::{Cell, UnsafeCell};

#[cfg(not(loom))]
pub use std::cell::Cell;

/// Data that a protocol outside of the type system protects.
#[cfg(not(loom))]
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// A read: no write may overlap it.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// A write: nothing may overlap it.
    #[inline]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}
