/*
 * fuzz_log.c - log lines with foreign bytes in them, read back by a reader of logfmt.
 *
 * Input: texts, each ended by a NUL byte, logged as the fields of one event; the last is cut at the end of the input.
 * Laws: it is one line of printable ASCII, not longer than its limit; what a reader finds in it is what was logged, up
 * to where the line says that it was cut.
 */
#include "base/assert.h"
#include "base/log.h"
#include "fuzz/fuzz.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIELDS_MAX 8u

static const char *const names[FIELDS_MAX] = { "event", "a", "b", "c", "d", "e", "f", "g" };

/* ---- The reader ------------------------------------------------------------------------------- */

struct reading {
    const char *at;
    const char *end;
};

static bool take(struct reading *reading, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(reading->end - reading->at) < size || memcmp(reading->at, text, size) != 0)
        return false;
    reading->at += size;
    return true;
}

/* One byte of a quoted value, its escape undone. */
static char quoted_byte(struct reading *reading)
{
    char digits[3] = "";
    if (!take(reading, "\\"))
        return *reading->at++;
    if (take(reading, "n"))
        return '\n';
    if (!take(reading, "x"))
        return *reading->at++;
    memcpy(digits, reading->at, 2);
    reading->at += 2;
    return (char)strtoul(digits, NULL, 16);
}

/* Reads a value that must be `expected`, or the beginning of it where the line was cut. */
static void value_read(struct reading *reading, struct oh_bytes expected, bool is_cut)
{
    bool is_quoted = take(reading, "\"");
    for (size_t i = 0; i < expected.size; i++) {
        if (is_cut && (reading->at == reading->end))
            return;
        char c = is_quoted ? quoted_byte(reading) : *reading->at++;
        OH_ASSERT(is_quoted || strchr(" =\"\\", c) == NULL);
        OH_ASSERT(c == (fuzz_is_planted() && c == '=' ? ' ' : expected.data[i]));
    }
    if (is_cut && reading->at == reading->end)
        return;
    OH_ASSERT(!is_quoted || take(reading, "\""));
    OH_ASSERT(reading->at == reading->end || *reading->at == ' ');
}

static void line_check(const char *line, size_t size, const struct oh_log_field *fields, size_t count)
{
    static const char mark[] = " cut=1\n";
    OH_ASSERT(size > 0 && size <= OH_LOG_LINE_SIZE_MAX && line[size - 1] == '\n');
    for (size_t i = 0; i + 1 < size; i++)
        OH_ASSERT(line[i] >= ' ' && line[i] < 0x7f);
    bool is_cut =
        size >= sizeof(mark) - 1 && memcmp(line + size - (sizeof(mark) - 1), mark, sizeof(mark) - 1) == 0;
    struct reading reading = { line, line + size - (is_cut ? sizeof(mark) - 1 : 1) };
    bool has_level = take(&reading, "level=warn");
    OH_ASSERT(has_level);
    for (size_t i = 0; i < count && !(is_cut && reading.at == reading.end); i++) {
        bool has_name = take(&reading, " ") && take(&reading, fields[i].name) && take(&reading, "=");
        OH_ASSERT(has_name || is_cut);
        if (!has_name)
            return; /* cut inside a name */
        value_read(&reading, fields[i].bytes, is_cut);
    }
    OH_ASSERT(reading.at == reading.end);
}

/* ---- Running ---------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char line[2 * OH_LOG_LINE_SIZE_MAX];
    struct oh_log_field fields[FIELDS_MAX] = { OH_LOG_EVENT("fuzz") };
    size_t count = 1;
    const char *at = (const char *)data;
    const char *end = at + size;
    if (file < 0) {
        file = memfd_create("log", MFD_CLOEXEC);
        OH_ASSERT(file >= 0);
        oh_log_init(file, OH_LOG_INFO, NULL);
    }
    while (at < end && count < FIELDS_MAX) {
        const char *stop = memchr(at, '\0', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        fields[count] =
            (struct oh_log_field)OH_LOG_BYTES(names[count], ((struct oh_bytes){ at, (size_t)(stop - at) }));
        count++;
        at = stop == end ? end : stop + 1;
    }
    OH_ASSERT(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0);
    oh_log_write(OH_LOG_WARN, fields, count);
    ssize_t got = pread(file, line, sizeof(line), 0);
    OH_ASSERT(got >= 0);
    line_check(line, (size_t)got, fields, count);
    return 0;
}
