#include "storage/pg_connection.h"
#include "base/assert.h"
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_MS_DEFAULT 10000
#define STATEMENT_MS_DEFAULT 60000
#define LOOK_MS 1000
#define FORMAT_BINARY 1

static const char copy_head[19] = { 'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', '\0' };
static const char copy_tail[2] = { '\377', '\377' };

struct oh_pg {
    PGconn *connection;
    PGresult *result; /* of the last statement; NULL: none */
    char *copied;     /* the row that copy_out_next lent */
    int64_t statement_ms;
    int stop_fd;
    bool (*work)(void *ctx); /* meanwhile; NULL: nothing, or nothing left */
    void *work_ctx;
    char sqlstate[OH_PG_SQLSTATE_SIZE];
};

/* ---- Waiting ---------------------------------------------------------------------------------- */

static int64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* OH_OK: the socket is ready, *out_events (may be NULL) says for what. Socket -1: only a pause. */
static enum oh_err wait_for(int socket, short events, int stop_fd, int64_t until_ms, short *out_events)
{
    for (;;) { /* ends with the time */
        struct pollfd polled[2] = { { stop_fd, POLLIN, 0 }, { socket, events, 0 } };
        int64_t left = until_ms - monotonic_ms();
        if (left < 0)
            left = 0;
        int ready = poll(polled, 2, left > 3600000 ? 3600000 : (int)left);
        if (ready < 0 && errno != EINTR)
            return OH_E_IO;
        if (ready > 0 && polled[0].revents != 0)
            return OH_E_STOPPED;
        if (ready > 0) {
            if (out_events != NULL)
                *out_events = polled[1].revents;
            return OH_OK;
        }
        if (ready == 0 && monotonic_ms() >= until_ms)
            return OH_E_UNAVAILABLE;
    }
}

/* The socket of a connection. What there is to do meanwhile is done first, and the socket looked at in between. */
static enum oh_err wait_for_server(struct oh_pg *pg, short events, int64_t until_ms, short *out_events)
{
    int socket = PQsocket(pg->connection);
    while (pg->work != NULL) { /* ends when nothing is left to do */
        enum oh_err err = wait_for(socket, events, pg->stop_fd, 0, out_events);
        if (err != OH_E_UNAVAILABLE)
            return err;
        if (!pg->work(pg->work_ctx))
            pg->work = NULL;
    }
    return wait_for(socket, events, pg->stop_fd, until_ms, out_events);
}

enum oh_err oh_pg_pause(int stop_fd, int64_t ms)
{
    enum oh_err err = wait_for(-1, 0, stop_fd, monotonic_ms() + ms, NULL);
    return err == OH_E_UNAVAILABLE ? OH_OK : err;
}

/* ---- Errors ----------------------------------------------------------------------------------- */

/* The first line: libpq appends hints and newlines. */
static void diag_set_line(struct oh_diag *diag, const char *text)
{
    oh_diag_set(diag, "%.*s", (int)strcspn(text, "\n"), text);
}

static enum oh_err connection_lost(const struct oh_pg *pg, struct oh_diag *diag)
{
    const char *text = PQerrorMessage(pg->connection);
    diag_set_line(diag, text[0] == '\0' ? "the connection is lost" : text);
    return OH_E_UNAVAILABLE;
}

static enum oh_err silence(enum oh_err err, struct oh_diag *diag)
{
    oh_diag_set(diag, err == OH_E_STOPPED ? "told to stop" : "the server does not answer");
    return err;
}

/* Says what the server refused. Its detail is left out: it shows rows, and so customers. */
static enum oh_err result_refused(struct oh_pg *pg, const PGresult *result, struct oh_diag *diag)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL || message == NULL) /* of libpq itself: the connection broke */
        return connection_lost(pg, diag);
    memcpy(pg->sqlstate, state, sizeof(pg->sqlstate)); /* always five characters */
    oh_diag_set(diag, "%s (SQLSTATE %s)", message, state);
    /* Classes 08 and 57P: the connection broke, or somebody ended the session. */
    bool is_over = strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0;
    return is_over ? OH_E_UNAVAILABLE : OH_E_REFUSED;
}

/* ---- Opening and closing ---------------------------------------------------------------------- */

/*
 * libpq 15 keeps no SQLSTATE of a refused connection, but says it when it is verbose: "FATAL:  28P01: password ...".
 * Only a server says one. Class 57P: it starts, recovers or shuts down.
 */
