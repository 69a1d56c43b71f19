/*
 * crash_trace.h - everything a disk was told to do, in order, with what had
 * been promised at that moment.
 *
 * What it is: a watcher of a storage_disk. At each step it asks its owner how
 * far records are promised, so that a crash at that step can be judged.
 *
 * Aborts when there is no memory: it is for tests. One thread.
 */
#ifndef ONHAND_TESTS_SIM_CRASH_TRACE_H
#define ONHAND_TESTS_SIM_CRASH_TRACE_H

#include "support/storage_disk.h"
#include "support/storage_image.h"
#include <stddef.h>
#include <stdint.h>

/* Records up to these: on the disk by the promise of the class; given to the kernel; made at all. */
struct crash_promise {
    uint64_t synced_seq;
    uint64_t written_seq;
    uint64_t issued_seq;
};

/* One change, as in struct storage_event, with memory of its own. */
struct crash_step {
    enum storage_operation operation;
    int result;
    uint32_t inode;
    char path[STORAGE_IMAGE_PATH_SIZE];
    char to[STORAGE_IMAGE_PATH_SIZE];
    uint8_t *bytes;
    uint64_t offset;
    size_t size;
    struct crash_promise promise; /* just before the step took effect */
};

struct crash_trace {
    struct storage_image start; /* what the disk held before the first step; every name and byte of it safe */
    struct crash_step *steps;
    size_t count;
    size_t capacity;
    struct crash_promise promise_after; /* when the last step had been made */
    struct storage_watch watch;
    void (*before)(void *ctx); /* may be NULL; may use the disk */
    void (*promise)(void *ctx, struct crash_promise *out_promise);
    void *ctx;
};

/* Watches the disk until crash_trace_end(), which asks for the promise once more. */
void crash_trace_begin(struct crash_trace *trace, struct storage_disk *disk, void (*before)(void *ctx),
                       void (*promise)(void *ctx, struct crash_promise *out_promise), void *ctx);
void crash_trace_end(struct crash_trace *trace, struct storage_disk *disk);

/* What was promised when `count` steps had been made, and no more. */
struct crash_promise crash_trace_promise(const struct crash_trace *trace, size_t count);

void crash_trace_fini(struct crash_trace *trace);

/* One step in words, for a message. Lends until the next call. */
const char *crash_step_text(const struct crash_step *step);

#endif
