#include "app/row_reader.h"

#include "base/assert.h"
#include "codec/rows_csv.h"
#include "codec/rows_ndjson.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define ROW_BLOCK_SIZE  65536u
#define ROW_READ_SIZE   131072u
#define ROW_BUFFER_SIZE (OH_READER_ROW_SIZE_MAX + ROW_READ_SIZE)

/* The splitters of the import's own parser; what they unquote on the way is not used. */
struct row_scanner {
    enum oh_row_format format;
    uint64_t row_count; /* rows that have ended */
    union {
        struct oh_csv_row csv;
        struct oh_json_line line;
    };
    char text[OH_ROW_SIZE_MAX + 1];
};

struct oh_row_reader {
    gzFile gz; /* NULL: a stream */
    struct oh_row_source source;
    const char *path;
    char *data;     /* ROW_BUFFER_SIZE bytes and one for a missing line end */
    size_t start;   /* where the rows not yet given begin */
    size_t scanned; /* up to here the scanner has been */
    size_t size;    /* up to here bytes are read */
    bool is_at_end; /* there are no more bytes */
    struct row_scanner scanner;
    char *header;
    size_t header_size;
    uint64_t file_size;
};

static bool name_ends_with(const char *path, size_t size, const char *end)
{
    size_t end_size = strlen(end);
    return size > end_size && memcmp(path + size - end_size, end, end_size) == 0;
}

bool oh_row_format_of(const char *path, enum oh_row_format *out_format)
{
    size_t size = strlen(path);
    if (name_ends_with(path, size, ".gz"))
        size -= 3;
    if (name_ends_with(path, size, ".csv")) {
        *out_format = OH_ROW_CSV;
        return true;
    }
    if (name_ends_with(path, size, ".txt") || name_ends_with(path, size, ".tsv")) {
        *out_format = OH_ROW_GEONAMES;
        return true;
    }
    if (name_ends_with(path, size, ".ndjson") || name_ends_with(path, size, ".jsonl")) {
        *out_format = OH_ROW_NDJSON;
        return true;
    }
    return false;
}

/* ---- where rows end ---- */

static void scanner_begin_row(struct row_scanner *scanner)
{
    if (scanner->format == OH_ROW_CSV)
        oh_csv_begin(&scanner->csv, scanner->text);
    else
        oh_json_line_begin(&scanner->line, scanner->text);
}

/* The row that was begun has ended; empty lines are none. */
static void scanner_end_row(struct row_scanner *scanner)
{
    bool is_blank = scanner->format == OH_ROW_CSV ? oh_csv_is_blank(&scanner->csv)
                                                  : scanner->line.size == 0 && !scanner->line.is_too_long;
    scanner->row_count += is_blank ? 0 : 1;
    scanner_begin_row(scanner);
}

/* Scans up to the end of the first row; returns the bytes scanned: all of them when it does not end. */
static size_t scanner_read(struct row_scanner *scanner, struct oh_bytes bytes, bool *out_is_row_end)
{
    size_t size = scanner->format == OH_ROW_CSV ? oh_csv_read(&scanner->csv, bytes, out_is_row_end)
                                                : oh_json_line_read(&scanner->line, bytes, out_is_row_end);
    if (*out_is_row_end)
        scanner_end_row(scanner);
    return size;
}

/* The file ended inside a row. */
static void scanner_finish(struct row_scanner *scanner)
{
    bool is_row =
        scanner->format == OH_ROW_CSV ? oh_csv_end(&scanner->csv) : oh_json_line_end(&scanner->line);
    if (is_row)
        scanner_end_row(scanner);
}

/* ---- the file ---- */

static enum oh_err reader_gz_error(struct oh_row_reader *reader, struct oh_diag *diag)
{
    int code = Z_OK;
    const char *text = gzerror(reader->gz, &code);
    if (code == Z_ERRNO) {
        oh_diag_set(diag, "cannot read %s: %s", reader->path, strerror(errno));
        return OH_E_IO;
    }
    oh_diag_set(diag, "%s is damaged or cut short: %s", reader->path,
                code == Z_BUF_ERROR ? "the gzip ends early" : text);
    return OH_E_TORN;
}

