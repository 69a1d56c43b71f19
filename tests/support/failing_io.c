#include "support/failing_io.h"
#include "base/assert.h"
#include "support/failing_malloc.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- deciding ---------------------------------------------------------- */

/* Counts the call; true when it is the one that fails. */
static bool is_failing(struct failing_io *failing, enum failing_call call, const char *path)
{
    uint64_t count = ++failing->counts[call];
    if (failing->call != call || count < failing->from || count - failing->from >= failing->times)
        return false;
    failing->hits++;
    (void)snprintf(failing->hit_path, sizeof(failing->hit_path), "%s", path);
    if (failing->hit != NULL)
        failing->hit(failing->hit_ctx);
    return true;
}

static const char *path_of(const struct failing_io *failing, int file)
{
    OH_ASSERT(file >= 0 && file < FAILING_FILES_MAX);
    return failing->paths[file];
}

/* The renamed file may be open. */
static void path_rename(struct failing_io *failing, const char *from, const char *to)
{
    for (int i = 0; i < FAILING_FILES_MAX; i++) {
        if (strcmp(failing->paths[i], from) == 0)
            (void)snprintf(failing->paths[i], FAILING_PATH_SIZE, "%s", to);
    }
}

/* A part of a size, for a call that does only that. One byte cannot be parted: 0. */
static size_t part_of(size_t size)
{
    return size / 2;
}

/* ---- the table --------------------------------------------------------- */

static int failing_open(void *ctx, const char *path, unsigned flags)
{
    struct failing_io *failing = ctx;
    if (is_failing(failing, FAILING_OPEN, path))
        return -failing->error_number;
    failing_malloc_pause();
    int file = failing->below.open(failing->below.ctx, path, flags);
    failing_malloc_resume();
    if (file < 0)
        return file;
    OH_ASSERT(file < FAILING_FILES_MAX && strlen(path) < FAILING_PATH_SIZE);
    failing->open_count++;
    (void)snprintf(failing->paths[file], FAILING_PATH_SIZE, "%s", path);
    return file;
}

/* As on Linux, the file is closed whatever close says. */
static int failing_close(void *ctx, int file)
{
    struct failing_io *failing = ctx;
    bool fails = is_failing(failing, FAILING_CLOSE, path_of(failing, file));
    failing_malloc_pause();
    int result = failing->below.close(failing->below.ctx, file);
    failing_malloc_resume();
    failing->open_count--;
    failing->paths[file][0] = '\0';
    return fails ? -failing->error_number : result;
}

static int64_t failing_pread(void *ctx, int file, void *data, size_t size, uint64_t offset)
{
    struct failing_io *failing = ctx;
    bool fails = is_failing(failing, FAILING_READ, path_of(failing, file));
    if (fails && failing->error_number != FAILING_SHORT)
        return -failing->error_number;
    if (fails && part_of(size) > 0)
        size = part_of(size);
    return failing->below.pread(failing->below.ctx, file, data, size, offset);
}

static int64_t write_part(struct failing_io *failing, int file, const struct iovec *parts, int count, size_t size,
                          uint64_t offset)
{
    struct iovec some[OH_IO_PARTS_MAX];
    int used = 0;
    for (; used < count && size > 0; used++) {
        some[used] = parts[used];
        if (some[used].iov_len > size)
            some[used].iov_len = size;
        size -= some[used].iov_len;
    }
    failing_malloc_pause();
    int64_t written = used == 0 ? 0 : failing->below.pwritev(failing->below.ctx, file, some, used, offset);
    failing_malloc_resume();
    return written;
}

static int64_t failing_pwritev(void *ctx, int file, const struct iovec *parts, int count, uint64_t offset)
{
    struct failing_io *failing = ctx;
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (!is_failing(failing, FAILING_WRITE, path_of(failing, file)))
        return write_part(failing, file, parts, count, size, offset);
    if (failing->error_number == EINTR)
        return -EINTR;
    int64_t written = write_part(failing, file, parts, count, part_of(size), offset);
    return failing->error_number == FAILING_SHORT && written > 0 ? written : -failing->error_number;
}

static int sync_with(struct failing_io *failing, int file, enum failing_call call, enum storage_operation operation,
                     int (*sync)(void *ctx, int file))
{
    if (is_failing(failing, call, path_of(failing, file)))
        storage_disk_fail(failing->disk, operation, 1, 1, failing->error_number);
    return sync(failing->below.ctx, file);
}

static int failing_fdatasync(void *ctx, int file)
{
    struct failing_io *failing = ctx;
    return sync_with(failing, file, FAILING_FDATASYNC, STORAGE_FDATASYNC, failing->below.fdatasync);
}

