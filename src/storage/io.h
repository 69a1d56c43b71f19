/*
 * io.h - every system call that storage makes, as a table of functions.
 *
 * What it is: the port between storage and the machine. Production uses
 * oh_io_posix(); tests inject faults through a table of their own, and a
 * simulator replaces the disk and the clock altogether.
 *
 * What it is not: a general file library. Only what the journal, the snapshots
 * and the data directory need is here.
 *
 * Threads: every function of a table may be called from several threads at the
 * same time. A file number is used by one thread at a time, except that one
 * thread may write while another one syncs or reads.
 *
 * Results of the table: 0 or a count on success, a negative errno value on
 * failure (-ENOSPC). EINTR and short counts are allowed: the oh_io_ functions
 * below hide both, so the rest of storage never sees them.
 */
#ifndef ONHAND_STORAGE_IO_H
#define ONHAND_STORAGE_IO_H

#include "onhand/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* The longest path, with its final NUL, that storage builds. */
#define OH_IO_PATH_SIZE 1024

/* Parts of one write; a frame is a header and two pieces of a ring. */
#define OH_IO_PARTS_MAX 4

enum oh_io_open_flags {
    OH_IO_READ = 1,
    OH_IO_WRITE = 2,
    OH_IO_CREATE = 4,    /* make the file when it is missing */
    OH_IO_EXCLUSIVE = 8, /* with CREATE: fail when it exists */
    OH_IO_DIRECT = 16,   /* a wish: what is written goes past the page cache */
};

/*
 * How what is written to a file with OH_IO_DIRECT should be aligned in memory; in the file its offset and size are to
 * be multiples of what the disk writes at once, 512 or 4096. From the first write on that does not fit, or where the
 * file system has no such writes, the file is an ordinary one. Either way nothing is on the disk before a sync.
 */
#define OH_IO_DIRECT_ALIGN 4096U

struct oh_io {
    void *ctx;

    int (*open)(void *ctx, const char *path, unsigned flags); /* a file number >= 0 */
    int (*close)(void *ctx, int file);
    int64_t (*pread)(void *ctx, int file, void *data, size_t size, uint64_t offset);
    int64_t (*pwritev)(void *ctx, int file, const struct iovec *parts, int count, uint64_t offset);
    int (*fdatasync)(void *ctx, int file);
    int (*fsync)(void *ctx, int file);
    int64_t (*size)(void *ctx, int file);
    int (*allocate)(void *ctx, int file, uint64_t size); /* bytes 0..size have disk blocks afterwards */
    int (*lock)(void *ctx, int file);                    /* exclusive, at once or -EWOULDBLOCK */

    int (*fsync_directory)(void *ctx, const char *path);
    int (*make_directory)(void *ctx, const char *path); /* -EEXIST when it is there */
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*unlink)(void *ctx, const char *path);
    /* -EINTR only before the first name. */
    int (*list)(void *ctx, const char *path, void (*each)(void *each_ctx, const char *name), void *each_ctx);

    int64_t (*monotonic_us)(void *ctx); /* for intervals */
    int64_t (*realtime_us)(void *ctx);  /* microseconds since the Unix epoch, for creation times */
    int (*random)(void *ctx, void *data, size_t size);
};

/* The real machine. Lends a constant table. Any thread. */
const struct oh_io *oh_io_posix(void);

/*
 * The wrappers below repeat after EINTR and after short counts, turn errno
 * values into enum oh_err, and say in `diag` (may be NULL) which operation on
 * which path failed and why. `path` is only for that sentence where a file
 * number is given too.
 */

OH_MUST_CHECK enum oh_err oh_io_open(const struct oh_io *io, const char *path, unsigned flags, int *out_file,
                                     struct oh_diag *diag);

/* Closes the file and sets *file to -1; does nothing when it already is. */
void oh_io_close(const struct oh_io *io, int *file);

/* Reads up to `size` bytes; fewer only at the end of the file. */
OH_MUST_CHECK enum oh_err oh_io_read(const struct oh_io *io, int file, const char *path, void *data, size_t size,
                                     uint64_t offset, size_t *out_size, struct oh_diag *diag);

/* Writes all parts, or fails. `parts` is used up: its contents are undefined afterwards. */
OH_MUST_CHECK enum oh_err oh_io_write_parts(const struct oh_io *io, int file, const char *path,
                                            struct iovec *parts, int count, uint64_t offset,
                                            struct oh_diag *diag);

OH_MUST_CHECK enum oh_err oh_io_write(const struct oh_io *io, int file, const char *path, const void *data,
                                      size_t size, uint64_t offset, struct oh_diag *diag);

/* Writes zeros over bytes from..to, at most OH_IO_ZERO_STEP of them per call; *from moves on. */
#define OH_IO_ZERO_STEP (1U << 20)
OH_MUST_CHECK enum oh_err oh_io_zero_step(const struct oh_io *io, int file, const char *path, uint64_t *from,
                                          uint64_t to, struct oh_diag *diag);

/* Never retried after a failure: the kernel may have dropped the dirty pages (EINTR alone repeats). */
OH_MUST_CHECK enum oh_err oh_io_fdatasync(const struct oh_io *io, int file, const char *path,
                                          struct oh_diag *diag);
OH_MUST_CHECK enum oh_err oh_io_fsync(const struct oh_io *io, int file, const char *path, struct oh_diag *diag);
OH_MUST_CHECK enum oh_err oh_io_fsync_directory(const struct oh_io *io, const char *path, struct oh_diag *diag);

OH_MUST_CHECK enum oh_err oh_io_size(const struct oh_io *io, int file, const char *path, uint64_t *out_size,
                                     struct oh_diag *diag);
OH_MUST_CHECK enum oh_err oh_io_allocate(const struct oh_io *io, int file, const char *path, uint64_t size,
                                         struct oh_diag *diag);

/* OH_E_LOCKED when another process has it. */
OH_MUST_CHECK enum oh_err oh_io_lock(const struct oh_io *io, int file, const char *path, struct oh_diag *diag);

/* OH_OK also when the directory is already there; *out_is_made (may be NULL) says which. */
OH_MUST_CHECK enum oh_err oh_io_make_directory(const struct oh_io *io, const char *path, bool *out_is_made,
                                               struct oh_diag *diag);
OH_MUST_CHECK enum oh_err oh_io_rename(const struct oh_io *io, const char *from, const char *to,
                                       struct oh_diag *diag);

/* OH_OK also when the file is already gone. */
OH_MUST_CHECK enum oh_err oh_io_unlink(const struct oh_io *io, const char *path, struct oh_diag *diag);
OH_MUST_CHECK enum oh_err oh_io_list(const struct oh_io *io, const char *path,
                                     void (*each)(void *each_ctx, const char *name), void *each_ctx,
                                     struct oh_diag *diag);

/* Removes every file of the directory whose name ends in ".tmp"; at most 1024 per call. */
OH_MUST_CHECK enum oh_err oh_io_remove_temporary(const struct oh_io *io, const char *path, struct oh_diag *diag);

/* Writes "directory/name" into out_path; OH_E_TOO_LARGE when it does not fit. */
OH_MUST_CHECK enum oh_err oh_io_path(char out_path[static OH_IO_PATH_SIZE], const char *directory,
                                     const char *name, struct oh_diag *diag);

#endif
