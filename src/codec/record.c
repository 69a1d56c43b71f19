#include "codec/record.h"
#include "base/assert.h"
#include "codec/record_wire.h"
#include <stdlib.h>

/* Version, seq, at, count. */
#define RECORD_HEAD_SIZE_MAX (1 + 3 * OH_VARINT_SIZE_MAX)

/* Type, and the size of up to 4 GiB of fields. */
#define EFFECT_HEAD_SIZE_MAX 6

/* An effect is its type and size at least. */
#define EFFECT_SIZE_MIN 2

#define EFFECTS_CAPACITY_MIN 16u
#define ARENA_ALIGN          4u

/* An index takes 2 bytes of memory and at least 1 of input, a group's member 6 and 2; alignment the rest. */
#define ARENA_PER_INPUT_BYTE 4u

/* ---- Encoding ---- */

/* Writes a size of more than a byte where there is room for one, and moves the fields behind it. */
__attribute__((noinline)) static void effect_put_size(struct record_writer *writer, unsigned char *size_at, size_t size)
{
    unsigned char size_bytes[OH_VARINT_SIZE_MAX];
    size_t size_size = oh_varint_put_u64(size_bytes, size);
    memmove(size_at + size_size, size_at + 1, size);
    memcpy(size_at, size_bytes, size_size);
    writer->at = size_at + size_size + size;
}

/* Most sizes are below 128 and take one byte: written in place. */
static void effect_put(struct record_writer *writer, const struct oh_effect *effect)
{
    *writer->at++ = (unsigned char)effect->type;
    unsigned char *size_at = writer->at++;
    record_effect_put(writer, effect);
    size_t size = (size_t)(writer->at - size_at) - 1;
    if (size < 0x80)
        *size_at = (unsigned char)size;
    else
        effect_put_size(writer, size_at, size);
}

/* Makes room for `bound` bytes and points the writer there. */
static bool writer_reserve(struct record_writer *writer, struct oh_strbuf *out, size_t bound)
{
    writer->at = (unsigned char *)oh_strbuf_reserve(out, bound);
    return writer->at != NULL;
}

static void writer_commit(const struct record_writer *writer, struct oh_strbuf *out)
{
    out->size = (size_t)(writer->at - (unsigned char *)out->data);
    OH_ASSERT(out->size <= out->capacity);
}

static bool effect_append(struct record_writer *writer, const struct oh_effect *effect, struct oh_strbuf *out)
{
    OH_ASSERT((unsigned)effect->type - 1u < RECORD_TYPE_COUNT - 1u);
    if (!writer_reserve(writer, out, EFFECT_HEAD_SIZE_MAX + record_effect_bound(effect)))
        return false;
    effect_put(writer, effect);
    writer_commit(writer, out);
    return true;
}

static bool record_append(const struct oh_record *record, struct oh_strbuf *out)
{
    struct record_writer writer = { .context = { .base_us = record->at_us, .base_seq = record->seq } };
    if (!writer_reserve(&writer, out, RECORD_HEAD_SIZE_MAX))
        return false;
    put_byte(&writer, OH_RECORD_VERSION);
    put_u64(&writer, record->seq);
    put_i64(&writer, record->at_us);
    put_u64(&writer, record->effect_count);
    writer_commit(&writer, out);
    for (uint32_t i = 0; i < record->effect_count; i++) {
        if (!effect_append(&writer, &record->effects[i], out))
            return false;
    }
    return true;
}

/* A buffer that was overflowed before stays so: its owner has not looked yet. */
static enum oh_err append_end(struct oh_strbuf *out, size_t size_before, bool was_overflowed, bool is_whole)
{
    if (is_whole)
        return OH_OK;
    out->size = size_before;
    out->is_overflowed = was_overflowed;
    return OH_E_TOO_LARGE;
}

enum oh_err oh_record_encode(const struct oh_record *record, struct oh_strbuf *out)
{
    OH_ASSERT(record->effect_count >= 1 && record->effect_count <= OH_EFFECTS_MAX);
    size_t size_before = out->size;
    bool was_overflowed = out->is_overflowed;
    return append_end(out, size_before, was_overflowed, record_append(record, out));
}

static bool object_append(const struct oh_effect *object, struct oh_strbuf *out)
{
    struct record_writer writer = { .at = NULL };
    oh_strbuf_put_char(out, OH_RECORD_VERSION);
    return !out->is_overflowed && effect_append(&writer, object, out);
}

enum oh_err oh_object_encode(const struct oh_effect *object, struct oh_strbuf *out)
{
    size_t size_before = out->size;
    bool was_overflowed = out->is_overflowed;
    return append_end(out, size_before, was_overflowed, object_append(object, out));
}

/* ---- Decoding ---- */

void oh_record_decoder_init(struct oh_record_decoder *decoder, size_t size_max)
{
    *decoder = (struct oh_record_decoder){ .size_max = size_max == 0 ? OH_RECORD_SIZE_MAX : size_max };
}

void oh_record_decoder_fini(struct oh_record_decoder *decoder)
{
    free(decoder->effects);
    free(decoder->arena);
    *decoder = (struct oh_record_decoder){ .size_max = decoder->size_max };
}

/* The first list of an input brings the memory for all of them, so that none has to move. */
static bool arena_ensure(struct oh_record_decoder *decoder, size_t input_size)
{
    size_t wanted = input_size * ARENA_PER_INPUT_BYTE;
    if (decoder->arena_size > 0 || decoder->arena_capacity >= wanted)
        return true;
    unsigned char *arena = realloc(decoder->arena, wanted);
    if (arena == NULL)
        return false;
    decoder->arena = arena;
    decoder->arena_capacity = wanted;
    return true;
}

