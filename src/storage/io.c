#include "storage/io.h"
#include "base/assert.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A call that is interrupted more often than this in a row is not getting anywhere. */
#define INTERRUPTS_MAX 10000

#define TEMPORARY_MAX 1024

static enum oh_err err_of(int64_t result)
{
    switch (-result) {
    case ENOSPC:
    case EDQUOT:
        return OH_E_NO_SPACE;
    case ENOENT:
        return OH_E_NOT_FOUND;
    case ENOMEM:
        return OH_E_NOMEM;
    case EWOULDBLOCK:
        return OH_E_LOCKED;
    default:
        return OH_E_IO;
    }
}

static enum oh_err failure(int64_t result, const char *operation, const char *path, struct oh_diag *diag)
{
    const char *reason = strerrordesc_np((int)-result);
    oh_diag_set(diag, "%s: %s: %s", path, operation, reason != NULL ? reason : "unknown error");
    return err_of(result);
}

static enum oh_err status(int64_t result, const char *operation, const char *path, struct oh_diag *diag)
{
    return result < 0 ? failure(result, operation, path, diag) : OH_OK;
}

/* Counts an interrupted call; true while it should be repeated. */
static bool is_interrupted(int64_t result, int *count)
{
    return result == -EINTR && (*count)++ < INTERRUPTS_MAX;
}

enum oh_err oh_io_open(const struct oh_io *io, const char *path, unsigned flags, int *out_file,
                       struct oh_diag *diag)
{
    int interrupts = 0;
    int file;
    do {
        file = io->open(io->ctx, path, flags);
    } while (is_interrupted(file, &interrupts));
    if (file < 0)
        return failure(file, "open", path, diag);
    *out_file = file;
    return OH_OK;
}

void oh_io_close(const struct oh_io *io, int *file)
{
    if (*file < 0)
        return;
    /* Everything that matters was synced before, and Linux closes the file whatever it returns. */
    (void)io->close(io->ctx, *file);
    *file = -1;
}

enum oh_err oh_io_read(const struct oh_io *io, int file, const char *path, void *data, size_t size,
                       uint64_t offset, size_t *out_size, struct oh_diag *diag)
{
    char *bytes = data;
    size_t done = 0;
    int interrupts = 0;
    while (done < size) {
        int64_t count = io->pread(io->ctx, file, bytes + done, size - done, offset + done);
        if (is_interrupted(count, &interrupts))
            continue;
        if (count < 0)
            return failure(count, "read", path, diag);
        if (count == 0)
            break;
        interrupts = 0;
        done += (size_t)count;
    }
    *out_size = done;
    return OH_OK;
}

/* Drops `size` written bytes from the front of the parts. */
static void parts_consume(struct iovec **parts, int *count, size_t size)
{
    while (*count > 0 && size >= (*parts)->iov_len) {
        size -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + size;
        (*parts)->iov_len -= size;
    }
}

enum oh_err oh_io_write_parts(const struct oh_io *io, int file, const char *path, struct iovec *parts,
                              int count, uint64_t offset, struct oh_diag *diag)
{
    OH_ASSERT(count >= 1 && count <= OH_IO_PARTS_MAX);
    int interrupts = 0;
    parts_consume(&parts, &count, 0); /* empty parts in front */
    while (count > 0) {
        int64_t written = io->pwritev(io->ctx, file, parts, count, offset);
        if (is_interrupted(written, &interrupts))
            continue;
        if (written == 0)
            written = -EIO; /* a regular file never does this, and repeating it could last for ever */
        if (written < 0)
            return failure(written, "write", path, diag);
        interrupts = 0;
        offset += (uint64_t)written;
        parts_consume(&parts, &count, (size_t)written);
    }
    return OH_OK;
}

enum oh_err oh_io_write(const struct oh_io *io, int file, const char *path, const void *data, size_t size,
                        uint64_t offset, struct oh_diag *diag)
{
    struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
    return oh_io_write_parts(io, file, path, &part, 1, offset, diag);
}

enum oh_err oh_io_zero_step(const struct oh_io *io, int file, const char *path, uint64_t *from, uint64_t to,
                            struct oh_diag *diag)
{
    static const _Alignas(OH_IO_DIRECT_ALIGN) char zeros[OH_IO_ZERO_STEP];
    uint64_t size = to - *from < sizeof(zeros) ? to - *from : sizeof(zeros);
    enum oh_err err = oh_io_write(io, file, path, zeros, (size_t)size, *from, diag);
    if (err == OH_OK)
        *from += size;
    return err;
}

