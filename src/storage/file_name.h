/*
 * file_name.h - storage files are named by a seq: 20 digits and a suffix, so
 * that the order of names is the order of seqs.
 */
#ifndef ONHAND_STORAGE_FILE_NAME_H
#define ONHAND_STORAGE_FILE_NAME_H

#include "onhand/error.h"
#include "storage/io.h"
#include <stddef.h>
#include <stdint.h>

#define OH_FILE_SUFFIX_JOURNAL ".ohj"
#define OH_FILE_SUFFIX_SNAPSHOT ".ohs"
#define OH_FILE_SUFFIX_TEMPORARY ".ohs.tmp"

/* Writes "directory/00000000000000000001.ohj". Errors: OH_E_TOO_LARGE. */
OH_MUST_CHECK enum oh_err oh_file_path(char out_path[static OH_IO_PATH_SIZE], const char *directory,
                                       uint64_t seq, const char *suffix, struct oh_diag *diag);

struct oh_seq_list {
    uint64_t *seqs; /* ascending */
    size_t count;
};

/*
 * oh_seq_list_read - the seqs of all files of a directory with this suffix.
 *
 * Other names are ignored. One pass: a file that is made, renamed or removed meanwhile may be in it or not; every file
 * that is there all the time is. So of those that are there only the newest can be missing, of those that are gone
 * only the oldest can be in it. Whoever looks beside a live journal can bear both: a reader that begins in an older
 * file finds the next by its name, what is removed is judged by the file after it, and a snapshot that is not seen is
 * not removed.
 * Errors: OH_E_TOO_LARGE (more than count_max), OH_E_NOMEM, OH_E_IO, OH_E_NOT_FOUND (no directory).
 * Owner: gives; free with oh_seq_list_fini().
 */
OH_MUST_CHECK enum oh_err oh_seq_list_read(const struct oh_io *io, const char *directory, const char *suffix,
                                           size_t count_max, struct oh_seq_list *out_list,
                                           struct oh_diag *diag);

void oh_seq_list_fini(struct oh_seq_list *list);

#endif
