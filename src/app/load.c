#include "app/load.h"

#include "app/arguments.h"
#include "app/commands.h"
#include "app/load_query.h"
#include "app/progress.h"
#include "app/row_reader.h"
#include "base/assert.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LOAD_FRAME_SIZE_MAX (OH_READER_ROW_SIZE_MAX + 262144u)
#define LOAD_HASH_READ_SIZE 65536u

/* Rows are loaded in this order: what later ones name must be there. */
static const char *const load_kinds[] = { "nodes", "items", "postal_codes", "groups", "stock", "supplies" };
#define LOAD_KIND_COUNT (sizeof load_kinds / sizeof load_kinds[0])

struct load {
    struct oh_client client;
    struct oh_load_source sources[LOAD_KIND_COUNT]; /* of load_kinds, in their order */
    struct oh_queries *queries; /* NULL: none */
    const char *postgres_uri;
    const char *query_path;
    const char *setup_path;
    const char *import_id;
    uint64_t tries;
    uint64_t timeout_s;
    bool allows_rejects;
    uint64_t rejected_total;
};

/* How one try at a request ended. */
enum load_outcome {
    LOAD_DONE = 0,
    LOAD_RETRY = 1,  /* nothing wrong with what we sent: the server or the way to it is not ready */
    LOAD_FAILED = 2, /* trying again would not help */
};

struct load_try {
    enum load_outcome outcome;
    unsigned wait_s_min; /* what Retry-After said */
    struct oh_diag diag;
};

/* ---- the name of an import ---- */

static bool import_id_is_right(const char *id, const char *kind)
{
    size_t size = strlen(id);
    size_t allowed = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return size >= 1 && size == allowed && size + 1 + strlen(kind) < OH_IMPORT_ID_SIZE;
}

static enum oh_err file_hash(int fd, XXH128_hash_t *out_hash)
{
    enum oh_err err = OH_E_NOMEM;
    XXH3_state_t *state = XXH3_createState();
    char *data = malloc(LOAD_HASH_READ_SIZE);
    if (state != NULL && data != NULL && XXH3_128bits_reset(state) == XXH_OK) {
        ssize_t got = 0;
        while ((got = read(fd, data, LOAD_HASH_READ_SIZE)) > 0)
            (void)XXH3_128bits_update(state, data, (size_t)got);
        *out_hash = XXH3_128bits_digest(state);
        err = got < 0 ? OH_E_IO : OH_OK;
    }
    free(data);
    (void)XXH3_freeState(state);
    return err;
}

enum oh_err oh_load_import_id(const char *id, const char *kind, const char *path,
                              char out_import[OH_IMPORT_ID_SIZE], struct oh_diag *diag)
{
    if (id != NULL && !import_id_is_right(id, kind)) {
        oh_diag_set(diag, "'%s' cannot name an import: letters, digits and . _ - only, at most %zu of them",
                    id, OH_IMPORT_ID_SIZE - 2 - strlen(kind));
        return OH_E_INVALID;
    }
    if (id != NULL) {
        int size = snprintf(out_import, OH_IMPORT_ID_SIZE, "%s-%s", id, kind);
        OH_ASSERT(size > 0 && size < OH_IMPORT_ID_SIZE);
        return OH_OK;
    }
    XXH128_hash_t hash = { 0, 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum oh_err err = fd < 0 ? OH_E_IO : file_hash(fd, &hash);
    if (err != OH_OK)
        oh_diag_set(diag, "cannot read %s: %s", path, strerror(errno));
    else
        (void)snprintf(out_import, OH_IMPORT_ID_SIZE, "%016" PRIx64 "%016" PRIx64 "-%s", hash.high64,
                       hash.low64, kind);
    if (fd >= 0)
        (void)close(fd);
    return err;
}

unsigned oh_load_backoff_ms(unsigned try_number)
{
    unsigned wait_ms = OH_LOAD_BACKOFF_MS_MIN;
    for (unsigned i = 1; i < try_number && wait_ms < OH_LOAD_BACKOFF_MS_MAX; i++)
        wait_ms *= 2;
    return wait_ms < OH_LOAD_BACKOFF_MS_MAX ? wait_ms : OH_LOAD_BACKOFF_MS_MAX;
}

static void load_wait(unsigned try_number, unsigned wait_s_min)
{
    unsigned wait_ms = oh_load_backoff_ms(try_number);
    if (wait_ms < wait_s_min * 1000u)
        wait_ms = wait_s_min * 1000u;
    struct timespec wait = { .tv_sec = wait_ms / 1000, .tv_nsec = (long)(wait_ms % 1000) * 1000000l };
    while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
        continue;
}

/* ---- reading replies ---- */

/* Bytes of others, on one line: control bytes are escaped so that they cannot move the cursor. */
static void print_escaped(FILE *stream, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7f)
            fprintf(stream, "\\x%02x", byte);
        else
            fputc(byte, stream);
    }
}