static enum oh_err reader_read_gz(struct oh_row_reader *reader, char *data, size_t *out_size, struct oh_diag *diag)
{
    int got = gzread(reader->gz, data, ROW_READ_SIZE);
    if (got < 0)
        return reader_gz_error(reader, diag);
    if ((unsigned)got < ROW_READ_SIZE) {
        int code = Z_OK;
        (void)gzerror(reader->gz, &code);
        /* Whole rows before the damage are good: they are given first, the error comes with the next read. */
        if (got == 0 && code != Z_OK && code != Z_STREAM_END)
            return reader_gz_error(reader, diag);
    }
    *out_size = (size_t)got;
    return OH_OK;
}

/* Moves what is left to the front and reads more. */
static enum oh_err reader_fill(struct oh_row_reader *reader, struct oh_diag *diag)
{
    memmove(reader->data, reader->data + reader->start, reader->size - reader->start);
    reader->scanned -= reader->start;
    reader->size -= reader->start;
    reader->start = 0;
    if (reader->size >= OH_READER_ROW_SIZE_MAX) {
        oh_diag_set(diag, "%s: row %" PRIu64 " is larger than %u bytes", reader->path,
                    reader->scanner.row_count + 1, OH_READER_ROW_SIZE_MAX);
        return OH_E_TOO_LARGE;
    }
    size_t got = 0;
    char *data = reader->data + reader->size;
    enum oh_err err = reader->gz != NULL
                          ? reader_read_gz(reader, data, &got, diag)
                          : reader->source.read(reader->source.ctx, data, ROW_READ_SIZE, &got, diag);
    if (err != OH_OK)
        return err;
    reader->is_at_end = got == 0;
    reader->size += got;
    return OH_OK;
}

/* The file ended inside a row: give it a line end, and let the server judge an open quote. */
static void reader_end_last_row(struct oh_row_reader *reader)
{
    if (reader->size == reader->start)
        return;
    reader->data[reader->size++] = '\n';
    reader->scanned = reader->size;
    scanner_finish(&reader->scanner);
}

/*
 * Scans whole rows from reader->start until `row_count_max` rows or a block
 * are there; *out_end is where they end, reader->start when there are none.
 */
static enum oh_err reader_collect(struct oh_row_reader *reader, uint64_t row_count_max, size_t *out_end,
                                  struct oh_diag *diag)
{
    uint64_t row_count_stop = reader->scanner.row_count + row_count_max;
    size_t end = reader->start;
    while (reader->scanner.row_count < row_count_stop && end - reader->start < ROW_BLOCK_SIZE) {
        bool is_row_end = false;
        struct oh_bytes rest = { reader->data + reader->scanned, reader->size - reader->scanned };
        reader->scanned += scanner_read(&reader->scanner, rest, &is_row_end);
        if (is_row_end) {
            end = reader->scanned;
            continue;
        }
        if (end > reader->start)
            break; /* enough for now; the rest of the row is read next time */
        if (reader->is_at_end) {
            reader_end_last_row(reader);
            end = reader->size;
            break;
        }
        enum oh_err err = reader_fill(reader, diag);
        if (err != OH_OK)
            return err;
        end = reader->start;
    }
    *out_end = end;
    return OH_OK;
}

enum oh_err oh_row_reader_next(struct oh_row_reader *reader, uint64_t row_count_max,
                               struct oh_bytes *out_rows, uint64_t *out_row_count, struct oh_diag *diag)
{
    OH_ASSERT(row_count_max >= 1);
    uint64_t row_count_before = reader->scanner.row_count;
    size_t end = reader->start;
    do { /* a block of empty lines has no row: the next one may */
        reader->start = end;
        enum oh_err err = reader_collect(reader, row_count_max, &end, diag);
        if (err != OH_OK)
            return err;
        if (end == reader->start)
            return OH_E_CLOSED;
    } while (reader->scanner.row_count == row_count_before);
    *out_rows = (struct oh_bytes){ reader->data + reader->start, end - reader->start };
    *out_row_count = reader->scanner.row_count - row_count_before;
    reader->start = end;
    return OH_OK;
}

