/*
 * storage_disk.h - a disk in memory that can lose its power.
 *
 * What it is: a struct oh_io that keeps, for each file and each directory,
 * what programs see and what has reached the disk. storage_disk_crash() lets
 * a random part of the rest reach it, sector by sector and in any order, and
 * forgets the remainder. Its clock stands still until a test moves it. Who
 * wants every part, and not a random one, watches what it is told to do.
 *
 * What it is not: thread-safe. Journals and snapshots on it are `is_manual`.
 */
#ifndef ONHAND_TESTS_SUPPORT_STORAGE_DISK_H
#define ONHAND_TESTS_SUPPORT_STORAGE_DISK_H

#include "storage/io.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct storage_disk;

enum storage_operation {
    STORAGE_OPEN = 1,
    STORAGE_READ,
    STORAGE_WRITE,
    STORAGE_FDATASYNC,
    STORAGE_FSYNC,
    STORAGE_ALLOCATE,
    STORAGE_FSYNC_DIRECTORY,
    STORAGE_RENAME,
    STORAGE_UNLINK,
    STORAGE_CREATE,         /* only as an event: an open that made a file */
    STORAGE_MAKE_DIRECTORY, /* only as an event */
    STORAGE_OPERATIONS,
};

/* A change that the disk was told to make, and made: or, for a sync with a result below 0, did not make. */
struct storage_event {
    enum storage_operation operation;
    int result;
    uint32_t inode;       /* a number that no other file or directory of this disk ever has; 0: not about one */
    const char *path;     /* CREATE, MAKE_DIRECTORY, RENAME, UNLINK, FSYNC_DIRECTORY */
    const char *to;       /* RENAME */
    const uint8_t *bytes; /* WRITE: lent until the watcher returns */
    uint64_t offset;      /* WRITE */
    size_t size;          /* WRITE: of the bytes; ALLOCATE: of the file */
};

struct storage_watch {
    void (*before)(void *ctx); /* a change is about to be made; it may use the disk itself */
    void (*after)(void *ctx, const struct storage_event *event);
    void *ctx;
};

/* Aborts when there is no memory: it is for tests. */
struct storage_disk *storage_disk_create(uint64_t seed);
void storage_disk_destroy(struct storage_disk *disk);
const struct oh_io *storage_disk_io(struct storage_disk *disk);

/* Bytes that may still be allocated; UINT64_MAX at first. Files give theirs back when they are removed. */
void storage_disk_set_space(struct storage_disk *disk, uint64_t bytes);

void storage_disk_advance(struct storage_disk *disk, int64_t us);

/* From the nth next call of this operation on (1: the next), `times` calls fail with -error_number. */
void storage_disk_fail(struct storage_disk *disk, enum storage_operation operation, uint64_t nth, uint64_t times,
                       int error_number);

/* Every other read and write is interrupted or short. */
void storage_disk_set_nagging(struct storage_disk *disk, bool is_nagging);

/* From here on; NULL: nobody any more. Borrows `watch`. */
void storage_disk_set_watch(struct storage_disk *disk, const struct storage_watch *watch);

/* As for a process that is gone: every operation fails, nothing changes any more, until set back. */
void storage_disk_set_gone(struct storage_disk *disk, bool is_gone);

/* Puts a file, or with bytes NULL a directory, on the disk as if it had always been there. */
void storage_disk_put(struct storage_disk *disk, const char *path, const uint8_t *bytes, size_t size);

/* Every file and directory there is; bytes NULL: a directory. Lends. */
void storage_disk_each(const struct storage_disk *disk,
                       void (*each)(void *ctx, uint32_t inode, const char *path, const uint8_t *bytes, size_t size),
                       void *ctx);

/* Calls of the operation so far. */
uint64_t storage_disk_count(const struct storage_disk *disk, enum storage_operation operation);

/* Power loss: closes every file and leaves what reached the disk. With `is_gentle` everything did (kill -9). */
void storage_disk_crash(struct storage_disk *disk, bool is_gentle);

/* The contents of a file, lent and open to change (as the disk has it, too), or NULL. */
uint8_t *storage_disk_bytes(struct storage_disk *disk, const char *path, size_t *out_size);
void storage_disk_resize(struct storage_disk *disk, const char *path, size_t size);

/* Files whose path contains this part. */
size_t storage_disk_files(const struct storage_disk *disk, const char *part);

#endif
