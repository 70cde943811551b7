//! A reference-counted box whose making can fail: `Arc` aborts when memory runs out.

use std::alloc::{Layout, alloc, dealloc};
use std::marker::PhantomData;
use std::mem::offset_of;
use std::ops::Deref;
use std::process::abort;
use std::ptr::NonNull;

use super::{AtomicUsize, Ordering};

/// More references than this are a leak that is about to overflow the count.
const TOO_MANY: usize = usize::MAX / 2;

/// What can be shared.
pub trait Ends {
    /// The last reference goes. The value is whole until this is over, and stays counted: what is called from here
    /// may still take references, and give them back.
    fn end(&self) {}
}

/// A value and the number of references to it.
pub struct Counted<T> {
    references: AtomicUsize,
    value: T,
}

/// One reference to a [`Counted`] value; the last one ends and drops it.
pub struct Shared<T: Ends> {
    /// Valid for as long as this reference is counted.
    counted: NonNull<Counted<T>>,
    owns: PhantomData<Counted<T>>,
}

// SAFETY: a Shared hands out &T on any thread and drops T on the last one, as Arc does.
unsafe impl<T: Ends + Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Ends + Send + Sync> Sync for Shared<T> {}

impl<T: Ends> Shared<T> {
    /// `None`: out of memory.
    pub fn try_new(value: T) -> Option<Self> {
        let layout = Layout::new::<Counted<T>>();
        // SAFETY: the layout is not of size zero, there is a count in it.
        let counted = NonNull::new(unsafe { alloc(layout) }.cast::<Counted<T>>())?;
        // SAFETY: freshly allocated with this layout.
        unsafe { counted.write(Counted { references: AtomicUsize::new(1), value }) };
        Some(Self { counted, owns: PhantomData })
    }

    /// Gives up the reference without releasing it.
    pub fn into_raw(this: Self) -> *const Counted<T> {
        let raw = this.counted.as_ptr();
        std::mem::forget(this);
        raw
    }

    /// Takes back a reference that is known by its value only. `None`: `value` is null.
    ///
    /// # Safety
    /// As for [`Self::from_raw`], with a pointer to the value of what came from [`Self::into_raw`].
    pub unsafe fn from_value(value: *const T) -> Option<Self> {
        if value.is_null() {
            return None;
        }
        // SAFETY: the value lies inside of a Counted, this far from its start.
        unsafe { Self::from_raw(value.byte_sub(offset_of!(Counted<T>, value)).cast()) }
    }

    /// Takes back a reference. `None`: `raw` is null.
    ///
    /// # Safety
    /// `raw` is null or came from [`Self::into_raw`], and that reference is taken back only once.
    pub unsafe fn from_raw(raw: *const Counted<T>) -> Option<Self> {
        Some(Self { counted: NonNull::new(raw.cast_mut())?, owns: PhantomData })
    }
}

impl<T: Ends> Counted<T> {
    /// Where the value is.
    ///
    /// # Safety
    /// `this` came from [`Shared::into_raw`] and is alive.
    pub unsafe fn value(this: *const Self) -> *const T {
        // SAFETY: as promised.
        unsafe { &raw const (*this).value }
    }

    /// One more reference.
    pub fn share(&self) -> Shared<T> {
        // ORDERING: Relaxed; a reference is made from a reference, nothing is published by it.
        if self.references.fetch_add(1, Ordering::Relaxed) > TOO_MANY {
            abort(); // nothing sensible is left: the count would wrap and free what is in use
        }
        Shared { counted: NonNull::from(self), owns: PhantomData }
    }
}

impl<T> Deref for Counted<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Ends> Deref for Shared<T> {
    type Target = Counted<T>;

    #[inline]
    fn deref(&self) -> &Counted<T> {
        // SAFETY: counted, hence alive.
        unsafe { self.counted.as_ref() }
    }
}

impl<T: Ends> Drop for Shared<T> {
    fn drop(&mut self) {
        let one_less = |count: usize| (count > 1).then(|| count - 1);
        // ORDERING: Release; what this thread did with the value comes before its destruction. Pairs with the load
        // below. Relaxed where this is the last reference.
        if self.references.fetch_update(Ordering::Release, Ordering::Relaxed, one_less).is_ok() {
            return;
        }
        // ORDERING: Acquire; pairs with the Release of every other reference given up. A load, not a fence:
        // ThreadSanitizer does not see fences.
        self.references.load(Ordering::Acquire);
        self.end();
        let counted = self.counted.as_ptr();
        // SAFETY: this is the last reference, and it was made by try_new with this layout.
        unsafe {
            counted.drop_in_place();
            dealloc(counted.cast(), Layout::new::<Counted<T>>());
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::cell::Cell;

    struct Bell<'a>(&'a Cell<u32>);

    impl Ends for Bell<'_> {}

    impl Drop for Bell<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn the_last_reference_drops_the_value_once() {
        let rung = Cell::new(0);
        let first = Shared::try_new(Bell(&rung)).unwrap();
        let second = first.share();
        drop(first);
        assert_eq!(rung.get(), 0);
        let raw = Shared::into_raw(second);
        assert_eq!(rung.get(), 0);
        // SAFETY: taken back once.
        drop(unsafe { Shared::from_raw(raw) });
        assert_eq!(rung.get(), 1);
    }

    /// Knows where it is counted.
    struct Selfish<'a>(Cell<*const Counted<Self>>, &'a Cell<u32>);

    impl Ends for Selfish<'_> {
        fn end(&self) {
            self.1.set(self.1.get() + 1);
            // SAFETY: it is still there.
            drop(unsafe { (*self.0.get()).share() });
        }
    }

    #[test]
    fn a_value_may_be_shared_while_it_ends() {
        let ends = Cell::new(0);
        let last = Shared::try_new(Selfish(Cell::new(std::ptr::null()), &ends)).unwrap();
        last.0.set(std::ptr::from_ref(&*last));
        drop(last);
        assert_eq!(ends.get(), 1);
    }
}