static uint64_t json_u64(const cJSON *object, const char *name, uint64_t fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 9007199254740991.0)
        return fallback;
    return (uint64_t)item->valuedouble;
}

/* "" when it is not there. Lent by the object. */
static const char *json_text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* What a reply that is no success means for the next try. */
static void try_judge(struct load_try *try, const struct oh_response *response)
{
    cJSON *problem = cJSON_ParseWithLength(response->body.data, response->body.size);
    const char *code = json_text(problem, "code");
    const char *field = json_text(problem, "field");
    const char *detail = json_text(problem, "detail");
    if (detail[0] == '\0')
        detail = json_text(problem, "title");
    oh_diag_set(&try->diag, "the server answered %u%s%s%s%s%s%s", response->status, code[0] != '\0' ? " " : "",
                code, field[0] != '\0' ? " in " : "", field, detail[0] != '\0' ? ": " : "", detail);
    cJSON_Delete(problem);
    bool is_passing = response->status == 408 || response->status == 429 || response->status == 502 ||
                      response->status == 503 || response->status == 504;
    try->outcome = is_passing ? LOAD_RETRY : LOAD_FAILED;
    try->wait_s_min = response->retry_after_s;
}

static void try_fail(struct load_try *try, enum oh_err err)
{
    bool is_passing = err == OH_E_UNAVAILABLE || err == OH_E_CLOSED;
    try->outcome = is_passing ? LOAD_RETRY : LOAD_FAILED;
    try->wait_s_min = 0;
}

/* ---- asking how far an import is ---- */

struct load_position {
    uint64_t rows;
    uint64_t rejected; /* UINT64_MAX: the server did not say */
};

static void load_ask(struct load *load, const struct oh_load_source *source,
                     struct load_position *out_position, struct load_try *try)
{
    char target[sizeof "/v1/import/" + OH_IMPORT_ID_SIZE];
    struct oh_response response;
    (void)snprintf(target, sizeof target, "/v1/import/%s", source->import);
    enum oh_err err = oh_client_request(&load->client, "GET", target, OH_BYTES_NONE, &response, &try->diag);
    if (err != OH_OK) {
        try_fail(try, err);
        return;
    }
    *out_position = (struct load_position){ 0, 0 };
    try->outcome = LOAD_DONE;
    if (response.status == 404)
        return;
    if (response.status != 200) {
        try_judge(try, &response);
        return;
    }
    cJSON *body = cJSON_ParseWithLength(response.body.data, response.body.size);
    out_position->rows = json_u64(body, "rows", UINT64_MAX);
    out_position->rejected = json_u64(body, "rejected", UINT64_MAX);
    cJSON_Delete(body);
    if (out_position->rows == UINT64_MAX) {
        oh_diag_set(&try->diag, "the server did not say how many rows it has: this is not an Onhand server");
        try->outcome = LOAD_FAILED;
    }
}

/* ---- sending a file ---- */

/* Sends what is in the frame (the head, at first) and one chunk of the body; no bytes: no chunk. */
static enum oh_err send_chunk(struct load *load, struct oh_strbuf *frame, struct oh_bytes bytes)
{
    if (bytes.size > 0) {
        oh_strbuf_printf(frame, "%zx\r\n", bytes.size);
        oh_strbuf_put_bytes(frame, bytes);
        oh_strbuf_put_text(frame, "\r\n");
    }
    if (frame->is_overflowed)
        return OH_E_NOMEM;
    enum oh_err err = oh_client_send(&load->client, oh_strbuf_bytes(frame));
    oh_strbuf_clear(frame);
    return err;
}

