#include "support/storage_disk.h"
#include "base/assert.h"
#include "base/prng.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INODES_MAX 512
#define NAMES_MAX 512
#define CHANGES_MAX 4096
#define HANDLES_MAX 64
#define SECTOR 512U

struct inode {
    bool is_used;
    bool is_directory;
    uint8_t *live; /* what programs see */
    uint8_t *safe; /* what is on the disk; same capacity */
    bool *dirty;   /* per sector: the next sync writes it */
    size_t size;
    size_t size_safe;
    size_t capacity;
    size_t allocated;
};

struct name {
    char path[256];
    int inode; /* -1: free */
};

/* A change of names that no fsync of the directory has made safe yet. */
struct change {
    struct name after; /* inode -1: removed */
};

struct rule {
    uint64_t from;
    uint64_t times;
    int error_number;
};

struct storage_disk {
    struct oh_io io;
    struct oh_prng prng;
    struct inode inodes[INODES_MAX];
    struct name live[NAMES_MAX];
    struct name safe[NAMES_MAX];
    struct change changes[CHANGES_MAX];
    int changes_count;
    int handles[HANDLES_MAX]; /* inode, or -1 */
    uint64_t counts[STORAGE_OPERATIONS];
    struct rule rules[STORAGE_OPERATIONS];
    uint64_t space;
    int64_t now_us;
    bool is_nagging;
    uint64_t nags;
};

/* ---- faults ----------------------------------------------------------- */

/* Counts the call; a negative errno value when it has to fail. */
static int fault(struct storage_disk *disk, enum storage_operation operation)
{
    uint64_t count = ++disk->counts[operation];
    const struct rule *rule = &disk->rules[operation];
    if (rule->times > 0 && count >= rule->from && count - rule->from < rule->times)
        return -rule->error_number;
    return 0;
}

/* In turn: interrupted, short, as asked. */
static int nag(struct storage_disk *disk, size_t *size)
{
    if (!disk->is_nagging)
        return 0;
    uint64_t turn = disk->nags++ % 3;
    if (turn == 0)
        return -EINTR;
    if (turn == 1 && *size > 1)
        *size = 1 + (size_t)oh_prng_below(&disk->prng, *size - 1);
    return 0;
}

/* ---- names ------------------------------------------------------------ */

static int name_find(const struct name *names, const char *path)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        if (names[i].inode >= 0 && strcmp(names[i].path, path) == 0)
            return i;
    }
    return -1;
}

static void name_set(struct name *names, const char *path, int inode)
{
    int at = name_find(names, path);
    for (int i = 0; at < 0 && i < NAMES_MAX; i++)
        at = names[i].inode < 0 ? i : -1;
    OH_ASSERT(at >= 0);
    (void)snprintf(names[at].path, sizeof(names[at].path), "%s", path);
    names[at].inode = inode;
}

static void name_change(struct storage_disk *disk, const char *path, int inode)
{
    name_set(disk->live, path, inode);
    OH_ASSERT(disk->changes_count < CHANGES_MAX);
    struct change *change = &disk->changes[disk->changes_count++];
    (void)snprintf(change->after.path, sizeof(change->after.path), "%s", path);
    change->after.inode = inode;
}

static bool is_in_directory(const char *path, const char *directory)
{
    size_t size = strlen(directory);
    return strncmp(path, directory, size) == 0 && path[size] == '/' && strchr(path + size + 1, '/') == NULL;
}

static bool is_named(const struct storage_disk *disk, int inode)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        if (disk->live[i].inode == inode || disk->safe[i].inode == inode)
            return true;
    }
    for (int i = 0; i < disk->changes_count; i++) {
        if (disk->changes[i].after.inode == inode)
            return true;
    }
    for (int i = 0; i < HANDLES_MAX; i++) {
        if (disk->handles[i] == inode)
            return true;
    }
    return false;
}

static void inodes_sweep(struct storage_disk *disk)
{
    for (int i = 0; i < INODES_MAX; i++) {
        struct inode *inode = &disk->inodes[i];
        if (!inode->is_used || is_named(disk, i))
            continue;
        if (disk->space != UINT64_MAX)
            disk->space += inode->allocated;
        free(inode->live);
        free(inode->safe);
        free(inode->dirty);
        *inode = (struct inode){ .is_used = false };
    }
}

static int inode_make(struct storage_disk *disk, bool is_directory)
{
    for (int i = 0; i < INODES_MAX; i++) {
        if (!disk->inodes[i].is_used) {
            disk->inodes[i] = (struct inode){ .is_used = true, .is_directory = is_directory };
            return i;
        }
    }
    OH_UNREACHABLE();
}