void *record_list_take(struct record_reader *reader, size_t count, size_t size)
{
    struct oh_record_decoder *decoder = reader->decoder;
    if (count == 0 || reader->err != OH_OK)
        return NULL;
    if (count > reader_rest(reader)) {
        reader_fail(reader, OH_E_CORRUPT);
        return NULL;
    }
    if (!arena_ensure(decoder, reader->input_size)) {
        reader_fail(reader, OH_E_NOMEM);
        return NULL;
    }
    size_t taken = (count * size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    OH_ASSERT(taken <= decoder->arena_capacity - decoder->arena_size);
    void *list = decoder->arena + decoder->arena_size;
    decoder->arena_size += taken;
    return list;
}

static enum oh_err effects_ensure(struct oh_record_decoder *decoder, uint32_t count)
{
    if (count <= decoder->effect_capacity)
        return OH_OK;
    uint32_t capacity = count < EFFECTS_CAPACITY_MIN ? EFFECTS_CAPACITY_MIN : count;
    struct oh_effect *effects = realloc(decoder->effects, capacity * sizeof(*effects));
    if (effects == NULL)
        return OH_E_NOMEM;
    decoder->effects = effects;
    decoder->effect_capacity = capacity;
    return OH_OK;
}

/* One effect of its stated size: its fields must fill it exactly. */
static void effect_get(struct record_reader *reader, struct oh_effect *effect)
{
    const unsigned char *end = reader->end;
    unsigned type = get_byte(reader);
    uint64_t size = get_u64(reader);
    if (reader->err == OH_OK && size > reader_rest(reader))
        reader_fail(reader, OH_E_CORRUPT);
    if (reader->err == OH_OK && (type == 0 || type >= RECORD_TYPE_COUNT))
        reader_fail(reader, OH_E_VERSION);
    if (reader->err != OH_OK)
        return;
    *effect = (struct oh_effect){ .type = (enum oh_effect_type)type };
    reader->end = reader->at + size;
    record_effect_get(reader, effect);
    if (reader->at != reader->end)
        reader_fail(reader, OH_E_VERSION);
    reader->end = end;
}

static enum oh_err reader_begin(struct record_reader *reader, struct oh_bytes bytes)
{
    if (reader->decoder != NULL && bytes.size > reader->decoder->size_max)
        return OH_E_TOO_LARGE;
    if (bytes.size == 0)
        return OH_E_CORRUPT;
    reader->at = (const unsigned char *)bytes.data;
    reader->end = reader->at + bytes.size;
    reader->input_size = bytes.size;
    if (reader->decoder != NULL)
        reader->decoder->arena_size = 0;
    return get_byte(reader) == OH_RECORD_VERSION ? OH_OK : OH_E_VERSION;
}

static enum oh_err record_head_get(struct record_reader *reader, uint32_t *out_count)
{
    reader->context.base_seq = get_u64(reader);
    reader->context.base_us = get_i64(reader);
    uint64_t count = get_u64(reader);
    uint64_t count_max = reader_rest(reader) / EFFECT_SIZE_MIN;
    if (count == 0 || count > OH_EFFECTS_MAX || count > count_max)
        reader_fail(reader, OH_E_CORRUPT);
    *out_count = (uint32_t)count;
    return reader->err;
}

static enum oh_err effects_get(struct record_reader *reader, uint32_t count)
{
    enum oh_err err = effects_ensure(reader->decoder, count);
    if (err != OH_OK)
        return err;
    for (uint32_t i = 0; i < count && reader->err == OH_OK; i++)
        effect_get(reader, &reader->decoder->effects[i]);
    if (reader->at != reader->end)
        reader_fail(reader, OH_E_CORRUPT);
    return reader->err;
}

enum oh_err oh_record_decode(struct oh_bytes bytes, struct oh_record_decoder *decoder,
                             struct oh_record *out_record)
{
    struct record_reader reader = { .decoder = decoder };
    uint32_t count = 0;
    enum oh_err err = reader_begin(&reader, bytes);
    if (err == OH_OK)
        err = record_head_get(&reader, &count);
    if (err == OH_OK)
        err = effects_get(&reader, count);
    if (err != OH_OK)
        return err;
    *out_record = (struct oh_record){
        .seq = reader.context.base_seq,
        .at_us = reader.context.base_us,
        .effects = decoder->effects,
        .effect_count = count,
    };
    return OH_OK;
}

enum oh_err oh_record_decode_head(struct oh_bytes bytes, uint64_t *out_seq, int64_t *out_at_us)
{
    struct record_reader reader = { .decoder = NULL };
    uint32_t count = 0;
    enum oh_err err = reader_begin(&reader, bytes);
    if (err == OH_OK)
        err = record_head_get(&reader, &count);
    if (err != OH_OK)
        return err;
    *out_seq = reader.context.base_seq;
    *out_at_us = reader.context.base_us;
    return OH_OK;
}

enum oh_err oh_object_decode(struct oh_bytes bytes, struct oh_record_decoder *decoder,
                             struct oh_effect *out_object)
{
    struct record_reader reader = { .decoder = decoder };
    struct oh_effect object;
    enum oh_err err = reader_begin(&reader, bytes);
    if (err != OH_OK)
        return err;
    effect_get(&reader, &object);
    if (reader.at != reader.end)
        reader_fail(&reader, OH_E_CORRUPT);
    if (reader.err == OH_OK)
        *out_object = object;
    return reader.err;
}
