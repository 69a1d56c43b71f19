/*
 * pg_kills.c - kills the process before or after one call of libpq. For LD_PRELOAD.
 *
 *   ONHAND_PG_KILL_AT=N     the N-th moment: 0 is before the first call, 1 after it, 2 before the second one, ...
 *   ONHAND_PG_KILL_IN=TEXT  only moments while the statement begins with this are counted
 *   ONHAND_PG_KILL_LOG=F    gets a line "before|after function statement" about the moment, behind what is there
 *
 * The library is real and does what it is asked; only the process ends. What the statement is: the text sent last.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATEMENT_SIZE 64

static atomic_long moment;
static char statement[STATEMENT_SIZE] = "none";

static void statement_note(const char *sql)
{
    size_t at = 0;
    for (; at + 1 < sizeof(statement) && sql[at] != '\0'; at++)
        statement[at] = sql[at] == '\n' ? ' ' : sql[at];
    statement[at] = '\0';
}

static void moment_pass(const char *when, const char *function)
{
    const char *wanted = getenv("ONHAND_PG_KILL_AT");
    const char *path = getenv("ONHAND_PG_KILL_LOG");
    const char *within = getenv("ONHAND_PG_KILL_IN");
    if (within != NULL && strncmp(statement, within, strlen(within)) != 0)
        return;
    if (wanted == NULL || atomic_fetch_add(&moment, 1) != strtol(wanted, NULL, 10))
        return;
    char line[256];
    int size = snprintf(line, sizeof(line), "%s %s %s\n", when, function, statement);
    int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0 && write(file, line, (size_t)size) < 0)
        abort();
    (void)kill(getpid(), SIGKILL);
}

static void *real(const char *function)
{
    void *found = dlsym(RTLD_NEXT, function);
    if (found == NULL)
        abort();
    return found;
}

/* One wrapper: type, name, parameters, arguments. */
#define WRAP(type, name, parameters, arguments)             \
    type name parameters                                    \
    {                                                       \
        type(*call) parameters;                             \
        void *found = real(#name);                          \
        memcpy(&call, &found, sizeof(call));                \
        moment_pass("before", #name);                       \
        type result = call arguments;                       \
        moment_pass("after", #name);                        \
        return result;                                      \
    }

#define WRAP_STATEMENT(name, parameters, arguments)         \
    int name parameters                                     \
    {                                                       \
        int(*call) parameters;                              \
        void *found = real(#name);                          \
        memcpy(&call, &found, sizeof(call));                \
        statement_note(sql);                                \
        moment_pass("before", #name);                       \
        int result = call arguments;                        \
        moment_pass("after", #name);                        \
        return result;                                      \
    }

WRAP(PGconn *, PQconnectStartParams, (const char *const *names, const char *const *values, int expand),
     (names, values, expand))
WRAP(PostgresPollingStatusType, PQconnectPoll, (PGconn * connection), (connection))
WRAP(int, PQsetnonblocking, (PGconn * connection, int is_on), (connection, is_on))
WRAP(int, PQflush, (PGconn * connection), (connection))
WRAP(int, PQconsumeInput, (PGconn * connection), (connection))
WRAP(int, PQisBusy, (PGconn * connection), (connection))
WRAP(PGresult *, PQgetResult, (PGconn * connection), (connection))
WRAP(int, PQputCopyData, (PGconn * connection, const char *data, int size), (connection, data, size))
WRAP(int, PQputCopyEnd, (PGconn * connection, const char *error), (connection, error))
WRAP(int, PQgetCopyData, (PGconn * connection, char **data, int is_async), (connection, data, is_async))
WRAP_STATEMENT(PQsendQuery, (PGconn * connection, const char *sql), (connection, sql))
WRAP_STATEMENT(PQsendQueryParams,
               (PGconn * connection, const char *sql, int count, const Oid *types, const char *const *values,
                const int *sizes, const int *formats, int result_format),
               (connection, sql, count, types, values, sizes, formats, result_format))
