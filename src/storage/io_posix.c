#include "storage/io.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int result_of(int result)
{
    return result < 0 ? -errno : result;
}

/* Not by open: that may make a file and then refuse the flag. */
static void direct_begin(int file)
{
    int flags = fcntl(file, F_GETFL);
    if (flags >= 0)
        (void)fcntl(file, F_SETFL, flags | O_DIRECT); /* a wish */
}

/* False when it is an ordinary file. */
static bool direct_end(int file)
{
    int flags = fcntl(file, F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0 && fcntl(file, F_SETFL, flags & ~O_DIRECT) == 0;
}

static int posix_open(void *ctx, const char *path, unsigned flags)
{
    (void)ctx;
    int native = O_CLOEXEC | O_NOCTTY | O_NOFOLLOW;
    native |= (flags & OH_IO_WRITE) == 0 ? O_RDONLY : (flags & OH_IO_READ) == 0 ? O_WRONLY : O_RDWR;
    native |= (flags & OH_IO_CREATE) != 0 ? O_CREAT : 0;
    native |= (flags & OH_IO_EXCLUSIVE) != 0 ? O_EXCL : 0;
    int file = open(path, native, 0600);
    if (file < 0)
        return -errno;
    if ((flags & OH_IO_DIRECT) != 0)
        direct_begin(file);
    return file;
}

static int posix_close(void *ctx, int file)
{
    (void)ctx;
    return result_of(close(file));
}

static int64_t posix_pread(void *ctx, int file, void *data, size_t size, uint64_t offset)
{
    (void)ctx;
    ssize_t count = pread(file, data, size, (off_t)offset);
    return count < 0 ? -errno : count;
}

static int64_t posix_pwritev(void *ctx, int file, const struct iovec *parts, int count, uint64_t offset)
{
    (void)ctx;
    ssize_t written = pwritev(file, parts, count, (off_t)offset);
    if (written < 0 && errno == EINVAL && direct_end(file))
        written = pwritev(file, parts, count, (off_t)offset);
    return written < 0 ? -errno : written;
}

static int posix_fdatasync(void *ctx, int file)
{
    (void)ctx;
    return result_of(fdatasync(file));
}

static int posix_fsync(void *ctx, int file)
{
    (void)ctx;
    return result_of(fsync(file));
}

static int64_t posix_size(void *ctx, int file)
{
    (void)ctx;
    struct stat status;
    return fstat(file, &status) < 0 ? -errno : status.st_size;
}

static int posix_allocate(void *ctx, int file, uint64_t size)
{
    (void)ctx;
    return -posix_fallocate(file, 0, (off_t)size); /* returns the errno value itself */
}

static int posix_lock(void *ctx, int file)
{
    (void)ctx;
    return result_of(flock(file, LOCK_EX | LOCK_NB));
}

static int posix_fsync_directory(void *ctx, const char *path)
{
    (void)ctx;
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    int result = result_of(fsync(file));
    (void)close(file);
    return result;
}

static int posix_make_directory(void *ctx, const char *path)
{
    (void)ctx;
    return result_of(mkdir(path, 0700));
}

static int posix_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return result_of(rename(from, to));
}

static int posix_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return result_of(unlink(path));
}

static int posix_list(void *ctx, const char *path, void (*each)(void *each_ctx, const char *name),
                      void *each_ctx)
{
    (void)ctx;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return -errno;
    errno = 0;
    const struct dirent *entry = readdir(directory);
    while (entry != NULL) {
        if (entry->d_name[0] != '.')
            each(each_ctx, entry->d_name);
        errno = 0;
        entry = readdir(directory);
    }
    int result = errno == EINTR ? -EIO : -errno; /* to begin again would give names twice */
    (void)closedir(directory);
    return result;
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail for the two clocks used here */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t posix_monotonic_us(void *ctx)
{
    (void)ctx;
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t posix_realtime_us(void *ctx)
{
    (void)ctx;
    return clock_us(CLOCK_REALTIME);
}

static int posix_random(void *ctx, void *data, size_t size)
{
    (void)ctx;
    ssize_t count = getrandom(data, size, 0);
    if (count < 0)
        return -errno;
    return (size_t)count == size ? 0 : -EIO; /* complete for requests up to 256 bytes */
}

const struct oh_io *oh_io_posix(void)
{
    static const struct oh_io io = {
        .open = posix_open,
        .close = posix_close,
        .pread = posix_pread,
        .pwritev = posix_pwritev,
        .fdatasync = posix_fdatasync,
        .fsync = posix_fsync,
        .size = posix_size,
        .allocate = posix_allocate,
        .lock = posix_lock,
        .fsync_directory = posix_fsync_directory,
        .make_directory = posix_make_directory,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .list = posix_list,
        .monotonic_us = posix_monotonic_us,
        .realtime_us = posix_realtime_us,
        .random = posix_random,
    };
    return &io;
}
