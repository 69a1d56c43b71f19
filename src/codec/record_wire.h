/*
 * record_wire.h - the fields that effects are written with; inside codec/record_*.c only.
 *
 * Writing goes to memory that is known to be large enough (record_bound in
 * record_put.c); reading checks each step and keeps the first error, so that
 * a reader of fields needs to ask only once, at the end.
 */
#ifndef ONHAND_CODEC_RECORD_WIRE_H
#define ONHAND_CODEC_RECORD_WIRE_H

#include "base/varint.h"
#include "codec/record.h"
#include <endian.h>
#include <string.h>

/* What the effects of one record have in common, so that it is written once. */
struct record_context {
    int64_t base_us;
    uint64_t base_seq;
    struct oh_bytes id; /* empty: none yet */
    struct oh_bytes source;
    struct oh_bytes reason;
};

struct record_writer {
    unsigned char *at;
    struct record_context context;
};

struct record_reader {
    const unsigned char *at;
    const unsigned char *end;
    size_t input_size; /* of the whole record or object */
    enum oh_err err;   /* the first one; at == end from then on */
    struct record_context context;
    struct oh_record_decoder *decoder;
};

#define RECORD_TYPE_COUNT (OH_EFFECT_TYPE_LAST + 1)

/* record_put.c: most bytes that the effect may take, and its fields without type and size. */
size_t record_effect_bound(const struct oh_effect *effect);
void record_effect_put(struct record_writer *writer, const struct oh_effect *effect);

/* record_get.c: reads the fields up to reader->end; errors in reader->err. */
void record_effect_get(struct record_reader *reader, struct oh_effect *effect);

/* record.c: memory of the decoder for a list; NULL and an error in the reader when there is none. */
void *record_list_take(struct record_reader *reader, size_t count, size_t size);

/* ---- writing ---- */

static inline void put_byte(struct record_writer *writer, unsigned value)
{
    *writer->at++ = (unsigned char)value;
}

static inline void put_u64(struct record_writer *writer, uint64_t value)
{
    writer->at += oh_varint_put_u64(writer->at, value);
}

static inline void put_i64(struct record_writer *writer, int64_t value)
{
    writer->at += oh_varint_put_i64(writer->at, value);
}

static inline void put_bytes(struct record_writer *writer, struct oh_bytes bytes)
{
    put_u64(writer, bytes.size);
    oh_bytes_copy((char *)writer->at, bytes.data, bytes.size);
    writer->at += bytes.size;
}

static inline void put_fixed64(struct record_writer *writer, uint64_t value)
{
    value = htole64(value);
    memcpy(writer->at, &value, sizeof(value));
    writer->at += sizeof(value);
}

static inline void put_double(struct record_writer *writer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_fixed64(writer, bits);
}

/* Differences wrap around, so any pair of times has one; none (INT64_MIN) too. */
static inline void put_time(struct record_writer *writer, int64_t at_us)
{
    put_i64(writer, (int64_t)((uint64_t)at_us - (uint64_t)writer->context.base_us));
}

/* "None" is the largest index and is written as 0, the smallest number. */
static inline void put_item(struct record_writer *writer, uint32_t item)
{
    put_u64(writer, (uint32_t)(item + 1u));
}

static inline void put_node(struct record_writer *writer, uint16_t node)
{
    put_u64(writer, (uint16_t)(node + 1u));
}

/* ---- reading ---- */

static inline void reader_fail(struct record_reader *reader, enum oh_err err)
{
    if (reader->err == OH_OK)
        reader->err = err;
    reader->at = reader->end;
}

static inline size_t reader_rest(const struct record_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline unsigned get_byte(struct record_reader *reader)
{
    if (reader->at == reader->end) {
        reader_fail(reader, OH_E_CORRUPT);
        return 0;
    }
    return *reader->at++;
}

static inline uint64_t get_u64(struct record_reader *reader)
{
    uint64_t value = 0;
    size_t used = oh_varint_get_u64(reader->at, reader_rest(reader), &value);
    if (used == 0)
        reader_fail(reader, OH_E_CORRUPT);
    reader->at += used;
    return value;
}

static inline int64_t get_i64(struct record_reader *reader)
{
    return oh_unzigzag(get_u64(reader));
}

/* A number up to `max`; anything above it is damage. */
static inline uint64_t get_bounded(struct record_reader *reader, uint64_t max)
{
    uint64_t value = get_u64(reader);
    if (value <= max)
        return value;
    reader_fail(reader, OH_E_CORRUPT);
    return 0;
}

static inline uint32_t get_u32(struct record_reader *reader)
{
    return (uint32_t)get_bounded(reader, UINT32_MAX);
}

static inline uint16_t get_u16(struct record_reader *reader)
{
    return (uint16_t)get_bounded(reader, UINT16_MAX);
}

static inline struct oh_bytes get_bytes(struct record_reader *reader)
{
    uint64_t size = get_u64(reader);
    if (size > reader_rest(reader)) {
        reader_fail(reader, OH_E_CORRUPT);
        return OH_BYTES_NONE;
    }
    if (size == 0)
        return OH_BYTES_NONE;
    struct oh_bytes bytes = { (const char *)reader->at, (size_t)size };
    reader->at += size;
    return bytes;
}

static inline uint64_t get_fixed64(struct record_reader *reader)
{
    if (reader_rest(reader) < 8) {
        reader_fail(reader, OH_E_CORRUPT);
        return 0;
    }
    uint64_t value;
    memcpy(&value, reader->at, sizeof(value));
    reader->at += sizeof(value);
    return le64toh(value);
}

static inline double get_double(struct record_reader *reader)
{
    uint64_t bits = get_fixed64(reader);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline int64_t get_time(struct record_reader *reader)
{
    return (int64_t)((uint64_t)get_i64(reader) + (uint64_t)reader->context.base_us);
}

static inline uint32_t get_item(struct record_reader *reader)
{
    return get_u32(reader) - 1u;
}

static inline uint16_t get_node(struct record_reader *reader)
{
    return (uint16_t)(get_u16(reader) - 1u);
}

/* A word of an enum whose largest number is `max`; a later version may have more. */
static inline unsigned get_word(struct record_reader *reader, unsigned value, unsigned max)
{
    if (value <= max)
        return value;
    reader_fail(reader, OH_E_VERSION);
    return 0;
}

#endif
