#include "sim/crash_trace.h"
#include "base/assert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void step_before(void *ctx)
{
    const struct crash_trace *trace = ctx;
    if (trace->before != NULL)
        trace->before(trace->ctx);
}

static void path_copy(char out_path[static STORAGE_IMAGE_PATH_SIZE], const char *path)
{
    OH_ASSERT(path == NULL || strlen(path) < STORAGE_IMAGE_PATH_SIZE);
    (void)snprintf(out_path, STORAGE_IMAGE_PATH_SIZE, "%s", path == NULL ? "" : path);
}

static void step_after(void *ctx, const struct storage_event *event)
{
    struct crash_trace *trace = ctx;
    if (trace->count == trace->capacity) {
        trace->capacity = trace->capacity == 0 ? 256 : trace->capacity * 2;
        trace->steps = realloc(trace->steps, trace->capacity * sizeof(*trace->steps));
        OH_ASSERT(trace->steps != NULL);
    }
    struct crash_step *step = &trace->steps[trace->count++];
    *step = (struct crash_step){ .operation = event->operation,
                                 .result = event->result,
                                 .inode = event->inode,
                                 .offset = event->offset,
                                 .size = event->size };
    path_copy(step->path, event->path);
    path_copy(step->to, event->to);
    if (event->bytes != NULL) {
        step->bytes = malloc(event->size + 1);
        OH_ASSERT(step->bytes != NULL);
        memcpy(step->bytes, event->bytes, event->size);
    }
    trace->promise(trace->ctx, &step->promise);
}

void crash_trace_begin(struct crash_trace *trace, struct storage_disk *disk, void (*before)(void *ctx),
                       void (*promise)(void *ctx, struct crash_promise *out_promise), void *ctx)
{
    *trace = (struct crash_trace){ .before = before, .promise = promise, .ctx = ctx };
    trace->watch = (struct storage_watch){ step_before, step_after, trace };
    storage_image_take(&trace->start, disk);
    storage_disk_set_watch(disk, &trace->watch);
}

void crash_trace_end(struct crash_trace *trace, struct storage_disk *disk)
{
    trace->promise(trace->ctx, &trace->promise_after);
    storage_disk_set_watch(disk, NULL);
}

struct crash_promise crash_trace_promise(const struct crash_trace *trace, size_t count)
{
    return count < trace->count ? trace->steps[count].promise : trace->promise_after;
}

void crash_trace_fini(struct crash_trace *trace)
{
    for (size_t i = 0; i < trace->count; i++)
        free(trace->steps[i].bytes);
    free(trace->steps);
    storage_image_fini(&trace->start);
    *trace = (struct crash_trace){ .count = 0 };
}

const char *crash_step_text(const struct crash_step *step)
{
    static char text[2 * STORAGE_IMAGE_PATH_SIZE + 64];
    static const char *const names[STORAGE_OPERATIONS] = {
        [STORAGE_WRITE] = "write",
        [STORAGE_FDATASYNC] = "fdatasync",
        [STORAGE_FSYNC] = "fsync",
        [STORAGE_ALLOCATE] = "allocate",
        [STORAGE_FSYNC_DIRECTORY] = "fsync of the directory",
        [STORAGE_RENAME] = "rename",
        [STORAGE_UNLINK] = "unlink",
        [STORAGE_CREATE] = "create",
        [STORAGE_MAKE_DIRECTORY] = "make directory",
    };
    (void)snprintf(text, sizeof(text), "%s %s%s%s (inode %u, %zu bytes at %llu)%s", names[step->operation],
                   step->path, step->to[0] == '\0' ? "" : " to ", step->to, step->inode, step->size,
                   (unsigned long long)step->offset, step->result < 0 ? ", failed" : "");
    return text;
}
