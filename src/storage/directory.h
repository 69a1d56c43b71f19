/*
 * directory.h - the data directory: who may use it, and whose it is.
 *
 *   LOCK                                 held by the one process that writes here; contains its pid
 *   journal/00000000000000000001.ohj     segments, named by their first seq
 *   snapshot/00000000000000004711.ohs    snapshots, named by the last seq they contain
 *   PROJECTED                            how far PostgreSQL was at least (projected_seq.h)
 *   (any).tmp                            unfinished work; removed when the directory is opened
 *
 * Each file carries the random id of the ledger, so that a file copied in from
 * another ledger is refused. The id also seeds the checksums: a client that
 * does not know it cannot place bytes in a record that pass for a frame.
 * Therefore no reply, metric or log line shows it. What may be shown is
 * oh_directory_print(), from which nobody can find the id.
 *
 * Threads: open and close on one thread; the accessors on any.
 */
#ifndef ONHAND_STORAGE_DIRECTORY_H
#define ONHAND_STORAGE_DIRECTORY_H

#include "onhand/error.h"
#include "storage/io.h"
#include <stdbool.h>
#include <stdint.h>

struct oh_ledger_id {
    uint8_t bytes[16];
};

struct oh_directory;

enum oh_directory_mode {
    OH_DIRECTORY_WRITE = 1, /* create what is missing, take the lock, remove *.tmp */
    OH_DIRECTORY_READ = 2,  /* change nothing, take no lock, read the files of this moment (view.h) */
};

/*
 * oh_directory_open - make the directory ours, or look at it.
 *
 * Errors:  OH_E_LOCKED (the diag names the pid), OH_E_CORRUPT (a file of
 *          another ledger; snapshots without a journal), OH_E_VERSION (a file
 *          of a newer format), OH_E_NOT_FOUND (mode READ, nothing there),
 *          OH_E_AGAIN (mode READ, as oh_view_open), OH_E_NO_SPACE, OH_E_IO,
 *          OH_E_NOMEM, OH_E_TOO_LARGE (the path).
 * Owner:   gives *out_directory; borrows `io` until close; copies `path`.
 * Cost:    reads the headers of at most two files; mode READ opens all.
 */
OH_MUST_CHECK enum oh_err oh_directory_open(const struct oh_io *io, const char *path,
                                            enum oh_directory_mode mode, struct oh_directory **out_directory,
                                            struct oh_diag *diag);

/* Gives the lock back. Sets *directory to NULL; does nothing when it is. */
void oh_directory_close(struct oh_directory **directory);

const struct oh_io *oh_directory_io(const struct oh_directory *directory);
const char *oh_directory_path(const struct oh_directory *directory);
const char *oh_directory_journal_path(const struct oh_directory *directory);
const char *oh_directory_snapshot_path(const struct oh_directory *directory);
struct oh_ledger_id oh_directory_ledger_id(const struct oh_directory *directory);

/*
 * The same for the same ledger id, and most likely for no other: how PostgreSQL knows whose tables it has
 * (onhand.watermark.ledger). Never below 0; it stays the same in every version of the program.
 */
int64_t oh_directory_print(const struct oh_directory *directory);

/* True when no journal file existed at open: the ledger starts here. */
bool oh_directory_is_new(const struct oh_directory *directory);

#endif
