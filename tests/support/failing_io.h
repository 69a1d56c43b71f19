/*
 * failing_io.h - a table of storage calls in front of another one, of which one chosen call fails.
 *
 * What it is: it counts every call by its kind, lets one of them (or several in a row) fail, and remembers on which
 * file that was. What it allocates or the table behind it does is not the program's (failing_malloc_pause).
 *
 * What it is not: a disk. A sync that fails is made to fail by the disk behind (support/storage_disk.h), which knows
 * what a failed sync leaves behind; any other error is answered here, a write that fails after half of it.
 *
 * Threads: one.
 */
#ifndef ONHAND_TESTS_SUPPORT_FAILING_IO_H
#define ONHAND_TESTS_SUPPORT_FAILING_IO_H

#include "storage/io.h"
#include "support/storage_disk.h"

/* clang-format off */
#define FAILING_CALLS(X) \
    X(OPEN, "open") X(CLOSE, "close") X(READ, "read") X(WRITE, "write") X(FDATASYNC, "fdatasync") X(FSYNC, "fsync") \
    X(SIZE, "size") X(ALLOCATE, "allocate") X(LOCK, "lock") X(FSYNC_DIRECTORY, "fsync_directory") \
    X(MAKE_DIRECTORY, "make_directory") X(RENAME, "rename") X(UNLINK, "unlink") X(LIST, "list") X(RANDOM, "random")
/* clang-format on */

enum failing_call {
#define X(name, text) FAILING_##name,
    FAILING_CALLS(X)
#undef X
    FAILING_CALL_COUNT
};

/* Not an error: the call does a part of what it was asked for. Reads and writes only. */
#define FAILING_SHORT (-1)

#define FAILING_FILES_MAX 64
#define FAILING_PATH_SIZE 128

struct failing_io {
    struct oh_io below;
    struct storage_disk *disk;
    uint64_t counts[FAILING_CALL_COUNT];

    /* What fails: this call, from `from` on, `times` times, with this error. times 0: nothing. */
    enum failing_call call;
    uint64_t from;
    uint64_t times;
    int error_number; /* or FAILING_SHORT */

    uint64_t hits;
    char hit_path[FAILING_PATH_SIZE]; /* of the last one */
    void (*hit)(void *ctx);           /* at the moment of each; may be NULL */
    void *hit_ctx;

    unsigned open_count;
    char paths[FAILING_FILES_MAX][FAILING_PATH_SIZE]; /* of open files */
};

/* Everything else of *failing is zero; `disk` is what *io goes to. Replaces *io. */
void failing_io_wrap(struct failing_io *failing, struct storage_disk *disk, struct oh_io *io);

const char *failing_call_text(enum failing_call call);

#endif
