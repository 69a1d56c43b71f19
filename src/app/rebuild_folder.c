#include "app/rebuild_folder.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUILDING "rebuild.tmp"

/* In the order in which they get their place: with the last one it is a data directory. */
static const char *const parts[] = { "snapshot", "journal" };
#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

/* The directory that holds the name of `path`. */
static void parent_of(const char *path, char out_parent[static OH_IO_PATH_SIZE])
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    if (size == 0)
        (void)snprintf(out_parent, OH_IO_PATH_SIZE, ".");
    else
        (void)snprintf(out_parent, OH_IO_PATH_SIZE, "%.*s", (int)size, path);
}

/* ---- Looking ---------------------------------------------------------------------------------- */

struct looked {
    bool has_other;
    char other[256];
};

/* A file system of its own has lost+found in its root; LOCK and what is being built are ours. */
static void name_look(void *ctx, const char *name)
{
    struct looked *looked = ctx;
    if (strcmp(name, "lost+found") == 0 || strcmp(name, "LOCK") == 0 || strcmp(name, BUILDING) == 0 ||
        looked->has_other)
        return;
    looked->has_other = true;
    (void)snprintf(looked->other, sizeof(looked->other), "%s", name);
}

static enum oh_err emptiness_check(const char *path, struct oh_diag *diag)
{
    struct looked looked = { .has_other = false };
    enum oh_err err = oh_io_list(oh_io_posix(), path, name_look, &looked, diag);
    if (err == OH_OK && looked.has_other) {
        oh_diag_set(diag, "%s is not empty: it has '%s'. A rebuild makes a new data directory, and changes no old one",
                    path, looked.other);
        return OH_E_INVALID;
    }
    return err;
}

/* ---- Taking away ------------------------------------------------------------------------------ */

static void name_unlink(void *ctx, const char *name)
{
    char path[OH_IO_PATH_SIZE];
    if (oh_io_path(path, ctx, name, NULL) == OH_OK)
        (void)unlink(path); /* a folder stays, and its parent then too */
}

/* The files of a folder, and the folder. What is not there is gone already. */
static void folder_remove(const char *parent, const char *name)
{
    char path[OH_IO_PATH_SIZE];
    if (oh_io_path(path, parent, name, NULL) != OH_OK)
        return;
    enum oh_err ignored = oh_io_list(oh_io_posix(), path, name_unlink, path, NULL);
    (void)ignored;
    (void)rmdir(path);
}

static void building_remove(const struct oh_rebuild_folder *folder)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        folder_remove(folder->building, parts[i]);
    folder_remove(folder->path, BUILDING);
}

void oh_rebuild_folder_abandon(struct oh_rebuild_folder *folder)
{
    oh_directory_close(&folder->directory);
    if (folder->is_ours) {
        building_remove(folder);
        while (folder->placed_count > 0)
            folder_remove(folder->path, parts[--folder->placed_count]);
        (void)unlink(folder->lock_path);
    }
    oh_io_close(oh_io_posix(), &folder->lock_file);
    if (folder->is_made)
        (void)rmdir(folder->path);
}

/* ---- Making ----------------------------------------------------------------------------------- */

static enum oh_err root_make(struct oh_rebuild_folder *folder, struct oh_diag *diag)
{
    enum oh_err err = oh_io_make_directory(oh_io_posix(), folder->path, &folder->is_made, diag);
    if (err == OH_OK && folder->is_made)
        err = oh_io_fsync_directory(oh_io_posix(), folder->parent, diag);
    return err == OH_OK ? emptiness_check(folder->path, diag) : err;
}

/* The lock of the data directory that this will be: no server starts in it meanwhile, and no other rebuild. */
static enum oh_err lock_take(struct oh_rebuild_folder *folder, struct oh_diag *diag)
{
    const struct oh_io *io = oh_io_posix();
    int file = -1;
    enum oh_err err = oh_io_open(io, folder->lock_path, OH_IO_READ | OH_IO_WRITE | OH_IO_CREATE, &file, diag);
    if (err == OH_OK)
        err = oh_io_lock(io, file, folder->lock_path, diag);
    folder->lock_file = file;
    if (err == OH_E_LOCKED) {
        oh_diag_set(diag, "%s: another process holds the directory", folder->lock_path);
        return err;
    }
    if (err == OH_OK)
        err = emptiness_check(folder->path, diag);
    folder->is_ours = err == OH_OK;
    if (err != OH_OK && folder->is_made)
        (void)unlink(folder->lock_path); /* we made it; in a directory of others it may be theirs */
    return err;
}

static enum oh_err folder_make(struct oh_rebuild_folder *folder, struct oh_diag *diag)
{
    parent_of(folder->path, folder->parent);
    enum oh_err err = oh_io_path(folder->building, folder->path, BUILDING, diag);
    if (err == OH_OK)
        err = oh_io_path(folder->lock_path, folder->path, "LOCK", diag);
    if (err == OH_OK)
        err = root_make(folder, diag);
    if (err == OH_OK)
        err = lock_take(folder, diag);
    if (err != OH_OK)
        return err;
    building_remove(folder); /* what kill -9 left of another */
    return oh_directory_open(oh_io_posix(), folder->building, OH_DIRECTORY_WRITE, &folder->directory, diag);
}

enum oh_err oh_rebuild_folder_begin(struct oh_rebuild_folder *folder, const char *path, struct oh_diag *diag)
{
    *folder = (struct oh_rebuild_folder){ .path = path, .lock_file = -1 };
    enum oh_err err = folder_make(folder, diag);
    if (err != OH_OK)
        oh_rebuild_folder_abandon(folder);
    return err;
}

static enum oh_err part_place(struct oh_rebuild_folder *folder, struct oh_diag *diag)
{
    const char *name = parts[folder->placed_count];
    char from[OH_IO_PATH_SIZE];
    char to[OH_IO_PATH_SIZE];
    enum oh_err err = oh_io_path(from, folder->building, name, diag);
    if (err == OH_OK)
        err = oh_io_path(to, folder->path, name, diag);
    if (err == OH_OK)
        err = oh_io_rename(oh_io_posix(), from, to, diag);
    if (err != OH_OK)
        return err;
    folder->placed_count++;
    return oh_io_fsync_directory(oh_io_posix(), folder->path, diag);
}

enum oh_err oh_rebuild_folder_finish(struct oh_rebuild_folder *folder, struct oh_diag *diag)
{
    oh_directory_close(&folder->directory);
    while (folder->placed_count < PART_COUNT) {
        enum oh_err err = part_place(folder, diag);
        if (err != OH_OK)
            return err;
    }
    building_remove(folder);
    oh_io_close(oh_io_posix(), &folder->lock_file);
    return OH_OK;
}
