/*
 * rebuild_folder.h - a data directory that is there whole or not at all.
 *
 * It is made in DIR/rebuild.tmp. Two renames put its parts in place, the snapshots first and the journal last: what
 * is between has snapshots and no journal, which a server refuses. So DIR may be a mount point, and nothing is ever
 * copied. DIR is locked as by a server all the while.
 *
 * What an end by kill -9 leaves is taken away by the next one.
 */
#ifndef ONHAND_APP_REBUILD_FOLDER_H
#define ONHAND_APP_REBUILD_FOLDER_H

#include "storage/directory.h"

struct oh_rebuild_folder {
    const char *path;    /* borrowed until finish or abandon */
    bool is_made;        /* DIR, by us */
    bool is_ours;        /* DIR was empty when it was locked: what is in it is ours */
    unsigned placed_count;
    int lock_file;       /* DIR/LOCK; -1: not open */
    char parent[OH_IO_PATH_SIZE];
    char lock_path[OH_IO_PATH_SIZE];
    char building[OH_IO_PATH_SIZE];
    struct oh_directory *directory;
};

/*
 * oh_rebuild_folder_begin - make DIR if it is missing, and in it what is being built.
 *
 * Post:    folder->directory is open for writing and new.
 * Errors:  OH_E_INVALID (there is something in DIR), OH_E_LOCKED (another rebuild), those of oh_directory_open. Nothing
 *          is left behind.
 */
OH_MUST_CHECK enum oh_err oh_rebuild_folder_begin(struct oh_rebuild_folder *folder, const char *path,
                                                  struct oh_diag *diag);

/* Puts the parts in their place; the directory is closed. Errors: OH_E_IO; then abandon. */
OH_MUST_CHECK enum oh_err oh_rebuild_folder_finish(struct oh_rebuild_folder *folder, struct oh_diag *diag);

/* Takes away everything that was made, and nothing else. */
void oh_rebuild_folder_abandon(struct oh_rebuild_folder *folder);

#endif
