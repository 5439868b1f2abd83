//! The allocator of a component that lives for one decision: it only moves
//! forward, and nothing is ever given back.
//!
//! A decision needs a few kilobytes, which come from a block in the image;
//! larger inputs grow the memory, up to the host's limit.

#![cfg(target_arch = "wasm32")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

/// Enough for a token of 2 KB with its decision, in four pages of the host.
const BLOCK: usize = 16 * 1024;
/// A page of WebAssembly.
const PAGE: usize = 64 * 1024;

#[repr(C, align(16))]
struct Block(UnsafeCell<[u8; BLOCK]>);

/// Where the free part of the current stretch starts and ends.
struct Free {
    start: usize,
    end: usize,
}

struct Arena {
    free: UnsafeCell<Free>,
}

#[expect(unsafe_code, reason = "this module has no threads")]
// SAFETY: the component is compiled without threads, so nothing is shared.
unsafe impl Sync for Block {}

#[expect(unsafe_code, reason = "this module has no threads")]
// SAFETY: as above.
unsafe impl Sync for Arena {}

static BYTES: Block = Block(UnsafeCell::new([0; BLOCK]));

#[global_allocator]
static ARENA: Arena = Arena {
    free: UnsafeCell::new(Free { start: 0, end: 0 }),
};

impl Arena {
    /// `size` bytes at a multiple of `align`, a power of two.
    fn take(&self, size: usize, align: usize) -> *mut u8 {
        // SAFETY: no threads, and no reference outlives this call.
        #[expect(unsafe_code, reason = "the arena's only state")]
        let free = unsafe { &mut *self.free.get() };
        if free.end == 0 {
            free.start = BYTES.0.get() as usize;
            free.end = free.start + BLOCK;
        }
        loop {
            let start = free.start.wrapping_add(align - 1) & !(align - 1);
            match start.checked_add(size) {
                Some(end) if start >= free.start && end <= free.end => {
                    free.start = end;
                    return start as *mut u8;
                }
                _ => {}
            }
            let Some(pages) = size.checked_add(align).map(|size| size.div_ceil(PAGE)) else {
                return core::ptr::null_mut();
            };
            let first = core::arch::wasm32::memory_grow(0, pages);
            if first == usize::MAX {
                return core::ptr::null_mut();
            }
            free.start = first * PAGE;
            free.end = free.start + pages * PAGE;
        }
    }
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: `take` hands out each byte once, inside memory that is there, aligned
// as asked, or null.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
