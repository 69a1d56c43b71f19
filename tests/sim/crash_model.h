/*
 * crash_model.h - what a disk may hold after a crash at a step of a trace.
 *
 * The model:
 *   - Of a file, each 512-byte sector that was written since its last sync has
 *     any of the contents it had since then, on its own. The file's size is
 *     the synced one or the present one.
 *   - Names (create, rename, remove, make a directory) reach the disk by an
 *     fsync of their directory. Of those that wait for one, any set has; a
 *     rename is atomic. A file whose directory is not there is not there.
 *   - A failed sync leaves everything as uncertain as it was, and no later
 *     sync looks at it again, unless it is written again.
 *   - The write that is under way has got as far as any of its bytes; a
 *     sector that is being written may hold anything.
 *   - kill -9 is the case in which all of it is there.
 *
 * What it is not: it knows nothing of what the files mean.
 *
 * The images at one step are numbered 0..crash_model_count(). The first few
 * (none of what is unsynced, all of it, with each set of names) come first.
 * Aborts when there is no memory: it is for tests. One thread.
 */
#ifndef ONHAND_TESTS_SIM_CRASH_MODEL_H
#define ONHAND_TESTS_SIM_CRASH_MODEL_H

#include "sim/crash_trace.h"
#include <stdbool.h>
#include <stdint.h>

struct crash_model;

/* Before the trace's first step. Borrows the trace until destroyed. */
struct crash_model *crash_model_create(const struct crash_trace *trace);
void crash_model_destroy(struct crash_model **model);

/* The next step has been made. False: there was none. */
bool crash_model_advance(struct crash_model *model);

/* Steps made so far. */
size_t crash_model_step(const struct crash_model *model);

/* How many images there are here, some of them equal; the first `out_basic_count` are the basic ones. */
uint64_t crash_model_count(const struct crash_model *model, uint64_t *out_basic_count);

/* What kind of crash an image is of. */
enum crash_kind {
    CRASH_BASIC = 0,   /* none or all of the unsynced bytes, any set of names */
    CRASH_SECTORS = 1, /* some of the unsynced sectors and sizes */
    CRASH_TORN = 2,    /* a first part of the write that is under way */
    CRASH_GARBAGE = 3, /* a sector that is neither old nor new */
    CRASH_KINDS = 4,
};

struct crash_image_info {
    enum crash_kind kind;
    bool is_kill; /* everything that was written is there: kill -9, too */
};

/* Makes image `index`. The same index at the same step is the same image. */
void crash_model_image(const struct crash_model *model, uint64_t index, struct storage_image *out_image,
                       struct crash_image_info *out_info);

#endif
