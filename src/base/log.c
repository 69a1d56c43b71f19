#include "base/log.h"
#include "base/assert.h"
#include "base/civil.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define US_PER_SECOND   1000000
#define SECONDS_PER_DAY 86400
#define REPEAT_SLOTS    64

static const char line_cut_mark[] = " cut=1\n";

static const char *const level_names[] = {
    [OH_LOG_DEBUG] = "debug",
    [OH_LOG_INFO] = "info",
    [OH_LOG_WARN] = "warn",
    [OH_LOG_ERROR] = "error",
};

/* How often one event was written in the second that began at second_at. */
struct repeat_slot {
    struct oh_bytes event; /* borrowed for ever: events are literals */
    int64_t second_at;
    uint64_t written_count;
    uint64_t suppressed_count;
};

static struct {
    int fd;
    oh_log_clock_fn *clock;
    atomic_int level_min;
    pthread_mutex_t mutex; /* guards repeats */
    struct repeat_slot repeats[REPEAT_SLOTS];
} logger = {
    .fd = STDERR_FILENO,
    .level_min = OH_LOG_INFO,
    .mutex = PTHREAD_MUTEX_INITIALIZER,
};

struct line {
    char data[OH_LOG_LINE_SIZE_MAX];
    size_t size;
    bool is_cut;
};

static void line_put(struct line *line, const char *data, size_t size)
{
    size_t room = sizeof(line->data) - sizeof(line_cut_mark) - line->size;
    if (line->is_cut || size > room) {
        line->is_cut = true;
        return;
    }
    if (size > 0)
        memcpy(line->data + line->size, data, size);
    line->size += size;
}

__attribute__((format(printf, 2, 3))) static void line_printf(struct line *line, const char *format, ...)
{
    char text[128];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    OH_ASSERT(size >= 0 && (size_t)size < sizeof(text));
    line_put(line, text, (size_t)size);
}

static bool byte_is_plain(unsigned char byte)
{
    return byte > ' ' && byte < 0x7f && byte != '"' && byte != '=' && byte != '\\';
}

static bool bytes_are_plain(struct oh_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (!byte_is_plain((unsigned char)bytes.data[i]))
            return false;
    return bytes.size > 0;
}

static void line_put_escaped_byte(struct line *line, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        line_printf(line, "\\%c", byte);
    else if (byte == '\n')
        line_put(line, "\\n", 2);
    else if (byte >= ' ' && byte < 0x7f)
        line_put(line, (const char *)&byte, 1);
    else
        line_printf(line, "\\x%02x", byte);
}

static void line_put_value(struct line *line, struct oh_bytes bytes)
{
    if (bytes_are_plain(bytes)) {
        line_put(line, bytes.data, bytes.size);
        return;
    }
    line_put(line, "\"", 1);
    for (size_t i = 0; i < bytes.size && !line->is_cut; i++)
        line_put_escaped_byte(line, (unsigned char)bytes.data[i]);
    line_put(line, "\"", 1);
}

static void line_put_field(struct line *line, const struct oh_log_field *field)
{
    line_put(line, " ", 1);
    line_put(line, field->name, strlen(field->name));
    line_put(line, "=", 1);
    switch (field->type) {
    case OH_LOG_TYPE_U64:
        line_printf(line, "%llu", (unsigned long long)field->u64);
        return;
    case OH_LOG_TYPE_I64:
        line_printf(line, "%lld", (long long)field->i64);
        return;
    case OH_LOG_TYPE_BYTES:
        line_put_value(line, field->bytes);
        return;
    }
    OH_UNREACHABLE();
}

static void line_put_time(struct line *line, int64_t at_us)
{
    int64_t fraction_us = at_us % US_PER_SECOND;
    int64_t seconds = at_us / US_PER_SECOND;
    struct oh_civil civil = oh_civil_from_days(seconds / SECONDS_PER_DAY);
    int64_t second_of_day = seconds % SECONDS_PER_DAY;
    line_printf(line, "ts=%04lld-%02u-%02uT%02d:%02d:%02d.%06dZ ", (long long)civil.year, civil.month,
                civil.day, (int)(second_of_day / 3600), (int)(second_of_day / 60 % 60),
                (int)(second_of_day % 60), (int)fraction_us);
}

