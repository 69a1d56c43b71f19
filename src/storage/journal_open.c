#include "base/assert.h"
#include "storage/file_name.h"
#include "storage/journal_internal.h"
#include "storage/snapshot.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COPY_SIZE ((size_t)64 << 10)

/* What reading the newest file to its end found. */
struct journal_end {
    uint64_t offset;     /* behind the last frame */
    uint64_t records_end; /* behind the last frame that has records; only proof frames follow */
    uint64_t next_seq;   /* behind the last record */
    uint32_t link;       /* to the last frame */
    uint32_t records_link; /* to the last one that has records */
    uint64_t synced_seq; /* proven to be on disk */
    uint64_t torn_end;   /* == offset: the tail is clean */
    const char *fault;   /* of a torn tail */
};

/* ---- a new journal ---------------------------------------------------- */

static enum oh_err journal_begin(struct oh_journal *journal, struct oh_diag *diag)
{
    journal->next_seq = journal->options.first_seq;
    journal->cost_align = journal->options.frame_align;
    enum oh_err err = journal_prepare(journal, diag);
    if (err == OH_OK)
        err = journal_activate(journal, diag);
    if (err != OH_OK)
        return err == OH_E_AGAIN ? OH_E_NO_SPACE : err;
    atomic_store(&journal->first_seq, journal->next_seq);
    return OH_OK;
}

/* ---- an old journal --------------------------------------------------- */

/* All files have to be of this ledger and of a version that can be read, before one is changed. */
static enum oh_err headers_check(struct oh_journal *journal, const struct oh_seq_list *list,
                                 struct oh_diag *diag)
{
    for (size_t i = 0; i < list->count; i++) {
        struct oh_segment segment;
        enum oh_err err = oh_segment_open(journal->directory, list->seqs[i], OH_IO_READ, &segment, diag);
        if (err != OH_OK)
            return err;
        oh_segment_close(&segment);
    }
    return OH_OK;
}

/* A snapshot gets its name when its record is on the disk: nothing up to there can be a torn tail. */
static enum oh_err snapshot_check(struct oh_journal *journal, const struct oh_frame_cursor *cursor,
                                  struct oh_diag *diag)
{
    uint64_t seq = 0;
    size_t count = 0;
    enum oh_err err = oh_snapshot_list(journal->directory, &seq, 1, &count, diag);
    if (err == OH_OK && count > 0 && seq >= cursor->next_seq)
        err = oh_frame_cursor_damage(cursor, "a snapshot proves that it was on disk", diag);
    return err;
}

static enum oh_err end_find(struct oh_journal *journal, struct journal_end *out_end, struct oh_diag *diag)
{
    struct oh_frame_cursor cursor;
    struct oh_frame frame;
    uint64_t torn_end = 0;
    oh_frame_cursor_init(&cursor, &journal->current);
    uint64_t records_end = cursor.offset;
    enum oh_err err;
    do {
        err = oh_frame_cursor_next(&cursor, &frame, diag);
        if (err == OH_OK && frame.header.record_count > 0)
            records_end = cursor.offset;
    } while (err == OH_OK);
    const char *fault = cursor.fault;
    if (err == OH_E_TORN)
        err = snapshot_check(journal, &cursor, diag);
    if (err == OH_OK)
        err = oh_frame_cursor_judge(&cursor, &torn_end, diag);
    if (err == OH_OK)
        *out_end = (struct journal_end){
            .offset = cursor.offset,
            .records_end = records_end,
            .next_seq = cursor.next_seq,
            .link = cursor.link,
            .records_link = cursor.records_link,
            .synced_seq = cursor.synced_seq,
            .torn_end = torn_end,
            .fault = fault,
        };
    oh_frame_cursor_fini(&cursor);
    return err;
}

static enum oh_err range_zero(struct oh_journal *journal, uint64_t from, uint64_t to, struct oh_diag *diag)
{
    enum oh_err err = OH_OK;
    while (err == OH_OK && from < to)
        err = oh_io_zero_step(journal->io, journal->current.file, journal->current.path, &from, to, diag);
    return err;
}

