/*
 * journal_reader.h - the records of a journal, in order, each one checked.
 *
 * What it is: used by recovery, verify, dump and the projector. It may run
 * while a journal writes to the same directory, and follows it into new files.
 *
 * What it is not: it never changes a file. A torn tail is where it ends;
 * cutting is the work of oh_journal_open().
 *
 * Threads: one at a time per reader; any thread.
 */
#ifndef ONHAND_STORAGE_JOURNAL_READER_H
#define ONHAND_STORAGE_JOURNAL_READER_H

#include "onhand/bytes.h"
#include "onhand/error.h"
#include "storage/directory.h"
#include <stdint.h>

struct oh_journal_reader;

/* Where a record starts: for sentences about it. */
struct oh_journal_position {
    const char *path;       /* lent until the next call on the reader */
    uint64_t offset;        /* byte of the frame that holds the record */
    uint64_t record_offset; /* byte of the record's size field */
};

/*
 * oh_journal_reader_open - stand before record `from_seq`.
 *
 * Errors:  OH_E_NOT_FOUND (no journal, or from_seq lies before its oldest
 *          file: the diag names the first seq there is), OH_E_CORRUPT,
 *          OH_E_VERSION, OH_E_IO, OH_E_NOMEM.
 * Owner:   gives *out_reader; borrows `directory` until close.
 * Cost:    reads from the start of the file that holds from_seq.
 */
OH_MUST_CHECK enum oh_err oh_journal_reader_open(const struct oh_directory *directory, uint64_t from_seq,
                                                 struct oh_journal_reader **out_reader, struct oh_diag *diag);

void oh_journal_reader_close(struct oh_journal_reader **reader);

/*
 * oh_journal_reader_set_limit - read no further than `seq`.
 *
 * For a live journal: the limit is oh_journal_written_seq() or
 * oh_journal_durable_seq(), so everything up to it is complete, and what
 * cannot be read up to it is damage. Without a limit (UINT64_MAX, the
 * default) the end of the journal is found by looking.
 */
void oh_journal_reader_set_limit(struct oh_journal_reader *reader, uint64_t seq);

/*
 * oh_journal_reader_next - the next record.
 *
 * Errors:  OH_E_AGAIN (the end, for now: limit or last record), OH_E_CORRUPT
 *          (the diag names file and byte; the reader stays there), OH_E_IO.
 * Owner:   lends out_record until the next call on this reader.
 */
OH_MUST_CHECK enum oh_err oh_journal_reader_next(struct oh_journal_reader *reader, uint64_t *out_seq,
                                                 struct oh_bytes *out_record, struct oh_diag *diag);

/* Of the record returned last; of the end after OH_E_AGAIN. */
struct oh_journal_position oh_journal_reader_position(const struct oh_journal_reader *reader);

/* Bytes of a torn tail behind the last record; known after OH_E_AGAIN without a limit, else 0. */
uint64_t oh_journal_reader_torn_bytes(const struct oh_journal_reader *reader);

/* Seq of the oldest record on disk when the reader was opened. */
uint64_t oh_journal_reader_first_seq(const struct oh_journal_reader *reader);

#endif