static enum oh_err connect_failed(struct oh_pg *pg, struct oh_diag *diag)
{
    diag_set_line(diag, PQerrorMessage(pg->connection));
    for (const char *at = strstr(diag->text, ":  "); at != NULL; at = strstr(at, ":  ")) {
        at += 3;
        if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && at[5] == ':')
            return strncmp(at, "57P", 3) == 0 ? OH_E_UNAVAILABLE : OH_E_REFUSED;
    }
    return OH_E_UNAVAILABLE;
}

static enum oh_err connect_poll(struct oh_pg *pg, int64_t until_ms, struct oh_diag *diag)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING; /* as the start left it */
    while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) { /* ends with the time */
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        enum oh_err err = wait_for(PQsocket(pg->connection), events, pg->stop_fd, until_ms, NULL);
        if (err != OH_OK)
            return silence(err, diag);
        status = PQconnectPoll(pg->connection);
    }
    return status == PGRES_POLLING_OK ? OH_OK : connect_failed(pg, diag);
}

/* A password with an unescaped '@' or '/' ends up in the host or the port, which libpq shows in its messages. */
static bool option_is_sane(const PQconninfoOption *option)
{
    if (option->val == NULL || option->val[0] == '\0')
        return true;
    if (strcmp(option->keyword, "host") == 0)
        return strchr(option->val + 1, '@') == NULL; /* the first of a socket without a file */
    if (strcmp(option->keyword, "port") == 0)
        return option->val[strspn(option->val, "0123456789,")] == '\0';
    return true;
}

enum oh_err oh_pg_uri_check(const char *uri, struct oh_diag *diag)
{
    char *said = NULL; /* may hold a password */
    PQconninfoOption *options = PQconninfoParse(uri, &said);
    PQfreemem(said);
    bool is_sane = options != NULL;
    for (const PQconninfoOption *option = options; is_sane && option->keyword != NULL; option++)
        is_sane = option_is_sane(option);
    PQconninfoFree(options);
    if (!is_sane)
        oh_diag_set(diag, "the URI of PostgreSQL is malformed (in a password, @ is %%40 and / is %%2F)");
    return is_sane ? OH_OK : OH_E_INVALID;
}

/*
 * The server looks for us as we look for it: the session of a machine that is gone, and its lock, end within a minute.
 *
 * What stands before the URI is a default. By its own, libpq would ask Kerberos first on every connection: its library
 * crashes when memory is short, and may wait for a name server.
 */
static enum oh_err connection_start(struct oh_pg *pg, const struct oh_pg_options *options, struct oh_diag *diag)
{
    const char *const names[] = { "gssencmode",      "dbname",  "application_name", "client_encoding",
                                  "keepalives_idle", "options", NULL };
    const char *const values[] = { "disable",
                                   options->uri,
                                   options->application_name,
                                   "UTF8",
                                   "10",
                                   "-c client_connection_check_interval=5s -c idle_in_transaction_session_timeout=120s "
                                   "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 "
                                   "-c DateStyle=ISO -c TimeZone=UTC",
                                   NULL };
    pg->connection = PQconnectStartParams(names, values, 1);
    if (pg->connection == NULL)
        return OH_E_NOMEM;
    if (PQstatus(pg->connection) == CONNECTION_BAD)
        return connection_lost(pg, diag);
    (void)PQsetErrorVerbosity(pg->connection, PQERRORS_VERBOSE);
    int64_t ms = options->connect_ms == 0 ? CONNECT_MS_DEFAULT : options->connect_ms;
    enum oh_err err = connect_poll(pg, monotonic_ms() + ms, diag);
    if (err == OH_OK && PQsetnonblocking(pg->connection, 1) != 0)
        err = connection_lost(pg, diag);
    return err;
}

