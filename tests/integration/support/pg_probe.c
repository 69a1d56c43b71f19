/*
 * pg_probe.c - our side of PostgreSQL's protocol, call by call, for test_pg_connection.py.
 *
 * One command per line on standard input, its words separated by tabs; one line of answer on standard output: "ok",
 * its values, or the error and its words. Standard input 3 is the stop: a byte there ends every call.
 *
 *   open URI CONNECT_MS STATEMENT_MS     close
 *   run SQL                              query SQL: rows, then the first value as text
 *   copy_in SQL COUNT BYTES              COUNT rows (int8, text of that many bytes); says "begun" after the first
 *   copy_out SQL                         rows and their bytes
 *   pause MS                             migrate | check
 *   meanwhile COUNT                      so many pieces of work while the server is waited for, -1: without an end,
 *                                        0: no work; says "piece" after each of the first five
 *   pieces                               how many were done since
 *   round_trip SEED COUNT                random values: parameters, arrays, COPY in and out
 *   no_memory URI                        each allocation of ours fails once, in all of the above
 */
#include "base/prng.h"
#include "base/strbuf.h"
#include "onhand/types.h"
#include "storage/pg_binary.h"
#include "storage/pg_migrate.h"
#include "support/failing_malloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STOP_FD 3
#define LINE_SIZE_MAX 65536
#define WORDS_MAX 8

static struct oh_pg *pg;
static struct oh_diag diag;

static void answer(enum oh_err err)
{
    if (err == OH_OK)
        printf("ok\n");
    else
        printf("%s\t%s\t%s\n", oh_err_text(err), pg == NULL ? "" : oh_pg_sqlstate(pg), diag.text);
    fflush(stdout);
}

static enum oh_err open_uri(const char *uri, int64_t connect_ms, int64_t statement_ms)
{
    struct oh_pg_options options = { .uri = uri,
                                     .application_name = "probe",
                                     .connect_ms = connect_ms,
                                     .statement_ms = statement_ms,
                                     .stop_fd = STOP_FD };
    diag.text[0] = '\0';
    return oh_pg_open(&options, &pg, &diag);
}

/* ---- Work meanwhile ---------------------------------------------------------------------------- */

#define PIECES_TOLD 5

static int64_t pieces_left; /* negative: no end */
static uint64_t pieces_done;

static bool piece_do(void *ctx)
{
    bool is_ours = ctx == &pieces_left;
    pieces_done++;
    if (pieces_done <= PIECES_TOLD) {
        printf("%s\n", is_ours ? "piece" : "not our context");
        fflush(stdout);
    }
    return pieces_left < 0 || --pieces_left > 0;
}

static void meanwhile_set(int64_t count)
{
    pieces_left = count;
    pieces_done = 0;
    if (count == 0)
        oh_pg_set_meanwhile(pg, NULL, NULL);
    else
        oh_pg_set_meanwhile(pg, piece_do, &pieces_left);
    answer(OH_OK);
}

/* ---- Statements -------------------------------------------------------------------------------- */

static void query_answer(const char *sql)
{
    enum oh_err err = oh_pg_query(pg, sql, NULL, 0, &diag);
    if (err != OH_OK) {
        answer(err);
        return;
    }
    uint32_t count = oh_pg_row_count(pg);
    struct oh_bytes first = count == 0 ? OH_BYTES_NONE : oh_pg_value(pg, 0, 0);
    printf("ok\t%" PRIu32 "\t%" PRIu64 "\t%.*s\n", count, oh_pg_changed_count(pg), (int)first.size,
           first.data == NULL ? "" : first.data);
    fflush(stdout);
}

static enum oh_err copy_in(const char *sql, int64_t count, size_t size)
{
    struct oh_strbuf row;
    char *text = calloc(1, size + 1);
    enum oh_err err = text == NULL ? OH_E_NOMEM : oh_pg_copy_in_begin(pg, sql, &diag);
    oh_strbuf_init(&row, size + 64);
    for (int64_t i = 0; err == OH_OK && i < count; i++) {
        memset(text, 'a' + (int)(i % 26), size);
        oh_strbuf_clear(&row);
        oh_pg_row(&row, 2);
        oh_pg_put_i64(&row, i);
        oh_pg_put_text(&row, (struct oh_bytes){ text, size });
        err = row.is_overflowed ? OH_E_NOMEM : oh_pg_copy_in_put(pg, oh_strbuf_bytes(&row), &diag);
        if (i == 0) {
            printf("begun\n");
            fflush(stdout);
        }
    }
    oh_strbuf_fini(&row);
    free(text);
    return err == OH_OK ? oh_pg_copy_in_end(pg, &diag) : err;
}