static int failing_fsync(void *ctx, int file)
{
    struct failing_io *failing = ctx;
    return sync_with(failing, file, FAILING_FSYNC, STORAGE_FSYNC, failing->below.fsync);
}

static int64_t failing_size(void *ctx, int file)
{
    struct failing_io *failing = ctx;
    if (is_failing(failing, FAILING_SIZE, path_of(failing, file)))
        return -failing->error_number;
    return failing->below.size(failing->below.ctx, file);
}

static int failing_allocate(void *ctx, int file, uint64_t size)
{
    struct failing_io *failing = ctx;
    if (is_failing(failing, FAILING_ALLOCATE, path_of(failing, file)))
        return -failing->error_number;
    failing_malloc_pause();
    int result = failing->below.allocate(failing->below.ctx, file, size);
    failing_malloc_resume();
    return result;
}

static int failing_lock(void *ctx, int file)
{
    struct failing_io *failing = ctx;
    if (is_failing(failing, FAILING_LOCK, path_of(failing, file)))
        return -failing->error_number;
    return failing->below.lock(failing->below.ctx, file);
}

/* The calls on names, which differ only in that. */
static int name_with(struct failing_io *failing, enum failing_call call, const char *path,
                     int (*below)(void *ctx, const char *path))
{
    if (is_failing(failing, call, path))
        return -failing->error_number;
    failing_malloc_pause();
    int result = below(failing->below.ctx, path);
    failing_malloc_resume();
    return result;
}

static int failing_fsync_directory(void *ctx, const char *path)
{
    struct failing_io *failing = ctx;
    return name_with(failing, FAILING_FSYNC_DIRECTORY, path, failing->below.fsync_directory);
}

static int failing_make_directory(void *ctx, const char *path)
{
    struct failing_io *failing = ctx;
    return name_with(failing, FAILING_MAKE_DIRECTORY, path, failing->below.make_directory);
}

static int failing_unlink(void *ctx, const char *path)
{
    struct failing_io *failing = ctx;
    return name_with(failing, FAILING_UNLINK, path, failing->below.unlink);
}

static int failing_rename(void *ctx, const char *from, const char *to)
{
    struct failing_io *failing = ctx;
    if (is_failing(failing, FAILING_RENAME, from))
        return -failing->error_number;
    failing_malloc_pause();
    int result = failing->below.rename(failing->below.ctx, from, to);
    failing_malloc_resume();
    if (result == 0)
        path_rename(failing, from, to);
    return result;
}

/* The names are given to the program, so its allocations count here. */
static int failing_list(void *ctx, const char *path, void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    struct failing_io *failing = ctx;
    if (is_failing(failing, FAILING_LIST, path))
        return -failing->error_number;
    return failing->below.list(failing->below.ctx, path, each, each_ctx);
}

static int failing_random(void *ctx, void *data, size_t size)
{
    struct failing_io *failing = ctx;
    if (is_failing(failing, FAILING_RANDOM, ""))
        return -failing->error_number;
    return failing->below.random(failing->below.ctx, data, size);
}

static int64_t failing_monotonic_us(void *ctx)
{
    const struct failing_io *failing = ctx;
    return failing->below.monotonic_us(failing->below.ctx);
}

static int64_t failing_realtime_us(void *ctx)
{
    const struct failing_io *failing = ctx;
    return failing->below.realtime_us(failing->below.ctx);
}

/* ---- for tests --------------------------------------------------------- */

void failing_io_wrap(struct failing_io *failing, struct storage_disk *disk, struct oh_io *io)
{
    failing->below = *io;
    failing->disk = disk;
    *io = (struct oh_io){
        .ctx = failing,
        .open = failing_open,
        .close = failing_close,
        .pread = failing_pread,
        .pwritev = failing_pwritev,
        .fdatasync = failing_fdatasync,
        .fsync = failing_fsync,
        .size = failing_size,
        .allocate = failing_allocate,
        .lock = failing_lock,
        .fsync_directory = failing_fsync_directory,
        .make_directory = failing_make_directory,
        .rename = failing_rename,
        .unlink = failing_unlink,
        .list = failing_list,
        .monotonic_us = failing_monotonic_us,
        .realtime_us = failing_realtime_us,
        .random = failing_random,
    };
}

const char *failing_call_text(enum failing_call call)
{
    static const char *const texts[] = {
#define X(name, text) [FAILING_##name] = text,
        FAILING_CALLS(X)
#undef X
    };
    OH_ASSERT(call < FAILING_CALL_COUNT);
    return texts[call];
}
