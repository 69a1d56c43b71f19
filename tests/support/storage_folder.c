#include "support/storage_folder.h"
#include "base/assert.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void pause_us(long us)
{
    struct timespec time = { .tv_nsec = us * 1000 };
    (void)nanosleep(&time, NULL);
}

static int folder_allocate(void *ctx, int file, uint64_t size)
{
    const struct storage_folder *folder = ctx;
    if (atomic_load(&folder->is_full))
        return -ENOSPC;
    return oh_io_posix()->allocate(NULL, file, size);
}

static int folder_fdatasync(void *ctx, int file)
{
    struct storage_folder *folder = ctx;
    if (atomic_load(&folder->is_slow))
        pause_us(2000);
    if (atomic_load(&folder->is_broken))
        return -EIO;
    return oh_io_posix()->fdatasync(NULL, file);
}

static int64_t folder_pwritev(void *ctx, int file, const struct iovec *parts, int count, uint64_t offset)
{
    struct storage_folder *folder = ctx;
    uint64_t turn = folder->is_nagging ? atomic_fetch_add(&folder->nags, 1) % 3 : 2;
    if (turn == 0)
        return -EINTR;
    struct iovec part = parts[0];
    if (turn == 1 && part.iov_len > 1) {
        part.iov_len /= 2;
        return oh_io_posix()->pwritev(NULL, file, &part, 1, offset);
    }
    return oh_io_posix()->pwritev(NULL, file, parts, count, offset);
}

int storage_folder_setup(void **state)
{
    struct storage_folder *folder = calloc(1, sizeof(*folder));
    OH_ASSERT(folder != NULL);
    const char *temporary = getenv("TMPDIR");
    int size = snprintf(folder->base, sizeof(folder->base), "%s/onhand-test-XXXXXX",
                        temporary != NULL ? temporary : "/tmp");
    OH_ASSERT(size > 0 && (size_t)size < sizeof(folder->base));
    OH_ASSERT(mkdtemp(folder->base) == folder->base);
    (void)snprintf(folder->path, sizeof(folder->path), "%s/data", folder->base);
    folder->io = *oh_io_posix();
    folder->io.ctx = folder;
    folder->io.allocate = folder_allocate;
    folder->io.fdatasync = folder_fdatasync;
    folder->io.pwritev = folder_pwritev;
    *state = folder;
    return 0;
}

static int path_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

int storage_folder_teardown(void **state)
{
    struct storage_folder *folder = *state;
    (void)nftw(folder->base, path_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
    return 0;
}

bool storage_folder_wait(bool (*is_done)(void *ctx), void *ctx)
{
    for (int i = 0; i < 40000; i++) {
        if (is_done(ctx))
            return true;
        pause_us(500);
    }
    return false;
}
