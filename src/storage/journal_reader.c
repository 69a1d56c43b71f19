#include "storage/journal_reader.h"
#include "base/assert.h"
#include "storage/file_name.h"
#include "storage/journal.h"
#include "storage/little_endian.h"
#include "storage/segment.h"
#include <inttypes.h>
#include <stdlib.h>

struct oh_journal_reader {
    const struct oh_directory *directory;
    struct oh_segment segment;
    struct oh_frame_cursor cursor;
    struct oh_frame frame;  /* holds records until record_index reaches its count */
    uint32_t record_index;  /* of the next record in the frame */
    uint32_t payload_offset;
    uint64_t next_seq;      /* of the next record to return */
    uint64_t limit_seq;
    uint64_t first_seq;
    uint64_t torn_bytes;
    uint64_t frame_offset;  /* of the record returned last */
    uint64_t record_offset;
};

/* Picks the newest file that begins at or before from_seq. */
static enum oh_err file_find(const struct oh_directory *directory, uint64_t from_seq, uint64_t *out_first_seq,
                             uint64_t *out_file_seq, struct oh_diag *diag)
{
    const char *path = oh_directory_journal_path(directory);
    struct oh_seq_list list;
    enum oh_err err = oh_seq_list_read(oh_directory_io(directory), path, OH_FILE_SUFFIX_JOURNAL,
                                       OH_JOURNAL_SEGMENTS_MAX, &list, diag);
    if (err != OH_OK)
        return err;
    size_t count = 0;
    while (count < list.count && list.seqs[count] <= from_seq)
        count++;
    if (count > 0) {
        *out_first_seq = list.seqs[0];
        *out_file_seq = list.seqs[count - 1];
    } else {
        err = OH_E_NOT_FOUND;
        if (list.count == 0)
            oh_diag_set(diag, "%s: there is no journal file", path);
        else
            oh_diag_set(diag, "%s: the journal begins with record %" PRIu64 ", record %" PRIu64 " is not there",
                        path, list.seqs[0], from_seq);
    }
    oh_seq_list_fini(&list);
    return err;
}

/* Is there a newer file than the current one? Then the current one has to be whole. */
static enum oh_err successor_find(const struct oh_journal_reader *reader, bool *out_is_found,
                                  struct oh_diag *diag)
{
    struct oh_seq_list list;
    enum oh_err err = oh_seq_list_read(oh_directory_io(reader->directory),
                                       oh_directory_journal_path(reader->directory), OH_FILE_SUFFIX_JOURNAL,
                                       OH_JOURNAL_SEGMENTS_MAX, &list, diag);
    if (err != OH_OK)
        return err;
    *out_is_found = list.count > 0 && list.seqs[list.count - 1] > reader->segment.first_seq;
    oh_seq_list_fini(&list);
    return OH_OK;
}

/* The file was begun behind the very frame that was read last: this file is not another state of itself. */
static enum oh_err follow_check(const struct oh_journal_reader *reader, struct oh_segment *next, struct oh_diag *diag)
{
    const struct oh_frame_cursor *cursor = &reader->cursor;
    if (next->link_before == 0 || cursor->records_link == 0 || next->link_before == cursor->records_link)
        return OH_OK;
    oh_diag_set(diag, "%s: byte %" PRIu64 ": %s was not begun behind this frame, though it has record %" PRIu64,
                reader->segment.path, cursor->records_offset, next->path, cursor->next_seq);
    oh_segment_close(next);
    return OH_E_CORRUPT;
}

/* Moves on to the file that is named by the next seq. Errors: OH_E_NOT_FOUND. */
static enum oh_err file_follow(struct oh_journal_reader *reader, struct oh_diag *diag)
{
    struct oh_segment segment;
    if (reader->cursor.next_seq == reader->segment.first_seq)
        return OH_E_NOT_FOUND; /* an empty file has no successor of another name */
    enum oh_err err = oh_segment_open(reader->directory, reader->cursor.next_seq, OH_IO_READ, &segment, diag);
    if (err == OH_OK)
        err = follow_check(reader, &segment, diag);
    if (err != OH_OK)
        return err;
    oh_frame_cursor_fini(&reader->cursor);
    oh_segment_close(&reader->segment);
    reader->segment = segment;
    oh_frame_cursor_init(&reader->cursor, &reader->segment);
    return OH_OK;
}

/* No frame where one could be, and no next file: the end for now, a torn tail, or damage. */
static enum oh_err end_judge(struct oh_journal_reader *reader, struct oh_diag *diag)
{
    bool has_successor;
    uint64_t torn_end;
    if (reader->limit_seq != UINT64_MAX)
        return oh_frame_cursor_damage(&reader->cursor, "the journal says that it was written", diag);
    enum oh_err err = successor_find(reader, &has_successor, diag);
    if (err != OH_OK)
        return err;
    if (has_successor)
        return oh_frame_cursor_damage(&reader->cursor, "a newer file proves that it was on disk", diag);
    err = oh_frame_cursor_judge(&reader->cursor, &torn_end, diag);
    if (err != OH_OK)
        return err;
    reader->torn_bytes = torn_end - reader->cursor.offset;
    reader->frame_offset = reader->cursor.offset;
    reader->record_offset = reader->cursor.offset;
    return OH_E_AGAIN;
}