/* The database writes CSV. */
static enum oh_row_format source_format(const struct oh_load_source *source)
{
    enum oh_row_format format = OH_ROW_CSV;
    bool has_format = source->path == NULL || oh_row_format_of(source->path, &format);
    OH_ASSERT(has_format);
    return format;
}

static const char *const media_types[] = {
    [OH_ROW_CSV] = "text/csv",
    [OH_ROW_NDJSON] = "application/x-ndjson",
    [OH_ROW_GEONAMES] = "text/tab-separated-values",
};

static void put_import_head(struct load *load, const struct oh_load_source *source, enum oh_row_format format,
                            uint64_t first_row, struct oh_strbuf *out)
{
    oh_strbuf_printf(out, "POST /v1/import/%s", source->kind);
    if (first_row > 1)
        oh_strbuf_printf(out, "?first_row=%" PRIu64, first_row);
    oh_strbuf_put_text(out, " HTTP/1.1\r\n");
    oh_url_put_host(&load->client.url, out);
    oh_strbuf_printf(out, "Content-Type: %s\r\nImport-Id: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
                     media_types[format], source->import);
}

/* A bad file stays bad; a database that is gone may come back. */
static void reader_fail(const struct oh_load_source *source, struct load_try *try, enum oh_err err)
{
    try->outcome = source->path == NULL && err == OH_E_UNAVAILABLE ? LOAD_RETRY : LOAD_FAILED;
    try->wait_s_min = 0;
}

/* OH_E_CLOSED from the reader (no more rows) is the good end here. */
static enum oh_err send_rows(struct load *load, const struct oh_load_source *source, struct oh_row_reader *reader,
                             struct oh_strbuf *frame, struct oh_progress *progress,
                             struct oh_progress_state *state, struct load_try *try)
{
    for (;;) { /* ends with the file */
        struct oh_bytes rows = OH_BYTES_NONE;
        uint64_t row_count = 0;
        enum oh_err err = oh_row_reader_next(reader, UINT64_MAX / 2, &rows, &row_count, &try->diag);
        if (err == OH_E_CLOSED)
            return OH_OK;
        if (err != OH_OK) {
            reader_fail(source, try, err);
            return err;
        }
        err = send_chunk(load, frame, rows);
        if (err != OH_OK)
            return err;
        state->rows += row_count;
        state->bytes += rows.size;
        state->done = oh_row_reader_offset(reader);
        oh_progress_update(progress, state);
    }
}

static void print_rejections(const struct oh_load_source *source, const cJSON *body)
{
    const cJSON *rejection = NULL;
    cJSON_ArrayForEach(rejection, cJSON_GetObjectItemCaseSensitive(body, "rejections"))
    {
        printf("%s row %" PRIu64 ": ", source->name, json_u64(rejection, "row", 0));
        print_escaped(stdout, json_text(rejection, "code"));
        if (json_text(rejection, "field")[0] != '\0') {
            printf(" in ");
            print_escaped(stdout, json_text(rejection, "field"));
        }
        if (json_text(rejection, "detail")[0] != '\0') {
            printf(": ");
            print_escaped(stdout, json_text(rejection, "detail"));
        }
        printf("\n");
    }
}

static void read_result(const struct oh_load_source *source, const struct oh_response *response,
                        struct oh_load_result *out_result, struct load_try *try)
{
    if (response->status != 200) {
        try_judge(try, response);
        return;
    }
    cJSON *body = cJSON_ParseWithLength(response->body.data, response->body.size);
    struct oh_load_result result = {
        .rows = json_u64(body, "rows", UINT64_MAX),
        .applied = json_u64(body, "applied", 0),
        .unchanged = json_u64(body, "unchanged", 0),
        .rejected = json_u64(body, "rejected", 0),
        .rejections_omitted = json_u64(body, "rejections_omitted", 0),
        .seq = json_u64(body, "seq", 0),
    };
    if (result.rows == UINT64_MAX) {
        oh_diag_set(&try->diag, "the reply to the import cannot be understood");
        try->outcome = LOAD_FAILED;
    } else {
        print_rejections(source, body);
        *out_result = result;
        try->outcome = LOAD_DONE;
    }
    cJSON_Delete(body);
}

