/*
 * segment.h - one file of the journal, and reading its frames one by one.
 *
 * A segment is a header page and frames. It is made full size, of zeros, so
 * that writing into it later needs no new space. Behind the last frame there
 * are zeros.
 *
 * Threads: one at a time per struct.
 */
#ifndef ONHAND_STORAGE_SEGMENT_H
#define ONHAND_STORAGE_SEGMENT_H

#include "onhand/error.h"
#include "storage/directory.h"
#include "storage/file_header.h"
#include "storage/frame.h"
#include "storage/io.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_SEGMENT_SIZE_MAX (UINT64_C(4) << 30)

struct oh_segment {
    const struct oh_io *io;
    int file; /* -1: not open */
    char path[OH_IO_PATH_SIZE];
    struct oh_ledger_id ledger_id;
    uint64_t first_seq;
    uint64_t size; /* bytes, header page included */
    uint32_t align;
    uint32_t link;        /* to its header page */
    uint32_t link_before; /* what it has to the last frame of records in the file before; 0: none */
};

/*
 * oh_segment_open - open the file named by first_seq and check its header.
 *
 * Errors: OH_E_NOT_FOUND, OH_E_CORRUPT, OH_E_VERSION, OH_E_IO, OH_E_TOO_LARGE.
 */
OH_MUST_CHECK enum oh_err oh_segment_open(const struct oh_directory *directory, uint64_t first_seq,
                                          unsigned open_flags, struct oh_segment *out_segment,
                                          struct oh_diag *diag);

void oh_segment_close(struct oh_segment *segment);

/* Reads frames in order. Memory: 1 MiB, up to 17 MiB for the largest frame. */
struct oh_frame_cursor {
    const struct oh_segment *segment; /* borrowed until fini */
    uint64_t offset;                  /* where the next frame has to start */
    uint64_t next_seq;                /* what its first seq has to be */
    uint64_t synced_seq;              /* highest claim of a frame so far: on disk up to here */
    uint64_t offset_before;           /* of the last frame; 0: of the header page */
    uint32_t link;                    /* to it */
    uint32_t records_link;            /* to the last frame that has records; 0: none yet */
    uint64_t records_offset;          /* of it */
    bool has_links;                   /* frames before have them, so the next one must */
    const char *fault;                /* after OH_E_TORN: what is wrong at `offset` */
    char *window;
    size_t window_capacity;
    uint64_t window_offset;
    size_t window_size;
    size_t fill_size; /* bytes of the next read; doubles, so that a short file and a live one stay cheap */
};

struct oh_frame {
    struct oh_frame_header header;
    const char *payload; /* lent until the next call on the cursor */
};

void oh_frame_cursor_init(struct oh_frame_cursor *cursor, const struct oh_segment *segment);
void oh_frame_cursor_fini(struct oh_frame_cursor *cursor);

/* Forgets what was read ahead, because the file has grown meanwhile. */
void oh_frame_cursor_refresh(struct oh_frame_cursor *cursor);

/*
 * oh_frame_cursor_next - the frame at `offset`; then moves behind it.
 *
 * Errors:  OH_E_TORN (no valid frame here: the end, a torn tail or damage;
 *          oh_frame_cursor_judge() tells them apart; `fault` says what is
 *          wrong, and is NULL when the place is empty), OH_E_CORRUPT (a whole
 *          frame that contradicts the ones before it), OH_E_IO, OH_E_NOMEM.
 */
OH_MUST_CHECK enum oh_err oh_frame_cursor_next(struct oh_frame_cursor *cursor, struct oh_frame *out_frame,
                                               struct oh_diag *diag);

/*
 * oh_frame_cursor_judge - after OH_E_TORN in the newest file: what is it?
 *
 * Looks at every later aligned place of the file for a frame header of this
 * ledger that claims next_seq was on disk already, or begins with it: then
 * only a proof frame can have been here, and that is synced before anything
 * follows. One such header makes the bad place damage. Without one, nothing
 * there was ever proven to be on disk.
 *
 * Post:    *out_torn_end is the end of the last byte that is not zero; equal
 *          to `offset` when the journal simply ends here.
 * Errors:  OH_E_CORRUPT (damage; the diag names file and byte), OH_E_IO, OH_E_NOMEM.
 * Cost:    reads the rest of the file once.
 */
OH_MUST_CHECK enum oh_err oh_frame_cursor_judge(struct oh_frame_cursor *cursor, uint64_t *out_torn_end,
                                                struct oh_diag *diag);

/* Writes the sentence for damage at the cursor and returns OH_E_CORRUPT. */
enum oh_err oh_frame_cursor_damage(const struct oh_frame_cursor *cursor, const char *evidence,
                                   struct oh_diag *diag);

#endif
