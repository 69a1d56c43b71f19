/*
 * whatif.c - `onhand whatif`: what the promises of a journal would have been under another policy.
 *
 * Nothing is locked and nothing is written: it may run beside a server, and then looks at what was complete when it
 * came by.
 */
#include "app/arguments.h"
#include "app/commands.h"
#include "app/whatif_replay.h"
#include "storage/directory.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_SIZE_MAX ((size_t)1 << 20)
#define STEPS_MIN       1000u
#define STEPS_MAX       1000000u

static const char whatif_help[] =
    "Usage: onhand whatif DIR --policy FILE [--channel CHANNEL] [--json] [--each]\n"
    "                  [--promise-horizon-days N] [--promise-steps N]\n"
    "\n"
    "Asks every promise that was held in the journal of the data directory DIR again, on the stock and the documents\n"
    "as they were then: by the sourcing policy as it was, which must answer what was promised, and by the policy in\n"
    "FILE. Reports the difference in dates, parcels, cost and distance. Each promise is judged on its own: the stock\n"
    "is always what the journal says, not what the other policy would have left.\n"
    "Changes nothing, needs no lock, and may run beside a server.\n"
    "\n"
    "  --policy FILE             a sourcing document in JSON, as PUT /v1/channels/{channel}/sourcing takes it\n"
    "  --channel CHANNEL         only the promises of this channel; default: FILE is the policy of all channels\n"
    "  --each                    first a line of JSON for each promise: before, after\n"
    "  --json                    the report as one JSON object instead of lines\n"
    "  --promise-horizon-days N  as the server had it, 1 to 400; default 120\n"
    "  --promise-steps N         as the server had it, 1000 to 1000000; default 50000\n"
    "  --help                    this text\n"
    "\n"
    "Exit code: 0 promises were compared, 1 they were not (the reason is said), 2 wrong arguments.\n";

struct whatif {
    const char *path;
    const char *policy_path;
    bool is_json;
    struct oh_whatif_options options;
    char policy[OH_DOCUMENT_SIZE_MAX + 1];
    struct oh_directory *directory;
    struct oh_whatif_replay replay;
};

/* ---- The policy ------------------------------------------------------------------------------- */

static enum oh_err policy_read(struct whatif *whatif, struct oh_diag *diag)
{
    FILE *stream = fopen(whatif->policy_path, "re");
    size_t size = 0;
    if (stream != NULL)
        size = fread(whatif->policy, 1, sizeof(whatif->policy), stream);
    if (stream == NULL || ferror(stream) != 0) {
        oh_diag_set(diag, "cannot read the policy %.200s: %s", whatif->policy_path, strerror(errno));
        if (stream != NULL)
            (void)fclose(stream);
        return OH_E_IO;
    }
    (void)fclose(stream);
    whatif->options.policy = (struct oh_bytes){ whatif->policy, size };
    if (size <= OH_DOCUMENT_SIZE_MAX)
        return OH_OK;
    oh_diag_set(diag, "the policy %.200s: a document has at most %u bytes", whatif->policy_path, OH_DOCUMENT_SIZE_MAX);
    return OH_E_TOO_LARGE;
}

/* As it would be judged if it were stored (DO2). */
static enum oh_err policy_judge(struct whatif *whatif, struct oh_diag *diag)
{
    struct oh_document document;
    struct oh_fault fault;
    enum oh_err err = oh_document_judge(whatif->replay.document, OH_DOCUMENT_SOURCING, whatif->options.policy,
                                        &document, &fault);
    if (err != OH_OK)
        oh_diag_set(diag, "the policy %.200s: %s%s%s (%s)", whatif->policy_path, fault.field,
                    fault.field[0] == '\0' ? "" : ": ", fault.detail, fault.code);
    oh_json_document_clear(whatif->replay.document);
    return err;
}

/* ---- Doing ------------------------------------------------------------------------------------ */

static enum oh_err promises_check(const struct whatif *whatif, struct oh_diag *diag)
{
    const struct oh_whatif_report *report = &whatif->replay.report;
    struct oh_bytes channel = whatif->options.channel;
    struct oh_channel_id id;
    if (!oh_bytes_is_empty(channel) && !oh_channel_find(whatif->replay.ledger, channel, &id)) {
        oh_diag_set(diag, "there is no channel '%.*s' in %.200s", (int)channel.size, channel.data, whatif->path);
        return OH_E_NOT_FOUND;
    }
    if (report->held_count > 0)
        return OH_OK;
    oh_diag_set(diag, "no promise%s%.*s was held in records %" PRIu64 " to %" PRIu64 " of %.200s",
                channel.size == 0 ? "" : " of channel ", (int)channel.size, channel.size == 0 ? "" : channel.data,
                report->replay.last_seq + 1 - report->replay.record_count, report->replay.last_seq, whatif->path);
    return OH_E_NOT_FOUND;
}