/* Sends head, rows and the end of the body. OH_OK: the server has it all. */
static enum oh_err send_import(struct load *load, const struct oh_load_source *source,
                               struct oh_row_reader *reader, uint64_t rows_before, struct load_try *try)
{
    struct oh_progress progress;
    struct oh_progress_state state = { oh_row_reader_offset(reader), oh_row_reader_size(reader), rows_before,
                                       0 };
    struct oh_strbuf frame;
    oh_strbuf_init(&frame, LOAD_FRAME_SIZE_MAX);
    oh_progress_init(&progress, source->name);
    oh_progress_start(&progress, &state);
    put_import_head(load, source, source_format(source), rows_before + 1, &frame);
    enum oh_err err = send_chunk(load, &frame, oh_row_reader_header(reader));
    if (err == OH_OK)
        err = send_rows(load, source, reader, &frame, &progress, &state, try);
    if (err == OH_OK)
        err = oh_client_send(&load->client, OH_BYTES("0\r\n\r\n"));
    oh_strbuf_fini(&frame);
    oh_progress_clear(&progress);
    return err;
}

/* Sends what comes after `rows_before` and reads the verdicts. */
static void import_rest(struct load *load, const struct oh_load_source *source, struct oh_row_reader *reader,
                        uint64_t rows_before, struct oh_load_result *out_result, struct load_try *try)
{
    struct oh_response response;
    try->outcome = LOAD_DONE;
    enum oh_err send_err = send_import(load, source, reader, rows_before, try);
    if (try->outcome != LOAD_DONE)
        return; /* our rows ended badly: the body without an end tells the server that the import is not whole */
    if (send_err == OH_E_UNAVAILABLE || send_err == OH_E_NOMEM) {
        oh_diag_set(&try->diag, "%s",
                    send_err == OH_E_NOMEM ? "out of memory" : "the server stopped reading");
        try_fail(try, send_err);
        return;
    }
    /* Closed or answered early: the reply, when there is one, says why. */
    enum oh_err err = oh_client_receive(&load->client, &response, &try->diag);
    if (err != OH_OK) {
        try_fail(try, err);
    } else if (send_err != OH_OK && response.status == 200) {
        oh_diag_set(&try->diag, "the server answered before it had the whole file");
        try->outcome = LOAD_RETRY;
    } else {
        read_result(source, &response, out_result, try);
    }
}

/* Reads past the rows that the server has; OH_OK also when the file ends there. */
static enum oh_err skip_rows(struct oh_row_reader *reader, const struct oh_load_source *source,
                             uint64_t row_count, struct oh_diag *diag)
{
    uint64_t left = row_count;
    while (left > 0) {
        struct oh_bytes rows = OH_BYTES_NONE;
        uint64_t count = 0;
        enum oh_err err = oh_row_reader_next(reader, left, &rows, &count, diag);
        if (err == OH_E_CLOSED) {
            oh_diag_set(diag, "the server has %" PRIu64 " rows of import %s, but %s has only %" PRIu64,
                        row_count, source->import, source->name, row_count - left);
            return OH_E_INVALID;
        }
        if (err != OH_OK)
            return err;
        left -= count;
    }
    return OH_OK;
}

static enum oh_err reader_open(struct load *load, const struct oh_load_source *source,
                               struct oh_row_reader **out_reader, struct oh_diag *diag)
{
    struct oh_row_source rows;
    if (source->path != NULL)
        return oh_row_reader_open(source->path, source_format(source), out_reader, diag);
    enum oh_err err = oh_queries_begin(load->queries, (size_t)(source - load->sources), &rows, diag);
    return err == OH_OK ? oh_row_reader_open_source(source->name, OH_ROW_CSV, &rows, out_reader, diag) : err;
}

/* Asks, skips, sends. *out_position is what the server had before. */
static void import_try(struct load *load, const struct oh_load_source *source,
                       struct load_position *out_position, struct oh_load_result *out_result,
                       struct load_try *try)
{
    struct oh_row_reader *reader = NULL;
    load_ask(load, source, out_position, try);
    if (try->outcome != LOAD_DONE)
        return;
    enum oh_err err = reader_open(load, source, &reader, &try->diag);
    if (err == OH_OK)
        err = skip_rows(reader, source, out_position->rows, &try->diag);
    if (err != OH_OK) {
        reader_fail(source, try, err);
    } else {
        err = oh_client_connect(&load->client, &try->diag);
        if (err != OH_OK)
            try_fail(try, err);
        else
            import_rest(load, source, reader, out_position->rows, out_result, try);
    }
    if (try->outcome != LOAD_DONE)
        oh_client_disconnect(&load->client);
    oh_row_reader_close(&reader);
}

