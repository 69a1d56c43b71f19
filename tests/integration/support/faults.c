/*
 * faults.c - a disk that is slow or broken, for one process under test.
 *
 * Loaded with LD_PRELOAD. Before each fdatasync and fsync it reads the file
 * that ONHAND_FAULTS_FILE names: "delay N" sleeps N milliseconds first, "fail"
 * answers EIO, anything else (or no file) changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int file);
int fsync(int file);

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

static int sync_with_faults(long call, int file)
{
    char wish[32];
    wish_read(wish);
    if (strncmp(wish, "fail", 4) == 0) {
        errno = EIO;
        return -1;
    }
    if (strncmp(wish, "delay ", 6) == 0) {
        long delay_ms = strtol(wish + 6, NULL, 10);
        struct timespec pause = { .tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000 };
        nanosleep(&pause, NULL);
    }
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
