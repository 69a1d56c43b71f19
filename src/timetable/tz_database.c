#include "timetable/tz_database.h"
#include "base/civil.h"
#include "onhand/types.h"
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define US_PER_SECOND   INT64_C(1000000)
#define SECONDS_PER_DAY 86400
#define FOLDER          "/usr/share/zoneinfo" /* where GLib looks when TZDIR is not set */
#define MAGIC           "TZif"
#define MAGIC_SIZE      4
#define HEAD_SIZE       44 /* tzfile(5); GLib asks for as much */

/*
 * Parts of letters, digits, '_', '-' and '+', with '/' between: nothing that leaves the folder. GLib would
 * read "+01:00" and "CET-1CEST" as zones of their own, so a name must be one of a file; "right/..." are
 * clocks that count leap seconds, which Unix time does not.
 */
static bool name_is_good(struct oh_bytes name)
{
    if (name.size == 0 || name.size > OH_ID_SIZE_MAX || name.data[0] == '/')
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_other = (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' || c == '/';
        if (!is_letter && !is_other)
            return false;
    }
    return name.size < 6 || memcmp(name.data, "right/", 6) != 0;
}

/* What a call that failed says of the file: that there is none, or nothing. */
static enum oh_err file_error(int error)
{
    bool is_none = error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
    return is_none ? OH_E_NOT_FOUND : OH_E_IO;
}

static enum oh_err file_judge(int file)
{
    char head[HEAD_SIZE];
    struct stat status;
    if (fstat(file, &status) != 0)
        return OH_E_IO;
    if (!S_ISREG(status.st_mode))
        return OH_E_NOT_FOUND;
    ssize_t size = TEMP_FAILURE_RETRY(read(file, head, HEAD_SIZE));
    if (size < 0)
        return OH_E_IO;
    return size == HEAD_SIZE && memcmp(head, MAGIC, MAGIC_SIZE) == 0 ? OH_OK : OH_E_NOT_FOUND;
}

static enum oh_err file_find_zone(const char *path)
{
    int file = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file < 0)
        return file_error(errno);
    enum oh_err err = file_judge(file);
    close(file);
    return err;
}

static bool name_is_utc(struct oh_bytes name)
{
    return oh_bytes_equal(name, OH_BYTES("UTC"));
}

enum oh_err oh_tz_find(struct oh_bytes name)
{
    char path[PATH_MAX];
    const char *folder = getenv("TZDIR");
    if (name_is_utc(name))
        return OH_OK;
    if (!name_is_good(name))
        return OH_E_NOT_FOUND;
    int size =
        snprintf(path, sizeof(path), "%s/%.*s", folder == NULL ? FOLDER : folder, (int)name.size, name.data);
    return size > 0 && (size_t)size < sizeof(path) ? file_find_zone(path) : OH_E_NOT_FOUND;
}

/* ---- Changes ---------------------------------------------------------------------------------- */

struct reading {
    GTimeZone *zone;
    struct oh_buffer *buffer;
    uint32_t count;
};

static int interval_at(const struct reading *reading, int64_t at)
{
    return g_time_zone_find_interval(reading->zone, G_TIME_TYPE_UNIVERSAL, at);
}

/* Adds the offset of an interval that begins at at_us, unless it is the one before. */
static bool reading_add(struct reading *reading, int64_t at_us, int interval)
{
    int64_t offset_us = g_time_zone_get_offset(reading->zone, interval) * US_PER_SECOND;
    struct oh_tz_change *changes = reading->buffer->memory;
    if (reading->count > 0 && changes[reading->count - 1].offset_us == offset_us)
        return true;
    if (!oh_buffer_grow(reading->buffer, reading->count + 1, sizeof(*changes)))
        return false;
    changes = reading->buffer->memory;
    changes[reading->count++] = (struct oh_tz_change){ at_us, offset_us };
    return true;
}

/* The first second of (before, at] that is not in before's interval; `at` is not. */
static int64_t interval_end(const struct reading *reading, int64_t before, int64_t at)
{
    int interval = interval_at(reading, before);
    while (at - before > 1) {
        int64_t middle = before + (at - before) / 2;
        if (interval_at(reading, middle) == interval)
            before = middle;
        else
            at = middle;
    }
    return at;
}

/* Two changes within one day are both found: each search ends at the first. */
static bool reading_fill(struct reading *reading, int64_t from, int64_t until)
{
    int64_t at = from;
    if (!reading_add(reading, INT64_MIN, interval_at(reading, at)))
        return false;
    while (at < until) {
        int64_t next = at + SECONDS_PER_DAY;
        if (interval_at(reading, next) != interval_at(reading, at)) {
            next = interval_end(reading, at, next);
            if (!reading_add(reading, next * US_PER_SECOND, interval_at(reading, next)))
                return false;
        }
        at = next;
    }
    return true;
}

/* GLib does not say why it has no zone; the file was there just now. */
static enum oh_err zone_open(struct oh_bytes name, GTimeZone **out)
{
    char text[OH_ID_SIZE_MAX + 1];
    enum oh_err err = oh_tz_find(name);
    if (err != OH_OK)
        return err;
    snprintf(text, sizeof(text), "%.*s", (int)name.size, name.data);
    *out = g_time_zone_new_identifier(text);
    return *out == NULL ? OH_E_IO : OH_OK;
}

enum oh_err oh_tz_read(struct oh_bytes name, int64_t from_us, int64_t until_us, struct oh_buffer *buffer,
                       uint32_t *out_count)
{
    struct reading reading = { .buffer = buffer };
    if (name_is_utc(name)) {
        struct oh_tz_change *changes = oh_buffer_reserve(buffer, 1, sizeof(*changes));
        if (changes == NULL)
            return OH_E_NOMEM;
        changes[0] = (struct oh_tz_change){ INT64_MIN, 0 };
        *out_count = 1;
        return OH_OK;
    }
    enum oh_err err = zone_open(name, &reading.zone);
    if (err != OH_OK)
        return err;
    bool is_read = reading_fill(&reading, from_us / US_PER_SECOND, until_us / US_PER_SECOND);
    g_time_zone_unref(reading.zone);
    *out_count = reading.count;
    return is_read ? OH_OK : OH_E_NOMEM;
}