/* All calls of one argument that may be interrupted. */
static int64_t repeat(const struct oh_io *io, int (*call)(void *ctx, int file), int file)
{
    int interrupts = 0;
    int result;
    do {
        result = call(io->ctx, file);
    } while (is_interrupted(result, &interrupts));
    return result;
}

enum oh_err oh_io_fdatasync(const struct oh_io *io, int file, const char *path, struct oh_diag *diag)
{
    return status(repeat(io, io->fdatasync, file), "fdatasync", path, diag);
}

enum oh_err oh_io_fsync(const struct oh_io *io, int file, const char *path, struct oh_diag *diag)
{
    return status(repeat(io, io->fsync, file), "fsync", path, diag);
}

enum oh_err oh_io_fsync_directory(const struct oh_io *io, const char *path, struct oh_diag *diag)
{
    int interrupts = 0;
    int result;
    do {
        result = io->fsync_directory(io->ctx, path);
    } while (is_interrupted(result, &interrupts));
    return status(result, "fsync of the directory", path, diag);
}

enum oh_err oh_io_size(const struct oh_io *io, int file, const char *path, uint64_t *out_size,
                       struct oh_diag *diag)
{
    int64_t size = io->size(io->ctx, file);
    if (size < 0)
        return failure(size, "size", path, diag);
    *out_size = (uint64_t)size;
    return OH_OK;
}

enum oh_err oh_io_allocate(const struct oh_io *io, int file, const char *path, uint64_t size,
                           struct oh_diag *diag)
{
    int interrupts = 0;
    int result;
    do {
        result = io->allocate(io->ctx, file, size);
    } while (is_interrupted(result, &interrupts));
    return status(result, "reserve space", path, diag);
}

enum oh_err oh_io_lock(const struct oh_io *io, int file, const char *path, struct oh_diag *diag)
{
    return status(io->lock(io->ctx, file), "lock", path, diag);
}

enum oh_err oh_io_make_directory(const struct oh_io *io, const char *path, bool *out_is_made,
                                 struct oh_diag *diag)
{
    int result = io->make_directory(io->ctx, path);
    if (out_is_made != NULL)
        *out_is_made = result == 0;
    return result == -EEXIST ? OH_OK : status(result, "make directory", path, diag);
}

enum oh_err oh_io_rename(const struct oh_io *io, const char *from, const char *to, struct oh_diag *diag)
{
    return status(io->rename(io->ctx, from, to), "rename", from, diag);
}

enum oh_err oh_io_unlink(const struct oh_io *io, const char *path, struct oh_diag *diag)
{
    int result = io->unlink(io->ctx, path);
    return result == -ENOENT ? OH_OK : status(result, "remove", path, diag);
}

enum oh_err oh_io_list(const struct oh_io *io, const char *path,
                       void (*each)(void *each_ctx, const char *name), void *each_ctx, struct oh_diag *diag)
{
    int interrupts = 0;
    int result;
    do {
        result = io->list(io->ctx, path, each, each_ctx);
    } while (is_interrupted(result, &interrupts));
    return status(result, "list", path, diag);
}

enum oh_err oh_io_path(char out_path[static OH_IO_PATH_SIZE], const char *directory, const char *name,
                       struct oh_diag *diag)
{
    int size = snprintf(out_path, OH_IO_PATH_SIZE, "%s/%s", directory, name);
    if (size < 0 || size >= OH_IO_PATH_SIZE) {
        oh_diag_set(diag, "the path of %s is longer than %d bytes", name, OH_IO_PATH_SIZE - 1);
        return OH_E_TOO_LARGE;
    }
    return OH_OK;
}

/* Removing while listing could skip names, so each pass lists first and remembers one. */
struct temporary {
    char name[256];
    bool is_found;
};

static void temporary_note(void *ctx, const char *name)
{
    struct temporary *found = ctx;
    size_t size = strlen(name);
    if (found->is_found || size < 4 || size >= sizeof(found->name) || strcmp(name + size - 4, ".tmp") != 0)
        return;
    memcpy(found->name, name, size + 1);
    found->is_found = true;
}

enum oh_err oh_io_remove_temporary(const struct oh_io *io, const char *path, struct oh_diag *diag)
{
    for (int i = 0; i < TEMPORARY_MAX; i++) {
        struct temporary found = { .is_found = false };
        char file_path[OH_IO_PATH_SIZE];
        enum oh_err err = oh_io_list(io, path, temporary_note, &found, diag);
        if (err != OH_OK || !found.is_found)
            return err;
        err = oh_io_path(file_path, path, found.name, diag);
        if (err != OH_OK)
            return err;
        err = oh_io_unlink(io, file_path, diag);
        if (err != OH_OK)
            return err;
    }
    return OH_OK;
}