static void copy_out_answer(const char *sql)
{
    struct oh_bytes row;
    struct oh_bytes columns[16];
    uint64_t rows = 0;
    uint64_t bytes = 0;
    enum oh_err err = oh_pg_copy_out_begin(pg, sql, &diag);
    while (err == OH_OK && (err = oh_pg_copy_out_next(pg, &row, &diag)) == OH_OK) {
        int count = oh_pg_row_read(row, columns, 16);
        if (count == -2)
            err = OH_E_CORRUPT;
        for (int i = 0; i < count; i++)
            bytes += columns[i].size;
        rows += count >= 0 ? 1 : 0;
    }
    if (err != OH_E_AGAIN) {
        answer(err);
        return;
    }
    printf("ok\t%" PRIu64 "\t%" PRIu64 "\n", rows, bytes);
    fflush(stdout);
}

static void migrate_answer(void)
{
    uint32_t from = 0;
    uint32_t to = 0;
    enum oh_err err = oh_pg_migrate(pg, &from, &to, &diag);
    if (err != OH_OK)
        answer(err);
    else
        printf("ok\t%u\t%u\t%u\n", from, to, oh_pg_migration_count);
    fflush(stdout);
}

/* ---- Random values there and back -------------------------------------------------------------- */

/* One row of values of every type; a null where has is false. */
struct values {
    bool has[8];
    bool b;
    int32_t i32;
    int64_t i64;
    double f64;
    int64_t milli;
    int64_t at_us;
    char text[40];
    size_t text_size;
    char blob[40];
    size_t blob_size;
};

#define COLUMNS 8

static int64_t random_wide(struct oh_prng *prng, int64_t limit)
{
    static const int64_t edges[] = { 0, 1, 10, 999, 1000, 1001, 9999, 10000, 10000000, 9007199254740991 };
    int64_t value = oh_prng_below(prng, 4) == 0 ? edges[oh_prng_below(prng, 10)]
                                                : (int64_t)(oh_prng_next(prng) >> 1 >> oh_prng_below(prng, 62));
    value %= limit;
    return oh_prng_below(prng, 2) == 0 ? value : -value;
}

static void values_make(struct values *out, struct oh_prng *prng)
{
    static const char *const pieces[] = { "a", " ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                          "\"", "'", "\\", "\t", "{,}" };
    *out = (struct values){ .b = oh_prng_below(prng, 2) == 0 };
    for (int i = 0; i < COLUMNS; i++)
        out->has[i] = oh_prng_below(prng, 8) != 0;
    out->i32 = (int32_t)random_wide(prng, INT32_MAX);
    out->i64 = random_wide(prng, INT64_MAX);
    out->f64 = (double)random_wide(prng, INT64_MAX) / (double)(1 + oh_prng_below(prng, 1000));
    out->milli = random_wide(prng, OH_TOTAL_MILLI_MAX);
    out->at_us = (int64_t)oh_prng_below(prng, OH_TIME_US_MAX);
    for (uint64_t left = oh_prng_below(prng, 10); left > 0; left--) {
        const char *piece = pieces[oh_prng_below(prng, 10)];
        memcpy(out->text + out->text_size, piece, strlen(piece));
        out->text_size += strlen(piece);
    }
    out->blob_size = (size_t)oh_prng_below(prng, sizeof(out->blob));
    for (size_t i = 0; i < out->blob_size; i++)
        out->blob[i] = (char)oh_prng_next(prng);
}

