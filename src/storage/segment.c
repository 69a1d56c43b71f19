#include "storage/segment.h"
#include "base/assert.h"
#include "storage/file_name.h"
#include "storage/little_endian.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FILL_SIZE_MIN ((size_t)1 << 16)
#define FILL_SIZE_MAX ((size_t)1 << 20)

/* A file may have been cut short, but none is made smaller than its header or larger than the limit. */
static enum oh_err size_check(const struct oh_segment *segment, uint64_t file_size, struct oh_diag *diag)
{
    if (file_size >= OH_FILE_HEADER_SIZE && file_size <= OH_SEGMENT_SIZE_MAX)
        return OH_OK;
    oh_diag_set(diag, "%s: byte 0: a file of %" PRIu64 " bytes is smaller than its header or larger than the limit",
                segment->path, file_size);
    return OH_E_CORRUPT;
}

enum oh_err oh_segment_open(const struct oh_directory *directory, uint64_t first_seq, unsigned open_flags,
                            struct oh_segment *out_segment, struct oh_diag *diag)
{
    struct oh_segment segment = {
        .io = oh_directory_io(directory),
        .file = -1,
        .ledger_id = oh_directory_ledger_id(directory),
        .first_seq = first_seq,
    };
    struct oh_file_header header = { .seq = 0 };
    enum oh_err err = oh_file_path(segment.path, oh_directory_journal_path(directory), first_seq,
                                   OH_FILE_SUFFIX_JOURNAL, diag);
    if (err == OH_OK)
        err = oh_io_open(segment.io, segment.path, open_flags, &segment.file, diag);
    if (err == OH_OK)
        err = oh_file_header_read(segment.io, segment.file, segment.path, OH_FILE_JOURNAL, &segment.ledger_id,
                                  first_seq, &header, diag);
    if (err == OH_OK)
        err = size_check(&segment, header.file_size, diag);
    if (err != OH_OK) {
        oh_segment_close(&segment);
        return err;
    }
    segment.size = header.file_size;
    segment.align = header.unit_size;
    segment.link = header.link;
    segment.link_before = header.link_before;
    *out_segment = segment;
    return OH_OK;
}

void oh_segment_close(struct oh_segment *segment)
{
    oh_io_close(segment->io, &segment->file);
}

void oh_frame_cursor_init(struct oh_frame_cursor *cursor, const struct oh_segment *segment)
{
    *cursor = (struct oh_frame_cursor){
        .segment = segment,
        .offset = OH_FILE_HEADER_SIZE,
        .next_seq = segment->first_seq,
        .synced_seq = segment->first_seq - 1, /* the file before was synced before this one was begun */
        .link = segment->link,
        .fill_size = FILL_SIZE_MIN,
    };
}

void oh_frame_cursor_fini(struct oh_frame_cursor *cursor)
{
    free(cursor->window);
    cursor->window = NULL;
    cursor->window_capacity = 0;
    cursor->window_size = 0;
}

void oh_frame_cursor_refresh(struct oh_frame_cursor *cursor)
{
    cursor->window_size = 0;
    cursor->fill_size = FILL_SIZE_MIN;
}

static enum oh_err window_grow(struct oh_frame_cursor *cursor, size_t size, struct oh_diag *diag)
{
    if (size <= cursor->window_capacity)
        return OH_OK;
    char *window = realloc(cursor->window, size);
    if (window == NULL) {
        oh_diag_set(diag, "%s: no memory for %zu bytes of it", cursor->segment->path, size);
        return OH_E_NOMEM;
    }
    cursor->window = window;
    cursor->window_capacity = size;
    return OH_OK;
}

/* Lends bytes offset..offset+size of the file; what lies behind its end reads as zeros. */
static enum oh_err window_load(struct oh_frame_cursor *cursor, uint64_t offset, size_t size,
                               const char **out_bytes, struct oh_diag *diag)
{
    if (offset < cursor->window_offset || offset + size > cursor->window_offset + cursor->window_size) {
        const struct oh_segment *segment = cursor->segment;
        size_t fill_size = size > cursor->fill_size ? size : cursor->fill_size;
        size_t count;
        cursor->window_size = 0;
        enum oh_err err = window_grow(cursor, fill_size, diag);
        if (err != OH_OK)
            return err;
        err = oh_io_read(segment->io, segment->file, segment->path, cursor->window, fill_size, offset, &count,
                         diag);
        if (err != OH_OK)
            return err;
        memset(cursor->window + count, 0, fill_size - count);
        cursor->window_offset = offset;
        cursor->window_size = fill_size;
        cursor->fill_size = cursor->fill_size < FILL_SIZE_MAX ? cursor->fill_size * 2 : FILL_SIZE_MAX;
    }
    *out_bytes = cursor->window + (offset - cursor->window_offset);
    return OH_OK;
}

static bool is_zero(const char *bytes, size_t size)
{
    /* Equal to its own successor all the way: all bytes are the first one. */
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static enum oh_err torn(struct oh_frame_cursor *cursor, const char *fault)
{
    cursor->fault = fault;
    return OH_E_TORN;
}

enum oh_err oh_frame_cursor_damage(const struct oh_frame_cursor *cursor, const char *evidence,
                                   struct oh_diag *diag)
{
    oh_diag_set(diag, "%s: byte %" PRIu64 ": %s, where record %" PRIu64 " has to be; %s",
                cursor->segment->path, cursor->offset,
                cursor->fault != NULL ? cursor->fault : "there is no frame", cursor->next_seq, evidence);
    return OH_E_CORRUPT;
}

static enum oh_err contradiction(struct oh_frame_cursor *cursor, const char *fault, struct oh_diag *diag)
{
    cursor->fault = fault;
    return oh_frame_cursor_damage(cursor, "its checksum is right, so it was written like this", diag);
}

/* Checks that the sizes of the records add up to the payload. */
static bool is_payload_whole(const struct oh_frame_header *header, const char *payload)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < header->record_count; i++) {
        if (header->payload_size - at < OH_FRAME_RECORD_OVERHEAD)
            return false;
        at += OH_FRAME_RECORD_OVERHEAD + (uint64_t)oh_le_get_u32(payload + at);
        if (at > header->payload_size)
            return false;
    }
    return at == header->payload_size;
}

