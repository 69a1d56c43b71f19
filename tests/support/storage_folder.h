/*
 * storage_folder.h - a temporary folder on the real disk, and the real table
 * of calls with a few that can be made to fail while threads use them.
 */
#ifndef ONHAND_TESTS_SUPPORT_STORAGE_FOLDER_H
#define ONHAND_TESTS_SUPPORT_STORAGE_FOLDER_H

#include "storage/io.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct storage_folder {
    char path[256]; /* of a data directory that does not exist yet */
    char base[200];
    struct oh_io io;
    _Atomic bool is_full;   /* allocate: ENOSPC */
    _Atomic bool is_broken; /* fdatasync: EIO */
    _Atomic bool is_slow;   /* each fdatasync takes at least 2 ms */
    _Atomic uint64_t nags;  /* counts reads and writes; every third is interrupted, every third short */
    bool is_nagging;
};

/* For cmocka: *state is a struct storage_folder. */
int storage_folder_setup(void **state);
int storage_folder_teardown(void **state);

/* Calls `is_done` again and again until it is true or 20 seconds have passed. */
bool storage_folder_wait(bool (*is_done)(void *ctx), void *ctx);

#endif
