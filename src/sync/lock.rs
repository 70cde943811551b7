//! A mutex that never allocates: `lock_api`'s guards over a futex word.

#[cfg(not(loom))]
pub type Mutex<T> = lock_api::Mutex<crate::sys::lock::FutexLock, T>;
#[cfg(not(loom))]
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, crate::sys::lock::FutexLock, T>;

#[cfg(loom)]
pub use loom::sync::MutexGuard;

/// The model's mutex, with the interface of the real one.
#[cfg(loom)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
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