/*
 * What oh_frame_cursor_next() calls torn, looked at again: first with fresh
 * bytes, then in the next file, then by judging the rest of this file. A live
 * journal may be writing all of this meanwhile, so damage has to be seen
 * twice. OH_OK: read on.
 */
static enum oh_err torn_resolve(struct oh_journal_reader *reader, int *looks, struct oh_diag *diag)
{
    (*looks)++;
    if (*looks > 1) {
        enum oh_err err = file_follow(reader, diag);
        if (err == OH_OK)
            *looks = 0;
        if (err == OH_E_NOT_FOUND)
            err = end_judge(reader, diag);
        if (err != OH_OK && (err != OH_E_CORRUPT || *looks > 2))
            return err;
    }
    oh_frame_cursor_refresh(&reader->cursor);
    return OH_OK;
}

/* Loads the next frame that has records. */
static enum oh_err frame_next(struct oh_journal_reader *reader, struct oh_diag *diag)
{
    struct oh_frame frame;
    int looks = 0;
    bool is_found = false;
    while (!is_found) { /* bounded by the frames and files there are */
        enum oh_err err = oh_frame_cursor_next(&reader->cursor, &frame, diag);
        is_found = err == OH_OK && frame.header.record_count > 0;
        if (err == OH_OK)
            looks = 0;
        if (err == OH_E_TORN)
            err = torn_resolve(reader, &looks, diag);
        if (err != OH_OK)
            return err;
    }
    reader->frame = frame;
    reader->record_index = 0;
    reader->payload_offset = 0;
    return OH_OK;
}

/* Takes the next record out of the frame; the cursor has checked that it lies inside. */
static struct oh_bytes record_take(struct oh_journal_reader *reader)
{
    const char *at = reader->frame.payload + reader->payload_offset;
    uint32_t size = oh_le_get_u32(at);
    reader->frame_offset = reader->frame.header.offset;
    reader->record_offset = reader->frame_offset + OH_FRAME_HEADER_SIZE + reader->payload_offset;
    reader->payload_offset += OH_FRAME_RECORD_OVERHEAD + size;
    reader->record_index++;
    return (struct oh_bytes){ at + OH_FRAME_RECORD_OVERHEAD, size };
}

enum oh_err oh_journal_reader_next(struct oh_journal_reader *reader, uint64_t *out_seq,
                                   struct oh_bytes *out_record, struct oh_diag *diag)
{
    for (;;) { /* ends with a record or an error; skips records before from_seq */
        if (reader->next_seq > reader->limit_seq)
            return OH_E_AGAIN;
        if (reader->record_index == reader->frame.header.record_count) {
            enum oh_err err = frame_next(reader, diag);
            if (err != OH_OK)
                return err;
        }
        uint64_t seq = reader->frame.header.first_seq + reader->record_index;
        struct oh_bytes record = record_take(reader);
        if (seq == reader->next_seq) {
            reader->next_seq++;
            *out_seq = seq;
            *out_record = record;
            return OH_OK;
        }
        OH_ASSERT(seq < reader->next_seq);
    }
}

enum oh_err oh_journal_reader_open(const struct oh_directory *directory, uint64_t from_seq,
                                   struct oh_journal_reader **out_reader, struct oh_diag *diag)
{
    struct oh_journal_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        return OH_E_NOMEM;
    uint64_t file_seq = 0;
    enum oh_err err = file_find(directory, from_seq, &reader->first_seq, &file_seq, diag);
    if (err == OH_OK)
        err = oh_segment_open(directory, file_seq, OH_IO_READ, &reader->segment, diag);
    if (err != OH_OK) {
        free(reader);
        return err;
    }
    reader->directory = directory;
    reader->next_seq = from_seq;
    reader->limit_seq = UINT64_MAX;
    oh_frame_cursor_init(&reader->cursor, &reader->segment);
    *out_reader = reader;
    return OH_OK;
}

void oh_journal_reader_close(struct oh_journal_reader **reader)
{
    if (*reader == NULL)
        return;
    oh_frame_cursor_fini(&(*reader)->cursor);
    oh_segment_close(&(*reader)->segment);
    free(*reader);
    *reader = NULL;
}

void oh_journal_reader_set_limit(struct oh_journal_reader *reader, uint64_t seq)
{
    reader->limit_seq = seq;
}

struct oh_journal_position oh_journal_reader_position(const struct oh_journal_reader *reader)
{
    return (struct oh_journal_position){
        .path = reader->segment.path,
        .offset = reader->frame_offset,
        .record_offset = reader->record_offset,
    };
}

uint64_t oh_journal_reader_torn_bytes(const struct oh_journal_reader *reader)
{
    return reader->torn_bytes;
}

uint64_t oh_journal_reader_first_seq(const struct oh_journal_reader *reader)
{
    return reader->first_seq;
}