static void inode_grow(struct inode *inode, size_t size)
{
    if (size <= inode->capacity)
        return;
    size_t capacity = (size + SECTOR - 1) / SECTOR * SECTOR;
    inode->live = realloc(inode->live, capacity);
    inode->safe = realloc(inode->safe, capacity);
    inode->dirty = realloc(inode->dirty, capacity / SECTOR * sizeof(bool));
    OH_ASSERT(inode->live != NULL && inode->safe != NULL && inode->dirty != NULL);
    memset(inode->dirty + inode->capacity / SECTOR, 0, (capacity - inode->capacity) / SECTOR * sizeof(bool));
    memset(inode->live + inode->capacity, 0, capacity - inode->capacity);
    memset(inode->safe + inode->capacity, 0, capacity - inode->capacity);
    inode->capacity = capacity;
}

static int space_take(struct storage_disk *disk, struct inode *inode, uint64_t size)
{
    if (size <= inode->allocated)
        return 0;
    uint64_t more = size - inode->allocated;
    if (disk->space != UINT64_MAX) {
        if (more > disk->space)
            return -ENOSPC;
        disk->space -= more;
    }
    inode->allocated = (size_t)size;
    return 0;
}

/* ---- the table -------------------------------------------------------- */

static int disk_open(void *ctx, const char *path, unsigned flags)
{
    struct storage_disk *disk = ctx;
    int result = fault(disk, STORAGE_OPEN);
    if (result < 0)
        return result;
    int at = name_find(disk->live, path);
    if (at < 0 && (flags & OH_IO_CREATE) == 0)
        return -ENOENT;
    if (at >= 0 && (flags & OH_IO_EXCLUSIVE) != 0)
        return -EEXIST;
    int inode = at >= 0 ? disk->live[at].inode : inode_make(disk, false);
    if (at < 0)
        name_change(disk, path, inode);
    for (int i = 0; i < HANDLES_MAX; i++) {
        if (disk->handles[i] < 0) {
            disk->handles[i] = inode;
            return i;
        }
    }
    return -EMFILE;
}

static int disk_close(void *ctx, int file)
{
    struct storage_disk *disk = ctx;
    disk->handles[file] = -1;
    inodes_sweep(disk);
    return 0;
}

/* NULL after a crash, which closes all files. */
static struct inode *inode_of(struct storage_disk *disk, int file)
{
    int inode = disk->handles[file];
    return inode < 0 ? NULL : &disk->inodes[inode];
}

static int64_t disk_pread(void *ctx, int file, void *data, size_t size, uint64_t offset)
{
    struct storage_disk *disk = ctx;
    const struct inode *inode = inode_of(disk, file);
    int result = inode == NULL ? -EBADF : fault(disk, STORAGE_READ);
    if (result == 0)
        result = nag(disk, &size);
    if (result < 0)
        return result;
    if (offset >= inode->size)
        return 0;
    size_t count = inode->size - offset < size ? inode->size - (size_t)offset : size;
    memcpy(data, inode->live + offset, count);
    return (int64_t)count;
}

static int64_t disk_pwritev(void *ctx, int file, const struct iovec *parts, int count, uint64_t offset)
{
    struct storage_disk *disk = ctx;
    struct inode *inode = inode_of(disk, file);
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    int result = inode == NULL ? -EBADF : fault(disk, STORAGE_WRITE);
    if (result == 0)
        result = nag(disk, &size);
    if (result == 0)
        result = space_take(disk, inode, offset + size);
    if (result < 0)
        return result;
    inode_grow(inode, (size_t)offset + size);
    if (offset + size > inode->size)
        inode->size = (size_t)offset + size;
    size_t done = 0;
    for (int i = 0; i < count && done < size; i++) {
        size_t piece = parts[i].iov_len < size - done ? parts[i].iov_len : size - done;
        memcpy(inode->live + offset + done, parts[i].iov_base, piece);
        done += piece;
    }
    for (size_t sector = (size_t)offset / SECTOR; size > 0 && sector <= (offset + size - 1) / SECTOR; sector++)
        inode->dirty[sector] = true;
    return (int64_t)size;
}

static int inode_sync(struct storage_disk *disk, int file, enum storage_operation operation)
{
    struct inode *inode = inode_of(disk, file);
    if (inode == NULL)
        return -EBADF;
    int result = fault(disk, operation);
    /* As Linux does: a failed sync leaves the pages clean, readable, and not on the disk. */
    for (size_t sector = 0; sector < inode->capacity / SECTOR && result != -EINTR; sector++) {
        if (inode->dirty[sector] && result == 0)
            memcpy(inode->safe + sector * SECTOR, inode->live + sector * SECTOR, SECTOR);
        inode->dirty[sector] = false;
    }
    if (result == 0)
        inode->size_safe = inode->size;
    return result;
}

