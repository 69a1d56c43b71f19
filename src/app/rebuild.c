/*
 * rebuild.c - `onhand rebuild`: a data directory from the tables in PostgreSQL, for a server whose own is lost.
 */
#include "app/arguments.h"
#include "app/commands.h"
#include "app/progress.h"
#include "app/rebuild_folder.h"
#include "codec/time_text.h"
#include "storage/pg_rebuild.h"
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HISTORY_DEFAULT 4194304u
#define HISTORY_MAX     268435456u
#define SILENCE_MS_MAX  3600000 /* the database sorts large tables before it sends the first row */
#define OBJECTS_PER_LOOK 1024u
#define TIME_SIZE        32

static const char rebuild_help[] =
    "Usage: onhand rebuild --postgres URI --data DIR [--history N]\n"
    "\n"
    "Makes a new data directory DIR from the tables that a server has projected into PostgreSQL, for the case that\n"
    "its own data directory is lost. A server on DIR then answers as the old one did at that point, open holds and\n"
    "idempotency keys included, and the tables follow it. Stop the old server first: it can project no more.\n"
    "\n"
    "What the old server had acknowledged and not projected yet is lost; the command says how much it knows of.\n"
    "\n"
    "  --postgres URI   as libpq takes it: postgresql://user@host/database. A password belongs into\n"
    "                   ~/.pgpass or PGPASSWORD, where ps does not show it\n"
    "  --data DIR       must be missing or empty; on an error or Ctrl-C it is so again\n"
    "  --history N      newest movements that are remembered for late counts, a power of two from 1024 to\n"
    "                   268435456; default 4194304. As history_max of the server, or more\n"
    "  --help           this text\n"
    "\n"
    "Exit code: 0 the directory is there, 1 it is not (the reason is said), 2 wrong arguments.\n";

struct rebuild {
    const char *uri;
    const char *path;
    uint64_t history_max;
    int stop_fd;
    struct oh_pg *pg;
    struct oh_rebuild_folder folder;
    struct oh_pg_rebuild_report report;
    struct oh_progress progress;
    struct oh_progress_state state;
    struct oh_diag diag;
};

/* ---- Being stopped ---------------------------------------------------------------------------- */

static int stop_pipe[2] = { -1, -1 };

static void stop_signal(int number)
{
    (void)number;
    ssize_t ignored = write(stop_pipe[1], "", 1);
    (void)ignored;
}

static void stop_handle(void (*handler)(int number))
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)sigaction(numbers[i], &action, NULL);
}

/* From here on a signal ends the next wait for the database. What the disk does is short. */
static enum oh_err stop_watch(struct rebuild *rebuild)
{
    if (pipe(stop_pipe) != 0) {
        oh_diag_set(&rebuild->diag, "no pipe for signals");
        return OH_E_IO;
    }
    rebuild->stop_fd = stop_pipe[0];
    stop_handle(stop_signal);
    return OH_OK;
}

/* The last moment at which a signal counts: what follows is done whole. */
static enum oh_err stop_unwatch(struct rebuild *rebuild)
{
    stop_handle(SIG_IGN);
    enum oh_err err = oh_pg_pause(rebuild->stop_fd, 0);
    if (err == OH_E_STOPPED)
        oh_diag_set(&rebuild->diag, "told to stop");
    return err;
}

/* ---- Saying ----------------------------------------------------------------------------------- */

static void object_show(void *ctx, enum oh_effect_type type, size_t size)
{
    struct rebuild *rebuild = ctx;
    rebuild->state.rows++;
    rebuild->state.bytes += size;
    if (!rebuild->progress.is_terminal || rebuild->state.rows % OBJECTS_PER_LOOK != 0)
        return;
    rebuild->progress.label = oh_effect_type_text(type);
    oh_progress_update(&rebuild->progress, &rebuild->state);
}

static void time_format(char out[static TIME_SIZE], int64_t at_us)
{
    struct oh_strbuf text;
    oh_strbuf_init(&text, TIME_SIZE);
    if (at_us != OH_TIME_US_NONE)
        oh_time_put(&text, at_us);
    (void)snprintf(out, TIME_SIZE, "%.*s", (int)text.size, text.size == 0 ? "" : text.data);
    oh_strbuf_fini(&text);
}

static void objects_say(const struct oh_pg_rebuild_report *report)
{
    for (unsigned i = 1; i < OH_PG_REBUILD_KINDS; i++) {
        if (i != OH_EFFECT_HEAD && report->object_counts[i] > 0)
            printf("  %-12s %" PRIu64 "\n", oh_effect_type_text((enum oh_effect_type)i), report->object_counts[i]);
    }
}

/* What nobody can know any more is said as such. */
static void loss_say(const struct oh_pg_head *head)
{
    char committed_at[TIME_SIZE];
    char at[TIME_SIZE];
    time_format(at, head->at_us);
    time_format(committed_at, head->committed_at_us);
    if (head->known_seq > head->seq)
        printf("lost: at least %" PRIu64 " records, %" PRIu64 " to %" PRIu64 ", that the old server had written down "
               "after %s and not projected\n",
               head->known_seq - head->seq, head->seq + 1, head->known_seq, at);
    else
        printf("lost: no record that the tables know of\n");
    printf("      and whatever the old server acknowledged after it reached the tables last%s%s%s\n",
           committed_at[0] == '\0' ? "" : ", at ", committed_at,
           committed_at[0] == '\0' ? "" : " by the clock of the database");
}

