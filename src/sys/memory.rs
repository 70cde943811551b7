//! Giving memory back to the system without giving up its address.

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
