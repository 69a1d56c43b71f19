/*
 * fuzz_zone.c - files of the tz database, any bytes as one.
 *
 * Laws: the changes ascend and each changes the offset; what is read of a part of the time is what the whole says of
 * it. That the offsets are right is test_tz_database's, which has the C library for a twin.
 */
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include "timetable/tz_file.h"

#define INPUT_SIZE_MAX 16384u
#define SECOND_US      INT64_C(1000000)
#define FROM_S         INT64_C(0)
#define UNTIL_S        INT64_C(7226582400) /* 2199 */
#define PARTS          16

struct reading {
    struct oh_buffer buffer;
    const struct oh_tz_change *changes;
    uint32_t count;
};

static void changes_read(const struct oh_tz_file *file, int64_t from_us, int64_t until_us, struct reading *out)
{
    enum oh_err err = oh_tz_file_changes(file, from_us, until_us, &out->buffer, &out->count);
    OH_ASSERT(err == OH_OK && out->count > 0);
    out->changes = out->buffer.memory;
    OH_ASSERT(out->changes[0].at_us == INT64_MIN);
    for (uint32_t i = 1; i < out->count; i++) {
        OH_ASSERT(out->changes[i].at_us > (i > 1 ? out->changes[i - 1].at_us : from_us));
        OH_ASSERT(out->changes[i].at_us < until_us);
        OH_ASSERT(out->changes[i].offset_us != out->changes[i - 1].offset_us);
    }
}

static int64_t offset_at(const struct reading *reading, int64_t at_us)
{
    uint32_t i = 0;
    while (i + 1 < reading->count && reading->changes[i + 1].at_us <= at_us)
        i++;
    return reading->changes[i].offset_us;
}

/* One of PARTS equal parts, and around each change in it. */
static void part_check(const struct oh_tz_file *file, const struct reading *whole, uint32_t index,
                       struct reading *part)
{
    int64_t size_us = (UNTIL_S - FROM_S) / PARTS * SECOND_US;
    int64_t from_us = FROM_S * SECOND_US + index * size_us;
    changes_read(file, from_us, from_us + size_us, part);
    OH_ASSERT(offset_at(part, from_us) == offset_at(whole, from_us));
    OH_ASSERT(offset_at(part, from_us + size_us - 1) == offset_at(whole, from_us + size_us - 1));
    for (uint32_t i = 1; i < part->count; i++)
        OH_ASSERT(offset_at(whole, part->changes[i].at_us) == part->changes[i].offset_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oh_tz_file file;
    struct reading whole = { 0 };
    struct reading part = { 0 };
    struct oh_bytes bytes = { (const char *)data, size };
    if (size > INPUT_SIZE_MAX || oh_tz_file_parse(bytes, &file) != OH_OK)
        return 0;
    changes_read(&file, FROM_S * SECOND_US, UNTIL_S * SECOND_US, &whole);
    for (uint32_t i = 0; i < PARTS; i++)
        part_check(&file, &whole, i, &part);
    oh_buffer_fini(&whole.buffer);
    oh_buffer_fini(&part.buffer);
    return 0;
}
