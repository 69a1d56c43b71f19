/*
 * fuzz_load.c - the files that `onhand load` reads: CSV and NDJSON, plain, gzipped, and gzipped with damage.
 *
 * Input: one byte (bit 0 NDJSON; bit 1 the bytes are the file, which may be a gzip; else the rest how many rows at
 * most are asked for at once), then the bytes.
 * Laws: a file and its gzip give the same rows; header and rows together are the file, but for a line end at the end
 * and lines that are empty; there are as many rows as the twin counts (twin_csv.h), or lines. Any bytes are read or
 * refused with a sentence. The bytes are also taken as the name of a file, whose end says what it is.
 */
#include "app/row_reader.h"
#include "base/assert.h"
#include "base/strbuf.h"
#include "codec/rows.h"
#include "fuzz/fuzz.h"
#include "fuzz/twin_csv.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define INPUT_SIZE_MAX 32768u
#define FILE_SIZE_MAX  (INPUT_SIZE_MAX + 1024u)
#define NAME_SIZE_MAX  256u
#define TEXT_SIZE_MAX  ((size_t)4 << 20)
#define IS_NDJSON      1u
#define IS_FILE        2u

/* What came out of a file. */
struct loaded {
    enum oh_err end; /* OH_E_CLOSED: it was read to its end */
    uint64_t row_count;
    struct oh_strbuf rows;
    struct oh_strbuf header;
};

/* ---- Files ------------------------------------------------------------------------------------ */

static int file_make(const void *bytes, size_t size, char *out_path, size_t path_size)
{
    int file = memfd_create("rows", MFD_CLOEXEC);
    OH_ASSERT(file >= 0);
    ssize_t written = size == 0 ? 0 : write(file, bytes, size);
    OH_ASSERT(written == (ssize_t)size);
    (void)snprintf(out_path, path_size, "/proc/self/fd/%d", file);
    return file;
}

static size_t gzip_make(const char *bytes, size_t size, uint8_t *out)
{
    z_stream stream = { .next_in = (z_const Bytef *)(uintptr_t)bytes,
                        .avail_in = (uInt)size,
                        .next_out = out,
                        .avail_out = FILE_SIZE_MAX };
    int code = deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    OH_ASSERT(code == Z_OK);
    code = deflate(&stream, Z_FINISH);
    OH_ASSERT(code == Z_STREAM_END);
    (void)deflateEnd(&stream);
    return stream.total_out;
}

static void file_load(const void *bytes, size_t size, enum oh_row_format format, uint64_t count_max,
                      struct loaded *out)
{
    char path[64];
    struct oh_diag diag = { "" };
    struct oh_row_reader *reader = NULL;
    int file = file_make(bytes, size, path, sizeof(path));
    out->row_count = 0;
    oh_strbuf_init(&out->rows, TEXT_SIZE_MAX);
    oh_strbuf_init(&out->header, TEXT_SIZE_MAX);
    out->end = oh_row_reader_open(path, format, &reader, &diag);
    if (out->end == OH_OK)
        oh_strbuf_put_bytes(&out->header, oh_row_reader_header(reader));
    while (out->end == OH_OK) { /* bounded by the file */
        struct oh_bytes rows;
        uint64_t count = 0;
        out->end = oh_row_reader_next(reader, count_max, &rows, &count, &diag);
        if (out->end != OH_OK)
            break;
        OH_ASSERT(count >= 1 && count <= count_max && rows.size >= 1 && rows.data[rows.size - 1] == '\n');
        oh_strbuf_put_bytes(&out->rows, rows);
        out->row_count += count;
        OH_ASSERT(oh_row_reader_offset(reader) <= oh_row_reader_size(reader));
    }
    OH_ASSERT(out->end == OH_E_CLOSED || strnlen(diag.text, sizeof(diag.text)) > 0);
    oh_row_reader_close(&reader);
    (void)close(file);
}

static void loaded_fini(struct loaded *loaded)
{
    oh_strbuf_fini(&loaded->rows);
    oh_strbuf_fini(&loaded->header);
}

/* ---- Counting --------------------------------------------------------------------------------- */

/* Rows that are not blank, the header of a CSV not among them. */
static uint64_t twin_count(const char *bytes, size_t size, enum oh_row_format format)
{
    static struct twin_row row;
    uint64_t count = 0;
    for (size_t at = 0; at < size;) {
        if (format == OH_ROW_CSV) {
            twin_csv_row(bytes, size, at, &row);
            count += row.is_good && row.is_blank ? 0 : 1;
            at = row.end;
            continue;
        }
        const char *found = memchr(bytes + at, '\n', size - at);
        size_t line_end = found == NULL ? size : (size_t)(found - bytes);
        size_t line_size = line_end - at;
        line_size -= line_size > 0 && bytes[line_end - 1] == '\r' ? 1 : 0;
        count += line_size > 0 ? 1 : 0;
        at = line_end + 1;
    }
    return format == OH_ROW_CSV && count > 0 ? count - 1 : count + (fuzz_is_planted() ? 1 : 0);
}

