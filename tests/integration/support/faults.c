/*
 * faults.c - a disk that is slow or broken, for one process under test.
 *
 * Loaded with LD_PRELOAD. Before each sync, write and reservation of space it
 * reads the file that ONHAND_FAULTS_FILE names: "delay N" sleeps N milliseconds
 * before a sync, "slow N" before a sync and before a pwritev, "fail" answers a
 * sync with EIO, "full" answers posix_fallocate with ENOSPC. Anything else (or
 * no file) changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int file);
int fsync(int file);
int posix_fallocate(int file, off_t offset, off_t size);
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset);

/* What the test wants now; "" when it wants nothing. */
static void wish_read(char out_wish[static 32])
{
    out_wish[0] = '\0';
    const char *path = getenv("ONHAND_FAULTS_FILE");
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t size = read(file, out_wish, 31);
    out_wish[size > 0 ? size : 0] = '\0';
    close(file);
}

/* Sleeps as many milliseconds as the wish says behind its word. */
static void wish_sleep(const char *wish, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(wish, word, size) != 0)
        return;
    long delay_ms = strtol(wish + size, NULL, 10);
    struct timespec pause = { .tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000 };
    nanosleep(&pause, NULL);
}

static int sync_with_faults(long call, int file)
{
    char wish[32];
    wish_read(wish);
    if (strncmp(wish, "fail", 4) == 0) {
        errno = EIO;
        return -1;
    }
    wish_sleep(wish, "delay ");
    wish_sleep(wish, "slow ");
    return (int)syscall(call, file);
}

int fdatasync(int file)
{
    return sync_with_faults(SYS_fdatasync, file);
}

int fsync(int file)
{
    return sync_with_faults(SYS_fsync, file);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset)
{
    char wish[32];
    wish_read(wish);
    wish_sleep(wish, "slow ");
    /* The kernel takes the offset in two halves; on a 64-bit machine the high one is not looked at. */
    return syscall(SYS_pwritev, file, parts, count, (long)offset, 0L);
}

int posix_fallocate(int file, off_t offset, off_t size)
{
    char wish[32];
    wish_read(wish);
    if (strncmp(wish, "full", 4) == 0)
        return ENOSPC;
    return syscall(SYS_fallocate, file, 0, offset, size) == 0 ? 0 : errno;
}
