#include "app/load_query.h"
#include "app/progress.h"
#include "base/assert.h"
#include "base/strbuf.h"
#include "storage/pg_connection.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS_MAX      8u
#define MARK           "-- load:"
#define SILENCE_MS_MAX 3600000 /* a query may sort for long before its first row */
#define ROWS_NS_MAX    100000000u
#define STATEMENT_MAX  (OH_QUERIES_SIZE_MAX + (1u << 16))
#define HEADER_MAX     8192u
#define BLANKS         " \t\r\f\v"

struct oh_queries {
    const char *uri;
    const char *const *kinds;
    size_t kind_count;
    char *text;                    /* the file */
    char *sql[KINDS_MAX];          /* in the text; NULL: none */
    char *statements[KINDS_MAX];   /* COPY; NULL: not checked yet */
    struct oh_pg *pg;              /* in a transaction; NULL: not connected */
    bool is_reading;
    struct oh_bytes row;           /* of the last one, what is not given yet */
};

/* ---- The file --------------------------------------------------------------------------------- */

static enum oh_err text_read(struct oh_queries *queries, const char *path, struct oh_diag *diag)
{
    queries->text = malloc(OH_QUERIES_SIZE_MAX + 2);
    if (queries->text == NULL)
        return OH_E_NOMEM;
    FILE *file = fopen(path, "rbe");
    size_t size = file == NULL ? 0 : fread(queries->text, 1, OH_QUERIES_SIZE_MAX + 1, file);
    bool is_read = file != NULL && ferror(file) == 0;
    if (!is_read)
        oh_diag_set(diag, "cannot read %s: %s", path, strerror(errno));
    if (file != NULL)
        (void)fclose(file);
    if (!is_read)
        return OH_E_IO;
    queries->text[size] = '\0';
    if (size > OH_QUERIES_SIZE_MAX) {
        oh_diag_set(diag, "%s is larger than %u bytes", path, OH_QUERIES_SIZE_MAX);
        return OH_E_TOO_LARGE;
    }
    if (strlen(queries->text) != size) {
        oh_diag_set(diag, "%s has a byte 0: it is no SQL", path);
        return OH_E_SYNTAX;
    }
    return OH_OK;
}

static size_t kind_find(const struct oh_queries *queries, const char *word, size_t size)
{
    size_t kind = 0;
    while (kind < queries->kind_count &&
           (strlen(queries->kinds[kind]) != size || memcmp(queries->kinds[kind], word, size) != 0))
        kind++;
    return kind;
}

/* Whether the line says nothing to PostgreSQL. */
static bool line_is_silent(const char *line, size_t size)
{
    size_t blank = strspn(line, BLANKS);
    return blank >= size || strncmp(line + blank, "--", 2) == 0;
}

/* "-- load: KIND": a query begins behind this line. */
static enum oh_err mark_take(struct oh_queries *queries, const char *line, char *behind, struct oh_diag *diag)
{
    const char *word = line + strlen(MARK);
    word += strspn(word, " \t");
    size_t size = strcspn(word, BLANKS "\n");
    size_t kind = kind_find(queries, word, size);
    if (kind == queries->kind_count) {
        oh_diag_set(diag, "'%.*s' is no kind of rows", (int)(size < 64 ? size : 64), word);
        return OH_E_SYNTAX;
    }
    if (queries->sql[kind] != NULL) {
        oh_diag_set(diag, "a second query for %s", queries->kinds[kind]);
        return OH_E_SYNTAX;
    }
    queries->sql[kind] = behind;
    return OH_OK;
}

/* Whether nothing but blanks and lines of comment follow. */
static bool text_is_silent(const char *text)
{
    while (*text != '\0') { /* a line each */
        size_t size = strcspn(text, "\n");
        if (!line_is_silent(text, size))
            return false;
        text += size + (text[size] == '\n' ? 1 : 0);
    }
    return true;
}

/* Takes off the end what is no part of the statement: lines of comment, and a semicolon with what is behind it. */
static void sql_trim(char *sql)
{
    for (char *line = strrchr(sql, '\n'); line != NULL && text_is_silent(line); line = strrchr(sql, '\n'))
        *line = '\0';
    char *semicolon = strrchr(sql, ';');
    if (semicolon != NULL && text_is_silent(semicolon + 1))
        *semicolon = '\0';
}

/* Cuts the text at its marks. */
static enum oh_err text_cut(struct oh_queries *queries, const char *path, struct oh_diag *diag)
{
    struct oh_diag reason = { "" };
    enum oh_err err = OH_OK;
    bool has_mark = false;
    unsigned number = 0;
    char *line = queries->text;
    while (err == OH_OK && *line != '\0') { /* bounded by the text */
        size_t size = strcspn(line, "\n");
        char *behind = line + size + (line[size] == '\n' ? 1 : 0);
        number++;
        if (strncmp(line, MARK, strlen(MARK)) == 0) {
            err = mark_take(queries, line, behind, &reason);
            *line = '\0'; /* the query before it ends here */
            has_mark = true;
        } else if (!has_mark && !line_is_silent(line, size)) {
            oh_diag_set(&reason, "SQL in front of the first line \"" MARK " KIND\"");
            err = OH_E_SYNTAX;
        }
        line = behind;
    }
    if (err != OH_OK)
        oh_diag_set(diag, "%s line %u: %s", path, number, reason.text);
    return err;
}

