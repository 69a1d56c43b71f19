#include "support/storage_disk.h"
#include "base/assert.h"
#include "base/prng.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INODES_MAX 512
#define NAMES_MAX 512
#define HANDLES_MAX 64
#define SECTOR 512U

struct inode {
    bool is_used;
    uint32_t number; /* for watchers */
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
    struct change *changes;
    int changes_count;
    int changes_capacity;
    uint32_t inodes_made;
    const struct storage_watch *watch;
    bool is_gone;
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
    if (disk->is_gone)
        return -EIO;
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

/* ---- watchers --------------------------------------------------------- */

static void watch_before(const struct storage_disk *disk)
{
    if (disk->watch != NULL && !disk->is_gone)
        disk->watch->before(disk->watch->ctx);
}

static void watch_after(const struct storage_disk *disk, const struct storage_event *event)
{
    if (disk->watch != NULL)
        disk->watch->after(disk->watch->ctx, event);
}

static void watch_name(const struct storage_disk *disk, enum storage_operation operation, int inode,
                       const char *path, const char *to)
{
    const struct storage_event event = { .operation = operation,
                                         .inode = inode < 0 ? 0 : disk->inodes[inode].number,
                                         .path = path,
                                         .to = to };
    watch_after(disk, &event);
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
    if (disk->changes_count == disk->changes_capacity) {
        disk->changes_capacity = disk->changes_capacity == 0 ? 64 : disk->changes_capacity * 2;
        disk->changes = realloc(disk->changes, (size_t)disk->changes_capacity * sizeof(*disk->changes));
        OH_ASSERT(disk->changes != NULL);
    }
    struct change *change = &disk->changes[disk->changes_count++];
    (void)snprintf(change->after.path, sizeof(change->after.path), "%s", path);
    change->after.inode = inode;
}

/* A path without a slash lies in ".", where the process was started; "/" is the root, whose name ends in its slash. */
static bool is_in_directory(const char *path, const char *directory)
{
    if (strcmp(directory, ".") == 0)
        return strchr(path, '/') == NULL;
    size_t size = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
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
            disk->inodes[i] = (struct inode){ .is_used = true,
                                              .number = ++disk->inodes_made,
                                              .is_directory = is_directory };
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
    if ((flags & OH_IO_CREATE) != 0)
        watch_before(disk);
    int result = fault(disk, STORAGE_OPEN);
    if (result < 0)
        return result;
    int at = name_find(disk->live, path);
    if (at < 0 && (flags & OH_IO_CREATE) == 0)
        return -ENOENT;
    if (at >= 0 && (flags & OH_IO_EXCLUSIVE) != 0)
        return -EEXIST;
    int inode = at >= 0 ? disk->live[at].inode : inode_make(disk, false);
    if (at < 0) {
        name_change(disk, path, inode);
        watch_name(disk, STORAGE_CREATE, inode, path, NULL);
    }
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
    watch_before(disk);
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
    const struct storage_event event = { .operation = STORAGE_WRITE,
                                         .inode = inode->number,
                                         .bytes = inode->live + offset,
                                         .offset = offset,
                                         .size = size };
    watch_after(disk, &event);
    return (int64_t)size;
}

static int inode_sync(struct storage_disk *disk, int file, enum storage_operation operation)
{
    watch_before(disk);
    struct inode *inode = inode_of(disk, file);
    if (inode == NULL)
        return -EBADF;
    int result = fault(disk, operation);
    /* As Linux does: a failed sync leaves the pages clean, readable, and not on the disk. */
    for (size_t sector = 0; sector < inode->capacity / SECTOR && result != -EINTR && !disk->is_gone; sector++) {
        if (inode->dirty[sector] && result == 0)
            memcpy(inode->safe + sector * SECTOR, inode->live + sector * SECTOR, SECTOR);
        inode->dirty[sector] = false;
    }
    if (result == 0)
        inode->size_safe = inode->size;
    const struct storage_event event = { .operation = operation, .result = result, .inode = inode->number };
    if (result != -EINTR && !disk->is_gone)
        watch_after(disk, &event);
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
    watch_before(disk);
    struct inode *inode = inode_of(disk, file);
    int result = inode == NULL ? -EBADF : fault(disk, STORAGE_ALLOCATE);
    if (result == 0)
        result = space_take(disk, inode, size);
    if (result < 0)
        return result;
    inode_grow(inode, (size_t)size);
    if (size > inode->size)
        inode->size = (size_t)size;
    const struct storage_event event = { .operation = STORAGE_ALLOCATE,
                                         .inode = inode->number,
                                         .size = (size_t)size };
    watch_after(disk, &event);
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
    watch_before(disk);
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
    watch_name(disk, STORAGE_FSYNC_DIRECTORY, -1, path, NULL);
    return 0;
}

static int disk_make_directory(void *ctx, const char *path)
{
    struct storage_disk *disk = ctx;
    watch_before(disk);
    if (disk->is_gone)
        return -EIO;
    if (name_find(disk->live, path) >= 0)
        return -EEXIST;
    int inode = inode_make(disk, true);
    name_change(disk, path, inode);
    watch_name(disk, STORAGE_MAKE_DIRECTORY, inode, path, NULL);
    return 0;
}

static int disk_rename(void *ctx, const char *from, const char *to)
{
    struct storage_disk *disk = ctx;
    watch_before(disk);
    int result = fault(disk, STORAGE_RENAME);
    int at = name_find(disk->live, from);
    if (result < 0 || at < 0)
        return result < 0 ? result : -ENOENT;
    int inode = disk->live[at].inode;
    name_change(disk, to, inode);
    name_change(disk, from, -1);
    watch_name(disk, STORAGE_RENAME, inode, from, to);
    return 0;
}

static int disk_unlink(void *ctx, const char *path)
{
    struct storage_disk *disk = ctx;
    watch_before(disk);
    int result = fault(disk, STORAGE_UNLINK);
    if (result < 0)
        return result;
    int at = name_find(disk->live, path);
    if (at < 0)
        return -ENOENT;
    watch_name(disk, STORAGE_UNLINK, disk->live[at].inode, path, NULL);
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
    free(disk->changes);
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

void storage_disk_set_watch(struct storage_disk *disk, const struct storage_watch *watch)
{
    disk->watch = watch;
}

void storage_disk_set_gone(struct storage_disk *disk, bool is_gone)
{
    disk->is_gone = is_gone;
}

void storage_disk_put(struct storage_disk *disk, const char *path, const uint8_t *bytes, size_t size)
{
    int number = inode_make(disk, bytes == NULL);
    struct inode *inode = &disk->inodes[number];
    name_set(disk->live, path, number);
    name_set(disk->safe, path, number);
    inodes_sweep(disk); /* what had the name before */
    if (bytes == NULL)
        return;
    inode_grow(inode, size);
    if (size > 0) {
        memcpy(inode->live, bytes, size);
        memcpy(inode->safe, bytes, size);
    }
    inode->size = inode->size_safe = inode->allocated = size;
}

void storage_disk_each(const struct storage_disk *disk,
                       void (*each)(void *ctx, uint32_t inode, const char *path, const uint8_t *bytes, size_t size),
                       void *ctx)
{
    static const uint8_t nothing[1];
    for (int i = 0; i < NAMES_MAX; i++) {
        if (disk->live[i].inode < 0)
            continue;
        const struct inode *inode = &disk->inodes[disk->live[i].inode];
        const uint8_t *bytes = inode->live == NULL ? nothing : inode->live;
        each(ctx, inode->number, disk->live[i].path, inode->is_directory ? NULL : bytes, inode->size);
    }
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

static bool is_reachable(const struct storage_disk *disk, const char *path)
{
    char directory[sizeof(disk->live[0].path)];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) /* the root is always there */
        return true;
    (void)snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
    return name_find(disk->safe, directory) >= 0;
}

/* What lies in a directory that is not there is not there. Paths are two directories deep at most. */
static void names_drop(struct storage_disk *disk)
{
    for (int i = 0; i < 2 * NAMES_MAX; i++) {
        struct name *name = &disk->safe[i % NAMES_MAX];
        if (name->inode >= 0 && !is_reachable(disk, name->path))
            name->inode = -1;
    }
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
    names_drop(disk);
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