/* The file ends as it is or with a line end more; blank lines may be missing where a block ended. */
static void whole_check(const struct loaded *loaded, const char *bytes, size_t size)
{
    size_t at = 0;
    struct oh_bytes parts[] = { oh_strbuf_bytes(&loaded->header), oh_strbuf_bytes(&loaded->rows) };
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < parts[i].size; k++) {
            while (at < size && bytes[at] != parts[i].data[k] && (bytes[at] == '\n' || bytes[at] == '\r'))
                at++;
            bool is_added_end = at == size && parts[i].data[k] == '\n';
            OH_ASSERT(is_added_end || (at < size && bytes[at] == parts[i].data[k]));
            at += is_added_end ? 0 : 1;
        }
    }
    while (at < size && (bytes[at] == '\n' || bytes[at] == '\r'))
        at++;
    OH_ASSERT(at == size);
}

static void both_check(const char *bytes, size_t size, enum oh_row_format format, uint64_t count_max)
{
    static uint8_t packed[FILE_SIZE_MAX];
    struct loaded plain;
    struct loaded gzipped;
    file_load(bytes, size, format, count_max, &plain);
    size_t packed_size = gzip_make(bytes, size, packed);
    file_load(packed, packed_size, format, count_max, &gzipped);
    OH_ASSERT(plain.end == gzipped.end && plain.row_count == gzipped.row_count);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(&plain.rows), oh_strbuf_bytes(&gzipped.rows)));
    OH_ASSERT(plain.end == OH_E_CLOSED || (plain.end == OH_E_SYNTAX && format == OH_ROW_CSV));
    OH_ASSERT(plain.row_count == twin_count(bytes, size, format));
    if (plain.end == OH_E_CLOSED)
        whole_check(&plain, bytes, size);
    loaded_fini(&plain);
    loaded_fini(&gzipped);
}

/* ---- Names and what is no file ---------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name);
    size_t end_size = strlen(end);
    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

/* The bytes as the name of a file. */
static void name_check(const uint8_t *data, size_t size)
{
    static const char *const csv[] = { ".csv", ".csv.gz" };
    static const char *const ndjson[] = { ".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz" };
    char name[NAME_SIZE_MAX + 1];
    enum oh_row_format format = OH_ROW_CSV;
    if (size > NAME_SIZE_MAX)
        return;
    memcpy(name, data, size);
    name[size] = '\0';
    bool is_known = oh_row_format_of(name, &format);
    bool is_csv = ends_with(name, csv[0]) || ends_with(name, csv[1]);
    static const char *const geonames[] = { ".txt", ".txt.gz", ".tsv", ".tsv.gz" };
    bool is_ndjson = false;
    bool is_geonames = false;
    for (size_t i = 0; i < sizeof(ndjson) / sizeof(ndjson[0]); i++)
        is_ndjson = is_ndjson || ends_with(name, ndjson[i]);
    for (size_t i = 0; i < sizeof(geonames) / sizeof(geonames[0]); i++)
        is_geonames = is_geonames || ends_with(name, geonames[i]);
    OH_ASSERT(is_known == (is_csv || is_ndjson || is_geonames));
    OH_ASSERT(!is_known || (format == OH_ROW_CSV) == is_csv);
    OH_ASSERT(!is_known || (format == OH_ROW_GEONAMES) == is_geonames);
}

static void no_file_check(void)
{
    static const char *const paths[] = { "/dev/null", "/proc/self/fd", "/nowhere/a.csv" };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct oh_row_reader *reader = NULL;
        struct oh_diag diag = { "" };
        enum oh_err err = oh_row_reader_open(paths[i], OH_ROW_CSV, &reader, &diag);
        OH_ASSERT(err == OH_E_IO && reader == NULL && strnlen(diag.text, sizeof(diag.text)) > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool has_begun;
    if (size < 1 || size > INPUT_SIZE_MAX)
        return 0;
    name_check(data, size);
    if (!has_begun)
        no_file_check();
    has_begun = true;
    enum oh_row_format format = (data[0] & IS_NDJSON) != 0 ? OH_ROW_NDJSON : OH_ROW_CSV;
    if ((data[0] & IS_FILE) != 0) {
        struct loaded loaded;
        file_load(data + 1, size - 1, format, 1000, &loaded);
        loaded_fini(&loaded);
        return 0;
    }
    bool is_gzip = size >= 3 && data[1] == 0x1f && data[2] == 0x8b;
    if (!is_gzip)
        both_check((const char *)data + 1, size - 1, format, 1 + data[0] / 4);
    return 0;
}
