/*
 * memory.h - where the process gets a ledger's pools: address space that costs nothing until it is touched.
 *
 * A ledger reserves room for all its limits when it is created, far more than the machine may have. Any thread.
 */
#ifndef ONHAND_APP_MEMORY_H
#define ONHAND_APP_MEMORY_H

#include "onhand/ledger.h"

/* Pools above this are asked for in huge pages: random access to tens of gigabytes is bound by address translation. */
#define OH_MEMORY_HUGE_SIZE_MIN ((size_t)64 << 20)

struct oh_allocator oh_memory_allocator(void);

/* Of what the process has freed at the end of its heap, so much stays with it (oh_memory_keep). */
#define OH_MEMORY_KEPT_SIZE ((size_t)64 << 20)

/*
 * oh_memory_keep - from now on large replies are put together in memory that others have freed, and not in pages that
 * the system gives anew, one fault each. Before the first thread.
 */
void oh_memory_keep(void);

#endif