static void column_put(struct oh_strbuf *out, const struct values *values, int column)
{
    if (!values->has[column]) {
        oh_pg_put_null(out);
        return;
    }
    switch (column) {
    case 0:
        oh_pg_put_bool(out, values->b);
        break;
    case 1:
        oh_pg_put_i32(out, values->i32);
        break;
    case 2:
        oh_pg_put_i64(out, values->i64);
        break;
    case 3:
        oh_pg_put_f64(out, values->f64);
        break;
    case 4:
        oh_pg_put_milli(out, values->milli);
        break;
    case 5:
        oh_pg_put_time(out, values->at_us);
        break;
    case 6:
        oh_pg_put_text(out, (struct oh_bytes){ values->text, values->text_size });
        break;
    default:
        oh_pg_put_text(out, (struct oh_bytes){ values->blob, values->blob_size });
        break;
    }
}

static bool column_is_same(struct oh_bytes got, const struct values *values, int column)
{
    bool b = false;
    int32_t i32 = 0;
    int64_t i64 = 0;
    double f64 = 0;
    if (!values->has[column] || got.data == NULL)
        return !values->has[column] && got.data == NULL;
    switch (column) {
    case 0:
        return oh_pg_get_bool(got, &b) && b == values->b;
    case 1:
        return oh_pg_get_i32(got, &i32) && i32 == values->i32;
    case 2:
        return oh_pg_get_i64(got, &i64) && i64 == values->i64;
    case 3:
        return oh_pg_get_f64(got, &f64) && memcmp(&f64, &values->f64, sizeof(f64)) == 0;
    case 4:
        return oh_pg_get_milli(got, &i64) && i64 == values->milli;
    case 5:
        return oh_pg_get_time(got, &i64) && i64 == values->at_us;
    case 6:
        return oh_bytes_equal(got, (struct oh_bytes){ values->text, values->text_size });
    default:
        return oh_bytes_equal(got, (struct oh_bytes){ values->blob, values->blob_size });
    }
}

static const uint32_t column_types[COLUMNS] = { OH_PG_BOOL,    OH_PG_INT4,        OH_PG_INT8, OH_PG_FLOAT8,
                                                OH_PG_NUMERIC, OH_PG_TIMESTAMPTZ, OH_PG_TEXT, OH_PG_BYTEA };

static enum oh_err different(const char *way, int64_t row, int column)
{
    oh_diag_set(&diag, "%s: row %" PRId64 ", column %d is not what was sent", way, row, column);
    return OH_E_CORRUPT;
}

/* SELECT $1, ... and what the server itself makes of the number as text. */
static enum oh_err parameters_check(const struct values *values, int64_t row)
{
    struct oh_strbuf bytes[COLUMNS];
    struct oh_pg_parameter parameters[COLUMNS] = { { 0 } };
    char text[40] = "";
    for (int i = 0; i < COLUMNS; i++) {
        oh_strbuf_init(&bytes[i], 256);
        column_put(&bytes[i], values, i);
        parameters[i].type = column_types[i];
        if (values->has[i])
            parameters[i].value = (struct oh_bytes){ bytes[i].data + 4, bytes[i].size - 4 };
    }
    enum oh_err err = oh_pg_query(pg, "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $5::text", parameters, COLUMNS, &diag);
    for (int i = 0; err == OH_OK && i < COLUMNS; i++) {
        if (!column_is_same(oh_pg_value(pg, 0, (uint32_t)i), values, i))
            err = different("parameters", row, i);
    }
    uint64_t size = values->milli < 0 ? (uint64_t)-values->milli : (uint64_t)values->milli;
    (void)snprintf(text, sizeof(text), "%s%" PRIu64 ".%03" PRIu64, values->milli < 0 ? "-" : "", size / 1000,
                   size % 1000);
    if (err == OH_OK && values->has[4] && !oh_bytes_equal(oh_pg_value(pg, 0, 8), oh_bytes_of(text)))
        err = different("the text of a number", row, 4);
    for (int i = 0; i < COLUMNS; i++)
        oh_strbuf_fini(&bytes[i]);
    return err;
}

static void array_put(struct oh_pg_array *array, const struct values *values, int column)
{
    column_put(&array->elements, values, column);
    array->count++;
    array->has_null = array->has_null || !values->has[column];
}

