//! What the kernel is to do with memory: take it back without its address, wipe it in children.

/// Lets the kernel take the whole pages of a block; they read as zero from now on.
///
/// # Safety
/// The block is private anonymous memory, as the allocator's is, and nobody needs its contents or
/// writes to it meanwhile. Reading it is allowed.
pub unsafe fn discard_pages(block: *mut u8, bytes: usize) {
    const PAGE: usize = 4096; // madvise refuses a smaller step than the kernel's: then nothing is given
    let start = (block as usize).next_multiple_of(PAGE);
    let end = (block as usize + bytes) & !(PAGE - 1);
    if end > start {
        // SAFETY: the pages lie inside of the block.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    }
}

/// Has the block read as zero in every child of fork(). `false`: the kernel cannot do that.
///
/// # Safety
/// The block is whole pages of private anonymous memory, and nobody minds.
pub unsafe fn wipe_on_fork(block: *const u8, bytes: usize) -> bool {
    const NO_ADVICE: libc::c_int = -1;
    // SAFETY: as promised.
    let takes = |advice| unsafe { libc::madvise(block.cast_mut().cast(), bytes, advice) } == 0;
    // An emulator that takes whatever it is told does nothing of it.
    !takes(NO_ADVICE) && takes(libc::MADV_WIPEONFORK)
}
