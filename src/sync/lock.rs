//! A mutex that never allocates: `lock_api`'s guards over a futex word.

#[cfg(not(any(loom, shuttle)))]
pub type Mutex<T> = lock_api::Mutex<crate::sys::lock::FutexLock, T>;
#[cfg(not(any(loom, shuttle)))]
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, crate::sys::lock::FutexLock, T>;

#[cfg(any(loom, shuttle))]
pub use crate::sync::world::sync::MutexGuard;

/// System calls on one descriptor take effect one after the other, and the later one sees what was done
/// before. The kernel does that; a model must be told.
#[cfg(any(loom, shuttle))]
pub struct KernelOrder {
    order: Mutex<()>,
    /// Written when the descriptor is made: every use has to come after that.
    made: super::UnsafeCell<()>,
}

// SAFETY: there is nothing in the cell.
#[cfg(any(loom, shuttle))]
unsafe impl Send for KernelOrder {}
// SAFETY: as above.
#[cfg(any(loom, shuttle))]
unsafe impl Sync for KernelOrder {}

#[cfg(any(loom, shuttle))]
impl KernelOrder {
    pub fn of_new_descriptor() -> Self {
        Self { order: Mutex::new(()), made: super::UnsafeCell::new(()) }
    }

    pub fn lock(&self) -> MutexGuard<'_, ()> {
        self.made.with(|_| ());
        self.order.lock()
    }
}

/// The kernel's own order: nothing to do.
#[cfg(not(any(loom, shuttle)))]
pub struct KernelOrder;

#[cfg(not(any(loom, shuttle)))]
impl KernelOrder {
    pub fn of_new_descriptor() -> Self {
        Self
    }

    pub fn lock(&self) -> Self {
        Self
    }
}

/// The model's mutex, with the interface of the real one.
#[cfg(any(loom, shuttle))]
pub struct Mutex<T>(crate::sync::world::sync::Mutex<T>);

#[cfg(any(loom, shuttle))]
impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(crate::sync::world::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("a model does not poison")
    }

    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().expect("a model does not poison")
    }

    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}