/* Verdicts of the parts that broke were lost with their connections; the server still knows their number. */
static uint64_t rejected_in_all(struct load *load, const struct oh_load_source *source,
                                const struct oh_load_result *result)
{
    struct load_position position = { 0, UINT64_MAX };
    struct load_try try;
    load_ask(load, source, &position, &try);
    if (try.outcome != LOAD_DONE || position.rejected == UINT64_MAX || position.rejected < result->rejected)
        return result->rejected;
    return position.rejected;
}

/* The server counts rows from the start of the file, verdicts from the start of the request. */
static void print_summary(const struct oh_load_source *source, const struct oh_load_result *result,
                          uint64_t rows_before, uint64_t rejected, double seconds)
{
    uint64_t rows = result->rows > rows_before ? result->rows - rows_before : 0;
    printf("%s: %" PRIu64 " rows in %.1f s: %" PRIu64 " applied, %" PRIu64 " unchanged, %" PRIu64
           " rejected (seq %" PRIu64 ")\n",
           source->name, rows, seconds, result->applied, result->unchanged, result->rejected, result->seq);
    if (result->rejections_omitted > 0)
        printf("%s: %" PRIu64 " more rejections are not listed\n", source->name, result->rejections_omitted);
    if (rows_before > 0)
        printf("%s: the server had %" PRIu64 " rows from before, %" PRIu64 " of them rejected\n",
               source->name, rows_before, rejected - result->rejected);
    (void)fflush(stdout);
}

/*
 * The rows of a query may come in another order the next time, and are others tomorrow: without a name that promises
 * more, each try is an import of its own. Rows that come twice change nothing.
 */
static void query_name_import(const struct load *load, struct oh_load_source *source)
{
    struct timespec now = { 0, 0 };
    if (source->path != NULL || load->import_id != NULL)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(source->import, sizeof source->import, "pg-%llx-%lx-%lx-%s", (unsigned long long)now.tv_sec,
                   (unsigned long)now.tv_nsec, (unsigned long)getpid(), source->kind);
}

/* Loads what one source has, trying again as long as that can help. */
static bool load_source(struct load *load, struct oh_load_source *source)
{
    uint64_t started_ns = oh_monotonic_ns();
    uint64_t rows_known = 0;
    unsigned try_number = 0;
    for (;;) { /* ends when done, failed, or after load->tries tries without a new row */
        struct load_position position = { rows_known, 0 };
        struct oh_load_result result = { 0 };
        struct load_try try;
        query_name_import(load, source);
        import_try(load, source, &position, &result, &try);
        if (try.outcome == LOAD_DONE) {
            uint64_t rejected = position.rows > 0 ? rejected_in_all(load, source, &result) : result.rejected;
            print_summary(source, &result, position.rows, rejected,
                          (double)(oh_monotonic_ns() - started_ns) / 1e9);
            load->rejected_total += rejected;
            return true;
        }
        if (position.rows > rows_known)
            try_number = 0;
        rows_known = position.rows;
        try_number++;
        if (try.outcome == LOAD_FAILED || try_number >= load->tries) {
            fprintf(stderr, "onhand load: %s: ", source->name);
            print_escaped(stderr, try.diag.text);
            fprintf(stderr, "%s\n", try.outcome == LOAD_RETRY ? "; no more tries" : "");
            return false;
        }
        fprintf(stderr, "%s: ", source->name);
        print_escaped(stderr, try.diag.text);
        fprintf(stderr, "; try %u of %" PRIu64 " follows\n", try_number + 1, load->tries);
        load_wait(try_number, try.wait_s_min);
    }
}

/* ---- the setup file: one PUT a line ---- */

struct setup_line {
    char *target; /* from cJSON */
    char *body;   /* from cJSON */
};