static enum oh_err arrays_check(const struct values *values, uint32_t count)
{
    struct oh_pg_array arrays[COLUMNS];
    struct oh_pg_parameter parameters[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        oh_pg_array_init(&arrays[i], column_types[i], (size_t)64 << 20);
        for (uint32_t row = 0; row < count; row++)
            array_put(&arrays[i], &values[row], i);
        parameters[i] = (struct oh_pg_parameter){ oh_pg_array_type(column_types[i]), oh_pg_array_bytes(&arrays[i]) };
    }
    enum oh_err err =
        oh_pg_query(pg, "SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)", parameters, COLUMNS, &diag);
    if (err == OH_OK && oh_pg_row_count(pg) != count)
        err = different("rows of arrays", oh_pg_row_count(pg), 0);
    for (uint32_t row = 0; err == OH_OK && row < count; row++) {
        for (int i = 0; err == OH_OK && i < COLUMNS; i++) {
            if (!column_is_same(oh_pg_value(pg, row, (uint32_t)i), &values[row], i))
                err = different("arrays", row, i);
        }
    }
    for (int i = 0; i < COLUMNS; i++)
        oh_pg_array_fini(&arrays[i]);
    return err;
}

static enum oh_err copied_check(const struct values *values, int64_t count)
{
    struct oh_bytes row;
    int64_t seen = 0;
    enum oh_err err = oh_pg_copy_out_begin(
        pg, "COPY (SELECT b, i, l, f, n, t, s, x FROM probe ORDER BY place) TO STDOUT (FORMAT binary)", &diag);
    while (err == OH_OK && (err = oh_pg_copy_out_next(pg, &row, &diag)) == OH_OK) {
        struct oh_bytes columns[COLUMNS];
        int column_count = oh_pg_row_read(row, columns, COLUMNS);
        if (column_count == -1)
            continue;
        if (column_count != COLUMNS || seen == count)
            return different("rows of COPY", seen, column_count);
        for (int i = 0; i < COLUMNS; i++) {
            if (!column_is_same(columns[i], &values[seen], i))
                return different("COPY", seen, i);
        }
        seen++;
    }
    if (err == OH_E_AGAIN && seen != count)
        return different("rows of COPY", seen, 0);
    return err == OH_E_AGAIN ? OH_OK : err;
}

/* The stream is cut at places of chance: a row may come in parts. */
static enum oh_err copy_check(const struct values *values, uint32_t count, struct oh_prng *prng)
{
    struct oh_strbuf stream;
    enum oh_err err = oh_pg_run(pg,
                                "CREATE TEMP TABLE IF NOT EXISTS probe (place bigint, b boolean, i integer, l bigint,"
                                " f float8, n numeric(19, 3), t timestamptz, s text, x bytea); TRUNCATE probe",
                                &diag);
    oh_strbuf_init(&stream, (size_t)64 << 20);
    for (uint32_t row = 0; row < count; row++) {
        oh_pg_row(&stream, COLUMNS + 1);
        oh_pg_put_i64(&stream, row);
        for (int i = 0; i < COLUMNS; i++)
            column_put(&stream, &values[row], i);
    }
    if (err == OH_OK)
        err = oh_pg_copy_in_begin(pg, "COPY probe FROM STDIN (FORMAT binary)", &diag);
    for (size_t at = 0; err == OH_OK && at < stream.size;) {
        size_t size = (size_t)oh_prng_below(prng, 5000);
        size = size > stream.size - at ? stream.size - at : size;
        err = oh_pg_copy_in_put(pg, (struct oh_bytes){ stream.data + at, size }, &diag);
        at += size;
    }
    if (err == OH_OK)
        err = oh_pg_copy_in_end(pg, &diag);
    if (err == OH_OK && oh_pg_changed_count(pg) != count)
        err = different("rows that were copied", (int64_t)oh_pg_changed_count(pg), 0);
    oh_strbuf_fini(&stream);
    return err == OH_OK ? copied_check(values, count) : err;
}