static enum oh_err whatif_run(struct whatif *whatif)
{
    struct oh_diag *diag = &whatif->replay.diag;
    enum oh_err err = policy_judge(whatif, diag);
    if (err == OH_OK)
        err = oh_directory_open(oh_io_posix(), whatif->path, OH_DIRECTORY_READ, &whatif->directory, diag);
    if (err == OH_OK)
        err = oh_whatif_replay_run(&whatif->replay, whatif->directory);
    if (err == OH_OK)
        err = promises_check(whatif, diag);
    oh_directory_close(&whatif->directory);
    return err;
}

static enum oh_err report_write(struct whatif *whatif, struct oh_diag *diag)
{
    struct oh_strbuf text;
    enum oh_err err = OH_OK;
    oh_strbuf_init(&text, REPORT_SIZE_MAX);
    if (whatif->is_json)
        oh_whatif_report_put_json(&text, &whatif->replay.report);
    else
        oh_whatif_report_put_text(&text, &whatif->replay.report);
    if (text.is_overflowed)
        err = OH_E_NOMEM;
    else if (fwrite(text.data, 1, text.size, stdout) != text.size)
        err = OH_E_IO;
    if (fflush(stdout) != 0 && err == OH_OK)
        err = OH_E_IO;
    if (err != OH_OK)
        oh_diag_set(diag, "the report cannot be written: %s", oh_err_text(err));
    oh_strbuf_fini(&text);
    return err;
}

static enum oh_err whatif_do(struct whatif *whatif, struct oh_diag *diag)
{
    enum oh_err err = policy_read(whatif, diag);
    if (err != OH_OK)
        return err;
    err = oh_whatif_replay_init(&whatif->replay, &whatif->options);
    whatif->replay.report.path = whatif->path;
    whatif->replay.report.policy_path = whatif->policy_path;
    if (err == OH_OK)
        err = whatif_run(whatif);
    if (err == OH_OK)
        err = report_write(whatif, &whatif->replay.diag);
    *diag = whatif->replay.diag;
    oh_whatif_replay_fini(&whatif->replay);
    return err;
}

/* ---- Command ---------------------------------------------------------------------------------- */

static bool number_take(const char *option, const char *text, uint64_t min, uint64_t max, uint32_t *out)
{
    uint64_t value;
    if (!oh_argument_u64(option, text, min, max, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

/* -1: go on; else the exit code. */
static int option_take(struct whatif *whatif, int option, const char *value, char **argv)
{
    switch (option) {
    case 'h':
        fputs(whatif_help, stdout);
        return OH_EXIT_OK;
    case 'p':
        whatif->policy_path = value;
        return -1;
    case 'c':
        whatif->options.channel = oh_bytes_of(value);
        return -1;
    case 'j':
        whatif->is_json = true;
        return -1;
    case 'e':
        whatif->options.writes_each = true;
        return -1;
    case 'd':
        return number_take("promise-horizon-days", value, 1, OH_HORIZON_DAYS_MAX, &whatif->options.horizon_days)
                   ? -1
                   : OH_EXIT_ARGUMENTS;
    case 's':
        return number_take("promise-steps", value, STEPS_MIN, STEPS_MAX, &whatif->options.steps_max)
                   ? -1
                   : OH_EXIT_ARGUMENTS;
    default:
        return oh_argument_unknown("whatif", argv);
    }
}

static int arguments_read(int argc, char **argv, struct whatif *whatif)
{
    static const struct option options[] = {
        { "policy", required_argument, NULL, 'p' },
        { "channel", required_argument, NULL, 'c' },
        { "json", no_argument, NULL, 'j' },
        { "each", no_argument, NULL, 'e' },
        { "promise-horizon-days", required_argument, NULL, 'd' },
        { "promise-steps", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int code = option_take(whatif, option, optarg, argv);
        if (code >= 0)
            return code;
    }
    if (optind + 1 != argc)
        return oh_argument_error("whatif", "give one data directory");
    if (whatif->policy_path == NULL)
        return oh_argument_error("whatif", "--policy FILE is missing: it says under which policy");
    whatif->path = argv[optind];
    return -1;
}

int oh_command_whatif(int argc, char **argv)
{
    struct oh_diag diag = { "" };
    struct whatif *whatif = calloc(1, sizeof(*whatif));
    if (whatif == NULL) {
        fprintf(stderr, "onhand whatif: %s\n", oh_err_text(OH_E_NOMEM));
        return OH_EXIT_FAILED;
    }
    whatif->options.horizon_days = OH_HORIZON_DAYS_DEFAULT;
    whatif->options.steps_max = OH_PROMISE_STEPS_DEFAULT;
    int code = arguments_read(argc, argv, whatif);
    if (code < 0) {
        enum oh_err err = whatif_do(whatif, &diag);
        code = err == OH_OK ? OH_EXIT_OK : OH_EXIT_FAILED;
        if (err != OH_OK)
            fprintf(stderr, "onhand whatif: %s\n", diag.text[0] == '\0' ? oh_err_text(err) : diag.text);
    }
    free(whatif);
    return code;
}