static int disk_fdatasync(void *ctx, int file)
{
    return inode_sync(ctx, file, STORAGE_FDATASYNC);
}

static int disk_fsync(void *ctx, int file)
{
    return inode_sync(ctx, file, STORAGE_FSYNC);
}

static int64_t disk_size(void *ctx, int file)
{
    const struct inode *inode = inode_of(ctx, file);
    return inode == NULL ? -EBADF : (int64_t)inode->size;
}

static int disk_allocate(void *ctx, int file, uint64_t size)
{
    struct storage_disk *disk = ctx;
    struct inode *inode = inode_of(disk, file);
    int result = inode == NULL ? -EBADF : fault(disk, STORAGE_ALLOCATE);
    if (result == 0)
        result = space_take(disk, inode, size);
    if (result < 0)
        return result;
    inode_grow(inode, (size_t)size);
    if (size > inode->size)
        inode->size = (size_t)size;
    return 0;
}

static int disk_lock(void *ctx, int file)
{
    (void)ctx;
    (void)file;
    return 0;
}

static int disk_fsync_directory(void *ctx, const char *path)
{
    struct storage_disk *disk = ctx;
    int result = fault(disk, STORAGE_FSYNC_DIRECTORY);
    if (result < 0)
        return result;
    int kept = 0;
    for (int i = 0; i < disk->changes_count; i++) {
        const struct change *change = &disk->changes[i];
        if (is_in_directory(change->after.path, path))
            name_set(disk->safe, change->after.path, change->after.inode);
        else
            disk->changes[kept++] = *change;
    }
    disk->changes_count = kept;
    inodes_sweep(disk);
    return 0;
}

static int disk_make_directory(void *ctx, const char *path)
{
    struct storage_disk *disk = ctx;
    if (name_find(disk->live, path) >= 0)
        return -EEXIST;
    name_change(disk, path, inode_make(disk, true));
    return 0;
}

static int disk_rename(void *ctx, const char *from, const char *to)
{
    struct storage_disk *disk = ctx;
    int result = fault(disk, STORAGE_RENAME);
    int at = name_find(disk->live, from);
    if (result < 0 || at < 0)
        return result < 0 ? result : -ENOENT;
    int inode = disk->live[at].inode;
    name_change(disk, to, inode);
    name_change(disk, from, -1);
    return 0;
}

static int disk_unlink(void *ctx, const char *path)
{
    struct storage_disk *disk = ctx;
    int result = fault(disk, STORAGE_UNLINK);
    if (result < 0)
        return result;
    if (name_find(disk->live, path) < 0)
        return -ENOENT;
    name_change(disk, path, -1);
    inodes_sweep(disk);
    return 0;
}

static int disk_list(void *ctx, const char *path, void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    struct storage_disk *disk = ctx;
    if (name_find(disk->live, path) < 0)
        return -ENOENT;
    for (int i = 0; i < NAMES_MAX; i++) {
        if (disk->live[i].inode >= 0 && is_in_directory(disk->live[i].path, path))
            each(each_ctx, disk->live[i].path + strlen(path) + 1);
    }
    return 0;
}

static int64_t disk_monotonic_us(void *ctx)
{
    const struct storage_disk *disk = ctx;
    return disk->now_us;
}

static int64_t disk_realtime_us(void *ctx)
{
    const struct storage_disk *disk = ctx;
    return INT64_C(1767225600000000) + disk->now_us;
}

static int disk_random(void *ctx, void *data, size_t size)
{
    struct storage_disk *disk = ctx;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)data)[i] = (uint8_t)oh_prng_next(&disk->prng);
    return 0;
}

/* ---- for tests -------------------------------------------------------- */

struct storage_disk *storage_disk_create(uint64_t seed)
{
    struct storage_disk *disk = calloc(1, sizeof(*disk));
    OH_ASSERT(disk != NULL);
    disk->io = (struct oh_io){
        .ctx = disk,
        .open = disk_open,
        .close = disk_close,
        .pread = disk_pread,
        .pwritev = disk_pwritev,
        .fdatasync = disk_fdatasync,
        .fsync = disk_fsync,
        .size = disk_size,
        .allocate = disk_allocate,
        .lock = disk_lock,
        .fsync_directory = disk_fsync_directory,
        .make_directory = disk_make_directory,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .list = disk_list,
        .monotonic_us = disk_monotonic_us,
        .realtime_us = disk_realtime_us,
        .random = disk_random,
    };
    for (int i = 0; i < NAMES_MAX; i++)
        disk->live[i].inode = disk->safe[i].inode = -1;
    for (int i = 0; i < HANDLES_MAX; i++)
        disk->handles[i] = -1;
    disk->space = UINT64_MAX;
    oh_prng_init(&disk->prng, seed);
    return disk;
}

