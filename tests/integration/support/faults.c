/*
 * faults.c - a disk that is slow or broken and memory that is short, for one process under test.
 *
 * Loaded with LD_PRELOAD. What the environment asks for:
 *
 *   ONHAND_FAULTS_FILE=PATH     before each sync, write and reservation of space this file is read: "delay N" sleeps N
 *                               milliseconds before a sync, "slow N" before a sync and before a pwritev, "fail" answers
 *                               a sync with EIO, "full" answers posix_fallocate with ENOSPC, anything else (or no file)
 *                               changes nothing
 *   ONHAND_FAULTS_MEMORY=NxK    from the Nth allocation on K of them fail: malloc and its kin, of every library and
 *                               thread, and mmap of memory; counted from the start of the process
 *   ONHAND_FAULTS_SHORT=1       each pread and pwritev does half of what it is asked for
 *   ONHAND_FAULTS_REPORT=PATH   at exit: how many allocations there were, and how many failed
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

int posix_fallocate(int file, off_t offset, off_t size)
{
    char wish[32];
    wish_read(wish);
    if (strncmp(wish, "full", 4) == 0)
        return ENOSPC;
    return syscall(SYS_fallocate, file, 0, offset, size) == 0 ? 0 : errno;
}

/* ---- memory ------------------------------------------------------------ */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_ulong allocations;
static atomic_ulong failures;
static unsigned long fail_from; /* 0: never */
static unsigned long fail_times;

__attribute__((constructor)) static void memory_read(void)
{
    const char *text = getenv("ONHAND_FAULTS_MEMORY");
    if (text == NULL)
        return;
    char *end;
    fail_from = strtoul(text, &end, 10);
    fail_times = *end == 'x' ? strtoul(end + 1, NULL, 10) : 1;
}

__attribute__((destructor)) static void memory_report(void)
{
    const char *path = getenv("ONHAND_FAULTS_REPORT");
    int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char line[64];
    int size = snprintf(line, sizeof(line), "%lu %lu\n", atomic_load(&allocations), atomic_load(&failures));
    if (file < 0)
        return;
    ssize_t written = write(file, line, (size_t)size);
    (void)written;
    close(file);
}

static bool memory_fails(void)
{
    unsigned long number = atomic_fetch_add(&allocations, 1) + 1;
    if (fail_from == 0 || number < fail_from || number - fail_from >= fail_times)
        return false;
    atomic_fetch_add(&failures, 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return memory_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return memory_fails() ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memory_fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out_memory, size_t alignment, size_t size)
{
    void *memory = memory_fails() ? NULL : __libc_memalign(alignment, size);
    if (memory == NULL)
        return ENOMEM;
    *out_memory = memory;
    return 0;
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    if ((flags & MAP_ANONYMOUS) != 0 && memory_fails())
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
}

/* ---- short reads and writes -------------------------------------------- */

static bool is_short(void)
{
    return getenv("ONHAND_FAULTS_SHORT") != NULL;
}

ssize_t pread(int file, void *data, size_t size, off_t offset)
{
    size_t part = is_short() && size > 1 ? size / 2 : size;
    return (ssize_t)syscall(SYS_pread64, file, data, part, offset);
}

/* Half of the first part. */
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset)
{
    char wish[32];
    wish_read(wish);
    wish_sleep(wish, "slow ");
    /* The kernel takes the offset in two halves; on a 64-bit machine the high one is not looked at. */
    if (!is_short() || count == 0 || parts[0].iov_len < 2)
        return (ssize_t)syscall(SYS_pwritev, file, parts, count, offset, 0L);
    struct iovec half = { .iov_base = parts[0].iov_base, .iov_len = parts[0].iov_len / 2 };
    return (ssize_t)syscall(SYS_pwritev, file, &half, 1, offset, 0L);
}
