#include "timetable/tz_file.h"
#include "base/assert.h"
#include "base/checked.h"
#include "base/civil.h"
#include <endian.h>
#include <string.h>

#define MAGIC           "TZif"
#define MAGIC_SIZE      4
#define HEAD_SIZE       44
#define COUNTS_AT       20 /* in the head: six numbers of four bytes */
#define TYPE_SIZE       6
#define US_PER_SECOND   INT64_C(1000000)
#define SECONDS_PER_DAY 86400
#define RULE_FROM_S     INT64_C(-2208988800) /* 1900; no rule is asked of the time before */
#define VERSION_LONG    '2' /* from it on: a second block with times of 8 bytes, and a rule */

/* ---- Numbers ---------------------------------------------------------------------------------- */

static int64_t read_i32(const unsigned char *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof(number));
    return (int32_t)be32toh(number);
}

static int64_t read_i64(const unsigned char *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof(number));
    return (int64_t)be64toh(number);
}

/* ---- Blocks ----------------------------------------------------------------------------------- */

struct head {
    char version;
    uint32_t utc_count;
    uint32_t standard_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t name_size;
};

static const unsigned char *take(struct oh_bytes *bytes, uint64_t size)
{
    const char *data = bytes->data;
    if (size > bytes->size)
        return NULL;
    bytes->data += size;
    bytes->size -= (size_t)size;
    return (const unsigned char *)data;
}

static bool take_head(struct oh_bytes *bytes, struct head *out)
{
    uint32_t counts[6];
    const unsigned char *data = take(bytes, HEAD_SIZE);
    if (data == NULL || memcmp(data, MAGIC, MAGIC_SIZE) != 0)
        return false;
    for (size_t i = 0; i < 6; i++)
        counts[i] = (uint32_t)read_i32(data + COUNTS_AT + 4 * i);
    *out = (struct head){
        (char)data[MAGIC_SIZE], counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]
    };
    return true;
}

/* The lists of one block, in their order. Those of leap seconds, and of who wrote a rule in which clock, are left. */
static bool take_block(struct oh_bytes *bytes, const struct head *head, uint32_t time_size,
                       struct oh_tz_file *out)
{
    *out = (struct oh_tz_file){ .time_count = head->time_count,
                                .time_size = time_size,
                                .type_count = head->type_count };
    out->times = take(bytes, (uint64_t)head->time_count * time_size);
    out->time_types = out->times == NULL ? NULL : take(bytes, head->time_count);
    out->types = out->time_types == NULL ? NULL : take(bytes, (uint64_t)head->type_count * TYPE_SIZE);
    uint64_t rest = (uint64_t)head->name_size + (uint64_t)head->leap_count * (time_size + 4) +
                    head->standard_count + head->utc_count;
    return out->types != NULL && take(bytes, rest) != NULL;
}

static bool types_are_good(const struct oh_tz_file *file)
{
    for (uint32_t i = 0; i < file->type_count; i++) {
        int64_t offset_s = read_i32(file->types + (size_t)i * TYPE_SIZE);
        if (offset_s < -OH_TZ_OFFSET_S_MAX || offset_s > OH_TZ_OFFSET_S_MAX)
            return false;
    }
    return file->type_count > 0;
}

static int64_t time_at_s(const struct oh_tz_file *file, uint32_t index)
{
    const unsigned char *bytes = file->times + (size_t)index * file->time_size;
    return file->time_size == 8 ? read_i64(bytes) : read_i32(bytes);
}

static bool times_are_good(const struct oh_tz_file *file)
{
    for (uint32_t i = 0; i < file->time_count; i++)
        if (file->time_types[i] >= file->type_count ||
            (i > 0 && time_at_s(file, i) <= time_at_s(file, i - 1)))
            return false;
    return true;
}

/* "\nGMT0BST,M3.5.0/1,M10.5.0\n"; with nothing between, the last change is for good. */
static bool take_rule(struct oh_bytes *bytes, struct oh_tz_file *file)
{
    const char *end = bytes->size == 0 ? NULL : memchr(bytes->data + 1, '\n', bytes->size - 1);
    if (end == NULL || bytes->data[0] != '\n')
        return false;
    struct oh_bytes text = { bytes->data + 1, (size_t)(end - bytes->data) - 1 };
    return oh_bytes_is_empty(text) || oh_tz_rule_parse(text, &file->rule) == OH_OK;
}

