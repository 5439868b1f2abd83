/* Memory, from which the host also takes what it writes an input to. */

#include "claimbound.h"

#define PAGE 65536

extern char __heap_base; /* The linker says where free memory begins. */

static uintptr_t next;

static void *aligned(size_t size, size_t alignment) {
  if (next == 0) next = (uintptr_t)&__heap_base;
  size_t padding = -next & (alignment - 1);
  size_t end = __builtin_wasm_memory_size(0) * PAGE;
  if (size > SIZE_MAX / 2 || padding + size > end - next) {
    size_t pages = (padding + size) / PAGE + 1;
    if (size > SIZE_MAX / 2 || __builtin_wasm_memory_grow(0, pages) == SIZE_MAX) __builtin_trap();
  }
  void *memory = (void *)(next + padding);
  next += padding + size;
  return memory;
}

void *allocate(size_t size) { return aligned(size, 8); }

/* The name that the canonical ABI gives it. */
__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t alignment, size_t new_size) {
  void *memory = aligned(new_size, alignment);
  __builtin_memcpy(memory, old, old_size < new_size ? old_size : new_size);
  return memory;
}