/* FNV-1a. Two events that share a slot share it by turns, and lose a count at most. */
static struct repeat_slot *repeat_slot_of(struct oh_bytes event)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < event.size; i++)
        hash = (hash ^ (unsigned char)event.data[i]) * 16777619u;
    return &logger.repeats[hash % REPEAT_SLOTS];
}

/* Decides whether a line may be written; gives how many were not since the last one. */
static bool repeat_admit(struct oh_bytes event, int64_t now_us, uint64_t *out_suppressed_count)
{
    struct repeat_slot *slot = repeat_slot_of(event);
    int64_t second_at = now_us / US_PER_SECOND;
    if (!oh_bytes_equal(slot->event, event))
        *slot = (struct repeat_slot){ .event = event, .second_at = second_at };
    if (slot->second_at != second_at) {
        slot->second_at = second_at;
        slot->written_count = 0;
    }
    if (slot->written_count >= OH_LOG_REPEATS_PER_SECOND_MAX) {
        slot->suppressed_count++;
        return false;
    }
    slot->written_count++;
    *out_suppressed_count = slot->suppressed_count;
    slot->suppressed_count = 0;
    return true;
}

static bool repeat_admit_locked(struct oh_bytes event, int64_t now_us, uint64_t *out_suppressed_count)
{
    pthread_mutex_lock(&logger.mutex);
    bool is_admitted = repeat_admit(event, now_us, out_suppressed_count);
    pthread_mutex_unlock(&logger.mutex);
    return is_admitted;
}

void oh_log_init(int fd, enum oh_log_level level_min, oh_log_clock_fn *clock)
{
    logger.fd = fd;
    logger.clock = clock;
    memset(logger.repeats, 0, sizeof(logger.repeats));
    oh_log_set_level(level_min);
}

void oh_log_set_level(enum oh_log_level level_min)
{
    atomic_store_explicit(&logger.level_min, (int)level_min, memory_order_relaxed);
}

bool oh_log_is_enabled(enum oh_log_level level)
{
    return (int)level >= atomic_load_explicit(&logger.level_min, memory_order_relaxed);
}

bool oh_log_level_parse(struct oh_bytes name, enum oh_log_level *out_level)
{
    for (int level = OH_LOG_DEBUG; level <= OH_LOG_ERROR; level++) {
        if (oh_bytes_equal(name, oh_bytes_of(level_names[level]))) {
            *out_level = (enum oh_log_level)level;
            return true;
        }
    }
    return false;
}

void oh_log_write(enum oh_log_level level, const struct oh_log_field *fields, size_t count)
{
    OH_ASSERT(count >= 1 && fields[0].type == OH_LOG_TYPE_BYTES);
    struct line line;
    line.size = 0;
    line.is_cut = false;
    uint64_t suppressed_count = 0;
    if (logger.clock != NULL) {
        int64_t now_us = logger.clock();
        if (!repeat_admit_locked(fields[0].bytes, now_us, &suppressed_count))
            return;
        line_put_time(&line, now_us);
    }
    line_printf(&line, "level=%s", level_names[level]);
    for (size_t i = 0; i < count; i++)
        line_put_field(&line, &fields[i]);
    if (suppressed_count > 0)
        line_printf(&line, " repeats_suppressed=%llu", (unsigned long long)suppressed_count);
    /* line_put keeps room for the mark, which ends in the newline. */
    const char *end = line.is_cut ? line_cut_mark : "\n";
    size_t end_size = strlen(end);
    memcpy(line.data + line.size, end, end_size);
    /* There is nowhere to report that a log line could not be written. */
    ssize_t written = write(logger.fd, line.data, line.size + end_size);
    (void)written;
}