enum oh_err oh_tz_file_parse(struct oh_bytes bytes, struct oh_tz_file *out)
{
    struct oh_tz_file file;
    struct head head;
    if (!take_head(&bytes, &head) || !take_block(&bytes, &head, 4, &file))
        return OH_E_SYNTAX;
    if (head.version >= VERSION_LONG &&
        (!take_head(&bytes, &head) || !take_block(&bytes, &head, 8, &file) || !take_rule(&bytes, &file)))
        return OH_E_SYNTAX;
    if (head.leap_count > 0 || !types_are_good(&file) || !times_are_good(&file))
        return OH_E_SYNTAX;
    *out = file;
    return OH_OK;
}

/* ---- Changes ---------------------------------------------------------------------------------- */

static int64_t type_offset_s(const struct oh_tz_file *file, uint32_t type)
{
    return read_i32(file->types + (size_t)type * TYPE_SIZE);
}

/* What is read of a zone: the offset at from_s, and the changes behind it before until_s. */
struct reading {
    int64_t from_s;
    int64_t until_s;
    int64_t last_s; /* of the changes seen so far */
    struct oh_buffer *buffer;
    uint32_t count;
};

/* Two changes at one instant are the later one; one back in time, which only a rule of no sense has, is none. */
static bool reading_add(struct reading *reading, int64_t at_s, int64_t offset_s)
{
    struct oh_tz_change *changes = reading->buffer->memory;
    int64_t offset_us = offset_s * US_PER_SECOND;
    if (at_s < reading->last_s)
        return true;
    reading->last_s = at_s;
    if (at_s >= reading->until_s)
        return true;
    if (at_s <= reading->from_s) {
        changes[0].offset_us = offset_us;
        return true;
    }
    if (reading->count > 1 && changes[reading->count - 1].at_us == at_s * US_PER_SECOND)
        reading->count--;
    if (changes[reading->count - 1].offset_us == offset_us)
        return true;
    if (!oh_buffer_grow(reading->buffer, reading->count + 1, sizeof(*changes)))
        return false;
    changes = reading->buffer->memory;
    changes[reading->count++] = (struct oh_tz_change){ at_s * US_PER_SECOND, offset_us };
    return true;
}

static int64_t year_of(int64_t at_s)
{
    return oh_civil_from_days(at_s / SECONDS_PER_DAY).year;
}

/* Behind the last change of the list, year by year. */
static bool reading_add_rule(struct reading *reading, const struct oh_tz_rule *rule)
{
    int64_t year_last = year_of(reading->until_s) + 1;
    for (int64_t year = year_of(oh_max_i64(reading->last_s, RULE_FROM_S)) - 1; year <= year_last; year++) {
        struct oh_tz_shift shifts[2];
        oh_tz_rule_year(rule, year, shifts);
        for (size_t i = 0; i < 2; i++)
            if (!reading_add(reading, shifts[i].at_s, shifts[i].offset_s))
                return false;
    }
    return true;
}

static bool reading_fill(struct reading *reading, const struct oh_tz_file *file)
{
    struct oh_tz_change *changes = oh_buffer_reserve(reading->buffer, 1, sizeof(*changes));
    if (changes == NULL)
        return false;
    changes[0] = (struct oh_tz_change){ INT64_MIN, type_offset_s(file, 0) * US_PER_SECOND };
    reading->count = 1;
    for (uint32_t i = 0; i < file->time_count; i++)
        if (!reading_add(reading, time_at_s(file, i), type_offset_s(file, file->time_types[i])))
            return false;
    return !file->rule.has_summer || reading_add_rule(reading, &file->rule);
}

enum oh_err oh_tz_file_changes(const struct oh_tz_file *file, int64_t from_us, int64_t until_us,
                               struct oh_buffer *buffer, uint32_t *out_count)
{
    struct reading reading = { .from_s = from_us / US_PER_SECOND,
                               .until_s = until_us / US_PER_SECOND,
                               .last_s = INT64_MIN,
                               .buffer = buffer };
    OH_ASSERT(from_us % US_PER_SECOND == 0 && until_us % US_PER_SECOND == 0);
    if (!reading_fill(&reading, file))
        return OH_E_NOMEM;
    *out_count = reading.count;
    return OH_OK;
}