/* What the server says on the side ("relation exists, skipping") is nobody's business. */
static void notice_ignore(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

enum oh_err oh_pg_open(const struct oh_pg_options *options, struct oh_pg **out_pg, struct oh_diag *diag)
{
    enum oh_err err = oh_pg_uri_check(options->uri, diag);
    if (err != OH_OK)
        return err;
    struct oh_pg *pg = calloc(1, sizeof(*pg));
    if (pg == NULL)
        return OH_E_NOMEM;
    pg->stop_fd = options->stop_fd == 0 ? -1 : options->stop_fd;
    pg->statement_ms = options->statement_ms == 0 ? STATEMENT_MS_DEFAULT : options->statement_ms;
    err = connection_start(pg, options, diag);
    if (err != OH_OK) {
        oh_pg_close(&pg);
        return err;
    }
    (void)PQsetNoticeReceiver(pg->connection, notice_ignore, NULL);
    *out_pg = pg;
    return OH_OK;
}

static void results_drop(struct oh_pg *pg)
{
    PQclear(pg->result);
    pg->result = NULL;
    PQfreemem(pg->copied);
    pg->copied = NULL;
}

void oh_pg_close(struct oh_pg **pg)
{
    if (*pg == NULL)
        return;
    results_drop(*pg);
    PQfinish((*pg)->connection);
    free(*pg);
    *pg = NULL;
}

void oh_pg_set_statement_ms(struct oh_pg *pg, int64_t ms)
{
    pg->statement_ms = ms;
}

void oh_pg_set_meanwhile(struct oh_pg *pg, bool (*work)(void *ctx), void *ctx)
{
    pg->work = work;
    pg->work_ctx = ctx;
}

/* ---- Sending and receiving -------------------------------------------------------------------- */

/* Hands everything to the kernel; takes in what comes meanwhile, or both sides could wait for each other. */
static enum oh_err output_flush(struct oh_pg *pg, struct oh_diag *diag)
{
    int64_t until = monotonic_ms() + pg->statement_ms;
    int left = PQflush(pg->connection);
    while (left == 1) {
        short events = 0;
        enum oh_err err = wait_for_server(pg, POLLIN | POLLOUT, until, &events);
        if (err != OH_OK)
            return silence(err, diag);
        if ((events & POLLIN) != 0 && PQconsumeInput(pg->connection) == 0)
            return connection_lost(pg, diag);
        left = PQflush(pg->connection);
    }
    return left == 0 ? OH_OK : connection_lost(pg, diag);
}

/*
 * Waits for bytes and takes them in. Comes back now and then without any: libpq, when memory was short for a moment,
 * has all of a message and waits for more of it; asked again it goes on.
 */
static enum oh_err input_take(struct oh_pg *pg, int64_t until_ms, struct oh_diag *diag)
{
    int64_t look_ms = monotonic_ms() + LOOK_MS;
    bool is_last = look_ms >= until_ms;
    enum oh_err err = wait_for_server(pg, POLLIN, is_last ? until_ms : look_ms, NULL);
    if (err == OH_E_UNAVAILABLE && !is_last)
        return OH_OK;
    if (err != OH_OK)
        return silence(err, diag);
    return PQconsumeInput(pg->connection) == 0 ? connection_lost(pg, diag) : OH_OK;
}

/* The next result; NULL: the statement is over. */
static enum oh_err result_next(struct oh_pg *pg, PGresult **out_result, struct oh_diag *diag)
{
    int64_t until = monotonic_ms() + pg->statement_ms;
    while (PQisBusy(pg->connection) != 0) {
        enum oh_err err = input_take(pg, until, diag);
        if (err != OH_OK)
            return err;
    }
    *out_result = PQgetResult(pg->connection);
    return OH_OK;
}

/* Takes results until there are no more, or COPY begins; keeps the last good one, or tells the first bad one. */
static enum oh_err results_take(struct oh_pg *pg, struct oh_diag *diag)
{
    enum oh_err told = OH_OK;
    for (;;) { /* bounded by the statements that were sent */
        PGresult *result = NULL;
        enum oh_err err = result_next(pg, &result, diag);
        if (err != OH_OK)
            return err;
        if (result == NULL)
            return told == OH_OK && PQstatus(pg->connection) == CONNECTION_BAD ? connection_lost(pg, diag) : told;
        ExecStatusType status = PQresultStatus(result);
        bool is_bad = status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
        if (is_bad && told == OH_OK)
            told = result_refused(pg, result, diag);
        PQclear(pg->result);
        pg->result = result;
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
            return told;
    }
}

static enum oh_err sent_take(struct oh_pg *pg, int is_sent, struct oh_diag *diag)
{
    if (is_sent == 0)
        return connection_lost(pg, diag);
    enum oh_err err = output_flush(pg, diag);
    return err == OH_OK ? results_take(pg, diag) : err;
}

enum oh_err oh_pg_run(struct oh_pg *pg, const char *sql, struct oh_diag *diag)
{
    results_drop(pg);
    pg->sqlstate[0] = '\0';
    return sent_take(pg, PQsendQuery(pg->connection, sql), diag);
}

enum oh_err oh_pg_query(struct oh_pg *pg, const char *sql, const struct oh_pg_parameter *parameters,
                        uint32_t parameter_count, struct oh_diag *diag)
{
    Oid types[OH_PG_PARAMETERS_MAX];
    const char *values[OH_PG_PARAMETERS_MAX];
    int sizes[OH_PG_PARAMETERS_MAX];
    int formats[OH_PG_PARAMETERS_MAX];
    OH_ASSERT(parameter_count <= OH_PG_PARAMETERS_MAX);
    for (uint32_t i = 0; i < parameter_count; i++) {
        types[i] = parameters[i].type;
        values[i] = parameters[i].value.data;
        sizes[i] = (int)parameters[i].value.size;
        formats[i] = FORMAT_BINARY;
    }
    results_drop(pg);
    pg->sqlstate[0] = '\0';
    return sent_take(pg,
                     PQsendQueryParams(pg->connection, sql, (int)parameter_count, types, values, sizes, formats,
                                       FORMAT_BINARY),
                     diag);
}

uint32_t oh_pg_row_count(const struct oh_pg *pg)
{
    return pg->result == NULL ? 0 : (uint32_t)PQntuples(pg->result);
}

struct oh_bytes oh_pg_value(const struct oh_pg *pg, uint32_t row, uint32_t column)
{
    OH_ASSERT(row < oh_pg_row_count(pg) && (int)column < PQnfields(pg->result));
    if (PQgetisnull(pg->result, (int)row, (int)column) != 0)
        return OH_BYTES_NONE;
    return (struct oh_bytes){ PQgetvalue(pg->result, (int)row, (int)column),
                              (size_t)PQgetlength(pg->result, (int)row, (int)column) };
}

uint64_t oh_pg_changed_count(const struct oh_pg *pg)
{
    return pg->result == NULL ? 0 : strtoull(PQcmdTuples(pg->result), NULL, 10);
}

const char *oh_pg_sqlstate(const struct oh_pg *pg)
{
    return pg->sqlstate;
}

/* ---- COPY ------------------------------------------------------------------------------------- */

/* COPY has begun as it was meant to. Anything else that the statement was is a mistake of ours. */
static enum oh_err copy_begin(struct oh_pg *pg, const char *sql, ExecStatusType wanted, struct oh_diag *diag)
{
    enum oh_err err = oh_pg_run(pg, sql, diag);
    if (err == OH_OK)
        OH_ASSERT(pg->result != NULL && PQresultStatus(pg->result) == wanted);
    return err;
}

enum oh_err oh_pg_copy_in_begin(struct oh_pg *pg, const char *sql, struct oh_diag *diag)
{
    enum oh_err err = copy_begin(pg, sql, PGRES_COPY_IN, diag);
    return err == OH_OK ? oh_pg_copy_in_put(pg, (struct oh_bytes){ copy_head, sizeof(copy_head) }, diag) : err;
}

enum oh_err oh_pg_copy_in_put(struct oh_pg *pg, struct oh_bytes rows, struct oh_diag *diag)
{
    if (rows.size == 0)
        return OH_OK;
    int is_taken = PQputCopyData(pg->connection, rows.data, (int)rows.size);
    if (is_taken == 0) { /* its buffer is full */
        enum oh_err err = output_flush(pg, diag);
        if (err != OH_OK)
            return err;
        is_taken = PQputCopyData(pg->connection, rows.data, (int)rows.size);
    }
    return is_taken == 1 ? output_flush(pg, diag) : connection_lost(pg, diag);
}

enum oh_err oh_pg_copy_in_end(struct oh_pg *pg, struct oh_diag *diag)
{
    enum oh_err err = oh_pg_copy_in_put(pg, (struct oh_bytes){ copy_tail, sizeof(copy_tail) }, diag);
    if (err != OH_OK)
        return err;
    return sent_take(pg, PQputCopyEnd(pg->connection, NULL) == 1 ? 1 : 0, diag);
}

enum oh_err oh_pg_copy_out_begin(struct oh_pg *pg, const char *sql, struct oh_diag *diag)
{
    return copy_begin(pg, sql, PGRES_COPY_OUT, diag);
}

enum oh_err oh_pg_copy_out_next(struct oh_pg *pg, struct oh_bytes *out_row, struct oh_diag *diag)
{
    int64_t until = monotonic_ms() + pg->statement_ms;
    PQfreemem(pg->copied);
    pg->copied = NULL;
    int size = PQgetCopyData(pg->connection, &pg->copied, 1);
    while (size == 0) {
        enum oh_err err = input_take(pg, until, diag);
        if (err != OH_OK)
            return err;
        size = PQgetCopyData(pg->connection, &pg->copied, 1);
    }
    if (size > 0) {
        *out_row = (struct oh_bytes){ pg->copied, (size_t)size };
        return OH_OK;
    }
    enum oh_err err = results_take(pg, diag);
    return err == OH_OK ? OH_E_AGAIN : err;
}
