//! Hints to the processor to fetch a cache line before it is needed. Any address will do.

macro_rules! prefetch {
    ($(#[$doc:meta])* $name:ident, $x86:literal, $arm:literal) => {
        $(#[$doc])*
        #[inline]
        pub fn $name(place: *const u8) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a prefetch neither faults nor changes anything; a processor without PREFETCHW does
            // nothing.
            unsafe {
                std::arch::asm!($x86, in(reg) place, options(nostack, preserves_flags, readonly));
            }
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above.
            unsafe {
                std::arch::asm!($arm, in(reg) place, options(nostack, preserves_flags, readonly));
            }
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            let _ = place;
        }
    };
}

prefetch! {
    /// Fetches the cache line of `place` for a read that is to come.
    prefetch_for_reading, "prefetcht0 [{}]", "prfm pldl1keep, [{}]"
}
prefetch! {
    /// Fetches the cache line of `place` for a write that is to come.
    prefetch_for_writing, "prefetchw [{}]", "prfm pstl1keep, [{}]"
}