static bool setup_line_parse(struct oh_bytes line, struct setup_line *out_line)
{
    cJSON *object = cJSON_ParseWithLength(line.data, line.size);
    const char *target = json_text(object, "path");
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(object, "body");
    bool is_right = strncmp(target, "/v1/", 4) == 0 && oh_target_is_plain(target) && cJSON_IsObject(body);
    if (is_right) {
        out_line->target = strdup(target);
        out_line->body = cJSON_PrintUnformatted(body);
        is_right = out_line->target != NULL && out_line->body != NULL;
    }
    cJSON_Delete(object);
    return is_right;
}

static bool put_line(struct load *load, const struct setup_line *line)
{
    for (unsigned try_number = 1;; try_number++) { /* at most load->tries */
        struct oh_response response;
        struct load_try try;
        enum oh_err err = oh_client_request(&load->client, "PUT", line->target, oh_bytes_of(line->body),
                                            &response, &try.diag);
        if (err == OH_OK && response.status >= 200 && response.status < 300)
            return true;
        if (err == OH_OK)
            try_judge(&try, &response);
        else
            try_fail(&try, err);
        if (try.outcome == LOAD_FAILED || try_number >= load->tries) {
            fprintf(stderr, "onhand load: PUT %s: ", line->target);
            print_escaped(stderr, try.diag.text);
            fprintf(stderr, "\n");
            return false;
        }
        load_wait(try_number, try.wait_s_min);
    }
}

static bool load_setup_line(struct load *load, struct oh_bytes row, uint64_t row_number)
{
    struct setup_line line = { NULL, NULL };
    bool is_right = setup_line_parse(row, &line);
    if (!is_right)
        fprintf(stderr, "onhand load: %s line %" PRIu64 ": not {\"path\":\"/v1/...\",\"body\":{...}}\n",
                load->setup_path, row_number);
    bool is_put = is_right && put_line(load, &line);
    free(line.target);
    cJSON_free(line.body);
    return is_put;
}

static bool load_setup(struct load *load)
{
    struct oh_row_reader *reader = NULL;
    struct oh_diag diag;
    uint64_t row_number = 0;
    uint64_t refused = 0;
    enum oh_err err = oh_row_reader_open(load->setup_path, OH_ROW_NDJSON, &reader, &diag);
    while (err == OH_OK) {
        struct oh_bytes row = OH_BYTES_NONE;
        uint64_t count = 0;
        err = oh_row_reader_next(reader, 1, &row, &count, &diag);
        if (err == OH_OK && !load_setup_line(load, row, ++row_number))
            refused++;
    }
    oh_row_reader_close(&reader);
    if (err != OH_E_CLOSED) {
        fprintf(stderr, "onhand load: %s\n", diag.text);
        return false;
    }
    printf("%s: %" PRIu64 " of %" PRIu64 " settings put\n", load->setup_path, row_number - refused,
           row_number);
    return refused == 0;
}

/* ---- the command ---- */

static const char load_help[] =
    "usage: onhand load --to URL [--nodes F] [--items F] [--postal-codes F] [--groups F]\n"
    "                   [--stock F] [--supplies F] [--setup F] [options]\n"
    "       onhand load --to URL --from-postgres URI --query F [options]\n"
    "\n"
    "Loads files into a running server, in the order above. A file is CSV with a header\n"
    "(.csv) or one JSON object a line (.ndjson, .jsonl), plain or gzipped (.gz). Postal codes\n"
    "may also be a file of GeoNames as it is published (.txt, .tsv).\n"
    "Or loads the rows of queries in PostgreSQL: F is SQL, in which a line\n"
    "  -- load: KIND\n"
    "begins the query of nodes, items, postal_codes, groups, stock or supplies. Its columns\n"
    "have the names of the CSV files; all queries see one moment of the database.\n"
    "\n"
    "  --to URL             http://host:port of the server\n"
    "  --from-postgres URI  the database, as libpq takes it. A password belongs into ~/.pgpass\n"
    "                       or PGPASSWORD, where ps does not show it\n"
    "  --query F            the queries\n"
    "  --setup F            one {\"path\":\"/v1/...\",\"body\":{...}} a line, each sent as a PUT\n"
    "  --import-id ID       name of this load; default: from the bytes of each file. The\n"
    "                       server skips the rows it has had under the same name, so a\n"
    "                       load that broke can be started again. Queries have a new name\n"
    "                       each time; give one only if they order the same rows alike\n"
    "  --tries N            tries in a row without progress before giving up (default 10)\n"
    "  --timeout-seconds N  longest silence of the server in a try (default 60)\n"
    "  --allow-rejects      exit with 0 even when rows were rejected\n"
    "  --help               this text\n"
    "\n"
    "Exit code: 0 all rows accepted, 1 some were rejected or the load failed, 2 wrong arguments.\n";

