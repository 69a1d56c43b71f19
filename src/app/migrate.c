/*
 * migrate.c - `onhand migrate`: the tables in PostgreSQL, made or brought to the present version.
 */
#include "app/arguments.h"
#include "app/commands.h"
#include "storage/pg_migrate.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

/* A migration may rewrite large tables before it answers. */
#define SILENCE_MS_MAX 3600000

static const char migrate_help[] =
    "Usage: onhand migrate --postgres URI [--check]\n"
    "\n"
    "Makes the schema onhand in a database of PostgreSQL, or brings an older one to the version of this program.\n"
    "A newer schema is refused and left as it is. A server may go on meanwhile: it waits.\n"
    "\n"
    "  --postgres URI   as libpq takes it: postgresql://user@host/database. A password belongs into\n"
    "                   ~/.pgpass or PGPASSWORD, where ps does not show it\n"
    "  --check          change nothing, only say which version there is\n"
    "  --help           this text\n"
    "\n"
    "Exit code: 0 the schema is that of this program, 1 it is not or the database refuses, 2 wrong arguments.\n";

struct migrate {
    const char *uri;
    bool is_check;
};

static void version_say(uint32_t from, uint32_t to)
{
    if (from == to)
        printf("schema onhand: version %" PRIu32 ", nothing to do\n", to);
    else if (from == 0)
        printf("schema onhand: made, version %" PRIu32 "\n", to);
    else
        printf("schema onhand: from version %" PRIu32 " to version %" PRIu32 "\n", from, to);
}

static enum oh_err schema_say(struct oh_pg *pg, struct oh_diag *diag)
{
    uint32_t version = 0;
    enum oh_err err = oh_pg_schema_version(pg, &version, diag);
    if (err != OH_OK)
        return err;
    printf("schema onhand: version %" PRIu32 ", this program has version %" PRIu32 "\n", version,
           oh_pg_migration_count);
    return oh_pg_schema_check(pg, diag);
}

/* Says how far it came, also when it did not come to the end. */
static enum oh_err schema_migrate(struct oh_pg *pg, struct oh_diag *diag)
{
    uint32_t from = 0;
    uint32_t to = 0;
    enum oh_err err = oh_pg_migrate(pg, &from, &to, diag);
    if (err == OH_OK || from != to)
        version_say(from, to);
    return err;
}

static enum oh_err migrate_run(const struct migrate *migrate, struct oh_diag *diag)
{
    const struct oh_pg_options options = {
        .uri = migrate->uri, .application_name = "onhand migrate", .statement_ms = SILENCE_MS_MAX, .stop_fd = -1
    };
    struct oh_pg *pg = NULL;
    enum oh_err err = oh_pg_open(&options, &pg, diag);
    if (err == OH_OK)
        err = migrate->is_check ? schema_say(pg, diag) : schema_migrate(pg, diag);
    oh_pg_close(&pg);
    return err;
}

/* -1: go on; else the exit code. Nothing of the arguments is repeated: a URI may hold a password. */
static int arguments_read(int argc, char **argv, struct migrate *migrate)
{
    static const struct option options[] = {
        { "postgres", required_argument, NULL, 'p' },
        { "check", no_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(migrate_help, stdout);
            return OH_EXIT_OK;
        }
        if (option == 'p')
            migrate->uri = optarg;
        else if (option == 'c')
            migrate->is_check = true;
        else
            return oh_argument_unknown("migrate", argv);
    }
    if (optind < argc)
        return oh_argument_error("migrate", "there are only options, and one argument is none");
    if (migrate->uri == NULL)
        return oh_argument_error("migrate", "--postgres URI is missing: it says which database");
    return -1;
}

int oh_command_migrate(int argc, char **argv)
{
    struct migrate migrate = { .uri = NULL };
    struct oh_diag diag = { "" };
    int code = arguments_read(argc, argv, &migrate);
    if (code >= 0)
        return code;
    enum oh_err err = migrate_run(&migrate, &diag);
    if (err == OH_OK)
        return OH_EXIT_OK;
    (void)fflush(stdout);
    fprintf(stderr, "onhand migrate: %s\n", diag.text[0] == '\0' ? oh_err_text(err) : diag.text);
    return OH_EXIT_FAILED;
}
