//! A mutex that never allocates: `lock_api`'s guards over a futex word.

#[cfg(not(any(loom, shuttle)))]
pub type Mutex<T> = lock_api::Mutex<crate::sys::lock::FutexLock, T>;
#[cfg(not(any(loom, shuttle)))]
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, crate::sys::lock::FutexLock, T>;

#[cfg(any(loom, shuttle))]
pub use crate::sync::world::sync::MutexGuard;

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