static enum oh_err queries_trim(struct oh_queries *queries, const char *path, struct oh_diag *diag)
{
    size_t count = 0;
    for (size_t kind = 0; kind < queries->kind_count; kind++) {
        if (queries->sql[kind] == NULL)
            continue;
        count++;
        sql_trim(queries->sql[kind]);
        if (text_is_silent(queries->sql[kind])) {
            oh_diag_set(diag, "%s: no query follows \"" MARK " %s\"", path, queries->kinds[kind]);
            return OH_E_SYNTAX;
        }
    }
    if (count == 0)
        oh_diag_set(diag, "%s has no line \"" MARK " KIND\", which begins a query", path);
    return count == 0 ? OH_E_SYNTAX : OH_OK;
}

enum oh_err oh_queries_open(const char *uri, const char *path, const char *const *kinds, size_t kind_count,
                            struct oh_queries **out_queries, struct oh_diag *diag)
{
    OH_ASSERT(kind_count <= KINDS_MAX);
    struct oh_queries *queries = calloc(1, sizeof(*queries));
    if (queries == NULL)
        return OH_E_NOMEM;
    *queries = (struct oh_queries){ .uri = uri, .kinds = kinds, .kind_count = kind_count };
    enum oh_err err = text_read(queries, path, diag);
    if (err == OH_OK)
        err = text_cut(queries, path, diag);
    if (err == OH_OK)
        err = queries_trim(queries, path, diag);
    if (err != OH_OK)
        oh_queries_close(&queries);
    else
        *out_queries = queries;
    return err;
}

void oh_queries_close(struct oh_queries **queries)
{
    if (*queries == NULL)
        return;
    oh_pg_close(&(*queries)->pg);
    for (size_t kind = 0; kind < KINDS_MAX; kind++)
        free((*queries)->statements[kind]);
    free((*queries)->text);
    free(*queries);
    *queries = NULL;
}

bool oh_queries_has(const struct oh_queries *queries, size_t kind)
{
    return queries->sql[kind] != NULL;
}

/* ---- The database ----------------------------------------------------------------------------- */

/* After any error: the next use begins with a new connection. */
static void connection_drop(struct oh_queries *queries)
{
    oh_pg_close(&queries->pg);
    queries->is_reading = false;
    queries->row = OH_BYTES_NONE;
}

static enum oh_err connect(struct oh_queries *queries, struct oh_diag *diag)
{
    const struct oh_pg_options options = {
        .uri = queries->uri, .application_name = "onhand load", .statement_ms = SILENCE_MS_MAX, .stop_fd = -1
    };
    if (queries->pg != NULL)
        return OH_OK;
    enum oh_err err = oh_pg_open(&options, &queries->pg, diag);
    if (err == OH_OK)
        err = oh_pg_run(queries->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", diag);
    if (err != OH_OK)
        oh_pg_close(&queries->pg);
    return err;
}

/* Plans it as one statement that can only read: what else the text may be is refused here. */
static enum oh_err query_plan(struct oh_queries *queries, size_t kind, struct oh_strbuf *sql, struct oh_diag *diag)
{
    oh_strbuf_clear(sql);
    oh_strbuf_printf(sql, "EXPLAIN SELECT * FROM (\n%s\n) AS q", queries->sql[kind]);
    oh_strbuf_put_char(sql, '\0');
    return sql->is_overflowed ? OH_E_NOMEM : oh_pg_query(queries->pg, sql->data, NULL, 0, diag);
}

/* The line of column names, read from a run that has no rows. Ends without its line end. */
static enum oh_err header_read(struct oh_queries *queries, size_t kind, struct oh_strbuf *sql,
                               char out_header[static HEADER_MAX], struct oh_diag *diag)
{
    struct oh_bytes row = OH_BYTES_NONE;
    out_header[0] = '\0';
    oh_strbuf_clear(sql);
    oh_strbuf_printf(sql, "COPY (SELECT * FROM (\n%s\n) AS q LIMIT 0) TO STDOUT (FORMAT csv, HEADER)",
                     queries->sql[kind]);
    oh_strbuf_put_char(sql, '\0');
    enum oh_err err = sql->is_overflowed ? OH_E_NOMEM : oh_pg_copy_out_begin(queries->pg, sql->data, diag);
    while (err == OH_OK) { /* one row */
        err = oh_pg_copy_out_next(queries->pg, &row, diag);
        if (err == OH_OK && row.size < HEADER_MAX && memchr(row.data, '"', row.size) == NULL)
            (void)snprintf(out_header, HEADER_MAX, "%.*s", (int)row.size, row.data);
    }
    out_header[strcspn(out_header, "\r\n")] = '\0';
    if (err == OH_E_AGAIN && out_header[0] != '\0')
        return OH_OK;
    if (err == OH_E_AGAIN) {
        oh_diag_set(diag, "the names of its columns are not those of the CSV files");
        err = OH_E_REFUSED;
    }
    return err;
}

/* A column as the import reads it: PostgreSQL writes times and flags in another way. */
static void column_put(struct oh_strbuf *sql, const char *name, size_t size)
{
    static const char *const times[] = { "as_of", "eta" };
    static const char *const flags[] = { "ships", "collects", "enabled" };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (strlen(times[i]) == size && memcmp(times[i], name, size) == 0) {
            oh_strbuf_printf(sql, "to_char(%s::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                             times[i]);
            oh_strbuf_printf(sql, " AS %s", times[i]);
            return;
        }
    }
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strlen(flags[i]) == size && memcmp(flags[i], name, size) == 0) {
            oh_strbuf_printf(sql, "%s::boolean::text AS %s", flags[i], flags[i]);
            return;
        }
    }
    oh_strbuf_printf(sql, "\"%.*s\"", (int)size, name);
}