enum load_option {
    LOAD_OPTION_KIND = 1000, /* + index in load_kinds */
    LOAD_OPTION_TO = 2000,
    LOAD_OPTION_SETUP,
    LOAD_OPTION_FROM_POSTGRES,
    LOAD_OPTION_QUERY,
    LOAD_OPTION_IMPORT_ID,
    LOAD_OPTION_TRIES,
    LOAD_OPTION_TIMEOUT,
    LOAD_OPTION_ALLOW_REJECTS,
    LOAD_OPTION_HELP,
};

static const struct option load_options[] = {
    { "nodes", required_argument, NULL, LOAD_OPTION_KIND },
    { "items", required_argument, NULL, LOAD_OPTION_KIND + 1 },
    { "postal-codes", required_argument, NULL, LOAD_OPTION_KIND + 2 },
    { "groups", required_argument, NULL, LOAD_OPTION_KIND + 3 },
    { "stock", required_argument, NULL, LOAD_OPTION_KIND + 4 },
    { "supplies", required_argument, NULL, LOAD_OPTION_KIND + 5 },
    { "to", required_argument, NULL, LOAD_OPTION_TO },
    { "setup", required_argument, NULL, LOAD_OPTION_SETUP },
    { "from-postgres", required_argument, NULL, LOAD_OPTION_FROM_POSTGRES },
    { "query", required_argument, NULL, LOAD_OPTION_QUERY },
    { "import-id", required_argument, NULL, LOAD_OPTION_IMPORT_ID },
    { "tries", required_argument, NULL, LOAD_OPTION_TRIES },
    { "timeout-seconds", required_argument, NULL, LOAD_OPTION_TIMEOUT },
    { "allow-rejects", no_argument, NULL, LOAD_OPTION_ALLOW_REJECTS },
    { "help", no_argument, NULL, LOAD_OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

/* -1: go on; else the exit code. */
static int load_take_option(struct load *load, int option, const char *value, char **argv, const char **url)
{
    if (option >= LOAD_OPTION_KIND && option < LOAD_OPTION_KIND + (int)LOAD_KIND_COUNT) {
        load->sources[option - LOAD_OPTION_KIND].path = value;
        return -1;
    }
    switch (option) {
    case LOAD_OPTION_TO:
        *url = value;
        return -1;
    case LOAD_OPTION_SETUP:
        load->setup_path = value;
        return -1;
    case LOAD_OPTION_FROM_POSTGRES:
        load->postgres_uri = value;
        return -1;
    case LOAD_OPTION_QUERY:
        load->query_path = value;
        return -1;
    case LOAD_OPTION_IMPORT_ID:
        load->import_id = value;
        return -1;
    case LOAD_OPTION_TRIES:
        return oh_argument_u64("tries", value, 1, 1000, &load->tries) ? -1 : OH_EXIT_ARGUMENTS;
    case LOAD_OPTION_TIMEOUT:
        return oh_argument_u64("timeout-seconds", value, 1, 3600, &load->timeout_s) ? -1 : OH_EXIT_ARGUMENTS;
    case LOAD_OPTION_ALLOW_REJECTS:
        load->allows_rejects = true;
        return -1;
    case LOAD_OPTION_HELP:
        fputs(load_help, stdout);
        return OH_EXIT_OK;
    default:
        return oh_argument_unknown("load", argv);
    }
}

/* What is asked for of one kind. False and a sentence: that cannot be. */
static bool source_check(struct load *load, size_t kind, struct oh_diag *diag)
{
    struct oh_load_source *source = &load->sources[kind];
    enum oh_row_format format = OH_ROW_CSV;
    bool has_query = load->queries != NULL && oh_queries_has(load->queries, kind);
    source->kind = load_kinds[kind];
    if (source->path == NULL && !has_query)
        return true;
    if (source->path != NULL && has_query) {
        oh_diag_set(diag, "both %s and a query of %s have rows of kind %s", source->path, load->query_path,
                    source->kind);
        return false;
    }
    (void)snprintf(source->query_name, sizeof source->query_name, "query %s", source->kind);
    source->name = has_query ? source->query_name : source->path;
    if (!has_query && !oh_row_format_of(source->path, &format)) {
        oh_diag_set(diag, "%s: the name must end in .csv or .ndjson, or in one of these and .gz", source->path);
        return false;
    }
    if (!has_query && format == OH_ROW_GEONAMES && strcmp(source->kind, "postal_codes") != 0) {
        oh_diag_set(diag, "%s: .txt and .tsv are the layout of GeoNames, which is for postal codes", source->path);
        return false;
    }
    if (has_query && load->import_id == NULL)
        return true; /* see query_name_import() */
    return oh_load_import_id(load->import_id, source->kind, source->path, source->import, diag) == OH_OK;
}

/* True: nothing is to be loaded by queries, or their file is right. */
static bool queries_check(struct load *load, struct oh_diag *diag)
{
    if (load->postgres_uri == NULL && load->query_path == NULL)
        return true;
    if (load->postgres_uri == NULL || load->query_path == NULL) {
        oh_diag_set(diag, "--from-postgres URI and --query F go together");
        return false;
    }
    enum oh_err err = oh_queries_open(load->postgres_uri, load->query_path, load_kinds, LOAD_KIND_COUNT,
                                      &load->queries, diag);
    if (err == OH_E_NOMEM)
        oh_diag_set(diag, "out of memory");
    return err == OH_OK;
}

/* Everything that can be known to be wrong before the first byte is sent. -1 when nothing is. */
static int load_check(struct load *load, const char *url_text, struct oh_url *out_url)
{
    struct oh_diag diag;
    size_t count = 0;
    if (url_text == NULL)
        return oh_argument_error("load", "--to URL is missing: it says which server");
    if (oh_url_parse(url_text, out_url, &diag) != OH_OK || !queries_check(load, &diag))
        return oh_argument_error("load", "%s", diag.text);
    for (size_t i = 0; i < LOAD_KIND_COUNT; i++) {
        if (!source_check(load, i, &diag))
            return oh_argument_error("load", "%s", diag.text);
        count += load->sources[i].name != NULL ? 1 : 0;
    }
    if (count == 0 && load->setup_path == NULL)
        return oh_argument_error("load", "no file is named: there is nothing to load");
    return -1;
}

static int load_run(struct load *load)
{
    struct oh_diag diag = { "" };
    bool is_good = load->queries == NULL || oh_queries_check(load->queries, &diag) == OH_OK;
    if (!is_good) {
        fprintf(stderr, "onhand load: ");
        print_escaped(stderr, diag.text);
        fprintf(stderr, "\n");
    }
    for (size_t i = 0; i < LOAD_KIND_COUNT && is_good; i++) {
        if (load->sources[i].name != NULL)
            is_good = load_source(load, &load->sources[i]);
    }
    if (is_good && load->setup_path != NULL)
        is_good = load_setup(load);
    return is_good && (load->rejected_total == 0 || load->allows_rejects) ? OH_EXIT_OK : OH_EXIT_FAILED;
}

int oh_command_load(int argc, char **argv)
{
    struct load load = { .tries = OH_LOAD_TRIES_DEFAULT, .timeout_s = OH_CLIENT_TIMEOUT_MS_DEFAULT / 1000 };
    const char *url_text = NULL;
    struct oh_url url;
    int option;
    optind = 0; /* start over: the program's own options were read before */
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", load_options, NULL)) != -1) {
        int code = load_take_option(&load, option, optarg, argv, &url_text);
        if (code >= 0)
            return code;
    }
    if (optind < argc && strstr(argv[optind], "://") != NULL)
        return oh_argument_error("load", "a URI stands alone: --to or --from-postgres goes before it");
    if (optind < argc)
        return oh_argument_error("load", "'%s' is not an option", argv[optind]);
    int code = load_check(&load, url_text, &url);
    if (code < 0) {
        oh_client_init(&load.client, &url, (int)load.timeout_s * 1000);
        code = load_run(&load);
        oh_client_fini(&load.client);
    }
    oh_queries_close(&load.queries);
    return code;
}