/* Says what is cut, for the log. */
static void torn_describe(struct oh_journal *journal, const struct journal_end *end, bool is_short)
{
    journal->torn_bytes = end->torn_end - end->offset;
    oh_diag_set(&journal->torn,
                "%s: byte %" PRIu64 ": cut %" PRIu64 " bytes behind record %" PRIu64
                " that nothing proves to have been on disk (%s%s)",
                journal->current.path, end->offset, journal->torn_bytes, end->next_seq - 1,
                end->fault != NULL ? end->fault : "empty", is_short ? "; the file was too short" : "");
}

/*
 * Zeroes a torn tail, and gives a file that was cut short its size back.
 *
 * The bytes are on the disk until a sync of the zeros has succeeded. When it fails the kernel drops the zeros and goes
 * on showing them, so an open after that could not see what a power loss would bring back: garbage, or frames
 * that were cut and would fit again. Hence a mark that is torn for every reader lies at the cut until all that
 * follows is safely zero, up to the end of the file, whatever was seen there.
 */
static enum oh_err tail_cut(struct oh_journal *journal, const struct journal_end *end, struct oh_diag *diag)
{
    static const char mark[] = "cut here";
    const struct oh_segment *segment = &journal->current;
    uint64_t file_size;
    enum oh_err err = oh_io_size(segment->io, segment->file, segment->path, &file_size, diag);
    if (err != OH_OK)
        return err;
    bool is_short = file_size < segment->size;
    if (!is_short && end->torn_end == end->offset)
        return OH_OK;
    torn_describe(journal, end, is_short);
    uint64_t behind = end->offset + segment->align < segment->size ? end->offset + segment->align : segment->size;
    if (end->offset < segment->size)
        err = oh_io_write(journal->io, segment->file, segment->path, mark, sizeof(mark), end->offset, diag);
    if (err == OH_OK)
        err = range_zero(journal, behind, segment->size, diag);
    if (err == OH_OK)
        err = oh_io_fsync(journal->io, segment->file, segment->path, diag);
    if (err == OH_OK)
        err = range_zero(journal, end->offset, behind, diag);
    return err;
}

/*
 * Behind the last frame that is proven to be on disk. A proof frame proves the records before it, never itself: what
 * follows the last proven record may be in the page cache alone, whatever it says.
 */
static enum oh_err unproven_find(struct oh_journal *journal, const struct journal_end *end,
                                 uint64_t *out_offset, struct oh_diag *diag)
{
    struct oh_frame_cursor cursor;
    struct oh_frame frame;
    oh_frame_cursor_init(&cursor, &journal->current);
    uint64_t offset = cursor.offset;
    enum oh_err err = OH_OK;
    bool is_found = false;
    while (err == OH_OK && !is_found && cursor.offset < end->offset) {
        err = oh_frame_cursor_next(&cursor, &frame, diag);
        is_found = err == OH_OK && frame.header.record_count > 0 && frame.header.last_seq > end->synced_seq;
        if (err == OH_OK && !is_found && frame.header.record_count > 0)
            offset = cursor.offset;
    }
    oh_frame_cursor_fini(&cursor);
    if (err == OH_E_TORN) {
        oh_diag_set(diag, "%s: byte %" PRIu64 ": the file changed while it was read", journal->current.path,
                    offset);
        err = OH_E_CORRUPT;
    }
    if (err == OH_OK)
        *out_offset = offset;
    return err;
}

/*
 * Writes the frames that may be only in the page cache once more. When a sync
 * failed, the kernel marks the pages clean though the disk has not got them:
 * they can be read, a later sync has nothing to do, and a power loss takes
 * them away. Writing makes the pages dirty again, so the sync means something.
 */