static enum oh_err statement_make(struct oh_queries *queries, size_t kind, struct oh_strbuf *sql,
                                  const char *header)
{
    oh_strbuf_clear(sql);
    oh_strbuf_put_text(sql, "COPY (SELECT ");
    for (const char *name = header; *name != '\0';) {
        size_t size = strcspn(name, ",");
        column_put(sql, name, size);
        name += size + (name[size] == ',' ? 1 : 0);
        if (*name != '\0')
            oh_strbuf_put_text(sql, ", ");
    }
    oh_strbuf_printf(sql, " FROM (\n%s\n) AS q) TO STDOUT (FORMAT csv, HEADER)", queries->sql[kind]);
    oh_strbuf_put_char(sql, '\0');
    queries->statements[kind] = sql->is_overflowed ? NULL : strdup(sql->data);
    return queries->statements[kind] == NULL ? OH_E_NOMEM : OH_OK;
}

static enum oh_err query_check(struct oh_queries *queries, size_t kind, struct oh_diag *diag)
{
    char header[HEADER_MAX];
    struct oh_diag reason = { "" };
    struct oh_strbuf sql;
    oh_strbuf_init(&sql, STATEMENT_MAX);
    enum oh_err err = query_plan(queries, kind, &sql, &reason);
    if (err == OH_OK)
        err = header_read(queries, kind, &sql, header, &reason);
    if (err == OH_OK)
        err = statement_make(queries, kind, &sql, header);
    oh_strbuf_fini(&sql);
    if (err != OH_OK) {
        connection_drop(queries);
        oh_diag_set(diag, "query %s: %s", queries->kinds[kind],
                    reason.text[0] == '\0' ? oh_err_text(err) : reason.text);
    }
    return err;
}

enum oh_err oh_queries_check(struct oh_queries *queries, struct oh_diag *diag)
{
    enum oh_err err = connect(queries, diag);
    for (size_t kind = 0; err == OH_OK && kind < queries->kind_count; kind++) {
        if (queries->sql[kind] != NULL)
            err = query_check(queries, kind, diag);
    }
    return err;
}

/* ---- Rows ------------------------------------------------------------------------------------- */

/* Adds what fits of the row that is there. */
static size_t row_give(struct oh_queries *queries, char *data, size_t size)
{
    size_t taken = queries->row.size < size ? queries->row.size : size;
    if (taken == 0)
        return 0;
    memcpy(data, queries->row.data, taken);
    queries->row.data += taken;
    queries->row.size -= taken;
    return taken;
}

/* A moment's worth of rows: not sent one by one, nor kept while a slow query thinks. 0 bytes: the end. */
static enum oh_err rows_read(void *ctx, char *data, size_t size, size_t *out_size, struct oh_diag *diag)
{
    struct oh_queries *queries = ctx;
    uint64_t until_ns = oh_monotonic_ns() + ROWS_NS_MAX;
    size_t given = row_give(queries, data, size);
    while (given < size && queries->is_reading && (given == 0 || oh_monotonic_ns() < until_ns)) {
        enum oh_err err = oh_pg_copy_out_next(queries->pg, &queries->row, diag);
        if (err == OH_E_AGAIN) {
            queries->is_reading = false;
            break;
        }
        if (err != OH_OK) {
            connection_drop(queries);
            return err;
        }
        given += row_give(queries, data + given, size - given);
    }
    *out_size = given;
    return OH_OK;
}

enum oh_err oh_queries_begin(struct oh_queries *queries, size_t kind, struct oh_row_source *out_source,
                             struct oh_diag *diag)
{
    OH_ASSERT(queries->statements[kind] != NULL);
    if (queries->is_reading)
        connection_drop(queries); /* in the middle of a query: nothing else ends it at once */
    enum oh_err err = connect(queries, diag);
    if (err == OH_OK)
        err = oh_pg_copy_out_begin(queries->pg, queries->statements[kind], diag);
    if (err != OH_OK) {
        connection_drop(queries);
        return err;
    }
    queries->is_reading = true;
    *out_source = (struct oh_row_source){ rows_read, queries };
    return OH_OK;
}