static enum oh_err reader_take_header(struct oh_row_reader *reader, struct oh_diag *diag)
{
    struct oh_bytes header = OH_BYTES_NONE;
    uint64_t count = 0;
    if (reader->scanner.format != OH_ROW_CSV)
        return OH_OK;
    enum oh_err err = oh_row_reader_next(reader, 1, &header, &count, diag);
    if (err == OH_E_CLOSED) {
        oh_diag_set(diag, "%s is empty: a CSV file begins with a line of column names", reader->path);
        return OH_E_SYNTAX;
    }
    if (err != OH_OK)
        return err;
    reader->header = malloc(header.size);
    if (reader->header == NULL) {
        oh_diag_set(diag, "out of memory");
        return OH_E_NOMEM;
    }
    memcpy(reader->header, header.data, header.size);
    reader->header_size = header.size;
    reader->scanner.row_count = 0;
    return OH_OK;
}

static enum oh_err reader_open_file(struct oh_row_reader *reader, struct oh_diag *diag)
{
    struct stat stat;
    int fd = open(reader->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &stat) != 0) {
        oh_diag_set(diag, "cannot open %s: %s", reader->path, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return OH_E_IO;
    }
    if (!S_ISREG(stat.st_mode)) {
        oh_diag_set(diag, "%s is not a regular file: a broken load must be able to read it again",
                    reader->path);
        (void)close(fd);
        return OH_E_IO;
    }
    reader->gz = gzdopen(fd, "rb");
    if (reader->gz == NULL) {
        (void)close(fd);
        oh_diag_set(diag, "out of memory");
        return OH_E_NOMEM;
    }
    (void)gzbuffer(reader->gz, ROW_READ_SIZE);
    reader->file_size = (uint64_t)stat.st_size;
    return OH_OK;
}

/* source NULL: the file of that name. */
static enum oh_err reader_open(const char *name, enum oh_row_format format, const struct oh_row_source *source,
                               struct oh_row_reader **out_reader, struct oh_diag *diag)
{
    struct oh_row_reader *reader = calloc(1, sizeof *reader);
    char *data = malloc(ROW_BUFFER_SIZE + 1);
    if (reader == NULL || data == NULL) {
        free(reader);
        free(data);
        oh_diag_set(diag, "out of memory");
        return OH_E_NOMEM;
    }
    reader->path = name;
    reader->data = data;
    reader->scanner.format = format;
    scanner_begin_row(&reader->scanner);
    enum oh_err err = OH_OK;
    if (source != NULL)
        reader->source = *source;
    else
        err = reader_open_file(reader, diag);
    if (err == OH_OK)
        err = reader_take_header(reader, diag);
    if (err != OH_OK) {
        oh_row_reader_close(&reader);
        return err;
    }
    *out_reader = reader;
    return OH_OK;
}

enum oh_err oh_row_reader_open(const char *path, enum oh_row_format format, struct oh_row_reader **out_reader,
                               struct oh_diag *diag)
{
    return reader_open(path, format, NULL, out_reader, diag);
}

enum oh_err oh_row_reader_open_source(const char *name, enum oh_row_format format,
                                      const struct oh_row_source *source, struct oh_row_reader **out_reader,
                                      struct oh_diag *diag)
{
    return reader_open(name, format, source, out_reader, diag);
}

void oh_row_reader_close(struct oh_row_reader **reader)
{
    struct oh_row_reader *self = *reader;
    if (self == NULL)
        return;
    if (self->gz != NULL)
        (void)gzclose(self->gz);
    free(self->header);
    free(self->data);
    free(self);
    *reader = NULL;
}

struct oh_bytes oh_row_reader_header(const struct oh_row_reader *reader)
{
    return (struct oh_bytes){ reader->header, reader->header_size };
}

uint64_t oh_row_reader_offset(const struct oh_row_reader *reader)
{
    z_off_t offset = reader->gz == NULL ? 0 : gzoffset(reader->gz);
    return offset < 0 ? 0 : (uint64_t)offset;
}

uint64_t oh_row_reader_size(const struct oh_row_reader *reader)
{
    return reader->file_size;
}