static const char *meaning_fault(const struct oh_frame_cursor *cursor, const struct oh_frame_header *header)
{
    if (header->first_seq != cursor->next_seq)
        return header->first_seq > cursor->next_seq ? "records are missing before this frame"
                                                    : "the frame repeats a record";
    if (header->last_seq + 1 - header->first_seq != header->record_count)
        return "the frame does not hold as many records as it numbers";
    if (header->synced_seq >= header->first_seq)
        return "the frame claims to be on disk before it was written";
    return NULL;
}

/* Both are whole, and one of them is not of this history: which, only the other frames could tell. */
static enum oh_err link_check(struct oh_frame_cursor *cursor, const struct oh_frame_header *header,
                              struct oh_diag *diag)
{
    if (header->link_before == cursor->link || (header->link_before == 0 && !cursor->has_links))
        return OH_OK;
    oh_diag_set(diag,
                "%s: byte %" PRIu64 ": the frame of record %" PRIu64
                " was not written behind the one that is before it, at byte %" PRIu64,
                cursor->segment->path, cursor->offset, header->first_seq, cursor->offset_before);
    return OH_E_CORRUPT;
}

enum oh_err oh_frame_cursor_next(struct oh_frame_cursor *cursor, struct oh_frame *out_frame,
                                 struct oh_diag *diag)
{
    const struct oh_segment *segment = cursor->segment;
    struct oh_frame_header header;
    const char *bytes;
    cursor->fault = NULL;
    if (cursor->offset + segment->align > segment->size)
        return torn(cursor, NULL);
    enum oh_err err = window_load(cursor, cursor->offset, segment->align, &bytes, diag);
    if (err != OH_OK)
        return err;
    if (!oh_frame_header_decode((const uint8_t *)bytes, &segment->ledger_id, cursor->offset, &header))
        return torn(cursor, is_zero(bytes, segment->align) ? NULL : "the frame header is not valid");
    uint64_t size = oh_frame_size(header.payload_size, segment->align);
    if (header.payload_size > OH_FRAME_PAYLOAD_MAX || cursor->offset + size > segment->size)
        return contradiction(cursor, "the frame is larger than the limit or the file", diag);
    err = window_load(cursor, cursor->offset, (size_t)size, &bytes, diag);
    if (err != OH_OK)
        return err;
    const char *payload = bytes + OH_FRAME_HEADER_SIZE;
    struct iovec piece = { .iov_base = (void *)(uintptr_t)payload, .iov_len = header.payload_size };
    if (oh_frame_payload_checksum(&segment->ledger_id, header.first_seq, &piece, 1) != header.payload_checksum)
        return torn(cursor, "the checksum of the frame's records does not match");
    if (!is_zero(payload + header.payload_size, (size_t)(size - OH_FRAME_HEADER_SIZE - header.payload_size)))
        return torn(cursor, "the padding of the frame is not zero");
    err = link_check(cursor, &header, diag);
    if (err != OH_OK)
        return err;
    const char *fault = meaning_fault(cursor, &header);
    if (fault == NULL && !is_payload_whole(&header, payload))
        fault = "the sizes of the frame's records do not add up";
    if (fault != NULL)
        return contradiction(cursor, fault, diag);
    cursor->link = oh_frame_link((const uint8_t *)bytes);
    cursor->has_links = header.link_before != 0;
    cursor->offset_before = cursor->offset;
    if (header.record_count > 0) {
        cursor->records_link = cursor->link;
        cursor->records_offset = cursor->offset;
    }
    cursor->offset += size;
    cursor->next_seq = header.last_seq + 1;
    if (header.synced_seq > cursor->synced_seq)
        cursor->synced_seq = header.synced_seq;
    *out_frame = (struct oh_frame){ .header = header, .payload = payload };
    return OH_OK;
}

enum oh_err oh_frame_cursor_judge(struct oh_frame_cursor *cursor, uint64_t *out_torn_end, struct oh_diag *diag)
{
    const struct oh_segment *segment = cursor->segment;
    uint64_t torn_end = cursor->offset;
    uint64_t end; /* behind the end of the file there is nothing to look at, whatever its header says */
    enum oh_err err = oh_io_size(segment->io, segment->file, segment->path, &end, diag);
    if (err != OH_OK)
        return err;
    for (uint64_t at = cursor->offset; at < end && at + segment->align <= segment->size; at += segment->align) {
        const char *bytes;
        struct oh_frame_header header;
        err = window_load(cursor, at, segment->align, &bytes, diag);
        if (err != OH_OK)
            return err;
        if (is_zero(bytes, segment->align))
            continue;
        torn_end = at + segment->align;
        if (at > cursor->offset &&
            oh_frame_header_decode((const uint8_t *)bytes, &segment->ledger_id, at, &header) &&
            (header.synced_seq >= cursor->next_seq || header.first_seq == cursor->next_seq))
            return oh_frame_cursor_damage(cursor, "a later frame proves that it was on disk", diag);
    }
    *out_torn_end = torn_end;
    return OH_OK;
}