static enum oh_err round_trip(uint64_t seed, uint32_t count)
{
    struct oh_prng prng;
    oh_prng_init(&prng, seed);
    struct values *values = calloc(count + 1, sizeof(*values));
    if (values == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        values_make(&values[i], &prng);
    enum oh_err err = arrays_check(values, count);
    if (err == OH_OK)
        err = copy_check(values, count, &prng);
    for (uint32_t i = 0; err == OH_OK && i < count && i < 200; i++)
        err = parameters_check(&values[i], i);
    free(values);
    return err;
}

/* ---- Out of memory ----------------------------------------------------------------------------- */

/* Everything once; whatever came before an error is closed. */
static enum oh_err everything(const char *uri)
{
    uint32_t from = 0;
    uint32_t to = 0;
    struct oh_pg_array numbers;
    enum oh_err err = open_uri(uri, 10000, 10000);
    if (err == OH_OK)
        err = oh_pg_migrate(pg, &from, &to, &diag);
    oh_pg_array_init(&numbers, OH_PG_INT8, 1 << 20);
    oh_pg_array_put_i64(&numbers, 5);
    struct oh_pg_parameter parameter = { oh_pg_array_type(OH_PG_INT8), oh_pg_array_bytes(&numbers) };
    if (err == OH_OK && parameter.value.data == NULL)
        err = OH_E_NOMEM;
    if (err == OH_OK)
        err = oh_pg_query(pg, "SELECT unnest($1)", &parameter, 1, &diag);
    oh_pg_array_fini(&numbers);
    oh_pg_close(&pg);
    return err;
}

static void no_memory_answer(const char *uri)
{
    size_t nth = 1;
    size_t live = 0;
    size_t first;
    for (;; nth++) { /* bounded by the allocations */
        failing_malloc_watch();
        failing_malloc_arm(nth);
        enum oh_err err = everything(uri);
        bool has_failed = failing_malloc_disarm();
        live = failing_malloc_live(&first);
        if (!has_failed || err != OH_E_NOMEM || live != 0)
            break;
    }
    printf("ok\t%zu\t%zu\n", nth - 1, live);
    fflush(stdout);
}

/* ---- Commands ---------------------------------------------------------------------------------- */

static int words_split(char *line, char **words)
{
    int count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *word = line; word != NULL && count < WORDS_MAX; count++)
        words[count] = strsep(&word, "\t");
    return count;
}

static void command_take(char **words, int count)
{
    const char *name = words[0];
    diag.text[0] = '\0';
    if (strcmp(name, "open") == 0 && count == 4)
        answer(open_uri(words[1], strtoll(words[2], NULL, 10), strtoll(words[3], NULL, 10)));
    else if (strcmp(name, "close") == 0)
        oh_pg_close(&pg), answer(OH_OK);
    else if (strcmp(name, "pause") == 0 && count == 2)
        answer(oh_pg_pause(STOP_FD, strtoll(words[1], NULL, 10)));
    else if (strcmp(name, "no_memory") == 0 && count == 2)
        no_memory_answer(words[1]);
    else if (pg == NULL)
        printf("not open\n"), fflush(stdout);
    else if (strcmp(name, "meanwhile") == 0 && count == 2)
        meanwhile_set(strtoll(words[1], NULL, 10));
    else if (strcmp(name, "pieces") == 0)
        printf("ok\t%" PRIu64 "\n", pieces_done), fflush(stdout);
    else if (strcmp(name, "run") == 0 && count == 2)
        answer(oh_pg_run(pg, words[1], &diag));
    else if (strcmp(name, "query") == 0 && count == 2)
        query_answer(words[1]);
    else if (strcmp(name, "copy_in") == 0 && count == 4)
        answer(copy_in(words[1], strtoll(words[2], NULL, 10), (size_t)strtoull(words[3], NULL, 10)));
    else if (strcmp(name, "copy_out") == 0 && count == 2)
        copy_out_answer(words[1]);
    else if (strcmp(name, "migrate") == 0)
        migrate_answer();
    else if (strcmp(name, "check") == 0)
        answer(oh_pg_schema_check(pg, &diag));
    else if (strcmp(name, "round_trip") == 0 && count == 3)
        answer(round_trip(strtoull(words[1], NULL, 10), (uint32_t)strtoul(words[2], NULL, 10)));
    else
        printf("no such command\n"), fflush(stdout);
}

int main(void)
{
    static char line[LINE_SIZE_MAX];
    char *words[WORDS_MAX];
    while (fgets(line, sizeof(line), stdin) != NULL) { /* ends with standard input */
        int count = words_split(line, words);
        command_take(words, count);
    }
    oh_pg_close(&pg);
    return 0;
}
