/*
 * file_header.h - the first page of every storage file.
 *
 *   offset size
 *        0    8  magic: "OHJOURNL" or "OHSNAPSH"
 *        8    4  format version, 1
 *       12    4  size of this header, 4096
 *       16    8  XXH3-64 of the page with these eight bytes zero
 *       24   16  ledger id
 *       40    8  seq: first of a journal file, last of a snapshot
 *       48    8  time: creation of a journal file, ledger time of a snapshot; us since the epoch
 *       56    8  size of a journal file; 0 in a snapshot
 *       64    4  frame alignment of a journal file; largest block of a snapshot
 *       68    4  of a journal file: link to the last frame of records in the file before it (frame.h), so that an older
 *                file cannot be exchanged for another state of itself; 0: none, and in files of before there was one
 *       72       zeros
 *
 * All versions to come keep bytes 0..24 and the checksum, so that an older
 * program can tell a newer file from a damaged one.
 */
#ifndef ONHAND_STORAGE_FILE_HEADER_H
#define ONHAND_STORAGE_FILE_HEADER_H

#include "onhand/error.h"
#include "storage/directory.h"
#include "storage/io.h"
#include <stdint.h>

#define OH_FILE_HEADER_SIZE 4096U
#define OH_FILE_VERSION 1U

enum oh_file_kind { OH_FILE_JOURNAL = 1, OH_FILE_SNAPSHOT = 2 };

struct oh_file_header {
    enum oh_file_kind kind;
    struct oh_ledger_id ledger_id;
    uint64_t seq;
    int64_t at_us;
    uint64_t file_size;
    uint32_t unit_size;
    uint32_t link_before;
    uint32_t link; /* for the first frame (frame.h); filled by oh_file_header_read() */
};

void oh_file_header_encode(const struct oh_file_header *header, uint8_t out_page[static OH_FILE_HEADER_SIZE]);

/* The link to an encoded page. */
uint32_t oh_file_header_link(const uint8_t page[static OH_FILE_HEADER_SIZE]);

/*
 * oh_file_header_read - read and check the first page of an open file.
 *
 * `ledger_id` (may be NULL) and `seq` (UINT64_MAX: any) are what the header has to say.
 * Errors: OH_E_CORRUPT, OH_E_VERSION, OH_E_IO; the diag names the file.
 */
OH_MUST_CHECK enum oh_err oh_file_header_read(const struct oh_io *io, int file, const char *path,
                                              enum oh_file_kind kind, const struct oh_ledger_id *ledger_id,
                                              uint64_t seq, struct oh_file_header *out_header,
                                              struct oh_diag *diag);

#endif