static void rebuild_say(const struct rebuild *rebuild)
{
    const struct oh_pg_rebuild_report *report = &rebuild->report;
    char at[TIME_SIZE];
    time_format(at, report->head.at_us);
    printf("%s: the ledger at seq %" PRIu64 ", %s; a snapshot of %" PRIu64 " bytes\n", rebuild->path,
           report->head.seq, at, report->snapshot_bytes);
    objects_say(report);
    loss_say(&report->head);
    printf("the tables follow this directory now; the old one is refused\n");
}

/* ---- Doing ------------------------------------------------------------------------------------ */

static enum oh_err database_open(struct rebuild *rebuild)
{
    const struct oh_pg_options options = { .uri = rebuild->uri,
                                           .application_name = "onhand rebuild",
                                           .statement_ms = SILENCE_MS_MAX,
                                           .stop_fd = rebuild->stop_fd };
    enum oh_err err = oh_pg_open(&options, &rebuild->pg, &rebuild->diag);
    return err == OH_OK ? oh_pg_rebuild_begin(rebuild->pg, &rebuild->diag) : err;
}

static enum oh_err files_write(struct rebuild *rebuild)
{
    const struct oh_pg_rebuild_options options = {
        .history_max = rebuild->history_max, .object_done = object_show, .ctx = rebuild
    };
    oh_progress_init(&rebuild->progress, "rebuild");
    oh_progress_start(&rebuild->progress, &rebuild->state);
    enum oh_err err = oh_pg_rebuild_write(rebuild->pg, rebuild->folder.directory, &options, &rebuild->report,
                                          &rebuild->diag);
    oh_progress_clear(&rebuild->progress);
    return err;
}

/* The tables follow first: from then on the old server is refused, whatever becomes of this one. */
static enum oh_err directory_place(struct rebuild *rebuild)
{
    enum oh_err err = stop_unwatch(rebuild);
    if (err == OH_OK)
        err = oh_pg_rebuild_follow(rebuild->pg, rebuild->folder.directory, &rebuild->report.head, &rebuild->diag);
    return err == OH_OK ? oh_rebuild_folder_finish(&rebuild->folder, &rebuild->diag) : err;
}

static enum oh_err rebuild_run(struct rebuild *rebuild)
{
    enum oh_err err = stop_watch(rebuild);
    if (err == OH_OK)
        err = oh_rebuild_folder_begin(&rebuild->folder, rebuild->path, &rebuild->diag);
    if (err != OH_OK)
        return err;
    err = database_open(rebuild);
    if (err == OH_OK)
        err = files_write(rebuild);
    if (err == OH_OK)
        err = directory_place(rebuild);
    if (err != OH_OK)
        oh_rebuild_folder_abandon(&rebuild->folder);
    oh_pg_close(&rebuild->pg);
    return err;
}

/* ---- Command ---------------------------------------------------------------------------------- */

/* -1: go on; else the exit code. */
static int option_take(struct rebuild *rebuild, int option, const char *value, char **argv)
{
    switch (option) {
    case 'h':
        fputs(rebuild_help, stdout);
        return OH_EXIT_OK;
    case 'p':
        rebuild->uri = value;
        return -1;
    case 'd':
        rebuild->path = value;
        return -1;
    case 'n':
        if (!oh_argument_u64("history", value, 1024, HISTORY_MAX, &rebuild->history_max))
            return OH_EXIT_ARGUMENTS;
        if ((rebuild->history_max & (rebuild->history_max - 1)) != 0)
            return oh_argument_error("rebuild", "--history takes a power of two, not %" PRIu64,
                                     rebuild->history_max);
        return -1;
    default:
        return oh_argument_unknown("rebuild", argv);
    }
}

/* Nothing of the arguments is repeated: a URI may hold a password. */
static int arguments_read(int argc, char **argv, struct rebuild *rebuild)
{
    static const struct option options[] = {
        { "postgres", required_argument, NULL, 'p' }, { "data", required_argument, NULL, 'd' },
        { "history", required_argument, NULL, 'n' },  { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int code = option_take(rebuild, option, optarg, argv);
        if (code >= 0)
            return code;
    }
    if (optind < argc)
        return oh_argument_error("rebuild", "there are only options, and one argument is none");
    if (rebuild->uri == NULL)
        return oh_argument_error("rebuild", "--postgres URI is missing: it says which database");
    if (rebuild->path == NULL)
        return oh_argument_error("rebuild", "--data DIR is missing: it says where to");
    return -1;
}

int oh_command_rebuild(int argc, char **argv)
{
    struct rebuild rebuild = { .history_max = HISTORY_DEFAULT, .stop_fd = -1 };
    int code = arguments_read(argc, argv, &rebuild);
    if (code >= 0)
        return code;
    enum oh_err err = rebuild_run(&rebuild);
    if (err == OH_OK) {
        rebuild_say(&rebuild);
        return OH_EXIT_OK;
    }
    fprintf(stderr, "onhand rebuild: %s; no directory was made\n",
            rebuild.diag.text[0] == '\0' ? oh_err_text(err) : rebuild.diag.text);
    return OH_EXIT_FAILED;
}