static enum oh_err unproven_rewrite(struct oh_journal *journal, const struct journal_end *end,
                                    struct oh_diag *diag)
{
    const struct oh_segment *segment = &journal->current;
    uint64_t at = end->records_end;
    enum oh_err err = end->synced_seq + 1 == end->next_seq ? OH_OK : unproven_find(journal, end, &at, diag);
    if (err != OH_OK || at == end->offset)
        return err;
    char *bytes = malloc(COPY_SIZE);
    if (bytes == NULL)
        return OH_E_NOMEM;
    while (err == OH_OK && at < end->offset) {
        size_t size = end->offset - at < COPY_SIZE ? (size_t)(end->offset - at) : COPY_SIZE;
        size_t count = 0;
        err = oh_io_read(journal->io, segment->file, segment->path, bytes, size, at, &count, diag);
        if (err == OH_OK) {
            memset(bytes + count, 0, size - count); /* a file may end within the padding of its last frame */
            err = oh_io_write(journal->io, segment->file, segment->path, bytes, size, at, diag);
        }
        at += size;
    }
    free(bytes);
    return err;
}

static enum oh_err newest_recover(struct oh_journal *journal, struct oh_diag *diag)
{
    struct journal_end end;
    enum oh_err err = end_find(journal, &end, diag);
    if (err == OH_OK)
        err = unproven_rewrite(journal, &end, diag);
    if (err == OH_OK)
        err = tail_cut(journal, &end, diag);
    if (err == OH_OK)
        err = oh_io_fsync(journal->io, journal->current.file, journal->current.path, diag);
    if (err != OH_OK)
        return err;
    journal->next_seq = end.next_seq;
    journal->write_offset = end.offset;
    journal->link = end.link;
    journal->records_link = end.records_link;
    journal->is_unproven = end.synced_seq + 1 != end.next_seq;
    return OH_OK;
}

/* What was opened to be read and cut is from now on only written. */
static enum oh_err writing_begin(struct oh_journal *journal, struct oh_diag *diag)
{
    struct oh_segment *segment = &journal->current;
    int file;
    enum oh_err err = oh_io_open(journal->io, segment->path, journal_write_flags(journal), &file, diag);
    if (err != OH_OK)
        return err;
    oh_segment_close(segment);
    segment->file = file;
    return OH_OK;
}

static enum oh_err journal_continue(struct oh_journal *journal, const struct oh_seq_list *list,
                                    struct oh_diag *diag)
{
    enum oh_err err = headers_check(journal, list, diag);
    if (err == OH_OK)
        err = oh_segment_open(journal->directory, list->seqs[list->count - 1], OH_IO_READ | OH_IO_WRITE,
                              &journal->current, diag);
    if (err == OH_OK)
        err = newest_recover(journal, diag);
    if (err == OH_OK)
        err = writing_begin(journal, diag);
    if (err != OH_OK)
        return err;
    uint32_t align = journal->current.align;
    journal->cost_align = align > journal->options.frame_align ? align : journal->options.frame_align;
    atomic_store(&journal->first_seq, list->seqs[0]);
    journal_count(&journal->counters.segments_count, list->count);
    return OH_OK;
}

enum oh_err journal_recover(struct oh_journal *journal, struct oh_diag *diag)
{
    struct oh_seq_list list;
    enum oh_err err = oh_seq_list_read(journal->io, oh_directory_journal_path(journal->directory),
                                       OH_FILE_SUFFIX_JOURNAL, OH_JOURNAL_SEGMENTS_MAX, &list, diag);
    if (err != OH_OK)
        return err;
    err = list.count == 0 ? journal_begin(journal, diag) : journal_continue(journal, &list, diag);
    oh_seq_list_fini(&list);
    if (err != OH_OK)
        return err;
    uint64_t seq = journal->next_seq - 1;
    atomic_store(&journal->appended_seq, seq);
    atomic_store(&journal->written_seq, seq);
    atomic_store(&journal->synced_seq, seq);
    atomic_store(&journal->durable_seq, seq);
    journal->last_write_us = journal_now_us(journal);
    journal_lock(journal);
    journal_publish_space(journal);
    journal_unlock(journal);
    /* Where something was cut, a proof goes first: should what was cut come back, nothing behind it fits to it. */
    bool has_room = journal->write_offset + journal->current.align <= journal->current.size;
    return journal->torn_bytes > 0 && has_room ? journal_prove(journal, diag) : OH_OK;
}
