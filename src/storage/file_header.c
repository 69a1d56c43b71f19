#include "storage/file_header.h"
#include "base/assert.h"
#include "storage/frame.h"
#include "storage/little_endian.h"
#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

enum {
    MAGIC_AT = 0,
    VERSION_AT = 8,
    SIZE_AT = 12,
    CHECKSUM_AT = 16,
    LEDGER_ID_AT = 24,
    SEQ_AT = 40,
    TIME_AT = 48,
    FILE_SIZE_AT = 56,
    UNIT_SIZE_AT = 64,
    LINK_BEFORE_AT = 68,
};

static const char *magic_of(enum oh_file_kind kind)
{
    switch (kind) {
    case OH_FILE_JOURNAL:
        return "OHJOURNL";
    case OH_FILE_SNAPSHOT:
        return "OHSNAPSH";
    }
    OH_UNREACHABLE();
}

static uint64_t checksum_of(const uint8_t *page)
{
    uint8_t copy[OH_FILE_HEADER_SIZE];
    memcpy(copy, page, sizeof(copy));
    memset(copy + CHECKSUM_AT, 0, 8);
    return XXH3_64bits(copy, sizeof(copy));
}

void oh_file_header_encode(const struct oh_file_header *header, uint8_t out_page[static OH_FILE_HEADER_SIZE])
{
    memset(out_page, 0, OH_FILE_HEADER_SIZE);
    memcpy(out_page + MAGIC_AT, magic_of(header->kind), 8);
    oh_le_put_u32(out_page + VERSION_AT, OH_FILE_VERSION);
    oh_le_put_u32(out_page + SIZE_AT, OH_FILE_HEADER_SIZE);
    memcpy(out_page + LEDGER_ID_AT, header->ledger_id.bytes, sizeof(header->ledger_id.bytes));
    oh_le_put_u64(out_page + SEQ_AT, header->seq);
    oh_le_put_u64(out_page + TIME_AT, (uint64_t)header->at_us);
    oh_le_put_u64(out_page + FILE_SIZE_AT, header->file_size);
    oh_le_put_u32(out_page + UNIT_SIZE_AT, header->unit_size);
    oh_le_put_u32(out_page + LINK_BEFORE_AT, header->link_before);
    oh_le_put_u64(out_page + CHECKSUM_AT, checksum_of(out_page));
}

/* Checks what is the same in all versions; returns what is wrong, or NULL. */
static const char *page_fault(const uint8_t *page, size_t size, enum oh_file_kind kind)
{
    if (size < OH_FILE_HEADER_SIZE)
        return "the file is shorter than its header";
    if (memcmp(page + MAGIC_AT, magic_of(kind), 8) != 0)
        return "the magic number is wrong";
    if (oh_le_get_u64(page + CHECKSUM_AT) != checksum_of(page))
        return "the checksum of the header does not match";
    return NULL;
}

static const char *value_fault(const struct oh_file_header *header, const struct oh_ledger_id *ledger_id,
                               uint64_t seq)
{
    if (ledger_id != NULL && memcmp(&header->ledger_id, ledger_id, sizeof(*ledger_id)) != 0)
        return "the file belongs to another ledger";
    if (seq != UINT64_MAX && header->seq != seq)
        return "the seq in the header is not that of the file name";
    if (header->kind == OH_FILE_JOURNAL && header->unit_size != 512 && header->unit_size != 4096)
        return "the frame alignment is neither 512 nor 4096";
    return NULL;
}

uint32_t oh_file_header_link(const uint8_t page[static OH_FILE_HEADER_SIZE])
{
    return oh_frame_link_of(oh_le_get_u64(page + CHECKSUM_AT));
}

static struct oh_file_header page_decode(const uint8_t *page, enum oh_file_kind kind)
{
    struct oh_file_header header = {
        .kind = kind,
        .seq = oh_le_get_u64(page + SEQ_AT),
        .at_us = (int64_t)oh_le_get_u64(page + TIME_AT),
        .file_size = oh_le_get_u64(page + FILE_SIZE_AT),
        .unit_size = oh_le_get_u32(page + UNIT_SIZE_AT),
        .link_before = oh_le_get_u32(page + LINK_BEFORE_AT),
        .link = oh_file_header_link(page),
    };
    memcpy(header.ledger_id.bytes, page + LEDGER_ID_AT, sizeof(header.ledger_id.bytes));
    return header;
}

enum oh_err oh_file_header_read(const struct oh_io *io, int file, const char *path, enum oh_file_kind kind,
                                const struct oh_ledger_id *ledger_id, uint64_t seq,
                                struct oh_file_header *out_header, struct oh_diag *diag)
{
    uint8_t page[OH_FILE_HEADER_SIZE];
    size_t size;
    enum oh_err err = oh_io_read(io, file, path, page, sizeof(page), 0, &size, diag);
    if (err != OH_OK)
        return err;
    const char *fault = page_fault(page, size, kind);
    if (fault == NULL && oh_le_get_u32(page + VERSION_AT) != OH_FILE_VERSION) {
        oh_diag_set(diag, "%s: format version %" PRIu32 " is not supported; this program reads version %u", path,
                    oh_le_get_u32(page + VERSION_AT), OH_FILE_VERSION);
        return OH_E_VERSION;
    }
    struct oh_file_header header = { .kind = kind };
    if (fault == NULL) {
        header = page_decode(page, kind);
        fault = value_fault(&header, ledger_id, seq);
    }
    if (fault != NULL) {
        oh_diag_set(diag, "%s: byte 0: %s", path, fault);
        return OH_E_CORRUPT;
    }
    *out_header = header;
    return OH_OK;
}
