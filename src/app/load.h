/*
 * load.h - `onhand load`: files, or the rows of queries in PostgreSQL (load_query.h), into a running server, through
 * its import.
 *
 * Each file is one streamed request, whatever its size, in constant memory.
 * The server remembers durably how many rows of an Import-Id it has done, so a
 * load that broke goes on where it was: by itself, or when started again.
 */
#ifndef ONHAND_APP_LOAD_H
#define ONHAND_APP_LOAD_H

#include "app/client.h"
#include "onhand/error.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_IMPORT_ID_SIZE      65 /* 64 bytes and a NUL: OH_ID_SIZE_MAX of the server */
#define OH_LOAD_TRIES_DEFAULT  10
#define OH_LOAD_BACKOFF_MS_MIN 200
#define OH_LOAD_BACKOFF_MS_MAX 10000

#define OH_LOAD_NAME_SIZE 32

/* What to load of one kind of rows. */
struct oh_load_source {
    const char *kind; /* as in /v1/import/{kind} */
    const char *name; /* for people: the path, or which query; NULL: nothing of this kind */
    const char *path; /* NULL: a query */
    char import[OH_IMPORT_ID_SIZE];
    char query_name[OH_LOAD_NAME_SIZE];
};

/* What the server answered to a whole file, or to the last part of it when the load was resumed. */
struct oh_load_result {
    uint64_t rows;
    uint64_t applied;
    uint64_t unchanged;
    uint64_t rejected;
    uint64_t rejections_omitted;
    uint64_t seq;
};

/*
 * oh_load_import_id - name an import: "<id>-<kind>", or by the file's bytes
 * when `id` is NULL, so that the same content is the same import.
 *
 * Errors: OH_E_INVALID (id has other bytes than A-Z a-z 0-9 . _ - or is too long), OH_E_IO; diag says which.
 */
enum oh_err oh_load_import_id(const char *id, const char *kind, const char *path,
                              char out_import[OH_IMPORT_ID_SIZE], struct oh_diag *diag) OH_MUST_CHECK;

/* How long to wait before repeat `try_number`, from 1: doubled each time, never above the maximum. */
unsigned oh_load_backoff_ms(unsigned try_number);

#endif
