#include "storage/directory.h"
#include "storage/file_header.h"
#include "storage/file_name.h"
#include "storage/journal.h"
#include "storage/snapshot.h"
#include "storage/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define PRINT_SEED 4710817U
#define PID_SIZE 16 /* digits, spaces and a newline; of fixed size so that rewriting needs no new space */

struct oh_directory {
    const struct oh_io *io; /* that of the view, if there is one */
    struct oh_view *view;   /* mode READ */
    char path[OH_IO_PATH_SIZE];
    char journal_path[OH_IO_PATH_SIZE];
    char snapshot_path[OH_IO_PATH_SIZE];
    char lock_path[OH_IO_PATH_SIZE];
    int lock_file;
    struct oh_ledger_id ledger_id;
    bool is_new;
};

static enum oh_err paths_init(struct oh_directory *directory, const char *path, struct oh_diag *diag)
{
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(directory->path)) {
        oh_diag_set(diag, "the path of the data directory is empty or longer than %d bytes", OH_IO_PATH_SIZE - 1);
        return OH_E_TOO_LARGE;
    }
    memcpy(directory->path, path, size + 1);
    enum oh_err err = oh_io_path(directory->journal_path, path, "journal", diag);
    if (err == OH_OK)
        err = oh_io_path(directory->snapshot_path, path, "snapshot", diag);
    if (err == OH_OK)
        err = oh_io_path(directory->lock_path, path, "LOCK", diag);
    return err;
}

/* The directory that holds the name of the data directory. */
static void parent_path(const struct oh_directory *directory, char out_path[static OH_IO_PATH_SIZE])
{
    size_t size = strlen(directory->path);
    while (size > 1 && directory->path[size - 1] == '/')
        size--;
    while (size > 0 && directory->path[size - 1] != '/')
        size--;
    while (size > 1 && directory->path[size - 1] == '/')
        size--;
    memcpy(out_path, size == 0 ? "." : directory->path, size == 0 ? 1 : size);
    out_path[size == 0 ? 1 : size] = '\0';
}

/*
 * The name of the data directory is in its parent: without a sync there, a power loss may take the directory away
 * with all that is in it. A parent that cannot be synced (it may not be ours to open) matters only when the
 * directory was made just now.
 */
static enum oh_err root_make(const struct oh_directory *directory, struct oh_diag *diag)
{
    char parent[OH_IO_PATH_SIZE];
    bool is_made = false;
    enum oh_err err = oh_io_make_directory(directory->io, directory->path, &is_made, diag);
    if (err != OH_OK)
        return err;
    parent_path(directory, parent);
    err = oh_io_fsync_directory(directory->io, parent, is_made ? diag : NULL);
    return is_made ? err : OH_OK;
}

static enum oh_err directories_make(const struct oh_directory *directory, struct oh_diag *diag)
{
    enum oh_err err = root_make(directory, diag);
    if (err == OH_OK)
        err = oh_io_make_directory(directory->io, directory->journal_path, NULL, diag);
    if (err == OH_OK)
        err = oh_io_make_directory(directory->io, directory->snapshot_path, NULL, diag);
    return err;
}

/* Says who holds the lock, as far as the file tells. */
static void lock_refused(const struct oh_directory *directory, struct oh_diag *diag)
{
    char pid[PID_SIZE + 1];
    size_t size = 0;
    enum oh_err err = oh_io_read(directory->io, directory->lock_file, directory->lock_path, pid, PID_SIZE, 0,
                                 &size, NULL);
    if (err != OH_OK)
        size = 0;
    pid[size] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    oh_diag_set(diag, "%s: process %s holds the data directory", directory->lock_path,
                pid[0] == '\0' ? "(unknown)" : pid);
}

static enum oh_err lock_take(struct oh_directory *directory, struct oh_diag *diag)
{
    const struct oh_io *io = directory->io;
    enum oh_err err = oh_io_open(io, directory->lock_path, OH_IO_READ | OH_IO_WRITE | OH_IO_CREATE,
                                 &directory->lock_file, diag);
    if (err != OH_OK)
        return err;
    err = oh_io_lock(io, directory->lock_file, directory->lock_path, diag);
    if (err == OH_E_LOCKED)
        lock_refused(directory, diag);
    if (err != OH_OK)
        return err;
    char pid[PID_SIZE + 1];
    (void)snprintf(pid, sizeof(pid), "%-*ld\n", PID_SIZE - 1, (long)getpid());
    err = oh_io_write(io, directory->lock_file, directory->lock_path, pid, PID_SIZE, 0, diag);
    /* The pid only helps people; a full disk must not keep the server from starting. */
    return err == OH_E_NO_SPACE ? OH_OK : err;
}

static enum oh_err temporary_remove(const struct oh_directory *directory, struct oh_diag *diag)
{
    enum oh_err err = oh_io_remove_temporary(directory->io, directory->journal_path, diag);
    if (err == OH_OK)
        err = oh_io_remove_temporary(directory->io, directory->snapshot_path, diag);
    if (err == OH_OK)
        err = oh_io_fsync_directory(directory->io, directory->journal_path, diag);
    if (err == OH_OK)
        err = oh_io_fsync_directory(directory->io, directory->snapshot_path, diag);
    if (err == OH_OK)
        err = oh_io_fsync_directory(directory->io, directory->path, diag);
    return err;
}