void storage_disk_destroy(struct storage_disk *disk)
{
    for (int i = 0; i < INODES_MAX; i++) {
        free(disk->inodes[i].live);
        free(disk->inodes[i].safe);
        free(disk->inodes[i].dirty);
    }
    free(disk);
}

const struct oh_io *storage_disk_io(struct storage_disk *disk)
{
    return &disk->io;
}

void storage_disk_set_space(struct storage_disk *disk, uint64_t bytes)
{
    disk->space = bytes;
}

void storage_disk_advance(struct storage_disk *disk, int64_t us)
{
    disk->now_us += us;
}

void storage_disk_fail(struct storage_disk *disk, enum storage_operation operation, uint64_t nth, uint64_t times,
                       int error_number)
{
    disk->rules[operation] = (struct rule){
        .from = disk->counts[operation] + nth,
        .times = times,
        .error_number = error_number,
    };
}

void storage_disk_set_nagging(struct storage_disk *disk, bool is_nagging)
{
    disk->is_nagging = is_nagging;
}

uint64_t storage_disk_count(const struct storage_disk *disk, enum storage_operation operation)
{
    return disk->counts[operation];
}

/* Each sector that was not synced is on the disk, or not, or (rarely) garbage. */
static void inode_crash(struct storage_disk *disk, struct inode *inode)
{
    for (size_t at = 0; at < inode->capacity; at += SECTOR) {
        if (!inode->dirty[at / SECTOR])
            continue;
        inode->dirty[at / SECTOR] = false;
        uint64_t fate = oh_prng_below(&disk->prng, 16);
        if (fate < 8)
            memcpy(inode->safe + at, inode->live + at, SECTOR);
        for (size_t i = 0; fate == 15 && i < SECTOR; i++)
            inode->safe[at + i] = (uint8_t)oh_prng_next(&disk->prng);
    }
    if (inode->size != inode->size_safe && oh_prng_below(&disk->prng, 2) == 0)
        inode->size_safe = inode->size;
    if (inode->capacity > 0)
        memcpy(inode->live, inode->safe, inode->capacity);
    inode->size = inode->size_safe;
}

void storage_disk_crash(struct storage_disk *disk, bool is_gentle)
{
    for (int i = 0; i < HANDLES_MAX; i++)
        disk->handles[i] = -1;
    /* Names reach the disk in order, as in a journaling file system: some first part of them did. */
    int kept = disk->changes_count;
    if (!is_gentle)
        kept = (int)oh_prng_below(&disk->prng, (uint64_t)disk->changes_count + 1);
    for (int i = 0; i < kept; i++)
        name_set(disk->safe, disk->changes[i].after.path, disk->changes[i].after.inode);
    memcpy(disk->live, disk->safe, sizeof(disk->live));
    disk->changes_count = 0;
    for (int i = 0; !is_gentle && i < INODES_MAX; i++) {
        if (disk->inodes[i].is_used)
            inode_crash(disk, &disk->inodes[i]);
    }
    memset(disk->rules, 0, sizeof(disk->rules));
    inodes_sweep(disk);
}

uint8_t *storage_disk_bytes(struct storage_disk *disk, const char *path, size_t *out_size)
{
    int at = name_find(disk->live, path);
    if (at < 0)
        return NULL;
    struct inode *inode = &disk->inodes[disk->live[at].inode];
    *out_size = inode->size;
    return inode->live;
}

void storage_disk_resize(struct storage_disk *disk, const char *path, size_t size)
{
    int at = name_find(disk->live, path);
    OH_ASSERT(at >= 0);
    struct inode *inode = &disk->inodes[disk->live[at].inode];
    inode_grow(inode, size);
    if (size < inode->size) {
        memset(inode->live + size, 0, inode->capacity - size);
        memset(inode->safe + size, 0, inode->capacity - size);
    }
    inode->size = inode->size_safe = size;
}

size_t storage_disk_files(const struct storage_disk *disk, const char *part)
{
    size_t count = 0;
    for (int i = 0; i < NAMES_MAX; i++) {
        if (disk->live[i].inode >= 0 && !disk->inodes[disk->live[i].inode].is_directory &&
            strstr(disk->live[i].path, part) != NULL)
            count++;
    }
    return count;
}
