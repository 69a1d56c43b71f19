/*
 * view.h - the files of a data directory as they are at one moment, kept open.
 *
 * What it is: what verify, dump and whatif read through. A server beside them takes snapshots and removes what these
 * make needless; a file that is open stays readable, whatever becomes of its name. The names that a view lists, and
 * the files that it opens, are those of its moment, so a reader meets neither a file that is gone nor one that is
 * newer than the rest. The last journal file may still be written to.
 *
 * The moment is one at which the journal continues the snapshots: the names were the same before all files were opened
 * and after, and a server removes nothing before the snapshot has its name that makes it needless.
 *
 * What it is not: a copy, or a lock. It costs one descriptor for each file; the space of what is removed comes back
 * when the view is closed.
 *
 * Threads: one at a time.
 */
#ifndef ONHAND_STORAGE_VIEW_H
#define ONHAND_STORAGE_VIEW_H

#include "onhand/error.h"
#include "storage/io.h"

struct oh_view;

/*
 * oh_view_open - open what there is.
 *
 * Errors:  OH_E_AGAIN (the names changed at every try), OH_E_NOT_FOUND (no such directory), OH_E_TOO_LARGE (more files
 *          than there may be), OH_E_IO (more than the process may open, and all else), OH_E_NOMEM.
 * Owner:   gives *out_view; borrows `io` until close; copies the paths.
 */
OH_MUST_CHECK enum oh_err oh_view_open(const struct oh_io *io, const char *journal_path, const char *snapshot_path,
                                       struct oh_view **out_view, struct oh_diag *diag);

/* Sets *view to NULL; does nothing when it is. */
void oh_view_close(struct oh_view **view);

/* Lists and opens for reading what the view has; nothing in it changes a file. Lent until close. */
const struct oh_io *oh_view_io(const struct oh_view *view);

#endif