/* Reads the ledger id from the newest file of one kind; *out_is_found false when there is none. */
static enum oh_err id_find(struct oh_directory *directory, enum oh_file_kind kind,
                           const struct oh_ledger_id *expected, bool *out_is_found, struct oh_diag *diag)
{
    bool is_journal = kind == OH_FILE_JOURNAL;
    const char *path = is_journal ? directory->journal_path : directory->snapshot_path;
    const char *suffix = is_journal ? OH_FILE_SUFFIX_JOURNAL : OH_FILE_SUFFIX_SNAPSHOT;
    struct oh_seq_list list;
    enum oh_err err = oh_seq_list_read(directory->io, path, suffix,
                                       is_journal ? OH_JOURNAL_SEGMENTS_MAX : OH_SNAPSHOTS_MAX, &list, diag);
    if (err != OH_OK)
        return err;
    bool is_found = list.count > 0;
    uint64_t seq = is_found ? list.seqs[list.count - 1] : 0;
    oh_seq_list_fini(&list);
    if (!is_found) {
        *out_is_found = false;
        return OH_OK;
    }
    char file_path[OH_IO_PATH_SIZE];
    struct oh_file_header header = { .seq = 0 };
    int file = -1;
    err = oh_file_path(file_path, path, seq, suffix, diag);
    if (err == OH_OK)
        err = oh_io_open(directory->io, file_path, OH_IO_READ, &file, diag);
    if (err == OH_OK)
        err = oh_file_header_read(directory->io, file, file_path, kind, expected, seq, &header, diag);
    oh_io_close(directory->io, &file);
    if (err != OH_OK)
        return err;
    directory->ledger_id = header.ledger_id;
    *out_is_found = true;
    return OH_OK;
}

static enum oh_err id_settle(struct oh_directory *directory, enum oh_directory_mode mode, struct oh_diag *diag)
{
    bool has_journal = false;
    bool has_snapshot = false;
    enum oh_err err = id_find(directory, OH_FILE_JOURNAL, NULL, &has_journal, diag);
    if (err == OH_OK)
        err = id_find(directory, OH_FILE_SNAPSHOT, has_journal ? &directory->ledger_id : NULL, &has_snapshot, diag);
    if (err != OH_OK)
        return err;
    if (has_snapshot && !has_journal) {
        /* The newest journal file is never removed, so it was taken away. */
        oh_diag_set(diag, "%s: there are snapshots but no journal file", directory->path);
        return OH_E_CORRUPT;
    }
    if (!has_journal && mode == OH_DIRECTORY_READ) {
        oh_diag_set(diag, "%s: there is no journal", directory->path);
        return OH_E_NOT_FOUND;
    }
    directory->is_new = !has_journal;
    if (!has_journal && directory->io->random(directory->io->ctx, &directory->ledger_id,
                                              sizeof(directory->ledger_id)) < 0) {
        oh_diag_set(diag, "%s: no random bytes for a ledger id", directory->path);
        return OH_E_IO;
    }
    return OH_OK;
}

enum oh_err oh_directory_open(const struct oh_io *io, const char *path, enum oh_directory_mode mode,
                              struct oh_directory **out_directory, struct oh_diag *diag)
{
    struct oh_directory *directory = calloc(1, sizeof(*directory));
    if (directory == NULL)
        return OH_E_NOMEM;
    directory->io = io;
    directory->lock_file = -1;
    enum oh_err err = paths_init(directory, path, diag);
    if (err == OH_OK && mode == OH_DIRECTORY_WRITE) {
        err = directories_make(directory, diag);
        if (err == OH_OK)
            err = lock_take(directory, diag);
        if (err == OH_OK)
            err = temporary_remove(directory, diag);
    }
    if (err == OH_OK && mode == OH_DIRECTORY_READ)
        err = oh_view_open(io, directory->journal_path, directory->snapshot_path, &directory->view, diag);
    if (directory->view != NULL)
        directory->io = oh_view_io(directory->view);
    if (err == OH_OK)
        err = id_settle(directory, mode, diag);
    if (err != OH_OK) {
        oh_directory_close(&directory);
        return err;
    }
    *out_directory = directory;
    return OH_OK;
}

void oh_directory_close(struct oh_directory **directory)
{
    if (*directory == NULL)
        return;
    oh_io_close((*directory)->io, &(*directory)->lock_file); /* closing gives the lock back */
    oh_view_close(&(*directory)->view);
    free(*directory);
    *directory = NULL;
}

const struct oh_io *oh_directory_io(const struct oh_directory *directory)
{
    return directory->io;
}

const char *oh_directory_path(const struct oh_directory *directory)
{
    return directory->path;
}

const char *oh_directory_journal_path(const struct oh_directory *directory)
{
    return directory->journal_path;
}

const char *oh_directory_snapshot_path(const struct oh_directory *directory)
{
    return directory->snapshot_path;
}

struct oh_ledger_id oh_directory_ledger_id(const struct oh_directory *directory)
{
    return directory->ledger_id;
}

int64_t oh_directory_print(const struct oh_directory *directory)
{
    const struct oh_ledger_id *id = &directory->ledger_id;
    return (int64_t)(XXH3_64bits_withSeed(id->bytes, sizeof(id->bytes), PRINT_SEED) & INT64_MAX);
}

bool oh_directory_is_new(const struct oh_directory *directory)
{
    return directory->is_new;
}
